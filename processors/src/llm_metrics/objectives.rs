//! What a good answer is: limits by model and tenant class, and the judgement by them.

use super::answer::{Answer, Outcome};
use super::config::Objective;
use super::glob::matches;

/// What answers are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// The first token came in time.
    FirstToken,
    /// The others came fast enough.
    PerToken,
    /// The whole took no longer than it may.
    EndToEnd,
    /// There was an answer.
    Availability,
    /// All of these.
    All,
}

impl Aim {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::FirstToken,
        Self::PerToken,
        Self::EndToEnd,
        Self::Availability,
        Self::All,
    ];

    /// The word users see.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::FirstToken => "ttft",
            Self::PerToken => "tpot",
            Self::EndToEnd => "e2e",
            Self::Availability => "availability",
            Self::All => "all",
        }
    }
}

/// The limits of one model and tenant class, in seconds; none where there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Limits {
    first_token: Option<f64>,
    per_token: Option<f64>,
    end_to_end: Option<f64>,
}

/// Whether an answer met each objective, in the order of [`Aim::ALL`]; none where that objective says nothing about it.
pub(super) type Judgement = [Option<bool>; Aim::ALL.len()];

/// All limits.
#[derive(Debug)]
pub(super) struct Objectives {
    rules: Vec<Objective>,
    count_aborts: bool,
}

impl Objectives {
    /// As configured.
    pub(super) fn new(rules: &[Objective], count_aborts: bool) -> Self {
        Self {
            rules: rules.to_vec(),
            count_aborts,
        }
    }

    /// The limits for a model and a tenant class: those of the first rule that fits both.
    pub(super) fn limits(&self, model: &[u8], tenant_class: &[u8]) -> Limits {
        let fits = |rule: &&Objective| {
            matches(rule.model.as_bytes(), model) && matches(rule.tenant_class.as_bytes(), tenant_class)
        };
        let rule = self.rules.iter().find(fits);
        rule.map_or_else(Limits::default, |rule| Limits {
            first_token: in_seconds(rule.ttft),
            per_token: in_seconds(rule.tpot),
            end_to_end: in_seconds(rule.e2e),
        })
    }

    /// Judges an answer. What is not known is not held against it, and what nobody streamed has no first token that
    /// anybody saw. One that was given up is not judged, unless the user wants that.
    #[inline]
    pub(super) fn judge(&self, answer: &Answer<'_>, limits: &Limits) -> Judgement {
        if answer.outcome == Outcome::Abort && !self.count_aborts {
            return Judgement::default();
        }
        let was_watched = answer.streamed != Some(false);
        let within = |value: Option<f64>, limit: Option<f64>| Some(value? <= limit?);
        let first_token = within(answer.first_token.map(|(seconds, _)| seconds), limits.first_token);
        let first_token = first_token.filter(|_| was_watched);
        let per_token = within(answer.per_token, limits.per_token).filter(|_| was_watched);
        let end_to_end = within(answer.duration, limits.end_to_end);
        let available = answer.outcome == Outcome::Ok;
        let met = |judged: Option<bool>| judged.unwrap_or(true);
        let all = available && met(first_token) && met(per_token) && met(end_to_end);
        [first_token, per_token, end_to_end, Some(available), Some(all)]
    }
}

fn in_seconds(limit: config::Duration) -> Option<f64> {
    limit.limit().map(|limit| limit.as_secs_f64())
}
