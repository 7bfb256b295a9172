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
            let mut out = MetricsBuilder::new();
            match rig.table.read(page.as_bytes(), Format::Text, &rig.rules) {
                Ok(()) => { rig.table.emit(&mut out, NOW); }
                Err(_) => rig.table.end_all(&mut out, NOW),
            }
            let Some(metrics) = out.build() else { continue };
            let points = Payload::Metrics(metrics.clone()).items();
            let parsed = Metrics::parse(metrics.bytes().clone(), &Limits::default()).unwrap();
            prop_assert_eq!(parsed.rejected.items, 0);
            prop_assert_eq!(Payload::Metrics(parsed.payload).items(), points);
        }
    }
}
