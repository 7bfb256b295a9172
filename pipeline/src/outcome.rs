//! How a batch ended, as its sender will hear it.

use std::borrow::Cow;
use std::time::Duration;

/// How a batch ended. The order is the order of badness: of several outcomes the worst is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every destination accepted it.
    Delivered,
    /// It is on disk and will survive a power cut.
    Durable,
    /// It waits in memory for its destinations; a crash loses it.
    Queued,
    /// It will never be accepted; sending it again cannot help.
    Rejected(Cow<'static, str>),
    /// It is gone: a part of this program let go of it without saying how it ended, which is a bug.
    Lost,
    /// Not now: the sender should try again.
    Retry {
        /// When the sender should try again, where somebody knows.
        after: Option<Duration>,
        /// What stood in the way.
        cause: Cow<'static, str>,
    },
}

impl Outcome {
    /// A refusal that a later attempt may overcome.
    pub fn retry(cause: impl Into<Cow<'static, str>>) -> Self {
        Self::Retry {
            after: None,
            cause: cause.into(),
        }
    }

    /// Whether the sender may forget the batch.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Delivered | Self::Durable | Self::Queued)
    }

    /// Of two outcomes of one batch, what its sender must hear.
    pub fn worst(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Delivered => 0,
            Self::Durable => 1,
            Self::Queued => 2,
            Self::Rejected(_) => 3,
            Self::Lost => 4,
            Self::Retry { .. } => 5,
        }
    }
}
