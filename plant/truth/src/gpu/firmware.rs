//! The firmware: which clock a GPU may run at, and why it is not higher.
//!
//! Responsible for: cap, lock, thermal and brake limits as one target clock, the reasons and their share of time.
//! Not for: integrating heat (see `fleet`).
//!
//! ```text
//! target = min( request, cap, thermal )      request: lock, or the top clock, or the idle clock
//!                                            cap:     P(f) = cap
//!                                            thermal: P(f) = (T_limit - T_plate) / (R1 + R2)
//! hardware slowdown halves the request at once; everything else is approached with the firmware's time constant.
//!
//! SW thermal:  off --(die or HBM at its maximum)--> on --(request fits the thermal budget)--> off
//! HW thermal:  off --(die >= slowdown)--> on --(die < slowdown - 1.5 K)--> off
//! ```
//!
//! Real firmware moves in 15 MHz steps and dithers between two of them to hold a cap. Over a step the mean of that
//! dither is what counts, so the clock here is continuous; only locks are snapped to the 15 MHz grid.

use super::coefficients::Coefficients;
use super::reason;

/// Grid of lockable clocks \[MHz\].
pub(super) const CLOCK_STEP_MHZ: f32 = 15.0;

/// Ripple of power inside a step, as a fraction. A load whose mean sits this close under its cap meets it part of
/// the time, so the counters grow before the mean clock falls.
const RIPPLE: f32 = 0.015;

/// How near its maximum a temperature must come for software slowdown to start \[K\].
const ENGAGE_K: f32 = 0.5;

/// Hysteresis of hardware thermal slowdown \[K\].
const RELEASE_K: f32 = 1.5;

/// What the GPU is asked to do in a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input {
    pub activity: f32,
    pub memory: f32,
    pub cap_w: f32,
    pub lock_min_mhz: f32,
    pub lock_max_mhz: f32,
    pub coolant_c: f32,
    pub flow: f32,
    pub brake: bool,
    pub context: bool,
}

/// Power of one GPU as a function of its clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct PowerCurve {
    pub fixed_w: f32,
    pub leak_w: f32,
    pub switching_w: f32,
}

impl PowerCurve {
    /// P(f) \[W\], f over the maximum clock.
    #[inline(always)]
    pub(super) fn at(&self, c: &Coefficients, f: f32) -> f32 {
        let v = c.v_floor + c.v_slope * (f - c.knee).max(0.0);
        self.fixed_w + v * v * (self.leak_w + self.switching_w * f)
    }

    /// The clock at which P(f) = budget, between the floor and 1. Below the knee P is linear; above it is convex,
    /// and two Newton steps from the chord are exact to about 1e-5.
    #[inline(always)]
    pub(super) fn clock_for(&self, c: &Coefficients, budget_w: f32) -> f32 {
        let budget = budget_w - self.fixed_w;
        let v2 = c.v_floor * c.v_floor;
        let linear = (budget / v2 - self.leak_w) / self.switching_w;
        if linear <= c.knee {
            return linear.max(c.floor);
        }
        let at_knee = v2 * (self.leak_w + self.switching_w * c.knee);
        let at_top = self.leak_w + self.switching_w;
        let mut f = c.knee + (1.0 - c.knee) * (budget - at_knee) / (at_top - at_knee);
        for _ in 0..2 {
            let v = c.v_floor + c.v_slope * (f - c.knee);
            let load = self.leak_w + self.switching_w * f;
            f -= (v * v * load - budget) / (v * (2.0 * c.v_slope * load + v * self.switching_w));
        }
        f.clamp(c.knee, 1.0)
    }
}

/// Temperatures and latches the firmware acts on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heat {
    pub die_c: f32,
    pub hbm_c: f32,
    pub plate_c: f32,
    pub hbm_w: f32,
    pub r_scale: f32,
    pub sw_thermal: bool,
    pub hw_thermal: bool,
}

/// What the firmware decided for a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    pub target: f32,
    pub at_once: bool,
    pub sw_thermal: bool,
    pub hw_thermal: bool,
    pub cap_share: f32,
    pub reasons: u32,
}

/// The clock that is asked for, before any limit bites, and whether a lock holds it.
#[inline(always)]
fn request(c: &Coefficients, u: &Input, busy: bool) -> (f32, bool) {
    let low = u.lock_min_mhz * c.per_mhz;
    if !(busy || u.context) {
        return (c.idle.max(low).min(1.0), false);
    }
    let locked = u.lock_max_mhz < c.clock_max_mhz;
    let high = if locked { snap(u.lock_max_mhz) * c.per_mhz } else { 1.0 };
    (high.max(low).clamp(c.floor, 1.0), locked)
}

/// The next grid clock at or below a wish.
#[inline(always)]
fn snap(mhz: f32) -> f32 {
    ((mhz * (1.0 / CLOCK_STEP_MHZ) + 1e-3) as i32) as f32 * CLOCK_STEP_MHZ
}

/// The module power at which die and HBM would settle at their maxima on the present plate \[W\].
#[inline(always)]
fn thermal_budget_w(c: &Coefficients, h: &Heat) -> f32 {
    let die = c.max_operating_c - h.plate_c;
    let hbm = (c.hbm_max_c - h.plate_c - c.hbm_r * h.hbm_w) * c.inv_hbm_coupling;
    die.min(hbm) * c.inv_r12 * c.inv_captured / h.r_scale
}

/// One decision of the firmware.
#[inline(always)]
pub(super) fn decide(c: &Coefficients, u: &Input, h: &Heat, p: &PowerCurve) -> Decision {
    let busy = u.activity > 0.0 || u.memory > 0.0;
    let (wanted, locked) = request(c, u, busy);
    let hw_thermal = h.die_c >= c.slowdown_c || (h.hw_thermal && h.die_c >= c.slowdown_c - RELEASE_K);
    let at_once = hw_thermal || u.brake;
    let mut target = if at_once { (0.5 * wanted).max(c.floor) } else { wanted };
    let mut demand_w = p.at(c, target);

    let hot = h.die_c >= c.max_operating_c - ENGAGE_K || h.hbm_c >= c.hbm_max_c - ENGAGE_K;
    let mut sw_thermal = false;
    if hot || h.sw_thermal {
        let budget = thermal_budget_w(c, h);
        if demand_w > budget {
            sw_thermal = true;
            target = p.clock_for(c, budget);
            demand_w = p.at(c, target);
        }
    }
    let cap_share = ((demand_w - u.cap_w * (1.0 - RIPPLE)) / (2.0 * RIPPLE * u.cap_w)).clamp(0.0, 1.0);
    let capped = demand_w > u.cap_w;
    if capped {
        target = p.clock_for(c, u.cap_w);
    }
    let bits = [
        (!busy, reason::IDLE),
        (busy && locked && !capped && !sw_thermal && !at_once, reason::LOCKED),
        (cap_share >= 0.5, reason::SW_POWER_CAP),
        (at_once, reason::HW_SLOWDOWN),
        (sw_thermal && !capped, reason::SW_THERMAL),
        (hw_thermal, reason::HW_THERMAL),
        (u.brake, reason::POWER_BRAKE),
    ];
    let reasons = bits.iter().fold(0, |all, (on, bit)| all | if *on { *bit } else { 0 });
    Decision { target, at_once, sw_thermal, hw_thermal, cap_share, reasons }
}
