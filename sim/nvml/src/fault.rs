//! What goes wrong, when and where.

use config::Duration;
use nvml_wrapper_sys::bindings as c;
use serde::Deserialize;

/// Something goes wrong with some calls for some time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// The function, whole or up to a `*`.
    pub call: String,
    /// Only with this GPU, by index; MIG instances count as their GPU.
    pub gpu: Option<u32>,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub to: Option<Duration>,
    /// What happens.
    pub what: What,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            call: "*".to_owned(),
            gpu: None,
            from: Duration::ZERO,
            to: None,
            what: What::Unknown,
        }
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The device has fallen off the bus.
    GpuIsLost,
    /// The device cannot do this.
    NotSupported,
    /// The library does not have this function, as far as the program can tell.
    FunctionNotFound,
    /// There is no driver.
    DriverNotLoaded,
    /// The driver is another one than the library was made for.
    VersionMismatch,
    /// The library must be initialized first.
    Uninitialized,
    /// May not.
    NoPermission,
    /// The device waits for a reset.
    ResetRequired,
    /// Anything else.
    Unknown,
    /// The call does not return until the fault ends.
    Hang,
    /// The call returns what cannot be.
    Garbage,
}

impl What {
    /// The code that the call returns; None where it returns as if all were well.
    pub(crate) fn code(self) -> Option<c::nvmlReturn_t> {
        Some(match self {
            Self::GpuIsLost => c::nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST,
            Self::NotSupported => c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED,
            Self::FunctionNotFound => c::nvmlReturn_enum_NVML_ERROR_FUNCTION_NOT_FOUND,
            Self::DriverNotLoaded => c::nvmlReturn_enum_NVML_ERROR_DRIVER_NOT_LOADED,
            Self::VersionMismatch => c::nvmlReturn_enum_NVML_ERROR_LIB_RM_VERSION_MISMATCH,
            Self::Uninitialized => c::nvmlReturn_enum_NVML_ERROR_UNINITIALIZED,
            Self::NoPermission => c::nvmlReturn_enum_NVML_ERROR_NO_PERMISSION,
            Self::ResetRequired => c::nvmlReturn_enum_NVML_ERROR_RESET_REQUIRED,
            Self::Unknown => c::nvmlReturn_enum_NVML_ERROR_UNKNOWN,
            Self::Hang | Self::Garbage => return None,
        })
    }
}

impl Fault {
    /// Whether it concerns a call with this GPU at this time, in seconds.
    pub(crate) fn concerns(&self, call: &str, gpu: Option<usize>, time: f64) -> bool {
        let is_named = match self.call.strip_suffix('*') {
            Some(front) => call.starts_with(front),
            None => call == self.call,
        };
        let is_device = self.gpu.is_none_or(|wanted| gpu == Some(wanted as usize));
        let is_over = self.to.is_some_and(|to| time >= to.as_secs_f64());
        is_named && is_device && time >= self.from.as_secs_f64() && !is_over
    }
}
