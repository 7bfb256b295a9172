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
