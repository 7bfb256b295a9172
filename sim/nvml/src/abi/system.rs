//! The library itself, and where devices are found.

use std::ffi::{CStr, c_char, c_int, c_uint};

use nvml_wrapper_sys::bindings as c;

use super::{Answer, Handle, code, enter, enter_device, put, put_text, with};

/// Begins.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c::nvmlReturn_t {
    code(enter("nvmlInit_v2").map(|call| {
        with(|library| {
            library.users += 1;
            library.initialized_at = Some(call.now);
        });
    }))
}

/// Begins, with flags that change nothing here.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> c::nvmlReturn_t {
    nvmlInit_v2()
}

/// Ends, when everybody who began has ended.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c::nvmlReturn_t {
    code(enter("nvmlShutdown").map(|_| {
        with(|library| {
            library.users = library.users.saturating_sub(1);
            if library.users == 0 {
                library.initialized_at = None;
            }
        });
    }))
}

/// What a code means.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlErrorString(result: c::nvmlReturn_t) -> *const c_char {
    let text: &CStr = match result {
        c::nvmlReturn_enum_NVML_SUCCESS => c"Success",
        c::nvmlReturn_enum_NVML_ERROR_UNINITIALIZED => c"Uninitialized",
        c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT => {
            // Of a library that has not begun, the only argument is the scenario.
            with(|library| library.problem).unwrap_or(c"Invalid Argument")
        }
        c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED => c"Not Supported",
        c::nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST => c"GPU is lost",
        _ => c"Unknown Error",
    };
    text.as_ptr()
}

/// The driver's version.
///
/// # Safety
/// As the C interface asks: `version` has room for `length` letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(version: *mut c_char, length: c_uint) -> c::nvmlReturn_t {
    let answer = enter("nvmlSystemGetDriverVersion")
        // SAFETY: the caller says so.
        .and_then(|call| unsafe { put_text(version, length, &call.run.scenario.driver, call.is_garbage) });
    code(answer)
}

/// The library's version.
///
/// # Safety
/// As the C interface asks: `version` has room for `length` letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetNVMLVersion(version: *mut c_char, length: c_uint) -> c::nvmlReturn_t {
    let answer = enter("nvmlSystemGetNVMLVersion").and_then(|call| {
        let text = format!("13.{}", call.run.scenario.driver);
        // SAFETY: the caller says so.
        unsafe { put_text(version, length, &text, call.is_garbage) }
    });
    code(answer)
}

/// CUDA's version.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetCudaDriverVersion_v2(version: *mut c_int) -> c::nvmlReturn_t {
    // SAFETY: the caller says so.
    code(enter("nvmlSystemGetCudaDriverVersion_v2").and_then(|_| unsafe { put(version, 13_000) }))
}

/// How many GPUs there are.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c::nvmlReturn_t {
    let answer = enter("nvmlDeviceGetCount_v2").and_then(|call| {
        let devices = c_uint::try_from(call.run.devices.len()).unwrap_or(c_uint::MAX);
        // SAFETY: the caller says so.
        unsafe { put(count, if call.is_garbage { c_uint::MAX } else { devices }) }
    });
    code(answer)
}

/// A GPU by its index.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, device: *mut c::nvmlDevice_t) -> c::nvmlReturn_t {
    let handle = Handle {
        gpu: index as usize,
        instance: None,
    };
    // Faults of one GPU concern the search for it, too.
    let answer = enter_device("nvmlDeviceGetHandleByIndex_v2", handle.write());
    // SAFETY: the caller says so.
    code(answer.and_then(|_| unsafe { put(device, handle.write()) }))
}

/// A GPU by its UUID.
///
/// # Safety
/// As the C interface asks: a text, and a place that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByUUID(
    uuid: *const c_char,
    device: *mut c::nvmlDevice_t,
) -> c::nvmlReturn_t {
    // SAFETY: the caller says so.
    code(unsafe { find("nvmlDeviceGetHandleByUUID", uuid, device, |_, gpu| gpu.to_owned()) })
}

/// A GPU by its place on the bus.
///
/// # Safety
/// As the C interface asks: a text, and a place that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByPciBusId_v2(
    bus_id: *const c_char,
    device: *mut c::nvmlDevice_t,
) -> c::nvmlReturn_t {
    // SAFETY: the caller says so.
    code(unsafe {
        find("nvmlDeviceGetHandleByPciBusId_v2", bus_id, device, |index, _| {
            bus(index)
        })
    })
}

/// # Safety
/// `wanted` is a text or null, and `device` may be written or is null.
unsafe fn find(
    name: &str,
    wanted: *const c_char,
    device: *mut c::nvmlDevice_t,
    of: impl Fn(usize, &str) -> String,
) -> Answer<()> {
    let call = enter(name)?;
    if wanted.is_null() {
        return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
    }
    // SAFETY: the caller says so, and it is not null.
    let wanted = unsafe { CStr::from_ptr(wanted) }.to_string_lossy().into_owned();
    let mut all = call.run.devices.iter().enumerate();
    let found = all.find(|(index, device)| of(*index, &device.about.uuid) == wanted);
    let (gpu, _) = found.ok_or(c::nvmlReturn_enum_NVML_ERROR_NOT_FOUND)?;
    // SAFETY: the caller says so.
    unsafe { put(device, Handle { gpu, instance: None }.write()) }
}

/// Where the GPU with this index is on the bus.
pub(super) fn bus(index: usize) -> String {
    format!("00000000:{:02X}:00.0", 0x18 + index)
}
