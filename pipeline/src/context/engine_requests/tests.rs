use super::*;
use crate::payload::{SpanId, TraceId};
use matching::Pod;

const S: u64 = 1_000_000_000;
const NOW: u64 = 1_700_000_000 * S;

/// A target with these labels, at this host.
fn target(labels: &[(&str, &str)], host: &str) -> TargetFacts {
    let found = |name: &str| {
        labels
            .iter()
            .find(|(label, _)| *label == name)
            .map_or("", |(_, value)| *value)
    };
    TargetFacts::of(found, host)
}

fn named(id: &str) -> SenderFacts<'_> {
    SenderFacts {
        resource: id.as_bytes(),
        instance_id: id,
        ..SenderFacts::default()
    }
}

fn from<'a>(id: &'a str, client: &str) -> SenderFacts<'a> {
    SenderFacts {
        client: Some(client.parse().unwrap()),
        ..named(id)
    }
}

fn in_pod<'a>(id: &'a str, pod: Pod<&'a str>) -> SenderFacts<'a> {
    SenderFacts { pod, ..named(id) }
}

/// What targets find, each in a word.
fn find(senders: &[SenderFacts<'_>], targets: &[TargetFacts]) -> Vec<String> {
    let requests = EngineRequests::default();
    requests.feed();
    let instances: Vec<_> = senders.iter().map(|sender| requests.instance(sender, NOW)).collect();
    let seats: Vec<_> = targets.iter().map(|target| requests.seat(target.clone())).collect();
    let word = |seat: &Seat| match seat.instances(NOW) {
        Instances::Known(known) => {
            let numbers = known
                .iter()
                .map(|it| instances.iter().position(|one| Arc::ptr_eq(one, it)).unwrap());
            let mut numbers: Vec<_> = numbers.collect();
            numbers.sort_unstable();
            format!("{numbers:?}")
        }
        other => format!("{other:?}"),
    };
    seats.iter().map(word).collect()
}

#[test]
fn an_instance_is_found_by_its_id() {
    let targets = [
        target(&[("instance", "vllm-0")], "10.0.0.7"),
        target(
            &[("instance", "10.0.0.8:8000"), ("service_instance_id", "8f1e")],
            "10.0.0.8",
        ),
    ];

    assert_eq!(find(&[named("8f1e"), named("vllm-0")], &targets), ["[1]", "[0]"]);
}

#[test]
fn an_id_that_two_targets_have_is_ambiguous_and_goes_to_neither() {
    let both = target(&[("service_instance_id", "8f1e")], "10.0.0.7");

    assert_eq!(
        find(&[named("8f1e")], &[both.clone(), both]),
        ["Ambiguous", "Ambiguous"]
    );
}

#[test]
fn an_instance_is_found_by_its_pod_and_a_pod_may_have_several() {
    let by_uid = Pod {
        uid: "u-1",
        ..Pod::default()
    };
    let by_name = Pod {
        namespace: "llm",
        name: "vllm-1",
        ..Pod::default()
    };
    let by_ip = Pod {
        ip: "10.0.0.9",
        ..Pod::default()
    };
    let targets = [
        target(&[("pod_uid", "u-1")], "a"),
        target(&[("namespace", "llm"), ("pod", "vllm-1")], "b"),
        target(&[], "10.0.0.9"),
        target(&[("namespace", "other"), ("pod", "vllm-1")], "c"),
    ];
    let senders = [
        in_pod("x", by_uid),
        in_pod("y", by_uid),
        in_pod("z", by_name),
        in_pod("w", by_ip),
    ];

    assert_eq!(find(&senders, &targets), ["[0, 1]", "[2]", "[3]", "Nobody"]);
}

#[test]
fn two_targets_in_one_pod_are_ambiguous() {
    let pod = Pod {
        uid: "u-1",
        ..Pod::default()
    };
    let targets = [target(&[("pod_uid", "u-1")], "a"), target(&[("pod_uid", "u-1")], "b")];

    assert_eq!(find(&[in_pod("x", pod)], &targets), ["Ambiguous", "Ambiguous"]);
}

#[test]
fn an_instance_is_found_by_the_address_that_its_spans_come_from() {
    let targets = [
        target(&[], "10.0.0.7"),
        target(&[], "10.0.0.8"),
        target(&[], "localhost"),
    ];
    let senders = [
        from("x", "::ffff:10.0.0.8"),
        from("y", "10.0.0.7"),
        from("z", "127.0.0.1"),
    ];

    assert_eq!(find(&senders, &targets), ["[1]", "[0]", "[2]"]);
}

#[test]
fn an_address_of_two_targets_or_of_two_instances_is_ambiguous() {
    let one = [target(&[], "10.0.0.7"), target(&[], "10.0.0.8")];
    let two = [target(&[], "10.0.0.7"), target(&[], "10.0.0.7")];

    assert_eq!(find(&[from("x", "10.0.0.7")], &two), ["Ambiguous", "Ambiguous"]);
    assert_eq!(
        find(&[from("x", "10.0.0.7"), from("y", "10.0.0.7")], &one),
        ["Ambiguous", "Nobody"]
    );
}

#[test]
fn an_address_says_nothing_where_the_pod_is_another_or_somebody_stands_in_between() {
    let requests = EngineRequests::default();
    requests.feed();
    let pods = ["u-1", "u-2"].map(|uid| target(&[("pod_uid", uid)], "10.0.0.7"));
    let sender = SenderFacts {
        pod: Pod {
            uid: "u-3",
            ..Pod::default()
        },
        ..from("x", "10.0.0.7")
    };
    assert_eq!(find(&[sender], &pods), ["Nobody", "Nobody"]);

    let seats = ["10.0.0.7", "10.0.0.8"].map(|host| requests.seat(target(&[], host)));
    for client in ["10.0.0.7", "10.0.0.8"] {
        requests.instance(&from("x", client), NOW);
    }
    assert!(
        seats
            .iter()
            .all(|seat| matches!(seat.instances(NOW), Instances::Unmatched))
    );
}

#[test]
fn one_target_and_one_instance_belong_together() {
    let target = target(&[], "vllm.llm.svc");

    assert_eq!(find(&[named("x")], std::slice::from_ref(&target)), ["[0]"]);
    assert_eq!(
        find(&[named("x"), named("y")], std::slice::from_ref(&target)),
        ["Unmatched"]
    );
    assert_eq!(
        find(&[named("x")], &[target.clone(), target]),
        ["Unmatched", "Unmatched"]
    );
}

#[test]
fn a_target_that_has_an_instance_by_name_gets_none_by_address() {
    let targets = [target(&[("service_instance_id", "x")], "10.0.0.7"), target(&[], "b")];

    assert_eq!(
        find(&[from("x", "10.0.0.7"), from("y", "10.0.0.7")], &targets),
        ["[0]", "Unmatched"]
    );
}

#[test]
fn nothing_is_said_where_nobody_reads_spans() {
    let seat = EngineRequests::default().seat(target(&[], "a"));

    assert!(matches!(seat.instances(NOW), Instances::Unheard));
}

#[test]
fn a_target_that_is_no_longer_scraped_is_nobodys_rival() {
    let requests = EngineRequests::default();
    requests.feed();
    let instance = requests.instance(&from("x", "10.0.0.7"), NOW);
    let [stays, goes] = [(); 2].map(|()| requests.seat(target(&[], "10.0.0.7")));

    assert!(matches!(stays.instances(NOW), Instances::Ambiguous));
    drop(goes);
    assert!(matches!(stays.instances(NOW), Instances::Known(known) if Arc::ptr_eq(&known[0], &instance)));
}

#[test]
fn instances_without_an_id_are_told_apart_by_where_they_send_from() {
    let anonymous = |client: &str| SenderFacts {
        resource: b"service.name=vllm",
        instance_id: "",
        ..from("", client)
    };
    let targets = [target(&[], "10.0.0.7"), target(&[], "10.0.0.8")];

    assert_eq!(
        find(&[anonymous("10.0.0.8"), anonymous("10.0.0.7")], &targets),
        ["[1]", "[0]"]
    );
}

#[test]
fn a_silent_instance_is_forgotten_and_says_so_to_who_holds_it() {
    let requests = EngineRequests::default();
    requests.feed();
    let seat = requests.seat(target(&[], "10.0.0.7"));
    let former = requests.instance(&from("former", "10.0.0.7"), NOW);
    let later = NOW + SILENCE_MAX_NS + 1;
    let present = requests.instance(&from("present", "10.0.0.7"), later);

    assert!(matches!(seat.instances(NOW), Instances::Ambiguous));
    assert!(matches!(seat.instances(later), Instances::Known(known) if Arc::ptr_eq(&known[0], &present)));
    assert!(former.has_left() && !present.has_left());
}

#[test]
fn there_is_room_for_so_many_instances_and_the_idlest_makes_it() {
    let requests = EngineRequests::default();
    let ids: Vec<String> = (0..=INSTANCES_MAX).map(|number| format!("i-{number}")).collect();
    let instances: Vec<_> = (0..)
        .zip(&ids)
        .map(|(at, id)| requests.instance(&named(id), NOW + at))
        .collect();

    let left: Vec<bool> = instances.iter().map(|instance| instance.has_left()).collect();

    assert_eq!(requests.instances(), INSTANCES_MAX);
    assert_eq!((requests.take_crowded_out(), requests.take_crowded_out()), (1, 0));
    assert!(left[0] && left[1..].iter().all(|left| !left));
}

fn request(end: u64, first_token: u64) -> Request {
    let mut durations = [None; Role::ALL.len()];
    durations[Role::FirstToken as usize] = Some(first_token);
    Request {
        end,
        trace_id: TraceId([1; 16]),
        span_id: SpanId(end.to_be_bytes()),
        durations,
    }
}

#[test]
fn the_newest_request_of_each_length_is_kept_however_many_come_in_any_order() {
    let instance = EngineRequests::default().instance(&named("x"), NOW);
    for at in (0..1000).rev() {
        instance.saw(&request(NOW - at, 100_000_000), NOW);
        instance.saw(&request(NOW - 1000 + at, 100_000_000), NOW);
    }
    instance.saw(&request(NOW - 5000, 9 * S), NOW);

    let mut kept = Vec::new();
    instance.kept(Role::FirstToken, &mut kept);
    let mut ends: Vec<_> = kept.iter().map(|kept| (kept.duration, kept.end)).collect();
    ends.sort_unstable();

    assert_eq!(ends, [(100_000_000, NOW), (9 * S, NOW - 5000)]);
    assert_eq!(instance.requests(), 2001);
    instance.kept(Role::Queue, &mut kept);
    assert_eq!(kept.len(), 2, "nothing was said about the queue");
}

#[test]
fn a_request_of_the_future_or_without_a_trace_is_counted_and_gives_no_exemplar() {
    let instance = EngineRequests::default().instance(&named("x"), NOW);
    instance.saw(&request(NOW + 3600 * S, S), NOW);
    instance.saw(
        &Request {
            trace_id: TraceId::default(),
            ..request(NOW - 60 * S, S)
        },
        NOW,
    );

    let mut kept = Vec::new();
    instance.kept(Role::FirstToken, &mut kept);

    assert!(kept.is_empty());
    assert_eq!(instance.requests(), 2);
    assert_eq!(instance.spans(NOW - 120 * S, NOW + 7200 * S).at_least, 1);
}
