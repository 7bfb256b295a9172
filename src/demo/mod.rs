//! `inferscope demo`: a capture of a real engine, laid out request by request, without a file, a GPU or a server.
//!
//! Every byte takes the way that it takes in production: over gRPC into the receiver `otlp`, through `llm_phases`, out
//! of the exporter `otlp_grpc`, into a second pipeline that stands where a backend would. Only that pipeline's exporter
//! is the demo's own: it draws. All drawing is pure; see [`page`].

mod bar;
mod capture;
mod collect;
mod gpu_line;
mod gpus;
mod lapse;
mod load;
mod loopback;
mod notable;
mod page;
mod palette;
mod phase;
mod ports;
mod quantity;
mod replay;
mod request;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod viewer;
mod waterfall;

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, ColorChoice};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::cli::say;
use capture::Contents;
use collect::{Collector, Seen};
use gpus::Gpus;
use loopback::{Doors, Loopback};
use page::Form;
use request::Request;
use terminal::Terminal;

/// What OTLP's senders use unless told otherwise (OTLP specification, "OTLP/gRPC Default Port").
const WELL_KNOWN: Doors = Doors { grpc: 4317, http: 4318 };

const PORTS_NEEDED: &str =
    "`inferscope demo --serve` needs the ports 4317 and 4318 of 127.0.0.1; without `--serve` any will do";

/// Free ports, so that the demo runs beside anything.
const FREE: Doors = Doors { grpc: 0, http: 0 };

/// Live requests that the table at the end is made of; older ones leave first. Some 500 bytes each.
const REQUESTS_KEPT: usize = 10_000;

/// Most GPUs of the demo; no node has more.
const GPUS_MAX: i64 = 16;

/// How often a live request that waits for phases is looked at.
const TICK: Duration = Duration::from_millis(500);

/// How the demo shows.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoOptions {
    /// Afterwards listens on 127.0.0.1, ports 4317 and 4318, and shows what your engine sends, until Ctrl-C.
    #[arg(long)]
    pub(crate) serve: bool,

    /// Runs the requests on this many simulated GPUs, and shows what these did meanwhile: how busy they were, power, energy.
    /// Takes some seconds.
    #[arg(long, value_name = "N", conflicts_with = "serve", value_parser = clap::value_parser!(u8).range(1..=GPUS_MAX))]
    pub(crate) gpus: Option<u8>,

    /// One line for each request instead of one for each phase.
    #[arg(long)]
    pub(crate) brief: bool,

    /// Colours; `auto` heeds NO_COLOR and CLICOLOR_FORCE.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// Columns to use, 72 to 200; the terminal's by default.
    #[arg(long)]
    pub(crate) width: Option<usize>,
}

/// Replays the capture and shows it; with `--serve` goes on with what arrives.
pub(crate) async fn run(options: DemoOptions) -> anyhow::Result<()> {
    let terminal = Terminal::detect(&options);
    let form = if options.brief { Form::Brief } else { Form::Waterfall };
    // Ports first: that they are taken should not be found out at the end of a long page.
    let live = match options.serve {
        true => Some(Loopback::start(WELL_KNOWN, None).await.context(PORTS_NEEDED)?),
        false => None,
    };
    let contents = capture::contents()?;
    let gpus = match options.gpus {
        Some(count) => Some(Gpus::stage(count, &contents.requests)?),
        None => None,
    };
    // At once: with GPUs the rest takes a while.
    say(&page::opening(gpus.as_ref().map(Gpus::wait), terminal))?;
    let replayed = replayed(&contents, gpus.as_ref()).await?;
    say(&show_replay(&replayed, form, terminal))?;
    match live {
        Some(live) => watch(live, form, terminal).await,
        None => {
            let program = std::env::args().next();
            let program = program.as_deref().unwrap_or("inferscope");
            Ok(say(&page::next(program, gpus.is_some(), terminal))?)
        }
    }
}

/// What came of the capture.
struct Replayed {
    /// In the order of their arrival at the engine.
    requests: Vec<Request>,
    spans_in: u64,
    seen: Seen,
}

async fn replayed(contents: &Contents, gpus: Option<&Gpus>) -> anyhow::Result<Replayed> {
    let mut loopback = Loopback::start(FREE, gpus).await?;
    if let Some(gpus) = gpus {
        gpus.play(loopback.gpus()).await?;
    }
    let mut collector = Collector::default();
    let mut requests = Vec::new();
    let replay = replay::replay(loopback.address());
    tokio::pin!(replay);
    loop {
        tokio::select! {
            sent = &mut replay => break sent?,
            traces = loopback.next() => if let Some(traces) = traces? {
                requests.extend(collector.take(&traces, Instant::now()));
            },
        }
    }
    loopback
        .stop(|traces| requests.extend(collector.take(traces, Instant::now())))
        .await?;
    let incomplete = collector.release(Instant::now(), true).len();
    ensure!(
        incomplete == 0,
        "{incomplete} requests arrived without all of their phases; please report this bug"
    );
    requests.sort_by_key(|request| (request.start, request.end));
    let seen = collector.seen();
    let (arrived, spans_in) = (seen.requests + seen.others, contents.spans);
    ensure!(
        arrived == spans_in,
        "{arrived} of {spans_in} spans arrived; please report this bug"
    );
    Ok(Replayed {
        requests,
        spans_in,
        seen,
    })
}

fn show_replay(replayed: &Replayed, form: Form, terminal: Terminal) -> String {
    let mut text = String::new();
    for request in &replayed.requests {
        text.push_str(&page::request(request, form, terminal));
    }
    if form == Form::Brief {
        text.push('\n');
    }
    text.push_str(&page::summary(&replayed.requests, terminal));
    text.push_str(&page::closing(replayed.spans_in, replayed.seen, &replayed.requests));
    text
}

/// Shows requests as they finish, until Ctrl-C; then sums up.
async fn watch(mut live: Loopback, form: Form, terminal: Terminal) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut collector = Collector::default();
    let mut kept = VecDeque::new();
    say(&page::listening(WELL_KNOWN.grpc, WELL_KNOWN.http, terminal))?;
    loop {
        let fresh = tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            traces = live.next() => match traces? {
                Some(traces) => collector.take(&traces, Instant::now()),
                None => break,
            },
            () = tokio::time::sleep(TICK), if collector.is_waiting() => collector.release(Instant::now(), false),
        };
        show_live(fresh, &mut kept, form, terminal)?;
    }
    let mut fresh = Vec::new();
    live.stop(|traces| fresh.extend(collector.take(traces, Instant::now())))
        .await?;
    fresh.extend(collector.release(Instant::now(), true));
    show_live(fresh, &mut kept, form, terminal)?;
    say(&page::farewell(kept.make_contiguous(), collector.seen(), terminal))?;
    Ok(())
}

fn show_live(fresh: Vec<Request>, kept: &mut VecDeque<Request>, form: Form, terminal: Terminal) -> std::io::Result<()> {
    for request in fresh {
        say(&page::request(&request, form, terminal))?;
        if kept.len() == REQUESTS_KEPT {
            kept.pop_front();
        }
        kept.push_back(request);
    }
    Ok(())
}
