//! Why a kubeconfig gives no access, and what to do about it.

use std::io;
use std::path::Path;

use kube::config::KubeconfigError;

/// Contexts that are listed; somebody with more knows their names.
const LISTED_MAX: usize = 10;

/// A kubeconfig that gives no access, in words that hold nothing of what it says but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kubeconfig {file}{context}: {problem}\n{remedy}")]
pub struct NoKubeconfig {
    file: String,
    context: String,
    problem: String,
    remedy: String,
}

impl NoKubeconfig {
    /// Of this file: the context that was asked for, and those that it has.
    pub(crate) fn new(path: &Path, (context, contexts): (Option<&str>, Vec<String>), why: &KubeconfigError) -> Self {
        let has = match contexts.len() {
            0 => "it has none".to_owned(),
            count if count > LISTED_MAX => format!("it has {count}"),
            _ => format!("it has {}", contexts.join(", ")),
        };
        let (problem, remedy) = match why {
            KubeconfigError::ReadConfig(cause, _) => (cause.to_string(), unread(cause).to_owned()),
            // The reader shows the lines around what it stumbles over, and tokens stand there.
            KubeconfigError::Parse(_) => (
                "it is not a kubeconfig in YAML".to_owned(),
                format!(
                    "see what `kubectl config view --kubeconfig {}` says of it",
                    path.display()
                ),
            ),
            KubeconfigError::CurrentContextNotSet => (
                "it chooses no context".to_owned(),
                format!("name one with `context`, or as `current-context` in the file; {has}"),
            ),
            KubeconfigError::LoadContext(name) => (
                format!("there is no context {name:?}"),
                format!("name one that is there with `context`, or as `current-context` in the file; {has}"),
            ),
            KubeconfigError::LoadClusterOfContext(name) => (
                format!("there is no cluster {name:?}, which the context names"),
                "add it below `clusters`, or choose another context".to_owned(),
            ),
            KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => (
                why.to_string(),
                "write `server: https://HOST:6443` at the cluster that the context names".to_owned(),
            ),
            KubeconfigError::LoadCertificateAuthority(_) => (
                why.to_string(),
                "correct certificate-authority or certificate-authority-data at its cluster".to_owned(),
            ),
            KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => (
                why.to_string(),
                "correct client-certificate and client-key, or their data, at its user".to_owned(),
            ),
            why => (
                why.to_string(),
                format!("see whether `kubectl --kubeconfig {} get pods` works", path.display()),
            ),
        };
        Self {
            file: path.display().to_string(),
            context: context.map(|it| format!(", context {it:?}")).unwrap_or_default(),
            problem,
            remedy,
        }
    }
}

fn unread(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "name a file that is there; in a pod of the cluster its service account needs none",
        io::ErrorKind::PermissionDenied => "let the user that this program runs as read it",
        _ => "name a file that can be read",
    }
}
