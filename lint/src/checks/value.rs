//! What the numbers of an expression measure: the unit, followed through functions and arithmetic.

use super::Case;
use crate::knowledge::{Family, Kind, Part, Unit};
use crate::promql::{Binary, Call, Expr, Node, Selector, over_time};

/// Rules that use what other rules store, that use … Real files have three levels.
const LEVELS_MAX: usize = 8;

/// The values of an expression.
#[derive(Debug, Clone)]
pub(super) enum Value<'c> {
    /// Written as a number.
    Number(f64),
    /// Of a metric.
    Measured(Measured<'c>),
}

#[derive(Debug, Clone)]
pub(super) struct Measured<'c> {
    pub(super) unit: Unit,
    /// A share of a whole, which it cannot exceed.
    pub(super) is_share: bool,
    /// The values are observations in buckets, whose sizes the unit is of.
    is_histogram: bool,
    /// The histogram that it is a quantile of.
    pub(super) quantile_of: Option<&'c Family>,
    /// The family, as long as the values are its own.
    pub(super) family: Option<&'c Family>,
    /// Prices per hour take part.
    pub(super) has_hours: bool,
    /// Mebibytes take part.
    pub(super) has_binary: bool,
}

impl<'c> Measured<'c> {
    fn scaled(self, by: f64) -> Self {
        Self {
            unit: self.unit.scaled(by),
            ..self
        }
    }
}

/// What an expression's values are; none where it is not known.
pub(super) fn of<'c>(case: &Case<'c>, expr: &Expr) -> Option<Value<'c>> {
    within(case, expr, 0)
}

fn within<'c>(case: &Case<'c>, expr: &Expr, level: usize) -> Option<Value<'c>> {
    match &expr.node {
        Node::Number(number) => Some(Value::Number(*number)),
        Node::Text | Node::Variable => None,
        Node::Paren(inner) | Node::Window(inner) => within(case, inner, level),
        Node::Negative(inner) => match within(case, inner, level)? {
            Value::Number(number) => Some(Value::Number(-number)),
            measured @ Value::Measured(_) => Some(measured),
        },
        Node::Selector(selector) => of_selector(case, selector, level),
        Node::Call(call) => of_call(case, call, level),
        Node::Binary(binary) => of_binary(case, binary, level),
        Node::Aggregate(aggregate) => {
            let inner = measured(case, &aggregate.inner, level)?;
            match aggregate.op.as_str() {
                "sum" => Some(Value::Measured(Measured {
                    is_share: false,
                    ..inner
                })),
                "avg" | "max" | "min" | "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio" => {
                    Some(Value::Measured(inner))
                }
                _ => None,
            }
        }
    }
}

fn measured<'c>(case: &Case<'c>, expr: &Expr, level: usize) -> Option<Measured<'c>> {
    match within(case, expr, level)? {
        Value::Measured(measured) => Some(measured),
        Value::Number(_) => None,
    }
}

fn of_selector<'c>(case: &Case<'c>, selector: &Selector, level: usize) -> Option<Value<'c>> {
    if let Some(expr) = case.recorded(selector) {
        return if level < LEVELS_MAX {
            within(case, expr, level + 1)
        } else {
            None
        };
    }
    let (family, part) = case.family(selector)?;
    let unit = match part {
        Part::Count => Unit::ONE,
        Part::Created => Unit::read("s")?,
        _ => family.unit.clone()?,
    };
    let is_round = |size: f64| (size.log10() - size.log10().round()).abs() < 1e-9;
    Some(Value::Measured(Measured {
        is_share: family.is_share && part == Part::Whole,
        is_histogram: part == Part::Bucket || family.kind == Kind::Native,
        quantile_of: None,
        family: Some(family),
        has_hours: unit.has_time() && !is_round(unit.size),
        has_binary: !unit.has_time() && !is_round(unit.size),
        unit,
    }))
}

fn of_call<'c>(case: &Case<'c>, call: &Call, level: usize) -> Option<Value<'c>> {
    let argument = |at: usize| measured(case, call.arguments.get(at)?, level);
    let second = Unit::read("s")?;
    let measured = match call.function.as_str() {
        "rate" | "irate" | "deriv" => {
            let inner = argument(0)?;
            let unit = if inner.is_histogram {
                inner.unit.clone()
            } else {
                inner.unit.over(&second)
            };
            Measured {
                unit,
                is_share: false,
                ..inner
            }
        }
        "increase" | "delta" | "idelta" => Measured {
            is_share: false,
            ..argument(0)?
        },
        "histogram_quantile" => {
            let inner = argument(1).filter(|inner| inner.is_histogram)?;
            Measured {
                is_histogram: false,
                quantile_of: inner.family,
                ..inner
            }
        }
        "histogram_avg" => Measured {
            is_histogram: false,
            ..argument(0)?
        },
        "predict_linear" | "abs" | "ceil" | "floor" | "round" | "clamp" | "clamp_max" | "clamp_min" | "sort"
        | "sort_desc" | "label_replace" | "label_join" | "scalar" | "vector" => argument(0)?,
        function => match over_time(function)? {
            "avg" | "max" | "min" | "last" | "first" => argument(0)?,
            "quantile" => argument(1)?,
            "sum" => Measured {
                is_share: false,
                ..argument(0)?
            },
            _ => return None,
        },
    };
    Some(Value::Measured(measured))
}

fn of_binary<'c>(case: &Case<'c>, binary: &Binary, level: usize) -> Option<Value<'c>> {
    let left = within(case, &binary.left, level);
    let right = within(case, &binary.right, level);
    if matches!(binary.op, ">" | "<" | ">=" | "<=" | "==" | "!=" | "and" | "unless") {
        return left;
    }
    match (left?, right?) {
        (Value::Number(left), Value::Number(right)) => number(binary.op, left, right),
        (Value::Measured(value), Value::Number(number)) => match binary.op {
            "*" => Some(Value::Measured(value.scaled(1.0 / number))),
            "/" => Some(Value::Measured(value.scaled(number))),
            "+" | "-" => Some(Value::Measured(value)),
            _ => None,
        },
        (Value::Number(number), Value::Measured(value)) => match binary.op {
            "*" => Some(Value::Measured(value.scaled(1.0 / number))),
            "+" | "-" => Some(Value::Measured(value)),
            _ => None,
        },
        (Value::Measured(left), Value::Measured(right)) => of_two(binary.op, left, &right),
    }
}

fn number<'c>(op: &str, left: f64, right: f64) -> Option<Value<'c>> {
    let number = match op {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "^" => left.powf(right),
        _ => return None,
    };
    Some(Value::Number(number))
}

fn of_two<'c>(op: &str, left: Measured<'c>, right: &Measured<'c>) -> Option<Value<'c>> {
    let both = |unit: Unit| {
        let is_mean = op == "/" && unit.is_time();
        Some(Value::Measured(Measured {
            unit,
            is_share: false,
            is_histogram: false,
            quantile_of: None,
            family: left.family.filter(|_| is_mean),
            has_hours: left.has_hours || right.has_hours,
            has_binary: left.has_binary || right.has_binary,
        }))
    };
    match op {
        "*" => both(left.unit.times(&right.unit)),
        "/" => both(left.unit.over(&right.unit).of_each()),
        "+" | "-" | "or" if left.unit == right.unit => Some(Value::Measured(Measured {
            is_share: op == "or" && left.is_share && right.is_share,
            ..left
        })),
        _ => None,
    }
}
