use std::time::Duration;

use super::harness::{MS, Node, S, T0, about, assert_close, number, request_of, sample};

#[test]
fn g_5_a_span_that_comes_in_time_says_the_same_as_one_that_comes_a_minute_late() {
    let mut node = Node::new(vec![about("GPU-1")], "attribution: {enabled: false}");
    let gpu = node.gpu("GPU-1");
    let request = request_of("", T0 + 2 * S, T0 + 9 * S + 930 * MS);

    sample(&gpu, T0, T0 + 9 * S + 900 * MS, 400, 1);
    let at_once = node.send(&request);
    let early = node.wait(Duration::from_millis(250));
    sample(&gpu, T0 + 10 * S, T0 + 11 * S, 400, 1);
    let in_time = node.wait(Duration::from_millis(250));
    sample(&gpu, T0 + 11 * S + 100 * MS, T0 + 70 * S, 300, 1);
    let late = node.send(&request);

    assert_eq!(
        at_once.keys().collect::<Vec<_>>(),
        ["other1", "prefill1"],
        "the others wait for a sample"
    );
    assert!(early.is_empty());
    assert_eq!(in_time.len(), 2);
    for (name, said) in in_time.iter().chain(
        [("prefill1".to_owned(), at_once["prefill1"].clone())]
            .iter()
            .map(|it| (&it.0, &it.1)),
    ) {
        assert_eq!(said, &late[name], "{name}");
    }
    assert_eq!(node.held(), 0);
}

#[test]
fn a_span_does_not_wait_for_samples_that_never_come() {
    let mut node = Node::new(vec![about("GPU-1")], "{attribution: {enabled: false}, sample_wait: 2s}");
    sample(&node.gpu("GPU-1"), T0, T0 + 4 * S, 400, 1);

    node.send(&request_of("", T0 + 2 * S, T0 + 6 * S));
    let before = node.wait(Duration::from_millis(1_900));
    let after = node.wait(Duration::from_millis(200));

    assert!(before.is_empty());
    assert_close(number(&after["request1"], "coverage"), 0.5);
}

#[test]
fn with_too_many_the_oldest_leaves_with_what_is_known() {
    let mut node = Node::new(vec![about("GPU-1")], "{attribution: {enabled: false}, spans_max: 2}");
    sample(&node.gpu("GPU-1"), T0, T0 + 4 * S, 400, 1);

    // All three end after the last sample.
    node.send(&request_of("", T0 + 3_900 * MS, T0 + 8 * S));
    let out = node.wait(Duration::ZERO);

    assert_eq!(out.keys().collect::<Vec<_>>(), ["request1"]);
    assert_eq!(node.held(), 2);
}

#[test]
fn at_the_end_nothing_is_kept() {
    let mut node = Node::new(vec![about("GPU-1")], "");
    sample(&node.gpu("GPU-1"), T0, T0 + 4 * S, 400, 1);
    node.send(&request_of("", T0 + 2 * S, T0 + 6 * S));

    let out = node.release(true);

    assert!(out.contains_key("request1"));
    assert_eq!(node.held(), 0);
}
