//! What each detector knows.
//!
//! All of it is read while the processor is built, which happens once and before anything is received: variables of the
//! environment cannot change in a process, and a host that gets another name or architecture has restarted. Files are read
//! through `Outside`, so that a simulation has a host of its own. Nothing is read while batches are processed.

use std::path::Path;

use pipeline::outside::Storage;
use pipeline::payload::names;

use super::config::SystemAttributes;
use crate::enrichment::Enrichment;

/// The variable of OpenTelemetry's specification, and the Collector's older name for it.
const VARIABLES: [&str; 2] = ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE"];

/// The name that the kernel has for the host; in a pod, the pod's name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// Where systemd and dbus keep the machine's id.
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// A variable cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} holds {pair:?}, which is not `key=value`; separate pairs with commas and write others as %2C")]
pub(super) struct Malformed {
    variable: &'static str,
    pair: String,
}

/// Attributes from the environment.
pub(super) fn env(variable: impl Fn(&str) -> Option<String>, out: &mut Enrichment) -> Result<(), Malformed> {
    for name in VARIABLES {
        let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let malformed = || Malformed {
                variable: name,
                pair: pair.to_owned(),
            };
            let (key, value) = pair.split_once('=').ok_or_else(malformed)?;
            let (key, value) = (decoded(key.trim()), decoded(value.trim()));
            match (key, value) {
                (Some(key), Some(value)) if !key.is_empty() => out.add(&key, value.as_str()),
                _ => return Err(malformed()),
            }
        }
        return Ok(());
    }
    Ok(())
}

/// Attributes of the operating system.
pub(super) fn system(storage: &dyn Storage, wanted: &SystemAttributes, out: &mut Enrichment) {
    if wanted.host_name.enabled {
        match line(storage, HOSTNAME) {
            Some(name) => out.add(names::HOST_NAME, name.as_str()),
            None => tracing::warn!(file = HOSTNAME, "the host's name is not known"),
        }
    }
    if wanted.host_id.enabled {
        match MACHINE_IDS.iter().find_map(|path| line(storage, path)) {
            Some(id) => out.add(names::HOST_ID, id.as_str()),
            None => tracing::warn!(files = ?MACHINE_IDS, "the host's id is not known"),
        }
    }
    if wanted.os_type.enabled {
        out.add(names::OS_TYPE, os_type());
    }
    if wanted.host_arch.enabled {
        out.add(names::HOST_ARCH, arch());
    }
}

/// The first line of a file, if there is something in it.
fn line(storage: &dyn Storage, path: &str) -> Option<String> {
    let bytes = storage.read(Path::new(path)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The word of OpenTelemetry's conventions.
fn os_type() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The word of OpenTelemetry's conventions.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Undoes percent-encoding; None where it is none, or no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
