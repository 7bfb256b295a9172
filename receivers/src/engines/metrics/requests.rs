//! Requests of an engine.

use super::super::profile::Metric;
use super::{counter, gauge};

pub(crate) const REQUESTS_WAITING: Metric = gauge(
    "inferscope.engine.requests.waiting",
    "{request}",
    "queue depth",
    "Requests that wait to be scheduled.",
);
pub(crate) const REQUESTS_WAITING_BY_REASON: Metric = gauge(
    "inferscope.engine.requests.waiting_by_reason",
    "{request}",
    "queue depth by reason",
    "The requests of `inferscope.engine.requests.waiting`, by what they wait for.",
);
pub(crate) const REQUESTS_RUNNING: Metric = gauge(
    "inferscope.engine.requests.running",
    "{request}",
    "running",
    "Requests that are in the running batch.",
);
pub(crate) const REQUESTS_PAUSED: Metric = gauge(
    "inferscope.engine.requests.paused",
    "{request}",
    "paused",
    "Requests that were paused for new weights.",
);
pub(crate) const REQUESTS_IN_STAGE: Metric = gauge(
    "inferscope.engine.requests.in_stage",
    "{request}",
    "requests by stage",
    "Requests in a stage beside the queue, such as the hand-over between prefill and decode instances.",
);
pub(crate) const REQUESTS_MAX: Metric = gauge(
    "inferscope.engine.requests.max",
    "{request}",
    "batch limit",
    "Most requests that the engine takes at once.",
);
pub(crate) const REQUESTS_RECEIVED: Metric = counter(
    "inferscope.engine.requests.received",
    "{request}",
    "requests received",
    "Requests that came in.",
);
pub(crate) const REQUESTS_FINISHED: Metric = counter(
    "inferscope.engine.requests.finished",
    "{request}",
    "success by reason",
    "Requests that ended, by why they did where the engine tells.",
);
pub(crate) const REQUESTS_ABORTED: Metric = counter(
    "inferscope.engine.requests.aborted",
    "{request}",
    "aborted",
    "Requests that were given up; whether they are among the finished ones depends on the engine.",
);
pub(crate) const REQUESTS_FAILED: Metric = counter(
    "inferscope.engine.requests.failed",
    "{request}",
    "failures by reason",
    "Requests that failed.",
);
pub(crate) const REQUESTS_REJECTED: Metric = counter(
    "inferscope.engine.requests.rejected",
    "{request}",
    "admission rejections",
    "Requests that were not let in.",
);
pub(crate) const REQUESTS_CORRUPTED: Metric = counter(
    "inferscope.engine.requests.corrupted",
    "{request}",
    "corrupted",
    "Requests with NaN among their logits.",
);
pub(crate) const PREEMPTIONS: Metric = counter(
    "inferscope.engine.preemptions",
    "{preemption}",
    "preemptions",
    "Running requests that had to make room for others.",
);
pub(crate) const SLEEP_STATE: Metric = gauge(
    "inferscope.engine.sleep_state",
    "1",
    "sleep state",
    "Whether the engine is in a state of sleep.",
);

pub(super) const ALL: &[Metric] = &[
    REQUESTS_WAITING,
    REQUESTS_WAITING_BY_REASON,
    REQUESTS_RUNNING,
    REQUESTS_PAUSED,
    REQUESTS_IN_STAGE,
    REQUESTS_MAX,
    REQUESTS_RECEIVED,
    REQUESTS_FINISHED,
    REQUESTS_ABORTED,
    REQUESTS_FAILED,
    REQUESTS_REJECTED,
    REQUESTS_CORRUPTED,
    PREEMPTIONS,
    SLEEP_STATE,
];
