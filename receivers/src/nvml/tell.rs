//! Tells what devices said: metrics at every interval, events as log records.

use std::time::{Duration, UNIX_EPOCH};

use pipeline::component::{Outlets, Stop};
use pipeline::context::gpus::Gpus;
use pipeline::context::pods::Pods;
use pipeline::lane::Outlet;
use pipeline::outside::Outside;
use pipeline::payload::{Metrics, Payload};
use pipeline::{Origin, Outcome};
use tokio::time::{sleep, timeout};

use super::counts::Counts;
use super::holders::Holders;
use super::reading::Snapshot;
use super::told::{Point, Told};
use super::watch::Watch;
use super::words::Words;
use super::xid_log;

/// How long the end waits for the pipelines to take that all series have ended.
const LAST_BATCH_WAIT: Duration = Duration::from_secs(5);

/// Tells what devices said.
pub(super) struct Teller {
    pub(super) words: Words,
    pub(super) watch: Watch,
    pub(super) interval: Duration,
    pub(super) outlets: Outlets,
    pub(super) outside: Outside,
    pub(super) counts: Counts,
    /// Who holds which device; None where nobody wants to know.
    pub(super) pods: Option<Pods>,
    pub(super) gpus: Gpus,
    pub(super) told: Told,
    /// Devices that were told last: while the library does not answer, they are down.
    pub(super) known: Vec<Snapshot>,
}

impl Teller {
    /// Tells until it is stopped; then all series end.
    pub(super) async fn run(mut self, stop: Stop) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(self.interval) => {}
            }
            self.tell_events().await;
            let points = self.points();
            self.tell(points).await;
        }
        self.tell_events().await;
        let _ = timeout(LAST_BATCH_WAIT, self.tell(Vec::new())).await;
    }

    fn points(&mut self) -> Vec<Point> {
        let found = self.watch.desk().devices();
        let mut points = vec![self.words.library_up(found.is_ok())];
        match found {
            Ok(devices) => self.known = devices,
            Err(_) => {
                for device in &mut self.known {
                    device.is_up = false;
                    device.readings.clear();
                    device.own.clear();
                    device.processes.clear();
                }
            }
        }
        let pods = self.pods.as_ref();
        let holders = pods.map_or_else(Holders::default, |pods| Holders::now(pods, &self.gpus.devices()));
        let left_out = self.words.points(&self.known, &holders, &mut points);
        self.counts.left_out.add(left_out);
        let is_unnumbered = |device: &&Snapshot| device.instance.as_ref().is_some_and(|it| it.number.is_none());
        let unnumbered = self.known.iter().filter(is_unnumbered).count();
        self.counts
            .unnumbered
            .set(i64::try_from(unnumbered).unwrap_or(i64::MAX));
        points
    }

    async fn tell(&mut self, points: Vec<Point>) {
        let Some(outlet) = self.outlets.metrics.clone() else {
            return;
        };
        let now = self.outside.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let scrape = self
            .told
            .scrape(i64::try_from(now.as_millis()).unwrap_or(i64::MAX), &points);
        let Some(payload) = Metrics::scraped([scrape]).map(Payload::Metrics) else {
            return;
        };
        let items = u64::from(payload.items());
        let outcome = send(&outlet, payload).await;
        if !outcome.is_ok() {
            tracing::debug!(?outcome, "the pipelines did not take what GPUs said");
            self.told.take_back();
        }
        self.counts.points(&outcome, items);
    }

    async fn tell_events(&self) {
        let (xids, dropped) = self.watch.desk().take_xids();
        for xid in &xids {
            tracing::warn!(gpu = %xid.uuid, xid = xid.number, "a GPU reports a critical event");
        }
        self.counts.dropped.add(dropped);
        let Some(payload) = xid_log::payload(&xids, self.words.owner()) else {
            return;
        };
        let items = xids.len() as u64;
        let Some(outlet) = &self.outlets.logs else { return };
        let outcome = send(outlet, payload).await;
        if !outcome.is_ok() {
            self.counts.dropped.add(items);
        }
        self.counts.records(&outcome, items);
    }
}

async fn send(outlet: &Outlet, payload: Payload) -> Outcome {
    match outlet.admit(payload.memory() as u64) {
        Ok(credit) => outlet.send(payload, Origin::own(), credit).await,
        Err(exhausted) => Outcome::retry(exhausted.to_string()),
    }
}
