//! From the page of a target to remote write. `scrape <read2|write1|write2|all1|all2|otlp2|memory2> <targets>`
//!
//! The page is one of a running vLLM (517 samples), in which every value but the zeros is another in each round.
//! `read` reads it, `write…` makes requests of what was read, `all…` does both and compresses; 1 and 2 are the protocols.
//! `otlp…` is `all…` by way of OTLP, as where a processor edits points. `memory…` says what a series takes, resident: 1,085 targets have 500,000.

use std::alloc::System;

use benches::Task;
use bytes::Bytes;
use config::{Diagnostics, Section};
use exporters::prometheus_remote_write::{Config, Requests};
use pipeline::payload::{Limits, Metrics};
use pipeline::plan::World;
use receivers::prometheus::Pages;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PAGE: &str = include_str!("../../../tests/fixtures/engines/vllm-0.32.0/metrics/metrics-13-final.prom");

fn main() {
    let task = Task::from_args("all2");
    let protocol = if task.what.ends_with('1') {
        ""
    } else {
        "\nprotobuf_message: io.prometheus.write.v2.Request"
    };
    let Some(config) = config(&format!("endpoint: http://127.0.0.1:1/api/v1/write{protocol}")) else {
        return;
    };
    let pages: Vec<Bytes> = (0..4).map(|round| Bytes::from(page(round))).collect();
    let mut targets: Vec<Pages> = (0..task.spans).map(target).collect();
    let mut requests = Requests::of(config);
    let now = World::system().outside.clock.now();
    if task.what.starts_with("memory") {
        return memory(&mut targets, &mut requests, now);
    }
    let mut round = 0;
    let scrape = |targets: &mut Vec<Pages>, round: usize| {
        let page = pages.get(round % pages.len()).cloned().unwrap_or_default();
        let time = 1_795_316_006_871 + round as i64 * 15_000;
        let scrapes = targets.iter_mut().filter_map(|target| target.read(&page, time));
        Metrics::scraped(scrapes.collect::<Vec<_>>())
    };
    // Families that a page adds make the second reading a thorough one, too.
    for warm in 0..4 {
        let metrics = scrape(&mut targets, warm).unwrap_or_default();
        requests.make(&metrics, now, true);
    }
    let ready = scrape(&mut targets, 4).unwrap_or_default();
    let (reads, writes) = (!task.what.starts_with("write"), !task.what.starts_with("read"));
    let through_otlp = task.what.starts_with("otlp");
    let packs = task.what.starts_with("all") || through_otlp;
    let mut lengths = (0, 0);
    task.measure(ALLOCATOR, || {
        round += 1;
        let read = if reads {
            scrape(&mut targets, round).unwrap_or_default()
        } else {
            ready.clone()
        };
        let read = if through_otlp {
            Metrics::parse(read.bytes().clone(), &Limits::default()).map_or(read, |parsed| parsed.payload)
        } else {
            read
        };
        if writes {
            let made = requests.make(&read, now, packs);
            lengths = (made.raw, made.packed);
        }
        u64::from(read.points())
    });
    report(&task, lengths);
}

/// What a series takes once its target was scraped three times, each page with bytes of its own as from a socket.
#[allow(clippy::print_stderr)] // What is measured stands on the other stream.
fn memory(targets: &mut [Pages], requests: &mut Requests, now: std::time::Instant) {
    let before = resident_bytes();
    let mut series = 0;
    for round in 0..3 {
        series = 0;
        for target in &mut *targets {
            let page = Bytes::from(page(round));
            let scrape = target.read(&page, 1_795_316_006_871 + i64::from(round) * 15_000);
            series += scrape.as_ref().map_or(0, |scrape| scrape.samples.len());
            let metrics = Metrics::scraped(scrape).unwrap_or_default();
            requests.make(&metrics, now, true);
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    eprintln!(
        "series={series} resident bytes/series={:.0}",
        grown as f64 / series.max(1) as f64
    );
}

/// Resident memory of this process, in pages of four KiB (`/proc/self/statm`, the second number).
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

/// What a sample takes on the wire.
#[allow(clippy::print_stderr)] // What is measured stands on the other stream.
fn report(task: &Task, (raw, packed): (usize, usize)) {
    let samples = PAGE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_created"))
        .count();
    let samples = (samples * task.spans as usize).max(1) as f64;
    eprintln!(
        "bytes/sample raw={:.1} packed={:.1}",
        raw as f64 / samples,
        packed as f64 / samples
    );
}

fn target(number: u32) -> Pages {
    let instance = format!("10.0.{}.{}:8000", number / 250, number % 250);
    let pod = format!("vllm-llama-70b-{number}");
    Pages::of(&[
        ("job", "vllm"),
        ("instance", &instance),
        ("namespace", "inference"),
        ("pod", &pod),
        ("node", "gpu-node-17"),
    ])
}

/// The page with other values: as many milliseconds or requests later as the round says.
fn page(round: u32) -> String {
    let mut page = String::with_capacity(PAGE.len());
    for line in PAGE.lines() {
        match line
            .rsplit_once(' ')
            .and_then(|(words, value)| Some((words, value.parse::<f64>().ok()?)))
        {
            Some((words, value)) if !line.starts_with('#') && value != 0.0 && !words.contains("_created") => {
                page.push_str(&format!("{words} {:?}", value + f64::from(round)));
            }
            _ => page.push_str(line),
        }
        page.push('\n');
    }
    page
}

fn config(yaml: &str) -> Option<Config> {
    let section = Section::from_yaml("bench.yaml", yaml).ok()?;
    config::decode(&section, &mut Diagnostics::new())
}
