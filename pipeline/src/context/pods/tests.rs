use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{
    Addressed, Claimed, Clues, Container, ContainerDevices, DeviceId, Given, Namespace, Pod, PodDevices, PodMap, Pods,
};

fn pod(uid: &str, name: &str, ip: &str) -> Pod {
    Pod {
        uid: uid.to_owned(),
        name: name.to_owned(),
        namespace: "inference".to_owned(),
        ips: vec![ip.parse().unwrap()],
        ..Pod::default()
    }
}

fn map(pods: Vec<Pod>) -> PodMap {
    PodMap::new(pods.into_iter().map(Arc::new).collect(), Vec::new(), Vec::new())
}

fn who(map: &PodMap, ip: &str) -> Option<String> {
    match map.by_ip(ip.parse().unwrap())? {
        Addressed::Pod(pod) => Some(pod.uid.clone()),
        Addressed::Ambiguous => Some("ambiguous".to_owned()),
    }
}

#[test]
fn a_pod_is_found_by_uid_name_address_and_container() {
    let container = Container {
        name: "vllm".to_owned(),
        id: "c0ffee".to_owned(),
        ..Container::default()
    };
    let map = map(vec![Pod {
        containers: vec![container],
        ..pod("u1", "llama-0", "10.1.0.7")
    }]);

    assert_eq!(map.by_uid("u1").unwrap().name, "llama-0");
    assert_eq!(map.by_name("inference", "llama-0").unwrap().uid, "u1");
    assert_eq!(map.by_container("c0ffee").unwrap().uid, "u1");
    assert_eq!(who(&map, "10.1.0.7").as_deref(), Some("u1"));
    assert_eq!(who(&map, "10.1.0.8"), None);
    assert!(map.by_name("other", "llama-0").is_none());
}

#[test]
fn an_address_of_the_node_belongs_to_no_pod() {
    let on_host = Pod {
        host_network: true,
        ..pod("u2", "node-agent", "192.168.0.1")
    };

    assert_eq!(who(&map(vec![on_host]), "192.168.0.1").as_deref(), Some("ambiguous"));
}

#[test]
fn two_living_pods_with_one_address_are_nobody() {
    let map = map(vec![pod("u1", "a", "10.1.0.7"), pod("u2", "b", "10.1.0.7")]);

    assert_eq!(who(&map, "10.1.0.7").as_deref(), Some("ambiguous"));
}

#[test]
fn an_address_that_was_given_again_belongs_to_the_living_pod_in_any_order() {
    let gone = Pod {
        gone_at: Some(SystemTime::UNIX_EPOCH),
        ..pod("old", "a", "10.1.0.7")
    };
    let living = pod("new", "b", "10.1.0.7");

    assert_eq!(
        who(&map(vec![gone.clone(), living.clone()]), "10.1.0.7").as_deref(),
        Some("new")
    );
    assert_eq!(who(&map(vec![living, gone]), "10.1.0.7").as_deref(), Some("new"));
}

#[test]
fn of_two_pods_with_one_name_the_later_counts_in_any_order() {
    let first = Pod {
        started_at: Some(SystemTime::UNIX_EPOCH),
        gone_at: Some(SystemTime::UNIX_EPOCH),
        ..pod("old", "llama-0", "10.1.0.7")
    };
    let second = Pod {
        started_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)),
        ..pod("new", "llama-0", "10.1.0.8")
    };

    for pods in [vec![first.clone(), second.clone()], vec![second, first]] {
        let map = map(pods);
        assert_eq!(map.by_name("inference", "llama-0").unwrap().uid, "new");
        assert_eq!(map.by_uid("old").unwrap().uid, "old");
    }
}

#[test]
fn an_ipv4_peer_of_a_socket_for_both_families_is_found() {
    let map = map(vec![pod("u1", "llama-0", "10.1.0.7")]);

    assert_eq!(who(&map, "::ffff:10.1.0.7").as_deref(), Some("u1"));
    assert_eq!(map.alone_at("::ffff:10.1.0.7".parse().unwrap()).unwrap().uid, "u1");
}

#[test]
fn a_uid_says_more_than_a_name_and_a_name_is_asked_where_it_leads_nowhere() {
    let map = map(vec![pod("u1", "llama-0", "10.1.0.7"), pod("u2", "llama-1", "10.1.0.8")]);
    let found = |uid| {
        let clues = Clues {
            uid,
            namespace: Some("inference"),
            name: Some("llama-1"),
            ..Clues::default()
        };
        map.find(&clues).map(|pod| pod.uid.clone())
    };

    assert_eq!(found(Some("u1")).as_deref(), Some("u1"));
    assert_eq!(found(Some("nobody")).as_deref(), Some("u2"));
    assert_eq!(found(None).as_deref(), Some("u2"));
}

fn given(name: &str, ids: &[&str]) -> PodDevices {
    PodDevices::new(vec![Given {
        namespace: "inference".to_owned(),
        name: name.to_owned(),
        containers: vec![ContainerDevices {
            container: "vllm".to_owned(),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        }],
        released_at: None,
    }])
}

#[test]
fn a_claimed_device_is_named_by_its_uuid_where_that_is_known() {
    let mut claimed = Claimed::default();
    claimed.insert("gpu.nvidia.com", "node-a", "gpu-0", "GPU-0");
    let map = map(vec![pod("u1", "llama-0", "10.1.0.7")]).with_claimed(claimed);
    let ids = [
        "gpu.nvidia.com/node-a/gpu-0",
        "gpu.nvidia.com/node-a/gpu-1",
        "GPU-0fc3",
        "slot#1",
    ];

    let given = given("llama-0", &ids);

    let devices = map.devices_of(&given, "inference", "llama-0").unwrap();
    assert_eq!(devices, ["GPU-0", "gpu.nvidia.com/node-a/gpu-1", "GPU-0fc3", "slot#1"]);
    assert_eq!(map.devices_of(&given, "inference", "llama-1"), None);
    let device = DeviceId::parse(ids[0]).unwrap().device;
    assert_eq!(map.uuid_of(&device), Some("GPU-0"));
    assert_eq!(map.uuid_of(&DeviceId::parse("GPU-0fc3").unwrap().device), None);
}

#[test]
fn what_hami_says_counts_for_slots_alone_because_anybody_may_write_it() {
    let map = map(vec![Pod {
        hami_gpus: Some(vec!["GPU-7".to_owned()]),
        ..pod("u1", "llama-0", "10.1.0.7")
    }]);

    let found = |given: &PodDevices| {
        let ids = map.devices_of(given, "inference", "llama-0");
        ids.map(|it| it.join(" "))
    };
    let (slot, gpu) = (
        "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448-3",
        "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448",
    );

    assert_eq!(found(&given("llama-0", &[slot])).as_deref(), Some("GPU-7"));
    assert_eq!(found(&PodDevices::default()).as_deref(), Some("GPU-7"));
    assert_eq!(found(&given("llama-0", &[gpu])).as_deref(), Some(gpu));
    assert_eq!(found(&given("llama-0", &["nvidia0"])).as_deref(), Some("nvidia0"));
    let mixed = given("llama-0", &[slot, gpu]);
    assert_eq!(found(&mixed), Some(format!("{slot} {gpu}")));
    assert_eq!(found(&given("other", &[gpu])), None, "the kubelet has given it nothing");
}

#[test]
fn the_cluster_is_known_by_its_first_namespace() {
    let of = |name: &str, uid: &str| {
        let namespace = Namespace {
            name: name.to_owned(),
            uid: uid.to_owned(),
            ..Namespace::default()
        };
        PodMap::new(Vec::new(), vec![namespace], Vec::new())
    };

    assert_eq!(of("kube-system", "c1").cluster_uid(), Some("c1"));
    assert_eq!(of("kube-system", "").cluster_uid(), None);
    assert_eq!(of("default", "c1").cluster_uid(), None);
}

#[tokio::test]
async fn a_pod_that_nobody_knows_is_heard_of_by_everybody_once() {
    let pods = Pods::default();
    let (mut one, mut other) = (pods.wants(), pods.wants());

    pods.want();
    pods.want();

    one.wanted().await;
    other.wanted().await;
    let again = tokio::time::timeout(Duration::from_millis(1), one.wanted()).await;
    assert!(again.is_err());
}
