//! Connections of the simulated API server.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Shared;
use super::ask::Ask;
use super::store::Fault;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((connection, _)) = listener.accept().await {
        let (shared, mut ended) = (Arc::clone(&shared), shared.ended.subscribe());
        let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
        let serving = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
        tokio::spawn(async move {
            tokio::select! {
                _ = serving => {}
                _ = ended.changed() => {}
            }
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Answer, Infallible> {
    let query = request.uri().query().unwrap_or_default();
    let Some(ask) = Ask::read(request.uri().path(), query) else {
        return Ok(status(404, "the server could not find the requested resource"));
    };
    let said = request.headers().get("authorization").and_then(|it| it.to_str().ok());
    let fault = {
        let mut store = shared.store();
        store.asked.push(format!("{} {} {query}", ask.verb(), ask.plural));
        let expected = store.token.as_ref().map(|token| format!("Bearer {token}"));
        if expected.is_some() && expected.as_deref() != said {
            return Ok(status(401, "Unauthorized"));
        }
        store.faults.get(&(ask.verb().to_owned(), ask.plural.clone())).cloned()
    };
    Ok(match fault {
        Some(Fault::Status(code, words)) => status(code, &words),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Garbage) => whole(200, "<html>\n".to_owned()),
        Some(Fault::End) => whole(200, String::new()),
        Some(Fault::Expired) => whole(200, EXPIRED.to_owned()),
        None if ask.verb() == "list" => whole(200, shared.store().list(&ask).to_string()),
        None => watched(ask, &shared),
    })
}

/// As the API server says it on a watch.
const EXPIRED: &str = r#"{"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "too old resource version", "reason": "Expired", "code": 410}}
"#;

struct Listener {
    ask: Ask,
    version: u64,
    shared: Arc<Shared>,
    changed: watch::Receiver<u64>,
    is_over: bool,
}

fn watched(ask: Ask, shared: &Arc<Shared>) -> Answer {
    let version = ask.parameter("resourceVersion").and_then(|it| it.parse().ok());
    let listener = Listener {
        version: version.unwrap_or_default(),
        ask,
        shared: Arc::clone(shared),
        changed: shared.changed.subscribe(),
        is_over: false,
    };
    let lines = stream::unfold(listener, |mut listener| async {
        let lines = listener.next().await?;
        Some((Ok(Frame::data(Bytes::from(lines))), listener))
    });
    Response::new(StreamBody::new(lines).boxed_unsync())
}

impl Listener {
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        loop {
            let since = self.shared.store().since(self.version, &self.ask);
            let Some((lines, version)) = since else {
                self.is_over = true;
                let status = status_of(410, "too old resource version");
                return Some(format!("{}\n", json!({"type": "ERROR", "object": status})));
            };
            self.version = version;
            if !lines.is_empty() {
                return Some(lines);
            }
            self.changed.changed().await.ok()?;
        }
    }
}

fn status(code: u16, words: &str) -> Answer {
    whole(code, status_of(code, words).to_string())
}

fn status_of(code: u16, words: &str) -> serde_json::Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": words, "code": code})
}

fn whole(code: u16, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *answer.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or_default();
    answer
}
