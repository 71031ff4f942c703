use super::worth::COOLER_K;
use super::*;
use crate::tests::{Bench, CDU_DP, CDU_SUPPLY, FWS_SUPPLY, at, reports};
use std::sync::Arc;

/// Leakage of the bench: four GPUs of 500 W at 0.4 % per kelvin.
const LEAK_W_PER_K: f64 = 8.0;

/// A bench that has seen everything once: GPUs at 500 W, setpoints held where they stand.
pub(super) struct Room {
    pub(super) bench: Bench,
    pub(super) e: Estimate,
}

impl Room {
    /// With the chiller at a power (W), the facility setpoint at a temperature, and this much beyond the wanted margin
    /// of the worst GPU.
    pub(super) fn new(chiller_w: f64, fws_c: f64, spare_k: f64) -> Self {
        Self::beside(&[], chiller_w, fws_c, spare_k)
    }

    /// The same with more readings.
    pub(super) fn beside(more: &[(&str, f64, f64)], chiller_w: f64, fws_c: f64, spare_k: f64) -> Self {
        let mut bench = Bench::new("");
        let readings = [
            ("cdu-supply", 0.0, 30.0),
            ("cdu-setpoint", 0.0, 30.0),
            ("dp", 0.0, 90.0),
            ("dp-setpoint", 0.0, 90.0),
            ("fws-supply", 0.0, fws_c),
            ("fws-setpoint", 0.0, fws_c),
            ("chiller-power", 0.0, chiller_w),
            ("pump-power", 0.0, 2_000.0),
        ];
        let mut e = bench.tick(0.0, &[&readings, more].concat(), reports(0.0, [500.0; 4])).clone();
        for g in 0..e.gpus.len() {
            let wanted_k = bench.wants.gpu_margin_k + spare_k + 5.0 * (3 - g) as f64;
            let more_k = wanted_k - e.headroom(g).kelvin_full_load;
            Arc::make_mut(&mut e.limits).die_c[g] += more_k;
        }
        Self { bench, e }
    }

    fn say(&mut self, id: &str, value: f64) {
        self.bench.tick(1.0, &[(id, 1.0, value)], reports(1.0, [500.0; 4]));
    }

    fn propose(&self, actuator: usize, stands: f64) -> SetpointProposal {
        let b = &self.bench;
        let mut survey = Survey::new(&b.site, &b.topology);
        let scene = Scene {
            site: &b.site,
            topology: &b.topology,
            wants: &b.wants,
            snapshot: b.snapshot(),
            estimate: &self.e,
            survey: survey.look(&b.site, &b.topology, b.snapshot(), &self.e),
        };
        least_headroom(&scene, actuator, stands, stands)
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn relaxes_by_a_share_of_the_room_at_the_worst_gpu() {
    let p = Room::new(10_000.0, 32.0, 1.2).propose(CDU_SUPPLY, 30.0);
    let Why::Relax { slack_k, by, saves_w_per_unit } = p.why else { panic!("{p:?}") };
    assert!(near(slack_k, 1.2) && by == Binds::Gpu(3), "{p:?}");
    // A chiller's tenth per kelvin, for all of the load.
    assert!(near(saves_w_per_unit, 1_000.0));
    assert!(near(p.value, 30.0 + 1.2 * RELAX_GAIN[0]), "{p:?}");
    // Never by more than a step, never out of the range.
    assert!(near(Room::new(10_000.0, 32.0, 20.0).propose(CDU_SUPPLY, 30.0).value, 30.5));
    let warm = |supply_c| Room::beside(&[("cdu-supply", 0.0, supply_c)], 10_000.0, 32.0, 20.0);
    assert!(near(warm(42.5).propose(CDU_SUPPLY, 42.9).value, 43.0));
    // What the load may do within a quarter of an hour is left to it.
    assert!(matches!(warm(39.0).propose(CDU_SUPPLY, 42.0).why, Why::Swings { .. }));
}

#[test]
fn tightens_at_once_by_the_most_of_what_is_missing() {
    let p = Room::new(10_000.0, 32.0, -0.4).propose(CDU_SUPPLY, 30.0);
    assert!(matches!(p.why, Why::Tighten { slack_k, by: Binds::Gpu(3) } if near(slack_k, -0.4)), "{p:?}");
    assert!(near(p.value, 30.0 - 0.4 * TIGHTEN_GAIN[0]), "{p:?}");
    assert!(near(Room::new(10_000.0, 32.0, -5.0).propose(CDU_SUPPLY, 30.0).value, 29.5));
    // Even where nothing would be saved or lost.
    assert!(near(Room::new(0.0, 15.0, -5.0).propose(CDU_SUPPLY, 30.0).value, 29.5));
}

#[test]
fn a_sensor_that_stands_still_is_followed_so_that_its_loop_rests() {
    let room = Room::new(10_000.0, 32.0, 8.0);
    let (site, mut snapshot) = (&room.bench.site, room.bench.snapshot().clone());
    let (a, point) = (&site.actuators[CDU_SUPPLY], site.point("cdu-supply").unwrap().index());
    assert_eq!(unseen(&snapshot, a), None);
    snapshot.points[point].quality = Quality::Bad(Reason::Flatline);
    assert_eq!(unseen(&snapshot, a), Some((snapshot.points[point].value, Why::StandsStill)));
    snapshot.points[point].quality = Quality::Bad(Reason::Stale);
    assert_eq!(unseen(&snapshot, a), Some((a.fallback, Why::Unseen)));
}

#[test]
fn what_is_not_seen_goes_home() {
    let mut room = Room::new(10_000.0, 32.0, 8.0);
    // The pressure has been silent for minutes; everything else is read.
    let others = [("cdu-supply", 400.0, 30.0), ("dp-setpoint", 400.0, 60.0), ("pump-power", 400.0, 2_000.0)];
    room.bench.tick(400.0, &others, reports(400.0, [500.0; 4]));
    let p = room.propose(CDU_DP, 60.0);
    assert!(p.why == Why::Unseen && near(p.value, 63.0), "{p:?}");
    assert!(near(room.propose(CDU_DP, 90.0).value, 90.0));
}

#[test]
fn what_is_upstream_relaxes_first() {
    let room = Room::new(10_000.0, 15.0, 8.0);
    let p = room.propose(CDU_SUPPLY, 30.0);
    assert!(matches!(p.why, Why::UpstreamFirst { .. }) && near(p.value, 30.0), "{p:?}");
    let p = room.propose(FWS_SUPPLY, 15.0);
    assert!(matches!(p.why, Why::Relax { by: Binds::Downstream(CDU_SUPPLY), .. }), "{p:?}");
    assert!(near(p.value, 15.0 + TRACK_K * RELAX_GAIN[1]), "{p:?}");
}

#[test]
fn a_loop_that_cannot_be_held_tightens_what_feeds_it() {
    let mut room = Room::new(10_000.0, 20.0, 8.0);
    room.say("cdu-supply", 33.0);
    let p = room.propose(FWS_SUPPLY, 20.0);
    assert!(matches!(p.why, Why::Tighten { by: Binds::Downstream(CDU_SUPPLY), .. }), "{p:?}");
    assert!(near(p.value, 20.0 - 1.5 * TIGHTEN_GAIN_VALVES), "{p:?}");
    // And then the loop itself may relax: nobody upstream has room to spare.
    assert!(matches!(room.propose(CDU_SUPPLY, 30.0).why, Why::Relax { .. }));
}

#[test]
fn a_loop_whose_valve_still_opens_asks_nothing_of_what_feeds_it() {
    for (opening, helps) in [(0.45, false), (0.99, true)] {
        let mut room = Room::beside(&[("cdu-valve", 0.0, opening)], 10_000.0, 20.0, 8.0);
        room.say("cdu-supply", 33.0);
        let p = room.propose(FWS_SUPPLY, 20.0);
        assert_eq!(matches!(p.why, Why::Tighten { .. }), helps, "{opening}: {p:?}");
        assert!(p.value < 20.0 + 1e-9, "nor does it give anything away: {p:?}");
    }
}

#[test]
fn what_is_upstream_waits_while_the_plant_still_comes() {
    // Behind by how much, coming how fast (K/s): does it wait?
    for (behind_k, rate, waits) in
        [(1.1, 0.01, true), (0.9, 0.01, false), (2.0, 0.0, false), (2.0, -0.01, false)]
    {
        let mut room = Room::new(10_000.0, 15.0, 8.0);
        let (value, level) =
            (15.0 - behind_k * BEHIND_K, room.bench.site.point("fws-supply").unwrap().index());
        for k in 1..=120 {
            let s = f64::from(k);
            room.e.levels[level].take(at(s).tai_ns(), value - rate * (120.0 - s));
        }
        room.say("fws-supply", value);
        let p = room.propose(FWS_SUPPLY, 15.0);
        assert_eq!(matches!(p.why, Why::Underway { .. }), waits, "{behind_k} {rate}: {p:?}");
        assert_eq!(near(p.value, 15.0), waits);
    }
}

#[test]
fn a_loop_tightens_no_more_while_what_was_asked_still_comes() {
    // Measured so much warmer than it is asked to be, coming down so fast (K/s): does it ask for more?
    for (behind_k, rate, more) in
        [(1.0, -0.01, false), (0.6, -0.01, true), (1.0, 0.0, true), (1.0, 0.01, true)]
    {
        let mut room = Room::new(10_000.0, 32.0, -0.8);
        let (value, level) = (30.0 + behind_k, room.bench.site.point("cdu-supply").unwrap().index());
        for k in 1..=120 {
            let s = f64::from(k);
            room.e.levels[level].take(at(s).tai_ns(), value - rate * (120.0 - s));
        }
        room.say("cdu-supply", value);
        let p = room.propose(CDU_SUPPLY, 30.0);
        assert!(matches!(p.why, Why::Tighten { .. }), "{p:?}");
        assert_eq!(p.value < 30.0 - 1e-9, more, "{behind_k} {rate}: {p:?}");
    }
}

#[test]
fn a_loop_that_holds_nobody_back_does_not_warm_for_them() {
    let mut room = Room::new(chiller_w(6.0), 32.0, 8.0);
    let ways = [true, false].map(|binds| {
        if !binds {
            // Somebody else's limit is what holds the facility water.
            room.bench.topology.reach[FWS_SUPPLY].holds.clear();
        }
        room.propose(CDU_SUPPLY, 30.0).why
    });
    assert!(matches!(ways[0], Why::Relax { .. }), "{ways:?}");
    assert!(matches!(ways[1], Why::NothingToSave { .. }), "{ways:?}");
    // Back to what the plant would hold by itself it warms all the same.
    assert!(matches!(room.propose(CDU_SUPPLY, 28.0).why, Why::Relax { .. }));
}

/// Chiller power at which a kelvin surely saves so many times what it costs.
fn chiller_w(worth: f64) -> f64 {
    worth * LEAK_W_PER_K / 0.10
}

/// Power of a chiller that carries next to nothing, at which a kelvin may save so many times what it costs: all of it.
fn idling_w(worth: f64) -> f64 {
    worth * LEAK_W_PER_K
}

#[test]
fn cooler_where_cooling_is_nearly_free() {
    let p = Room::new(idling_w(0.6), 32.0, 8.0).propose(CDU_SUPPLY, 30.0);
    let Why::Cooler { costs_w_per_unit, .. } = p.why else { panic!("{p:?}") };
    assert!(near(costs_w_per_unit, LEAK_W_PER_K) && near(p.value, 30.0 - COOLER_K), "{p:?}");
    // Back from warmer than the plant would hold by itself, less is asked.
    let room = Room::new(idling_w(1.2), 32.0, 8.0);
    assert!(matches!(room.propose(CDU_SUPPLY, 32.0).why, Why::Cooler { .. }));
    assert!(matches!(room.propose(CDU_SUPPLY, 30.0).why, Why::NothingToSave { .. }));
    // A chiller that runs may be all that makes it cooler.
    assert!(matches!(
        Room::new(chiller_w(0.6), 32.0, 8.0).propose(CDU_SUPPLY, 30.0).why,
        Why::NothingToSave { .. }
    ));
}

#[test]
fn what_feeds_a_loop_whose_valve_is_open_cools_for_it() {
    // Opening of the valve (wanted at most 93 %), power of the chiller: what does the facility water do at 20 degC?
    let at = |opening: f64, chiller_w: f64| {
        Room::beside(&[("cdu-valve", 0.0, opening)], chiller_w, 20.0, 8.0).propose(FWS_SUPPLY, 20.0)
    };
    let open = at(0.87, idling_w(0.6));
    let Why::Cooler { costs_w_per_unit, .. } = open.why else { panic!("{open:?}") };
    assert!(near(costs_w_per_unit, LEAK_W_PER_K) && near(open.value, 20.0 - COOLER_K), "{open:?}");
    // With a little more room it stays, with much it saves what there is to save.
    assert!(matches!(at(0.82, idling_w(0.6)).why, Why::NothingToSave { .. }));
    assert!(matches!(at(0.5, idling_w(0.6)).why, Why::Relax { .. }));
    // A chiller that runs is worth more than the leakage: as warm as the valve lets it.
    assert!(matches!(at(0.87, chiller_w(4.0)).why, Why::Relax { .. }));
}

#[test]
fn nothing_cools_for_what_no_meter_says_or_what_does_not_come() {
    let mut room = Room::beside(&[("cdu-valve", 0.0, 0.87)], idling_w(0.6), 20.0, 8.0);
    room.say("fws-supply", 20.6);
    let p = room.propose(FWS_SUPPLY, 20.0);
    assert!(p.value >= 20.0, "it cannot be had colder: {p:?}");
    let others = [("cdu-supply", 400.0, 30.0), ("cdu-setpoint", 400.0, 30.0), ("fws-supply", 400.0, 32.0)];
    room.bench.tick(400.0, &others, reports(400.0, [500.0; 4]));
    assert!(
        !matches!(room.propose(CDU_SUPPLY, 30.0).why, Why::Cooler { .. }),
        "the chiller's meter is silent"
    );
}

#[test]
fn nothing_moves_while_worth_and_price_are_near() {
    let room = Room::new(chiller_w(3.0), 32.0, 8.0);
    let p = room.propose(CDU_SUPPLY, 30.0);
    assert!(matches!(p.why, Why::NothingToSave { .. }) && near(p.value, 30.0), "{p:?}");
    // Back to what the plant would hold by itself: that it may be worth more than its price is enough.
    assert!(matches!(room.propose(CDU_SUPPLY, 28.0).why, Why::Relax { .. }));
    assert!(matches!(Room::new(chiller_w(4.1), 32.0, 8.0).propose(CDU_SUPPLY, 30.0).why, Why::Relax { .. }));
    // A loop that no die feels costs nothing to warm, but without a machine there is nothing to save.
    assert!(matches!(Room::new(0.0, 15.0, 8.0).propose(FWS_SUPPLY, 15.0).why, Why::NothingToSave { .. }));
}

#[test]
fn least_flow_of_a_rack_raises_the_pressure_not_the_cold() {
    let mut room = Room::new(10_000.0, 32.0, 8.0);
    // 1.2 L/min/kW at 30 degC for four GPUs at four fifths of 700 W and 200 W beside them.
    let need = 1.2 * (4.0 * 560.0 + 200.0) / 1e3;
    room.say("rack-flow", need * 1.06);
    let p = room.propose(CDU_DP, 90.0);
    assert!(
        matches!(p.why, Why::Tighten { slack_k, by: Binds::Flow(0) } if (slack_k + 1.0).abs() < 1e-6),
        "{p:?}"
    );
    // Three hundredths of the range of 80 kPa count as a kelvin.
    assert!((p.value - (90.0 + TIGHTEN_GAIN[0] * 2.4)).abs() < 1e-6, "{p:?}");
    let p = room.propose(CDU_SUPPLY, 30.0);
    assert!(near(p.value, 30.0), "neither warmer nor cooler: {p:?}");
    room.say("rack-flow", need * 1.5);
    assert!(room.propose(CDU_DP, 90.0).value < 90.0);
}

#[test]
fn nothing_known_nothing_relaxed() {
    let bench = Bench::new("");
    let e = bench.estimator.last();
    let scene = Scene {
        site: &bench.site,
        topology: &bench.topology,
        wants: &bench.wants,
        snapshot: bench.snapshot(),
        estimate: e,
        survey: &Survey::new(&bench.site, &bench.topology),
    };
    let p = least_headroom(&scene, CDU_SUPPLY, 30.0, 30.0);
    assert!(p.value <= 30.0, "{p:?}");
}
