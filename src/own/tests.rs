//! The program about itself: what its page shows, what it pushes, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)] // Real sockets and the SDK's threads have no other clock than the real one.

mod inbox;
mod levels;
mod loops;
mod page;
#[cfg(feature = "own-otlp")]
mod pushes;
mod rig;
mod table;
