//! `validate`: says everything that is wrong with a configuration, with places.

use std::fmt::Write;
use std::io::IsTerminal;
use std::process::ExitCode;

use config::Diagnostics;
use pipeline::Outcome;
use pipeline::component::Registry;
use pipeline::plan::{Plan, PlannedExit};

use crate::cli::{ConfigurationArguments, ReportFormat, ValidateArguments, say};
use crate::source;

/// Silent and successful when all is well, as the Collector's is.
pub fn run(arguments: &ConfigurationArguments, options: &ValidateArguments) -> anyhow::Result<ExitCode> {
    if arguments.locations.is_empty() {
        anyhow::bail!("no configuration given: use `inferscope validate --config FILE`");
    }
    let registry = source::registry();
    let read = source::read(arguments, &registry);
    report(&read.diagnostics, options.format);
    let Some(plan) = read.plan.filter(|_| !read.diagnostics.has_errors()) else {
        return Ok(ExitCode::FAILURE);
    };
    if options.explain {
        say(&explain(&plan, &registry))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes diagnostics to standard error.
pub fn report(diagnostics: &Diagnostics, format: ReportFormat) {
    if diagnostics.is_empty() {
        return;
    }
    let text = match format {
        ReportFormat::Text => diagnostics.render(std::io::stderr().is_terminal()),
        ReportFormat::Json => diagnostics.json_lines(),
    };
    // Nobody is left to tell when standard error is closed.
    let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes());
}

/// How the pipelines hang together and what OK means to a sender.
pub fn explain(plan: &Plan, registry: &Registry) -> String {
    let mut text = String::new();
    for (index, pipeline) in plan.pipelines.iter().enumerate() {
        let fed = plan
            .receivers
            .iter()
            .filter(|it| it.feeds.contains(&index))
            .map(|it| it.component.id.to_string());
        let joined = plan
            .connectors
            .iter()
            .filter(|it| it.feeds.contains(&index))
            .map(|it| it.component.id.to_string());
        let from: Vec<String> = fed.chain(joined).collect();
        let through: Vec<String> = pipeline.processors.iter().map(|it| it.id.to_string()).collect();
        let to: Vec<String> = pipeline
            .exits
            .iter()
            .filter_map(|exit| exit_name(plan, *exit))
            .collect();
        let way = [from.join(" + "), through.join(" → "), to.join(" + ")];
        let way: Vec<&str> = way.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {}", pipeline.id, way.join(" → "));
        let _ = writeln!(text, "  {}", pipeline.lanes);
        let _ = writeln!(text, "  OK to a sender means {}", meaning(&pipeline.answer));
        let holding = pipeline.processors.iter().filter(|it| {
            registry
                .processors
                .get(it.kind_name)
                .is_some_and(|entry| entry.about.holds_traces)
        });
        for processor in holding {
            let _ = writeln!(
                text,
                "  … except of what {} holds, some spans until all is known that is said on them: that is queued in memory",
                processor.id
            );
        }
    }
    text
}

fn exit_name(plan: &Plan, exit: PlannedExit) -> Option<String> {
    match exit {
        PlannedExit::Exporter(index) => plan.exporters.get(index).map(|it| it.component.id.to_string()),
        PlannedExit::Connector(index) => plan.connectors.get(index).map(|it| it.component.id.to_string()),
    }
}

fn meaning(answer: &Outcome) -> &'static str {
    match answer {
        Outcome::Delivered => "delivered: every exporter's destination accepted the data",
        Outcome::Durable => "durable: the data is on disk",
        _ => "queued: the data waits in memory; a crash loses it",
    }
}
