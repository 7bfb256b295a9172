//! What the program says about itself, as `service.telemetry` wants it: the page of its metrics, and metrics and spans
//! that are pushed by OTLP.
//!
//! What is pushed goes straight through the SDK's exporters and never through a pipeline of this process: the export of
//! a span would make the next one. A destination that is one of our own receivers is refused.

mod loops;
mod page;
mod process;
#[cfg(feature = "own-otlp")]
mod push;
mod resource;
#[cfg(test)]
mod tests;

use std::time::Duration;

use config::{Collector, Diagnostics, Telemetry};
use pipeline::component::Stop;
use pipeline::plan::{Plan, World};
use tokio::task::JoinSet;

use resource::Identity;

/// How long the last push may take once the pipelines have ended. Together with their deadline it is less than the 30 s
/// after which Kubernetes kills.
pub const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// The same where the program ends because something failed, or because somebody is in haste.
pub const FLUSH_IN_HASTE: Duration = Duration::from_secs(1);

/// What runs for the program's own telemetry.
pub struct OwnTelemetry {
    /// The servers of the page.
    servers: JoinSet<()>,
    stop: Stop,
    #[cfg(feature = "own-otlp")]
    push: push::Push,
}

/// Starts everything that the configuration asks for. Before components are built: a histogram that is pushed does not
/// repeat what it observed.
pub async fn start(telemetry: &Telemetry, plan: &Plan, world: &World) -> anyhow::Result<OwnTelemetry> {
    world.telemetry.metrics().set_detail(telemetry.metrics.level);
    loops::refuse_resolved(telemetry, plan).await?;
    let identity = Identity::of(telemetry);
    process::publish(world);
    identity.publish(&world.telemetry);
    let stop = Stop::new();
    let servers = page::serve(telemetry, &identity, world, &stop).await?;
    Ok(OwnTelemetry {
        servers,
        stop,
        #[cfg(feature = "own-otlp")]
        push: push::Push::start(telemetry, &identity, world)?,
    })
}

/// Reports what cannot be done about own telemetry, as far as the text of the configuration says.
pub fn check(collector: &Collector, plan: Option<&Plan>, root: &config::Section, diagnostics: &mut Diagnostics) {
    let telemetry = &collector.service.telemetry;
    if cfg!(not(feature = "own-otlp")) {
        for (path, _) in loops::destinations(telemetry) {
            let problem = "this build cannot push own telemetry: it was made without the feature own-otlp";
            let help = "use a build with default features, or scrape the own metrics";
            diagnostics.push(root.nearest(&path).error(problem).help(help));
        }
    }
    if let Some(plan) = plan {
        loops::refuse_written(telemetry, plan, root, diagnostics);
    }
}

impl OwnTelemetry {
    /// Pushes what there is to say within a time, then ends everything.
    pub async fn stop(mut self, within: Duration) {
        #[cfg(feature = "own-otlp")]
        self.push.stop(within).await;
        #[cfg(not(feature = "own-otlp"))]
        let _ = within;
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}
