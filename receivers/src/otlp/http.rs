//! The HTTP desk: POST to the path of a signal, protobuf or JSON.

use bytes::Bytes;
use config::Signal;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, ORIGIN, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, request};
use hyper::body::Incoming;
use net::codec::{self, Encoding};
use net::server::{Intake, Peer, Reply, retry_after};
use pipeline::payload::Rejected;
use pipeline::telemetry::Telemetry;
use tokio::time::{Instant, timeout_at};

use super::HttpProtocol;
use super::counts::RequestCounts;
use super::door::{Arrived, Door, Format};
use super::front::{Doors, Entrance};
use super::refusal::{Cause, Refusal};
use super::{grpc, reply};

/// Shorter answers are not compressed: they would hardly shrink, and most are empty.
const COMPRESS_BYTES_MIN: usize = 512;

/// Answers HTTP requests.
pub(super) struct HttpDesk {
    entrance: Entrance,
    doors: Doors,
    protocol: HttpProtocol,
    /// Headers of every answer.
    headers: HeaderMap,
    requests: RequestCounts,
}

/// A request that may be read.
struct Export<'a> {
    door: &'a Door,
    format: Format,
    encoding: Encoding,
}

impl HttpDesk {
    pub(super) fn new(protocol: HttpProtocol, (entrance, doors): (Entrance, Doors), telemetry: &Telemetry) -> Self {
        let mut headers = protocol.server.headers();
        // Senders that look at it learn that zstd is welcome (RFC 7694).
        if let Ok(accepted) = HeaderValue::try_from(protocol.server.accepted()) {
            headers.insert(ACCEPT_ENCODING, accepted);
        }
        Self {
            entrance,
            doors,
            protocol,
            headers,
            requests: RequestCounts::new("http", telemetry),
        }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let cors = self.protocol.server.cors.as_ref();
        if let Some(response) = cors.and_then(|cors| cors.preflight(&request)) {
            return response;
        }
        let (head, body) = request.into_parts();
        let mut intake = Intake::new(body);
        let mut response = self.export(&head, &mut intake, peer).await;
        if !head.headers.contains_key(EXPECT) {
            // Who expects `100 Continue` sends nothing before it hears from us.
            intake.drain().await;
        }
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        if let Some(cors) = cors {
            cors.permit(head.headers.get(ORIGIN), response.headers_mut());
        }
        response
    }

    pub(super) fn panicked(&self) -> Response<Reply> {
        self.requests.failure.add(1);
        plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request could not be handled; see the collector's log\n",
        )
    }

    async fn export(&self, head: &request::Parts, intake: &mut Intake, mut peer: Peer) -> Response<Reply> {
        let deadline = self
            .protocol
            .server
            .request_max()
            .and_then(|max| Instant::now().checked_add(max));
        let admitting = self.entrance.admit(&head.headers, &mut peer);
        if let Err(refusal) = before(deadline, async { Ok(admitting.await?) }).await {
            self.count(&refusal);
            return self.turned_away(head, &refusal);
        }
        let export = match self.look(head) {
            Ok(export) => export,
            Err(response) => {
                self.requests.failure.add(1);
                return *response;
            }
        };
        let taken = self.take(&export, head, intake, peer, deadline);
        match before(deadline, taken).await {
            Ok(rejected) => {
                self.requests.success.add(1);
                let body = reply::success(export.door.signal, export.format, &rejected);
                written(StatusCode::OK, export.format, body, &head.headers)
            }
            Err(refusal) => {
                self.count(&refusal);
                refused(&refusal, export.format, &head.headers)
            }
        }
    }

    fn count(&self, refusal: &Refusal) {
        let counter = if refusal.is_downstream() {
            &self.requests.refused
        } else {
            &self.requests.failure
        };
        counter.add(1);
    }

    /// The answer to somebody whom nobody knows. It says nothing about what there is behind the door.
    fn turned_away(&self, head: &request::Parts, refusal: &Refusal) -> Response<Reply> {
        let format = format_of(&head.headers).unwrap_or(Format::Json);
        let mut response = refused(refusal, format, &head.headers);
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(challenge) = self.entrance.challenge()
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// What the head of a request asks for, or the answer to a head that asks for nothing we have.
    fn look(&self, head: &request::Parts) -> Result<Export<'_>, Box<Response<Reply>>> {
        let path = head.uri.path();
        let Some(signal) = self.signal_of(path) else {
            let status = match grpc::signal_of(path) {
                // A gRPC method, but not the content type of gRPC.
                Some(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                None => StatusCode::NOT_FOUND,
            };
            return Err(Box::new(plain(
                status,
                "not found; OTLP goes to /v1/traces, /v1/metrics and /v1/logs\n",
            )));
        };
        let Some(door) = self.doors.get(signal) else {
            let text = format!("no pipeline of this collector takes {signal}\n");
            return Err(Box::new(plain(StatusCode::NOT_FOUND, text)));
        };
        if head.method != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "telemetry is sent by POST\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Err(Box::new(response));
        }
        let Some(format) = format_of(&head.headers) else {
            let text = "the content type must be application/x-protobuf or application/json\n";
            return Err(Box::new(plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)));
        };
        match self.encoding_of(&head.headers) {
            Ok(encoding) => Ok(Export { door, format, encoding }),
            Err(refusal) => Err(Box::new(refused(&refusal, format, &head.headers))),
        }
    }

    async fn take(
        &self,
        export: &Export<'_>,
        head: &request::Parts,
        intake: &mut Intake,
        peer: Peer,
        deadline: Option<Instant>,
    ) -> Result<Rejected, Refusal> {
        let Export { door, format, encoding } = *export;
        let bytes_max = self.protocol.server.body_bytes_max();
        let mut credit = door.admit(0)?;
        let body = intake.whole(bytes_max, &mut credit).await?;
        let metadata = self.protocol.server.include_metadata.then_some(&head.headers);
        let origin = self.entrance.origin(peer, "http", metadata);
        door.take(
            Arrived {
                body,
                encoding,
                format,
                bytes_max,
                credit,
            },
            origin,
            deadline,
        )
        .await
    }

    fn signal_of(&self, path: &str) -> Option<Signal> {
        let paths = &self.protocol.paths;
        let named = [
            (&paths.traces_url_path, Signal::Traces),
            (&paths.metrics_url_path, Signal::Metrics),
            (&paths.logs_url_path, Signal::Logs),
        ];
        // The Collector puts a slash before paths that lack one.
        let same = |own: &str| own.trim_start_matches('/') == path.trim_start_matches('/');
        named.into_iter().find(|(own, _)| same(own)).map(|(_, signal)| signal)
    }

    fn encoding_of(&self, headers: &HeaderMap) -> Result<Encoding, Refusal> {
        let Some(value) = headers.get(CONTENT_ENCODING) else {
            return Ok(Encoding::Identity);
        };
        let known = value.to_str().ok().and_then(Encoding::from_name);
        known
            .filter(|encoding| self.protocol.server.accepts(*encoding))
            .ok_or_else(|| {
                let accepted = self.protocol.server.accepted();
                let message = format!("content-encoding {value:?} is not supported; use {accepted}");
                Refusal::new(Cause::UnknownCoding, message)
            })
    }
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Format::Protobuf)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

/// What becomes of a request before its deadline.
async fn before<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    match deadline {
        None => work.await,
        Some(deadline) => timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late())),
    }
}

fn late() -> Refusal {
    Refusal::new(
        Cause::TimedOut,
        "the request took longer than read_timeout or write_timeout allows",
    )
}

fn refused(refusal: &Refusal, format: Format, request: &HeaderMap) -> Response<Reply> {
    let body = reply::failure(format, &refusal.status());
    let mut response = written(refusal.http_status(), format, body, request);
    if let Some(delay) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, retry_after(delay));
    }
    response
}

/// An answer in the format of the request, compressed where the client can read that and it is worth it.
fn written(status: StatusCode, format: Format, body: Bytes, request: &HeaderMap) -> Response<Reply> {
    let content_type = match format {
        Format::Protobuf => "application/x-protobuf",
        Format::Json => "application/json",
    };
    let mut response = Response::new(Reply::empty());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut body = body;
    if body.len() >= COMPRESS_BYTES_MIN {
        response
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("accept-encoding"));
        let mut compressed = Vec::new();
        let chunk = std::slice::from_ref(&body);
        if reads_gzip(request) && codec::compress(Encoding::Gzip, None, chunk, &mut compressed).is_ok() {
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = compressed.into();
        }
    }
    *response.body_mut() = Reply::of(body);
    response
}

fn reads_gzip(request: &HeaderMap) -> bool {
    let values = request
        .get_all(ACCEPT_ENCODING)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().trim_start_matches("q=").parse() == Ok(0.0_f32);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::of(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
