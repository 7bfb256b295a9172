//! A receiver that scrapes scripted sites on loopback, in front of a pipeline that takes everything.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::config::{Diagnostics, Kind, Section, Signal};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use pipeline::Outcome;
use pipeline::component::{Outlets, Receiver, Stop};
use pipeline::lane::{Backlog, LaneDoor, Outlet};
use pipeline::plan::World;
use pipeline::telemetry::Suffixes;
use prost::Message;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::super::PrometheusReceiver;

/// How a site answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// 200 with these headers and this body.
    Page(&'static str, Vec<u8>),
    /// Another status.
    Status(&'static str),
    /// A byte now and then.
    Drip,
    /// Never an end.
    Endless,
    /// Half of what was announced.
    HalfClosed,
}

/// A server with one page.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    /// Heads of the requests so far.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) async fn new(answer: Answer) -> Self {
        Self::with(answer, None).await
    }

    /// A site that speaks TLS with this certificate and key, in PEM.
    pub(crate) async fn secure(answer: Answer, certificate: &str, key: &str) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::with(answer, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn with(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, heads) = (Arc::new(Mutex::new(answer)), Arc::new(Mutex::new(Vec::new())));
        let (answers, noted) = (Arc::clone(&answer), Arc::clone(&heads));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, noted, tls) = (Arc::clone(&answers), Arc::clone(&noted), tls.clone());
                tokio::spawn(async move {
                    // A client that has had enough, or does not trust us, hangs up.
                    let _ = match tls {
                        None => serve(stream, &answers, &noted).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &answers, &noted).await,
                            Err(refused) => Err(refused),
                        },
                    };
                });
            }
        });
        Self { address, answer, heads }
    }

    pub(crate) async fn page(body: impl Into<Vec<u8>>) -> Self {
        Self::new(Answer::Page(
            "content-type: text/plain; version=1.0.0; charset=utf-8",
            body.into(),
        ))
        .await
    }

    pub(crate) fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: &Mutex<Answer>,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    heads
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&head).to_ascii_lowercase());
    let answer = answer.lock().unwrap().clone();
    match answer {
        Answer::Page(headers, body) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\n{headers}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.shutdown().await
        }
        Answer::Status(status) => {
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        Answer::Drip => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                .await?;
            loop {
                stream.write_all(b"a").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Answer::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b'a'; 64 * 1024]).await?;
            }
        }
        Answer::HalfClosed => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na 1\n")
                .await
        }
    }
}

/// A receiver and what it has told.
pub(crate) struct Rig {
    told: Arc<Mutex<Vec<Told>>>,
    /// While this is set, the pipeline takes nothing and says "later".
    refuses: Arc<AtomicBool>,
    /// So many more ends of a target are not taken.
    ends_to_refuse: Arc<AtomicUsize>,
    pub(crate) world: World,
    stop: Stop,
    service: JoinHandle<()>,
}

/// A point that was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) name: String,
    /// `job` and `instance`, as the resource says them.
    pub(crate) job: String,
    pub(crate) instance: String,
    /// Of a gauge or sum; of a histogram or summary its count. None for a stale marker.
    pub(crate) value: Option<f64>,
    pub(crate) time: u64,
}

impl Rig {
    /// A receiver with these scrape configs, all at an interval of a second.
    pub(crate) async fn start(scrape_configs: &str) -> Self {
        Self::in_front_of(scrape_configs, World::system(), true).await
    }

    /// The same in this world, in front of a pipeline that answers or never does.
    pub(crate) async fn in_front_of(scrape_configs: &str, world: World, answers: bool) -> Self {
        Self::configured(&format!("scrape_configs: [{scrape_configs}]"), world, answers).await
    }

    /// The same with jobs that are written in another way.
    pub(crate) async fn configured(jobs: &str, world: World, answers: bool) -> Self {
        let yaml = format!("config: {{global: {{scrape_interval: 1s, scrape_timeout: 900ms}}, {jobs}}}");
        Self::of::<PrometheusReceiver>(&yaml, world, answers).await
    }

    /// Any receiver of metrics with this configuration.
    pub(crate) async fn of<R: Receiver>(yaml: &str, world: World, answers: bool) -> Self {
        let name = R::ABOUT.name;
        let section = Section::from_yaml("test.yaml", yaml).unwrap();
        let mut diagnostics = Diagnostics::new();
        let config: Option<R::Config> = ::config::decode(&section, &mut diagnostics);
        let config = config.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));

        let (sender, mut batches) = mpsc::channel::<pipeline::Batch>(64);
        let door = LaneDoor::new(sender, Backlog::default());
        let mut outlets = Outlets::default();
        outlets.set(Signal::Metrics, Outlet::new(vec![vec![door]], world.budget.clone()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let refuses = Arc::new(AtomicBool::new(false));
        let ends_to_refuse = Arc::new(AtomicUsize::new(0));
        let (heard, is_refusing) = (Arc::clone(&told), Arc::clone(&refuses));
        let ends = Arc::clone(&ends_to_refuse);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Some(batch) = batches.recv().await {
                if is_refusing.load(Ordering::SeqCst) {
                    batch.settle(Outcome::retry("full"));
                    continue;
                }
                let request = ExportMetricsServiceRequest::decode(batch.payload.bytes().clone()).unwrap();
                let points = points(request);
                let is_end = points.iter().any(|point| point.name == "up" && point.value.is_none());
                let one_less = |left: usize| left.checked_sub(1);
                if is_end && ends.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                    batch.settle(Outcome::retry("full"));
                    continue;
                }
                heard.lock().unwrap().extend(points);
                if answers {
                    batch.settle(Outcome::Delivered);
                } else {
                    held.push(batch);
                }
            }
        });
        let mut setup = pipeline::testing::contract::setup(&world, name, Kind::Receiver, Signal::Metrics);
        setup.telemetry = world.telemetry.with("receiver", name);
        let stop = Stop::new();
        let service = R::start(config, setup, outlets, stop.clone()).await.unwrap();
        let service = tokio::spawn(async move { service.await.unwrap() });
        Self {
            told,
            refuses,
            ends_to_refuse,
            world,
            stop,
            service,
        }
    }

    /// Whether the pipeline refuses what comes from now on.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The pipeline does not take the next ends of a target, so many times.
    pub(crate) fn refuse_ends(&self, times: usize) {
        self.ends_to_refuse.store(times, Ordering::SeqCst);
    }

    /// How many ends are still to be refused.
    pub(crate) fn ends_to_refuse(&self) -> usize {
        self.ends_to_refuse.load(Ordering::SeqCst)
    }

    /// Everything that was told, in order.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// The values of a series so far.
    pub(crate) fn values(&self, name: &str, job: &str) -> Vec<Option<f64>> {
        let told = self.told();
        let of_series = told.iter().filter(|point| point.name == name && point.job == job);
        of_series.map(|point| point.value).collect()
    }

    /// Waits until what was told satisfies a condition.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{what} did not happen in 30 seconds; {:?}; {}",
            self.told(),
            self.metrics()
        );
    }

    /// Stops the receiver and waits for its end.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), &mut self.service)
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) fn metrics(&self) -> String {
        self.world.telemetry.metrics().render(Suffixes::none())
    }

    /// The value of one of its own metrics whose line has all these parts.
    pub(crate) fn metric(&self, parts: &[&str]) -> f64 {
        let page = self.metrics();
        let line = page
            .lines()
            .find(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)));
        line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

fn points(request: ExportMetricsServiceRequest) -> Vec<Told> {
    let mut told = Vec::new();
    for resource in request.resource_metrics {
        let of = |key: &str| attribute(resource.resource.as_ref(), key);
        let (job, instance) = (of("service.name"), of("service.instance.id"));
        for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            let values: Vec<(u32, u64, f64)> = match metric.data.unwrap() {
                Data::Gauge(gauge) => gauge.data_points.iter().map(number).collect(),
                Data::Sum(sum) => sum.data_points.iter().map(number).collect(),
                Data::Histogram(histogram) => histogram
                    .data_points
                    .iter()
                    .map(|point| (point.flags, point.time_unix_nano, point.count as f64))
                    .collect(),
                Data::Summary(summary) => summary
                    .data_points
                    .iter()
                    .map(|point| (point.flags, point.time_unix_nano, point.count as f64))
                    .collect(),
                other => panic!("{other:?}"),
            };
            told.extend(values.into_iter().map(|(flags, time, value)| Told {
                name: metric.name.clone(),
                job: job.clone(),
                instance: instance.clone(),
                value: (flags & 1 == 0).then_some(value),
                time,
            }));
        }
    }
    told
}

fn number(point: &opentelemetry_proto::tonic::metrics::v1::NumberDataPoint) -> (u32, u64, f64) {
    let value = match point.value {
        Some(Value::AsDouble(value)) => value,
        _ => 0.0,
    };
    (point.flags, point.time_unix_nano, value)
}

fn attribute(resource: Option<&Resource>, key: &str) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let found = resource.and_then(|resource| resource.attributes.iter().find(|attribute| attribute.key == key));
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        _ => String::new(),
    }
}
