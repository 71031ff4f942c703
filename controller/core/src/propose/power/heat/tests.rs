use super::*;
use crate::tests::{Bench, reports};

/// The small plant's rack, whose loop may be as warm as 45 degC.
const LIMIT: &str = "[[limit]]\npoint = \"cdu-supply\"\nmax = \"45 degC\"\n";

/// A loop that heats up by what its cooling does not carry away.
struct Water {
    bench: Bench,
    heat: Heat,
    supply_c: f64,
    /// Heat that the loop holds, J/K.
    holds: f64,
    at_s: f64,
    drawn_w: f64,
}

const WANTED_W: f64 = 2_000.0;

impl Water {
    fn new(holds_j_per_k_w: f64) -> Self {
        let bench = Bench::new(LIMIT);
        let heat = Heat::new(&bench.site, &bench.topology, &bench.wants);
        Self { bench, heat, supply_c: 30.0, holds: holds_j_per_k_w * 2_800.0, at_s: 0.0, drawn_w: WANTED_W }
    }

    /// So many seconds while the cooling carries this much away; gives the least that was allowed.
    fn run(&mut self, seconds: usize, carried_w: impl Fn(f64) -> f64) -> f64 {
        let mut least_w = f64::INFINITY;
        for _ in 0..seconds {
            self.at_s += 1.0;
            self.supply_c += (self.drawn_w - carried_w(self.supply_c)) / self.holds;
            let s = self.at_s;
            let seen = (s as usize).is_multiple_of(5).then_some(("cdu-supply", s, self.supply_c));
            let watts = (self.drawn_w / 4.0) as f32;
            self.bench.tick(s, seen.as_slice(), reports(s, [watts; 4]));
            self.heat.look(self.bench.snapshot(), self.bench.estimator.last());
            let allowed_w = self.heat.loops[0].allowed_w;
            // floors: 200 W each
            self.drawn_w = WANTED_W.min(allowed_w.max(800.0));
            least_w = least_w.min(allowed_w);
        }
        least_w
    }
}

#[test]
fn a_loop_that_is_cooled_is_left_alone() {
    let mut water = Water::new(3.0);
    // it swings by a kelvin, as loops do
    let least_w = water.run(1_200, |c| WANTED_W + 600.0 * (c - 30.0) + 120.0 * (c * 7.0).sin());
    assert!(least_w.is_infinite() && water.drawn_w >= WANTED_W);
}

#[test]
fn what_the_water_does_not_carry_the_gpus_give_up() {
    for holds in [1.7, 3.0, 4.5] {
        let mut water = Water::new(holds);
        water.run(60, |_| WANTED_W);
        // half of the cooling is lost: the limit is not met, and no more than half is given up for long
        water.run(600, |_| 0.5 * WANTED_W);
        assert!(
            water.supply_c < 45.0 && water.drawn_w >= 0.4 * WANTED_W,
            "{holds}: {} {}",
            water.supply_c,
            water.drawn_w
        );
        // it comes back, and so do they
        water.run(900, |c| WANTED_W + 300.0 * (c - 30.0));
        assert!(
            water.heat.loops[0].allowed_w.is_infinite() && water.drawn_w >= WANTED_W,
            "{holds}: {}",
            water.drawn_w
        );
    }
}

#[test]
fn when_nothing_carries_heat_away_time_is_won() {
    let mut held = Water::new(3.0);
    held.run(60, |_| WANTED_W);
    held.run(120, |_| 0.0);
    // without, it would have risen by 28 K
    assert!(held.supply_c < 45.0, "{}", held.supply_c);
}

#[test]
fn the_one_with_less_priority_gives_way_first() {
    let mut water = Water::new(3.0);
    water.run(60, |_| WANTED_W);
    water.run(100, |_| 0.5 * WANTED_W);
    let (demand, low, mut high) = ([500.0; 4], [200.0; 4], [700.0; 4]);
    let e = water.bench.estimator.last().clone();
    water.heat.lower(&e, &demand, &low, &[0.25, 0.25, 1.0, 1.0], &mut high);
    assert!(
        high[0] > high[2] && high.iter().sum::<f64>() <= water.heat.room_w[0].max(800.0) + 1e-6,
        "{high:?}"
    );
}

#[test]
fn what_the_plant_holds_near_its_limit_is_left_alone() {
    let mut water = Water::new(3.0);
    water.supply_c = 44.6;
    // the plant's own loop holds it there, whatever is drawn
    for _ in 0..600 {
        water.run(1, |_| 0.0);
        water.supply_c = 44.6;
    }
    assert!(water.heat.loops[0].allowed_w.is_infinite() && water.drawn_w >= WANTED_W);
}

#[test]
fn a_reading_lowers_once() {
    let mut water = Water::new(3.0);
    water.run(60, |_| WANTED_W);
    water.run(15, |_| 0.0);
    let before_w = water.heat.loops[0].allowed_w;
    assert!(before_w.is_finite());
    // the sensor falls silent, and another one of the loop goes on: here the nodes do
    for s in 0..60 {
        let s = water.at_s + f64::from(s);
        water.bench.tick(s, &[], reports(s, [300.0; 4]));
        water.heat.look(water.bench.snapshot(), water.bench.estimator.last());
    }
    assert!((water.heat.loops[0].allowed_w - before_w).abs() < 1e-9);
}
