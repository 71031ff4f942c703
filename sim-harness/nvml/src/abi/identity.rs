//! Which GPUs there are: handles, UUID, name, serial, bus address, memory, utilisation, persistence.

use super::{Handle, Return, answer, code, get, put_text, session, set, version_word};
use std::ffi::{CStr, c_char, c_uint, c_ulonglong};
use std::sync::atomic::Ordering::Relaxed;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> Return {
    if count.is_null() {
        return code::INVALID_ARGUMENT;
    }
    // SAFETY: not null, and valid by the contract of the ABI.
    answer(session::count().map(|n| unsafe { count.write(n) }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, device: *mut Handle) -> Return {
    if device.is_null() {
        return code::INVALID_ARGUMENT;
    }
    // SAFETY: not null, and valid by the contract of the ABI.
    answer(session::handle_at(index).map(|handle| unsafe { device.write(handle) }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetHandleByUUID(uuid: *const c_char, device: *mut Handle) -> Return {
    if uuid.is_null() || device.is_null() {
        return code::INVALID_ARGUMENT;
    }
    // SAFETY: a zero-terminated text, by the contract of the ABI.
    let Ok(uuid) = unsafe { CStr::from_ptr(uuid) }.to_str() else { return code::INVALID_ARGUMENT };
    let found = session::handle_of(|gpu| gpu.identity.uuid.is(uuid));
    // SAFETY: not null, and valid by the contract of the ABI.
    answer(found.map(|handle| unsafe { device.write(handle) }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetIndex(device: Handle, index: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, index, |_| session::index_of(device).map(|i| i as c_uint)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMinorNumber(device: Handle, minor: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { nvmlDeviceGetIndex(device, minor) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetUUID(device: Handle, uuid: *mut c_char, length: c_uint) -> Return {
    // SAFETY: the caller's buffer, by the contract of the ABI.
    answer(session::on_gpu(device, |gpu| unsafe {
        put_text(uuid, length, |f| gpu.identity.uuid.each_byte(f))
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetName(device: Handle, name: *mut c_char, length: c_uint) -> Return {
    // SAFETY: the caller's buffer, by the contract of the ABI.
    answer(session::on_gpu(device, |gpu| unsafe {
        put_text(name, length, |f| gpu.identity.name.each_byte(f))
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSerial(device: Handle, serial: *mut c_char, length: c_uint) -> Return {
    answer(session::on_gpu(device, |gpu| {
        if gpu.identity.serial.is("") {
            return Err(code::NOT_SUPPORTED);
        }
        // SAFETY: the caller's buffer, by the contract of the ABI.
        unsafe { put_text(serial, length, |f| gpu.identity.serial.each_byte(f)) }
    }))
}

/// `nvmlPciInfo_t`.
#[repr(C)]
struct PciInfo {
    bus_id_legacy: [u8; 16],
    domain: c_uint,
    bus: c_uint,
    device: c_uint,
    pci_device_id: c_uint,
    pci_subsystem_id: c_uint,
    bus_id: [u8; 32],
}

fn zero_terminated<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0_u8; N];
    for (to, from) in bytes.iter_mut().take(N - 1).zip(text.bytes()) {
        *to = from;
    }
    bytes
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(device: Handle, pci: *mut PciInfo) -> Return {
    let look = |_: &_| {
        // Eight boards per domain, on the buses an HGX baseboard has them on (spaced, from 0x19).
        let index = session::index_of(device)?;
        let (domain, bus) = (index / 8, 0x19 + 0x1b * (index % 8));
        Ok(PciInfo {
            bus_id_legacy: zero_terminated(&format!("{domain:04X}:{bus:02X}:00.0")),
            domain: domain as c_uint,
            bus: bus as c_uint,
            device: 0,
            pci_device_id: 0x2330_10DE,
            pci_subsystem_id: 0x16C1_10DE,
            bus_id: zero_terminated(&format!("{domain:08X}:{bus:02X}:00.0")),
        })
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, pci, look) }
}

/// `nvmlMemory_t`.
#[repr(C)]
struct Memory {
    total: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

/// `nvmlMemory_v2_t`.
#[repr(C)]
struct MemoryV2 {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMemoryInfo(device: Handle, memory: *mut Memory) -> Return {
    let look = |gpu: &crate::page::record::GpuRecord| {
        let total = gpu.identity.memory_bytes.load(Relaxed);
        let used = gpu.outputs.memory_used_bytes.load(Relaxed).min(total);
        Ok(Memory { total, free: total - used, used })
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, memory, look) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Handle, memory: *mut MemoryV2) -> Return {
    let version = version_word::<MemoryV2>(2);
    // SAFETY: not null, and valid by the contract of the ABI.
    if !memory.is_null() && unsafe { (*memory).version } != version {
        return code::ARGUMENT_VERSION_MISMATCH;
    }
    let mut plain = Memory { total: 0, free: 0, used: 0 };
    // SAFETY: `plain` is ours.
    let returned = unsafe { nvmlDeviceGetMemoryInfo(device, &raw mut plain) };
    if returned != code::SUCCESS {
        return returned;
    }
    let Memory { total, free, used } = plain;
    // SAFETY: passed on under the same contract.
    unsafe { get(device, memory, |_| Ok(MemoryV2 { version, total, reserved: 0, free, used })) }
}

/// `nvmlUtilization_t`.
#[repr(C)]
struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetUtilizationRates(device: Handle, utilization: *mut Utilization) -> Return {
    let look = |gpu: &crate::page::record::GpuRecord| {
        let out = &gpu.outputs;
        Ok(Utilization { gpu: out.gpu_percent.load(Relaxed), memory: out.memory_percent.load(Relaxed) })
    };
    // SAFETY: passed on under the same contract.
    unsafe { get(device, utilization, look) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPerformanceState(device: Handle, state: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, state, |gpu| Ok(gpu.outputs.performance_state.load(Relaxed))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPersistenceMode(device: Handle, mode: *mut c_uint) -> Return {
    // SAFETY: passed on under the same contract.
    unsafe { get(device, mode, |gpu| Ok(gpu.inputs.persistence.load(Relaxed))) }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceSetPersistenceMode(device: Handle, mode: c_uint) -> Return {
    set(device, |gpu| {
        if mode > 1 {
            return Err(code::INVALID_ARGUMENT);
        }
        gpu.inputs.persistence.store(mode, Relaxed);
        Ok(())
    })
}
