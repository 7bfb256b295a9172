//! GPUs, in the names of OpenTelemetry's hardware conventions where there are some.

use super::super::profile::Metric;
use super::{counter, gauge};

pub(crate) const GPU_CLOCK: Metric = gauge("inferscope.gpu.clock", "Hz", "clock", "Frequency of a clock.");
pub(crate) const GPU_TEMPERATURE: Metric = gauge("hw.temperature", "Cel", "temperature", "Temperature at a sensor.");
pub(crate) const GPU_POWER: Metric = gauge("hw.power", "W", "power", "Power drawn, averaged as the device does.");
pub(crate) const GPU_POWER_INSTANT: Metric = gauge("inferscope.gpu.power.instant", "W", "power", "Power drawn now.");
pub(crate) const GPU_POWER_LIMIT: Metric = gauge(
    "inferscope.gpu.power.limit",
    "W",
    "power",
    "Most power that the device draws.",
);
pub(crate) const GPU_ENERGY: Metric = counter("hw.energy", "J", "energy", "Energy used.");
pub(crate) const GPU_ERRORS: Metric = counter("hw.errors", "{error}", "errors", "Errors, by type.");
pub(crate) const GPU_STATUS: Metric = gauge("hw.status", "1", "status", "Whether the device is in a state.");
pub(crate) const GPU_UTILIZATION: Metric = gauge(
    "hw.gpu.utilization",
    "1",
    "GPU utilization",
    "Share of time in which something ran, from 0 to 1.",
);
pub(crate) const GPU_MEMORY_BUSY: Metric = gauge(
    "inferscope.gpu.memory.bandwidth.busy",
    "1",
    "memory busy",
    "Share of time in which memory was read or written, from 0 to 1.",
);
pub(crate) const GPU_MEMORY_USAGE: Metric = gauge("hw.gpu.memory.usage", "By", "memory used", "Memory in use.");
pub(crate) const GPU_MEMORY_LIMIT: Metric = gauge("hw.gpu.memory.limit", "By", "memory", "Memory of the device.");
pub(crate) const GPU_MEMORY_UTILIZATION: Metric = gauge(
    "hw.gpu.memory.utilization",
    "1",
    "memory used",
    "Share of memory in use, from 0 to 1.",
);
pub(crate) const GPU_THROTTLE_TIME: Metric = counter(
    "inferscope.gpu.throttle.time",
    "s",
    "throttling",
    "Time at a lower clock, by reason.",
);
pub(crate) const GPU_GRAPHICS_ACTIVE: Metric = gauge(
    "inferscope.gpu.graphics.active",
    "1",
    "engine activity",
    "Share of time in which a graphics or compute engine was active.",
);
pub(crate) const GPU_SM_ACTIVE: Metric = gauge(
    "inferscope.gpu.sm.active",
    "1",
    "engine activity",
    "Share of cycles in which a multiprocessor had a warp, averaged over all.",
);
pub(crate) const GPU_SM_OCCUPANCY: Metric = gauge(
    "inferscope.gpu.sm.occupancy",
    "1",
    "engine activity",
    "Share of the warps that multiprocessors have room for.",
);
pub(crate) const GPU_TENSOR_ACTIVE: Metric = gauge(
    "inferscope.gpu.tensor.active",
    "1",
    "engine activity",
    "Share of cycles in which tensor cores were active.",
);
pub(crate) const GPU_DRAM_ACTIVE: Metric = gauge(
    "inferscope.gpu.dram.active",
    "1",
    "engine activity",
    "Share of cycles in which memory sent or received.",
);
pub(crate) const GPU_PCIE_THROUGHPUT: Metric = gauge(
    "inferscope.gpu.pcie.throughput",
    "By/s",
    "PCIe",
    "Bytes per second over PCIe, headers included.",
);
pub(crate) const GPU_NVLINK_THROUGHPUT: Metric = gauge(
    "inferscope.gpu.nvlink.throughput",
    "By/s",
    "NVLink",
    "Bytes per second over all links to other GPUs.",
);

pub(super) const ALL: &[Metric] = &[
    GPU_CLOCK,
    GPU_TEMPERATURE,
    GPU_POWER,
    GPU_POWER_INSTANT,
    GPU_POWER_LIMIT,
    GPU_ENERGY,
    GPU_ERRORS,
    GPU_STATUS,
    GPU_UTILIZATION,
    GPU_MEMORY_BUSY,
    GPU_MEMORY_USAGE,
    GPU_MEMORY_LIMIT,
    GPU_MEMORY_UTILIZATION,
    GPU_THROTTLE_TIME,
    GPU_GRAPHICS_ACTIVE,
    GPU_SM_ACTIVE,
    GPU_SM_OCCUPANCY,
    GPU_TENSOR_ACTIVE,
    GPU_DRAM_ACTIVE,
    GPU_PCIE_THROUGHPUT,
    GPU_NVLINK_THROUGHPUT,
];
