//! From one page to OTLP.

use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use pipeline::payload::{Metrics, Payload};

use super::super::super::config::{Action, RelabelConfig};
use super::super::super::labels::Labels;
use super::super::super::relabel::rules;
use super::super::super::rules::SeriesRules;
use super::super::*;
use super::rig::*;

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
            .read(&Bytes::copy_from_slice(page.as_bytes()), Format::Text, &rules)
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
fn the_resource_says_once_which_pod_discovery_has_found_whatever_the_page_says() {
    let found: Labels = [("k8s.pod.uid", "u-1"), ("k8s.pod.name", "vllm-0")]
        .into_iter()
        .collect();
    let rules = SeriesRules {
        resource: found,
        ..target()
    };
    let told = Rig::new(rules).scrape("# TYPE target_info gauge\ntarget_info{\"k8s.pod.uid\"=\"mine\"} 1\na 1\n");

    let resource = told.0.resource_metrics[0].resource.as_ref().unwrap();
    let said = |key: &str| {
        let values = resource.attributes.iter().filter(|it| it.key == key);
        values.count()
    };
    assert_eq!((said("k8s.pod.uid"), said("k8s.pod.name")), (1, 1));
    assert_eq!(text(&resource.attributes, "k8s.pod.uid").as_deref(), Some("u-1"));
    let point = &told.numbers("a")[0];
    assert_eq!(
        text(&point.attributes, "k8s.pod.uid"),
        None,
        "no label of Prometheus' own"
    );
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
fn a_value_that_is_no_number_is_the_ordinary_nan() {
    let told = Rig::new(target()).scrape("a NaN\n");

    assert_eq!(only(told.numbers("a")).to_bits(), 0x7ff8_0000_0000_0001);
}

#[test]
fn the_memory_of_a_scrape_covers_both_of_its_forms() {
    let mut rig = Rig::new(target());
    let page = Bytes::from(capture("13-final"));
    rig.table.read(&page, Format::Text, &rig.rules).unwrap();
    let (scrape, _) = rig.table.tell(MILLISECONDS);
    let samples = size_of_val(&*scrape.samples);
    let payload = Payload::Metrics(Metrics::scraped([scrape]).unwrap());

    let memory = payload.memory();

    // The size of the OTLP is an estimate until it is made.
    let otlp = payload.bytes().len();
    assert!(
        memory + otlp / 10 >= otlp + samples,
        "{memory} for {otlp} and {samples}"
    );
    assert_eq!(memory, payload.memory(), "known before anybody asks for the bytes");
}
