//! The metrics of one resource.

use std::time::Duration;

use foldhash::quality::RandomState;
use pipeline::payload::metrics::{MetricHead, MetricShape, MetricsBuilder, Number, PointHead, Temporality};
use pipeline::payload::{EmittedScope, EncodedAttributes, Place};

use super::Config;
use super::count::{Count, Durations, Ruler};
use super::layout::Layout;
use crate::aggregation::{Exemplars, Moment, PointWriter, Room, Stream, Streams};

/// The Collector's name, so that series go on when one takes the other's place. Without a version: it would be a label,
/// and every update would begin all series anew.
pub(super) const SCOPE: EmittedScope = EmittedScope {
    name: "spanmetricsconnector",
    version: "",
    schema_url: "",
};

/// The place of metrics that say nothing about where spans came from.
pub(super) fn nowhere() -> Place {
    Place::made(&EncodedAttributes::new(), &SCOPE)
}

/// What the configuration says about metrics, ready for use.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    calls: String,
    duration: String,
    events: String,
    unit: &'static str,
    pub(super) temporality: Temporality,
    ruler: Ruler,
    pub(super) exemplars_max: usize,
    /// `calls` and `duration` have different attributes, so they have different streams.
    pub(super) are_apart: bool,
    pub(super) counts_events: bool,
    streams_max: usize,
    series_expiration: Option<Duration>,
    pub(super) hashing: RandomState,
}

impl Shape {
    pub(super) fn of(config: &Config, layout: &Layout) -> Self {
        let name = |of: &str| match config.namespace.as_str() {
            "" => of.to_owned(),
            namespace => format!("{namespace}.{of}"),
        };
        let exemplars = &config.exemplars;
        let differ = !layout.calls.dimensions.is_empty() || !layout.durations.dimensions.is_empty();
        Self {
            calls: name("calls"),
            duration: name("duration"),
            events: name("events"),
            unit: config.histogram.unit.name(),
            temporality: config.aggregation_temporality.into(),
            ruler: Ruler::of(config),
            exemplars_max: if exemplars.enabled {
                exemplars.max_per_data_point.into()
            } else {
                0
            },
            are_apart: differ && !config.histogram.disable,
            counts_events: config.events.enabled,
            streams_max: match config.aggregation_cardinality_limit {
                0 => usize::MAX,
                limit => limit as usize,
            },
            series_expiration: config.series_expiration.limit(),
            hashing: RandomState::default(),
        }
    }

    /// An empty stream of the spans; they have durations too unless those have streams of their own.
    pub(super) fn span_count(&self) -> Count {
        let durations = if self.are_apart {
            Durations::None
        } else {
            self.ruler.durations()
        };
        Count::new(durations, self.exemplars_max)
    }

    /// An empty stream of durations that stand apart.
    pub(super) fn duration_count(&self) -> Count {
        Count::new(self.ruler.durations(), self.exemplars_max)
    }

    /// An empty stream of events.
    pub(super) fn event_count(&self) -> Count {
        Count::new(Durations::None, self.exemplars_max)
    }

    fn is_delta(&self) -> bool {
        self.temporality == Temporality::Delta
    }
}

/// The streams of one resource, by metric.
#[derive(Debug)]
pub(super) struct Families {
    place: Place,
    /// What tells its overflow from others.
    overflow: EncodedAttributes,
    pub(super) spans: Streams<Count>,
    /// Empty unless durations stand apart.
    pub(super) durations: Streams<Count>,
    pub(super) events: Streams<Count>,
}

impl Families {
    /// No streams yet. Of the overflow of all resources, everything is counted in one stream.
    pub(super) fn new(shape: &Shape, place: Place, overflow: EncodedAttributes, is_overflow: bool) -> Self {
        let most = if is_overflow { 0 } else { shape.streams_max };
        let streams = || Streams::new(most, shape.hashing.clone()).with_overflow(&overflow);
        Self {
            spans: streams(),
            durations: streams(),
            events: streams(),
            place,
            overflow,
        }
    }

    /// No streams yet, for the same resource.
    pub(super) fn alike(&self, shape: &Shape) -> Self {
        let is_overflow = false;
        Self::new(shape, self.place.clone(), self.overflow.clone(), is_overflow)
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len() + self.durations.len() + self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.durations.is_empty() && self.events.is_empty()
    }

    pub(super) fn absorb(&mut self, other: &mut Self, shape: &Shape, room: &mut Room, moment: &Moment) {
        self.spans.absorb(&mut other.spans, room, moment, || shape.span_count());
        self.durations
            .absorb(&mut other.durations, room, moment, || shape.duration_count());
        self.events
            .absorb(&mut other.events, room, moment, || shape.event_count());
    }

    /// Takes out the streams that end at this flush. With `ends` all of them do.
    pub(super) fn let_go(&mut self, shape: &Shape, moment: &Moment, ends: bool) -> Gone {
        let let_go = |streams| let_go(streams, shape, moment, ends);
        Gone {
            spans: let_go(&mut self.spans),
            durations: let_go(&mut self.durations),
            events: let_go(&mut self.events),
        }
    }

    /// Writes the points of one metric, and the last ones of what is gone. `begun` says whether the metric is begun
    /// already, for another resource that stands in the same place.
    pub(super) fn write(
        &mut self,
        metric: Metric,
        gone: &Gone,
        (shape, moment): (&Shape, &Moment),
        page: &mut Page<'_>,
        begun: &mut bool,
    ) {
        let (streams, gone) = match metric {
            Metric::Duration if matches!(shape.ruler, Ruler::None) => return,
            Metric::Duration if shape.are_apart => (&mut self.durations, &gone.durations),
            Metric::Calls | Metric::Duration => (&mut self.spans, &gone.spans),
            Metric::Events => (&mut self.events, &gone.events),
        };
        if streams.is_empty() && gone.is_empty() {
            return;
        }
        if !std::mem::replace(begun, true) {
            page.begin(metric, shape, &self.place);
        }
        for stream in streams.iter_mut() {
            page.first_point(metric, stream, shape, moment);
            page.point(metric, stream, moment);
        }
        for stream in gone {
            // The stream is over: in Prometheus its series become stale now, not five minutes later.
            page.empty_point(metric, &stream.last_head(moment), shape);
        }
    }

    /// Readies all streams for what comes after a flush.
    pub(super) fn settle(&mut self, shape: &Shape, moment: &Moment) {
        for streams in [&mut self.spans, &mut self.durations, &mut self.events] {
            streams.iter_mut().for_each(|stream| settle(stream, shape, moment));
        }
    }
}

/// Streams that end at a flush, by metric. Of deltas there are none: they say nothing about what did not happen.
#[derive(Debug)]
pub(super) struct Gone {
    spans: Vec<Stream<Count>>,
    durations: Vec<Stream<Count>>,
    events: Vec<Stream<Count>>,
}

impl Gone {
    pub(super) fn len(&self) -> usize {
        self.spans.len() + self.durations.len() + self.events.len()
    }
}

/// Takes out what was idle for too long, and of deltas what has nothing to tell. What was counted since the last flush is
/// told first, however long ago that is.
fn let_go(streams: &mut Streams<Count>, shape: &Shape, moment: &Moment, ends: bool) -> Vec<Stream<Count>> {
    if shape.is_delta() {
        streams.remove(|stream| !stream.is_touched(), drop);
        return Vec::new();
    }
    let mut gone = Vec::new();
    let is_old = |stream: &Stream<Count>| {
        let idle = moment.now.saturating_duration_since(stream.used());
        shape.series_expiration.is_some_and(|most| idle >= most)
    };
    let leaves = |stream: &Stream<Count>| ends || !stream.is_touched() && is_old(stream);
    streams.remove(leaves, |stream| gone.push(stream));
    gone
}

/// Readies a stream for what comes after a flush. Exemplars belong to the points that were told.
fn settle(stream: &mut Stream<Count>, shape: &Shape, moment: &Moment) {
    stream.state.exemplars.told(moment.wall);
    if shape.is_delta() {
        stream.state.clear();
        stream.restart(moment);
    } else {
        stream.rest();
    }
}

/// One of the three metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Calls,
    Duration,
    Events,
}

impl Metric {
    pub(super) const ALL: [Self; 3] = [Self::Calls, Self::Duration, Self::Events];
}

/// Where points are written.
pub(super) struct Page<'o> {
    pub(super) out: &'o mut MetricsBuilder,
    pub(super) writer: &'o mut PointWriter,
    /// The time of the flush before.
    pub(super) flushed: u64,
}

impl Page<'_> {
    fn begin(&mut self, metric: Metric, shape: &Shape, place: &Place) {
        let (name, description, unit) = match metric {
            Metric::Calls => (&shape.calls, "Spans, by what they did.", ""),
            Metric::Duration => (&shape.duration, "How long spans took.", shape.unit),
            Metric::Events => (&shape.events, "Events of spans.", ""),
        };
        let temporality = shape.temporality;
        let kind = match (metric, &shape.ruler) {
            (Metric::Duration, Ruler::Exponential { .. }) => MetricShape::ExponentialHistogram(temporality),
            (Metric::Duration, _) => MetricShape::Histogram(temporality),
            (Metric::Calls | Metric::Events, _) => MetricShape::Sum {
                temporality,
                monotonic: true,
            },
        };
        let head = MetricHead {
            name,
            description,
            unit,
            metadata: None,
        };
        self.out.metric(place, &head, kind);
    }

    fn point(&mut self, metric: Metric, stream: &Stream<Count>, moment: &Moment) {
        let (head, count) = (stream.head(moment), &stream.state);
        match &count.durations {
            Durations::Explicit(histogram) if metric == Metric::Duration => {
                self.writer.explicit(self.out, &head, histogram, &count.exemplars);
            }
            Durations::Exponential(histogram) if metric == Metric::Duration => {
                self.writer.exponential(self.out, &head, histogram, &count.exemplars);
            }
            _ => {
                // Beyond nine trillion millions, a count stays where it is.
                let spans = i64::try_from(count.spans).unwrap_or(i64::MAX);
                let exemplars = self.writer.exemplars(head.time, &count.exemplars);
                self.out.number(&head, Some(Number::Int(spans)), exemplars);
            }
        }
    }

    /// A new total begins with nothing; a delta says since when it counts, and that is enough.
    fn first_point(&mut self, metric: Metric, stream: &Stream<Count>, shape: &Shape, moment: &Moment) {
        if shape.is_delta() || stream.is_told() {
            return;
        }
        if let Some(head) = stream.zero_head(self.flushed, moment) {
            self.empty_point(metric, &head, shape);
        }
    }

    /// A point that says that nothing was counted, or that there is nothing any more.
    fn empty_point(&mut self, metric: Metric, head: &PointHead<'_>, shape: &Shape) {
        match (metric, shape.ruler.durations()) {
            (Metric::Duration, Durations::Explicit(none)) => {
                self.writer.explicit(self.out, head, &none, &Exemplars::default());
            }
            (Metric::Duration, Durations::Exponential(none)) => {
                self.writer.exponential(self.out, head, &none, &Exemplars::default());
            }
            _ => {
                let nothing = (!head.has_no_value).then_some(Number::Int(0));
                self.out.number(head, nothing, &[]);
            }
        }
    }
}
