//! One line of the log: the Collector's fields, for people or as JSON.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use config::telemetry::Encoding;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events as lines. Text from outside is JSON-escaped in both encodings, so no sender can forge a line.
pub struct Line {
    encoding: Encoding,
    initial_fields: Map<String, Value>,
}

/// The fields of one event.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Line {
    /// Lines in this encoding, each with these fields.
    pub fn new(encoding: Encoding, initial_fields: &BTreeMap<String, Value>) -> Self {
        let initial_fields = initial_fields
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Self {
            encoding,
            initial_fields,
        }
    }

    /// `laid_out` text comes in lines of its own and has escaped what came from outside.
    fn console(&self, level: &str, fields: Fields, laid_out: bool, out: &mut impl Write) -> std::fmt::Result {
        let message = if laid_out {
            fields.message
        } else {
            fields.message.replace(char::is_control, " ")
        };
        let mut others = self.initial_fields.clone();
        others.extend(fields.others);
        write!(out, "{}\t{level}\t{message}", timestamp(SystemTime::now()))?;
        if others.is_empty() {
            writeln!(out)
        } else {
            writeln!(out, "\t{}", Value::Object(others))
        }
    }

    fn json(&self, level: &str, fields: Fields, out: &mut impl Write) -> std::fmt::Result {
        let mut line = Map::new();
        line.insert("level".to_owned(), level.into());
        line.insert("ts".to_owned(), timestamp(SystemTime::now()).into());
        line.insert("msg".to_owned(), fields.message.into());
        line.extend(self.initial_fields.clone());
        line.extend(fields.others);
        writeln!(out, "{}", Value::Object(line))
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        match self.encoding {
            Encoding::Console => {
                let laid_out = event.metadata().target() == exporters::debug::LOG_TARGET;
                self.console(&level, fields, laid_out, &mut writer)
            }
            Encoding::Json => self.json(&level, fields, &mut writer),
        }
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        } else {
            self.others.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

/// RFC 3339 in UTC with milliseconds.
fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        since.subsec_millis()
    )
}

/// Year, month and day of a number of days since 1970-01-01, counted in 400-year eras that begin in March, so that
/// the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let at = |seconds| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));

        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59.000Z");
        assert_eq!(at(4_102_444_800), "2100-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_message_from_outside_cannot_forge_a_line() {
        let mut out = String::new();
        let fields = Fields {
            message: "bad\nfaked\terror".to_owned(),
            others: Map::new(),
        };

        Line::new(Encoding::Console, &BTreeMap::new())
            .console("warn", fields, false, &mut out)
            .unwrap();

        assert_eq!(out.lines().count(), 1);
        assert!(out.ends_with("\twarn\tbad faked error\n"), "{out}");
    }
}
