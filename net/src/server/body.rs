//! Request bodies, read into one buffer under the byte budget.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use pipeline::{Credit, Exhausted};
use tokio::time::{Instant, timeout_at};

use super::limits::{BODY_BYTES_PER_SECOND_MIN, BODY_GRACE, DRAIN_BYTES_MAX, DRAIN_MAX};
use crate::grpc::{PREFIX_BYTES, Prefix};

/// First buffer for a body whose length nobody announced.
const STEP_BYTES: usize = 16 * 1024;

/// A request body that is read at most once, at a minimum pace, into memory that was taken from the budget before.
#[derive(Debug)]
pub struct Intake {
    body: Incoming,
    begun: Instant,
    received: u64,
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// It is longer than one message may be.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// There is no memory for it now.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// It arrives too slowly.
    #[error("the body arrived more slowly than {BODY_BYTES_PER_SECOND_MIN} bytes a second")]
    Slow,
    /// The connection broke, or the client broke off.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    /// The gRPC framing is wrong.
    #[error("{0}")]
    Framing(&'static str),
}

impl Intake {
    /// A body that nothing was read of.
    pub fn new(body: Incoming) -> Self {
        Self {
            body,
            begun: Instant::now(),
            received: 0,
        }
    }

    /// The length that the headers announce.
    pub fn announced(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Reads the whole body, at most `bytes_max`. `credit` grows to what it holds.
    pub async fn whole(&mut self, bytes_max: usize, credit: &mut Credit) -> Result<Bytes, IntakeError> {
        let too_large = IntakeError::TooLarge { limit: bytes_max };
        let announced = match self.announced().map(usize::try_from) {
            Some(Ok(announced)) if announced <= bytes_max => announced,
            Some(_) => return Err(too_large),
            None => 0,
        };
        let mut buffer = Vec::new();
        make_room(&mut buffer, announced, credit)?;
        while let Some(chunk) = self.chunk().await? {
            let length = buffer.len() + chunk.len();
            if length > bytes_max {
                return Err(too_large);
            }
            if length > buffer.capacity() {
                let doubled = buffer.capacity().saturating_mul(2).max(STEP_BYTES);
                make_room(&mut buffer, doubled.min(bytes_max).max(length), credit)?;
            }
            buffer.extend_from_slice(&chunk);
        }
        Ok(buffer.into())
    }

    /// Reads one gRPC message, at most `bytes_max` on the wire, and makes sure that none follows.
    pub async fn message(&mut self, bytes_max: usize, credit: &mut Credit) -> Result<(Prefix, Bytes), IntakeError> {
        let mut head = [0_u8; PREFIX_BYTES];
        let mut head_length = 0;
        let mut chunk = Bytes::new();
        while head_length < PREFIX_BYTES {
            if chunk.is_empty() {
                chunk = self
                    .chunk()
                    .await?
                    .ok_or(IntakeError::Framing("the request holds no whole message"))?;
            }
            let taken = chunk.split_to(chunk.len().min(PREFIX_BYTES - head_length));
            head.iter_mut()
                .skip(head_length)
                .zip(&taken)
                .for_each(|(place, byte)| *place = *byte);
            head_length += taken.len();
        }
        let prefix = Prefix::read(head).ok_or(IntakeError::Framing("the message's compression flag is not 0 or 1"))?;
        let length = prefix.length as usize;
        if length > bytes_max {
            return Err(IntakeError::TooLarge { limit: bytes_max });
        }
        let message = self.rest_of_message(chunk, length, credit).await?;
        Ok((prefix, message))
    }

    async fn rest_of_message(
        &mut self,
        first: Bytes,
        length: usize,
        credit: &mut Credit,
    ) -> Result<Bytes, IntakeError> {
        const MORE: IntakeError =
            IntakeError::Framing("more bytes follow than the message says; export calls are unary");
        let mut buffer = Vec::new();
        make_room(&mut buffer, length, credit)?;
        let mut chunk = Some(first);
        while let Some(bytes) = chunk {
            if buffer.len() + bytes.len() > length {
                return Err(MORE);
            }
            buffer.extend_from_slice(&bytes);
            chunk = self.chunk().await?;
        }
        if buffer.len() < length {
            return Err(IntakeError::Framing("the message is shorter than its length says"));
        }
        Ok(buffer.into())
    }

    /// Reads what is left and throws it away, so that a client which sends first and listens then hears the answer.
    pub async fn drain(mut self) {
        let deadline = Instant::now() + DRAIN_MAX;
        let mut drained = 0;
        while drained < DRAIN_BYTES_MAX && !self.body.is_end_stream() {
            match timeout_at(deadline, self.body.frame()).await {
                Ok(Some(Ok(frame))) => drained += frame.data_ref().map_or(0, Bytes::len),
                _ => return,
            }
        }
    }

    /// The next piece of data; trailers are passed over.
    async fn chunk(&mut self) -> Result<Option<Bytes>, IntakeError> {
        loop {
            // The timer is only set up when the frame is not there yet.
            let frame = timeout_at(self.deadline(), self.body.frame())
                .await
                .map_err(|_| IntakeError::Slow)?;
            let Some(frame) = frame.transpose().map_err(IntakeError::Broken)? else {
                return Ok(None);
            };
            if let Ok(data) = frame.into_data() {
                self.received += data.len() as u64;
                return Ok(Some(data));
            }
        }
    }

    fn deadline(&self) -> Instant {
        self.begun + BODY_GRACE + Duration::from_secs(self.received / BODY_BYTES_PER_SECOND_MIN)
    }
}

fn make_room(buffer: &mut Vec<u8>, capacity: usize, credit: &mut Credit) -> Result<(), Exhausted> {
    credit.resize(capacity as u64)?;
    buffer.reserve_exact(capacity - buffer.len());
    Ok(())
}
