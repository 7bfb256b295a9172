use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use pipeline::context::gpus::{Devices, Gpu};

use super::harness::{MS, Node, S, T0, about, assert_close, number, request, sample};
use crate::gpu_context::ledger::{Account, Ledger, Owner, Work};

fn owner(number: usize) -> Owner {
    let mut owner = [0; 24];
    owner[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    owner
}

fn work(from_ms: u64, to_ms: u64, weight: f64) -> Work {
    Work {
        from: T0 + from_ms * MS,
        to: T0 + to_ms * MS,
        weight,
    }
}

/// A device whose power goes up and down.
fn joules(from: u64, to: u64) -> f64 {
    let total = |at: u64| {
        let seconds = (at - T0) as f64 / 1e9;
        400.0 * seconds - 20.0 * (3.0 * seconds).cos()
    };
    total(to) - total(from)
}

fn joules_of(ledger: &mut Ledger, number: usize) -> f64 {
    ledger.close(owner(number)).unwrap().joules
}

#[test]
fn a_request_that_runs_alone_gets_all_energy_of_its_time() {
    let mut ledger = Ledger::default();
    ledger.add(owner(1), work(1_000, 3_000, 7.0));
    ledger.advance(T0 + 10 * S, joules);

    let got = joules_of(&mut ledger, 1);

    assert_close(Some(got), joules(T0 + S, T0 + 3 * S));
    assert_close(Some(ledger.idle_j), joules(T0 + 3 * S, T0 + 10 * S));
}

#[test]
fn requests_at_the_same_time_share_by_weight() {
    let mut ledger = Ledger::default();
    ledger.add(owner(1), work(1_000, 3_000, 3.0));
    ledger.add(owner(2), work(2_000, 4_000, 1.0));
    ledger.advance(T0 + 10 * S, joules);

    let (alone, both) = (joules(T0 + S, T0 + 2 * S), joules(T0 + 2 * S, T0 + 3 * S));
    assert_close(Some(joules_of(&mut ledger, 1)), alone + 0.75 * both);
    assert_close(
        Some(joules_of(&mut ledger, 2)),
        0.25 * both + joules(T0 + 3 * S, T0 + 4 * S),
    );
}

#[test]
fn work_that_is_told_twice_counts_once() {
    let mut ledger = Ledger::default();
    for _ in 0..2 {
        ledger.add(owner(1), work(1_000, 3_000, 3.0));
        ledger.add(owner(2), work(1_000, 3_000, 3.0));
    }
    ledger.add(owner(2), work(1_000, 3_000, 3.0));
    ledger.advance(T0 + 10 * S, joules);

    let (one, two) = (joules_of(&mut ledger, 1), joules_of(&mut ledger, 2));
    assert_close(Some(one), two);
}

/// Pieces of work that come before the energy of their time is shared, or after: when each is told, and what it is.
fn any_work() -> impl Strategy<Value = Vec<(u64, Work)>> {
    let piece = (0u64..20_000, 1u64..8_000, 0.01f64..1e4, 0u64..12_000);
    let told = piece.prop_map(|(from, length, weight, late)| (from + length + late, work(from, from + length, weight)));
    vec(told, 1..40)
}

/// Tells everything in its time, with a horizon; gives every account.
fn play(ledger: &mut Ledger, mut told: Vec<(u64, usize, Work)>, horizon_ms: u64) -> Vec<Account> {
    told.sort_by_key(|(at, number, _)| (*at, *number));
    let count = told.len();
    for (at, number, work) in told {
        ledger.advance(T0 + at.saturating_sub(horizon_ms) * MS, joules);
        ledger.add(owner(number), work);
    }
    ledger.advance(T0 + 60 * S, joules);
    (0..count).map(|number| ledger.close(owner(number)).unwrap()).collect()
}

fn numbered(told: &[(u64, Work)]) -> Vec<(u64, usize, Work)> {
    told.iter()
        .enumerate()
        .map(|(number, (at, work))| (*at, number, *work))
        .collect()
}

proptest! {
    #[test]
    fn g_8_what_is_shared_and_what_is_idle_is_what_the_counter_counted(told in any_work(), horizon_ms in 0u64..30_000) {
        let mut ledger = Ledger::default();
        ledger.advance(T0, joules);
        let accounts = play(&mut ledger, numbered(&told), horizon_ms);

        let total = joules(T0, T0 + 60 * S);
        let given: f64 = accounts.iter().map(|account| account.joules).sum();
        prop_assert!((ledger.shared_j + ledger.idle_j - total).abs() <= 1e-6 * total);
        prop_assert!((given + ledger.idle_j - total).abs() <= 1e-6 * total, "{} {} {}", given, ledger.idle_j, total);
        prop_assert!(accounts.iter().all(|account| account.joules >= -1e-6));
    }

    #[test]
    fn inside_the_horizon_the_order_of_arrival_changes_nothing(told in any_work(), seed in any::<u64>()) {
        let in_order = play(&mut Ledger::default(), numbered(&told), 60_000);
        let mut other = numbered(&told);
        for (at, number, _) in &mut other {
            *at = seed.wrapping_mul(*number as u64 + 1) % 40_000;
        }
        let shuffled = play(&mut Ledger::default(), other, 60_000);

        for (one, two) in in_order.iter().zip(&shuffled) {
            prop_assert!(!one.is_late && !two.is_late);
            prop_assert!((one.joules - two.joules).abs() <= 1e-6 * one.joules.max(1.0));
        }
    }

    #[test]
    fn a_request_without_late_work_is_given_what_its_weight_is_worth(told in any_work()) {
        let accounts = play(&mut Ledger::default(), numbered(&told), 60_000);

        // The definition, moment by moment of a millisecond.
        let mut expected = vec![0.0; told.len()];
        for ms in 0..28_000 {
            let (from, to) = (T0 + ms * MS, T0 + (ms + 1) * MS);
            let runs = |work: &Work| work.from <= from && to <= work.to;
            let weight: f64 = told.iter().filter(|(_, work)| runs(work)).map(|(_, work)| work.weight).sum();
            for (sum, (_, work)) in expected.iter_mut().zip(&told).filter(|(_, (_, work))| runs(work)) {
                *sum += joules(from, to) * work.weight / weight;
            }
        }
        for (account, expected) in accounts.iter().zip(expected) {
            prop_assert!((account.joules - expected).abs() <= 1e-6 * expected.max(1.0), "{} {}", account.joules, expected);
        }
    }
}

const HORIZON: &str = "{attribution: {horizon: 5s}, sample_wait: 1s}";

#[test]
fn g_8_concurrent_requests_share_the_energy_of_their_device() {
    let mut node = Node::new(vec![about("GPU-1")], HORIZON);
    let gpu = node.gpu("GPU-1");
    sample(&gpu, T0, T0 + 5 * S, 400, 1);
    // Both prefill and decode at the same time; the second has twice as much of everything.
    node.send(&request("", 1, T0 + S, T0 + 2 * S, T0 + 4 * S, (100, 51)));
    node.send(&request("", 2, T0 + S, T0 + 2 * S, T0 + 4 * S, (200, 101)));
    let early = node.wait(Duration::from_secs(1));
    sample(&gpu, T0 + 5 * S + 100 * MS, T0 + 10 * S, 400, 1);
    let out = node.wait(Duration::from_secs(1));

    assert!(early.is_empty());
    assert_close(number(&out["request1"], "energy.device"), 1_200.0);
    assert_close(number(&out["request1"], "energy.attributed"), 400.0);
    assert_close(number(&out["request2"], "energy.attributed"), 800.0);
    assert_eq!(node.counted(r#"inferscope_gpu_energy_shares{result="given"}"#), 2);
}

#[test]
fn a_request_whose_energy_was_shared_before_it_was_known_gets_no_number() {
    let mut node = Node::new(vec![about("GPU-1")], HORIZON);
    sample(&node.gpu("GPU-1"), T0, T0 + 20 * S, 400, 1);
    node.send(&request("", 1, T0 + S, T0 + 2 * S, T0 + 4 * S, (100, 51)));
    let first = node.wait(Duration::from_secs(1));

    node.send(&request("", 2, T0 + S, T0 + 2 * S, T0 + 4 * S, (100, 51)));
    let second = node.wait(Duration::from_secs(1));

    assert_close(number(&first["request1"], "energy.attributed"), 1_200.0);
    assert_eq!(number(&second["request2"], "energy.attributed"), None);
    assert_close(number(&second["request2"], "energy.device"), 1_200.0);
    assert_eq!(node.counted(r#"inferscope_gpu_energy_shares{result="late"}"#), 1);
}

#[test]
fn a_device_that_was_lost_and_came_back_shares_what_it_uses_now() {
    let mut node = Node::new(vec![about("GPU-1")], HORIZON);
    sample(&node.gpu("GPU-1"), T0, T0 + 20 * S, 400, 1);
    node.send(&request("", 1, T0 + S, T0 + 2 * S, T0 + 4 * S, (100, 51)));
    node.wait(Duration::from_secs(1));

    // Nobody knows it in between, so that its samples begin anew.
    node.context.gpus.publish(Devices::default());
    node.context.gpus.publish(Devices {
        list: vec![Gpu::new(about("GPU-1"))],
        ..Devices::default()
    });
    sample(&node.gpu("GPU-1"), T0 + 30 * S, T0 + 50 * S, 400, 1);
    node.send(&request("", 2, T0 + 41 * S, T0 + 42 * S, T0 + 44 * S, (100, 51)));
    let out = node.wait(Duration::from_secs(1));

    assert_close(number(&out["request2"], "energy.device"), 1_200.0);
    assert_close(number(&out["request2"], "energy.attributed"), 1_200.0);
}

#[test]
fn a_request_of_two_devices_gets_its_share_of_both() {
    let mut node = Node::new(vec![about("GPU-1"), about("GPU-2")], HORIZON);
    sample(&node.gpu("GPU-1"), T0, T0 + 20 * S, 400, 1);
    sample(&node.gpu("GPU-2"), T0, T0 + 20 * S, 100, 1);
    super::resolving::give(&node, "b", "a", &["GPU-1", "GPU-2"]);

    node.send(&request(
        "k8s.pod.name=a k8s.namespace.name=b",
        1,
        T0 + 16 * S,
        T0 + 17 * S,
        T0 + 18 * S,
        (100, 51),
    ));
    node.send(&request(
        "hw.id=GPU-1",
        2,
        T0 + 16 * S,
        T0 + 17 * S,
        T0 + 18 * S,
        (100, 51),
    ));
    let out = node.release(true);

    assert_close(number(&out["request1"], "energy.attributed"), 400.0 + 200.0);
    assert_close(number(&out["request2"], "energy.attributed"), 400.0);
}

#[test]
fn after_the_clock_was_set_back_it_is_learned_anew_how_long_to_wait() {
    let mut node = Node::new(vec![about("GPU-1")], "");
    let gpu = node.gpu("GPU-1");
    let later = T0 + 9_000 * S;
    sample(&gpu, later, later + 100 * S, 400, 1);
    node.send(&request("", 1, later + S, later + 2 * S, later + 100 * S, (100, 51)));
    node.wait(Duration::from_secs(3));
    let before = node.counted("inferscope_processor_gpu_context_share_wait");

    sample(&gpu, T0, T0 + 10 * S, 400, 1);
    node.send(&request("", 2, T0 + S, T0 + 2 * S, T0 + 4 * S, (100, 51)));
    node.wait(Duration::from_secs(600));
    let after = node.counted("inferscope_processor_gpu_context_share_wait");

    assert!(before > 100, "{before}");
    assert!(after < 30, "{after}");
}

#[test]
fn a_sample_of_a_wrong_time_does_not_end_the_sharing() {
    let mut node = Node::new(vec![about("GPU-1")], HORIZON);
    let gpu = node.gpu("GPU-1");
    sample(&gpu, T0, T0 + 10 * S, 400, 1);
    node.send(&request("", 1, T0 + S, T0 + 2 * S, T0 + 4 * S, (100, 51)));
    for ahead in 0..2 {
        sample(&gpu, T0 + 9_000 * S + ahead * S, T0 + 9_000 * S + ahead * S, 400, 1);
    }
    node.wait(Duration::from_secs(1));
    sample(&gpu, T0 + 10 * S, T0 + 40 * S, 400, 1);

    node.send(&request("", 2, T0 + 36 * S, T0 + 37 * S, T0 + 39 * S, (100, 51)));
    sample(&gpu, T0 + 40 * S + 100 * MS, T0 + 50 * S, 400, 1);
    let out = node.wait(Duration::from_secs(1));

    assert_close(number(&out["request2"], "energy.attributed"), 1_200.0);
}
