//! A backend that can be told to hang: OTLP over HTTP, one task a connection.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::capture::decode;

/// Counts each span that arrives, by its id.
type Arrived = Arc<Mutex<HashMap<Vec<u8>, u32>>>;

/// Listens until the test ends.
pub(crate) struct Destination {
    pub(crate) port: u16,
    answering: watch::Sender<bool>,
    arrived: Arrived,
}

impl Destination {
    /// One that answers at once.
    pub(crate) async fn open() -> Self {
        Self::start(true).await
    }

    /// One that takes connections and requests and answers nobody.
    pub(crate) async fn hanging() -> Self {
        Self::start(false).await
    }

    async fn start(answers: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answering, gate) = watch::channel(answers);
        let arrived = Arrived::default();
        tokio::spawn(accept(listener, gate, arrived.clone()));
        Self {
            port,
            answering,
            arrived,
        }
    }

    /// Answers from now on, also those who wait.
    pub(crate) fn recover(&self) {
        self.answering.send_replace(true);
    }

    /// How often each span arrived, by its id.
    pub(crate) fn arrived(&self) -> HashMap<Vec<u8>, u32> {
        self.arrived.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, gate: watch::Receiver<bool>, arrived: Arrived) {
    while let Ok((stream, _)) = listener.accept().await {
        let (gate, arrived) = (gate.clone(), arrived.clone());
        let service = service_fn(move |request| take(request, gate.clone(), arrived.clone()));
        // A connection that breaks is the program's business, not ours.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn take(
    request: Request<Incoming>,
    mut gate: watch::Receiver<bool>,
    arrived: Arrived,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Ok(open) = gate.wait_for(|answering| *answering).await.map(|it| *it) else {
        return Ok(Response::builder().status(503).body(Full::default()).unwrap());
    };
    assert!(open);
    let Ok(body) = request.into_body().collect().await else {
        return Ok(Response::builder().status(400).body(Full::default()).unwrap());
    };
    let mut spans = arrived.lock().unwrap();
    for captured in decode(&body.to_bytes()) {
        *spans.entry(captured.span.span_id).or_default() += 1;
    }
    drop(spans);
    let answer = Response::builder().header("content-type", "application/x-protobuf");
    Ok(answer.body(Full::default()).unwrap())
}
