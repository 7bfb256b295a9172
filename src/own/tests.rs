//! The program about itself: what its page shows, what it pushes, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)] // Real sockets and the SDK's threads have no other clock than the real one.

#[cfg_attr(not(feature = "own-otlp"), allow(dead_code))]
mod inbox;
mod levels;
#[cfg(feature = "own-otlp")]
mod loops;
#[cfg(not(feature = "own-otlp"))]
mod no_pushes;
mod page;
#[cfg(feature = "own-otlp")]
mod pushes;
mod rig;
mod table;
