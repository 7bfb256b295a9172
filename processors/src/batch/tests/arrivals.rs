//! Whatever arrives in whatever order: nothing is lost, nothing is mixed, nothing is too large or too old.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const TENANTS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Event {
    /// So many spans of so many bytes from one of the tenants.
    Arrive {
        tenant: usize,
        spans: usize,
        padding: usize,
    },
    /// Time goes on, and the lane wakes if it was told to.
    Pass(u64),
    Idle,
}

fn event() -> impl Strategy<Value = Event> {
    // Most spans are small; a few are so large that the byte bounds matter.
    let padding = prop_oneof![20 => Just(0usize), 2 => 200_000..900_000usize, 1 => 3_000_000..3_300_000usize];
    let arrive = (0..TENANTS.len(), 0..40usize, padding).prop_map(|(tenant, spans, padding)| {
        let spans = if padding > 0 { spans.min(5) } else { spans };
        Event::Arrive { tenant, spans, padding }
    });
    prop_oneof![6 => arrive, 2 => (0..150u64).prop_map(Event::Pass), 1 => Just(Event::Idle)]
}

fn config() -> impl Strategy<Value = Config> {
    (1..60u32, 0..40u32, any::<bool>()).prop_map(|(size, room, bounded)| Config {
        send_batch_size: size,
        send_batch_max_size: if bounded { size + room } else { 0 },
        timeout: Duration::from_millis(100).into(),
        metadata_keys: vec!["x-tenant".to_owned()],
        ..Config::default()
    })
}

/// What was sent and who waits.
#[derive(Default)]
struct Books {
    given: BTreeMap<String, Vec<String>>,
    sent: BTreeMap<String, Vec<String>>,
    verdicts: Vec<Verdict>,
    held: i64,
}

impl Books {
    fn check(&mut self, config: &Config, batches: Vec<Batch>) {
        for batch in batches {
            let names = names(&batch);
            let largest = names.len() == 1 || batch.payload.bytes().len() <= SEND_BYTES_MAX;
            assert!(
                largest,
                "{} bytes in {} spans",
                batch.payload.bytes().len(),
                names.len()
            );
            let max = config.send_batch_max_size;
            assert!(
                max == 0 || batch.payload.items() <= max,
                "{} spans, at most {max}",
                names.len()
            );
            let tenant = batch.origin.metadata("x-tenant").next().unwrap().to_owned();
            assert!(
                names.iter().all(|name| name.starts_with(&tenant)),
                "spans of several tenants in one batch"
            );
            self.held -= names.len() as i64;
            self.sent.entry(tenant).or_default().extend(names);
            batch.settle(Outcome::Delivered);
        }
    }
}

fn run(config: &Config, events: Vec<Event>) {
    let mut bench = Bench::of(config);
    let mut books = Books::default();
    let mut elapsed = Duration::ZERO;
    for event in events {
        match event {
            Event::Arrive {
                tenant,
                spans: count,
                padding,
            } => {
                let name = TENANTS[tenant];
                let given = books.given.entry(name.to_owned()).or_default();
                let fresh: Vec<String> = (given.len()..given.len() + count)
                    .map(|n| format!("{name}{n}"))
                    .collect();
                given.extend(fresh.iter().cloned());
                let (sent, verdict) = bench.give(spans(fresh, padding), super::tenant(name));
                books.verdicts.push(verdict);
                books.held += count as i64;
                books.check(config, sent);
            }
            Event::Pass(milliseconds) => {
                elapsed += Duration::from_millis(milliseconds);
                bench.after(elapsed);
                let sent = bench.tick();
                books.check(config, sent);
                let late = bench.stage.wake_at().is_some_and(|wake_at| wake_at <= bench.now);
                assert!(!late, "something waits that should have been let go");
            }
            Event::Idle => {
                let sent = bench.idle();
                books.check(config, sent);
                assert_eq!(bench.stage.wake_at(), None);
            }
        }
        assert_eq!(
            bench.stage.wake_at().is_some(),
            books.held > 0,
            "it wakes exactly if something waits"
        );
    }
    let sent = bench.drain();
    books.check(config, sent);
    books.given.retain(|_, names| !names.is_empty());
    assert_eq!(books.sent, books.given, "lost, doubled or out of order");
    for verdict in books.verdicts {
        assert_eq!(verdict.now_or_never(), Some(Outcome::Delivered));
    }
    assert_eq!(bench.world.budget.used(), 0, "memory is still charged");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_arrivals_lose_nothing(config in config(), events in proptest::collection::vec(event(), 1..40)) {
        run(&config, events);
    }
}
