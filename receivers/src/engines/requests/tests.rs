use std::net::IpAddr;

use pipeline::context::engine_requests::matching::SenderFacts;
use pipeline::context::engine_requests::{EngineRequests, Request, Role};
use pipeline::payload::{SpanId, TraceId};

use super::*;

const S: u64 = 1_000_000_000;
const NOW: u64 = 1_700_000_000 * S;

/// First tokens, ends, running, waiting and preemptions of the captured vLLM, page by page (01 to 13).
const CAPTURED: [[f64; 5]; 13] = [
    [1.0, 1.0, 0.0, 0.0, 0.0],
    [10.0, 10.0, 0.0, 0.0, 0.0],
    [18.0, 18.0, 0.0, 0.0, 0.0],
    [19.0, 19.0, 0.0, 0.0, 0.0],
    [22.0, 22.0, 0.0, 0.0, 0.0],
    [24.0, 22.0, 0.0, 0.0, 0.0],
    [26.0, 22.0, 2.0, 0.0, 0.0],
    [28.0, 22.0, 4.0, 10.0, 0.0],
    [38.0, 36.0, 0.0, 0.0, 1.0],
    [42.0, 40.0, 0.0, 0.0, 1.0],
    [46.0, 40.0, 4.0, 0.0, 1.0],
    [46.0, 44.0, 0.0, 0.0, 3.0],
    [48.0, 46.0, 0.0, 0.0, 3.0],
];

fn counts([first_tokens, ended, running, waiting, preemptions]: [f64; 5]) -> Counts {
    Counts {
        first_tokens: Some(first_tokens),
        ended: Some(ended),
        running: Some(running),
        waiting: Some(waiting),
        preemptions: Some(preemptions),
        since: 1,
    }
}

fn aborted(pages: &[[f64; 5]]) -> Vec<f64> {
    let mut aborted = Aborted::default();
    pages.iter().map(|page| aborted.read(&counts(*page)).unwrap()).collect()
}

#[test]
fn two_requests_of_the_capture_were_given_up_after_their_first_token() {
    let told = aborted(&CAPTURED);

    assert_eq!(told, [0., 0., 0., 0., 0., 0., 2., 2., 2., 2., 2., 2., 2.]);
}

#[test]
fn whoever_looks_late_hears_of_those_before_as_well() {
    assert_eq!(aborted(&CAPTURED[11..]), [0.0, 2.0]);
}

#[test]
fn a_request_that_had_to_make_room_was_not_given_up() {
    let told = aborted(&[
        [8.0, 0.0, 8.0, 0.0, 0.0],
        // Three are preempted and wait, with five that never had a token.
        [8.0, 0.0, 5.0, 8.0, 3.0],
        // One of the three was given up there, which nothing shows while others wait.
        [8.0, 2.0, 5.0, 5.0, 3.0],
        [10.0, 9.0, 0.0, 0.0, 3.0],
        [10.0, 9.0, 0.0, 0.0, 3.0],
    ]);

    assert_eq!(told, [0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn who_waits_while_nobody_was_preempted_hides_nothing() {
    let busy = [9.0, 6.0, 1.0, 50.0, 7.0];

    let told = aborted(&[[5.0, 5.0, 0.0, 0.0, 7.0], busy, busy]);

    assert_eq!(told, [0.0, 0.0, 2.0]);
}

#[test]
fn what_one_page_alone_shows_counts_for_nothing_as_its_numbers_are_not_of_one_instant() {
    let told = aborted(&[
        [5.0, 5.0, 0.0, 0.0, 0.0],
        // Two ended between the reading of one number and of another.
        [9.0, 6.0, 1.0, 0.0, 0.0],
        [9.0, 8.0, 1.0, 0.0, 0.0],
        // Of three that the next shows, one was given up.
        [14.0, 10.0, 1.0, 0.0, 0.0],
        [14.0, 12.0, 1.0, 0.0, 0.0],
    ]);

    assert_eq!(told, [0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn where_preemptions_are_not_counted_all_that_waits_may_have_been_preempted() {
    let mut aborted = Aborted::default();
    let page = |waiting| Counts {
        preemptions: None,
        ..counts([9.0, 6.0, 0.0, waiting, 0.0])
    };

    let told = [2.0, 2.0, 0.0, 0.0].map(|waiting| aborted.read(&page(waiting)).unwrap());

    assert_eq!(told, [0.0, 1.0, 1.0, 3.0]);
}

#[test]
fn the_counter_never_falls_while_the_engine_lives_and_begins_anew_with_it() {
    let told = aborted(&[
        [9.0, 4.0, 0.0, 0.0, 0.0],
        [9.0, 4.0, 0.0, 0.0, 0.0],
        [12.0, 5.0, 7.0, 0.0, 0.0],
        // It has restarted.
        [3.0, 2.0, 0.0, 0.0, 0.0],
        [6.0, 4.0, 1.0, 0.0, 0.0],
    ]);
    let mut other = Aborted::default();
    other.read(&counts([9.0, 4.0, 0.0, 0.0, 0.0]));
    // It has restarted, and counted beyond where it was.
    let since = Counts {
        since: 2,
        ..counts([20.0, 20.0, 0.0, 0.0, 0.0])
    };

    assert_eq!(told, [0.0, 5.0, 5.0, 0.0, 1.0]);
    assert_eq!(other.read(&since), Some(0.0));
}

#[test]
fn nothing_is_told_where_the_page_does_not_say_who_runs_or_waits() {
    for missing in [
        Counts {
            running: None,
            ..counts(CAPTURED[5])
        },
        Counts {
            waiting: None,
            ..counts(CAPTURED[5])
        },
        Counts {
            ended: None,
            ..counts(CAPTURED[5])
        },
        Counts {
            first_tokens: None,
            ..counts(CAPTURED[5])
        },
    ] {
        assert_eq!(Aborted::default().read(&missing), None);
    }
}

fn instance(requests: &EngineRequests) -> Arc<Instance> {
    let sender = SenderFacts {
        instance_id: "x",
        client: Some(IpAddr::from([10, 0, 0, 7])),
        ..SenderFacts::default()
    };
    requests.instance(&sender, NOW).unwrap().instance
}

/// Spans that ended so many seconds after the beginning.
fn ended(seconds: impl IntoIterator<Item = u64>) -> Vec<Arc<Instance>> {
    let instance = instance(&EngineRequests::default());
    for second in seconds {
        let request = Request {
            end: NOW + second * S,
            trace_id: TraceId([1; 16]),
            span_id: SpanId([1; 8]),
            durations: [None; Role::ALL.len()],
        };
        instance.saw(&request, NOW + 10_000 * S);
    }
    vec![instance]
}

/// The shares that pages with these counts of finished requests give, fifteen seconds apart.
fn shares(finished: &[f64], spans: &[Arc<Instance>], within: u64) -> Vec<Option<f64>> {
    let mut completeness = Completeness::new(Duration::from_secs(within));
    let pages = (0..).zip(finished);
    pages
        .map(|(at, finished)| completeness.read(NOW + at * 15 * S, Some(*finished), spans))
        .collect()
}

#[test]
fn the_share_is_one_where_every_finished_request_has_a_span() {
    let spans = ended((1..=60).map(|number| number * 2));

    // One finishes every two seconds.
    let told = shares(&[0.0, 7.0, 15.0, 22.0, 30.0], &spans, 0);

    assert_eq!(told, [None, Some(1.0), Some(1.0), Some(1.0), Some(1.0)]);
}

#[test]
fn the_share_is_less_where_spans_were_withheld() {
    let spans = ended((1..=60).filter(|number| number % 2 == 0));

    let told = shares(&[0.0, 15.0, 30.0, 45.0, 60.0], &spans, 0);

    let last = told[4].unwrap();
    assert!((0.5..0.54).contains(&last), "{told:?}");
}

#[test]
fn a_span_has_time_to_come() {
    let pages = [0.0, 15.0, 15.0, 15.0, 15.0];
    let none = ended([]);
    let all = ended(1..=15);

    assert_eq!(shares(&pages, &none, 30), [None, None, None, Some(0.0), Some(0.0)]);
    assert_eq!(shares(&pages, &all, 30), [None, None, None, Some(1.0), Some(1.0)]);
}

#[test]
fn there_is_no_share_of_nothing() {
    assert_eq!(shares(&[4.0; 30], &ended(1..=60), 0), [None; 30]);
}

#[test]
fn requests_leave_the_window_after_five_minutes() {
    let mut pages = vec![0.0, 15.0];
    pages.resize(24, 15.0);

    let told = shares(&pages, &ended([]), 0);

    assert_eq!(told[20], Some(0.0), "300 s after the first page");
    assert_eq!(told[22], None);
}

/// The last of the shares that pages so many seconds apart give, while a request ends each second and has a span.
fn share_of_pages_apart(seconds: u64) -> Option<f64> {
    let instance = instance(&EngineRequests::default());
    let mut completeness = Completeness::new(Duration::from_secs(30));
    let mut share = None;
    for page in 0..8 {
        let end = page * seconds;
        for second in end.saturating_sub(seconds) + 1..=end {
            let request = Request {
                end: NOW + second * S,
                trace_id: TraceId([1; 16]),
                span_id: SpanId([1; 8]),
                durations: [None; Role::ALL.len()],
            };
            instance.saw(&request, NOW + second * S);
        }
        #[allow(clippy::cast_precision_loss)]
        let finished = Some(end as f64);
        share = completeness.read(NOW + end * S, finished, &[Arc::clone(&instance)]);
    }
    share
}

#[test]
fn the_window_begins_no_earlier_than_spans_are_remembered() {
    assert_eq!([15, 60, 240].map(share_of_pages_apart), [Some(1.0); 3]);
    assert_eq!([300, 600].map(share_of_pages_apart), [None; 2]);
}

#[test]
fn the_window_begins_anew_with_the_engine() {
    let told = shares(&[50.0, 60.0, 3.0, 6.0], &ended(33..=35), 0);

    assert_eq!(told, [None, Some(0.0), None, Some(1.0)]);
}

#[test]
fn spans_that_came_twice_are_more_than_all() {
    let twice = ended((1..=60).chain(1..=60));

    let told = shares(&[0.0, 15.0, 30.0, 45.0, 60.0], &twice, 0);

    assert!(told[4].unwrap() > 1.8, "{told:?}");
}

#[test]
fn requests_are_counted_on_over_instances_that_come_and_go() {
    let requests = EngineRequests::default();
    let one = ended(1..=3);
    let other = ended(1..=5);
    let mut traced = Traced::default();

    let told = [
        traced.read(&one, NOW),
        traced.read(&[one.clone(), other.clone()].concat(), NOW),
        traced.read(&other, NOW),
        traced.read(&one, NOW),
        traced.read(&[instance(&requests)], NOW),
    ];

    assert_eq!(told, [3, 8, 8, 8, 8]);
}
