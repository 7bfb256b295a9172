//! The functions of PromQL, as far as the rules need to know them.

/// Functions whose last vector is a range: `rate(x[5m])`.
const WINDOWED: &[&str] = &[
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "double_exponential_smoothing",
    "first_over_time",
    "holt_winters",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "rate",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// All others.
const INSTANT: &[&str] = &[
    "abs",
    "absent",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "clamp",
    "clamp_max",
    "clamp_min",
    "cos",
    "cosh",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "deg",
    "end",
    "exp",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_quantiles",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "hour",
    "info",
    "label_join",
    "label_replace",
    "ln",
    "log10",
    "log2",
    "minute",
    "month",
    "pi",
    "rad",
    "range",
    "round",
    "scalar",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_desc",
    "sqrt",
    "start",
    "step",
    "tan",
    "tanh",
    "time",
    "timestamp",
    "vector",
    "year",
];

/// The aggregations, and whether each takes a parameter before the vector.
const AGGREGATIONS: &[(&str, bool)] = &[
    ("avg", false),
    ("bottomk", true),
    ("count", false),
    ("count_values", true),
    ("group", false),
    ("limit_ratio", true),
    ("limitk", true),
    ("max", false),
    ("min", false),
    ("quantile", true),
    ("stddev", false),
    ("stdvar", false),
    ("sum", false),
    ("topk", true),
];

/// Whether a function needs a range vector.
pub(crate) fn takes_a_window(function: &str) -> bool {
    WINDOWED.contains(&function)
}

/// Whether Prometheus has this function.
pub(crate) fn exists(function: &str) -> bool {
    takes_a_window(function) || INSTANT.contains(&function)
}

/// Of an aggregation: whether it takes a parameter.
pub(crate) fn aggregation(name: &str) -> Option<bool> {
    AGGREGATIONS
        .iter()
        .find(|(aggregation, _)| *aggregation == name)
        .map(|(_, parameter)| *parameter)
}

/// The word before `_over_time`: `max` of `max_over_time`.
pub(crate) fn over_time(function: &str) -> Option<&str> {
    function.strip_suffix("_over_time")
}

/// All names, to find the one that was meant.
pub(crate) fn all() -> Vec<&'static str> {
    let aggregations = AGGREGATIONS.iter().map(|(name, _)| *name);
    WINDOWED.iter().chain(INSTANT).copied().chain(aggregations).collect()
}
