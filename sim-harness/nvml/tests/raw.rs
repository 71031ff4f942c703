//! What the common binding does not reach: scopes, signed values, margin, limits with a scope.
#![allow(missing_docs, unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{isolated, nvml, with_page};
use headroom_nvml_abi::page::quirk;
use nvml_wrapper::Nvml;
use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlFieldValue_t, nvmlMarginTemperature_t, nvmlPowerValue_v2_t,
};

fn device(nvml: &Nvml) -> nvmlDevice_t {
    unsafe { nvml.device_by_index(0).unwrap().handle() }
}

fn field(nvml: &Nvml, id: u32, scope: u32) -> nvmlFieldValue_t {
    let mut value: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
    (value.fieldId, value.scopeId) = (id, scope);
    let returned = unsafe { nvml.lib().nvmlDeviceGetFieldValues(device(nvml), 1, &raw mut value) };
    assert_eq!(returned, 0);
    value
}

#[test]
fn t_limits_are_signed() {
    isolated("t_limits_are_signed", &[], |page| {
        let world = with_page(&page, "580.82.07", 1);
        let nvml = nvml();
        let limits = [193, 194, 195, 196].map(|id| {
            let value = field(&nvml, id, 0);
            assert_eq!((value.nvmlReturn, value.valueType), (0, 5));
            unsafe { value.value.siVal }
        });
        assert_eq!(limits, [-8, -2, 0, 0]);
        world.set_quirks(0, quirk::NO_T_LIMIT);
        assert_eq!(field(&nvml, 194, 0).nvmlReturn, 3);
    });
}

#[test]
fn a_stale_field_id_answers_plausibly() {
    isolated("a_stale_field_id_answers_plausibly", &[], |page| {
        let _world = with_page(&page, "580.82.07", 1);
        let nvml = nvml();
        let stale = field(&nvml, 251, 0);
        assert_eq!((stale.nvmlReturn, stale.valueType), (0, 1));
        assert_eq!(unsafe { field(&nvml, 269, 0).value.ullVal }, 251);
    });
}

#[test]
fn scopes() {
    isolated("scopes", &[], |page| {
        let world = with_page(&page, "535.104.05", 1);
        let nvml = nvml();
        assert_eq!(unsafe { field(&nvml, 186, 0).value.uiVal }, 612_345);
        assert_eq!(unsafe { field(&nvml, 186, 2).value.uiVal }, 60_000);
        assert_eq!(field(&nvml, 186, 1).nvmlReturn, 3, "an H100 has no module scope");
        assert_eq!(field(&nvml, 190, 2).nvmlReturn, 3);
        assert_eq!(field(&nvml, 269, 0).nvmlReturn, 3, "269 is unknown to an old driver");
        let set = |scope, mw| {
            let version = size_of::<nvmlPowerValue_v2_t>() as u32 | 2 << 24;
            let mut value = nvmlPowerValue_v2_t { version, powerScope: scope, powerValueMw: mw };
            unsafe { nvml.lib().nvmlDeviceSetPowerManagementLimit_v2(device(&nvml), &raw mut value) }
        };
        assert_eq!((set(0, 450_000), set(0, 100_000), set(1, 800_000), set(9, 450_000)), (0, 2, 3, 2));
        assert_eq!(world.requests(0).unwrap().requested_limit_mw, 450_000);
        world.set_quirks(0, quirk::MODULE_SCOPE);
        assert_eq!(set(1, 800_000), 0);
        assert_eq!(unsafe { field(&nvml, 190, 1).value.uiVal }, 800_000);
    });
}

#[test]
fn margin_goes_below_zero() {
    isolated("margin_goes_below_zero", &[], |page| {
        let world = with_page(&page, "580.82.07", 1);
        let nvml = nvml();
        let margin = |version| {
            let mut margin = nvmlMarginTemperature_t { version, marginTemperature: 99 };
            let returned =
                unsafe { nvml.lib().nvmlDeviceGetMarginTemperature(device(&nvml), &raw mut margin) };
            (returned, margin.marginTemperature)
        };
        let version = size_of::<nvmlMarginTemperature_t>() as u32 | 1 << 24;
        assert_eq!(margin(version), (0, -3));
        assert_eq!(margin(0).0, 25);
        world.set_quirks(0, quirk::NO_MARGIN);
        assert_eq!(margin(version).0, 3);
    });
}

#[test]
fn nonsense_is_refused() {
    isolated("nonsense_is_refused", &[], |page| {
        let _world = with_page(&page, "580.82.07", 1);
        let nvml = nvml();
        let gpu = device(&nvml);
        unsafe {
            assert_eq!(nvml.lib().nvmlDeviceGetPowerUsage(gpu, std::ptr::null_mut()), 2);
            assert_eq!(nvml.lib().nvmlDeviceGetFieldValues(gpu, 0, std::ptr::null_mut()), 2);
            let mut power = 0;
            assert_eq!(nvml.lib().nvmlDeviceGetPowerUsage(std::ptr::null_mut(), &raw mut power), 2);
            let beyond = std::ptr::without_provenance_mut(1000);
            assert_eq!(nvml.lib().nvmlDeviceGetPowerUsage(beyond, &raw mut power), 2);
            let mut short = [0_i8; 8];
            assert_eq!(nvml.lib().nvmlDeviceGetUUID(gpu, short.as_mut_ptr().cast(), 8), 7);
        }
    });
}
