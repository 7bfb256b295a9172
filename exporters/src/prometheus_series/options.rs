//! Blocks of keys that both exporters have.

use config::Duration;
use serde::Deserialize;

/// Streams of deltas remembered at once, unless configured: about 30 MB of totals.
const STREAMS_MAX: usize = 100_000;

/// All resource attributes on every series.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Conversion {
    pub enabled: bool,
    /// Without those that `job` and `instance` are made of.
    pub exclude_service_attributes: bool,
}

/// Some resource attributes on every series.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConstantLabels {
    /// Keys, with `*` and `?`.
    pub included: Vec<String>,
    /// Of these, the ones to leave out.
    pub excluded: Vec<String>,
}

/// Deltas are added up, because Prometheus knows totals only.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeltaToCumulative {
    /// Totals that are kept; points of more streams are dropped and counted. 0 drops all deltas.
    pub max_streams: usize,
    /// A stream without points for this long makes room for another.
    pub max_stale: Duration,
}

impl Default for DeltaToCumulative {
    fn default() -> Self {
        Self {
            max_streams: STREAMS_MAX,
            max_stale: Duration::from_secs(300),
        }
    }
}

impl Conversion {
    /// The attributes that are not to become labels.
    pub(crate) fn excluded(&self) -> Vec<String> {
        let service = ["service.name", "service.namespace", "service.instance.id"];
        let excluded = service.iter().filter(|_| self.exclude_service_attributes);
        excluded.map(|key| (*key).to_owned()).collect()
    }
}
