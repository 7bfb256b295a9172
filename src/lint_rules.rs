//! `lint-rules`: says which queries of rule files and dashboards can never return data.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::{ReportFormat, say};

/// What `lint-rules` reads, and how it reports.
#[derive(Debug, Clone, Args)]
pub struct LintArguments {
    /// Prometheus rule files, Grafana dashboards, PrometheusRule and Instrumentation objects.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// As text for people, or as one JSON object a line.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// A label that your scrape configuration adds. Repeatable.
    #[arg(long = "label", value_name = "NAME")]
    pub labels: Vec<String>,
    /// A rule that is not applied. Repeatable.
    #[arg(long = "allow", value_name = "RULE")]
    pub allowed: Vec<String>,
    /// Prints the queries, one JSON object a line, and checks nothing.
    #[arg(long)]
    pub queries: bool,
}

/// A file could not be read, so that nothing is known about its queries.
const UNREADABLE: u8 = 2;

/// Silent and successful when nothing is found.
pub fn run(arguments: &LintArguments) -> anyhow::Result<ExitCode> {
    if let Some(unknown) = arguments.allowed.iter().find(|id| lint::rule(id).is_none()) {
        let known: Vec<&str> = lint::RULES.iter().map(|rule| rule.id).collect();
        anyhow::bail!("there is no rule {unknown:?}; the rules are {}", known.join(", "));
    }
    if arguments.queries {
        return list(&arguments.files);
    }
    let options = lint::Options {
        labels: arguments.labels.clone(),
        allowed: arguments.allowed.clone(),
    };
    let report = lint::lint(&arguments.files, &options);
    say(&match arguments.format {
        ReportFormat::Text => report.findings.render(std::io::stdout().is_terminal()),
        ReportFormat::Json => report.findings.json_lines(),
    })?;
    crate::validate::report(&report.unreadable, arguments.format);
    Ok(match (report.unreadable.is_empty(), report.findings.is_empty()) {
        (false, _) => ExitCode::from(UNREADABLE),
        (true, false) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
    })
}

/// The queries of files, for programs that want to run them.
fn list(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        match lint::queries_of(file) {
            Ok(queries) => {
                for query in &queries {
                    let object = json!({
                        "file": query.file(),
                        "line": query.line(),
                        "title": query.title,
                        "expr": query.expr,
                    });
                    say(&format!("{object}\n"))?;
                }
            }
            Err(unreadable) => {
                crate::validate::report(&unreadable, ReportFormat::Text);
                code = ExitCode::from(UNREADABLE);
            }
        }
    }
    Ok(code)
}
