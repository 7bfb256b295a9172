//! Metrics: views of what arrived, and a builder for what this program measures.
//!
//! [`Metrics`](super::Metrics) is a batch; [`MetricView`] one metric in it, whose [`Data`] says what kind it is and
//! holds the points.

mod builder;
mod point;
mod view;

pub use builder::{Exemplar, ExponentialHistogram, Histogram, MetricHead, MetricShape, MetricsBuilder, PointHead};
pub use point::{
    BucketsView, ExemplarView, ExponentialPointView, HistogramPointView, Number, NumberPointView, SummaryPointView,
};
pub(super) use view::ResourceMetrics;
pub use view::{Data, MetricView, Points, ResourceMetricsView, ScopeMetricsView, Temporality};
