//! What those who bring metrics and those who fetch pages share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipeline::component::ExportError;
use pipeline::outside::Clock;
use pipeline::payload::Metrics;
use pipeline::telemetry::Telemetry;

use super::config::Config;
use super::counts::Counts;
use super::negotiate::Format;
use super::page::Page;
use super::store::{Rules, Store};
use crate::prometheus_series::{Losses, Table, Translator};

/// What those who bring metrics and those who fetch pages share. A lock is held for one batch, or for one turn of a page.
pub(super) struct Shelf {
    translator: Mutex<Translator>,
    store: Mutex<Store>,
    /// For scrapers that do not know UTF-8 names, where there are such names: what becomes the same without them has to
    /// be sorted out before a page is written.
    legal: Option<Mutex<Store>>,
    has_timestamps: bool,
    pub(super) counts: Counts,
    clock: Arc<dyn Clock>,
}

impl Shelf {
    pub(super) fn new(config: &Config, telemetry: &Telemetry, clock: Arc<dyn Clock>) -> Self {
        let settings = config.settings();
        let rules = config.rules();
        let has_utf8 = settings.names.strategy.keeps_utf8();
        let legal = Rules {
            is_legal: true,
            ..rules
        };
        Self {
            translator: Mutex::new(Translator::new(settings)),
            store: Mutex::new(Store::new(rules)),
            legal: has_utf8.then(|| Mutex::new(Store::new(legal))),
            has_timestamps: config.has_timestamps(),
            counts: Counts::new(telemetry),
            clock,
        }
    }

    /// Takes a batch; says which points are not on the pages.
    pub(super) fn take(&self, metrics: &Metrics) -> Result<(), ExportError> {
        let now = self.clock.now();
        let mut translator = lock(&self.translator);
        let mut store = lock(&self.store);
        store.begin(now);
        let mut table = translator.translate_admitted(metrics, now, &mut |about| store.admit(about, now));
        let taken = store.take(&table, now);
        drop(store);
        self.take_legal(&table);
        drop(translator);
        self.counts.translated(&table.losses);
        let reasons = self.counts.taken(&taken, &mut table.losses);
        outcome(&table.losses, reasons)
    }

    fn take_legal(&self, table: &Table) {
        let Some(legal) = &self.legal else { return };
        let now = self.clock.now();
        let mut store = lock(legal);
        store.begin(now);
        let mut hidden: Vec<u32> = store
            .take(table, now)
            .lost
            .into_iter()
            .map(|(point, _)| point)
            .collect();
        hidden.sort_unstable();
        hidden.dedup();
        self.counts.hidden(hidden.len() as u64);
    }

    /// The page of what was brought so far.
    pub(super) fn page(&self, format: Format) -> Vec<u8> {
        let now = self.clock.now();
        let store = self.legal.as_ref().filter(|_| !format.has_utf8).unwrap_or(&self.store);
        let mut page = Page::new(format, self.has_timestamps, now);
        lock(store).sweep(now);
        while lock(store).write(&mut page) {}
        page.finish()
    }

    /// How many series there are.
    #[cfg(test)]
    pub(super) fn series(&self) -> usize {
        lock(&self.store).series()
    }

    /// How many metrics there are.
    #[cfg(test)]
    pub(super) fn families(&self) -> usize {
        lock(&self.store).families.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the driver hears.
fn outcome(losses: &Losses, reasons: impl IntoIterator<Item = (&'static str, u64)>) -> Result<(), ExportError> {
    let lost = losses.lost();
    if lost == 0 {
        return Ok(());
    }
    let translated = losses.reasons.iter().map(|(loss, count)| (loss.reason(), *count));
    let causes = translated
        .chain(reasons)
        .map(|(reason, count)| format!("{count} {reason}"));
    let cause = causes.collect::<Vec<_>>().join("; ");
    if lost < losses.points() {
        Err(ExportError::Partial {
            rejected: lost,
            message: cause,
        })
    } else {
        Err(ExportError::Permanent { cause })
    }
}
