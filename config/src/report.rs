//! What validation found, mapped to the places in the file.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::path::Path;
use crate::run::{Aside, Run};
use crate::section::Section;

/// Collects the problems that a configuration finds about itself.
///
/// Paths are written relative to the configuration, steps joined by `::`: `tls::cert_file`, `metrics::readers::0`.
/// A path that the file does not have is shown at its nearest ancestor. A problem may give its remedy on a second line.
pub struct Report<'a> {
    section: &'a Section,
    run: &'a Run,
    diagnostics: &'a mut Diagnostics,
    prefix: Vec<String>,
}

/// Reports about a section that was decoded before: what only shows once it is known who uses it.
pub fn report_on(section: &Section, diagnostics: &mut Diagnostics, validate: impl FnOnce(&mut Report<'_>)) {
    validate(&mut Report::new(section, &Run::default(), diagnostics));
}

impl<'a> Report<'a> {
    pub(crate) fn new(section: &'a Section, run: &'a Run, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            section,
            run,
            diagnostics,
            prefix: Vec::new(),
        }
    }

    /// The value at `path` cannot be used: `problem` says why, in lower case and without a full stop.
    pub fn reject(&mut self, path: &str, problem: impl Into<String>) {
        self.add(Severity::Error, path, &problem.into(), None);
    }

    /// The same with a remedy.
    pub fn help(&mut self, path: &str, problem: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, path, &problem.into(), Some(help.into()));
    }

    /// The value works, but hardly means what was meant.
    pub fn warn(&mut self, path: &str, problem: impl Into<String>) {
        self.add(Severity::Warning, path, &problem.into(), None);
    }

    /// Something worth knowing, such as an accepted key without effect.
    pub fn notice(&mut self, path: &str, text: impl Into<String>) {
        self.add(Severity::Notice, path, &text.into(), None);
    }

    /// An accepted key without effect: says so if the file has it. Most notices are of this kind.
    pub fn without_effect(&mut self, path: &str, why: impl AsRef<str>) {
        if self.has(path) {
            self.notice(
                path,
                format!(
                    "has no effect: {}\ndelete the key, or keep it for the Collector",
                    why.as_ref()
                ),
            );
        }
    }

    /// Lets a shared block validate itself below `path`; an empty path means at the same level.
    pub fn within(&mut self, path: &str, validate: impl FnOnce(&mut Report<'_>)) {
        let mut prefix = self.prefix.clone();
        prefix.extend(path.split("::").filter(|step| !step.is_empty()).map(str::to_owned));
        let mut below = Report {
            section: self.section,
            run: self.run,
            diagnostics: self.diagnostics,
            prefix,
        };
        validate(&mut below);
    }

    /// Whether the key at `path` is written in the file, even with nothing behind it.
    pub fn has(&self, path: &str) -> bool {
        let full = self.full(path);
        let below = &full.steps()[self.section.path().steps().len()..];
        *self.section.nearest(&below.join("::")).path() == full
    }

    fn full(&self, path: &str) -> Path {
        self.section.path().join(&self.prefix.join("::")).join(path)
    }

    fn add(&mut self, severity: Severity, path: &str, problem: &str, help: Option<String>) {
        let full = self.full(path);
        if self.follows(&full, path) {
            return;
        }
        let below = &full.steps()[self.section.path().steps().len()..];
        let place = self.section.nearest(&below.join("::"));
        let (problem, remedy) = match problem.split_once('\n') {
            Some((problem, remedy)) => (problem, Some(remedy.to_owned())),
            None => (problem, None),
        };
        let mut diagnostic = Diagnostic::new(severity, full.before(problem)).at(place.origin());
        diagnostic.help = help.or(remedy);
        self.diagnostics.push(diagnostic);
    }

    /// Whether this merely follows from a value that was reported as unreadable and replaced by its default: the
    /// value itself, a value below or above it, or a missing key beside an unknown one (most likely the same key).
    fn follows(&self, full: &Path, path: &str) -> bool {
        let missing = !self.has(path);
        self.run
            .aside
            .iter()
            .filter(|(_, why)| **why == Aside::Reported)
            .any(|(aside, _)| {
                aside.is_within(full) || full.is_within(aside) || (missing && aside.parent() == full.parent())
            })
    }
}
