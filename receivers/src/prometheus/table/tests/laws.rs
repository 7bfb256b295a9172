//! What holds for every sequence of pages.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use pipeline::payload::{Limits, Metrics, Payload};
use proptest::prelude::*;

use super::super::*;
use super::rig::*;

/// What a target does at one turn.
#[derive(Debug, Clone)]
enum Turn {
    Fails,
    /// Type of each of three families, and their series.
    Shows([&'static str; 3], BTreeSet<(usize, u8)>),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let kind = prop::sample::select(vec!["", "gauge", "counter"]);
    let series = prop::collection::btree_set((0..3_usize, 0..4_u8), 0..8);
    let shows = ([kind.clone(), kind.clone(), kind], series).prop_map(|(kinds, series)| Turn::Shows(kinds, series));
    prop::collection::vec(prop_oneof![1 => Just(Turn::Fails), 5 => shows], 1..12)
}

fn page(kinds: &[&str; 3], series: &BTreeSet<(usize, u8)>) -> String {
    let mut page = String::new();
    for (at, kind) in kinds.iter().enumerate() {
        if !kind.is_empty() {
            page.push_str(&format!("# TYPE f{at} {kind}\n"));
        }
        for (family, label) in series.iter().filter(|(family, _)| *family == at) {
            page.push_str(&format!("f{family}{{l=\"{label}\"}} 1\n"));
        }
    }
    page
}

/// The series that were told with a value (true) or a marker, each at most once.
fn series(told: &Told) -> BTreeMap<(usize, u8), bool> {
    let mut series = BTreeMap::new();
    for metric in told.metrics() {
        let points = match metric.data.as_ref().unwrap() {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => &sum.data_points,
            other => panic!("{other:?}"),
        };
        for point in points {
            let label = text(&point.attributes, "l").unwrap().parse().unwrap();
            let family = metric.name.strip_prefix('f').unwrap().parse().unwrap();
            let before = series.insert((family, label), point.flags & 1 == 0);
            assert_eq!(before, None, "two points of one series at one time");
        }
    }
    series
}

proptest! {
    #[test]
    fn a_series_has_a_value_when_it_is_shown_and_one_marker_when_it_no_longer_is(turns in turns()) {
        let mut rig = Rig::new(target());
        let mut before = BTreeSet::new();

        for turn in turns {
            let (told, shown) = match &turn {
                Turn::Fails => (rig.fail(), BTreeSet::new()),
                Turn::Shows(kinds, shown) => (rig.scrape(&page(kinds, shown)), shown.clone()),
            };
            let mut expected: BTreeMap<_, _> = before.difference(&shown).map(|series| (*series, false)).collect();
            expected.extend(shown.iter().map(|series| (*series, true)));
            prop_assert_eq!(series(&told), expected);
            before = shown;
        }
    }

    #[test]
    fn what_is_told_of_any_page_is_sound_otlp(
        pages in prop::collection::vec("((# TYPE h (histogram|summary|counter|gauge)\n)|(h(_bucket|_count|_sum|_created|_total)?(\\{(le|quantile|x|job)=\"[0-9x.+]{0,3}\"\\})? [-+]?([0-9]{1,3}|NaN|Inf)( -?[0-9]{1,4})?\n)){0,12}", 1..4),
    ) {
        let mut rig = Rig::new(target());
        for page in pages {
            let scrape = match rig.table.read(&Bytes::from(page), Format::Text, &rig.rules) {
                Ok(()) => rig.table.tell(MILLISECONDS).0,
                Err(_) => rig.table.end_all(MILLISECONDS),
            };
            let Some(metrics) = Metrics::scraped([scrape]) else { continue };
            let points = Payload::Metrics(metrics.clone()).items();
            let parsed = Metrics::parse(metrics.bytes().clone(), &Limits::default()).unwrap();
            prop_assert_eq!(parsed.rejected.items, 0);
            prop_assert_eq!(Payload::Metrics(parsed.payload).items(), points);
        }
    }
}

/// What a page may say in one line; few words, so that pages have much in common.
fn line() -> impl Strategy<Value = String> {
    let comment = "# (TYPE|HELP) [ab] (gauge|counter|histogram)\n";
    let value = "[ab](_bucket\\{le=\"[12]\"\\}|_count|_sum|_created|\\{x=\"[12]\"\\})? [0-3](\\.0|\\.5)?( 15)?\n";
    prop_oneof![1 => comment.prop_map(String::from), 6 => value.prop_map(String::from), 1 => Just("\n".to_owned())]
}

/// Pages that follow each other as a target's do: some lines change, come or go, and between that only values do.
fn pages() -> impl Strategy<Value = Vec<Vec<String>>> {
    let values = prop::collection::vec(prop::sample::select(VALUES), 0..12);
    (
        changing_pages(),
        prop::collection::vec(prop::collection::vec(values, 0..5), 7),
    )
        .prop_map(|(pages, turns)| {
            let with = |page: &Vec<String>, values: &Vec<&str>| {
                let mut values = values.iter();
                page.iter().map(|line| with_value(line, &mut values)).collect()
            };
            let and_again = |(page, turns): (Vec<String>, &Vec<Vec<&str>>)| {
                let again: Vec<_> = turns.iter().map(|values| with(&page, values)).collect();
                [page].into_iter().chain(again).collect::<Vec<_>>()
            };
            pages.into_iter().zip(&turns).flat_map(and_again).collect()
        })
}

/// Most are plain numbers, which buckets often need to rise.
const VALUES: &[&str] = &[
    "0",
    "1",
    "2.0",
    "3",
    "3.0",
    "3.5",
    "12345678",
    "NaN",
    "+Inf",
    "-0",
    "-1",
    "1.7953160057559893e+09",
    "1e400",
    "x",
    "1 15",
];

/// The line with the next of the values, if it has one and there is one.
fn with_value<'v>(line: &str, values: &mut impl Iterator<Item = &'v &'v str>) -> String {
    match line.split_once(' ') {
        Some((words, _)) if !line.starts_with('#') => match values.next() {
            Some(value) => format!("{words} {value}\n"),
            None => line.to_owned(),
        },
        _ => line.to_owned(),
    }
}

fn changing_pages() -> impl Strategy<Value = Vec<Vec<String>>> {
    let change = (any::<prop::sample::Index>(), prop::option::of(line()), any::<bool>());
    let first = prop::collection::vec(line(), 0..12);
    (first, prop::collection::vec(prop::collection::vec(change, 0..3), 1..6)).prop_map(|(first, turns)| {
        let mut pages = vec![first];
        for changes in turns {
            let mut page = pages.last().cloned().unwrap_or_default();
            for (at, new, replaces) in changes {
                let at = if page.is_empty() { 0 } else { at.index(page.len()) };
                if replaces && !page.is_empty() {
                    page.remove(at);
                }
                if let Some(new) = new {
                    page.insert(at, new);
                }
            }
            pages.push(page);
        }
        pages
    })
}

proptest! {
    #[test]
    fn what_is_remembered_of_a_page_changes_nothing_in_the_next(pages in pages(), open_metrics: bool) {
        let format = if open_metrics { Format::OpenMetrics } else { Format::Text };
        let rules = target();
        let (mut quick, mut thorough) = (Table::new(), Table::new());

        for page in pages {
            let end = if open_metrics { "# EOF\n" } else { "" };
            let page = Bytes::from(page.concat() + end);
            thorough.last_page = last_page::LastPage::default();
            let read = [&mut quick, &mut thorough].map(|table| {
                let read = table.read(&page, format, &rules);
                let tally = table.tally();
                let scrape = match read {
                    Ok(()) => table.tell(MILLISECONDS).0,
                    Err(_) => table.end_all(MILLISECONDS),
                };
                let untold = table.page.untold;
                (read, tally, untold, Metrics::scraped([scrape]).map(|metrics| metrics.bytes().clone()))
            });
            let [quick, thorough] = read;
            prop_assert_eq!(quick, thorough, "{:?}", page);
        }
    }
}
