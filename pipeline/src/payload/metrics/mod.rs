//! Metrics: views of what arrived, and a builder for what this program measures.
//!
//! [`Metrics`] is a batch; [`MetricView`] one metric in it, whose [`Data`] says what kind it is and
//! holds the points.

mod batch;
mod builder;
mod point;
mod view;

pub use batch::{Metrics, MetricsPart};
pub use builder::{Exemplar, ExponentialHistogram, Histogram, MetricHead, MetricShape, MetricsBuilder, PointHead};
pub use point::{
    BucketsView, ExemplarView, ExponentialPointView, HistogramPointView, Number, NumberPointView, SummaryPointView,
};
use view::ResourceMetrics;
pub use view::{Data, MetricView, Points, ResourceMetricsView, ScopeMetricsView, Temporality};
