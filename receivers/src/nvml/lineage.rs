//! What the kernel tells of a process that uses a device: when it began, from whom it descends, in which container it runs;
//! and the driver in the kernel of instances.

use std::path::Path;
use std::sync::Arc;

use pipeline::context::gpus::Ancestor;
use pipeline::outside::Storage;

/// Engines compute two or three generations below the process that makes spans; launchers add some.
const GENERATIONS_MAX: usize = 8;

/// Clock ticks in a second, as the kernel counts them for programs on every architecture (proc(5), `USER_HZ`).
const TICKS_PER_S: u64 = 100;

/// Numbers of the driver's GPU instances, and of compute instances in one: today's devices have up to 14 and 7.
const GPU_INSTANCES_MAX: u32 = 16;
const COMPUTE_INSTANCES_MAX: u32 = 8;

/// Shorter names of pods in control groups are none: uids have 32 digits, with dashes or without.
const POD_UID_BYTES_MIN: usize = 32;

/// Files of the kernel about processes.
#[derive(Clone)]
pub(super) struct Kernel {
    storage: Arc<dyn Storage>,
}

/// What is known of a process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lineage {
    /// When it began, in clock ticks since the node's start.
    pub(super) started_ticks: u64,
    /// Its control group; empty where that cannot be read.
    pub(super) group: String,
    /// Uid of the pod in the group's name.
    pub(super) pod_uid: Option<String>,
    /// Itself, then its parent, as long as they are of one group.
    pub(super) line: Vec<Ancestor>,
}

/// The lines of `/proc/<pid>/status` that matter here.
#[derive(Default)]
struct Status {
    parent: u32,
    /// Its number in its own namespace.
    own_pid: Option<u32>,
    /// Whether it has no other: it is in the namespace in which it was looked up.
    is_of_node: bool,
}

impl Kernel {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage }
    }

    /// What is known of a process on a node that began then; None for one that is gone, or that this process may not see.
    pub(super) fn lineage(&self, pid: u32, boot_ns: u64) -> Option<Lineage> {
        let began = |ticks: u64| boot_ns.saturating_add(ticks.saturating_mul(1_000_000_000 / TICKS_PER_S));
        let started_ticks = self.started_ticks(pid)?;
        let group = self.group(pid).unwrap_or_default();
        let mut lineage = Lineage {
            started_ticks,
            pod_uid: pod_uid(&group),
            group,
            line: Vec::new(),
        };
        let (mut next, mut ticks) = (pid, started_ticks);
        for _ in 0..GENERATIONS_MAX {
            let Some(status) = self.status(next) else { break };
            lineage.line.push(Ancestor {
                own_pid: status.own_pid.unwrap_or(next),
                is_of_node: status.is_of_node,
                started_ns: began(ticks),
            });
            next = status.parent;
            // The parent of a container's first process is none of the container's.
            let is_of_group = !lineage.group.is_empty() && self.group(next).as_ref() == Some(&lineage.group);
            match self.started_ticks(next).filter(|_| next > 1 && is_of_group) {
                Some(started) => ticks = started,
                None => break,
            }
        }
        // The number may have been given to another process between two files.
        (self.started_ticks(pid) == Some(started_ticks)).then_some(lineage)
    }

    /// When a process began (proc(5), field 22 of `stat`).
    fn started_ticks(&self, pid: u32) -> Option<u64> {
        let text = self.text(&format!("/proc/{pid}/stat"))?;
        // The name of the program, in brackets, may hold blanks and brackets.
        let (_, rest) = text.rsplit_once(')')?;
        rest.split_whitespace().nth(19)?.parse().ok()
    }

    fn status(&self, pid: u32) -> Option<Status> {
        let text = self.text(&format!("/proc/{pid}/status"))?;
        let mut status = Status::default();
        for line in text.lines() {
            match line.split_once(':') {
                Some(("PPid", value)) => status.parent = value.trim().parse().ok()?,
                Some(("NSpid", value)) => {
                    let mut numbers = value.split_whitespace();
                    status.own_pid = numbers.next_back().and_then(|it| it.parse().ok());
                    status.is_of_node = status.own_pid.is_some() && numbers.next().is_none();
                }
                _ => {}
            }
        }
        Some(status)
    }

    /// The control group of a process: the one of version 2, else the longest of version 1, which all name the container.
    fn group(&self, pid: u32) -> Option<String> {
        let text = self.text(&format!("/proc/{pid}/cgroup"))?;
        let paths = || text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        let second = text
            .lines()
            .find_map(|line| line.strip_prefix("0::"))
            .filter(|it| *it != "/");
        second
            .or_else(|| paths().max_by_key(|path| path.len()))
            .map(str::to_owned)
    }

    /// When the node began, in nanoseconds since 1970. It takes the kernel long to say where there are many cores.
    pub(super) fn boot_ns(&self) -> Option<u64> {
        let text = self.text("/proc/stat")?;
        let seconds: u64 = text
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse()
            .ok()?;
        seconds.checked_mul(1_000_000_000)
    }

    /// The numbers of a GPU's instances, by the number of its device file: one for each compute instance, as each is a
    /// device of its own. Empty where the driver's files are not there, as in most containers.
    pub(super) fn gpu_instances(&self, minor: u32) -> Vec<u32> {
        let mut numbers = Vec::new();
        for number in 0..GPU_INSTANCES_MAX {
            let folder = format!("/proc/driver/nvidia/capabilities/gpu{minor}/mig/gi{number}");
            if self.text(&format!("{folder}/access")).is_none() {
                continue;
            }
            let parts =
                (0..COMPUTE_INSTANCES_MAX).filter(|part| self.text(&format!("{folder}/ci{part}/access")).is_some());
            numbers.extend(parts.map(|_| number));
        }
        numbers
    }

    fn text(&self, path: &str) -> Option<String> {
        let bytes = self.storage.read(Path::new(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The uid in the name of a pod's control group: behind `pod`, with dashes or, as systemd wants it, with underscores.
fn pod_uid(group: &str) -> Option<String> {
    let is_of_uid = |letter: char| matches!(letter, 'a'..='f' | '0'..='9' | '_' | '-');
    let after = group
        .match_indices("pod")
        .filter_map(|(at, word)| group.get(at + word.len()..));
    let uids = after.map(|rest| rest.split(|letter| !is_of_uid(letter)).next().unwrap_or_default());
    uids.filter(|uid| uid.len() >= POD_UID_BYTES_MIN)
        .map(|uid| uid.replace('_', "-"))
        .next()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
