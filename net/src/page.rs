//! Small pages over plain HTTP: health, own metrics.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use pipeline::component::Stop;
use pipeline::outside::{Listener, Outside};

use crate::codec::{self, Encoding};
use crate::server::{Handler, Peer, Reply, Rules, Server};

/// Pages are asked for by one probe and one scraper; more connections are a mistake or an attack.
const CONNECTIONS_MAX: usize = 64;

/// Scrapers come back after 15 to 60 s and use the connection again. HTTP/1.1 waits for a head no longer than this.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// Pages from this size are compressed for who takes gzip: smaller ones fit one packet as they are.
const COMPRESSED_FROM_BYTES: usize = 1400;

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
        let packed = packed(&page.body, request.headers());
        if packed.is_some() {
            let gzip = HeaderValue::from_static(Encoding::Gzip.name());
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        response
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("accept-encoding"));
        *response.body_mut() = Reply::of(packed.unwrap_or(page.body));
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

/// The page with gzip, where that is wanted and worth it.
fn packed(page: &Bytes, asked: &HeaderMap) -> Option<Bytes> {
    if page.len() < COMPRESSED_FROM_BYTES || !takes_gzip(asked) {
        return None;
    }
    let mut packed = Vec::with_capacity(page.len() / 4);
    codec::compress(Encoding::Gzip, None, std::slice::from_ref(page), &mut packed).ok()?;
    Some(packed.into())
}

/// Whether `accept-encoding` names gzip, or everything, and does not forbid it with a weight of zero (RFC 9110, 12.5.3).
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(ACCEPT_ENCODING).iter();
    let entries: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    let weight = |wanted: &str| {
        entries.iter().find_map(|entry| {
            let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = parameters.trim().strip_prefix("q=").unwrap_or("1");
            let is_wanted = coding.trim().eq_ignore_ascii_case(wanted);
            is_wanted.then(|| weight.parse::<f32>().unwrap_or(0.0))
        })
    };
    weight("gzip")
        .or_else(|| weight("*"))
        .is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(line: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(line))])
    }

    #[test]
    fn gzip_is_for_who_asks_for_it() {
        for line in ["gzip", "deflate, gzip;q=0.5", "GZIP", "*", "br;q=1.0, *;q=0.1"] {
            assert!(takes_gzip(&asking(line)), "{line}");
        }
        for line in ["", "identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "gzip;q=x"] {
            assert!(!takes_gzip(&asking(line)), "{line}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_long_page_is_packed_and_comes_back_whole() {
        let page = Bytes::from("otelcol_exporter_sent_spans 1\n".repeat(100));

        let packed = packed(&page, &asking("gzip")).expect("it is wanted and worth it");

        assert!(packed.len() < page.len() / 4);
        let whole = codec::decompress(Encoding::Gzip, &packed, page.len(), &mut |_| Ok(())).unwrap();
        assert_eq!(whole, page);
    }

    #[test]
    fn a_short_page_is_not_worth_it() {
        assert_eq!(packed(&Bytes::from_static(b"up 1\n"), &asking("gzip")), None);
    }
}
