//! What a processor needs of the rest of the file.

use std::collections::BTreeSet;

use config::{Collector, Diagnostic, Diagnostics, Id, Pipeline};

use super::doors;
use crate::component::{On, Reliance};

/// Warns where a processor of some pipeline does not have what it needs.
pub(super) fn check(collector: &Collector, id: &Id, Reliance { on, loss }: Reliance, diagnostics: &mut Diagnostics) {
    let Some(component) = collector.processors.get(id).filter(|_| !is_there(collector, id, on)) else {
        return;
    };
    let (what, remedy) = match on {
        On::Extension(name) => (
            format!("needs the extension `{name}`, which is not started"),
            format!("configure `{name}` under `extensions`, and name it in `service::extensions`"),
        ),
        On::Receiver(name) => (
            format!("needs the receiver `{name}`, which is in no pipeline"),
            format!("configure `{name}` under `receivers`, and name it in a pipeline"),
        ),
        On::InFront(name) => (
            format!("needs `{name}` in front of it"),
            format!("name `{name}` before it in each of its pipelines"),
        ),
        On::NotBehind(name) => (
            format!("stands behind `{name}`"),
            format!("name `{name}` after it in each of its pipelines"),
        ),
        On::KnownSenders => (
            "no listener in front of it makes sure of its senders".to_owned(),
            "write `auth: {authenticator: …}` below the protocols of the receiver, or `client_ca_file` below their tls"
                .to_owned(),
        ),
    };
    let warning = Diagnostic::warning(format!("processors::{id}: {what}: {loss}"));
    diagnostics.push(warning.at(component.section.key_origin()).help(remedy));
}

fn is_there(collector: &Collector, id: &Id, on: On) -> bool {
    let service = &collector.service;
    let mut pipelines = service.pipelines.iter();
    match on {
        On::Extension(name) => {
            let mut started = service
                .extensions
                .iter()
                .filter_map(|it| collector.extensions.get(&it.id));
            started.any(|it| it.type_name == name)
        }
        On::Receiver(name) => {
            let mut used = pipelines.flat_map(|it| &it.receivers);
            used.any(|it| collector.receivers.get(&it.id).is_some_and(|it| it.type_name == name))
        }
        On::InFront(name) => pipelines.all(|pipeline| match place(pipeline, id) {
            Some(at) => has(collector, &pipeline.processors[..at], name),
            None => true,
        }),
        On::NotBehind(name) => pipelines.all(|pipeline| match place(pipeline, id) {
            Some(at) => {
                let mut before = feeding(collector, pipeline)
                    .into_iter()
                    .filter(|it| it.id != pipeline.id);
                !has(collector, &pipeline.processors[..at], name)
                    && !before.any(|it| has(collector, &it.processors, name))
            }
            None => true,
        }),
        On::KnownSenders => {
            let own = pipelines.filter(|pipeline| place(pipeline, id).is_some());
            let mut receivers = own.flat_map(|it| feeding(collector, it)).flat_map(|it| &it.receivers);
            receivers.any(|it| {
                collector
                    .receivers
                    .get(&it.id)
                    .is_some_and(|it| doors::is_guarded(&it.section))
            })
        }
    }
}

/// Where a processor stands in a pipeline.
fn place(pipeline: &Pipeline, id: &Id) -> Option<usize> {
    pipeline.processors.iter().position(|it| it.id == *id)
}

fn has(collector: &Collector, processors: &[config::Reference], name: &str) -> bool {
    let mut processors = processors.iter();
    processors.any(|it| collector.processors.get(&it.id).is_some_and(|it| it.type_name == name))
}

/// A pipeline and all of the same signal that pass batches on to it through connectors. What a connector makes of another
/// signal is its own.
fn feeding<'a>(collector: &'a Collector, pipeline: &'a Pipeline) -> Vec<&'a Pipeline> {
    let mut seen = BTreeSet::from([&pipeline.id]);
    let mut found = vec![pipeline];
    let mut next = 0;
    while let Some(behind) = found.get(next).copied() {
        next += 1;
        for front in &collector.service.pipelines {
            let leads_there = |it: &config::Reference| behind.receivers.iter().any(|receiver| receiver.id == it.id);
            if front.signal == behind.signal && front.exporters.iter().any(leads_there) && seen.insert(&front.id) {
                found.push(front);
            }
        }
    }
    found
}
