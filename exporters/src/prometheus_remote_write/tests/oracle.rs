//! An independent receiver: messages of both protocols for prost, written from the published field numbers, and every
//! rule that can be checked on a single request.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use crate::testing::Received;

pub(super) mod v1 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub(crate) timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        pub(crate) metadata: Vec<MetricMetadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct TimeSeries {
        #[prost(message, repeated, tag = "1")]
        pub(crate) labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub(crate) samples: Vec<super::Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(crate) exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub(crate) histograms: Vec<super::Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Label {
        #[prost(string, tag = "1")]
        pub(crate) name: String,
        #[prost(string, tag = "2")]
        pub(crate) value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(crate) labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub(crate) value: f64,
        #[prost(int64, tag = "3")]
        pub(crate) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct MetricMetadata {
        #[prost(int32, tag = "1")]
        pub(crate) kind: i32,
        #[prost(string, tag = "2")]
        pub(crate) metric_family_name: String,
        #[prost(string, tag = "4")]
        pub(crate) help: String,
        #[prost(string, tag = "5")]
        pub(crate) unit: String,
    }
}

mod v2 {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Request {
        #[prost(string, repeated, tag = "4")]
        pub(super) symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub(super) timeseries: Vec<TimeSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TimeSeries {
        #[prost(uint32, repeated, tag = "1")]
        pub(super) labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub(super) samples: Vec<super::Sample>,
        #[prost(message, repeated, tag = "3")]
        pub(super) histograms: Vec<super::Histogram>,
        #[prost(message, repeated, tag = "4")]
        pub(super) exemplars: Vec<Exemplar>,
        #[prost(message, optional, tag = "5")]
        pub(super) metadata: Option<Metadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Exemplar {
        #[prost(uint32, repeated, tag = "1")]
        pub(super) labels_refs: Vec<u32>,
        #[prost(double, tag = "2")]
        pub(super) value: f64,
        #[prost(int64, tag = "3")]
        pub(super) timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metadata {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(uint32, tag = "3")]
        pub(super) help_ref: u32,
        #[prost(uint32, tag = "4")]
        pub(super) unit_ref: u32,
    }
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
    /// In 2.0 alone.
    #[prost(int64, tag = "3")]
    pub(super) start_timestamp: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Histogram {
    #[prost(oneof = "Count", tags = "1, 2")]
    pub(super) count: Option<Count>,
    #[prost(double, tag = "3")]
    pub(super) sum: f64,
    #[prost(sint32, tag = "4")]
    pub(super) schema: i32,
    #[prost(double, tag = "5")]
    pub(super) zero_threshold: f64,
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub(super) zero_count: Option<ZeroCount>,
    #[prost(message, repeated, tag = "8")]
    pub(super) negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    pub(super) negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    pub(super) positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    pub(super) positive_deltas: Vec<i64>,
    #[prost(int32, tag = "14")]
    pub(super) reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(super) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    pub(super) custom_values: Vec<f64>,
    /// In 2.0 alone.
    #[prost(int64, tag = "17")]
    pub(super) start_timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(super) enum Count {
    #[prost(uint64, tag = "1")]
    Int(u64),
    #[prost(double, tag = "2")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(super) enum ZeroCount {
    #[prost(uint64, tag = "6")]
    Int(u64),
    #[prost(double, tag = "7")]
    Float(f64),
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Span {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(super) length: u32,
}

/// A request in the words of both protocols.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Written {
    pub(super) is_v2: bool,
    pub(super) bytes: usize,
    /// Symbols that nothing refers to.
    pub(super) spare_symbols: usize,
    pub(super) series: Vec<Series>,
    /// Families told apart from series, in 1.0.
    pub(super) metadata: Vec<v1::MetricMetadata>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Series {
    pub(super) labels: Vec<(String, String)>,
    pub(super) samples: Vec<Sample>,
    pub(super) histograms: Vec<Histogram>,
    pub(super) exemplars: Vec<Exemplar>,
    /// Type, help and unit, in 2.0.
    pub(super) metadata: Option<(i32, String, String)>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Exemplar {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
    pub(super) timestamp: i64,
}

impl Series {
    pub(super) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(super) fn name(&self) -> &str {
        self.label("__name__")
    }

    /// `name{label="value",…}`, as people write it.
    pub(super) fn text(&self) -> String {
        let labels = self.labels.iter().filter(|(name, _)| name != "__name__");
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}{{{}}}", self.name(), labels.join(","))
    }
}

impl Written {
    /// The only series of this name.
    pub(super) fn one(&self, name: &str) -> &Series {
        let found: Vec<&Series> = self.series.iter().filter(|series| series.name() == name).collect();
        assert_eq!(found.len(), 1, "{name} in {:#?}", self.texts());
        found[0]
    }

    /// Series and values, one a line.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        let lines = self.series.iter().flat_map(|series| {
            let value = |sample: &Sample| {
                let value = match sample.value.to_bits() {
                    0x7ff0_0000_0000_0002 => "stale".to_owned(),
                    _ => sample.value.to_string(),
                };
                format!("{} {value} @{}", series.text(), sample.timestamp)
            };
            series.samples.iter().map(value).collect::<Vec<_>>()
        });
        lines.collect()
    }
}

/// Reads a request and checks every rule that one request can break.
pub(super) fn read(request: &Received) -> Written {
    assert_eq!(request.method, http::Method::POST);
    let version = request.header("x-prometheus-remote-write-version");
    let is_v2 = request.header("content-type") == "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    if !is_v2 {
        assert_eq!(request.header("content-type"), "application/x-protobuf");
    }
    assert_eq!(version, if is_v2 { "2.0.0" } else { "0.1.0" });
    assert_eq!(request.header("content-encoding"), "snappy");
    assert!(request.header("user-agent").starts_with("Inferscope/"));
    for name in [
        "content-type",
        "content-encoding",
        "user-agent",
        "x-prometheus-remote-write-version",
    ] {
        assert_eq!(request.headers.get_all(name).iter().count(), 1, "{name} twice");
    }
    let body = snap::raw::Decoder::new()
        .decompress_vec(&request.body)
        .expect("snappy block format");
    let written = decode(&body, is_v2);
    check(&written);
    written
}

/// Reads a body of either protocol.
pub(super) fn decode(body: &[u8], is_v2: bool) -> Written {
    let written = decode_with_spare_symbols(body, is_v2);
    assert_eq!(written.spare_symbols, 0, "no symbol is there for nothing");
    written
}

/// Reads the body of a request which may carry symbols that others of its kind use.
pub(super) fn decode_with_spare_symbols(body: &[u8], is_v2: bool) -> Written {
    if is_v2 {
        return decode_v2(body);
    }
    let request = v1::WriteRequest::decode(body).expect("a WriteRequest");
    let labels = |labels: Vec<v1::Label>| labels.into_iter().map(|it| (it.name, it.value)).collect();
    let series = request.timeseries.into_iter().map(|series| Series {
        labels: labels(series.labels),
        samples: series.samples,
        histograms: series.histograms,
        exemplars: series
            .exemplars
            .into_iter()
            .map(|it| Exemplar {
                labels: labels(it.labels),
                value: it.value,
                timestamp: it.timestamp,
            })
            .collect(),
        metadata: None,
    });
    Written {
        is_v2,
        bytes: body.len(),
        spare_symbols: 0,
        series: series.collect(),
        metadata: request.metadata,
    }
}

fn decode_v2(body: &[u8]) -> Written {
    let request = v2::Request::decode(body).expect("a 2.0 request");
    let symbols = &request.symbols;
    assert_eq!(
        symbols.first().map(String::as_str),
        Some(""),
        "the first symbol is empty"
    );
    let distinct: BTreeSet<&String> = symbols.iter().collect();
    assert_eq!(distinct.len(), symbols.len(), "symbols are there once");
    let mut used: BTreeSet<u32> = [0].into();
    let mut text = |at: u32| {
        used.insert(at);
        symbols.get(at as usize).expect("a valid reference").clone()
    };
    let mut pairs = |refs: &[u32]| -> Vec<(String, String)> {
        assert_eq!(refs.len() % 2, 0, "references come in pairs");
        refs.chunks(2).map(|pair| (text(pair[0]), text(pair[1]))).collect()
    };
    let mut series = Vec::new();
    for one in &request.timeseries {
        let labels = pairs(&one.labels_refs);
        let exemplars = one.exemplars.iter().map(|it| Exemplar {
            labels: pairs(&it.labels_refs),
            value: it.value,
            timestamp: it.timestamp,
        });
        let exemplars = exemplars.collect();
        let metadata = one.metadata.as_ref().map(|it| {
            let both = pairs(&[it.help_ref, it.unit_ref]).remove(0);
            (it.kind, both.0, both.1)
        });
        series.push(Series {
            labels,
            samples: one.samples.clone(),
            histograms: one.histograms.clone(),
            exemplars,
            metadata,
        });
    }
    Written {
        is_v2: true,
        bytes: body.len(),
        spare_symbols: symbols.len() - used.len(),
        series,
        metadata: Vec::new(),
    }
}

/// What holds for every request by itself.
pub(super) fn check(written: &Written) {
    let mut seen = BTreeSet::new();
    for series in &written.series {
        check_labels(&series.labels, written.is_v2);
        assert!(!series.name().is_empty(), "a name: {series:?}");
        assert!(seen.insert(&series.labels), "a series is there once: {}", series.text());
        assert_ne!(
            series.samples.is_empty(),
            series.histograms.is_empty(),
            "samples or histograms: {series:?}"
        );
        let times = series.samples.iter().map(|it| it.timestamp);
        let times: Vec<i64> = times.chain(series.histograms.iter().map(|it| it.timestamp)).collect();
        assert!(times.is_sorted_by(|a, b| a < b), "rising times: {series:?}");
        let exemplars: Vec<i64> = series.exemplars.iter().map(|it| it.timestamp).collect();
        assert!(exemplars.is_sorted(), "exemplars in order: {series:?}");
        for value in series
            .samples
            .iter()
            .map(|it| it.value)
            .chain(series.histograms.iter().map(|it| it.sum))
        {
            let bits = value.to_bits();
            let is_known = [0x7ff0_0000_0000_0002, 0x7ff8_0000_0000_0001].contains(&bits);
            assert!(!value.is_nan() || is_known, "no other NaN: {bits:x}");
        }
        for exemplar in &series.exemplars {
            assert!(exemplar.labels.is_sorted_by(|a, b| a.0 < b.0), "{exemplar:?}");
            let letters = exemplar
                .labels
                .iter()
                .map(|(a, b)| a.chars().count() + b.chars().count());
            assert!(letters.sum::<usize>() <= 128, "{exemplar:?}");
        }
        if !written.is_v2 {
            assert!(
                series.samples.iter().all(|it| it.start_timestamp == 0),
                "1.0 has no start"
            );
            assert!(
                series.histograms.iter().all(|it| it.start_timestamp == 0),
                "1.0 has no start"
            );
        } else {
            assert!(series.metadata.is_some(), "metadata on every series");
        }
        series.histograms.iter().for_each(check_histogram);
    }
}

fn check_labels(labels: &[(String, String)], is_v2: bool) {
    assert!(
        labels.is_sorted_by(|a, b| a.0.as_bytes() < b.0.as_bytes()),
        "sorted, each once: {labels:?}"
    );
    for (name, value) in labels {
        assert!(!name.is_empty() && !value.is_empty(), "nothing is empty: {labels:?}");
        if is_v2 {
            continue;
        }
        assert!(is_legal(name, false), "a label of 1.0: {name}");
        assert!(name != "__name__" || is_legal(value, true), "a name of 1.0: {value}");
    }
}

fn is_legal(name: &str, colons: bool) -> bool {
    let starts_well = !name.starts_with(|letter: char| letter.is_ascii_digit());
    starts_well
        && name
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '_' || (colons && it == ':'))
}

/// What Prometheus checks before it takes a native histogram.
fn check_histogram(histogram: &Histogram) {
    assert_eq!(histogram.reset_hint, 0, "the reset hint is UNKNOWN");
    let Some(Count::Int(count)) = histogram.count else {
        panic!("an integer count: {histogram:?}")
    };
    let Some(ZeroCount::Int(zero)) = histogram.zero_count else {
        panic!("an integer zero count: {histogram:?}")
    };
    assert!(
        histogram.schema == -53 || (-4..=8).contains(&histogram.schema),
        "{histogram:?}"
    );
    let positive = absolute(&histogram.positive_spans, &histogram.positive_deltas);
    let negative = absolute(&histogram.negative_spans, &histogram.negative_deltas);
    let total: u64 = positive.values().chain(negative.values()).sum::<u64>() + zero;
    assert!(
        total == count || (histogram.sum.is_nan() && total <= count),
        "{histogram:?}"
    );
    if histogram.schema == -53 {
        assert!(histogram.custom_values.is_sorted_by(|a, b| a < b));
        assert!(histogram.custom_values.iter().all(|it| it.is_finite()));
        let last = histogram.custom_values.len() as i64;
        assert!(positive.keys().all(|at| (0..=last).contains(at)), "{histogram:?}");
        assert!(negative.is_empty() && zero == 0);
    } else {
        assert!(histogram.custom_values.is_empty());
    }
}

/// Counts by the number of the bucket.
pub(super) fn absolute(spans: &[Span], deltas: &[i64]) -> BTreeMap<i64, u64> {
    let mut counts = BTreeMap::new();
    let mut deltas = deltas.iter();
    let (mut at, mut count) = (0_i64, 0_i64);
    for (number, span) in spans.iter().enumerate() {
        assert!(number == 0 || span.offset >= 0, "spans follow one another");
        at += i64::from(span.offset);
        for _ in 0..span.length {
            count += deltas.next().expect("a delta for each bucket");
            counts.insert(at, u64::try_from(count).expect("no count below zero"));
            at += 1;
        }
    }
    assert_eq!(deltas.next(), None, "no delta without a bucket");
    counts
}
