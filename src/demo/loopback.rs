//! The demo's two pipelines: the one that a user would run, and behind it one that shows what comes out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use config::{Diagnostics, Environment};
use pipeline::component::Registry;
use pipeline::context;
use pipeline::payload::Traces;
use pipeline::plan::{Plan, Running, World};
use tokio::sync::mpsc;

use super::gpus::Gpus;
use super::ports::Ports;
use super::viewer::{self, Viewer};
use crate::catalog::Catalog;
use crate::source;

/// Batches between the exporter and the screen. A slow terminal holds the pipeline up; nothing is lost.
const SCREEN_BATCHES: usize = 16;

/// How long draining may take. Everything is on this machine, so this is only reached when something hangs.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Which ports to listen on; 0 takes a free one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doors {
    /// OTLP over gRPC.
    pub(super) grpc: u16,
    /// OTLP over HTTP.
    pub(super) http: u16,
}

/// Both pipelines, running.
pub(super) struct Loopback {
    pipeline: Running,
    backend: Running,
    screen: mpsc::Receiver<Traces>,
    /// Where to send telemetry.
    address: SocketAddr,
}

impl Loopback {
    /// Starts both, the last first; with GPUs, what samples them and joins them with requests as well.
    pub(super) async fn start(doors: Doors, gpus: Option<&Gpus>) -> anyhow::Result<Self> {
        let (sender, screen) = mpsc::channel(SCREEN_BATCHES);
        let mut registry = source::registry();
        registry.exporter::<Viewer>();
        let mut plan = plan(
            &File {
                name: "backend.yaml",
                text: BACKEND,
                variables: &[],
            },
            &registry,
        )?;
        for exporter in &mut plan.exporters {
            exporter.component.config = Arc::new(viewer::Config {
                screen: Some(sender.clone()),
            });
        }
        drop(sender);
        let (backend, at) = start(&plan, &registry, World::system()).await?;

        let mut variables = vec![
            ("GRPC_PORT", doors.grpc.to_string()),
            ("HTTP_PORT", doors.http.to_string()),
            ("BACKEND", at.to_string()),
        ];
        let mut world = World::system();
        let (mut name, mut text) = ("demo.yaml", DEMO);
        if let Some(gpus) = gpus {
            (name, text) = ("demo_gpus.yaml", DEMO_GPUS);
            variables.extend([("LIBRARY", gpus.library()), ("GPU_IDS", gpus.ids())]);
            world.outside.clock = gpus.clock();
        }
        let file = File {
            name,
            text,
            variables: &variables,
        };
        let plan = self::plan(&file, &registry)?;
        let (pipeline, address) = start(&plan, &registry, world).await?;
        Ok(Self {
            pipeline,
            backend,
            screen,
            address,
        })
    }

    /// Where to send telemetry.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The GPUs that the pipeline samples.
    pub(super) fn gpus(&self) -> &context::gpus::Gpus {
        &self.pipeline.world().context.gpus
    }

    /// The next batch that came out at the end; an error when a pipeline breaks.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Traces>> {
        tokio::select! {
            traces = self.screen.recv() => Ok(traces),
            fatal = self.pipeline.failure() => Err(fatal.into()),
            fatal = self.backend.failure() => Err(fatal.into()),
        }
    }

    /// Takes no more, lets everything drain and gives what was still under way to `show`.
    pub(super) async fn stop(self, mut show: impl FnMut(&Traces)) -> anyhow::Result<()> {
        let Self {
            pipeline,
            backend,
            mut screen,
            ..
        } = self;
        let ledgers = [pipeline.world().ledger.clone(), backend.world().ledger.clone()];
        // The first drains into the second, so the second must still be there.
        let stop = async {
            pipeline.stop(STOP_DEADLINE).await;
            backend.stop(STOP_DEADLINE).await;
        };
        let show = async {
            while let Some(traces) = screen.recv().await {
                show(&traces);
            }
        };
        tokio::join!(stop, show);
        match ledgers.iter().flat_map(|ledger| ledger.imbalances()).next() {
            Some(imbalance) => Err(anyhow::Error::from(imbalance).context("spans were lost; please report this bug")),
            None => Ok(()),
        }
    }
}

const DEMO: &str = include_str!("demo.yaml");
const DEMO_GPUS: &str = include_str!("demo_gpus.yaml");
const BACKEND: &str = include_str!("backend.yaml");

/// An embedded file with the variables that it names.
struct File<'a> {
    name: &'a str,
    text: &'a str,
    variables: &'a [(&'a str, String)],
}

impl Environment for File<'_> {
    fn var(&self, name: &str) -> Option<String> {
        self.variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
    }

    fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        if path == self.name {
            Ok(self.text.as_bytes().to_vec())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

fn plan(file: &File<'_>, registry: &Registry) -> anyhow::Result<Plan> {
    let mut diagnostics = Diagnostics::new();
    let request = config::Request {
        locations: vec![file.name.to_owned()],
        sets: Vec::new(),
        environment: file,
    };
    let plan = match config::load(&request) {
        Ok(document) => config::collector(&document, &Catalog::new(registry), &mut diagnostics)
            .and_then(|collector| pipeline::plan::plan(&collector, registry, &mut diagnostics)),
        Err(problems) => {
            diagnostics = problems;
            None
        }
    };
    match plan.filter(|_| !diagnostics.has_errors()) {
        Some(plan) => Ok(plan),
        None => bail!(
            "the demo's own {} is broken; please report this bug\n{}",
            file.name,
            diagnostics.render(false)
        ),
    }
}

/// Starts a plan with a world of its own, and says where its first receiver listens.
async fn start(plan: &Plan, registry: &Registry, mut world: World) -> anyhow::Result<(Running, SocketAddr)> {
    let ports = Ports::default();
    world.outside.network = Arc::new(ports.clone());
    let running = Running::start(plan, registry, world).await?;
    // Both of the receiver's listeners speak gRPC and HTTP, so it does not matter which of them was bound first.
    let address = ports
        .bound()
        .into_iter()
        .next()
        .context("the demo's receiver listens nowhere; please report this bug")?;
    Ok((running, address))
}
