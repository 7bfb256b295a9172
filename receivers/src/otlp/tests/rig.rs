//! A receiver on real sockets in front of a pipeline that the test plays.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use config::{Diagnostics, Kind, Section, Signal};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use net::codec::{self, Encoding};
use net::grpc::{Prefix, Status};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pipeline::component::{Outlets, Receiver, Stop};
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::outside::{Connection, Listener, Network, SystemNetwork};
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use pipeline::{Batch, Outcome};
use prost::Message;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::{Config, Otlp};

pub(super) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub(super) const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
pub(super) const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Both protocols on ports that are free.
pub(super) const BOTH: &str = "protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } }";

/// A receiver, and the pipeline behind it.
pub(super) struct Rig {
    /// Where it listens, in the order grpc, http.
    pub(super) addresses: Vec<SocketAddr>,
    /// What arrived; None once somebody else answers.
    pub(super) batches: Option<mpsc::Receiver<Batch>>,
    pub(super) world: World,
    pub(super) stop: Stop,
    pub(super) service: JoinHandle<()>,
}

pub(super) fn config(yaml: &str) -> Config {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let config = config::decode(&section, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    config.unwrap()
}

pub(super) fn problems(yaml: &str) -> String {
    let section = Section::from_yaml("test.yaml", yaml).unwrap();
    let mut diagnostics = Diagnostics::new();
    let _ = config::decode::<Config>(&section, &mut diagnostics);
    assert!(diagnostics.has_errors(), "{yaml} was accepted");
    diagnostics.render(false)
}

impl Rig {
    /// A receiver whose batches the test settles; only traces and metrics have a pipeline.
    pub(super) async fn start(yaml: &str) -> Self {
        Self::start_with(yaml, |_| {}).await
    }

    /// The same in a world with something more in it.
    pub(super) async fn start_with(yaml: &str, furnish: impl FnOnce(&mut World)) -> Self {
        let mut world = World::system();
        furnish(&mut world);
        let network = Arc::new(Recording::default());
        world.outside.network = Arc::clone(&network) as Arc<dyn Network>;
        let (sender, batches) = mpsc::channel(64);
        let door = LaneDoor::new(sender, Backlog::default());
        let outlet = Outlet::new(vec![vec![door]], world.budget.clone());
        let mut outlets = Outlets::default();
        outlets.set(Signal::Traces, outlet.clone());
        outlets.set(Signal::Metrics, outlet);
        let mut setup = pipeline::testing::contract::setup(&world, "otlp", Kind::Receiver, Signal::Traces);
        setup.telemetry = world.telemetry.with("receiver", "otlp");

        let stop = Stop::new();
        let service = Otlp::start(config(yaml), setup, outlets, stop.clone()).await.unwrap();
        let service = tokio::spawn(async move { service.await.unwrap() });
        let addresses = network.addresses.lock().unwrap().clone();
        Self {
            addresses,
            batches: Some(batches),
            world,
            stop,
            service,
        }
    }

    /// Why a receiver does not start.
    pub(super) async fn refused(yaml: &str) -> String {
        let world = World::system();
        let setup = pipeline::testing::contract::setup(&world, "otlp", Kind::Receiver, Signal::Traces);
        let started = Otlp::start(config(yaml), setup, Outlets::default(), Stop::new()).await;
        started.map(|_| ()).unwrap_err().to_string()
    }

    /// The same with a pipeline that ends every batch like this.
    pub(super) async fn with(yaml: &str, outcome: Outcome) -> Self {
        let mut rig = Self::start(yaml).await;
        let mut batches = rig.batches.take().unwrap();
        tokio::spawn(async move {
            while let Some(batch) = batches.recv().await {
                batch.settle(outcome.clone());
            }
        });
        rig
    }

    pub(super) fn grpc(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(super) fn http(&self) -> SocketAddr {
        *self.addresses.last().unwrap()
    }

    pub(super) fn metrics(&self) -> String {
        self.world.telemetry.metrics().render(Suffixes::none())
    }
}

/// One gRPC call: the status and the message of the answer.
pub(super) struct Answer {
    pub(super) http: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) status: Option<Status>,
    pub(super) message: Bytes,
}

impl Answer {
    pub(super) fn status(&self) -> &Status {
        self.status
            .as_ref()
            .unwrap_or_else(|| panic!("no grpc-status, HTTP {} {:?}", self.http, self.headers))
    }
}

pub(super) type Http2 = http2::SendRequest<Full<Bytes>>;

pub(super) async fn connect(address: SocketAddr) -> (Http2, JoinHandle<()>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(async move { drop(connection.await) });
    (sender, connection)
}

pub(super) async fn call(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let (mut sender, _connection) = connect(address).await;
    call_on(&mut sender, path, headers, body).await
}

/// A call that goes on while the test plays the pipeline.
pub(super) fn calling(
    address: SocketAddr,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
) -> JoinHandle<Answer> {
    tokio::spawn(async move { call(address, path, &headers, body).await })
}

pub(super) async fn call_on(
    sender: &mut Http2,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::post(format!("http://collector{path}")).header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender
        .send_request(request.body(Full::new(body.into())).unwrap())
        .await
        .unwrap();
    answer_of(response).await
}

/// An answer of either protocol; one of HTTP has no gRPC status.
pub(super) async fn answer_of(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let status = collected
        .trailers()
        .and_then(Status::read)
        .or_else(|| Status::read(&head.headers));
    Answer {
        http: head.status,
        headers: head.headers,
        status,
        message: collected.to_bytes(),
    }
}

/// One HTTP request over HTTP/1.1 or HTTP/2.
pub(super) async fn send(address: SocketAddr, http2: bool, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let response = if http2 {
        let (mut sender, _connection) = connect(address).await;
        let (mut head, body) = request.into_parts();
        head.uri = format!("http://collector{}", head.uri).parse().unwrap();
        sender.send_request(Request::from_parts(head, body)).await.unwrap()
    } else {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

pub(super) fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::post(path).header("host", "collector");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

pub(super) fn framed(compressed: bool, message: &[u8]) -> Vec<u8> {
    let mut framed = Prefix {
        compressed,
        length: u32::try_from(message.len()).unwrap(),
    }
    .bytes()
    .to_vec();
    framed.extend_from_slice(message);
    framed
}

pub(super) fn packed(encoding: Encoding, message: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    codec::compress(encoding, None, &[Bytes::copy_from_slice(message)], &mut packed).unwrap();
    packed
}

/// As small as it gets.
pub(super) fn packed_hard(encoding: Encoding, message: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    codec::compress(encoding, Some(9), &[Bytes::copy_from_slice(message)], &mut packed).unwrap();
    packed
}

pub(super) fn span(name: &str) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.to_owned(),
        ..Default::default()
    }
}

pub(super) fn request(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..Default::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..Default::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

const EVERY_METRIC: &str = include_str!("../../../../tests/fixtures/otlp/metrics-of-every-kind.json");

/// Metrics of every kind with everything that can be said about them: in JSON, and as what that means.
pub(super) fn every_metric() -> (&'static str, ExportMetricsServiceRequest) {
    (EVERY_METRIC, serde_json::from_str(EVERY_METRIC).unwrap())
}

/// Waits for something that other tasks bring about.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen in ten seconds");
}

/// The real network, remembering where it listens.
#[derive(Default)]
struct Recording {
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Network for Recording {
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let (listening, addresses) = (SystemNetwork.listen(address), Arc::clone(&self.addresses));
        Box::pin(async move {
            let listener = listening.await?;
            addresses.lock().unwrap().extend(listener.local_addr());
            Ok(listener)
        })
    }

    fn listen_unix(&self, path: &Path) -> io::Result<Box<dyn Listener>> {
        SystemNetwork.listen_unix(path)
    }

    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        SystemNetwork.connect(address)
    }

    fn connect_unix(&self, path: &Path) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        SystemNetwork.connect_unix(path)
    }

    fn resolve(&self, address: &str) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        SystemNetwork.resolve(address)
    }
}
