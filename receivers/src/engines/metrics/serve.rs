//! Proxies, routers and replicas in front of engines.

use super::super::profile::Metric;
use super::{counter, gauge, histogram};

pub(crate) const PROXY_DURATION: Metric = histogram(
    "inferscope.serve.proxy.request.duration",
    "s",
    "proxy E2E",
    "From the arrival of a request at the proxy to its end.",
);
pub(crate) const PROXY_RUNNING: Metric = gauge(
    "inferscope.serve.proxy.requests.running",
    "{request}",
    "proxy running",
    "Requests under way at the proxy.",
);
pub(crate) const PROXY_REQUESTS: Metric = counter(
    "inferscope.serve.proxy.requests",
    "{request}",
    "proxy requests",
    "Requests that ended at the proxy.",
);
pub(crate) const PROXY_FAILED: Metric = counter(
    "inferscope.serve.proxy.requests.failed",
    "{request}",
    "proxy failures",
    "Those of them that failed.",
);
pub(crate) const ROUTER_WAITING: Metric = gauge(
    "inferscope.serve.router.requests.waiting",
    "{request}",
    "router queue depth",
    "Requests that wait for a replica.",
);
pub(crate) const ROUTER_RUNNING: Metric = gauge(
    "inferscope.serve.router.requests.running",
    "{request}",
    "router running",
    "Requests that were sent to a replica and have not ended.",
);
pub(crate) const ROUTER_QUEUE_DURATION: Metric = histogram(
    "inferscope.serve.router.queue.duration",
    "s",
    "router queue time",
    "Time that a request waited for a replica.",
);
pub(crate) const ROUTER_ARGUMENTS_DURATION: Metric = histogram(
    "inferscope.serve.router.arguments.duration",
    "s",
    "router arguments",
    "Time for getting the arguments of a request.",
);
pub(crate) const REPLICA_RUNNING: Metric = gauge(
    "inferscope.serve.replica.requests.running",
    "{request}",
    "replica running",
    "Requests under way at a replica.",
);
pub(crate) const REPLICA_REQUESTS: Metric = counter(
    "inferscope.serve.replica.requests",
    "{request}",
    "replica requests",
    "Requests that a replica took.",
);
pub(crate) const REPLICA_FAILED: Metric = counter(
    "inferscope.serve.replica.requests.failed",
    "{request}",
    "replica failures",
    "Those of them that failed.",
);
pub(crate) const REPLICA_DURATION: Metric = histogram(
    "inferscope.serve.replica.request.duration",
    "s",
    "replica time",
    "Time of a request at a replica.",
);
pub(crate) const REPLICA_UTILIZATION: Metric = gauge(
    "inferscope.serve.replica.utilization",
    "1",
    "replica utilization",
    "How much of its share of requests a replica has, from 0 to 1.",
);
pub(crate) const REPLICA_BATCH_WAIT: Metric = histogram(
    "inferscope.serve.replica.batch.wait.duration",
    "s",
    "batch wait",
    "Time that a batch was filled for.",
);
pub(crate) const REPLICA_BATCH_DURATION: Metric = histogram(
    "inferscope.serve.replica.batch.duration",
    "s",
    "batch time",
    "Time of a batch at a replica.",
);

pub(super) const ALL: &[Metric] = &[
    PROXY_DURATION,
    PROXY_RUNNING,
    PROXY_REQUESTS,
    PROXY_FAILED,
    ROUTER_WAITING,
    ROUTER_RUNNING,
    ROUTER_QUEUE_DURATION,
    ROUTER_ARGUMENTS_DURATION,
    REPLICA_RUNNING,
    REPLICA_REQUESTS,
    REPLICA_FAILED,
    REPLICA_DURATION,
    REPLICA_UTILIZATION,
    REPLICA_BATCH_WAIT,
    REPLICA_BATCH_DURATION,
];
