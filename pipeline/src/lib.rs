//! Moves batches and keeps promises. It knows no component by name.
//!
//! The way of a batch: a receiver's [`Outlet`](lane::Outlet) → a [`Lane`](lane::Lane) with its processors →
//! the [fan-out](lane::FanOut) → an exporter's [queue and driver](delivery). Its [`Receipt`] travels back.

pub mod component;
pub mod context;
pub mod delivery;
pub mod lane;
pub mod ledger;
pub mod outside;
pub mod payload;
pub mod plan;
pub mod telemetry;
pub mod testing;

mod batch;
mod budget;
mod identity;
mod origin;
mod outcome;
mod receipt;

pub use batch::Batch;
pub use budget::{Budget, Credit, DEFAULT_LIMIT_BYTES, Exhausted, RETRY_AFTER};
pub use identity::{Identity, Method, Subject};
pub use origin::Origin;
pub use outcome::Outcome;
pub use receipt::{Receipt, Verdict};
