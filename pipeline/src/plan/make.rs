//! From a configuration to a plan. Everything that is wrong is said; nothing is started.

use std::collections::{BTreeMap, BTreeSet};

use config::{Collector, Diagnostics, Id, Kind, Pipeline, Section, Signal};

use super::{Lanes, Plan, Planned, PlannedConnector, PlannedExit, PlannedExporter, PlannedPipeline, PlannedReceiver};
use super::{authenticators, doors, reliance};
use crate::Outcome;
use crate::component::{About, Decoded, Registry};
use crate::delivery::Delivery;

/// Decodes every component and connects what the pipelines name. None when anything is wrong.
///
/// Components that no pipeline uses are decoded too, so that their mistakes are found, and then left out.
pub fn plan(collector: &Collector, registry: &Registry, diagnostics: &mut Diagnostics) -> Option<Plan> {
    let mut maker = Maker {
        collector,
        registry,
        diagnostics,
        decoded: BTreeMap::new(),
    };
    for kind in [
        Kind::Receiver,
        Kind::Processor,
        Kind::Exporter,
        Kind::Connector,
        Kind::Extension,
    ] {
        maker.decode_all(kind);
    }
    maker.validate_processors();
    maker.find_missing();
    maker.check_authenticators();
    doors::check(collector, maker.diagnostics);
    (!maker.diagnostics.has_errors()).then(|| maker.plan())
}

struct Maker<'a> {
    collector: &'a Collector,
    registry: &'a Registry,
    diagnostics: &'a mut Diagnostics,
    /// Kinds as their names, since only those are ordered.
    decoded: BTreeMap<(&'static str, Id), Planned>,
}

impl Maker<'_> {
    fn decode_all(&mut self, kind: Kind) {
        for component in self
            .collector
            .components(kind)
            .values()
            .filter(|component| component.known)
        {
            let Some((about, decode)) = self.entry(kind, &component.type_name) else {
                continue;
            };
            if let Some(config) = decode(&component.section, self.diagnostics) {
                let planned = Planned {
                    id: component.id.clone(),
                    kind_name: about.name,
                    config,
                };
                self.decoded.insert((name_of(kind), component.id.clone()), planned);
            }
        }
    }

    /// Finds what does not fit the signal of a pipeline that a processor stands in.
    fn validate_processors(&mut self) {
        let collector = self.collector;
        let uses = collector.service.pipelines.iter();
        let uses: BTreeSet<(&Id, Signal)> = uses
            .flat_map(|pipeline| pipeline.processors.iter().map(|it| (&it.id, pipeline.signal)))
            .collect();
        for (id, signal) in uses {
            if let Some(component) = collector.processors.get(id)
                && let Some(planned) = self.decoded(Kind::Processor, id)
                && let Some(entry) = self.registry.processors.get(planned.kind_name)
            {
                (entry.validate_for)(&planned.config, signal, &component.section, self.diagnostics);
            }
        }
    }

    /// Warns of what processors need and the file has not.
    fn find_missing(&mut self) {
        let (collector, registry) = (self.collector, self.registry);
        let used = collector.service.pipelines.iter().flat_map(|it| &it.processors);
        let used: BTreeSet<&Id> = used.map(|it| &it.id).collect();
        for id in used {
            let needs = self.decoded(Kind::Processor, id).and_then(|planned| {
                let entry = registry.processors.get(planned.kind_name)?;
                Some((entry.leans_on)(&planned.config))
            });
            for need in needs.unwrap_or_default() {
                reliance::check(collector, id, need, self.diagnostics);
            }
        }
    }

    fn check_authenticators(&mut self) {
        let (registry, decoded) = (self.registry, &self.decoded);
        let role = |id: &Id| {
            let planned = decoded.get(&(name_of(Kind::Extension), id.clone()))?;
            let entry = registry.extensions.get(planned.kind_name)?;
            Some((entry.authenticates)(&planned.config))
        };
        authenticators::check(self.collector, &role, self.diagnostics);
    }

    fn entry(&self, kind: Kind, name: &str) -> Option<(About, fn(&Section, &mut Diagnostics) -> Option<Decoded>)> {
        match kind {
            Kind::Receiver => self
                .registry
                .receivers
                .get(name)
                .map(|entry| (entry.about, entry.decode)),
            Kind::Processor => self
                .registry
                .processors
                .get(name)
                .map(|entry| (entry.about, entry.decode)),
            Kind::Exporter => self
                .registry
                .exporters
                .get(name)
                .map(|entry| (entry.about, entry.decode)),
            Kind::Connector => self
                .registry
                .connectors
                .get(name)
                .map(|entry| (entry.about, entry.decode)),
            Kind::Extension => self
                .registry
                .extensions
                .get(name)
                .map(|entry| (entry.about, entry.decode)),
        }
    }

    fn plan(&self) -> Plan {
        let pipelines = &self.collector.service.pipelines;
        let exporters = self.exporters();
        let connectors: Vec<PlannedConnector> = self
            .used(Kind::Connector, |pipeline| &pipeline.exporters)
            .into_iter()
            .map(|component| PlannedConnector {
                feeds: self.fed_by(&component.id),
                component,
            })
            .collect();
        let receivers = self.used(Kind::Receiver, |pipeline| &pipeline.receivers);
        let extensions = self.collector.service.extensions.iter();
        Plan {
            receivers: receivers
                .into_iter()
                .map(|component| PlannedReceiver {
                    feeds: self.fed_by(&component.id),
                    component,
                })
                .collect(),
            pipelines: pipelines
                .iter()
                .map(|it| self.pipeline(it, &exporters, &connectors))
                .collect(),
            extensions: extensions
                .filter_map(|it| self.decoded(Kind::Extension, &it.id))
                .collect(),
            exporters,
            connectors,
        }
    }

    fn pipeline(
        &self,
        pipeline: &Pipeline,
        exporters: &[PlannedExporter],
        connectors: &[PlannedConnector],
    ) -> PlannedPipeline {
        let processors: Vec<Planned> = pipeline
            .processors
            .iter()
            .filter_map(|it| self.decoded(Kind::Processor, &it.id))
            .collect();
        let exit = |id: &Id| {
            let exporter = exporters
                .iter()
                .position(|it| it.component.id == *id)
                .map(PlannedExit::Exporter);
            exporter.or_else(|| {
                connectors
                    .iter()
                    .position(|it| it.component.id == *id)
                    .map(PlannedExit::Connector)
            })
        };
        PlannedPipeline {
            id: pipeline.id.clone(),
            signal: pipeline.signal,
            lanes: if processors.iter().any(|it| self.holds(it)) {
                Lanes::One
            } else {
                Lanes::PerCore
            },
            exits: pipeline.exporters.iter().filter_map(|it| exit(&it.id)).collect(),
            answer: self.answer(pipeline),
            processors,
        }
    }

    fn holds(&self, processor: &Planned) -> bool {
        let entry = self.registry.processors.get(processor.kind_name);
        entry.is_some_and(|entry| entry.about.holds_traces)
    }

    /// What OK means to a sender: the least that any exit promises.
    fn answer(&self, pipeline: &Pipeline) -> Outcome {
        let promise = |id: &Id| {
            let planned = self.decoded(Kind::Exporter, id)?;
            let entry = self.registry.exporters.get(planned.kind_name)?;
            Some(Delivery::answer(&(entry.delivery)(&planned.config)))
        };
        let exporters = pipeline.exporters.iter().filter_map(|it| promise(&it.id));
        let connectors = pipeline
            .exporters
            .iter()
            .filter_map(|it| self.decoded(Kind::Connector, &it.id));
        let behind = connectors.flat_map(|connector| self.answers_behind(pipeline.signal, &connector));
        exporters.chain(behind).fold(Outcome::Delivered, Outcome::worst)
    }

    /// What the pipelines behind a connector promise to those in front of it.
    ///
    /// Where the signal stays the same, batches pass on and with them the answer. Where it changes, what is made of a
    /// batch leaves by its own time and its sender is answered before: until then it waits in memory.
    fn answers_behind(&self, from: Signal, connector: &Planned) -> Vec<Outcome> {
        let routes = self
            .registry
            .connectors
            .get(connector.kind_name)
            .map_or(&[][..], |it| it.routes);
        let begins = |it: &&Pipeline| it.receivers.iter().any(|receiver| receiver.id == connector.id);
        let pipelines = self.collector.service.pipelines.iter().filter(begins);
        let reached = pipelines.filter(|it| routes.contains(&(from, it.signal)));
        reached
            .map(|it| {
                if it.signal == from {
                    self.answer(it)
                } else {
                    Outcome::Queued
                }
            })
            .collect()
    }

    fn exporters(&self) -> Vec<PlannedExporter> {
        let signals = |id: &Id| -> Vec<Signal> {
            let uses = |it: &&Pipeline| it.exporters.iter().any(|exporter| exporter.id == *id);
            let mut signals: Vec<Signal> = self
                .collector
                .service
                .pipelines
                .iter()
                .filter(uses)
                .map(|it| it.signal)
                .collect();
            signals.sort_unstable_by_key(ToString::to_string);
            signals.dedup();
            signals
        };
        let used = self.used(Kind::Exporter, |pipeline| &pipeline.exporters);
        used.into_iter()
            .map(|component| PlannedExporter {
                signals: signals(&component.id),
                component,
            })
            .collect()
    }

    /// The components of a kind that pipelines use, each once, in the order of their first use.
    fn used(&self, kind: Kind, list: impl Fn(&Pipeline) -> &Vec<config::Reference>) -> Vec<Planned> {
        let mut used: Vec<Planned> = Vec::new();
        for reference in self.collector.service.pipelines.iter().flat_map(list) {
            if used.iter().all(|planned| planned.id != reference.id) {
                used.extend(self.decoded(kind, &reference.id));
            }
        }
        used
    }

    /// The pipelines that begin with a receiver or connector.
    fn fed_by(&self, id: &Id) -> Vec<usize> {
        let pipelines = self.collector.service.pipelines.iter().enumerate();
        let begins = |it: &Pipeline| it.receivers.iter().any(|receiver| receiver.id == *id);
        pipelines
            .filter(|(_, pipeline)| begins(pipeline))
            .map(|(index, _)| index)
            .collect()
    }

    fn decoded(&self, kind: Kind, id: &Id) -> Option<Planned> {
        self.decoded.get(&(name_of(kind), id.clone())).cloned()
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Receiver => "receiver",
        Kind::Processor => "processor",
        Kind::Exporter => "exporter",
        Kind::Connector => "connector",
        Kind::Extension => "extension",
    }
}
