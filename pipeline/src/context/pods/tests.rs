use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Addressed, Clues, Container, Pod, PodMap};

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
