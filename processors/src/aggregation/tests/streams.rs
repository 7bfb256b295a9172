//! Streams and sources: limits, ages, and counts that stay exact.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use pipeline::outside::{Clock, ManualClock};
use pipeline::payload::{EncodedAttributes, Value};
use proptest::prelude::*;

use crate::aggregation::{Counted, Moment, Room, Sources, Streams};

#[derive(Debug, Default)]
struct Calls(u64);

impl Counted for Calls {
    fn absorb(&mut self, other: &mut Self) {
        self.0 += std::mem::take(&mut other.0);
    }

    fn measurements(&self) -> u64 {
        self.0
    }
}

fn named(name: &str) -> EncodedAttributes {
    EncodedAttributes::new().with("name", name)
}

fn call(streams: &mut Streams<Calls>, name: &str, moment: &Moment, room: &mut Room) {
    streams.stream(&named(name), moment, (room, 1), Calls::default).state.0 += 1;
}

/// Counts by name; that of the overflow stands under an empty one.
fn counts(streams: &mut Streams<Calls>, moment: &Moment) -> BTreeMap<String, u64> {
    let read = |attributes: &EncodedAttributes| match attributes.attrs().next().unwrap() {
        (key, Value::Bool(true)) if key == "otel.metric.overflow" => String::new(),
        (_, value) => value.as_str().unwrap().to_owned(),
    };
    streams
        .iter_mut()
        .map(|stream| (read(stream.head(moment).attributes), stream.state.0))
        .collect()
}

#[test]
fn beyond_its_limit_everything_new_is_counted_in_one_overflow_stream() {
    let moment = Moment::of(&ManualClock::new());
    let (mut streams, mut room) = (Streams::new(2, RandomState::default()), Room::new(0));

    for name in ["a", "b", "c", "a", "d", "c"] {
        call(&mut streams, name, &moment, &mut room);
    }

    let expected = [("", 3), ("a", 2), ("b", 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts(&mut streams, &moment), BTreeMap::from(expected));
    assert_eq!(room.take_overflowed(), 3);
    assert_eq!(room.take_overflowed(), 0);
}

#[test]
fn the_room_of_all_sources_is_a_limit_as_well() {
    let moment = Moment::of(&ManualClock::new());
    let hashing = RandomState::default();
    let mut room = Room::new(1);
    let (mut one, mut other) = (Streams::new(9, hashing.clone()), Streams::new(9, hashing));

    call(&mut one, "a", &moment, &mut room);
    call(&mut other, "a", &moment, &mut room);

    assert_eq!((one.len(), other.len()), (1, 0));
    assert_eq!(counts(&mut other, &moment), BTreeMap::from([(String::new(), 1)]));
    room.recount(0);
    call(&mut other, "a", &moment, &mut room);
    assert_eq!(other.len(), 1);
}

#[test]
fn a_million_names_take_the_memory_of_the_limit() {
    let moment = Moment::of(&ManualClock::new());
    let (mut streams, mut room) = (Streams::new(1_000, RandomState::default()), Room::new(0));

    for number in 0..1_000_000 {
        call(&mut streams, &format!("GET /product/{number}"), &moment, &mut room);
    }

    assert_eq!(streams.len(), 1_000);
    assert_eq!(counts(&mut streams, &moment).values().sum::<u64>(), 1_000_000);
    assert_eq!(room.take_overflowed(), 999_000);
}

#[test]
fn the_idle_leave_and_the_others_are_still_found() {
    let clock = ManualClock::new();
    let (mut streams, mut room) = (Streams::new(100, RandomState::default()), Room::new(0));
    for name in ["a", "b", "c", "d"] {
        call(&mut streams, name, &Moment::of(&clock), &mut room);
    }
    clock.advance(Duration::from_secs(60));
    let moment = Moment::of(&clock);
    call(&mut streams, "b", &moment, &mut room);
    call(&mut streams, "d", &moment, &mut room);

    let mut gone = 0;
    let idle = Duration::from_secs(30);
    streams.remove(|stream| moment.now - stream.used() >= idle, |_| gone += 1);

    assert_eq!(gone, 2);
    call(&mut streams, "d", &moment, &mut room);
    let expected = [("b", 2), ("d", 3)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts(&mut streams, &moment), BTreeMap::from(expected));
}

#[test]
fn a_stream_counts_since_it_began_and_a_delta_since_the_last_point() {
    let clock = ManualClock::new();
    let (mut streams, mut room) = (Streams::new(100, RandomState::default()), Room::new(0));
    clock.advance(Duration::from_nanos(5));
    call(&mut streams, "a", &Moment::of(&clock), &mut room);
    clock.advance(Duration::from_nanos(5));
    let moment = Moment::of(&clock);

    let stream = streams.iter_mut().next().unwrap();
    assert_eq!((stream.head(&moment).start, stream.head(&moment).time), (5, 10));
    assert!(stream.is_touched() && !stream.head(&moment).has_no_value);
    stream.restart(&moment);

    assert_eq!(stream.head(&moment).start, 10);
    assert!(!stream.is_touched());
    assert!(stream.last_head(&moment).has_no_value);
}

#[test]
fn a_source_that_is_idle_longest_leaves_for_a_new_one() {
    let clock = ManualClock::new();
    let mut sources: Sources<u64> = Sources::new(2, RandomState::default());
    let come = |sources: &mut Sources<u64>, key: &[u8]| {
        clock.advance(Duration::from_secs(1));
        sources.source(key, clock.now(), |_| 0).streams += 1;
    };
    come(&mut sources, b"a");
    come(&mut sources, b"b");
    // Nobody is idle before the first flush: what is new is the overflow's.
    come(&mut sources, b"c");
    come(&mut sources, b"c");
    assert_eq!(sources.len(), 2);
    assert_eq!(sources.iter_mut().map(|it| it.streams).collect::<Vec<_>>(), [1, 1, 2]);

    assert!(sources.take_leaving(|_| false).is_empty());
    come(&mut sources, b"a");
    come(&mut sources, b"c");

    let left = sources.take_leaving(|_| false);
    assert_eq!(left.iter().map(|it| it.streams).collect::<Vec<_>>(), [1], "b was idle");
    let mut counts: Vec<u64> = sources.iter_mut().map(|it| it.streams).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 2], "a twice, c once by itself and twice in the overflow");
}

proptest! {
    /// Any mix of calls, removals and absorptions keeps the table in order and every count exact.
    #[test]
    fn tables_agree_with_a_map_whatever_is_done_to_them(
        steps in proptest::collection::vec((0..3u8, 0..2usize, 0..12u8), 0..200),
    ) {
        let clock = ManualClock::new();
        let hashing = RandomState::default();
        let mut rooms = [Room::new(0), Room::new(0)];
        let mut tables = [Streams::new(8, hashing.clone()), Streams::new(8, hashing)];
        let (mut calls, mut removed) = (0, 0);

        for (step, table, name) in steps {
            clock.advance(Duration::from_secs(1));
            let moment = Moment::of(&clock);
            match step {
                0 => {
                    call(&mut tables[table], &name.to_string(), &moment, &mut rooms[table]);
                    calls += 1;
                }
                1 => {
                    let since: Instant = moment.now - Duration::from_secs(u64::from(name).min(5));
                    tables[0].remove(|stream| stream.used() < since, |stream| removed += stream.state.0);
                }
                _ => {
                    let [first, other] = &mut tables;
                    first.absorb(other, &mut rooms[0], &moment, Calls::default);
                    prop_assert_eq!(counts(other, &moment).values().sum::<u64>(), 0);
                }
            }
            let known: usize = tables[0].len();
            prop_assert!(known <= 8);
        }

        let moment = Moment::of(&clock);
        let held: u64 = tables.iter_mut().map(|table| counts(table, &moment).values().sum::<u64>()).sum();
        prop_assert_eq!(held + removed, calls);
    }
}
