//! Staging of chillers and economiser, by Guideline 36 rules with the values of its LBNL implementation.
//!
//! Responsible for: which machines run. Not for: their setpoints or the tower.
//!
//! ```text
//!            +-- economiser predicted useful ----------------+
//!   chillers only  <---------------------------------->  economiser + chillers
//!            +-- leaving > return - 1 K for 2 min -----------+        |  ^
//!                                           no load on chillers 15 min v  | supply 1 K high 10 min
//!                                                              economiser alone
//! ```

use super::design::Design;

/// Least time in a stage, s.
const HOLD_S: f64 = 900.0;
/// Least time of the economiser on or off, s.
const ECONOMISER_HOLD_S: f64 = 1200.0;
/// Approach of the economiser and margin of the tower's for the prediction, K.
const EXCHANGER_K: f64 = 2.5;

/// What staging looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StagingInputs<'a> {
    /// Facility-water supply setpoint in force, C.
    pub setpoint_c: f64,
    /// Facility-water supply temperature, C.
    pub supply_c: f64,
    /// Facility-water return temperature, C.
    pub return_c: f64,
    /// Temperature behind the economiser, C.
    pub economiser_leaving_c: f64,
    /// What the rejection cools towards: outdoor wet or dry bulb, C.
    pub sink_c: f64,
    /// Load on all chillers over the capacity of one, averaged.
    pub load_ratio: f64,
    /// Chillers that can run.
    pub available: &'a [bool],
}

/// Stage of the plant.
#[derive(Debug, Clone, PartialEq)]
pub struct Staging {
    /// Chillers asked to run.
    pub run: Vec<bool>,
    /// Economiser enabled.
    pub economiser: bool,
    design: Design,
    wanted: usize,
    in_stage_s: f64,
    economiser_s: f64,
    useless_s: f64,
    high_s: f64,
    loaded_s: f64,
    light_s: f64,
    idle_s: f64,
}

/// Seconds a condition has held.
fn held(timer_s: f64, condition: bool, dt_s: f64) -> f64 {
    if condition { timer_s + dt_s } else { 0.0 }
}

impl Staging {
    /// One chiller running, economiser off but free to start.
    #[must_use]
    pub fn new(chillers: usize, design: &Design) -> Self {
        let mut run = vec![false; chillers];
        if let Some(first) = run.first_mut() {
            *first = true;
        }
        Self {
            wanted: chillers.min(1),
            run,
            design: *design,
            // without machines the economiser is all there is
            economiser: design.economiser && chillers == 0,
            in_stage_s: HOLD_S,
            economiser_s: ECONOMISER_HOLD_S,
            useless_s: 0.0,
            high_s: 0.0,
            loaded_s: 0.0,
            light_s: 0.0,
            idle_s: 0.0,
        }
    }

    /// True within the hold after a stage change.
    #[must_use]
    pub fn holding(&self) -> bool {
        self.in_stage_s < HOLD_S
    }

    /// Advances by `dt_s`.
    pub fn step(&mut self, i: &StagingInputs<'_>, dt_s: f64) {
        self.stage_economiser(i, dt_s);
        self.in_stage_s += dt_s;
        let above_k = i.supply_c - i.setpoint_c;
        self.high_s = held(self.high_s, above_k > 1.0, dt_s);
        self.loaded_s = held(self.loaded_s, i.load_ratio > 0.92 * self.wanted as f64, dt_s);
        self.light_s = held(self.light_s, i.load_ratio < 0.75 * (self.wanted as f64 - 1.0), dt_s);
        self.idle_s = held(self.idle_s, self.economiser && i.load_ratio < 0.04, dt_s);
        let up = if self.wanted == 0 {
            !self.economiser || self.high_s > 600.0 || (above_k > 2.5 && self.high_s > 180.0)
        } else {
            self.in_stage_s > HOLD_S && (self.loaded_s > 900.0 || self.high_s > 900.0)
        };
        let down = self.in_stage_s > HOLD_S
            && if self.wanted > 1 { self.light_s > 900.0 } else { self.idle_s > 900.0 };
        let before = self.wanted;
        if up && self.wanted < self.run.len() {
            self.wanted += 1;
        } else if down && !up && self.wanted > 0 {
            self.wanted -= 1;
        }
        if self.wanted != before {
            (self.in_stage_s, self.loaded_s, self.light_s, self.idle_s) = (0.0, 0.0, 0.0, 0.0);
            self.high_s = 0.0;
        }
        self.choose(i.available);
    }

    /// Running machines keep running; a machine that is not available is replaced at once.
    fn choose(&mut self, available: &[bool]) {
        for (run, &can) in self.run.iter_mut().zip(available) {
            *run &= can;
        }
        let mut running = self.run.iter().filter(|r| **r).count();
        for (run, &can) in self.run.iter_mut().zip(available) {
            if running < self.wanted && can && !*run {
                *run = true;
                running += 1;
            }
        }
        for run in self.run.iter_mut().rev() {
            if running > self.wanted && *run {
                *run = false;
                running -= 1;
            }
        }
    }

    fn stage_economiser(&mut self, i: &StagingInputs<'_>, dt_s: f64) {
        if !self.design.economiser || self.run.is_empty() {
            return;
        }
        self.economiser_s += dt_s;
        let useless = self.economiser && i.economiser_leaving_c > i.return_c - 1.0;
        self.useless_s = held(self.useless_s, useless, dt_s);
        let predicted_c = i.sink_c + self.design.approach_k + EXCHANGER_K;
        let change = if self.economiser { self.useless_s > 120.0 } else { i.return_c > predicted_c + 2.0 };
        if change && self.economiser_s >= ECONOMISER_HOLD_S {
            self.economiser = !self.economiser;
            self.economiser_s = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: StagingInputs<'static> = StagingInputs {
        setpoint_c: 18.0,
        supply_c: 18.0,
        return_c: 27.0,
        economiser_leaving_c: 26.5,
        sink_c: 24.0,
        load_ratio: 0.6,
        available: &[true, true],
    };

    #[test]
    fn a_tripped_machine_is_replaced_and_load_stages_up() {
        let mut staging = Staging::new(2, &Design::CHILLED);
        staging.step(&CALM, 1.0);
        assert_eq!(staging.run, [true, false]);
        staging.step(&StagingInputs { available: &[false, true], ..CALM }, 1.0);
        assert_eq!(staging.run, [false, true]);
        for _ in 0..1000 {
            staging.step(&StagingInputs { load_ratio: 0.99, ..CALM }, 1.0);
        }
        assert_eq!(staging.run, [true, true]);
    }

    #[test]
    fn cold_outside_ends_with_the_economiser_alone() {
        let mut staging = Staging::new(2, &Design::CHILLED);
        let cold = StagingInputs { sink_c: 6.0, economiser_leaving_c: 17.8, load_ratio: 0.0, ..CALM };
        for _ in 0..2000 {
            staging.step(&cold, 1.0);
        }
        assert!(staging.economiser && staging.run == [false, false]);
        let warm = StagingInputs { supply_c: 19.4, ..cold };
        for _ in 0..700 {
            staging.step(&warm, 1.0);
        }
        assert_eq!(staging.run, [true, false]);
    }
}
