//! The pages that targets show: Prometheus' text format 0.0.4 and OpenMetrics 1.0.
//!
//! [`Page`] walks over a page line by line and gives slices of it: nothing is copied. What it leaves to the caller is
//! the inside of a series' text ([`Series::labels`]), because a caller that met the same text a scrape ago already
//! knows what it means. Families and suffixes are the caller's as well: to the scanner a line is a line.

mod labels;
mod line;
mod number;
mod page;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub(super) use line::{Exemplar, Line, Sample, Series};
pub(super) use number::value;
pub(super) use page::{Page, PageError};
pub(super) use pipeline::payload::scrape::Kind;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `text/plain`, versions 0.0.4 and 1.0.0: timestamps are milliseconds, a page ends where it ends.
    Text,
    /// `application/openmetrics-text`: timestamps are seconds, exemplars, and `# EOF` at the end.
    OpenMetrics,
}

impl Format {
    /// The format that a `Content-Type` names; None for one that is missing or names something else.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Some(Self::OpenMetrics)
        } else if media_type.eq_ignore_ascii_case("text/plain") {
            Some(Self::Text)
        } else {
            None
        }
    }
}
