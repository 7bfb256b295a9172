//! How long spans wait for their share, and what the shares are worth then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::harness::{MS, Node, S, T0, about, assert_close, number, request, sample};
use crate::gpu_context::ledger::{Ledger, Owner, Work};

/// Power of the device all the time.
const WATTS: u64 = 400;

/// A request that is known when its span comes; times in milliseconds.
#[derive(Clone, Copy)]
struct Ran {
    from: u64,
    to: u64,
    comes: u64,
}

impl Ran {
    fn of(from: u64, to: u64) -> Self {
        Self {
            from,
            to,
            comes: to + 1_000,
        }
    }

    /// Its answer grows evenly, by a token every 20 ms.
    fn tokens(self) -> i64 {
        1 + (self.to - self.from) as i64 / 20
    }

    fn begin(self) -> u64 {
        T0 + self.from * MS
    }

    fn end(self) -> u64 {
        T0 + self.to * MS
    }
}

/// When a span left, in milliseconds, and the energy that it was given.
struct Left {
    at: u64,
    joules: Option<f64>,
    coverage: f64,
}

/// Lets spans come and the device be sampled for some time; by number of the request, what became of it.
fn play(node: &mut Node, ran: &[Ran], until_ms: u64) -> BTreeMap<usize, Left> {
    const STEP_MS: u64 = 500;
    let gpu = node.gpu("GPU-1");
    let mut left = BTreeMap::new();
    let mut coming: Vec<(usize, Ran)> = ran.iter().copied().enumerate().collect();
    coming.sort_by_key(|(_, ran)| ran.comes);
    let mut coming = coming.into_iter().peekable();
    for at in (0..until_ms).step_by(STEP_MS as usize) {
        sample(&gpu, T0 + at * MS, T0 + (at + STEP_MS - 100) * MS, WATTS, 1);
        while let Some((index, ran)) = coming.next_if(|(_, ran)| ran.comes <= at) {
            // Numbers begin at 1: no trace has the id 0. There is no prefill, so that weights are simple.
            let number = index as u16 + 1;
            let all = request("", number, ran.begin(), ran.begin(), ran.end(), (1, ran.tokens()));
            assert!(!node.send(&all).contains_key(&format!("request{number}")));
        }
        for (name, said) in node.wait(Duration::from_millis(STEP_MS)) {
            let Some(ordinal) = name.strip_prefix("request") else {
                continue;
            };
            let what = Left {
                at,
                joules: number(&said, "energy.attributed"),
                coverage: number(&said, "coverage").unwrap(),
            };
            left.insert(ordinal.parse::<usize>().unwrap() - 1, what);
        }
    }
    left
}

fn node() -> Node {
    Node::new(vec![about("GPU-1")], "")
}

#[test]
fn where_requests_are_short_spans_leave_within_seconds_with_their_share() {
    let ran: Vec<Ran> = (0..60)
        .map(|number| Ran::of(number * 1_000, number * 1_000 + 2_000))
        .collect();

    let left = play(&mut node(), &ran, 90_000);

    for (index, ran) in ran.iter().enumerate() {
        let left = &left[&index];
        assert!(left.at <= ran.to + 6_000, "{index} left after {} ms", left.at - ran.to);
        assert!(left.joules.is_some(), "{index}");
    }
    // Each runs beside the one before and the one after.
    assert_close(left[&30].joules, WATTS as f64);
}

#[test]
fn requests_of_nine_minutes_get_their_share_where_they_are_usual() {
    let minutes = 60_000;
    let ran: Vec<Ran> = (0..4)
        .map(|number| Ran::of(number * 9 * minutes, (number + 1) * 9 * minutes))
        .chain((0..35).map(|number| Ran::of(number * minutes, number * minutes + 4_000)))
        .collect();

    let left = play(&mut node(), &ran, 47 * minutes);

    // Before the first has come nobody knows that such requests run.
    for long in 1..4 {
        assert!(left[&long].joules.is_some(), "{long}");
        assert!(left[&long].coverage > 0.99, "{long}");
    }
    let short = &left[&(4 + 20)];
    assert!(
        short.at > 20 * minutes + 8 * minutes,
        "it waits for the long one beside it"
    );
    assert!(
        (short.coverage - 1.0).abs() < 1e-9,
        "what its device did was found out while samples were there"
    );
    assert_close(short.joules, WATTS as f64 * 4.0 / 2.0);
}

#[test]
fn a_span_waits_no_longer_than_the_horizon_says_however_late_others_come() {
    let mut node = Node::new(vec![about("GPU-1")], "attribution: {horizon: 20s}");
    let ran: Vec<Ran> = (0..100)
        .map(|number| {
            Ran::of(
                number * 2_000,
                number * 2_000 + if number % 4 == 0 { 100_000 } else { 9_000 },
            )
        })
        .collect();

    let left = play(&mut node, &ran, 360_000);

    let long = |index: usize| index.is_multiple_of(4);
    assert!(left.iter().all(|(index, left)| left.joules.is_some() != long(*index)));
    assert!(left.iter().all(|(index, left)| left.at <= ran[*index].to + 22_000));
    assert_eq!(node.counted(r#"inferscope_gpu_energy_shares{result="late"}"#), 25);
    assert_eq!(node.held(), 0);
}

#[test]
fn where_there_is_no_more_room_energy_is_shared_by_those_who_are_known() {
    let mut node = Node::new(vec![about("GPU-1")], "spans_max: 1");
    let gpu = node.gpu("GPU-1");
    sample(&gpu, T0, T0 + 4 * S, WATTS, 1);

    node.send(&request("", 1, T0 + S, T0 + 2 * S, T0 + 3 * S, (100, 51)));
    node.send(&request("", 2, T0 + S, T0 + 2 * S, T0 + 3 * S, (100, 51)));
    let out = node.wait(Duration::ZERO);

    assert_eq!(out.len(), 1);
    assert_close(number(&out["request1"], "energy.attributed"), WATTS as f64);
}

#[test]
fn a_span_leaves_without_a_share_where_samples_end() {
    let mut node = node();
    sample(&node.gpu("GPU-1"), T0, T0 + 2 * S, WATTS, 1);

    node.send(&request("", 1, T0 + S, T0 + 2 * S, T0 + 3 * S, (100, 51)));
    let before = node.wait(Duration::from_secs(6));
    let after = node.wait(Duration::from_secs(2));

    assert!(!before.contains_key("request1"));
    assert_eq!(number(&after["request1"], "energy.attributed"), None);
    assert_eq!(node.counted(r#"inferscope_gpu_energy_shares{result="hurried"}"#), 1);
}

/// Numbers from 0 to 1 that look random and are the same in every run.
fn unit(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

/// Chat: half of the answers take less than 6 s, one of a thousand takes more than two minutes; spans come up to 5 s late.
fn chat(until_ms: u64) -> Vec<Ran> {
    let mut state = 7;
    let mut ran = Vec::new();
    let mut from = 0.0;
    while from < until_ms as f64 {
        from += -(1.0 - unit(&mut state)).ln() * 700.0;
        let normal = (-2.0 * (1.0 - unit(&mut state)).ln()).sqrt() * (std::f64::consts::TAU * unit(&mut state)).cos();
        let length = (6_000.0 * normal.exp()).clamp(200.0, 500_000.0);
        let (from, to) = (from as u64, from as u64 + length as u64);
        let comes = to + (unit(&mut state) * 5_000.0) as u64;
        ran.push(Ran { from, to, comes });
    }
    ran
}

/// What everybody would be given if all were known in time.
fn truth(ran: &[Ran], until_ms: u64) -> Vec<f64> {
    let mut ledger = Ledger::default();
    let owner = |index: usize| {
        let mut owner: Owner = [0; 24];
        owner[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
        owner
    };
    for (index, ran) in ran.iter().enumerate() {
        let weight = (ran.tokens() - 1) as f64 / (ran.to - ran.from) as f64;
        let work = Work {
            from: ran.begin(),
            to: ran.end(),
            weight,
        };
        ledger.add(owner(index), work);
    }
    let joules = |from, to| WATTS as f64 * (to - from) as f64 / 1e9;
    let mut truth = vec![0.0; ran.len()];
    // Accounts that nobody asks for are forgotten after a while, so they are closed as time goes on.
    for now in (0..=until_ms).step_by(100_000) {
        ledger.advance(T0 + now * MS, joules);
        let ended = ran.iter().zip(&mut truth).enumerate();
        for (index, (_, truth)) in ended.filter(|(_, (ran, truth))| ran.to <= now && **truth == 0.0) {
            *truth = ledger.close(owner(index)).unwrap().joules;
        }
    }
    truth
}

#[test]
#[allow(clippy::print_stderr)] // Figures of the README.
fn chat_with_a_few_long_answers_is_shared_within_three_hundredths_of_the_truth() {
    let until = 2_400_000;
    let ran = chat(until - 1_200_000);
    let truth = truth(&ran, until);

    let left = play(&mut node(), &ran, until);

    // The first ten minutes are those in which the device is learned.
    let (mut all, mut given, mut wrong, mut waits) = (0.0, 0.0, 0.0, Vec::new());
    for (index, ran) in ran.iter().enumerate().filter(|(_, ran)| ran.from > 600_000) {
        all += truth[index];
        waits.push(left[&index].at.saturating_sub(ran.to) / 1_000);
        if let Some(joules) = left[&index].joules {
            given += truth[index];
            wrong += (joules - truth[index]).abs();
        }
    }
    waits.sort_unstable();
    let median = waits[waits.len() / 2];
    eprintln!(
        "given {:.4}, wrong {:.4}, waits {median} s to {} s",
        given / all,
        wrong / given,
        waits.last().unwrap()
    );
    assert!(given > 0.9 * all, "{}", given / all);
    assert!(wrong < 0.03 * given, "{}", wrong / given);
    assert!(*waits.last().unwrap() <= 120, "{waits:?}");
}
