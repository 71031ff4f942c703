//! What one look at a GPU says, and what it says when the driver says nothing.

use crate::common::{busy, host, isolated, uuid, world};
use headroom_drivers::nvml::{NvmlError, NvmlHost, Quantity};
use headroom_nvml_abi::page::{GpuOutputs, quirk};
use headroom_site::{GpuSample, Offered, Quality, Reason, Stamp};
use std::path::Path;

const NOW: Stamp = Stamp::from_unix_ms(1_800_000_000_000);

fn expected() -> GpuSample {
    GpuSample {
        stamp: Stamp::from_unix_ms(1_790_000_000_000),
        power_w: Offered::new(612.345),
        power_average_w: Offered::new(500.0),
        energy_j: Offered::new(5000.0),
        clock_mhz: Offered::new(1755.0),
        memory_clock_mhz: Offered::new(2619.0),
        die_c: Offered::new(61.0),
        hbm_c: Offered::new(70.0),
        margin_k: Offered::new(-3.0),
        enforced_cap_w: Offered::new(700.0),
        utilisation: Offered::new(0.99),
        reasons: 0x24,
        throttle_ns: [Some(74), Some(251), Some(252), Some(0), None].map(Into::into),
    }
}

#[test]
fn both_field_id_schemes_read_the_same() {
    for driver in ["535.104.05", "580.65.06", "580.82.07", "590.10"] {
        // The child gets its driver through the environment; the parent starts one child for each.
        let chosen = std::env::var("HEADROOM_TEST_DRIVER").unwrap_or(driver.to_owned());
        isolated(
            "reading::both_field_id_schemes_read_the_same",
            &[("HEADROOM_TEST_DRIVER", driver)],
            |page| {
                let _world = world(&page, &chosen, 2);
                let mut host = host();
                assert_eq!(host.driver_version(), chosen);
                assert_eq!(host.uuids().collect::<Vec<_>>(), [uuid(0), uuid(1)]);
                assert_eq!(host.sample(1, NOW).unwrap(), expected(), "driver {chosen}");
                assert!(Quantity::ALL.iter().all(|of| host.quality(1, *of).is_good()));
                assert_eq!(host.quality(0, Quantity::Power), Quality::Bad(Reason::NeverSeen));
            },
        );
    }
}

#[test]
fn what_is_not_supported_is_absent_with_its_reason() {
    isolated("reading::what_is_not_supported_is_absent_with_its_reason", &[], |page| {
        let world = world(&page, "580.82.07", 1);
        let mut host = host();
        let none =
            quirk::NO_INSTANT_POWER | quirk::NO_MARGIN | quirk::NO_HBM | quirk::NO_ENERGY | quirk::NO_REASONS;
        world.set_quirks(0, none);
        let sample = host.sample(0, NOW).unwrap();
        let absent = GpuSample {
            power_w: Offered::NONE,
            margin_k: Offered::NONE,
            hbm_c: Offered::NONE,
            energy_j: Offered::NONE,
            reasons: 0,
            ..expected()
        };
        assert_eq!(sample, absent);
        for of in [Quantity::Power, Quantity::Margin, Quantity::Hbm, Quantity::Energy, Quantity::Reasons] {
            assert_eq!(host.quality(0, of), Quality::Bad(Reason::NotSupported), "{of:?}");
        }
        assert!(host.quality(0, Quantity::PowerAverage).is_good());
        world.set_quirks(0, 0);
        assert_eq!(host.sample(0, NOW).unwrap(), expected(), "it comes back by itself");
    });
}

#[test]
fn older_drivers_count_violations() {
    isolated("reading::older_drivers_count_violations", &[], |page| {
        let world = world(&page, "470.57.02", 1);
        world.set_quirks(0, quirk::NO_COUNTERS);
        let mut host = host();
        let sample = host.sample(0, NOW).unwrap();
        assert_eq!(sample.throttle_ns.map(Offered::get), [Some(74), Some(251 + 252), None, None, None]);
        assert!(host.quality(0, Quantity::SwThermal).is_good());
        assert_eq!(host.quality(0, Quantity::HwThermal), Quality::Bad(Reason::NotSupported));
    });
}

#[test]
fn success_with_nothing_in_it_is_no_value() {
    isolated("reading::success_with_nothing_in_it_is_no_value", &[], |page| {
        let world = world(&page, "580.82.07", 1);
        world.set_quirks(0, quirk::ZERO_STAMPS);
        let mut host = host();
        let sample = host.sample(0, NOW).unwrap();
        assert_eq!(sample.stamp, NOW, "no stamp of the driver's");
        assert_eq!((sample.power_w.get(), sample.hbm_c.get(), sample.energy_j.get()), (None, None, None));
        assert_eq!(host.quality(0, Quantity::Power), Quality::Bad(Reason::Sentinel));
        // The getters without a stamp still answer.
        assert_eq!((sample.power_average_w.get(), sample.enforced_cap_w.get()), (Some(500.0), Some(700.0)));
        assert_eq!(sample.clock_mhz, Offered::new(1755.0));
        world.set_quirks(0, 0);
        world.publish(0, &GpuOutputs { hbm_c: 0, ..busy() });
        assert_eq!(host.sample(0, NOW).unwrap().hbm_c, Offered::NONE, "memory at 0 degC is no sensor");
    });
}

#[test]
fn a_lost_gpu_is_an_error_and_the_others_go_on() {
    isolated("reading::a_lost_gpu_is_an_error_and_the_others_go_on", &[], |page| {
        let world = world(&page, "580.82.07", 3);
        let mut host = host();
        world.set_present(1, false);
        assert!(matches!(host.sample(1, NOW), Err(NvmlError::Lost(lost)) if lost == uuid(1)));
        assert_eq!(host.quality(1, Quantity::Die), Quality::Bad(Reason::NoCommunication));
        assert_eq!(host.sample(2, NOW).unwrap(), expected());
        let later = crate::common::host();
        assert_eq!(later.uuids().len(), 2, "a start without it finds the others");
        assert!(matches!(later.silent(), [(1, NvmlError::Lost(_))]));
        assert!(host.sample(7, NOW).is_err());
    });
}

#[test]
fn without_a_driver_the_error_names_the_library_and_the_remedy() {
    let error = NvmlHost::open(Some(Path::new("/nowhere/libnvidia-ml.so"))).err().unwrap().to_string();
    assert!(error.contains("/nowhere/libnvidia-ml.so") && error.contains("--nvml"), "{error}");
    isolated("reading::without_a_driver_the_error_names_the_library_and_the_remedy", &[], |_no_page_there| {
        let library = headroom_nvml_abi::library_path().unwrap();
        let error = NvmlHost::open(Some(&library)).err().unwrap().to_string();
        assert!(error.contains("driver is not loaded"), "{error}");
    });
}
