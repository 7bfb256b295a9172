//! The metrics that say the same for all engines.
//!
//! Their names follow OpenTelemetry: standard ones where there are some, and our own below `inferscope.`. The standard
//! names `gen_ai.server.*` are left to what is measured for each request: an engine's histograms say the same thing with
//! other buckets, and two sources of one name would be counted twice.

mod caches;
mod compared;
mod gpus;
mod latencies;
mod requests;
mod serve;
mod tokens;
mod work;

use super::profile::{Kind, Metric};

pub(crate) use caches::*;
pub(crate) use compared::*;
pub(crate) use gpus::*;
pub(crate) use latencies::*;
pub(crate) use requests::*;
pub(crate) use serve::*;
pub(crate) use tokens::*;
pub(crate) use work::*;

/// All of them, by what they are about, in the order of the documentation.
pub const GROUPS: &[(&str, &[Metric])] = &[
    ("Requests of an engine", requests::ALL),
    ("Tokens", tokens::ALL),
    ("Latencies", latencies::ALL),
    ("Caches", caches::ALL),
    ("Speculative decoding and work", work::ALL),
    ("Proxies, routers and replicas in front of engines", serve::ALL),
    ("GPUs", gpus::ALL),
];

const fn gauge(name: &'static str, unit: &'static str, role: &'static str, description: &'static str) -> Metric {
    metric(Kind::Gauge, name, unit, role, description)
}

const fn counter(name: &'static str, unit: &'static str, role: &'static str, description: &'static str) -> Metric {
    metric(Kind::Counter, name, unit, role, description)
}

const fn histogram(name: &'static str, unit: &'static str, role: &'static str, description: &'static str) -> Metric {
    metric(Kind::Histogram, name, unit, role, description)
}

const fn metric(
    kind: Kind,
    name: &'static str,
    unit: &'static str,
    role: &'static str,
    description: &'static str,
) -> Metric {
    Metric {
        name,
        unit,
        kind,
        role,
        description,
    }
}
