use std::fmt::Write as _;

use proptest::prelude::*;

use super::labels::LabelPairs;
use super::*;

fn lines(page: &str, format: Format) -> Vec<Line<'_>> {
    Page::new(page.as_bytes(), format).map(Result::unwrap).collect()
}

/// The only sample of a page, with its labels as text.
fn sample(page: &str, format: Format) -> (String, Vec<(String, String)>, f64, Option<i64>) {
    let mut samples = lines(page, format).into_iter().filter_map(|line| match line {
        Line::Sample(sample) => Some(sample),
        _ => None,
    });
    let sample = samples.next().unwrap();
    assert!(samples.next().is_none());
    let (name, labels) = sample.series.labels().unwrap();
    let labels = labels.into_iter().map(|(key, value)| (key.into(), value.into()));
    (name.into(), labels.collect(), sample.value, sample.timestamp)
}

/// Why a page cannot be used: from the walk, or from the labels that a reader asks for.
fn problem(page: &[u8], format: Format) -> String {
    let mut walk = Page::new(page, format);
    while let Some(line) = walk.next() {
        let found = match line {
            Err(error) => return error.to_string(),
            Ok(Line::Sample(sample)) => sample.series.labels().err(),
            Ok(_) => None,
        };
        if let Some(why) = found {
            return walk.error(why).to_string();
        }
    }
    panic!("{} was accepted", String::from_utf8_lossy(page));
}

#[test]
fn a_sample_has_a_name_labels_a_value_and_perhaps_a_time() {
    let (name, labels, value, at) = sample(
        "vllm:e2e{model=\"a b\",path=\"C:\\\\x\\n\\\"y\\\"\",} 1.5e3 -7\n",
        Format::Text,
    );

    assert_eq!(name, "vllm:e2e");
    assert_eq!(labels[0], ("model".into(), "a b".into()));
    assert_eq!(labels[1], ("path".into(), "C:\\x\n\"y\"".into()));
    assert_eq!((value, at), (1500.0, Some(-7)));
}

#[test]
fn spaces_and_tabs_stand_where_prometheus_allows_them() {
    let table = [
        "a 1",
        "  a\t1",
        "a{} 1",
        "a { } 1",
        "a{}1",
        "a{ b = \"}\" , c=\"{\\\"\" } 1",
        "a 1 5",
        "a 1 ",
        "{\"a\"} 1",
        "{\"a\",b=\"c\"} 1",
    ];

    for page in table {
        assert_eq!(sample(page, Format::Text).2, 1.0, "{page}");
    }
}

#[test]
fn names_beyond_the_old_alphabet_stand_in_quotes() {
    let (name, labels, ..) = sample("{\"my.métrique\",\"a.b\"=\"c\"} 1\n", Format::Text);

    assert_eq!(name, "my.métrique");
    assert_eq!(labels, [("a.b".to_owned(), "c".to_owned())]);
}

#[test]
fn values_are_go_numbers() {
    let value = |text: &str| sample(&format!("a {text}\n"), Format::Text).2;
    let table = [
        ("+Inf", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E3", 1000.0),
    ];

    for (text, expected) in table {
        assert_eq!(value(text), expected, "{text}");
    }
    assert_eq!(value("NaN").to_bits(), 0x7ff8_0000_0000_0001);
    for text in ["0x1p3", "1_000", "1e999", "+NaN", "one", "1\r", ""] {
        assert!(
            problem(format!("a {text}\n").as_bytes(), Format::Text).contains("not a number"),
            "{text:?}"
        );
    }
}

#[test]
fn a_bad_line_is_told_with_its_number_and_its_beginning() {
    let table: [(&[u8], &str); 20] = [
        (b"a 1\nb\n", "line 2: there is no value: b"),
        (b"a{b=\"c} 1\n", "line 1: the braces are not closed: a{b=\"c} 1"),
        (b"a{b=c} 1\n", "a label value is not quoted"),
        (b"a{b} 1\n", "a label has no value"),
        (b"a{=\"c\"} 1\n", "a label name has a character"),
        (b"a{1b=\"c\"} 1\n", "begins with a digit"),
        (b"a{b=\"c\"d=\"e\"} 1\n", "no comma"),
        (b"a{,} 1\n", "a label name has a character"),
        (b"a{\"b\",\"c\"} 1\n", "a label has no value"),
        (b"a{\"b\"} 1\n", "two names"),
        (b"{b=\"c\"} 1\n", "the metric has no name"),
        (b"1a 1\n", "begins with a digit"),
        (b"a.b 1\n", "needs quotes"),
        (b"a{b=\"\xff\"} 1\n", "not UTF-8"),
        (b"# HELP a \xff\n", "not UTF-8"),
        (b"# TYPE a histogramm\n", "the type is not known"),
        (b"# TYPE a info\n", "the type is not known"),
        (b"a 1 1.5\n", "the timestamp is not a number"),
        (b"a 1 2 3\n", "more behind the value"),
        (b"a 1 # {b=\"c\"} 1\n", "more behind the value"),
    ];

    for (page, expected) in table {
        let told = problem(page, Format::Text);
        assert!(told.contains(expected), "{}: {told}", String::from_utf8_lossy(page));
    }
}

#[test]
fn comments_say_help_and_type_and_others_say_nothing() {
    let page = "# a comment\n#\n#HELP a tight\n# HELP a two\\nlines \\\"\n# TYPE a untyped\n# UNIT a seconds\n\na 1";

    let read = lines(page, Format::Text);

    let help = |text: &'static str| Line::Help {
        family: "a".into(),
        text: text.into(),
    };
    assert_eq!(read[0], help("tight"));
    assert_eq!(read[1], help("two\nlines \\\""));
    assert_eq!(
        read[2],
        Line::Type {
            family: "a".into(),
            kind: Kind::Unknown
        }
    );
    assert!(matches!(read[3], Line::Sample(_)));
    assert_eq!(read.len(), 4);
}

#[test]
fn open_metrics_has_seconds_units_exemplars_and_an_end() {
    let page = "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds \\\"quoted\\\"\n\
        a_seconds_bucket{le=\"+Inf\"} 1 1.5 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\"} 0.2 1.25\n# EOF\n";

    let read = lines(page, Format::OpenMetrics);

    assert_eq!(
        read[1],
        Line::Unit {
            family: "a_seconds".into(),
            unit: "seconds".into()
        }
    );
    assert_eq!(
        read[2],
        Line::Help {
            family: "a_seconds".into(),
            text: "\"quoted\"".into()
        }
    );
    let Line::Sample(sample) = &read[3] else {
        panic!("{:?}", read[3])
    };
    assert_eq!(sample.timestamp, Some(1_500));
    let exemplar = sample.exemplar.as_ref().unwrap();
    assert_eq!((exemplar.value, exemplar.timestamp), (0.2, Some(1_250)));
    assert_eq!(exemplar.labels().unwrap()[0].0, "trace_id");
}

#[test]
fn open_metrics_is_refused_where_prometheus_refuses_it() {
    let table: [(&[u8], &str); 7] = [
        (b"a 1\n", "does not end with # EOF"),
        (b"", "does not end with # EOF"),
        (b"# EOF\na 1\n", "more behind # EOF"),
        (b"\n# EOF\n", "an empty line"),
        (b"# TYPE a untyped\n# EOF\n", "the type is not known"),
        (b"# UNIT a_bytes seconds\n# EOF\n", "does not end with the unit"),
        (b"a 1 NaN\n# EOF\n", "the timestamp is not a number"),
    ];

    for (page, expected) in table {
        let told = problem(page, Format::OpenMetrics);
        assert!(told.contains(expected), "{}: {told}", String::from_utf8_lossy(page));
    }
}

#[test]
fn a_line_of_ten_megabytes_is_refused() {
    let page = format!("a{{b=\"{}\"}} 1\n", "x".repeat(10 * 1024 * 1024));

    assert!(problem(page.as_bytes(), Format::Text).contains("longer than a mebibyte"));
}

#[test]
fn the_format_is_what_the_content_type_says() {
    assert_eq!(
        Format::of("text/plain; version=1.0.0; charset=utf-8"),
        Some(Format::Text)
    );
    assert_eq!(Format::of("text/plain;version=0.0.4"), Some(Format::Text));
    assert_eq!(
        Format::of("application/openmetrics-text; version=1.0.0"),
        Some(Format::OpenMetrics)
    );
    assert_eq!(Format::of("application/vnd.google.protobuf"), None);
    assert_eq!(Format::of(""), None);
}

#[test]
fn the_pages_of_a_real_engine_are_read_to_the_end() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/engines/vllm-0.32.0/metrics"
    );
    let mut pages = 0;

    for entry in std::fs::read_dir(folder).unwrap() {
        let page = std::fs::read(entry.unwrap().path()).unwrap();
        let written = page
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty() && line[0] != b'#')
            .count();
        let mut samples = 0;
        for line in Page::new(&page, Format::Text) {
            if let Line::Sample(sample) = line.unwrap() {
                sample.series.labels().unwrap();
                samples += 1;
            }
        }
        assert_eq!(samples, written);
        assert!(samples >= 500, "{samples}");
        pages += 1;
    }
    assert_eq!(pages, 5);
}

/// A family as it is made up.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    help: String,
    samples: Vec<(Vec<(String, String)>, f64, Option<i64>)>,
}

fn made() -> impl Strategy<Value = Made> {
    let label = ("[a-zA-Z_][a-zA-Z0-9_]{0,6}|[a-zé.]{1,5}", "(?s).{0,12}");
    let value = prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY)
    ];
    let sample = (
        prop::collection::vec(label, 0..4),
        value,
        prop::option::of(any::<i64>()),
    );
    (
        "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}|[a-zé. ]{1,8}",
        "(?s).{0,20}",
        prop::collection::vec(sample, 0..4),
    )
        .prop_map(|(name, help, samples)| Made { name, help, samples })
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

fn print(families: &[Made]) -> String {
    let mut page = String::new();
    for Made { name, help, samples } in families {
        let quoted = format!("\"{}\"", escaped(name));
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        writeln!(page, "# HELP {quoted} {help}").unwrap();
        for (labels, value, at) in samples {
            write!(page, "{{{quoted}").unwrap();
            for (key, text) in labels {
                write!(page, ",\"{}\"=\"{}\"", escaped(key), escaped(text)).unwrap();
            }
            write!(page, "}} {value:?}").unwrap();
            if let Some(at) = at {
                write!(page, " {at}").unwrap();
            }
            page.push('\n');
        }
    }
    page
}

proptest! {
    #[test]
    fn what_was_printed_is_read_again(families in prop::collection::vec(made(), 0..5)) {
        let page = print(&families);
        let mut read = Page::new(page.as_bytes(), Format::Text).map(Result::unwrap);

        for Made { name, help, samples } in &families {
            // Spaces in front of the text are not part of it.
            let expected = help.trim_start_matches([' ', '\t']);
            let Some(Line::Help { family, text }) = read.next() else { panic!() };
            prop_assert_eq!((&*family, &*text), (name.as_str(), expected));
            for (labels, value, at) in samples {
                let Some(Line::Sample(sample)) = read.next() else { panic!() };
                let (read_name, read_labels) = sample.series.labels().unwrap();
                prop_assert_eq!(&*read_name, name.as_str());
                let expected: LabelPairs<'_> =
                    labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
                prop_assert_eq!(read_labels, expected);
                prop_assert!(sample.value == *value || sample.value.is_nan() && value.is_nan());
                prop_assert_eq!(sample.timestamp, *at);
            }
        }
        prop_assert!(read.next().is_none());
    }

    #[test]
    fn no_bytes_make_it_panic(page in prop::collection::vec(any::<u8>(), 0..200), open_metrics: bool) {
        read_all(&page, open_metrics);
    }

    #[test]
    fn no_text_that_looks_like_a_page_makes_it_panic(page in "([a#]|\\{|\\}|\"|\\\\|=|,| |\n|1|# TYPE |# EOF|le){0,60}", open_metrics: bool) {
        read_all(page.as_bytes(), open_metrics);
    }
}

fn read_all(page: &[u8], open_metrics: bool) {
    let format = if open_metrics {
        Format::OpenMetrics
    } else {
        Format::Text
    };
    for line in Page::new(page, format) {
        if let Ok(Line::Sample(sample)) = line {
            let _ = sample.series.labels();
            let _ = sample.exemplar.map(|exemplar| exemplar.labels().is_ok());
        }
    }
}
