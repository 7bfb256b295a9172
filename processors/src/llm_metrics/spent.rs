//! Time in phases, where `llm_phases` writes it on the request itself (`emit: attributes` or `both`).

use pipeline::payload::{RawAttrs, Value, names};

use super::tally::PhaseKey;
use crate::llm_phases::{Phase, Source};

/// What is said about one phase.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    seconds: Option<f64>,
    source: Option<Source>,
}

/// Seconds in each phase of a request.
pub(super) fn spent(attributes: RawAttrs<'_>) -> impl Iterator<Item = (PhaseKey, f64)> {
    let mut spent = [Spent::default(); Phase::ALL.len()];
    for (key, value) in attributes {
        let Some(rest) = key.as_bytes().strip_prefix(names::INFERSCOPE_PHASE.as_bytes()) else {
            continue;
        };
        // The first is the dot behind the prefix; words of phases may have one of their own.
        let Some((word, what)) = rest.strip_prefix(b".").and_then(split_at_last_dot) else {
            continue;
        };
        let Some(spent) = Phase::of_word(word).and_then(|phase| spent.get_mut(phase.index())) else {
            continue;
        };
        match (what, value.read()) {
            (b"duration", Value::Double(seconds)) if seconds >= 0.0 && seconds.is_finite() => {
                spent.seconds.get_or_insert(seconds);
            }
            (b"source", Value::Str(word)) => spent.source = spent.source.or(Source::of_word(word.as_bytes())),
            _ => {}
        }
    }
    let known = Phase::ALL.into_iter().zip(spent);
    known.filter_map(|(phase, spent)| Some((PhaseKey::new(phase, spent.source?), spent.seconds?)))
}

fn split_at_last_dot(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = key.iter().rposition(|byte| *byte == b'.')?;
    let (word, what) = key.split_at_checked(at)?;
    Some((word, what.get(1..)?))
}
