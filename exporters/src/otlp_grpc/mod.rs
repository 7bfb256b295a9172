#![doc = include_str!("README.md")]

mod config;
#[cfg(test)]
mod tests;

use ::config::Signal;
use net::client::grpc::{Failure, GrpcClient, GrpcMethod};
use net::grpc::{Code, Status};
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;

pub use config::Config;

use crate::answer::{self, MESSAGE_BYTES_MAX};
use crate::printable::excerpt;

/// Sends OTLP over gRPC.
#[derive(Debug)]
pub struct OtlpGrpc {
    client: GrpcClient,
    traces: GrpcMethod,
    metrics: GrpcMethod,
    logs: GrpcMethod,
    /// Told to the server, which may stop working on a request that nobody waits for.
    timeout: Option<std::time::Duration>,
}

impl Component for OtlpGrpc {
    const ABOUT: About = About {
        name: "otlp_grpc",
        aliases: &["otlp"],
        summary: "Sends OTLP over gRPC",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for OtlpGrpc {
    fn build(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let client = GrpcClient::new(&config.client, &setup.outside, &setup.context.authenticators)?;
        Ok(Self {
            traces: client.method("/opentelemetry.proto.collector.trace.v1.TraceService/Export")?,
            metrics: client.method("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")?,
            logs: client.method("/opentelemetry.proto.collector.logs.v1.LogsService/Export")?,
            timeout: config.own.timeout.limit(),
            client,
        })
    }

    fn delivery(config: &Config) -> Delivery {
        config.delivery()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        if export.payload.is_empty() {
            return Ok(()); // OTLP asks clients not to send empty envelopes.
        }
        let method = match export.payload.signal() {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        };
        match self.client.call(method, export.payload.bytes(), self.timeout).await {
            Ok(response) => answer::judge(&response),
            Err(failure) => Err(decide(failure, self.client.authenticator())),
        }
    }

    async fn stop(&self) {
        self.client.close();
    }
}

/// What servers say about a request that is larger than they take. gRPC has no code for it: RESOURCE_EXHAUSTED is said
/// of quotas as well, and a request cut in two would only use one up sooner.
const TOO_LARGE: [(Code, &str); 6] = [
    (Code::ResourceExhausted, "larger than"), // grpc-go, gRPC's C core and what is built on it, Inferscope
    (Code::ResourceExhausted, "exceeds maximum size"), // grpc-java
    (Code::ResourceExhausted, "exceeds the maximum configured message size"), // .NET
    (Code::ResourceExhausted, "exceeded while decompressing message"), // tonic
    (Code::OutOfRange, "message length too large"), // tonic
    (Code::Unknown, "HTTP status 413"),       // a proxy in between, such as nginx
];

/// What follows from a failed call (OTLP/gRPC, "Failures").
fn decide(failure: Failure, authenticator: Option<&str>) -> ExportError {
    match failure {
        Failure::Status(status) => decide_by_status(&status, authenticator),
        Failure::NoAnswer(cause) => ExportError::retry(excerpt(&cause, MESSAGE_BYTES_MAX)),
        Failure::Unusable(cause) => ExportError::permanent(excerpt(&cause, MESSAGE_BYTES_MAX)),
    }
}

fn decide_by_status(status: &Status, authenticator: Option<&str>) -> ExportError {
    let message = excerpt(&status.message, MESSAGE_BYTES_MAX);
    let mut cause = format!(
        "the destination answered {} ({}): {message}",
        status.code,
        status.code.number()
    );
    if status.code == Code::Unauthenticated {
        cause += &answer::who_was_shown(authenticator);
    }
    let may_pass = match status.code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        // Only a server that says when it will have resources again will have them.
        Code::ResourceExhausted => status.retry_after.is_some(),
        _ => false,
    };
    if status.retry_after.is_none() && is_about_size(status) {
        ExportError::TooLarge { cause }
    } else if may_pass {
        ExportError::Retry {
            after: status.retry_after,
            cause,
        }
    } else {
        ExportError::Permanent { cause }
    }
}

fn is_about_size(status: &Status) -> bool {
    let says = |(code, words): &(Code, &str)| status.code == *code && status.message.contains(words);
    TOO_LARGE.iter().any(says)
}
