//! The gRPC desk: unary `Export` calls of the three services.

use bytes::{BufMut, Bytes, BytesMut};
use config::Signal;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use net::codec::Encoding;
use net::grpc::{self, Code, PREFIX_BYTES, Prefix, Status};
use net::server::{GrpcServer, Intake, Peer, Reply};
use pipeline::payload::Rejected;
use pipeline::telemetry::Telemetry;
use tokio::time::{Instant, timeout_at};

use super::counts::RequestCounts;
use super::door::{Arrived, Door, Format};
use super::front::{Doors, Entrance};
use super::refusal::{Cause, Refusal};
use super::reply;

/// Answers gRPC calls.
pub(super) struct GrpcDesk {
    entrance: Entrance,
    doors: Doors,
    message_bytes_max: usize,
    include_metadata: bool,
    requests: RequestCounts,
}

/// The service that takes a signal, as the path of its only method.
pub(super) fn signal_of(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        _ => None,
    }
}

impl GrpcDesk {
    pub(super) fn new(server: &GrpcServer, (entrance, doors): (Entrance, Doors), telemetry: &Telemetry) -> Self {
        Self {
            entrance,
            doors,
            message_bytes_max: server.message_bytes_max(),
            include_metadata: server.include_metadata,
            requests: RequestCounts::new("grpc", telemetry),
        }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let (head, body) = request.into_parts();
        let mut intake = Intake::new(body);
        if let Some(response) = no_call(&head) {
            self.requests.failure.add(1);
            intake.drain().await;
            return response;
        }
        let deadline = deadline(&head.headers);
        let taken = self.take(&head, &mut intake, peer, deadline);
        let taken = match deadline {
            None => taken.await,
            Some(deadline) => timeout_at(deadline, taken).await.unwrap_or_else(|_| Err(late())),
        };
        match taken {
            Ok((signal, rejected)) => {
                self.requests.success.add(1);
                success(signal, &rejected)
            }
            Err(refusal) => {
                let counter = if refusal.is_downstream() {
                    &self.requests.refused
                } else {
                    &self.requests.failure
                };
                counter.add(1);
                intake.drain().await;
                failure(&refusal.status())
            }
        }
    }

    /// A panic is our fault, and the same request would meet it again: a code that clients do not try again on.
    pub(super) fn panicked(&self) -> Response<Reply> {
        self.requests.failure.add(1);
        failure(&Status::new(
            Code::Unknown,
            "the request could not be handled; see the collector's log",
        ))
    }

    async fn take(
        &self,
        head: &http::request::Parts,
        intake: &mut Intake,
        peer: Peer,
        deadline: Option<Instant>,
    ) -> Result<(Signal, Rejected), Refusal> {
        let mut peer = peer;
        self.entrance.admit(&head.headers, &mut peer).await?;
        let door = self.door(head.uri.path())?;
        let declared = encoding(&head.headers)?;
        let mut credit = door.admit(0)?;
        let (prefix, body) = intake.message(self.message_bytes_max, &mut credit).await?;
        let encoding = if prefix.compressed {
            declared
        } else {
            Encoding::Identity
        };
        if prefix.compressed && declared == Encoding::Identity {
            let message = "the message is compressed, but grpc-encoding does not say how";
            return Err(Refusal::new(Cause::Invalid, message));
        }
        let origin = self
            .entrance
            .origin(peer, "grpc", self.include_metadata.then_some(&head.headers));
        let bytes_max = self.message_bytes_max;
        let arrived = Arrived {
            body,
            encoding,
            format: Format::Protobuf,
            bytes_max,
            credit,
        };
        let rejected = door.take(arrived, origin, deadline).await?;
        Ok((door.signal, rejected))
    }

    fn door(&self, path: &str) -> Result<&Door, Refusal> {
        let Some(signal) = signal_of(path) else {
            return Err(Refusal::new(Cause::NotServed, format!("unknown method {path}")));
        };
        let unserved = || {
            Refusal::new(
                Cause::NotServed,
                format!("no pipeline of this collector takes {signal}"),
            )
        };
        self.doors.get(signal).ok_or_else(unserved)
    }
}

/// The answer to what is no gRPC call at all (PROTOCOL-HTTP2, "Requests").
fn no_call(head: &http::request::Parts) -> Option<Response<Reply>> {
    let status = if head.version != Version::HTTP_2 {
        StatusCode::HTTP_VERSION_NOT_SUPPORTED
    } else if !speaks_protobuf(&head.headers) {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else if head.method != Method::POST {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        return None;
    };
    let mut response = Response::new(Reply::empty());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    Some(response)
}

/// `application/grpc`, `application/grpc+proto`, with or without parameters; not `+json`, not gRPC-Web.
fn speaks_protobuf(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim_end();
    media_type == grpc::CONTENT_TYPE || media_type.strip_prefix(grpc::CONTENT_TYPE) == Some("+proto")
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let Some(value) = headers.get(grpc::ENCODING) else {
        return Ok(Encoding::Identity);
    };
    let known = value.to_str().ok().and_then(Encoding::from_name);
    known.ok_or_else(|| {
        let message = format!("grpc-encoding {value:?} is not supported; use {}", Encoding::ACCEPTED);
        Refusal::new(Cause::UnknownCoding, message)
    })
}

fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let timeout = grpc::parse_timeout(headers.get(grpc::TIMEOUT)?.to_str().ok()?)?;
    Instant::now().checked_add(timeout)
}

fn late() -> Refusal {
    Refusal::new(Cause::TimedOut, "the time that grpc-timeout gives is over")
}

fn success(signal: Signal, rejected: &Rejected) -> Response<Reply> {
    let mut trailers = HeaderMap::with_capacity(1);
    Status::new(Code::Ok, "").write(&mut trailers);
    let message = reply::success(signal, Format::Protobuf, rejected);
    let mut response = Response::new(Reply::of(framed(&message)).with_trailers(trailers));
    common(response.headers_mut());
    response
}

/// An answer without a message: the status stands in the headers ("Trailers-Only").
fn failure(status: &Status) -> Response<Reply> {
    let mut response = Response::new(Reply::empty());
    common(response.headers_mut());
    status.write(response.headers_mut());
    response
}

fn common(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(grpc::CONTENT_TYPE));
    // Senders that look at it learn that zstd is welcome.
    let accepted = HeaderValue::from_static(Encoding::ACCEPTED);
    headers.insert(HeaderName::from_static(grpc::ACCEPT_ENCODING), accepted);
}

fn framed(message: &[u8]) -> Bytes {
    if message.is_empty() {
        return Bytes::from_static(&[0; PREFIX_BYTES]);
    }
    // Our own answers are a few hundred bytes.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_slice(
        &Prefix {
            compressed: false,
            length,
        }
        .bytes(),
    );
    framed.put_slice(message);
    framed.freeze()
}
