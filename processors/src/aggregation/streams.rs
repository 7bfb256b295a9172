//! Streams: sets of attributes with what was counted for each.

use std::hash::BuildHasher;
use std::time::Instant;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use pipeline::payload::EncodedAttributes;
use pipeline::payload::metrics::PointHead;

use super::{Moment, Room};

/// The one attribute of the stream that takes what found no room, as the SDKs write it (metrics SDK specification,
/// "Overflow attribute").
pub const OVERFLOW: &str = "otel.metric.overflow";

/// A set of attributes that is larger than this has no stream of its own: the limits of streams bound memory only if a
/// single one cannot take much. Usual sets have 200 bytes, and SQL statements as span names some thousands.
const KEY_BYTES_MAX: usize = 8 * 1024;

/// What is counted for a stream.
pub trait Counted {
    /// Takes over what another one counted, which then has counted nothing.
    fn absorb(&mut self, other: &mut Self);

    /// How many measurements it counted.
    fn measurements(&self) -> u64;
}

/// One set of attributes, and what was counted for it.
#[derive(Debug)]
pub struct Stream<S> {
    identity: Identity,
    hash: u64,
    /// Since when it counts, in nanoseconds since 1970.
    start: u64,
    used: Instant,
    touched: bool,
    is_told: bool,
    /// What was counted.
    pub state: S,
}

/// What makes a stream this one.
#[derive(Debug, Clone)]
struct Identity {
    /// What it is looked up by, where that is something shorter than its attributes.
    key: Option<Box<[u8]>>,
    attributes: EncodedAttributes,
}

impl Identity {
    fn key(&self) -> &[u8] {
        self.key.as_deref().unwrap_or(self.attributes.framed())
    }
}

impl<S> Stream<S> {
    fn new(identity: Identity, hash: u64, moment: &Moment, state: S) -> Self {
        Self {
            identity,
            hash,
            start: moment.wall,
            used: moment.now,
            touched: true,
            is_told: false,
            state,
        }
    }

    /// What to say about a point of this stream beside its value.
    pub fn head(&self, moment: &Moment) -> PointHead<'_> {
        PointHead {
            attributes: &self.identity.attributes,
            start: self.start,
            time: moment.wall,
            has_no_value: false,
        }
    }

    /// The same where the stream ends: there is no value any more.
    pub fn last_head(&self, moment: &Moment) -> PointHead<'_> {
        PointHead {
            has_no_value: true,
            ..self.head(moment)
        }
    }

    /// The same for a point of a total that says that nothing was counted yet, in front of the first value: Prometheus
    /// counts what is added to a series, and without it would not count that value. It lies where the stream began, but
    /// behind what was told at the last flush, where the same series may have ended. None where that leaves no
    /// millisecond between it and the value.
    pub fn zero_head(&self, flushed: u64, moment: &Moment) -> Option<PointHead<'_>> {
        const MILLISECOND: u64 = 1_000_000;
        let time = self.start.max(flushed.saturating_add(MILLISECOND));
        (time / MILLISECOND < moment.wall / MILLISECOND).then(|| PointHead {
            time,
            ..self.head(moment)
        })
    }

    /// Whether it was told at some flush.
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether this is the stream that takes what found no room.
    pub fn is_overflow(&self) -> bool {
        self.identity.attributes.attrs().get(OVERFLOW).is_some()
    }

    /// When something was counted last.
    pub fn used(&self) -> Instant {
        self.used
    }

    /// Whether anything was counted since the last [`rest`](Self::rest) or [`restart`](Self::restart).
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// What is told is told; what is counted from now on adds to it.
    pub fn rest(&mut self) {
        self.touched = false;
        self.is_told = true;
    }

    /// What is counted from now on counts from this moment: the next point of a delta begins where the last ended.
    pub fn restart(&mut self, moment: &Moment) {
        self.start = moment.wall;
        self.touched = false;
    }

    /// When it was used last, for the stream that takes it over.
    fn last_use(&self, moment: &Moment) -> Moment {
        Moment {
            now: self.used,
            wall: moment.wall,
        }
    }
}

impl<S: Counted> Stream<S> {
    fn absorb(&mut self, from: &mut Self, moment: &Moment) {
        self.start = self.start.min(from.start);
        self.state.absorb(&mut from.state);
        from.restart(moment);
    }
}

/// The streams of one metric and one source, by their attributes.
///
/// At its limit, everything that has no stream yet is counted in one more, whose attribute says that it is the overflow: totals stay exact, memory stays bounded.
#[derive(Debug)]
pub struct Streams<S> {
    /// Where each stands in `held`.
    known: HashTable<u32>,
    held: Vec<Stream<S>>,
    overflow: Option<Box<Stream<S>>>,
    overflow_attributes: EncodedAttributes,
    most: usize,
    hashing: RandomState,
}

impl<S: Counted> Streams<S> {
    /// No stream yet, and never more than `most`; `hashing` is the same for all that are ever absorbed into each other.
    pub fn new(most: usize, hashing: RandomState) -> Self {
        Self {
            known: HashTable::new(),
            held: Vec::new(),
            overflow: None,
            overflow_attributes: EncodedAttributes::new().with(OVERFLOW, true),
            most: most.min(u32::MAX as usize),
            hashing,
        }
    }

    /// Gives the overflow attributes of its own, where it would else be the same series as that of other streams, or as
    /// that of another process.
    #[must_use]
    pub fn with_overflow(mut self, beside: &EncodedAttributes) -> Self {
        self.overflow_attributes.extend(beside);
        self
    }

    /// The stream with these attributes; a new one if there is none and there is room, else the overflow.
    ///
    /// A known stream costs one look-up by the borrowed bytes and no allocation. `measurements` is how many the caller
    /// is about to count there, for the count of those that overflowed.
    #[inline]
    pub fn stream(
        &mut self,
        attributes: &EncodedAttributes,
        moment: &Moment,
        (room, measurements): (&mut Room, u64),
        make: impl Fn() -> S,
    ) -> &mut Stream<S> {
        let key = attributes.framed();
        let hash = self.hashing.hash_one(key);
        let identity = || Identity {
            key: None,
            attributes: attributes.clone(),
        };
        self.hashed((hash, key), identity, moment, (room, measurements), make).1
    }

    /// The same by a key that is quicker to make than the attributes, which are made for a new stream only. Equal keys
    /// are to mean equal attributes, in this table and in all that are absorbed; that is the caller's duty.
    ///
    /// Says as well where it stands, for [`at`](Self::at); the overflow stands nowhere.
    #[inline]
    pub fn stream_by(
        &mut self,
        key: &[u8],
        attributes: impl FnOnce() -> EncodedAttributes,
        moment: &Moment,
        (room, measurements): (&mut Room, u64),
        make: impl Fn() -> S,
    ) -> (Option<usize>, &mut Stream<S>) {
        let hash = self.hashing.hash_one(key);
        let identity = || Identity {
            key: Some(key.into()),
            attributes: attributes(),
        };
        self.hashed((hash, key), identity, moment, (room, measurements), make)
    }

    /// The stream at a place that [`stream_by`](Self::stream_by) told. Streams stay where they are until some are taken
    /// out.
    #[inline]
    pub fn at(&mut self, place: usize, moment: &Moment) -> Option<&mut Stream<S>> {
        let stream = self.held.get_mut(place)?;
        stream.used = stream.used.max(moment.now);
        stream.touched = true;
        Some(stream)
    }

    /// Streams, without the overflow.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is no stream, not even the overflow.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.overflow.is_none()
    }

    /// All streams, the overflow last.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream<S>> {
        self.held.iter_mut().chain(self.overflow.as_deref_mut())
    }

    /// Takes out the streams that `leaves` picks, and gives each to `gone`.
    pub fn remove(&mut self, leaves: impl Fn(&Stream<S>) -> bool, mut gone: impl FnMut(Stream<S>)) {
        for at in (0..self.held.len()).rev() {
            if self.held.get(at).is_some_and(&leaves) {
                gone(self.take(at));
            }
        }
        if let Some(overflow) = self.overflow.take_if(|overflow| leaves(overflow)) {
            gone(*overflow);
        }
    }

    /// Takes over what another one counted since it was absorbed last. Those of its streams that counted nothing in
    /// the meantime leave it.
    pub fn absorb(&mut self, other: &mut Self, room: &mut Room, moment: &Moment, make: impl Fn() -> S) {
        other.remove(|stream| !stream.touched, drop);
        for from in &mut other.held {
            let key = (from.hash, from.identity.key());
            let counted = (&mut *room, from.state.measurements());
            let last_use = from.last_use(moment);
            let (_, into) = self.hashed(key, || from.identity.clone(), &last_use, counted, &make);
            into.absorb(from, moment);
        }
        if let Some(from) = &mut other.overflow {
            // Its measurements are counted as overflowed already.
            let into = Self::overflow(
                (&mut self.overflow, &self.overflow_attributes),
                &from.last_use(moment),
                make,
            );
            into.absorb(from, moment);
        }
    }

    #[inline]
    fn hashed(
        &mut self,
        (hash, key): (u64, &[u8]),
        identity: impl FnOnce() -> Identity,
        moment: &Moment,
        (room, measurements): (&mut Room, u64),
        make: impl Fn() -> S,
    ) -> (Option<usize>, &mut Stream<S>) {
        let held = &self.held;
        let same = |at: &u32| held.get(*at as usize).is_some_and(|it| it.identity.key() == key);
        let known = self.known.find(hash, same).map(|at| *at as usize);
        let at = known.or_else(|| {
            let is_small = key.len() <= KEY_BYTES_MAX;
            (is_small && self.held.len() < self.most && room.take())
                .then(|| self.hold(Stream::new(identity(), hash, moment, make())))
        });
        if let Some(stream) = at.and_then(|at| self.held.get_mut(at)) {
            stream.used = stream.used.max(moment.now);
            stream.touched = true;
            return (at, stream);
        }
        room.overflow(measurements);
        let overflow = (&mut self.overflow, &self.overflow_attributes);
        (None, Self::overflow(overflow, moment, make))
    }

    fn overflow<'p>(
        (place, attributes): (&'p mut Option<Box<Stream<S>>>, &EncodedAttributes),
        moment: &Moment,
        make: impl Fn() -> S,
    ) -> &'p mut Stream<S> {
        let stream = place.get_or_insert_with(|| {
            let identity = Identity {
                key: None,
                attributes: attributes.clone(),
            };
            Box::new(Stream::new(identity, 0, moment, make()))
        });
        stream.used = stream.used.max(moment.now);
        stream.touched = true;
        stream
    }

    /// Puts a new stream where it will be found; says where.
    #[cold]
    fn hold(&mut self, stream: Stream<S>) -> usize {
        let at = self.held.len();
        let hash = stream.hash;
        self.held.push(stream);
        let held = &self.held;
        let hash_of = |at: &u32| held.get(*at as usize).map_or(0, |it| it.hash);
        // `most` fits into 32 bits.
        self.known.insert_unique(hash, at as u32, hash_of);
        at
    }

    /// Takes the stream at a place out; the last one moves there.
    fn take(&mut self, at: usize) -> Stream<S> {
        let last = self.held.len() - 1;
        let stream = self.held.swap_remove(at);
        if let Ok(entry) = self.known.find_entry(stream.hash, |it| *it as usize == at) {
            entry.remove();
        }
        if let Some(moved) = self.held.get(at)
            && let Some(place) = self.known.find_mut(moved.hash, |it| *it as usize == last)
        {
            *place = at as u32;
        }
        stream
    }
}
