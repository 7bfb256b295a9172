//! Ray Serve, from the sources of 2.60. It stands in front of engines, so its metrics are about proxies, routers and
//! replicas; those of vLLM come through it with a prefix.

use super::super::metrics as m;
use super::super::profile::{Profile, Row, row};
use super::VLLM;

/// Ray Serve.
pub static RAY_SERVE: Profile = Profile {
    name: "ray_serve",
    prefixes: &["ray_serve_", "serve_"],
    rows: ROWS,
    without_role: WITHOUT_ROLE,
    labels: &[],
    parts: None,
    guests: &[&VLLM],
};

const HTTP: &[(&str, &str)] = &[("inferscope.protocol", "http")];
const GRPC: &[(&str, &str)] = &[("inferscope.protocol", "grpc")];

const ROWS: &[Row] = &[
    row(&m::PROXY_DURATION, &["http_request_latency_ms"])
        .per(1e3)
        .adding(HTTP),
    row(&m::PROXY_DURATION, &["grpc_request_latency_ms"])
        .per(1e3)
        .adding(GRPC),
    row(&m::PROXY_RUNNING, &["num_ongoing_http_requests"]).adding(HTTP),
    row(&m::PROXY_REQUESTS, &["num_http_requests"]).adding(HTTP),
    row(&m::PROXY_FAILED, &["num_http_error_requests"]).adding(HTTP),
    row(&m::ROUTER_WAITING, &["deployment_queued_queries"]),
    row(&m::ROUTER_RUNNING, &["num_ongoing_requests_at_replicas"]),
    row(&m::ROUTER_QUEUE_DURATION, &["request_router_fulfillment_time_ms"]).per(1e3),
    row(&m::ROUTER_ARGUMENTS_DURATION, &["router_args_resolution_latency_ms"]).per(1e3),
    row(&m::REPLICA_RUNNING, &["replica_processing_queries"]),
    row(&m::REPLICA_REQUESTS, &["deployment_request_counter"]),
    row(&m::REPLICA_FAILED, &["deployment_error_counter"]),
    row(&m::REPLICA_DURATION, &["deployment_processing_latency_ms"]).per(1e3),
    row(&m::REPLICA_UTILIZATION, &["replica_utilization_percent"]).per(100.0),
    row(&m::REPLICA_BATCH_WAIT, &["batch_wait_time_ms"]).per(1e3),
    row(&m::REPLICA_BATCH_DURATION, &["batch_execution_time_ms"]).per(1e3),
];

const WITHOUT_ROLE: &[(&str, &str)] = &[
    (
        "request_router_queue_len",
        "what a router remembers of the queues of replicas",
    ),
    ("ray_*", "Ray itself"),
];
