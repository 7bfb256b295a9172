//! From a limit on the process's memory to bytes that batches may hold.

use super::Config;

const MIB: u64 = 1024 * 1024;

/// Without a spike limit, requests are refused a fifth below the limit, as in the Collector.
const SPIKE_PARTS: u64 = 5;

/// How often the bytes of a batch are in memory at the same time, at worst.
///
/// A batch that waits is there once. While it is received it is there as transport buffers and as body; while stages
/// change it or `batch` merges it, as it was and as it will be; while it is exported, as payload and as what goes into
/// the socket. Never more than two of these at once, and what a stage adds is charged to the batch, so counting every
/// byte twice covers all of them, however the batches are spread over those states.
pub const COPIES_MAX: u64 = 2;

/// What a limit comes to, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// The most that the process may take.
    pub(super) limit: u64,
    /// Where refusing begins.
    pub(super) soft: u64,
    /// What batches may hold: the process's budget.
    pub(super) batches: u64,
}

impl Allowance {
    /// What `config` allows; `total` tells how much memory the process could have and is asked only for percentages.
    pub(super) fn of<E>(config: &Config, total: impl FnOnce() -> Result<u64, E>) -> Result<Self, E> {
        let (limit, spike) = if config.limit_mib > 0 {
            (
                u64::from(config.limit_mib) * MIB,
                u64::from(config.spike_limit_mib) * MIB,
            )
        } else {
            let total = total()?;
            (
                percent(total, config.limit_percentage),
                percent(total, config.spike_limit_percentage),
            )
        };
        let spike = if spike == 0 { limit / SPIKE_PARTS } else { spike };
        let soft = limit.saturating_sub(spike);
        Ok(Self {
            limit,
            soft,
            batches: soft / COPIES_MAX,
        })
    }
}

fn percent(total: u64, percentage: u32) -> u64 {
    // Dividing first loses less than 100 bytes and cannot overflow.
    total / 100 * u64::from(percentage)
}
