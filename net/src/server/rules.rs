//! When connections end and what they may ask for.

use std::time::Duration;

use super::limits::{AGE_GRACE, CONNECTIONS_MAX, PING_INTERVAL, PING_TIMEOUT, STREAMS_MAX};

/// When connections end and what they may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Connections at a time; more are closed as they come.
    pub connections_max: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Until the first bytes of a connection, and for each head of an HTTP/1.1 request.
    pub header_max: Duration,
    /// Without a request for this long, a connection is closed; None means never.
    pub idle_max: Option<Duration>,
    /// Older connections are closed once their requests are done; None means never.
    pub age_max: Option<Duration>,
    /// How long those requests may take.
    pub age_grace: Duration,
    /// How often an HTTP/2 peer is asked whether it is still there.
    pub ping_interval: Option<Duration>,
    /// How long its answer may take.
    pub ping_timeout: Duration,
    /// Whether an HTTP/1.1 connection stays open for the next request.
    pub keep_alive: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            streams_max: STREAMS_MAX,
            header_max: Duration::from_secs(60),
            idle_max: None,
            age_max: None,
            age_grace: AGE_GRACE,
            ping_interval: Some(PING_INTERVAL),
            ping_timeout: PING_TIMEOUT,
            keep_alive: true,
        }
    }
}
