#![doc = include_str!("README.md")]

mod config;
mod counts;
mod detailed;
mod metric_text;
mod normal;
mod sampler;
mod sink;
#[cfg(test)]
mod tests;
mod value;

use ::config::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;
use pipeline::outside::Outside;
use pipeline::payload::Payload;
use prost::Message;

pub use config::{Config, Verbosity};
pub use sink::LOG_TARGET;

use sampler::Sampler;
use sink::{Report, Sink};

/// Shows what passes through a pipeline.
#[derive(Debug)]
pub struct Debug {
    verbosity: Verbosity,
    /// One for each signal: a flood of metrics does not hide the one trace.
    samplers: [Sampler; 3],
    sink: Sink,
    outside: Outside,
}

impl Component for Debug {
    const ABOUT: About = About {
        name: "debug",
        aliases: &[],
        summary: "Shows what passes through a pipeline",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for Debug {
    fn build(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let sampler = || Sampler::new(config.sampling_initial, config.sampling_thereafter);
        Ok(Self {
            verbosity: config.verbosity,
            samplers: [sampler(), sampler(), sampler()],
            sink: Sink::new(config, setup)?,
            outside: setup.outside.clone(),
        })
    }

    fn delivery(_config: &Config) -> Delivery {
        Delivery::direct()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        let payload = export.payload;
        let [traces, metrics, logs] = &self.samplers;
        let sampler = match payload.signal() {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        };
        if !sampler.shows(self.outside.clock.now()) {
            return Ok(());
        }
        let text = text(self.verbosity, &payload).map_err(|cause| ExportError::permanent(cause.to_string()))?;
        let report = Report {
            signal: payload.signal(),
            counts: counts::counts(&payload),
            text,
        };
        self.sink.show(report).await.map_err(ExportError::permanent)
    }
}

fn text(verbosity: Verbosity, payload: &Payload) -> Result<String, prost::DecodeError> {
    let bytes = payload.bytes().clone();
    let detailed = match verbosity {
        Verbosity::Basic => return Ok(String::new()),
        Verbosity::Normal => false,
        Verbosity::Detailed => true,
    };
    let text = match payload {
        Payload::Traces(_) => {
            let request = ExportTraceServiceRequest::decode(bytes)?;
            if detailed {
                detailed::traces(&request)
            } else {
                normal::traces(&request)
            }
        }
        Payload::Metrics(_) => {
            let request = ExportMetricsServiceRequest::decode(bytes)?;
            if detailed {
                metric_text::metrics(&request)
            } else {
                normal::metrics(&request)
            }
        }
        Payload::Logs(_) => {
            let request = ExportLogsServiceRequest::decode(bytes)?;
            if detailed {
                detailed::logs(&request)
            } else {
                normal::logs(&request)
            }
        }
    };
    Ok(text)
}
