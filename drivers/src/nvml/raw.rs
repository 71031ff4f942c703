//! The calls that the safe binding does not reach, and all `unsafe` of this driver.
//!
//! Responsible for: field values with every value type and by position, the margin, board handles that outlive a
//! borrow. Not for: what the numbers mean.
//!
//! The binding translates field ids by driver version and returns the translated ones. Here ids go to the driver as
//! they are, so the numbering is chosen once ([`Library::counters`]) and answers are matched by position.
#![allow(unsafe_code, reason = "NVML's C calls; each block says why it is sound")]

use nvml_wrapper::error::{NvmlError as Call, nvml_try};
use nvml_wrapper::{Device, FieldIdScheme, Nvml};
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlFieldValue_t, nvmlMarginTemperature_t};
use std::ffi::OsStr;

/// A board, as the driver knows it while the library is open.
#[derive(Clone, Copy)]
pub(super) struct Handle(nvmlDevice_t);

// SAFETY: NVML is thread-safe, and a handle is a token that only its calls look into.
unsafe impl Send for Handle {}

/// A field's number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl Number {
    pub(super) fn f64(self) -> f64 {
        match self {
            Self::Unsigned(n) => n as f64,
            Self::Signed(n) => n as f64,
            Self::Float(x) => x,
        }
    }

    pub(super) fn u64(self) -> u64 {
        match self {
            Self::Unsigned(n) => n,
            Self::Signed(n) => u64::try_from(n).unwrap_or(0),
            Self::Float(x) => x as u64,
        }
    }
}

/// One answer of a batch.
#[derive(Debug)]
pub(super) struct Field {
    /// Unix time of the value, us; 0 where the driver gave none.
    pub(super) stamp_us: i64,
    /// The value, or why there is none.
    pub(super) number: Result<Number, Call>,
}

/// The library, initialised.
pub(super) struct Library {
    nvml: Nvml,
}

impl Library {
    pub(super) fn open(path: &OsStr) -> Result<Self, Call> {
        Nvml::builder().lib_path(path).init().map(|nvml| Self { nvml })
    }

    pub(super) fn nvml(&self) -> &Nvml {
        &self.nvml
    }

    /// Ids of the counters of software thermal, hardware thermal and power brake: they moved with driver 580.82.
    pub(super) fn counters(&self) -> [u32; 3] {
        match self.nvml.field_id_scheme() {
            FieldIdScheme::V12 => [251, 252, 253],
            FieldIdScheme::V13Update1 => [269, 270, 271],
        }
    }

    pub(super) fn handle_at(&self, index: u32) -> Result<Handle, Call> {
        // SAFETY: the handle is only used through this library while it is open.
        self.nvml.device_by_index(index).map(|device| Handle(unsafe { device.handle() }))
    }

    pub(super) fn handle_of(&self, uuid: &str) -> Result<Handle, Call> {
        // SAFETY: as above.
        self.nvml.device_by_uuid(uuid).map(|device| Handle(unsafe { device.handle() }))
    }

    /// The binding's view of a board.
    pub(super) fn device(&self, handle: Handle) -> Device<'_> {
        // SAFETY: the handle came from this library, which stays open while the view is borrowed from it.
        unsafe { Device::new(handle.0, &self.nvml) }
    }

    /// One batched query of GPU-scope fields, answered position by position.
    pub(super) fn fields<const N: usize>(&self, handle: Handle, ids: [u32; N]) -> Result<[Field; N], Call> {
        let symbol = self.nvml.lib().nvmlDeviceGetFieldValues.as_ref().map_err(missing)?;
        // SAFETY: all zeros is a valid field value.
        let mut values: [nvmlFieldValue_t; N] = unsafe { std::mem::zeroed() };
        for (value, id) in values.iter_mut().zip(ids) {
            value.fieldId = id;
        }
        let count = i32::try_from(N).map_err(|_| Call::InvalidArg)?;
        // SAFETY: `count` field values of ours, a handle of this open library.
        nvml_try(unsafe { symbol(handle.0, count, values.as_mut_ptr()) })?;
        Ok(values.map(|value| Field { stamp_us: value.timestamp, number: number(&value) }))
    }

    /// Kelvin left before the board slows itself down.
    pub(super) fn margin(&self, handle: Handle) -> Result<i32, Call> {
        let symbol = self.nvml.lib().nvmlDeviceGetMarginTemperature.as_ref().map_err(missing)?;
        let version = size_of::<nvmlMarginTemperature_t>() as u32 | (1 << 24);
        let mut margin = nvmlMarginTemperature_t { version, marginTemperature: 0 };
        // SAFETY: a struct of ours with its version set, a handle of this open library.
        nvml_try(unsafe { symbol(handle.0, &raw mut margin) })?;
        Ok(margin.marginTemperature)
    }
}

fn missing(error: &impl std::fmt::Display) -> Call {
    Call::FailedToLoadSymbol(error.to_string())
}

fn number(field: &nvmlFieldValue_t) -> Result<Number, Call> {
    nvml_try(field.nvmlReturn)?;
    // SAFETY: the value type says which member of the union the driver wrote; every bit pattern is a number.
    unsafe {
        Ok(match field.valueType {
            0 => Number::Float(field.value.dVal),
            1 => Number::Unsigned(u64::from(field.value.uiVal)),
            2 => Number::Unsigned(field.value.ulVal),
            3 => Number::Unsigned(field.value.ullVal),
            4 => Number::Signed(field.value.sllVal),
            5 => Number::Signed(i64::from(field.value.siVal)),
            6 => Number::Unsigned(u64::from(field.value.usVal)),
            other => return Err(Call::UnexpectedVariant(other)),
        })
    }
}
