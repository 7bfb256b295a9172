//! Which program is tested: the one that is released.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Names another build of the program, such as a debug build or one from a package.
const OVERRIDE: &str = "INFERSCOPE_PROGRAM";

/// The path of the program. Cargo is asked to build it, which takes no time when that was done before and makes sure that no
/// test judges yesterday's program.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os(OVERRIDE) {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo describes the package to its tests in variables that some build scripts watch: with them set, half of the
    // program would be built anew here, and again by the next build without them.
    for (name, _) in std::env::vars_os() {
        let about_the_test = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
            "CARGO_PRIMARY_",
        ];
        if name
            .to_str()
            .is_some_and(|name| about_the_test.iter().any(|prefix| name.starts_with(prefix)))
        {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .args([
            "build",
            "--release",
            "--locked",
            "--bin",
            "inferscope",
            "--message-format=json",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs, since it runs this test");
    assert!(output.status.success(), "the program does not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = messages.lines().filter_map(executable).next_back();
    executable.expect("cargo names the program that it built")
}

/// The executable in one of cargo's messages, if it is about a program.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    message.get("executable")?.as_str().map(PathBuf::from)
}
