//! What the devices of a span did meanwhile, as attributes.

use pipeline::context::gpus::Window;
use pipeline::payload::{EncodedAttributes, Form, names};

use super::state::total;

/// What a description says in floating-point numbers, in this order.
const DOUBLES: [&str; 8] = [
    names::INFERSCOPE_GPU_UTILIZATION_MEAN,
    names::INFERSCOPE_GPU_UTILIZATION_MAX,
    names::INFERSCOPE_GPU_TEMPERATURE_MAX,
    names::INFERSCOPE_GPU_POWER_MEAN,
    names::INFERSCOPE_GPU_CLOCK_SM_MEAN,
    names::INFERSCOPE_GPU_THROTTLE_TIME,
    names::INFERSCOPE_GPU_ENERGY_DEVICE,
    names::INFERSCOPE_GPU_COVERAGE,
];

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

/// Forms that are kept: those of a request's phases, which throttle differently, and some more. With more all are made anew.
const FORMS_MAX: usize = 32;

/// Forms of descriptions. What a device supports does not change, and there are few sets of reasons.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    made: Vec<(Shape, Form)>,
}

/// Which attributes a description has, and how long their numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// A bit for each of the floating-point numbers.
    known: u8,
    samples_len: u8,
    /// 0 where memory is not known.
    memory_len: u8,
    reasons: u64,
}

impl Sheets {
    /// Writes everything that is known of a window of so many seconds.
    pub(super) fn describe(&mut self, window: &Window, seconds: f64, out: &mut EncodedAttributes) {
        let all: [Option<f64>; DOUBLES.len()] = [
            window.utilization.map(|spread| spread.mean),
            window.utilization.map(|spread| spread.max),
            window.temperature_c,
            window.power_w,
            window.sm_clock_hz,
            total(&window.throttled).map(|throttled_s| throttled_s.min(seconds)),
            window.energy_j,
            Some(window.coverage),
        ];
        let (mut numbers, mut count, mut known) = ([0.0; DOUBLES.len()], 0, 0);
        for (index, value) in all.into_iter().enumerate() {
            if let (Some(value), Some(place)) = (value, numbers.get_mut(count)) {
                *place = value;
                count += 1;
                known |= 1 << index;
            }
        }
        let samples = u64::from(window.samples);
        let memory_len = window.memory_used_bytes.map_or(0, Form::int_len);
        let shape = Shape {
            known,
            samples_len: Form::int_len(samples) as u8,
            memory_len: memory_len as u8,
            reasons: window.reasons.unwrap_or(0),
        };
        self.form(shape)
            .fill(&numbers, &[samples, window.memory_used_bytes.unwrap_or(0)], out);
    }

    #[inline]
    fn form(&mut self, shape: Shape) -> &Form {
        let found = self.made.iter().position(|(made, _)| *made == shape);
        let at = found.unwrap_or_else(|| {
            if self.made.len() >= FORMS_MAX {
                self.made.clear();
            }
            self.made.push((shape, shape.form()));
            self.made.len() - 1
        });
        &self.made[at].1
    }
}

impl Shape {
    #[cold]
    fn form(self) -> Form {
        let mut form = Form::new();
        for (index, key) in DOUBLES.into_iter().enumerate() {
            if self.known & (1 << index) != 0 {
                form.push_double(key);
            }
        }
        form.push_int(names::INFERSCOPE_GPU_SAMPLES, self.samples_len.into());
        if self.memory_len > 0 {
            form.push_int(names::INFERSCOPE_GPU_MEMORY_USED_MAX, self.memory_len.into());
        }
        let reasons = REASONS.into_iter().filter(|(bit, _)| self.reasons & bit != 0);
        let words: Vec<&str> = reasons.map(|(_, word)| word).collect();
        if !words.is_empty() {
            form.push(names::INFERSCOPE_GPU_THROTTLE_REASONS, words.as_slice());
        }
        form
    }
}
