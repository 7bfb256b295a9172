//! What OK means to a sender, before anything runs.

use config::{Catalog, Diagnostics, Kind, Lookup, Request, Signal, Validate};

use crate::Outcome;
use crate::component::{
    About, BuildError, Component, Connection, Connector, Export, ExportError, Exporter, Outlets, Registry, Setup,
    Stability,
};
use crate::delivery::Delivery;
use crate::plan::plan;

/// There is nothing to configure.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
struct Nothing {}

impl Validate for Nothing {}

const fn about(name: &'static str) -> About {
    About {
        name,
        aliases: &[],
        summary: "Is there for a test",
        signals: &[Signal::Traces, Signal::Metrics],
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    }
}

/// Delivers before it answers.
struct Direct;

impl Component for Direct {
    const ABOUT: About = about("direct");
    const EXAMPLE: &'static str = "direct: {}";
    type Config = Nothing;
}

impl Exporter for Direct {
    fn build(_: &Nothing, _: &Setup) -> Result<Self, BuildError> {
        Ok(Self)
    }

    fn delivery(_: &Nothing) -> Delivery {
        Delivery::direct()
    }

    async fn export(&self, _: Export) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Counts traces and passes metrics on.
struct Counting;

impl Component for Counting {
    const ABOUT: About = about("counting");
    const EXAMPLE: &'static str = "counting: {}";
    type Config = Nothing;
}

impl Connector for Counting {
    const ROUTES: &'static [(Signal, Signal)] =
        &[(Signal::Traces, Signal::Metrics), (Signal::Metrics, Signal::Metrics)];

    fn build(_: &Nothing, _: &Setup, _: Outlets) -> Result<Connection, BuildError> {
        Err(BuildError::new("nothing is built here"))
    }
}

struct Everything;

impl Catalog for Everything {
    fn known(&self, _: Kind) -> Vec<&str> {
        Vec::new()
    }

    fn canonical(&self, _: Kind, _: &str) -> Lookup {
        Lookup::Known
    }
}

/// The answers of the pipelines in a configuration, by their names.
fn answers(pipelines: &str) -> Vec<(String, Outcome)> {
    let head = "{receivers: {from: }, exporters: {direct: }, connectors: {counting: }, service: {pipelines: ";
    let request = Request {
        locations: vec![format!("yaml:{head}{pipelines}}}}}")],
        sets: Vec::new(),
        environment: &config::System,
    };
    let mut diagnostics = Diagnostics::new();
    let document = config::load(&request).unwrap();
    let collector = config::collector(&document, &Everything, &mut diagnostics);
    let mut registry = Registry::default();
    registry.exporter::<Direct>();
    registry.connector::<Counting>();
    let plan = collector.and_then(|collector| plan(&collector, &registry, &mut diagnostics));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
    let answers = plan.pipelines.into_iter().map(|it| (it.id.to_string(), it.answer));
    answers.collect()
}

#[test]
fn where_a_connector_changes_the_signal_what_it_makes_waits_in_memory() {
    let answers = answers(
        "{traces: {receivers: [from], exporters: [direct, counting]}, \
          metrics: {receivers: [counting], exporters: [direct]}}",
    );

    let expected = [("traces", Outcome::Queued), ("metrics", Outcome::Delivered)];
    assert_eq!(answers, expected.map(|(id, answer)| (id.to_owned(), answer)));
}

#[test]
fn where_a_connector_keeps_the_signal_the_answer_comes_from_behind_it() {
    let answers = answers(
        "{metrics/in: {receivers: [from], exporters: [counting]}, \
          metrics: {receivers: [counting], exporters: [direct]}}",
    );

    let expected = [("metrics/in", Outcome::Delivered), ("metrics", Outcome::Delivered)];
    assert_eq!(answers, expected.map(|(id, answer)| (id.to_owned(), answer)));
}
