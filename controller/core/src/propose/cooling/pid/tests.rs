use super::super::rig::Rig;
use super::*;
use crate::tests::{CDU_DP, CDU_SUPPLY, FWS_SUPPLY};
use headroom_policies::CoolingStrategy;

fn rig(actuator: usize, spare_k: f64) -> Rig {
    Rig::new(CoolingStrategy::Pid, actuator, spare_k)
}

fn moves(p: &SetpointProposal) -> [f64; 3] {
    let Why::Stepwise(Stepwise::Regulate { moves_k, .. }) = p.why else { panic!("{p:?}") };
    moves_k
}

#[test]
fn the_rule_of_skogestad() {
    // Kc = tau / (K (lambda + theta)), Ti = min(tau, 4 (lambda + theta)).
    let lack = Gains::simc(1.0, 90.0, 90.0, 60.0);
    assert!((lack.kc - 0.6).abs() < 1e-12 && (lack.ti_s - 90.0).abs() < 1e-12, "{lack:?}");
    let valve = Gains::simc(2.0, 300.0, 900.0, 60.0);
    assert!((valve.kc - 300.0 / (2.0 * 960.0)).abs() < 1e-12 && (valve.ti_s - 300.0).abs() < 1e-12);
}

#[test]
fn it_moves_by_the_room_and_by_its_change() {
    let mut rig = rig(CDU_SUPPLY, 1.5);
    let kc = 90.0 / (300.0 + 60.0);
    let first = moves(&rig.propose());
    // h/Ti of a third, a kelvin beyond the band; nothing has changed yet.
    assert!(
        (first[1] - kc / 3.0).abs() < 1e-9 && first[0].abs() < 1e-12 && first[2].abs() < 1e-12,
        "{first:?}"
    );
    rig.spare_k += 0.4;
    rig.pass();
    let second = moves(&rig.propose());
    assert!((second[0] - kc * 0.4 * FILTER).abs() < 1e-9, "{second:?}");
    assert!((second[1] - kc / 3.0 * 1.1).abs() < 1e-9, "{second:?}");
}

#[test]
fn what_is_short_never_relaxes() {
    let mut rig = rig(CDU_SUPPLY, -3.0);
    for k in 0..60 {
        let p = rig.propose();
        assert!(p.value <= rig.stands, "{k}: {p:?}");
        rig.spare_k = (rig.spare_k + 0.5).min(-0.1);
        rig.pass();
    }
}

#[test]
fn the_load_ahead_is_fed_forward_where_a_valve_binds() {
    let load = |valve: f64, factor: f64| {
        let mut rig = Rig::beside(valve, CoolingStrategy::Pid, FWS_SUPPLY, 8.0);
        // Ten kelvins below the loop that it feeds.
        (rig.stands, rig.measured) = (20.0, 20.0);
        rig.propose();
        rig.room.e.slow_power_w.iter_mut().for_each(|w| *w *= factor);
        rig.pass();
        rig.propose()
    };
    let p = load(0.92, 1.25);
    let Why::Stepwise(Stepwise::Regulate { slack_k, moves_k, .. }) = p.why else { panic!("{p:?}") };
    // What the room does not cover.
    let needed_k = 10.0 * 1.25_f64.ln() - slack_k.max(0.0);
    assert!(needed_k > 0.3 && (moves_k[2] + needed_k).abs() < 1e-6 && p.value < 20.0, "{p:?}");
    assert!(moves(&load(0.5, 1.10))[2].abs() < 1e-12, "the room covers it");
    assert!(moves(&load(0.92, 1.04))[2].abs() < 1e-12, "jobs breathe");
    assert!(moves(&load(0.92, 0.8))[2].abs() < 1e-12, "what is given back is found by the loop");
    // Nothing to do with it where dies bind, whose room is told at full load.
    let mut near = rig(CDU_SUPPLY, -0.5);
    near.propose();
    near.room.e.slow_power_w.iter_mut().for_each(|w| *w *= 1.5);
    near.pass();
    assert!(moves(&near.propose())[2].abs() < 1e-12);
}

#[test]
fn of_two_that_act_upon_the_same_one_relaxes() {
    let (mut supply, mut dp) = (rig(CDU_SUPPLY, 4.0), rig(CDU_DP, 4.0));
    let relaxes = |p: &SetpointProposal| matches!(p.why, Why::Stepwise(Stepwise::Regulate { .. }));
    let waits = |p: &SetpointProposal| matches!(p.why, Why::Stepwise(Stepwise::OtherFirst { .. }));
    let (a, b) = (supply.propose(), dp.propose());
    assert!(relaxes(&a) != relaxes(&b) && (waits(&a) || waits(&b)), "{a:?} {b:?}");
    // Both make good a lack.
    let (mut supply, mut dp) = (rig(CDU_SUPPLY, -1.0), rig(CDU_DP, -1.0));
    assert!(supply.propose().value < 30.0 && dp.propose().value > 90.0);
}
