//! The library as the common Rust binding sees it.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{busy, isolated, nvml, uuid, with_page};
use headroom_nvml_abi::page::quirk;
use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::{
    Clock, PerformancePolicy, Sampling, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::enums::device::{GpuLockedClocksSetting, SampleValue};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper_sys::bindings::field_id;

#[test]
fn getters_show_the_page() {
    isolated("getters_show_the_page", &[], |page| {
        let world = with_page(&page, "535.104.05", 16);
        let nvml = nvml();
        assert_eq!(nvml.device_count().unwrap(), 16);
        assert_eq!(nvml.sys_driver_version().unwrap(), "535.104.05");
        let gpu = nvml.device_by_uuid(uuid(9)).unwrap();
        assert_eq!(gpu.index().unwrap(), 9);
        assert_eq!(gpu.uuid().unwrap(), uuid(9));
        assert_eq!(gpu.name().unwrap(), "NVIDIA H100 80GB HBM3");
        assert_eq!(gpu.pci_info().unwrap().bus_id, "00000001:34:00.0");
        assert_eq!(gpu.power_usage().unwrap(), 500_000);
        assert_eq!(gpu.total_energy_consumption().unwrap(), 5_000_000_000_000);
        assert_eq!(gpu.clock_info(Clock::SM).unwrap(), 1755);
        assert_eq!(gpu.max_clock_info(Clock::SM).unwrap(), 1980);
        assert_eq!(gpu.temperature(TemperatureSensor::Gpu).unwrap(), 61);
        assert_eq!(gpu.temperature_threshold(TemperatureThreshold::Slowdown).unwrap(), 89);
        assert_eq!(gpu.current_throttle_reasons_strict().unwrap().bits(), 0x24);
        assert_eq!(gpu.utilization_rates().unwrap().gpu, 99);
        assert_eq!(gpu.memory_info().unwrap().used, 40 << 30);
        assert_eq!(gpu.violation_status(PerformancePolicy::Thermal).unwrap().violation_time, 251 + 252);
        assert!(matches!(gpu.serial(), Err(NvmlError::NotSupported)));
        let clocks = gpu.supported_graphics_clocks(2619).unwrap();
        assert_eq!((clocks[0], clocks.len(), clocks[clocks.len() - 1]), (1980, 110, 345));
        world.publish(9, &headroom_nvml_abi::page::GpuOutputs { sm_mhz: 345, ..busy() });
        assert_eq!(gpu.clock_info(Clock::SM).unwrap(), 345);
    });
}

fn check_counters(nvml: &Nvml) {
    let gpu = nvml.device_by_index(0).unwrap();
    let ids = [
        field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP,
        field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST,
        field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN,
        field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN,
        field_id::NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN,
    ];
    let answers = gpu.field_values_for(&ids.map(FieldId)).unwrap();
    let values = answers.into_iter().map(|a| match a.unwrap().value.unwrap() {
        SampleValue::U64(ns) => ns,
        other => panic!("a counter of type {other:?}"),
    });
    assert_eq!(values.collect::<Vec<_>>(), [74, 76, 251, 252, 253]);
}

#[test]
fn counters_stand_at_251_on_old_drivers() {
    isolated("counters_stand_at_251_on_old_drivers", &[], |page| {
        let _world = with_page(&page, "580.65.06", 1);
        check_counters(&nvml());
    });
}

#[test]
fn counters_stand_at_269_on_new_drivers() {
    isolated("counters_stand_at_269_on_new_drivers", &[], |page| {
        let _world = with_page(&page, "580.82.07", 1);
        check_counters(&nvml());
    });
}

#[test]
fn fields_answer_one_by_one() {
    isolated("fields_answer_one_by_one", &[], |page| {
        let world = with_page(&page, "580.82.07", 1);
        world.set_quirks(0, quirk::NO_HBM);
        let nvml = nvml();
        let gpu = nvml.device_by_index(0).unwrap();
        let answers = gpu.field_values_for(&[186, 82, 83, 190, 194].map(FieldId)).unwrap();
        let sample = answers[0].as_ref().unwrap();
        assert_eq!(sample.timestamp, 1_790_000_000_000_000);
        assert!(matches!(sample.value, Ok(SampleValue::U32(612_345))));
        assert!(matches!(answers[1].as_ref().unwrap().value, Err(NvmlError::NotSupported)));
        assert!(matches!(answers[2].as_ref().unwrap().value, Ok(SampleValue::U64(5_000_000_000_000))));
        assert!(matches!(answers[3].as_ref().unwrap().value, Ok(SampleValue::U32(700_000))));
        // The binding cannot read signed ints: it says so here as it does on real boards.
        assert!(answers[4].is_err() || answers[4].as_ref().unwrap().value.is_err());
        world.set_quirks(0, quirk::ZERO_STAMPS);
        let silent = gpu.field_values_for(&[FieldId(186)]).unwrap();
        let sample = silent[0].as_ref().unwrap();
        assert!(sample.timestamp == 0 && matches!(sample.value, Ok(SampleValue::U32(0))));
    });
}

#[test]
fn setters_read_back() {
    isolated("setters_read_back", &[], |page| {
        let world = with_page(&page, "535.104.05", 2);
        let nvml = nvml();
        let mut gpu = nvml.device_by_uuid(uuid(1)).unwrap();
        gpu.set_power_management_limit(450_000).unwrap();
        assert_eq!(gpu.power_management_limit().unwrap(), 450_000);
        assert_eq!(gpu.enforced_power_limit().unwrap(), 450_000);
        world.set_oob_limit_mw(1, Some(400_000));
        assert_eq!(gpu.enforced_power_limit().unwrap(), 400_000);
        world.set_stuck_limit_mw(1, Some(700_000));
        assert_eq!(gpu.enforced_power_limit().unwrap(), 700_000);
        for refused in [199_999, 700_001, 0] {
            assert!(matches!(gpu.set_power_management_limit(refused), Err(NvmlError::InvalidArg)));
        }
        let lock =
            |min_clock_mhz, max_clock_mhz| GpuLockedClocksSetting::Numeric { min_clock_mhz, max_clock_mhz };
        gpu.set_gpu_locked_clocks(lock(345, 1500)).unwrap();
        assert_eq!(world.requests(1).unwrap().lock_mhz, Some((345, 1500)));
        gpu.set_gpu_locked_clocks(lock(0, 1499)).unwrap();
        assert_eq!(world.requests(1).unwrap().lock_mhz, Some((345, 1485)), "clocks come in steps of 15 MHz");
        assert!(matches!(gpu.set_gpu_locked_clocks(lock(1500, 345)), Err(NvmlError::InvalidArg)));
        gpu.reset_gpu_locked_clocks().unwrap();
        gpu.set_persistent(true).unwrap();
        let asked = world.requests(1).unwrap();
        assert_eq!(
            (asked.lock_mhz, asked.persistence, asked.limit_writes, asked.lock_writes),
            (None, true, 1, 3)
        );
        assert_eq!(world.requests(0).unwrap().limit_writes, 0, "the neighbour is untouched");
        world.set_quirks(1, quirk::LIMIT_IGNORED);
        gpu.set_power_management_limit(300_000).unwrap();
        assert_eq!(gpu.power_management_limit().unwrap(), 450_000);
        world.reload_driver(1);
        assert_eq!(gpu.power_management_limit().unwrap(), 700_000);
    });
}

#[test]
fn denied_writes_change_nothing() {
    isolated("denied_writes_change_nothing", &[("HEADROOM_NVML_DENY_WRITES", "1")], |page| {
        let world = with_page(&page, "535.104.05", 1);
        let before = world.requests(0);
        let nvml = nvml();
        let mut gpu = nvml.device_by_index(0).unwrap();
        assert!(matches!(gpu.set_power_management_limit(450_000), Err(NvmlError::NoPermission)));
        assert!(matches!(gpu.reset_gpu_locked_clocks(), Err(NvmlError::NoPermission)));
        assert!(matches!(gpu.set_persistent(true), Err(NvmlError::NoPermission)));
        assert_eq!(world.requests(0), before);
    });
}

#[test]
fn a_lost_gpu_takes_nobody_along() {
    isolated("a_lost_gpu_takes_nobody_along", &[], |page| {
        let world = with_page(&page, "535.104.05", 2);
        let nvml = nvml();
        let (mut lost, well) = (nvml.device_by_index(0).unwrap(), nvml.device_by_index(1).unwrap());
        world.set_present(0, false);
        assert!(matches!(lost.power_usage(), Err(NvmlError::GpuLost)));
        assert!(matches!(lost.uuid(), Err(NvmlError::GpuLost)));
        assert!(matches!(lost.field_values_for(&[FieldId(186)]), Err(NvmlError::GpuLost)));
        assert!(matches!(lost.set_power_management_limit(450_000), Err(NvmlError::GpuLost)));
        assert!(matches!(nvml.device_by_index(0), Err(NvmlError::GpuLost)));
        assert_eq!(nvml.device_count().unwrap(), 2);
        assert_eq!(well.power_usage().unwrap(), 500_000);
        world.set_present(0, true);
        assert_eq!(lost.power_usage().unwrap(), 500_000);
    });
}

#[test]
fn a_host_sees_its_own_gpus() {
    isolated("a_host_sees_its_own_gpus", &[("HEADROOM_NVML_HOST", "node-02")], |page| {
        let world = with_page(&page, "535.104.05", 24);
        let nvml = nvml();
        assert_eq!(nvml.device_count().unwrap(), 8);
        let mut gpu = nvml.device_by_index(0).unwrap();
        assert_eq!(gpu.uuid().unwrap(), uuid(8));
        assert!(matches!(nvml.device_by_uuid(uuid(0)), Err(NvmlError::NotFound)));
        gpu.set_power_management_limit(450_000).unwrap();
        assert_eq!(world.requests(8).unwrap().requested_limit_mw, 450_000);
        assert!(nvml.device_by_index(8).is_err());
    });
}

#[test]
fn samples_come_once() {
    isolated("samples_come_once", &[], |page| {
        let world = with_page(&page, "535.104.05", 1);
        let nvml = nvml();
        let gpu = nvml.device_by_index(0).unwrap();
        let start = busy().stamp_us;
        for k in 1..200 {
            world.publish(0, &headroom_nvml_abi::page::GpuOutputs { stamp_us: start + k * 16_667, ..busy() });
        }
        let all = gpu.samples(Sampling::Power, None).unwrap();
        assert_eq!(all.len(), 128);
        assert!(all.windows(2).all(|w| w[0].timestamp < w[1].timestamp));
        let newest = all[all.len() - 1].timestamp;
        assert!(matches!(gpu.samples(Sampling::Power, newest), Err(NvmlError::NotFound)));
        assert_eq!(gpu.samples(Sampling::Power, newest - 40_000).unwrap().len(), 3);
        assert!(matches!(gpu.samples(Sampling::ProcessorClock, None), Err(NvmlError::NotSupported)));
    });
}

#[test]
fn no_page_is_no_driver() {
    isolated("no_page_is_no_driver", &[], |page| {
        let library = headroom_nvml_abi::library_path().unwrap();
        let open = || Nvml::builder().lib_path(library.as_os_str()).init();
        assert!(matches!(open(), Err(NvmlError::DriverNotLoaded)));
        std::fs::write(&page, vec![0; 100_000]).unwrap();
        assert!(matches!(open(), Err(NvmlError::DriverNotLoaded)));
        let whole = with_page(&page, "535.104.05", 2);
        drop(whole);
        let bytes = std::fs::read(&page).unwrap();
        std::fs::write(&page, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(open(), Err(NvmlError::DriverNotLoaded)), "a page cut short is refused");
    });
}
