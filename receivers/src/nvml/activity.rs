//! What Hopper and its successors count between two samples (GPM): of a GPU, or of a part of one.

use nvml_wrapper::Device as NvmlDevice;
use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::{GpmSample, Nvml};

use super::device::{Asked, MEBIBYTE};
use super::reading::Snapshot;
use super::sane::{Nothing, most};

/// What a device counted between the last two samples.
pub(super) struct Activity<'nvml> {
    /// Whether the device counts at all.
    is_there: bool,
    before: Option<GpmSample<'nvml>>,
    values: [Option<f64>; ALL.len()],
}

/// Under dcgm-exporter's names, with the way to its unit.
const ALL: [(GpmMetricId, &str, f64); 9] = [
    (GpmMetricId::GraphicsUtil, "PROF_GR_ENGINE_ACTIVE", 0.01),
    (GpmMetricId::SmUtil, "PROF_SM_ACTIVE", 0.01),
    (GpmMetricId::SmOccupancy, "PROF_SM_OCCUPANCY", 0.01),
    (GpmMetricId::AnyTensorUtil, "PROF_PIPE_TENSOR_ACTIVE", 0.01),
    (GpmMetricId::DramBwUtil, "PROF_DRAM_ACTIVE", 0.01),
    (GpmMetricId::PcieTxPerSec, "PROF_PCIE_TX_BYTES", MEBIBYTE),
    (GpmMetricId::PcieRxPerSec, "PROF_PCIE_RX_BYTES", MEBIBYTE),
    (GpmMetricId::NvlinkTotalTxPerSec, LINKS_SENT, MEBIBYTE),
    (GpmMetricId::NvlinkTotalRxPerSec, LINKS_RECEIVED, MEBIBYTE),
];

const LINKS_SENT: &str = "PROF_NVLINK_TX_BYTES";
const LINKS_RECEIVED: &str = "PROF_NVLINK_RX_BYTES";

/// DCGM divides KiB by 1000 and says MB.
const DCGM_MEGABYTE: f64 = 1_024_000.0;

impl<'nvml> Activity<'nvml> {
    /// Of a GPU, or of the one that a part belongs to.
    pub(super) fn new(gpu: Option<&NvmlDevice<'nvml>>) -> Self {
        Self {
            is_there: gpu.is_some_and(|gpu| gpu.gpm_support().unwrap_or(false)),
            before: None,
            values: [None; ALL.len()],
        }
    }

    /// Asks a GPU, or its GPU instance of this number.
    pub(super) fn ask(
        &mut self,
        nvml: &'nvml Nvml,
        gpu: &NvmlDevice<'nvml>,
        instance: Option<u32>,
        asked: &mut Asked<'_>,
    ) {
        if !self.is_there {
            return;
        }
        self.values = [None; ALL.len()];
        let sample = match instance {
            Some(number) => gpu.gpm_mig_sample(number),
            None => gpu.gpm_sample(),
        };
        let Some(now) = asked.take(sample) else {
            self.before = None;
            return;
        };
        if let Some(before) = &self.before {
            let ids = ALL.map(|(id, ..)| id);
            let found = asked.take(nvml_wrapper::gpm::gpm_metrics_get(nvml, before, &now, &ids));
            let found = found.unwrap_or_default().into_iter();
            for ((place, result), (_, _, scale)) in self.values.iter_mut().zip(found).zip(ALL) {
                let value = asked.take(result).map(|result| result.value);
                *place = value.and_then(|value| asked.take(scaled(value, scale)));
            }
        }
        self.before = Some(now);
    }

    /// The device is gone.
    pub(super) fn forget(&mut self) {
        self.before = None;
        self.values = [None; ALL.len()];
    }

    /// Adds what was counted; that of links where there are some.
    pub(super) fn tell(&self, has_links: bool, told: &mut Snapshot) {
        for (value, (_, family, _)) in self.values.iter().zip(ALL) {
            let is_of_links = [LINKS_SENT, LINKS_RECEIVED].contains(&family);
            if !is_of_links || has_links {
                told.gauge(family, *value);
            }
        }
        let [.., sent, received] = self.values;
        let both = sent.zip(received).filter(|_| has_links);
        // Where DCGM says total it means both ways and all links: it is a rate.
        let total = both.map(|(sent, received)| ((sent + received) / DCGM_MEGABYTE).floor());
        told.gauge("DEV_NVLINK_BANDWIDTH_TOTAL", total);
    }
}

/// A share from 0 to 1 of percents, or bytes of mebibytes.
fn scaled(value: f64, scale: f64) -> Result<f64, Nothing> {
    let most = if scale < 1.0 { 1.0 } else { most::BYTES_PER_S };
    let value = value * scale;
    if value >= 0.0 && value <= most {
        Ok(value)
    } else {
        Err(Nothing::Garbage)
    }
}

#[cfg(test)]
mod tests {
    use super::{MEBIBYTE, Nothing, scaled};

    #[test]
    fn what_cannot_be_is_no_measurement() {
        assert_eq!(scaled(25.0, 0.01), Ok(0.25));
        assert_eq!(scaled(2.0, MEBIBYTE), Ok(2_097_152.0));
        for value in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(scaled(value, 0.01), Err(Nothing::Garbage), "{value}");
            assert_eq!(scaled(value, MEBIBYTE), Err(Nothing::Garbage), "{value}");
        }
        assert_eq!(scaled(101.0, 0.01), Err(Nothing::Garbage));
    }
}
