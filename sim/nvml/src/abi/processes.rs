//! Processes, and what each of them does.

use std::ffi::{c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as c;

use super::{Call, code, enter_device, put};
use crate::scenario::{Instance, Process};

/// Processes that compute.
///
/// # Safety
/// As the C interface asks: `infos` has room for as many as `count` says, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: c::nvmlDevice_t,
    count: *mut c_uint,
    infos: *mut c::nvmlProcessInfo_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetComputeRunningProcesses_v3", device).and_then(|call| {
        if count.is_null() {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
        }
        // SAFETY: the caller says so.
        let room = unsafe { count.read() };
        let mut all = call.device()?.processes(call.now);
        if let Some(mig) = call.mig() {
            all.retain(|(_, instance)| instance.is_some_and(|it| it.uuid == mig.uuid));
        }
        let there = if call.is_garbage {
            c_uint::MAX
        } else {
            c_uint::try_from(all.len()).unwrap_or_default()
        };
        // SAFETY: the caller says so.
        unsafe { put(count, there)? };
        if there == 0 {
            return Ok(());
        }
        if there > room || infos.is_null() {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE);
        }
        for (at, (process, instance)) in all.into_iter().enumerate() {
            // SAFETY: there is room for all of them.
            unsafe { infos.add(at).write(info(process, instance)) };
        }
        Ok(())
    });
    code(answer)
}

fn info(process: &Process, instance: Option<&Instance>) -> c::nvmlProcessInfo_t {
    c::nvmlProcessInfo_t {
        pid: process.pid,
        usedGpuMemory: process.memory,
        gpuInstanceId: instance.map_or(c_uint::MAX, |it| it.gpu_instance),
        computeInstanceId: instance.map_or(c_uint::MAX, |it| it.compute_instance),
    }
}

/// How often the driver looks what each process does, in seconds.
const LOOK: f64 = 0.25;

/// What each process did when the driver looked last, of those that did anything; nothing where it has not looked since.
///
/// # Safety
/// As the C interface asks: `samples` has room for as many as `count` says, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetProcessUtilization(
    device: c::nvmlDevice_t,
    samples: *mut c::nvmlProcessUtilizationSample_t,
    count: *mut c_uint,
    last_seen: c_ulonglong,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetProcessUtilization", device).and_then(|call| {
        let is_divided = !call.whole_gpu()?.about.mig.is_empty();
        if is_divided {
            return Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED);
        }
        if count.is_null() {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
        }
        let all = looked(&call, last_seen);
        let there = c_uint::try_from(all.len()).unwrap_or_default();
        // SAFETY: the caller says so.
        let room = unsafe { count.read() };
        // SAFETY: the caller says so.
        unsafe { put(count, there)? };
        if there == 0 {
            return Err(c::nvmlReturn_enum_NVML_ERROR_NOT_FOUND);
        }
        if there > room || samples.is_null() {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE);
        }
        for (at, sample) in all.into_iter().enumerate() {
            // SAFETY: there is room for all of them.
            unsafe { samples.add(at).write(sample) };
        }
        Ok(())
    });
    code(answer)
}

/// What the driver saw when it looked last, unless that was seen.
fn looked(call: &Call, last_seen: u64) -> Vec<c::nvmlProcessUtilizationSample_t> {
    let time = (call.now / LOOK).floor() * LOOK;
    let time_us = call.run.start_ns / 1_000 + crate::run::whole(time * 1e6);
    let Some(device) = call.run.devices.get(call.gpu).filter(|_| time_us > last_seen) else {
        return Vec::new();
    };
    // As many as there are even of garbage: programs make room for what this says.
    let percent = |share: f64| call.number(share.clamp(0.0, 1.0) * 100.0);
    let there = device.processes(time).into_iter().map(|(process, _)| process);
    let busy = there.filter(|it| it.sm > 0.0 || it.mem > 0.0 || it.enc > 0.0 || it.dec > 0.0);
    busy.map(|process| c::nvmlProcessUtilizationSample_t {
        pid: process.pid,
        timeStamp: time_us,
        smUtil: percent(process.sm),
        memUtil: percent(process.mem),
        encUtil: percent(process.enc),
        decUtil: percent(process.dec),
    })
    .collect()
}
