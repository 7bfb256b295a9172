//! What the devices of a span did meanwhile.

use pipeline::context::gpus::{Spread, Throttled, Window};

use super::used::{Device, Used};

/// What the devices did from one moment to another, together; nothing where samples of one of them say nothing at all.
pub(super) fn state(used: &Used, from: u64, to: u64) -> Option<Window> {
    match used.devices.as_slice() {
        [device] if device.of_instance.is_none() => device.history.window(from, to),
        devices => {
            let mut together = Together::default();
            for device in devices {
                together.add(device, from, to)?;
            }
            together.window()
        }
    }
}

/// Sums of energy and power, the highest memory, temperature and throttle time, means of shares and clocks, and the
/// quality of the worst device.
#[derive(Debug, Default)]
struct Together {
    /// What needs no second thought.
    window: Option<Window>,
    utilization: Mean,
    clock_hz: Mean,
    energy_j: Sum,
    power_w: Sum,
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

impl Together {
    fn add(&mut self, device: &Device, from: u64, to: u64) -> Option<()> {
        let mut window = device.history.window(from, to)?;
        if let Some(own) = &device.of_instance {
            // Its power, clocks and temperature are those of the whole.
            let own = own.window(from, to);
            window.utilization = own.and_then(|own| own.utilization);
            window.memory_used_bytes = own.and_then(|own| own.memory_used_bytes);
        }
        self.utilization.add(window.utilization.map(|spread| spread.mean));
        self.clock_hz.add(window.sm_clock_hz);
        // Instances of one GPU share its power, which is counted once.
        if device.is_first_of_its_gpu {
            self.energy_j.add(window.energy_j);
            self.power_w.add(window.power_w);
        }
        self.window = Some(match self.window {
            Some(others) => worst(others, window),
            None => window,
        });
        Some(())
    }

    fn window(self) -> Option<Window> {
        let window = self.window?;
        let max = window.utilization.map(|spread| spread.max);
        Some(Window {
            utilization: self
                .utilization
                .value()
                .zip(max)
                .map(|(mean, max)| Spread { mean, max }),
            sm_clock_hz: self.clock_hz.value(),
            energy_j: self.energy_j.value(),
            power_w: self.power_w.value(),
            ..window
        })
    }
}

/// The highest of both, and the quality of the worse.
fn worst(one: Window, two: Window) -> Window {
    Window {
        samples: one.samples.min(two.samples),
        coverage: one.coverage.min(two.coverage),
        utilization: match (one.utilization, two.utilization) {
            (Some(one), Some(two)) if two.max > one.max => Some(two),
            (one, two) => one.or(two),
        },
        memory_used_bytes: one.memory_used_bytes.max(two.memory_used_bytes),
        temperature_c: match (one.temperature_c, two.temperature_c) {
            (Some(one), Some(two)) => Some(one.max(two)),
            (one, two) => one.or(two),
        },
        throttled: if total(&two.throttled) > total(&one.throttled) {
            two.throttled
        } else {
            one.throttled
        },
        reasons: match (one.reasons, two.reasons) {
            (Some(one), Some(two)) => Some(one | two),
            (one, two) => one.or(two),
        },
        ..one
    }
}

/// Causes may hold at the same time, so that their sum may be longer than the window; who tells it cuts it off.
#[inline]
pub(super) fn total(by: &Throttled) -> Option<f64> {
    match (by.power_s, by.thermal_s) {
        (Some(power), Some(thermal)) => Some(power + thermal),
        (power, thermal) => power.or(thermal),
    }
}
