//! What the processor counts about its own work.

use pipeline::telemetry::{Counter, MetricAbout, Telemetry};

use super::decision::Source;
use super::name::Fault;

/// Claims that lost.
pub(super) const CONFLICTS: MetricAbout = MetricAbout {
    name: "inferscope_tenant_conflicts",
    help: "Claims of a tenant that lost against a better source, by where they stood: header, resource, item.",
    unit: "{claim}",
};

/// Claims that were no names.
pub(super) const REFUSED: MetricAbout = MetricAbout {
    name: "inferscope_tenant_refused_values",
    help: "Values that cannot be the name of a tenant and were ignored, by reason.",
    unit: "{value}",
};

/// Resources by what said their tenant.
pub(super) const RESOURCES: MetricAbout = MetricAbout {
    name: "inferscope_tenant_resources",
    help: "Resources by what said their tenant: connection, gateway, kubernetes, claim, unknown, own.",
    unit: "{resource}",
};

/// All of them, for the component table.
pub(super) const ALL: [MetricAbout; 3] = [CONFLICTS, REFUSED, RESOURCES];

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a header of the request.
    Header,
    /// In an attribute of the resource.
    Resource,
    /// In an attribute of a span, a data point or a log record.
    Item,
}

/// The counters.
#[derive(Debug)]
pub(super) struct Meters {
    conflicts: [Counter; 3],
    refused: [Counter; Fault::WORDS.len()],
    resources: [Counter; Source::WORDS.len()],
    own_resources: Counter,
}

impl Meters {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let conflict = |place: &str| telemetry.with("source", place).counter(CONFLICTS);
        let resources = |source: &str| telemetry.with("source", source).counter(RESOURCES);
        Self {
            conflicts: ["header", "resource", "item"].map(conflict),
            refused: Fault::WORDS.map(|word| telemetry.with("reason", word).counter(REFUSED)),
            resources: Source::WORDS.map(resources),
            own_resources: resources("own"),
        }
    }

    pub(super) fn conflict(&self, place: Place) {
        if let Some(counter) = self.conflicts.get(place as usize) {
            counter.add(1);
        }
    }

    pub(super) fn refused(&self, fault: Fault) {
        if let Some(counter) = self.refused.get(fault as usize) {
            counter.add(1);
        }
    }

    pub(super) fn resource(&self, source: Source) {
        if let Some(counter) = self.resources.get(source as usize) {
            counter.add(1);
        }
    }

    pub(super) fn own_resource(&self) {
        self.own_resources.add(1);
    }
}
