//! Builds what a plan says, back to front: exporters, pipelines, receivers.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::available_parallelism;

use config::{Id, Kind, Signal};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Lanes, Plan, Planned, PlannedExit, PlannedPipeline, Running, World};
use crate::Batch;
use crate::component::{BuildError, Conduit, Connection, HealthState, Outlets, Registry, Setup, Stop};
use crate::delivery::{Driver, ExporterHandle};
use crate::lane::{Exit, FanOut, Inside, Lane, LaneDoor, LaneStage, Outlet};
use crate::ledger::signal_name;
use crate::telemetry::{ItemFlow, ItemOutcome, ItemSide, PIPELINE_ID, SIGNAL_OUTPUT};

pub(super) async fn start(plan: &Plan, registry: &Registry, world: World) -> Result<Running, BuildError> {
    let mut wiring = Wiring::new(plan, registry, world);
    wiring.start_extensions().await?;
    wiring.start_exporters()?;
    for pipeline in wiring.order() {
        wiring.start_pipeline(pipeline)?;
    }
    wiring.start_receivers().await?;
    wiring.running.world.health.set_state(HealthState::Ready);
    Ok(wiring.running)
}

struct Wiring<'a> {
    plan: &'a Plan,
    registry: &'a Registry,
    running: Running,
    /// Told whenever an exporter has nothing to do; lanes that keep something listen.
    rest: Arc<Notify>,
    exporters: HashMap<(usize, Signal), ExporterHandle>,
    /// Connectors by index and the signal of the pipelines in front of them, which share one.
    conduits: HashMap<(usize, Signal), Arc<dyn Conduit>>,
    /// The doors of each pipeline that was started, by index.
    doors: HashMap<usize, Vec<LaneDoor>>,
}

impl<'a> Wiring<'a> {
    fn new(plan: &'a Plan, registry: &'a Registry, world: World) -> Self {
        let running = Running {
            world,
            receivers: JoinSet::new(),
            stop_receivers: Stop::new(),
            lanes: JoinSet::new(),
            drivers: Vec::new(),
            exporters: Vec::new(),
            extensions: JoinSet::new(),
            stop_extensions: Stop::new(),
        };
        Self {
            plan,
            registry,
            running,
            rest: Arc::default(),
            exporters: HashMap::new(),
            conduits: HashMap::new(),
            doors: HashMap::new(),
        }
    }

    /// Pipelines that begin with a connector come before those that end in it. The plan has no cycles.
    fn order(&self) -> Vec<usize> {
        fn visit(plan: &Plan, pipeline: usize, order: &mut Vec<usize>) {
            if order.contains(&pipeline) {
                return;
            }
            for exit in plan.pipelines.get(pipeline).map_or(&[][..], |it| &it.exits) {
                let PlannedExit::Connector(connector) = exit else {
                    continue;
                };
                for next in plan.connectors.get(*connector).map_or(&[][..], |it| &it.feeds) {
                    visit(plan, *next, order);
                }
            }
            order.push(pipeline);
        }
        let mut order = Vec::with_capacity(self.plan.pipelines.len());
        for pipeline in 0..self.plan.pipelines.len() {
            visit(self.plan, pipeline, &mut order);
        }
        order
    }

    async fn start_extensions(&mut self) -> Result<(), BuildError> {
        for extension in &self.plan.extensions {
            let entry = known(self.registry.extensions.get(extension.kind_name), &extension.id)?;
            let setup = self.setup(&extension.id, Kind::Extension, None);
            let stop = self.running.stop_extensions.clone();
            let service = (entry.start)(Arc::clone(&extension.config), setup, stop)
                .await
                .map_err(|error| failed("extension", &extension.id, error))?;
            self.running.extensions.spawn(service);
        }
        Ok(())
    }

    fn start_exporters(&mut self) -> Result<(), BuildError> {
        for (index, exporter) in self.plan.exporters.iter().enumerate() {
            let Planned { id, kind_name, config } = &exporter.component;
            let entry = known(self.registry.exporters.get(kind_name), id)?;
            let setup = self.setup(id, Kind::Exporter, None);
            let built = (entry.build)(config, &setup).map_err(|error| failed("exporter", id, error))?;
            self.running.exporters.push(Arc::clone(&built));
            for signal in &exporter.signals {
                let setup = Setup {
                    signal: Some(*signal),
                    ..setup.clone()
                };
                let delivery = (entry.delivery)(config);
                let ledger = &self.running.world.ledger;
                let driver = Driver::start(
                    Arc::clone(&built),
                    delivery,
                    *signal,
                    setup,
                    ledger,
                    Arc::clone(&self.rest),
                );
                self.exporters.insert((index, *signal), driver.handle());
                self.running.drivers.push(driver);
            }
        }
        Ok(())
    }

    fn start_pipeline(&mut self, index: usize) -> Result<(), BuildError> {
        let Some(pipeline) = self.plan.pipelines.get(index) else {
            return Ok(());
        };
        let lanes = match pipeline.lanes {
            Lanes::One => 1,
            Lanes::PerCore => available_parallelism().map_or(1, usize::from),
        };
        let fan_out = FanOut::new(self.exits(pipeline)?);
        let mut doors = Vec::with_capacity(lanes);
        for _ in 0..lanes {
            let inside = self.inside(pipeline)?;
            let (lane, door) = Lane::new(inside, fan_out.clone(), Arc::clone(&self.rest));
            self.running.lanes.spawn(lane.run());
            doors.push(door);
        }
        self.doors.insert(index, doors);
        Ok(())
    }

    fn inside(&self, pipeline: &PlannedPipeline) -> Result<Inside, BuildError> {
        let mut stages = Vec::with_capacity(pipeline.processors.len());
        for Planned { id, kind_name, config } in &pipeline.processors {
            let entry = known(self.registry.processors.get(kind_name), id)?;
            let setup = self.setup(id, Kind::Processor, Some(pipeline.signal));
            let stage = (entry.build)(config, &setup).map_err(|error| failed("processor", id, error))?;
            let name = format!("processor/{id} in {}", pipeline.id);
            let account = self
                .running
                .world
                .ledger
                .account(&name, pipeline.signal, &setup.telemetry);
            let flow = |side| {
                let metrics = setup.telemetry.metrics();
                let within = Some((PIPELINE_ID, pipeline.id.to_string()));
                ItemFlow::new(metrics, (Kind::Processor, id), pipeline.signal, side, within)
            };
            let (consumed, produced) = (flow(ItemSide::Consumed), flow(ItemSide::Produced));
            let stage = LaneStage::new(stage, account, &setup.telemetry, pipeline.signal);
            stages.push(stage.counting(consumed, produced));
        }
        Ok(Inside::new(stages, &self.running.world))
    }

    fn exits(&mut self, pipeline: &PlannedPipeline) -> Result<Vec<Exit>, BuildError> {
        let mut exits = Vec::with_capacity(pipeline.exits.len());
        for exit in &pipeline.exits {
            match exit {
                PlannedExit::Exporter(index) => {
                    let handle = self.exporters.get(&(*index, pipeline.signal)).cloned();
                    exits.extend(handle.map(Exit::Exporter));
                }
                PlannedExit::Connector(index) => {
                    exits.extend(self.conduit(*index, pipeline.signal)?.map(Exit::Connector));
                }
            }
        }
        Ok(exits)
    }

    /// The connector at an index, for pipelines of a signal; built for the first of them.
    fn conduit(&mut self, index: usize, signal: Signal) -> Result<Option<Arc<dyn Conduit>>, BuildError> {
        if let Some(conduit) = self.conduits.get(&(index, signal)) {
            return Ok(Some(Arc::clone(conduit)));
        }
        let Some(connector) = self.plan.connectors.get(index) else {
            return Ok(None);
        };
        let Planned { id, kind_name, config } = &connector.component;
        let entry = known(self.registry.connectors.get(kind_name), id)?;
        let setup = self.setup(id, Kind::Connector, Some(signal));
        let metrics = setup.telemetry.metrics().clone();
        let outlets = self.outlets(&connector.feeds, |output| {
            let output = (SIGNAL_OUTPUT, signal_name(output).to_owned());
            ItemFlow::new(
                &metrics,
                (Kind::Connector, id),
                signal,
                ItemSide::Produced,
                Some(output),
            )
        });
        let Connection { conduit, work } =
            (entry.build)(config, &setup, outlets).map_err(|error| failed("connector", id, error))?;
        let consumed = ItemFlow::new(&metrics, (Kind::Connector, id), signal, ItemSide::Consumed, None);
        let conduit: Arc<dyn Conduit> = Arc::new(Counted { conduit, consumed });
        if let Some(work) = work {
            // It stands between the lanes in front of it and those behind it, and ends between them.
            self.running.lanes.spawn(work);
        }
        self.conduits.insert((index, signal), Arc::clone(&conduit));
        Ok(Some(conduit))
    }

    async fn start_receivers(&mut self) -> Result<(), BuildError> {
        // Connectors hold doors of their own by now; only receivers' doors must go when receivers end.
        for receiver in &self.plan.receivers {
            let Planned { id, kind_name, config } = &receiver.component;
            let entry = known(self.registry.receivers.get(kind_name), id)?;
            let setup = self.setup(id, Kind::Receiver, None);
            let metrics = setup.telemetry.metrics().clone();
            let outlets = self.outlets(&receiver.feeds, |signal| {
                ItemFlow::new(&metrics, (Kind::Receiver, id), signal, ItemSide::Produced, None)
            });
            let stop = self.running.stop_receivers.clone();
            let service = (entry.start)(Arc::clone(config), setup, outlets, stop)
                .await
                .map_err(|error| failed("receiver", id, error))?;
            self.running.receivers.spawn(service);
        }
        self.doors.clear();
        Ok(())
    }

    /// The way into these pipelines; `count` says how what goes there is counted.
    fn outlets(&self, pipelines: &[usize], count: impl Fn(Signal) -> Option<ItemFlow>) -> Outlets {
        let mut outlets = Outlets::default();
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let carries = |index: &&usize| self.plan.pipelines.get(**index).is_some_and(|it| it.signal == signal);
            let doors: Vec<Vec<LaneDoor>> = pipelines
                .iter()
                .filter(carries)
                .filter_map(|index| self.doors.get(index).cloned())
                .collect();
            if !doors.is_empty() {
                let outlet = Outlet::new(doors, self.running.world.budget.clone());
                outlets.set(signal, outlet.counting(count(signal)));
            }
        }
        outlets
    }

    fn setup(&self, id: &Id, kind: Kind, signal: Option<Signal>) -> Setup {
        let label = match kind {
            Kind::Receiver => "receiver",
            Kind::Processor => "processor",
            Kind::Exporter => "exporter",
            Kind::Connector => "connector",
            Kind::Extension => "extension",
        };
        let world = &self.running.world;
        Setup {
            id: id.clone(),
            kind,
            signal,
            telemetry: world.telemetry.with(label, id.to_string()),
            outside: world.outside.clone(),
            budget: world.budget.clone(),
            health: world.health.clone(),
            context: world.context.clone(),
        }
    }
}

/// Counts what a connector is given.
struct Counted {
    conduit: Arc<dyn Conduit>,
    consumed: Option<ItemFlow>,
}

impl Conduit for Counted {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, ()> {
        if let Some(consumed) = &self.consumed {
            consumed.add(ItemOutcome::Success, u64::from(batch.payload.items()));
        }
        self.conduit.consume(batch)
    }
}

fn known<'a, T>(entry: Option<&'a T>, id: &Id) -> Result<&'a T, BuildError> {
    entry.ok_or_else(|| BuildError::new(format!("{id}: this type was planned but is not in this build")))
}

fn failed(kind: &str, id: &Id, error: BuildError) -> BuildError {
    BuildError::because(format!("{kind} {id} could not start"), error)
}
