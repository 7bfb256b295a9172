use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{MS, S, T0, gpu, is_close, steady};
use crate::context::gpus::{Fast, Gpu, Slow, Throttle};

fn any_fast() -> impl Strategy<Value = (u64, Fast)> {
    let throttle =
        (option::of(0u64..1 << 40), option::of(0u64..1 << 40)).prop_map(|(power_cap_ns, thermal_ns)| Throttle {
            power_cap_ns,
            thermal_ns,
            ..Throttle::default()
        });
    let said = (
        option::of(0u64..1 << 30),
        option::of(0u32..900_000),
        throttle,
        option::of(0u32..3_000),
        option::of(0u64..512),
    );
    (1u64..2_000, said).prop_map(|(after_ms, (energy_mj, power_mw, throttle, sm_clock_mhz, reasons))| {
        (
            after_ms,
            Fast {
                time_ns: 0,
                energy_mj,
                power_mw,
                throttle,
                sm_clock_mhz,
                reasons,
            },
        )
    })
}

fn any_slow() -> impl Strategy<Value = (u64, Slow)> {
    let said = (
        option::of(-0.2f32..1.2),
        option::of(0u64..1 << 40),
        option::of(-10f32..100.0),
    );
    (1u64..4_000, said).prop_map(|(after_ms, (utilization, memory_used_bytes, temperature_c))| {
        (
            after_ms,
            Slow {
                time_ns: 0,
                utilization,
                memory_used_bytes,
                temperature_c,
            },
        )
    })
}

/// A device that said anything at any pace, and until when.
fn any_gpu() -> impl Strategy<Value = (Arc<Gpu>, u64)> {
    (vec(any_fast(), 1..120), vec(any_slow(), 0..80)).prop_map(|(fast, slow)| {
        let gpu = gpu();
        let mut until = T0;
        for (after, sample) in fast {
            until += after * MS;
            gpu.add_fast(&Fast {
                time_ns: until,
                ..sample
            });
        }
        let mut at = T0;
        for (after, sample) in slow {
            at += after * MS;
            gpu.add_slow(&Slow { time_ns: at, ..sample });
        }
        (gpu, until)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn g_2_what_is_constant_stays_so_in_any_window(from in 0u64..59_000_000_000, length in 0u64..20_000_000_000) {
        let to = (from + length).min(60 * S);
        let window = steady(60).window(T0 + from, T0 + to).unwrap();

        let utilization = window.utilization.unwrap();
        prop_assert!(is_close(utilization.mean, 0.75, 1e-6), "{window:?}");
        prop_assert!(is_close(utilization.max, 0.75, 1e-9), "{window:?}");
        prop_assert_eq!(window.memory_used_bytes, Some(40 << 30));
        prop_assert!(is_close(window.temperature_c.unwrap(), 61.0, 1e-9), "{window:?}");
        prop_assert!(is_close(window.sm_clock_hz.unwrap(), 1.5e9, 1e-6), "{window:?}");
        prop_assert!(is_close(window.power_w.unwrap(), 400.0, 1e-4), "{window:?}");
        prop_assert_eq!(window.coverage < 0.5, to - from < 200 * MS, "{:?}", window);
    }

    #[test]
    fn g_4_no_mean_is_above_its_maximum_and_no_share_outside_of_0_to_1(
        (gpu, until) in any_gpu(),
        from in 0.0..1.0f64,
        length in 0.0..1.0f64,
    ) {
        let span = (until - T0) as f64;
        let from = T0 + (from * span) as u64;
        let Some(window) = gpu.window(from, from + (length * span) as u64) else { return Ok(()) };

        if let Some(utilization) = window.utilization {
            prop_assert!(utilization.mean <= utilization.max);
            prop_assert!(0.0 <= utilization.mean && utilization.max <= 1.0);
        }
        prop_assert!((0.0..=1.0).contains(&window.coverage), "{window:?}");
        let rates = [window.energy_j, window.power_w, window.sm_clock_hz, window.throttled.power_s, window.throttled.thermal_s];
        prop_assert!(rates.into_iter().flatten().all(|it| it.is_finite() && it >= 0.0), "{window:?}");
        prop_assert!(window.sm_clock_hz.is_none_or(|hz| hz <= 3.0e9 * (1.0 + 1e-9)), "{window:?}");
        prop_assert!(window.temperature_c.is_none_or(|it| (-10.0..=100.0).contains(&it)), "{window:?}");
    }

    #[test]
    fn g_5_a_late_question_has_the_same_answer(
        (gpu, until) in any_gpu(),
        more in vec(any_fast(), 1..40),
        more_slow in vec(any_slow(), 1..40),
        from in 0.0..1.0f64,
        length in 0.0..1.0f64,
    ) {
        let settled = gpu.settled_until();
        let span = settled.saturating_sub(T0) as f64;
        let from = T0 + (from * span) as u64;
        let to = (from + (length * span) as u64).min(settled);
        prop_assume!(from < to);
        let in_time = gpu.window(from, to);

        let mut at = until;
        for (after, sample) in more {
            at += after.min(1_400) * MS;
            gpu.add_fast(&Fast { time_ns: at, ..sample });
        }
        let mut at = until.max(T0 + 400 * S);
        for (after, sample) in more_slow {
            at += after.min(1_400) * MS;
            gpu.add_slow(&Slow { time_ns: at, ..sample });
        }

        prop_assert_eq!(gpu.window(from, to), in_time);
    }

    #[test]
    fn a_long_window_is_that_of_its_samples((gpu, until) in any_gpu()) {
        let whole = gpu.window(T0, until + S);
        let halves = [(T0, T0 + (until - T0) / 2), (T0 + (until - T0) / 2, until + S)].map(|(from, to)| gpu.window(from, to));

        prop_assume!(halves.iter().all(Option::is_some));
        let highest = |of: fn(&super::Window) -> Option<f64>| {
            (whole.as_ref().and_then(of), halves.iter().flatten().filter_map(of).reduce(f64::max))
        };
        let (whole_max, parts_max) = highest(|it| it.utilization.map(|spread| spread.max));
        prop_assert_eq!(whole_max, parts_max);
        let (whole_max, parts_max) = highest(|it| it.temperature_c);
        prop_assert!(whole_max.is_some() == parts_max.is_some());
        if let Some((one, two)) = whole_max.zip(parts_max) {
            prop_assert!(is_close(one, two, 1e-6), "{} {}", one, two);
        }
    }
}
