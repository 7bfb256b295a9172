//! The configuration: the gRPC client's keys, and the delivery's beside them.

use config::{Duration, Report, Validate};
use net::client::grpc::GrpcClientConfig;
use pipeline::delivery::{Delivery, RetryOnFailure, SendingQueue};
use serde::{Deserialize, Deserializer};

/// What users write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `endpoint`, `tls`, `headers`, `compression` and the other keys of a gRPC client.
    pub(super) client: GrpcClientConfig,
    /// The keys beside them.
    pub(super) own: Own,
}

/// The keys that are not the gRPC client's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Own {
    /// How long one attempt may take; 0 waits for ever.
    pub timeout: Duration,
    /// Whether and how to try again.
    pub retry_on_failure: RetryOnFailure,
    /// What waits for the destination.
    pub sending_queue: SendingQueue,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            retry_on_failure: RetryOnFailure::default(),
            sending_queue: SendingQueue::default(),
        }
    }
}

impl Config {
    /// Queue, retry and timeout.
    pub fn delivery(&self) -> Delivery {
        Delivery {
            timeout: self.own.timeout,
            retry_on_failure: self.own.retry_on_failure.clone(),
            sending_queue: self.own.sending_queue.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (client, own) = config::parts(deserializer)?;
        Ok(Self { client, own })
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        self.client.validate(report);
        report.within("retry_on_failure", |report| self.own.retry_on_failure.validate(report));
        report.within("sending_queue", |report| self.own.sending_queue.validate(report));
    }
}
