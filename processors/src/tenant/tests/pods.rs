//! What pods say.

use std::collections::BTreeMap;

use pipeline::context::pods::{Namespace, Pod};
use pipeline::{Method, Origin};

use super::rig::{Rig, anyone, known, request, string, with_header};

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn pod(uid: &str, namespace: &str, ip: &str, of: &[(&str, &str)]) -> Pod {
    Pod {
        uid: uid.to_owned(),
        name: format!("{uid}-pod"),
        namespace: namespace.to_owned(),
        ips: vec![ip.parse().unwrap()],
        labels: labels(of),
        ..Pod::default()
    }
}

fn namespace(name: &str, of: &[(&str, &str)]) -> Namespace {
    Namespace {
        name: name.to_owned(),
        labels: labels(of),
        ..Namespace::default()
    }
}

fn from(ip: &str) -> Origin {
    Origin {
        client: Some(ip.parse().unwrap()),
        ..anyone()
    }
}

/// Four pods, each of which says a little less.
fn cluster(yaml: &str) -> Rig {
    let rig = Rig::new(yaml);
    let all = [
        ("inferscope.io/tenant", "of-pod"),
        ("kueue.x-k8s.io/queue-name", "of-queue"),
    ];
    let host = Pod {
        host_network: true,
        ..pod("u5", "kube-system", "10.0.0.1", &[])
    };
    rig.publish(
        vec![
            pod("u1", "labelled", "10.1.0.1", &all),
            pod("u2", "plain", "10.1.0.2", &all),
            pod("u3", "plain", "10.1.0.3", &all[1..]),
            pod("u4", "plain", "10.1.0.4", &[]),
            host,
        ],
        vec![
            namespace("labelled", &[("inferscope.io/tenant", "of-namespace")]),
            namespace("plain", &[]),
        ],
    );
    rig
}

#[test]
fn of_namespace_label_pod_label_queue_and_namespace_the_first_that_is_there_counts() {
    let mut rig = cluster("");
    let expected = [
        ("10.1.0.1", "of-namespace"),
        ("10.1.0.2", "of-pod"),
        ("10.1.0.3", "of-queue"),
        ("10.1.0.4", "plain"),
        ("::ffff:10.1.0.4", "plain"),
        ("10.1.0.9", "unknown"),
        ("10.0.0.1", "unknown"),
    ];
    for (ip, tenant) in expected {
        assert_eq!(rig.run(&request(&[], &[]), &from(ip)).tenant(0), tenant, "{ip}");
    }
    let mut without = cluster("kubernetes: {namespace_name: false}");
    assert_eq!(without.run(&request(&[], &[]), &from("10.1.0.4")).tenant(0), "unknown");
}

#[test]
fn a_pod_that_claims_to_be_another_tenant_or_another_pod_stays_what_it_is() {
    let mut rig = cluster("");
    let lies = [("tenant.id", string("acme")), ("k8s.pod.uid", string("u1"))];

    let seen = rig.run(
        &request(&lies, &lies[..1]),
        &with_header(from("10.1.0.4"), "x-tenant-id", "acme"),
    );

    assert_eq!(seen.tenant(0), "plain");
    assert_eq!(seen.marks(), ("kubernetes".to_owned(), "true".to_owned()));
    for place in ["header", "resource", "item"] {
        assert_eq!(rig.counted("inferscope_tenant_conflicts", place), 1, "{place}");
    }
}

#[test]
fn a_pod_that_only_its_sender_names_is_taken_and_not_trusted() {
    let mut rig = cluster("");
    let by_uid = [("k8s.pod.uid", string("u2"))];
    let by_name = [
        ("k8s.pod.name", string("u3-pod")),
        ("k8s.namespace.name", string("plain")),
    ];

    for (resource, tenant) in [(&by_uid[..], "of-pod"), (&by_name[..], "of-queue")] {
        let seen = rig.run(&request(resource, &[]), &anyone());
        assert_eq!(seen.tenant(0), tenant);
        assert_eq!(seen.marks(), ("kubernetes".to_owned(), "false".to_owned()));
    }
    let stranger = known(Method::Token, "somebody");
    assert_eq!(rig.run(&request(&by_uid, &[]), &stranger).tenant(0), "unknown");
}

#[test]
fn a_gateways_own_pod_says_nothing_about_those_for_whom_it_speaks() {
    let mut rig = cluster("gateway: {identities: [agent]}");
    let agent = Origin {
        client: Some("10.1.0.4".parse().unwrap()),
        ..known(Method::Certificate, "agent")
    };

    let of_pod = rig.run(&request(&[("k8s.pod.uid", string("u2"))], &[]), &agent);
    let of_none = rig.run(&request(&[], &[]), &agent);

    assert_eq!(
        (of_pod.tenant(0).as_str(), of_pod.marks().1.as_str()),
        ("of-pod", "true")
    );
    assert_eq!(of_none.tenant(0), "unknown");
}

#[test]
fn the_order_may_put_a_claim_before_the_pod() {
    let mut rig = cluster("order: [claim, kubernetes]");
    let claim = [("tenant.id", string("acme"))];

    assert_eq!(rig.run(&request(&claim, &[]), &from("10.1.0.4")).tenant(0), "acme");
    assert_eq!(rig.run(&request(&[], &[]), &from("10.1.0.4")).tenant(0), "plain");
}

#[test]
fn pods_that_are_published_later_are_known_from_the_next_batch_on() {
    let mut rig = Rig::new("");
    assert_eq!(rig.run(&request(&[], &[]), &from("10.1.0.4")).tenant(0), "unknown");

    rig.publish(vec![pod("u4", "plain", "10.1.0.4", &[])], Vec::new());

    assert_eq!(rig.run(&request(&[], &[]), &from("10.1.0.4")).tenant(0), "plain");
}
