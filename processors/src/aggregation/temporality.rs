//! Since when totals count, as users write it.

use pipeline::payload::metrics::Temporality;
use serde::Deserialize;

/// Whether points count since the start or since the point before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum AggregationTemporality {
    /// Since the start, as Prometheus has it.
    #[default]
    #[serde(rename = "AGGREGATION_TEMPORALITY_CUMULATIVE")]
    Cumulative,
    /// Since the point before.
    #[serde(rename = "AGGREGATION_TEMPORALITY_DELTA")]
    Delta,
}

impl From<AggregationTemporality> for Temporality {
    fn from(written: AggregationTemporality) -> Self {
        match written {
            AggregationTemporality::Cumulative => Self::Cumulative,
            AggregationTemporality::Delta => Self::Delta,
        }
    }
}
