use super::{MS, S, T0, fast, gpu, is_close, slow, steady};
use crate::context::gpus::{Fast, Slow};

#[test]
fn a_counter_that_began_anew_splits_the_window_and_lowers_coverage() {
    let gpu = gpu();
    for tick in 0..=100u64 {
        let mut sample = fast(T0 + tick * 100 * MS, 400.0);
        if tick > 50 {
            sample.energy_mj = Some((tick - 51) * 40_000);
        }
        gpu.add_fast(&sample);
    }

    let window = gpu.window(T0 + 4 * S, T0 + 6 * S).unwrap();

    assert!(is_close(window.energy_j.unwrap(), 400.0 * 1.9, 1e-6), "{window:?}");
    assert!(is_close(window.power_w.unwrap(), 400.0, 1e-6), "{window:?}");
    assert!(is_close(window.coverage, 0.95, 1e-6), "{window:?}");
}

#[test]
fn a_counter_that_leaps_is_garbage_and_not_energy() {
    let gpu = gpu();
    for tick in 0..=100u64 {
        let mut sample = fast(T0 + tick * 100 * MS, 400.0);
        if tick == 50 {
            sample.energy_mj = Some(u64::MAX);
        }
        gpu.add_fast(&sample);
    }

    let window = gpu.window(T0 + S, T0 + 9 * S).unwrap();

    assert!(window.energy_j.unwrap() <= 400.0 * 8.0 + 1e-6, "{window:?}");
    assert!(is_close(window.power_w.unwrap(), 400.0, 1e-6), "{window:?}");
    assert!(window.coverage < 0.99);
}

#[test]
fn a_sample_of_an_earlier_time_is_ignored_and_counted() {
    let gpu = steady(10);
    let before = gpu.window(T0 + 9 * S, T0 + 10 * S);

    gpu.add_fast(&fast(T0 + 9 * S, 99_999.0));
    gpu.add_slow(&slow(T0 + 10 * S));

    assert_eq!(gpu.ignored(), 2);
    assert_eq!(gpu.window(T0 + 9 * S, T0 + 10 * S), before);
}

#[test]
fn a_clock_that_is_set_back_far_begins_a_new_history() {
    let gpu = steady(100);

    for tick in 0..=20 {
        gpu.add_fast(&fast(T0 + 50 * S + tick * 100 * MS, 100.0));
    }

    assert_eq!(gpu.window(T0 + 60 * S, T0 + 61 * S), None);
    let window = gpu.window(T0 + 50 * S, T0 + 52 * S).unwrap();
    assert!(is_close(window.power_w.unwrap(), 100.0, 1e-6), "{window:?}");
}

#[test]
fn a_gap_lowers_coverage_and_its_middle_gives_nothing() {
    let gpu = gpu();
    let ticks = (0..=50u64).chain(150..=200);
    for tick in ticks {
        gpu.add_fast(&fast(T0 + tick * 100 * MS, 400.0));
        gpu.add_slow(&slow(T0 + tick * 100 * MS));
    }

    assert_eq!(gpu.window(T0 + 8 * S, T0 + 12 * S), None);
    let window = gpu.window(T0, T0 + 20 * S).unwrap();
    assert!(
        is_close(window.coverage, (20.0 - 10.0 + 0.4) / 20.0, 1e-6),
        "{window:?}"
    );
    assert!(is_close(window.energy_j.unwrap(), 8_000.0, 1e-6), "{window:?}");
    assert!(is_close(window.sm_clock_hz.unwrap(), 1.5e9, 1e-9), "{window:?}");
}

#[test]
fn a_clock_that_is_unknown_now_and_then_is_that_of_the_other_samples() {
    let gpu = gpu();
    for tick in 0..=100u64 {
        let mut sample = fast(T0 + tick * 100 * MS, 400.0);
        sample.sm_clock_mhz = (tick % 10 != 0).then_some(1_500);
        gpu.add_fast(&sample);
    }

    let window = gpu.window(T0 + 1_250 * MS, T0 + 7_730 * MS).unwrap();

    assert!(is_close(window.sm_clock_hz.unwrap(), 1.5e9, 1e-9), "{window:?}");
}

#[test]
fn power_is_summed_up_where_there_is_no_counter() {
    let gpu = gpu();
    for tick in 0..=100u64 {
        gpu.add_fast(&Fast {
            time_ns: T0 + tick * 100 * MS,
            power_mw: Some(333_333),
            ..Fast::default()
        });
    }

    let window = gpu.window(T0 + S, T0 + 9 * S).unwrap();

    assert!(is_close(window.energy_j.unwrap(), 333.333 * 8.0, 1e-4), "{window:?}");
}

#[test]
fn a_counter_that_was_silent_for_hours_begins_anew() {
    let gpu = gpu();
    // At 700 W two hours are more than sums of 32 bits hold.
    for tick in (0..=10u64).chain((11..70_000).step_by(10)).chain(70_000..=70_100) {
        let mut sample = fast(T0 + tick * 100 * MS, 700.0);
        sample.energy_mj = sample.energy_mj.filter(|_| tick <= 10 || tick >= 70_000);
        gpu.add_fast(&sample);
        gpu.add_slow(&slow(T0 + tick * 100 * MS));
    }

    let before = gpu.window(T0 + 6_900 * S, T0 + 6_990 * S).unwrap();
    assert_eq!(before.energy_j, None, "{before:?}");
    let across = gpu.window(T0 + 6_990 * S, T0 + 7_010 * S).unwrap();
    assert!(is_close(across.power_w.unwrap(), 700.0, 1e-4), "{across:?}");
    assert!(is_close(across.coverage, 0.5, 1e-3), "{across:?}");
}

#[test]
fn times_at_the_ends_of_the_number_line_panic_nobody() {
    let gpu = gpu();
    for time_ns in [0, u64::MAX, 0, 1, u64::MAX - 1, u64::MAX] {
        gpu.add_fast(&Fast {
            time_ns,
            energy_mj: Some(time_ns),
            power_mw: Some(u32::MAX),
            sm_clock_mhz: Some(u32::MAX),
            reasons: Some(u64::MAX),
            ..Fast::default()
        });
        gpu.add_slow(&Slow {
            time_ns,
            utilization: Some(-1.0),
            memory_used_bytes: Some(u64::MAX),
            temperature_c: Some(f32::MAX),
        });
        for (from, to) in [(0, u64::MAX), (u64::MAX, 0), (1, 1), (u64::MAX, u64::MAX), (0, 0)] {
            let _ = gpu.window(from, to);
        }
    }
}
