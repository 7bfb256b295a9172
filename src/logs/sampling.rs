//! Repeating messages are written a few times and then now and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tracing::callsite::Identifier;
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// Lets through the first messages of each place in the code in every tick, and then one in so many.
pub struct Sampled {
    rule: Option<Rule>,
    seen: Mutex<HashMap<Identifier, Seen>>,
}

#[derive(Clone, Copy)]
struct Rule {
    tick: Duration,
    initial: u32,
    thereafter: u32,
}

struct Seen {
    since: SystemTime,
    messages: u32,
}

impl Sampled {
    /// This sampling, or none.
    pub fn new(sampling: Option<&config::telemetry::Sampling>) -> Self {
        let rule = sampling.map(|it| Rule {
            tick: *it.tick,
            initial: it.initial,
            thereafter: it.thereafter,
        });
        Self {
            rule,
            seen: Mutex::default(),
        }
    }

    fn lets_through(&self, place: Identifier, now: SystemTime) -> bool {
        let Some(rule) = self.rule else { return true };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.entry(place).or_insert(Seen {
            since: now,
            messages: 0,
        });
        let age = now.duration_since(seen.since).unwrap_or(rule.tick);
        if age >= rule.tick {
            *seen = Seen {
                since: now,
                messages: 0,
            };
        }
        seen.messages = seen.messages.saturating_add(1);
        let over = seen.messages.saturating_sub(rule.initial);
        over == 0 || (rule.thereafter > 0 && over % rule.thereafter == 0)
    }
}

impl<S> Filter<S> for Sampled {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.lets_through(event.metadata().callsite(), SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeating_message_is_written_ten_times_and_then_every_hundredth() {
        let sampled = Sampled::new(Some(&config::telemetry::Sampling::default()));
        let place = tracing::callsite!(name: "here", kind: tracing::metadata::Kind::EVENT, fields: message);
        let place = tracing::callsite::Callsite::metadata(place).callsite();
        let now = SystemTime::UNIX_EPOCH;

        let written = (0..310).filter(|_| sampled.lets_through(place.clone(), now)).count();

        assert_eq!(written, 13);
        assert!(sampled.lets_through(place, now + Duration::from_secs(10)));
    }
}
