//! Errors, links and encoders.

use std::ffi::{c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as c;

use super::{code, enter_device, put};

/// Kilobytes a second over PCIe.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPcieThroughput(
    device: c::nvmlDevice_t,
    _counter: c::nvmlPcieUtilCounter_t,
    place: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetPcieThroughput", device).and_then(|call| {
        let mebibytes = call
            .whole_gpu()?
            .gpm(20, None, call.now - 0.02, call.now)
            .unwrap_or_default();
        // SAFETY: the caller says so.
        unsafe { put(place, call.number(mebibytes * 1024.0)) }
    });
    code(answer)
}

/// Packets that were sent again.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPcieReplayCounter(
    device: c::nvmlDevice_t,
    place: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetPcieReplayCounter", device);
    // SAFETY: the caller says so.
    code(answer.and_then(|call| call.whole_gpu().and_then(|_| unsafe { put(place, call.number(0.0)) })))
}

macro_rules! codecs {
    ($($(#[$about:meta])* $name:ident;)*) => {$(
        $(#[$about])*
        ///
        /// # Safety
        /// As the C interface asks: the places may be written.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            device: c::nvmlDevice_t,
            utilization: *mut c_uint,
            period_us: *mut c_uint,
        ) -> c::nvmlReturn_t {
            let answer = enter_device(stringify!($name), device).and_then(|call| {
                call.whole_gpu()?;
                // SAFETY: the caller says so.
                unsafe { put(utilization, call.number(0.0)).and_then(|()| put(period_us, 167_000)) }
            });
            code(answer)
        }
    )*};
}

codecs! {
    /// Nobody encodes video here.
    nvmlDeviceGetEncoderUtilization;
    /// Nobody decodes video here.
    nvmlDeviceGetDecoderUtilization;
}

/// Whether errors are corrected: always.
///
/// # Safety
/// As the C interface asks: the places may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEccMode(
    device: c::nvmlDevice_t,
    current: *mut c::nvmlEnableState_t,
    pending: *mut c::nvmlEnableState_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetEccMode", device).and_then(|call| {
        call.whole_gpu()?;
        let on = c::nvmlEnableState_enum_NVML_FEATURE_ENABLED;
        // SAFETY: the caller says so.
        unsafe { put(current, on).and_then(|()| put(pending, on)) }
    });
    code(answer)
}

/// Errors of memory, corrected or not.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEccErrors(
    device: c::nvmlDevice_t,
    error: c::nvmlMemoryErrorType_t,
    _counter: c::nvmlEccCounterType_t,
    place: *mut c_ulonglong,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetTotalEccErrors", device).and_then(|call| {
        let [corrected, uncorrected] = call.whole_gpu()?.ecc(call.now);
        let is_corrected = error == c::nvmlMemoryErrorType_enum_NVML_MEMORY_ERROR_TYPE_CORRECTED;
        // SAFETY: the caller says so.
        unsafe { put(place, call.long(if is_corrected { corrected } else { uncorrected })) }
    });
    code(answer)
}

/// Whether there is a link to another GPU.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetNvLinkState(
    device: c::nvmlDevice_t,
    link: c_uint,
    place: *mut c::nvmlEnableState_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetNvLinkState", device).and_then(|call| {
        let state = if link < call.whole_gpu()?.about.nvlinks {
            c::nvmlEnableState_enum_NVML_FEATURE_ENABLED
        } else {
            c::nvmlEnableState_enum_NVML_FEATURE_DISABLED
        };
        // SAFETY: the caller says so.
        unsafe { put(place, state) }
    });
    code(answer)
}
