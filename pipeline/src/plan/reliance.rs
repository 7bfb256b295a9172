//! What a processor needs of the rest of the file.

use config::{Collector, Diagnostic, Diagnostics, Id};

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
        On::InFront(name) => pipelines.all(|pipeline| {
            let Some(at) = pipeline.processors.iter().position(|it| it.id == *id) else {
                return true;
            };
            let mut before = pipeline.processors.iter().take(at);
            before.any(|it| collector.processors.get(&it.id).is_some_and(|it| it.type_name == name))
        }),
    }
}
