//! HTTP clients on a pool of HTTP/1.1 and HTTP/2 connections: one that posts payloads, and one that fetches pages
//! ([`Getter`]).
//!
//! Payloads are not redirected: a destination that moved should be written down, and a payload should not go to a
//! place that nobody configured.

mod config;
mod connector;
mod get;
mod proxy;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ::http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pipeline::component::BuildError;
use pipeline::context::authenticators::Authenticators;
use pipeline::outside::Outside;
use tokio::sync::Semaphore;

pub use config::HttpClientConfig;
pub use get::{Fetched, GetConfig, GetFailure, Getter};

use super::Compressor;
use super::auth::Shown;
use crate::codec::{self, Encoding};
use connector::Connector;

/// Largest answer that is read, as in OTLP's recommendation for clients; ours are a few bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// As much of an error page as is read: enough for a status with its message.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// What `http2_ping_timeout: 0` means, as in Go's HTTP/2 client.
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// A client for a destination and its paths.
pub struct HttpClient {
    pool: Client<Connector, Full<Bytes>>,
    connector: Connector,
    compressor: Compressor,
    /// What every request carries.
    headers: HeaderMap,
    /// The credentials beside them.
    shown: Option<Shown>,
    /// `max_conns_per_host`.
    connections: Option<Semaphore>,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed. Of an error that is too long or damaged nothing is left: the status says enough.
    pub body: Bytes,
}

/// Why there is no answer that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// There was no answer: no connection, or it broke. Whether the server took the payload is unknown.
    #[error("{0}")]
    NoAnswer(String),
    /// The payload cannot be sent at all.
    #[error("{0}")]
    Unusable(String),
}

impl HttpClient {
    /// A client. It does not connect before the first request. `https` says whether some url needs TLS.
    pub fn new(
        config: &HttpClientConfig,
        https: bool,
        outside: &Outside,
        authenticators: &Authenticators,
    ) -> Result<Self, BuildError> {
        let shown = Shown::of(config.auth.as_ref(), &config.headers, authenticators)?;
        let connector = Connector::new(
            &config.proxy_url,
            &config.tls,
            https,
            config.force_attempt_http2,
            outside,
        )?;
        Ok(Self {
            pool: pool(config, connector.clone()),
            connector,
            compressor: Compressor::new(config.compression, config.compression_params),
            headers: headers(config),
            shown,
            connections: (config.max_conns_per_host > 0).then(|| Semaphore::new(config.max_conns_per_host)),
        })
    }

    /// Posts one payload and waits for the whole answer. The caller drops the future when it takes too long.
    pub async fn post(
        &self,
        url: &Uri,
        content_type: &'static str,
        payload: &Bytes,
    ) -> Result<HttpAnswer, HttpFailure> {
        let encoding = self.compressor.current();
        let answer = self.send(url, content_type, payload, encoding).await?;
        // 415 may mean the content or its coding. A coding that was only announced is worth another try with one that
        // every server takes; nothing was taken yet, so it is still one attempt.
        let refused = answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let Some(fallback) = self.compressor.fallback(encoding).filter(|_| refused) else {
            return Ok(answer);
        };
        let again = self.send(url, content_type, payload, fallback).await?;
        if again.status.is_success() {
            self.compressor.settle_for_gzip();
        }
        Ok(again)
    }

    /// Posts a body that the caller has encoded and described, and waits for the whole answer. `headers` win over the
    /// configured ones; nothing is compressed and nothing is tried twice.
    pub async fn post_packed(&self, url: &Uri, headers: HeaderMap, body: Bytes) -> Result<HttpAnswer, HttpFailure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        let all = request.headers_mut();
        *all = self.headers.clone();
        all.extend(headers);
        self.show(url, all);
        self.answer(url, request).await
    }

    /// The extension that shows our credentials, if one does.
    pub fn authenticator(&self) -> Option<&str> {
        self.shown.as_ref().map(Shown::authenticator)
    }

    /// Shows the destination who we are, and the proxy.
    fn show(&self, url: &Uri, headers: &mut HeaderMap) {
        if let Some(shown) = &self.shown {
            shown.add(headers);
        }
        self.connector.add_credentials(url, headers);
    }

    async fn send(
        &self,
        url: &Uri,
        content_type: &'static str,
        payload: &Bytes,
        encoding: Encoding,
    ) -> Result<HttpAnswer, HttpFailure> {
        let packed = self.compressor.pack(payload, encoding).await;
        let packed = packed.map_err(|cause| HttpFailure::Unusable(cause.to_string()))?;
        self.answer(url, self.request(url, content_type, encoding, packed))
            .await
    }

    async fn answer(&self, url: &Uri, request: Request<Full<Bytes>>) -> Result<HttpAnswer, HttpFailure> {
        let _turn = match &self.connections {
            // Never closed, so there is always a turn.
            Some(connections) => connections.acquire().await.ok(),
            None => None,
        };
        let response = self.pool.request(request).await.map_err(|cause| {
            let host = url.authority().map_or("", |authority| authority.as_str());
            HttpFailure::NoAnswer(format!("{host}: {}", self.connector.causes(url, &cause)))
        })?;
        self.connector.answered(url);
        self.compressor.learn(response.headers(), ACCEPT_ENCODING.as_str());
        Ok(read(response).await)
    }

    fn request(&self, url: &Uri, content_type: &'static str, encoding: Encoding, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.clone();
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if encoding != Encoding::Identity {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        self.show(url, headers);
        request
    }
}

fn pool(config: &HttpClientConfig, connector: Connector) -> Client<Connector, Full<Bytes>> {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(config.idle_conn_timeout.limit())
        .pool_max_idle_per_host(config.idle_max());
    if let Some(interval) = config.http2_read_idle_timeout.limit() {
        builder
            .http2_keep_alive_interval(interval)
            .http2_keep_alive_timeout(config.http2_ping_timeout.limit().unwrap_or(PING_TIMEOUT))
            .http2_keep_alive_while_idle(true);
    }
    builder.build(connector)
}

fn headers(config: &HttpClientConfig) -> HeaderMap {
    let mut headers = config.headers.to_map();
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(super::USER_AGENT));
    if config.disable_keep_alives {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers
}

async fn read(response: Response<Incoming>) -> HttpAnswer {
    let (head, body) = response.into_parts();
    let success = head.status.is_success();
    let bytes_max = if success { ANSWER_BYTES_MAX } else { ERROR_BYTES_MAX };
    let collected = match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Some(collected.to_bytes()),
        // The head of an answer is an answer: it says what became of the request, whatever the body would add.
        Err(error) => {
            tracing::debug!(status = %head.status, error = %super::causes(error.as_ref()), "an answer's body broke off");
            None
        }
    };
    let coding = head
        .headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let encoding = Encoding::from_name(coding);
    let body = match (collected, encoding) {
        (Some(body), Some(Encoding::Identity)) => body,
        (Some(body), Some(encoding)) => {
            // Not charged to the budget: it is small, and gone when this attempt ends.
            codec::decompress(encoding, &body, bytes_max, &mut |_| Ok(()))
                .map(Bytes::from)
                .unwrap_or_default()
        }
        _ => Bytes::new(),
    };
    HttpAnswer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HTTP client")
    }
}
