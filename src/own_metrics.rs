//! The page of own metrics, by default on `localhost:8888`.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use anyhow::Context;
use config::Telemetry;
use config::telemetry::Prometheus;
use net::page::{self, Page};
use pipeline::component::Stop;
use pipeline::plan::World;
use pipeline::telemetry::{MetricAbout, Suffixes};
use tokio::task::JoinSet;

/// The content type of the text exposition format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

const UPTIME: MetricAbout = MetricAbout {
    name: "otelcol_process_uptime",
    help: "Time since the process started.",
    unit: "s",
};
const CPU: MetricAbout = MetricAbout {
    name: "otelcol_process_cpu_seconds",
    help: "CPU time that the process has used, user and system.",
    unit: "s",
};
const RESIDENT: MetricAbout = MetricAbout {
    name: "otelcol_process_memory_rss",
    help: "Resident memory of the process.",
    unit: "By",
};
const BUDGET_USED: MetricAbout = MetricAbout {
    name: "inferscope_memory_budget_used",
    help: "Bytes of batches in flight, as charged at the door.",
    unit: "By",
};
const BUDGET_LIMIT: MetricAbout = MetricAbout {
    name: "inferscope_memory_budget_limit",
    help: "Bytes of batches that may be in flight.",
    unit: "By",
};
const BUDGET_REFUSED: MetricAbout = MetricAbout {
    name: "inferscope_memory_budget_refusals",
    help: "Requests that were refused because the memory budget was used up.",
    unit: "{request}",
};
const TARGET_INFO: MetricAbout = MetricAbout {
    name: "target_info",
    help: "Who this process is.",
    unit: "",
};

/// Linux reports CPU time in ticks of 1/100 s on every platform that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// The servers of the page.
pub struct OwnMetrics {
    servers: JoinSet<()>,
    stop: Stop,
}

impl OwnMetrics {
    /// Ends them.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

/// Serves the page on every address that the configuration names.
pub async fn start(telemetry: &Telemetry, world: &World) -> anyhow::Result<OwnMetrics> {
    publish(telemetry, world);
    let stop = Stop::new();
    let mut servers = JoinSet::new();
    for reader in telemetry.metrics.prometheus() {
        let address = format!("{}:{}", reader.host, reader.port);
        let listener = world.outside.network.listen(&address).await.with_context(|| {
            format!(
                "could not serve own metrics on {address}; choose another port under service.telemetry.metrics.readers, \
                 or `level: none`"
            )
        })?;
        let (world, stop) = (world.clone(), stop.clone());
        servers.spawn(async move {
            let metrics = world.telemetry.metrics().clone();
            let suffixes = suffixes(&reader);
            let render = move |path: &str| match path {
                "/metrics" | "/" => Page::ok(TEXT, metrics.render(suffixes)),
                _ => Page::not_found(),
            };
            page::serve(listener, &world.outside, render, stop).await;
        });
    }
    Ok(OwnMetrics { servers, stop })
}

fn suffixes(reader: &Prometheus) -> Suffixes {
    Suffixes {
        units: !reader.without_units,
        types: !reader.without_type_suffix,
    }
}

fn publish(telemetry: &Telemetry, world: &World) {
    let own = &world.telemetry;
    let clock = Arc::clone(&world.outside.clock);
    let started = clock.now();
    own.counter_probe(UPTIME, move || {
        clock.now().saturating_duration_since(started).as_secs_f64()
    });
    own.counter_probe(CPU, cpu_seconds);
    own.gauge_probe(RESIDENT, resident_bytes);
    let budget = world.budget.clone();
    own.gauge_probe(BUDGET_USED, move || budget.used() as f64);
    let budget = world.budget.clone();
    own.gauge_probe(BUDGET_LIMIT, move || budget.limit() as f64);
    let budget = world.budget.clone();
    own.counter_probe(BUDGET_REFUSED, move || budget.refused() as f64);
    let mut info = own.clone();
    for (key, value) in identity(telemetry) {
        info = info.with(key.replace(['.', '-', '/'], "_"), value);
    }
    info.gauge_probe(TARGET_INFO, || 1.0);
}

/// The resource of the program itself: the Collector's three attributes, and what the configuration says.
fn identity(telemetry: &Telemetry) -> BTreeMap<String, String> {
    let instance = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
    let mut attributes = BTreeMap::from([
        ("service.name".to_owned(), env!("CARGO_PKG_NAME").to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), instance),
    ]);
    for (key, value) in &telemetry.resource.attributes {
        match value {
            Some(value) => attributes.insert(key.clone(), value.clone()),
            None => attributes.remove(key), // A null takes a default away.
        };
    }
    attributes
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in parentheses and may hold spaces; user and system time are the
    // fourteenth and fifteenth (proc(5)).
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / TICKS_PER_SECOND
}

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    let kib = line
        .split_whitespace()
        .next()
        .and_then(|number| number.parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0
}
