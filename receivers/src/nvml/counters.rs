//! Values that are asked for by the number of a field, many in one call.

use nvml_wrapper::Device as NvmlDevice;
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id as f;

use super::device::Asked;
use super::metrics as m;
use super::reading::Snapshot;
use super::sane::{Nothing, at_most, most};

/// What a device counts and seldom changes.
#[derive(Default)]
pub(super) struct Counters {
    values: [Option<u64>; ALL.len()],
    /// Bytes over PCIe, sent and received, and when that was.
    pcie: Option<([u64; 2], u64)>,
    /// Bytes a second over PCIe between the last two times.
    pcie_rates: [Option<f64>; 2],
}

const ALL: [FieldId; 14] = [
    FieldId(f::NVML_FI_DEV_MEMORY_TEMP),
    FieldId(f::NVML_FI_DEV_PCIE_REPLAY_COUNTER),
    FieldId(f::NVML_FI_DEV_REMAPPED_COR),
    FieldId(f::NVML_FI_DEV_REMAPPED_UNC),
    FieldId(f::NVML_FI_DEV_REMAPPED_FAILURE),
    FieldId(f::NVML_FI_DEV_ECC_SBE_AGG_TOTAL),
    FieldId(f::NVML_FI_DEV_ECC_DBE_AGG_TOTAL),
    FieldId(f::NVML_FI_DEV_PCIE_COUNT_TX_BYTES),
    FieldId(f::NVML_FI_DEV_PCIE_COUNT_RX_BYTES),
    FieldId(f::NVML_FI_DEV_NVLINK_LINK_COUNT),
    FieldId(f::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL),
    FieldId(f::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL),
    FieldId(f::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL),
    FieldId(f::NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL),
];

impl Counters {
    /// Asks for all of them; `clock` gives nanoseconds since 1970.
    pub(super) fn ask(&mut self, device: &NvmlDevice<'_>, clock: &dyn Fn() -> u64, asked: &mut Asked<'_>) {
        self.values = values(device, &ALL, asked);
        self.values[0] = asked.filtered(self.values[0], most::CELSIUS);
        self.values[9] = asked.filtered(self.values[9], most::LINKS);
        let now = match self.values {
            [_, _, _, _, _, _, _, Some(sent), Some(received), ..] => Some(([sent, received], clock())),
            _ => None,
        };
        self.pcie_rates = match (self.pcie, now) {
            (Some(before), Some(now)) => rates(before, now),
            _ => [None; 2],
        };
        self.pcie = now;
    }

    /// Whether there are links to other GPUs. A device without any counts nothing on them, and says 0 for some of it.
    pub(super) fn has_links(&self) -> bool {
        self.values[9].is_some_and(|links| links > 0)
    }

    /// Adds what was heard.
    #[allow(clippy::cast_precision_loss)] // Counters stay below 2^53 for years.
    pub(super) fn tell(&self, told: &mut Snapshot) {
        let values = self.values.map(|value| value.map(|value| value as f64));
        let [
            memory_temperature,
            replays,
            corrected,
            uncorrected,
            failed,
            of_life @ ..,
        ] = values;
        let [
            corrected_of_life,
            uncorrected_of_life,
            sent,
            received,
            _,
            link_errors @ ..,
        ] = of_life;
        told.gauge("DEV_MEMORY_TEMP", memory_temperature);
        told.counter("DEV_PCIE_REPLAY_COUNTER", replays);
        told.counter("DEV_CORRECTABLE_REMAPPED_ROWS", corrected);
        told.counter("DEV_UNCORRECTABLE_REMAPPED_ROWS", uncorrected);
        told.gauge("DEV_ROW_REMAP_FAILURE", failed);
        told.counter("DEV_ECC_SBE_AGG_TOTAL", corrected_of_life);
        told.counter("DEV_ECC_DBE_AGG_TOTAL", uncorrected_of_life);
        let [send_rate, receive_rate] = self.pcie_rates.map(|rate| rate.map(|rate| (rate / 1e3).round()));
        told.gauge("DEV_PCIE_TX_THROUGHPUT", send_rate);
        told.gauge("DEV_PCIE_RX_THROUGHPUT", receive_rate);
        let direction = |direction| Some(("network.io.direction", direction));
        told.own(&m::GPU_IO, direction("transmit"), sent);
        told.own(&m::GPU_IO, direction("receive"), received);
        if self.has_links() {
            let [broken_digits, broken_data, replays, recoveries] = link_errors;
            told.counter("DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", broken_digits);
            told.counter("DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", broken_data);
            told.counter("DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", replays);
            told.counter("DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", recoveries);
        }
    }
}

/// Bytes a second between two times. A counter that has begun anew, or a clock that was set back, says nothing.
#[allow(clippy::cast_precision_loss)] // A quotient.
fn rates((before, since): ([u64; 2], u64), (now, time): ([u64; 2], u64)) -> [Option<f64>; 2] {
    let seconds = time.checked_sub(since).filter(|it| *it > 0).map(|ns| ns as f64 / 1e9);
    let rate = |before: u64, now: u64| {
        let rate = now.checked_sub(before)? as f64 / seconds?;
        Some(rate).filter(|rate| *rate <= most::BYTES_PER_S)
    };
    let ([sent_before, received_before], [sent, received]) = (before, now);
    [rate(sent_before, sent), rate(received_before, received)]
}

/// Values of fields, in one call; each that the device does not have is None.
pub(super) fn values<const N: usize>(
    device: &NvmlDevice<'_>,
    ids: &[FieldId; N],
    asked: &mut Asked<'_>,
) -> [Option<u64>; N] {
    let mut values = [None; N];
    let Some(answers) = asked.take(device.field_values_for(ids)) else {
        return values;
    };
    for (place, answer) in values.iter_mut().zip(answers) {
        let value = answer.and_then(|answer| answer.value);
        *place = asked.take(value).and_then(|value| {
            let whole = match value {
                SampleValue::U32(value) => Ok(u64::from(value)),
                SampleValue::U64(value) => at_most(value, most::COUNT),
                SampleValue::I64(value) => u64::try_from(value).map_err(|_| Nothing::Garbage),
                SampleValue::F64(_) => Err(Nothing::Garbage),
            };
            asked.take(whole)
        });
    }
    values
}

#[cfg(test)]
mod tests {
    use super::rates;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_rate_is_between_two_times_and_none_where_a_counter_or_the_clock_went_back() {
        assert_eq!(rates(([10, 20], S), ([30, 20], 3 * S)), [Some(10.0), Some(0.0)]);
        assert_eq!(rates(([10, 20], S), ([9, 22], 3 * S)), [None, Some(1.0)]);
        assert_eq!(rates(([10, 20], S), ([30, 20], S)), [None, None]);
        assert_eq!(rates(([0, 0], S), ([u64::MAX / 4, 1], 2 * S)), [None, Some(1.0)]);
    }
}
