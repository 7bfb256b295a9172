//! UCUM units as words.

/// What is appended to a name for a unit; either part may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnitWords {
    /// `seconds`.
    pub(super) main: String,
    /// `per_second`.
    pub(super) per: String,
}

/// The unit as it stands in a name: `bytes_per_second` for `By/s`; empty for one that has no word.
pub(crate) fn unit_word(unit: &str) -> String {
    let UnitWords { main, per } = UnitWords::of(unit).escaped();
    let separator = if main.is_empty() || per.is_empty() { "" } else { "_" };
    format!("{main}{separator}{per}")
}

impl UnitWords {
    /// The words for a unit such as `By/s`. Annotations such as `{token}` have none.
    pub(super) fn of(unit: &str) -> Self {
        let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
        let (main, per) = (main.trim(), per.trim());
        let mut words = Self::default();
        if !is_annotation(main) {
            words.main = plural(main).to_owned();
        }
        if !per.is_empty() && !is_annotation(per) {
            words.per = format!("per_{}", singular(per));
        }
        words
    }

    /// The same in the characters of classic Prometheus.
    pub(super) fn escaped(mut self) -> Self {
        self.main = escaped(&self.main);
        self.per = escaped(&self.per);
        if self.per == "per" {
            self.per.clear();
        }
        self
    }
}

fn is_annotation(part: &str) -> bool {
    part.contains(['{', '}'])
}

/// Illegal characters and runs of them as one `_`; none at the ends.
fn escaped(word: &str) -> String {
    let parts = word.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':');
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("_")
}

fn plural(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        // The word for gauges, `ratio`, stands behind everything else.
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

fn singular(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}
