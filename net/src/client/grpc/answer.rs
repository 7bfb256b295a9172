//! What came back: headers, at most one message, and the status in the trailers.

use ::http::header::{CONTENT_TYPE, HeaderMap};
use ::http::{Response, StatusCode};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::Failure;
use crate::codec::{self, Encoding};
use crate::grpc::{self, Code, PREFIX_BYTES, Prefix, Status};

/// Largest answer, as in OTLP's recommendation for clients; ours are a few bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) async fn read(response: Response<Incoming>) -> Result<Bytes, Failure> {
    let (head, mut body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(Failure::Status(from_http(head.status)));
    }
    if !is_grpc(&head.headers) {
        let got = head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("nothing");
        let problem = format!("the answer is {got:?} and not gRPC; is this an OTLP/HTTP port (4318) instead of 4317?");
        return Err(Failure::Unusable(problem));
    }
    // An error without a message puts its status where headers stand ("Trailers-Only").
    let mut status = Status::read(&head.headers);
    let mut bytes = BytesMut::new();
    let mut is_whole = true;
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Failure::NoAnswer(format!("the answer broke off: {}", super::super::causes(&error))))?;
        match frame.into_data() {
            // What counts is the status, and that comes behind it.
            Ok(data) if bytes.len() + data.len() > ANSWER_BYTES_MAX => is_whole = false,
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => status = frame.trailers_ref().and_then(Status::read).or(status),
        }
    }
    match status {
        Some(status) if status.code == Code::Ok => Ok(message(&head.headers, bytes.freeze())
            .filter(|_| is_whole)
            .unwrap_or_else(unreadable)),
        Some(status) => Err(Failure::Status(status)),
        None => Err(Failure::NoAnswer("the answer ended without a status".to_owned())),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    content_type.is_some_and(|value| value.starts_with(grpc::CONTENT_TYPE.as_bytes()))
}

/// The codes that gRPC gives to answers of proxies that do not speak it ("HTTP to gRPC Status Code Mapping").
fn from_http(status: StatusCode) -> Status {
    let code = match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Status::new(code, format!("answered with HTTP status {status}"))
}

/// The one message of a unary answer, decompressed. No message at all is taken for an empty one: the status says OK.
fn message(headers: &HeaderMap, mut bytes: Bytes) -> Option<Bytes> {
    let Some(prefix) = bytes.first_chunk::<PREFIX_BYTES>() else {
        return Some(Bytes::new());
    };
    let prefix = Prefix::read(*prefix)?;
    bytes.advance(PREFIX_BYTES);
    if bytes.len() != prefix.length as usize {
        return None;
    }
    if !prefix.compressed {
        return Some(bytes);
    }
    let encoding = Encoding::from_name(headers.get(grpc::ENCODING)?.to_str().ok()?)?;
    // The answer is not charged to the budget: it is small, and it is gone when this call ends.
    let plain = codec::decompress(encoding, &bytes, ANSWER_BYTES_MAX, &mut |_| Ok(()));
    plain.ok().map(Bytes::from)
}

/// A message that cannot be read does not undo the status: the server has taken the request.
fn unreadable() -> Bytes {
    tracing::debug!("the destination took the request, but its answer cannot be read");
    Bytes::new()
}
