//! Spans that our own stages have made lie otherwise in their bytes, and are counted as all others.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use pipeline::Origin;
use pipeline::payload::{Limits, Payload, Traces};
use proptest::prelude::*;
use prost::Message;

use super::harness::{Counter, Say, batch, span, text, traces};
use crate::aggregation::{Aggregate, Moment};

const NAMES: [&str; 3] = ["queue", "prefill", "decode"];
const STATES: [&str; 4] = ["", "", "ot=th:8", "ot=th:c"];
const PLAIN: &str = "{events: {enabled: true, dimensions: [{name: at}]}}";
const SETTINGS: [&str; 3] = [
    PLAIN,
    "{dimensions: [{name: at}]}",
    "{histogram: {exponential: {}}, enable_metrics_sampling_method: true}",
];

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let one = (
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&STATES[..]),
        (0..3_i32, 0..3_i32),
        (0..9_u64, 0..9_u64),
        (0..3_usize, 0..2_usize, 0..2_usize),
    );
    let one = one.prop_map(
        |(name, state, (kind, code), (start, end), (attributes, events, links))| {
            let at = |at: usize| text("at", &at.to_string());
            let mut span = span(name, start * 1_000_000, end * 1_000_000).failed();
            span.attributes = (0..attributes).map(at).collect();
            span.parent_span_id = vec![7; 8];
            span.flags = 0x101;
            span.kind = kind;
            span.trace_state = state.to_owned();
            span.status.as_mut().unwrap().code = code;
            for event in 0..events {
                span = span.event(vec![at(event)]);
            }
            span.links = vec![Link::default(); links];
            span
        },
    );
    proptest::collection::vec(one, 1..12)
}

/// The same span with the fields of fixed length in front.
fn as_made(mut span: Span) -> Vec<u8> {
    let rest = Span {
        trace_id: Vec::new(),
        span_id: Vec::new(),
        parent_span_id: Vec::new(),
        start_time_unix_nano: 0,
        end_time_unix_nano: 0,
        flags: 0,
        ..span.clone()
    };
    let mut head = Vec::new();
    for (number, id) in [(1, &span.trace_id), (2, &span.span_id), (4, &span.parent_span_id)] {
        head.extend([number << 3 | 2, id.len() as u8]);
        head.append(&mut id.clone());
    }
    for (number, time) in [(7, span.start_time_unix_nano), (8, span.end_time_unix_nano)] {
        head.push(number << 3 | 1);
        head.extend(time.to_le_bytes());
    }
    head.extend([0x85, 0x01]);
    head.extend(span.flags.to_le_bytes());
    let made = [head, rest.encode_to_vec()].concat();
    // Zeros are left out by others.
    span.trace_id.clone_from(&Span::decode(&*made).unwrap().trace_id);
    assert_eq!(Span::decode(&*made).unwrap(), span);
    made
}

fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(body.len() as u64, &mut out);
    out.extend_from_slice(body);
    out
}

fn request(spans: Vec<Span>) -> Payload {
    let mut resource = traces("llm", Vec::new());
    let scope = std::mem::take(&mut resource.scope_spans).remove(0);
    let mut scope = ScopeSpans { spans: vec![], ..scope }.encode_to_vec();
    for span in spans {
        scope.extend(field(2, &as_made(span)));
    }
    let resource = [resource.encode_to_vec(), field(2, &scope)].concat();
    let bytes = field(1, &resource);
    ExportTraceServiceRequest::decode(&*bytes).unwrap();
    Payload::Traces(Traces::parse(Bytes::from(bytes), &Limits::default()).unwrap().payload)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn spans_that_stages_have_made_count_as_the_same_spans_in_the_usual_order(
        batches in proptest::collection::vec(spans(), 1..4),
        settings in prop::sample::select(&SETTINGS[..]),
    ) {
        let (mut made, mut usual) = (Counter::new(settings), Counter::new(settings));

        for spans in batches {
            let moment = Moment::of(&usual.clock);
            usual.counts.add(&batch(vec![traces("llm", spans.clone())]), &Origin::default(), &moment);
            made.counts.add(&request(spans), &Origin::default(), &moment);
        }

        prop_assert_eq!(made.own("negative_durations"), usual.own("negative_durations"));
        prop_assert_eq!(made.own("spans"), usual.own("spans"));
        let (made, usual) = (made.flush(), usual.flush());
        for name in ["calls", "events"] {
            let name = format!("traces.span.metrics.{name}");
            prop_assert_eq!(made.counts(&name), usual.counts(&name));
        }
        let duration = "traces.span.metrics.duration";
        prop_assert_eq!(made.durations(duration), usual.durations(duration));
    }
}
