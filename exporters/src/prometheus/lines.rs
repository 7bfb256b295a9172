//! Lines of a page, in both syntaxes.

use std::io::Write;

use super::group::Exemplar;
use super::labels::{NameOf, is_legal, unpack};
use super::negotiate::Syntax;
use crate::prometheus_series::bound;

/// Beyond these a number is written with an exponent.
const PLAIN: std::ops::Range<f64> = 1e-6..1e21;

/// Lines of a page.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) out: Vec<u8>,
    pub(super) syntax: Syntax,
    pub(super) has_timestamps: bool,
}

/// A series on a page: the metric's name, the suffix behind it, the row of its labels and one more label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) suffix: &'a str,
    pub(super) row: &'a [u8],
    pub(super) step: Option<(&'static str, f64)>,
}

impl Lines {
    /// `# TYPE` and its kin; nothing for an empty text.
    pub(super) fn comment(&mut self, what: &str, name: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        self.out.extend_from_slice(b"# ");
        self.out.extend_from_slice(what.as_bytes());
        self.out.push(b' ');
        self.name(name.as_bytes(), NameOf::Metric);
        self.out.push(b' ');
        // Text leaves quotes as they are here.
        let quotes_too = self.syntax == Syntax::OpenMetrics;
        escape(&mut self.out, text.as_bytes(), quotes_too);
        self.out.push(b'\n');
    }

    /// A sample.
    pub(super) fn sample(&mut self, named: Named<'_>, value: f64, time: i64, exemplar: Option<&Exemplar>) {
        self.series(named);
        number(&mut self.out, value);
        if self.has_timestamps && time > 0 {
            self.out.push(b' ');
            self.time(time);
        }
        if let Some(exemplar) = exemplar.filter(|_| self.syntax == Syntax::OpenMetrics) {
            self.exemplar(exemplar);
        }
        self.out.push(b'\n');
    }

    /// Since when a series counts, as OpenMetrics says it.
    pub(super) fn created(&mut self, named: Named<'_>, start: i64) {
        self.series(named);
        self.time(start);
        self.out.push(b'\n');
    }

    /// Name and labels with a space behind them.
    fn series(&mut self, named: Named<'_>) {
        let is_quoted = !is_legal(named.name.as_bytes(), NameOf::Metric);
        if is_quoted {
            self.out.extend_from_slice(b"{\"");
            escape(&mut self.out, named.name.as_bytes(), true);
        } else {
            self.out.extend_from_slice(named.name.as_bytes());
        }
        self.out.extend_from_slice(named.suffix.as_bytes());
        if is_quoted {
            self.out.push(b'"');
        }
        let mut separator = if is_quoted { b',' } else { b'{' };
        self.labels(named.row, &mut separator);
        if let Some((name, at)) = named.step {
            self.label(name.as_bytes(), self.step(at).as_bytes(), &mut separator);
        }
        if separator == b',' {
            self.out.push(b'}');
        }
        self.out.push(b' ');
    }

    /// OpenMetrics writes bounds and quantiles as floating-point numbers.
    fn step(&self, at: f64) -> String {
        let mut text = bound(at);
        if self.syntax == Syntax::OpenMetrics && at.is_finite() && !text.contains('.') {
            text.push_str(".0");
        }
        text
    }

    fn labels(&mut self, row: &[u8], separator: &mut u8) {
        for (name, value) in unpack(row) {
            self.label(name, value, separator);
        }
    }

    fn label(&mut self, name: &[u8], value: &[u8], separator: &mut u8) {
        self.out.push(*separator);
        *separator = b',';
        self.name(name, NameOf::Label);
        self.out.extend_from_slice(b"=\"");
        escape(&mut self.out, value, true);
        self.out.push(b'"');
    }

    /// In quotes where classic Prometheus would not know it.
    fn name(&mut self, name: &[u8], of: NameOf) {
        if is_legal(name, of) {
            self.out.extend_from_slice(name);
        } else {
            self.out.push(b'"');
            escape(&mut self.out, name, true);
            self.out.push(b'"');
        }
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        self.out.extend_from_slice(b" # ");
        let mut separator = b'{';
        self.labels(&exemplar.labels, &mut separator);
        if separator == b'{' {
            self.out.push(b'{');
        }
        self.out.extend_from_slice(b"} ");
        number(&mut self.out, exemplar.value);
        if exemplar.time > 0 {
            self.out.push(b' ');
            self.time(exemplar.time);
        }
    }

    /// Milliseconds in text, seconds in OpenMetrics.
    fn time(&mut self, milliseconds: i64) {
        // Writing to a Vec cannot fail.
        let _ = match self.syntax {
            Syntax::Text => write!(self.out, "{milliseconds}"),
            Syntax::OpenMetrics => write!(self.out, "{}.{:03}", milliseconds / 1_000, milliseconds % 1_000),
        };
    }
}

/// Backslashes and line feeds, and quotes where they would end something.
fn escape(out: &mut Vec<u8>, text: &[u8], quotes_too: bool) {
    for byte in text {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quotes_too => out.extend_from_slice(b"\\\""),
            other => out.push(*other),
        }
    }
}

/// The shortest digits that read back as the same.
fn number(out: &mut Vec<u8>, value: f64) {
    // Writing to a Vec cannot fail.
    let _ = if value.is_nan() {
        out.write_all(b"NaN")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 { b"+Inf" } else { b"-Inf" })
    } else if value == 0.0 || PLAIN.contains(&value.abs()) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}
