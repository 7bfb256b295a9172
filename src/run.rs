//! Runs a configuration until it is told to stop.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use pipeline::component::Stop;
use pipeline::plan::{Running, World};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{ConfigurationArguments, ReportFormat};
use crate::{logs, own, source, validate};

/// How long a shutdown may take: shorter than the 30 s after which Kubernetes kills.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(20);

/// The runtime that everything shares: one worker per core this process may use.
pub fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")
}

/// Runs like the Collector.
pub fn run(arguments: &ConfigurationArguments) -> anyhow::Result<ExitCode> {
    let registry = source::registry();
    let read = source::read(arguments, &registry);
    let (Some(plan), Some(collector)) = (read.plan, read.collector) else {
        validate::report(&read.diagnostics, ReportFormat::Text);
        return Ok(ExitCode::FAILURE);
    };
    logs::start(&collector.service.telemetry)?;
    for diagnostic in read.diagnostics.sorted() {
        let place = diagnostic
            .origin
            .as_ref()
            .map(|it| format!("{}:{}:{}", it.file(), it.line(), it.column()));
        tracing::warn!(place = place.unwrap_or_default(), "{}", diagnostic.message);
    }
    for gate in &arguments.feature_gates {
        tracing::warn!(gate, "unknown feature gate; Inferscope has none");
    }
    runtime()?.block_on(async {
        let world = World::system();
        let own = own::start(&collector.service.telemetry, &plan, &world).await?;
        let running = match Running::start(&plan, &registry, world).await {
            Ok(running) => running,
            Err(error) => {
                own.stop(Duration::ZERO).await;
                return Err(error.into());
            }
        };
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            pipelines = plan.pipelines.len(),
            "everything is ready"
        );
        let ended = until_told(running).await;
        let within = if ended.is_ok() {
            own::FLUSH_WITHIN
        } else {
            own::FLUSH_IN_HASTE
        };
        own.stop(within).await;
        ended.map(|()| ExitCode::SUCCESS)
    })
}

async fn until_told(mut running: Running) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let failure = loop {
        tokio::select! {
            _ = interrupt.recv() => break None,
            _ = terminate.recv() => break None,
            _ = hang_up.recv() => tracing::warn!("SIGHUP: reloading is not available yet; restart to read the configuration again"),
            fatal = running.failure() => break Some(fatal),
        }
    };
    tracing::info!(
        deadline_s = SHUTDOWN_DEADLINE.as_secs(),
        "stopping; a second signal ends at once"
    );
    let haste = Stop::new();
    let mut stopped = pin!(running.stop_in_haste(SHUTDOWN_DEADLINE, &haste));
    loop {
        tokio::select! {
            () = &mut stopped => break,
            () = either(&mut interrupt, &mut terminate) => {
                anyhow::ensure!(!haste.is_cancelled(), "ended by a third signal; what was under way was not counted");
                haste.cancel(); // What waits is counted, and nothing is sent any more.
            }
        }
    }
    anyhow::ensure!(!haste.is_cancelled(), "ended at once by a second signal");
    tracing::info!("stopped");
    match failure {
        Some(fatal) => Err(fatal.into()),
        None => Ok(()),
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
