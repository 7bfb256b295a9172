//! A gRPC client for unary calls, on HTTP/2 connections of its own.
//!
//! A call takes the bytes of a message and gives the bytes of the answer; nothing is decoded and the payload is not
//! copied. See [`Failure`] for what can go wrong; what to do about it is the exporter's decision.

mod answer;
mod body;
mod config;
mod link;
mod links;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderValue, TE, USER_AGENT};
use ::http::{HeaderMap, Method, Request, Uri, Version};
use bytes::Bytes;
use pipeline::component::BuildError;
use pipeline::context::authenticators::Authenticators;
use pipeline::outside::Outside;

pub use config::{Balancer, GrpcClientConfig, KeepaliveConfig};

use super::auth::Shown;
use super::dial::Tls;
use super::{Compressor, GrpcEndpoint};
use crate::codec::Encoding;
use crate::grpc::{self, Code, Status, format_timeout};
use body::Message;
use links::Links;

/// A client for one destination.
pub struct GrpcClient {
    endpoint: GrpcEndpoint,
    links: Links,
    compressor: Compressor,
    /// `scheme://authority`, to which calls add their path.
    base: String,
    /// What every request carries.
    headers: HeaderMap,
    /// The credentials beside them.
    shown: Option<Shown>,
    /// Wait for a connection instead of failing.
    patient: bool,
}

/// A method of a service.
#[derive(Debug, Clone)]
pub struct GrpcMethod(Uri);

/// Why a call has no answer that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The server answered with a status other than OK.
    #[error("{} ({}): {}", .0.code, .0.code.number(), .0.message)]
    Status(Status),
    /// There was no answer: no connection, or it broke. Whether the server took the message is unknown.
    #[error("{0}")]
    NoAnswer(String),
    /// What answered does not speak gRPC, or the message cannot be sent at all.
    #[error("{0}")]
    Unusable(String),
}

impl GrpcClient {
    /// A client. It does not connect before the first call.
    pub fn new(
        config: &GrpcClientConfig,
        outside: &Outside,
        authenticators: &Authenticators,
    ) -> Result<Self, BuildError> {
        let shown = Shown::of(config.auth.as_ref(), &config.headers, authenticators)?;
        let endpoint = GrpcEndpoint::parse(&config.endpoint).map_err(BuildError::new)?;
        let tls = tls(config, &endpoint, outside)?;
        let authority = if config.authority.is_empty() {
            endpoint.authority()
        } else {
            &config.authority
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base = format!("{scheme}://{authority}");
        if base.parse::<Uri>().is_err() {
            return Err(BuildError::new(format!("{authority:?} cannot be used as an authority")));
        }
        Ok(Self {
            links: Links::new(
                endpoint.clone(),
                tls,
                config.keepalive,
                config.balancer_name,
                outside.clone(),
            ),
            compressor: Compressor::new(config.compression, config.compression_params),
            headers: headers(config),
            shown,
            patient: config.wait_for_ready,
            base,
            endpoint,
        })
    }

    /// The method at `/package.Service/Method`.
    pub fn method(&self, path: &'static str) -> Result<GrpcMethod, BuildError> {
        let uri = format!("{}{path}", self.base).parse();
        uri.map(GrpcMethod)
            .map_err(|cause| BuildError::because(format!("{path:?} is not a method"), cause))
    }

    /// Sends one message and waits for its answer. `timeout` tells the server how long that will be; the caller drops
    /// the future when it is over.
    pub async fn call(
        &self,
        method: &GrpcMethod,
        payload: &Bytes,
        timeout: Option<Duration>,
    ) -> Result<Bytes, Failure> {
        let encoding = self.compressor.current();
        let answer = self.send(method, payload, encoding, timeout).await;
        // UNIMPLEMENTED may mean the method or the coding ("Compression", gRPC). A coding that was only announced is
        // worth another try with one that every server takes; nothing was taken yet, so it is still one attempt.
        let Some(fallback) = self.compressor.fallback(encoding).filter(|_| is_unimplemented(&answer)) else {
            return answer;
        };
        let again = self.send(method, payload, fallback, timeout).await;
        if again.is_ok() {
            self.compressor.settle_for_gzip();
        }
        again
    }

    /// The extension that shows our credentials, if one does.
    pub fn authenticator(&self) -> Option<&str> {
        self.shown.as_ref().map(Shown::authenticator)
    }

    /// Lets go of all connections; each closes once its calls are answered.
    pub fn close(&self) {
        self.links.close();
    }

    async fn send(
        &self,
        method: &GrpcMethod,
        payload: &Bytes,
        encoding: Encoding,
        timeout: Option<Duration>,
    ) -> Result<Bytes, Failure> {
        let packed = self.compressor.pack(payload, encoding).await;
        let packed = packed.map_err(|cause| Failure::Unusable(cause.to_string()))?;
        // A server that ends connections by age closes this one just before the message leaves now and then. The
        // message was not sent, so sending it on another connection is still the same attempt.
        let unreachable = |problem: String| Failure::NoAnswer(format!("{}: {problem}", self.endpoint));
        let mut request = self.request(method, encoding, packed, timeout)?;
        let mut why = String::new();
        for _ in 0..UNSENT_MAX {
            let link = self.links.pick(self.patient).await.map_err(unreachable)?;
            let watch = link.watch();
            match link.sender().try_send_request(request).await {
                Ok(response) => {
                    watch.answered();
                    self.compressor.learn(response.headers(), grpc::ACCEPT_ENCODING);
                    let answer = answer::read(response).await;
                    watch.over();
                    return answer;
                }
                Err(mut error) => {
                    watch.over();
                    why = link.ended().map_or_else(|| super::causes(error.error()), str::to_owned);
                    let Some(unsent) = error.take_message() else {
                        return Err(unreachable(why));
                    };
                    link.retire();
                    request = unsent;
                }
            }
        }
        Err(unreachable(format!(
            "connections close before a request can be sent: {why}"
        )))
    }

    fn request(
        &self,
        method: &GrpcMethod,
        encoding: Encoding,
        payload: Bytes,
        timeout: Option<Duration>,
    ) -> Result<Request<Message>, Failure> {
        let message = Message::new(encoding, payload).map_err(|cause| Failure::Unusable(cause.to_string()))?;
        let mut request = Request::new(message);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = method.0.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        if let Some(shown) = &self.shown {
            shown.add(request.headers_mut());
        }
        if encoding != Encoding::Identity {
            request
                .headers_mut()
                .insert(grpc::ENCODING, HeaderValue::from_static(encoding.name()));
        }
        if let Some(timeout) = timeout
            && let Ok(value) = HeaderValue::from_str(&format_timeout(timeout))
        {
            request.headers_mut().insert(grpc::TIMEOUT, value);
        }
        Ok(request)
    }
}

fn is_unimplemented(answer: &Result<Bytes, Failure>) -> bool {
    matches!(answer, Err(Failure::Status(status)) if status.code == Code::Unimplemented)
}

/// Connections that may close under one call before it fails.
const UNSENT_MAX: u32 = 3;

fn tls(config: &GrpcClientConfig, endpoint: &GrpcEndpoint, outside: &Outside) -> Result<Option<Tls>, BuildError> {
    // The Collector: `https://` overrides `insecure`.
    if config.tls.insecure() && !endpoint.is_https() {
        return Ok(None);
    }
    let host = endpoint.host().unwrap_or("localhost");
    Tls::new(&config.tls, host, &[b"h2"], Arc::clone(&outside.clock)).map(Some)
}

fn headers(config: &GrpcClientConfig) -> HeaderMap {
    let mut headers = config.headers.to_map();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(grpc::CONTENT_TYPE));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(grpc::ACCEPT_ENCODING, HeaderValue::from_static(Encoding::ACCEPTED));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(super::USER_AGENT));
    headers
}

impl std::fmt::Debug for GrpcClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "gRPC client of {}", self.endpoint)
    }
}
