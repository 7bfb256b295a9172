//! Processes that compute on a device, and what each of them does there.

use std::collections::HashMap;

use nvml_wrapper::Device as NvmlDevice;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::{ProcessInfo, ProcessUtilizationSample};

use super::device::Asked;
use super::sane::{Nothing, at_most, most};

/// Shares of a device's time that one process had, from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Shares {
    /// Of the multiprocessors.
    pub(super) sm: f64,
    /// Reading or writing memory.
    pub(super) memory: f64,
    pub(super) encoder: f64,
    pub(super) decoder: f64,
}

/// What the processes of a device did last, as the driver saw it.
#[derive(Debug, Default)]
pub(super) struct Doings {
    /// The newest look of the driver that was heard of, in its own microseconds since 1970.
    newest_us: u64,
    /// By number, with the rounds since; None where the device cannot say, as a divided one.
    seen: Option<HashMap<u32, (Shares, u8)>>,
}

/// Rounds after which a process that the driver did not see again did nothing. It looks about as often as it is asked, so
/// that one round may fall between two looks.
const ROUNDS: u8 = 2;

/// How far the driver's clock may be ahead of ours; what is further is no time.
const AHEAD_US: u64 = 60_000_000;

impl Doings {
    /// Asks what the processes did since the last time.
    ///
    /// The wrapper makes room for as many as the library says, and nobody can look at that number first. So this is asked
    /// of a device only that has just told how many processes there are, and told no nonsense.
    pub(super) fn ask(&mut self, device: &NvmlDevice<'_>, running: &[ProcessInfo], now_ns: u64, asked: &mut Asked<'_>) {
        let samples = match device.process_utilization_stats(self.newest_us) {
            // The driver has seen nobody do anything since; or somebody began between two calls.
            Err(NvmlError::NotFound | NvmlError::InsufficientSize(_)) => Some(Vec::new()),
            answer => asked.take(answer),
        };
        match samples {
            Some(mut samples) => {
                // Drivers fill places that they have nobody for with whatever was there.
                samples.retain(|sample| running.iter().any(|process| process.pid == sample.pid));
                self.hear(&samples, now_ns / 1_000, asked);
            }
            None => self.seen = None,
        }
    }

    /// What a process did; nothing where the device cannot say.
    pub(super) fn of(&self, pid: u32) -> Option<Shares> {
        let seen = self.seen.as_ref()?;
        // The driver leaves out those that did nothing.
        Some(seen.get(&pid).map_or_else(Shares::default, |(shares, _)| *shares))
    }

    fn hear(&mut self, samples: &[ProcessUtilizationSample], now_us: u64, asked: &mut Asked<'_>) {
        let seen = self.seen.get_or_insert_default();
        for (_, rounds) in seen.values_mut() {
            *rounds = rounds.saturating_add(1);
        }
        // A clock that was set back: what comes now is newer than what was.
        if self.newest_us > now_us.saturating_add(AHEAD_US) {
            self.newest_us = 0;
        }
        let mut times: HashMap<u32, u64> = HashMap::new();
        for sample in samples {
            let Some(shares) = asked.take(shares(sample, now_us)) else {
                continue;
            };
            self.newest_us = self.newest_us.max(sample.timestamp);
            let time = times.entry(sample.pid).or_default();
            if *time <= sample.timestamp {
                *time = sample.timestamp;
                seen.insert(sample.pid, (shares, 0));
            }
        }
        seen.retain(|_, (_, rounds)| *rounds < ROUNDS);
    }
}

fn shares(sample: &ProcessUtilizationSample, now_us: u64) -> Result<Shares, Nothing> {
    if sample.timestamp > now_us.saturating_add(AHEAD_US) {
        return Err(Nothing::Garbage);
    }
    let share = |percent: u32| {
        at_most(percent, most::PERCENT)?;
        Ok::<f64, Nothing>(f64::from(percent) / 100.0)
    };
    Ok(Shares {
        sm: share(sample.sm_util)?,
        memory: share(sample.mem_util)?,
        encoder: share(sample.enc_util)?,
        decoder: share(sample.dec_util)?,
    })
}

/// The processes that compute on a device; none where the library says nonsense.
pub(super) fn running(device: &NvmlDevice<'_>, asked: &mut Asked<'_>) -> Vec<ProcessInfo> {
    let count = asked.take(device.running_compute_processes_count());
    // The wrapper makes room for as many as the library says, so that number is looked at first.
    let count = count.and_then(|count| asked.take(at_most(count, u64::from(most::PROCESSES))));
    if count.unwrap_or_default() == 0 {
        return Vec::new();
    }
    asked.take(device.running_compute_processes()).unwrap_or_default()
}

/// Device memory that a process holds, where the driver tells.
pub(super) fn memory(process: &ProcessInfo, asked: &mut Asked<'_>) -> Option<u64> {
    match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => asked.take(at_most(bytes, most::BYTES)),
        UsedGpuMemory::Unavailable => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{AHEAD_US, Asked, Doings, ProcessUtilizationSample, Shares};

    const NOW: u64 = 1_795_000_000_000_000;

    fn sample(pid: u32, timestamp: u64, sm_util: u32) -> ProcessUtilizationSample {
        ProcessUtilizationSample {
            pid,
            timestamp,
            sm_util,
            mem_util: 0,
            enc_util: 0,
            dec_util: 0,
        }
    }

    fn hear(doings: &mut Doings, samples: &[ProcessUtilizationSample], now_us: u64) -> usize {
        let failures = std::cell::Cell::new(0);
        let failed = |_| failures.set(failures.get() + 1);
        let mut asked = Asked {
            failed: &failed,
            worst: None,
        };
        doings.hear(samples, now_us, &mut asked);
        failures.get()
    }

    fn sm(doings: &Doings, pid: u32) -> Option<f64> {
        doings.of(pid).map(|shares| shares.sm)
    }

    #[test]
    fn the_newest_look_counts_and_a_process_that_is_not_seen_twice_did_nothing() {
        let mut doings = Doings::default();
        assert_eq!(doings.of(1), None, "nobody has said anything");

        hear(&mut doings, &[sample(1, NOW, 30), sample(1, NOW - 5, 90)], NOW);
        assert_eq!((sm(&doings, 1), doings.of(2)), (Some(0.3), Some(Shares::default())));

        hear(&mut doings, &[sample(2, NOW + 5, 50)], NOW + 5);
        assert_eq!((sm(&doings, 1), sm(&doings, 2)), (Some(0.3), Some(0.5)));

        hear(&mut doings, &[], NOW + 10);
        assert_eq!((sm(&doings, 1), sm(&doings, 2)), (Some(0.0), Some(0.5)));
    }

    #[test]
    fn shares_and_times_that_cannot_be_are_counted_and_forgotten() {
        let mut doings = Doings::default();

        let garbage = [
            sample(1, NOW, 101),
            sample(1, NOW + 2 * AHEAD_US, 50),
            sample(1, u64::MAX, 50),
        ];

        assert_eq!(hear(&mut doings, &garbage, NOW), 3);
        assert_eq!((doings.newest_us, sm(&doings, 1)), (0, Some(0.0)));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_end_it() {
        let mut doings = Doings::default();
        hear(&mut doings, &[sample(1, NOW, 30)], NOW);

        let before = NOW - 10 * AHEAD_US;
        hear(&mut doings, &[], before);
        assert_eq!(doings.newest_us, 0, "the next look is asked for from the beginning");
    }
}
