//! The decomposition as arithmetic: hand-computed cases, then laws over random numbers.

use proptest::prelude::*;

use crate::llm_phases::phase::{Phase, Source, Status};
use crate::llm_phases::phases::{Observed, Phases, TOLERANCE_NS, time_per_output_token};

const START: u64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;

/// q=10, p=100, d=400, i=500, e=560, t=125 ms in a span of 563 ms.
fn complete() -> Observed {
    Observed {
        start: START,
        end: START + 563_000_000,
        queue: Some(10 * MS),
        prefill: Some(100 * MS),
        decode: Some(400 * MS),
        inference: Some(500 * MS),
        e2e: Some(560 * MS),
        ttft: Some(125 * MS),
    }
}

/// Phase, start and end in nanoseconds after the span's start, and how far to trust it.
fn laid_out(phases: &Phases) -> Vec<(Phase, u64, u64, Source)> {
    let told = |segment: &crate::llm_phases::phases::Segment| {
        (
            segment.phase,
            segment.start - START,
            segment.end - START,
            segment.source,
        )
    };
    phases
        .segments()
        .iter()
        .filter(|segment| segment.length() > 0)
        .map(told)
        .collect()
}

#[test]
fn h01_tile_exactly_both_residuals() {
    let phases = Phases::of(&complete());

    let expected = vec![
        (Phase::Frontend, 0, 15_000_000, Source::UpperBound),
        (Phase::Queue, 15_000_000, 25_000_000, Source::Measured),
        (Phase::Prefill, 25_000_000, 125_000_000, Source::Measured),
        (Phase::Decode, 125_000_000, 525_000_000, Source::Measured),
        (Phase::Detokenize, 525_000_000, 563_000_000, Source::UpperBound),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Ok);
    assert_eq!(phases.residual(), 0);
}

#[test]
fn h02_the_smaller_residual_wins() {
    let phases = Phases::of(&Observed {
        ttft: Some(190 * MS),
        ..complete()
    });

    let segments = laid_out(&phases);
    assert_eq!(
        segments.first().unwrap(),
        &(Phase::Frontend, 0, 50_000_000, Source::UpperBound)
    );
    assert_eq!(
        segments.get(3).unwrap(),
        &(Phase::Decode, 160_000_000, 560_000_000, Source::Measured)
    );
    assert_eq!(
        segments.get(4).unwrap(),
        &(Phase::Detokenize, 560_000_000, 563_000_000, Source::UpperBound)
    );
}

#[test]
fn h04_a_single_token_has_no_time_per_output_token() {
    let phases = Phases::of(&Observed {
        decode: Some(0),
        inference: Some(100 * MS),
        ..complete()
    });

    assert_eq!(phases.status, Status::Ok);
    assert_eq!(phases.total(Phase::Decode), 0);
    assert!(laid_out(&phases).iter().all(|(phase, ..)| *phase != Phase::Decode));
    assert_eq!(time_per_output_token(0, 1), None);
    assert_eq!(time_per_output_token(5, 0), None);
}

#[test]
fn h09_a_long_prefill_is_not_a_bad_clock() {
    let prefill = 33_087 * MS;
    let observed = Observed {
        end: START + 34_000_000_000,
        prefill: Some(prefill),
        inference: Some(prefill + 400 * MS),
        e2e: Some(33_600 * MS),
        ttft: Some(33_200 * MS),
        ..complete()
    };

    let phases = Phases::of(&observed);

    assert_eq!(phases.total(Phase::Prefill), 33_087_000_000);
    assert_eq!(phases.status, Status::Ok);
}

#[test]
fn h10_one_of_the_two_residuals_is_enough() {
    let without_ttft = Phases::of(&Observed {
        ttft: None,
        ..complete()
    });
    let without_e2e = Phases::of(&Observed {
        e2e: None,
        ..complete()
    });

    assert_eq!(without_ttft.total(Phase::Frontend), 50_000_000);
    assert_eq!(without_e2e.total(Phase::Frontend), 15_000_000);
    assert_eq!((without_ttft.status, without_e2e.status), (Status::Ok, Status::Ok));
}

#[test]
fn h10_prefill_and_decode_that_cannot_be_told_apart_are_one_inference() {
    let phases = Phases::of(&Observed {
        prefill: None,
        decode: None,
        ..complete()
    });

    let expected = vec![
        (Phase::Frontend, 0, 50_000_000, Source::UpperBound),
        (Phase::Queue, 50_000_000, 60_000_000, Source::Measured),
        (Phase::Inference, 60_000_000, 560_000_000, Source::Measured),
        (Phase::Detokenize, 560_000_000, 563_000_000, Source::UpperBound),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Ok);
}

#[test]
fn h10_only_e2e_is_insufficient() {
    let phases = Phases::of(&Observed {
        start: START,
        end: START + 9,
        e2e: Some(5),
        ..Observed::default()
    });

    assert_eq!(phases.status, Status::Insufficient);
    assert!(phases.segments().is_empty());
}

#[test]
fn one_of_three_model_times_follows_from_the_other_two() {
    let without_decode = Phases::of(&Observed {
        decode: None,
        ..complete()
    });
    let without_prefill = Phases::of(&Observed {
        prefill: None,
        ..complete()
    });

    assert_eq!(without_decode.status, Status::Ok);
    assert!(laid_out(&without_decode).contains(&(Phase::Decode, 125_000_000, 525_000_000, Source::Inferred)));
    assert!(laid_out(&without_prefill).contains(&(Phase::Prefill, 25_000_000, 125_000_000, Source::Inferred)));
}

#[test]
fn a_sum_slightly_below_its_part_is_rounding_and_clearly_below_it_a_contradiction() {
    let with_inference = |ns: i64| {
        Phases::of(&Observed {
            prefill: None,
            inference: Some(400 * MS - ns),
            ..complete()
        })
    };

    let rounded = with_inference(TOLERANCE_NS);
    let contradicted = with_inference(TOLERANCE_NS + 1);

    assert_eq!(
        (rounded.status, rounded.total(Phase::Prefill), rounded.unusable.conflict),
        (Status::Ok, 0, 0)
    );
    assert_eq!(
        (contradicted.status, contradicted.unusable.conflict),
        (Status::Partial, 1)
    );
    assert_eq!(contradicted.total(Phase::Decode), 400_000_000);
}

#[test]
fn without_a_queue_other_stands_for_front_end_and_queue() {
    let phases = Phases::of(&Observed {
        queue: None,
        ..complete()
    });

    // min(t - p, e - i) = min(25, 60) ms.
    let expected = vec![
        (Phase::Other, 0, 25_000_000, Source::Inferred),
        (Phase::Prefill, 25_000_000, 125_000_000, Source::Measured),
        (Phase::Decode, 125_000_000, 525_000_000, Source::Measured),
        (Phase::Detokenize, 525_000_000, 563_000_000, Source::UpperBound),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!((phases.status, phases.residual()), (Status::Partial, 25_000_000));
}

#[test]
fn without_decode_and_inference_other_follows_prefill() {
    let phases = Phases::of(&Observed {
        decode: None,
        inference: None,
        ..complete()
    });

    let expected = vec![
        (Phase::Frontend, 0, 15_000_000, Source::UpperBound),
        (Phase::Queue, 15_000_000, 25_000_000, Source::Measured),
        (Phase::Prefill, 25_000_000, 125_000_000, Source::Measured),
        (Phase::Other, 125_000_000, 563_000_000, Source::Inferred),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Partial);
}

#[test]
fn without_both_residuals_one_other_stands_in_front() {
    let phases = Phases::of(&Observed {
        ttft: None,
        e2e: None,
        ..complete()
    });

    let expected = vec![
        (Phase::Other, 0, 53_000_000, Source::Inferred),
        (Phase::Queue, 53_000_000, 63_000_000, Source::Measured),
        (Phase::Prefill, 63_000_000, 163_000_000, Source::Measured),
        (Phase::Decode, 163_000_000, 563_000_000, Source::Measured),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Partial);
}

#[test]
fn only_a_queue_stands_at_the_start() {
    let observed = Observed {
        prefill: None,
        decode: None,
        inference: None,
        ..complete()
    };

    let phases = Phases::of(&observed);

    let expected = vec![
        (Phase::Queue, 0, 10_000_000, Source::Measured),
        (Phase::Other, 10_000_000, 563_000_000, Source::Inferred),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Partial);
}

#[test]
fn only_decode_is_placed_by_the_first_token() {
    let phases = Phases::of(&Observed {
        prefill: None,
        inference: None,
        ..complete()
    });

    // The first token came at most min(t, e - d) = min(125, 160) ms after the start.
    let expected = vec![
        (Phase::Queue, 0, 10_000_000, Source::Measured),
        (Phase::Other, 10_000_000, 125_000_000, Source::Inferred),
        (Phase::Decode, 125_000_000, 525_000_000, Source::Measured),
        (Phase::Detokenize, 525_000_000, 563_000_000, Source::UpperBound),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Partial);
}

#[test]
fn h11_phases_that_do_not_fit_are_clipped_at_the_end_decode_first() {
    let phases = Phases::of(&Observed {
        end: START + 520_000_000,
        e2e: None,
        ..complete()
    });

    // F = 15, q = 10, p = 100: decode would end at 525 ms.
    assert_eq!(phases.status, Status::Inconsistent);
    assert_eq!(phases.overrun, 5_000_000);
    assert_eq!(
        laid_out(&phases).last().unwrap(),
        &(Phase::Decode, 125_000_000, 520_000_000, Source::Inferred)
    );

    let short = Observed {
        start: START,
        end: START + 90_000_000,
        queue: Some(10 * MS),
        ..Observed::default()
    };
    let phases = Phases::of(&Observed {
        prefill: Some(85 * MS),
        decode: Some(30 * MS),
        ttft: Some(90 * MS),
        ..short
    });

    assert_eq!(phases.overrun, 35_000_000);
    assert_eq!(
        laid_out(&phases).last().unwrap(),
        &(Phase::Prefill, 10_000_000, 90_000_000, Source::Inferred)
    );
}

#[test]
fn h11_negative_and_endless_durations_are_missing_and_counted() {
    let observed = Observed {
        queue: Some(-1),
        prefill: Some(i64::MAX),
        decode: Some(i64::MIN),
        ..complete()
    };

    let phases = Phases::of(&observed);

    assert_eq!((phases.unusable.negative, phases.unusable.too_long), (2, 1));
    // Left: i = 500, e = 560, t = 125.
    let expected = vec![
        (Phase::Other, 0, 60_000_000, Source::Inferred),
        (Phase::Inference, 60_000_000, 560_000_000, Source::Measured),
        (Phase::Detokenize, 560_000_000, 563_000_000, Source::UpperBound),
    ];
    assert_eq!(laid_out(&phases), expected);
}

#[test]
fn a_request_that_ended_before_its_first_token_keeps_its_queue() {
    // The engine subtracts from a stamp that was never set: prefill and inference are hugely negative.
    let never = -1_700_000_000 * 1000 * MS;
    let observed = Observed {
        prefill: Some(never),
        decode: Some(0),
        inference: Some(never),
        ttft: Some(0),
        ..complete()
    };

    let phases = Phases::of(&observed);

    let expected = vec![
        (Phase::Queue, 0, 10_000_000, Source::Measured),
        (Phase::Other, 10_000_000, 563_000_000, Source::Inferred),
    ];
    assert_eq!(laid_out(&phases), expected);
    assert_eq!(phases.status, Status::Partial);
}

#[test]
fn h20_a_clock_step_back_leaves_the_other_residual() {
    let phases = Phases::of(&Observed {
        ttft: Some(-300 * MS),
        ..complete()
    });

    assert_eq!(phases.total(Phase::Frontend), 50_000_000);
    assert_eq!((phases.status, phases.unusable.negative), (Status::Ok, 1));

    let phases = Phases::of(&Observed {
        ttft: Some(-300 * MS),
        e2e: Some(400 * MS),
        ..complete()
    });

    assert_eq!(phases.total(Phase::Frontend), 0);
    assert_eq!(phases.total(Phase::Decode), 400_000_000);
}

#[test]
fn h30_time_per_output_token_counts_tokens_not_steps() {
    // 20 steps of speculative decoding gave 61 tokens in 300 ms.
    assert_eq!(time_per_output_token(300_000_000, 61), Some(5_000_000.0));
}

#[test]
fn a_span_that_ends_before_it_starts_has_no_children() {
    let phases = Phases::of(&Observed {
        end: START - 1,
        queue: Some(0),
        decode: Some(5),
        ..complete()
    });

    assert_eq!(phases.status, Status::Insufficient);
    assert!(phases.segments().is_empty());
}

/// Lengths around zero, around the span's length, ordinary ones and the ends of the range.
fn length() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(0)),
        8 => (0..2_000 * MS).prop_map(Some),
        2 => (-3 * MS..3 * MS).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
    ]
}

fn observed() -> impl Strategy<Value = Observed> {
    let span = prop_oneof![
        8 => (START..START + 1_000, 0..3_000_000_000_u64).prop_map(|(start, length)| (start, start + length)),
        1 => (any::<u64>(), any::<u64>()),
        1 => (any::<u64>(), 0..10_u64).prop_map(|(start, length)| (start, start.saturating_add(length))),
    ];
    (span, length(), length(), length(), length(), length(), length()).prop_map(
        |((start, end), queue, prefill, decode, inference, e2e, ttft)| Observed {
            start,
            end,
            queue,
            prefill,
            decode,
            inference,
            e2e,
            ttft,
        },
    )
}

/// A complete and fitting request: parts first, then what an engine would report about it.
fn fitting() -> impl Strategy<Value = Observed> {
    let parts = (
        0..50 * MS,
        0..500 * MS,
        0..500 * MS,
        0..2_000 * MS,
        0..50 * MS,
        0..50 * MS,
        0..5 * MS,
    );
    parts.prop_map(|(front, queue, prefill, decode, first_delay, last_delay, tail)| {
        let inference = prefill + decode;
        let e2e = front + queue + inference + last_delay;
        Observed {
            start: START,
            end: START + u64::try_from(e2e + tail).unwrap(),
            queue: Some(queue),
            prefill: Some(prefill),
            decode: Some(decode),
            inference: Some(inference),
            e2e: Some(e2e),
            ttft: Some(front + queue + prefill + first_delay),
        }
    })
}

/// What the engine said about a phase that it may have measured.
fn reported(observed: &Observed, phase: Phase) -> Option<i64> {
    match phase {
        Phase::Queue => observed.queue,
        Phase::Prefill => observed.prefill,
        Phase::Decode => observed.decode,
        Phase::Inference => observed.inference,
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    /// P-1, P-2, P-3, P-4 and P-10.
    #[test]
    fn any_numbers_tile_the_span(observed in observed()) {
        let phases = Phases::of(&observed);
        let length = observed.end.saturating_sub(observed.start);

        let mut at = observed.start;
        for segment in phases.segments() {
            prop_assert_eq!(segment.start, at, "a gap or an overlap");
            prop_assert!(segment.end >= segment.start);
            at = segment.end;
        }
        let others = phases.segments().iter().filter(|segment| segment.phase == Phase::Other).count();
        if phases.status == Status::Insufficient {
            prop_assert!(phases.segments().is_empty());
        } else {
            prop_assert_eq!(at, observed.end);
            prop_assert_eq!(phases.segments().iter().map(|segment| segment.length()).sum::<u64>(), length);
        }
        if phases.status == Status::Ok {
            prop_assert_eq!((others, phases.residual(), phases.overrun), (0, 0, 0));
        }
        prop_assert_eq!(phases.status == Status::Inconsistent, phases.overrun > 0);
        for segment in phases.segments() {
            prop_assert!(segment.phase != Phase::Other || segment.source == Source::Inferred);
            if segment.source == Source::Measured {
                // What the engine measured is neither stretched nor moved into another phase.
                prop_assert_eq!(reported(&observed, segment.phase), Some(i64::try_from(segment.length()).unwrap()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn a_complete_and_fitting_request_is_ok(observed in fitting()) {
        let phases = Phases::of(&observed);
        let ns = |phase| i64::try_from(phases.total(phase)).unwrap();

        let by_first = observed.ttft.unwrap() - observed.queue.unwrap() - observed.prefill.unwrap();
        let by_last = observed.e2e.unwrap() - observed.queue.unwrap() - observed.inference.unwrap();
        prop_assert_eq!(ns(Phase::Frontend), by_first.min(by_last));
        prop_assert_eq!(Some(ns(Phase::Queue)), observed.queue);
        prop_assert_eq!(Some(ns(Phase::Prefill)), observed.prefill);
        prop_assert_eq!(Some(ns(Phase::Decode)), observed.decode);
        prop_assert_eq!(phases.status, Status::Ok);
    }

    /// P-9: the lengths do not depend on where the clock stands.
    #[test]
    fn shifting_the_clock_changes_no_length(observed in fitting(), shift in 0..1_000_000_000_000_u64) {
        let moved = Observed { start: observed.start + shift, end: observed.end + shift, ..observed };
        let lengths = |phases: &Phases| {
            phases.segments().iter().map(|segment| (segment.phase, segment.length(), segment.source)).collect::<Vec<_>>()
        };

        prop_assert_eq!(lengths(&Phases::of(&observed)), lengths(&Phases::of(&moved)));
    }

    /// Rounding and delivery may move the residuals by up to the tolerance; nothing then is clipped by more.
    #[test]
    fn small_disagreement_never_costs_more_than_itself(observed in fitting(), step in 0..TOLERANCE_NS) {
        let short = Observed { end: observed.end.saturating_sub(u64::try_from(step).unwrap()), ..observed };
        let phases = Phases::of(&short);

        prop_assert!(phases.overrun <= u64::try_from(step).unwrap());
    }
}
