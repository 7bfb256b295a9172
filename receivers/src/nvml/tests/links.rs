//! Links to other GPUs, PCIe, and errors of a board's life.

use inferscope_nvml_sim::Stage;

use super::rig::Rig;

const A: &[(&str, &str)] = &[("hw.id", "GPU-a")];

fn errors(of: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("hw.id", "GPU-a"), ("error.type", of)]
}

fn direction(of: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![("hw.id", "GPU-a"), ("network.io.direction", of)]
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_told_with_their_errors_and_under_the_names_of_dcgm() {
    let scenario =
        "gpus: [{uuid: GPU-a, nvlink: 2000, nvlink_errors: {crc_flit: 3, crc_data: 1, replay: 2, recovery: 4}}]";
    let stage = Stage::new(&Stage::built(), scenario).unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;

    for (kind, count) in [
        ("nvlink_crc_flit", 3.0),
        ("nvlink_crc_data", 1.0),
        ("nvlink_replay", 2.0),
        ("nvlink_recovery", 4.0),
    ] {
        rig.until_value("hw.errors", &errors(kind), count).await;
    }
    let bytes = 2000.0 * 1_048_576.0;
    rig.until("the rates", |rig| {
        let near = |name, parts: &[_], wanted: f64| {
            rig.value(name, parts)
                .is_some_and(|it| (it - wanted).abs() <= wanted * 1e-6)
        };
        near("inferscope.gpu.nvlink.throughput", &direction("transmit"), bytes)
            && near("DCGM_FI_PROF_NVLINK_RX_BYTES", &[("UUID", "GPU-a")], bytes)
    })
    .await;
    // KiB divided by 1000, both ways: as DCGM makes its megabytes.
    rig.until_value("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", &[("UUID", "GPU-a")], 4096.0)
        .await;
    rig.until_value("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", &[("UUID", "GPU-a")], 2.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_links_tells_nothing_of_them_and_no_0() {
    let stage = Stage::new(&Stage::built(), "gpus: [{uuid: GPU-a, nvlinks: 0, nvlink: 2000}]").unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;

    rig.until("activity and errors", |rig| {
        rig.value("inferscope.gpu.sm.active", A).is_some() && rig.value("hw.errors", &errors("pcie_replay")).is_some()
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    let of_links = |name: &str| name.to_lowercase().contains("nvlink");
    let told: Vec<_> = rig
        .state()
        .into_keys()
        .filter(|it| of_links(&it.name) || it.attributes.values().any(|value| of_links(value)))
        .collect();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_over_pcie_is_counted_and_its_rate_has_dcgms_name() {
    let stage = Stage::new(
        &Stage::built(),
        "gpus: [{uuid: GPU-a, pcie: 100, ecc_corrected_before: 4, ecc_corrected: 1}]",
    )
    .unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;

    rig.until("bytes", |rig| {
        let sent = rig.value("hw.gpu.io", &direction("transmit"));
        sent.is_some() && sent == rig.value("hw.gpu.io", &direction("receive"))
    })
    .await;
    // 100 MiB a second in kilobytes, as exact as our clock is beside that of the library.
    rig.until("the rate", |rig| {
        let rate = rig.value("DCGM_FI_DEV_PCIE_TX_THROUGHPUT", &[("UUID", "GPU-a")]);
        rate.is_some_and(|rate| (rate - 104_857.6).abs() < 5_000.0)
    })
    .await;
    rig.until_value("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", &[("UUID", "GPU-a")], 5.0)
        .await;
    rig.until_value("hw.errors", &errors("corrected"), 1.0).await;
}
