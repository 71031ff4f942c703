//! Initialisation, versions, error texts.

use super::{Return, answer, code, put_text, session};
use std::ffi::{CStr, c_char, c_uint};

/// The NVML version this ABI follows.
const NVML_VERSION: &str = "13.580.82";

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> Return {
    answer(session::init())
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> Return {
    answer(session::init())
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> Return {
    answer(session::shutdown())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetDriverVersion(version: *mut c_char, length: c_uint) -> Return {
    answer(session::on_page(|page| {
        // SAFETY: the caller's buffer, by the contract of the ABI.
        unsafe { put_text(version, length, |f| page.header().driver_version.each_byte(f)) }
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetNVMLVersion(version: *mut c_char, length: c_uint) -> Return {
    answer(session::on_page(|_| {
        // SAFETY: the caller's buffer, by the contract of the ABI.
        unsafe { put_text(version, length, |f| NVML_VERSION.bytes().for_each(f)) }
    }))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlErrorString(result: Return) -> *const c_char {
    let text: &CStr = match result {
        code::SUCCESS => c"The operation was successful",
        code::UNINITIALIZED => c"NVML was not first initialized with nvmlInit()",
        code::INVALID_ARGUMENT => c"A supplied argument is invalid",
        code::NOT_SUPPORTED => c"The requested operation is not available on target device",
        code::NO_PERMISSION => c"The current user does not have permission for operation",
        code::NOT_FOUND => c"A query to find an object was unsuccessful",
        code::INSUFFICIENT_SIZE => c"An input argument is not large enough",
        code::DRIVER_NOT_LOADED => c"NVIDIA driver is not loaded",
        code::GPU_IS_LOST => c"The GPU has fallen off the bus or has otherwise become inaccessible",
        code::ARGUMENT_VERSION_MISMATCH => c"The provided version is invalid/unsupported",
        _ => c"Unknown Error",
    };
    text.as_ptr()
}
