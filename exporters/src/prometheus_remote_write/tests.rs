#![allow(clippy::unwrap_used, clippy::expect_used)]

mod configuration;
mod deltas;
mod exemplars;
mod histograms;
mod labels;
mod oracle;
mod properties;
mod rules;
mod rules_of_delivery;
mod scrapes;
mod series;

use std::net::SocketAddr;
use std::time::Instant;

use pipeline::payload::Payload;

use super::PrometheusRemoteWrite;
use super::proto::{Protocol, Room, encode};
use super::shard;
use crate::prometheus_series::{Losses, Settings, Table, Translator};
use crate::testing::{Answer, Destination, config, exporter, otlp};
use oracle::Written;

const V2: &str = "protobuf_message: io.prometheus.write.v2.Request";

/// Both protocols, as configuration.
const PROTOCOLS: [(bool, &str); 2] = [(false, ""), (true, V2)];

#[test]
fn it_keeps_the_house_rules() {
    pipeline::testing::contract::<PrometheusRemoteWrite>();
}

/// An exporter to this address; `more` are further keys.
fn writer(address: SocketAddr, more: &[&str]) -> PrometheusRemoteWrite {
    exporter(&format!("endpoint: http://{address}/api/v1/write\n{}", more.join("\n")))
}

/// What a receiver answers to what it takes whole; one of 2.0 says what it wrote.
fn taken(written: &Written) -> Answer {
    let samples: usize = written.series.iter().map(|it| it.samples.len()).sum();
    let histograms: usize = written.series.iter().map(|it| it.histograms.len()).sum();
    let exemplars: usize = written.series.iter().map(|it| it.exemplars.len()).sum();
    let answer = Answer::http(204);
    if !written.is_v2 {
        return answer;
    }
    answer
        .with("x-prometheus-remote-write-samples-written", &samples.to_string())
        .with("x-prometheus-remote-write-histograms-written", &histograms.to_string())
        .with("x-prometheus-remote-write-exemplars-written", &exemplars.to_string())
}

/// A receiver that takes everything.
async fn willing() -> Destination {
    Destination::start(|request| taken(&oracle::read(request))).await
}

/// Every request so far, checked.
fn written(destination: &Destination) -> Vec<Written> {
    destination.received().iter().map(oracle::read).collect()
}

/// Translates with these settings and reads the outcome back, in both protocols.
fn translated(yaml: &str, payload: &Payload) -> (Written, Table) {
    let config = config::<PrometheusRemoteWrite>(&format!("endpoint: http://a:1\n{yaml}")).unwrap();
    let mut translator = Translator::new(config.settings());
    through(&mut translator, payload)
}

fn through(translator: &mut Translator, payload: &Payload) -> (Written, Table) {
    let table = translator.translate(&otlp::metrics_of(payload), now());
    let read = |protocol| {
        let mut all = Written::default();
        for shard in shard::deal(&table, 3) {
            let encoded = encode(&table, shard.rest(), protocol, usize::MAX, &mut Room::default());
            assert_eq!(encoded.items, shard.rest().len());
            let part = oracle::decode(&encoded.body, protocol == Protocol::V2);
            all.series.extend(part.series);
        }
        all.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    };
    let (v1, v2) = (
        read(Protocol::V1),
        Written {
            is_v2: true,
            ..read(Protocol::V2)
        },
    );
    oracle::check(&v2);
    assert_eq!(v1.texts(), v2.texts(), "both protocols say the same");
    (v2, table)
}

/// The series of a payload as text, without those that describe others.
fn lines(yaml: &str, payload: &Payload) -> Vec<String> {
    let quiet = format!("disable_scope_info: true\ntarget_info: {{enabled: false}}\n{yaml}");
    translated(&quiet, payload).0.texts().into_iter().collect()
}

fn reasons(losses: &Losses) -> Vec<(&'static str, u64)> {
    losses
        .reasons
        .iter()
        .map(|(loss, count)| (loss.reason(), *count))
        .collect()
}

fn now() -> Instant {
    pipeline::plan::World::system().outside.clock.now()
}

fn settings(yaml: &str) -> Settings {
    let config = config::<PrometheusRemoteWrite>(&format!("endpoint: http://a:1\n{yaml}")).unwrap();
    config.settings()
}
