//! Stages of metrics and logs: one walk for all equals one pass per stage on structs.

mod plan;

use super::reference::Counted;
use crate::Origin;
use crate::payload::wire::{put_bytes, put_uint};
use crate::payload::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plan::{Reference, boxed, logs_request, metrics_request, plans, points_below};
use proptest::prelude::*;
use prost::Message as _;
use std::time::Instant;

pub(super) use plan::sift;

fn with_context<T>(run: impl FnOnce(&BatchContext<'_>) -> T) -> T {
    let origin = Origin::default();
    run(&BatchContext {
        now: Instant::now(),
        origin: &origin,
    })
}

fn run_metrics(metrics: &Metrics, stages: &mut [Box<dyn ItemStage>]) -> Walked<Metrics> {
    with_context(|context| Walk::new().run_metrics(metrics, stages, 0, context))
}

fn metrics_of(bytes: Vec<u8>) -> Metrics {
    let parsed = Metrics::parse(bytes.into(), &Limits::default()).unwrap();
    assert_eq!(parsed.rejected, Rejected::default());
    parsed.payload
}

fn logs_of(bytes: Vec<u8>) -> Logs {
    let parsed = Logs::parse(bytes.into(), &Limits::default()).unwrap();
    assert_eq!(parsed.rejected, Rejected::default());
    parsed.payload
}

fn counted(counts: &StageCounts) -> Counted {
    Counted {
        received: counts.received,
        dropped: counts.dropped().map(|(_, items)| items).sum(),
        held: counts.held,
        emitted: counts.emitted,
    }
}

proptest! {
    #[test]
    fn one_walk_over_metrics_equals_one_pass_per_stage(request in metrics_request(), plans in plans()) {
        let metrics = metrics_of(request.encode_to_vec());
        let mut expected = request;

        let walked = run_metrics(&metrics, &mut boxed(&plans));

        for (plan, counts) in plans.iter().zip(&walked.counts) {
            prop_assert_eq!(counted(counts), Reference::of(plan).metrics(&mut expected), "{:?}", plan);
        }
        let points = expected.resource_metrics.iter().map(points_below).sum::<u64>();
        match walked.left {
            Some(left) => {
                let decoded = ExportMetricsServiceRequest::decode(left.bytes().clone()).unwrap();
                prop_assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec(), "{:#?}\n{:#?}", decoded, expected);
                prop_assert_eq!(u64::from(left.points()), points);
                prop_assert_eq!(metrics_of(left.bytes().to_vec()), left);
            }
            None => prop_assert!(points == 0 && !metrics.is_empty()),
        }
    }

    #[test]
    fn one_walk_over_logs_equals_one_pass_per_stage(request in logs_request(), plans in plans()) {
        let logs = logs_of(request.encode_to_vec());
        let mut expected = request;

        let walked = with_context(|context| Walk::new().run_logs(&logs, &mut boxed(&plans), 0, context));

        for (plan, counts) in plans.iter().zip(&walked.counts) {
            prop_assert_eq!(counted(counts), Reference::of(plan).logs(&mut expected), "{:?}", plan);
        }
        let scopes = expected.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let records = scopes.map(|scope| scope.log_records.len() as u32).sum::<u32>();
        match walked.left {
            Some(left) => {
                let decoded = ExportLogsServiceRequest::decode(left.bytes().clone()).unwrap();
                prop_assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec());
                prop_assert_eq!(left.records(), records);
                prop_assert_eq!(logs_of(left.bytes().to_vec()), left);
            }
            None => prop_assert!(records == 0 && !logs.is_empty()),
        }
    }

    #[test]
    fn stages_that_change_nothing_leave_the_same_bytes(metrics in metrics_request(), logs in logs_request()) {
        let (metrics, logs) = (metrics_of(metrics.encode_to_vec()), logs_of(logs.encode_to_vec()));
        let mut stages: Vec<Box<dyn ItemStage>> = vec![Box::new(Look), Box::new(Look)];

        let same = run_metrics(&metrics, &mut stages).left.unwrap();
        let logs_too = with_context(|context| Walk::new().run_logs(&logs, &mut stages, 0, context)).left.unwrap();

        prop_assert_eq!(same.bytes().as_ptr(), metrics.bytes().as_ptr());
        prop_assert_eq!(logs_too.bytes().as_ptr(), logs.bytes().as_ptr());
    }
}

/// Reads everything and deletes what is not there.
struct Look;

impl ItemStage for Look {
    fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        if let ItemView::Record(record) = item {
            _ = (record.body(), record.severity_text(), record.severity_number());
        }
        edit.delete("not there");
        edit.append(&EncodedAttributes::new());
    }
}

/// Gives every item an attribute.
struct Mark;

impl ItemStage for Mark {
    fn item(&mut self, _item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
        edit.set("mark", true);
    }
}

/// A message with a field that no message of OTLP has.
fn odd(body: &[u8]) -> Vec<u8> {
    let mut odd = body.to_vec();
    put_uint(&mut odd, 500, 7);
    odd
}

fn framed(number: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, number, body);
    out
}

/// One metric of this kind, whose point has the attribute `k`, and fields that nobody knows at every level.
fn odd_metric(data: u32, attributes: u32) -> Vec<u8> {
    let pair = [framed(1, b"k"), framed(2, &framed(1, b"v"))].concat();
    let data = framed(data, &odd(&framed(1, &odd(&framed(attributes, &pair)))));
    let metric = framed(2, &odd(&[framed(1, b"m"), data].concat()));
    framed(1, &odd(&framed(2, &odd(&metric))))
}

#[test]
fn points_of_every_kind_are_marked_and_fields_that_nobody_knows_survive_at_every_level() {
    for (data, attributes) in [(5, 7), (7, 7), (9, 9), (10, 1), (11, 7)] {
        let metrics = metrics_of(odd_metric(data, attributes));

        let out = run_metrics(&metrics, &mut [Box::new(Mark)]).left.unwrap();

        let bytes: &[u8] = out.bytes();
        let unknown = odd(&[]);
        let survived = bytes.windows(unknown.len()).filter(|window| *window == unknown).count();
        assert_eq!(survived, 5, "data {data}");
        let request = ExportMetricsServiceRequest::decode(bytes).unwrap();
        let mut metric = request.resource_metrics[0].scope_metrics[0].metrics[0].clone();
        let mut keys = Vec::new();
        sift(&mut metric, |attributes| {
            keys.extend(attributes.iter().map(|pair| pair.key.clone()));
            true
        });
        assert_eq!(
            (metric.name.as_str(), keys),
            ("m", vec!["k".to_owned(), "mark".to_owned()])
        );
    }
}

#[test]
fn what_a_log_record_says_is_read_for_stages() {
    struct Read;
    impl ItemStage for Read {
        fn item(&mut self, item: ItemView<'_>, edit: &mut AttributeEdit<'_>) {
            let ItemView::Record(record) = item else {
                panic!("no point is here")
            };
            let read = format!(
                "{:?} {} {:?}",
                record.severity_text(),
                record.severity_number(),
                record.body()
            );
            edit.set("read", read.as_str());
        }
    }
    let record = LogRecord {
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(AnyValue {
            value: Some(any_value::Value::IntValue(5)),
        }),
        ..Default::default()
    };
    let request = framed(1, &framed(2, &framed(2, &record.encode_to_vec())));

    let out = with_context(|context| Walk::new().run_logs(&logs_of(request), &mut [Box::new(Read)], 0, context));

    let out = out.left.unwrap();
    let request = ExportLogsServiceRequest::decode(out.bytes().clone()).unwrap();
    let attributes = &request.resource_logs[0].scope_logs[0].log_records[0].attributes;
    assert_eq!(
        attributes[0].value,
        Some(AnyValue {
            value: Some(any_value::Value::StringValue("\"ERROR\" 17 Int(5)".to_owned())),
        })
    );
}
