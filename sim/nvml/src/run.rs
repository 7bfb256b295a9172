//! A scenario that runs: what each device does at a time. The library answers from here, and tests know the truth from here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::curve::{Curve, Line};
use crate::scenario::{Gpu, Instance, Process, Scenario};

/// A scenario with its beginning.
#[derive(Debug)]
pub struct Run {
    /// What happens.
    pub scenario: Scenario,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// By GPU.
    pub devices: Vec<Device>,
}

/// A GPU's curves as lines; times are seconds since the scenario began.
#[derive(Debug)]
pub struct Device {
    /// What the scenario says of it.
    pub about: Gpu,
    load: Line,
    utilization: Line,
    power: Line,
    temperature: Line,
    memory_temperature: Line,
    sm_clock: Line,
    memory_clock: Line,
    memory_used: Line,
    power_capped: Line,
    hot: Line,
    tensor: Line,
    dram: Line,
    pcie: Line,
    nvlink: Line,
    ecc_corrected: Line,
    ecc_uncorrected: Line,
}

impl Run {
    /// A scenario that began then.
    pub fn new(mut scenario: Scenario, start_ns: u64) -> Self {
        for (index, gpu) in scenario.gpus.iter_mut().enumerate() {
            if gpu.uuid.is_empty() {
                gpu.uuid = format!("GPU-00000000-0000-4000-8000-{index:012x}");
            }
        }
        Self {
            devices: scenario.gpus.iter().map(Device::new).collect(),
            scenario,
            start_ns,
        }
    }

    /// Seconds of the scenario since it began.
    pub fn now(&self) -> f64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.seconds(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Seconds of the scenario since it began, of nanoseconds since 1970.
    pub fn seconds(&self, time_ns: u64) -> f64 {
        Duration::from_nanos(time_ns.saturating_sub(self.start_ns)).as_secs_f64() * self.scenario.speed
    }

    /// When the driver was loaded last.
    pub(crate) fn loaded_at(&self, time: f64) -> f64 {
        let reloads = self.scenario.reloads.iter().map(|at| at.as_secs_f64());
        reloads.filter(|at| *at <= time).fold(0.0, f64::max)
    }

    /// The exact energy that a GPU used between two times in nanoseconds since 1970, in joules.
    pub fn energy(&self, gpu: usize, from_ns: u64, to_ns: u64) -> f64 {
        self.devices.get(gpu).map_or(0.0, |device| {
            device.power.under(self.seconds(to_ns)) - device.power.under(self.seconds(from_ns))
        })
    }

    /// What the energy counter shows, in millijoules since the driver was loaded.
    pub(crate) fn energy_counter(&self, gpu: usize, time: f64) -> u64 {
        let step = self.scenario.energy_step.as_secs_f64();
        let shown = (time / step).floor() * step;
        let loaded = self.loaded_at(time);
        let joules = self.devices.get(gpu).map_or(0.0, |device| {
            device.power.under(shown.max(loaded)) - device.power.under(loaded)
        });
        whole(joules * 1e3)
    }
}

impl Device {
    fn new(about: &Gpu) -> Self {
        let period = about.period.map(|period| period.as_secs_f64());
        let load = about.load.points(&[]);
        let line = |curve: &Curve| Line::new(curve.points(&load), period);
        Self {
            load: Line::new(load.clone(), period),
            utilization: line(&about.utilization),
            power: line(&about.power),
            temperature: line(&about.temperature),
            memory_temperature: line(&about.memory_temperature),
            sm_clock: line(&about.sm_clock),
            memory_clock: line(&about.memory_clock),
            memory_used: line(&about.memory_used),
            power_capped: line(&about.power_capped),
            hot: line(&about.hot),
            tensor: line(&about.tensor),
            dram: line(&about.dram),
            pcie: line(&about.pcie),
            nvlink: line(&about.nvlink),
            ecc_corrected: line(&about.ecc_corrected),
            ecc_uncorrected: line(&about.ecc_uncorrected),
            about: about.clone(),
        }
    }

    /// From 0 to 1.
    pub fn utilization(&self, time: f64) -> f64 {
        self.utilization.at(time).clamp(0.0, 1.0)
    }

    /// Watts at this moment.
    pub fn power(&self, time: f64) -> f64 {
        self.power.at(time)
    }

    /// Watts over the second before.
    pub(crate) fn power_average(&self, time: f64) -> f64 {
        let from = (time - 1.0).max(0.0);
        if time - from < 1e-3 {
            return self.power(time);
        }
        (self.power.under(time) - self.power.under(from)) / (time - from)
    }

    /// Degrees Celsius.
    pub fn temperature(&self, time: f64) -> f64 {
        self.temperature.at(time)
    }

    pub(crate) fn memory_temperature(&self, time: f64) -> f64 {
        self.memory_temperature.at(time)
    }

    pub(crate) fn sm_clock(&self, time: f64) -> f64 {
        self.sm_clock.at(time)
    }

    pub(crate) fn memory_clock(&self, time: f64) -> f64 {
        self.memory_clock.at(time)
    }

    /// Bytes.
    pub fn memory_used(&self, time: f64) -> u64 {
        whole(self.memory_used.at(time)).min(self.about.memory)
    }

    /// Nanoseconds in which the power cap and the temperature held the clock down, from one time to another.
    pub(crate) fn throttled(&self, from: f64, to: f64) -> [u64; 2] {
        [&self.power_capped, &self.hot].map(|line| whole((line.under(to) - line.under(from)) * 1e9))
    }

    /// The bits of the reasons at this moment.
    pub(crate) fn reasons(&self, time: f64) -> u64 {
        const IDLE: u64 = 0x1;
        const POWER_CAP: u64 = 0x4;
        const SOFTWARE_THERMAL: u64 = 0x20;
        let when = |is: bool, bit| if is { bit } else { 0 };
        when(self.load.at(time) <= 0.0 && self.utilization(time) <= 0.0, IDLE)
            | when(self.power_capped.at(time) > 0.0, POWER_CAP)
            | when(self.hot.at(time) > 0.0, SOFTWARE_THERMAL)
    }

    pub(crate) fn ecc(&self, time: f64) -> [u64; 2] {
        [&self.ecc_corrected, &self.ecc_uncorrected].map(|line| whole(line.at(time)))
    }

    /// Errors of the board's whole life, corrected and not.
    pub(crate) fn ecc_of_life(&self, time: f64) -> [u64; 2] {
        let [corrected, uncorrected] = self.ecc(time);
        [
            corrected + self.about.ecc_corrected_before,
            uncorrected + self.about.ecc_uncorrected_before,
        ]
    }

    /// Bytes over PCIe each way, from one time to another.
    pub(crate) fn pcie_bytes(&self, from: f64, to: f64) -> u64 {
        whole((self.pcie.under(to) - self.pcie.under(from)) * MEBIBYTE)
    }

    /// Bytes over all links each way, from one time to another.
    pub(crate) fn nvlink_bytes(&self, from: f64, to: f64) -> u64 {
        whole((self.nvlink.under(to) - self.nvlink.under(from)) * MEBIBYTE)
    }

    /// Means over a window by the number of the metric: shares in percent, rates in MiB a second. Links are the whole
    /// GPU's, as far as it is one.
    pub(crate) fn gpm(&self, metric: u32, instance: Option<&Instance>, from: f64, to: f64) -> Option<f64> {
        let mean = |line: &Line| (line.under(to) - line.under(from)) / (to - from).max(1e-9);
        let own = instance.and_then(|it| it.active);
        let percent = |line: &Line| own.unwrap_or_else(|| mean(line)).clamp(0.0, 1.0) * 100.0;
        Some(match metric {
            1 | 2 => percent(&self.utilization),
            3 => percent(&self.load) * 0.5,
            5 | 7 => percent(&self.tensor),
            10 => percent(&self.dram),
            20 | 21 if instance.is_none() => mean(&self.pcie),
            // The library counts what is not there, and finds nothing.
            60 | 61 if instance.is_none() => mean(&self.nvlink) * f64::from(u32::from(self.about.nvlinks > 0)),
            _ => return None,
        })
    }

    /// Processes at a time; of a GPU with instances, those of all of them.
    pub(crate) fn processes(&self, time: f64) -> Vec<(&Process, Option<&Instance>)> {
        let of_instances = self
            .instances(time)
            .flat_map(|it| it.processes.iter().map(move |process| (process, Some(it))));
        let all = self
            .about
            .processes
            .iter()
            .map(|process| (process, None))
            .chain(of_instances);
        all.filter(|(process, _)| is_there(process.from, process.to, time))
            .collect()
    }

    /// MIG instances at a time.
    pub(crate) fn instances(&self, time: f64) -> impl Iterator<Item = &Instance> {
        self.about.mig.iter().filter(move |it| is_there(it.from, it.to, time))
    }
}

const MEBIBYTE: f64 = 1_048_576.0;

fn is_there(from: config::Duration, to: Option<config::Duration>, time: f64) -> bool {
    time >= from.as_secs_f64() && to.is_none_or(|to| time < to.as_secs_f64())
}

/// A count; what is negative or no number is 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A cast of a float saturates.
pub(crate) fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_scenario_uses_its_energy_in_less_time() {
        let run = |speed: f64| {
            let text = format!("speed: {speed}\ngpus: [{{power: 100, load: 1}}]\n");
            Run::new(Scenario::from_yaml("fast", &text).unwrap_or_default(), 1_000_000_000)
        };

        let joules = |speed: f64| run(speed).energy(0, 1_000_000_000, 3_000_000_000);

        assert!((joules(1.0) - 200.0).abs() < 1e-9);
        assert!((joules(10.0) - 2_000.0).abs() < 1e-9);
    }
}
