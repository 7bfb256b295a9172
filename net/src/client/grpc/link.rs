//! One HTTP/2 connection, and whether it can still be trusted.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pipeline::outside::Network;

use super::body::Message;
use super::config::KeepaliveConfig;
use crate::client::dial::{self, Address, Tls};

/// What we let a server send before we have read it. Answers are a few bytes, error pages a few kilobytes.
const RECEIVE_WINDOW_BYTES: u32 = 256 * 1024;

/// Headers and trailers of an answer together. A server's message and details fit many times over.
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;

/// TCP and TLS together; gRPC clients wait this long as well ("connection back-off", min connect timeout).
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(20);

/// One connection to one address. Its requests share it; it closes when the last of them is gone.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) address: Address,
    sender: SendRequest<Message>,
    pulse: Arc<Pulse>,
}

/// Signs of life of one connection.
#[derive(Debug, Default)]
struct Pulse {
    answers: AtomicU64,
    /// It takes no new requests, or a request was abandoned and nothing at all was answered while it waited.
    retired: AtomicBool,
    /// Why it ended, where it did not end by being closed.
    ended: OnceLock<String>,
}

impl Link {
    pub(super) async fn open(
        network: &dyn Network,
        address: Address,
        tls: Option<&Tls>,
        keepalive: Option<KeepaliveConfig>,
    ) -> io::Result<Self> {
        let opening = Self::handshake(network, address.clone(), tls, keepalive);
        match tokio::time::timeout(DIAL_TIMEOUT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no connection to {address} within {} s", DIAL_TIMEOUT.as_secs()),
            )),
        }
    }

    async fn handshake(
        network: &dyn Network,
        address: Address,
        tls: Option<&Tls>,
        keepalive: Option<KeepaliveConfig>,
    ) -> io::Result<Self> {
        let dialled = dial::dial(network, &address, tls).await?;
        if tls.is_some() && !dialled.h2 {
            return Err(io::Error::other(format!(
                "{address} did not agree on HTTP/2, which gRPC needs"
            )));
        }
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(RECEIVE_WINDOW_BYTES)
            .initial_connection_window_size(RECEIVE_WINDOW_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES_MAX);
        if let Some((keepalive, interval)) = keepalive.and_then(|it| it.interval().map(|interval| (it, interval))) {
            builder
                .keep_alive_interval(interval)
                .keep_alive_timeout(keepalive.timeout.get())
                .keep_alive_while_idle(keepalive.permit_without_stream);
        }
        let (sender, connection) = builder
            .handshake(TokioIo::new(dialled.stream))
            .await
            .map_err(io::Error::other)?;
        let peer = address.clone();
        let pulse: Arc<Pulse> = Arc::default();
        let of_connection = Arc::clone(&pulse);
        // Ends by itself: when the peer closes, or when the last sender is dropped and its requests are answered.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                let error = crate::client::causes(&error);
                tracing::debug!(%peer, error, "connection ended");
                // It ends once.
                let _ = of_connection.ended.set(error);
            }
        });
        Ok(Self { address, sender, pulse })
    }

    /// Whether the next request may go here.
    pub(super) fn is_usable(&self) -> bool {
        !self.sender.is_closed() && !self.pulse.retired.load(Ordering::Relaxed)
    }

    /// Why it ended, where that is known.
    pub(super) fn ended(&self) -> Option<&str> {
        self.pulse.ended.get().map(String::as_str)
    }

    /// The server takes no new requests here. Those under way go on.
    pub(super) fn retire(&self) {
        self.pulse.retired.store(true, Ordering::Relaxed);
    }

    pub(super) fn sender(&self) -> SendRequest<Message> {
        self.sender.clone()
    }

    /// Watches one request.
    pub(super) fn watch(&self) -> Watch {
        let answers = self.pulse.answers.load(Ordering::Relaxed);
        Watch {
            pulse: Arc::clone(&self.pulse),
            answers,
            over: false,
        }
    }
}

/// Watches one request. Dropped before [`over`](Self::over), the request was abandoned, by the delivery's timeout as
/// a rule: if the connection answered nobody in the meantime it is taken for dead, and the next attempt opens a
/// new one. Requests under way on the old one are left alone.
pub(super) struct Watch {
    pulse: Arc<Pulse>,
    answers: u64,
    over: bool,
}

impl Watch {
    /// The server answered.
    pub(super) fn answered(&self) {
        self.pulse.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// The request ended, one way or the other.
    pub(super) fn over(mut self) {
        self.over = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let silent = self.pulse.answers.load(Ordering::Relaxed) == self.answers;
        if !self.over && silent {
            self.pulse.retired.store(true, Ordering::Relaxed);
        }
    }
}
