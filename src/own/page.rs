//! The page of own metrics, by default on `localhost:8888`.

use anyhow::Context;
use config::Telemetry;
use config::telemetry::Prometheus;
use net::page::{self, Page};
use pipeline::component::Stop;
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use tokio::task::JoinSet;

use super::resource::Identity;

/// The one format that there is, whatever a scraper would rather have: OpenMetrics wants `_total` at the end of
/// counters, which the configuration may forbid.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves the page on every address that the configuration names.
pub async fn serve(
    telemetry: &Telemetry,
    identity: &Identity,
    world: &World,
    stop: &Stop,
) -> anyhow::Result<JoinSet<()>> {
    let mut servers = JoinSet::new();
    for reader in telemetry.metrics.prometheus() {
        let host = &reader.host;
        // An address of IPv6 stands in brackets; the configuration may leave them out.
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let address = format!("{host}:{}", reader.port);
        let listener = world.outside.network.listen(&address).await.with_context(|| {
            format!(
                "could not serve own metrics on {address}; choose another port under service.telemetry.metrics.readers, \
                 or `level: none`"
            )
        })?;
        let (world, stop) = (world.clone(), stop.clone());
        let labels = identity.labels(&reader);
        servers.spawn(async move {
            let metrics = world.telemetry.metrics().clone();
            let suffixes = suffixes(&reader);
            let render = move |path: &str| match path {
                "/metrics" | "/" => Page::ok(TEXT, metrics.render_with(suffixes, &labels)),
                _ => Page::not_found(),
            };
            page::serve(listener, &world.outside, render, stop).await;
        });
    }
    Ok(servers)
}

fn suffixes(reader: &Prometheus) -> Suffixes {
    Suffixes {
        units: !reader.without_units,
        types: !reader.without_type_suffix,
    }
}
