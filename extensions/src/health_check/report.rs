//! What a probe is told.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use net::page::Page;
use pipeline::component::{Health, HealthState};
use pipeline::outside::Clock;

use super::ResponseBody;

/// Looks at the health board whenever somebody asks.
pub(super) struct Probe {
    body: Option<ResponseBody>,
    health: Health,
    clock: Arc<dyn Clock>,
    started: Instant,
    started_wall: SystemTime,
}

impl Probe {
    pub(super) fn new(body: Option<ResponseBody>, health: Health, clock: Arc<dyn Clock>) -> Self {
        let (started, started_wall) = (clock.now(), clock.wall());
        Self {
            body,
            health,
            clock,
            started,
            started_wall,
        }
    }

    pub(super) fn page(&self) -> Page {
        // A component in trouble is no reason to take traffic away from the others, nor to start them all again.
        let healthy = self.health.state() == HealthState::Ready;
        let status = if healthy {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        match &self.body {
            Some(body) => {
                let text = if healthy { &body.healthy } else { &body.unhealthy };
                Page {
                    status,
                    content_type: "text/plain; charset=utf-8",
                    body: text.clone().into(),
                }
            }
            None => Page {
                status,
                content_type: "application/json",
                body: self.json(healthy).into(),
            },
        }
    }

    /// The Collector's answer; ours adds the components that are in trouble.
    fn json(&self, healthy: bool) -> String {
        let mut report = serde_json::Map::new();
        let word = if healthy {
            "Server available"
        } else {
            "Server not available"
        };
        report.insert("status".to_owned(), word.into());
        if healthy {
            let uptime = self.clock.now().saturating_duration_since(self.started);
            report.insert("upSince".to_owned(), rfc3339(self.started_wall).into());
            report.insert("uptime".to_owned(), go_duration(uptime).into());
        } else {
            report.insert(
                "state".to_owned(),
                format!("{:?}", self.health.state()).to_lowercase().into(),
            );
        }
        let troubles = self.health.troubles().into_iter();
        let troubles: serde_json::Map<_, _> = troubles.map(|(component, why)| (component, why.into())).collect();
        if !troubles.is_empty() {
            report.insert("troubles".to_owned(), troubles.into());
        }
        serde_json::Value::from(report).to_string()
    }
}

/// A duration as Go prints it, to the millisecond: `1h2m3.5s`.
fn go_duration(duration: Duration) -> String {
    config::Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).to_string()
}

/// A time in UTC, to the millisecond (RFC 3339).
fn rfc3339(time: SystemTime) -> String {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since_epoch.as_secs() / 86_400, since_epoch.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        since_epoch.subsec_millis()
    )
}

/// Year, month and day of a number of days after 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_rfc_3339() {
        let leap_day = SystemTime::UNIX_EPOCH + Duration::from_millis(1_709_210_096_007);

        assert_eq!(rfc3339(leap_day), "2024-02-29T12:34:56.007Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
