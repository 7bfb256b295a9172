//! OTLP as it stands on the wire, written down once more apart from the program: plain HTTP and gRPC frames.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;

use crate::patience::PATIENCE;

/// The method that takes traces (OTLP specification, "OTLP/gRPC").
pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// gRPC's code for a success.
pub(crate) const OK: u16 = 0;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The code of HTTP.
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The code of gRPC, which stands behind the body or, when there is none, in the headers.
    pub(crate) fn grpc_status(&self) -> Option<u16> {
        self.headers.get("grpc-status")?.to_str().ok()?.parse().ok()
    }

    /// A header as text; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The message in a gRPC answer, without its frame.
    pub(crate) fn message(&self) -> Bytes {
        self.body.slice(5.min(self.body.len())..)
    }

    /// How long a sender is asked to wait: `RetryInfo` of gRPC or `Retry-After` of HTTP.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        if let Some(seconds) = self.headers.get("retry-after") {
            return Some(Duration::from_secs(seconds.to_str().unwrap().parse().unwrap()));
        }
        let details = base64(self.header("grpc-status-details-bin"));
        let status = RpcStatus::decode(details.as_slice()).expect("a google.rpc.Status");
        let info = status
            .details
            .iter()
            .find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
        let delay = RetryInfo::decode(info.value.as_slice())
            .unwrap()
            .retry_delay
            .unwrap_or_default();
        Some(Duration::new(
            delay.seconds.try_into().unwrap(),
            delay.nanos.try_into().unwrap(),
        ))
    }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Decodes base64 without padding, as gRPC writes binary headers.
fn base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = alphabet
            .iter()
            .position(|it| *it == letter)
            .expect("a letter of base64");
        bits = bits << 6 | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    bytes
}

/// A gRPC connection that is used for several calls.
#[derive(Clone)]
pub(crate) struct GrpcConnection {
    port: u16,
    sender: http2::SendRequest<Full<Bytes>>,
}

impl GrpcConnection {
    pub(crate) async fn open(port: u16) -> Result<Self, String> {
        let stream = connect(port).await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Self { port, sender })
    }

    /// Calls a method with a body that is sent as it is.
    pub(crate) async fn call(&mut self, path: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Answer, String> {
        let mut all = vec![("content-type", "application/grpc"), ("te", "trailers")];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend_from_slice(headers);
        let request = request(Method::POST, self.port, Version::HTTP_2, path, &all, body);
        self.sender.ready().await.map_err(|error| error.to_string())?;
        answer(self.sender.send_request(request)).await
    }

    /// Exports traces, uncompressed.
    pub(crate) async fn export(&mut self, message: &[u8]) -> Result<Answer, String> {
        self.call(EXPORT, &[], framed(false, message)).await
    }
}

/// Exports traces over a connection of its own.
pub(crate) async fn export(port: u16, message: &[u8]) -> Answer {
    call(port, EXPORT, &[], framed(false, message)).await
}

/// Calls a method over a connection of its own.
pub(crate) async fn call(port: u16, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut connection = GrpcConnection::open(port).await.unwrap();
    connection.call(path, headers, body.into()).await.unwrap()
}

/// Posts over HTTP/1.1.
pub(crate) async fn post(port: u16, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_send(Method::POST, port, path, headers, Bytes::copy_from_slice(body))
        .await
        .unwrap()
}

/// Gets a page; none when nobody listens or the connection breaks.
pub(crate) async fn get(port: u16, path: &str) -> Option<Answer> {
    try_send(Method::GET, port, path, &[], Bytes::new()).await.ok()
}

/// Sends one request over HTTP/1.1.
pub(crate) async fn try_send(
    method: Method,
    port: u16,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Answer, String> {
    let stream = connect(port).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    answer(sender.send_request(request(method, port, Version::HTTP_11, path, headers, body))).await
}

async fn connect(port: u16) -> Result<TcpStream, String> {
    TcpStream::connect(("127.0.0.1", port))
        .await
        .map_err(|error| error.to_string())
}

fn request(
    method: Method,
    port: u16,
    version: Version,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Request<Full<Bytes>> {
    // HTTP/1.1 wants a path and a host, HTTP/2 a whole URI.
    let authority = format!("127.0.0.1:{port}");
    let mut request = match version {
        Version::HTTP_2 => Request::builder().uri(format!("http://{authority}{path}")),
        _ => Request::builder().uri(path).header("host", authority),
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.method(method).version(version).body(Full::new(body)).unwrap()
}

async fn answer(sent: impl Future<Output = hyper::Result<Response<Incoming>>>) -> Result<Answer, String> {
    let received = async {
        let (head, body) = sent.await?.into_parts();
        let body = body.collect().await?;
        let mut headers = head.headers;
        headers.extend(body.trailers().cloned().unwrap_or_default());
        Ok(Answer {
            status: head.status.as_u16(),
            headers,
            body: body.to_bytes(),
        })
    };
    match tokio::time::timeout(PATIENCE, received).await {
        Ok(received) => received.map_err(|error: hyper::Error| format!("{error:?}")),
        Err(_) => panic!("no answer within {PATIENCE:?}"),
    }
}

/// A message in gRPC's frame: whether it is compressed, how long it is, itself.
pub(crate) fn framed(compressed: bool, message: &[u8]) -> Bytes {
    let mut frame = vec![u8::from(compressed)];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_at(flate2::Compression::fast(), bytes)
}

/// As small as gzip gets, which takes its time.
pub(crate) fn gzip_small(bytes: &[u8]) -> Vec<u8> {
    gzip_at(flate2::Compression::best(), bytes)
}

fn gzip_at(level: flate2::Compression, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}
