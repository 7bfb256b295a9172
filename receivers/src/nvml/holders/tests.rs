use std::net::IpAddr;
use std::time::SystemTime;

use pipeline::context::gpus::{About, Gpu, Mig};
use pipeline::context::pods::{Claimed, Container, ContainerDevices, Pod};

use super::*;

fn devices() -> Devices {
    let about = |uuid: &str, index, mig: Option<u32>| {
        Gpu::new(About {
            uuid: uuid.to_owned(),
            index,
            mig: mig.map(|number| Mig {
                parent: "GPU-a".to_owned(),
                gpu_instance: Some(number),
                ..Mig::default()
            }),
            ..About::default()
        })
    };
    Devices {
        list: vec![
            about("GPU-a", 0, None),
            about("MIG-a7", 0, Some(7)),
            about("GPU-b", 1, None),
            about("GPU-c", 2, None),
        ],
        ..Devices::default()
    }
}

/// What a pod in the namespace `llm` was given: ids by container.
fn given(pod: &str, containers: &[(&str, &[&str])]) -> Given {
    Given {
        namespace: "llm".to_owned(),
        name: pod.to_owned(),
        containers: containers
            .iter()
            .map(|(container, ids)| ContainerDevices {
                container: (*container).to_owned(),
                ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            })
            .collect(),
        released_at: None,
    }
}

fn pod(name: &str, uid: &str) -> Pod {
    Pod {
        uid: uid.to_owned(),
        name: name.to_owned(),
        namespace: "llm".to_owned(),
        ips: Vec::<IpAddr>::new(),
        containers: vec![Container {
            name: "vllm".to_owned(),
            id: "c0ffee".to_owned(),
            ..Container::default()
        }],
        ..Pod::default()
    }
}

fn map(pods: Vec<Pod>) -> Arc<PodMap> {
    Arc::new(PodMap::new(
        pods.into_iter().map(Arc::new).collect(),
        Vec::new(),
        Vec::new(),
    ))
}

fn held(given: Vec<Given>) -> Holders {
    Holders::of(&map(Vec::new()), &PodDevices::new(given), &devices())
}

/// Pod and container of the only holder.
fn alone(holders: &Holders, uuid: &str) -> Option<(String, Option<String>)> {
    holders.alone(uuid).map(|holder| (holder.pod, holder.container))
}

fn named(pod: &str, container: &str) -> Option<(String, Option<String>)> {
    Some((pod.to_owned(), Some(container.to_owned())))
}

#[test]
fn a_pod_holds_a_gpu_by_its_name_by_its_number_and_an_instance_by_both() {
    let holders = held(vec![
        given("vllm-0", &[("vllm", &["GPU-b"])]),
        given("vllm-1", &[("vllm", &["nvidia2"])]),
        given("vllm-2", &[("engine", &["nvidia0/gi7"])]),
    ]);

    assert_eq!(alone(&holders, "GPU-b"), named("vllm-0", "vllm"));
    assert_eq!(alone(&holders, "GPU-c"), named("vllm-1", "vllm"));
    assert_eq!(alone(&holders, "MIG-a7"), named("vllm-2", "engine"));
    assert_eq!(alone(&holders, "GPU-a"), None, "the whole is not what its part is");
}

#[test]
fn a_device_that_pods_share_is_nobodys_alone() {
    let holders = held(vec![
        given("vllm-0", &[("vllm", &["GPU-b::0"])]),
        given("vllm-1", &[("vllm", &["GPU-b::1"])]),
        given("vllm-2", &[("one", &["GPU-c::0"]), ("other", &["GPU-c::1"])]),
    ]);

    assert_eq!(alone(&holders, "GPU-b"), None);
    let shares: Vec<_> = holders
        .all("GPU-b")
        .iter()
        .map(|it| (it.pod.as_str(), it.replica))
        .collect();
    assert_eq!(shares, [("vllm-0", Some(0)), ("vllm-1", Some(1))]);
    assert_eq!(
        alone(&holders, "GPU-c"),
        Some(("vllm-2".to_owned(), None)),
        "one pod, and nobody says which of its containers"
    );
}

#[test]
fn what_the_kubelet_has_taken_back_nobody_holds() {
    let mut gone = given("vllm-0", &[("vllm", &["GPU-b"])]);
    gone.released_at = Some(SystemTime::UNIX_EPOCH);

    assert_eq!(alone(&held(vec![gone]), "GPU-b"), None);
}

#[test]
fn a_claimed_device_is_known_by_its_uuid() {
    let mut claimed = Claimed::default();
    claimed.insert("gpu.nvidia.com", "node-1", "gpu-1", "GPU-b");
    let map = PodMap::new(Vec::new(), Vec::new(), Vec::new()).with_claimed(claimed);
    let given = vec![given(
        "vllm-0",
        &[("vllm", &["gpu.nvidia.com/node-1/gpu-1"]), ("proxy", &[])],
    )];

    let holders = Holders::of(&Arc::new(map), &PodDevices::new(given), &devices());

    assert_eq!(alone(&holders, "GPU-b"), named("vllm-0", "vllm"));
}

#[test]
fn where_the_kubelet_tells_of_nobody_hami_counts() {
    let shared = Pod {
        hami_gpus: Some(vec!["GPU-b".to_owned()]),
        ..pod("vllm-0", "uid-0")
    };
    let holders = Holders::of(&map(vec![shared]), &PodDevices::default(), &devices());

    assert_eq!(alone(&holders, "GPU-b"), Some(("vllm-0".to_owned(), None)));
}

fn process(uid: Option<&str>, group: &str) -> ProcessReading {
    ProcessReading {
        pid: 4711,
        pod_uid: uid.map(str::to_owned),
        group: group.to_owned(),
        ..ProcessReading::default()
    }
}

#[test]
fn a_process_is_of_the_pod_and_the_container_that_its_group_names() {
    let holders = Holders::of(&map(vec![pod("vllm-0", "uid-0")]), &PodDevices::default(), &devices());
    let of = |uid, group| {
        let holder = holders.of_process("GPU-b", &process(uid, group));
        holder.map(|it| (it.pod, it.container, it.uid.unwrap()))
    };

    let in_container = |container: Option<&str>| {
        let container = container.map(str::to_owned);
        Some(("vllm-0".to_owned(), container, "uid-0".to_owned()))
    };
    assert_eq!(
        of(Some("uid-0"), "/kubepods/poduid_0/cri-containerd-c0ffee.scope"),
        in_container(Some("vllm"))
    );
    assert_eq!(of(Some("uid-0"), "/kubepods/poduid_0/c0ff"), in_container(None));
    assert_eq!(
        of(Some("uid-9"), "/kubepods/x"),
        Some((String::new(), None, "uid-9".to_owned())),
        "nobody knows that pod's name"
    );
    assert_eq!(of(None, "/user.slice"), None);
}

#[test]
fn where_nobody_knows_uids_the_only_pod_that_has_the_device_is_that_of_its_processes() {
    let one = held(vec![given("vllm-0", &[("vllm", &["GPU-b"])])]);
    let two = held(vec![
        given("vllm-0", &[("vllm", &["GPU-b::0"])]),
        given("vllm-1", &[("vllm", &["GPU-b::1"])]),
    ]);
    let pod = |holders: &Holders| holders.of_process("GPU-b", &process(Some("uid-0"), "")).unwrap().pod;

    assert_eq!(pod(&one), "vllm-0");
    assert_eq!(pod(&two), "");
    assert_eq!(
        one.of_process("GPU-b", &process(None, "/user.slice")),
        None,
        "a process of the node"
    );
}
