//! Clocks, clock locks and the reasons why clocks are below what they could be.

use super::{Answer, Handle, Return, code, get, session, set, supported};
use crate::page::{quirk, record::GpuRecord};
use std::ffi::{c_uint, c_ulonglong};
use std::sync::atomic::Ordering::Relaxed;

/// SM clocks come in steps of this, MHz.
const STEP_MHZ: u32 = 15;
/// Symbolic clock ids of `nvmlDeviceSetGpuLockedClocks`: "TDP" and "unlimited".
const SYMBOLIC: [u32; 2] = [0xffff_ff01, 0xffff_ff02];
/// All reasons NVML 13 names.
const ALL_REASONS: c_ulonglong = 0x1ff;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Handle, kind: c_uint, mhz: *mut c_uint) -> Return {
    let look = |gpu: &GpuRecord| match kind {
        0 | 1 => Ok(gpu.outputs.sm_mhz.load(Relaxed)),
        2 => Ok(gpu.outputs.mem_mhz.load(Relaxed)),
        3 => Err(code::NOT_SUPPORTED),
        _ => Err(code::INVALID_ARGUMENT),
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, mhz, look) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(device: Handle, kind: c_uint, mhz: *mut c_uint) -> Return {
    let look = |gpu: &GpuRecord| match kind {
        0 | 1 => Ok(gpu.identity.max_sm_mhz.load(Relaxed)),
        2 => Ok(gpu.identity.max_mem_mhz.load(Relaxed)),
        3 => Err(code::NOT_SUPPORTED),
        _ => Err(code::INVALID_ARGUMENT),
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, mhz, look) }
}

/// Copies a list NVML's way: the count in is the room, the count out is what there is.
///
/// # Safety
/// `count` is null or valid; `list` is null or valid for `*count` writes.
unsafe fn put_list(
    count: *mut c_uint,
    list: *mut c_uint,
    values: impl ExactSizeIterator<Item = u32>,
) -> Answer<()> {
    if count.is_null() {
        return Err(code::INVALID_ARGUMENT);
    }
    let there = values.len() as c_uint;
    // SAFETY: not null, and valid by the contract of the ABI.
    let room = unsafe { count.replace(there) };
    if list.is_null() || room < there {
        return Err(code::INSUFFICIENT_SIZE);
    }
    for (k, value) in values.enumerate() {
        // SAFETY: `k` is below the room the caller named.
        unsafe { list.add(k).write(value) };
    }
    Ok(())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSupportedMemoryClocks(
    device: Handle,
    count: *mut c_uint,
    clocks: *mut c_uint,
) -> Return {
    super::answer(session::on_gpu(device, |gpu| {
        let mhz = gpu.identity.max_mem_mhz.load(Relaxed);
        // SAFETY: passed on under the same contract.
        unsafe { put_list(count, clocks, std::iter::once(mhz)) }
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSupportedGraphicsClocks(
    device: Handle,
    memory_mhz: c_uint,
    count: *mut c_uint,
    clocks: *mut c_uint,
) -> Return {
    super::answer(session::on_gpu(device, |gpu| {
        let id = &gpu.identity;
        if memory_mhz != id.max_mem_mhz.load(Relaxed) {
            return Err(code::NOT_FOUND);
        }
        let (low, high) = (id.min_sm_mhz.load(Relaxed), id.max_sm_mhz.load(Relaxed));
        let steps = high.saturating_sub(low) / STEP_MHZ;
        // SAFETY: passed on under the same contract.
        unsafe { put_list(count, clocks, (0..steps as usize + 1).map(|k| high - STEP_MHZ * k as u32)) }
    }))
}

/// The supported clock at or below the one asked for.
fn snap(gpu: &GpuRecord, mhz: u32) -> u32 {
    let (low, high) = (gpu.identity.min_sm_mhz.load(Relaxed), gpu.identity.max_sm_mhz.load(Relaxed));
    if SYMBOLIC.contains(&mhz) || mhz >= high {
        return high;
    }
    (high - (high - mhz).div_ceil(STEP_MHZ) * STEP_MHZ).max(low)
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceSetGpuLockedClocks(device: Handle, min_mhz: c_uint, max_mhz: c_uint) -> Return {
    set(device, |gpu| {
        supported(gpu, quirk::NO_CLOCK_LOCK)?;
        if min_mhz > max_mhz || max_mhz == 0 {
            return Err(code::INVALID_ARGUMENT);
        }
        gpu.inputs.lock_min_mhz.store(snap(gpu, min_mhz), Relaxed);
        gpu.inputs.lock_max_mhz.store(snap(gpu, max_mhz), Relaxed);
        gpu.inputs.lock_writes.fetch_add(1, Relaxed);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceResetGpuLockedClocks(device: Handle) -> Return {
    set(device, |gpu| {
        supported(gpu, quirk::NO_CLOCK_LOCK)?;
        gpu.inputs.lock_min_mhz.store(0, Relaxed);
        gpu.inputs.lock_max_mhz.store(0, Relaxed);
        gpu.inputs.lock_writes.fetch_add(1, Relaxed);
        Ok(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(
    device: Handle,
    reasons: *mut c_ulonglong,
) -> Return {
    let look = |gpu: &GpuRecord| {
        supported(gpu, quirk::NO_REASONS)?;
        Ok(gpu.outputs.reasons.load(Relaxed))
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, reasons, look) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetCurrentClocksEventReasons(
    device: Handle,
    reasons: *mut c_ulonglong,
) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { nvmlDeviceGetCurrentClocksThrottleReasons(device, reasons) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSupportedClocksThrottleReasons(
    device: Handle,
    reasons: *mut c_ulonglong,
) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, reasons, |_| Ok(ALL_REASONS)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSupportedClocksEventReasons(
    device: Handle,
    reasons: *mut c_ulonglong,
) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { nvmlDeviceGetSupportedClocksThrottleReasons(device, reasons) }
}

/// `nvmlViolationTime_t`.
#[repr(C)]
struct ViolationTime {
    reference_us: c_ulonglong,
    violation_ns: c_ulonglong,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetViolationStatus(
    device: Handle,
    policy: c_uint,
    time: *mut ViolationTime,
) -> Return {
    let look = |gpu: &GpuRecord| {
        let out = &gpu.outputs;
        let violation_ns = match policy {
            0 => out.sw_power_ns.load(Relaxed),
            1 => out.sw_thermal_ns.load(Relaxed) + out.hw_thermal_ns.load(Relaxed),
            2 => out.sync_boost_ns.load(Relaxed),
            3 => out.power_brake_ns.load(Relaxed),
            4 | 5 | 10 | 11 => return Err(code::NOT_SUPPORTED),
            _ => return Err(code::INVALID_ARGUMENT),
        };
        Ok(ViolationTime { reference_us: out.stamp_us.load(Relaxed), violation_ns })
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, time, look) }
}
