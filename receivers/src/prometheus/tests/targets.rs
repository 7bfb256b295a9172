//! From configuration to targets.

use std::time::Duration;

use ::config::{Diagnostics, Section};

use super::super::config::{Config, GlobalOwn};
use super::super::discovery::Found;
use super::super::relabel;
use super::super::target::Target;

/// The targets of a job with these keys, and the problems with others.
fn targets(job: &str) -> (Vec<Target>, Vec<String>) {
    let yaml = format!("config: {{scrape_configs: [{{job_name: j, {job}}}]}}");
    let section = Section::from_yaml("test.yaml", &yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config: Option<Config> = ::config::decode(&section, &mut diagnostics);
    let config = config.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
    let job = &config.config.as_ref().unwrap().own.scrape_configs[0].own;
    let rules = relabel::rules(&job.relabel_configs).unwrap();
    Target::all(
        Found::all(&job.static_configs).iter(),
        job,
        &GlobalOwn::default(),
        &rules,
    )
}

fn one(job: &str) -> Target {
    let (mut targets, problems) = targets(job);
    assert_eq!((targets.len(), problems.len()), (1, 0), "{targets:?} {problems:?}");
    targets.remove(0)
}

#[test]
fn a_target_has_a_url_a_job_an_instance_and_its_own_labels() {
    let target = one(
        "scheme: https, metrics_path: /a b, params: {x: ['1', '&']}, static_configs: [{targets: ['h:1'], labels: {l: v}}]",
    );

    assert_eq!(target.url, "https://h:1/a%20b?x=1&x=%26");
    assert_eq!(
        target.labels,
        [("job", "j"), ("instance", "h:1"), ("l", "v")].into_iter().collect()
    );
    assert_eq!(
        (target.interval, target.timeout),
        (Duration::from_secs(60), Duration::from_secs(10))
    );
}

#[test]
fn relabelling_decides_where_how_and_whether_a_target_is_scraped() {
    let target = one(
        "params: {module: [old]}, static_configs: [{targets: ['host.example'], labels: {__meta_x: y}}], relabel_configs: [\
         {source_labels: [__address__], target_label: __param_target}, {target_label: __param_module, replacement: new}, \
         {target_label: __address__, replacement: 'proxy:9'}, {target_label: __scheme__, replacement: https}, \
         {target_label: __metrics_path__, replacement: probe}, {target_label: __scrape_interval__, replacement: 1m30s}, \
         {source_labels: [__param_target], target_label: instance}, {source_labels: [__meta_x], target_label: kept}, \
         {target_label: __tmp, replacement: gone}]",
    );

    assert_eq!(target.url, "https://proxy:9/probe?module=new&target=host.example");
    assert_eq!(
        target.labels,
        [("job", "j"), ("instance", "host.example"), ("kept", "y")]
            .into_iter()
            .collect()
    );
    assert_eq!(target.interval, Duration::from_secs(90));

    let (none, _) = targets(
        "static_configs: [{targets: ['a:1', 'b:1']}], relabel_configs: [{source_labels: [__address__], regex: 'b.*', action: drop}]",
    );
    assert_eq!(none.len(), 1);
}

/// Discovery says the same under these labels; `cases` has what the API server and Prometheus make of it.
const OF_A_POD: &str = "__meta_kubernetes_namespace: llm, __meta_kubernetes_pod_name: vllm-0, __meta_kubernetes_pod_uid: u-1, \
    __meta_kubernetes_pod_node_name: gpu-a";

#[test]
fn the_resource_of_a_target_says_which_pod_it_is_whatever_relabelling_leaves() {
    for (kind, attribute) in [
        ("ReplicaSet", "k8s.replicaset.name"),
        ("DaemonSet", "k8s.daemonset.name"),
        ("StatefulSet", "k8s.statefulset.name"),
        ("Job", "k8s.job.name"),
        ("CronJob", "k8s.cronjob.name"),
    ] {
        let target = one(&format!(
            "static_configs: [{{targets: ['a:1'], labels: {{{OF_A_POD}, __meta_kubernetes_pod_container_name: engine, \
             __meta_kubernetes_pod_controller_kind: {kind}, __meta_kubernetes_pod_controller_name: vllm}}}}], \
             relabel_configs: [{{regex: '__meta_.*', action: labeldrop}}]"
        ));

        let expected = [
            ("k8s.namespace.name", "llm"),
            ("k8s.pod.name", "vllm-0"),
            ("k8s.pod.uid", "u-1"),
            ("k8s.container.name", "engine"),
            ("k8s.node.name", "gpu-a"),
            (attribute, "vllm"),
        ];
        assert_eq!(target.resource, expected.into_iter().collect());
        assert_eq!(target.labels.len(), 2, "job and instance");
    }
}

#[test]
fn of_a_node_and_of_an_endpoint_the_node_is_known_and_of_others_nothing() {
    for (label, expected) in [
        ("__meta_kubernetes_node_name", Some("n")),
        ("__meta_kubernetes_endpoint_node_name", Some("n")),
        ("__meta_kubernetes_pod_controller_name", None),
        ("__meta_other", None),
    ] {
        let target = one(&format!(
            "static_configs: [{{targets: ['a:1'], labels: {{{label}: n}}}}]"
        ));

        let expected = expected.map(|node| ("k8s.node.name", node));
        assert_eq!(target.resource, expected.into_iter().collect(), "{label}");
    }
}

#[test]
fn a_page_that_several_containers_of_a_pod_lead_to_is_scraped_once() {
    let (found, _) = targets(&format!(
        "static_configs: [{{targets: ['a:1'], labels: {{{OF_A_POD}, __meta_kubernetes_pod_container_name: b}}}}, \
         {{targets: ['a:1'], labels: {{{OF_A_POD}, __meta_kubernetes_pod_container_name: a}}}}]"
    ));

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].resource.get("k8s.container.name"), "a", "always the same one");
}

#[test]
fn the_same_target_twice_is_scraped_once() {
    let (found, _) = targets("static_configs: [{targets: ['a:1', 'a:1']}, {targets: ['a:1']}]");

    assert_eq!(found.len(), 1);
}

#[test]
fn what_cannot_be_scraped_is_told() {
    let problem = |label: &str, value: &str| {
        let (found, problems) = targets(&format!(
            "static_configs: [{{targets: ['a:1']}}], relabel_configs: [{{target_label: {label}, replacement: '{value}'}}]"
        ));
        assert!(found.is_empty());
        problems[0].clone()
    };

    assert!(problem("__address__", "").contains("no address"));
    assert!(problem("__address__", "a/b").contains("is not host:port"));
    assert!(problem("__scheme__", "ftp").contains("neither http nor https"));
    assert!(problem("__scrape_interval__", "often").contains("__scrape_interval__"));
    assert!(problem("__scrape_timeout__", "2m").contains("longer than"));
}

#[test]
fn scrapes_are_spread_over_the_interval_and_stay_where_they_are() {
    let list: Vec<String> = (0..1_000)
        .map(|at| format!("'10.0.{}.{}:8000'", at / 250, at % 250))
        .collect();
    let (found, _) = targets(&format!("static_configs: [{{targets: [{}]}}]", list.join(", ")));

    let mut tenths = [0; 10];
    for target in &found {
        let offset = target.offset();
        assert!(offset < target.interval);
        tenths[usize::try_from(offset.as_secs() / 6).unwrap()] += 1;
        for now in [0, 1, 59_999, 1_795_316_006_871] {
            let now = Duration::from_millis(now);
            let turn = now + target.wait(now);
            assert_eq!(turn.as_nanos() % target.interval.as_nanos(), offset.as_nanos());
        }
    }
    assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
}
