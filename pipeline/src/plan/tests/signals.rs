//! What a processor says about the signals of the pipelines that it stands in.

use config::{Catalog, Diagnostics, Kind, Lookup, Report, Request, Signal, Validate};

use crate::component::{About, BuildError, Component, On, Processor, Registry, Reliance, Setup, Stability, Stage};
use crate::plan::plan;

/// Works on every signal, but chooses spans alone.
struct Picky;

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    span_names: Vec<String>,
}

impl Validate for Config {}

impl Component for Picky {
    const ABOUT: About = About {
        name: "picky",
        aliases: &[],
        summary: "Chooses spans",
        signals: &Signal::ALL,
        stability: Stability::Alpha,
        holds_traces: false,
        metrics: &[],
    };
    const EXAMPLE: &'static str = "picky:";
    type Config = Config;
}

impl Processor for Picky {
    fn build(_config: &Config, _setup: &Setup) -> Result<Stage, BuildError> {
        Ok(Stage::Nothing)
    }

    fn validate_for(config: &Config, signal: Signal, report: &mut Report<'_>) {
        if signal != Signal::Traces && !config.span_names.is_empty() {
            report.reject("span_names", format!("chooses nothing in {signal}"));
        }
    }

    fn leans_on(config: &Config) -> Vec<Reliance> {
        let needs = [
            ("lean", On::Extension("helper")),
            ("hear", On::Receiver("siren")),
            ("follow", On::InFront("picky")),
        ];
        let asked = needs
            .into_iter()
            .filter(|(word, _)| config.span_names.iter().any(|it| it == word));
        let loss = "nothing is chosen";
        asked.map(|(_, on)| Reliance { on, loss }).collect()
    }
}

/// Knows whatever is asked for.
struct Everything;

impl Catalog for Everything {
    fn known(&self, _kind: Kind) -> Vec<&str> {
        Vec::new()
    }

    fn canonical(&self, _kind: Kind, _type_name: &str) -> Lookup {
        Lookup::Known
    }
}

/// What is wrong with these pipelines, and whether there is a plan.
fn problems(pipelines: &str) -> (String, bool) {
    problems_of(&format!(
        "receivers: {{r: {{}}}}, processors: {{picky: {{span_names: [a]}}}}, exporters: {{e: {{}}}}, \
         service: {{pipelines: {pipelines}}}"
    ))
}

/// What is wrong with a configuration, and whether there is a plan.
fn problems_of(configuration: &str) -> (String, bool) {
    let yaml = format!("yaml:{{{configuration}}}");
    let request = Request {
        locations: vec![yaml],
        sets: Vec::new(),
        environment: &config::System,
    };
    let document = config::load(&request).unwrap();
    let mut diagnostics = Diagnostics::new();
    let collector = config::collector(&document, &Everything, &mut diagnostics).unwrap();
    let mut registry = Registry::default();
    registry.processor::<Picky>();
    let planned = plan(&collector, &registry, &mut diagnostics).is_some();
    (diagnostics.render(false), planned)
}

#[test]
fn what_fits_no_pipeline_of_a_signal_is_an_error_once() {
    let pipeline = "{receivers: [r], processors: [picky], exporters: [e]}";

    let (problems, planned) = problems(&format!(
        "{{traces: {pipeline}, metrics: {pipeline}, metrics/more: {pipeline}}}"
    ));

    assert_eq!(problems.matches("chooses nothing in metrics").count(), 1, "{problems}");
    assert_eq!(problems.matches("error").count(), 1, "{problems}");
    assert!(problems.contains("processors::picky::span_names"), "{problems}");
    assert!(!planned);
}

#[test]
fn what_fits_every_pipeline_that_uses_it_is_planned() {
    let (problems, planned) = problems(
        "{traces: {receivers: [r], processors: [picky], exporters: [e]}, metrics: {receivers: [r], exporters: [e]}}",
    );

    assert_eq!(problems, "");
    assert!(planned);
}

/// What is said of a processor that leans on `helper`, with these extensions in the service and this list of processors.
fn leaning(extensions: &str, processors: &str) -> (String, bool) {
    problems_of(&format!(
        "receivers: {{r: {{}}}}, processors: {{picky: {{span_names: [lean]}}, picky/other: {{}}}}, exporters: {{e: {{}}}}, \
         extensions: {{helper/mine: {{}}}}, service: {{extensions: [{extensions}], \
         pipelines: {{traces: {{receivers: [r], processors: [{processors}], exporters: [e]}}}}}}"
    ))
}

#[test]
fn a_processor_that_needs_an_extension_which_is_not_started_is_warned_of() {
    let (problems, planned) = leaning("", "picky, picky/other");

    assert!(
        problems.contains("processors::picky: needs the extension `helper`"),
        "{problems}"
    );
    assert!(
        problems.contains("nothing is chosen") && problems.contains("service::extensions"),
        "{problems}"
    );
    assert_eq!(problems.matches("needs the extension").count(), 1, "{problems}");
    assert!(planned);
}

#[test]
fn nobody_is_warned_where_the_extension_is_started_or_nothing_leans_on_it() {
    let (started, _) = leaning("helper/mine", "picky, picky/other");
    let (unused, _) = leaning("", "picky/other");

    assert_eq!(started.matches("needs the extension").count(), 0, "{started}");
    assert_eq!(unused.matches("needs the extension").count(), 0, "{unused}");
}

/// What is said of a processor with this need, in a pipeline with these receivers and processors.
fn needing(word: &str, receivers: &str, processors: &str) -> String {
    let (problems, planned) = problems_of(&format!(
        "receivers: {{r: {{}}, siren: {{}}}}, processors: {{picky/it: {{span_names: [{word}]}}, picky: {{}}}}, exporters: {{e: {{}}}}, \
         service: {{pipelines: {{traces: {{receivers: [{receivers}], processors: [{processors}], exporters: [e]}}}}}}"
    ));
    assert!(planned, "{problems}");
    problems
}

#[test]
fn a_processor_that_needs_a_receiver_or_one_in_front_is_warned_of_where_it_is_missing() {
    let deaf = needing("hear", "r", "picky/it");
    assert!(
        deaf.contains("processors::picky/it: needs the receiver `siren`"),
        "{deaf}"
    );
    let first = needing("follow", "r", "picky/it, picky");
    assert!(
        first.contains("processors::picky/it: needs `picky` in front of it"),
        "{first}"
    );

    for fine in [
        needing("hear", "siren", "picky/it"),
        needing("follow", "r", "picky, picky/it"),
    ] {
        assert!(!fine.contains("needs"), "{fine}");
    }
}
