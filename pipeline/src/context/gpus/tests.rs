use super::{About, Devices, Fast, Gpu, Gpus, Slow, Throttle, Window};
use std::sync::Arc;

mod bad;
mod curve;
mod laws;

pub(super) const MS: u64 = 1_000_000;
pub(super) const S: u64 = 1_000 * MS;

/// A moment in 2026, in nanoseconds since 1970.
pub(super) const T0: u64 = 1_795_000_000 * S;

pub(super) fn gpu() -> Arc<Gpu> {
    Gpu::new(About {
        uuid: "GPU-1".to_owned(),
        ..About::default()
    })
}

/// A sample of a device that does nothing but draw so much power.
pub(super) fn fast(time_ns: u64, watts: f64) -> Fast {
    let energy_j = watts * (time_ns - T0) as f64 / 1e9;
    Fast {
        time_ns,
        energy_mj: Some(1_000_000 + (energy_j * 1e3).round() as u64),
        throttle: Throttle {
            power_cap_ns: Some(7 + (time_ns - T0) / 4),
            ..Throttle::default()
        },
        sm_clock_mhz: Some(1_500),
        reasons: Some(4),
        ..Fast::default()
    }
}

pub(super) fn slow(time_ns: u64) -> Slow {
    Slow {
        time_ns,
        utilization: Some(0.75),
        memory_used_bytes: Some(40 << 30),
        temperature_c: Some(61.0),
    }
}

/// Samples by the default plan, from the beginning on.
pub(super) fn steady(seconds: u64) -> Arc<Gpu> {
    let gpu = gpu();
    for tick in 0..=seconds * 10 {
        gpu.add_fast(&fast(T0 + tick * 100 * MS, 400.0));
    }
    for tick in 0..=seconds * 2 {
        gpu.add_slow(&slow(T0 + tick * 500 * MS));
    }
    gpu
}

pub(super) fn is_close(one: f64, two: f64, relative: f64) -> bool {
    (one - two).abs() <= relative * one.abs().max(two.abs()).max(1e-12)
}

fn publish(gpus: &Gpus, list: Vec<Arc<Gpu>>) {
    gpus.publish(Devices {
        list,
        ..Devices::default()
    });
}

#[test]
fn a_device_that_is_published_again_keeps_its_samples_and_both_handles_add_to_them() {
    let gpus = Gpus::default();
    let first = steady(10);
    publish(&gpus, vec![Arc::clone(&first)]);

    let second = gpu();
    publish(&gpus, vec![Arc::clone(&second)]);
    second.add_fast(&fast(T0 + 10 * S + 100 * MS, 400.0));

    let ten = |gpu: &Gpu| gpu.window(T0, T0 + 20 * S).unwrap().samples;
    assert_eq!(ten(&gpus.devices().list[0]), 102);
    assert_eq!(ten(&first), 102);
}

#[test]
fn a_device_is_found_by_the_number_of_its_file_and_an_instance_by_that_of_its_gpu() {
    let named = |uuid: &str, index, minor, mig: Option<(&str, Option<u32>)>| {
        Gpu::new(About {
            uuid: uuid.to_owned(),
            index,
            minor,
            mig: mig.map(|(parent, gpu_instance)| super::Mig {
                parent: parent.to_owned(),
                gpu_instance,
                ..super::Mig::default()
            }),
            ..About::default()
        })
    };
    let devices = Devices {
        list: vec![
            named("GPU-a", 0, Some(1), None),
            named("MIG-1", 0, Some(1), Some(("GPU-a", Some(3)))),
            named("MIG-2", 0, Some(1), Some(("GPU-a", Some(5)))),
            named("MIG-3", 0, Some(1), Some(("GPU-a", Some(5)))),
            named("MIG-4", 0, Some(1), Some(("GPU-a", None))),
            named("GPU-b", 1, Some(0), None),
            named("GPU-c", 2, None, None),
        ],
        ..Devices::default()
    };
    let uuid = |gpu: Option<&Arc<Gpu>>| gpu.map(|gpu| gpu.about.uuid.clone());

    assert_eq!(uuid(devices.by_number(0)).unwrap(), "GPU-b");
    assert_eq!(uuid(devices.by_number(1)).unwrap(), "GPU-a");
    assert_eq!(
        uuid(devices.by_number(2)).unwrap(),
        "GPU-c",
        "without a number of its file its own counts"
    );
    assert_eq!(uuid(devices.by_number(3)), None);
    assert_eq!(uuid(devices.by_instance(1, 3)).unwrap(), "MIG-1");
    assert_eq!(
        uuid(devices.by_instance(1, 5)),
        None,
        "two instances, and nobody knows which is meant"
    );
    assert_eq!(uuid(devices.by_instance(0, 3)), None);
}

#[test]
fn a_device_of_which_more_is_known_keeps_its_samples() {
    let first = steady(10);

    let second = first.known_better(About::default());
    second.add_fast(&fast(T0 + 10 * S + 100 * MS, 400.0));

    assert_eq!(first.window(T0, T0 + 20 * S).unwrap().samples, 102);
}

#[test]
fn g_3_a_window_outside_of_the_ring_gives_nothing() {
    let gpu = steady(10);

    assert_eq!(gpu.window(T0 - 10 * S, T0 - S), None);
    assert_eq!(gpu.window(T0 + 11 * S, T0 + 12 * S), None);
    assert_eq!(super::Gpu::new(About::default()).window(T0, T0 + S), None);
}

#[test]
fn g_3_what_has_left_the_ring_gives_nothing() {
    let gpu = steady(700);

    assert_eq!(gpu.window(T0, T0 + 90 * S), None);
    assert!(gpu.window(T0 + 101 * S, T0 + 102 * S).is_some());
}

#[test]
fn g_3_a_window_that_reaches_out_of_the_ring_says_so_by_its_coverage() {
    let gpu = steady(10);

    let window = gpu.window(T0 + 9 * S, T0 + 11 * S).unwrap();

    assert!(is_close(window.coverage, 0.5, 1e-9), "{window:?}");
    assert!(is_close(window.power_w.unwrap(), 400.0, 1e-6));
    assert!(is_close(window.energy_j.unwrap(), 400.0, 1e-6));
}

#[test]
fn g_4_what_a_device_does_not_support_is_never_zero() {
    let gpu = gpu();
    for tick in 0..=100 {
        gpu.add_fast(&Fast {
            time_ns: T0 + tick * 100 * MS,
            ..Fast::default()
        });
        gpu.add_slow(&Slow {
            time_ns: T0 + tick * 100 * MS,
            utilization: Some(f32::NAN),
            temperature_c: Some(f32::INFINITY),
            ..Slow::default()
        });
    }

    let window = gpu.window(T0 + S, T0 + 2 * S).unwrap();

    let nothing = Window {
        samples: 11,
        coverage: 1.0,
        ..Window::default()
    };
    assert_eq!(window, nothing);
}

#[test]
fn g_6_devices_never_see_each_others_samples() {
    let (one, two) = (steady(10), gpu());
    for tick in 0..=100 {
        two.add_fast(&fast(T0 + tick * 100 * MS, 90.0));
    }

    let power = |gpu: &Gpu| gpu.window(T0 + S, T0 + 3 * S).unwrap().power_w.unwrap();
    assert!(is_close(power(&one), 400.0, 1e-6));
    assert!(is_close(power(&two), 90.0, 1e-6));
    assert_eq!(two.window(T0 + S, T0 + 3 * S).unwrap().utilization, None);
}

#[test]
fn a_ring_takes_at_most_400_kib() {
    let gpu = steady(1_300);

    let bytes = gpu.bytes_len();

    assert!((300 << 10..=400 << 10).contains(&bytes), "{bytes}");
}

#[test]
fn counted_throttle_time_is_exact_between_samples_and_reasons_are_those_of_the_samples() {
    let window = steady(10).window(T0 + 1_030 * MS, T0 + 3_070 * MS).unwrap();

    assert!(
        is_close(window.throttled.power_s.unwrap(), 2.04 / 4.0, 1e-5),
        "{window:?}"
    );
    assert_eq!(window.throttled.thermal_s, None);
    assert_eq!(window.reasons, Some(4));
}
