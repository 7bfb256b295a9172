//! Stands in front of Prometheus and answers in its place when a test wants that.

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

use crate::wire;

/// Headers that say how a request travelled, not what it says.
const OF_THE_WAY: [&str; 4] = ["host", "content-length", "connection", "transfer-encoding"];

/// What the gate does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Hands them on, and the answers back.
    Open,
    /// Answers with this status; 429 asks to wait for a second.
    Answers(u16),
    /// Hands them on and loses the answers: the sender cannot know what became of them.
    LosesAnswers,
}

/// Listens until the test ends.
pub(crate) struct Gate {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    /// Requests that were not handed on, or whose answer was lost.
    spoiled: u32,
}

impl Gate {
    pub(crate) async fn before(prometheus: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            mood: Mood::Open,
            spoiled: 0,
        }));
        tokio::spawn(accept(listener, prometheus, state.clone()));
        Self { port, state }
    }

    /// From now on.
    pub(crate) fn becomes(&self, mood: Mood) {
        *self.state.lock().unwrap() = State { mood, spoiled: 0 };
    }

    /// Requests that did not go through since the mood changed.
    pub(crate) fn spoiled(&self) -> u32 {
        self.state.lock().unwrap().spoiled
    }
}

async fn accept(listener: TcpListener, prometheus: u16, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| answer(request, prometheus, state.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    prometheus: u16,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mood = {
        let mut state = state.lock().unwrap();
        state.spoiled += u32::from(state.mood != Mood::Open);
        state.mood
    };
    if let Mood::Answers(status) = mood {
        let answer = Response::builder().status(status).header("retry-after", "1");
        return Ok(answer.body(Full::from("the gate is shut")).unwrap());
    }
    let forwarded = forward(request, prometheus).await;
    match (mood, forwarded) {
        (Mood::Open, Ok(answer)) => Ok(answer),
        // As a balancer answers when there is nobody behind it.
        _ => Ok(Response::builder().status(502).body(Full::default()).unwrap()),
    }
}

async fn forward(request: Request<Incoming>, prometheus: u16) -> Result<Response<Full<Bytes>>, String> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let headers = head
        .headers
        .iter()
        .filter(|(name, _)| !OF_THE_WAY.contains(&name.as_str()));
    let headers: Vec<(&str, &str)> = headers
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let answer = wire::try_send(head.method.clone(), prometheus, head.uri.path(), &headers, body).await?;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer
        .headers
        .iter()
        .filter(|(name, _)| !OF_THE_WAY.contains(&name.as_str()))
    {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(answer.body)).unwrap())
}
