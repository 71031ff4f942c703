//! The driver's ring of recent samples.

use super::fields::Value;
use super::{Handle, Return, answer, code, session};
use std::ffi::{c_uint, c_ulonglong};

/// `nvmlSamplingType_t`: total board power.
const TOTAL_POWER: c_uint = 0;
/// `nvmlValueType_t`: unsigned int.
const UNSIGNED_INT: c_uint = 1;

/// `nvmlSample_t`.
#[repr(C)]
struct Sample {
    stamp_us: c_ulonglong,
    value: Value,
}

/// Power samples newer than `last_seen_us`. With `samples` null, `count` becomes the size of the ring.
#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSamples(
    device: Handle,
    kind: c_uint,
    last_seen_us: c_ulonglong,
    value_type: *mut c_uint,
    count: *mut c_uint,
    samples: *mut Sample,
) -> Return {
    if value_type.is_null() || count.is_null() {
        return code::INVALID_ARGUMENT;
    }
    answer(session::on_gpu(device, |gpu| {
        if kind != TOTAL_POWER {
            return Err(code::NOT_SUPPORTED);
        }
        // SAFETY: not null, and valid by the contract of the ABI.
        let room = unsafe {
            value_type.write(UNSIGNED_INT);
            count.read() as usize
        };
        if samples.is_null() {
            // SAFETY: as above.
            unsafe { count.write(crate::page::RING_SLOTS as c_uint) };
            return Ok(());
        }
        let mut used = 0_usize;
        gpu.ring.since(last_seen_us, |stamp_us, power_mw| {
            if used < room {
                // SAFETY: `used` is below the room the caller named.
                unsafe { samples.add(used).write(Sample { stamp_us, value: Value::unsigned(power_mw) }) };
                used += 1;
            }
        });
        // SAFETY: as above.
        unsafe { count.write(used as c_uint) };
        if used == 0 { Err(code::NOT_FOUND) } else { Ok(()) }
    }))
}
