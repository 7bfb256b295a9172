//! What Prometheus answers to queries.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::server::Prometheus;
use crate::patience::{PATIENCE, until};
use crate::wire;

/// The labels of a series, its name among them.
pub(crate) type Labels = BTreeMap<String, String>;

/// Series with their values, as Prometheus writes numbers; native histograms as [`histogram`] writes them.
pub(crate) type Snapshot = BTreeMap<Labels, String>;

/// An exemplar of a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exemplar {
    pub(crate) series: Labels,
    pub(crate) labels: Labels,
    pub(crate) value: String,
    /// In milliseconds.
    pub(crate) time: i64,
}

impl Prometheus {
    /// An instant query, for now.
    pub(crate) async fn query(&self, promql: &str) -> Snapshot {
        snapshot(&self.ask("query", &[("query", promql)]).await)
    }

    /// An instant query for a time in seconds.
    pub(crate) async fn query_at(&self, promql: &str, time: f64) -> Snapshot {
        let time = time.to_string();
        snapshot(&self.ask("query", &[("query", promql), ("time", &time)]).await)
    }

    /// The value of the only series that a query gives; none without a series.
    pub(crate) async fn number(&self, promql: &str) -> Option<f64> {
        let answer = self.query(promql).await;
        assert!(answer.len() < 2, "{promql} gives several series: {answer:?}");
        let (_, value) = answer.into_iter().next()?;
        Some(value.parse().unwrap())
    }

    /// Waits until a query gives one series with this value; says what it gave instead where it never does.
    pub(crate) async fn comes_to(&self, promql: &str, value: f64) {
        let equal = until("a query has its value", 2 * PATIENCE, || async {
            (self.number(promql).await == Some(value)).then_some(())
        });
        if tokio::time::timeout(PATIENCE, equal).await.is_err() {
            panic!("{promql} is {:?} and not {value}", self.number(promql).await);
        }
    }

    /// The labels of all series that a selector ever found.
    pub(crate) async fn series(&self, selector: &str) -> Vec<Labels> {
        let data = self.ask("series", &[("match[]", selector)]).await;
        data.as_array().unwrap().iter().map(labels).collect()
    }

    /// What Prometheus knows of the metrics that it scrapes itself: name and type.
    pub(crate) async fn types(&self) -> BTreeMap<String, String> {
        let data = self.ask("metadata", &[]).await;
        let metrics = data.as_object().unwrap().iter();
        metrics
            .map(|(name, told)| (name.clone(), told[0]["type"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// The exemplars of the series that a selector finds, in order.
    pub(crate) async fn exemplars(&self, selector: &str) -> Vec<Exemplar> {
        let range = [
            ("query", selector),
            ("start", "2020-01-01T00:00:00Z"),
            ("end", "2100-01-01T00:00:00Z"),
        ];
        let data = self.ask("query_exemplars", &range).await;
        let mut exemplars: Vec<Exemplar> = data.as_array().unwrap().iter().flat_map(of_series).collect();
        exemplars.sort();
        exemplars
    }

    async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Value {
        let mut path = format!("/api/v1/{what}?");
        for (key, value) in parameters {
            write!(path, "{}={}&", escaped(key), escaped(value)).unwrap();
        }
        let answer = wire::get(self.port(), &path).await.expect("Prometheus answers");
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{path}: {text}");
        let mut answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["data"].take()
    }
}

/// A series with its value as PromQL writes it, for messages and expectations.
pub(crate) fn line(labels: &Labels, value: &str) -> String {
    let name = labels.get("__name__").map_or("", String::as_str);
    let others = labels.iter().filter(|(key, _)| *key != "__name__");
    let others: Vec<String> = others.map(|(key, value)| format!("{key}={value:?}")).collect();
    format!("{name}{{{}}} {value}", others.join(", "))
}

fn snapshot(data: &Value) -> Snapshot {
    let result = data["result"].as_array().expect("a list of series");
    let series = result.iter().map(|series| {
        let value = match series.get("histogram") {
            Some(point) => histogram(&point[1]),
            None => text(&series["value"][1]),
        };
        (labels(&series["metric"]), value)
    });
    series.collect()
}

/// Count, sum and every bucket with its bounds, which belong to it where the bracket is not round.
fn histogram(told: &Value) -> String {
    let mut out = format!("count {} sum {}", text(&told["count"]), text(&told["sum"]));
    for bucket in told["buckets"].as_array().into_iter().flatten() {
        let (open, close) = match bucket[0].as_u64() {
            Some(0) => ('(', ']'),
            Some(1) => ('[', ')'),
            Some(2) => ('(', ')'),
            _ => ('[', ']'),
        };
        let [lower, upper, count] = [1, 2, 3].map(|at| text(&bucket[at]));
        write!(out, " {open}{lower}, {upper}{close} {count}").unwrap();
    }
    out
}

fn of_series(told: &Value) -> Vec<Exemplar> {
    let exemplars = told["exemplars"].as_array().unwrap().iter();
    let exemplars = exemplars.map(|exemplar| Exemplar {
        series: labels(&told["seriesLabels"]),
        labels: labels(&exemplar["labels"]),
        value: text(&exemplar["value"]),
        time: (exemplar["timestamp"].as_f64().unwrap() * 1000.0).round() as i64,
    });
    exemplars.collect()
}

fn labels(told: &Value) -> Labels {
    let pairs = told.as_object().unwrap().iter();
    pairs.map(|(key, value)| (key.clone(), text(value))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A text as a part of a URL.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(byte.into());
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}
