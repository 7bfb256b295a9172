//! The table of hostile requests, and what their senders must hear.
//!
//! The codes are those of the OTLP specification ("Failures", "Partial Success") and of gRPC's status codes: what is the
//! sender's fault is never INTERNAL or 500, and never a code after which a client tries the same again.

use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::load::{request, span, text};
use crate::wire::{EXPORT, framed, gzip, gzip_small, zstd};

const INVALID_ARGUMENT: u16 = 3;
const RESOURCE_EXHAUSTED: u16 = 8;
const UNIMPLEMENTED: u16 = 12;

/// A megabyte, as the limits count it.
const MIB: usize = 1024 * 1024;

/// What a bomb unfolds to: far more than any case may cost.
const BOMB: usize = 256 * MIB;

/// Which port.
pub(super) enum Door {
    Grpc,
    Http,
}

/// What the sender must hear.
pub(super) enum Heard {
    /// A status of gRPC, without a delay after which to try again.
    Code(u16),
    /// A status of HTTP, without such a delay.
    Status(u16),
    /// A status of HTTP and a text in one of its headers.
    StatusWith(u16, &'static str, &'static str),
    /// A success, but for so many spans.
    Rejected(i64),
    /// A success.
    Taken,
}

pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) door: Door,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Bytes,
    pub(super) heard: Heard,
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

pub(super) fn cases() -> Vec<Case> {
    let mut cases = grpc_frames();
    cases.extend(http_requests());
    cases.extend(json_bodies());
    for (what, message, code, status) in messages() {
        cases.push(grpc(what, &[], framed(false, &message), Heard::Code(code)));
        cases.push(http(what, &[PROTOBUF], message, Heard::Status(status)));
    }
    for (what, message, rejected) in bad_spans() {
        cases.push(grpc(what, &[], framed(false, &message), Heard::Rejected(rejected)));
        cases.push(http(what, &[PROTOBUF], message, Heard::Rejected(rejected)));
    }
    cases
}

fn grpc(what: &'static str, headers: &[(&'static str, &'static str)], body: impl Into<Bytes>, heard: Heard) -> Case {
    let (headers, body) = (headers.to_vec(), body.into());
    Case {
        what,
        door: Door::Grpc,
        method: Method::POST,
        path: EXPORT,
        headers,
        body,
        heard,
    }
}

fn http(what: &'static str, headers: &[(&'static str, &'static str)], body: impl Into<Bytes>, heard: Heard) -> Case {
    let (headers, body) = (headers.to_vec(), body.into());
    Case {
        what,
        door: Door::Http,
        method: Method::POST,
        path: "/v1/traces",
        headers,
        body,
        heard,
    }
}

fn grpc_frames() -> Vec<Case> {
    let honest = request(vec![span(10)]);
    let mut long = framed(false, &honest).to_vec();
    long[4] = 200; // Promises more than follows.
    let mut endless = framed(false, &honest).to_vec();
    endless[1..5].fill(0xff);
    let bomb = gzip(&vec![0; BOMB]);
    let spans_bomb = gzip_small(&empty_spans(1_900_000));
    assert!(spans_bomb.len() < 4_000, "{} bytes are no bomb", spans_bomb.len());
    let two = [framed(false, &honest), framed(false, &honest)].concat();
    let gzipped = ("grpc-encoding", "gzip");
    let method = "/opentelemetry.proto.collector.trace.v1.TraceService/Import";
    vec![
        grpc("a frame that promises more", &[], long, Heard::Code(INVALID_ARGUMENT)),
        grpc(
            "a frame that promises 4 GiB",
            &[],
            endless,
            Heard::Code(RESOURCE_EXHAUSTED),
        ),
        grpc(
            "half the head of a frame",
            &[],
            vec![0, 0, 0],
            Heard::Code(INVALID_ARGUMENT),
        ),
        grpc("no message", &[], vec![], Heard::Code(INVALID_ARGUMENT)),
        grpc("two messages in a unary call", &[], two, Heard::Code(INVALID_ARGUMENT)),
        grpc(
            "5 MiB",
            &[],
            framed(false, &request(vec![span(5 * MIB)])),
            Heard::Code(RESOURCE_EXHAUSTED),
        ),
        grpc(
            "a gzip of 256 MiB",
            &[gzipped],
            framed(true, &bomb),
            Heard::Code(RESOURCE_EXHAUSTED),
        ),
        grpc(
            "a gzip of many spans",
            &[gzipped],
            framed(true, &spans_bomb),
            Heard::Code(RESOURCE_EXHAUSTED),
        ),
        grpc(
            "a broken gzip",
            &[gzipped],
            framed(true, &honest),
            Heard::Code(INVALID_ARGUMENT),
        ),
        grpc(
            "a gzip without a word",
            &[],
            framed(true, &gzip(&honest)),
            Heard::Code(INVALID_ARGUMENT),
        ),
        grpc(
            "snappy",
            &[("grpc-encoding", "snappy")],
            framed(true, &honest),
            Heard::Code(UNIMPLEMENTED),
        ),
        Case {
            path: method,
            ..grpc(
                "an unknown method",
                &[],
                framed(false, &honest),
                Heard::Code(UNIMPLEMENTED),
            )
        },
        grpc(
            "JSON in gRPC",
            &[("content-type", "application/grpc+json")],
            framed(false, b"{}"),
            Heard::Status(415),
        ),
    ]
}

fn http_requests() -> Vec<Case> {
    let honest = request(vec![span(10)]);
    let (gzipped, zstded) = (("content-encoding", "gzip"), ("content-encoding", "zstd"));
    let bomb = vec![0; BOMB];
    let (gzip_bomb, zstd_bomb) = (gzip(&bomb), zstd(&bomb));
    drop(bomb);
    let spans_bomb = gzip_small(&empty_spans(1_900_000));
    let many = request(vec![span(MIB); 21]);
    let brotli = Heard::StatusWith(415, "accept-encoding", "gzip");
    let get = Heard::StatusWith(405, "allow", "POST");
    vec![
        http("21 MiB", &[PROTOBUF], many.clone(), Heard::Status(413)),
        http(
            "a gzip of 21 MiB",
            &[PROTOBUF, gzipped],
            gzip(&many),
            Heard::Status(413),
        ),
        http("a gzip of 256 MiB", &[PROTOBUF, gzipped], gzip_bomb, Heard::Status(413)),
        http("a zstd of 256 MiB", &[PROTOBUF, zstded], zstd_bomb, Heard::Status(413)),
        http(
            "a gzip of many spans",
            &[PROTOBUF, gzipped],
            spans_bomb,
            Heard::Status(413),
        ),
        http(
            "a broken gzip",
            &[PROTOBUF, gzipped],
            honest.clone(),
            Heard::Status(400),
        ),
        http(
            "half a gzip",
            &[PROTOBUF, gzipped],
            gzip(&honest)[..20].to_vec(),
            Heard::Status(400),
        ),
        http("a broken zstd", &[PROTOBUF, zstded], honest.clone(), Heard::Status(400)),
        http(
            "brotli",
            &[PROTOBUF, ("content-encoding", "br")],
            honest.clone(),
            brotli,
        ),
        http(
            "a text",
            &[("content-type", "text/plain")],
            honest.clone(),
            Heard::Status(415),
        ),
        http("no content type", &[], honest.clone(), Heard::Status(415)),
        Case {
            method: Method::GET,
            ..http("a GET", &[], vec![], get)
        },
        Case {
            path: "/v1/trace",
            ..http("a wrong path", &[PROTOBUF], honest.clone(), Heard::Status(404))
        },
        Case {
            path: "/v1/logs",
            ..http("a signal without a pipeline", &[PROTOBUF], vec![], Heard::Status(404))
        },
        http("a kind of 2 GiB", &[PROTOBUF], unknown_enum(), Heard::Taken),
    ]
}

fn json_bodies() -> Vec<Case> {
    let deep = [r#"{"resourceSpans":"#.as_bytes(), &vec![b'['; 100_000]].concat();
    let nested = format!(r#"{{"resourceSpans":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    let wrong = |body: &str| body.as_bytes().to_vec();
    vec![
        http("no JSON", &[JSON], wrong("resourceSpans"), Heard::Status(400)),
        http(
            "half a JSON",
            &[JSON],
            wrong(r#"{"resourceSpans":[{"#),
            Heard::Status(400),
        ),
        http(
            "JSON of the wrong type",
            &[JSON],
            wrong(r#"{"resourceSpans":7}"#),
            Heard::Status(400),
        ),
        http("JSON without an end", &[JSON], deep, Heard::Status(400)),
        http("JSON in JSON in JSON", &[JSON], nested, Heard::Status(400)),
        http("protobuf as JSON", &[JSON], request(vec![span(10)]), Heard::Status(400)),
    ]
}

/// Messages that are refused whole: what, bytes, code of gRPC, status of HTTP.
fn messages() -> Vec<(&'static str, Vec<u8>, u16, u16)> {
    let honest = request(vec![span(10)]);
    let cut = honest[..honest.len() - 5].to_vec();
    // Groups (wire types 3 and 4) in groups: protobuf lets one skip them, and a careless parser does so recursively.
    let groups = [vec![0x0b; 100_000], vec![0x0c; 100_000]].concat();
    vec![
        (
            "noise",
            b"\xff\xfe\xfd\xfc not protobuf".to_vec(),
            INVALID_ARGUMENT,
            400,
        ),
        ("a message that is cut", cut, INVALID_ARGUMENT, 400),
        (
            "a length beyond the end",
            vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
            INVALID_ARGUMENT,
            400,
        ),
        ("a number of eleven bytes", vec![0xff; 11], INVALID_ARGUMENT, 400),
        ("field number 0", vec![0x02, 0x00], INVALID_ARGUMENT, 400),
        ("groups in groups", groups, INVALID_ARGUMENT, 400),
        ("a value 10,000 deep", deep_value(10_000), INVALID_ARGUMENT, 400),
    ]
}

/// Messages that are taken but for some spans: what, bytes, how many are rejected.
fn bad_spans() -> Vec<(&'static str, Vec<u8>, i64)> {
    let among_good = |bad: Span| request(vec![span(10), bad, span(10)]);
    let many = (0..129).map(|number| text(&format!("key-{number}"), "x")).collect();
    vec![
        ("a value 33 deep", deep_value(33), 1),
        (
            "a trace id of 8 bytes",
            among_good(Span {
                trace_id: vec![1; 8],
                ..span(0)
            }),
            1,
        ),
        (
            "a span id of zeros",
            among_good(Span {
                span_id: vec![0; 8],
                ..span(0)
            }),
            1,
        ),
        (
            "no trace id",
            among_good(Span {
                trace_id: vec![],
                ..span(0)
            }),
            1,
        ),
        (
            "129 attributes",
            among_good(Span {
                attributes: many,
                ..span(0)
            }),
            1,
        ),
        ("1.9 million empty spans", empty_spans(1_900_000), 1_900_000),
    ]
}

/// A span with an enumeration value that nobody knows: receivers keep it (protobuf, open enums).
fn unknown_enum() -> Vec<u8> {
    request(vec![Span {
        kind: i32::MAX,
        ..span(0)
    }])
}

/// Spans without a single field, two bytes each.
fn empty_spans(count: usize) -> Vec<u8> {
    resource_spans(&field(2, &[]).repeat(count))
}

/// A span with a list in a list in a list …; put together by hand, because libraries recurse.
fn deep_value(depth: usize) -> Vec<u8> {
    // From the inside out, so backwards: each list puts two more heads before what is there.
    let mut backwards = vec![1, 0x18]; // AnyValue.int_value = 1
    for _ in 0..depth {
        for tag in [0x0a, 0x2a] {
            // ArrayValue.values, AnyValue.array_value
            let length = varint(backwards.len());
            backwards.extend(length.iter().rev());
            backwards.push(tag);
        }
    }
    backwards.reverse();
    let attribute = [field(1, b"deep"), field(2, &backwards)].concat();
    // Fields of a message may follow in any order and number, so an attribute can be put behind a whole span.
    let span = [span(0).encode_to_vec(), field(9, &attribute)].concat();
    resource_spans(&field(2, &span))
}

/// A request with the fields of one `ScopeSpans`.
fn resource_spans(scope_spans: &[u8]) -> Vec<u8> {
    field(1, &field(2, scope_spans))
}

/// A field that has a length: a message or a text.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(content.len()));
    field.extend_from_slice(content);
    field
}

fn varint(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(number as u64, &mut bytes);
    bytes
}
