//! Errors, named by what follows.

use std::time::Duration;

/// Do not start.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct BuildError {
    problem: String,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The process ends, non-zero.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Fatal {
    problem: String,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

macro_rules! told_by_a_sentence {
    ($name:ident) => {
        impl $name {
            /// An error that says what is wrong and what to do.
            pub fn new(problem: impl Into<String>) -> Self {
                Self {
                    problem: problem.into(),
                    cause: None,
                }
            }

            /// The same with what caused it.
            pub fn because(
                problem: impl Into<String>,
                cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
            ) -> Self {
                Self {
                    problem: problem.into(),
                    cause: Some(cause.into()),
                }
            }
        }
    };
}
told_by_a_sentence!(BuildError);
told_by_a_sentence!(Fatal);

/// How one attempt to export went wrong. The variant is the decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// A later attempt may succeed.
    #[error("{cause}")]
    Retry {
        /// When the destination wants to be asked again, where it said so.
        after: Option<Duration>,
        /// What stood in the way.
        cause: String,
    },
    /// A part arrived, which the exporter remembers; a later attempt with the same payload may succeed for the rest.
    #[error("{delivered} items arrived, not the rest: {cause}")]
    RetryRest {
        /// Items that arrived whole.
        delivered: u64,
        /// When the destination wants to be asked again, where it said so.
        after: Option<Duration>,
        /// What stood in the way.
        cause: String,
    },
    /// No attempt will ever succeed.
    #[error("{cause}")]
    Permanent {
        /// What the destination said.
        cause: String,
    },
    /// The destination takes no request of this size. It may take the same items in smaller requests.
    #[error("{cause}")]
    TooLarge {
        /// What the destination said.
        cause: String,
    },
    /// The destination took the request but not all items. Sending it again would double the others.
    #[error("{rejected} items were rejected: {message}")]
    Partial {
        /// Items that are lost.
        rejected: u64,
        /// What the destination said.
        message: String,
    },
}

impl ExportError {
    /// A later attempt may succeed.
    pub fn retry(cause: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            cause: cause.into(),
        }
    }

    /// No attempt will ever succeed.
    pub fn permanent(cause: impl Into<String>) -> Self {
        Self::Permanent { cause: cause.into() }
    }

    /// Whether no later attempt with the same payload can help.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Retry { .. } | Self::RetryRest { .. })
    }

    /// Of so many items, how many did not arrive.
    pub fn failed_of(&self, items: u64) -> u64 {
        match self {
            Self::Partial { rejected, .. } => (*rejected).min(items),
            Self::RetryRest { delivered, .. } => items.saturating_sub(*delivered),
            Self::Retry { .. } | Self::Permanent { .. } | Self::TooLarge { .. } => items,
        }
    }
}
