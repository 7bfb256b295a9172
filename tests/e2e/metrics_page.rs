//! The page of own metrics, as far as tests ask it: sums, and whether the ledger balances.

use std::collections::BTreeMap;

/// One reading of the page.
pub(crate) struct MetricsPage {
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Component and signal; what came in, what went out.
type Accounts = BTreeMap<(String, String), (i64, i64)>;

impl MetricsPage {
    pub(crate) fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self {
            samples: lines.map(sample).collect(),
        }
    }

    /// The sum of a metric over all label sets that contain `labels`.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let matching = self.samples.iter().filter(|sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(key, value)| sample.labels.get(*key).is_some_and(|it| it == value))
        });
        matching.map(|sample| sample.value as i64).sum()
    }

    /// Names and labels of all series.
    pub(crate) fn series(&self) -> Vec<(&str, &BTreeMap<String, String>)> {
        let samples = self.samples.iter();
        samples.map(|sample| (sample.name.as_str(), &sample.labels)).collect()
    }

    /// Items that any component holds.
    pub(crate) fn held(&self) -> i64 {
        self.sum("inferscope_component_held_items", &[])
    }

    /// Components for which received + made = forwarded + discarded + held does not hold.
    pub(crate) fn imbalances(&self) -> Vec<String> {
        let accounts = self.accounts();
        assert!(!accounts.is_empty(), "the page has no ledger");
        let wrong = accounts.iter().filter(|(_, (came, went))| came != went);
        wrong
            .map(|((component, signal), (came, went))| format!("{component}, {signal}: {came} came and {went} went"))
            .collect()
    }

    fn accounts(&self) -> Accounts {
        let mut accounts = Accounts::new();
        for sample in &self.samples {
            let Some(column) = sample.name.strip_prefix("inferscope_component_") else {
                continue;
            };
            let account = || (sample.labels["component"].clone(), sample.labels["signal"].clone());
            match column {
                "received_items_total" | "made_items_total" => {
                    accounts.entry(account()).or_default().0 += sample.value as i64;
                }
                "forwarded_items_total" | "discarded_items_total" | "held_items" => {
                    accounts.entry(account()).or_default().1 += sample.value as i64;
                }
                _ => {}
            }
        }
        accounts
    }
}

/// A line of the text exposition format. Label values in the ledger hold neither quotes nor commas.
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value stands behind a space");
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let pairs = labels
        .trim_end_matches('}')
        .split("\",")
        .filter_map(|pair| pair.split_once("=\""));
    let labels = pairs
        .map(|(key, value)| (key.to_owned(), value.trim_end_matches('"').to_owned()))
        .collect();
    Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().expect("a number"),
    }
}
