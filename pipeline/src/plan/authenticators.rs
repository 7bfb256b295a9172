//! `auth: {authenticator: NAME}`, wherever it stands below a receiver or an exporter, names an extension that is going to run
//! and can do what is asked of it: know senders, or show who we are.

use std::collections::BTreeSet;

use config::{Collector, Component, Diagnostic, Diagnostics, Id, Section};

use crate::component::Authenticates;

/// Blocks that are looked into below each other; listeners stand in the second or third (`protocols::grpc::auth`).
const DEPTH_MAX: usize = 6;

/// What the extensions of a file can do; None of one that could not be read, which was said already.
type Roles<'a> = &'a dyn Fn(&Id) -> Option<Authenticates>;

/// Who names an authenticator.
#[derive(Clone, Copy)]
enum Who {
    /// A listener, which is to know its senders.
    Listener,
    /// A client, which is to be known.
    Client,
}

/// Says which authenticators would not be there when their receiver or exporter starts, and which nobody asks. What stands in
/// no pipeline never starts.
pub(super) fn check(collector: &Collector, roles: Roles<'_>, diagnostics: &mut Diagnostics) {
    let pipelines = &collector.service.pipelines;
    let receivers: BTreeSet<&Id> = pipelines.iter().flat_map(|it| &it.receivers).map(|it| &it.id).collect();
    let exporters: BTreeSet<&Id> = pipelines.iter().flat_map(|it| &it.exporters).map(|it| &it.id).collect();
    let listeners = receivers.into_iter().filter_map(|id| collector.receivers.get(id));
    let clients = exporters.into_iter().filter_map(|id| collector.exporters.get(id));
    let all = listeners
        .map(|it| (Who::Listener, it))
        .chain(clients.map(|it| (Who::Client, it)));
    let mut named = BTreeSet::new();
    for (who, component) in all.filter(|(_, it)| it.known) {
        for (id, place) in names(&component.section, DEPTH_MAX) {
            diagnostics.extend(problem(collector, roles, who, (&id, &place)));
            named.insert(id);
        }
    }
    diagnostics.extend(unasked(collector, roles, &named));
}

/// The authenticators that are named at and below a block, and where. What is no name at all is said by whoever reads it.
fn names(section: &Section, depth: usize) -> Vec<(Id, Section)> {
    let mut found = Vec::new();
    for (key, below) in section.entries() {
        let authenticator = below.get("authenticator").filter(|_| key == "auth");
        if let Some(place) = authenticator {
            let id = place.text().and_then(|name| name.parse().ok());
            found.extend(id.map(|id| (id, place)));
        } else if depth > 0 {
            found.extend(names(&below, depth - 1));
        }
    }
    found
}

fn problem(collector: &Collector, roles: Roles<'_>, who: Who, (id, place): (&Id, &Section)) -> Option<Diagnostic> {
    if !collector.service.extensions.iter().any(|it| it.id == *id) {
        let follows = match who {
            Who::Listener => "nobody would be let in",
            Who::Client => "nothing would be shown to the destination",
        };
        let error = place.error(format!("no extension {id} runs, so that {follows}"));
        return Some(error.help(format!("write {id} below extensions and below service::extensions")));
    }
    let role = roles(id)?;
    match who {
        Who::Listener if !role.senders => {
            let error = place.error(format!("`{id}` does not authenticate senders"));
            Some(error.help("use bearertokenauth or basicauth with htpasswd"))
        }
        Who::Client if !role.us => {
            let error = place.error(format!(
                "`{id}` is no client authenticator: it holds nothing to show to a destination"
            ));
            Some(error.help("use basicauth with client_auth, or bearertokenauth with token or filename"))
        }
        _ => None,
    }
}

/// Authenticators that run and that no listener and no exporter names.
fn unasked(collector: &Collector, roles: Roles<'_>, named: &BTreeSet<Id>) -> Vec<Diagnostic> {
    let started = collector.service.extensions.iter().filter(|it| !named.contains(&it.id));
    let warning = |component: &Component, role: Authenticates| {
        let id = &component.id;
        let (what, remedy) = match role {
            Authenticates { senders: true, us } => (
                if us {
                    "no listener and no exporter names it"
                } else {
                    "no listener names it, so that it keeps nobody out"
                },
                format!("write `auth: {{authenticator: {id}}}` below grpc and below http of the receiver's protocols"),
            ),
            Authenticates { us: true, .. } => (
                "no exporter names it, so that nothing is shown to a destination",
                format!("write `auth: {{authenticator: {id}}}` below the exporter"),
            ),
            Authenticates { .. } => return None,
        };
        let warning = Diagnostic::warning(format!("extensions::{id}: {what}"));
        Some(warning.at(component.section.key_origin()).help(remedy))
    };
    started
        .filter_map(|it| warning(collector.extensions.get(&it.id)?, roles(&it.id)?))
        .collect()
}
