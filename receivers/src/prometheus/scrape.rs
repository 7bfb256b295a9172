//! One target, from its first scrape to its last.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use net::client::http::Fetched;
use pipeline::Credit;
use pipeline::component::Stop;
use pipeline::payload::scrape::Scrape;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until, timeout};

use super::comparison::Comparison;
use super::deliver::{Before, Delivery, LAST_BATCH_WAIT};
use super::exposition::Format;
use super::failure::Failure;
use super::job::JobRun;
use super::report::{Course, Report};
use super::rules::SeriesRules;
use super::table::Table;
use super::target::Target;

/// Pages from this size take a millisecond or more to read, which others should not wait for.
const LARGE_PAGE_BYTES: usize = 512 * 1024;

/// Tells a target how long we wait, as Prometheus does.
const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Scrapes one target.
pub(super) struct Scraper {
    target: Target,
    url: Uri,
    job: Arc<JobRun>,
    rules: SeriesRules,
    table: Table,
    report: Report,
    /// With what spans say, where the engine is known.
    comparison: Comparison,
    delivery: Delivery,
    /// Points of the last good page, which a failed scrape misses.
    points: u64,
    /// The scrape before failed, and that was said.
    is_down: bool,
    /// There was no memory for the page before, and that was said.
    is_without: bool,
}

/// A page with what its memory is charged to.
struct Got {
    body: Bytes,
    format: Format,
}

impl Scraper {
    /// None for a target whose URL is none, which [`Target`] has checked.
    pub(super) fn new(target: Target, job: Arc<JobRun>) -> Option<Self> {
        let url: Uri = target.url.parse().ok()?;
        let rules = job.rules(&target);
        let extra = job.extra.then_some((target.timeout.as_secs_f64(), rules.samples_max));
        Some(Self {
            comparison: Comparison::new(&rules, &url, &job.requests),
            url,
            table: Table::new(),
            report: Report::new(&rules, extra),
            delivery: Delivery::new(job.outlet.clone(), job.counts.clone()),
            rules,
            target,
            job,
            points: 0,
            is_down: false,
            is_without: false,
        })
    }

    /// Scrapes until it is stopped, then ends all series.
    pub(super) async fn run(mut self, stop: Stop) {
        let mut turn = Instant::from_std(self.job.outside.clock.now()) + self.target.wait(self.wall());
        loop {
            let stopped = stop.cancelled();
            tokio::select! {
                biased;
                () = stopped => break,
                () = sleep_until(turn) => {}
            }
            // A turn that was missed is not made up for: the next one is as good.
            let now = Instant::from_std(self.job.outside.clock.now());
            while turn <= now {
                turn += self.target.interval;
            }
            let stopped = stop.cancelled();
            tokio::select! {
                biased;
                () = stopped => break,
                () = self.scrape(turn) => {}
            }
        }
        self.end().await;
    }

    async fn scrape(&mut self, next: Instant) {
        let (at, started) = (self.wall(), self.job.outside.clock.now());
        let at = milliseconds(at);
        let mut credit = match self.delivery.admit() {
            Ok(credit) => credit,
            Err(exhausted) => return self.go_without(&exhausted),
        };
        let got = match timeout(self.target.timeout, self.fetch(&mut credit)).await {
            Ok(got) => got,
            Err(_) => Err(Failure {
                reason: "timeout",
                words: format!("no whole page within {:?}", self.target.timeout),
            }),
        };
        if let Err(Failure {
            reason: "memory",
            words,
        }) = &got
        {
            return self.go_without(words);
        }
        self.is_without = false;
        let fetched = self.job.outside.clock.now();
        match self.delivery.before(next).await {
            Before::Taken => self.table.arrived(),
            Before::Refused => self.take_back(),
            // The page is not read, so that nothing is taken for told that is not.
            Before::UnderWay => {
                if let Err(failure) = &got {
                    self.say(Some(failure));
                    self.job.counts.failure(failure.reason);
                }
                return self.delivery.refuse(self.points + self.report.points());
            }
        }
        let waited = self.job.outside.clock.now().saturating_duration_since(fetched);
        let mut course = Course {
            bytes: got.as_ref().ok().map(|got| got.body.len() as u64),
            ..Course::default()
        };
        let read = got.and_then(|got| self.read_beside_others(&got, at, &mut course));
        course.up = read.is_ok();
        let took = self.job.outside.clock.now().saturating_duration_since(started);
        course.seconds = took.saturating_sub(waited).as_secs_f64();
        self.say(read.as_ref().err());
        let why = read.as_ref().err().map(|failure| failure.words.as_str());
        self.job.counts.span(at, &course, &self.target.url, self.points, why);
        let (page, compared) = match read {
            Ok(mut page) => {
                let compared = self.comparison.tell(&mut page, &self.job.counts);
                (page, compared)
            }
            Err(failure) => {
                self.job.counts.failure(failure.reason);
                self.job.counts.errored.add(self.points.max(1));
                self.points = 0;
                (self.table.end_all(at), self.comparison.end(at))
            }
        };
        let report = self.report.tell(at, &course);
        self.delivery.send([page, compared, report], credit);
    }

    /// The batch before did not arrive: what it should have ended is still to be ended.
    fn take_back(&mut self) {
        self.table.take_back();
        self.comparison.take_back();
    }

    /// There is no memory for a page. That says nothing about the target, so nothing is said about it.
    fn go_without(&mut self, why: &dyn std::fmt::Display) {
        self.job.counts.failure("memory");
        self.job.counts.errored.add(self.points.max(1));
        if std::mem::replace(&mut self.is_without, true) {
            tracing::debug!(target = %self.target.url, %why, "not scraped again");
        } else {
            tracing::warn!(target = %self.target.url, %why, "not scraped");
        }
    }

    async fn fetch(&self, credit: &mut Credit) -> Result<Got, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, self.job.accept.clone());
        if let Ok(seconds) = HeaderValue::from_str(&self.target.timeout.as_secs_f64().to_string()) {
            headers.insert(TIMEOUT_HEADER, seconds);
        }
        let shown = self.job.credentials.header(&self.job.outside.storage).await;
        let shown = shown.map_err(|words| Failure {
            reason: "credentials",
            words,
        })?;
        if let Some(shown) = shown {
            headers.insert(AUTHORIZATION, shown);
        }
        let fetched = self
            .job
            .getter
            .get(&self.url, &headers, self.job.page_bytes_max, credit);
        let Fetched { headers, body } = fetched.await?;
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let format = Format::of(content_type.unwrap_or_default()).unwrap_or(self.job.fallback);
        Ok(Got { body, format })
    }

    /// Reads a page; a large one without holding up the other targets of this thread.
    fn read_beside_others(&mut self, got: &Got, at: i64, course: &mut Course) -> Result<Scrape, Failure> {
        // A runtime with one thread has no other to send them to.
        if got.body.len() >= LARGE_PAGE_BYTES && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            return block_in_place(|| self.read(got, at, course));
        }
        self.read(got, at, course)
    }

    fn read(&mut self, got: &Got, at: i64, course: &mut Course) -> Result<Scrape, Failure> {
        let read = self.table.read(&got.body, got.format, &self.rules);
        let tally = self.table.tally();
        (course.scraped, course.kept, course.added) = (tally.scraped, tally.kept, tally.added);
        read?;
        let (scrape, untold) = self.table.tell(at);
        self.table.forget_the_past(&got.body, got.format, &self.rules);
        self.points = u64::from(scrape.points);
        self.job.counts.scraped.add(self.points);
        self.job.counts.errored.add(untold.points());
        self.job.counts.left_out(&tally, &untold);
        Ok(scrape)
    }

    /// Says when a target goes down and when it comes back, and nothing in between.
    fn say(&mut self, failure: Option<&Failure>) {
        let url = &self.target.url;
        match failure {
            Some(Failure { reason, words }) if !self.is_down => {
                tracing::warn!(target = %url, reason, why = %words, "scrape failed");
            }
            Some(Failure { words, .. }) => tracing::debug!(target = %url, why = %words, "scrape failed again"),
            None if self.is_down => tracing::info!(target = %url, "scrapes succeed again"),
            None => {}
        }
        self.is_down = failure.is_some();
    }

    async fn end(mut self) {
        let patience = Instant::from_std(self.job.outside.clock.now()) + LAST_BATCH_WAIT;
        match self.delivery.before(patience).await {
            Before::Taken => self.table.arrived(),
            Before::Refused => self.take_back(),
            Before::UnderWay => {
                // Sent now, the end could overtake what it ends.
                tracing::warn!(
                    target = %self.target.url,
                    "the pipelines have not taken the last scrape in time, so its series are not ended"
                );
                return self.delivery.refuse(self.points + self.report.points());
            }
        }
        let at = milliseconds(self.wall());
        let scrapes = [self.table.end_all(at), self.comparison.end(at), self.report.end(at)];
        self.delivery.finish(scrapes, &self.job.budget).await;
    }

    /// Time since 1970.
    fn wall(&self) -> Duration {
        let since = self.job.outside.clock.wall().duration_since(std::time::UNIX_EPOCH);
        since.unwrap_or_default()
    }
}

/// Prometheus counts in milliseconds, so more would be lost and would make two times of one.
fn milliseconds(since: Duration) -> i64 {
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
