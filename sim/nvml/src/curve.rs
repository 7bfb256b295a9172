//! A quantity over time.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A quantity over time: a number, points with straight lines between them, or what it is without load and with full load.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// Always the same.
    Constant(f64),
    /// Seconds and values; before the first and behind the last point it is level.
    Points(Vec<(f64, f64)>),
    /// It follows the load.
    OfLoad {
        /// Without load.
        idle: f64,
        /// With full load.
        full: f64,
    },
}

impl Curve {
    /// The same as points; a curve that follows the load takes that curve's times.
    pub(crate) fn points(&self, load: &[(f64, f64)]) -> Vec<(f64, f64)> {
        match self {
            Self::Constant(value) => vec![(0.0, *value)],
            Self::Points(points) => points.clone(),
            Self::OfLoad { idle, full } => load
                .iter()
                .map(|(time, load)| (*time, idle + (full - idle) * load))
                .collect(),
        }
    }
}

/// Points that repeat, with what is under them.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    points: Vec<(f64, f64)>,
    /// Seconds after which it begins anew.
    period: Option<f64>,
}

impl Line {
    pub(crate) fn new(mut points: Vec<(f64, f64)>, period: Option<f64>) -> Self {
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self {
            points,
            period: period.filter(|period| *period > 0.0),
        }
    }

    /// The value at a time.
    pub(crate) fn at(&self, time: f64) -> f64 {
        let time = self.period.map_or(time, |period| time.rem_euclid(period));
        let after = self.points.partition_point(|point| point.0 <= time);
        let (before, next) = (
            after.checked_sub(1).and_then(|at| self.points.get(at)),
            self.points.get(after),
        );
        match (before, next) {
            (Some(from), Some(to)) => from.1 + (to.1 - from.1) * (time - from.0) / (to.0 - from.0),
            (Some(only), None) | (None, Some(only)) => only.1,
            (None, None) => 0.0,
        }
    }

    /// What is under it from 0 to a time, exactly: the lines are straight.
    pub(crate) fn under(&self, time: f64) -> f64 {
        let Some(period) = self.period else {
            return self.under_once(time);
        };
        let turns = (time / period).floor();
        turns * self.under_once(period) + self.under_once(time - turns * period)
    }

    fn under_once(&self, time: f64) -> f64 {
        let Some(first) = self.points.first() else {
            return 0.0;
        };
        let mut sum = first.1 * time.min(first.0).max(0.0);
        for pair in self.points.windows(2) {
            let &[(from, low), (to, high)] = pair else { continue };
            let end = time.min(to);
            if end > from {
                let reached = low + (high - low) * (end - from) / (to - from);
                sum += (end - from) * (low + reached) / 2.0;
            }
        }
        let last = self.points.last().unwrap_or(first);
        sum + last.1 * (time - last.0.max(0.0)).max(0.0)
    }
}

impl<'de> Deserialize<'de> for Curve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CurveVisitor)
    }
}

struct CurveVisitor;

#[allow(clippy::cast_precision_loss)] // Watts and bytes stay far below 2^53.
impl<'de> Visitor<'de> for CurveVisitor {
    type Value = Curve;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a list of [time, value], or {idle, full}")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Curve, E> {
        Ok(Curve::Constant(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Curve, E> {
        Ok(Curve::Constant(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Curve, E> {
        Ok(Curve::Constant(value as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Curve, A::Error> {
        let mut points = Vec::new();
        while let Some((time, value)) = list.next_element::<(config::Duration, f64)>()? {
            points.push((time.as_secs_f64(), value));
        }
        Ok(Curve::Points(points))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Curve, A::Error> {
        let (mut idle, mut full) = (0.0, 0.0);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "idle" => idle = map.next_value()?,
                "full" => full = map.next_value()?,
                other => return Err(serde::de::Error::unknown_field(other, &["idle", "full"])),
            }
        }
        Ok(Curve::OfLoad { idle, full })
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn what_is_under_a_line_is_exact_over_several_periods() {
        let line = Line::new(vec![(0.0, 100.0), (2.0, 300.0), (4.0, 100.0)], Some(4.0));

        assert!((line.under(4.0) - 800.0).abs() < 1e-9);
        assert!((line.under(10.0) - (1600.0 + 400.0)).abs() < 1e-9);
        assert!((line.at(9.0) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_line_is_level_outside_its_points() {
        let line = Line::new(vec![(1.0, 10.0), (2.0, 20.0)], None);

        assert!((line.at(0.0) - 10.0).abs() < 1e-9);
        assert!((line.at(9.0) - 20.0).abs() < 1e-9);
        assert!((line.under(3.0) - (10.0 + 15.0 + 20.0)).abs() < 1e-9);
    }
}
