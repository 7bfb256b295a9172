//! What only NVIDIA's library tells. No engine has these, so they stand in none of the tables.

use crate::engines::profile::{Kind, Metric};

const fn gauge(name: &'static str, unit: &'static str, role: &'static str, description: &'static str) -> Metric {
    Metric {
        name,
        unit,
        kind: Kind::Gauge,
        role,
        description,
    }
}

/// Without a unit, as Prometheus' own `up`.
pub(super) const GPU_UP: Metric = gauge("inferscope.gpu.up", "", "up", "Whether the device answers.");
pub(super) const LIBRARY_UP: Metric = gauge(
    "inferscope.gpu.library.up",
    "",
    "up",
    "Whether the library of the GPUs answers.",
);
pub(super) const GPU_IO: Metric = Metric {
    name: "hw.gpu.io",
    unit: "By",
    kind: Kind::Counter,
    role: "PCIe",
    description: "Bytes over PCIe, by direction.",
};
pub(super) const PROCESS_UTILIZATION: Metric = gauge(
    "inferscope.gpu.process.utilization",
    "1",
    "process",
    "Share of the device's time that a process had, from 0 to 1.",
);
pub(super) const PROCESS_MEMORY_BUSY: Metric = gauge(
    "inferscope.gpu.process.memory.bandwidth.busy",
    "1",
    "process",
    "Share of time in which a process read or wrote device memory, from 0 to 1.",
);
pub(super) const PROCESS_MEMORY_USAGE: Metric = gauge(
    "inferscope.gpu.process.memory.usage",
    "By",
    "process",
    "Device memory that a process holds.",
);
