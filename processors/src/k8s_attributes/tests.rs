#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::config::{Kind, Signal};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use pipeline::Origin;
use pipeline::context::pods::{Container, Namespace, Node, Owner, Pod, PodMap, Pods};
use pipeline::payload::{Payload, SpanStage};
use pipeline::plan::World;
use pipeline::telemetry::Telemetry;
use pipeline::testing::contract;

use super::*;
use crate::actions::tests::trial;

/// A processor over pods that a test knows.
struct Trial {
    pods: Pods,
    telemetry: Telemetry,
    stage: [Box<dyn SpanStage>; 1],
}

impl Trial {
    fn of(yaml: &str, map: PodMap) -> Self {
        let config = trial::decoded::<Config>(yaml).unwrap();
        let world = World::system();
        let setup = contract::setup(&world, "k8s_attributes", Kind::Processor, Signal::Traces);
        setup.context.pods.publish(map);
        let Ok(Stage::Spans(stage)) = K8sAttributes::build(&config, &setup) else {
            panic!("no stage of spans");
        };
        Self {
            pods: setup.context.pods,
            telemetry: setup.telemetry,
            stage: [stage],
        }
    }

    /// The attributes of a resource after the processor has seen it.
    fn after(&mut self, attributes: &[(&str, &str)], client: Option<&str>) -> Vec<(String, String)> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(key, value)| (*key, Value::StringValue((*value).to_owned())))
            .collect();
        let origin = Origin {
            client: client.map(|ip| ip.parse().unwrap()),
            ..Origin::default()
        };
        let out = trial::walk(&mut self.stage, &trial::resource_with(&attributes), &origin);
        let resource = out.resource_spans[0].resource.clone().unwrap_or_default();
        let text = |value| match value {
            Some(Value::StringValue(text)) => text,
            other => panic!("{other:?}"),
        };
        let pairs = resource.attributes.into_iter();
        let mut pairs: Vec<_> = pairs.map(|it| (it.key, text(it.value.unwrap().value))).collect();
        pairs.sort();
        pairs
    }

    fn counted(&self, result: &str) -> u64 {
        self.telemetry.with("result", result).counter(meters::RESOURCES).value()
    }
}

fn get<'a>(attributes: &'a [(String, String)], key: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|(it, _)| it == key)
        .map(|(_, value)| value.as_str())
}

fn strings(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn container(name: &str, id: &str) -> Container {
    Container {
        name: name.to_owned(),
        id: id.to_owned(),
        image: "vllm/vllm-openai:v0.32.0".to_owned(),
        restarts: 0,
    }
}

fn llama() -> Pod {
    Pod {
        uid: "u1".to_owned(),
        name: "llama-7d9f-x".to_owned(),
        namespace: "inference".to_owned(),
        ips: vec!["10.1.0.7".parse().unwrap()],
        node: "node-a".to_owned(),
        hostname: "llama-7d9f-x".to_owned(),
        labels: strings(&[
            ("pod-template-hash", "7d9f"),
            ("llm-d.ai/model", "llama-3"),
            ("team", "red"),
        ]),
        annotations: strings(&[("resource.opentelemetry.io/service.name", "llama"), ("note", "n")]),
        owner: Some(Owner {
            kind: "ReplicaSet".to_owned(),
            name: "llama-7d9f".to_owned(),
            uid: "r1".to_owned(),
        }),
        started_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400)),
        containers: vec![container("vllm", "c0ffee")],
        ..Pod::default()
    }
}

fn map(pods: Vec<Pod>) -> PodMap {
    let namespace = Namespace {
        name: "inference".to_owned(),
        labels: strings(&[("example.com/team", "blue")]),
        annotations: strings(&[("owner", "me")]),
        ..Namespace::default()
    };
    let node = Node {
        name: "node-a".to_owned(),
        uid: "n1".to_owned(),
        labels: strings(&[("topology.kubernetes.io/zone", "z1")]),
        ..Node::default()
    };
    PodMap::new(pods.into_iter().map(Arc::new).collect(), vec![namespace], vec![node])
}

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(trial::traces(&trial::resource_with(&[])));
    contract::processor::<K8sAttributes>(vec![payload(), payload()]).await;
    contract::processor::<K8sAttributes>(vec![Payload::Metrics(trial::one_point())]).await;
}

#[test]
fn by_its_connection_a_pod_gets_what_the_collector_writes_by_default() {
    let mut trial = Trial::of("", map(vec![llama()]));

    let after = trial.after(&[("service.name", "mine")], Some("10.1.0.7"));

    let expected = [
        ("container.image.name", "vllm/vllm-openai"),
        ("container.image.tag", "v0.32.0"),
        ("k8s.deployment.name", "llama"),
        ("k8s.namespace.name", "inference"),
        ("k8s.node.name", "node-a"),
        ("k8s.pod.name", "llama-7d9f-x"),
        ("k8s.pod.start_time", "1970-01-02T00:00:00Z"),
        ("k8s.pod.uid", "u1"),
        ("service.name", "mine"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(after, expected);
    assert_eq!(trial.counted("attributed"), 1);
}

#[test]
fn a_pod_is_found_by_uid_container_names_and_address() {
    let mut trial = Trial::of("", map(vec![llama()]));

    for resource in [
        vec![("k8s.pod.uid", "u1")],
        vec![("container.id", "c0ffee")],
        vec![("k8s.pod.name", "llama-7d9f-x"), ("k8s.namespace.name", "inference")],
        vec![("k8s.pod.ip", "10.1.0.7")],
    ] {
        let after = trial.after(&resource, Some("192.168.0.9"));
        assert_eq!(get(&after, "k8s.deployment.name"), Some("llama"), "{resource:?}");
    }
    let after = trial.after(&[], Some("::ffff:10.1.0.7"));
    assert_eq!(get(&after, "k8s.pod.uid"), Some("u1"), "IPv4 in IPv6");
}

#[test]
fn what_the_resource_says_stays_unless_it_is_empty() {
    let mut trial = Trial::of("", map(vec![llama()]));

    let after = trial.after(
        &[
            ("k8s.node.name", "mine"),
            ("k8s.deployment.name", ""),
            ("k8s.pod.uid", "u1"),
        ],
        None,
    );

    assert_eq!(get(&after, "k8s.node.name"), Some("mine"));
    assert_eq!(get(&after, "k8s.deployment.name"), Some("llama"));
    assert_eq!(after.iter().filter(|(key, _)| key == "k8s.pod.uid").count(), 1);
    assert_eq!(get(&after, "k8s.namespace.name"), Some("inference"));
}

#[tokio::test]
async fn an_unknown_pod_is_counted_and_asked_for_and_its_bytes_stay() {
    let mut trial = Trial::of("", map(vec![llama()]));
    let traces = trial::traces(&trial::resource_with(&[]));
    let origin = Origin {
        client: Some("10.1.0.99".parse().unwrap()),
        ..Origin::default()
    };

    let mut wants = trial.pods.wants();

    let out = trial::walk_bytes(&mut trial.stage, &traces, &origin);

    assert_eq!(out.bytes().as_ptr(), traces.bytes().as_ptr());
    assert_eq!(trial.counted("unknown"), 1);
    let wanted = tokio::time::timeout(Duration::from_secs(10), wants.wanted()).await;
    assert!(wanted.is_ok(), "nobody was asked");
}

#[test]
fn a_uid_that_nobody_knows_is_not_replaced_by_what_the_connection_says() {
    let mut trial = Trial::of("", map(vec![llama()]));

    let after = trial.after(&[("k8s.pod.uid", "somebody else's")], Some("10.1.0.7"));

    assert_eq!(after.len(), 1);
    assert_eq!(trial.counted("unknown"), 1);
}

#[test]
fn an_address_of_the_host_is_nobodys_and_counted() {
    let on_host = Pod {
        host_network: true,
        ..llama()
    };
    let mut trial = Trial::of("", map(vec![on_host]));

    assert!(trial.after(&[], Some("10.1.0.7")).is_empty());
    assert!(
        !trial.after(&[("k8s.pod.uid", "u1")], Some("10.1.0.7")).is_empty(),
        "its uid is its own"
    );

    assert_eq!((trial.counted("ambiguous"), trial.counted("attributed")), (1, 1));
}

#[test]
fn who_says_nothing_is_counted_as_silent() {
    let mut trial = Trial::of("", map(vec![llama()]));

    assert!(trial.after(&[], None).is_empty());

    assert_eq!(trial.counted("silent"), 1);
}

#[test]
fn all_sources_of_a_rule_must_be_the_pods() {
    let rule = "pod_association: [{sources: [{from: connection}, \
                {from: resource_attribute, name: k8s.pod.name}]}]";
    let mut trial = Trial::of(rule, map(vec![llama()]));

    let right = trial.after(&[("k8s.pod.name", "llama-7d9f-x")], Some("10.1.0.7"));
    let wrong = trial.after(&[("k8s.pod.name", "other")], Some("10.1.0.7"));
    let silent = trial.after(&[], Some("10.1.0.7"));

    assert_eq!(get(&right, "k8s.pod.uid"), Some("u1"));
    assert_eq!(get(&wrong, "k8s.pod.uid"), None);
    assert!(silent.is_empty());
    assert_eq!((trial.counted("unknown"), trial.counted("silent")), (1, 1));
}

#[test]
fn the_first_rule_that_applies_decides() {
    let rules = "pod_association: [{sources: [{from: resource_attribute, name: k8s.pod.ip}]}, \
                 {sources: [{from: connection}]}]";
    let other = Pod {
        uid: "u2".to_owned(),
        name: "other".to_owned(),
        ips: vec!["10.1.0.8".parse().unwrap()],
        ..llama()
    };
    let mut trial = Trial::of(rules, map(vec![llama(), other]));

    let named = trial.after(&[("k8s.pod.ip", "10.1.0.8")], Some("10.1.0.7"));
    let unnamed = trial.after(&[], Some("10.1.0.7"));
    let garbage = trial.after(&[("k8s.pod.ip", "ten")], Some("10.1.0.7"));

    assert_eq!(get(&named, "k8s.pod.uid"), Some("u2"));
    assert_eq!(get(&unnamed, "k8s.pod.uid"), Some("u1"));
    assert_eq!(get(&garbage, "k8s.pod.uid"), None);
}

#[test]
fn labels_and_annotations_come_from_pod_namespace_and_node() {
    let yaml = r#"
extract:
  metadata: [k8s.node.uid]
  labels:
    - {key: team}
    - {tag_name: team, key: example.com/team, from: namespace}
    - {tag_name: zone, key: topology.kubernetes.io/zone, from: node}
    - {tag_name: "model.$1", key_regex: 'llm-d\.ai/(.*)'}
  annotations:
    - {key: owner, from: namespace}
    - {key_regex: 'no..'}
  otel_annotations: true
"#;
    let mut trial = Trial::of(yaml, map(vec![llama()]));

    let after = trial.after(&[], Some("10.1.0.7"));

    let expected = [
        ("k8s.namespace.annotation.owner", "me"),
        ("k8s.node.uid", "n1"),
        ("k8s.pod.annotation.note", "n"),
        ("k8s.pod.label.team", "red"),
        ("model.model", "llama-3"),
        ("service.name", "llama"),
        ("team", "blue"),
        ("zone", "z1"),
    ];
    assert_eq!(after, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn of_several_containers_the_one_that_the_resource_names_is_described() {
    let pod = Pod {
        containers: vec![container("vllm", "c0ffee"), container("proxy", "beef")],
        ..llama()
    };
    let yaml = "extract: {metadata: [k8s.container.name, container.id, container.image.tag]}";
    let mut trial = Trial::of(yaml, map(vec![pod]));

    let unnamed = trial.after(&[], Some("10.1.0.7"));
    let by_name = trial.after(&[("k8s.container.name", "proxy")], Some("10.1.0.7"));
    let by_id = trial.after(&[("container.id", "c0ffee")], None);

    assert!(unnamed.is_empty(), "{unnamed:?}");
    assert_eq!(get(&by_name, "container.id"), Some("beef"));
    assert_eq!(get(&by_id, "k8s.container.name"), Some("vllm"));
}

#[test]
fn excluded_pods_are_left_alone_and_counted() {
    let ignored = Pod {
        annotations: strings(&[("opentelemetry.io/k8s-processor/ignore", "true")]),
        ..llama()
    };
    let jaeger = Pod {
        name: "jaeger-collector-0".to_owned(),
        ..llama()
    };
    for (yaml, pod) in [
        ("", ignored),
        ("", jaeger),
        ("exclude: {pods: [{name: ^llama-}]}", llama()),
        ("filter: {namespace: other}", llama()),
    ] {
        let mut trial = Trial::of(yaml, map(vec![pod]));

        assert!(trial.after(&[], Some("10.1.0.7")).is_empty(), "{yaml}");
        assert_eq!(trial.counted("excluded"), 1);
    }
}

#[test]
fn a_pod_that_changes_is_described_anew() {
    let mut trial = Trial::of("extract: {labels: [{tag_name: team, key: team}]}", map(vec![llama()]));
    assert_eq!(get(&trial.after(&[], Some("10.1.0.7")), "team"), Some("red"));

    let relabelled = Pod {
        labels: strings(&[("team", "green")]),
        ..llama()
    };
    trial.pods.publish(map(vec![relabelled]));

    assert_eq!(get(&trial.after(&[], Some("10.1.0.7")), "team"), Some("green"));
    trial.pods.publish(PodMap::default());
    assert!(trial.after(&[], Some("10.1.0.7")).is_empty());
}

#[test]
fn of_a_thousand_pods_each_gets_its_own_again_and_again() {
    let pod = |number: usize| Pod {
        uid: format!("u{number}"),
        name: format!("llama-{number}"),
        ips: vec![std::net::Ipv4Addr::from(0x0a01_0000 + number as u32).into()],
        ..llama()
    };
    let mut trial = Trial::of("", map((0..1_000).map(pod).collect()));

    for _ in 0..2 {
        for number in 0..1_000 {
            let ip = std::net::Ipv4Addr::from(0x0a01_0000 + number as u32).to_string();
            let after = trial.after(&[], Some(&ip));
            assert_eq!(get(&after, "k8s.pod.uid"), Some(format!("u{number}").as_str()));
        }
    }
    assert_eq!(trial.counted("attributed"), 2_000);
}

#[test]
fn passing_through_writes_the_address_and_nothing_else() {
    let mut trial = Trial::of("passthrough: true", map(vec![llama()]));

    let fresh = trial.after(&[], Some("10.1.0.7"));
    let told = trial.after(&[("k8s.pod.ip", "10.1.0.8")], Some("10.1.0.7"));

    assert_eq!(fresh, [("k8s.pod.ip".to_owned(), "10.1.0.7".to_owned())]);
    assert_eq!(told, [("k8s.pod.ip".to_owned(), "10.1.0.8".to_owned())]);
}

#[test]
fn what_cannot_work_is_refused_with_a_remedy() {
    let refused = |yaml: &str| trial::decoded::<Config>(yaml).unwrap_err();

    let unknown = refused("extract: {metadata: [k8s.deployment.uid]}");
    assert!(unknown.contains("k8s.pod.uid"), "{unknown}");
    assert!(refused("extract: {labels: [{tag_name: a}]}").contains("key_regex"));
    assert!(refused("extract: {labels: [{key: a, key_regex: b}]}").contains("one of them"));
    assert!(refused("extract: {labels: [{key_regex: '('}]}").contains("not a regular expression"));
    assert!(refused("extract: {labels: [{key: a, from: cluster}]}").contains("cluster"));
    assert!(refused("exclude: {pods: [{name: '('}]}").contains("not a regular expression"));
    assert!(refused("filter: {labels: []}").contains("extension `k8s`"));
    assert!(refused("kubelet: {enabled: true}").contains("extension `k8s`"));
    let by_name = refused("pod_association: [{sources: [{from: resource_attribute, name: k8s.pod.name}]}]");
    assert!(by_name.contains("one pod from all others"), "{by_name}");
    assert!(refused("pod_association: [{sources: [{from: label}]}]").contains("connection"));
    let five = "{from: connection}, ".repeat(5);
    assert!(refused(&format!("pod_association: [{{sources: [{five}]}}]")).contains("four sources"));
    assert!(refused("pod_association: [{sources: []}]").contains("one pod from all others"));
}

#[test]
fn keys_of_the_collector_that_are_the_extensions_business_are_accepted() {
    let yaml = "{auth_type: serviceAccount, wait_for_metadata: true, wait_for_metadata_timeout: 10s, \
                watch_sync_period: 5m, pod_delete_grace_period: 2m, filter: {node_from_env_var: NODE}}";

    assert!(trial::decoded::<Config>(yaml).is_ok());
}

#[test]
fn the_extension_k8s_is_needed_unless_only_the_address_is_written() {
    let needs = |yaml: &str| {
        K8sAttributes::leans_on(&trial::decoded::<Config>(yaml).unwrap())
            .first()
            .map(|it| it.on)
    };

    assert_eq!(needs(""), Some(On::Extension("k8s")));
    assert_eq!(needs("passthrough: true"), Some(On::NotBehind("batch")));
}

#[test]
fn a_place_in_front_of_batch_is_needed_where_connections_are_asked() {
    let needs = |yaml: &str| {
        let all = K8sAttributes::leans_on(&trial::decoded::<Config>(yaml).unwrap());
        all.iter().any(|it| it.on == On::NotBehind("batch"))
    };

    assert!(needs(""));
    assert!(needs("pod_association: [{sources: [{from: connection}]}]"));
    assert!(!needs(
        "pod_association: [{sources: [{from: resource_attribute, name: k8s.pod.uid}]}]"
    ));
}

#[test]
fn the_cluster_is_known_by_the_uid_of_its_first_namespace() {
    let namespace = Namespace {
        name: "kube-system".to_owned(),
        uid: "c1".to_owned(),
        ..Namespace::default()
    };
    let map = PodMap::new(vec![Arc::new(llama())], vec![namespace], Vec::new());
    let mut trial = Trial::of("extract: {metadata: [k8s.cluster.uid]}", map);

    let after = trial.after(&[], Some("10.1.0.7"));

    assert_eq!(get(&after, "k8s.cluster.uid"), Some("c1"));
}

#[test]
fn a_resource_whose_pod_is_not_known_gets_what_is_known_of_its_namespace_and_node() {
    let namespace = Namespace {
        name: "inference".to_owned(),
        labels: strings(&[("team", "red")]),
        ..Namespace::default()
    };
    let node = Node {
        name: "node-a".to_owned(),
        uid: "n1".to_owned(),
        ..Node::default()
    };
    let yaml =
        "extract: {metadata: [k8s.node.uid, k8s.pod.name], labels: [{tag_name: team, key: team, from: namespace}]}";
    let mut trial = Trial::of(yaml, PodMap::new(Vec::new(), vec![namespace], vec![node]));

    let unknown = trial.after(
        &[
            ("k8s.pod.uid", "nobody"),
            ("k8s.namespace.name", "inference"),
            ("k8s.node.name", "node-a"),
        ],
        None,
    );
    let elsewhere = trial.after(&[("k8s.namespace.name", "other")], None);

    assert_eq!(
        (get(&unknown, "team"), get(&unknown, "k8s.node.uid")),
        (Some("red"), Some("n1"))
    );
    assert_eq!(get(&unknown, "k8s.pod.name"), None);
    assert_eq!(elsewhere.len(), 1);
    assert_eq!((trial.counted("unknown"), trial.counted("silent")), (1, 1));
}
