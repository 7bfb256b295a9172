//! What the page of an engine says about requests, compared with what their spans say.

use super::super::profile::Metric;
use super::{counter, gauge};

pub(crate) const REQUESTS_TRACED: Metric = counter(
    "inferscope.engine.requests.traced",
    "{request}",
    "request spans",
    "Requests of this instance whose spans came to `llm_metrics`.",
);
pub(crate) const REQUESTS_COMPLETENESS: Metric = gauge(
    "inferscope.engine.requests.completeness",
    "1",
    "completeness",
    "Share of the finished requests of the last five minutes that have a span; none while nothing finished.",
);
pub(crate) const REQUESTS_ABORTED_AFTER_FIRST_TOKEN: Metric = counter(
    "inferscope.engine.requests.aborted_after_first_token",
    "{request}",
    "aborted after first token",
    "Requests that got a first token, did not end and do not run, by two scrapes in a row: at least so many, and exactly once \
     the engine was idle for both.",
);

/// Those, in the order in which they are told.
pub(crate) const COMPARED: [Metric; 3] = [
    REQUESTS_TRACED,
    REQUESTS_COMPLETENESS,
    REQUESTS_ABORTED_AFTER_FIRST_TOKEN,
];
