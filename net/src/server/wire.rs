//! A connection whose first bytes were looked at: they tell HTTP/1.1 from HTTP/2.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What an HTTP/2 client says first (RFC 9113 section 3.4). No HTTP/1.1 request begins like this.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The protocols of one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// A connection that gives its first bytes again.
pub(super) struct Wire<IO> {
    head: Bytes,
    io: IO,
}

impl<IO: AsyncRead + Unpin> Wire<IO> {
    /// Waits for as many bytes as it takes to know the protocol; None if none comes.
    pub(super) async fn listen(mut io: IO) -> io::Result<Option<(Version, Self)>> {
        let mut head = Vec::with_capacity(PREFACE.len());
        while head.len() < PREFACE.len() && PREFACE.starts_with(&head) {
            let missing = PREFACE.len() - head.len();
            if (&mut io).take(missing as u64).read_buf(&mut head).await? == 0 {
                break;
            }
        }
        if head.is_empty() {
            return Ok(None);
        }
        let version = if head == PREFACE {
            Version::Http2
        } else {
            Version::Http1
        };
        Ok(Some((version, Self { head: head.into(), io })))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Wire<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.has_remaining() {
            let length = self.head.len().min(buffer.remaining());
            buffer.put_slice(&self.head.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(context, buffer)
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
