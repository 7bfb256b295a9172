#![doc = include_str!("README.md")]

mod config;
mod reply;
#[cfg(test)]
mod tests;

use ::config::Signal;
use bytes::Bytes;
use http::{StatusCode, Uri};
use net::client::http::{HttpAnswer, HttpClient, HttpFailure};
use pipeline::component::{About, BuildError, Component, Export, ExportError, Exporter, Setup, Stability};
use pipeline::delivery::Delivery;
use pipeline::outside::Outside;
use pipeline::payload::Payload;
use pipeline::payload::json::to_json;

pub use config::{Config, Encoding};

use crate::answer::{MESSAGE_BYTES_MAX, who_was_shown};
use crate::printable::excerpt;
use crate::retry_after::retry_after;

/// Sends OTLP over HTTP.
#[derive(Debug)]
pub struct OtlpHttp {
    client: HttpClient,
    /// None for a signal that has no URL.
    traces: Option<Uri>,
    metrics: Option<Uri>,
    logs: Option<Uri>,
    encoding: Encoding,
    outside: Outside,
}

impl Component for OtlpHttp {
    const ABOUT: About = About {
        name: "otlp_http",
        aliases: &["otlphttp"],
        summary: "Sends OTLP over HTTP, as protobuf or JSON",
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        stability: Stability::Beta,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = include_str!("example.yaml");
    type Config = Config;
}

impl Exporter for OtlpHttp {
    fn build(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let url = |signal| {
            config
                .url(signal)
                .transpose()
                .map_err(|why| BuildError::new(format!("the endpoint {why}")))
        };
        let urls = [url(Signal::Traces)?, url(Signal::Metrics)?, url(Signal::Logs)?];
        let https = urls.iter().flatten().any(|url| url.scheme_str() == Some("https"));
        let [traces, metrics, logs] = urls;
        let client = HttpClient::new(&config.client, https, &setup.outside, &setup.context.authenticators)?;
        Ok(Self {
            client,
            traces,
            metrics,
            logs,
            encoding: config.own.encoding,
            outside: setup.outside.clone(),
        })
    }

    fn delivery(config: &Config) -> Delivery {
        config.delivery()
    }

    async fn export(&self, export: Export) -> Result<(), ExportError> {
        if export.payload.is_empty() {
            return Ok(()); // OTLP asks clients not to send empty envelopes.
        }
        let signal = export.payload.signal();
        let url = match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        };
        let Some(url) = url else {
            let cause = format!("there is no URL for {signal}; set `endpoint` or `{signal}_endpoint`");
            return Err(ExportError::Permanent { cause });
        };
        let (content_type, body) = self.encode(&export.payload);
        match self.client.post(url, content_type, &body).await {
            Ok(answer) if answer.status.is_success() => reply::judge(&answer),
            Ok(answer) => Err(self.decide(&answer)),
            Err(HttpFailure::NoAnswer(cause)) => Err(ExportError::retry(excerpt(&cause, MESSAGE_BYTES_MAX))),
            Err(HttpFailure::Unusable(cause)) => Err(ExportError::permanent(excerpt(&cause, MESSAGE_BYTES_MAX))),
        }
    }
}

impl OtlpHttp {
    fn encode(&self, payload: &Payload) -> (&'static str, Bytes) {
        match self.encoding {
            Encoding::Proto => (reply::PROTOBUF, payload.bytes().clone()),
            Encoding::Json => {
                // Names and quotes make JSON about half as long again as protobuf.
                let mut json = Vec::with_capacity(payload.bytes().len() * 3 / 2);
                to_json(payload, &mut json);
                (reply::JSON, Bytes::from(json))
            }
        }
    }

    /// What follows from an answer that is no success (OTLP/HTTP, "Retryable Response Codes").
    fn decide(&self, answer: &HttpAnswer) -> ExportError {
        let said = reply::error_message(answer);
        let mut cause = format!("the destination answered {}{said}", answer.status);
        if answer.status == StatusCode::UNAUTHORIZED {
            cause += &who_was_shown(self.client.authenticator());
        }
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let after = retry_after(&answer.headers, self.outside.clock.wall());
                ExportError::Retry { after, cause }
            }
            StatusCode::PAYLOAD_TOO_LARGE => ExportError::TooLarge { cause },
            _ => ExportError::Permanent { cause },
        }
    }
}
