//! What the devices of a span did meanwhile, as attributes.

use pipeline::context::gpus::{Throttled, Window};
use pipeline::payload::{EncodedAttributes, names};

use super::used::{Device, Used};

/// What several devices did together: sums of energy and power, the highest memory and temperature, means of shares and
/// clocks, and the quality of the worst of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    devices: u32,
    samples: u32,
    coverage: f64,
    utilization: Mean,
    utilization_max: Option<f64>,
    memory_bytes: Option<u64>,
    temperature_c: Option<f64>,
    clock_hz: Mean,
    energy_j: Sum,
    power_w: Sum,
    throttled_s: Option<f64>,
    reasons: Option<u64>,
}

/// A mean over devices that say something.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// A sum that is only known if every device says something.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: f64,
    is_partial: bool,
}

impl Sum {
    fn add(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.sum += value,
            None => self.is_partial = true,
        }
    }

    fn value(self) -> Option<f64> {
        (!self.is_partial).then_some(self.sum)
    }
}

impl State {
    /// What the devices did from one moment to another; nothing where samples of one of them say nothing at all.
    pub(super) fn of(used: &Used, from: u64, to: u64) -> Option<Self> {
        let mut state = Self {
            coverage: 1.0,
            samples: u32::MAX,
            ..Self::default()
        };
        for (index, device) in used.devices.iter().enumerate() {
            let whole = device.whole.window(from, to)?;
            // Instances of one GPU share its power, which is counted once.
            state.add(device, &whole, used.is_first_of_its_gpu(index), from, to);
        }
        (state.devices > 0).then_some(state)
    }

    fn add(&mut self, device: &Device, whole: &Window, is_new: bool, from: u64, to: u64) {
        let own = if device.is_instance() {
            device.own.window(from, to)
        } else {
            Some(*whole)
        };
        self.devices += 1;
        self.samples = self.samples.min(whole.samples);
        self.coverage = self.coverage.min(whole.coverage);
        let utilization = own.and_then(|own| own.utilization);
        self.utilization.add(utilization.map(|spread| spread.mean));
        self.utilization_max = highest(self.utilization_max, utilization.map(|spread| spread.max));
        self.memory_bytes = self.memory_bytes.max(own.and_then(|own| own.memory_used_bytes));
        self.temperature_c = highest(self.temperature_c, whole.temperature_c);
        self.clock_hz.add(whole.sm_clock_hz);
        if is_new {
            self.energy_j.add(whole.energy_j);
            self.power_w.add(whole.power_w);
        }
        let length_s = to.saturating_sub(from) as f64 / 1e9;
        self.throttled_s = highest(self.throttled_s, throttled(&whole.throttled).map(|it| it.min(length_s)));
        self.reasons = match (self.reasons, whole.reasons) {
            (Some(one), Some(two)) => Some(one | two),
            (one, two) => one.or(two),
        };
    }

    /// Whether the energy of all devices is known.
    pub(super) fn has_energy(&self) -> bool {
        self.energy_j.value().is_some()
    }

    /// Writes everything that is known.
    pub(super) fn describe(&self, out: &mut EncodedAttributes) {
        let doubles = [
            (names::INFERSCOPE_GPU_UTILIZATION_MEAN, self.utilization.value()),
            (names::INFERSCOPE_GPU_UTILIZATION_MAX, self.utilization_max),
            (names::INFERSCOPE_GPU_TEMPERATURE_MAX, self.temperature_c),
            (names::INFERSCOPE_GPU_POWER_MEAN, self.power_w.value()),
            (names::INFERSCOPE_GPU_CLOCK_SM_MEAN, self.clock_hz.value()),
            (names::INFERSCOPE_GPU_THROTTLE_TIME, self.throttled_s),
            (names::INFERSCOPE_GPU_ENERGY_DEVICE, self.energy_j.value()),
            (names::INFERSCOPE_GPU_COVERAGE, Some(self.coverage)),
        ];
        for (key, value) in doubles {
            if let Some(value) = value {
                out.push(key, value);
            }
        }
        if let Some(bytes) = self.memory_bytes {
            out.push(
                names::INFERSCOPE_GPU_MEMORY_USED_MAX,
                i64::try_from(bytes).unwrap_or(i64::MAX),
            );
        }
        out.push(names::INFERSCOPE_GPU_SAMPLES, self.samples);
        if let Some(mask) = self.reasons {
            describe_reasons(mask, out);
        }
    }
}

fn highest(one: Option<f64>, two: Option<f64>) -> Option<f64> {
    [one, two].into_iter().flatten().reduce(f64::max)
}

/// Reasons may hold at the same time, so that their sum may be longer than the window; who adds it up cuts it off.
fn throttled(by: &Throttled) -> Option<f64> {
    [by.power_cap_s, by.thermal_s, by.hardware_thermal_s, by.power_brake_s]
        .into_iter()
        .flatten()
        .reduce(|one, two| one + two)
}

/// Words of NVML's bits, sorted. That a device is idle (1) is no throttling.
const REASONS: [(u64, &str); 8] = [
    (0x002, "app_clocks"),
    (0x100, "display_clocks"),
    (0x080, "hw_power_brake"),
    (0x008, "hw_slowdown"),
    (0x040, "hw_thermal"),
    (0x004, "sw_power_cap"),
    (0x020, "sw_thermal"),
    (0x010, "sync_boost"),
];

fn describe_reasons(mask: u64, out: &mut EncodedAttributes) {
    let mut words = [""; REASONS.len()];
    let mut count = 0;
    let said = REASONS.iter().filter(|(bit, _)| mask & bit != 0);
    for (place, (_, word)) in words.iter_mut().zip(said) {
        *place = word;
        count += 1;
    }
    if let Some(words) = words.get(..count).filter(|words| !words.is_empty()) {
        out.push(names::INFERSCOPE_GPU_THROTTLE_REASONS, words);
    }
}
