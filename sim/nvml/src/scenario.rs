//! What a scenario file says.

use config::{Diagnostics, Duration, Report, Section, Validate};
use serde::Deserialize;

use crate::curve::Curve;
use crate::fault::Fault;

/// GPUs at one node, over time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The driver's version; from 580.82 on some field ids have other numbers.
    pub driver: String,
    /// How much faster than the wall clock the scenario runs: all times in it are seconds of its own.
    pub speed: f64,
    /// How often the energy counter is brought up to date.
    pub energy_step: Duration,
    /// Times at which the driver is loaded anew: counters begin at 0 and calls fail until the library is initialized again.
    pub reloads: Vec<Duration>,
    /// The devices.
    pub gpus: Vec<Gpu>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gpu {
    /// `GPU-…`; made of the number where it is empty.
    pub uuid: String,
    /// The product's name.
    pub name: String,
    /// As the library numbers them: 7 Ampere, 9 Hopper, 10 Blackwell.
    pub architecture: u32,
    /// The number of its device file; the index where it is not set.
    pub minor: Option<u32>,
    /// After this time all curves begin anew.
    pub period: Option<Duration>,
    /// From 0 to 1; other curves may follow it.
    pub load: Curve,
    /// Share of time in which a kernel runs.
    pub utilization: Curve,
    /// Watts.
    pub power: Curve,
    /// Watts that it may draw.
    pub power_limit: f64,
    /// Degrees Celsius.
    pub temperature: Curve,
    /// Degrees Celsius of the memory.
    pub memory_temperature: Curve,
    /// Megahertz.
    pub sm_clock: Curve,
    /// Megahertz.
    pub memory_clock: Curve,
    /// Bytes.
    pub memory: u64,
    /// Bytes that the driver keeps.
    pub memory_reserved: u64,
    /// Bytes.
    pub memory_used: Curve,
    /// Share of time in which the power cap holds the clock down.
    pub power_capped: Curve,
    /// The same of the temperature.
    pub hot: Curve,
    /// Share of time in which tensor cores work.
    pub tensor: Curve,
    /// Share of the memory's bandwidth.
    pub dram: Curve,
    /// MiB a second, each way.
    pub pcie: Curve,
    /// Links to other GPUs.
    pub nvlinks: u32,
    /// MiB a second over all links, each way.
    pub nvlink: Curve,
    /// Errors of all links since the driver was loaded.
    pub nvlink_errors: LinkErrors,
    /// Single-bit errors since the driver was loaded.
    pub ecc_corrected: Curve,
    /// Double-bit errors.
    pub ecc_uncorrected: Curve,
    /// Single-bit errors that the board had before.
    pub ecc_corrected_before: u64,
    /// Double-bit errors that the board had before.
    pub ecc_uncorrected_before: u64,
    /// Processes.
    pub processes: Vec<Process>,
    /// Events.
    pub xids: Vec<Xid>,
    /// MIG instances; MIG is on while there are any in the list.
    pub mig: Vec<Instance>,
}

/// Errors of links, of all together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkErrors {
    /// Flow control digits that arrived broken.
    pub crc_flit: u64,
    /// Data that arrived broken.
    pub crc_data: u64,
    /// Packets that were sent again.
    pub replay: u64,
    /// Links that had to find together again.
    pub recovery: u64,
}

/// A process that computes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// In the node's namespace.
    pub pid: u32,
    /// Bytes of device memory.
    pub memory: u64,
    /// Share of the multiprocessors' time, from 0 to 1. Of a process that does nothing nothing is told.
    pub sm: f64,
    /// Share of time in which it reads or writes memory.
    pub mem: f64,
    /// Share of the encoder's time.
    pub enc: f64,
    /// Share of the decoder's time.
    pub dec: f64,
    /// When it begins.
    pub from: Duration,
    /// When it ends.
    pub to: Option<Duration>,
}

/// A critical event.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Xid {
    /// When.
    pub at: Duration,
    /// Which.
    pub number: u64,
}

/// A MIG instance.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// `MIG-…`.
    pub uuid: String,
    /// `1g.10gb`.
    pub profile: String,
    /// Number of the GPU instance.
    pub gpu_instance: u32,
    /// Number of the compute instance.
    pub compute_instance: u32,
    /// Compute slices.
    pub slices: u32,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub memory_used: u64,
    /// Share of its time in which it works, tensor cores and memory included; where it is not set, it does what its GPU does.
    pub active: Option<f64>,
    /// When it comes.
    pub from: Duration,
    /// When it goes.
    pub to: Option<Duration>,
    /// Processes in it.
    pub processes: Vec<Process>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            driver: "580.95.05".to_owned(),
            speed: 1.0,
            energy_step: Duration::from_millis(100),
            reloads: Vec::new(),
            gpus: Vec::new(),
            faults: Vec::new(),
        }
    }
}

impl Default for Gpu {
    fn default() -> Self {
        let of_load = |idle, full| Curve::OfLoad { idle, full };
        Self {
            uuid: String::new(),
            name: "NVIDIA H100 80GB HBM3".to_owned(),
            architecture: 9,
            minor: None,
            period: None,
            load: Curve::Constant(0.0),
            utilization: of_load(0.0, 1.0),
            power: of_load(90.0, 650.0),
            power_limit: 700.0,
            temperature: of_load(32.0, 74.0),
            memory_temperature: of_load(38.0, 86.0),
            sm_clock: of_load(345.0, 1980.0),
            memory_clock: Curve::Constant(2619.0),
            memory: 80 << 30,
            memory_reserved: 512 << 20,
            memory_used: Curve::Constant(f64::from(1 << 30)),
            power_capped: of_load(0.0, 0.1),
            hot: Curve::Constant(0.0),
            tensor: of_load(0.0, 0.45),
            dram: of_load(0.0, 0.7),
            pcie: of_load(0.0, 4000.0),
            nvlinks: 18,
            nvlink: of_load(0.0, 120_000.0),
            nvlink_errors: LinkErrors::default(),
            ecc_corrected: Curve::Constant(0.0),
            ecc_uncorrected: Curve::Constant(0.0),
            ecc_corrected_before: 0,
            ecc_uncorrected_before: 0,
            processes: Vec::new(),
            xids: Vec::new(),
            mig: Vec::new(),
        }
    }
}

/// Most GPUs of a scenario, as handles have room for; no node has more than 16.
const GPUS_MAX: usize = 64;

impl Validate for Scenario {
    fn validate(&self, report: &mut Report<'_>) {
        if self.gpus.len() > GPUS_MAX {
            report.reject("gpus", format!("must be at most {GPUS_MAX}"));
        }
        if !(self.speed.is_finite() && self.speed > 0.0) {
            report.reject("speed", "must be above 0");
        }
        if self.energy_step.is_zero() {
            report.reject("energy_step", "must be more than 0s");
        }
    }
}

impl Scenario {
    /// Reads a scenario; the text of an error names the places.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, String> {
        let section = Section::from_yaml(name, text).map_err(|problems| problems.render(false))?;
        let mut diagnostics = Diagnostics::new();
        let scenario: Option<Self> = config::decode(&section, &mut diagnostics);
        scenario.ok_or_else(|| diagnostics.render(false))
    }
}
