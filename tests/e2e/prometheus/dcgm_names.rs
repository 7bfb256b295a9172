//! NVIDIA's own dashboard (12239 of Grafana's catalogue), fed by our remote writes and by no dcgm-exporter.

use std::fs;

use inferscope_nvml_sim::Stage;

use super::server::{Prometheus, Version};
use crate::program;

/// Two GPUs that do the same all the time, and differently.
const SCENARIO: &str = "
gpus:
  - uuid: GPU-00000000-0000-4000-8000-000000000001
    load: [[0s, 0.5]]
    power: {idle: 300, full: 300}
    temperature: [[0s, 60]]
    sm_clock: [[0s, 1500]]
    tensor: [[0s, 0.25]]
    memory_used: 68_719_476_736
  - uuid: GPU-00000000-0000-4000-8000-000000000002
    load: [[0s, 0.5]]
    power: {idle: 500, full: 500}
    temperature: [[0s, 70]]
    sm_clock: [[0s, 1700]]
    tensor: [[0s, 0.75]]
    memory_used: 34_359_738_368
";

/// What the dashboard's panels and variables select by, in both of its editions: the one that is in the catalogue, and
/// the one that is in NVIDIA's repository since it was made for Kubernetes. Each with the sum over both GPUs.
const PANELS: &[(&str, f64)] = &[
    (r#"DCGM_FI_DEV_GPU_TEMP{instance=~"$instance", gpu=~"$gpu"}"#, 130.0),
    (r#"DCGM_FI_DEV_POWER_USAGE{instance=~"$instance", gpu=~"$gpu"}"#, 800.0),
    (
        r#"DCGM_FI_DEV_SM_CLOCK{instance=~"$instance", gpu=~"$gpu"} * 1000000"#,
        3.2e9,
    ),
    (r#"DCGM_FI_DEV_GPU_UTIL{instance=~"$instance", gpu=~"$gpu"}"#, 100.0),
    (r#"DCGM_FI_DEV_FB_USED{instance=~"$instance", gpu=~"$gpu"}"#, 98_304.0),
    (
        r#"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{instance=~"$instance", gpu=~"$gpu"}"#,
        1.0,
    ),
    (
        r#"max(DCGM_FI_DEV_GPU_TEMP{Hostname=~"$Hostname", gpu=~"$gpu"}) by (Hostname, gpu, UUID)"#,
        130.0,
    ),
    (
        r#"max(DCGM_FI_DEV_POWER_USAGE{Hostname=~"$Hostname", gpu=~"$gpu"}) by (gpu)"#,
        800.0,
    ),
    (
        r#"max(DCGM_FI_PROF_GR_ENGINE_ACTIVE{Hostname=~"$Hostname", gpu=~"$gpu"}) by (Hostname, gpu, GPU_I_ID)"#,
        1.0,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn d_1_the_panels_of_dashboard_12239_show_both_gpus() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, SCENARIO).unwrap();
    let prometheus = Prometheus::start(Version::V3, &[]).await;
    let program = program::with("dcgm_names.yaml")
        .env("PROMETHEUS", prometheus.port())
        .env("LIBRARY", Stage::built().display())
        .env("INFERSCOPE_NVML_SCENARIO", scenario.display());
    let mut program = program.start().await;

    for (panel, sum) in PANELS {
        let filled = panel
            .replace("$instance", "node-1:9400")
            .replace("$Hostname", "node-1")
            .replace("$gpu", "0|1");
        let sum_of = format!("round(sum({filled}), 0.001)");
        prometheus.comes_to(&sum_of, *sum).await;
        prometheus.comes_to(&format!("count({filled})"), 2.0).await;
    }

    // The variables themselves, from which everything else follows.
    for label in ["instance", "Hostname", "gpu", "job"] {
        let series = prometheus.series("DCGM_FI_DEV_FB_FREE").await;
        assert_eq!(series.len(), 2, "{series:?}");
        assert!(
            series.iter().all(|labels| labels.contains_key(label)),
            "{label}: {series:?}"
        );
    }
    program.stop().await;
}
