//! HTTP/1.1 and HTTP/2 with our limits.

use std::pin::Pin;

use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::Rules;
use super::limits::{
    CONNECTION_WINDOW_BYTES, HEADERS_BYTES_MAX, LOCAL_RESETS_MAX, PENDING_RESETS_MAX, READ_BUFFER_BYTES_MAX,
    SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES,
};

/// HTTP/1.1 and HTTP/2 with our limits.
pub(super) struct Protocols {
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<TokioExecutor>,
}

/// A connection that can be told to take no more requests.
pub(super) trait Closing: Future<Output = hyper::Result<()>> {
    /// Takes no more requests and ends when those under way are answered.
    fn close(self: Pin<&mut Self>);
}

impl Protocols {
    pub(super) fn new(rules: &Rules) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // It also runs while a connection waits for its next request, so the shorter of the two decides.
            .header_read_timeout(rules.header_max)
            .max_header_size(HEADERS_BYTES_MAX as usize)
            .max_buf_size(READ_BUFFER_BYTES_MAX)
            .keep_alive(rules.keep_alive);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(STREAM_WINDOW_BYTES)
            .max_concurrent_streams(rules.streams_max)
            .max_header_list_size(HEADERS_BYTES_MAX)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_local_error_reset_streams(LOCAL_RESETS_MAX)
            .keep_alive_interval(rules.ping_interval)
            .keep_alive_timeout(rules.ping_timeout);
        Self { http1, http2 }
    }
}

impl<IO, S, B> Closing for http1::Connection<IO, S>
where
    IO: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<IO, S, B> Closing for http2::Connection<IO, S, TokioExecutor>
where
    IO: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = B>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
