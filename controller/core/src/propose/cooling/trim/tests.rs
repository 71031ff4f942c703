use super::super::rig::Rig;
use super::*;
use crate::tests::{CDU_DP, CDU_SUPPLY, FWS_SUPPLY};
use headroom_policies::CoolingStrategy;

fn rig(actuator: usize, spare_k: f64) -> Rig {
    Rig::new(CoolingStrategy::TrimAndRespond, actuator, spare_k)
}

fn parameters(rig: &Rig) -> Parameters {
    let (b, i) = (&rig.room.bench, rig.actuator);
    let a = &b.site.actuators[i];
    Parameters::of(a, a.range, a.ramp_per_s, b.topology.reach[i].cools, b.site.cooling_period)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn a_temperature_gets_the_guidelines_steps() {
    let p = parameters(&rig(CDU_SUPPLY, 0.0));
    // 0.2 degF and 0.3 degF of the air handler's reset; its 1.0 degF is more than the ramp of 1 K in 5 min allows.
    assert!((p.trim - 0.2 / 1.8).abs() < 0.005 && (p.respond - 0.3 / 1.8).abs() < 0.006, "{p:?}");
    assert!(near(p.respond_most, 0.4), "{p:?}");
    assert!(near(p.delay.s(), 600.0) && near(p.step.s(), 120.0), "{p:?}");
    let far = parameters(&rig(FWS_SUPPLY, 0.0));
    assert!(near(far.delay.s(), 900.0) && near(far.step.s(), 300.0), "{far:?}");
    // 40 to 120 kPa at 2 kPa/min and 3 kPa at a time: the step binds.
    let dp = parameters(&rig(CDU_DP, 0.0));
    assert!(near(dp.respond_most, 3.0) && near(dp.trim, 3.0 * 2.0 / 7.0), "{dp:?}");
    // Never more than the ramp lets it do in a time step, for any period.
    for minutes in [0.5, 2.0, 20.0] {
        let rig = rig(CDU_SUPPLY, 0.0);
        let a = &rig.room.bench.site.actuators[CDU_SUPPLY];
        let p = Parameters::of(a, a.range, a.ramp_per_s, true, Span::from_s(minutes * 60.0));
        assert!(p.respond_most <= a.ramp_per_s * p.step.s() + 1e-12 && p.trim < p.respond, "{p:?}");
    }
}

#[test]
fn it_trims_after_the_delay_a_step_at_a_time_and_only_without_a_request() {
    let mut rig = rig(CDU_SUPPLY, 6.0);
    let p = parameters(&rig);
    let (mut trims, mut goal) = (Vec::new(), rig.stands);
    for k in 0..60 {
        let said = rig.step();
        if let Why::Stepwise(Stepwise::Trim { .. }) = said.why {
            assert!(near(said.value - goal, p.trim), "{said:?}");
            trims.push(k);
        }
        goal = said.value;
    }
    // Ten minutes are twenty periods; two minutes are four.
    assert_eq!(trims, (20..60).step_by(4).collect::<Vec<_>>());
    // Too little room for another: it rests.
    let mut rig = self::rig(CDU_SUPPLY, 0.3);
    assert!((0..60).all(|_| {
        rig.pass();
        rig.propose().value <= rig.stands + 1e-9
    }));
}

#[test]
fn it_responds_at_once_in_proportion_and_again_after_a_step() {
    // Room, requests of the worst GPU (importance 2), share of SPres-max.
    for (room_k, requests) in [(-0.2, 2), (-1.2, 4), (-2.5, 6)] {
        let mut rig = rig(CDU_SUPPLY, room_k);
        let p = parameters(&rig);
        let said = rig.propose();
        let moved = (p.respond * f64::from(requests)).min(p.respond_most);
        assert!(near(rig.stands - said.value, moved), "{room_k}: {said:?}");
        assert!(
            matches!(said.why, Why::Stepwise(Stepwise::Respond { requests: r, .. }) if r == requests),
            "{said:?}"
        );
        // As many again wait for T; more do not.
        rig.pass();
        let waits = rig.propose().why;
        assert!(matches!(waits, Why::Stepwise(Stepwise::Between { .. })), "{waits:?}");
        rig.spare_k -= 3.0;
        rig.pass();
        let again = rig.propose().why;
        assert_eq!(matches!(again, Why::Stepwise(Stepwise::Respond { .. })), requests < 6, "{again:?}");
        (0..4).for_each(|_| rig.pass());
        assert!(matches!(rig.propose().why, Why::Stepwise(Stepwise::Respond { .. })));
    }
}

#[test]
fn a_pressure_responds_upward_and_a_valve_asks_of_what_feeds_it() {
    let mut dp = rig(CDU_DP, -0.5);
    assert!(dp.propose().value > 90.0);
    let mut fws = Rig::beside(0.97, CoolingStrategy::TrimAndRespond, FWS_SUPPLY, 6.0);
    let said = fws.propose();
    assert!(said.value < 32.0, "{said:?}");
    let Why::Stepwise(Stepwise::Respond { requests, by: Binds::Point(_), .. }) = said.why else {
        panic!("{said:?}")
    };
    assert!((1..=2).contains(&requests), "some 4 % beyond what is wanted: {requests}");
}
