//! Means between two samples, as Hopper and its successors count them.

use std::ffi::c_uint;

use nvml_wrapper_sys::bindings as c;

use super::{Answer, Call, code, enter, enter_device, put, with};

/// The first architecture that counts.
const HOPPER: u32 = 9;

/// A sample: of which GPU it is, of which of its GPU instances, and of when.
#[derive(Clone, Copy, Default)]
pub(super) struct Sample {
    taken: Option<(usize, Option<c_uint>, f64)>,
}

/// Whether the device counts.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmQueryDeviceSupport(
    device: c::nvmlDevice_t,
    support: *mut c::nvmlGpmSupport_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlGpmQueryDeviceSupport", device).and_then(|call| {
        let info = c::nvmlGpmSupport_t {
            version: c::NVML_GPM_SUPPORT_VERSION,
            isSupportedDevice: c_uint::from(call.device()?.about.architecture >= HOPPER),
        };
        // SAFETY: the caller says so.
        unsafe { put(support, info) }
    });
    code(answer)
}

/// Room for a sample.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleAlloc(sample: *mut c::nvmlGpmSample_t) -> c::nvmlReturn_t {
    let answer = enter("nvmlGpmSampleAlloc").and_then(|_| {
        let handle = with(|library| {
            let handle = library.handle();
            library.samples.insert(handle, Sample::default());
            handle
        });
        // SAFETY: the caller says so.
        unsafe { put(sample, std::ptr::without_provenance_mut(handle)) }
    });
    code(answer)
}

/// A sample is no longer needed.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlGpmSampleFree(sample: c::nvmlGpmSample_t) -> c::nvmlReturn_t {
    let answer = enter("nvmlGpmSampleFree").and_then(|_| {
        let was = with(|library| library.samples.remove(&sample.addr()));
        was.map(|_| ()).ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)
    });
    code(answer)
}

/// Takes a sample of a GPU.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlGpmSampleGet(device: c::nvmlDevice_t, sample: c::nvmlGpmSample_t) -> c::nvmlReturn_t {
    code(enter_device("nvmlGpmSampleGet", device).and_then(|call| {
        call.whole_gpu()?;
        take(&call, None, sample)
    }))
}

/// Takes a sample of a GPU instance, by the handle of its GPU.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlGpmMigSampleGet(
    device: c::nvmlDevice_t,
    gpu_instance: c_uint,
    sample: c::nvmlGpmSample_t,
) -> c::nvmlReturn_t {
    code(enter_device("nvmlGpmMigSampleGet", device).and_then(|call| {
        let mut there = call.whole_gpu()?.instances(call.now);
        if !there.any(|it| it.gpu_instance == gpu_instance) {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
        }
        take(&call, Some(gpu_instance), sample)
    }))
}

fn take(call: &Call, gpu_instance: Option<c_uint>, sample: c::nvmlGpmSample_t) -> Answer<()> {
    if call.device()?.about.architecture < HOPPER {
        return Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED);
    }
    with(|library| match library.samples.get_mut(&sample.addr()) {
        Some(place) => {
            place.taken = Some((call.gpu, gpu_instance, call.now));
            Ok(())
        }
        None => Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT),
    })
}

/// What happened between two samples.
///
/// # Safety
/// As the C interface asks: the place may be read and written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmMetricsGet(request: *mut c::nvmlGpmMetricsGet_t) -> c::nvmlReturn_t {
    let answer = enter("nvmlGpmMetricsGet").and_then(|call| {
        // SAFETY: the caller says so.
        let request = unsafe { request.as_mut() }.ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)?;
        let handles = [request.sample1.addr(), request.sample2.addr()];
        let taken = with(|library| handles.map(|handle| library.samples.get(&handle).and_then(|it| it.taken)));
        let [Some((gpu, part, from)), Some((other, other_part, to))] = taken else {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
        };
        let device = call.run.devices.get(gpu).filter(|_| gpu == other && part == other_part);
        let device = device.ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)?;
        let instance = part.and_then(|part| device.about.mig.iter().find(|it| it.gpu_instance == part));
        for metric in request.metrics.iter_mut().take(request.numMetrics as usize) {
            match device.gpm(metric.metricId, instance, from, to) {
                Some(value) => {
                    metric.value = if call.is_garbage { f64::NAN } else { value };
                    metric.nvmlReturn = c::nvmlReturn_enum_NVML_SUCCESS;
                }
                None => metric.nvmlReturn = c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED,
            }
        }
        Ok(())
    });
    code(answer)
}
