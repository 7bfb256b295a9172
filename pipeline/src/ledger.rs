//! The conservation ledger: nothing enters a component without leaving it, by name.
//!
//! For every component and signal, `received + made = forwarded + discarded + held`. The numbers are exported, and
//! [`Ledger::imbalances`] is asserted by every system test once the program is at rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use config::Signal;

use crate::telemetry::{Counter, Gauge, MetricAbout, Telemetry};

/// Items that came in.
pub const RECEIVED: MetricAbout = about(
    "inferscope_component_received_items",
    "Items that a component was given.",
);
/// Items that a component made itself, such as child spans.
pub const MADE: MetricAbout = about("inferscope_component_made_items", "Items that a component made itself.");
/// Items that went on.
pub const FORWARDED: MetricAbout = about(
    "inferscope_component_forwarded_items",
    "Items that a component passed on or delivered.",
);
/// Items that ended here, with the reason.
pub const DISCARDED: MetricAbout = about(
    "inferscope_component_discarded_items",
    "Items that ended in a component, by reason.",
);
/// Items that wait here.
pub const HELD: MetricAbout = about("inferscope_component_held_items", "Items that a component holds now.");

/// All of them.
pub(crate) const METRICS: [MetricAbout; 5] = [RECEIVED, MADE, FORWARDED, DISCARDED, HELD];

const fn about(name: &'static str, help: &'static str) -> MetricAbout {
    MetricAbout {
        name,
        help,
        unit: "{item}",
    }
}

/// The accounts of all components.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accounts: Arc<Mutex<BTreeMap<(String, &'static str), Account>>>,
}

/// What one component did with the items of one signal; cheap to clone.
#[derive(Debug, Clone)]
pub struct Account {
    /// Items it was given.
    pub received: Counter,
    /// Items it made.
    pub made: Counter,
    /// Items it passed on.
    pub forwarded: Counter,
    /// Items it holds.
    pub held: Gauge,
    discarded: Arc<Mutex<BTreeMap<&'static str, Counter>>>,
    telemetry: Telemetry,
}

/// An account that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{component} ({signal}): received {received} + made {made} is not forwarded {forwarded} + discarded {discarded} + held {held}"
)]
pub struct Imbalance {
    component: String,
    signal: &'static str,
    received: u64,
    made: u64,
    forwarded: u64,
    discarded: u64,
    held: i64,
}

impl Ledger {
    /// The account of a component; asking twice gives the same one.
    pub fn account(&self, component: &str, signal: Signal, telemetry: &Telemetry) -> Account {
        let signal = signal_name(signal);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (component.to_owned(), signal);
        accounts
            .entry(key)
            .or_insert_with(|| Account::open(component, signal, telemetry))
            .clone()
    }

    /// The accounts that do not add up; none once the program is at rest.
    pub fn imbalances(&self) -> Vec<Imbalance> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts
            .iter()
            .filter_map(|((component, signal), account)| account.imbalance(component, signal))
            .collect()
    }
}

impl Account {
    fn open(component: &str, signal: &'static str, telemetry: &Telemetry) -> Self {
        let telemetry = Telemetry::new(telemetry.metrics().clone())
            .with("component", component)
            .with("signal", signal);
        Self {
            received: telemetry.counter(RECEIVED),
            made: telemetry.counter(MADE),
            forwarded: telemetry.counter(FORWARDED),
            held: telemetry.gauge(HELD),
            discarded: Arc::default(),
            telemetry,
        }
    }

    /// Writes down items that ended here.
    pub fn discard(&self, reason: &'static str, items: u64) {
        if items == 0 {
            return;
        }
        let mut discarded = self.discarded.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = discarded
            .entry(reason)
            .or_insert_with(|| self.telemetry.with("reason", reason).counter(DISCARDED));
        counter.add(items);
    }

    /// Items that ended here, for all reasons.
    pub fn discarded(&self) -> u64 {
        self.discarded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Counter::value)
            .sum()
    }

    fn imbalance(&self, component: &str, signal: &'static str) -> Option<Imbalance> {
        let (received, made) = (self.received.value(), self.made.value());
        let (forwarded, discarded, held) = (self.forwarded.value(), self.discarded(), self.held.value());
        let came = i128::from(received) + i128::from(made);
        let went = i128::from(forwarded) + i128::from(discarded) + i128::from(held);
        let component = component.to_owned();
        (came != went).then_some(Imbalance {
            component,
            signal,
            received,
            made,
            forwarded,
            discarded,
            held,
        })
    }
}

/// A signal's name as a label.
pub fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
        Signal::Logs => "logs",
    }
}

/// What one item of a signal is called in the Collector's metric names.
pub fn item_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "spans",
        Signal::Metrics => "metric_points",
        Signal::Logs => "log_records",
    }
}
