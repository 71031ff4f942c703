//! The small plant with a lag, beside which a strategy runs period by period.
//!
//! One actuator is moved. What it moves follows with a lag, and the worst GPU's room shrinks by `gain` K for each K-equivalent
//! that it is relaxed; a guard keeps ramp, range and deadband. Everything else stands still.

use super::tests::Room;
use super::{Scene, SetpointProposal, Strategies, Survey, toward, unit_per_kelvin};
use crate::align::Snapshot;
use crate::propose::Why;
use crate::tests::{Bench, CDU_DP, CDU_SUPPLY, FWS_SUPPLY};
use headroom_guard::Mode;
use headroom_policies::CoolingStrategy;
use headroom_site::Span;
use headroom_site::file::read_site;
use std::path::Path;
use std::sync::Arc;

/// Strategies under test.
pub(super) const BOTH: [CoolingStrategy; 2] = [CoolingStrategy::TrimAndRespond, CoolingStrategy::Pid];

pub(super) struct Rig {
    pub(super) room: Room,
    pub(super) snapshot: Snapshot,
    strategies: Strategies,
    survey: Survey,
    pub(super) actuator: usize,
    /// Where the setpoint stands, where it is on its way to, and what it moves.
    pub(super) stands: f64,
    target: Option<f64>,
    pub(super) measured: f64,
    /// Room of the worst GPU beyond what is wanted, were all as it began.
    pub(super) spare_k: f64,
    /// Room lost for a K-equivalent relaxed.
    pub(super) gain: f64,
    /// Half the width of the noise of that room.
    pub(super) noise_k: f64,
    began: f64,
    random: u64,
    pub(super) travel: f64,
    pub(super) reversals: u32,
    last_move: f64,
}

impl Rig {
    pub(super) fn new(strategy: CoolingStrategy, actuator: usize, spare_k: f64) -> Self {
        Self::beside(0.5, strategy, actuator, spare_k)
    }

    /// The same with the valve of the CDU so far open.
    pub(super) fn beside(opening: f64, strategy: CoolingStrategy, actuator: usize, spare_k: f64) -> Self {
        let more = [("rack-flow", 0.0, 9.0), ("cdu-valve", 0.0, opening)];
        let mut room = Room::beside(&more, 10_000.0, 32.0, spare_k);
        room.bench.wants.cooling = strategy;
        let snapshot = room.bench.snapshot().clone();
        let stands = snapshot.points[room.bench.site.actuators[actuator].readback.unwrap().index()].value;
        Self {
            strategies: Strategies::new(&room.bench.site),
            survey: Survey::new(&room.bench.site, &room.bench.topology),
            room,
            snapshot,
            actuator,
            stands,
            target: None,
            measured: stands,
            spare_k,
            gain: 1.0,
            noise_k: 0.0,
            began: stands,
            random: 1,
            travel: 0.0,
            reversals: 0,
            last_move: 0.0,
        }
    }

    /// Nobody moves the others.
    pub(super) fn alone(mut self) -> Self {
        let own = self.actuator;
        let modes = self.room.bench.wants.actuator_mode.iter_mut().enumerate();
        modes.filter(|(i, _)| *i != own).for_each(|(_, mode)| *mode = Mode::Off);
        self
    }

    /// Room of the worst GPU now, without noise.
    pub(super) fn slack_k(&self) -> f64 {
        let a = &self.room.bench.site.actuators[self.actuator];
        self.spare_k - self.gain * toward(a) * (self.measured - self.began) / unit_per_kelvin(a)
    }

    fn noise(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 40) as f64 / 8_388_608.0 - 1.0) * self.noise_k
    }

    pub(super) fn set(&mut self, id: &str, value: f64) {
        let point = self.room.bench.site.point(id).unwrap().index();
        self.snapshot.points[point].value = value;
    }

    /// What is proposed now; nothing moves.
    pub(super) fn propose(&mut self) -> SetpointProposal {
        let room_k = self.slack_k() + self.noise();
        let (b, e) = (&self.room.bench, &mut self.room.e);
        for g in 0..e.gpus.len() {
            let wanted_k = b.wants.gpu_margin_k + room_k + 5.0 * (3 - g) as f64;
            let more_k = wanted_k - e.headroom(g).kelvin_full_load;
            Arc::make_mut(&mut e.limits).die_c[g] += more_k;
        }
        let a = &b.site.actuators[self.actuator];
        self.snapshot.points[a.readback.unwrap().index()].value = self.stands;
        self.snapshot.points[a.measures.unwrap().index()].value = self.measured;
        let (site, topology, snapshot) = (&b.site, &b.topology, &self.snapshot);
        let survey = self.survey.look(site, topology, snapshot, e);
        let scene = Scene { site, topology, wants: &b.wants, snapshot, estimate: e, survey };
        let from = self.target.filter(|t| (t - self.stands).abs() <= a.step).unwrap_or(self.stands);
        let p = self.strategies.propose(&scene, self.actuator, self.stands, from);
        self.target = Some(p.value);
        p
    }

    /// A period later.
    pub(super) fn pass(&mut self) {
        let b = &self.room.bench;
        let period = b.site.cooling_period;
        self.snapshot.stamp = self.snapshot.stamp + period;
        let lag_s = if b.topology.reach[self.actuator].cools { 60.0 } else { 240.0 };
        let share = 1.0 - (-period.s() / lag_s).exp();
        self.measured += (self.stands - self.measured) * share;
    }

    /// Proposes, moves as the guard lets it, and lets a period pass.
    pub(super) fn step(&mut self) -> SetpointProposal {
        let p = self.propose();
        let b = &self.room.bench;
        let (a, (low, high)) = (&b.site.actuators[self.actuator], b.wants.actuator_range[self.actuator]);
        assert!((low..=high).contains(&p.value), "out of range: {p:?}");
        // Least headroom counts from where it is on its way to; the guard's ramp is what it keeps to.
        let steps = if b.wants.cooling == CoolingStrategy::LeastHeadroom { 2.0 } else { 1.0 };
        assert!((p.value - self.stands).abs() <= steps * a.step + 1e-9, "further than a step: {p:?}");
        let ramp = a.ramp_per_s * b.site.cooling_period.s();
        let moved = (p.value - self.stands).clamp(-ramp, ramp);
        if moved.abs() >= a.deadband - 1e-9 {
            self.stands += moved;
            self.travel += moved.abs();
            self.reversals += u32::from(moved * self.last_move < 0.0);
            self.last_move = moved;
        }
        self.pass();
        p
    }

    /// So many minutes of steps.
    pub(super) fn run(&mut self, minutes: f64) {
        let periods = Span::from_s(minutes * 60.0).s() / self.room.bench.site.cooling_period.s();
        for _ in 0..periods as usize {
            self.step();
        }
    }
}

#[test]
fn neither_ever_leaves_range_or_step_whatever_the_room_does() {
    for strategy in BOTH {
        for actuator in [CDU_SUPPLY, CDU_DP, FWS_SUPPLY] {
            let mut rig = Rig::new(strategy, actuator, 0.0);
            // `step` asserts; three days of rooms between -12 K and 12 K.
            for k in 0..8_640 {
                rig.noise_k = if k % 40 < 20 { 0.1 } else { 6.0 };
                rig.spare_k = 6.0 * (f64::from(k) * 0.013).sin() + rig.spare_k - rig.slack_k();
                rig.step();
            }
            assert!(rig.travel > 5.0 * rig.room.bench.site.actuators[actuator].step, "{strategy} {actuator}");
        }
    }
}

#[test]
fn both_save_come_to_rest_at_the_wanted_room_and_stay_there() {
    for strategy in BOTH {
        for (actuator, gain) in [(CDU_SUPPLY, 0.6), (CDU_SUPPLY, 1.0), (CDU_SUPPLY, 1.8), (CDU_DP, 1.0)] {
            let mut rig = Rig::new(strategy, actuator, 4.0).alone();
            (rig.gain, rig.noise_k) = (gain, 0.1);
            let mut least_k = f64::INFINITY;
            for _ in 0..480 {
                rig.step();
                least_k = least_k.min(rig.slack_k());
            }
            let said = format!("{strategy}, actuator {actuator}, gain {gain}");
            assert!(least_k > -0.35, "{said}: {least_k} K of lack on the way");
            let slack_k = rig.slack_k();
            assert!((-0.1..1.2).contains(&slack_k), "{said}: rests at {slack_k} K");
            // Noise of a tenth of a kelvin does not make it hunt.
            let deadband = rig.room.bench.site.actuators[actuator].deadband;
            (rig.travel, rig.reversals) = (0.0, 0);
            rig.run(240.0);
            assert!(
                rig.reversals <= 2 && rig.travel <= 4.0 * deadband,
                "{said}: {} {}",
                rig.reversals,
                rig.travel
            );
        }
    }
}

#[test]
fn what_tightened_last_leaves_small_room() {
    for (actuator, rest_k) in [(CDU_SUPPLY, 0.5), (CDU_DP, 1.0)] {
        let mut rig = Rig::new(CoolingStrategy::LeastHeadroom, actuator, 0.0).alone();
        let mut at = |spare_k: f64| {
            rig.spare_k = spare_k;
            rig.propose().why
        };
        let small_k = 0.9 * rest_k;
        assert!(matches!(at(small_k), Why::Relax { .. }), "it has given nothing yet");
        assert!(matches!(at(-0.1), Why::Tighten { .. }));
        assert!(matches!(at(small_k), Why::Rests { .. }));
        assert!(matches!(at(1.1 * rest_k), Why::Relax { .. }));
        assert!(matches!(at(small_k), Why::Relax { .. }), "once it moves it goes on");
    }
}

#[test]
fn least_headroom_comes_to_rest_among_noise() {
    for (actuator, gain) in [(CDU_SUPPLY, 0.6), (CDU_SUPPLY, 1.0), (CDU_SUPPLY, 1.8), (CDU_DP, 1.0)] {
        let mut rig = Rig::new(CoolingStrategy::LeastHeadroom, actuator, 4.0).alone();
        (rig.gain, rig.noise_k) = (gain, 0.2);
        rig.run(480.0);
        let (slack_k, said) = (rig.slack_k(), format!("actuator {actuator}, gain {gain}"));
        assert!((-0.1..1.2).contains(&slack_k), "{said}: rests at {slack_k} K");
        (rig.travel, rig.reversals) = (0.0, 0);
        rig.run(240.0);
        let deadband = rig.room.bench.site.actuators[actuator].deadband;
        assert!(
            rig.reversals <= 2 && rig.travel <= 4.0 * deadband,
            "{said}: {} {}",
            rig.reversals,
            rig.travel
        );
    }
}

#[test]
fn a_lack_is_answered_at_once_and_made_good() {
    for strategy in BOTH {
        for actuator in [CDU_SUPPLY, CDU_DP] {
            let mut rig = Rig::new(strategy, actuator, 0.2);
            rig.run(30.0);
            let (stands, toward) = (rig.stands, toward(&rig.room.bench.site.actuators[actuator]));
            rig.spare_k -= 1.0;
            let p = rig.step();
            assert!(toward * (p.value - stands) < -1e-3, "{strategy} {actuator}: {p:?}");
            rig.run(20.0);
            assert!(rig.slack_k() > -0.15, "{strategy} {actuator}: {} K left", rig.slack_k());
        }
    }
}

#[test]
fn an_hour_at_the_end_of_the_range_winds_nothing_up() {
    for strategy in BOTH {
        // At the saving end with room to spare, and at the cold end with a lack.
        for (begins, spare_k) in [(43.0, 9.0), (20.0, -9.0)] {
            let mut rig = Rig::new(strategy, CDU_SUPPLY, spare_k);
            (rig.stands, rig.measured, rig.began) = (begins, begins, begins);
            rig.run(60.0);
            assert!((rig.stands - begins).abs() < 1e-9, "{strategy} {begins}: {}", rig.stands);
            rig.spare_k = if spare_k > 0.0 { -1.0 } else { 3.0 };
            // A trim waits for its time step, nothing else.
            let periods = if strategy == CoolingStrategy::TrimAndRespond && spare_k < 0.0 { 4 } else { 1 };
            let left = (0..periods).any(|_| (rig.step().value - begins).abs() > 0.01);
            assert!(left, "{strategy} {begins}: still there");
        }
    }
}

#[test]
fn what_is_not_seen_counts_as_the_worst() {
    for strategy in BOTH {
        for (begins, ends) in [(33.0, 30.0), (28.0, 28.0)] {
            let mut rig = Rig::new(strategy, CDU_SUPPLY, 5.0);
            (rig.stands, rig.measured, rig.began) = (begins, begins, begins);
            rig.run(1.0);
            // Half of the GPUs are silent.
            rig.snapshot.gpus[..2].iter_mut().for_each(|g| g.heard = false);
            let before = rig.stands;
            let p = rig.step();
            let home = ends - before;
            assert!(home.abs() < 0.3 || (p.value - before) * home > 0.0, "{strategy} {begins}: {p:?}");
            assert!(p.why.to_string().contains("not seen"), "{strategy}: {}", p.why);
            rig.run(120.0);
            assert!((rig.stands - ends).abs() < 0.3, "{strategy} {begins}: {}", rig.stands);
        }
    }
}

#[test]
fn an_operators_hand_is_where_it_goes_on_from() {
    for strategy in BOTH {
        let mut rig = Rig::new(strategy, CDU_SUPPLY, 6.0);
        rig.run(40.0);
        // Somebody sets it, and what it moves follows.
        (rig.stands, rig.measured) = (25.0, 25.0);
        let p = rig.step();
        assert!((p.value - 25.0).abs() <= 0.5 + 1e-9, "{strategy}: {p:?}");
    }
}

#[test]
fn what_saves_nothing_or_waits_for_others_is_left() {
    for strategy in BOTH {
        let mut rig = Rig::new(strategy, CDU_SUPPLY, 6.0);
        // The facility loop can still be relaxed: it does so first.
        rig.set("fws-setpoint", 15.0);
        rig.set("fws-supply", 15.0);
        rig.run(60.0);
        assert!((rig.stands - 30.0).abs() < 1e-9, "{strategy}: {}", rig.stands);
        assert!(rig.step().why.to_string().contains("upstream"), "{strategy}");
    }
}

#[test]
fn a_site_without_gpus_is_moved_by_its_limits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/examples/modbus-chiller");
    let text = include_str!("../../../../../book/examples/modbus-chiller/site.toml");
    for strategy in BOTH {
        // The water may be 24 degC, less a kelvin that the policy wants.
        for (supply_c, toward) in [(18.0, 1.0), (23.6, -1.0)] {
            let site = read_site("site.toml", text, &folder).map_err(|f| format!("{f:#?}")).unwrap();
            let mut bench = Bench::at(site, "");
            bench.wants.cooling = strategy;
            let (mut strategies, mut survey) =
                (Strategies::new(&bench.site), Survey::new(&bench.site, &bench.topology));
            let mut moved = 0.0;
            for k in 0..40 {
                let (s, ripple) = (30.0 * f64::from(k), 0.03 * f64::from(k % 3));
                let readings = [
                    ("CH-01.supply", s, supply_c + ripple),
                    ("CH-01.setpoint-in-force", s, 18.0),
                    ("CH-01.power", s, 40_000.0 + 500.0 * ripple),
                ];
                let e = bench.tick(s, &readings, Vec::new()).clone();
                let (site, topology, snapshot) = (&bench.site, &bench.topology, bench.snapshot());
                let survey = survey.look(site, topology, snapshot, &e);
                let scene = Scene { site, topology, wants: &bench.wants, snapshot, estimate: &e, survey };
                moved = strategies.propose(&scene, 0, 18.0, 18.0).value - 18.0;
                if moved * toward > 1e-3 {
                    break;
                }
            }
            assert!(moved * toward > 1e-3, "{strategy} at {supply_c} degC: {moved}");
        }
    }
}
