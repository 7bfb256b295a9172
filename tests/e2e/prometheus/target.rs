//! A page that is scraped, and how often by whom.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::patience::{PATIENCE, until};

/// What a target shows.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    content_type: &'static str,
    text: Bytes,
}

/// Shows its page at every path, until it is stopped or the test ends.
pub(crate) struct Target {
    pub(crate) port: u16,
    shown: Arc<Mutex<Shown>>,
    listening: JoinHandle<()>,
}

struct Shown {
    page: Page,
    /// How often each path was asked for since this page is shown.
    asked: BTreeMap<String, u32>,
}

impl Page {
    /// In Prometheus' text format.
    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self {
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            text: text.into(),
        }
    }

    pub(crate) fn open_metrics(text: impl Into<Bytes>) -> Self {
        Self {
            content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text: text.into(),
        }
    }

    /// A page that a running vLLM showed, by the name of its file.
    pub(crate) fn of_vllm(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/engines/vllm-0.32.0/metrics");
        Self {
            content_type: "text/plain; version=1.0.0; charset=utf-8",
            text: std::fs::read(folder.join(name)).unwrap().into(),
        }
    }

    /// The page with something else in place of what stands there once.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        let text = std::str::from_utf8(&self.text).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        self.text = text.replace(from, to).into();
        self
    }
}

impl Page {
    /// The number behind what a line begins with.
    pub(crate) fn number(&self, begins: &str) -> f64 {
        let text = std::str::from_utf8(&self.text).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(begins));
        line.unwrap_or_else(|| panic!("no {begins}")).parse().unwrap()
    }
}

impl Target {
    pub(crate) async fn showing(page: Page) -> Self {
        Self::at("127.0.0.1", page).await
    }

    /// At all addresses of this machine, as if it were several.
    pub(crate) async fn everywhere(page: Page) -> Self {
        Self::at("0.0.0.0", page).await
    }

    async fn at(address: &str, page: Page) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = Arc::new(Mutex::new(Shown {
            page,
            asked: BTreeMap::new(),
        }));
        let listening = tokio::spawn(accept(listener, shown.clone()));
        Self { port, shown, listening }
    }

    pub(crate) fn show(&self, page: Page) {
        *self.shown.lock().unwrap() = Shown {
            page,
            asked: BTreeMap::new(),
        };
    }

    /// Waits until each of these paths was asked for again after it had got this page: one that asks again has done
    /// with the page before.
    pub(crate) async fn was_scraped(&self, paths: &[&str]) {
        let what = format!("{paths:?} are scraped twice");
        until(&what, PATIENCE, || {
            let asked = &self.shown.lock().unwrap().asked;
            let twice = paths
                .iter()
                .all(|path| asked.get(*path).is_some_and(|times| *times >= 2));
            std::future::ready(twice.then_some(()))
        })
        .await;
    }

    /// Is not there any more.
    pub(crate) async fn stop(&mut self) {
        self.listening.abort();
        // The port is free when the task is gone.
        let _ = (&mut self.listening).await;
    }
}

async fn accept(listener: TcpListener, shown: Arc<Mutex<Shown>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shown = shown.clone();
        let service = service_fn(move |request| std::future::ready(answer(&request, &shown)));
        // One connection for each scrape, so that nobody holds one to a target that was stopped.
        let connection = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

fn answer(request: &Request<Incoming>, shown: &Mutex<Shown>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut shown = shown.lock().unwrap();
    *shown.asked.entry(request.uri().path().to_owned()).or_default() += 1;
    let answer = Response::builder().header("content-type", shown.page.content_type);
    Ok(answer.body(Full::new(shown.page.text.clone())).unwrap())
}
