use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint};
use pipeline::payload::Payload;
use prost::Message;

use super::super::config::RelabelConfig;
use super::super::labels::Labels;
use super::super::relabel::rules;
use super::*;

/// The wall time of the first scrape, in nanoseconds.
const NOW: u64 = 1_795_316_006_871_000_000;
const SECOND: u64 = 1_000_000_000;

fn target() -> SeriesRules {
    SeriesRules {
        target: [("job", "vllm"), ("instance", "10.0.0.7:8000"), ("pod", "vllm-a-0")]
            .into_iter()
            .collect(),
        scheme: "http",
        honor_labels: false,
        honor_timestamps: true,
        track_timestamps: false,
        relabel: Arc::from([]),
        external: Arc::default(),
        samples_max: 0,
        labels_max: 0,
        name_bytes_max: 0,
        value_bytes_max: 0,
    }
}

/// A table with what it told last.
struct Rig {
    table: Table,
    rules: SeriesRules,
    now: u64,
    untold: Untold,
}

impl Rig {
    fn new(rules: SeriesRules) -> Self {
        Self {
            table: Table::new(),
            rules,
            now: NOW,
            untold: Untold::default(),
        }
    }

    fn scrape(&mut self, page: &str) -> Told {
        self.scrape_as(page, Format::Text)
    }

    fn scrape_as(&mut self, page: &str, format: Format) -> Told {
        self.table.read(page.as_bytes(), format, &self.rules).unwrap();
        let mut out = MetricsBuilder::new();
        self.now += SECOND;
        self.untold = self.table.emit(&mut out, self.now);
        self.table.forget_the_past(page.as_bytes(), format, &self.rules);
        Told::of(out)
    }

    fn fail(&mut self) -> Told {
        let mut out = MetricsBuilder::new();
        self.now += SECOND;
        self.table.end_all(&mut out, self.now);
        Told::of(out)
    }
}

/// What was told, read by an independent decoder.
struct Told(ExportMetricsServiceRequest);

impl Told {
    fn of(out: MetricsBuilder) -> Self {
        let Some(metrics) = out.build() else {
            return Self(ExportMetricsServiceRequest::default());
        };
        let payload = Payload::Metrics(metrics);
        Self(ExportMetricsServiceRequest::decode(payload.bytes().clone()).unwrap())
    }

    fn metrics(&self) -> Vec<&Metric> {
        let scopes = self
            .0
            .resource_metrics
            .iter()
            .flat_map(|resource| &resource.scope_metrics);
        scopes.flat_map(|scope| &scope.metrics).collect()
    }

    fn metric(&self, name: &str) -> &Metric {
        let found: Vec<_> = self
            .metrics()
            .into_iter()
            .filter(|metric| metric.name == name)
            .collect();
        assert_eq!(found.len(), 1, "{name} in {:?}", self.names());
        found[0]
    }

    fn names(&self) -> Vec<&str> {
        self.metrics().into_iter().map(|metric| metric.name.as_str()).collect()
    }

    fn numbers(&self, name: &str) -> &[NumberDataPoint] {
        match self.metric(name).data.as_ref().unwrap() {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => &sum.data_points,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn histogram(&self, name: &str) -> &HistogramDataPoint {
        match self.metric(name).data.as_ref().unwrap() {
            Data::Histogram(histogram) => &histogram.data_points[0],
            other => panic!("{name} is {other:?}"),
        }
    }

    fn summary(&self, name: &str) -> &SummaryDataPoint {
        match self.metric(name).data.as_ref().unwrap() {
            Data::Summary(summary) => &summary.data_points[0],
            other => panic!("{name} is {other:?}"),
        }
    }

    fn kind(&self, name: &str) -> String {
        text(&self.metric(name).metadata, "prometheus.type").unwrap()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text.clone()),
        other => panic!("{key} is {other:?}"),
    }
}

fn is_stale(flags: u32) -> bool {
    flags & 1 != 0
}

fn only(points: &[NumberDataPoint]) -> f64 {
    assert_eq!(points.len(), 1);
    match points[0].value {
        Some(Number::AsDouble(value)) => value,
        other => panic!("{other:?}"),
    }
}

fn capture(name: &str) -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/engines/vllm-0.32.0/metrics/"
    );
    std::fs::read_to_string(format!("{path}metrics-{name}.prom")).unwrap()
}

#[test]
fn a_target_is_a_resource_and_its_other_labels_stay_at_the_points() {
    let told = Rig::new(target()).scrape("# TYPE a gauge\n# HELP a what a is\na{x=\"y\"} 1\n");

    let resource = told.0.resource_metrics[0].resource.as_ref().unwrap();
    let said = |key| text(&resource.attributes, key).unwrap_or_default();
    assert_eq!(
        (said("service.name"), said("service.instance.id")),
        ("vllm".into(), "10.0.0.7:8000".into())
    );
    assert_eq!(
        (said("server.address"), said("server.port"), said("url.scheme")),
        ("10.0.0.7".into(), "8000".into(), "http".into())
    );
    let point = &told.numbers("a")[0];
    assert_eq!(text(&point.attributes, "pod").as_deref(), Some("vllm-a-0"));
    assert_eq!(text(&point.attributes, "x").as_deref(), Some("y"));
    assert_eq!(text(&point.attributes, "job"), None);
    assert_eq!(told.metric("a").description, "what a is");
    assert_eq!(point.time_unix_nano, NOW + SECOND);
}

#[test]
fn the_type_line_decides_and_no_suffix_does() {
    let page = "# TYPE vllm:iteration_tokens_total histogram\nvllm:iteration_tokens_total_bucket{le=\"1.0\"} 2\n\
        vllm:iteration_tokens_total_bucket{le=\"+Inf\"} 5\nvllm:iteration_tokens_total_sum 30\nvllm:iteration_tokens_total_count 5\n\
        # TYPE a_total gauge\na_total 1\nb_total 2\nc_bucket 3\n# TYPE d counter\nd 4\n";

    let told = Rig::new(target()).scrape(page);

    let point = told.histogram("vllm:iteration_tokens_total");
    assert_eq!(
        (point.count, point.sum, &*point.explicit_bounds, &*point.bucket_counts),
        (5, Some(30.0), &[1.0][..], &[2, 3][..])
    );
    assert!(matches!(told.metric("a_total").data, Some(Data::Gauge(_))));
    assert_eq!(
        (told.kind("a_total"), told.kind("b_total"), told.kind("c_bucket")),
        ("gauge".into(), "unknown".into(), "unknown".into())
    );
    let Some(Data::Sum(sum)) = &told.metric("d").data else {
        panic!()
    };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    assert_eq!(told.kind("d"), "counter");
}

#[test]
fn a_page_of_a_real_engine_becomes_its_families() {
    let page = capture("13-final");
    let mut rig = Rig::new(target());

    let told = rig.scrape(&page);

    assert_eq!(rig.untold, Untold::default());
    assert_eq!(rig.table.tally().duplicates + rig.table.tally().misplaced, 0);
    // Every family of the page is a metric of its kind, except `_created` gauges, which are start times.
    let mut families = 0;
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        if !name.ends_with("_created") && page.lines().any(|line| line.starts_with(name)) {
            assert_eq!(told.kind(name), kind, "{name}");
            families += 1;
        }
    }
    assert_eq!(told.names().len(), families);
    assert!(families > 50, "{families}");
    let e2e = told.histogram("vllm:e2e_request_latency_seconds");
    assert_eq!(e2e.count, e2e.bucket_counts.iter().sum::<u64>());
    assert!(page.contains(&format!(
        "vllm:e2e_request_latency_seconds_count{{engine=\"0\",model_name=\"tiny-llama\"}} {}.0",
        e2e.count
    )));
    assert!(e2e.start_time_unix_nano > NOW - 3600 * SECOND && e2e.start_time_unix_nano < NOW);
    assert!(told.numbers("vllm:prompt_tokens_total")[0].start_time_unix_nano > 0);
}

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
        .read(b"a 3\nnew 1\nb{ 4\n", Format::Text, &rig.rules)
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
fn a_page_label_that_the_target_has_is_kept_under_another_name_or_wins() {
    let page = "a{pod=\"other\",exported_pod=\"third\",job=\"own\"} 1\n";

    let told = Rig::new(target()).scrape(page);
    let honored = Rig::new(SeriesRules {
        honor_labels: true,
        ..target()
    })
    .scrape(page);

    let point = &told.numbers("a")[0];
    assert_eq!(text(&point.attributes, "pod").as_deref(), Some("vllm-a-0"));
    assert_eq!(
        text(&point.attributes, "exported_exported_pod").as_deref(),
        Some("other")
    );
    assert_eq!(text(&point.attributes, "exported_job").as_deref(), Some("own"));
    assert_eq!(
        text(&honored.numbers("a")[0].attributes, "pod").as_deref(),
        Some("other")
    );
    let resource = honored.0.resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(text(&resource.attributes, "service.name").as_deref(), Some("own"));
}

#[test]
fn metric_relabelling_drops_renames_and_changes_series() {
    let rule = |source: &str, regex: &str, target: &str, replacement: &str, action| RelabelConfig {
        source_labels: vec![source.to_owned()],
        regex: regex.to_owned(),
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
        action,
        ..RelabelConfig::default()
    };
    use super::super::config::Action;
    let relabel = rules(&[
        rule("__name__", "go_.*", "", "", Action::Drop),
        rule("__name__", "old(.*)", "__name__", "new$1", Action::Replace),
        rule("x", "(.+)", "y", "$1", Action::Replace),
    ]);
    let page = "go_goroutines 1\n# TYPE old histogram\nold_bucket{le=\"+Inf\"} 1\nold_count 1\nold_sum 1\n# TYPE old_c counter\nold_c{x=\"z\"} 2\n";
    let mut rig = Rig::new(SeriesRules {
        relabel: relabel.unwrap().into(),
        ..target()
    });

    let told = rig.scrape(page);

    assert_eq!(told.names(), ["new", "new_c"]);
    assert_eq!(told.histogram("new").count, 1);
    assert_eq!(told.kind("new_c"), "counter");
    assert_eq!(text(&told.numbers("new_c")[0].attributes, "y").as_deref(), Some("z"));
    assert_eq!((rig.table.tally().scraped, rig.table.tally().kept), (5, 4));
}

#[test]
fn limits_make_the_page_unusable_and_say_which() {
    let refused = |rules: SeriesRules, page: &str| {
        Table::new()
            .read(page.as_bytes(), Format::Text, &rules)
            .unwrap_err()
            .to_string()
    };

    assert!(
        refused(
            SeriesRules {
                samples_max: 1,
                ..target()
            },
            "a 1\nb 1\n"
        )
        .contains("sample_limit")
    );
    assert!(
        refused(
            SeriesRules {
                labels_max: 4,
                ..target()
            },
            "a{x=\"1\"} 1\n"
        )
        .contains("label_limit is 4")
    );
    assert!(
        refused(
            SeriesRules {
                name_bytes_max: 8,
                ..target()
            },
            "a{x23456789=\"1\"} 1\n"
        )
        .contains("label_name_length_limit")
    );
    assert!(
        refused(
            SeriesRules {
                value_bytes_max: 13,
                ..target()
            },
            "a{x=\"12345678901234\"} 1\n"
        )
        .contains("label_value_length_limit")
    );
    assert!(refused(target(), "a{x=\"1\",x=\"2\"} 1\n").contains("twice"));
}

#[test]
fn odd_histograms_are_left_out_and_counted() {
    let page = |counts: [&str; 3]| {
        let [one, two, all] = counts;
        format!("# TYPE h histogram\nh_bucket{{le=\"1\"}} {one}\nh_bucket{{le=\"2\"}} {two}\nh_count {all}\n")
    };
    for counts in [
        ["5", "3", "9"],
        ["-1", "3", "9"],
        ["NaN", "3", "9"],
        ["1", "3", "2"],
        ["1", "3", "NaN"],
        ["+Inf", "+Inf", "+Inf"],
    ] {
        let mut rig = Rig::new(target());
        assert!(rig.scrape(&page(counts)).names().is_empty(), "{counts:?}");
        assert_eq!(
            rig.untold,
            Untold {
                odd_buckets: 1,
                ..Untold::default()
            },
            "{counts:?}"
        );
    }

    let mut rig = Rig::new(target());
    assert!(
        rig.scrape("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# TYPE s summary\ns{quantile=\"0.5\"} 1\n")
            .names()
            .is_empty()
    );
    assert_eq!(
        rig.untold,
        Untold {
            without_count: 2,
            ..Untold::default()
        }
    );
    rig.scrape("# TYPE h histogram\nh_bucket 1\nh_bucket{le=\"x\"} 1\nh_count 1\n");
    assert_eq!(rig.table.tally().misplaced, 2);
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
fn open_metrics_has_start_times_exemplars_units_and_info() {
    let page = "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\na_seconds_bucket{le=\"1\"} 1 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\",span_id=\"b7ad6b7169203331\",user=\"u\"} 0.5 1.5\n\
        a_seconds_bucket{le=\"+Inf\"} 1\na_seconds_count 1\na_seconds_sum 0.5\na_seconds_created 1500.25\n\
        # TYPE c counter\nc_total 3\nc_created 1500.5\n# TYPE build info\nbuild_info{version=\"1\"} 1\n\
        # TYPE st stateset\nst{st=\"on\"} 1\nst{st=\"off\"} 0\n# TYPE g gaugehistogram\ng_bucket{le=\"+Inf\"} 1\ng_gcount 1\n# EOF\n";

    let told = Rig::new(target()).scrape_as(page, Format::OpenMetrics);

    let point = told.histogram("a_seconds");
    assert_eq!(
        (point.start_time_unix_nano, told.metric("a_seconds").unit.as_str()),
        (1_500_250_000_000, "s")
    );
    let exemplar = &point.exemplars[0];
    assert_eq!(
        (exemplar.trace_id[0], exemplar.span_id[0], exemplar.time_unix_nano),
        (0x0a, 0xb7, 1_500_000_000)
    );
    assert_eq!(text(&exemplar.filtered_attributes, "user").as_deref(), Some("u"));
    assert_eq!(told.numbers("c_total")[0].start_time_unix_nano, 1_500_500_000_000);
    for (name, kind) in [("build_info", "info"), ("st", "stateset")] {
        let Some(Data::Sum(sum)) = &told.metric(name).data else {
            panic!("{name}")
        };
        assert!(!sum.is_monotonic);
        assert_eq!(told.kind(name), kind);
    }
    assert_eq!(
        (told.kind("g_bucket"), told.kind("g_gcount")),
        ("gaugehistogram".into(), "gaugehistogram".into())
    );
    assert!(!told.names().iter().any(|name| name.ends_with("_created")));
}

#[test]
fn a_gauge_that_only_looks_like_a_start_time_is_kept() {
    let told = Rig::new(target()).scrape("# TYPE object_created gauge\nobject_created 5\n");

    assert_eq!(only(told.numbers("object_created")), 5.0);
}

#[test]
fn target_info_describes_the_resource() {
    let told = Rig::new(target()).scrape("# TYPE target_info gauge\ntarget_info{service_version=\"1.2\"} 1\na 1\n");

    let resource = told.0.resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(text(&resource.attributes, "service_version").as_deref(), Some("1.2"));
    assert_eq!(text(&resource.attributes, "pod"), None);
    assert_eq!(told.names(), ["a"]);
}

#[test]
fn external_labels_are_given_to_series_that_do_not_have_them() {
    let external: Labels = [("cluster", "eu"), ("pod", "x")].into_iter().collect();
    let told = Rig::new(SeriesRules {
        external: Arc::new(external),
        ..target()
    })
    .scrape("a 1\n");

    let point = &told.numbers("a")[0];
    assert_eq!(text(&point.attributes, "cluster").as_deref(), Some("eu"));
    assert_eq!(text(&point.attributes, "pod").as_deref(), Some("vllm-a-0"));
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
    let points: usize = rig
        .table
        .groups
        .iter()
        .flat_map(|group| &group.metrics)
        .map(|metric| metric.points.len())
        .sum();
    assert!(points <= 2 * 100 + PAST_SERIES_MAX, "{points}");
}

#[test]
fn a_value_that_is_no_number_is_the_ordinary_nan() {
    let told = Rig::new(target()).scrape("a NaN\n");

    assert_eq!(only(told.numbers("a")).to_bits(), 0x7ff8_0000_0000_0001);
}
