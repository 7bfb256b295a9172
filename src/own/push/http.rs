//! Our HTTP client as the SDK takes one: with the TLS, the network and the pool that exporters have.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use config::telemetry::Otlp;
use http::{Request, Response};
use net::client::http::{HttpClient as Pool, HttpClientConfig};
use opentelemetry_http::{HttpClient, HttpError};
use pipeline::context::authenticators::Authenticators;
use pipeline::outside::Outside;
use tokio::runtime::Handle;

/// Posts what the SDK has packed.
#[derive(Debug)]
pub struct Client {
    pool: Arc<Pool>,
    timeout: Duration,
    /// The SDK waits on threads of its own, where nothing would drive a connection.
    runtime: Handle,
}

impl Client {
    /// A client for one destination.
    pub fn new(otlp: &Otlp, timeout: Duration, outside: &Outside) -> anyhow::Result<Self> {
        let mut config = HttpClientConfig::default();
        let tls = &mut config.tls.tls;
        tls.ca_file = otlp.certificate.clone().unwrap_or_default();
        tls.cert_file = otlp.client_certificate.clone().unwrap_or_default();
        tls.key_file = otlp.client_key.clone().unwrap_or_default();
        let https = otlp.url().starts_with("https://");
        let pool = Pool::new(&config, https, outside, &Authenticators::default()).context("cannot make a client")?;
        Ok(Self {
            pool: Arc::new(pool),
            timeout,
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let (pool, timeout) = (Arc::clone(&self.pool), self.timeout);
        let posting = async move {
            let post = pool.post_packed(&head.uri, head.headers, body);
            tokio::time::timeout(timeout, post).await
        };
        let answer = self.runtime.spawn(posting).await??.map_err(Box::new)?;
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
