#![doc = include_str!("README.md")]

mod config;
#[cfg(test)]
mod tests;

use std::pin::Pin;

use ::config::Signal;
use pipeline::component::{About, BuildError, Component, Conduit, Connection, Connector, Outlets, Setup, Stability};
use pipeline::{Batch, Outcome};

pub use config::Config;

/// Joins pipelines: what one ends with, others begin with.
pub struct Forward;

impl Component for Forward {
    const ABOUT: About = About {
        name: "forward",
        aliases: &[],
        summary: "Passes batches from the pipelines that end in it to those that begin with it",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Connector for Forward {
    const ROUTES: &'static [(Signal, Signal)] = &[
        (Signal::Traces, Signal::Traces),
        (Signal::Metrics, Signal::Metrics),
        (Signal::Logs, Signal::Logs),
    ];

    fn build(_config: &Config, _setup: &Setup, outlets: Outlets) -> Result<Connection, BuildError> {
        Ok(Connection::of(Passage { outlets }))
    }
}

/// Holds the doors of the pipelines behind; they drain once it is dropped.
struct Passage {
    outlets: Outlets,
}

impl Conduit for Passage {
    fn consume(&self, batch: Batch) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            match self.outlets.get(batch.payload.signal()) {
                Some(outlet) => outlet.pass(batch).await,
                // The plan connects every route that is used, so this is a bug; the sender hears it and keeps its data.
                None => batch.settle(Outcome::retry("forward leads to no pipeline of this signal")),
            }
        })
    }
}
