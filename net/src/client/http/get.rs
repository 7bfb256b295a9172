//! A client that fetches pages, for receivers that pull.
//!
//! A page comes from somebody who may mean harm or be broken, so its size is bounded while it is read and again while
//! it is decompressed, and the memory is charged before it is used. The deadline is the caller's, who drops the future.

use std::time::Duration;

use ::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, COOKIE, LOCATION, USER_AGENT};
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use config::Secret;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pipeline::component::BuildError;
use pipeline::outside::Outside;
use pipeline::{Credit, Exhausted};

use super::connector::Connector;
use crate::codec::{self, DecodeError, Encoding};
use crate::tls::ClientTls;

/// How long a connection waits for the next page: longer than most scrape intervals, as in Prometheus.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// One page at a time is fetched from a target, so more connections than this would never be used.
const IDLE_PER_HOST_MAX: usize = 2;

/// How often a connection with HTTP/2 is asked whether it is still there. Its requests share it, and one that died without a
/// word would be given to all that follow; connections with HTTP/1.1 end with the request that waits in vain.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Redirects that are followed for one page, as in Go's client.
const REDIRECTS_MAX: usize = 10;

/// How pages are fetched.
#[derive(Debug, Clone, Default)]
pub struct GetConfig {
    /// TLS for `https` &urls.
    pub tls: ClientTls,
    /// Whether some &url may be `https`; without it no certificates are read.
    pub https: bool,
    /// Whether HTTP/2 is offered to TLS servers.
    pub http2: bool,
    /// Whether servers may compress.
    pub compression: bool,
    /// Whether redirects are followed.
    pub redirects: bool,
    /// An `http://` proxy; empty for none.
    pub proxy_url: Secret,
}

/// Fetches pages.
pub struct Getter {
    pool: Client<Connector, Empty<Bytes>>,
    connector: Connector,
    compression: bool,
    redirects: bool,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetFailure {
    /// There was no answer, or it broke off.
    #[error("{0}")]
    NoAnswer(String),
    /// The answer was not 200.
    #[error("the server answered {0}; expected 200")]
    Status(StatusCode),
    /// The server sent us elsewhere, and that is not followed.
    #[error("{0}")]
    Redirect(String),
    /// The page is too large.
    #[error("the page is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The page cannot be decompressed.
    #[error("{0}")]
    Encoding(String),
    /// There is no memory for it now.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl Getter {
    /// A client. It does not connect before the first request.
    pub fn new(config: &GetConfig, outside: &Outside) -> Result<Self, BuildError> {
        let connector = Connector::new(&config.proxy_url, &config.tls, config.https, config.http2, outside)?;
        let pool = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(super::PING_TIMEOUT)
            .build(connector.clone());
        Ok(Self {
            pool,
            connector,
            compression: config.compression,
            redirects: config.redirects,
        })
    }

    /// Fetches a page of at most `bytes_max` bytes and charges it to `credit`. The caller drops the future when it
    /// takes too long.
    pub async fn get(
        &self,
        url: &Uri,
        headers: &HeaderMap,
        bytes_max: usize,
        credit: &mut Credit,
    ) -> Result<Fetched, GetFailure> {
        let response = self.answer(url.clone(), headers.clone()).await?;
        if response.status() != StatusCode::OK {
            return Err(GetFailure::Status(response.status()));
        }
        let (head, body) = response.into_parts();
        let coding = head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        let coding = coding
            .and_then(|name| std::str::from_utf8(name).ok())
            .unwrap_or_default();
        let Some(encoding) = Encoding::from_name(coding) else {
            return Err(GetFailure::Encoding(format!("the coding {coding:?} was not asked for")));
        };
        let raw = read(body, bytes_max, credit).await?;
        let body = match encoding {
            Encoding::Identity => Bytes::from(raw),
            _ => decompress(encoding, &raw, bytes_max, credit)?,
        };
        Ok(Fetched {
            headers: head.headers,
            body,
        })
    }

    /// The answer whatever its status, with a body that is still to come and is neither bounded nor decompressed; after
    /// redirects where they are followed. The caller drops the future when it takes too long.
    pub async fn open(&self, url: &Uri, headers: HeaderMap) -> Result<Response<Incoming>, GetFailure> {
        self.answer(url.clone(), headers).await
    }

    /// The answer, after redirects where they are followed.
    async fn answer(&self, mut url: Uri, mut headers: HeaderMap) -> Result<Response<Incoming>, GetFailure> {
        for _ in 0..=REDIRECTS_MAX {
            let request = self.request(&url, &headers);
            let response = self.pool.request(request).await.map_err(|cause| {
                let host = url.authority().map_or("", |authority| authority.as_str());
                GetFailure::NoAnswer(format!("{host}: {}", self.connector.causes(&url, &cause)))
            })?;
            self.connector.answered(&url);
            let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
            let Some(place) = place.filter(|_| response.status().is_redirection()) else {
                return Ok(response);
            };
            let next = resolve(&url, place);
            let next = next.ok_or_else(|| GetFailure::Redirect(format!("cannot be followed to {place:?}")))?;
            if !self.redirects {
                return Err(GetFailure::Redirect(format!(
                    "the server sends us to {next}; write that place, or set follow_redirects: true"
                )));
            }
            if next.authority() != url.authority() || next.scheme() != url.scheme() {
                // What was meant for one server is no other's business.
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            url = next;
        }
        Err(GetFailure::Redirect(format!("more than {REDIRECTS_MAX} redirects")))
    }

    fn request(&self, url: &Uri, headers: &HeaderMap) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = url.clone();
        let sent = request.headers_mut();
        *sent = headers.clone();
        sent.entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(crate::client::USER_AGENT));
        let codings = if self.compression { "gzip" } else { "identity" };
        sent.insert(ACCEPT_ENCODING, HeaderValue::from_static(codings));
        self.connector.add_credentials(url, sent);
        request
    }
}

/// Where a redirect leads: an absolute &url, or a path on the same server.
fn resolve(from: &Uri, place: &str) -> Option<Uri> {
    if !place.starts_with('/') && !place.contains("://") {
        return None; // Relative to the path: nobody sends a page elsewhere that way.
    }
    let to: Uri = place.split('#').next()?.parse().ok()?;
    let mut parts = to.into_parts();
    if parts.authority.is_none() {
        parts.authority = from.authority().cloned();
        parts.scheme = from.scheme().cloned();
    }
    let known = parts
        .scheme
        .as_ref()
        .is_some_and(|it| matches!(it.as_str(), "http" | "https"));
    if !known {
        return None;
    }
    parts
        .path_and_query
        .get_or_insert(::http::uri::PathAndQuery::from_static("/"));
    Uri::from_parts(parts).ok()
}

/// Reads a body, charging it as it grows.
async fn read(mut body: Incoming, bytes_max: usize, credit: &mut Credit) -> Result<Vec<u8>, GetFailure> {
    let too_large = || GetFailure::TooLarge { limit: bytes_max };
    let announced = body.size_hint().exact().unwrap_or_default();
    if announced > bytes_max as u64 {
        return Err(too_large());
    }
    credit.resize(announced)?;
    // It fits: it is not more than `bytes_max`.
    let mut read = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|cause| GetFailure::NoAnswer(format!("the page broke off: {}", crate::client::causes(&cause))))?;
        let Ok(piece) = frame.into_data() else { continue };
        let length = read.len() + piece.len();
        if length > bytes_max {
            return Err(too_large());
        }
        if length > read.capacity() {
            let room = (2 * read.capacity()).clamp(length, bytes_max.max(length));
            credit.resize(room as u64)?;
            read.reserve_exact(room - read.len());
        }
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

fn decompress(encoding: Encoding, raw: &[u8], bytes_max: usize, credit: &mut Credit) -> Result<Bytes, GetFailure> {
    let compressed = raw.len() as u64;
    let mut admit = |bytes: u64| credit.resize(compressed + bytes);
    codec::decompress(encoding, raw, bytes_max, &mut admit)
        .map(Bytes::from)
        .map_err(|error| match error {
            DecodeError::TooLarge { limit } => GetFailure::TooLarge { limit },
            DecodeError::Exhausted(exhausted) => GetFailure::Exhausted(exhausted),
            DecodeError::Ratio | DecodeError::Corrupt { .. } => GetFailure::Encoding(error.to_string()),
        })
}

impl std::fmt::Debug for Getter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("page getter")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_a_url_or_to_a_path_on_the_same_server() {
        let from: Uri = "http://a:1/metrics?x=y".parse().unwrap();
        let resolved = |place: &str| resolve(&from, place).map(|uri| uri.to_string());

        assert_eq!(resolved("https://b/m#part").as_deref(), Some("https://b/m"));
        assert_eq!(resolved("/other?z=1").as_deref(), Some("http://a:1/other?z=1"));
        assert_eq!(resolved("other"), None);
        assert_eq!(resolved("ftp://b/m"), None);
    }
}
