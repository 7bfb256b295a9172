//! What the connectors that count spans share: histograms, exemplars, a bounded table of streams, and the task that
//! sends every so often what was counted.
//!
//! A *stream* is one set of attributes with what was counted for it. What is counted, and which attributes a stream
//! has, is the connector's business: it implements [`Aggregate`], and [`connect`] does the rest.

mod exemplars;
mod explicit;
mod exponential;
mod instance;
mod places;
mod points;
mod room;
mod sources;
mod streams;
mod task;
mod temporality;
#[cfg(test)]
mod tests;
mod width;

pub use exemplars::{Exemplars, Measured, octave};
pub use explicit::ExplicitHistogram;
pub use exponential::{BUCKETS_MAX, ExponentialHistogram, SCALE_MAX};
pub use instance::instance_id;
pub use points::PointWriter;
pub use room::Room;
pub use sources::{Source, Sources};
pub use streams::{Counted, OVERFLOW, Stream, Streams};
pub use task::{Aggregate, Moment, connect};
pub use temporality::AggregationTemporality;
