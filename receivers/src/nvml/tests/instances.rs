//! MIG instances, in both languages.

use inferscope_nvml_sim::Stage;

use super::rig::Rig;

/// Two instances; something runs in the first.
fn divided() -> String {
    let own = std::process::id();
    format!(
        "gpus: [{{uuid: GPU-a, power: 300, load: 1, mig: [
            {{uuid: MIG-1, profile: 1g.10gb, gpu_instance: 7, slices: 1, memory: 10737418240, memory_used: 5242880,
              active: 0.25, processes: [{{pid: {own}, memory: 1048576}}]}},
            {{uuid: MIG-2, profile: 2g.20gb, gpu_instance: 9, slices: 2, memory: 21474836480, memory_used: 1048576}}]}}]"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_activity_of_its_own_and_what_runs_in_it_is_its() {
    let stage = Stage::new(&Stage::built(), &divided()).unwrap();
    let rig = Rig::at(&stage, "").await;
    let own = std::process::id().to_string();

    rig.until_value("inferscope.gpu.sm.active", &[("hw.id", "MIG-1")], 0.25)
        .await;

    // Links are the whole GPU's, and what has no number says nothing of its activity.
    let of = |uuid| [("hw.id", uuid), ("network.io.direction", "transmit")];
    assert_eq!(rig.value("inferscope.gpu.pcie.throughput", &of("MIG-1")), None);
    assert_eq!(rig.value("inferscope.gpu.sm.active", &[("hw.id", "MIG-2")]), None);
    let process = [("process.pid", own.as_str())];
    assert_eq!(
        rig.value("inferscope.gpu.process.memory.usage", &process),
        Some(1_048_576.0)
    );
    assert_eq!(
        rig.value("inferscope.gpu.process.utilization", &process),
        None,
        "a part of a GPU does not say what processes do"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dcgms_series_of_a_divided_gpu_are_those_of_its_instances() {
    let stage = Stage::new(&Stage::built(), &divided()).unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;
    let instance = [
        ("UUID", "GPU-a"),
        ("gpu", "0"),
        ("device", "nvidia0"),
        ("GPU_I_PROFILE", "1g.10gb"),
        ("GPU_I_ID", "7"),
    ];

    rig.until_value("DCGM_FI_PROF_SM_ACTIVE", &instance, 0.25).await;

    assert_eq!(rig.value("DCGM_FI_DEV_FB_USED", &instance), Some(5.0));
    assert_eq!(
        rig.value("DCGM_FI_DEV_POWER_USAGE", &instance),
        Some(300.0),
        "the GPU's, as the exporter has it"
    );
    assert_eq!(rig.value("DCGM_FI_DEV_GPU_UTIL", &[]), None, "a divided GPU has none");
    // The other instance has no number yet, and the GPU is told by its instances: each of these is the only one.
    assert_eq!(rig.value("DCGM_FI_DEV_FB_USED", &[]), Some(5.0));
    assert_eq!(rig.value("DCGM_FI_DEV_GPU_TEMP", &[]), Some(74.0));
    assert!(!rig.state().keys().any(|series| {
        series.name.starts_with("DCGM") && series.attributes.values().any(|value| value.starts_with("MIG-"))
    }));
    let page = rig.page();
    assert!(page.contains("inferscope_nvml_instances_unnumbered"), "{page}");
    let unnumbered = page
        .lines()
        .find(|line| line.starts_with("inferscope_nvml_instances_unnumbered{"));
    assert!(unnumbered.is_some_and(|line| line.ends_with(" 1")), "{unnumbered:?}");
}
