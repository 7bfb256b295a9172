//! The thread that talks to the library: from opening it to the moment when it must be opened anew.

use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{EventSet, Nvml};
use pipeline::context::gpus::{Devices, Gpus, Process, Processes};
use pipeline::outside::Clock;

use super::config::Rates;
use super::counts::Counts;
use super::desk::{Desk, Xid};
use super::device::{Asked, Device};
use super::find;
use super::lineage::Kernel;
use super::processes;
use super::reading::ProcessReading;
use super::sane::Nothing;

/// What a thread needs.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) library_path: String,
    pub(super) rates: Rates,
    pub(super) retry: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) gpus: Gpus,
    pub(super) counts: Counts,
    /// What the kernel tells of processes.
    pub(super) kernel: Kernel,
    /// The node's name.
    pub(super) host: String,
    /// Whether it is asked what each process does.
    pub(super) asks_processes: bool,
}

/// When each group is due.
struct Plan {
    periods: [Duration; 5],
    next: [Instant; 5],
}

const FAST: usize = 0;
const UTILIZATION: usize = 1;
const TEMPERATURE: usize = 2;
const HEALTH: usize = 3;
const SEARCH: usize = 4;

impl Plan {
    fn new(rates: &Rates, search: Duration, now: Instant) -> Self {
        let rates = [rates.energy, rates.utilization, rates.temperature, rates.health];
        let [fast, utilization, temperature, health] =
            rates.map(|rate| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_secs(1)));
        Self {
            periods: [fast, utilization, temperature, health, search],
            next: [now; 5],
        }
    }

    /// Which groups are due; a turn that was missed is not made up for.
    fn due(&mut self, now: Instant) -> [bool; 5] {
        let mut due = [false; 5];
        for ((due, next), period) in due.iter_mut().zip(&mut self.next).zip(self.periods) {
            *due = *next <= now;
            if *due {
                *next += period;
                if *next <= now {
                    *next = now + period;
                }
            }
        }
        due
    }

    fn wait(&self, now: Instant) -> Duration {
        let soonest = self.next.iter().min().copied().unwrap_or(now);
        soonest.saturating_duration_since(now)
    }
}

impl Errand {
    /// Opens the library and samples until nobody waits for it any more; opens it again whenever it has to be.
    pub(super) fn run(&self, desk: &Desk) {
        while desk.enter(self.clock.now()) {
            let why = match self.open() {
                Ok(nvml) => match self.sample(&nvml, desk) {
                    Some(why) => why,
                    None => return,
                },
                Err(why) => reason(&self.library_path, &why),
            };
            desk.leave(Err(why));
            desk.pause(self.retry);
        }
    }

    fn open(&self) -> Result<Nvml, NvmlError> {
        let mut builder = Nvml::builder();
        if !self.library_path.is_empty() {
            builder.lib_path(self.library_path.as_ref());
            return builder.init();
        }
        // The name that a driver always has comes first; the other one is there with development packages only.
        builder.lib_path("libnvidia-ml.so.1".as_ref());
        builder.init().or_else(|_| Nvml::init())
    }

    /// Samples until the library must be opened anew, and says why; None when nobody waits for it any more.
    fn sample(&self, nvml: &Nvml, desk: &Desk) -> Option<String> {
        let mut plan = Plan::new(&self.rates, self.retry, self.clock.now());
        let mut devices: Vec<Device<'_>> = Vec::new();
        let mut events: Option<EventSet<'_>> = None;
        loop {
            if !desk.enter(self.clock.now()) {
                return None;
            }
            let due = plan.due(self.clock.now());
            let failed = |word| self.counts.failed(word);
            if due[SEARCH] {
                match find::devices(nvml, devices, &self.gpus, &self.kernel, &failed) {
                    Ok(found) => devices = found,
                    Err(why) => return Some(why),
                }
                events = events.or_else(|| listen(nvml, &mut devices));
            }
            let mut is_over = false;
            for device in devices.iter_mut().filter(|device| device.is_up) {
                is_over |= self.ask(nvml, device, due, &failed);
            }
            if desk.is_left() {
                return None;
            }
            if is_over {
                return Some("the driver was loaded anew, or has gone".to_owned());
            }
            if due[TEMPERATURE] {
                self.hear(events.as_ref(), &mut devices, desk);
            }
            if due[TEMPERATURE] || due[SEARCH] {
                self.publish(&mut devices);
            }
            desk.leave(Ok(devices.iter().map(Device::snapshot).collect()));
            desk.pause(plan.wait(self.clock.now()));
        }
    }

    /// Asks a device for what is due; true when the library must be opened anew.
    fn ask<'nvml>(
        &self,
        nvml: &'nvml Nvml,
        device: &mut Device<'nvml>,
        due: [bool; 5],
        failed: &dyn Fn(&'static str),
    ) -> bool {
        let mut asked = Asked { failed, worst: None };
        if due[FAST] {
            device.ask_fast(&|| self.wall(), &mut asked);
        }
        if due[TEMPERATURE] && asked.worst.is_none() {
            device.ask_temperature(nvml, &mut asked);
        }
        if due[UTILIZATION] && asked.worst.is_none() {
            device.ask_utilization(&|| self.wall(), &mut asked);
        }
        if due[HEALTH] && asked.worst.is_none() {
            device.ask_health(&|| self.wall(), &mut asked);
        }
        if asked.worst.is_some() {
            device.forget();
        }
        asked.worst == Some(Nothing::Library)
    }

    /// Takes the events that have happened.
    fn hear(&self, events: Option<&EventSet<'_>>, devices: &mut [Device<'_>], desk: &Desk) {
        /// Events of one round; a device with more is told of in the next.
        const EVENTS_MAX: usize = 64;
        let Some(events) = events else { return };
        for _ in 0..EVENTS_MAX {
            let Ok(event) = events.wait(0) else { return };
            let (Some(XidError::Value(number)), Ok(uuid)) = (event.event_data, event.device.uuid()) else {
                continue;
            };
            // Numbers of the driver are small; a random one is none of its errors.
            if number > u64::from(u32::MAX) {
                self.counts.failed("garbage");
                continue;
            }
            let Some(device) = devices.iter_mut().find(|device| device.gpu.about.uuid == uuid) else {
                continue;
            };
            device.xids = Some(device.xids.unwrap_or_default() + 1);
            device.last_xid = Some(number);
            desk.add_xid(Xid {
                uuid,
                index: device.gpu.about.index,
                number,
                time_ns: self.wall(),
            });
        }
    }

    fn publish(&self, devices: &mut [Device<'_>]) {
        // Looked at first: whoever is found afterwards was there at this moment, or began later and says so.
        let seen_ns = self.wall();
        let mut list = Vec::new();
        let boot_ns = self.kernel.boot_ns();
        for device in devices.iter_mut() {
            self.counts.ignored.add(device.newly_ignored());
            device.processes.clear();
            if let Some(boot_ns) = boot_ns.filter(|_| device.is_up) {
                list.extend(self.running(device, boot_ns));
            }
        }
        self.gpus.publish(Devices {
            list: devices.iter().map(|device| Arc::clone(&device.gpu)).collect(),
            processes: Processes {
                list,
                host: self.host.clone(),
                seen_ns,
            },
        });
    }

    /// The processes that compute on a device, with what the kernel tells of them. What each of them does stays with the device.
    fn running(&self, device: &mut Device<'_>, boot_ns: u64) -> Vec<Process> {
        let mut asked = Asked {
            failed: &|word| self.counts.failed(word),
            worst: None,
        };
        let all = processes::running(&device.handle, &mut asked);
        // Parts of a GPU, and those that are divided, do not say what processes do.
        let says_doings = !device.is_divided && !device.is_instance();
        if self.asks_processes && says_doings && !all.is_empty() {
            device.doings.ask(&device.handle, &all, self.wall(), &mut asked);
        }
        let mut found = Vec::new();
        for info in all {
            let Some(lineage) = self.kernel.lineage(info.pid, boot_ns) else {
                continue;
            };
            let memory_bytes = processes::memory(&info, &mut asked);
            device.processes.push(ProcessReading {
                pid: info.pid,
                pod_uid: lineage.pod_uid.clone(),
                group: lineage.group.clone(),
                memory_bytes,
                shares: device.doings.of(info.pid).filter(|_| says_doings),
            });
            found.push(Process {
                pid: info.pid,
                started_ticks: lineage.started_ticks,
                gpu: device.gpu.about.uuid.clone(),
                memory_bytes,
                group: lineage.group,
                pod_uid: lineage.pod_uid,
                line: lineage.line,
            });
        }
        found
    }

    /// Nanoseconds since 1970.
    fn wall(&self) -> u64 {
        let since = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Why the library cannot be opened, with the remedy.
fn reason(path: &str, why: &NvmlError) -> String {
    let name = if path.is_empty() { "libnvidia-ml.so.1" } else { path };
    match why {
        NvmlError::LibloadingError(_) => {
            format!("{name} cannot be loaded ({why}); set library_path, or mount the driver's libraries")
        }
        _ => format!("{name}: {why}"),
    }
}

/// A set that hears of the critical events of all devices that tell of them.
fn listen<'nvml>(nvml: &'nvml Nvml, devices: &mut [Device<'nvml>]) -> Option<EventSet<'nvml>> {
    let mut set = None;
    for device in devices.iter_mut().filter(|it| it.is_up && it.gpu.about.mig.is_none()) {
        let supported = device.handle.supported_event_types();
        if !supported.is_ok_and(|types| types.contains(EventTypes::CRITICAL_XID_ERROR)) {
            continue;
        }
        // A set that one device refuses is gone with all that it had: begin again with the next.
        let fresh = set.take().or_else(|| nvml.create_event_set().ok())?;
        set = device
            .handle
            .register_events(EventTypes::CRITICAL_XID_ERROR, fresh)
            .ok();
        if set.is_some() {
            device.xids = device.xids.or(Some(0));
        }
    }
    set
}
