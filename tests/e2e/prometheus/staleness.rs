//! Series end when their target or the program does, not five minutes later.

use std::time::{SystemTime, UNIX_EPOCH};

use super::server::Version;
use super::target::Page;
use super::ways::{DIRECT, Of, WAYS, Ways};
use crate::patience::{PATIENCE, until};

/// In seconds (`configs/scrape.yaml`), and room for a busy machine.
const TWO_INTERVALS: f64 = 1.0;

/// A known mistake: the target_info that the program makes up does not end. It goes away with its exception in
/// `identity.rs`.
const LEFT_BY_MISTAKE: &str = "target_info";

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Waits until no more than this is left of a job, then asks whether that was so soon after `since`, too.
async fn ends(ways: &Ways, job: &str, left: &[&str], since: f64) {
    let left = [left, &[LEFT_BY_MISTAKE]].concat().join("|");
    let selector = format!("{{job={job:?}, __name__!~{left:?}}}");
    let over = until("series end", 2 * PATIENCE, || async {
        ways.prometheus.query(&selector).await.is_empty().then_some(())
    });
    if tokio::time::timeout(PATIENCE, over).await.is_err() {
        panic!(
            "these series of {job} do not end: {:#?}",
            ways.prometheus.query(&selector).await
        );
    }
    let soon = ways.prometheus.query_at(&selector, since + TWO_INTERVALS).await;
    assert!(soon.is_empty(), "these series of {job} lived on for a while: {soon:#?}");
    assert!(
        !ways.prometheus.series(&selector).await.is_empty(),
        "there never were any"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_series_of_a_target_that_is_gone_end_within_an_interval() {
    let mut ways = Ways::open(Version::V3, Page::of_vllm("metrics-13-final.prom")).await;
    ways.arrive().await;
    let gone = seconds();

    ways.target.stop().await;

    for job in [DIRECT, WAYS[0], WAYS[1]] {
        ends(&ways, job, &["up", "scrape_.*"], gone).await;
        let left = ways.snapshot(Of::Values, job).await;
        let (_, up) = left
            .iter()
            .find(|(labels, _)| labels["__name__"] == "up")
            .expect("up is told");
        assert_eq!(up, "0");
    }
    ways.program.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_series_of_a_program_that_ends_end_with_it() {
    let mut ways = Ways::open(Version::V3, Page::of_vllm("metrics-13-final.prom")).await;
    ways.arrive().await;

    ways.program.stop().await;
    let gone = seconds();

    for job in WAYS {
        ends(&ways, job, &[], gone).await;
    }
}
