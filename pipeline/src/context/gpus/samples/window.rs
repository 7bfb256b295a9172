//! What a device did in a window.

/// What a device did in a window, as far as samples tell. What nobody knows is None and never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Window {
    /// Samples in the window, of those that are taken often.
    pub samples: u32,
    /// Part of the window, 0 to 1, that samples speak for; below a half where it is too short for its energy.
    pub coverage: f64,
    /// Share of time in which a kernel ran, 0 to 1.
    pub utilization: Option<Spread>,
    /// The most memory that was in use.
    pub memory_used_bytes: Option<u64>,
    /// The highest temperature.
    pub temperature_c: Option<f64>,
    /// Energy, as far as the window is known.
    pub energy_j: Option<f64>,
    /// Mean power over the part of the window that is known.
    pub power_w: Option<f64>,
    /// Mean clock of the multiprocessors.
    pub sm_clock_hz: Option<f64>,
    /// Counted throttle time.
    pub throttled: Throttled,
    /// NVML's reasons for low clocks, of all samples.
    pub reasons: Option<u64>,
}

/// Mean and highest of a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// Weighted by time.
    pub mean: f64,
    /// Never below the mean.
    pub max: f64,
}

/// Counted throttle time in seconds; none of a cause for which the device has no counter. Counters in software and in
/// hardware are added up: both may count at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Throttled {
    /// By the power cap and the power brake.
    pub power_s: Option<f64>,
    /// By temperature.
    pub thermal_s: Option<f64>,
}
