//! Pods that hold devices, and their processes.

use std::sync::Arc;

use inferscope_nvml_sim::Stage;
use pipeline::context::pods::{Pod, PodDevices, PodMap};

use super::rig::Rig;
use super::to_pod;

const TWO: &str = "gpus: [{uuid: GPU-a, temperature: 50}, {uuid: GPU-b, temperature: 60}]";

/// The kubelet has given these devices to these pods of the namespace `llm`.
fn give(rig: &Rig, given: &[(&str, &str)]) {
    let given = given.iter().map(|(pod, id)| to_pod(pod, id));
    rig.world.context.pods.publish_devices(PodDevices::new(given.collect()));
}

fn dcgm(pod: &str) -> [(&str, &str); 4] {
    [
        ("UUID", "GPU-a"),
        ("pod", pod),
        ("namespace", "llm"),
        ("container", "vllm"),
    ]
}

fn own(pod: &str) -> [(&str, &str); 4] {
    [
        ("hw.parent", "GPU-a"),
        ("k8s.pod.name", pod),
        ("k8s.namespace.name", "llm"),
        ("k8s.container.name", "vllm"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_told_with_the_pod_that_holds_it_and_its_series_end_with_the_pod() {
    let stage = Stage::new(&Stage::built(), TWO).unwrap();
    let rig = Rig::at(&stage, ", dcgm: {enabled: true}").await;
    rig.until_value("DCGM_FI_DEV_GPU_TEMP", &[("UUID", "GPU-a")], 50.0)
        .await;

    give(&rig, &[("vllm-0", "GPU-a")]);
    rig.until_value("DCGM_FI_DEV_GPU_TEMP", &dcgm("vllm-0"), 50.0).await;
    // `value` finds one living series only: the one without a pod has ended.
    rig.until_value("DCGM_FI_DEV_GPU_TEMP", &[("UUID", "GPU-a")], 50.0)
        .await;
    let gpu = [("hw.sensor_location", "gpu")];
    let with = |pod| [own(pod).as_slice(), &gpu].concat();
    rig.until_value("hw.temperature", &with("vllm-0"), 50.0).await;
    assert_eq!(
        rig.value("DCGM_FI_DEV_GPU_TEMP", &[("UUID", "GPU-b"), ("pod", "vllm-0")]),
        None
    );

    give(&rig, &[("vllm-1", "GPU-a")]);
    rig.until_value("hw.temperature", &with("vllm-1"), 50.0).await;
    assert_eq!(rig.value("hw.temperature", &with("vllm-0")), None, "the pod of before");
    assert_eq!(rig.value("DCGM_FI_DEV_GPU_TEMP", &dcgm("vllm-0")), None);

    // Shared: nobody has it alone.
    give(&rig, &[("vllm-1", "GPU-a::0"), ("vllm-2", "GPU-a::1")]);
    rig.until("the end", |rig| rig.value("hw.temperature", &with("vllm-1")).is_none())
        .await;
    rig.until_value("DCGM_FI_DEV_GPU_TEMP", &[("UUID", "GPU-a")], 50.0)
        .await;
    assert!(
        rig.state()
            .iter()
            .all(|(series, value)| value.is_none() || !series.attributes.contains_key("pod"))
    );
    // Whether the device answers has nothing to do with pods: one series from the beginning to the end.
    let ups = rig
        .state()
        .into_keys()
        .filter(|it| it.has("inferscope.gpu.up", &[("hw.id", "GPU-a")]));
    assert_eq!(ups.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_does_not_want_pods_gets_them() {
    let stage = Stage::new(&Stage::built(), TWO).unwrap();
    let rig = Rig::at(&stage, ", kubernetes: false, dcgm: {enabled: true}").await;
    give(&rig, &[("vllm-0", "GPU-a")]);

    rig.until_value("DCGM_FI_DEV_GPU_TEMP", &[("UUID", "GPU-a")], 50.0)
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    assert!(!rig.state().keys().any(|series| series.attributes.contains_key("pod")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_does_is_told_by_its_number() {
    let pid = std::process::id();
    let busy = |sm: f64| {
        format!(
            "gpus: [{{uuid: GPU-a, processes: [{{pid: {pid}, memory: 7, sm: {sm}, mem: 0.2, enc: 0.5, dec: 0.25}}]}}]"
        )
    };
    let stage = Stage::new(&Stage::built(), &busy(0.75)).unwrap();
    let rig = Rig::at(&stage, "").await;
    let pid = pid.to_string();
    let task = |task| [("hw.id", "GPU-a"), ("process.pid", pid.as_str()), ("hw.gpu.task", task)];

    for (name, share) in [("general", 0.75), ("encoder", 0.5), ("decoder", 0.25)] {
        rig.until_value("inferscope.gpu.process.utilization", &task(name), share)
            .await;
    }
    let process = [("hw.id", "GPU-a"), ("process.pid", pid.as_str())];
    rig.until_value("inferscope.gpu.process.memory.bandwidth.busy", &process, 0.2)
        .await;
    rig.until_value("inferscope.gpu.process.memory.usage", &process, 7.0)
        .await;

    // The driver leaves out who does nothing; that is 0, and no end.
    let idle = busy(0.0).replace("mem: 0.2, enc: 0.5, dec: 0.25", "mem: 0");
    stage.change(&idle).unwrap();
    rig.until_value("inferscope.gpu.process.utilization", &task("general"), 0.0)
        .await;
    rig.until_value("inferscope.gpu.process.utilization", &task("encoder"), 0.0)
        .await;

    stage.change("gpus: [{uuid: GPU-a}]").unwrap();
    rig.until("the end of the process", |rig| {
        rig.value("inferscope.gpu.process.memory.usage", &process).is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_say_what_processes_do_is_no_device_whose_processes_do_nothing() {
    let pid = std::process::id();
    let scenario = format!(
        "{{gpus: [{{uuid: GPU-a, processes: [{{pid: {pid}, memory: 7, sm: 0.5}}]}}],
           faults: [{{call: nvmlDeviceGetProcessUtilization, what: not_supported}}]}}"
    );
    let stage = Stage::new(&Stage::built(), &scenario).unwrap();
    let rig = Rig::at(&stage, "").await;

    rig.until_value("inferscope.gpu.process.memory.usage", &[("hw.id", "GPU-a")], 7.0)
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    let told = rig.state();
    assert!(
        !told
            .keys()
            .any(|series| series.name == "inferscope.gpu.process.utilization")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_very_many_processes_tells_of_some_and_counts_the_others() {
    // Numbers of processes that are there: threads of this one have numbers that the kernel answers to.
    let threads: Vec<_> = (0..40).map(|_| std::sync::mpsc::channel::<()>()).collect();
    let (senders, receivers): (Vec<_>, Vec<_>) = threads.into_iter().unzip();
    let waiting: Vec<_> = receivers
        .into_iter()
        .map(|receiver| std::thread::spawn(move || receiver.recv()))
        .collect();
    let numbers: Vec<String> = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .take(40)
        .collect();
    let processes: Vec<String> = numbers
        .iter()
        .map(|number| format!("{{pid: {number}, memory: {number}}}"))
        .collect();
    let scenario = format!("gpus: [{{uuid: GPU-a, processes: [{}]}}]", processes.join(", "));
    let stage = Stage::new(&Stage::built(), &scenario).unwrap();
    let rig = Rig::at(&stage, "").await;

    let told = |rig: &Rig| {
        let state = rig.state();
        let of = state
            .iter()
            .filter(|(series, value)| value.is_some() && series.name == "inferscope.gpu.process.memory.usage");
        of.count()
    };
    rig.until("as many as may be", |rig| {
        told(rig) == super::super::words::PROCESSES_TOLD_MAX
    })
    .await;

    let page = rig.page();
    let line = page
        .lines()
        .find(|line| line.starts_with("inferscope_nvml_processes_left_out{"));
    assert!(line.is_some_and(|line| !line.ends_with(" 0")), "{line:?}");
    drop(senders);
    waiting.into_iter().for_each(|thread| drop(thread.join()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_device_is_told_for_each_pod_where_that_is_wanted() {
    let stage = Stage::new(&Stage::built(), TWO).unwrap();
    let rig = Rig::at(
        &stage,
        ", kubernetes_virtual_gpus: true, kubernetes_enable_pod_uid: true, dcgm: {enabled: true}",
    )
    .await;
    let pod = |name: &str| {
        Arc::new(Pod {
            uid: format!("uid-{name}"),
            name: name.to_owned(),
            namespace: "llm".to_owned(),
            ..Pod::default()
        })
    };
    let map = PodMap::new(vec![pod("vllm-0"), pod("vllm-1")], Vec::new(), Vec::new());
    rig.world.context.pods.publish(map);
    give(&rig, &[("vllm-0", "GPU-a::0"), ("vllm-1", "GPU-a::1")]);

    for (name, vgpu, uid) in [("vllm-0", "0", "uid-vllm-0"), ("vllm-1", "1", "uid-vllm-1")] {
        let labels = [dcgm(name).as_slice(), &[("vgpu", vgpu), ("pod_uid", uid)]].concat();
        rig.until_value("DCGM_FI_DEV_GPU_TEMP", &labels, 50.0).await;
    }
    rig.until_value("DCGM_FI_DEV_GPU_TEMP", &[("UUID", "GPU-b")], 60.0)
        .await;
    // Our own names say each thing once.
    rig.until_value(
        "hw.temperature",
        &[("hw.parent", "GPU-a"), ("hw.sensor_location", "gpu")],
        50.0,
    )
    .await;
}
