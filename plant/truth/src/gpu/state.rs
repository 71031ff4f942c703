//! One GPU through one step: the firmware decides, power follows, heat moves.
//!
//! Responsible for: the equations of the module page, solved exactly over a step of constant power.
//! Not for: counters and what is seen from outside (see `fleet`).

use super::coefficients::Coefficients;
use super::firmware::{Decision, Heat, Input, NEAR, PowerCurve, decide};
use super::{Sku, Spread};
use crate::rng::Rng;

/// What a GPU carries from step to step.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub q1_w: f64,
    pub q2_w: f64,
    pub plate_c: f64,
    pub clock: f32,
    pub power_scale: f32,
    pub leak_w: f32,
    pub r_scale: f32,
    pub brake_s: f32,
    pub sw_thermal: bool,
    pub hw_thermal: bool,
}

/// What a step gives back.
pub(super) struct Output {
    pub clock: f32,
    pub power_w: f32,
    pub die_c: f32,
    pub hbm_c: f32,
    pub coolant_heat_w: f64,
    pub decision: Decision,
}

impl State {
    pub(super) fn cold(sku: &Sku, coolant_c: f32, spread: &Spread, rng: &mut Rng) -> Self {
        let mut scale = |half_width: f64| (1.0 + rng.trimmed_normal(0.5 * half_width)) as f32;
        let power_scale = scale(spread.power);
        Self {
            q1_w: 0.0,
            q2_w: 0.0,
            plate_c: f64::from(coolant_c),
            clock: (sku.clock_idle_mhz / sku.clock_max_mhz) as f32,
            power_scale,
            leak_w: sku.leak_w as f32 * scale(spread.leakage),
            r_scale: scale(spread.thermal),
            brake_s: 0.0,
            sw_thermal: false,
            hw_thermal: false,
        }
    }

    /// One step: the firmware decides on the temperatures of the last step, then heat moves.
    #[inline(always)]
    pub(super) fn advance(
        &mut self,
        c: &Coefficients,
        u: &Input,
        dead: bool,
        die_c: f32,
        hbm_c: f32,
    ) -> Output {
        let x = c.leak_per_k * (die_c - c.leak_reference_c);
        let curve = PowerCurve {
            fixed_w: c.base_w + c.hbm_w * u.memory,
            leak_w: self.leak_w * (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0)))),
            switching_w: self.power_scale * (c.tree_w + c.core_w * u.activity),
        };
        let heat = Heat {
            die_c,
            hbm_c,
            plate_c: self.plate_c as f32,
            hbm_w: c.hbm_idle_w + c.hbm_w * u.memory,
            r_scale: self.r_scale,
            clock: self.clock,
            sw_thermal: self.sw_thermal,
            hw_thermal: self.hw_thermal,
        };
        let decision = decide(c, u, &heat, &curve);
        self.sw_thermal = decision.sw_thermal;
        self.hw_thermal = decision.hw_thermal;
        let target = decision.target;
        let gap = if decision.at_once { 0.0 } else { self.clock - target.f };
        let off = gap * c.clock_mean;
        let clock = target.f + off;
        self.clock = target.f + gap * c.clock_decay;

        let power_w = if dead {
            0.0
        } else if off == 0.0 || (off.abs() < NEAR && target.slope_w > 0.0) {
            target.power_w + target.slope_w * off
        } else {
            curve.at(c, clock)
        };
        let ladder = (self.q1_w, self.q2_w, self.plate_c);
        let heat_w = f64::from(power_w) * c.captured;
        let (ladder, coolant_heat_w) = conduct(c, ladder, f64::from(u.coolant_c), c.plate(u.flow), heat_w);
        (self.q1_w, self.q2_w, self.plate_c) = ladder;
        let rise = self.r_scale * (c.r1 * self.q1_w + c.r2 * self.q2_w) as f32;
        let plate_c = self.plate_c as f32;
        let hbm_w = if dead { 0.0 } else { heat.hbm_w };
        let hbm_end = plate_c + c.hbm_coupling * rise + c.hbm_r * hbm_w;
        Output {
            clock,
            power_w,
            die_c: plate_c + rise,
            hbm_c: hbm_end + (hbm_c - hbm_end) * c.hbm_decay,
            coolant_heat_w,
            decision,
        }
    }

    /// Whether the power brake acts in a step: its signal, and a while after.
    #[inline(always)]
    pub(super) fn brake(&mut self, c: &Coefficients, signal: bool) -> bool {
        if signal {
            self.brake_s = c.brake_hold_s;
            return true;
        }
        let acts = self.brake_s > 0.0 && self.brake_s >= 0.5 * c.dt_s;
        self.brake_s = (self.brake_s - c.dt_s).max(0.0);
        acts
    }
}

/// What the heat ladder of a GPU holds: heat through its first two stages \[W\], and its plate \[degC\].
pub(super) type Ladder = (f64, f64, f64);

/// The heat ladder over one step of constant captured power, and the mean heat to the coolant, which is what came in
/// less what stayed, whatever the rounding of the rest. `plate` is the resistance to the coolant \[K/W\] and the decay of
/// the cooler over a step.
#[inline(always)]
pub(super) fn conduct(
    c: &Coefficients,
    (q1, q2, plate_c): Ladder,
    coolant_c: f64,
    (resistance, decay): (f64, f64),
    heat_w: f64,
) -> (Ladder, f64) {
    let (d1, d2) = (q1 - heat_w, q2 - heat_w);
    let q1_end = heat_w + d1 * c.a1;
    let q2_end = heat_w + d2 * c.a2 + d1 * c.b21;
    // What did not stay in the first two stages reached the plate.
    let to_plate = heat_w - c.tau1_per_dt * (q1_end - q1) - c.tau2_per_dt * (q2_end - q2);
    let rest_c = coolant_c + to_plate * resistance;
    let plate_end = rest_c + (plate_c - rest_c) * decay;
    let stored = c.plate_c_per_dt * (plate_end - plate_c);
    ((q1_end, q2_end, plate_end), to_plate - stored)
}
