//! The configuration: an HTTP client's keys, at the top or below `http`, and the exporter's own.

use std::collections::BTreeMap;

use config::{Duration, Unread};
use http::Uri;
use net::client::http::HttpClientConfig;
use pipeline::delivery::{Delivery, QueueSizer, RetryOnFailure, SendingQueue};
use serde::{Deserialize, Deserializer};

use super::proto::Protocol;
use crate::http_url::http_url;
use crate::prometheus_names::{Names, Strategy};
use crate::prometheus_series::{ConstantLabels, Conversion, DeltaToCumulative, Promotion, Settings};

/// What users write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `endpoint`, `tls`, `headers` and the other keys of an HTTP client.
    pub(super) client: HttpClientConfig,
    /// The keys beside them.
    pub(super) own: Own,
}

/// The keys that are not the HTTP client's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Own {
    /// The HTTP client's keys in a block of their own.
    pub http: Option<Http>,
    /// How long one request may take; 0 waits for ever.
    pub timeout: Duration,
    /// In front of every metric name.
    pub namespace: String,
    /// Labels for every series that does not have them.
    pub external_labels: BTreeMap<String, String>,
    /// Unit and type behind metric names; `translation_strategy` says more.
    pub add_metric_suffixes: Option<bool>,
    /// How names are translated.
    pub translation_strategy: Option<Strategy>,
    /// Runs of characters that a label cannot have become one `_`.
    pub collapse_underscores: bool,
    /// Which protocol is spoken.
    pub protobuf_message: Message,
    /// Type, help and unit in requests of their own, in remote write 1.0.
    pub send_metadata: bool,
    /// What waits, and how many requests are under way.
    pub remote_write_queue: RemoteWriteQueue,
    /// Requests under way at once; instead of `remote_write_queue::num_consumers`.
    pub max_batch_request_parallelism: Option<u32>,
    /// A request is no larger than this before it is compressed.
    pub max_batch_size_bytes: usize,
    /// Whether and how to try again.
    pub retry_on_failure: RetryOnFailure,
    /// All resource attributes on every series.
    pub resource_to_telemetry_conversion: Conversion,
    /// Some resource attributes on every series.
    pub resource_constant_labels: ConstantLabels,
    /// One `target_info` for each resource.
    pub target_info: TargetInfo,
    /// No `otel_scope_*` labels.
    pub disable_scope_info: bool,
    /// Histograms with explicit bounds become native ones with custom buckets.
    pub convert_explicit_histograms_to_nhcb: bool,
    /// And stay classic ones as well.
    pub keep_classic_histograms: bool,
    /// Deltas are added up.
    pub delta_to_cumulative: DeltaToCumulative,
    pub include_metadata_keys: Vec<String>,
    pub wal: Option<Unread>,
}

/// The HTTP client's keys below `http`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Http {
    pub client: HttpClientConfig,
    pub own: HttpOwn,
}

/// The key of the block that is not the client's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpOwn {
    /// How long one request may take.
    pub timeout: Option<Duration>,
}

/// The protocols, by the names of their messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Message {
    /// Remote write 1.0.
    #[default]
    #[serde(rename = "prometheus.WriteRequest")]
    WriteRequest,
    /// Remote write 2.0.
    #[serde(rename = "io.prometheus.write.v2.Request")]
    Request,
}

/// What waits, and how many requests are under way.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RemoteWriteQueue {
    /// Off: senders wait for the destination's answer.
    pub enabled: bool,
    /// Batches that may wait.
    pub queue_size: u64,
    /// Shards: each has a share of the series and one request under way.
    pub num_consumers: u32,
}

/// One `target_info` for each resource.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TargetInfo {
    pub enabled: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            http: None,
            timeout: Duration::from_secs(5),
            namespace: String::new(),
            external_labels: BTreeMap::new(),
            add_metric_suffixes: None,
            translation_strategy: None,
            collapse_underscores: false,
            protobuf_message: Message::default(),
            send_metadata: false,
            remote_write_queue: RemoteWriteQueue::default(),
            max_batch_request_parallelism: None,
            max_batch_size_bytes: 3_000_000,
            retry_on_failure: RetryOnFailure {
                initial_interval: Duration::from_millis(50),
                ..RetryOnFailure::default()
            },
            resource_to_telemetry_conversion: Conversion::default(),
            resource_constant_labels: ConstantLabels::default(),
            target_info: TargetInfo::default(),
            disable_scope_info: false,
            convert_explicit_histograms_to_nhcb: false,
            keep_classic_histograms: false,
            delta_to_cumulative: DeltaToCumulative::default(),
            include_metadata_keys: Vec::new(),
            wal: None,
        }
    }
}

impl Default for RemoteWriteQueue {
    fn default() -> Self {
        Self {
            enabled: true,
            queue_size: 10_000,
            num_consumers: 5,
        }
    }
}

impl Default for TargetInfo {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (client, own) = config::parts(deserializer)?;
        Ok(Self { client, own })
    }
}

impl<'de> Deserialize<'de> for Http {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (client, own) = config::parts(deserializer)?;
        Ok(Self { client, own })
    }
}

impl Config {
    /// The HTTP client's keys, wherever they stand.
    pub(super) fn client(&self) -> &HttpClientConfig {
        self.own.http.as_ref().map_or(&self.client, |http| &http.client)
    }

    /// How long one request may take.
    pub(super) fn timeout(&self) -> Duration {
        let below = self.own.http.as_ref().and_then(|http| http.own.timeout);
        below.unwrap_or(self.own.timeout)
    }

    /// Queue and retry. One batch at a time keeps the order of samples; its requests run side by side. The timeout is
    /// each request's, not the batch's.
    pub(super) fn delivery(&self) -> Delivery {
        let queue = &self.own.remote_write_queue;
        Delivery {
            timeout: Duration::ZERO,
            retry_on_failure: self.own.retry_on_failure.clone(),
            sending_queue: SendingQueue {
                enabled: queue.enabled,
                num_consumers: 1,
                queue_size: queue.queue_size,
                sizer: QueueSizer::Requests,
                ..SendingQueue::default()
            },
        }
    }

    /// Requests under way at once.
    pub(super) fn shards(&self) -> usize {
        let consumers = self.own.remote_write_queue.num_consumers;
        self.own.max_batch_request_parallelism.unwrap_or(consumers).max(1) as usize
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self.own.protobuf_message {
            Message::WriteRequest => Protocol::V1,
            Message::Request => Protocol::V2,
        }
    }

    pub(super) fn names(&self) -> Names {
        let own = &self.own;
        Names::configured(
            own.translation_strategy,
            own.add_metric_suffixes,
            own.collapse_underscores,
            &own.namespace,
        )
    }

    /// How metrics become series.
    pub(super) fn settings(&self) -> Settings {
        let own = &self.own;
        let names = self.names();
        let external = own.external_labels.clone().into_iter();
        Settings {
            external_labels: Settings::legal_labels(&names, external),
            names,
            promoted: self.promoted(),
            has_target_info: own.target_info.enabled,
            has_scope_labels: !own.disable_scope_info,
            to_native: own.convert_explicit_histograms_to_nhcb,
            keeps_classic: own.keep_classic_histograms,
            streams_max: own.delta_to_cumulative.max_streams,
            stale_after: *own.delta_to_cumulative.max_stale,
        }
    }

    fn promoted(&self) -> Promotion {
        let own = &self.own;
        if !own.resource_to_telemetry_conversion.enabled {
            return Promotion {
                included: own.resource_constant_labels.included.clone(),
                excluded: own.resource_constant_labels.excluded.clone(),
            };
        }
        Promotion {
            included: vec!["*".to_owned()],
            excluded: own.resource_to_telemetry_conversion.excluded(),
        }
    }
}

/// The URL that requests go to.
pub(super) fn url(text: &str) -> Result<Uri, String> {
    http_url(text, "write `http://host:9090/api/v1/write`")
}
