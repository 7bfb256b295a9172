//! Values by the number of a field.

use std::ffi::c_int;

use nvml_wrapper_sys::bindings as c;
use nvml_wrapper_sys::bindings::field_id as f;

use super::{Answer, Call, code, enter_device};

/// Values by the number of a field; each has a code of its own.
///
/// # Safety
/// As the C interface asks: `values` are as many as `count` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetFieldValues(
    device: c::nvmlDevice_t,
    count: c_int,
    values: *mut c::nvmlFieldValue_t,
) -> c::nvmlReturn_t {
    let answer = enter_device("nvmlDeviceGetFieldValues", device).and_then(|call| {
        call.whole_gpu()?;
        let count = usize::try_from(count).unwrap_or_default();
        if values.is_null() || count == 0 {
            return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT);
        }
        // SAFETY: the caller says so.
        let values = unsafe { std::slice::from_raw_parts_mut(values, count) };
        for value in values {
            fill(&call, value);
        }
        Ok(())
    });
    code(answer)
}

fn fill(call: &Call, value: &mut c::nvmlFieldValue_t) {
    value.timestamp = c_longlong(call.run.start_ns / 1000) + c_longlong(crate::run::whole(call.now * 1e6));
    value.latencyUsec = 1;
    match number(call, value.fieldId, value.scopeId) {
        Ok(number) => {
            value.nvmlReturn = c::nvmlReturn_enum_NVML_SUCCESS;
            value.valueType = c::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
            value.value.ullVal = call.long(number);
            if call.is_garbage {
                value.valueType = c::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE;
                value.value.dVal = f64::NAN;
            }
        }
        Err(code) => value.nvmlReturn = code,
    }
}

fn c_longlong(value: u64) -> std::ffi::c_longlong {
    std::ffi::c_longlong::try_from(value).unwrap_or_default()
}

/// From this driver on the fields of reasons have other numbers.
const RENUMBERED: (u32, u32) = (580, 82);

/// The scope of a field that means all links, where it is asked of one as a rule.
const ALL_LINKS: u32 = u32::MAX;

fn number(call: &Call, field: u32, scope: u32) -> Answer<u64> {
    let device = call.device()?;
    let loaded = call.run.loaded_at(call.now);
    let [power_capped, hot] = device.throttled(loaded, call.now);
    let number = |value: f64| crate::run::whole(value.round());
    let errors = &device.about.nvlink_errors;
    let links = u64::from(device.about.nvlinks);
    if links == 0 && is_of_links(field) {
        return Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED);
    }
    Ok(match in_old_numbers(&call.run.scenario.driver, field)? {
        f::NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION => call.run.energy_counter(call.gpu, call.now),
        f::NVML_FI_DEV_POWER_INSTANT => number(device.power(call.now) * 1e3),
        f::NVML_FI_DEV_POWER_AVERAGE => number(device.power_average(call.now) * 1e3),
        f::NVML_FI_DEV_MEMORY_TEMP => number(device.memory_temperature(call.now)),
        f::NVML_FI_DEV_PERF_POLICY_POWER => power_capped,
        f::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN => hot,
        f::NVML_FI_DEV_NVLINK_LINK_COUNT => links,
        f::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL => errors.crc_flit,
        f::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL => errors.crc_data,
        f::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL => errors.replay,
        f::NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL => errors.recovery,
        f::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX | f::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX => {
            let kibibytes = device.nvlink_bytes(loaded, call.now) >> 10;
            match u64::from(scope) {
                all if all == u64::from(ALL_LINKS) => kibibytes,
                link if link < links => kibibytes / links,
                _ => return Err(c::nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT),
            }
        }
        f::NVML_FI_DEV_ECC_SBE_AGG_TOTAL => device.ecc_of_life(call.now)[0],
        f::NVML_FI_DEV_ECC_DBE_AGG_TOTAL => device.ecc_of_life(call.now)[1],
        f::NVML_FI_DEV_PCIE_COUNT_TX_BYTES | f::NVML_FI_DEV_PCIE_COUNT_RX_BYTES => device.pcie_bytes(loaded, call.now),
        f::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN
        | f::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN
        | f::NVML_FI_DEV_PCIE_REPLAY_COUNTER
        | f::NVML_FI_DEV_REMAPPED_COR
        | f::NVML_FI_DEV_REMAPPED_UNC
        | f::NVML_FI_DEV_REMAPPED_PENDING
        | f::NVML_FI_DEV_REMAPPED_FAILURE => 0,
        _ => return Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED),
    })
}

/// Fields that a device without links does not have.
fn is_of_links(field: u32) -> bool {
    matches!(
        field,
        f::NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL
            | f::NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL
            | f::NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL
            | f::NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL
            | f::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX
            | f::NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX
    )
}

/// What a field was numbered before the driver that gave some other numbers. The library gets numbers as its driver has
/// them: a program that uses the old ones with a new driver asks for something else.
fn in_old_numbers(driver: &str, field: u32) -> Answer<u32> {
    let mut parts = driver.split('.').map(|part| part.parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < RENUMBERED {
        return Ok(field);
    }
    match field {
        269..=273 => Ok(field - 18),
        251..=268 => Err(c::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED),
        other => Ok(other),
    }
}
