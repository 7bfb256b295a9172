//! One device: what it is asked in each group, and what it said last.

use std::sync::Arc;

use nvml_wrapper::Device as NvmlDevice;
use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id as f;
use pipeline::context::gpus::{Fast, Gpu, Slow, Throttle};

use super::activity::Activity;
use super::counters::{Counters, values};
use super::processes::Doings;
use super::reading::{Instance, ProcessReading, Snapshot};
use super::sane::{Nothing, at_most, most};
use crate::engines::metrics as m;

/// One device, with what it said last. What it did not say when it was asked last is None.
pub(super) struct Device<'nvml> {
    pub(super) handle: NvmlDevice<'nvml>,
    pub(super) gpu: Arc<Gpu>,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) is_up: bool,
    /// It has MIG instances.
    pub(super) is_divided: bool,
    /// Events since it was seen first; None where it does not tell of them.
    pub(super) xids: Option<u64>,
    pub(super) last_xid: Option<u64>,
    /// What its processes did, and who they were in the last round.
    pub(super) doings: Doings,
    pub(super) processes: Vec<ProcessReading>,
    /// Samples that were not kept, as far as they were counted.
    ignored: u64,
    said: Said,
    activity: Activity<'nvml>,
    /// Of an instance, the GPU that it is a part of.
    parent: Option<NvmlDevice<'nvml>>,
}

/// What a device said when it was asked last.
#[derive(Default)]
struct Said {
    fast: Fast,
    slow: Slow,
    memory: Option<(u64, u64, u64)>,
    memory_busy: Option<u64>,
    power_mw: Option<u64>,
    power_limit_mw: Option<u64>,
    memory_clock_mhz: Option<u64>,
    codecs: [Option<u64>; 2],
    ecc: [Option<u64>; 2],
    counters: Counters,
}

/// Fields that are asked for often, in one call.
const FAST: [FieldId; 6] = [
    FieldId(f::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION),
    FieldId(f::NVML_FI_DEV_POWER_INSTANT),
    FieldId(f::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP),
    FieldId(f::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN),
    FieldId(f::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN),
    FieldId(f::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN),
];

pub(super) const MEBIBYTE: f64 = 1_048_576.0;

/// Notes failures, and which of them end a device or the library.
pub(super) struct Asked<'a> {
    pub(super) failed: &'a dyn Fn(&'static str),
    pub(super) worst: Option<Nothing>,
}

impl Asked<'_> {
    pub(super) fn take<T>(&mut self, answer: Result<T, impl Into<Nothing>>) -> Option<T> {
        let nothing: Nothing = match answer {
            Ok(value) => return Some(value),
            Err(error) => error.into(),
        };
        if let Some(word) = nothing.word() {
            (self.failed)(word);
        }
        match nothing {
            Nothing::Library => self.worst = Some(nothing),
            Nothing::Lost if self.worst != Some(Nothing::Library) => self.worst = Some(nothing),
            _ => {}
        }
        None
    }

    /// A value that can be; one that cannot is counted.
    pub(super) fn filtered(&mut self, value: Option<u64>, most: u64) -> Option<u64> {
        value.and_then(|value| self.take(at_most(value, most)))
    }

    fn number(&mut self, answer: Result<impl Into<u64>, NvmlError>, most: u64) -> Option<u64> {
        let answer = answer.map_err(Nothing::from).and_then(|value| at_most(value, most));
        self.take(answer)
    }
}

impl<'nvml> Device<'nvml> {
    pub(super) fn new(handle: NvmlDevice<'nvml>, gpu: Arc<Gpu>, labels: Vec<(&'static str, String)>) -> Self {
        let parent = gpu.about.mig.as_ref().and_then(|_| handle.mig_parent_device().ok());
        let counting = match gpu.about.mig {
            Some(_) => parent.as_ref(),
            None => Some(&handle),
        };
        Self {
            activity: Activity::new(counting),
            parent,
            handle,
            labels,
            is_up: true,
            is_divided: false,
            xids: None,
            last_xid: None,
            doings: Doings::default(),
            processes: Vec::new(),
            ignored: gpu.ignored(),
            said: Said::default(),
            gpu,
        }
    }

    /// Samples that were not kept since the last time that this was asked.
    pub(super) fn newly_ignored(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.ignored, self.gpu.ignored());
        self.ignored.saturating_sub(before)
    }

    pub(super) fn is_instance(&self) -> bool {
        self.gpu.about.mig.is_some()
    }

    /// Asks for what changes fast.
    pub(super) fn ask_fast(&mut self, clock: &dyn Fn() -> u64, asked: &mut Asked<'_>) {
        if self.is_instance() {
            return; // Power, energy and clocks are the whole GPU's.
        }
        let [energy, power, power_cap, thermal, hardware, brake] = values(&self.handle, &FAST, asked);
        // Behind the call: one that took long answers as of its end.
        let time_ns = clock();
        let sm_clock = asked.number(self.handle.clock_info(Clock::SM), most::MEGAHERTZ);
        let reasons = asked.take(self.handle.current_throttle_reasons());
        self.said.fast = Fast {
            time_ns,
            energy_mj: energy,
            power_mw: asked.filtered(power, most::MILLIWATTS).and_then(small),
            throttle: Throttle {
                power_cap_ns: power_cap,
                thermal_ns: thermal,
                hardware_thermal_ns: hardware,
                power_brake_ns: brake,
            },
            sm_clock_mhz: sm_clock.and_then(small),
            reasons: reasons.map(|reasons| reasons.bits()),
        };
        if asked.worst.is_none() {
            self.gpu.add_fast(&self.said.fast);
        }
    }

    /// Asks for utilization and memory.
    pub(super) fn ask_utilization(&mut self, clock: &dyn Fn() -> u64, asked: &mut Asked<'_>) {
        let rates = asked.take(self.handle.utilization_rates());
        let time_ns = clock();
        let busy = |value: u32| at_most(value, most::PERCENT);
        let utilization = rates.as_ref().and_then(|rates| asked.take(busy(rates.gpu)));
        self.said.memory_busy = rates.as_ref().and_then(|rates| asked.take(busy(rates.memory)));
        let memory = asked.take(self.handle.memory_info());
        let memory = memory.map(|memory| (memory.used, memory.reserved, memory.total));
        self.said.memory = memory.and_then(|memory| asked.take(sane_memory(memory)));
        self.said.slow.time_ns = time_ns;
        #[allow(clippy::cast_precision_loss)] // A percentage.
        let share = utilization.map(|percent| percent as f32 / 100.0);
        self.said.slow.utilization = share;
        self.said.slow.memory_used_bytes = self.said.memory.map(|(used, ..)| used);
        if asked.worst.is_none() {
            self.gpu.add_slow(&self.said.slow);
        }
    }

    /// Asks for what changes slowly.
    pub(super) fn ask_temperature(&mut self, nvml: &'nvml Nvml, asked: &mut Asked<'_>) {
        if self.is_instance() {
            return self.ask_instance(nvml, asked);
        }
        let temperature = asked.number(self.handle.temperature(TemperatureSensor::Gpu), most::CELSIUS);
        #[allow(clippy::cast_precision_loss)] // At most 150.
        let temperature = temperature.map(|value| value as f32);
        self.said.slow.temperature_c = temperature;
        self.said.power_mw = asked.number(self.handle.power_usage(), most::MILLIWATTS);
        self.said.memory_clock_mhz = asked.number(self.handle.clock_info(Clock::Memory), most::MEGAHERTZ);
        let encoder = self.handle.encoder_utilization().map(|it| it.utilization);
        let decoder = self.handle.decoder_utilization().map(|it| it.utilization);
        self.said.codecs = [encoder, decoder].map(|answer| asked.number(answer, most::PERCENT));
        self.activity.ask(nvml, &self.handle, None, asked);
    }

    /// Of an instance only its activity is known, by its number.
    fn ask_instance(&mut self, nvml: &'nvml Nvml, asked: &mut Asked<'_>) {
        let number = self.gpu.about.mig.as_ref().and_then(|mig| mig.gpu_instance);
        if let (Some(parent), Some(number)) = (&self.parent, number) {
            self.activity.ask(nvml, parent, Some(number), asked);
        }
    }

    /// Asks for errors and limits.
    pub(super) fn ask_health(&mut self, clock: &dyn Fn() -> u64, asked: &mut Asked<'_>) {
        if self.is_instance() {
            return;
        }
        let kinds = [MemoryError::Corrected, MemoryError::Uncorrected];
        self.said.ecc = kinds.map(|kind| {
            let errors = self.handle.total_ecc_errors(kind, EccCounter::Volatile);
            asked.number(errors, most::COUNT)
        });
        self.said.counters.ask(&self.handle, clock, asked);
        self.said.power_limit_mw = asked.number(self.handle.enforced_power_limit(), most::MILLIWATTS);
    }

    /// The device is gone: nothing that it said still holds.
    pub(super) fn forget(&mut self) {
        self.is_up = false;
        self.said = Said::default();
        self.activity.forget();
        self.doings = Doings::default();
        self.processes.clear();
    }

    /// What it said last.
    #[allow(clippy::cast_precision_loss)] // Counters stay far below 2^53 for years.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut told = Snapshot {
            labels: self.labels.clone(),
            uuid: self.gpu.about.uuid.clone(),
            instance: self.gpu.about.mig.as_ref().map(Instance::of),
            is_divided: self.is_divided,
            is_up: self.is_up,
            ..Snapshot::default()
        };
        if !self.is_up {
            return told;
        }
        let whole = |value: Option<u64>| value.map(|value| value as f64);
        self.tell_memory(&mut told);
        told.gauge(
            "DEV_GPU_UTIL",
            self.said.slow.utilization.map(|it| f64::from((it * 100.0).round())),
        );
        told.gauge("DEV_MEM_COPY_UTIL", whole(self.said.memory_busy));
        self.activity.tell(self.said.counters.has_links(), &mut told);
        if !self.is_divided {
            told.processes.clone_from(&self.processes);
        }
        if self.is_instance() {
            return told;
        }
        self.said.counters.tell(&mut told);
        told.gauge("DEV_SM_CLOCK", self.said.fast.sm_clock_mhz.map(f64::from));
        told.gauge("DEV_MEM_CLOCK", whole(self.said.memory_clock_mhz));
        told.gauge("DEV_GPU_TEMP", self.said.slow.temperature_c.map(f64::from));
        told.gauge("DEV_POWER_USAGE", whole(self.said.power_mw).map(|it| it / 1e3));
        told.gauge(
            "DEV_POWER_USAGE_INSTANT",
            self.said.fast.power_mw.map(|it| f64::from(it) / 1e3),
        );
        told.counter("DEV_TOTAL_ENERGY_CONSUMPTION", whole(self.said.fast.energy_mj));
        told.gauge("DEV_ENC_UTIL", whole(self.said.codecs[0]));
        told.gauge("DEV_DEC_UTIL", whole(self.said.codecs[1]));
        told.counter("DEV_ECC_SBE_VOL_TOTAL", whole(self.said.ecc[0]));
        told.counter("DEV_ECC_DBE_VOL_TOTAL", whole(self.said.ecc[1]));
        told.gauge("DEV_XID_ERRORS", whole(self.last_xid));
        let throttle = &self.said.fast.throttle;
        told.counter("DEV_POWER_VIOLATION", whole(throttle.power_cap_ns));
        told.counter("DEV_THERMAL_VIOLATION", whole(throttle.thermal_ns));
        // Under the name before 2024 and the one since: which of them the exporter tells, its list of fields says.
        told.gauge("DEV_CLOCK_THROTTLE_REASONS", whole(self.said.fast.reasons));
        told.gauge("DEV_CLOCKS_EVENT_REASONS", whole(self.said.fast.reasons));
        let seconds = |value: Option<u64>| whole(value).map(|it| it / 1e9);
        let reason = |reason| Some(("inferscope.reason", reason));
        told.own(
            &m::GPU_THROTTLE_TIME,
            reason("hardware_thermal"),
            seconds(throttle.hardware_thermal_ns),
        );
        told.own(
            &m::GPU_THROTTLE_TIME,
            reason("power_brake"),
            seconds(throttle.power_brake_ns),
        );
        told.own(
            &m::GPU_POWER_LIMIT,
            None,
            whole(self.said.power_limit_mw).map(|it| it / 1e3),
        );
        told.own(&m::GPU_ERRORS, Some(("error.type", "xid")), whole(self.xids));
        told
    }

    #[allow(clippy::cast_precision_loss)] // Bytes of a device stay below 2^53.
    fn tell_memory(&self, told: &mut Snapshot) {
        let Some((used, reserved, total)) = self.said.memory else {
            return;
        };
        let mebibytes = |bytes: u64| Some(bytes as f64 / MEBIBYTE);
        told.gauge("DEV_FB_USED", mebibytes(used));
        told.gauge(
            "DEV_FB_FREE",
            mebibytes(total.saturating_sub(reserved).saturating_sub(used)),
        );
        told.gauge("DEV_FB_RESERVED", mebibytes(reserved));
        told.gauge("DEV_FB_TOTAL", mebibytes(total));
        let usable = total.saturating_sub(reserved);
        told.gauge("DEV_FB_USED_PERCENT", (usable > 0).then(|| used as f64 / usable as f64));
    }
}

fn small(value: u64) -> Option<u32> {
    u32::try_from(value).ok()
}

/// Used, reserved and all memory that can be.
fn sane_memory(memory: (u64, u64, u64)) -> Result<(u64, u64, u64), Nothing> {
    let (used, reserved, total) = memory;
    if used <= total && reserved <= total && total <= most::BYTES {
        Ok(memory)
    } else {
        Err(Nothing::Garbage)
    }
}
