//! What users write.

use config::{Duration, Report, Validate};

/// How much memory the process may take; keys and rules are the Collector's.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often the Collector measures memory. It has to be given, as there, but has no effect: here memory is counted
    /// for every request at the door. No notice says so, since nobody can do without the key.
    pub check_interval: Duration,
    /// The most that the process may take, in MiB. Wins over `limit_percentage`.
    pub limit_mib: u32,
    /// How far below the limit requests are refused, in MiB; 0 for a fifth of the limit.
    pub spike_limit_mib: u32,
    /// The most that the process may take, in percent of the memory it could have.
    pub limit_percentage: u32,
    /// How far below the limit requests are refused, in percent of that memory; 0 for a fifth of the limit.
    pub spike_limit_percentage: u32,
    /// Go only.
    pub min_gc_interval_when_soft_limited: Duration,
    /// Go only.
    pub min_gc_interval_when_hard_limited: Duration,
    /// Go only.
    pub max_gc_interval_when_soft_limited: Duration,
    /// Go only.
    pub max_gc_interval_when_hard_limited: Duration,
}

/// Keys that steer Go's garbage collector.
const GO_ONLY: [&str; 4] = [
    "min_gc_interval_when_soft_limited",
    "min_gc_interval_when_hard_limited",
    "max_gc_interval_when_soft_limited",
    "max_gc_interval_when_hard_limited",
];

impl Validate for Config {
    fn validate(&self, report: &mut Report<'_>) {
        if self.check_interval.is_zero() {
            report.help(
                "check_interval",
                "must be greater than zero",
                "write check_interval: 1s",
            );
        }
        if self.limit_mib == 0 && self.limit_percentage == 0 {
            let remedy = "write limit_mib: 512, or limit_percentage: 80";
            report.help("", "limit_mib or limit_percentage must be greater than zero", remedy);
        }
        if self.limit_mib > 0 && self.spike_limit_mib >= self.limit_mib {
            let problem = format!("must be smaller than limit_mib, which is {}", self.limit_mib);
            report.reject("spike_limit_mib", problem);
        }
        self.validate_percentages(report);
        for key in GO_ONLY {
            report.without_effect(key, "there is no garbage collector to steer");
        }
    }
}

impl Config {
    fn validate_percentages(&self, report: &mut Report<'_>) {
        let (limit, spike) = (self.limit_percentage, self.spike_limit_percentage);
        for (key, value) in [("limit_percentage", limit), ("spike_limit_percentage", spike)] {
            if value > 100 {
                report.reject(key, format!("must be at most 100, found {value}"));
            }
        }
        if limit > 0 && spike >= limit {
            report.reject(
                "spike_limit_percentage",
                format!("must be smaller than limit_percentage, which is {limit}"),
            );
        }
        if self.limit_mib > 0 && limit > 0 {
            report.warn("limit_percentage", "is not used, because limit_mib is set");
        }
    }
}
