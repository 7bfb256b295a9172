use super::server::parse;
use super::*;

#[test]
fn a_list_of_a_server_is_read_as_prometheus_reads_it() {
    let body = br#"[{"targets": ["a:1", "b:2"], "labels": {"x": "y"}}, {"targets": null, "labels": null}, {}]"#;

    let groups = parse(body, "http://list/").unwrap();

    assert_eq!(groups[0].targets, ["a:1", "b:2"]);
    assert_eq!(groups[0].labels["x"], "y");
    assert!(groups.iter().all(|group| group.labels["__meta_url"] == "http://list/"));
    assert_eq!(targets(&groups), 2);
    assert!(parse(b"null", "u").unwrap().is_empty());
}

#[test]
fn what_is_no_list_of_groups_fails_as_a_whole() {
    for body in [
        &b"{}"[..],
        b"[null]",
        br#"[{"target": ["a:1"]}]"#,
        br#"[{"targets": [1]}]"#,
        br#"[{"labels": {"x": 1}}]"#,
        b"[{\"targets\": [\"\xff\"]}]",
        b"[]]",
    ] {
        assert_eq!(
            parse(body, "u").unwrap_err().reason,
            "list",
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn a_list_with_too_many_targets_fails_as_a_whole() {
    let list = |count: usize| format!("[{{\"targets\": [{}]}}]", vec!["\"a\""; count].join(","));

    assert_eq!(targets(&parse(list(TARGETS_MAX).as_bytes(), "u").unwrap()), TARGETS_MAX);
    let failure = parse(list(TARGETS_MAX + 1).as_bytes(), "u").unwrap_err();

    assert_eq!(failure.reason, "too_many_targets");
}

/// The fields of everything that is logged on this thread.
#[derive(Clone, Default)]
struct Logged(Arc<std::sync::Mutex<String>>);

impl tracing::field::Visit for Logged {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?} "));
    }
}

impl tracing::Subscriber for Logged {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn what_is_logged_of_a_list_says_whose_job_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.yaml");
    std::fs::write(&file, "{").unwrap();
    let world = pipeline::plan::World::system();
    let counts = Counts::new(&world.telemetry.with("receiver", "prometheus/edge"), "gpus");
    let logged = Logged::default();
    let _guard = tracing::subscriber::set_default(logged.clone());

    let mut files = Files::new(&[file.display().to_string()]);
    files.refresh(&world.outside.storage, &counts).await;

    let text = logged.0.lock().unwrap().clone();
    assert!(text.contains("the old ones stay"), "{text}");
    assert!(text.contains("receiver=\"prometheus/edge\" job=\"gpus\""), "{text}");
}
