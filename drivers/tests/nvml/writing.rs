//! Caps and locks: set, read back, refused, owned.

use crate::common::{host, isolated, uuid, world};
use headroom_drivers::nvml::NvmlError;
use headroom_drivers::nvml::persist::{Found, Ownership};
use headroom_nvml_abi::page::quirk;

#[test]
fn the_limit_in_force_comes_back() {
    isolated("writing::the_limit_in_force_comes_back", &[], |page| {
        let world = world(&page, "580.82.07", 2);
        let mut host = host();
        let gpu = uuid(1);
        assert_eq!(host.set_cap(&gpu, 450_000).unwrap(), 450_000);
        assert_eq!(world.requests(0).unwrap().limit_writes, 0);
        world.set_oob_limit_mw(1, Some(400_000));
        assert_eq!(host.set_cap(&gpu, 500_000).unwrap(), 400_000, "the lowest of all limits wins");
        let limits = host.limits(&gpu).unwrap();
        assert_eq!((limits.requested_mw, limits.enforced_mw), (500_000, 400_000));
        assert_eq!((limits.min_mw, limits.max_mw, limits.default_mw), (200_000, 700_000, 700_000));
        world.set_oob_limit_mw(1, None);
        world.set_quirks(1, quirk::LIMIT_IGNORED);
        assert_eq!(host.set_cap(&gpu, 300_000).unwrap(), 500_000, "acknowledged is not applied");
    });
}

#[test]
fn locks_are_set_and_reset() {
    isolated("writing::locks_are_set_and_reset", &[], |page| {
        let world = world(&page, "580.82.07", 1);
        let mut host = host();
        host.set_lock(&uuid(0), 345, 1500).unwrap();
        assert_eq!(world.requests(0).unwrap().lock_mhz, Some((345, 1500)));
        host.reset_lock(&uuid(0)).unwrap();
        assert_eq!(world.requests(0).unwrap().lock_mhz, None);
        host.set_persistence(&uuid(0), true).unwrap();
        assert!(world.requests(0).unwrap().persistence);
        world.set_quirks(0, quirk::NO_CLOCK_LOCK);
        assert!(host.set_lock(&uuid(0), 345, 1500).unwrap_err().is_not_supported());
    });
}

#[test]
fn refusals_say_what_and_why() {
    isolated("writing::refusals_say_what_and_why", &[], |page| {
        let world = world(&page, "580.82.07", 1);
        let mut host = host();
        let low = host.set_cap(&uuid(0), 100_000).unwrap_err();
        assert!(matches!(
            low,
            NvmlError::OutOfRange { asked_mw: 100_000, min_mw: 200_000, max_mw: 700_000, .. }
        ));
        assert!(matches!(host.set_cap("GPU-other", 450_000), Err(NvmlError::UnknownGpu(_))));
        world.set_quirks(0, quirk::WRITES_DENIED);
        let denied = host.set_cap(&uuid(0), 450_000).unwrap_err();
        assert!(denied.to_string().contains("root"), "{denied}");
        world.set_quirks(0, 0);
        world.set_present(0, false);
        assert!(matches!(host.set_cap(&uuid(0), 450_000), Err(NvmlError::Lost(_))));
        assert_eq!(world.requests(0).unwrap().limit_writes, 0);
    });
}

#[test]
fn denied_by_the_system() {
    isolated("writing::denied_by_the_system", &[("HEADROOM_NVML_DENY_WRITES", "1")], |page| {
        let _world = world(&page, "580.82.07", 1);
        let mut host = host();
        assert!(matches!(host.set_cap(&uuid(0), 450_000), Err(NvmlError::NoPermission { .. })));
        assert!(matches!(host.reset_lock(&uuid(0)), Err(NvmlError::NoPermission { .. })));
    });
}

#[test]
fn a_restart_restores_what_was_there_before_the_first_life() {
    isolated("writing::a_restart_restores_what_was_there_before_the_first_life", &[], |page| {
        let world = world(&page, "580.82.07", 1);
        let file = page.with_extension("state").join("owner.json");
        let gpu = uuid(0);
        host().set_cap(&gpu, 650_000).unwrap();
        {
            let mut first = host();
            let mut owner = Ownership::open(&file).unwrap();
            let limit_mw = first.limits(&gpu).unwrap().requested_mw;
            owner.take([(gpu.as_str(), Found { limit_mw })]).unwrap();
            first.set_cap(&gpu, 300_000).unwrap();
            // It dies here.
        }
        let mut second = host();
        let mut owner = Ownership::open(&file).unwrap();
        let found = owner.found(&gpu).unwrap();
        assert_eq!(second.set_cap(&gpu, found.limit_mw).unwrap(), 650_000);
        owner.give_back([gpu.as_str()]).unwrap();
        assert_eq!(world.requests(0).unwrap().requested_limit_mw, 650_000);
        assert_eq!(Ownership::open(&file).unwrap().owned().count(), 0);
        std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    });
}
