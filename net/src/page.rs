//! Small pages over plain HTTP: health, own metrics.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use pipeline::component::Stop;
use pipeline::outside::{Listener, Outside};

use crate::server::{Handler, Peer, Reply, Rules, Server};

/// Pages are asked for by one probe and one scraper; more connections are a mistake or an attack.
const CONNECTIONS_MAX: usize = 64;

/// Scrapers come back after 15 to 60 s and use the connection again. HTTP/1.1 waits for a head no longer than this.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// 200 as a rule.
    pub status: StatusCode,
    /// Such as `text/plain`.
    pub content_type: &'static str,
    /// The text.
    pub body: Bytes,
}

impl Page {
    /// A page that is fine.
    pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
        }
    }

    /// There is no such page.
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            content_type: "text/plain; charset=utf-8",
            body: "not found\n".into(),
        }
    }
}

/// The rules for a listener of pages.
pub fn rules() -> Rules {
    Rules {
        connections_max: CONNECTIONS_MAX,
        header_max: IDLE_MAX,
        idle_max: Some(IDLE_MAX),
        ..Rules::default()
    }
}

/// Serves pages until `stop`: `page` is given the path and says what stands there. Only GET and HEAD are answered.
pub async fn serve(
    listener: Box<dyn Listener>,
    outside: &Outside,
    page: impl Fn(&str) -> Page + Send + Sync + 'static,
    stop: Stop,
) {
    Server::on(listener, rules(), outside)
        .serve(Arc::new(Pages::new(page)), stop)
        .await;
}

/// Answers requests with pages; for a [`Server`] that was bound with rules and TLS of its own.
pub struct Pages<F> {
    page: F,
}

impl<F: Fn(&str) -> Page + Send + Sync + 'static> Pages<F> {
    /// Pages by path.
    pub fn new(page: F) -> Self {
        Self { page }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Reply> {
        let mut response = Response::new(Reply::empty());
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let page = (self.page)(request.uri().path());
        *response.status_mut() = page.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
        response
            .headers_mut()
            .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        *response.body_mut() = Reply::of(page.body);
        response
    }
}

impl<F: Fn(&str) -> Page + Send + Sync + 'static> Handler for Pages<F> {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        self.answer(&request)
    }

    fn panicked(&self, _grpc: bool) -> Response<Reply> {
        let mut response = Response::new(Reply::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}
