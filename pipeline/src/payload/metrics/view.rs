//! Resources, scopes and metrics of a batch.

use std::marker::PhantomData;

use super::point::{ExponentialPointView, HistogramPointView, NumberPointView, SummaryPointView};
use crate::payload::value::{Attrs, Text};
use crate::payload::view::{Repeated, ResourceView, ScopeView, about, schema_url, shell};
use crate::payload::wire::{Fields, Wire};

/// Field numbers of `opentelemetry.proto.metrics.v1.Metric`.
pub(super) mod field {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const DESCRIPTION: u32 = 2;
    pub(crate) const UNIT: u32 = 3;
    pub(crate) const GAUGE: u32 = 5;
    pub(crate) const SUM: u32 = 7;
    pub(crate) const HISTOGRAM: u32 = 9;
    pub(crate) const EXPONENTIAL_HISTOGRAM: u32 = 10;
    pub(crate) const SUMMARY: u32 = 11;
    pub(crate) const METADATA: u32 = 12;
    /// The points of every kind of data.
    pub(crate) const POINTS: u32 = 1;
    /// Of sums and both histograms.
    pub(crate) const TEMPORALITY: u32 = 2;
    pub(crate) const MONOTONIC: u32 = 3;
}

/// The resources of a batch of metrics.
#[derive(Debug, Clone)]
pub struct ResourceMetrics<'a>(Repeated<'a>);

impl<'a> ResourceMetrics<'a> {
    pub(in crate::payload) fn of(request: &'a [u8]) -> Self {
        Self(Repeated::of(request, shell::RESOURCES))
    }
}

impl<'a> Iterator for ResourceMetrics<'a> {
    type Item = ResourceMetricsView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(ResourceMetricsView)
    }
}

/// One resource with all metrics that it sent.
#[derive(Debug, Clone, Copy)]
pub struct ResourceMetricsView<'a>(&'a [u8]);

impl<'a> ResourceMetricsView<'a> {
    /// The resource itself; one without attributes if the sender named none.
    pub fn resource(self) -> ResourceView<'a> {
        ResourceView::of(about(self.0), self.0)
    }

    /// The scopes, in order.
    pub fn scopes(self) -> impl Iterator<Item = ScopeMetricsView<'a>> {
        Repeated::of(self.0, shell::CONTENT).map(ScopeMetricsView)
    }

    /// Schema of the resource's attributes.
    pub fn schema_url(self) -> Text<'a> {
        schema_url(self.0)
    }
}

/// One instrumentation scope with its metrics.
#[derive(Debug, Clone, Copy)]
pub struct ScopeMetricsView<'a>(&'a [u8]);

impl<'a> ScopeMetricsView<'a> {
    /// The scope itself; a nameless one if the sender named none.
    pub fn scope(self) -> ScopeView<'a> {
        ScopeView::of(about(self.0), self.0)
    }

    /// The metrics, in order.
    pub fn metrics(self) -> impl Iterator<Item = MetricView<'a>> {
        Repeated::of(self.0, shell::CONTENT).map(MetricView)
    }

    /// Schema of the metrics.
    pub fn schema_url(self) -> Text<'a> {
        schema_url(self.0)
    }
}

/// Whether points count since a fixed start or since the point before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Temporality {
    /// Not said, which OTLP forbids.
    #[default]
    Unspecified,
    /// Since the point before.
    Delta,
    /// Since the start that the point names.
    Cumulative,
}

impl Temporality {
    /// The number of the enum in the protocol.
    pub fn number(self) -> u64 {
        match self {
            Self::Unspecified => 0,
            Self::Delta => 1,
            Self::Cumulative => 2,
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// One metric: a name with points.
#[derive(Debug, Clone, Copy)]
pub struct MetricView<'a>(&'a [u8]);

impl<'a> MetricView<'a> {
    pub(in crate::payload) fn of(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// Name of the metric.
    pub fn name(self) -> Text<'a> {
        Text::of(Fields::of(self.0).payload(field::NAME))
    }

    /// What it means.
    pub fn description(self) -> Text<'a> {
        Text::of(Fields::of(self.0).payload(field::DESCRIPTION))
    }

    /// Its unit, in UCUM.
    pub fn unit(self) -> Text<'a> {
        Text::of(Fields::of(self.0).payload(field::UNIT))
    }

    /// What else the sender says about the metric, such as its type in Prometheus (`prometheus.type`).
    pub fn metadata(self) -> Attrs<'a> {
        Attrs::of(self.0, field::METADATA)
    }

    /// The encoded metric.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// What kind of metric it is, with its points.
    pub fn data(self) -> Data<'a> {
        let data = Fields::of(self.0).find_map(|field| match field.number {
            field::GAUGE => Some(Data::Gauge(Points::of(field.bytes()))),
            field::SUM => {
                let (temporality, monotonic) = head(field.bytes());
                Some(Data::Sum {
                    points: Points::of(field.bytes()),
                    temporality,
                    monotonic,
                })
            }
            field::HISTOGRAM => Some(Data::Histogram {
                points: Points::of(field.bytes()),
                temporality: head(field.bytes()).0,
            }),
            field::EXPONENTIAL_HISTOGRAM => Some(Data::ExponentialHistogram {
                points: Points::of(field.bytes()),
                temporality: head(field.bytes()).0,
            }),
            field::SUMMARY => Some(Data::Summary(Points::of(field.bytes()))),
            _ => None,
        });
        data.unwrap_or(Data::None)
    }
}

/// Temporality and monotony; they stand behind the points as a rule.
fn head(data: &[u8]) -> (Temporality, bool) {
    let mut temporality = Temporality::Unspecified;
    let mut monotonic = false;
    for found in Fields::of(data) {
        match (found.number, found.value) {
            (field::TEMPORALITY, Wire::Varint(number)) => temporality = Temporality::from_number(number),
            (field::MONOTONIC, Wire::Varint(number)) => monotonic = number != 0,
            _ => {}
        }
    }
    (temporality, monotonic)
}

/// The kinds of metrics.
#[derive(Debug, Clone)]
pub enum Data<'a> {
    /// Nothing, or a kind that OTLP does not have yet.
    None,
    /// Values as they are at a time.
    Gauge(Points<'a, NumberPointView<'a>>),
    /// Totals.
    Sum {
        /// The points, in order.
        points: Points<'a, NumberPointView<'a>>,
        /// Since when they count.
        temporality: Temporality,
        /// Whether they only grow.
        monotonic: bool,
    },
    /// Counts by explicit bounds.
    Histogram {
        /// The points, in order.
        points: Points<'a, HistogramPointView<'a>>,
        /// Since when they count.
        temporality: Temporality,
    },
    /// Counts by powers of a base.
    ExponentialHistogram {
        /// The points, in order.
        points: Points<'a, ExponentialPointView<'a>>,
        /// Since when they count.
        temporality: Temporality,
    },
    /// Quantiles that the sender computed.
    Summary(Points<'a, SummaryPointView<'a>>),
}

/// The points of one metric, in order.
#[derive(Debug, Clone)]
pub struct Points<'a, P> {
    points: Repeated<'a>,
    kind: PhantomData<P>,
}

impl<'a, P> Points<'a, P> {
    fn of(data: &'a [u8]) -> Self {
        Self {
            points: Repeated::of(data, field::POINTS),
            kind: PhantomData,
        }
    }
}

impl<'a, P: From<&'a [u8]>> Iterator for Points<'a, P> {
    type Item = P;

    fn next(&mut self) -> Option<P> {
        self.points.next().map(P::from)
    }
}
