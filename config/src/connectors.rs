//! Connectors: each needs a pipeline on both sides, and together they must not send telemetry in a circle.

use crate::catalog::Catalog;
use crate::collector::{Collector, Component, Pipeline, Reference};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::id::Id;

pub(crate) fn check(collector: &Collector, catalog: &dyn Catalog, diagnostics: &mut Diagnostics) {
    let graph = Graph {
        collector,
        catalog,
        pipelines: &collector.service.pipelines,
    };
    for (id, connector) in collector.connectors.iter().filter(|(_, connector)| connector.known) {
        graph.both_sides(id, connector, diagnostics);
    }
    graph.no_cycles(diagnostics);
}

struct Graph<'a> {
    collector: &'a Collector,
    catalog: &'a dyn Catalog,
    pipelines: &'a [Pipeline],
}

impl<'a> Graph<'a> {
    /// Every use as exporter needs a use as receiver that it can feed, and the other way round.
    fn both_sides(&self, id: &Id, connector: &Component, diagnostics: &mut Diagnostics) {
        let as_exporter: Vec<&Pipeline> = self
            .pipelines
            .iter()
            .filter(|at| uses(&at.exporters, id).is_some())
            .collect();
        let as_receiver: Vec<&Pipeline> = self
            .pipelines
            .iter()
            .filter(|at| uses(&at.receivers, id).is_some())
            .collect();
        let joins = |from: &Pipeline, to: &Pipeline| self.catalog.joins(&connector.type_name, from.signal, to.signal);
        for from in &as_exporter {
            if !as_receiver.iter().any(|to| joins(from, to)) {
                let message = format!(
                    "connectors::{id}: connector {:?} used as exporter in [{}] pipeline but not used in any supported \
                     receiver pipeline",
                    id.to_string(),
                    from.id
                );
                let help = format!("add `{id}` to the receivers of the pipeline that continues");
                diagnostics.push(self.one_side(connector, message, uses(&from.exporters, id)).help(help));
            }
        }
        for to in &as_receiver {
            if !as_exporter.iter().any(|from| joins(from, to)) {
                let message = format!(
                    "connectors::{id}: connector {:?} used as receiver in [{}] pipeline but not used in any supported \
                     exporter pipeline",
                    id.to_string(),
                    to.id
                );
                let help = format!("add `{id}` to the exporters of the pipeline that feeds it");
                diagnostics.push(self.one_side(connector, message, uses(&to.receivers, id)).help(help));
            }
        }
    }

    fn one_side(&self, connector: &Component, message: String, used: Option<&Reference>) -> Diagnostic {
        let defined = connector.section.key_origin();
        let error = Diagnostic::error(message).at(used.map_or(defined, |reference| &reference.origin));
        error.related(defined, "the connector is defined here")
    }

    /// Reports each pipeline from which a way leads back to itself, once for every circle.
    fn no_cycles(&self, diagnostics: &mut Diagnostics) {
        let mut done = vec![false; self.pipelines.len()];
        for start in 0..self.pipelines.len() {
            if done[start] {
                continue;
            }
            let mut way = Vec::new();
            let mut visited = done.clone();
            if self.leads_back(start, start, &mut visited, &mut way) {
                for edge in &way {
                    done[edge.to] = true;
                }
                diagnostics.push(self.cycle(&way));
            }
            done[start] = true;
        }
    }

    /// Depth first from `at`; `way` holds the edges of the circle when the answer is yes.
    fn leads_back(&self, start: usize, at: usize, visited: &mut Vec<bool>, way: &mut Vec<Edge<'a>>) -> bool {
        for edge in self.edges(at) {
            let to = edge.to;
            way.push(edge);
            if to == start {
                return true;
            }
            if !visited[to] {
                visited[to] = true;
                if self.leads_back(start, to, visited, way) {
                    return true;
                }
            }
            way.pop();
        }
        false
    }

    fn edges(&self, from: usize) -> Vec<Edge<'a>> {
        let mut edges = Vec::new();
        let pipeline = &self.pipelines[from];
        for reference in &pipeline.exporters {
            let Some(connector) = self
                .collector
                .connectors
                .get(&reference.id)
                .filter(|connector| connector.known)
            else {
                continue;
            };
            for (to, target) in self.pipelines.iter().enumerate() {
                let joined = uses(&target.receivers, &reference.id).is_some()
                    && self.catalog.joins(&connector.type_name, pipeline.signal, target.signal);
                if joined {
                    edges.push(Edge { from, reference, to });
                }
            }
        }
        edges
    }

    fn cycle(&self, way: &[Edge<'_>]) -> Diagnostic {
        let mut steps: Vec<String> = Vec::new();
        for edge in way {
            let (from, to) = (&self.pipelines[edge.from], &self.pipelines[edge.to]);
            if steps.is_empty() {
                steps.push(format!("pipeline {:?}", from.id.to_string()));
            }
            let connector = edge.reference.id.to_string();
            steps.push(format!("connector {connector:?} ({} to {})", from.signal, to.signal));
            steps.push(format!("pipeline {:?}", to.id.to_string()));
        }
        let mut error = Diagnostic::error(format!("service::pipelines: cycle detected: {}", steps.join(" -> ")));
        for (index, edge) in way.iter().enumerate() {
            error = match index {
                0 => error.at(&edge.reference.origin),
                _ => error.related(&edge.reference.origin, "and goes on here"),
            };
        }
        error.help("take one of these connectors off the exporters, so that the telemetry has an end")
    }
}

/// `from` sends to `to` through the connector that `reference` names.
struct Edge<'a> {
    from: usize,
    reference: &'a Reference,
    to: usize,
}

fn uses<'a>(references: &'a [Reference], id: &Id) -> Option<&'a Reference> {
    references.iter().find(|reference| reference.id == *id)
}
