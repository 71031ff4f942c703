//! Power, energy and the power limits.

use super::{Answer, Handle, Return, code, get, has, set, supported, version_word};
use crate::page::{quirk, record::GpuRecord};
use std::ffi::{c_uchar, c_uint, c_ulonglong};
use std::sync::atomic::Ordering::Relaxed;

/// Power scope: the GPU.
pub(super) const SCOPE_GPU: c_uint = 0;
/// Power scope: the module (superchips).
pub(super) const SCOPE_MODULE: c_uint = 1;
/// Power scope: the memory.
pub(super) const SCOPE_MEMORY: c_uint = 2;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPowerUsage(device: Handle, power_mw: *mut c_uint) -> Return {
    // The one-second average: what this getter answers from Ampere on, A100 excepted.
    // SAFETY: passed on under the same contract.
    unsafe { get(device, power_mw, |gpu| Ok(gpu.outputs.power_average_mw.load(Relaxed))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTotalEnergyConsumption(
    device: Handle,
    energy_mj: *mut c_ulonglong,
) -> Return {
    let look = |gpu: &GpuRecord| {
        supported(gpu, quirk::NO_ENERGY)?;
        Ok(gpu.outputs.energy_mj.load(Relaxed))
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, energy_mj, look) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPowerManagementMode(device: Handle, mode: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, mode, |_| Ok(1)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPowerManagementLimit(device: Handle, limit_mw: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, limit_mw, |gpu| Ok(gpu.inputs.requested_limit_mw.load(Relaxed))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetEnforcedPowerLimit(device: Handle, limit_mw: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, limit_mw, |gpu| Ok(gpu.enforced_limit_mw())) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPowerManagementDefaultLimit(
    device: Handle,
    limit_mw: *mut c_uint,
) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, limit_mw, |gpu| Ok(gpu.identity.default_limit_mw.load(Relaxed))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPowerManagementLimitConstraints(
    device: Handle,
    min_mw: *mut c_uint,
    max_mw: *mut c_uint,
) -> Return {
    if min_mw.is_null() || max_mw.is_null() {
        return code::INVALID_ARGUMENT;
    }
    // SAFETY: passed on under the same contract.
    let first = unsafe { get(device, min_mw, |gpu| Ok(gpu.identity.min_limit_mw.load(Relaxed))) };
    if first != code::SUCCESS {
        return first;
    }
    // SAFETY: passed on under the same contract.
    unsafe { get(device, max_mw, |gpu| Ok(gpu.identity.max_limit_mw.load(Relaxed))) }
}

fn set_gpu_limit(gpu: &GpuRecord, limit_mw: c_uint) -> Answer<()> {
    let id = &gpu.identity;
    if limit_mw < id.min_limit_mw.load(Relaxed) || limit_mw > id.max_limit_mw.load(Relaxed) {
        return Err(code::INVALID_ARGUMENT);
    }
    if !has(gpu, quirk::LIMIT_IGNORED) {
        gpu.inputs.requested_limit_mw.store(limit_mw, Relaxed);
    }
    gpu.inputs.limit_writes.fetch_add(1, Relaxed);
    Ok(())
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceSetPowerManagementLimit(device: Handle, limit_mw: c_uint) -> Return {
    set(device, |gpu| set_gpu_limit(gpu, limit_mw))
}

/// `nvmlPowerValue_v2_t`.
#[repr(C)]
struct PowerValueV2 {
    version: c_uint,
    scope: c_uchar,
    power_mw: c_uint,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceSetPowerManagementLimit_v2(
    device: Handle,
    value: *mut PowerValueV2,
) -> Return {
    if value.is_null() {
        return code::INVALID_ARGUMENT;
    }
    // SAFETY: not null, and valid by the contract of the ABI.
    let value = unsafe { value.read() };
    if value.version != version_word::<PowerValueV2>(2) {
        return code::ARGUMENT_VERSION_MISMATCH;
    }
    set(device, |gpu| match c_uint::from(value.scope) {
        SCOPE_GPU => set_gpu_limit(gpu, value.power_mw),
        SCOPE_MODULE if has(gpu, quirk::MODULE_SCOPE) => {
            gpu.inputs.module_limit_mw.store(value.power_mw, Relaxed);
            gpu.inputs.limit_writes.fetch_add(1, Relaxed);
            Ok(())
        }
        SCOPE_MODULE | SCOPE_MEMORY => Err(code::NOT_SUPPORTED),
        _ => Err(code::INVALID_ARGUMENT),
    })
}
