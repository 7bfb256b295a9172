//! Counts the spans of batches.

use std::sync::Arc;
use std::time::Duration;

use pipeline::Origin;
use pipeline::payload::metrics::MetricsBuilder;
use pipeline::payload::{
    EncodedAttributes, Payload, Place, ResourceSpansView, ResourceView, SpanId, SpanView, TraceId, names,
};

use super::Config;
use super::count::Count;
use super::families::{Families, Metric, Page, SCOPE, Shape, nowhere};
use super::lately::Lately;
use super::layout::{Layout, List, Said};
use super::meters::Meters;
use super::seen::Seen;
use super::sketch::Sketch;
use super::values::Values;
use crate::aggregation::{Aggregate, Measured, Moment, PointWriter, Room, Source, Sources, Streams};

/// Everything that the configuration says, shared by all desks.
pub(super) struct Plan {
    layout: Layout,
    shape: Shape,
    unit: f64,
    series_max: usize,
    sources_max: usize,
    metrics_expiration: Option<Duration>,
    /// The attributes that tell resources apart; without a list, all do.
    key_attributes: Option<Vec<String>>,
    has_resources: bool,
    meters: Meters,
}

impl Plan {
    pub(super) fn of(config: &Config, meters: Meters) -> Self {
        let layout = Layout::of(config);
        Self {
            key_attributes: key_attributes(config),
            shape: Shape::of(config, &layout),
            layout,
            unit: config.histogram.unit.nanoseconds(),
            series_max: config.series_max as usize,
            sources_max: config.resource_metrics_cache_size as usize,
            metrics_expiration: config.metrics_expiration.limit(),
            has_resources: config.add_resource_attributes,
            meters,
        }
    }

    /// How long a span took, in the unit of the histogram. One that ended before it began took no time.
    #[inline]
    fn measured(&self, duration: Option<u64>, end: u64, (trace_id, span_id): (TraceId, SpanId)) -> Measured {
        Measured {
            value: duration.unwrap_or(0) as f64 / self.unit,
            time: end,
            trace_id,
            span_id,
        }
    }

    /// Whether nothing but what a span says about itself tells its streams apart.
    fn is_plain(&self) -> bool {
        !self.shape.are_apart && !self.layout.asks_for_attributes()
    }

    /// The attributes that make a resource this one, in the order of their names: senders may shuffle them.
    fn key(&self, resource: ResourceView<'_>, key: &mut EncodedAttributes) {
        key.clear();
        let chosen = |name: &[u8]| match &self.key_attributes {
            Some(chosen) => chosen.iter().any(|it| it.as_bytes() == name),
            None => true,
        };
        let mut attributes: Vec<_> = resource
            .raw_attrs()
            .filter(|(name, _)| chosen(name.as_bytes()))
            .collect();
        attributes.sort_by_key(|(name, _)| *name);
        for (name, value) in attributes {
            key.push(name.as_str(), value);
        }
    }

    /// No streams yet, for a resource.
    fn families(&self, resource: ResourceView<'_>, key: &EncodedAttributes) -> Families {
        let mut overflow = self.layout.counted_by();
        let place = if !self.has_resources {
            // The key is the service: its overflow must not be the same series as that of another one.
            overflow.extend(key);
            nowhere()
        } else if self.key_attributes.is_none() {
            nowhere().with_resource(resource)
        } else {
            // Resources that differ in other attributes are one here; those of the first would be wrong for the next.
            Place::made(key, &SCOPE)
        };
        Families::new(&self.shape, place, overflow, false)
    }

    /// What takes the spans of resources for which there is no room.
    fn overflow(&self) -> Families {
        Families::new(&self.shape, nowhere(), self.layout.counted_by(), true)
    }
}

/// The attributes that tell resources apart.
///
/// Where metrics say nothing of resources, those of one service are one: their points would have the same attributes.
/// Each service still has limits of its own.
fn key_attributes(config: &Config) -> Option<Vec<String>> {
    if !config.add_resource_attributes {
        let service = names::SERVICE_NAME.to_owned();
        let is_told = !config.exclude_dimensions.contains(&service);
        return Some(if is_told { vec![service] } else { Vec::new() });
    }
    let chosen = &config.resource_metrics_key_attributes;
    (!chosen.is_empty()).then(|| chosen.clone())
}

/// What is counted at one desk.
pub(super) struct SpanCounts {
    plan: Arc<Plan>,
    sources: Sources<Families>,
    room: Room,
    buffers: Buffers,
    writer: PointWriter,
    /// The time of the last flush, in nanoseconds since 1970; 0 before the first.
    flushed: u64,
}

/// Attributes and keys are put together here: a stream that is known allocates nothing.
#[derive(Default)]
struct Buffers {
    resource: EncodedAttributes,
    /// What the spans of a resource and scope have in common.
    place: EncodedAttributes,
    point: EncodedAttributes,
    /// What a stream is looked up by.
    key: Vec<u8>,
}

/// Where values of dimensions are found.
struct Found<'a> {
    span: Values<'a>,
    event: Values<'a>,
    resource: Values<'a>,
}

impl SpanCounts {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self {
            sources: Sources::new(plan.sources_max, plan.shape.hashing.clone()),
            room: Room::new(plan.series_max),
            buffers: Buffers::default(),
            writer: PointWriter::default(),
            flushed: 0,
            plan,
        }
    }

    /// Counts the spans of a resource; says how many there were.
    fn resource<'a>(&mut self, spans: ResourceSpansView<'a>, moment: &Moment, found: &mut Found<'a>) -> u64 {
        let plan = &*self.plan;
        let resource = spans.resource();
        plan.key(resource, &mut self.buffers.resource);
        found.resource.fill(&plan.layout, resource.raw_attrs());
        let service = resource.raw_attrs().get(names::SERVICE_NAME);
        let key = &self.buffers.resource;
        let make = |is_overflow| match is_overflow {
            false => plan.families(resource, key),
            true => plan.overflow(),
        };
        let source = self.sources.source(key.framed(), moment.now, make);
        let mut tally = Tally {
            plan,
            moment,
            families: &mut source.streams,
            room: &mut self.room,
            buffers: &mut self.buffers,
        };
        let (mut counted, mut negative) = (0, 0);
        let is_plain = plan.is_plain();
        for scope in spans.scopes() {
            plan.layout.place(service, scope.scope(), &mut tally.buffers.place);
            let mut lately = Lately::default();
            for span in scope.spans() {
                counted += 1;
                let sketch = if is_plain { Sketch::of(span) } else { None };
                if let Some(sketch) = &sketch
                    && let Some(place) = lately.recall(&sketch.likeness)
                    && tally.again(place, sketch)
                {
                    negative += u64::from(sketch.duration().is_none());
                    continue;
                }
                let seen = Seen::of(span, &plan.layout, &mut found.span);
                negative += u64::from(seen.duration().is_none());
                let place = tally.span(&seen, found);
                if let Some((place, sketch)) = place.zip(sketch).filter(|(_, sketch)| seen.is_told_by(sketch)) {
                    lately.remember(sketch.likeness, place);
                }
                if plan.shape.counts_events && seen.has_events {
                    tally.events(span, &seen, found);
                }
            }
        }
        plan.meters.negative.add(negative);
        counted
    }
}

/// Counts the spans of one resource.
struct Tally<'t> {
    plan: &'t Plan,
    moment: &'t Moment,
    families: &'t mut Families,
    room: &'t mut Room,
    buffers: &'t mut Buffers,
}

impl Tally<'_> {
    /// Counts a span that is like one before, whose stream stands here; says whether it does.
    #[inline(always)]
    fn again(&mut self, place: usize, sketch: &Sketch<'_>) -> bool {
        let Some(stream) = self.families.spans.at(place, self.moment) else {
            return false;
        };
        let ids = (sketch.trace_id, sketch.span_id);
        let measured = self.plan.measured(sketch.duration(), sketch.end, ids);
        stream.state.add(1, measured);
        true
    }

    /// Counts a span; says where the stream of its calls stands, if that is of use.
    fn span<'a>(&mut self, seen: &Seen<'a>, found: &Found<'a>) -> Option<usize> {
        let Plan { layout, shape, .. } = self.plan;
        let values = [&found.span, &found.resource];
        let point = Point::of(self.plan, seen, self.moment, &values);
        if shape.are_apart {
            let lists = [&layout.shared, &layout.durations];
            let make = || shape.duration_count();
            point.count(&mut self.families.durations, lists, (self.room, self.buffers), make);
        }
        let lists = [&layout.shared, &layout.calls];
        let make = || shape.span_count();
        point.count(&mut self.families.spans, lists, (self.room, self.buffers), make)
    }

    fn events<'a>(&mut self, span: SpanView<'a>, seen: &Seen<'a>, found: &mut Found<'a>) {
        let Plan { layout, shape, .. } = self.plan;
        for event in span.events() {
            found.event.fill(layout, event.attrs().raw());
            let values = [&found.span, &found.event, &found.resource];
            let lists = [&layout.shared, &layout.events];
            let point = Point::of(self.plan, seen, self.moment, &values);
            let make = || shape.event_count();
            point.count(&mut self.families.events, lists, (self.room, self.buffers), make);
        }
    }
}

/// What one span, or one of its events, adds to a stream.
struct Point<'p> {
    layout: &'p Layout,
    moment: &'p Moment,
    said: Said<'p>,
    values: &'p [&'p Values<'p>],
    spans: u64,
    measured: Measured,
}

impl<'p> Point<'p> {
    #[inline]
    fn of(plan: &'p Plan, seen: &Seen<'p>, moment: &'p Moment, values: &'p [&'p Values<'p>]) -> Self {
        let weight = seen.weight();
        Self {
            layout: &plan.layout,
            moment,
            said: seen.said(weight),
            values,
            spans: weight.spans,
            measured: plan.measured(seen.duration(), seen.end, (seen.trace_id, seen.span_id)),
        }
    }

    /// Counts it; says where the stream stands, if that is of use.
    #[inline]
    fn count(
        &self,
        streams: &mut Streams<Count>,
        lists: [&List; 2],
        (room, buffers): (&mut Room, &mut Buffers),
        make: impl Fn() -> Count,
    ) -> Option<usize> {
        let (layout, room) = (self.layout, (room, self.spans));
        let Buffers { place, point, key, .. } = buffers;
        let (at, stream) = if layout.has_globs {
            layout.point(place, &self.said, lists, self.values, point);
            (None, streams.stream(point, self.moment, room, make))
        } else {
            layout.key(place, &self.said, lists, self.values, key);
            let attributes = || {
                layout.point(place, &self.said, lists, self.values, point);
                point.clone()
            };
            streams.stream_by(key, attributes, self.moment, room, make)
        };
        stream.state.add(self.spans, self.measured);
        at
    }
}

impl Aggregate for SpanCounts {
    fn add(&mut self, payload: &Payload, _origin: &Origin, moment: &Moment) {
        let Payload::Traces(traces) = payload else { return };
        let values = || Values::new(&self.plan.layout);
        let mut found = Found {
            span: values(),
            event: values(),
            resource: values(),
        };
        let mut counted = 0;
        for spans in traces.resources() {
            counted += self.resource(spans, moment, &mut found);
        }
        self.plan.meters.spans.add(counted);
        self.plan.meters.overflowed.add(self.room.take_overflowed());
    }

    fn absorb(&mut self, other: &mut Self, moment: &Moment) {
        let plan = &*self.plan;
        let room = &mut self.room;
        let make = |from: &Families, is_overflow| match is_overflow {
            false => from.alike(&plan.shape),
            true => plan.overflow(),
        };
        self.sources.absorb(&mut other.sources, make, |into, from| {
            into.absorb(from, &plan.shape, room, moment);
        });
        let held = other.sources.iter_mut().map(|source| source.streams.len());
        other.room.recount(held.sum());
        plan.meters.overflowed.add(room.take_overflowed());
    }

    fn flush(&mut self, moment: &Moment, out: &mut MetricsBuilder) {
        self.tell(moment, false, out);
    }

    fn end(&mut self, moment: &Moment, out: &mut MetricsBuilder) {
        self.tell(moment, true, out);
    }
}

impl SpanCounts {
    /// Tells what was counted; where it `ends`, that all of it is over.
    fn tell(&mut self, moment: &Moment, ends: bool, out: &mut MetricsBuilder) {
        let plan = &*self.plan;
        let mut page = Page {
            out,
            writer: &mut self.writer,
            flushed: self.flushed,
        };
        let leaves = |source: &Source<Families>| {
            let idle = moment.now.saturating_duration_since(source.used());
            let is_old = plan.metrics_expiration.is_some_and(|most| idle >= most);
            ends || source.streams.is_empty() || !source.is_touched() && is_old
        };
        let context = (&plan.shape, moment);
        let mut leaving = self.sources.take_leaving(leaves);
        let leaving = leaving.iter_mut().map(|source| (&mut source.streams, true));
        let staying = self.sources.iter_mut().map(|source| (&mut source.streams, false));
        let mut told: Vec<_> = leaving
            .chain(staying)
            .map(|(families, ends)| {
                let gone = families.let_go(&plan.shape, moment, ends);
                (families, gone)
            })
            .collect();
        // Without resources, all metrics stand in one place and each is written once.
        let together = if plan.has_resources { 1 } else { told.len().max(1) };
        for sources in told.chunks_mut(together) {
            for metric in Metric::ALL {
                let mut begun = false;
                for (families, gone) in &mut *sources {
                    families.write(metric, gone, context, &mut page, &mut begun);
                }
            }
        }
        let (mut held, mut ended) = (0, 0);
        for (families, gone) in told {
            families.settle(&plan.shape, moment);
            held += families.len();
            ended += gone.len() as u64;
        }
        self.room.recount(held);
        self.flushed = moment.wall;
        plan.meters.ended.add(ended);
        plan.meters.streams.set(held as i64);
        plan.meters.sources.set(self.sources.len() as i64);
    }
}
