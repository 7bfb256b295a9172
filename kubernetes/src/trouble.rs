//! Why the API server's objects are not told.

use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

/// Why the API server's objects are not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// One of [`Trouble::REASONS`], for a metric.
    pub reason: &'static str,
    /// What was asked for, in the words of RBAC: `list` or `watch`.
    pub verb: &'static str,
    /// What happened, for a log.
    pub words: String,
}

impl Trouble {
    /// Nobody listens, or a connection broke.
    pub const UNREACHABLE: &'static str = "unreachable";
    /// No answer, or nothing on a watch, for too long.
    pub const SLOW: &'static str = "slow";
    /// The credentials are not taken (401).
    pub const UNAUTHORIZED: &'static str = "unauthorized";
    /// The account may not do that (403).
    pub const FORBIDDEN: &'static str = "forbidden";
    /// The server has no such kind (404).
    pub const ABSENT: &'static str = "absent";
    /// What was last told is too long ago; everything is listed anew (410).
    pub const EXPIRED: &'static str = "expired";
    /// Any other answer that is a no.
    pub const REFUSED: &'static str = "refused";
    /// What answers is not understood.
    pub const GARBAGE: &'static str = "garbage";

    /// All reasons.
    pub const REASONS: [&'static str; 8] = [
        Self::UNREACHABLE,
        Self::SLOW,
        Self::UNAUTHORIZED,
        Self::FORBIDDEN,
        Self::ABSENT,
        Self::EXPIRED,
        Self::REFUSED,
        Self::GARBAGE,
    ];

    pub(crate) fn of(verb: &'static str, error: &kube::Error) -> Self {
        let reason = match error {
            kube::Error::Api(status) => return Self::said(verb, status),
            // A program that a kubeconfig names gave no credentials.
            kube::Error::Auth(_) => Self::UNAUTHORIZED,
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::GARBAGE,
            _ => Self::UNREACHABLE,
        };
        Self {
            reason,
            verb,
            words: chain(error),
        }
    }

    pub(crate) fn said(verb: &'static str, status: &Status) -> Self {
        let reason = match status.code {
            // Every object reads as a status without a code.
            0 => Self::GARBAGE,
            401 => Self::UNAUTHORIZED,
            403 => Self::FORBIDDEN,
            404 => Self::ABSENT,
            410 => Self::EXPIRED,
            _ => Self::REFUSED,
        };
        let words = match status.message.trim() {
            "" if status.code == 0 => "what was told is not understood".to_owned(),
            "" => format!("{} {}", status.code, status.reason).trim().to_owned(),
            message => message.to_owned(),
        };
        Self { reason, verb, words }
    }

    pub(crate) fn slow(verb: &'static str, after: Duration) -> Self {
        Self {
            reason: Self::SLOW,
            verb,
            words: format!("nothing was heard for {} s", after.as_secs()),
        }
    }

    pub(crate) fn garbage(verb: &'static str, words: &str) -> Self {
        Self {
            reason: Self::GARBAGE,
            verb,
            words: words.to_owned(),
        }
    }
}

/// An error with its causes. Of a program that gives credentials only how it ended: `kube` would print its whole output,
/// and its environment as the kubeconfig has it.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    for cause in causes {
        if let Some(AuthError::AuthExecRun { out, .. }) = cause.downcast_ref() {
            return format!(
                "the program that the kubeconfig names for credentials ended with {}",
                out.status
            );
        }
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
}
