//! NVIDIA's dcgm-exporter, from its lists of counters. The units are in the help texts only.

use super::super::metrics as m;
use super::super::profile::{Parts, Profile, Row, row};

/// dcgm-exporter.
pub static DCGM: Profile = Profile {
    name: "dcgm",
    prefixes: &["DCGM_FI_"],
    rows: ROWS,
    without_role: WITHOUT_ROLE,
    labels: &[
        ("UUID", "hw.id"),
        ("gpu_uuid", "hw.id"),
        ("gpu", "inferscope.gpu.index"),
        ("modelName", "inferscope.gpu.model"),
        ("model_name", "inferscope.gpu.model"),
        ("Hostname", "host.name"),
        ("hostname", "host.name"),
        ("pod", "k8s.pod.name"),
        ("namespace", "k8s.namespace.name"),
        ("container", "k8s.container.name"),
        ("pod_uid", "k8s.pod.uid"),
        ("pci_bus_id", "inferscope.gpu.pci.bus_id"),
        ("device", "inferscope.gpu.device"),
        ("DCGM_FI_DRIVER_VERSION", "inferscope.gpu.driver.version"),
        ("GPU_I_PROFILE", "inferscope.gpu.mig.profile"),
        ("GPU_I_ID", "inferscope.gpu.mig.id"),
    ],
    parts: Some(&Parts {
        label: "GPU_I_ID",
        own: OF_INSTANCE,
        of_part: &[
            "GPU_I_ID",
            "GPU_I_PROFILE",
            "pod",
            "namespace",
            "container",
            "pod_uid",
            "vgpu",
        ],
    }),
    guests: &[],
};

/// What the exporter tells of each GPU instance as its own (entity level `GPU_I` and `GPU_CI` in DCGM's table of fields).
/// Everything else is the GPU's, and stands on the page again with each of its instances.
pub(crate) const OF_INSTANCE: &[&str] = &[
    "DEV_FB_USED",
    "DEV_FB_FREE",
    "DEV_FB_RESERVED",
    "DEV_FB_TOTAL",
    "DEV_FB_USED_PERCENT",
    "DEV_XID_ERRORS",
    "PROF_GR_ENGINE_ACTIVE",
    "PROF_SM_ACTIVE",
    "PROF_SM_OCCUPANCY",
    "PROF_PIPE_TENSOR_ACTIVE",
    "PROF_DRAM_ACTIVE",
];

const GPU: &[(&str, &str)] = &[("hw.type", "gpu")];
/// A sensor is a piece of hardware of its own; the GPU is what it belongs to.
const SENSOR_OF: &[(&str, &str)] = &[("UUID", "hw.parent"), ("gpu_uuid", "hw.parent")];
const MEBIBYTE: f64 = 1_048_576.0;

const ROWS: &[Row] = &[
    row(&m::GPU_CLOCK, &["DEV_SM_CLOCK"])
        .times(1e6)
        .adding(&[("type", "sm")]),
    row(&m::GPU_CLOCK, &["DEV_MEM_CLOCK"])
        .times(1e6)
        .adding(&[("type", "memory")]),
    row(&m::GPU_TEMPERATURE, &["DEV_GPU_TEMP"])
        .renaming(SENSOR_OF)
        .adding(&[("hw.type", "temperature"), ("hw.sensor_location", "gpu")]),
    row(&m::GPU_TEMPERATURE, &["DEV_MEMORY_TEMP"])
        .renaming(SENSOR_OF)
        .adding(&[("hw.type", "temperature"), ("hw.sensor_location", "memory")]),
    row(&m::GPU_POWER, &["DEV_POWER_USAGE"]).adding(GPU),
    row(&m::GPU_POWER_INSTANT, &["DEV_POWER_USAGE_INSTANT"]),
    row(&m::GPU_ENERGY, &["DEV_TOTAL_ENERGY_CONSUMPTION"])
        .per(1e3)
        .adding(GPU),
    row(&m::GPU_ERRORS, &["DEV_PCIE_REPLAY_COUNTER"]).adding(&[("hw.type", "gpu"), ("error.type", "pcie_replay")]),
    row(&m::GPU_ERRORS, &["DEV_UNCORRECTABLE_REMAPPED_ROWS"])
        .adding(&[("hw.type", "gpu"), ("error.type", "uncorrectable_remapped_rows")]),
    row(&m::GPU_ERRORS, &["DEV_CORRECTABLE_REMAPPED_ROWS"])
        .adding(&[("hw.type", "gpu"), ("error.type", "correctable_remapped_rows")]),
    row(&m::GPU_ERRORS, &["DEV_ECC_SBE_VOL_TOTAL"]).adding(&[("hw.type", "gpu"), ("error.type", "corrected")]),
    row(&m::GPU_ERRORS, &["DEV_ECC_DBE_VOL_TOTAL"]).adding(&[("hw.type", "gpu"), ("error.type", "uncorrected")]),
    row(&m::GPU_STATUS, &["DEV_ROW_REMAP_FAILURE"]).adding(&[("hw.type", "gpu"), ("hw.state", "failed")]),
    row(&m::GPU_UTILIZATION, &["DEV_GPU_UTIL"])
        .per(100.0)
        .adding(&[("hw.gpu.task", "general")]),
    row(&m::GPU_UTILIZATION, &["DEV_ENC_UTIL"])
        .per(100.0)
        .adding(&[("hw.gpu.task", "encoder")]),
    row(&m::GPU_UTILIZATION, &["DEV_DEC_UTIL"])
        .per(100.0)
        .adding(&[("hw.gpu.task", "decoder")]),
    row(&m::GPU_MEMORY_BUSY, &["DEV_MEM_COPY_UTIL"]).per(100.0),
    row(&m::GPU_MEMORY_USAGE, &["DEV_FB_USED"]).times(MEBIBYTE),
    row(&m::GPU_MEMORY_LIMIT, &["DEV_FB_TOTAL"]).times(MEBIBYTE),
    // From 0 to 1 in spite of its name.
    row(&m::GPU_MEMORY_UTILIZATION, &["DEV_FB_USED_PERCENT"]),
    row(&m::GPU_THROTTLE_TIME, &["DEV_POWER_VIOLATION"])
        .per(1e9)
        .adding(&[("inferscope.reason", "power")]),
    row(&m::GPU_THROTTLE_TIME, &["DEV_THERMAL_VIOLATION"])
        .per(1e9)
        .adding(&[("inferscope.reason", "thermal")]),
    row(&m::GPU_GRAPHICS_ACTIVE, &["PROF_GR_ENGINE_ACTIVE"]),
    row(&m::GPU_SM_ACTIVE, &["PROF_SM_ACTIVE"]),
    row(&m::GPU_SM_OCCUPANCY, &["PROF_SM_OCCUPANCY"]),
    row(&m::GPU_TENSOR_ACTIVE, &["PROF_PIPE_TENSOR_ACTIVE"]),
    row(&m::GPU_DRAM_ACTIVE, &["PROF_DRAM_ACTIVE"]),
    row(&m::GPU_PCIE_THROUGHPUT, &["PROF_PCIE_TX_BYTES"]).adding(&[("network.io.direction", "transmit")]),
    row(&m::GPU_PCIE_THROUGHPUT, &["PROF_PCIE_RX_BYTES"]).adding(&[("network.io.direction", "receive")]),
    row(&m::GPU_NVLINK_THROUGHPUT, &["PROF_NVLINK_TX_BYTES"]).adding(&[("network.io.direction", "transmit")]),
    row(&m::GPU_NVLINK_THROUGHPUT, &["PROF_NVLINK_RX_BYTES"]).adding(&[("network.io.direction", "receive")]),
    row(&m::GPU_ERRORS, &["DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"])
        .adding(&[("hw.type", "gpu"), ("error.type", "nvlink_crc_flit")]),
    row(&m::GPU_ERRORS, &["DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL"])
        .adding(&[("hw.type", "gpu"), ("error.type", "nvlink_crc_data")]),
    row(&m::GPU_ERRORS, &["DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL"])
        .adding(&[("hw.type", "gpu"), ("error.type", "nvlink_replay")]),
    row(&m::GPU_ERRORS, &["DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL"])
        .adding(&[("hw.type", "gpu"), ("error.type", "nvlink_recovery")]),
];

const WITHOUT_ROLE: &[(&str, &str)] = &[
    (
        "DEV_XID_ERRORS",
        "the number of the last error, not how many there were",
    ),
    (
        "DEV_ECC_SBE_AGG_TOTAL",
        "the volatile counter again, over the life of the board",
    ),
    (
        "DEV_ECC_DBE_AGG_TOTAL",
        "the volatile counter again, over the life of the board",
    ),
    ("DEV_FB_FREE", "what is left of the memory"),
    ("DEV_FB_RESERVED", "memory that nobody can have"),
    ("DEV_RETIRED_*", "pages of memory that are out of use"),
    (
        "DEV_NVLINK_BANDWIDTH_TOTAL",
        "called a counter and is a rate, in units of 1024000 bytes",
    ),
    ("DEV_NVLINK_*", "of one link, or its unit differs between chips"),
    ("DEV_PCIE_TX_THROUGHPUT", "called a counter and is a rate over 20 ms"),
    ("DEV_PCIE_RX_THROUGHPUT", "called a counter and is a rate over 20 ms"),
    ("PROF_PCIE_TX_BYTES", "a counter in older versions"),
    ("PROF_PCIE_RX_BYTES", "a counter in older versions"),
    ("PROF_PIPE_FP*", "parts of what keeps a multiprocessor active"),
    ("PROF_NVLINK_TX_BYTES", "a counter in older versions"),
    ("PROF_NVLINK_RX_BYTES", "a counter in older versions"),
    ("PROF_NVLINK_*", "of one link"),
    ("DEV_CLOCK_THROTTLE_REASONS", "a set of bits"),
    ("DEV_CLOCKS_EVENT_REASONS", "a set of bits"),
    ("DEV_VGPU_LICENSE_STATUS", "a license"),
    ("DCGM_EXP_*", "made by the exporter from other metrics"),
];
