//! `nvmlDeviceGetFieldValues`: many values in one call, each with its own return code and stamp.
//!
//! The clocks-event counters moved: software thermal, hardware thermal and power brake stand at 251-253 before
//! driver 580.82 and at 269-271 from there on, where 251-253 mean power smoothing. A stale id therefore answers
//! with a plausible wrong number (0: "smoothing off") and not with an error; so does this one.

use super::power::{SCOPE_GPU, SCOPE_MEMORY, SCOPE_MODULE};
use super::{Answer, Handle, Return, answer, code, has, session, supported};
use crate::page::{quirk, record::GpuRecord};
use std::ffi::{c_int, c_longlong, c_uint};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// `nvmlValue_t`, as the eight bytes that it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Value(u64);

impl Value {
    pub(super) fn unsigned(value: u32) -> Self {
        Self(u64::from(value))
    }
    fn signed(value: i32) -> Self {
        // The union's signed int is its first four bytes.
        Self(u64::from(value.cast_unsigned()))
    }
}

/// `nvmlFieldValue_t`.
#[repr(C)]
pub(super) struct FieldValue {
    field_id: c_uint,
    scope_id: c_uint,
    timestamp_us: c_longlong,
    latency_us: c_longlong,
    value_type: c_uint,
    nvml_return: Return,
    value: Value,
}

/// A value and its `nvmlValueType_t`.
type Typed = (c_uint, Value);

fn uint(value: u32) -> Answer<Typed> {
    Ok((1, Value::unsigned(value)))
}

fn ulonglong(value: u64) -> Answer<Typed> {
    Ok((3, Value(value)))
}

fn int(value: i32) -> Answer<Typed> {
    Ok((5, Value::signed(value)))
}

fn counter(gpu: &GpuRecord, value_ns: u64) -> Answer<Typed> {
    supported(gpu, quirk::NO_COUNTERS)?;
    ulonglong(value_ns)
}

/// A T.Limit threshold: how far the margin may fall, K (0 or negative).
fn t_limit(gpu: &GpuRecord, threshold_c: i32, max_c: i32) -> Answer<Typed> {
    supported(gpu, quirk::NO_T_LIMIT)?;
    int(max_c - threshold_c)
}

fn power(gpu: &GpuRecord, scope: u32, of_gpu_mw: u32) -> Answer<Typed> {
    let out = &gpu.outputs;
    match scope {
        SCOPE_GPU => uint(of_gpu_mw),
        SCOPE_MODULE if has(gpu, quirk::MODULE_SCOPE) => uint(out.module_power_mw.load(Relaxed)),
        SCOPE_MEMORY => uint(out.memory_power_mw.load(Relaxed)),
        _ => Err(code::NOT_SUPPORTED),
    }
}

fn limit(gpu: &GpuRecord, scope: u32, of_gpu_mw: u32) -> Answer<Typed> {
    match scope {
        SCOPE_GPU => uint(of_gpu_mw),
        SCOPE_MODULE if has(gpu, quirk::MODULE_SCOPE) => uint(gpu.inputs.module_limit_mw.load(Relaxed)),
        _ => Err(code::NOT_SUPPORTED),
    }
}

/// Fields 251-253 and 269-271 under the driver's own numbering.
fn moved(gpu: &GpuRecord, id: u32, new_ids: bool) -> Answer<Typed> {
    let out = &gpu.outputs;
    match (id, new_ids) {
        (251, false) | (269, true) => counter(gpu, out.sw_thermal_ns.load(Relaxed)),
        (252, false) | (270, true) => counter(gpu, out.hw_thermal_ns.load(Relaxed)),
        (253, false) | (271, true) => counter(gpu, out.power_brake_ns.load(Relaxed)),
        (251..=253, true) => uint(0),
        _ => Err(code::NOT_SUPPORTED),
    }
}

fn look_up(gpu: &GpuRecord, id: u32, scope: u32, new_ids: bool) -> Answer<Typed> {
    let (out, identity) = (&gpu.outputs, &gpu.identity);
    let gpu_max_c = || identity.gpu_max_c.load(Relaxed);
    match id {
        74 => counter(gpu, out.sw_power_ns.load(Relaxed)),
        75 => counter(gpu, out.sw_thermal_ns.load(Relaxed) + out.hw_thermal_ns.load(Relaxed)),
        76 => counter(gpu, out.sync_boost_ns.load(Relaxed)),
        82 => {
            supported(gpu, quirk::NO_HBM)?;
            uint(out.hbm_c.load(Relaxed).max(0).cast_unsigned())
        }
        83 | 191 => {
            supported(gpu, quirk::NO_ENERGY)?;
            ulonglong(out.energy_mj.load(Relaxed))
        }
        185 => power(gpu, scope, out.power_average_mw.load(Relaxed)),
        186 => {
            supported(gpu, quirk::NO_INSTANT_POWER)?;
            power(gpu, scope, out.power_instant_mw.load(Relaxed))
        }
        187 => limit(gpu, scope, identity.min_limit_mw.load(Relaxed)),
        188 => limit(gpu, scope, identity.max_limit_mw.load(Relaxed)),
        189 => limit(gpu, scope, identity.default_limit_mw.load(Relaxed)),
        190 => limit(gpu, scope, gpu.enforced_limit_mw()),
        192 => limit(gpu, scope, gpu.inputs.requested_limit_mw.load(Relaxed)),
        193 => t_limit(gpu, identity.shutdown_c.load(Relaxed), gpu_max_c()),
        194 => t_limit(gpu, identity.slowdown_c.load(Relaxed), gpu_max_c()),
        195 => t_limit(gpu, identity.memory_max_c.load(Relaxed), identity.memory_max_c.load(Relaxed)),
        196 => t_limit(gpu, gpu_max_c(), gpu_max_c()),
        251..=273 => moved(gpu, id, new_ids),
        _ => Err(code::NOT_SUPPORTED),
    }
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn nvmlDeviceGetFieldValues(
    device: Handle,
    count: c_int,
    values: *mut FieldValue,
) -> Return {
    let Ok(count @ 1..) = usize::try_from(count) else { return code::INVALID_ARGUMENT };
    if values.is_null() {
        return code::INVALID_ARGUMENT;
    }
    // SAFETY: `count` field values of the caller's, by the contract of the ABI.
    let values = unsafe { std::slice::from_raw_parts_mut(values, count) };
    let begun = Instant::now();
    let new_ids = session::new_field_ids();
    answer(session::on_gpu(device, |gpu| {
        let new_ids = new_ids?;
        let silent = has(gpu, quirk::ZERO_STAMPS);
        let stamp_us = gpu.outputs.stamp_us.load(Relaxed).cast_signed();
        for field in &mut *values {
            let found = look_up(gpu, field.field_id, field.scope_id, new_ids);
            (field.timestamp_us, field.latency_us) = (if silent { 0 } else { stamp_us }, 0);
            (field.nvml_return, field.value_type, field.value) = match found {
                Ok((kind, _)) if silent => (code::SUCCESS, kind, Value(0)),
                Ok((kind, value)) => (code::SUCCESS, kind, value),
                Err(code) => (code, 0, Value(0)),
            };
        }
        let latency_us = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        values.iter_mut().for_each(|field| field.latency_us = latency_us);
        Ok(())
    }))
}
