//! A section becomes a typed value, with every problem found in one go.
//!
//! Serde stops at the first error. So a value that could not be read is set aside (as if it were absent, which every
//! configuration struct allows, because all of them have defaults) and the section is read again, until nothing is
//! left to stumble over.

use serde::de::DeserializeOwned;

use crate::de::Reader;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::fault::{Fault, Place, Reason};
use crate::report::Report;
use crate::run::{Aside, Run, Trail};
use crate::secrecy::Secrecy;
use crate::section::Section;
use crate::suggest;

/// Problems of one section that are shown. Behind that many the file is meant for something else, and each costs
/// one more reading of the section.
const PROBLEMS_MAX: usize = 100;
/// Readings of one section, of which nulls take some too.
const READINGS_MAX: usize = 2_000;

/// What a configuration checks about itself once its values have the right types.
pub trait Validate {
    /// Reports every contradiction; the report knows the places.
    fn validate(&self, report: &mut Report<'_>) {
        let _ = report;
    }
}

/// Reads `section` as a `T` and validates it. `Some` only when no error was found in it.
///
/// Warnings and notices go to `diagnostics` as well.
pub fn decode<T: DeserializeOwned + Validate>(section: &Section, diagnostics: &mut Diagnostics) -> Option<T> {
    let errors_before = diagnostics.errors();
    diagnostics.hide_secrets(&section.node, section.path());
    let (value, run) = read_all::<T>(section, diagnostics);
    let value = value?;
    let mut report = Report::new(section, &run, diagnostics);
    value.validate(&mut report);
    (diagnostics.errors() == errors_before && !run.failed()).then_some(value)
}

fn read_all<T: DeserializeOwned>(section: &Section, diagnostics: &mut Diagnostics) -> (Option<T>, Run) {
    let mut run = Run::default();
    let mut problems = 0;
    for _ in 0..READINGS_MAX {
        match read_once::<T>(section, &run) {
            Ok(value) => {
                keep_notes(section, &run, diagnostics);
                return (Some(value), run);
            }
            Err(fault) => {
                forget_notes(section, &run, diagnostics);
                let place = fault.place.clone().unwrap_or_else(|| place_of(section));
                if let Some(problem) = problem(&fault, &place, &run) {
                    diagnostics.push(problem);
                    problems += 1;
                }
                let why = if matches!(fault.reason, Reason::Null) {
                    Aside::Null
                } else {
                    Aside::Reported
                };
                let stuck = place.path == *section.path() || run.aside.insert(place.path, why).is_some();
                if stuck || problems >= PROBLEMS_MAX {
                    break;
                }
            }
        }
    }
    if problems >= PROBLEMS_MAX {
        let error = section.error(format!("more than {PROBLEMS_MAX} problems here; the rest is not shown"));
        diagnostics.push(error.help("correct these first"));
    }
    (None, run)
}

fn read_once<T: DeserializeOwned>(section: &Section, run: &Run) -> Result<T, Fault> {
    let trail = Trail::Root(section.path());
    T::deserialize(Reader {
        node: &section.node,
        key_origin: &section.key_origin,
        trail: &trail,
        run,
        field: false,
        secrecy: Secrecy::of(section.path()),
        part: None,
    })
}

fn place_of(section: &Section) -> Place {
    Place {
        path: section.path().clone(),
        origin: section.origin().clone(),
    }
}

/// What to tell the user, if there is anything: what merely follows from a reported problem is not told again.
fn problem(fault: &Fault, place: &Place, run: &Run) -> Option<Diagnostic> {
    let follows = run
        .aside
        .iter()
        .any(|(path, why)| *why == Aside::Reported && path.is_within(&place.path));
    let path = &place.path;
    let error = |message: &str| Diagnostic::error(path.before(message)).at(&place.origin);
    match &fault.reason {
        Reason::Null | Reason::Failed => None,
        Reason::UnknownKey { key, known } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let parent = path.parent().unwrap_or_default();
            let message = parent.before(&format!("unknown key {key:?}"));
            let help = moved(key, &known).unwrap_or_else(|| suggest::help(key, &known, "keys"));
            Some(Diagnostic::error(message).at(&place.origin).help(help))
        }
        Reason::MissingKey(key) if run.is_reported(&path.child(*key)) => None,
        Reason::MissingKey(key) => Some(error(&format!("the key {key:?} is missing")).help(format!("add `{key}: …`"))),
        Reason::Problem { .. } if follows => None,
        Reason::Problem { message, help } => {
            // A type that reads itself may say nothing about the remedy; its README does.
            let help = help
                .as_deref()
                .unwrap_or("look the key up in the README of the component");
            Some(error(message).help(help))
        }
    }
}

/// Keys of Collectors before 0.36 that stand one level lower today.
fn moved(key: &str, known: &[&str]) -> Option<String> {
    const TLS: [&str; 6] = [
        "insecure",
        "insecure_skip_verify",
        "ca_file",
        "cert_file",
        "key_file",
        "server_name_override",
    ];
    let below_tls = TLS.contains(&key) && known.contains(&"tls");
    below_tls.then(|| format!("write it below `tls:`, as in `tls: {{{key}: …}}`"))
}

/// After a reading to the end: everything noted holds.
fn keep_notes(section: &Section, run: &Run, diagnostics: &mut Diagnostics) {
    let notes = run.notes.take();
    diagnostics.extend(notes.warnings);
    diagnostics.hide(&notes.secret_origins);
    diagnostics.show(&notes.plain_origins);
    section.ledger.note(|entries| {
        if !run.failed() {
            entries.decoded.insert(section.path().clone());
        }
        entries.secrets.extend(notes.secrets);
        entries.texts.extend(notes.texts);
        entries.unread.extend(notes.unread);
    });
}

/// After a reading that stopped: the next one notes everything again, except a secret that was itself unreadable.
fn forget_notes(section: &Section, run: &Run, diagnostics: &mut Diagnostics) {
    let notes = run.notes.take();
    diagnostics.hide(&notes.secret_origins);
    section.ledger.note(|entries| entries.secrets.extend(notes.secrets));
}
