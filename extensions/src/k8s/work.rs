//! Hears what the API server tells, and tells the pipelines.

use std::time::{Duration, SystemTime};

use kubernetes::{Cluster, Trouble};
use pipeline::component::{Setup, Stop};
use tokio::time::{Instant, sleep_until};

use super::Config;
use super::gone::Gone;
use super::kind::Kind;
use super::meters::{LeftOut, Meters};
use super::said::Said;
use super::watches::{Kept, News, Watches};

/// From the first change to the map that shows it. A map is made anew as a whole, so that readers never wait; a rollout
/// changes hundreds of pods within seconds, and spans of a new pod take longer than this to be made, sent and received.
const PUBLISH_PAUSE: Duration = Duration::from_millis(100);

/// In large clusters a map takes long to make: then this many times as long is waited until the next, so that at most a tenth
/// of a core goes into maps, however much changes.
const PUBLISH_SHARE: u32 = 10;

/// Everything that is known, told until the program stops.
pub(super) struct Work {
    watches: Watches,
    gone: Gone,
    meters: Meters,
    said: Said,
    setup: Setup,
    /// When what changed is told; None where nothing did.
    publish_at: Option<Instant>,
    /// The next map is not made before.
    not_before: Instant,
}

impl Work {
    pub(super) fn new(config: &Config, node: Option<&str>, cluster: &Cluster, setup: Setup) -> Self {
        let left_out = LeftOut::new(&setup.telemetry);
        let watches = Watches::new(cluster, node, &config.namespaces, &left_out);
        let meters = Meters::new(&setup.telemetry);
        Self {
            said: Said::new(setup.id.to_string(), &watches),
            gone: Gone::new(config.pod_delete_grace_period.get()),
            watches,
            meters,
            setup,
            publish_at: None,
            not_before: Instant::now(),
        }
    }

    /// Waits for the first lists, but not for ever: the program then goes on with what it has.
    pub(super) async fn wait(&mut self, patience: Duration, stop: &Stop) {
        let until = Instant::now() + patience;
        while !self.watches.are_settled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep_until(until) => {
                    tracing::warn!(
                        extension = %self.setup.id, waited = ?patience,
                        "the API server has not told of everything yet; what is received now may not get its pod",
                    );
                    break;
                }
                news = self.watches.told() => self.hear(&news),
            }
        }
        self.publish();
    }

    /// Hears and tells until `stop`.
    pub(super) async fn run(mut self, stop: Stop) {
        loop {
            let forget_at = self.gone.next_at();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = at(self.publish_at) => self.publish(),
                () = at(forget_at) => {
                    self.gone.forget(Instant::now());
                    self.changed();
                }
                news = self.watches.told() => self.hear(&news),
            }
        }
    }

    fn hear(&mut self, news: &News) {
        let Some(source) = self.watches.sources().get(news.source) else {
            return;
        };
        self.said.hear(news.source, source, news.trouble.as_ref());
        if let Some(trouble) = &news.trouble {
            return self.failed(source.kind, trouble);
        }
        let (wall, now) = (self.setup.outside.clock.wall(), Instant::now());
        for kept in &news.gone {
            if let Kept::Pod(pod) = kept
                && self.gone.add(pod, wall, now)
            {
                self.meters.forgotten.add(1);
            }
        }
        let seconds = wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        self.meters.told_at.set(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.changed();
    }

    fn failed(&self, kind: Kind, trouble: &Trouble) {
        self.meters.failures(kind, trouble.reason).add(1);
        self.meters.troubled(kind).set(self.troubled(kind));
    }

    fn troubled(&self, kind: Kind) -> i64 {
        let of_kind = self.watches.sources().iter().filter(|it| it.kind == kind);
        gauge(of_kind.filter(|it| it.watch.trouble().is_some()).count())
    }

    fn changed(&mut self) {
        let soon = Instant::now() + PUBLISH_PAUSE;
        self.publish_at.get_or_insert(soon.max(self.not_before));
    }

    fn publish(&mut self) {
        self.publish_at = None;
        let begun = Instant::now();
        self.setup.context.pods.publish(self.watches.map(self.gone.pods()));
        self.not_before = begun + begun.elapsed() * PUBLISH_SHARE;
        self.meters.publications.add(1);
        self.meters.gone.set(gauge(self.gone.len()));
        for kind in Kind::ALL {
            let of_kind = || self.watches.sources().iter().filter(move |it| it.kind == kind);
            if of_kind().next().is_some() {
                self.meters.objects(kind).set(gauge(self.watches.count(kind)));
                self.meters.troubled(kind).set(self.troubled(kind));
                let is_complete = of_kind().all(|it| it.watch.is_complete());
                self.meters.complete(kind).set(i64::from(is_complete));
            }
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
