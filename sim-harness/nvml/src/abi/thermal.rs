//! Temperature of the die, thresholds, margin.

use super::{Handle, Return, code, get, supported, version_word};
use crate::page::{quirk, record::GpuRecord};
use std::ffi::{c_int, c_uint};
use std::sync::atomic::Ordering::Relaxed;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: Handle,
    sensor: c_uint,
    celsius: *mut c_uint,
) -> Return {
    let look = |gpu: &GpuRecord| match sensor {
        0 => Ok(gpu.outputs.die_c.load(Relaxed).max(0).cast_unsigned()),
        _ => Err(code::INVALID_ARGUMENT),
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, celsius, look) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTemperatureThreshold(
    device: Handle,
    kind: c_uint,
    celsius: *mut c_uint,
) -> Return {
    let look = |gpu: &GpuRecord| {
        let id = &gpu.identity;
        let threshold = match kind {
            0 => &id.shutdown_c,
            1 => &id.slowdown_c,
            2 => &id.memory_max_c,
            3 => &id.gpu_max_c,
            4..=7 => return Err(code::NOT_SUPPORTED),
            _ => return Err(code::INVALID_ARGUMENT),
        };
        Ok(threshold.load(Relaxed).max(0).cast_unsigned())
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, celsius, look) }
}

/// `nvmlMarginTemperature_v1_t`.
#[repr(C)]
struct MarginTemperature {
    version: c_uint,
    margin_c: c_int,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMarginTemperature(
    device: Handle,
    margin: *mut MarginTemperature,
) -> Return {
    let version = version_word::<MarginTemperature>(1);
    // SAFETY: not null, and valid by the contract of the ABI.
    if !margin.is_null() && unsafe { (*margin).version } != version {
        return code::ARGUMENT_VERSION_MISMATCH;
    }
    let look = |gpu: &GpuRecord| {
        supported(gpu, quirk::NO_MARGIN)?;
        Ok(MarginTemperature { version, margin_c: gpu.outputs.margin_c.load(Relaxed) })
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, margin, look) }
}
