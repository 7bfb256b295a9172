//! Parse accepts what prost accepts, and less only where it says why.

use super::captures::captures;
use super::generate::{request, span};
use super::reference::without_bad_spans;
use super::refusals::in_shells;
use super::splice::{assert_same, decoded};
use super::through_views::{seen, without_the_unseen};
use super::weird::{Dice, weird};
use crate::payload::schema::TRACES;
use crate::payload::wire::put_bytes;
use crate::payload::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

fn parse(bytes: Vec<u8>) -> Result<Parsed<Traces>, ParseError> {
    Traces::parse(bytes.into(), &Limits::default())
}

/// Whether prost and we agree about these bytes; what we accept must be decodable, clean and stable.
fn agree(bytes: Vec<u8>) {
    let oracle = ExportTraceServiceRequest::decode(bytes.as_slice());
    match (parse(bytes), oracle) {
        (Ok(parsed), oracle) => {
            if let Ok(mut expected) = oracle {
                assert_eq!(parsed.rejected.repaired, 0, "prost takes valid UTF-8 only");
                let rejected = without_bad_spans(&mut expected, &Limits::default());
                assert_eq!(parsed.rejected.items, rejected);
                assert_same(&decoded(parsed.payload.bytes()), &expected);
            } else {
                assert!(parsed.rejected.repaired > 0, "only text is mended that prost refuses");
            }
            assert_eq!(parsed.rejected.items > 0, parsed.rejected.reason.is_some());
            is_clean(&parsed.payload);
        }
        (Err(ParseError::Group { .. } | ParseError::DecodedBytes { .. } | ParseError::Depth { .. }), _) => {}
        (Err(refused), Ok(_)) => panic!("prost accepts what we refuse: {refused}"),
        (Err(_), Err(_)) => {}
    }
}

/// Views show what prost decodes from it, and parsing it again changes nothing.
fn is_clean(traces: &Traces) {
    let request = decoded(traces.bytes());
    let again = Traces::parse(traces.bytes().clone(), &Limits::default()).unwrap();
    assert_eq!(again.rejected, Rejected::default());
    assert_eq!(again.payload.bytes().as_ptr(), traces.bytes().as_ptr());
    assert_eq!(again.payload.spans(), traces.spans());
    assert_same(&seen(traces), &without_the_unseen(request));
}

/// Damages bytes a little: flips, cuts, copies.
fn damage(mut bytes: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    for _ in 0..dice.roll(4) {
        if bytes.is_empty() {
            break;
        }
        let at = dice.roll(bytes.len() as u64) as usize;
        match dice.roll(4) {
            0 => bytes[at] ^= 1 << dice.roll(8),
            1 => bytes[at] = dice.roll(256) as u8,
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_accepted_exactly_as_prost_does(bytes in vec(any::<u8>(), 0..200)) {
        agree(bytes);
    }

    #[test]
    fn requests_with_bad_spans_lose_these_alone(request in request(false)) {
        agree(request.encode_to_vec());
    }

    #[test]
    fn legal_but_strange_encodings_are_read_as_prost_reads_them(request in request(false), seed in 1u64..) {
        agree(weird(&TRACES, &request.encode_to_vec(), &mut Dice(seed)));
    }

    #[test]
    fn damaged_requests_are_refused_exactly_as_prost_does(request in request(true), seed in 1u64..) {
        let mut dice = Dice(seed);
        let bytes = weird(&TRACES, &request.encode_to_vec(), &mut dice);
        agree(damage(bytes, &mut dice));
    }

    #[test]
    fn damaged_captures_are_refused_exactly_as_prost_does(seed in 1u64..) {
        let mut dice = Dice(seed);
        let mut captures = captures();
        let capture = captures.remove(dice.roll(captures.len() as u64) as usize);
        agree(damage(capture.bytes, &mut dice));
    }

    #[test]
    fn metrics_and_logs_are_accepted_as_prost_does(bytes in vec(any::<u8>(), 0..60), seed in 1u64..) {
        let mut dice = Dice(seed);
        let body = damage(shells(&bytes, &mut dice), &mut dice);
        let limits = Limits::default();

        match Metrics::parse(body.clone().into(), &limits) {
            Ok(parsed) => {
                let decoded = ExportMetricsServiceRequest::decode(parsed.payload.bytes().clone());
                prop_assert!(decoded.is_ok());
                let again = Metrics::parse(parsed.payload.bytes().clone(), &limits).unwrap();
                prop_assert_eq!(again, Parsed { payload: parsed.payload, rejected: Rejected::default() });
            }
            Err(ParseError::Group { .. }) => {}
            Err(_) => prop_assert!(ExportMetricsServiceRequest::decode(body.as_slice()).is_err()),
        }
        match Logs::parse(body.clone().into(), &limits) {
            Ok(parsed) => {
                prop_assert!(ExportLogsServiceRequest::decode(parsed.payload.bytes().clone()).is_ok());
                let again = Logs::parse(parsed.payload.bytes().clone(), &limits).unwrap();
                prop_assert_eq!(again, Parsed { payload: parsed.payload, rejected: Rejected::default() });
            }
            Err(ParseError::Group { .. }) => {}
            Err(_) => prop_assert!(ExportLogsServiceRequest::decode(body.as_slice()).is_err()),
        }
    }

    #[test]
    fn good_spans_beside_a_bad_one_keep_every_byte(good in span(true), seed in 1u64..) {
        let mut dice = Dice(seed);
        let mut encoded = good.encode_to_vec();
        encoded.extend_from_slice(&super::weird::unknown(&mut dice));
        let bad = Span { trace_id: vec![1; 5], ..good }.encode_to_vec();
        let request = in_shells(&[&encoded, &bad, &encoded]);

        let parsed = parse(request).unwrap();

        prop_assert_eq!(parsed.rejected.reason, Some(RejectReason::TraceId));
        prop_assert_eq!(parsed.rejected.items, 1);
        let scopes = parsed.payload.resources().flat_map(|resource| resource.scopes());
        let spans: Vec<_> = scopes.flat_map(|scope| scope.spans().map(|span| span.bytes().to_vec())).collect();
        prop_assert_eq!(spans, vec![encoded.clone(), encoded]);
    }
}

/// Random bytes at a random depth of nested shells, so that they are read as a metric, a point, a record.
fn shells(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut body = bytes.to_vec();
    for number in [2, 2, 1].into_iter().skip(dice.roll(3) as usize) {
        let mut out = Vec::new();
        put_bytes(&mut out, number, &body);
        body = out;
    }
    body
}
