//! Who this process is: the resource of everything that it says about itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use config::Telemetry;
use config::telemetry::Prometheus;
use pipeline::telemetry::{Labels, MetricAbout, Telemetry as Instruments};

/// The scope of all own metrics and spans.
pub const SCOPE: &str = env!("CARGO_PKG_NAME");
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Carries the resource on the page; what is pushed has a resource of its own.
pub const TARGET_INFO: MetricAbout = MetricAbout {
    name: "target_info",
    help: "Who this process is.",
    unit: "",
};

/// The attributes of the resource: the Collector's three, and what the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// As the configuration has it.
    pub fn of(telemetry: &Telemetry) -> Self {
        let instance = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        let mut attributes = BTreeMap::from([
            ("service.name".to_owned(), SCOPE.to_owned()),
            ("service.version".to_owned(), VERSION.to_owned()),
            ("service.instance.id".to_owned(), instance),
        ]);
        for (key, value) in &telemetry.resource.attributes {
            match value {
                Some(value) => attributes.insert(key.clone(), value.clone()),
                None => attributes.remove(key), // A null takes a default away.
            };
        }
        Self(attributes)
    }

    /// Keys and values.
    #[cfg_attr(not(feature = "own-otlp"), allow(dead_code))]
    pub fn attributes(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// Shows it on the page.
    pub fn publish(&self, own: &Instruments) {
        let mut info = own.clone();
        for (key, value) in &self.0 {
            info = info.with(key.clone(), value);
        }
        info.gauge_probe(TARGET_INFO, || 1.0);
    }

    /// The labels that every series of a page carries.
    pub fn labels(&self, reader: &Prometheus) -> Labels {
        let mut labels = Labels::new();
        if !reader.without_scope_info {
            labels.push(("otel_scope_name".into(), SCOPE.to_owned()));
            labels.push(("otel_scope_version".into(), VERSION.to_owned()));
        }
        if let Some(choice) = &reader.with_resource_constant_labels {
            let chosen = self.0.iter().filter(|(key, _)| choice.chooses(key));
            labels.extend(chosen.map(|(key, value)| (Cow::Owned(key.clone()), value.clone())));
        }
        labels
    }
}
