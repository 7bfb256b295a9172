//! Which component types a file may name, and what to say about the others.

use config::{Kind, Lookup, Signal};
use pipeline::component::{About, Registry};

/// The registry as the configuration sees it.
pub struct Catalog {
    types: Vec<(Kind, About)>,
    /// From which signal to which each connector type can lead.
    routes: Vec<(&'static str, &'static [(Signal, Signal)])>,
}

/// Types that the Collector had once, and what took their place.
const REPLACED: &[(Kind, &str, &str)] = &[
    (
        Kind::Exporter,
        "logging",
        "the `logging` exporter was replaced by `debug`",
    ),
    (
        Kind::Exporter,
        "jaeger",
        "Jaeger takes OTLP: use `otlp_grpc` with Jaeger's port 4317",
    ),
    (
        Kind::Exporter,
        "jaeger_thrift",
        "Jaeger takes OTLP: use `otlp_grpc` with Jaeger's port 4317",
    ),
    (
        Kind::Extension,
        "memory_ballast",
        "`memory_ballast` was replaced by the processor `memory_limiter`",
    ),
    (
        Kind::Processor,
        "queued_retry",
        "`queued_retry` was replaced by `sending_queue` and `retry_on_failure` of exporters",
    ),
    (
        Kind::Processor,
        "spanmetrics",
        "the `spanmetrics` processor was replaced by the connector `span_metrics`",
    ),
];

/// Types that Collector distributions have and this build has not.
const ELSEWHERE: &[(Kind, &[&str])] = &[
    (
        Kind::Receiver,
        &[
            "prometheus",
            "hostmetrics",
            "host_metrics",
            "kubeletstats",
            "kubelet_stats",
            "k8s_cluster",
            "k8sobjects",
            "filelog",
            "file_log",
            "journald",
            "syslog",
            "kafka",
            "jaeger",
            "zipkin",
            "otelarrow",
            "statsd",
            "prometheusremotewrite",
            "receiver_creator",
            "httpcheck",
            "nop",
        ],
    ),
    (
        Kind::Processor,
        &[
            "filter",
            "transform",
            "tail_sampling",
            "probabilistic_sampler",
            "groupbytrace",
            "groupbyattrs",
            "redaction",
            "span",
            "cumulativetodelta",
            "cumulative_to_delta",
            "deltatocumulative",
            "delta_to_cumulative",
            "interval",
            "metricstransform",
            "metrics_transform",
            "logdedup",
            "remotetap",
        ],
    ),
    (
        Kind::Exporter,
        &[
            "prometheusremotewrite",
            "prometheus_remote_write",
            "loadbalancing",
            "load_balancing",
            "kafka",
            "otelarrow",
            "zipkin",
            "opensearch",
            "elasticsearch",
            "loki",
            "datadog",
            "splunk_hec",
            "awsxray",
        ],
    ),
    (
        Kind::Connector,
        &[
            "routing",
            "count",
            "servicegraph",
            "service_graph",
            "exceptions",
            "failover",
            "roundrobin",
        ],
    ),
    (
        Kind::Extension,
        &[
            "healthcheckv2",
            "pprof",
            "zpages",
            "file_storage",
            "bearertokenauth",
            "basicauth",
            "oidc",
            "oauth2client",
            "headers_setter",
            "opamp",
            "k8s_leader_elector",
            "memory_limiter",
        ],
    ),
];

impl Catalog {
    /// What this registry holds.
    pub fn new(registry: &Registry) -> Self {
        let receivers = registry.receivers.values().map(|entry| (Kind::Receiver, entry.about));
        let processors = registry.processors.values().map(|entry| (Kind::Processor, entry.about));
        let exporters = registry.exporters.values().map(|entry| (Kind::Exporter, entry.about));
        let connectors = registry.connectors.values().map(|entry| (Kind::Connector, entry.about));
        let extensions = registry.extensions.values().map(|entry| (Kind::Extension, entry.about));
        let types = receivers
            .chain(processors)
            .chain(exporters)
            .chain(connectors)
            .chain(extensions)
            .collect();
        let routes = registry
            .connectors
            .values()
            .map(|entry| (entry.about.name, entry.routes))
            .collect();
        Self { types, routes }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &About> {
        self.types
            .iter()
            .filter(move |(of, _)| *of == kind)
            .map(|(_, about)| about)
    }
}

impl config::Catalog for Catalog {
    fn known(&self, kind: Kind) -> Vec<&str> {
        self.of(kind).map(|about| about.name).collect()
    }

    fn canonical(&self, kind: Kind, name: &str) -> Lookup {
        if self.of(kind).any(|about| about.name == name) {
            return Lookup::Known;
        }
        if let Some(about) = self.of(kind).find(|about| about.aliases.contains(&name)) {
            return Lookup::Alias(about.name.to_owned());
        }
        if let Some((_, _, help)) = REPLACED.iter().find(|(of, old, _)| *of == kind && *old == name) {
            return Lookup::Replaced((*help).to_owned());
        }
        let elsewhere = ELSEWHERE.iter().any(|(of, names)| *of == kind && names.contains(&name));
        if elsewhere {
            return Lookup::ElsewhereIn(format!(
                "Collector distributions have `{name}`; this version of Inferscope does not"
            ));
        }
        Lookup::Unknown
    }

    fn supports(&self, kind: Kind, name: &str, signal: Signal) -> bool {
        self.of(kind)
            .filter(|about| about.name == name)
            .all(|about| about.signals.contains(&signal))
    }

    fn joins(&self, name: &str, from: Signal, to: Signal) -> bool {
        self.routes
            .iter()
            .filter(|(of, _)| *of == name)
            .all(|(_, routes)| routes.contains(&(from, to)))
    }
}
