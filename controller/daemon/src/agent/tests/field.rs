//! What the field does to an agent, one by one, and what comes of it: GPUs in another order, refused writes, limits that
//! do not follow, others who set limits, GPUs that fall off the bus.

use super::*;
use crate::agent::strays::{PERIOD_NS, Strays};
use headroom_nvml_abi::page::quirk;
use headroom_site::Offered;

const BOTH: [(&str, Option<f32>, Option<f32>); 2] =
    [("GPU-a", Some(450.0), Some(1500.0)), ("GPU-b", Some(400.0), None)];

/// A node that holds both its GPUs; found were 650 W and 600 W.
fn holding(folder: &Path) -> Bench {
    let mut b = Bench::new(folder, Mode::Active);
    b.tend();
    b.host.set_cap("GPU-a", 650_000).unwrap();
    b.host.set_cap("GPU-b", 600_000).unwrap();
    let command = b.command(1, &BOTH);
    assert_eq!(b.obey(&command), None);
    b
}

impl Bench {
    fn limits_mw(&self) -> [u32; 2] {
        [self.asked(0).requested_limit_mw, self.asked(1).requested_limit_mw]
    }

    /// Somebody else sets a limit.
    fn another(&mut self, uuid: &str, limit_mw: u32) {
        self.host.set_cap(uuid, limit_mw).unwrap();
    }
}

#[test]
fn gpus_in_another_order_keep_what_is_theirs() {
    isolated("field::gpus_in_another_order_keep_what_is_theirs", |folder| {
        let mut b = holding(&folder);
        b.world.exchange(0, 1);
        assert_eq!(b.limits_mw(), [400_000, 450_000], "GPU-b is the first now");
        let command = b.command(2, &[("GPU-a", Some(300.0), Some(1200.0)), BOTH[1]]);
        assert_eq!(b.obey(&command), None);
        assert_eq!((b.limits_mw(), b.asked(1).lock_mhz.unwrap().1), ([400_000, 300_000], 1200));
        b.after_s(11.0);
        assert_eq!((b.limits_mw(), b.asked(1).lock_mhz), ([600_000, 650_000], None));
        // A first look at a limit goes by UUID as well.
        b.world.exchange(0, 1);
        let anew = b.command(3, &BOTH);
        assert_eq!(b.obey(&anew), None);
        let found = ["GPU-a", "GPU-b"].map(|uuid| b.owner.found(uuid).unwrap().limit_mw);
        assert_eq!(found, [650_000, 600_000]);
        // It dies, and comes back to them in yet another order.
        let Bench { world, .. } = b;
        world.exchange(1, 0);
        let mut b = Bench::again(&folder, world, Mode::Active);
        b.tend();
        assert_eq!((b.limits_mw(), b.asked(1).lock_mhz, b.node.holds()), ([600_000, 650_000], None, false));
    });
}

#[test]
fn a_refused_write_is_told_and_tried_again() {
    isolated("field::a_refused_write_is_told_and_tried_again", |folder| {
        let mut b = holding(&folder);
        b.world.set_quirks(0, quirk::WRITES_DENIED);
        let command = b.command(2, &[("GPU-a", Some(300.0), None), ("GPU-b", Some(350.0), None)]);
        assert!(b.obey(&command).unwrap().contains("root"));
        assert_eq!(b.limits_mw(), [450_000, 350_000], "the other is served");
        b.after_s(11.0);
        assert_eq!((b.limits_mw(), b.node.holds()), ([450_000, 600_000], true), "still trying");
        b.world.set_quirks(0, 0);
        b.after_s(1.0);
        assert_eq!((b.limits_mw(), b.asked(0).lock_mhz, b.node.holds()), ([650_000, 600_000], None, false));
    });
}

#[test]
fn a_limit_that_does_not_follow_is_told() {
    isolated("field::a_limit_that_does_not_follow_is_told", |folder| {
        let mut b = holding(&folder);
        b.world.set_quirks(0, quirk::LIMIT_IGNORED);
        let ignored = b.command(2, &[("GPU-a", Some(300.0), None)]);
        assert!(b.obey(&ignored).unwrap().contains("asked for 300 W, 450 W in force"));
        b.world.set_quirks(0, 0);
        b.world.set_stuck_limit_mw(1, Some(500_000));
        let stuck = b.command(3, &[("GPU-b", Some(300.0), None)]);
        assert!(b.obey(&stuck).unwrap().contains("asked for 300 W, 500 W in force"));
        assert_eq!(
            b.report().gpus[1].1.enforced_cap_w,
            Offered::new(500.0),
            "what is in force is what is reported"
        );
        b.after_s(11.0);
        assert_eq!(
            (b.limits_mw(), b.node.holds()),
            ([650_000, 600_000], false),
            "what was asked is taken back"
        );
    });
}

#[test]
fn what_somebody_else_sets_stays() {
    isolated("field::what_somebody_else_sets_stays", |folder| {
        let mut b = holding(&folder);
        b.another("GPU-a", 333_000);
        b.another("GPU-b", 640_000);
        b.report();
        assert_eq!(b.limits_mw(), [333_000, 400_000], "lower is left alone, higher is taken back");
        let command = b.command(2, &BOTH);
        assert_eq!(b.obey(&command), None);
        assert_eq!(b.limits_mw(), [450_000, 400_000], "a lease has the say while it lives");
        b.after_s(11.0);
        assert_eq!(b.limits_mw(), [333_000, 640_000], "and theirs goes back when it ends");
        // Also what is set while the agent is dead; and a lock, where only the cap was ours.
        let anew = b.command(3, &BOTH);
        assert_eq!(b.obey(&anew), None);
        b.another("GPU-a", 520_000);
        b.host.set_lock("GPU-b", 345, 1110).unwrap();
        let Bench { world, .. } = b;
        let mut b = Bench::again(&folder, world, Mode::Active);
        b.tend();
        assert_eq!((b.limits_mw(), b.node.holds()), ([520_000, 640_000], false));
        assert_eq!((b.asked(0).lock_mhz, b.asked(1).lock_mhz.unwrap().1), (None, 1110));
        assert_eq!(b.owner.owned().count(), 0);
    });
}

#[test]
fn a_gpu_that_was_off_the_bus_is_restored_when_it_is_back() {
    isolated("field::a_gpu_that_was_off_the_bus_is_restored_when_it_is_back", |folder| {
        let mut b = holding(&folder);
        b.world.set_present(0, false);
        let command = b.command(2, &BOTH);
        assert!(b.obey(&command).unwrap().contains("fell off the bus"));
        b.after_s(11.0);
        assert_eq!((b.limits_mw(), b.node.holds()), ([450_000, 600_000], false), "the other is let go");
        b.world.set_present(0, true);
        b.after_s(1.0);
        assert_eq!((b.limits_mw(), b.asked(0).lock_mhz), ([650_000, 600_000], None));
        // Gone at the start of the next life: no node holds it then.
        let anew = b.command(3, &BOTH);
        assert_eq!(b.obey(&anew), None);
        let Bench { world, .. } = b;
        world.set_present(0, false);
        let mut b = Bench::again(&folder, world, Mode::Active);
        let mut strays = Strays::of(&b.owner, std::slice::from_ref(&b.node));
        let mut tend = |b: &mut Bench, after_ns| {
            b.now_ns += after_ns;
            b.tend();
            strays.tend(b.now_ns, &mut Tools { host: &mut b.host, owner: &mut b.owner });
            b.limits_mw()
        };
        assert_eq!(tend(&mut b, 0), [450_000, 600_000]);
        b.world.set_present(0, true);
        assert_eq!(tend(&mut b, PERIOD_NS), [650_000, 600_000]);
        assert_eq!(b.owner.owned().count(), 0);
    });
}

#[test]
fn a_gpu_that_no_command_names_any_more_is_let_go() {
    isolated("field::a_gpu_that_no_command_names_any_more_is_let_go", |folder| {
        let mut b = holding(&folder);
        for sequence in 2..6 {
            b.after_s(3.0);
            // A successor that has only one of them in its site file.
            let command = CapCommand { epoch: 2, ..b.command(sequence, &BOTH[1..]) };
            assert_eq!(b.obey(&command), None);
        }
        assert_eq!((b.limits_mw(), b.asked(0).lock_mhz), ([650_000, 400_000], None));
        assert!(b.node.holds());
    });
}

#[test]
fn what_could_not_be_read_before_is_not_written_over() {
    isolated("field::what_could_not_be_read_before_is_not_written_over", |folder| {
        let mut b = Bench::new(&folder, Mode::Active);
        b.tend();
        let target = CapTarget { uuid: "GPU-a".into(), cap_w: Some(450.0), lock_mhz: None };
        let mut tools = Tools { host: &mut b.host, owner: &mut b.owner };
        let range = super::super::gpu::Range::default();
        let refused = super::super::gpu::Gpu::new("GPU-a", 0, range).apply(&target, u64::MAX, &mut tools);
        assert!(refused.unwrap_err().to_string().contains("could not be read"));
        assert_eq!(b.asked(0).limit_writes, 0);
    });
}

#[test]
fn what_is_not_held_any_more_is_not_set_again() {
    isolated("field::what_is_not_held_any_more_is_not_set_again", |folder| {
        let mut b = holding(&folder);
        b.another("GPU-a", 640_000);
        let free = b.command(2, &[("GPU-a", None, None), BOTH[1]]);
        assert_eq!(b.obey(&free), None);
        assert_eq!(b.limits_mw(), [640_000, 400_000], "asked for nothing: what somebody else set stays");
        let again = b.command(3, &BOTH);
        assert_eq!(b.obey(&again), None);
        b.world.set_present(0, false);
        b.after_s(11.0);
        // It is back after a reset, and the next lease is of the other one.
        b.world.reload_driver(0);
        b.world.set_present(0, true);
        let other = b.command(4, &BOTH[1..]);
        assert_eq!(b.obey(&other), None);
        b.report();
        assert_eq!((b.limits_mw(), b.node.reasserted), ([700_000, 400_000], 0));
    });
}
