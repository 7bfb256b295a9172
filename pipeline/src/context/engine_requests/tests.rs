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

fn admit(requests: &EngineRequests, sender: &SenderFacts<'_>, now: u64) -> Arc<Instance> {
    requests.instance(sender, now).unwrap().instance
}

/// What targets find, each in a word.
fn find(senders: &[SenderFacts<'_>], targets: &[TargetFacts]) -> Vec<String> {
    let requests = EngineRequests::default();
    requests.feed();
    let instances: Vec<_> = senders.iter().map(|sender| admit(&requests, sender, NOW)).collect();
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
        admit(&requests, &from("x", client), NOW);
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
fn an_address_of_two_targets_says_nothing_even_if_one_of_them_has_its_instance_by_name() {
    let targets = [
        target(&[("service_instance_id", "x")], "10.0.0.7"),
        target(&[], "10.0.0.7"),
    ];

    assert_eq!(
        find(&[named("x"), from("y", "10.0.0.7")], &targets),
        ["[0]", "Ambiguous"]
    );
}

#[test]
fn an_address_from_which_an_instance_with_a_name_sends_as_well_says_nothing() {
    let targets = [
        target(&[("service_instance_id", "x")], "10.0.0.8"),
        target(&[], "10.0.0.7"),
    ];

    assert_eq!(
        find(&[from("x", "10.0.0.7"), from("y", "10.0.0.7")], &targets),
        ["[0]", "Ambiguous"]
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
    let instance = admit(&requests, &from("x", "10.0.0.7"), NOW);
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
    let former = admit(&requests, &from("former", "10.0.0.7"), NOW);
    let later = NOW + SILENCE_MAX_NS + 1;
    let present = admit(&requests, &from("present", "10.0.0.7"), later);

    assert!(matches!(seat.instances(NOW), Instances::Ambiguous));
    assert!(matches!(seat.instances(later), Instances::Known(known) if Arc::ptr_eq(&known[0], &present)));
    assert!(former.has_left() && !present.has_left());
}

/// So many instances as there is room for, which no target wants.
fn full(requests: &EngineRequests) -> Vec<Arc<Instance>> {
    let ids: Vec<String> = (0..INSTANCES_MAX).map(|number| format!("i-{number}")).collect();
    let at = |number: usize| NOW + number as u64;
    let instances = ids.iter().enumerate();
    instances
        .map(|(number, id)| admit(requests, &named(id), at(number)))
        .collect()
}

#[test]
fn there_is_room_for_so_many_instances_and_the_idlest_makes_it_for_one_that_a_target_wants() {
    let requests = EngineRequests::default();
    requests.feed();
    let seat = requests.seat(target(&[("service_instance_id", "own")], "10.0.0.7"));
    let others = full(&requests);

    let stranger = requests.instance(&named("stranger"), NOW);
    let own = requests.instance(&named("own"), NOW).unwrap();

    assert_eq!(stranger.unwrap_err(), NotAdmitted::Instances);
    assert!(own.has_crowded_out);
    assert_eq!(requests.board().instances.len(), INSTANCES_MAX);
    let left: Vec<bool> = others.iter().map(|instance| instance.has_left()).collect();
    assert!(left[0] && left[1..].iter().all(|left| !left));
    assert!(matches!(seat.instances(NOW), Instances::Known(known) if Arc::ptr_eq(&known[0], &own.instance)));
}

#[test]
fn where_targets_want_all_instances_nobody_makes_room_and_nobody_is_nobody_for_certain() {
    let requests = EngineRequests::default();
    requests.feed();
    let pod = |uid| Pod { uid, ..Pod::default() };
    let _wants_all = requests.seat(target(&[("pod_uid", "u-1")], "10.0.0.7"));
    let seat = requests.seat(target(&[("pod_uid", "u-2")], "10.0.0.8"));
    let ids: Vec<String> = (0..INSTANCES_MAX).map(|number| format!("i-{number}")).collect();
    let others: Vec<_> = ids
        .iter()
        .map(|id| admit(&requests, &in_pod(id, pod("u-1")), NOW))
        .collect();
    assert!(matches!(seat.instances(NOW), Instances::Nobody));

    let own = requests.instance(&in_pod("own", pod("u-2")), NOW);

    assert_eq!(own.unwrap_err(), NotAdmitted::Instances);
    assert!(others.iter().all(|instance| !instance.has_left()));
    assert!(matches!(seat.instances(NOW), Instances::Unmatched));
    // The others have been silent for so long by then.
    let later = NOW + SILENCE_MAX_NS + 1;
    assert!(matches!(seat.instances(later), Instances::Nobody));
    admit(&requests, &in_pod("own", pod("u-2")), later);
    assert!(matches!(seat.instances(later), Instances::Known(_)));
}

#[test]
fn an_instance_with_a_resource_that_is_too_long_is_not_remembered() {
    let requests = EngineRequests::default();
    let long = vec![b'x'; RESOURCE_BYTES_MAX + 1];
    let sender = |resource| SenderFacts {
        resource,
        ..SenderFacts::default()
    };

    let refused = requests.instance(&sender(&long), NOW);

    assert_eq!(refused.unwrap_err(), NotAdmitted::ResourceSize);
    assert_eq!(requests.board().instances.len(), 0);
    admit(&requests, &sender(&long[1..]), NOW);
}

#[test]
fn somebody_listens_for_as_long_as_a_target_is_scraped() {
    let requests = EngineRequests::default();
    let before = requests.has_listeners();
    let seats = [(); 2].map(|()| requests.seat(target(&[], "a")));
    let during = requests.has_listeners();
    drop(seats);

    assert_eq!((before, during, requests.has_listeners()), (false, true, false));
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
    let instance = admit(&EngineRequests::default(), &named("x"), NOW);
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
fn a_request_of_the_future_ends_now_and_like_one_without_a_trace_gives_no_exemplar() {
    let instance = admit(&EngineRequests::default(), &named("x"), NOW);
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
    assert_eq!(instance.spans(NOW - 120 * S, NOW + 7200 * S).at_least, 2);
    assert_eq!(instance.spans(NOW - 4 * S, NOW + 4 * S).at_least, 1);
}
