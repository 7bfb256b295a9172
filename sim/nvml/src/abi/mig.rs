//! Parts of a GPU that are devices of their own.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings as c;

use super::{Handle, code, enter_device, put};

/// Most instances of a GPU.
const INSTANCES_MAX: c_uint = 7;

/// Whether it is divided.
///
/// # Safety
/// As the C interface asks: the places may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(
    device: c::nvmlDevice_t,
    current: *mut c_uint,
    pending: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetMigMode", device).and_then(|call| {
        let is_divided = c_uint::from(!call.whole_gpu()?.about.mig.is_empty());
        // SAFETY: the caller says so.
        unsafe { put(current, is_divided).and_then(|()| put(pending, is_divided)) }
    });
    code(answer)
}

/// How many instances it can have.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxMigDeviceCount(
    device: c::nvmlDevice_t,
    count: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetMaxMigDeviceCount", device).and_then(|call| {
        call.whole_gpu()?;
        // SAFETY: the caller says so.
        unsafe { put(count, if call.is_garbage { c_uint::MAX } else { INSTANCES_MAX }) }
    });
    code(answer)
}

/// An instance by its place among those that are there.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(
    device: c::nvmlDevice_t,
    index: c_uint,
    instance: *mut c::nvmlDevice_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetMigDeviceHandleByIndex", device).and_then(|call| {
        let device = call.whole_gpu()?;
        let there = device.instances(call.now).nth(index as usize);
        let there = there.ok_or(c::nvmlReturn_enum_NVML_ERROR_NOT_FOUND)?;
        let handle = Handle {
            gpu: call.gpu,
            instance: device.about.mig.iter().position(|it| it.uuid == there.uuid),
        };
        // SAFETY: the caller says so.
        unsafe { put(instance, handle.write()) }
    });
    code(answer)
}

/// The GPU of an instance.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetDeviceHandleFromMigDeviceHandle(
    instance: c::nvmlDevice_t,
    device: *mut c::nvmlDevice_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", instance).and_then(|call| {
        call.mig().ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)?;
        let gpu = call.gpu;
        // SAFETY: the caller says so.
        unsafe { put(device, Handle { gpu, instance: None }.write()) }
    });
    code(answer)
}

/// The number of an instance of the GPU.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetGpuInstanceId(device: c::nvmlDevice_t, id: *mut c_uint) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetGpuInstanceId", device).and_then(|call| {
        let mig = call.mig().ok_or(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED)?;
        // SAFETY: the caller says so.
        unsafe { put(id, mig.gpu_instance) }
    });
    code(answer)
}

/// The number of a compute instance.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeInstanceId(device: c::nvmlDevice_t, id: *mut c_uint) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetComputeInstanceId", device).and_then(|call| {
        let mig = call.mig().ok_or(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED)?;
        // SAFETY: the caller says so.
        unsafe { put(id, mig.compute_instance) }
    });
    code(answer)
}

/// What an instance has.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetAttributes_v2(
    device: c::nvmlDevice_t,
    place: *mut c::nvmlDeviceAttributes_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetAttributes_v2", device).and_then(|call| {
        let mig = call.mig().ok_or(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED)?;
        let attributes = c::nvmlDeviceAttributes_t {
            multiprocessorCount: mig.slices * 16,
            sharedCopyEngineCount: 1,
            sharedDecoderCount: 0,
            sharedEncoderCount: 0,
            sharedJpegCount: 0,
            sharedOfaCount: 0,
            gpuInstanceSliceCount: mig.slices,
            computeInstanceSliceCount: mig.slices,
            memorySizeMB: mig.memory >> 20,
        };
        // SAFETY: the caller says so.
        unsafe { put(place, attributes) }
    });
    code(answer)
}
