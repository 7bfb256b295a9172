//! Limits of a listener that no configuration key sets, each with its reason.

use std::time::Duration;

/// Connections of one listener at a time. A gateway sees a few per node; a process has a thousand files or more, and
/// each connection costs some 20 KiB.
pub const CONNECTIONS_MAX: usize = 8_192;

/// Flow-control window of one request, and largest frame: a message of a hundred spans (78 kB) arrives without
/// waiting for us, in one frame where the sender can do that.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// Flow-control window of one connection: what a peer can make us hold while no request asks for its body.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Requests at once on one HTTP/2 connection, unless configured. Exporters have about ten under way.
pub const STREAMS_MAX: u32 = 200;

/// All headers of one request: tokens and baggage fit, an HPACK bomb does not.
pub const HEADERS_BYTES_MAX: u32 = 16 * 1024;

/// What one read of an HTTP/1.1 connection may take at once, and with it the part of a head that a peer can make us hold
/// before the head is complete. It grows to this only while it is filled; larger reads gain nothing measurable.
pub const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Answers that wait to be written on one HTTP/2 stream; ours are a few dozen bytes.
pub const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Streams that a peer may open and reset before we have looked at them (CVE-2023-44487, "rapid reset").
pub const PENDING_RESETS_MAX: usize = 20;

/// Streams that we may have to reset because of a peer's errors before the connection ends (CVE-2025-8671).
pub const LOCAL_RESETS_MAX: usize = 1_024;

/// A TLS handshake takes a few round trips.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Requests under way may finish this long after the stop signal; Kubernetes kills after thirty seconds.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// The same for a connection that became too old, where `max_connection_age_grace` is not set. Nothing hurries.
pub const AGE_GRACE: Duration = Duration::from_secs(60);

/// Ages are spread by this share either way, so that the connections of a fleet that started together do not end together.
pub const AGE_JITTER: f64 = 0.1;

/// Pause after a connection could not be taken, as when the process has no more files: without it the loop would spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A body must begin to arrive within this time …
pub const BODY_GRACE: Duration = Duration::from_secs(10);

/// … and then keep this average, or it holds memory for nothing.
pub const BODY_BYTES_PER_SECOND_MIN: u64 = 16 * 1024;

/// The body of a refused request is read and thrown away up to this size, because many clients look at the answer
/// only after they have sent everything. It is the largest request that the OTLP specification expects.
pub const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// … and for this long.
pub const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A connection that never asked for anything is closed after this time. Clients connect when they have something to
/// send, and one that connected early loses nothing: it is told to come again.
pub const NEWCOMER_MAX: Duration = Duration::from_secs(5 * 60);

/// Server pings on an HTTP/2 connection, unless configured (the defaults of gRPC).
pub const PING_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);
/// How long the answer may take.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
