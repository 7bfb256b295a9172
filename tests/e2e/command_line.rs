//! What the commands print, and how they end.

use std::process::{Command, Output, Stdio};

use crate::released;

fn inferscope(arguments: &[&str]) -> Output {
    let mut command = Command::new(released::program());
    command
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/configs"));
    for (port, number) in [
        ("GRPC", "4001"),
        ("HTTP", "4002"),
        ("HEALTH", "4003"),
        ("METRICS", "4004"),
    ] {
        command.env(port, number);
    }
    command
        .env("DESTINATION", "4318")
        .env("JAEGER", "4317")
        .env("TOKEN", "secret-in-the-environment");
    command.output().unwrap()
}

/// What a command prints when it ends well.
fn printed(arguments: &[&str]) -> String {
    let output = inferscope(arguments);
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success(),
        "{arguments:?} ended with {}:\n{complaints}",
        output.status
    );
    assert_eq!(complaints, "");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complains about when it ends badly.
fn complained(arguments: &[&str]) -> String {
    let output = inferscope(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn good_configurations_are_valid_without_a_word() {
    for config in [
        "jaeger_grpc.yaml",
        "jaeger_http.yaml",
        "destination.yaml",
        "file.yaml",
        "limited.yaml",
        "secrets.yaml",
    ] {
        assert_eq!(printed(&["validate", "--config", "doors.yaml", "--config", config]), "");
    }
}

#[test]
fn validate_explains_what_ok_means_to_a_sender() {
    let explained = printed(&[
        "validate",
        "--explain",
        "--config",
        "doors.yaml",
        "--config",
        "jaeger_grpc.yaml",
    ]);

    assert!(
        explained.contains("otlp → llm_phases → batch → otlp_grpc"),
        "{explained}"
    );
    assert!(explained.contains("queued: the data waits in memory"), "{explained}");
}

#[test]
fn validate_names_every_mistake_with_place_and_remedy() {
    let complaints = complained(&["validate", "--config", "doors.yaml", "--config", "mistakes.yaml"]);

    assert_eq!(complaints, include_str!("configs/mistakes.diagnostic"));
}

#[test]
fn validate_speaks_to_programs_in_json() {
    let complaints = complained(&[
        "validate",
        "--format",
        "json",
        "--config",
        "doors.yaml",
        "--config",
        "mistakes.yaml",
    ]);

    let problems: Vec<serde_json::Value> = complaints
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines: Vec<u64> = problems
        .iter()
        .map(|problem| problem["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [4, 8, 16]);
    assert!(
        problems
            .iter()
            .all(|problem| problem["file"].as_str().unwrap().ends_with("mistakes.yaml"))
    );
}

#[test]
fn a_file_that_does_not_exist_is_named() {
    let complaints = complained(&["validate", "--config", "nowhere.yaml"]);

    assert!(complaints.contains("nowhere.yaml"), "{complaints}");
}

#[test]
fn print_config_hides_secrets_unless_asked() {
    let secrets = ["secret-in-the-file", "secret-in-the-environment"];
    let arguments = ["print-config", "--config", "doors.yaml", "--config", "secrets.yaml"];

    let redacted = printed(&arguments);
    let json = printed(&[&arguments[..], &["--format", "json"]].concat());
    let unredacted = printed(&[&arguments[..], &["--mode", "unredacted"]].concat());

    for secret in secrets {
        assert!(!redacted.contains(secret), "{redacted}");
        assert!(!json.contains(secret), "{json}");
        assert!(unredacted.contains(secret), "{unredacted}");
    }
    assert!(redacted.contains("[REDACTED]"));
    assert!(
        redacted.contains("http://127.0.0.1:4318"),
        "what is no secret is shown:\n{redacted}"
    );
    let _: serde_json::Value = serde_json::from_str(&json).expect("--format json is JSON");
}

#[test]
fn a_printed_configuration_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("printed.yaml");
    let printed_config = printed(&[
        "print-config",
        "--mode",
        "unredacted",
        "--config",
        "doors.yaml",
        "--config",
        "secrets.yaml",
    ]);
    std::fs::write(&path, &printed_config).unwrap();

    let path = path.to_str().unwrap();
    assert_eq!(printed(&["validate", "--config", path]), "");
    assert_eq!(
        printed(&["print-config", "--mode", "unredacted", "--config", path]),
        printed_config
    );
}

#[test]
fn set_wins_over_files() {
    let config = [
        "--config",
        "doors.yaml",
        "--config",
        "jaeger_grpc.yaml",
        "--set",
        "processors.batch.timeout=2s",
    ];

    let text = printed(&[&["print-config"], &config[..]].concat());

    assert!(text.contains("timeout: 2s"), "{text}");
}

#[test]
fn components_lists_every_component_of_this_build() {
    let listed = printed(&["components"]);

    let expected = [
        "otlp",
        "llm_phases",
        "batch",
        "memory_limiter",
        "resource",
        "attributes",
        "otlp_grpc",
        "otlp_http",
        "file",
        "debug",
        "nop",
        "forward",
        "health_check",
    ];
    for component in expected {
        assert!(
            listed.contains(&format!("    - name: {component}\n")),
            "{component} is missing in\n{listed}"
        );
    }
}

#[test]
fn the_list_of_components_is_yaml_that_a_program_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("components.yaml");
    std::fs::write(&file, printed(&["components"])).unwrap();

    let read = printed(&[
        "print-config",
        "--validate=false",
        "--format=json",
        file.to_str().unwrap(),
    ]);

    let read: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read["buildinfo"]["command"], "inferscope");
    assert!(read["processors"].as_array().unwrap().len() >= 5);
}

#[test]
fn completions_end_quietly_when_nobody_reads_them() {
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(released::program());
        let mut running = command
            .args(["completions", shell])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(running.stdout.take());
        let ended = running.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let expected = format!("inferscope {}\n", env!("CARGO_PKG_VERSION"));

    assert_eq!(printed(&["--version"]), expected);
    assert_eq!(printed(&["-v"]), expected);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);

        assert!(script.contains("print-config"), "{shell}");
    }
}

#[test]
fn without_a_configuration_the_program_says_what_to_do() {
    let complaints = complained(&[]);

    assert!(
        complaints.contains("--config") && complaints.contains("inferscope demo"),
        "{complaints}"
    );
}
