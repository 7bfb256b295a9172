#![doc = include_str!("README.md")]

mod config;
mod counts;
mod proto;
mod reply;
mod requests;
mod sender;
mod shard;
#[cfg(test)]
mod tests;
mod validate;

use ::config::Signal;
use futures_util::future::join_all;
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;
use pipeline::payload::{Metrics, Payload};
use tokio::sync::Mutex;

pub use config::{Config, Message};
pub use requests::{Lengths, Requests};

use crate::prometheus_series::{Table, Translator};
use counts::Counts;
use proto::Protocol;
use sender::{Sender, Stop};
use shard::Shard;

/// Writes metrics to Prometheus.
#[derive(Debug)]
pub struct PrometheusRemoteWrite {
    sender: Sender,
    shards: usize,
    sends_metadata: bool,
    /// Held for a whole attempt: the next batch waits until this one is settled or given up, which keeps each series in
    /// order.
    desk: Mutex<Desk>,
    underscores: crate::prometheus_names::Underscores,
    /// Whether series may have names that 1.0 does not allow.
    keeps_utf8: bool,
}

#[derive(Debug)]
struct Desk {
    translator: Translator,
    pending: Option<Pending>,
}

/// A batch that is not settled. The driver brings the same payload again for the next attempt, and then only what is
/// left goes out: nothing that was accepted is sent twice, and deltas are added up once.
#[derive(Debug)]
struct Pending {
    /// Held so that no other payload can lie at the same address.
    payload: Metrics,
    table: Table,
    shards: Vec<Shard>,
    /// Encoded requests of metadata, last one first.
    metadata: Vec<Vec<u8>>,
    protocol: Protocol,
    /// The protocol is a guess about what an answer meant.
    is_guess: bool,
}

impl Component for PrometheusRemoteWrite {
    const ABOUT: About = About {
        name: "prometheus_remote_write",
        aliases: &["prometheusremotewrite"],
        summary: "Writes metrics to Prometheus and its kin, in remote write 1.0 and 2.0",
        signals: &[Signal::Metrics],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: counts::ALL,
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for PrometheusRemoteWrite {
    fn build(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let settings = config.settings();
        let (underscores, keeps_utf8) = (settings.names.underscores, settings.names.strategy.keeps_utf8());
        Ok(Self {
            sender: Sender::new(config, setup)?,
            shards: config.shards(),
            sends_metadata: config.own.send_metadata,
            underscores,
            keeps_utf8,
            desk: Mutex::new(Desk {
                translator: Translator::new(settings),
                pending: None,
            }),
        })
    }

    fn delivery(config: &Config) -> Delivery {
        config.delivery()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        let Payload::Metrics(metrics) = export.payload else {
            return Err(ExportError::permanent("remote write takes metrics only"));
        };
        let mut desk = self.desk.lock().await;
        let pending = match desk.pending.take() {
            Some(pending) if pending.is_for(&metrics) => pending,
            other => {
                // The driver gave that one up: nobody else will count its rest.
                if let Some(other) = other {
                    self.sender.counts.gave_up(other.left());
                    desk.translator.give_back(other.table);
                }
                self.begin(&mut desk.translator, metrics)
            }
        };
        // It lies on the desk while requests are under way: an attempt that is cut off forgets nothing.
        let pending = desk.pending.insert(pending);
        let stopped = self.attempt(pending).await;
        match stopped {
            Some((after, cause)) => Err(match pending.delivered() {
                0 => ExportError::Retry { after, cause },
                delivered => ExportError::RetryRest {
                    delivered,
                    after,
                    cause,
                },
            }),
            None => desk.pending.take().map_or(Ok(()), |mut pending| {
                let result = pending.result();
                desk.translator.give_back(pending.table);
                result
            }),
        }
    }

    async fn stop(&self) {
        if let Some(pending) = self.desk.lock().await.pending.take() {
            self.sender.counts.gave_up(pending.left());
        }
    }
}

impl PrometheusRemoteWrite {
    fn begin(&self, translator: &mut Translator, metrics: Metrics) -> Pending {
        let protocol = self.sender.protocol();
        translator.take_scrapes(protocol.heads());
        let mut table = translator.translate(&metrics, self.sender.now());
        let counts: &Counts = &self.sender.counts;
        if protocol == Protocol::V1 && self.keeps_utf8 {
            table.make_legal(self.underscores);
        }
        counts.translated(&table.losses);
        let mut pending = Pending {
            shards: shard::deal(&table, self.shards),
            payload: metrics,
            table,
            metadata: Vec::new(),
            protocol,
            is_guess: false,
        };
        self.add_metadata(&mut pending);
        pending
    }

    fn add_metadata(&self, pending: &mut Pending) {
        if self.sends_metadata && pending.protocol == Protocol::V1 {
            pending.metadata = proto::metadata(&pending.table, self.sender.bytes_max());
            pending.metadata.reverse();
        }
    }

    /// Sends what is left, and again in 1.0 if the receiver turns out not to know 2.0. Tells why it has to stop.
    async fn attempt(&self, pending: &mut Pending) -> Option<(Option<std::time::Duration>, String)> {
        loop {
            let mut stops = Vec::new();
            stops.extend(self.sender.send_metadata(&mut pending.metadata).await.err());
            let (table, protocol) = (&pending.table, pending.protocol);
            let shards = pending.shards.iter_mut();
            let ways = shards.map(|shard| self.sender.drain(table, shard, protocol));
            stops.extend(join_all(ways).await.into_iter().filter_map(Result::err));
            pending.collect();
            if let Some(is_sure) = stops.iter().filter_map(Stop::is_fall_back).reduce(|a, b| a || b) {
                self.fall_back(pending, is_sure, &stops);
                continue;
            }
            if pending.is_guess && pending.has_written() {
                self.sender.remember_v1();
            }
            return stops
                .into_iter()
                .filter_map(Stop::retry)
                .max_by_key(|(after, _)| *after);
        }
    }

    fn fall_back(&self, pending: &mut Pending, is_sure: bool, stops: &[Stop]) {
        if is_sure {
            self.sender.remember_v1();
        }
        let cause = stops.iter().find_map(Stop::fall_back_cause).unwrap_or_default();
        tracing::warn!(cause, is_sure, "remote write 2.0 is not understood; trying 1.0");
        pending.protocol = Protocol::V1;
        pending.is_guess = !is_sure;
        if self.keeps_utf8 {
            let lost = pending.table.losses.lost();
            pending.table.make_legal(self.underscores);
            self.sender.counts.renamed(pending.table.losses.lost() - lost);
        }
        self.add_metadata(pending);
    }
}

impl Pending {
    fn is_for(&self, metrics: &Metrics) -> bool {
        self.payload.is_clone_of(metrics)
    }

    /// Notes the points that shards have lost.
    fn collect(&mut self) {
        for shard in &mut self.shards {
            for point in shard.tally.lost.drain(..) {
                self.table.losses.lose(point);
            }
        }
    }

    fn has_written(&self) -> bool {
        self.shards.iter().any(|shard| shard.tally.written > 0)
    }

    /// Points of which everything arrived.
    fn delivered(&self) -> u64 {
        let items = self.shards.iter().flat_map(Shard::rest);
        let waiting = items.flat_map(|item| shard::points(&self.table, item));
        let unnamed: u64 = self.shards.iter().map(|shard| shard.tally.unnamed).sum();
        self.table.losses.whole_without(waiting).saturating_sub(unnamed)
    }

    /// Values that were not sent.
    fn left(&self) -> u64 {
        let items = self.shards.iter().flat_map(Shard::rest);
        items.map(|item| item.values.len() as u64).sum()
    }

    /// What the driver hears of a batch that is settled.
    fn result(&mut self) -> Result<(), ExportError> {
        let losses = &self.table.losses;
        let unnamed: u64 = self.shards.iter().map(|shard| shard.tally.unnamed).sum();
        let lost = (losses.lost() + unnamed).min(losses.points());
        if lost == 0 {
            return Ok(());
        }
        let has_written = self.has_written();
        let mut causes: Vec<String> = losses
            .reasons
            .iter()
            .map(|(loss, count)| format!("{count} {}", loss.reason()))
            .collect();
        causes.extend(self.shards.iter_mut().find_map(|shard| shard.tally.cause.take()));
        if unnamed > 0 {
            causes.push(format!("{unnamed} values were not written, the receiver says"));
        }
        let cause = causes.join("; ");
        if has_written {
            Err(ExportError::Partial {
                rejected: lost,
                message: cause,
            })
        } else {
            Err(ExportError::Permanent { cause })
        }
    }
}
