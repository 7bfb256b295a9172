//! What a connection did lately, seen from outside of the HTTP library.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes after which HTTP/1.1 and HTTP/2 are told apart: the length of HTTP/2's preface.
const PREFACE_BYTES: u64 = 24;

/// What a connection did lately. Shared by its requests and by the task that ends it.
#[derive(Debug)]
pub(super) struct Pulse {
    begun: Instant,
    bytes: AtomicU64,
    in_flight: AtomicU32,
    /// Milliseconds after `begun` at which the last request ended; zero before there was one.
    quiet_since: AtomicU64,
}

/// A request that is under way.
pub(super) struct Beat(Arc<Pulse>);

impl Pulse {
    pub(super) fn new(now: Instant) -> Arc<Self> {
        let (bytes, in_flight, quiet_since) = (AtomicU64::new(0), AtomicU32::new(0), AtomicU64::new(0));
        Arc::new(Self {
            begun: now,
            bytes,
            in_flight,
            quiet_since,
        })
    }

    /// A request began; it ends when the beat is dropped.
    pub(super) fn beat(self: &Arc<Self>) -> Beat {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Beat(Arc::clone(self))
    }

    /// Whether enough arrived to know which protocol it is.
    pub(super) fn has_spoken(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= PREFACE_BYTES
    }

    /// Whether there was a request.
    pub(super) fn has_asked(&self) -> bool {
        self.quiet_since.load(Ordering::Relaxed) > 0 || self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// Since when no request is under way; None while one is.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        let quiet_since = Duration::from_millis(self.quiet_since.load(Ordering::Relaxed));
        (self.in_flight.load(Ordering::Relaxed) == 0).then(|| self.begun + quiet_since)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        let elapsed = tokio::time::Instant::now()
            .into_std()
            .saturating_duration_since(self.0.begun);
        // Zero means that there was no request.
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.0.quiet_since.store(elapsed_ms, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that counts what it reads.
pub(super) struct Wire<IO> {
    pub(super) io: IO,
    pub(super) pulse: Arc<Pulse>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Wire<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.pulse.bytes.fetch_add(read as u64, Ordering::Relaxed);
        polled
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Wire<IO> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
