//! The body of a unary call: one framed message, sent without copying the payload.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::codec::Encoding;
use crate::grpc::Prefix;

/// The five bytes of the prefix and the payload behind them, as one frame.
///
/// They are chained, not copied together: the transport writes both with one system call.
pub(super) struct Message(Option<Chain<Bytes, Bytes>>);

/// The payload does not fit the length field of a gRPC message.
#[derive(Debug, thiserror::Error)]
#[error("the payload of {0} bytes is larger than a gRPC message can be")]
pub(super) struct TooLarge(usize);

impl Message {
    pub(super) fn new(encoding: Encoding, payload: Bytes) -> Result<Self, TooLarge> {
        let length = u32::try_from(payload.len()).map_err(|_| TooLarge(payload.len()))?;
        let prefix = Prefix {
            compressed: encoding != Encoding::Identity,
            length,
        };
        Ok(Self(Some(Bytes::copy_from_slice(&prefix.bytes()).chain(payload))))
    }
}

impl Body for Message {
    type Data = Chain<Bytes, Bytes>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Ready(self.0.take().map(|message| Ok(Frame::data(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |message| message.remaining() as u64))
    }
}
