//! The simulated GPUs of `demo --gpus`: as busy as the engine was while it was captured, and in a hurry.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use inferscope_nvml_sim::Stage;
use pipeline::context;
use pipeline::outside::Clock;

use super::lapse::{Lapse, SPEED};
use super::load::{IDLE, Load, Span};

/// Where cargo puts the library: beside the executable, or among what that depends on.
const FOLDERS: [&str; 2] = [".", "deps"];

const FILE: &str = "libinferscope_nvml_sim.so";

const REMEDY: &str = "`cargo build --release -p nvml-sim` builds it into target/release; copy it beside the executable";

/// How much of the time before the first request, and behind the last one, is sampled.
const MARGIN: Duration = Duration::from_secs(1);

/// How long GPUs may take to answer. They do in milliseconds; only a machine that does nothing else takes so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often it is looked whether the samples are there.
const LOOK: Duration = Duration::from_millis(20);

/// What whoever waits should know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// How many GPUs there are.
    pub(super) gpus: u8,
    /// About how long it takes.
    pub(super) seconds: u64,
}

/// GPUs that are played by a library.
pub(super) struct Gpus {
    stage: Stage,
    count: u8,
    load: Load,
    clock: Arc<Lapse>,
}

impl Gpus {
    /// GPUs that wait for a capture with these requests.
    pub(super) fn stage(count: u8, requests: &[Span]) -> anyhow::Result<Self> {
        let load = Load::of(requests).context("the bundled capture is empty; please report this bug")?;
        let stage = Stage::new(&library()?, &scenario(count, &IDLE.to_string()));
        Ok(Self {
            stage: stage.context("the GPU simulator does not work")?,
            count,
            clock: Arc::new(Lapse::before(load.begin_ns())),
            load,
        })
    }

    /// What there is to say while they play.
    pub(super) fn wait(&self) -> Wait {
        let length = Duration::from_nanos(self.load.end_ns() - self.load.begin_ns()) + 2 * MARGIN;
        Wait {
            gpus: self.count,
            seconds: (length / SPEED).as_secs() + 1,
        }
    }

    /// The library that stands for NVIDIA's.
    pub(super) fn library(&self) -> String {
        self.stage.path().display().to_string()
    }

    /// Their ids, as a list in YAML.
    pub(super) fn ids(&self) -> String {
        let ids: Vec<String> = (0..self.count)
            .map(|index| format!("GPU-00000000-0000-4000-8000-{index:012x}"))
            .collect();
        format!("[{}]", ids.join(", "))
    }

    /// The clock by which their samples and the capture are of one time.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Plays the time of the capture; samples of all of it are there when this ends.
    pub(super) async fn play(&self, gpus: &context::gpus::Gpus) -> anyhow::Result<()> {
        let settled = |time_ns: u64| {
            let list = &gpus.devices().list;
            list.len() == usize::from(self.count) && list.iter().all(|gpu| gpu.settled_until() >= time_ns)
        };
        let answer = until(ANSWER_WITHIN, || settled(1));
        answer
            .await
            .context("the simulated GPUs do not answer; please report this bug")?;
        let begin = self.load.begin_ns() - nanoseconds(MARGIN);
        self.clock.jump_to(begin);
        let load = self.load.curve(self.seconds() + MARGIN.as_secs_f64());
        self.stage.change(&scenario(self.count, &load))?;
        let end = self.load.end_ns() + nanoseconds(MARGIN);
        let length = Duration::from_nanos(end - begin) / SPEED;
        tokio::time::sleep(length).await;
        let answer = until(ANSWER_WITHIN, || settled(self.load.end_ns()));
        answer
            .await
            .context("the simulated GPUs have stopped; please report this bug")
    }

    /// Seconds of the scenario that have passed.
    fn seconds(&self) -> f64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = since.saturating_sub(Duration::from_nanos(self.stage.start_ns()));
        since.as_secs_f64() * f64::from(SPEED)
    }
}

async fn until(limit: Duration, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    };
    let waited = tokio::time::timeout(limit, wait).await;
    ensure!(waited.is_ok(), "nothing came for {} s", limit.as_secs());
    Ok(())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// All alike, as the GPUs of one engine are.
fn scenario(count: u8, load: &str) -> String {
    let gpu = format!("  - {{load: {load}, memory_used: 72_000_000_000}}\n");
    format!("speed: {SPEED}\ngpus:\n{}", gpu.repeat(count.into()))
}

/// Where the library is.
fn library() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("nobody knows where this program lies")?;
    let folder = program.parent().unwrap_or(&program);
    let found = FOLDERS
        .iter()
        .map(|name| folder.join(name).join(FILE))
        .find(|path| path.exists());
    found.with_context(|| format!("the GPU simulator {FILE} is not in {}: {REMEDY}", folder.display()))
}
