#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use ::config::{Kind, Signal};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use pipeline::Origin;
use pipeline::context::pods::Node as K8sNode;
use pipeline::payload::Payload;
use pipeline::plan::World;
use pipeline::testing::{ReadOnly, contract};

use super::*;
use crate::actions::tests::trial;

const HOST: [(&str, &str); 2] = [
    ("/proc/sys/kernel/hostname", "gpu-17\n"),
    ("/var/lib/dbus/machine-id", "0123456789abcdef\n"),
];

fn built(
    yaml: &str,
    variables: &[(&str, &str)],
    host: &[(&'static str, &'static str)],
) -> Result<HostStage, BuildError> {
    let config = trial::decoded::<Config>(yaml).unwrap();
    let world = World::system();
    let mut setup = contract::setup(&world, "resource_detection", Kind::Processor, Signal::Traces);
    let host = host.to_vec();
    setup.outside.storage = Arc::new(ReadOnly(move |path: &Path| {
        let found = host.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned())
    }));
    build(&config, &setup, |name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// What a resource with these attributes is afterwards.
fn after(stage: HostStage, attributes: &[(&str, &str)]) -> Vec<(String, String)> {
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(key, value)| (*key, Value::StringValue((*value).to_owned())))
        .collect();
    let mut stage: [Box<dyn SpanStage>; 1] = [Box::new(stage)];
    let out = trial::walk(&mut stage, &trial::resource_with(&attributes), &Origin::default());
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

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
}

#[tokio::test]
async fn the_contract_holds() {
    let payload = || Payload::Traces(trial::traces(&trial::resource_with(&[])));
    contract::processor::<ResourceDetection>(vec![payload(), payload()]).await;
    contract::processor::<ResourceDetection>(vec![Payload::Metrics(trial::one_point())]).await;
}

#[test]
fn env_reads_the_variable_of_the_specification() {
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", " a=1, cluster = gpu%2Ceu ,, team=r%C3%B6t")];

    let stage = built("detectors: [env]", &variables, &[]).unwrap();

    assert_eq!(
        after(stage, &[]),
        owned([("a", "1"), ("cluster", "gpu,eu"), ("team", "röt")])
    );
}

#[test]
fn a_variable_that_cannot_be_read_is_an_error_at_start() {
    for text in ["a", "=1", "a=%zz", "a=%ff", "a=%4"] {
        let problem = built("detectors: [env]", &[("OTEL_RESOURCE_ATTRIBUTES", text)], &[]);

        let problem = problem.err().unwrap().to_string();
        assert!(problem.contains("OTEL_RESOURCE_ATTRIBUTES"), "{text}: {problem}");
    }
}

#[test]
fn system_says_the_hosts_name_and_its_operating_system() {
    let stage = built("detectors: [system]", &[], &HOST).unwrap();

    assert_eq!(
        after(stage, &[]),
        owned([("host.name", "gpu-17"), ("os.type", "linux")])
    );
}

#[test]
fn attributes_of_system_are_switched_on_and_off() {
    let yaml = "{detectors: [system], system: {resource_attributes: \
                {host.name: {enabled: false}, os.type: {enabled: false}, host.id: {enabled: true}}}}";

    let stage = built(yaml, &[], &HOST).unwrap();

    assert_eq!(after(stage, &[]), owned([("host.id", "0123456789abcdef")]));
}

#[test]
fn what_the_host_does_not_tell_is_not_written() {
    let stage = built("detectors: [system]", &[], &[("/proc/sys/kernel/hostname", "\n")]).unwrap();

    assert_eq!(after(stage, &[]), owned([("os.type", "linux")]));
}

#[test]
fn what_is_there_is_replaced_unless_the_configuration_says_no() {
    let replaced = built("detectors: [system]", &[], &HOST).unwrap();
    let kept = built("{detectors: [system], override: false}", &[], &HOST).unwrap();

    let there = [("host.name", "mine"), ("service.name", "vllm")];

    assert_eq!(
        after(replaced, &there),
        owned([("host.name", "gpu-17"), ("os.type", "linux"), ("service.name", "vllm")])
    );
    assert_eq!(
        after(kept, &there),
        owned([("host.name", "mine"), ("os.type", "linux"), ("service.name", "vllm")])
    );
}

#[test]
fn of_two_detectors_the_first_counts() {
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", "host.name=from-env")];

    let env_first = built("detectors: [env, system]", &variables, &HOST).unwrap();
    let system_first = built("detectors: [system, env]", &variables, &HOST).unwrap();

    assert_eq!(after(env_first, &[])[0].1, "from-env");
    assert_eq!(after(system_first, &[])[0].1, "gpu-17");
}

#[test]
fn the_uid_of_the_node_comes_when_the_api_server_has_told_it() {
    let variables = [("K8S_NODE_NAME", "node-a")];
    let unknown = built("detectors: [k8snode]", &variables, &[]).unwrap();
    let known = built("detectors: [k8snode]", &variables, &[]).unwrap();

    let node = K8sNode {
        name: "node-a".to_owned(),
        uid: "n1".to_owned(),
        ..K8sNode::default()
    };
    known.pods.publish(PodMap::new(Vec::new(), Vec::new(), vec![node]));

    assert_eq!(after(unknown, &[]), owned([("k8s.node.name", "node-a")]));
    assert_eq!(
        after(known, &[]),
        owned([("k8s.node.name", "node-a"), ("k8s.node.uid", "n1")])
    );
}

#[test]
fn a_node_without_a_name_is_an_error_that_says_what_to_set() {
    let problem = built("{detectors: [k8snode], k8snode: {node_from_env_var: NODE}}", &[], &[]);

    assert!(problem.err().unwrap().to_string().contains("spec.nodeName"));
}

#[test]
fn what_cannot_work_is_refused_with_a_remedy() {
    let refused = |yaml: &str| trial::decoded::<Config>(yaml).unwrap_err();

    assert!(refused("detectors: [ec2]").contains("`env`, `system` or `k8snode`"));
    assert!(refused("detectors: []").contains("at least one"));
    assert!(refused("refresh_interval: 1m").contains("once, at start"));
    assert!(refused("{detectors: [k8snode], k8snode: {node_from_env_var: ''}}").contains("variable"));
    assert!(trial::decoded::<Config>("{timeout: 2s, detectors: [k8s_api]}").is_ok());
}
