//! What an answer of the library is worth. Devices that are about to fail, and drivers that are, answer with all bits set.

use nvml_wrapper::error::NvmlError;

/// Most that a value can be; what is above is no measurement.
pub(super) mod most {
    pub(in super::super) const PERCENT: u64 = 100;
    /// Silicon does not survive it.
    pub(in super::super) const CELSIUS: u64 = 150;
    /// A rack has less for one device.
    pub(in super::super) const MILLIWATTS: u64 = 20_000_000;
    pub(in super::super) const MEGAHERTZ: u64 = 20_000;
    /// 64 TiB.
    pub(in super::super) const BYTES: u64 = 1 << 46;
    /// Counters: centuries of nanoseconds; what is larger is a number with all bits set.
    pub(in super::super) const COUNT: u64 = 1 << 62;
    /// Devices of a node, and processes of a device: room for any machine there is, and none for a random number.
    pub(in super::super) const DEVICES: u32 = 64;
    pub(in super::super) const PROCESSES: u32 = 4_096;
    /// Links of a device; the largest have 18.
    pub(in super::super) const LINKS: u64 = 64;
    /// Bytes a second: more than all links and the memory of a device together.
    pub(in super::super) const BYTES_PER_S: f64 = 1e14;
}

/// Why a call gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The device cannot do it. That is no failure.
    NotSupported,
    /// The device is gone.
    Lost,
    /// The library must be opened anew.
    Library,
    /// The answer is none that can be.
    Garbage,
    /// This process may not ask.
    Permission,
    /// Anything else.
    Other,
}

/// All labels of the counter.
pub(super) const WORDS: [&str; 5] = ["lost", "library", "garbage", "permission", "other"];

impl Nothing {
    /// The label of the counter; None for what is no failure.
    pub(super) fn word(self) -> Option<&'static str> {
        match self {
            Self::NotSupported => None,
            Self::Lost => Some("lost"),
            Self::Library => Some("library"),
            Self::Garbage => Some("garbage"),
            Self::Permission => Some("permission"),
            Self::Other => Some("other"),
        }
    }
}

impl From<NvmlError> for Nothing {
    fn from(error: NvmlError) -> Self {
        match error {
            // A function that an older driver does not have yet is something that it cannot do.
            NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => {
                Self::NotSupported
            }
            NvmlError::GpuLost | NvmlError::ResetRequired => Self::Lost,
            NvmlError::Uninitialized | NvmlError::DriverNotLoaded | NvmlError::LibRmVersionMismatch => Self::Library,
            NvmlError::Utf8Error(_) | NvmlError::UnexpectedVariant(_) | NvmlError::IncorrectBits(_) => Self::Garbage,
            NvmlError::NoPermission => Self::Permission,
            _ => Self::Other,
        }
    }
}

/// A number that can be.
pub(super) fn at_most(value: impl Into<u64>, most: u64) -> Result<u64, Nothing> {
    let value = value.into();
    if value <= most {
        Ok(value)
    } else {
        Err(Nothing::Garbage)
    }
}

#[cfg(test)]
mod tests {
    use super::{Nothing, at_most, most};

    #[test]
    fn all_bits_set_are_no_measurement() {
        assert_eq!(at_most(u32::MAX, most::MILLIWATTS), Err(Nothing::Garbage));
        assert_eq!(at_most(u64::MAX, most::COUNT), Err(Nothing::Garbage));
        assert_eq!(at_most(101_u32, most::PERCENT), Err(Nothing::Garbage));
        assert_eq!(at_most(100_u32, most::PERCENT), Ok(100));
    }
}
