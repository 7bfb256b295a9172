//! What users write.

use std::time;

use config::{Duration, Report, Validate};
use serde::Deserialize;

/// Longer nobody can wait: the samples of a device are kept for ten minutes, and energy is shared while they are there,
/// with half a minute for rounds that come late.
const HORIZON_MAX: time::Duration = time::Duration::from_secs(570);

/// Says which GPUs a request ran on, and what they did meanwhile.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a span waits for the samples that follow its end.
    pub sample_wait: Duration,
    /// How energy is shared by requests that run at the same time.
    pub attribution: AttributionConfig,
    /// Spans that wait at once; with more the oldest leaves with what is known.
    pub spans_max: u32,
    /// Memory of spans that wait, in bytes; with more the oldest leaves with what is known.
    pub bytes_max: u64,
}

/// How energy is shared by requests that run at the same time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributionConfig {
    /// Whether request spans get their share of energy, and wait for it.
    pub enabled: bool,
    /// Requests that come no later than this after they began are waited for. Spans wait as long as the requests of the
    /// last minutes have made necessary, and never longer than this.
    pub horizon: Duration,
    /// Part of the work, 0 to 1, that has to be known before energy is shared; the rest comes too late.
    pub known_work: f64,
    /// What one output token costs, in computed input tokens.
    pub output_token_weight: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sample_wait: Duration::from_secs(2),
            attribution: AttributionConfig::default(),
            spans_max: 20_000,
            bytes_max: 32 << 20,
        }
    }
}

impl Default for AttributionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            horizon: Duration::from_secs(570),
            // Of a chat with a few long answers shares are within 3 % of the truth then, and spans come twice as soon as
            // with 0.95.
            known_work: 0.9,
            output_token_weight: 3.0,
        }
    }
}

impl Validate for Config {
    fn validate(&self, report: &mut Report) {
        if self.spans_max == 0 {
            report.reject("spans_max", "must be at least 1");
        }
        if *self.attribution.horizon > HORIZON_MAX {
            report.reject(
                "attribution::horizon",
                "must be at most 9m30s: samples are kept for ten minutes",
            );
        }
        let known = self.attribution.known_work;
        if !(known > 0.0 && known <= 1.0) {
            report.reject("attribution::known_work", "must be above 0 and at most 1");
        }
        let weight = self.attribution.output_token_weight;
        if !(weight.is_finite() && weight > 0.0) {
            report.reject("attribution::output_token_weight", "must be above 0");
        }
    }
}
