//! Own telemetry must not come back to this process: every export of a span would make the next span.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use config::telemetry::Otlp;
use config::{Diagnostics, Section, Telemetry};
use pipeline::plan::{Plan, Planned};

/// How long a name may take to resolve when the program starts. What does not resolve cannot be our own receiver yet,
/// and the exporter will try again.
const RESOLVE_WITHIN: Duration = Duration::from_secs(2);

/// Where own telemetry is sent, each with its place in the configuration.
pub fn destinations(telemetry: &Telemetry) -> Vec<(String, &Otlp)> {
    let metrics = &telemetry.metrics;
    let mut found = Vec::new();
    if !metrics.periodic().is_empty() {
        for (index, reader) in metrics.readers.iter().enumerate() {
            if let Some(otlp) = reader.periodic.as_ref().and_then(|it| it.exporter.otlp.as_ref()) {
                let path = format!("service::telemetry::metrics::readers::{index}::periodic::exporter::otlp::endpoint");
                found.push((path, otlp));
            }
        }
    }
    if !telemetry.traces.batches().is_empty() {
        for (index, processor) in telemetry.traces.processors.iter().enumerate() {
            if let Some(otlp) = processor.batch.as_ref().and_then(|it| it.exporter.otlp.as_ref()) {
                let path = format!("service::telemetry::traces::processors::{index}::batch::exporter::otlp::endpoint");
                found.push((path, otlp));
            }
        }
    }
    found
}

/// An address that one of our own receivers listens on.
struct Door {
    receiver: String,
    host: String,
    port: u16,
}

/// Reports destinations that are our own receivers, as far as the text says.
pub fn refuse_written(telemetry: &Telemetry, plan: &Plan, root: &Section, diagnostics: &mut Diagnostics) {
    let doors = doors(plan);
    for (path, otlp) in destinations(telemetry) {
        let Some((host, port)) = otlp.address() else {
            continue;
        };
        let same =
            |door: &&Door| door.port == port && (door.host == host || (is_here(&host) && may_be_here(&door.host)));
        if let Some(door) = doors.iter().find(same) {
            let place = root.nearest(&path);
            diagnostics.push(place.error(words(&door.receiver)).help(REMEDY));
        }
    }
}

/// The same once names are resolved.
pub async fn refuse_resolved(telemetry: &Telemetry, plan: &Plan) -> anyhow::Result<()> {
    let doors = doors(plan);
    for (path, otlp) in destinations(telemetry) {
        let Some((host, port)) = otlp.address() else {
            continue;
        };
        let doors: Vec<&Door> = doors.iter().filter(|door| door.port == port).collect();
        if doors.is_empty() {
            continue;
        }
        let targets = resolve(&host, port).await;
        for door in doors {
            let listens: Vec<IpAddr> = resolve(&door.host, port).await;
            let everywhere = may_be_anywhere(&door.host);
            let same = |target: &IpAddr| listens.contains(target) || (everywhere && is_ours(*target));
            anyhow::ensure!(!targets.iter().any(same), "{path}: {}; {REMEDY}", words(&door.receiver));
        }
    }
    Ok(())
}

const REMEDY: &str = "send own telemetry to another collector or to a backend";

fn words(receiver: &str) -> String {
    format!(
        "own telemetry would come back to this process through receiver {receiver}, and each export of it would make more"
    )
}

fn doors(plan: &Plan) -> Vec<Door> {
    let of = |Planned { id, config, .. }: &Planned| {
        let config = config.downcast_ref::<receivers::otlp::Config>();
        let endpoints = config.map(receivers::otlp::Config::endpoints).unwrap_or_default();
        let receiver = id.to_string();
        let door = move |endpoint: String| {
            let (host, port) = endpoint.rsplit_once(':')?;
            Some(Door {
                receiver: receiver.clone(),
                host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
                port: port.parse().ok()?,
            })
        };
        endpoints.into_iter().filter_map(door).collect::<Vec<_>>()
    };
    plan.receivers.iter().flat_map(|it| of(&it.component)).collect()
}

/// Whether a destination is this machine without asking anybody.
fn is_here(host: &str) -> bool {
    let ip: Option<IpAddr> = host.parse().ok();
    host.eq_ignore_ascii_case("localhost") || ip.is_some_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// Whether who listens there hears what is sent to this machine.
fn may_be_here(host: &str) -> bool {
    is_here(host) || may_be_anywhere(host)
}

fn may_be_anywhere(host: &str) -> bool {
    host.is_empty() || host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
}

/// An address is one of this machine's if it can be bound. Nothing is sent.
fn is_ours(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

async fn resolve(host: &str, port: u16) -> Vec<IpAddr> {
    if may_be_anywhere(host) {
        return Vec::new();
    }
    let found = tokio::time::timeout(RESOLVE_WITHIN, tokio::net::lookup_host((host, port))).await;
    match found {
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    }
}
