//! What is logged of troubles: each once, until it changes or ends.

use kubernetes::Trouble;

use super::kind::Kind;
use super::watches::{Source, Watches};

/// What was logged last of each watch.
pub(super) struct Said {
    extension: String,
    /// By the index of the watch; None where it is well.
    reasons: Vec<Option<&'static str>>,
}

impl Said {
    pub(super) fn new(extension: String, watches: &Watches) -> Self {
        Self {
            extension,
            reasons: vec![None; watches.sources().len()],
        }
    }

    /// Logs a trouble that is new, and that one is over.
    pub(super) fn hear(&mut self, index: usize, source: &Source, trouble: Option<&Trouble>) {
        let Some(last) = self.reasons.get_mut(index) else {
            return;
        };
        let namespace = source.namespace.as_deref().unwrap_or("*");
        let (extension, kind) = (&self.extension, source.kind.word());
        let Some(trouble) = trouble else {
            // A list alone is no end: it may be the watch that is forbidden.
            if source.watch.trouble().is_none() && last.take().is_some() {
                tracing::info!(%extension, kind, namespace, "the API server tells of them again");
            }
            return;
        };
        if trouble.reason == Trouble::EXPIRED {
            // Everything is listed anew, and nobody has to do anything. It is counted.
            tracing::debug!(%extension, kind, namespace, error = %trouble.words, "too much has happened since");
            return;
        }
        if last.replace(trouble.reason) == Some(trouble.reason) {
            return;
        }
        let (reason, words) = (trouble.reason, &trouble.words);
        let said = format!("{}: {}", source.kind.loss(), remedy(source, trouble));
        let is_expected = source.is_optional && matches!(reason, Trouble::FORBIDDEN | Trouble::ABSENT);
        if is_expected {
            tracing::info!(%extension, kind, namespace, reason, error = %words, "{said}");
        } else {
            tracing::warn!(%extension, kind, namespace, reason, error = %words, "{said}");
        }
    }
}

/// What can be done about it.
fn remedy(source: &Source, trouble: &Trouble) -> String {
    match trouble.reason {
        Trouble::FORBIDDEN => rule(source.kind, source.namespace.as_deref(), trouble.verb),
        Trouble::UNAUTHORIZED => {
            "the token is not taken; where it stands in a file, that is read again within a minute".to_owned()
        }
        Trouble::UNREACHABLE | Trouble::SLOW => {
            "what was told last goes on to count; look at the address, network policies and the API server".to_owned()
        }
        Trouble::ABSENT => format!(
            "the API server has no {} of {:?} in the version that is asked for",
            source.kind.resource(),
            source.kind.group()
        ),
        _ => "it is asked again".to_owned(),
    }
}

/// The rule that is missing, in the words of RBAC.
pub(super) fn rule(kind: Kind, namespace: Option<&str>, verb: &str) -> String {
    let (role, place) = match namespace {
        Some(namespace) => ("Role", format!(" in the namespace {namespace:?}")),
        None => ("ClusterRole", String::new()),
    };
    format!(
        "a {role}{place} must allow the verb {verb:?} on the resource {:?} of the API group {:?}",
        kind.resource(),
        kind.group()
    )
}
