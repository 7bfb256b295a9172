//! Prometheus' own tool, which judges pages and rules.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::peers::peer;

/// Runs it with an input and insists that it finds nothing to say against that.
pub(crate) fn promtool(arguments: &[&str], input: &[u8]) {
    let mut command = Command::new(peer("promtool-3.8.1"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    // Dropped at once, so that the tool sees the end.
    running.stdin.take().unwrap().write_all(input).unwrap();
    let ended = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "promtool {arguments:?} says:\n{said}");
}
