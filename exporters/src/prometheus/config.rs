//! What users write.

use std::collections::BTreeMap;

use config::{Duration, Report, Validate};
use net::server::HttpServer;
use pipeline::delivery::{Delivery, SendingQueue};
use serde::{Deserialize, Deserializer};

use super::store::Rules;
use crate::prometheus_names::{Names, Strategy};
use crate::prometheus_series::{ConstantLabels, Conversion, DeltaToCumulative, Promotion, Settings};

/// Series that are kept at once, unless configured: a page of some 50 MB, and as much as one Prometheus server should be
/// given as one target.
const SERIES_MAX: usize = 500_000;

/// What users write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    server: HttpServer,
    own: Own,
}

/// The keys that are not the HTTP server's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Own {
    /// In front of every metric name.
    namespace: String,
    /// Labels for every series that does not have them.
    const_labels: BTreeMap<String, String>,
    /// Samples say when they were measured.
    send_timestamps: bool,
    /// How long a series is shown that nobody speaks of.
    metric_expiration: Duration,
    /// Scrapers that ask for OpenMetrics get it.
    enable_open_metrics: bool,
    /// All resource attributes on every series; `resource_constant_labels` says more.
    resource_to_telemetry_conversion: Conversion,
    /// Some resource attributes on every series.
    resource_constant_labels: ConstantLabels,
    /// No `otel_scope_*` labels.
    without_scope_info: bool,
    /// Unit and type behind metric names; `translation_strategy` says more.
    add_metric_suffixes: Option<bool>,
    /// How names are translated.
    translation_strategy: Option<Strategy>,
    /// Runs of characters that a label cannot have become one `_`.
    collapse_underscores: bool,
    /// Series that are kept at once; further ones are dropped and counted.
    max_series: usize,
    /// Deltas are added up.
    delta_to_cumulative: DeltaToCumulative,
    /// What waits to be taken; without it senders wait.
    #[serde(deserialize_with = "config::present")]
    sending_queue: Option<SendingQueue>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            const_labels: BTreeMap::new(),
            send_timestamps: false,
            metric_expiration: Duration::from_secs(300),
            enable_open_metrics: false,
            resource_to_telemetry_conversion: Conversion::default(),
            resource_constant_labels: ConstantLabels::default(),
            without_scope_info: false,
            add_metric_suffixes: None,
            translation_strategy: None,
            collapse_underscores: false,
            max_series: SERIES_MAX,
            delta_to_cumulative: DeltaToCumulative::default(),
            sending_queue: None,
        }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (server, own) = config::parts(deserializer)?;
        Ok(Self { server, own })
    }
}

impl Config {
    /// The listener.
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    pub(super) fn has_open_metrics(&self) -> bool {
        self.own.enable_open_metrics
    }

    pub(super) fn has_timestamps(&self) -> bool {
        self.own.send_timestamps
    }

    /// Taking a batch neither waits nor fails, so there is nothing to try again. One batch after the other keeps deltas
    /// in order.
    pub(super) fn delivery(&self) -> Delivery {
        let direct = Delivery::direct();
        match &self.own.sending_queue {
            None => direct,
            Some(queue) => Delivery {
                sending_queue: SendingQueue {
                    num_consumers: 1,
                    ..queue.clone()
                },
                ..direct
            },
        }
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            series_max: self.own.max_series,
            expiration: *self.own.metric_expiration,
            keeps_exemplars: self.own.enable_open_metrics,
            is_legal: false,
        }
    }

    fn names(&self) -> Names {
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
        Settings {
            external_labels: Settings::legal_labels(&names, own.const_labels.clone().into_iter()),
            names,
            promoted: self.promoted(),
            has_target_info: true,
            has_scope_labels: !own.without_scope_info,
            to_native: false,
            keeps_classic: false,
            streams_max: own.delta_to_cumulative.max_streams,
            stale_after: *own.delta_to_cumulative.max_stale,
        }
    }

    /// The newer block decides where both are written, as in the Collector.
    fn promoted(&self) -> Promotion {
        let ConstantLabels { included, excluded } = self.own.resource_constant_labels.clone();
        let conversion = &self.own.resource_to_telemetry_conversion;
        let all = || vec!["*".to_owned()];
        match (included.is_empty(), excluded.is_empty()) {
            (true, true) if conversion.enabled => Promotion {
                included: all(),
                excluded: conversion.excluded(),
            },
            (true, false) => Promotion {
                included: all(),
                excluded,
            },
            _ => Promotion { included, excluded },
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let own = &self.own;
        self.server.validate(report);
        if self.server.endpoint.is_empty() {
            report.help(
                "endpoint",
                "an endpoint is required",
                "write `endpoint: localhost:8889`, and let Prometheus scrape http://localhost:8889/metrics",
            );
        }
        for key in [
            "max_request_body_size",
            "include_metadata",
            "compression_algorithms",
            "read_timeout",
        ] {
            report.without_effect(key, "a scrape is a GET without a body");
        }
        report.without_effect("write_timeout", "`idle_timeout` ends a connection that does not read");
        if own.metric_expiration.is_zero() {
            report.reject(
                "metric_expiration",
                "must be longer than 0: nothing would ever be shown",
            );
        }
        if own.max_series == 0 {
            report.reject("max_series", "must be at least 1");
        }
        for name in own.const_labels.keys() {
            if name.is_empty() || name.starts_with("__") {
                report.reject(
                    "const_labels",
                    format!("{name:?} cannot be a label; Prometheus keeps such names for itself"),
                );
            }
        }
        self.validate_older(report);
        if let Some(queue) = &own.sending_queue {
            report.within("sending_queue", |report| {
                queue.validate(report);
                report.without_effect("num_consumers", "batches are taken one after another");
            });
        }
    }
}

impl Config {
    /// Keys that the Collector calls deprecated.
    fn validate_older(&self, report: &mut Report<'_>) {
        let own = &self.own;
        if own.translation_strategy.is_some() {
            report.without_effect("add_metric_suffixes", "`translation_strategy` decides");
        }
        let constant = &own.resource_constant_labels;
        if !(constant.included.is_empty() && constant.excluded.is_empty()) {
            report.without_effect("resource_to_telemetry_conversion", "`resource_constant_labels` decides");
        }
    }
}
