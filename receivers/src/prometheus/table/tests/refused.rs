//! What becomes of series while batches are refused.

use super::super::super::rules::SeriesRules;
use super::super::past::PAST_SERIES_MAX;
use super::super::*;
use super::rig::*;
use crate::engines::profile::Dialect;
use crate::engines::tables;

#[test]
fn an_end_that_did_not_arrive_is_told_again_with_the_time_of_that() {
    let mut rig = Rig::new(target());
    rig.scrape("a{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n");
    rig.table.arrived();
    rig.scrape("b 3\n");
    rig.table.take_back();

    let again = rig.scrape("a{x=\"2\"} 2\nb 3\n");
    rig.table.arrived();
    let after = rig.scrape("a{x=\"2\"} 2\nb 3\n");

    let points = again.numbers("a");
    assert_eq!(points.len(), 2);
    assert!(is_stale(points[0].flags) && !is_stale(points[1].flags), "{points:?}");
    assert_eq!(points[0].time_unix_nano, rig.now - SECOND);
    assert_eq!(after.numbers("a").len(), 1);
}

#[test]
fn an_end_that_never_arrives_is_told_every_time_and_no_more_often() {
    let mut rig = Rig::new(target());
    rig.scrape("a 1\nb 2\n");
    rig.table.arrived();

    for _ in 0..3 {
        let told = rig.scrape("b 2\n");
        assert!(is_stale(told.numbers("a")[0].flags));
        assert_eq!(told.names(), ["a", "b"]);
        rig.table.take_back();
    }
    rig.scrape("b 2\n");
    rig.table.arrived();

    assert_eq!(rig.scrape("b 2\n").names(), ["b"]);
}

#[test]
fn the_end_of_a_target_that_did_not_arrive_is_told_again() {
    let mut rig = Rig::new(target());
    rig.scrape("a 1\nb 2\n");
    rig.table.arrived();
    assert_eq!(rig.fail().names(), ["a", "b"]);
    rig.table.take_back();
    assert_eq!(rig.fail().names(), ["a", "b"]);
    rig.table.take_back();

    let back = rig.scrape("b 2\n");
    rig.table.arrived();
    let after = rig.scrape("b 2\n");

    assert!(is_stale(back.numbers("a")[0].flags));
    assert!(!is_stale(back.numbers("b")[0].flags));
    assert_eq!(after.names(), ["b"]);
}

#[test]
fn a_series_that_goes_on_under_another_type_is_not_ended_again() {
    let mut rig = Rig::new(target());
    rig.scrape("# TYPE a gauge\na 1\nb 1\n");
    rig.table.arrived();
    rig.scrape("b 1\n");
    rig.table.take_back();

    let told = rig.scrape("# TYPE a counter\na 2\nb 1\n");

    let a = told.metrics().into_iter().filter(|metric| metric.name == "a");
    assert_eq!(a.count(), 1, "{:?}", told.names());
}

/// Pages of so many lines, each with other series than all before.
fn changing(lines: usize) -> impl FnMut() -> String {
    let mut turn = 0;
    move || {
        turn += 1;
        (0..lines).map(|line| format!("a{{x=\"{turn}-{line}\"}} 1\n")).collect()
    }
}

#[test]
fn what_was_learned_anew_still_knows_which_end_did_not_arrive() {
    let mut rig = Rig::new(target());
    let mut page = changing(700);
    for _ in 0..3 {
        rig.scrape(&page());
        rig.table.arrived();
    }
    rig.scrape(&page());
    // The ends of 700 series did not arrive, and what began instead never was there.
    rig.table.take_back();
    let known = rig.table.known.len();

    let again = rig.scrape("b 1\n");
    rig.table.arrived();
    let after = rig.scrape("b 1\n");

    assert_eq!(known, 700, "it has learned anew");
    assert_eq!(again.numbers("a").len(), 700);
    assert!(
        again
            .numbers("a")
            .iter()
            .all(|point| is_stale(point.flags) && text(&point.attributes, "x").is_some_and(|x| x.starts_with("3-")))
    );
    assert_eq!(after.names(), ["b"]);
}

#[test]
fn series_of_refused_batches_do_not_pile_up_and_are_not_ended() {
    let mut rig = Rig::new(target());
    let mut page = changing(700);
    rig.scrape(&page());
    rig.table.arrived();

    for scrape in 0..20 {
        let told = rig.scrape(&page());
        let stale = told.numbers("a").iter().filter(|point| is_stale(point.flags));
        assert_eq!(stale.count(), 700, "{scrape}");
        rig.table.take_back();
        let series = rig.table.series.len();
        assert!(series <= 3 * 700 + PAST_SERIES_MAX, "{scrape}: {series}");
    }
}

#[test]
fn series_of_pages_that_cannot_be_used_do_not_pile_up_while_batches_are_refused() {
    let mut rig = Rig::new(target());
    let mut page = changing(700);
    rig.scrape(&page());
    rig.table.arrived();

    for scrape in 0..20 {
        let wrong = Bytes::from(page() + "b{ 1\n");
        rig.table.read(&wrong, Format::Text, &rig.rules).unwrap_err();
        let told = rig.fail();
        assert_eq!(told.numbers("a").len(), 700, "{scrape}");
        rig.table.take_back();
        let series = rig.table.series.len();
        assert!(series <= 2 * 700, "{scrape}: {series}");
    }
    rig.fail();
    rig.table.arrived();

    assert!(rig.table.series.is_empty());
}

#[test]
fn a_type_that_changed_in_a_refused_batch_does_not_end_the_series_at_its_next_value() {
    let mut rig = Rig::new(target());
    rig.scrape("# TYPE a gauge\na 1\nb 1\n");
    rig.table.arrived();
    rig.scrape("# TYPE a counter\na 2\nb 1\n");
    rig.table.take_back();

    let goes_on = rig.scrape("# TYPE a counter\na 3\nb 1\n");
    rig.table.take_back();
    let gone = rig.scrape("b 1\n");

    assert_eq!(only(goes_on.numbers("a")), 3.0);
    assert!(is_stale(gone.numbers("a")[0].flags));
}

#[test]
fn a_series_that_comes_back_after_a_refused_end_is_told_in_the_words_of_all_engines_again() {
    let vllm = Dialect {
        profile: &tables::VLLM,
        canonical: true,
        aliases: [].into_iter().collect(),
        spans_within: std::time::Duration::from_secs(30),
    };
    let mut rig = Rig::new(SeriesRules {
        dialect: Some(vllm),
        ..target()
    });
    let page = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name=\"m\"} 1\n";
    let names = |told: Told| told.names().iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let first = names(rig.scrape(page));
    rig.table.arrived();

    let ends = names(rig.fail());
    rig.table.take_back();
    let back = rig.scrape(page);

    assert_eq!((first.len(), &ends), (2, &first));
    assert!(
        back.metrics()
            .iter()
            .all(|metric| !is_stale(back.numbers(&metric.name)[0].flags))
    );
    assert_eq!(names(back), first);
}

#[test]
fn a_page_read_by_its_pattern_counts_a_histogram_once_that_lost_a_bucket() {
    let page = |bucket: &str| format!("# TYPE h histogram\n{bucket}h_bucket{{le=\"2\"}} 2\nh_count 2\nh_sum 3\n");
    let mut rig = Rig::new(target());
    rig.scrape(&page("h_bucket{le=\"1\"} 1\n"));
    rig.table.arrived();

    for _ in 0..5 {
        // Of each it is checked that it has as many points as it says.
        rig.scrape(&page(""));
        rig.table.take_back();
    }

    assert!(rig.table.pattern.is_some());
}
