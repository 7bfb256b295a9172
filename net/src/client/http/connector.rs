//! Opens connections for the pool: directly or through a proxy, with TLS for `https`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::header::PROXY_AUTHORIZATION;
use ::http::{HeaderMap, Uri};
use config::Secret;
use futures_util::future::BoxFuture;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use pipeline::component::BuildError;
use pipeline::outside::{Network, Outside};
use tower_service::Service;

use super::proxy::Proxy;
use crate::client::dial::{self, Address, Tls};
use crate::tls::ClientTls;

/// TCP, the proxy and TLS together.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens connections; the pool keeps them.
#[derive(Clone)]
pub(super) struct Connector(Arc<Ways>);

struct Ways {
    network: Arc<dyn Network>,
    /// None where no URL is `https`.
    tls: Option<Tls>,
    proxy: Option<Proxy>,
}

impl Connector {
    /// `https` says whether some URL needs TLS, `http2` whether it is offered there.
    pub(super) fn new(
        proxy_url: &Secret,
        tls: &ClientTls,
        https: bool,
        http2: bool,
        outside: &Outside,
    ) -> Result<Self, BuildError> {
        let proxy = Proxy::parse(proxy_url.reveal()).map_err(|why| BuildError::new(format!("proxy_url {why}")))?;
        let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        // Every request names its host; this one only stands in until then.
        let tls = || Tls::new(tls, "localhost", protocols, Arc::clone(&outside.clock));
        let tls = https.then(tls).transpose()?;
        let network = Arc::clone(&outside.network);
        Ok(Self(Arc::new(Ways { network, tls, proxy })))
    }

    /// Why there is no answer from a URL: what went wrong, and what its server said over TLS before it went. Where no
    /// connection came about at all, nothing that was said on an earlier one is the reason.
    pub(super) fn causes(&self, url: &Uri, error: &(dyn std::error::Error + 'static)) -> String {
        let causes = crate::client::causes(error);
        let heard = self.0.tls.as_ref().and_then(|tls| tls.heard.take(authority(url)));
        match heard {
            Some(heard) if !is_unopened(error) && !causes.contains(&heard) => format!("{causes}: {heard}"),
            _ => causes,
        }
    }

    /// The server of a URL has answered.
    pub(super) fn answered(&self, url: &Uri) {
        if let Some(tls) = &self.0.tls {
            tls.heard.forget(authority(url));
        }
    }

    /// Tells the proxy who asks, where requests are sent to it in the clear.
    pub(super) fn add_credentials(&self, url: &Uri, headers: &mut HeaderMap) {
        let credentials = self.0.proxy.as_ref().and_then(|proxy| proxy.credentials.as_ref());
        if let Some(credentials) = credentials
            && url.scheme_str() == Some("http")
        {
            headers.insert(PROXY_AUTHORIZATION, credentials.clone());
        }
    }
}

/// No connection came about.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Unopened(io::Error);

fn is_unopened(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Unopened>())
}

fn authority(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}

impl Ways {
    async fn open(&self, uri: &Uri) -> io::Result<Stream> {
        let https = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or_else(|| io::Error::other("the URL has no host"))?;
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let target = format!("{host}:{port}");
        let next = self.proxy.as_ref().map_or(&target, |proxy| &proxy.address);
        let cannot = |cause: io::Error| io::Error::new(cause.kind(), format!("cannot connect to {next}: {cause}"));
        let mut stream = dial::connect(self.network.as_ref(), &Address::Name(next.clone()))
            .await
            .map_err(cannot)?;
        if !https {
            let plain = TokioIo::new(stream);
            return Ok(Stream {
                inner: plain,
                h2: false,
                to_proxy: self.proxy.is_some(),
            });
        }
        if let Some(proxy) = &self.proxy {
            proxy.tunnel(&mut stream, &target).await?;
        }
        let tls = self.tls.as_ref().ok_or_else(|| io::Error::other("TLS is not set up"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let secured = dial::secure(stream, Some(&tls.to_host(host, authority(uri))?)).await;
        let secured = secured.map_err(|cause| io::Error::new(cause.kind(), format!("{target}: {cause}")))?;
        Ok(Stream {
            inner: TokioIo::new(secured.stream),
            h2: secured.h2,
            to_proxy: false,
        })
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Unopened;
    type Future = BoxFuture<'static, Result<Stream, Unopened>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unopened>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let ways = Arc::clone(&self.0);
        Box::pin(async move {
            match tokio::time::timeout(DIAL_TIMEOUT, ways.open(&uri)).await {
                Ok(opened) => opened.map_err(Unopened),
                Err(_) => {
                    let host = uri.host().unwrap_or_default();
                    let problem = format!("no connection to {host} within {} s", DIAL_TIMEOUT.as_secs());
                    Err(Unopened(io::Error::new(io::ErrorKind::TimedOut, problem)))
                }
            }
        })
    }
}

/// An open connection with what the pool must know about it.
pub(super) struct Stream {
    inner: TokioIo<Box<dyn pipeline::outside::Connection>>,
    h2: bool,
    to_proxy: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.to_proxy);
        if self.h2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }
}
