//! What a device is and does.

use std::ffi::{c_char, c_uint, c_ulonglong};

use nvml_wrapper_sys::bindings as c;

use super::system::bus;
use super::{Answer, Call, code, enter_device, put, put_text};

/// Answers a call about a device with one value.
macro_rules! device_functions {
    ($($(#[$about:meta])* $name:ident, $kind:ty, $answer:expr;)*) => {$(
        $(#[$about])*
        ///
        /// # Safety
        /// As the C interface asks: the place may be written.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(device: c::nvmlDevice_t, place: *mut $kind) -> c::nvmlReturn_t {
            let answer: fn(&Call) -> Answer<$kind> = $answer;
            let answer = enter_device(stringify!($name), device).and_then(|call| answer(&call));
            // SAFETY: the caller says so.
            code(answer.and_then(|value| unsafe { put(place, value) }))
        }
    )*};
}

device_functions! {
    /// Its number in the driver's order.
    nvmlDeviceGetIndex, c_uint, |call| Ok(call.number(call.gpu as f64));
    /// The number of its device file.
    nvmlDeviceGetMinorNumber, c_uint, |call| {
        let minor = call.whole_gpu()?.about.minor;
        Ok(call.number(minor.map_or(call.gpu as f64, f64::from)))
    };
    /// Its generation.
    nvmlDeviceGetArchitecture, c_uint, |call| Ok(call.device()?.about.architecture);
    /// Shares of time in percent.
    nvmlDeviceGetUtilizationRates, c::nvmlUtilization_t, |call| {
        let device = call.whole_gpu()?;
        if !device.about.mig.is_empty() {
            return Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED);
        }
        Ok(c::nvmlUtilization_t {
            gpu: call.number(device.utilization(call.now) * 100.0),
            memory: call.number(device.utilization(call.now) * 60.0),
        })
    };
    /// Milliwatts over the last second.
    nvmlDeviceGetPowerUsage, c_uint, |call| Ok(call.number(call.whole_gpu()?.power_average(call.now) * 1e3));
    /// Milliwatts that it may draw.
    nvmlDeviceGetEnforcedPowerLimit, c_uint, |call| Ok(call.number(call.whole_gpu()?.about.power_limit * 1e3));
    /// The same as it was set.
    nvmlDeviceGetPowerManagementLimit, c_uint, |call| Ok(call.number(call.whole_gpu()?.about.power_limit * 1e3));
    /// Millijoules since the driver was loaded.
    nvmlDeviceGetTotalEnergyConsumption, c_ulonglong, |call| {
        call.whole_gpu()?;
        Ok(call.long(call.run.energy_counter(call.gpu, call.now)))
    };
    /// Why clocks are low now, as bits.
    nvmlDeviceGetCurrentClocksThrottleReasons, c_ulonglong, |call| Ok(call.long(call.whole_gpu()?.reasons(call.now)));
    /// The same under its newer name.
    nvmlDeviceGetCurrentClocksEventReasons, c_ulonglong, |call| Ok(call.long(call.whole_gpu()?.reasons(call.now)));
    /// Always the fastest.
    nvmlDeviceGetPerformanceState, c::nvmlPstates_t, |call| {
        call.whole_gpu()?;
        Ok(if call.is_garbage { 77 } else { 0 })
    };
    /// Generation of the link.
    nvmlDeviceGetCurrPcieLinkGeneration, c_uint, |call| { call.whole_gpu()?; Ok(call.number(5.0)) };
    /// Width of the link.
    nvmlDeviceGetCurrPcieLinkWidth, c_uint, |call| { call.whole_gpu()?; Ok(call.number(16.0)) };
}

/// A device's UUID.
///
/// # Safety
/// As the C interface asks: `uuid` has room for `length` letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUUID(
    device: c::nvmlDevice_t,
    uuid: *mut c_char,
    length: c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetUUID", device).and_then(|call| {
        let own = &call.device()?.about.uuid;
        let text = call.mig().map_or(own, |mig| &mig.uuid);
        // SAFETY: the caller says so.
        unsafe { put_text(uuid, length, text, call.is_garbage) }
    });
    code(answer)
}

/// A device's name; that of an instance ends with its profile.
///
/// # Safety
/// As the C interface asks: `name` has room for `length` letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(
    device: c::nvmlDevice_t,
    name: *mut c_char,
    length: c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetName", device).and_then(|call| {
        let own = &call.device()?.about.name;
        let text = call
            .mig()
            .map_or_else(|| own.clone(), |mig| format!("{own} MIG {}", mig.profile));
        // SAFETY: the caller says so.
        unsafe { put_text(name, length, &text, call.is_garbage) }
    });
    code(answer)
}

/// A board's serial number.
///
/// # Safety
/// As the C interface asks: `serial` has room for `length` letters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetSerial(
    device: c::nvmlDevice_t,
    serial: *mut c_char,
    length: c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetSerial", device).and_then(|call| {
        let text = format!("16500230000{:02}", call.gpu);
        // SAFETY: the caller says so.
        unsafe { put_text(serial, length, &text, call.is_garbage) }
    });
    code(answer)
}

/// Where a device is on the bus.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(
    device: c::nvmlDevice_t,
    pci: *mut c::nvmlPciInfo_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetPciInfo_v3", device).and_then(|call| {
        call.whole_gpu()?;
        let mut info = c::nvmlPciInfo_t {
            busIdLegacy: [0; 16],
            domain: 0,
            bus: c_uint::try_from(0x18 + call.gpu).unwrap_or_default(),
            device: 0,
            pciDeviceId: 0x2330_10de,
            pciSubSystemId: 0x16c1_10de,
            busId: [0; 32],
        };
        let text = bus(call.gpu);
        for (place, letter) in info.busId.iter_mut().zip(text.bytes()) {
            *place = if call.is_garbage {
                -1
            } else {
                c_char::try_from(letter).unwrap_or_default()
            };
        }
        for (place, letter) in info.busIdLegacy.iter_mut().zip(text.bytes().skip(4)) {
            *place = c_char::try_from(letter).unwrap_or_default();
        }
        // SAFETY: the caller says so.
        unsafe { put(pci, info) }
    });
    code(answer)
}

/// Memory, of a GPU or of an instance.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(
    device: c::nvmlDevice_t,
    memory: *mut c::nvmlMemory_v2_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetMemoryInfo_v2", device).and_then(|call| {
        let device = call.device()?;
        let (total, reserved, used) = match call.mig() {
            Some(mig) => (mig.memory, 0, mig.memory_used),
            None => (
                device.about.memory,
                device.about.memory_reserved,
                device.memory_used(call.now),
            ),
        };
        let free = total.saturating_sub(reserved).saturating_sub(used);
        let info = c::nvmlMemory_v2_t {
            version: 40 | 2 << 24,
            total: call.long(total),
            reserved: call.long(reserved),
            free: call.long(free),
            used: call.long(used),
        };
        // SAFETY: the caller says so.
        unsafe { put(memory, info) }
    });
    code(answer)
}

/// Degrees Celsius.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: c::nvmlDevice_t,
    sensor: c::nvmlTemperatureSensors_t,
    place: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetTemperature", device).and_then(|call| {
        let value = call.whole_gpu()?.temperature(call.now);
        if sensor != c::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
        }
        // SAFETY: the caller says so.
        unsafe { put(place, call.number(value)) }
    });
    code(answer)
}

/// A clock in megahertz.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(
    device: c::nvmlDevice_t,
    which: c::nvmlClockType_t,
    place: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetClockInfo", device).and_then(|call| {
        let device = call.whole_gpu()?;
        let value = match which {
            c::nvmlClockType_enum_NVML_CLOCK_MEM => device.memory_clock(call.now),
            _ => device.sm_clock(call.now),
        };
        // SAFETY: the caller says so.
        unsafe { put(place, call.number(value)) }
    });
    code(answer)
}

/// The highest that a clock goes, in megahertz.
///
/// # Safety
/// As the C interface asks: the place may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(
    device: c::nvmlDevice_t,
    which: c::nvmlClockType_t,
    place: *mut c_uint,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetMaxClockInfo", device).and_then(|call| {
        call.whole_gpu()?;
        let value = if which == c::nvmlClockType_enum_NVML_CLOCK_MEM {
            2619.0
        } else {
            1980.0
        };
        // SAFETY: the caller says so.
        unsafe { put(place, call.number(value)) }
    });
    code(answer)
}
