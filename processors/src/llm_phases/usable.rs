//! Which of an engine's durations can be durations of the request, and what follows from them.

use super::phase::Source;
use super::phases::{Observed, TOLERANCE_NS, Unusable};

/// The model's own time, as far as it can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Prefill and decode; one of them may follow from the other and their sum.
    Both { prefill: Length, decode: Length },
    /// Their sum alone.
    Merged(i64),
    /// Nothing about decode.
    PrefillOnly(i64),
    /// Nothing about prefill.
    DecodeOnly(i64),
    /// Nothing at all.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) ns: i64,
    pub(super) source: Source,
}

/// The durations that can be durations of this request.
pub(super) struct Usable {
    pub(super) queue: Option<i64>,
    pub(super) work: Work,
    pub(super) inference: Option<i64>,
    pub(super) e2e: Option<i64>,
    pub(super) ttft: Option<i64>,
}

impl Usable {
    pub(super) fn of(observed: &Observed, unusable: &mut Unusable) -> Self {
        // A span that ends before it starts has room for no duration at all, not even for a tolerated one.
        let longest = match observed.end.checked_sub(observed.start) {
            Some(length) => i128::from(length) + i128::from(TOLERANCE_NS),
            None => -1,
        };
        let mut check = |value: Option<i64>| {
            let value = value?;
            if value < 0 {
                unusable.negative += 1;
                return None;
            }
            if i128::from(value) > longest {
                unusable.too_long += 1;
                return None;
            }
            Some(value)
        };
        let queue = check(observed.queue);
        let prefill = check(observed.prefill);
        let decode = check(observed.decode);
        let inference = check(observed.inference);
        let e2e = check(observed.e2e);
        let ttft = check(observed.ttft);

        let work = Work::of(prefill, decode, inference, unusable);
        let inference = match work {
            Work::Both { prefill, decode } => inference.or(Some(prefill.ns.saturating_add(decode.ns))),
            _ => inference,
        };
        Self {
            queue,
            work,
            inference,
            e2e,
            ttft,
        }
    }

    /// How long everything before the model's first known duration lasted at most; `None` without a bound.
    pub(super) fn front_bound(&self) -> Option<i128> {
        let queue = i128::from(self.queue.unwrap_or(0));
        let by_first_token = |prefill: i64| Some(i128::from(self.ttft?) - queue - i128::from(prefill));
        let by_last_token = || Some(i128::from(self.e2e?) - queue - i128::from(self.inference?));
        let bound = match self.work {
            Work::Both { prefill, .. } => smaller(by_first_token(prefill.ns), by_last_token()),
            Work::Merged(_) => by_last_token(),
            Work::PrefillOnly(prefill) => by_first_token(prefill),
            Work::DecodeOnly(_) | Work::Unknown => None,
        };
        bound.map(|bound| bound.max(0))
    }

    /// How long everything up to the first token lasted at most, where only decode is known.
    pub(super) fn first_token_bound(&self, decode: i64) -> Option<i128> {
        let by_first_token = self.ttft.map(i128::from);
        let by_last_token = self.e2e.map(|e2e| i128::from(e2e) - i128::from(decode));
        smaller(by_first_token, by_last_token)
    }
}

fn smaller(left: Option<i128>, right: Option<i128>) -> Option<i128> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

impl Work {
    fn of(prefill: Option<i64>, decode: Option<i64>, inference: Option<i64>, unusable: &mut Unusable) -> Self {
        let measured = |ns| Length {
            ns,
            source: Source::Measured,
        };
        match (prefill, decode, inference) {
            (Some(prefill), Some(decode), _) => Self::Both {
                prefill: measured(prefill),
                decode: measured(decode),
            },
            (Some(prefill), None, Some(inference)) => match remainder(inference, prefill) {
                Some(decode) => Self::Both {
                    prefill: measured(prefill),
                    decode,
                },
                None => {
                    unusable.conflict += 1;
                    Self::PrefillOnly(prefill)
                }
            },
            (None, Some(decode), Some(inference)) => match remainder(inference, decode) {
                Some(prefill) => Self::Both {
                    prefill,
                    decode: measured(decode),
                },
                None => {
                    unusable.conflict += 1;
                    Self::decode_only(decode)
                }
            },
            (None, None, Some(inference)) => Self::Merged(inference),
            (Some(prefill), None, None) => Self::PrefillOnly(prefill),
            (None, Some(decode), None) => Self::decode_only(decode),
            (None, None, None) => Self::Unknown,
        }
    }

    /// No time between first and last token says nothing about where they were.
    fn decode_only(decode: i64) -> Self {
        if decode == 0 {
            Self::Unknown
        } else {
            Self::DecodeOnly(decode)
        }
    }
}

/// What is left of `whole`; slightly below zero is rounding, clearly below zero is a contradiction.
fn remainder(whole: i64, part: i64) -> Option<Length> {
    let rest = whole.saturating_sub(part);
    (rest >= -TOLERANCE_NS).then_some(Length {
        ns: rest.max(0),
        source: Source::Inferred,
    })
}
