//! Why a request was not taken, and what its sender hears.
//!
//! The code decides whether the sender tries again (OTLP specification, "Failures"): a retryable one is given only
//! where trying again can help, and always with a delay.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use net::codec::DecodeError;
use net::grpc::{Code, Status};
use net::server::IntakeError;
use pipeline::context::authenticators::Unauthenticated;
use pipeline::{Exhausted, Outcome, RETRY_AFTER};

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) message: Cow<'static, str>,
    /// When to try again; set exactly where that can help.
    pub(super) retry_after: Option<Duration>,
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is not what it should be, or a pipeline will never take it.
    Invalid,
    /// It is larger than one request may be.
    TooLarge,
    /// We do not speak that coding.
    UnknownCoding,
    /// Nobody knows who sends it.
    Unauthenticated,
    /// Nobody here takes this signal or knows this method.
    NotServed,
    /// Not now: no memory, or a pipeline is held up. UNAVAILABLE and 503, because every client tries those again;
    /// RESOURCE_EXHAUSTED only those that look for RetryInfo.
    Unavailable,
    /// The time that the sender gave, or that the configuration gives, is over.
    TimedOut,
    /// A part of this program let go of it.
    Lost,
}

impl Refusal {
    pub(super) fn new(cause: Cause, message: impl Into<Cow<'static, str>>) -> Self {
        let helps = matches!(cause, Cause::Unavailable | Cause::TimedOut | Cause::Lost);
        Self {
            cause,
            message: message.into(),
            retry_after: helps.then_some(RETRY_AFTER),
        }
    }

    pub(super) fn grpc_code(&self) -> Code {
        match self.cause {
            Cause::Invalid => Code::InvalidArgument,
            // Without RetryInfo, so that nobody sends the same again (OTLP specification, "gRPC throttling").
            Cause::TooLarge => Code::ResourceExhausted,
            Cause::UnknownCoding | Cause::NotServed => Code::Unimplemented,
            Cause::Unauthenticated => Code::Unauthenticated,
            Cause::Unavailable | Cause::Lost => Code::Unavailable,
            Cause::TimedOut => Code::DeadlineExceeded,
        }
    }

    pub(super) fn http_status(&self) -> StatusCode {
        match self.cause {
            Cause::Invalid => StatusCode::BAD_REQUEST,
            Cause::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Cause::UnknownCoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Cause::Unauthenticated => StatusCode::UNAUTHORIZED,
            Cause::NotServed => StatusCode::NOT_FOUND,
            // 408 would be the word for a slow body, but OTLP clients give up on it.
            Cause::Unavailable | Cause::Lost | Cause::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// As gRPC says it; `google.rpc.Status` in HTTP bodies is the same.
    pub(super) fn status(&self) -> Status {
        Status {
            code: self.grpc_code(),
            message: self.message.clone(),
            retry_after: self.retry_after,
        }
    }

    /// Whether the pipelines said no, rather than us.
    pub(super) fn is_downstream(&self) -> bool {
        matches!(self.cause, Cause::Unavailable | Cause::TimedOut)
    }
}

impl From<Exhausted> for Refusal {
    fn from(exhausted: Exhausted) -> Self {
        if exhausted.is_hopeless() {
            return Self::new(Cause::TooLarge, exhausted.to_string());
        }
        let refusal = Self::new(Cause::Unavailable, exhausted.to_string());
        Self {
            retry_after: Some(exhausted.retry_after),
            ..refusal
        }
    }
}

impl From<Unauthenticated> for Refusal {
    fn from(why: Unauthenticated) -> Self {
        let cause = match why {
            Unauthenticated::Busy => Cause::Unavailable,
            Unauthenticated::Missing | Unauthenticated::Malformed | Unauthenticated::Wrong => Cause::Unauthenticated,
        };
        Self::new(cause, why.to_string())
    }
}

impl From<IntakeError> for Refusal {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Exhausted(exhausted) => exhausted.into(),
            IntakeError::TooLarge { .. } => Self::new(Cause::TooLarge, too_large(&error)),
            IntakeError::Slow => Self::new(Cause::TimedOut, error.to_string()),
            // Nobody is there to hear it, as a rule.
            IntakeError::Broken(_) | IntakeError::Framing(_) => Self::new(Cause::Invalid, error.to_string()),
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Exhausted(exhausted) => exhausted.into(),
            DecodeError::TooLarge { .. } => Self::new(Cause::TooLarge, too_large(&error)),
            // No key raises it: telemetry does not compress like that.
            DecodeError::Ratio => Self::new(Cause::TooLarge, format!("{error}; send smaller batches")),
            DecodeError::Corrupt { .. } => Self::new(Cause::Invalid, error.to_string()),
        }
    }
}

impl Refusal {
    /// What the pipelines' outcome means to the sender; None where it is fine.
    pub(super) fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Delivered | Outcome::Durable | Outcome::Queued => None,
            Outcome::Rejected(why) => Some(Self::new(Cause::Invalid, why)),
            Outcome::Lost => Some(Self::new(
                Cause::Lost,
                "the batch was lost inside the collector; see its log",
            )),
            Outcome::Retry { after, cause } => {
                let refusal = Self::new(Cause::Unavailable, cause);
                Some(Self {
                    retry_after: after.or(refusal.retry_after),
                    ..refusal
                })
            }
        }
    }
}

fn too_large(error: &dyn std::error::Error) -> String {
    format!("{error}; send smaller batches, or raise max_recv_msg_size_mib (gRPC) or max_request_body_size (HTTP)")
}
