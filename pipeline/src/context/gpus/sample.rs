//! What is sampled of a device. Everything may be missing: what a device does not support is None and never 0.

/// What is sampled often, ten times a second by default.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fast {
    /// Nanoseconds since 1970, by the same clock as spans.
    pub time_ns: u64,
    /// Energy counter, in millijoules since the driver was loaded.
    pub energy_mj: Option<u64>,
    /// Power at this instant, in milliwatts; integrated where there is no energy counter.
    pub power_mw: Option<u32>,
    /// Counted throttle time.
    pub throttle: Throttle,
    /// Clock of the multiprocessors, in MHz.
    pub sm_clock_mhz: Option<u32>,
    /// NVML's bit mask of the reasons for which clocks are low at this instant.
    pub reasons: Option<u64>,
}

/// Counters of the time in which clocks were held down, in nanoseconds since the driver was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttle {
    /// By the power cap, in software.
    pub power_cap_ns: Option<u64>,
    /// By temperature, in software.
    pub thermal_ns: Option<u64>,
    /// By temperature, in hardware.
    pub hardware_thermal_ns: Option<u64>,
    /// By the power brake, in hardware.
    pub power_brake_ns: Option<u64>,
}

/// What is sampled less often, twice a second by default.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Slow {
    /// Nanoseconds since 1970, by the same clock as spans.
    pub time_ns: u64,
    /// Share of the last sample period in which a kernel ran, 0 to 1.
    pub utilization: Option<f32>,
    /// Device memory in use.
    pub memory_used_bytes: Option<u64>,
    /// Degrees Celsius.
    pub temperature_c: Option<f32>,
}
