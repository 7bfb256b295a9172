//! The twelve faults of S10: the process lives, what is gone is told to be gone, and what returns is told again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use inferscope_nvml_sim::Stage;
use pipeline::outside::{Clock, SystemClock};
use pipeline::plan::World;

use super::rig::{FAST, Rig};

const TWO: &str = "gpus: [{uuid: GPU-a, temperature: 50}, {uuid: GPU-b, temperature: 60}]";
const A: &[(&str, &str)] = &[("hw.id", "GPU-a")];
const B: &[(&str, &str)] = &[("hw.id", "GPU-b")];

fn stage(scenario: &str) -> Stage {
    Stage::new(&Stage::built(), scenario).unwrap()
}

fn with_faults(faults: &str) -> String {
    format!("{{{TWO}, faults: [{faults}]}}")
}

fn temperature(of: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("hw.parent", of), ("hw.sensor_location", "gpu")]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_is_there_before_anything_fails() {
    let stage = stage(TWO);
    let rig = Rig::at(&stage, "").await;
    rig.until_value("inferscope.gpu.up", A, 1.0).await;

    let page = rig.page();
    let told = |name: &str, reason: &str| {
        let mut lines = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        lines.any(|line| line.contains(&format!("reason=\"{reason}\"")) && line.ends_with(" 0"))
    };
    for reason in ["lost", "library", "garbage", "permission", "other"] {
        assert!(told("inferscope_nvml_calls_failed", reason), "{reason}: {page}");
    }
    assert!(told("inferscope_nvml_samples_ignored", "time_backwards"), "{page}");
}

/// The system's clock, which somebody sets back by a second.
#[derive(Default)]
struct SetBack(AtomicBool);

impl Clock for SetBack {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn wall(&self) -> SystemTime {
        let back = Duration::from_secs(u64::from(self.0.load(Ordering::SeqCst)));
        SystemClock.wall() - back
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_a_clock_that_was_set_back_costs_are_counted() {
    let stage = stage(TWO);
    let clock = Arc::new(SetBack::default());
    let mut world = World::system();
    world.outside.clock = clock.clone();
    let yaml = format!("{{library_path: '{}', {FAST}}}", stage.path().display());
    let rig = Rig::within::<super::super::NvmlReceiver>(&yaml, world).await;
    rig.until_value("inferscope.gpu.up", B, 1.0).await;

    clock.0.store(true, Ordering::SeqCst);

    let counted = |rig: &Rig| {
        let page = rig.page();
        let mut lines = page
            .lines()
            .filter(|it| it.starts_with("inferscope_nvml_samples_ignored{"));
        lines.next()?.rsplit_once(' ')?.1.parse::<u64>().ok()
    };
    // Twenty a second of each of the two, for a second.
    rig.until("most of them", |rig| counted(rig).is_some_and(|count| count > 20))
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let count = counted(&rig);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(counted(&rig), count, "time goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_1_a_library_that_is_missing_is_looked_for_and_the_reason_is_told() {
    let stage = stage(TWO);
    let later = stage.path().with_file_name("later.so");
    let yaml = format!("{{library_path: '{}', {FAST}}}", later.display());
    let rig = Rig::of::<super::super::NvmlReceiver>(&yaml).await;

    rig.until_value("inferscope.gpu.library.up", &[], 0.0).await;
    let why = rig.world.health.troubles()["nvml"].clone();
    assert!(why.contains("later.so") && why.contains("library_path"), "{why}");

    // The very file, so that the scenario is there.
    std::fs::hard_link(stage.path(), &later).unwrap();
    rig.until_value("inferscope.gpu.up", A, 1.0).await;
    // The watch says so in its next round, which may be after the sample was told.
    rig.until("no trouble", |rig| rig.world.health.troubles().is_empty())
        .await;
    assert!(rig.world.health.troubles().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_2_a_lost_gpu_is_down_and_the_other_goes_on() {
    let stage = stage(TWO);
    let rig = Rig::at(&stage, "").await;
    rig.until_value("hw.temperature", &temperature("GPU-b"), 60.0).await;

    stage
        .change(&with_faults("{call: '*', gpu: 1, what: gpu_is_lost}"))
        .unwrap();
    rig.until_value("inferscope.gpu.up", B, 0.0).await;
    assert_eq!(
        rig.value("hw.temperature", &temperature("GPU-b")),
        None,
        "a frozen value"
    );
    assert_eq!(rig.value("inferscope.gpu.up", A), Some(1.0));

    stage.change(TWO).unwrap();
    rig.until_value("hw.temperature", &temperature("GPU-b"), 60.0).await;
    rig.until_value("inferscope.gpu.up", B, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_3_a_driver_that_is_loaded_anew_is_opened_anew() {
    let stage = stage(&format!("{{{TWO}, reloads: [1500ms]}}"));
    let rig = Rig::at(&stage, "").await;
    rig.until_value("inferscope.gpu.up", A, 1.0).await;

    rig.until_value("inferscope.gpu.library.up", &[], 0.0).await;
    assert_eq!(rig.value("inferscope.gpu.up", A), Some(0.0));

    rig.until_value("inferscope.gpu.up", A, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_4_what_a_device_does_not_support_is_not_told_and_never_0() {
    let scenario = with_faults(
        "{call: nvmlDeviceGetTemperature, what: not_supported}, {call: nvmlDeviceGetPowerUsage, what: not_supported}",
    );
    let stage = stage(&scenario);
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;

    rig.until("the rest", |rig| rig.value("hw.gpu.memory.usage", A).is_some())
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    let silent = ["hw.power", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_GPU_TEMP"];
    let told = rig.state();
    assert!(!told.keys().any(|series| silent.contains(&series.name.as_str())));
    assert!(
        !told
            .keys()
            .any(|series| series.has("hw.temperature", &[("hw.sensor_location", "gpu")]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_5_a_counter_of_errors_that_is_reset_is_told_as_it_is() {
    let stage = stage("gpus: [{uuid: GPU-a, ecc_corrected: 7}]");
    let rig = Rig::at(&stage, "").await;
    let corrected = [("hw.id", "GPU-a"), ("error.type", "corrected")];
    rig.until_value("hw.errors", &corrected, 7.0).await;

    stage.change("gpus: [{uuid: GPU-a, ecc_corrected: 0}]").unwrap();

    rig.until_value("hw.errors", &corrected, 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_6_instances_come_and_go_with_their_gpu() {
    let mig = |instances: &str| format!("gpus: [{{uuid: GPU-a, mig: [{instances}]}}]");
    let first =
        "{uuid: MIG-1, profile: 1g.10gb, gpu_instance: 7, slices: 1, memory: 10737418240, memory_used: 5242880}";
    let other =
        "{uuid: MIG-2, profile: 3g.40gb, gpu_instance: 2, slices: 3, memory: 42949672960, memory_used: 1048576}";
    let stage = stage(&mig(first));
    let rig = Rig::at(&stage, "").await;
    let one = [
        ("hw.id", "MIG-1"),
        ("hw.parent", "GPU-a"),
        ("inferscope.gpu.mig.profile", "1g.10gb"),
    ];
    rig.until_value("hw.gpu.memory.usage", &one, 5_242_880.0).await;
    let published = rig.world.context.gpus.devices();
    let about = &published.by_uuid("MIG-1").unwrap().about;
    assert_eq!(about.mig.as_ref().unwrap().parent, "GPU-a");
    assert_eq!(about.mig.as_ref().unwrap().slices, 1);
    assert_eq!(about.mig.as_ref().unwrap().gpu_instance, None, "nothing runs in it");
    let own = std::process::id();
    let busy = first.replace("slices", &format!("processes: [{{pid: {own}}}], slices"));
    stage.change(&mig(&busy)).unwrap();
    rig.until("the number of the instance", |rig| {
        rig.world.context.gpus.devices().by_instance(0, 7).is_some()
    })
    .await;
    // A divided GPU has no utilization of its own.
    assert_eq!(
        rig.value("hw.gpu.utilization", &[("hw.id", "GPU-a"), ("hw.gpu.task", "general")]),
        None
    );

    stage.change(&mig(other)).unwrap();
    rig.until_value("hw.gpu.memory.usage", &[("hw.id", "MIG-2")], 1_048_576.0)
        .await;
    rig.until("the end of the first", |rig| {
        rig.value("hw.gpu.memory.usage", &one).is_none()
    })
    .await;
    assert_eq!(rig.value("inferscope.gpu.up", &[("hw.id", "MIG-1")]), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_7_a_call_that_hangs_costs_its_thread_and_nothing_is_frozen() {
    let stage = stage(TWO);
    let rig = Rig::at(&stage, "").await;
    rig.until_value("hw.temperature", &temperature("GPU-a"), 50.0).await;

    stage
        .change(&with_faults("{call: nvmlDeviceGetTemperature, what: hang}"))
        .unwrap();
    rig.until_value("inferscope.gpu.up", A, 0.0).await;
    assert_eq!(
        rig.value("hw.temperature", &temperature("GPU-a")),
        None,
        "a frozen value"
    );
    let why = rig.world.health.troubles()["nvml"].clone();
    assert!(why.contains("does not come back"), "{why}");
    // Long enough for more threads than there may be.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let page = rig.page();
    let line = page
        .lines()
        .find(|line| line.starts_with("inferscope_nvml_threads_abandoned"));
    assert!(line.is_some_and(|line| line.ends_with(" 3")), "{line:?}");

    stage.change(TWO).unwrap();
    rig.until_value("hw.temperature", &temperature("GPU-a"), 50.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_8_an_old_driver_numbers_its_fields_otherwise_and_tells_the_same() {
    for driver in ["550.54.15", "580.95.05"] {
        let stage = stage(&format!("{{driver: {driver}, gpus: [{{uuid: GPU-a, hot: 1}}]}}"));
        let rig = Rig::at(&stage, "").await;
        let thermal = [("hw.id", "GPU-a"), ("inferscope.reason", "thermal")];

        rig.until(driver, |rig| {
            rig.value("inferscope.gpu.throttle.time", &thermal)
                .is_some_and(|it| it > 0.1)
        })
        .await;

        let brake = [("hw.id", "GPU-a"), ("inferscope.reason", "power_brake")];
        assert_eq!(rig.value("inferscope.gpu.throttle.time", &brake), Some(0.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_9_a_function_that_is_missing_costs_what_only_it_tells() {
    let stage = stage(&with_faults(
        "{call: nvmlDeviceGetFieldValues, what: function_not_found}, {call: 'nvmlGpm*', what: function_not_found},
         {call: 'nvmlEvent*', what: function_not_found}",
    ));
    let rig = Rig::at(&stage, "").await;

    rig.until_value("hw.temperature", &temperature("GPU-a"), 50.0).await;

    assert_eq!(rig.value("inferscope.gpu.up", A), Some(1.0));
    assert_eq!(rig.value("hw.energy", A), None);
    assert_eq!(rig.value("inferscope.gpu.tensor.active", A), None);
    assert_eq!(
        rig.value("hw.errors", &[("hw.id", "GPU-a"), ("error.type", "xid")]),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_10_garbage_is_no_measurement() {
    let stage = stage(TWO);
    let rig = Rig::at(&stage, "").await;
    rig.until_value("hw.temperature", &temperature("GPU-a"), 50.0).await;

    stage
        .change(&with_faults(
            "{call: 'nvmlDeviceGet*', gpu: 0, what: garbage}, {call: nvmlGpmMetricsGet, what: garbage}",
        ))
        .unwrap();
    rig.until("the end", |rig| {
        rig.value("hw.temperature", &temperature("GPU-a")).is_none()
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    let told = rig.state();
    let living = told.iter().filter_map(|(series, value)| Some((series, (*value)?)));
    for (series, value) in living {
        assert!(value.is_finite() && value < 1e13, "{series:?} {value}");
    }
    let page = rig.page();
    let line = page
        .lines()
        .find(|line| line.starts_with("inferscope_nvml_calls_failed") && line.contains("garbage"));
    assert!(line.is_some_and(|line| !line.ends_with(" 0")), "{line:?}");

    stage.change(TWO).unwrap();
    rig.until_value("hw.temperature", &temperature("GPU-a"), 50.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_11_a_driver_that_is_not_loaded_yet_is_waited_for() {
    let stage = stage(&with_faults("{call: nvmlInit_v2, what: driver_not_loaded}"));
    let rig = Rig::at(&stage, "").await;
    rig.until_value("inferscope.gpu.library.up", &[], 0.0).await;
    let why = rig.world.health.troubles()["nvml"].clone();
    assert!(why.contains("driver is not loaded"), "{why}");

    stage.change(TWO).unwrap();

    rig.until_value("inferscope.gpu.up", B, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_12_a_driver_of_another_version_is_down_until_it_fits() {
    let stage = stage(TWO);
    let rig = Rig::at(&stage, "").await;
    rig.until_value("inferscope.gpu.up", A, 1.0).await;

    stage
        .change(&with_faults("{call: '*', what: version_mismatch}"))
        .unwrap();
    rig.until_value("inferscope.gpu.up", A, 0.0).await;
    assert_eq!(rig.value("inferscope.gpu.library.up", &[]), Some(0.0));
    assert_eq!(
        rig.value("hw.temperature", &temperature("GPU-a")),
        None,
        "a frozen value"
    );

    stage.change(TWO).unwrap();
    rig.until_value("inferscope.gpu.up", A, 1.0).await;
}
