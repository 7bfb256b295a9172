//! Requests on their way: encodes, posts, decides.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use net::client::http::{HttpClient, HttpFailure};
use pipeline::component::{BuildError, Setup};
use pipeline::outside::Outside;

use super::config::{Config, url};
use super::counts::Counts;
use super::proto::{Encoded, Protocol, Room, encode};
use super::reply::{Verdict, judge};
use super::shard::Shard;
use crate::answer::{MESSAGE_BYTES_MAX, who_was_shown};
use crate::printable::excerpt;
use crate::prometheus_series::Table;

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// What is known about the receiver, where 2.0 is configured.
const UNKNOWN: u8 = 0;
/// It has said what it wrote, so it knows 2.0.
const KNOWS_V2: u8 = 1;
/// It does not know 2.0; asked again after a restart.
const V1_ONLY: u8 = 2;

/// Posts requests.
#[derive(Debug)]
pub(super) struct Sender {
    client: HttpClient,
    url: Uri,
    configured: Protocol,
    receiver: AtomicU8,
    timeout: Duration,
    bytes_max: usize,
    outside: Outside,
    /// One for each request that is made at the same time.
    rooms: Mutex<Vec<Room>>,
    pub(super) counts: Counts,
}

/// Why a shard cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// A later attempt may succeed.
    Retry { after: Option<Duration>, cause: String },
    /// The receiver does not know 2.0.
    FallBack { is_sure: bool, cause: String },
}

impl Stop {
    pub(super) fn is_fall_back(&self) -> Option<bool> {
        match self {
            Self::FallBack { is_sure, .. } => Some(*is_sure),
            Self::Retry { .. } => None,
        }
    }

    pub(super) fn fall_back_cause(&self) -> Option<&str> {
        match self {
            Self::FallBack { cause, .. } => Some(cause),
            Self::Retry { .. } => None,
        }
    }

    pub(super) fn retry(self) -> Option<(Option<Duration>, String)> {
        match self {
            Self::Retry { after, cause } => Some((after, cause)),
            Self::FallBack { .. } => None,
        }
    }
}

impl Sender {
    pub(super) fn new(config: &Config, setup: &Setup) -> Result<Self, BuildError> {
        let client = config.client();
        let url = url(&client.endpoint).map_err(|why| BuildError::new(format!("the endpoint {why}")))?;
        let https = url.scheme_str() == Some("https");
        Ok(Self {
            client: HttpClient::new(client, https, &setup.outside, &setup.context.authenticators)?,
            url,
            configured: config.protocol(),
            receiver: AtomicU8::new(UNKNOWN),
            timeout: config.timeout().limit().unwrap_or(Duration::MAX),
            bytes_max: config.own.max_batch_size_bytes,
            outside: setup.outside.clone(),
            rooms: Mutex::default(),
            counts: Counts::new(&setup.telemetry),
        })
    }

    pub(super) fn now(&self) -> Instant {
        self.outside.clock.now()
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The protocol of the next batch.
    pub(super) fn protocol(&self) -> Protocol {
        if self.receiver.load(Ordering::Relaxed) == V1_ONLY {
            Protocol::V1
        } else {
            self.configured
        }
    }

    pub(super) fn remember_v1(&self) {
        self.receiver.store(V1_ONLY, Ordering::Relaxed);
    }

    /// Sends a shard's requests one after another until nothing is left or nothing goes any more.
    pub(super) async fn drain(&self, table: &Table, shard: &mut Shard, protocol: Protocol) -> Result<(), Stop> {
        while !shard.rest().is_empty() {
            let request = self.in_a_room(|room| encode(table, shard.ahead(protocol), protocol, self.bytes_max, room));
            if request.holds.values() == 0 {
                shard.settle(request.items); // All of it was dropped when names were made legal.
                continue;
            }
            if request.body.len() > self.bytes_max && shard.split(request.items) {
                continue;
            }
            match self.post(&request.body, request.texts, protocol).await {
                Verdict::Taken { written } => {
                    if protocol == Protocol::V2 {
                        self.receiver.store(KNOWS_V2, Ordering::Relaxed);
                    }
                    shard.took(&request, written);
                    self.counts.sent(&request, written);
                }
                Verdict::TooLarge { .. } if shard.split(request.items) => {}
                Verdict::TooLarge { cause } => {
                    let lost = shard.refused(&request, None, table, cause);
                    self.counts.refused("too_large", lost);
                }
                Verdict::Rejected { written, status, cause } => {
                    let lost = shard.refused(&request, written, table, cause);
                    self.counts.refused(&format!("status_{}", status.as_u16()), lost);
                }
                Verdict::Retry { after, cause } => return Err(self.retry(after, cause)),
                Verdict::FallBack { is_sure, cause } => return Err(Stop::FallBack { is_sure, cause }),
            }
            self.in_a_room(|room| room.give_back(request.body));
        }
        Ok(())
    }

    /// Sends requests of metadata, from the last on. What is refused is dropped: it comes again with the next batch.
    pub(super) async fn send_metadata(&self, bodies: &mut Vec<Vec<u8>>) -> Result<(), Stop> {
        while let Some(body) = bodies.last() {
            match self.post(body, 0, Protocol::V1).await {
                Verdict::Retry { after, cause } => return Err(self.retry(after, cause)),
                Verdict::Taken { .. } => {}
                verdict => tracing::debug!(?verdict, "the receiver did not take metadata"),
            }
            bodies.pop();
        }
        Ok(())
    }

    /// Works in a room that nobody else is in.
    fn in_a_room<T>(&self, work: impl FnOnce(&mut Room) -> T) -> T {
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = rooms().pop().unwrap_or_default();
        let done = work(&mut room);
        rooms().push(room);
        done
    }

    fn retry(&self, after: Option<Duration>, cause: String) -> Stop {
        self.counts.retried();
        Stop::Retry { after, cause }
    }

    async fn post(&self, body: &[u8], texts: usize, protocol: Protocol) -> Verdict {
        let packed = match self.in_a_room(|room| room.pack(body, texts)) {
            Ok(packed) => packed,
            Err(cause) => {
                let cause = format!("a request of {} bytes cannot be compressed: {cause}", body.len());
                return Verdict::TooLarge { cause };
            }
        };
        let posted = self.client.post_packed(&self.url, headers(protocol), packed);
        match tokio::time::timeout(self.timeout, posted).await {
            Ok(Ok(answer)) => {
                let is_confirmed = self.receiver.load(Ordering::Relaxed) == KNOWS_V2;
                let mut verdict = judge(&answer, protocol, is_confirmed, self.outside.clock.wall());
                if let Verdict::Rejected { status, cause, .. } = &mut verdict
                    && *status == StatusCode::UNAUTHORIZED
                {
                    *cause += &who_was_shown(self.client.authenticator());
                }
                verdict
            }
            Ok(Err(HttpFailure::NoAnswer(cause) | HttpFailure::Unusable(cause))) => Verdict::Retry {
                after: None,
                cause: excerpt(&cause, MESSAGE_BYTES_MAX),
            },
            Err(_elapsed) => Verdict::Retry {
                after: None,
                cause: format!("no answer within {} ms", self.timeout.as_millis()),
            },
        }
    }
}

/// What a request says about its body.
fn headers(protocol: Protocol) -> HeaderMap {
    let (content_type, version) = match protocol {
        Protocol::V1 => ("application/x-protobuf", "0.1.0"),
        Protocol::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
    };
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(USER_AGENT, HeaderValue::from_static(net::client::USER_AGENT));
    headers.insert(VERSION, HeaderValue::from_static(version));
    headers
}

impl Encoded {
    /// How many values it has.
    pub(super) fn values(&self) -> u64 {
        self.holds.values()
    }
}
