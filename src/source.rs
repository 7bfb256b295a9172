//! From the command line to a plan: what `run`, `validate` and `print-config` have in common.

use config::{Collector, Diagnostics, Document, Request};
use pipeline::component::Registry;
use pipeline::plan::Plan;

use crate::catalog::Catalog;
use crate::cli::ConfigurationArguments;
use crate::own;

/// A configuration as far as it could be read.
pub struct Read {
    /// The merged and expanded document; None when it could not be read at all.
    pub document: Option<Document>,
    /// Its top level; None when that is broken.
    pub collector: Option<Collector>,
    /// What will run; None when anything is wrong.
    pub plan: Option<Plan>,
    /// Everything there is to say about it.
    pub diagnostics: Diagnostics,
}

/// All component types of this build.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    receivers::register(&mut registry);
    processors::register(&mut registry);
    exporters::register(&mut registry);
    extensions::register(&mut registry);
    registry
}

/// Reads a configuration and finds everything that is wrong with it.
pub fn read(arguments: &ConfigurationArguments, registry: &Registry) -> Read {
    let mut read = Read {
        document: None,
        collector: None,
        plan: None,
        diagnostics: Diagnostics::new(),
    };
    let request = Request {
        locations: arguments.locations.clone(),
        sets: arguments.sets.clone(),
        environment: &config::System,
    };
    let document = match config::load(&request) {
        Ok(document) => document,
        Err(diagnostics) => {
            read.diagnostics = diagnostics;
            return read;
        }
    };
    let collector = config::collector(&document, &Catalog::new(registry), &mut read.diagnostics);
    read.plan = collector
        .as_ref()
        .and_then(|it| pipeline::plan::plan(it, registry, &mut read.diagnostics));
    if let Some(collector) = &collector {
        own::check(collector, read.plan.as_ref(), document.root(), &mut read.diagnostics);
    }
    if read.diagnostics.has_errors() {
        read.plan = None;
    }
    read.collector = collector;
    read.document = Some(document);
    read
}
