//! Critical events.

use std::ffi::{c_uint, c_ulonglong};
use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings as c;

use super::{Call, Handle, code, enter, enter_device, put, with};

/// Whose events a set waits for, and since when.
#[derive(Default)]
pub(super) struct Set {
    /// GPUs, and how many of their events were told or had happened before.
    told: Vec<(usize, usize)>,
}

/// How often a waiting call looks.
const LOOK: Duration = Duration::from_millis(5);

/// A set that waits for nothing yet.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetCreate(set: *mut c::nvmlEventSet_t) -> c::nvmlReturn_t {
    let answer = enter("nvmlEventSetCreate").and_then(|_| {
        let handle = with(|library| {
            let handle = library.handle();
            library.sets.insert(handle, Set::default());
            handle
        });
        // SAFETY: the caller says so.
        unsafe { put(set, std::ptr::without_provenance_mut(handle)) }
    });
    code(answer)
}

/// Which events a device has: critical ones.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetSupportedEventTypes(
    device: c::nvmlDevice_t,
    types: *mut c_ulonglong,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetSupportedEventTypes", device);
    // SAFETY: the caller says so.
    code(answer.and_then(|_| unsafe { put(types, c_ulonglong::from(c::nvmlEventTypeXidCriticalError)) }))
}

/// Waits for events of a device, too.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceRegisterEvents(
    device: c::nvmlDevice_t,
    _types: c_ulonglong,
    set: c::nvmlEventSet_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceRegisterEvents", device).and_then(|call| {
        let before = call
            .whole_gpu()?
            .about
            .xids
            .iter()
            .filter(|it| it.at.as_secs_f64() <= call.now)
            .count();
        with(|library| match library.sets.get_mut(&set.addr()) {
            Some(set) => {
                set.told.push((call.gpu, before));
                Ok(())
            }
            None => Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT),
        })
    });
    code(answer)
}

/// Waits for the next event.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetWait_v2(
    set: c::nvmlEventSet_t,
    data: *mut c::nvmlEventData_t,
    timeout_ms: c_uint,
) -> c::nvmlReturn_t {
    let until = Instant::now() + Duration::from_millis(u64::from(timeout_ms));
    loop {
        let call = match enter("nvmlEventSetWait_v2") {
            Ok(call) => call,
            Err(code) => return code,
        };
        if let Some((gpu, number)) = next(&call, set.addr()) {
            let event = c::nvmlEventData_t {
                device: Handle { gpu, instance: None }.write(),
                eventType: c_ulonglong::from(c::nvmlEventTypeXidCriticalError),
                eventData: call.long(number),
                gpuInstanceId: c_uint::MAX,
                computeInstanceId: c_uint::MAX,
            };
            // SAFETY: the caller says so.
            return code(unsafe { put(data, event) });
        }
        if Instant::now() >= until {
            return c::nvmlReturn_enum_NVML_ERROR_TIMEOUT;
        }
        std::thread::sleep(LOOK);
    }
}

/// The next event that has happened: its GPU and its number.
fn next(call: &Call, set: usize) -> Option<(usize, u64)> {
    with(|library| {
        let set = library.sets.get_mut(&set)?;
        set.told.iter_mut().find_map(|(gpu, told)| {
            let xids = &call.run.devices.get(*gpu)?.about.xids;
            let xid = xids.get(*told).filter(|it| it.at.as_secs_f64() <= call.now)?;
            *told += 1;
            Some((*gpu, xid.number))
        })
    })
}

/// A set is no longer needed.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlEventSetFree(set: c::nvmlEventSet_t) -> c::nvmlReturn_t {
    let answer = enter("nvmlEventSetFree").and_then(|_| {
        let was = with(|library| library.sets.remove(&set.addr()));
        was.map(|_| ()).ok_or(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT)
    });
    code(answer)
}
