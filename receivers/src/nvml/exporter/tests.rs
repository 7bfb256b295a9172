use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline::context::gpus::{About, Devices, Gpu, Mig};
use pipeline::context::pods::{Pod, PodDevices, PodMap, Pods};

use super::super::config::HostnameLabel;
use super::super::processes::Shares;
use super::*;
use crate::engines::profile::Kind;
use crate::nvml::tests::to_pod;

fn exporter() -> Exporter {
    Exporter {
        owner: Owner::default(),
        hostname: Hostname {
            name: "node-1".to_owned(),
            label: HostnameLabel::LowerCase,
        },
        with_uid: false,
        by_share: false,
    }
}

fn gpu(uuid: &str, readings: &[(&'static str, f64)]) -> Snapshot {
    Snapshot {
        labels: vec![("gpu", "0".to_owned()), ("UUID", uuid.to_owned())],
        uuid: uuid.to_owned(),
        is_up: true,
        readings: readings
            .iter()
            .map(|(family, value)| Reading {
                family,
                kind: Kind::Gauge,
                value: *value,
            })
            .collect(),
        ..Snapshot::default()
    }
}

fn instance(uuid: &str, number: Option<u32>, readings: &[(&'static str, f64)]) -> Snapshot {
    Snapshot {
        instance: Some(Instance {
            parent: "GPU-a".to_owned(),
            number,
            profile: "1g.10gb".to_owned(),
        }),
        ..gpu(uuid, readings)
    }
}

/// All that is told, as on the exporter's page.
fn told(exporter: &Exporter, devices: &[Snapshot], holders: &Holders) -> Vec<String> {
    let mut points = Vec::new();
    exporter.points(devices, holders, &mut points);
    let line = |point: &Point| {
        let labels: BTreeMap<String, String> = point.labels.iter().cloned().collect();
        let shown = labels.iter().filter(|(name, _)| *name != "hostname");
        let labels: Vec<String> = shown.map(|(name, value)| format!("{name}={value}")).collect();
        let name = point.name.strip_prefix("DCGM_FI_").unwrap();
        format!("{name}{{{}}} {}", labels.join(","), point.value)
    };
    let mut lines: Vec<String> = points.iter().map(line).collect();
    lines.sort();
    lines
}

const OF_GPU: &[(&str, f64)] = &[
    ("DEV_FB_USED", 900.0),
    ("DEV_POWER_USAGE", 300.0),
    ("DEV_XID_ERRORS", 79.0),
];

#[test]
fn an_instance_is_told_by_its_number_with_memory_of_its_own_and_the_power_of_its_gpu() {
    let devices = [
        gpu("GPU-a", OF_GPU),
        instance("MIG-1", Some(7), &[("DEV_FB_USED", 5.5), ("PROF_SM_ACTIVE", 0.25)]),
        instance("MIG-2", Some(9), &[("DEV_FB_USED", 6.0)]),
    ];

    let lines = told(&exporter(), &devices, &Holders::default());

    assert_eq!(
        lines,
        [
            "DEV_FB_USED{GPU_I_ID=7,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,gpu=0} 5",
            "DEV_FB_USED{GPU_I_ID=9,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,gpu=0} 6",
            "DEV_POWER_USAGE{GPU_I_ID=7,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,gpu=0} 300",
            "DEV_POWER_USAGE{GPU_I_ID=9,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,gpu=0} 300",
            "DEV_XID_ERRORS{UUID=GPU-a,gpu=0} 79",
            "PROF_SM_ACTIVE{GPU_I_ID=7,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,gpu=0} 0.25",
        ]
    );
}

#[test]
fn a_gpu_whose_instances_have_no_number_yet_is_told_as_a_whole() {
    let devices = [gpu("GPU-a", OF_GPU), instance("MIG-1", None, &[("DEV_FB_USED", 5.0)])];

    let lines = told(&exporter(), &devices, &Holders::default());

    assert_eq!(
        lines,
        [
            "DEV_FB_USED{UUID=GPU-a,gpu=0} 900",
            "DEV_POWER_USAGE{UUID=GPU-a,gpu=0} 300",
            "DEV_XID_ERRORS{UUID=GPU-a,gpu=0} 79",
        ]
    );
}

#[test]
fn compute_instances_of_one_gpu_instance_are_told_once() {
    let devices = [
        gpu("GPU-a", &[]),
        instance("MIG-1", Some(7), &[("DEV_FB_USED", 5.0)]),
        instance("MIG-2", Some(7), &[("DEV_FB_USED", 5.0)]),
    ];

    assert_eq!(told(&exporter(), &devices, &Holders::default()).len(), 1);
}

/// Pods that have these devices, with `uid-<pod>` for their uids.
fn holders(given: &[(&str, &str)]) -> Holders {
    let pods = Pods::default();
    let pod = |name: &str| {
        Arc::new(Pod {
            uid: format!("uid-{name}"),
            name: name.to_owned(),
            namespace: "llm".to_owned(),
            ..Pod::default()
        })
    };
    let list = given.iter().map(|(name, _)| pod(name)).collect();
    pods.publish(PodMap::new(list, Vec::new(), Vec::new()));
    let given = given.iter().map(|(name, id)| to_pod(name, id));
    pods.publish_devices(PodDevices::new(given.collect()));
    let about = |uuid: &str, mig: Option<Mig>| {
        Gpu::new(About {
            uuid: uuid.to_owned(),
            mig,
            ..About::default()
        })
    };
    let devices = Devices {
        list: vec![
            about("GPU-a", None),
            about("MIG-1", Some(Mig::default())),
            about("MIG-2", Some(Mig::default())),
        ],
        ..Devices::default()
    };
    Holders::now(&pods, &devices)
}

#[test]
fn the_pod_that_holds_a_device_alone_stands_in_its_labels() {
    let devices = [gpu("GPU-a", &[("DEV_GPU_TEMP", 50.0)])];
    let with_uid = Exporter {
        with_uid: true,
        ..exporter()
    };

    let alone = holders(&[("vllm-0", "GPU-a")]);
    assert_eq!(
        told(&exporter(), &devices, &alone),
        ["DEV_GPU_TEMP{UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0} 50"]
    );
    assert_eq!(
        told(&with_uid, &devices, &alone),
        ["DEV_GPU_TEMP{UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0,pod_uid=uid-vllm-0} 50"]
    );
    let shared = holders(&[("vllm-0", "GPU-a::0"), ("vllm-1", "GPU-a::1")]);
    assert_eq!(
        told(&exporter(), &devices, &shared),
        ["DEV_GPU_TEMP{UUID=GPU-a,gpu=0} 50"]
    );
}

#[test]
fn the_pod_of_an_instance_stands_with_the_instance() {
    let devices = [gpu("GPU-a", &[]), instance("MIG-1", Some(7), &[("DEV_FB_USED", 5.0)])];

    let lines = told(&exporter(), &devices, &holders(&[("vllm-0", "MIG-1")]));

    let wanted =
        "DEV_FB_USED{GPU_I_ID=7,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0} 5";
    assert_eq!(lines, [wanted]);
}

#[test]
fn a_gpu_instance_whose_compute_instances_are_of_several_pods_is_nobodys() {
    let devices = [
        gpu("GPU-a", &[]),
        instance("MIG-1", Some(7), &[("DEV_FB_USED", 5.0)]),
        instance("MIG-2", Some(7), &[("DEV_FB_USED", 5.0)]),
    ];
    let of = |pods: [&'static str; 2]| holders(&[(pods[0], "MIG-1"), (pods[1], "MIG-2")]);

    let shared = told(&exporter(), &devices, &of(["vllm-0", "vllm-1"]));
    assert_eq!(
        shared,
        ["DEV_FB_USED{GPU_I_ID=7,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,gpu=0} 5"]
    );
    let alone = told(&exporter(), &devices, &holders(&[("vllm-0", "MIG-2")]));
    let wanted =
        "DEV_FB_USED{GPU_I_ID=7,GPU_I_PROFILE=1g.10gb,UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0} 5";
    assert_eq!(alone, [wanted]);
}

#[test]
fn a_shared_device_is_told_for_each_pod_with_what_its_processes_use() {
    let process = |pod: &str, sm: f64, mebibytes: u64| ProcessReading {
        pod_uid: Some(format!("uid-{pod}")),
        memory_bytes: Some(mebibytes << 20),
        shares: Some(Shares {
            sm,
            ..Shares::default()
        }),
        ..ProcessReading::default()
    };
    let mut device = gpu(
        "GPU-a",
        &[("DEV_FB_USED", 900.0), ("DEV_GPU_UTIL", 80.0), ("DEV_GPU_TEMP", 50.0)],
    );
    device.processes = vec![
        process("vllm-0", 0.3, 100),
        process("vllm-0", 0.2, 50),
        process("other", 0.1, 7),
    ];
    let by_share = Exporter {
        by_share: true,
        ..exporter()
    };
    let shared = holders(&[("vllm-0", "GPU-a::0"), ("vllm-1", "GPU-a::1")]);

    let lines = told(&by_share, &[device], &shared);

    assert_eq!(
        lines,
        [
            "DEV_FB_USED{UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0,vgpu=0} 150",
            "DEV_FB_USED{UUID=GPU-a,gpu=0} 900",
            "DEV_GPU_TEMP{UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0,vgpu=0} 50",
            "DEV_GPU_TEMP{UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-1,vgpu=1} 50",
            "DEV_GPU_UTIL{UUID=GPU-a,container=vllm,gpu=0,namespace=llm,pod=vllm-0,vgpu=0} 50",
            "DEV_GPU_UTIL{UUID=GPU-a,gpu=0} 80",
        ]
    );
}
