//! Which listeners make sure of their senders, and receivers that guard one door and leave another open.

use std::collections::BTreeSet;

use config::{Collector, Diagnostic, Diagnostics, Id, Section};

/// Whether the block of a listener makes sure of senders: by an authenticator, or by their certificates.
fn asks(listener: &Section) -> bool {
    let has_text = |path: &str, key: &str| {
        let block = listener.get(path).and_then(|block| block.get(key));
        block.is_some_and(|value| value.text().is_some_and(|text| !text.is_empty()))
    };
    has_text("auth", "authenticator") || has_text("tls", "client_ca_file") || has_text("tls", "client_ca_pem")
}

/// The listeners of a receiver with their names; only those of `protocols` have senders.
fn listeners(receiver: &Section) -> Vec<(String, Section)> {
    receiver.get("protocols").map(|it| it.entries()).unwrap_or_default()
}

/// Whether a listener of this receiver makes sure of its senders.
pub(super) fn is_guarded(receiver: &Section) -> bool {
    listeners(receiver).iter().any(|(_, listener)| asks(listener))
}

/// Warns where somebody who is not let in by one listener of a receiver goes to the next.
pub(super) fn check(collector: &Collector, diagnostics: &mut Diagnostics) {
    let pipelines = collector.service.pipelines.iter();
    let used: BTreeSet<&Id> = pipelines.flat_map(|it| it.receivers.iter().map(|it| &it.id)).collect();
    for receiver in used.into_iter().filter_map(|id| collector.receivers.get(id)) {
        let listeners = listeners(&receiver.section);
        let guarded = listeners.iter().find_map(|(name, listener)| {
            let authenticator = listener.get("auth")?.get("authenticator")?;
            Some((name, authenticator.text()?.to_owned()))
        });
        let Some((guarded, authenticator)) = guarded else {
            continue;
        };
        for (open, listener) in listeners.iter().filter(|(_, listener)| !asks(listener)) {
            let warning = Diagnostic::warning(format!(
                "receivers::{}::protocols::{open}: lets in everybody, while {guarded} asks `{authenticator}`",
                receiver.id
            ));
            let help =
                format!("write `auth: {{authenticator: {authenticator}}}` below {open} as well, or delete {open}");
            diagnostics.push(warning.at(listener.key_origin()).help(help));
        }
    }
}
