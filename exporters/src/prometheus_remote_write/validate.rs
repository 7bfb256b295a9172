//! What a configuration cannot mean, and what it hardly means.

use config::{Report, Validate};
use net::client::http::HttpClientConfig;

use super::config::{Config, Message, url};

/// Headers that say what the body is; another value would make receivers misread it.
const OWN_HEADERS: [&str; 4] = [
    "content-encoding",
    "content-type",
    "user-agent",
    "x-prometheus-remote-write-version",
];

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        let own = &self.own;
        match &own.http {
            Some(http) => {
                if !self.client.endpoint.is_empty() {
                    report.help(
                        "endpoint",
                        "the endpoint stands here and below `http`",
                        "keep all keys of the HTTP client in one place",
                    );
                }
                if self.client.auth.is_some() {
                    report.help(
                        "auth",
                        "is not looked at beside `http`",
                        "move it below `http`, where the other keys of the HTTP client are",
                    );
                }
                self.client.validate(report);
                report.within("http", |report| validate_client(&http.client, report));
            }
            None => validate_client(&self.client, report),
        }
        self.validate_names(report);
        report.within("retry_on_failure", |report| own.retry_on_failure.validate(report));
        report.within("remote_write_queue", |report| {
            if own.remote_write_queue.queue_size == 0 {
                report.reject("queue_size", "must be at least 1");
            }
            if own.remote_write_queue.num_consumers == 0 {
                report.reject("num_consumers", "must be at least 1");
            }
        });
        if own.max_batch_request_parallelism == Some(0) {
            report.reject("max_batch_request_parallelism", "must be at least 1");
        }
        if own.max_batch_size_bytes == 0 {
            report.reject("max_batch_size_bytes", "must be at least 1");
        }
        if own.send_metadata && own.protobuf_message == Message::Request {
            report.notice(
                "send_metadata",
                "has no effect: in remote write 2.0 every series has its metadata",
            );
        }
        if !own.include_metadata_keys.is_empty() {
            report.reject(
                "include_metadata_keys",
                "the metadata of senders is not available here; remove this key",
            );
        }
        // Even with nothing behind it: who writes it counts on a disk.
        if own.wal.is_some() || report.has("wal") {
            report.help(
                "wal",
                "a queue on disk is not available yet",
                "remove `wal` to queue in memory",
            );
        }
    }
}

impl Config {
    fn validate_names(&self, report: &mut Report<'_>) {
        let own = &self.own;
        if own.translation_strategy.is_some() {
            report.without_effect("add_metric_suffixes", "`translation_strategy` decides");
        }
        if self.names().strategy.keeps_utf8() && own.protobuf_message == Message::WriteRequest {
            report.notice(
                "translation_strategy",
                "remote write 1.0 has no UTF-8 names: what it does not allow becomes `_`\n\
                 set `protobuf_message: io.prometheus.write.v2.Request` to keep names as they are",
            );
        }
        for name in own.external_labels.keys() {
            if name.is_empty() || name.starts_with("__") {
                report.reject(
                    "external_labels",
                    format!("{name:?} cannot be an external label; Prometheus keeps such names for itself"),
                );
            }
        }
        let conversion = &own.resource_to_telemetry_conversion;
        if conversion.enabled && !own.resource_constant_labels.included.is_empty() {
            report.notice(
                "resource_constant_labels",
                "has no effect: `resource_to_telemetry_conversion` takes all attributes",
            );
        }
        if own.keep_classic_histograms && !own.convert_explicit_histograms_to_nhcb {
            report.notice(
                "keep_classic_histograms",
                "has no effect: without `convert_explicit_histograms_to_nhcb` all of them are classic",
            );
        }
    }
}

fn validate_client(client: &HttpClientConfig, report: &mut Report<'_>) {
    client.validate(report);
    if client.endpoint.is_empty() {
        report.help(
            "endpoint",
            "an endpoint is required",
            "write `endpoint: http://localhost:9090/api/v1/write`",
        );
    } else if let Err(problem) = url(&client.endpoint) {
        report.reject("endpoint", problem);
    }
    if client.compression.is_some() {
        report.reject(
            "compression",
            "remote write is always compressed with snappy; remove this key",
        );
    }
    let headers = client.headers.to_map();
    for name in OWN_HEADERS {
        // The client's own rules know the first.
        if name != "content-encoding" && headers.contains_key(name) {
            report.help(
                "headers",
                format!("the header {name:?} is set by the protocol"),
                "remove this header",
            );
        }
    }
}
