//! A backend for OTLP over gRPC and HTTP that keeps what it is sent.

use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How long a test waits for something that should happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps requests until somebody takes them.
pub(super) struct Inbox {
    pub(super) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Got>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// Without frame and compression.
    pub(super) message: Bytes,
}

impl Inbox {
    /// Listens until the test ends.
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| take(request, sender.clone()));
                // A connection that breaks is its client's business.
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, requests }
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Got {
        let next = tokio::time::timeout(PATIENCE, self.requests.recv());
        next.await.expect("nothing arrived in time").expect("the inbox is open")
    }
}

async fn take(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<Got>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(Response::builder().status(400).body(Full::default().boxed()).unwrap());
    };
    let body = body.to_bytes();
    let is_grpc = head
        .headers
        .get("content-type")
        .is_some_and(|it| it == "application/grpc");
    let message = if is_grpc {
        // A byte that says whether it is compressed, and four for the length.
        unpacked(body[0] == 1, &body[5..])
    } else {
        unpacked(head.headers.contains_key("content-encoding"), &body)
    };
    let _ = sender.send(Got {
        path: head.uri.path().to_owned(),
        headers: head.headers,
        message,
    });
    if !is_grpc {
        let answer = Response::builder().header("content-type", "application/x-protobuf");
        return Ok(answer.body(Full::default().boxed()).unwrap());
    }
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
    let frames = [
        Ok(Frame::data(Bytes::from_static(&[0; 5]))),
        Ok(Frame::trailers(trailers)),
    ];
    let answer = Response::builder().header("content-type", "application/grpc");
    let body = StreamBody::new(futures_util::stream::iter(frames));
    Ok(answer.body(body.boxed()).unwrap())
}

fn unpacked(is_gzip: bool, body: &[u8]) -> Bytes {
    if !is_gzip {
        return Bytes::copy_from_slice(body);
    }
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut whole).unwrap();
    whole.into()
}
