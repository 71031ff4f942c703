//! The receiver and the keeper: no old order is obeyed, and nothing outlives its time to live.

use headroom_guard::{Action, Echo, Keeper, Lease, MAX_TTL_MS, Mode, Receiver, Refusal, State};
use proptest::prelude::*;

const MS: u64 = 1_000_000;

fn open(boot: u64) -> Receiver {
    let mut receiver = Receiver::new(boot);
    receiver.set_gate(Mode::Active, false);
    receiver
}

fn lease(epoch: u64, sequence: u64, echo: Echo) -> Lease {
    Lease { epoch, sequence, ttl_ms: 1000, echo }
}

#[test]
fn it_starts_silent() {
    let mut receiver = Receiver::new(7);
    let good = lease(1, 1, receiver.echo(0));
    assert_eq!(receiver.accept(0, &good), Err(Refusal::Mode(Mode::Off)));
    receiver.set_gate(Mode::Active, true);
    assert_eq!(receiver.accept(0, &good), Err(Refusal::Locked));
    receiver.set_gate(Mode::Hold, false);
    assert_eq!((receiver.highest_epoch(), receiver.last_sequence()), (0, None));
    assert_eq!(receiver.accept(0, &good), Ok(()));
    assert_eq!((receiver.highest_epoch(), receiver.last_sequence()), (1, Some(1)));
}

#[test]
fn each_rule_has_its_refusal() {
    let mut receiver = open(7);
    let now = 5000 * MS;
    let echo = |ms: u64| Echo { boot: 7, mono_ns: ms * MS };
    assert_eq!(receiver.accept(now, &lease(3, 10, echo(4500))), Ok(()));
    let cases = [
        (lease(3, 11, Echo { boot: 8, ..echo(4500) }), Refusal::Boot),
        (lease(3, 11, Echo { mono_ns: now + 1, boot: 7 }), Refusal::Future),
        (Lease { ttl_ms: 0, ..lease(3, 11, echo(5000)) }, Refusal::Ttl(0)),
        (Lease { ttl_ms: MAX_TTL_MS + 1, ..lease(3, 11, echo(5000)) }, Refusal::Ttl(MAX_TTL_MS + 1)),
        (lease(3, 11, Echo { boot: 7, mono_ns: 4000 * MS - 1 }), Refusal::Stale(1000, 1000)),
        (lease(3, 11, echo(2000)), Refusal::Stale(3000, 1000)),
        (lease(2, 99, echo(5000)), Refusal::Epoch(2, 3)),
        (lease(3, 10, echo(5000)), Refusal::Sequence(10, 10)),
        (lease(3, 9, echo(5000)), Refusal::Sequence(9, 10)),
        // A refused command of a higher epoch does not raise the epoch.
        (lease(9, 1, echo(2000)), Refusal::Stale(3000, 1000)),
    ];
    for (command, refusal) in cases {
        let before = receiver;
        assert_eq!(receiver.accept(now, &command), Err(refusal));
        assert_eq!(receiver, before);
    }
    assert_eq!(receiver.accept(now, &lease(3, 11, echo(4000))), Ok(()));
    let longest = Lease { ttl_ms: MAX_TTL_MS, ..lease(3, 12, echo(5000)) };
    assert_eq!(receiver.accept(now, &longest), Ok(()));
    // A successor counts anew.
    assert_eq!(receiver.accept(now, &lease(4, 0, echo(5000))), Ok(()));
    assert_eq!(receiver.accept(now, &lease(3, 13, echo(5000))), Err(Refusal::Epoch(3, 4)));
}

#[test]
fn a_restart_keeps_the_epoch_and_takes_nothing_meant_for_its_former_life() {
    let mut former = open(7);
    let sent = lease(5, 1, former.echo(0));
    assert_eq!(former.accept(0, &sent), Ok(()));
    let mut receiver = Receiver::restored(8, former.highest_epoch());
    receiver.set_gate(Mode::Active, false);
    assert_eq!(receiver.accept(0, &lease(5, 2, sent.echo)), Err(Refusal::Boot));
    assert_eq!(receiver.accept(0, &lease(4, 2, receiver.echo(0))), Err(Refusal::Epoch(4, 5)));
    assert_eq!(receiver.accept(0, &lease(5, 0, receiver.echo(0))), Ok(()));
}

#[test]
fn refusals_speak() {
    let said = [
        (Refusal::Mode(Mode::Shadow), "mode shadow takes no commands"),
        (Refusal::Locked, "locked by an operator"),
        (Refusal::Boot, "meant for a former start of this process"),
        (Refusal::Future, "echoes a time that has not been"),
        (Refusal::Ttl(0), "a time to live of 0 ms is not between 1 and 300000 ms"),
        (Refusal::Stale(3000, 1000), "3000 ms old, 1000 ms to live"),
        (Refusal::Epoch(2, 3), "controller epoch 2 was succeeded by 3"),
        (Refusal::Sequence(9, 10), "sequence 9 is not after 10"),
        (Refusal::RestoreFirst, "the limits found at the start must be restored first"),
    ];
    for (refusal, words) in said {
        assert_eq!(refusal.to_string(), words);
    }
}

/// Two controllers, one deposed: every interleaving of their commands, with every prefix delivered late or twice.
#[test]
fn the_deposed_never_writes_after_its_successor() {
    let echo = Echo { boot: 1, mono_ns: 0 };
    let all: Vec<Lease> = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)].map(|(e, s)| lease(e, s, echo)).to_vec();
    // Every sequence of 6 deliveries out of 5 commands: 15,625 stories.
    for story in 0..5usize.pow(6) {
        let (mut receiver, mut rest, mut taken) = (open(1), story, Vec::new());
        for _ in 0..6 {
            let command = all[rest % 5];
            rest /= 5;
            if receiver.accept(MS, &command).is_ok() {
                taken.push((command.epoch, command.sequence));
            }
        }
        assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "{taken:?}");
    }
}

#[test]
fn a_life_of_a_keeper() {
    let mut keeper = Keeper::new(100);
    assert_eq!(keeper.state(), State::Found { restore: true });
    assert_eq!(keeper.on_accept(0, 10_000, 0), Err(Refusal::RestoreFirst));
    keeper.let_go(0);
    assert_eq!(keeper.poll(0), Action::Release);
    assert_eq!(keeper.poll(1), Action::Release);
    keeper.released();
    assert_eq!(keeper.state(), State::Found { restore: false });
    keeper.let_go(0);
    assert_eq!(keeper.poll(0), Action::None);
    // Accept: fresh for half the time to live, then a release in the second half.
    assert_eq!(keeper.on_accept(0, 10_000, u64::MAX / 2), Ok(()));
    assert_eq!(keeper.poll(5000 * MS - 1), Action::None);
    assert!(matches!(keeper.state(), State::Held { until_ns, .. } if until_ns == 5000 * MS));
    assert_eq!(keeper.poll(5000 * MS), Action::None);
    let State::Releasing { at_ns } = keeper.state() else { panic!("not releasing") };
    assert!(at_ns.abs_diff(7450 * MS) <= 1);
    // A new command cancels it.
    assert_eq!(keeper.on_accept(6000 * MS, 10_000, 0), Ok(()));
    keeper.released();
    assert!(matches!(keeper.state(), State::Held { .. }));
    assert_eq!(keeper.poll(7450 * MS), Action::None);
    assert_eq!(keeper.poll(11_000 * MS), Action::Release);
    assert_eq!(keeper.poll(11_100 * MS), Action::Release);
    keeper.released();
    assert_eq!(keeper.poll(11_200 * MS), Action::None);
    // Let go at once, also when already releasing.
    assert_eq!(keeper.on_accept(20_000 * MS, 10_000, u64::MAX), Ok(()));
    keeper.let_go(20_001 * MS);
    assert_eq!(keeper.poll(20_001 * MS), Action::Release);
    keeper.released();
    assert_eq!(keeper.on_accept(30_000 * MS, 10_000, u64::MAX), Ok(()));
    assert_eq!(keeper.poll(35_000 * MS), Action::None);
    keeper.let_go(35_001 * MS);
    assert_eq!(keeper.poll(35_001 * MS), Action::Release);
}

#[test]
fn releases_are_spread_over_the_second_half() {
    let mut bins = [0u32; 10];
    for i in 0..10_000u64 {
        let mut keeper = Keeper::new(0);
        keeper.released();
        keeper.on_accept(0, 10_000, i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).unwrap();
        let State::Held { release_ns, .. } = keeper.state() else { panic!("not held") };
        assert!((5000 * MS..10_000 * MS).contains(&release_ns));
        bins[usize::try_from((release_ns / MS - 5000) / 500).unwrap()] += 1;
    }
    assert!(bins.iter().all(|n| n.abs_diff(1000) < 50), "{bins:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stale_duplicate_replayed_commands_are_never_accepted(
        deliveries in prop::collection::vec((0u64..4, 0u64..6, 0u64..3, 0u64..4000, 0u64..2000, 0u64..400), 1..60),
    ) {
        let mut receiver = open(1);
        let (mut now, mut taken): (u64, Vec<(u64, u64)>) = (4000, Vec::new());
        for (epoch, sequence, boot, echo_ms, ttl_ms, wait) in deliveries {
            now += wait;
            let command = Lease { epoch, sequence, ttl_ms, echo: Echo { boot, mono_ns: echo_ms * MS } };
            let before = receiver;
            match receiver.accept(now * MS, &command) {
                Ok(()) => {
                    prop_assert!(boot == 1 && ttl_ms > 0 && now - echo_ms <= ttl_ms);
                    prop_assert!(taken.last().is_none_or(|last| *last < (epoch, sequence)));
                    taken.push((epoch, sequence));
                    prop_assert_eq!(receiver.highest_epoch(), epoch);
                    prop_assert!(receiver.accept(now * MS, &command).is_err());
                }
                Err(_) => prop_assert_eq!(receiver, before),
            }
        }
    }

    #[test]
    fn what_is_old_stays_old(age in 0u64..5000, more in 0u64..5000, ttl_ms in 1u64..5000) {
        let command = Lease { epoch: 1, sequence: 1, ttl_ms, echo: Echo { boot: 1, mono_ns: 0 } };
        let (mut early, mut late) = (open(1), open(1));
        if late.accept((age + more) * MS, &command).is_ok() { prop_assert!(early.accept(age * MS, &command).is_ok()); }
    }

    #[test]
    fn every_node_is_back_within_one_time_to_live(
        period in 1u64..200, ttl_ms in 400u64..20_000,
        commands in prop::collection::vec((1u64..30_000, any::<u64>()), 1..20), phase in 0u64..200,
    ) {
        let mut keeper = Keeper::new(period);
        prop_assert_eq!(keeper.poll(0), Action::Release);
        keeper.released();
        let (mut now, mut last) = (0, 0);
        let mut next_poll = phase % period;
        for (gap, random) in commands {
            let at = now + gap;
            while next_poll < at {
                if keeper.poll(next_poll * MS) == Action::Release {
                    prop_assert!(next_poll * 2 >= last * 2 + ttl_ms, "before half its time");
                    keeper.released();
                }
                let held = keeper.state() != State::Found { restore: false };
                prop_assert!(!held || next_poll < last + ttl_ms, "held too long");
                next_poll += period;
            }
            (now, last) = (at, at);
            prop_assert!(keeper.on_accept(now * MS, ttl_ms, random).is_ok());
        }
        while next_poll <= last + ttl_ms {
            if keeper.poll(next_poll * MS) == Action::Release { keeper.released(); }
            next_poll += period;
        }
        prop_assert_eq!(keeper.state(), State::Found { restore: false });
    }

    #[test]
    fn no_time_overflows(now in any::<u64>(), ttl in any::<u64>(), random in any::<u64>(), period in any::<u64>()) {
        let mut keeper = Keeper::new(period);
        keeper.released();
        prop_assert!(keeper.on_accept(now, ttl, random).is_ok());
        prop_assert_eq!(keeper.poll(u64::MAX), Action::Release);
        let mut receiver = open(1);
        let _ = receiver.accept(now, &Lease { epoch: 1, sequence: 1, ttl_ms: ttl, echo: Echo { boot: 1, mono_ns: random } });
    }
}
