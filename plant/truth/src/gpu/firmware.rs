//! The firmware: which clock a GPU may run at, and why it is not higher.
//!
//! Responsible for: cap, lock, thermal and brake limits as one target clock, the reasons and their share of time.
//! Not for: integrating heat (see `fleet`).
//!
//! ```text
//! target = min( request, cap, thermal, peers )      request: lock, or the top clock, or the idle clock
//!                                            cap:     P(f) = cap
//!                                            thermal: P(f) = (T_limit - T_plate) / (R1 + R2)
//! peers:   in a boost group, the clock of its slowest GPU
//! hardware slowdown cuts the request (to half, or what the product says) at once; everything else is approached with the firmware's time constant.
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
pub(super) const RIPPLE: f32 = 0.015;

/// How near its maximum a temperature must come for software slowdown to start \[K\].
pub(super) const ENGAGE_K: f32 = 0.5;

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
    /// Clock of the slowest peer of its boost group over the maximum; infinite without one.
    pub peers: f32,
}

/// Power of one GPU as a function of its clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct PowerCurve {
    pub fixed_w: f32,
    pub leak_w: f32,
    pub switching_w: f32,
}

/// A clock and the power there; with its slope, if that is known and not zero \[W\].
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub f: f32,
    pub power_w: f32,
    pub slope_w: f32,
}

/// Newton steps before the search by halves takes over.
pub(super) const NEWTON_STEPS: usize = 6;

/// How near the root a Newton step must end, as a fraction of the top clock. Steps converge with the square, so the
/// root is then known to about 1e-7.
pub(super) const NEAR: f32 = 3e-4;

impl PowerCurve {
    /// P(f) \[W\], f over the maximum clock.
    #[inline(always)]
    pub(super) fn at(&self, c: &Coefficients, f: f32) -> f32 {
        self.fixed_w + c.v2(f).0 * (self.leak_w + self.switching_w * f)
    }

    /// The clock at which P(f) = budget, between the floor and 1. P rises with f, so there is one at most. Newton's
    /// method from a guess (the present clock: when nothing changes, one step is enough).
    #[inline(always)]
    pub(super) fn clock_for(&self, c: &Coefficients, budget_w: f32, guess: f32) -> Spot {
        let budget = budget_w - self.fixed_w;
        let mut f = guess.clamp(c.floor, 1.0);
        for _ in 0..NEWTON_STEPS {
            let (v2, slope) = c.v2(f);
            let load = self.leak_w + self.switching_w * f;
            let slope_w = slope * load + v2 * self.switching_w;
            let step = (v2 * load - budget) / slope_w;
            f = (f - step).clamp(c.floor, 1.0);
            if step.abs() < NEAR {
                return Spot { f, power_w: budget_w, slope_w };
            }
        }
        self.by_halves(c, budget_w)
    }

    /// For budgets outside the range of P, and voltage tables on which Newton's method runs in circles.
    #[cold]
    pub(super) fn by_halves(&self, c: &Coefficients, budget_w: f32) -> Spot {
        let (mut low, mut high) = (c.floor, 1.0);
        let steps = if self.at(c, low) >= budget_w { 0 } else { 20 };
        for _ in 0..steps {
            let middle = 0.5 * (low + high);
            if self.at(c, middle) > budget_w {
                high = middle;
            } else {
                low = middle;
            }
        }
        Spot { f: low, power_w: self.at(c, low), slope_w: 0.0 }
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
    pub clock: f32,
    pub sw_thermal: bool,
    pub hw_thermal: bool,
}

/// What the firmware decided for a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    pub target: Spot,
    /// The target without regard to peers.
    pub own: f32,
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

/// Share of a step that a load of this mean spends at its cap.
#[inline(always)]
fn cap_share(demand_w: f32, cap_w: f32) -> f32 {
    if demand_w <= cap_w * (1.0 - RIPPLE) {
        0.0
    } else if demand_w >= cap_w * (1.0 + RIPPLE) {
        1.0
    } else {
        (demand_w - cap_w * (1.0 - RIPPLE)) / (2.0 * RIPPLE * cap_w)
    }
}

/// One decision of the firmware.
#[inline(always)]
pub(super) fn decide(c: &Coefficients, u: &Input, h: &Heat, p: &PowerCurve) -> Decision {
    let busy = u.activity > 0.0 || u.memory > 0.0;
    let (wanted, locked) = request(c, u, busy);
    let hw_thermal = h.die_c >= c.slowdown_c || (h.hw_thermal && h.die_c >= c.slowdown_c - RELEASE_K);
    let at_once = hw_thermal || u.brake;
    let f = if at_once { (c.slowdown_clock * wanted).max(c.floor) } else { wanted };
    let mut target = Spot { f, power_w: p.at(c, f), slope_w: 0.0 };

    let hot = h.die_c >= c.max_operating_c - ENGAGE_K || h.hbm_c >= c.hbm_max_c - ENGAGE_K;
    let mut sw_thermal = false;
    if hot || h.sw_thermal {
        let budget = thermal_budget_w(c, h);
        if target.power_w > budget {
            sw_thermal = true;
            target = p.clock_for(c, budget, h.clock);
        }
    }
    let cap_share = cap_share(target.power_w, u.cap_w);
    let capped = target.power_w > u.cap_w;
    if capped {
        target = p.clock_for(c, u.cap_w, h.clock);
    }
    let own = target.f;
    let synced = busy && u.peers < own - 1e-4;
    if synced {
        let f = u.peers.max(c.floor);
        target = Spot { f, power_w: p.at(c, f), slope_w: 0.0 };
    }
    let mut reasons = match (busy, locked && !capped && !sw_thermal && !at_once) {
        (false, _) => reason::IDLE,
        (true, true) => reason::LOCKED,
        (true, false) => 0,
    };
    if cap_share >= 0.5 {
        reasons |= reason::SW_POWER_CAP;
    }
    if at_once || sw_thermal || synced {
        let bits = [
            (at_once, reason::HW_SLOWDOWN),
            (synced, reason::SYNC_BOOST),
            (sw_thermal && !capped, reason::SW_THERMAL),
            (hw_thermal, reason::HW_THERMAL),
            (u.brake, reason::POWER_BRAKE),
        ];
        reasons |= bits.iter().fold(0, |all, (on, bit)| all | if *on { *bit } else { 0 });
    }
    Decision { target, own, at_once, sw_thermal, hw_thermal, cap_share, reasons }
}
