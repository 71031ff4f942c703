//! The life of a lease at its node: taken, held, refused, let go, found again after a death.

use super::*;
use headroom_nvml_abi::page::quirk;
use headroom_site::Offered;

#[test]
fn a_command_is_applied_and_read_back() {
    isolated("lease::a_command_is_applied_and_read_back", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let command = b.command(1, &[("GPU-a", Some(450.0), Some(1500.0)), ("GPU-b", Some(500.0), None)]);
        assert_eq!(b.obey(&command), None);
        assert_eq!((b.asked(0).enforced_limit_mw, b.asked(1).enforced_limit_mw), (450_000, 500_000));
        assert_eq!(
            (b.asked(0).lock_mhz, b.asked(1).lock_mhz.is_some()),
            (Some((b.lock_floor(), 1500)), false)
        );
        let report = b.report();
        assert_eq!((&*report.node, report.boot, report.sequence, report.gpus.len()), ("n1", BOOT, 2, 2));
        assert_eq!(report.gpus[0].1.enforced_cap_w, Offered::new(450.0));
        // The same values again write nothing.
        let writes = (b.asked(0).limit_writes, b.asked(0).lock_writes);
        let again = b.command(2, &[("GPU-a", Some(450.0), Some(1500.0))]);
        assert_eq!(b.obey(&again), None);
        assert_eq!((b.asked(0).limit_writes, b.asked(0).lock_writes), writes);
        // Nothing asked for means: as found.
        let back = b.command(3, &[("GPU-a", None, None)]);
        assert_eq!(b.obey(&back), None);
        assert_eq!((b.asked(0).requested_limit_mw, b.asked(0).lock_mhz), (700_000, None));
        assert_eq!(b.asked(1).requested_limit_mw, 500_000, "a GPU that is not named is not touched");
    });
}

impl Bench {
    /// Lower end of locks: the lowest useful clock of the site's SKU, as the driver rounds it.
    fn lock_floor(&self) -> u32 {
        let floor = site().skus[0].min_clock_mhz as u32;
        (1980 - (1980 - floor).div_ceil(15) * 15).max(345)
    }
}

#[test]
fn what_is_not_new_mine_and_in_time_is_refused() {
    isolated("lease::what_is_not_new_mine_and_in_time_is_refused", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        let cap = [("GPU-a", Some(450.0), None)];
        let early = b.command(1, &cap);
        assert!(b.obey(&early).unwrap().contains("restored first"), "before the restore of the start");
        b.tend();
        let old = CapCommand { echo_mono_ns: b.now_ns - (TTL_MS + 1) * 1_000_000, ..b.command(2, &cap) };
        assert!(b.obey(&old).unwrap().contains("ms old"));
        let other_life = CapCommand { echo_boot: BOOT + 1, ..b.command(2, &cap) };
        assert!(b.obey(&other_life).unwrap().contains("former start"));
        let other_node = CapCommand { node: "n2".into(), ..b.command(2, &cap) };
        assert!(b.obey(&other_node).unwrap().contains("node n2"));
        assert_eq!(b.asked(0).limit_writes, 0);
        let successor = CapCommand { epoch: 2, ..b.command(2, &cap) };
        assert_eq!(b.obey(&successor), None);
        let overthrown = b.command(9, &[("GPU-a", Some(600.0), None)]);
        assert!(b.obey(&overthrown).unwrap().contains("epoch 2, sequence 2"), "it learns who succeeded it");
        assert_eq!(b.asked(0).enforced_limit_mw, 450_000);
        // A second delivery does not hide that the first one was applied.
        assert_eq!(b.obey(&successor), None);
    });
}

#[test]
fn the_epoch_survives_a_death() {
    isolated("lease::the_epoch_survives_a_death", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let command = CapCommand { epoch: 5, ..b.command(1, &[]) };
        assert_eq!(b.obey(&command), None);
        let Bench { world, .. } = b;
        let mut b = Bench::again(&folder, world, Mode::Active);
        b.tend();
        let overthrown = CapCommand { epoch: 4, ..b.command(1, &[("GPU-a", Some(450.0), None)]) };
        assert!(b.obey(&overthrown).unwrap().contains("succeeded by 5"));
    });
}

#[test]
fn a_lease_that_is_not_renewed_ends_in_the_second_half() {
    isolated("lease::a_lease_that_is_not_renewed_ends_in_the_second_half", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        b.host.set_cap("GPU-a", 650_000).unwrap();
        let command = b.command(1, &[("GPU-a", Some(450.0), Some(1500.0))]);
        assert_eq!(b.obey(&command), None);
        b.after_s(4.9);
        assert_eq!(b.asked(0).enforced_limit_mw, 450_000, "held through the first half");
        b.after_s(2.0);
        assert_eq!(b.asked(0).enforced_limit_mw, 450_000, "and until the instant drawn");
        b.after_s(3.1);
        assert_eq!(b.asked(0).enforced_limit_mw, 650_000, "back to what was found, not to the factory's");
        assert_eq!(b.asked(0).lock_mhz, None);
        assert!(!b.node.holds());
        assert_eq!(Ownership::open(&folder.join("agent-n1.json")).unwrap().owned().count(), 0);
        let anew = b.command(2, &[("GPU-a", Some(400.0), None)]);
        assert_eq!(b.obey(&anew), None);
        assert_eq!(b.asked(0).enforced_limit_mw, 400_000);
    });
}

#[test]
fn a_restart_restores_what_the_first_life_found() {
    isolated("lease::a_restart_restores_what_the_first_life_found", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        b.host.set_cap("GPU-b", 600_000).unwrap();
        let command = b.command(1, &[("GPU-b", Some(300.0), Some(1200.0))]);
        assert_eq!(b.obey(&command), None);
        // It is killed here; the caps stay.
        let Bench { world, .. } = b;
        let mut b = Bench::again(&folder, world, Mode::Active);
        assert_eq!(b.asked(1).enforced_limit_mw, 300_000);
        assert!(b.node.holds());
        b.tend();
        assert_eq!((b.asked(1).enforced_limit_mw, b.asked(1).lock_mhz), (600_000, None));
        assert!(!b.node.holds());
    });
}

#[test]
fn nothing_is_written_that_is_not_owned_on_disk() {
    isolated("lease::nothing_is_written_that_is_not_owned_on_disk", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let first = b.command(1, &[]);
        assert_eq!(b.obey(&first), None, "the epoch is on disk");
        // A folder in the place of the temporary file: root may write anywhere, but not over this.
        std::fs::create_dir_all(folder.join("agent-n1.json.new")).unwrap();
        let second = b.command(2, &[("GPU-a", Some(450.0), Some(1500.0))]);
        assert!(b.obey(&second).unwrap().contains("nothing was written"));
        assert_eq!((b.asked(0).limit_writes, b.asked(0).lock_writes), (0, 0));
        std::fs::remove_dir(folder.join("agent-n1.json.new")).unwrap();
        let third = b.command(3, &[("GPU-a", Some(450.0), Some(1500.0))]);
        assert_eq!(b.obey(&third), None);
    });
}

#[test]
fn what_is_not_in_force_is_not_called_applied() {
    isolated("lease::what_is_not_in_force_is_not_called_applied", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let low = b.command(1, &[("GPU-a", Some(50.0), None), ("GPU-b", Some(450.0), None)]);
        assert!(b.obey(&low).unwrap().contains("50 W became 200 W"));
        assert_eq!((b.asked(0).enforced_limit_mw, b.asked(1).enforced_limit_mw), (200_000, 450_000));
        let nan = b.command(2, &[("GPU-a", Some(f32::NAN), Some(f32::INFINITY)), ("GPU-x", Some(1.0), None)]);
        let why = b.obey(&nan).unwrap();
        assert!(why.contains("finite") && why.contains("1 more"), "{why}");
        assert_eq!(b.asked(0).enforced_limit_mw, 200_000);
        b.world.set_oob_limit_mw(1, Some(300_000));
        let over = b.command(3, &[("GPU-b", Some(500.0), None)]);
        assert!(b.obey(&over).unwrap().contains("asked for 500 W, 300 W in force"));
        b.world.set_quirks(0, quirk::WRITES_DENIED);
        let denied = b.command(4, &[("GPU-a", Some(450.0), None)]);
        assert!(b.obey(&denied).unwrap().contains("root"));
        b.world.set_quirks(0, 0);
        b.world.set_present(0, false);
        let lost = b.command(5, &[("GPU-a", Some(450.0), None), ("GPU-b", Some(250.0), None)]);
        assert!(b.obey(&lost).unwrap().contains("fell off the bus"));
        assert_eq!(b.asked(1).enforced_limit_mw, 250_000, "the others are served");
        let report = b.report();
        assert_eq!(report.gpus.len(), 1, "and reported");
        b.after_s(11.0);
        assert_eq!(b.asked(1).requested_limit_mw, 700_000, "and let go");
        assert!(!b.node.holds());
        assert_eq!(b.owner.owned().collect::<Vec<_>>(), ["GPU-a"], "the lost one stays noted");
    });
}

#[test]
fn a_cap_that_somebody_lifts_is_set_again_while_the_lease_holds() {
    isolated("lease::a_cap_that_somebody_lifts_is_set_again_while_the_lease_holds", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let command = b.command(1, &[("GPU-a", Some(450.0), Some(1500.0))]);
        assert_eq!(b.obey(&command), None);
        b.world.reload_driver(0);
        assert_eq!(b.asked(0).enforced_limit_mw, 700_000);
        let seen = b.report();
        assert_eq!(seen.gpus[0].1.enforced_cap_w, Offered::new(700.0), "it reports what it saw");
        assert_eq!((b.asked(0).enforced_limit_mw, b.asked(0).lock_mhz.unwrap().1), (450_000, 1500));
        assert_eq!(b.node.reasserted, 1);
        // Somebody lower than us is left alone.
        b.host.set_cap("GPU-a", 300_000).unwrap();
        b.report();
        assert_eq!((b.asked(0).enforced_limit_mw, b.node.reasserted), (300_000, 1));
    });
}

#[test]
fn advisory_takes_no_command_and_still_cleans_up() {
    isolated("lease::advisory_takes_no_command_and_still_cleans_up", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let command = b.command(1, &[("GPU-a", Some(450.0), None)]);
        assert_eq!(b.obey(&command), None);
        let Bench { world, .. } = b;
        let mut b = Bench::again(&folder, world, Mode::Advisory);
        b.tend();
        assert_eq!(b.asked(0).enforced_limit_mw, 700_000);
        let refused = b.command(2, &[("GPU-a", Some(450.0), None)]);
        assert!(b.obey(&refused).unwrap().contains("advisory"));
        assert_eq!(b.asked(0).enforced_limit_mw, 700_000);
    });
}

#[test]
fn a_slow_gpu_sits_out() {
    isolated("lease::a_slow_gpu_sits_out", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.world.set_call_delay_us(0, 60_000);
        assert_eq!(b.report().gpus.len(), 2);
        let begun = std::time::Instant::now();
        assert_eq!(b.report().gpus.len(), 1);
        assert!(begun.elapsed().as_millis() < 100, "the others do not wait for it");
    });
}

#[test]
fn nodes_are_found_by_uuid() {
    isolated("lease::nodes_are_found_by_uuid", |folder| {
        let b = Bench::new(&folder, Mode::Active);
        let (nodes, missing) = Node::of_host(&site(), &b.host, &b.owner, BOOT, Mode::Active);
        assert_eq!(nodes.iter().map(|n| n.id().to_string()).collect::<Vec<_>>(), ["n1", "n2"]);
        assert_eq!(missing, ["GPU-elsewhere"]);
        // One that is read from a page is left alone, and whoever has no other is told so.
        let mut paged = site();
        paged.nodes[0].dcgm = Some(0);
        let (nodes, _) = Node::of_host(&paged, &b.host, &b.owner, BOOT, Mode::Active);
        assert_eq!(nodes.iter().map(|n| n.id().to_string()).collect::<Vec<_>>(), ["n2"]);
        paged.nodes.iter_mut().for_each(|n| n.dcgm = Some(0));
        let (code, why) = super::super::nothing_here(&paged, &b.host);
        assert!(code == 3 && why.contains("node `n1` is read from a DCGM page"), "{code} {why}");
    });
}
