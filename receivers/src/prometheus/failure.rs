//! Why something that was fetched cannot be used.

use net::client::http::GetFailure;

use super::table::Unusable;

/// Why a page, or a list of targets, cannot be used.
#[derive(Debug)]
pub(super) struct Failure {
    /// For the counter.
    pub(super) reason: &'static str,
    /// For the log.
    pub(super) words: String,
}

impl From<Unusable> for Failure {
    fn from(unusable: Unusable) -> Self {
        let reason = match &unusable {
            Unusable::Page(_) => "page",
            Unusable::Samples(_) => "sample_limit",
            Unusable::Labels(_) => "label_limit",
        };
        Self {
            reason,
            words: unusable.to_string(),
        }
    }
}

impl From<GetFailure> for Failure {
    fn from(failure: GetFailure) -> Self {
        let reason = match &failure {
            GetFailure::NoAnswer(_) => "no_answer",
            GetFailure::Status(_) => "status",
            GetFailure::Redirect(_) => "redirect",
            GetFailure::TooLarge { .. } => "body_size_limit",
            GetFailure::Encoding(_) => "encoding",
            // What would never fit is the sender's fault.
            GetFailure::Exhausted(exhausted) if exhausted.is_hopeless() => "body_size_limit",
            GetFailure::Exhausted(_) => "memory",
        };
        Self {
            reason,
            words: failure.to_string(),
        }
    }
}
