//! A page that the program scrapes and writes is the same series, with the same values and types, as when Prometheus
//! scrapes that page itself.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::api::Labels;
use super::server::Version;
use super::target::Page;
use super::ways::{DIRECT, Exception, Of, WAYS, Ways};

/// What was captured of one vLLM, in order, and the first page once more: then series vanish.
const VLLM_PAGES: [&str; 4] = [
    "metrics-01-idle-before-first-request.prom",
    "metrics-02-after-sequential.prom",
    "metrics-13-final.prom",
    "metrics-01-idle-before-first-request.prom",
];

const DURATION: Exception = Exception {
    why: "two scrapes take different times",
    apply: |labels, value| {
        let is_duration = labels["__name__"] == "scrape_duration_seconds";
        Some((labels, if is_duration { String::new() } else { value }))
    },
};

const OF_TARGETS: Exception = Exception {
    why: "Prometheus writes type and unit labels while it reads a page, and up and scrape_* stand on none",
    apply: |labels, value| {
        let is_of_target = labels["__name__"] == "up" || labels["__name__"].starts_with("scrape_");
        let labels = if is_of_target { untyped(labels) } else { labels };
        Some((labels, value))
    },
};

const NO_TYPES: Exception = Exception {
    why: "remote write 1.0 has no types",
    apply: |labels, value| Some((untyped(labels), value)),
};

fn untyped(mut labels: Labels) -> Labels {
    labels.remove("__type__");
    labels.remove("__unit__");
    labels
}

/// Known mistakes. Each is taken out of here when it is mended; the tests fail when it is not.
mod known {
    use std::collections::BTreeSet;

    use super::Exception;

    pub(super) const BOUNDS: Exception = Exception {
        why: "bounds are written as 1, not as 1.0",
        apply: |mut labels, value| {
            for bound in ["le", "quantile"] {
                if let Some(text) = labels.get_mut(bound) {
                    *text = text.parse::<f64>().map_or(text.clone(), |bound| format!("{bound:?}"));
                }
            }
            Some((labels, value))
        },
    };

    pub(super) const CREATED: Exception = Exception {
        why: "series _created become start times",
        apply: |labels, value| (!labels["__name__"].ends_with("_created")).then_some((labels, value)),
    };

    pub(super) const TARGET_INFO: Exception = Exception {
        why: "target_info is made from address and scheme",
        apply: |labels, value| (labels["__name__"] != "target_info").then_some((labels, value)),
    };

    pub(super) const UNITS: Exception = Exception {
        why: "units are written in UCUM",
        apply: |mut labels, value| {
            labels.remove("__unit__");
            Some((labels, value))
        },
    };

    pub(super) const GAUGE_HISTOGRAMS: Exception = Exception {
        why: "gauge histograms are gauges",
        apply: |mut labels, value| {
            if labels["__name__"].starts_with("queue_size") {
                labels.remove("__type__");
            }
            Some((labels, value))
        },
    };

    pub(super) const UNDERSCORES: Exception = Exception {
        why: "underscores at the ends of names and next to others are lost",
        apply: |mut labels, value| {
            let words = labels["__name__"].split('_').filter(|word| !word.is_empty());
            let name = words.collect::<Vec<_>>().join("_");
            labels.insert("__name__".to_owned(), name);
            Some((labels, value))
        },
    };

    pub(super) const TOTAL: Exception = Exception {
        why: "a counter without _total gets it",
        apply: |mut labels, value| {
            if labels["__name__"] == "bare" {
                labels.insert("__name__".to_owned(), "bare_total".to_owned());
            }
            Some((labels, value))
        },
    };

    pub(super) const HISTOGRAMS: Exception = Exception {
        why: "histograms are made whole or left out",
        apply: |labels, value| (!labels["__name__"].starts_with("odd_histogram")).then_some((labels, value)),
    };

    pub(super) const SUMMARIES: Exception = Exception {
        why: "summaries without a count are left out",
        apply: |labels, value| (labels["__name__"] != "odd_summary").then_some((labels, value)),
    };

    pub(super) const REPEATED: Exception = Exception {
        why: "an exemplar without a time is told again with every scrape",
        apply: |labels, text| {
            let lines: BTreeSet<&str> = text.lines().collect();
            Some((labels, lines.into_iter().collect::<Vec<_>>().join("\n")))
        },
    };

    pub(super) const LINGERING: Exception = Exception {
        why: "a stale marker of a family that is gone lacks the unit, so with units as labels it is for another series",
        apply: |labels, value| {
            let families = ["llm_latency_", "rpc_", "cache_", "memory_", "power_"];
            let has_unit = families.iter().any(|family| labels["__name__"].starts_with(family));
            (!has_unit).then_some((labels, value))
        },
    };

    pub(super) const PARTS: Exception = Exception {
        why: "a part of a point that goes on has no stale marker of its own",
        apply: |labels, value| {
            let part = (labels.get("le"), labels.get("quantile"));
            let is_gone = part.0.is_some_and(|le| le == "2.5") || part.1.is_some_and(|quantile| quantile == "0.9");
            (!is_gone && labels["__name__"] != "h_sum").then_some((labels, value))
        },
    };

    pub(super) const UTF8: Exception = Exception {
        why: "names in UTF-8 are escaped",
        apply: |labels, value| (!labels["__name__"].starts_with("utf8")).then_some((labels, value)),
    };
}

/// Asserts that every exception is there for something.
fn all_needed(exceptions: &[Exception], needed: &BTreeSet<&'static str>) {
    let all = exceptions.iter().map(|exception| exception.why);
    let idle: Vec<&str> = all.filter(|why| !needed.contains(why)).collect();
    assert!(idle.is_empty(), "no longer true, take it out of the list: {idle:?}");
}

/// The exceptions of a way: what is known of the program, and what cannot be otherwise.
fn exceptions(version: Version, way: &str, known: &[Exception], always: &[Exception]) -> Vec<Exception> {
    let mut exceptions = [known, always].concat();
    if (version, way) == (Version::V3, "v1") {
        // Where there are no types and units, they cannot be wrong.
        let about_types = [known::UNITS.why, known::GAUGE_HISTOGRAMS.why, OF_TARGETS.why];
        exceptions.retain(|exception| !about_types.contains(&exception.why));
        exceptions.push(NO_TYPES);
    }
    if version == Version::V2 {
        exceptions.retain(|exception| exception.why != OF_TARGETS.why);
    }
    exceptions
}

/// Shows the pages one after another and compares each.
async fn same_by_each_way(version: Version, pages: Vec<Page>, known: &[Exception]) {
    let mut pages = pages.into_iter();
    let mut ways = Ways::open(version, pages.next().unwrap()).await;
    let exceptions = WAYS.map(|way| exceptions(version, way, known, &[DURATION, OF_TARGETS]));
    let mut needed = [BTreeSet::new(), BTreeSet::new()];
    loop {
        ways.arrive().await;
        for (at, way) in WAYS.into_iter().enumerate() {
            needed[at].extend(ways.agree(Of::Values, way, &exceptions[at]).await);
        }
        let Some(page) = pages.next() else { break };
        ways.target.show(page);
    }
    for (exceptions, needed) in exceptions.iter().zip(&needed) {
        all_needed(exceptions, needed);
    }
    ways.program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_vllm_are_the_same_series_scraped_and_written() {
    let pages = VLLM_PAGES.map(Page::of_vllm).to_vec();
    same_by_each_way(Version::V3, pages, &[known::BOUNDS, known::CREATED, known::TARGET_INFO]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_an_old_prometheus_gets_the_same_series_by_either_way() {
    let pages = VLLM_PAGES.map(Page::of_vllm).to_vec();
    same_by_each_way(Version::V2, pages, &[known::BOUNDS, known::CREATED, known::TARGET_INFO]).await;
}

/// A page with everything that OpenMetrics has, as old as now.
fn open_metrics(milliseconds_ago: u128) -> Page {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() - milliseconds_ago;
    let seconds = format!("{}.{:03}", now / 1000, now % 1000);
    Page::open_metrics(include_str!("pages/everything.openmetrics").replace("NOW", &seconds))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_openmetrics_is_the_same_series_scraped_and_written() {
    let known = [
        known::BOUNDS,
        known::CREATED,
        known::TARGET_INFO,
        known::UNITS,
        known::GAUGE_HISTOGRAMS,
        known::UNDERSCORES,
    ];
    same_by_each_way(Version::V3, vec![open_metrics(0)], &known).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_page_is_the_same_series_scraped_and_written() {
    let known = [
        known::BOUNDS,
        known::TARGET_INFO,
        known::TOTAL,
        known::HISTOGRAMS,
        known::SUMMARIES,
        known::UTF8,
    ];
    let page = Page::text(include_str!("pages/odd.txt"));
    same_by_each_way(Version::V3, vec![page], &known).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_and_times_of_their_own_are_the_same_scraped_and_written() {
    let mut ways = Ways::open(Version::V3, open_metrics(2000)).await;
    ways.arrive().await;
    ways.target.show(open_metrics(0));
    ways.arrive().await;

    for way in WAYS {
        let known = [known::BOUNDS, known::UNITS, known::REPEATED];
        let exceptions = exceptions(Version::V3, way, &known, &[]);
        let needed = ways.agree(Of::Exemplars, way, &exceptions).await;
        all_needed(&exceptions, &needed);
        let behind = format!(
            "timestamp(stamped{{job=\"{DIRECT}\"}}) - ignoring(job, __type__) timestamp(stamped{{job={way:?}}})"
        );
        assert_eq!(ways.prometheus.number(&behind).await, Some(0.0));
    }
    ways.program.stop().await;
}

/// Shows one page, then another that lacks some of its series.
async fn end_when_they_vanish(first: Page, second: &'static str, known: &[Exception]) {
    let mut ways = Ways::open(Version::V3, first).await;
    ways.arrive().await;
    ways.target.show(Page::text(second));
    ways.arrive().await;

    let exceptions = [known, &[DURATION, OF_TARGETS, known::TARGET_INFO]].concat();
    let needed = ways.agree(Of::Values, "v2", &exceptions).await;

    all_needed(&exceptions, &needed);
    ways.program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn series_with_units_end_when_their_family_vanishes() {
    end_when_they_vanish(open_metrics(0), "something_else 1\n", &[known::LINGERING]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_quantiles_and_sums_end_when_they_vanish_alone() {
    let first = Page::text(
        "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"2.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n\
         # TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.9\"} 2\ns_sum 3\ns_count 2\n",
    );
    let second = "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\n\
                  # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\ns_count 2\n";

    end_when_they_vanish(first, second, &[known::PARTS]).await;
}
