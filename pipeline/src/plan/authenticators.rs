//! `auth: {authenticator: NAME}`, wherever it stands below a receiver, names an extension that is going to run and knows senders.

use std::collections::BTreeSet;

use config::{Collector, Diagnostics, Id, Section};

use crate::component::Registry;

/// Blocks that are looked into below each other; listeners stand in the second or third (`protocols::grpc::auth`).
const DEPTH_MAX: usize = 6;

/// Says which authenticators would not be there when their receiver starts. Those that stand in no pipeline never do, and
/// nothing else has listeners with senders.
pub(super) fn check(collector: &Collector, registry: &Registry, diagnostics: &mut Diagnostics) {
    let pipelines = collector.service.pipelines.iter();
    let used: BTreeSet<&Id> = pipelines
        .flat_map(|pipeline| pipeline.receivers.iter().map(|it| &it.id))
        .collect();
    for id in used {
        if let Some(component) = collector.receivers.get(id).filter(|it| it.known) {
            look((collector, registry), &component.section, DEPTH_MAX, diagnostics);
        }
    }
}

fn look(known: (&Collector, &Registry), section: &Section, depth: usize, diagnostics: &mut Diagnostics) {
    let (collector, registry) = known;
    for (key, below) in section.entries() {
        let authenticator = below.get("authenticator").filter(|_| key == "auth");
        if let Some(authenticator) = authenticator {
            // What is no name at all is said by whoever reads the block.
            let named = authenticator.text().and_then(|name| name.parse::<Id>().ok());
            if let Some(id) = named {
                let runs = collector.service.extensions.iter().any(|it| it.id == id);
                if !runs {
                    let error = authenticator.error(format!("no extension {id} runs, so that nobody would be let in"));
                    diagnostics.push(error.help(format!("write {id} below extensions and below service::extensions")));
                } else if let Some(extension) = collector.extensions.get(&id)
                    && let Some(entry) = registry.extensions.get(extension.type_name.as_str())
                    && !entry.authenticates
                {
                    let error = authenticator.error(format!("`{id}` does not authenticate senders"));
                    diagnostics.push(error.help("use bearertokenauth or basicauth"));
                }
            }
        } else if depth > 0 {
            look(known, &below, depth - 1, diagnostics);
        }
    }
}
