//! The latest point of one label set of a metric: a number, the steps of a histogram or summary, or a native histogram.

use std::time::Instant;

use crate::prometheus_series::{FamilyKind, Shape, Stamp};

/// Exemplars kept of a native histogram; Prometheus' client libraries keep as many.
const NATIVE_EXEMPLARS_MAX: usize = 10;

/// The latest point of one label set.
#[derive(Debug)]
pub(super) struct Group {
    /// Labels, where they are more than what makes it one group.
    pub(super) labels: Option<Box<[u8]>>,
    pub(super) seen: Instant,
    pub(super) stamp: Stamp,
    /// Which batch brought it, and which of its points it is: all parts are of one point.
    origin: Origin,
    pub(super) values: Point,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) batch: u64,
    pub(super) point: u32,
}

#[derive(Debug)]
pub(super) enum Point {
    Nothing,
    Number {
        value: f64,
        exemplar: Option<Box<Exemplar>>,
    },
    Steps(Box<Steps>),
    Native(Box<Native>),
}

/// A classic histogram or a summary.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) sum: Option<f64>,
    pub(super) count: Option<f64>,
    /// By rising bounds. Some may be left from an earlier point.
    steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Step {
    /// `le` or `quantile`.
    pub(super) bound: f64,
    pub(super) value: f64,
    pub(super) exemplar: Option<Box<Exemplar>>,
    /// It belongs to the latest point.
    is_fresh: bool,
}

#[derive(Debug)]
pub(super) struct Native {
    pub(super) shape: Shape,
    pub(super) exemplars: Vec<Exemplar>,
}

/// A measurement with the trace in which it was made.
#[derive(Debug)]
pub(super) struct Exemplar {
    /// A row of labels.
    pub(super) labels: Box<[u8]>,
    pub(super) value: f64,
    pub(super) time: i64,
}

/// Which part of a point a series is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    Number,
    Sum,
    Count,
    /// The bound of a bucket, or a quantile.
    Step(f64),
    Native,
}

/// What a series says at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'t> {
    pub(super) stamp: Stamp,
    pub(super) origin: Origin,
    pub(super) value: Value<'t>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'t> {
    Number(f64),
    Native(&'t Shape),
}

/// How a reading stands to what a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Another part of the same point.
    Same,
    Newer,
    /// A later point of the same batch is there already.
    Superseded,
    /// Older than what an earlier batch brought.
    Late,
    /// Another point of the same batch has the same labels and time.
    Duplicate,
}

/// There is no room for another series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Group {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            labels: None,
            seen: now,
            stamp: Stamp {
                time: i64::MIN,
                start: 0,
            },
            origin: Origin { batch: 0, point: 0 },
            values: Point::Nothing,
        }
    }

    pub(super) fn turn(&self, reading: &Reading<'_>) -> Turn {
        let is_same_batch = self.origin.batch == reading.origin.batch;
        if reading.stamp.time < self.stamp.time {
            return if is_same_batch { Turn::Superseded } else { Turn::Late };
        }
        if reading.stamp.time > self.stamp.time || !is_same_batch {
            return Turn::Newer;
        }
        if self.origin == reading.origin {
            Turn::Same
        } else {
            Turn::Duplicate
        }
    }

    /// A newer point begins: what is not said again is no longer shown. Exemplars stay with their buckets.
    pub(super) fn begin(&mut self, reading: &Reading<'_>, now: Instant) {
        self.seen = now;
        self.stamp = reading.stamp;
        self.origin = reading.origin;
        if let Point::Steps(steps) = &mut self.values {
            steps.sum = None;
            steps.count = None;
            steps.steps.retain(|step| step.is_fresh);
            steps.steps.iter_mut().for_each(|step| step.is_fresh = false);
        }
    }

    /// Takes a part of the point; `is_full` says that there is no room for a new series.
    pub(super) fn put(&mut self, part: Part, value: Value<'_>, is_full: bool) -> Result<(), NoRoom> {
        match (part, value) {
            (Part::Native, Value::Native(shape)) => self.put_native(shape),
            (Part::Number, Value::Number(value)) => {
                let exemplar = match &mut self.values {
                    Point::Number { exemplar, .. } => exemplar.take(),
                    _ => None,
                };
                self.values = Point::Number { value, exemplar };
            }
            (_, Value::Number(value)) => return self.put_step(part, value, is_full),
            (_, Value::Native(_)) => {} // A native histogram has one series only.
        }
        Ok(())
    }

    fn put_native(&mut self, shape: &Shape) {
        let exemplars = match &mut self.values {
            Point::Native(native) => std::mem::take(&mut native.exemplars),
            _ => Vec::new(),
        };
        self.values = Point::Native(Box::new(Native {
            shape: shape.clone(),
            exemplars,
        }));
    }

    fn put_step(&mut self, part: Part, value: f64, is_full: bool) -> Result<(), NoRoom> {
        if let Point::Steps(steps) = &mut self.values {
            return steps.put(part, value, is_full);
        }
        let mut steps = Box::<Steps>::default();
        let put = steps.put(part, value, is_full);
        self.values = Point::Steps(steps);
        put
    }

    /// The latest exemplar of a series takes the place of the one before.
    pub(super) fn remember(&mut self, part: Part, exemplar: Exemplar) {
        match (&mut self.values, part) {
            (Point::Number { exemplar: place, .. }, Part::Number) => *place = Some(Box::new(exemplar)),
            (Point::Steps(steps), Part::Step(bound)) => {
                if let Some(step) = steps.find(bound).ok().and_then(|at| steps.steps.get_mut(at)) {
                    step.exemplar = Some(Box::new(exemplar));
                }
            }
            (Point::Native(native), Part::Native) => {
                if native.exemplars.len() == NATIVE_EXEMPLARS_MAX {
                    native.exemplars.remove(0);
                }
                native.exemplars.push(exemplar);
            }
            _ => {}
        }
    }

    /// Lines that it is on a page, without those that say since when it counts.
    pub(super) fn lines(&self) -> usize {
        match &self.values {
            Point::Nothing => 0,
            Point::Number { .. } => 1,
            Point::Steps(steps) => {
                steps.steps.len() + usize::from(steps.sum.is_some()) + usize::from(steps.count.is_some())
            }
            Point::Native(native) => native.shape.positive.deltas.len() + native.shape.negative.deltas.len() + 3,
        }
    }

    /// Whether everything is there that a reader needs.
    pub(super) fn is_whole(&self, kind: FamilyKind) -> bool {
        match &self.values {
            Point::Nothing => false,
            Point::Number { .. } | Point::Native(_) => true,
            Point::Steps(steps) => {
                let has_all = kind == FamilyKind::Summary || steps.iter().any(|step| step.bound == f64::INFINITY);
                has_all && steps.count.is_some()
            }
        }
    }
}

impl Steps {
    /// The steps of the latest point, by rising bounds.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.is_fresh)
    }

    fn put(&mut self, part: Part, value: f64, is_full: bool) -> Result<(), NoRoom> {
        let bound = match part {
            Part::Sum => {
                self.sum = Some(value);
                return Ok(());
            }
            Part::Count => {
                self.count = Some(value);
                return Ok(());
            }
            Part::Step(bound) => bound,
            Part::Number | Part::Native => return Ok(()), // Not of this kind of metric.
        };
        match self.find(bound) {
            Ok(at) => {
                if let Some(step) = self.steps.get_mut(at) {
                    (step.value, step.is_fresh) = (value, true);
                }
            }
            Err(_) if is_full => return Err(NoRoom),
            Err(at) => {
                let step = Step {
                    bound,
                    value,
                    exemplar: None,
                    is_fresh: true,
                };
                self.steps.insert(at, step);
            }
        }
        Ok(())
    }

    fn find(&self, bound: f64) -> Result<usize, usize> {
        self.steps.binary_search_by(|step| step.bound.total_cmp(&bound))
    }
}
