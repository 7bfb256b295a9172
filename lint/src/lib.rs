#![doc = include_str!("../README.md")]

mod checks;
mod dashboard;
mod file;
mod instrumentation;
mod knowledge;
mod promql;
mod query;
mod rule;
mod rules_file;

use std::collections::HashMap;
use std::path::PathBuf;

use config::{Diagnostic, Diagnostics};

pub use file::queries_of;
pub use query::{Purpose, Query};
pub use rule::{RULES, Rule, rule, rules_as_markdown};

use checks::Case;
use file::File;
use knowledge::Knowledge;
use promql::Expr;

/// What the user knows better.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Labels that scrape configurations add.
    pub labels: Vec<String>,
    /// Rules that are not applied.
    pub allowed: Vec<String>,
}

/// What became of the files.
#[derive(Debug, Default)]
pub struct Report {
    /// Why files could not be read.
    pub unreadable: Diagnostics,
    /// What is wrong with the others.
    pub findings: Diagnostics,
    /// How many queries were read.
    pub queries: usize,
}

/// Reads files and says which of their queries are wrong. Rules that one file records are known in all.
pub fn lint(paths: &[PathBuf], options: &Options) -> Report {
    let mut report = Report::default();
    let mut files = Vec::new();
    for (rank, path) in paths.iter().enumerate() {
        match file::read(path, rank) {
            Ok(file) => files.push(file),
            Err(diagnostics) => report.unreadable.append(diagnostics),
        }
    }
    check(files, options, &mut report);
    report
}

/// The same for one text, named as messages shall name it.
pub fn lint_text(name: &str, text: &str, options: &Options) -> Report {
    let mut report = Report::default();
    match file::read_text(name, text.to_owned(), 0) {
        Ok(file) => check(vec![file], options, &mut report),
        Err(diagnostics) => report.unreadable.append(diagnostics),
    }
    report
}

fn check(files: Vec<File>, options: &Options, report: &mut Report) {
    let knowledge = Knowledge::new();
    let is_allowed = |finding: &Diagnostic| {
        finding
            .rule
            .is_some_and(|rule| options.allowed.iter().any(|it| it == rule))
    };
    let mut read: Vec<(Query, Expr)> = Vec::new();
    for file in files {
        report.queries += file.queries.len();
        report
            .findings
            .extend(file.findings.into_iter().filter(|it| !is_allowed(it)));
        for query in file.queries {
            match promql::parse(&query.expr, query.dialect()) {
                Ok(expr) => read.push((query, expr)),
                Err(misread) => {
                    let finding = checks::finding(&query, "syntax", &misread.what, &misread.span);
                    report.findings.extend(Some(finding).filter(|it| !is_allowed(it)));
                }
            }
        }
    }
    let recorded: HashMap<&str, &Expr> = read
        .iter()
        .filter_map(|(query, expr)| match &query.purpose {
            Purpose::Record { name } => Some((name.as_str(), expr)),
            _ => None,
        })
        .collect();
    for (query, expr) in &read {
        let case = Case {
            query,
            expr,
            knowledge: &knowledge,
            recorded: &recorded,
            labels: &options.labels,
        };
        let is_taken_back = |finding: &Diagnostic| query.allowed().any(|id| finding.rule == Some(id));
        let findings = checks::all(&case).into_iter();
        report
            .findings
            .extend(findings.filter(|it| !is_allowed(it) && !is_taken_back(it)));
    }
}

#[cfg(test)]
mod tests;
