//! Answers scrapers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::codec::{self, Encoding};
use net::server::{Cors, Handler, HttpServer, Peer, Reply, retry_after};
use tokio::sync::Semaphore;

use super::negotiate::{self, Format, Syntax};
use super::shelf::Shelf;

/// Where the page is; the Collector knows no other place.
pub(super) const PATH: &str = "/metrics";

/// Pages that are written at once. Each may be large, and two Prometheus servers with a person beside them need three.
pub(super) const SCRAPES_MAX: usize = 8;

/// When who was turned away may ask again.
const PAUSE: Duration = Duration::from_secs(1);

/// Shorter pages are not compressed: they would hardly shrink.
const COMPRESS_BYTES_MIN: usize = 512;

/// Answers scrapers.
pub(super) struct Desk {
    shelf: Arc<Shelf>,
    has_open_metrics: bool,
    cors: Option<Cors>,
    /// Headers of every answer.
    headers: HeaderMap,
    scrapes: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(shelf: Arc<Shelf>, has_open_metrics: bool, server: &HttpServer) -> Self {
        Self {
            shelf,
            has_open_metrics,
            cors: server.cors.clone(),
            headers: server.headers(),
            scrapes: Arc::new(Semaphore::new(SCRAPES_MAX)),
        }
    }

    async fn answer<B>(&self, request: &Request<B>) -> Response<Reply> {
        if request.uri().path() != PATH {
            return plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "the page can be read only\n");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let Ok(permit) = Arc::clone(&self.scrapes).try_acquire_owned() else {
            self.shelf.counts.too_many.add(1);
            let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at once\n");
            response.headers_mut().insert(RETRY_AFTER, retry_after(PAUSE));
            return response;
        };
        let format = Format::accepted(&listed(request.headers(), ACCEPT), self.has_open_metrics);
        let encoding = negotiate::encoding(&listed(request.headers(), ACCEPT_ENCODING));
        let shelf = Arc::clone(&self.shelf);
        // A large page is work for a while, which others on this thread would wait for. The permit goes with it, because
        // it goes on when the scraper has left.
        let written = tokio::task::spawn_blocking(move || {
            let page = write(&shelf, format, encoding);
            drop(permit);
            page
        });
        let Ok((body, encoding)) = written.await else {
            return self.panicked(false);
        };
        self.count(format);
        found(body, format, encoding)
    }

    fn count(&self, format: Format) {
        match format.syntax {
            Syntax::Text => self.shelf.counts.text.add(1),
            Syntax::OpenMetrics => self.shelf.counts.open_metrics.add(1),
        }
    }
}

impl Handler for Desk {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        if let Some(response) = self.cors.as_ref().and_then(|cors| cors.preflight(&request)) {
            return response;
        }
        let mut response = self.answer(&request).await;
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        if let Some(cors) = &self.cors {
            cors.permit(request.headers().get(ORIGIN), response.headers_mut());
        }
        response
    }

    fn panicked(&self, _grpc: bool) -> Response<Reply> {
        plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the page could not be written; see the log\n",
        )
    }
}

/// The values of a header as one list.
fn listed(headers: &HeaderMap, name: HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

fn write(shelf: &Shelf, format: Format, encoding: Encoding) -> (Bytes, Encoding) {
    let page = Bytes::from(shelf.page(format));
    if encoding == Encoding::Identity || page.len() < COMPRESS_BYTES_MIN {
        return (page, Encoding::Identity);
    }
    let mut packed = Vec::new();
    match codec::compress(encoding, None, std::slice::from_ref(&page), &mut packed) {
        Ok(()) => (packed.into(), encoding),
        Err(_) => (page, Encoding::Identity), // It is as good as it is.
    }
}

fn found(body: Bytes, format: Format, encoding: Encoding) -> Response<Reply> {
    let mut response = Response::new(Reply::of(body));
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::try_from(format.content_type()) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    if encoding != Encoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Reply> {
    let mut response = Response::new(Reply::of(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::prometheus::Prometheus;
    use crate::testing::{config, setup};

    #[tokio::test]
    async fn beyond_eight_scrapes_at_once_a_scraper_is_told_when_to_come_back() {
        let config = config::<Prometheus>("endpoint: localhost:0").unwrap();
        let setup = setup("prometheus");
        let shelf = Arc::new(Shelf::new(&config, &setup.telemetry, setup.outside.clock));
        let desk = Desk::new(Arc::clone(&shelf), false, config.server());
        let scrape = Request::get(PATH).body(()).unwrap();
        let others = desk.scrapes.acquire_many(8).await.unwrap();

        let refused = desk.answer(&scrape).await;
        drop(others);
        let answered = desk.answer(&scrape).await;

        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[RETRY_AFTER], "1");
        assert_eq!(answered.status(), StatusCode::OK);
        assert_eq!((shelf.counts.too_many.value(), shelf.counts.text.value()), (1, 1));
    }
}
