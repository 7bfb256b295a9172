//! What is told, in both languages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use inferscope_nvml_sim::Stage;

use super::rig::{Rig, Series, State};
use crate::engines::{Dcgm, EngineReceiver};
use crate::prometheus::tests::rig::Site;

/// Everything stands still, but for what only counts.
const STILL: &str =
    "gpus: [{uuid: GPU-a, load: 0.5, power: 300, power_capped: 0, tensor: 0.25, memory_used: 68719476736,
    pcie: 100, nvlink: 2000, nvlink_errors: {crc_flit: 3, replay: 2}, ecc_corrected_before: 4,
    xids: [{at: 1200ms, number: 79}], processes: [{pid: 1, memory: 1048576, sm: 0.25, mem: 0.125}]}]";

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_told_in_names_and_units_of_opentelemetry() {
    let stage = Stage::new(&Stage::built(), STILL).unwrap();
    let mut rig = Rig::at(&stage, "").await;
    let gpu = [
        ("hw.id", "GPU-a"),
        ("host.name", "node-1"),
        ("inferscope.gpu.model", "NVIDIA H100 80GB HBM3"),
    ];

    rig.until_value("inferscope.gpu.tensor.active", &gpu, 0.25).await;

    assert_eq!(
        rig.value("hw.gpu.utilization", &[("hw.id", "GPU-a"), ("hw.gpu.task", "general")]),
        Some(0.5)
    );
    assert_eq!(rig.value("hw.gpu.memory.usage", &gpu), Some(68_719_476_736.0));
    assert_eq!(rig.value("hw.power", &gpu), Some(300.0));
    assert_eq!(rig.value("inferscope.gpu.power.instant", &gpu), Some(300.0));
    assert_eq!(rig.value("inferscope.gpu.power.limit", &gpu), Some(700.0));
    assert_eq!(
        rig.value("inferscope.gpu.clock", &[("hw.id", "GPU-a"), ("type", "memory")]),
        Some(2.619e9)
    );
    assert!(rig.value("hw.energy", &gpu).is_some_and(|joules| joules > 0.0));
    // The words of dcgm-exporter were not asked for.
    assert!(!rig.state().keys().any(|series| series.name.starts_with("DCGM")));

    rig.stop().await;
    assert!(rig.state().values().all(Option::is_none), "a series that has not ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_xid_is_a_metric_and_a_log_record() {
    let stage = Stage::new(&Stage::built(), STILL).unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;
    let errors = [("hw.id", "GPU-a"), ("error.type", "xid")];
    rig.until_value("hw.errors", &errors, 0.0).await;

    rig.until_value("hw.errors", &errors, 1.0).await;

    rig.until_value("DCGM_FI_DEV_XID_ERRORS", &[("UUID", "GPU-a")], 79.0)
        .await;
    let records = rig.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].event_name, "inferscope.gpu.xid");
    let attributes: BTreeMap<_, _> = records[0]
        .attributes
        .iter()
        .map(|it| (it.key.as_str(), format!("{:?}", it.value)))
        .collect();
    assert!(attributes["inferscope.gpu.xid"].contains("79") && attributes["hw.id"].contains("GPU-a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_their_processes_are_published() {
    let own = std::process::id();
    let scenario =
        format!("gpus: [{{uuid: GPU-a, minor: 3, processes: [{{pid: {own}, memory: 7}}, {{pid: 4194303}}]}}]");
    let stage = Stage::new(&Stage::built(), &scenario).unwrap();
    let rig = Rig::at(&stage, "").await;

    rig.until("the process", |rig| {
        !rig.world.context.gpus.devices().processes.list.is_empty()
    })
    .await;

    let devices = rig.world.context.gpus.devices();
    let about = &devices.list[0].about;
    assert_eq!(
        (about.uuid.as_str(), about.minor, about.pci_bus_id.as_str()),
        ("GPU-a", Some(3), "00000000:18:00.0")
    );
    // The other process is none of this node.
    assert_eq!(devices.processes.list.len(), 1);
    let process = &devices.processes.list[0];
    assert_eq!(
        (process.pid, process.memory_bytes, process.gpu.as_str()),
        (own, Some(7), "GPU-a")
    );
    assert!(process.started_ticks > 0);
    let now = devices.processes.seen_ns;
    assert_eq!(devices.processes.of("node-1", own, None, now), [process]);
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_the_series_of_dashboard_12239_are_there_with_its_variables() {
    let stage = Stage::new(&Stage::built(), STILL).unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;
    let variables = [
        ("gpu", "0"),
        ("UUID", "GPU-a"),
        ("Hostname", "node-1"),
        ("hostname", "node-1"),
        ("device", "nvidia0"),
        ("modelName", "NVIDIA H100 80GB HBM3"),
        ("pci_bus_id", "00000000:18:00.0"),
        ("service.name", "dcgm-exporter"),
        ("service.instance.id", "node-1:9400"),
    ];
    let names = [
        "DEV_GPU_TEMP",
        "DEV_POWER_USAGE",
        "DEV_SM_CLOCK",
        "DEV_GPU_UTIL",
        "DEV_FB_USED",
        "PROF_PIPE_TENSOR_ACTIVE",
    ];

    for name in names {
        let name = format!("DCGM_FI_{name}");
        rig.until(&name, |rig| rig.value(&name, &variables).is_some()).await;
    }

    assert_eq!(rig.value("DCGM_FI_DEV_FB_USED", &variables), Some(65_536.0));
    assert_eq!(rig.value("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", &variables), Some(0.25));
}

/// What NVML tells and dcgm-exporter has no word for.
const OURS_ONLY: &[&str] = &[
    "inferscope.gpu.up",
    "inferscope.gpu.library.up",
    "inferscope.gpu.power.limit",
    "inferscope.gpu.process.memory.bandwidth.busy",
    "inferscope.gpu.process.memory.usage",
    "inferscope.gpu.process.utilization",
    "hw.gpu.io",
];

#[tokio::test(flavor = "multi_thread")]
async fn d2_a_page_of_dcgm_exporter_and_the_library_tell_the_same() {
    let stage = Stage::new(&Stage::built(), STILL).unwrap();
    let mut rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;
    rig.until("everything", |rig| {
        rig.value("inferscope.gpu.tensor.active", &[]).is_some()
            && rig.value("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", &[]).is_some()
            && rig.value("DCGM_FI_PROF_NVLINK_RX_BYTES", &[]).is_some()
    })
    .await;
    let told = rig.state();
    rig.stop().await;

    let site = Site::page(page(&told)).await;
    let yaml = format!(
        "{{targets: ['{}'], collection_interval: 1s, timeout: 900ms}}",
        site.address
    );
    let scraped = Rig::of::<EngineReceiver<Dcgm>>(&yaml).await;
    scraped
        .until("the page", |rig| {
            rig.value("inferscope.gpu.tensor.active", &[]).is_some()
        })
        .await;

    let (ours, theirs) = (canonical(&told), canonical(&scraped.state()));
    assert!(ours.len() > 30, "{}", ours.len());
    assert_eq!(ours, theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_what_a_page_repeats_with_every_instance_is_the_gpus_and_told_once() {
    let own = std::process::id();
    let instance = |uuid: &str, number: u8| {
        format!("{{uuid: {uuid}, profile: 1g.10gb, gpu_instance: {number}, active: 0.25, processes: [{{pid: {own}}}]}}")
    };
    let mig = [instance("MIG-1", 7), instance("MIG-2", 9)].join(", ");
    let stage = Stage::new(
        &Stage::built(),
        &format!("gpus: [{{uuid: GPU-a, power: 300, mig: [{mig}]}}]"),
    )
    .unwrap();
    let mut rig = Rig::at(&stage, ", process_metrics: false, dcgm: {enabled: true}").await;
    let both = |rig: &Rig| ["7", "9"].map(|it| rig.value("DCGM_FI_PROF_SM_ACTIVE", &[("GPU_I_ID", it)]));
    rig.until("both instances", |rig| both(rig) == [Some(0.25); 2]).await;
    rig.until("the rest", |rig| {
        rig.value("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", &[("GPU_I_ID", "7")])
            .is_some()
    })
    .await;
    let told = rig.state();
    rig.stop().await;
    let living: State = told.into_iter().filter(|(_, value)| value.is_some()).collect();

    let site = Site::page(page(&living)).await;
    let yaml = format!(
        "{{targets: ['{}'], collection_interval: 1s, timeout: 900ms}}",
        site.address
    );
    let scraped = Rig::of::<EngineReceiver<Dcgm>>(&yaml).await;
    scraped
        .until("the page", |rig| rig.value("hw.power", &[]) == Some(300.0))
        .await;

    let (ours, theirs) = (canonical(&living), canonical(&scraped.state()));
    let is_of_instance = |series: &Series| series.attributes.contains_key("inferscope.gpu.mig.id");
    let of_gpu: BTreeMap<_, _> = theirs.iter().filter(|(series, _)| !is_of_instance(series)).collect();
    assert!(of_gpu.len() > 15, "{of_gpu:#?}");
    for (series, value) in of_gpu {
        assert_eq!(ours.get(series), Some(value), "{series:?}");
    }
    // The page does not have the names of instances, so that only their number is the same.
    let active = |told: &BTreeMap<Series, String>| {
        let mut all: Vec<_> = told
            .iter()
            .filter(|(series, _)| series.name == "inferscope.gpu.sm.active" && is_of_instance(series))
            .map(|(series, value)| (series.attributes["inferscope.gpu.mig.id"].clone(), value.clone()))
            .collect();
        all.sort();
        all
    };
    assert_eq!(active(&ours), active(&theirs));
    assert_eq!(active(&ours).len(), 2);
}

/// The series in the words of dcgm-exporter as its page.
fn page(told: &State) -> String {
    let mut page = String::new();
    for (series, value) in told.iter().filter(|(series, _)| series.name.starts_with("DCGM_FI_")) {
        let is_counter = ["ENERGY", "COUNTER", "REMAPPED", "ECC", "VIOLATION", "ERROR_COUNT"]
            .iter()
            .any(|part| series.name.contains(part));
        let kind = if is_counter { "counter" } else { "gauge" };
        let labels = series
            .attributes
            .iter()
            .filter(|(name, _)| !name.starts_with("service."));
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let (name, value) = (&series.name, value.unwrap());
        let _ = writeln!(page, "# TYPE {name} {kind}\n{name}{{{}}} {value}", labels.join(","));
    }
    page
}

/// The series in our own words, without who told them.
fn canonical(told: &State) -> BTreeMap<Series, String> {
    let is_ours = |series: &Series| {
        let has = |key: &str, values: &[&str]| {
            series
                .attributes
                .get(key)
                .is_some_and(|it| values.contains(&it.as_str()))
        };
        OURS_ONLY.contains(&series.name.as_str())
            || has("inferscope.reason", &["hardware_thermal", "power_brake"])
            || has("error.type", &["xid"])
    };
    let all = told
        .iter()
        .filter(|(series, _)| series.name.starts_with("hw.") || series.name.starts_with("inferscope.gpu."));
    all.filter(|(series, value)| !is_ours(series) && value.is_some())
        .map(|(series, value)| {
            let mut series = series.clone();
            series.attributes.retain(|name, _| !name.starts_with("service."));
            (series, format!("{:.9e}", value.unwrap()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)] // The figures are what the test is for.
async fn eight_gpus_cost_a_few_hundred_calls_a_second_by_the_plan_as_it_stands() {
    let busy = format!("{{load: 0.5, processes: [{{pid: {}, sm: 0.5}}]}}", std::process::id());
    for (what, gpu) in [("without processes", "{load: 0.5}"), ("with one on each", &busy)] {
        let gpus = [gpu; 8].join(", ");
        let stage = Stage::new(&Stage::built(), &format!("gpus: [{gpus}]")).unwrap();
        let yaml = format!("library_path: '{}'", stage.path().display());
        let mut rig = Rig::of::<super::super::NvmlReceiver>(&yaml).await;
        rig.until("eight devices", |rig| rig.world.context.gpus.devices().list.len() == 8)
            .await;

        let (before, since, cpu) = (stage.calls(), tokio::time::Instant::now(), cpu_of_threads());
        tokio::time::sleep(Duration::from_secs(5)).await;
        let calls = stage.calls() - before;
        let rate = calls as f64 / since.elapsed().as_secs_f64();

        let cpu = cpu_of_threads().saturating_sub(cpu).as_secs_f64() / since.elapsed().as_secs_f64();
        eprintln!(
            "library calls a second for 8 GPUs {what}: {rate:.0}; all threads named nvml: {:.2} % of a core",
            cpu * 100.0
        );
        assert!((200.0..500.0).contains(&rate), "{rate}");
        rig.stop().await;
    }
}

/// What all threads at libraries have used so far; with this test alone, those of its receiver.
fn cpu_of_threads() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let at_library = threads.filter(|it| {
        let name = std::fs::read_to_string(it.path().join("comm"));
        name.is_ok_and(|name| name.trim() == "nvml")
    });
    let nanoseconds = at_library.filter_map(|it| {
        let text = std::fs::read_to_string(it.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}
