//! What a scraper is given of what it accepts, and how texts are written in it.

use net::codec::Encoding;

use super::otlp::*;
use super::*;
use crate::prometheus::negotiate::encoding;

fn content_type(accept: &str, has_open_metrics: bool) -> String {
    Format::accepted(accept, has_open_metrics).content_type()
}

#[test]
fn a_scraper_gets_the_best_format_that_it_accepts() {
    let classic = "text/plain; version=0.0.4; charset=utf-8";
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for (accept, has_open_metrics, expected) in [
        ("", true, classic.to_owned()),
        ("*/*", true, classic.to_owned()),
        ("text/html, image/png", true, classic.to_owned()),
        ("text/plain", true, classic.to_owned()),
        (UTF8, true, format!("{open}; escaping=allow-utf-8")),
        (
            UTF8,
            false,
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8".to_owned(),
        ),
        ("application/openmetrics-text", true, open.to_owned()),
        ("application/openmetrics-text", false, classic.to_owned()),
        (
            "application/openmetrics-text;version=0.0.1",
            true,
            open.replace("1.0.0", "0.0.1"),
        ),
        (
            "application/openmetrics-text;version=7.0.0,*/*;q=0.1",
            true,
            classic.to_owned(),
        ),
        (
            "text/plain;q=0.5,application/openmetrics-text; version=\"1.0.0\";q=0.9",
            true,
            open.to_owned(),
        ),
        (
            "text/plain;q=0.9,application/openmetrics-text;q=0.5",
            true,
            classic.to_owned(),
        ),
        ("application/openmetrics-text;q=0", true, classic.to_owned()),
        (
            "application/openmetrics-text;escaping=underscores",
            true,
            format!("{open}; escaping=underscores"),
        ),
        // What cannot be had is not claimed.
        (
            "application/openmetrics-text;escaping=dots",
            true,
            format!("{open}; escaping=underscores"),
        ),
    ] {
        assert_eq!(content_type(accept, has_open_metrics), expected, "{accept}");
    }
}

#[test]
fn a_page_is_compressed_as_the_scraper_likes_it_best() {
    for (accept, expected) in [
        ("", Encoding::Identity),
        ("gzip", Encoding::Gzip),
        ("gzip, deflate, br, zstd", Encoding::Zstd),
        ("gzip;q=1, zstd;q=0.5", Encoding::Gzip),
        ("zstd;q=0", Encoding::Identity),
        ("br", Encoding::Identity),
        ("*", Encoding::Identity),
    ] {
        assert_eq!(encoding(accept), expected, "{accept}");
    }
}

#[test]
fn descriptions_and_values_are_escaped_exactly() {
    let rig = Rig::quiet("enable_open_metrics: true");
    let mut metric = gauge("x", "", vec![point(&[("path", "C:\\new \"dir\"\nend")], 1, 1.0)]);
    metric.description = "a \\ and \"quotes\"\nand a line".to_owned();
    rig.take(&of_service(vec![metric])).unwrap();

    let line = "x{instance=\"pod-1\",job=\"vllm\",path=\"C:\\\\new \\\"dir\\\"\\nend\"} 1";
    for accept in [TEXT, OPEN] {
        assert_eq!(rig.samples(accept), [line]);
        assert_eq!(
            rig.read(accept).samples().next().unwrap().labels["path"],
            "C:\\new \"dir\"\nend"
        );
    }
    assert!(rig.page(TEXT).contains("# HELP x a \\\\ and \"quotes\"\\nand a line\n"));
    assert!(
        rig.page(OPEN)
            .contains("# HELP x a \\\\ and \\\"quotes\\\"\\nand a line\n")
    );
}

#[test]
fn utf8_names_are_quoted_for_those_who_allow_them_and_underscores_for_others() {
    let rig = Rig::quiet("enable_open_metrics: true\ntranslation_strategy: NoTranslation");
    rig.take(&of_service(vec![
        counter(
            "gpu.\"time\"_total",
            "",
            vec![point(&[("gpu.id", "0"), ("日", "x")], 1, 2.0)],
        ),
        gauge("2nd:x", "", vec![point(&[("9", "y")], 1, 3.0)]),
    ]))
    .unwrap();

    assert_eq!(
        rig.samples(UTF8),
        [
            "{\"2nd:x\",\"9\"=\"y\",instance=\"pod-1\",job=\"vllm\"} 3",
            "{\"gpu.\\\"time\\\"_total\",\"gpu.id\"=\"0\",instance=\"pod-1\",job=\"vllm\",\"日\"=\"x\"} 2",
            "{\"gpu.\\\"time\\\"_created\",\"gpu.id\"=\"0\",instance=\"pod-1\",job=\"vllm\",\"日\"=\"x\"} 1700000000.000",
        ]
    );
    assert!(rig.page(UTF8).contains("# TYPE \"gpu.\\\"time\\\"\" counter\n"));
    assert_eq!(
        rig.samples(TEXT),
        [
            "_nd:x{_=\"y\",instance=\"pod-1\",job=\"vllm\"} 3",
            "gpu__time__total{_=\"x\",gpu_id=\"0\",instance=\"pod-1\",job=\"vllm\"} 2",
        ]
    );
    assert_eq!(rig.counted("inferscope_prometheus_dropped_points", ""), 0);
}

#[test]
fn numbers_read_back_as_what_they_are() {
    let values = [
        0.0,
        -0.0,
        0.1,
        1e-7,
        -1.5e300,
        123_456_789.0,
        1e21,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let rig = Rig::quiet("enable_open_metrics: true");
    let points = values
        .iter()
        .enumerate()
        .map(|(at, value)| point(&[("at", &at.to_string())], 1, *value));
    let not_a_number = point(&[("at", "nan")], 1, f64::NAN);
    rig.take(&of_service(vec![gauge(
        "x",
        "",
        points.chain([not_a_number]).collect(),
    )]))
    .unwrap();

    for accept in [TEXT, OPEN] {
        for sample in rig.read(accept).samples() {
            match sample.labels["at"].parse::<usize>() {
                Ok(at) => assert_eq!(sample.value.to_bits(), values[at].to_bits()),
                Err(_) => assert!(sample.value.is_nan()),
            }
        }
    }
    assert!(rig.page(TEXT).contains("} 1e21\n"));
}
