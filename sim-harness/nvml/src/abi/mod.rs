//! NVML's C ABI over the page.
//!
//! Responsible for: the symbols a power agent resolves (NVML 12 and 13 names), their argument checks and return
//! codes. One file per group of getters. Symbols that are not here are simply missing, as in older drivers.
//!
//! Not for: choosing values; every number comes from the page.
//!
//! Contract with the C caller, for every function here: pointers are either null (answered with
//! `INVALID_ARGUMENT`) or valid for the type NVML documents; buffers are as long as the length passed with them.
#![allow(unsafe_code, reason = "a C ABI: exported symbols and caller-owned pointers")]
#![allow(non_snake_case, reason = "NVML's symbol names")]

mod clocks;
mod fields;
mod identity;
mod power;
mod samples;
mod session;
mod system;
#[cfg(test)]
mod tests;
mod thermal;

use crate::page::{quirk, record::GpuRecord};
use std::ffi::{c_char, c_uint};
use std::sync::atomic::Ordering::Relaxed;

/// `nvmlReturn_t`.
type Return = c_uint;

/// `nvmlDevice_t`: one more than the GPU's index among those shown.
type Handle = *mut std::ffi::c_void;

/// The return codes used here.
mod code {
    use super::Return;
    pub(super) const SUCCESS: Return = 0;
    pub(super) const UNINITIALIZED: Return = 1;
    pub(super) const INVALID_ARGUMENT: Return = 2;
    pub(super) const NOT_SUPPORTED: Return = 3;
    pub(super) const NO_PERMISSION: Return = 4;
    pub(super) const NOT_FOUND: Return = 6;
    pub(super) const INSUFFICIENT_SIZE: Return = 7;
    pub(super) const DRIVER_NOT_LOADED: Return = 9;
    pub(super) const GPU_IS_LOST: Return = 15;
    pub(super) const ARGUMENT_VERSION_MISMATCH: Return = 25;
}

type Answer<T> = Result<T, Return>;

fn answer(result: Answer<()>) -> Return {
    match result {
        Ok(()) => code::SUCCESS,
        Err(code) => code,
    }
}

/// Runs a getter on one GPU and puts what it found where the caller wants it.
///
/// # Safety
/// `out` is null or valid for a write of `T`.
unsafe fn get<T>(device: Handle, out: *mut T, f: impl FnOnce(&GpuRecord) -> Answer<T>) -> Return {
    if out.is_null() {
        return code::INVALID_ARGUMENT;
    }
    answer(session::on_gpu(device, f).map(|value| {
        // SAFETY: not null, and valid by the contract of the ABI.
        unsafe { out.write(value) }
    }))
}

/// Runs a setter on one GPU, if writes are allowed at all.
fn set(device: Handle, f: impl FnOnce(&GpuRecord) -> Answer<()>) -> Return {
    answer(session::on_gpu(device, |gpu| {
        if session::writes_denied() || has(gpu, quirk::WRITES_DENIED) {
            return Err(code::NO_PERMISSION);
        }
        f(gpu)
    }))
}

fn has(gpu: &GpuRecord, quirk: u32) -> bool {
    gpu.control.quirks.load(Relaxed) & quirk != 0
}

/// `Ok` unless the GPU has the quirk of not supporting this.
fn supported(gpu: &GpuRecord, quirk: u32) -> Answer<()> {
    if has(gpu, quirk) { Err(code::NOT_SUPPORTED) } else { Ok(()) }
}

/// Copies a text with its closing zero into a caller's buffer.
///
/// # Safety
/// `buffer` is null or valid for writes of `length` bytes.
unsafe fn put_text(
    buffer: *mut c_char,
    length: c_uint,
    each_byte: impl FnOnce(&mut dyn FnMut(u8)),
) -> Answer<()> {
    if buffer.is_null() {
        return Err(code::INVALID_ARGUMENT);
    }
    let room = length as usize;
    let mut used = 0_usize;
    each_byte(&mut |byte| {
        if used + 1 < room {
            // SAFETY: `used` is below the length of the caller's buffer.
            unsafe { buffer.add(used).write(byte as c_char) };
        }
        used += 1;
    });
    if used >= room {
        return Err(code::INSUFFICIENT_SIZE);
    }
    // SAFETY: `used` is below the length of the caller's buffer.
    unsafe { buffer.add(used).write(0) };
    Ok(())
}

/// NVML's version word of a struct: its size, and the version in the top byte.
const fn version_word<T>(version: u32) -> c_uint {
    size_of::<T>() as u32 | (version << 24)
}
