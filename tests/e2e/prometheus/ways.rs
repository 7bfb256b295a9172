//! Three ways of one page into one Prometheus: scraped by itself, and scraped by the program and written with either
//! protocol.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::api::{Exemplar, Labels, Snapshot, line};
use super::server::{self, Job, Prometheus, Version};
use super::target::{Page, Target};
use crate::patience::{PATIENCE, until};
use crate::program::{self, Program};

/// The job, and without its slash the path, under which Prometheus scrapes by itself.
pub(crate) const DIRECT: &str = "direct";

/// The jobs of the program, by protocol (`configs/scrape.yaml`).
pub(crate) const WAYS: [&str; 2] = ["v1", "v2"];

/// The paths that are scraped.
const PATHS: [&str; 3] = ["/direct", "/v1", "/v2"];

/// Lines that a message about a difference shows.
const LINES_SHOWN: usize = 40;

/// A difference between what Prometheus scrapes and what the program writes, and how to look away from it.
#[derive(Clone, Copy)]
pub(crate) struct Exception {
    pub(crate) why: &'static str,
    /// Changes a series of either side; none leaves it out.
    pub(crate) apply: fn(Labels, String) -> Option<(Labels, String)>,
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    Values,
    Exemplars,
}

pub(crate) struct Ways {
    pub(crate) prometheus: Prometheus,
    pub(crate) target: Target,
    pub(crate) program: Program,
}

impl Ways {
    pub(crate) async fn open(version: Version, page: Page) -> Self {
        let target = Target::showing(page).await;
        let setting = server::prometheus(version);
        let job = Job {
            name: DIRECT,
            port: target.port,
            path: "/direct",
        };
        let program = program::with("scrape.yaml")
            .env("TARGET", target.port)
            .env("PROMETHEUS", setting.port);
        let prometheus = setting.start(&[job]).await;
        Self {
            prometheus,
            target,
            program: program.start().await,
        }
    }

    /// Waits until everybody has the page that is shown now.
    pub(crate) async fn arrive(&self) {
        self.target.was_scraped(&PATHS).await;
    }

    /// What a job has at the moment, without the label that says which job it is.
    pub(crate) async fn snapshot(&self, of: Of, job: &str) -> Snapshot {
        let selector = format!("{{job={job:?}}}");
        let series = match of {
            Of::Values => self.prometheus.query(&selector).await,
            Of::Exemplars => by_series(self.prometheus.exemplars(&selector).await),
        };
        let series = series.into_iter().map(|(mut labels, value)| {
            labels.remove("job");
            (labels, value)
        });
        series.collect()
    }

    /// Waits until a way has what Prometheus scraped itself, but for the exceptions. Gives those that made a difference.
    pub(crate) async fn agree(&self, of: Of, way: &str, exceptions: &[Exception]) -> BTreeSet<&'static str> {
        let agreed = until("both ways lead to the same series", 2 * PATIENCE, || async {
            let both = (self.snapshot(of, DIRECT).await, self.snapshot(of, way).await);
            (!both.0.is_empty() && excepted(&both.0, exceptions) == excepted(&both.1, exceptions)).then_some(both)
        });
        let Ok((direct, ours)) = tokio::time::timeout(PATIENCE, agreed).await else {
            let (direct, ours) = (self.snapshot(of, DIRECT).await, self.snapshot(of, way).await);
            panic!(
                "what Prometheus scraped (-) is not what {way} wrote (+):\n{}",
                difference(&excepted(&direct, exceptions), &excepted(&ours, exceptions))
            );
        };
        let needed = (0..exceptions.len()).filter(|at| {
            let mut others = exceptions.to_vec();
            others.remove(*at);
            excepted(&direct, &others) != excepted(&ours, &others)
        });
        needed.map(|at| exceptions[at].why).collect()
    }
}

/// The exemplars of each series as a text. One without labels has no time here: on the pages of the tests those have
/// none, and scrapes at different times give them different ones.
fn by_series(exemplars: Vec<Exemplar>) -> Snapshot {
    let mut texts = Snapshot::new();
    for exemplar in exemplars {
        let text = texts.entry(exemplar.series).or_default();
        if exemplar.labels.is_empty() {
            writeln!(text, "{}", exemplar.value).unwrap();
        } else {
            writeln!(text, "{} at {}", line(&exemplar.labels, &exemplar.value), exemplar.time).unwrap();
        }
    }
    texts
}

fn excepted(snapshot: &Snapshot, exceptions: &[Exception]) -> Snapshot {
    let series = snapshot.iter().filter_map(|(labels, value)| {
        let series = (labels.clone(), value.clone());
        exceptions
            .iter()
            .try_fold(series, |(labels, value), exception| (exception.apply)(labels, value))
    });
    series.collect()
}

/// What one has and the other has not.
fn difference(direct: &Snapshot, ours: &Snapshot) -> String {
    let (mut out, mut lines) = (String::new(), 0);
    for (sign, one, other) in [('-', direct, ours), ('+', ours, direct)] {
        for (labels, value) in one.iter().filter(|(labels, value)| other.get(*labels) != Some(value)) {
            lines += 1;
            if lines <= LINES_SHOWN {
                writeln!(out, "{sign} {}", line(labels, value)).unwrap();
            }
        }
    }
    writeln!(out, "{lines} lines").unwrap();
    out
}
