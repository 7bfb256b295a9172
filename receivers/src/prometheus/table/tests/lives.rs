//! Series from scrape to scrape.

use super::super::super::rules::SeriesRules;
use super::super::past::PAST_SERIES_MAX;
use super::super::*;
use super::rig::*;
use crate::engines::profile::Dialect;
use crate::engines::tables;

#[test]
fn the_same_page_again_tells_the_same_and_learns_nothing() {
    let mut rig = Rig::new(target());
    rig.scrape(&capture("01-idle-before-first-request"));
    let first = rig.scrape(&capture("13-final"));
    let again = rig.scrape(&capture("13-final"));

    assert_eq!(rig.table.tally().added, 0);
    let names = |told: &Told| told.names().iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&again));
    assert_eq!(
        first.histogram("vllm:e2e_request_latency_seconds").bucket_counts,
        again.histogram("vllm:e2e_request_latency_seconds").bucket_counts
    );
    assert!(
        again.0.resource_metrics[0].scope_metrics[0]
            .metrics
            .iter()
            .all(|metric| metric.data.is_some())
    );
}

/// The last capture with this much more in every value but zeros and start times.
fn later(more: f64) -> String {
    let changed = capture("13-final");
    let lines = changed.lines().map(|line| match line.rsplit_once(' ') {
        Some((words, value)) if !line.starts_with('#') && !words.contains("_created") && value != "0.0" => {
            format!("{words} {:?}\n", value.parse::<f64>().unwrap() + more)
        }
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn of_a_page_with_the_lines_of_the_two_before_only_values_are_read() {
    let vllm = Dialect {
        profile: &tables::VLLM,
        canonical: true,
        aliases: [].into_iter().collect(),
        spans_within: std::time::Duration::from_secs(30),
    };
    for dialect in [None, Some(vllm)] {
        let rules = || SeriesRules { dialect, ..target() };
        let mut rig = Rig::new(rules());
        // The first brings its families, the second may mean something else by them, the third is like the second.
        for more in [0.0, 1.0, 2.0] {
            rig.scrape(&later(more));
            assert!(rig.table.pattern.is_none());
        }

        let told = rig.scrape(&later(3.0));
        let by_pattern = rig.table.pattern.is_some();
        let tally = rig.table.tally();
        let mut fresh = Rig::new(rules());
        fresh.now = rig.now - SECOND;
        let anew = fresh.scrape(&later(3.0));

        assert!(by_pattern);
        assert_eq!(told.0, anew.0);
        let expected = Tally {
            added: 0,
            ..fresh.table.tally()
        };
        assert_eq!(tally, expected);
    }
}

#[test]
fn a_page_that_breaks_its_pattern_is_read_as_any_other_and_the_pattern_comes_back() {
    let page = |last: &str| {
        format!("# TYPE h histogram\nh_bucket{{le=\"1\"}} 1\nh_bucket{{le=\"2\"}} 2\nh_count {last}\nh_sum 3\n")
    };
    let mut rig = Rig::new(target());
    (0..4).for_each(|_| drop(rig.scrape(&page("2"))));
    assert!(rig.table.pattern.is_some());

    let shrinks = rig.scrape(&page("1"));
    assert!(rig.table.pattern.is_none());
    assert_eq!(rig.untold.odd_buckets, 1);
    assert!(is_stale(shrinks.histogram("h").flags));

    (0..3).for_each(|_| drop(rig.scrape(&page("7"))));
    assert!(rig.table.pattern.is_some());
    assert_eq!(rig.scrape(&page("8")).histogram("h").count, 8);
}

#[test]
fn a_pattern_holds_no_more_samples_than_are_allowed() {
    let page = Bytes::from_static(b"# TYPE c gauge\na 1\nb 2\nc 3\n");
    let mut rules = target();
    let mut table = Table::new();
    for _ in 0..4 {
        table.read(&page, Format::Text, &rules).unwrap();
        table.tell(0);
    }
    assert!(table.pattern.is_some());

    rules.samples_max = 2;

    assert_eq!(table.read(&page, Format::Text, &rules), Err(Unusable::Samples(2)));
}

#[test]
fn a_series_that_vanishes_is_told_to_be_stale_once() {
    let mut rig = Rig::new(target());
    rig.scrape("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 2\n");

    let gone = rig.scrape("# TYPE a gauge\na{x=\"1\"} 1\n");
    let after = rig.scrape("# TYPE a gauge\na{x=\"1\"} 1\n");

    let points = gone.numbers("a");
    assert_eq!(points.len(), 2);
    assert!(!is_stale(points[0].flags) && is_stale(points[1].flags));
    assert_eq!((points[1].value, points[1].time_unix_nano), (None, rig.now - SECOND));
    assert_eq!(after.numbers("a").len(), 1);
}

#[test]
fn a_failed_scrape_ends_every_series_and_the_next_begins_them_again() {
    let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n# TYPE s summary\ns{quantile=\"0.5\"} 7\ns_count 1\ns_sum 7\na 1\n";
    let mut rig = Rig::new(target());
    rig.scrape(page);

    let failed = rig.fail();
    let again = rig.fail();
    let back = rig.scrape(page);

    let histogram = failed.histogram("h");
    assert!(is_stale(histogram.flags));
    assert_eq!(
        (&*histogram.explicit_bounds, &*histogram.bucket_counts, histogram.sum),
        (&[1.0][..], &[0, 0][..], None)
    );
    assert!(is_stale(failed.summary("s").flags) && failed.summary("s").quantile_values[0].quantile == 0.5);
    assert!(is_stale(failed.numbers("a")[0].flags));
    assert!(again.names().is_empty());
    assert_eq!(back.histogram("h").count, 2);
}

#[test]
fn a_page_with_a_wrong_line_ends_what_was_there_before() {
    let mut rig = Rig::new(target());
    rig.scrape("a 1\nb 2\n");

    let refused = rig
        .table
        .read(&Bytes::from_static(b"a 3\nnew 1\nb{ 4\n"), Format::Text, &rig.rules)
        .unwrap_err();
    let told = rig.fail();

    assert!(refused.to_string().starts_with("line 3: "), "{refused}");
    assert_eq!(told.names(), ["a", "b"]);
    assert!(
        told.metrics()
            .iter()
            .all(|metric| is_stale(told.numbers(&metric.name)[0].flags))
    );
}

#[test]
fn a_series_with_its_own_time_is_not_told_to_be_stale() {
    let mut rig = Rig::new(target());

    let told = rig.scrape("a 1 1500\nb 2\n");
    let gone = rig.scrape("c 1\n");

    assert_eq!(told.numbers("a")[0].time_unix_nano, 1_500_000_000);
    assert_eq!(gone.names(), ["b", "c"]);

    let mut deaf = Rig::new(SeriesRules {
        honor_timestamps: false,
        ..target()
    });
    let told = deaf.scrape("a 1 1500\n");
    assert_eq!(told.numbers("a")[0].time_unix_nano, deaf.now);
    assert!(is_stale(deaf.scrape("").numbers("a")[0].flags));
}

#[test]
fn of_two_samples_of_one_series_the_first_counts() {
    let mut rig = Rig::new(target());

    let told = rig.scrape("a{x=\"1\",y=\"2\"} 1\na{x=\"1\",y=\"2\"} 2\na{y=\"2\",x=\"1\"} 3\n");

    assert_eq!(only(told.numbers("a")), 1.0);
    assert_eq!(rig.table.tally().duplicates, 2);
}

#[test]
fn a_type_that_changes_does_not_end_the_series_at_its_next_value() {
    let mut rig = Rig::new(target());
    rig.scrape("# TYPE a gauge\na 1\n");

    let told = rig.scrape("# TYPE a counter\na 2\n");

    assert_eq!(only(told.numbers("a")), 2.0);
    assert_eq!(told.kind("a"), "counter");
}

#[test]
fn series_that_come_and_go_do_not_pile_up() {
    let mut rig = Rig::new(target());
    for scrape in 0..50 {
        let page: String = (0..100).map(|at| format!("a{{x=\"{scrape}-{at}\"}} 1\n")).collect();
        let told = rig.scrape(&page);
        let stale = told.numbers("a").iter().filter(|point| is_stale(point.flags)).count();
        assert_eq!(stale, if scrape == 0 { 0 } else { 100 }, "{scrape}");
    }

    assert!(
        rig.table.known.len() <= 2 * 100 + PAST_SERIES_MAX,
        "{}",
        rig.table.known.len()
    );
    let points = rig.table.shape.points();
    assert!(points <= 2 * 100 + PAST_SERIES_MAX, "{points}");
}

#[test]
fn a_page_of_broken_histograms_is_left_out_in_one_go() {
    const HISTOGRAMS: usize = 10_000;
    let mut page = "# TYPE h histogram\n# TYPE s summary\n".to_owned();
    for number in 0..HISTOGRAMS {
        page.push_str(&format!(
            "h_bucket{{x=\"{number}\",le=\"2\"}} 1\nh_bucket{{x=\"{number}\",le=\"1\"}} 2\n"
        ));
        page.push_str(&format!("h_count{{x=\"{number}\"}} 2\ns_sum{{x=\"{number}\"}} 1\n"));
    }
    page.push_str("a 1\n");
    let mut rig = Rig::new(target());

    let told = rig.scrape(&page);

    let expected = HISTOGRAMS as u64;
    assert_eq!((rig.untold.odd_buckets, rig.untold.without_count), (expected, expected));
    assert_eq!(told.names(), ["a"]);
}

#[test]
fn an_exemplar_without_a_time_is_told_once_even_where_its_page_is_read_twice() {
    let page = |help: &str, id: &str| {
        format!(
            "# TYPE a counter\na_total 1 # {{trace_id=\"{id}\"}} 1\n# HELP b {help}\n# TYPE b counter\nb_total 1\n# EOF\n"
        )
    };
    let mut rig = Rig::new(target());
    let mut exemplars = |help, id| {
        let told = rig.scrape_as(&page(help, id), Format::OpenMetrics);
        told.numbers("a_total")[0].exemplars.len()
    };

    let first = exemplars("old", "0123456789abcdef0123456789abcdef");
    let again = exemplars("old", "0123456789abcdef0123456789abcdef");
    // What stands behind the exemplar makes the page be read once more.
    let next = exemplars("new", "fedcba9876543210fedcba9876543210");

    assert_eq!((first, again, next), (1, 0, 1));
}

#[test]
fn a_page_in_another_format_is_not_read_as_the_one_before() {
    let mut rig = Rig::new(target());
    let page = "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n";
    (0..2).for_each(|_| drop(rig.scrape(page)));
    let open = rig.scrape_as(page, Format::OpenMetrics);
    assert_eq!(open.metric("a_seconds").unit, "s");

    let without_end = Bytes::from_static(b"# TYPE a gauge\na 1\n");
    let mut rig = Rig::new(target());
    (0..5).for_each(|_| drop(rig.scrape("# TYPE a gauge\na 1\n")));
    assert!(rig.table.pattern.is_some());
    rig.table
        .read(&without_end, Format::OpenMetrics, &rig.rules)
        .unwrap_err();
}
