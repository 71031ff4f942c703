//! Eight GPUs through one step at once, where none is hot, braked, tied to others or gone.
//!
//! Responsible for: `State::advance` in vectors, to the last bit, for the state of affairs that nearly all GPUs are in
//! nearly always. Not for: any other (see `state`); whoever calls this has asked for it (`lanes`).
//!
//! Every line has its like in `firmware` and `state`, in the same order of operations; a test runs both.

use wide::f32x8;

use super::block::{Block, LANES};
use super::coefficients::Coefficients;
use super::firmware::{CLOCK_STEP_MHZ, NEAR, NEWTON_STEPS, PowerCurve, RIPPLE};
use super::reason;
use super::state::conduct;

/// What the firmware is asked for, and what the coolant is.
pub(super) struct Inputs<'a> {
    pub activity: &'a [f32; LANES],
    pub memory: &'a [f32; LANES],
    pub cap_w: &'a [f32; LANES],
    pub sensor_gain: &'a [f32; LANES],
    pub lock_min_mhz: &'a [f32; LANES],
    pub lock_max_mhz: &'a [f32; LANES],
    pub coolant_c: &'a [f32; LANES],
    pub flow: &'a [f32; LANES],
    pub context: &'a [bool; LANES],
    pub die_c: [f32; LANES],
    pub hbm_c: [f32; LANES],
}

/// What a step gives back.
pub(super) struct Outputs {
    pub clock: [f32; LANES],
    pub power_w: [f32; LANES],
    pub die_c: [f32; LANES],
    pub hbm_c: [f32; LANES],
    pub coolant_heat_w: [f64; LANES],
    pub reasons: [u32; LANES],
    /// Share of the step at the cap; `None` where it is nowhere above zero.
    pub cap_share: Option<[f32; LANES]>,
}

/// P(f) of eight GPUs.
struct Curves {
    fixed_w: f32x8,
    leak_w: f32x8,
    switching_w: f32x8,
}

/// Clocks and the powers there, with their slopes where they are known and not zero.
#[derive(Clone, Copy)]
struct Spots {
    f: f32x8,
    power_w: f32x8,
    slope_w: f32x8,
}

#[inline(always)]
fn all(x: f32) -> f32x8 {
    f32x8::splat(x)
}

#[inline(always)]
fn clamp(x: f32x8, low: f32x8, high: f32x8) -> f32x8 {
    x.fast_max(low).fast_min(high)
}

/// Ones where a flag is set.
#[inline(always)]
fn mask(flags: &[bool; LANES]) -> f32x8 {
    if *flags == [true; LANES] {
        return !all(0.0);
    }
    f32x8::new(flags.map(|flag| if flag { 1.0 } else { 0.0 })).simd_gt(all(0.5))
}

/// Square of the relative voltage, and its slope (see [`Coefficients::v2`]).
#[inline(always)]
fn v2(c: &Coefficients, f: f32x8) -> (f32x8, f32x8) {
    let (mut v2, mut slope) = ([0.0; LANES], [0.0; LANES]);
    for (lane, f) in f.to_array().into_iter().enumerate() {
        (v2[lane], slope[lane]) = c.v2(f);
    }
    (f32x8::new(v2), f32x8::new(slope))
}

impl Curves {
    #[inline(always)]
    fn at(&self, c: &Coefficients, f: f32x8) -> f32x8 {
        self.fixed_w + v2(c, f).0 * (self.leak_w + self.switching_w * f)
    }

    fn of(&self, lane: usize) -> PowerCurve {
        PowerCurve {
            fixed_w: self.fixed_w.to_array()[lane],
            leak_w: self.leak_w.to_array()[lane],
            switching_w: self.switching_w.to_array()[lane],
        }
    }

    /// The clocks at which P(f) meets the caps, where `sought` (see [`PowerCurve::clock_for`]); `spots` elsewhere.
    #[inline(always)]
    fn clocks_for(&self, c: &Coefficients, cap_w: f32x8, guess: f32x8, sought: f32x8, spots: Spots) -> Spots {
        let (floor, one) = (all(c.floor), all(1.0));
        let budget = cap_w - self.fixed_w;
        let (mut spots, mut open) = (spots, sought);
        let mut f = clamp(guess, floor, one);
        for _ in 0..NEWTON_STEPS {
            let (v2, slope) = v2(c, f);
            let load = self.leak_w + self.switching_w * f;
            let slope_w = slope * load + v2 * self.switching_w;
            let step = (v2 * load - budget) / slope_w;
            f = clamp(f - step, floor, one);
            let found = open & step.abs().simd_lt(all(NEAR));
            spots.f = found.bitselect(f, spots.f);
            spots.power_w = found.bitselect(cap_w, spots.power_w);
            spots.slope_w = found.bitselect(slope_w, spots.slope_w);
            open = found.bitselect(all(0.0), open);
            if open.to_bitmask() == 0 {
                return spots;
            }
        }
        self.search(c, cap_w, open, spots)
    }

    /// By halves, for the lanes that are still open.
    #[cold]
    fn search(&self, c: &Coefficients, cap_w: f32x8, open: f32x8, spots: Spots) -> Spots {
        let (mut f, mut power_w, mut slope_w) =
            (spots.f.to_array(), spots.power_w.to_array(), spots.slope_w.to_array());
        for lane in (0..LANES).filter(|lane| open.to_bitmask() >> lane & 1 == 1) {
            let spot = self.of(lane).by_halves(c, cap_w.to_array()[lane]);
            (f[lane], power_w[lane], slope_w[lane]) = (spot.f, spot.power_w, spot.slope_w);
        }
        Spots { f: f32x8::new(f), power_w: f32x8::new(power_w), slope_w: f32x8::new(slope_w) }
    }
}

/// The clocks that are asked for, and where a lock holds them (see `firmware::request`).
#[inline(always)]
fn request(c: &Coefficients, u: &Inputs<'_>, busy: f32x8) -> (f32x8, f32x8) {
    let low = f32x8::new(*u.lock_min_mhz) * all(c.per_mhz);
    let idle = all(c.idle).fast_max(low).fast_min(all(1.0));
    let lock = f32x8::new(*u.lock_max_mhz);
    let locked = lock.simd_lt(all(c.clock_max_mhz));
    let lock = lock.fast_min(all(c.clock_max_mhz));
    let steps = f32x8::from_i32x8((lock * all(1.0 / CLOCK_STEP_MHZ) + all(1e-3)).fast_trunc_int());
    let high = locked.bitselect(steps * all(CLOCK_STEP_MHZ) * all(c.per_mhz), all(1.0));
    let work = clamp(high.fast_max(low), all(c.floor), all(1.0));
    let up = busy | mask(u.context);
    (up.bitselect(work, idle), up & locked)
}

/// Shares of a step at the cap (see `firmware::cap_share`).
#[inline(always)]
fn cap_share(demand_w: f32x8, cap_w: f32x8) -> f32x8 {
    let (low, high) = (cap_w * all(1.0 - RIPPLE), cap_w * all(1.0 + RIPPLE));
    let share = (demand_w - low) / (all(2.0 * RIPPLE) * cap_w);
    let share = demand_w.simd_ge(high).bitselect(all(1.0), share);
    demand_w.simd_le(low).bitselect(all(0.0), share)
}

/// One step of a block.
#[inline(always)]
pub(super) fn step(c: &Coefficients, u: &Inputs<'_>, block: &mut Block) -> Outputs {
    let (zero, one) = (all(0.0), all(1.0));
    let activity = clamp(f32x8::new(*u.activity), zero, one);
    let memory = clamp(f32x8::new(*u.memory), zero, one);
    let cap_w = f32x8::new(*u.cap_w) / f32x8::new(*u.sensor_gain);
    let die_c = f32x8::new(u.die_c);

    let x = all(c.leak_per_k) * (die_c - all(c.leak_reference_c));
    let curves = Curves {
        fixed_w: all(c.base_w) + all(c.hbm_w) * memory,
        leak_w: f32x8::new(block.leak_w) * (one + x * (one + x * (all(0.5) + x * all(1.0 / 6.0)))),
        switching_w: f32x8::new(block.power_scale) * (all(c.tree_w) + all(c.core_w) * activity),
    };
    let busy = activity.simd_gt(zero) | memory.simd_gt(zero);
    let (wanted, locked) = request(c, u, busy);
    let clock = f32x8::new(block.clock);
    let mut target = Spots { f: wanted, power_w: curves.at(c, wanted), slope_w: zero };
    let demand_w = target.power_w;
    let capped = demand_w.simd_gt(cap_w);
    if capped.any() {
        target = curves.clocks_for(c, cap_w, clock, capped, target);
    }
    let gap = clock - target.f;
    let off = gap * all(c.clock_mean);
    let mean = target.f + off;
    block.clock = (target.f + gap * all(c.clock_decay)).to_array();
    let near = off.simd_eq(zero) | (off.abs().simd_lt(all(NEAR)) & target.slope_w.simd_gt(zero));
    let mut power_w = target.power_w + target.slope_w * off;
    if !near.all() {
        power_w = near.bitselect(power_w, curves.at(c, mean));
    }

    let power = power_w.to_array();
    let coolant_heat_w = heat(c, u, block, &power);
    let rise = std::array::from_fn(|k| (c.r1 * block.q1_w[k] + c.r2 * block.q2_w[k]) as f32);
    let rise = f32x8::new(block.r_scale) * f32x8::new(rise);
    let plate_c = f32x8::new(block.plate_c.map(|c| c as f32));
    let hbm_w = all(c.hbm_idle_w) + all(c.hbm_w) * memory;
    let hbm_end = plate_c + all(c.hbm_coupling) * rise + all(c.hbm_r) * hbm_w;
    let (reasons, cap_share) = told(demand_w, cap_w, busy, locked, capped);
    Outputs {
        clock: mean.to_array(),
        power_w: power,
        die_c: (plate_c + rise).to_array(),
        hbm_c: (hbm_end + (f32x8::new(u.hbm_c) - hbm_end) * all(c.hbm_decay)).to_array(),
        coolant_heat_w,
        reasons,
        cap_share,
    }
}

/// Clocks-event bits, and the shares at the cap if there are any.
#[inline(always)]
fn told(
    demand_w: f32x8,
    cap_w: f32x8,
    busy: f32x8,
    locked: f32x8,
    capped: f32x8,
) -> ([u32; LANES], Option<[f32; LANES]>) {
    let share = cap_share(demand_w, cap_w);
    let bits = |bits: u32| all(f32::from_bits(bits));
    let held = (busy & locked) & !capped;
    let idle = !busy & bits(reason::IDLE);
    let reasons =
        idle | (held & bits(reason::LOCKED)) | (share.simd_ge(all(0.5)) & bits(reason::SW_POWER_CAP));
    let some = share.simd_gt(all(0.0)).any().then(|| share.to_array());
    (reasons.to_array().map(f32::to_bits), some)
}

/// The heat ladders; gives the mean heat to the coolant.
#[inline(always)]
fn heat(c: &Coefficients, u: &Inputs<'_>, block: &mut Block, power_w: &[f32; LANES]) -> [f64; LANES] {
    let (mut resistance, mut decay) = ([0.0; LANES], [0.0; LANES]);
    // The GPUs of a node have one flow.
    if u.flow.iter().all(|flow| flow.to_bits() == u.flow[0].to_bits()) {
        let (r, d) = c.plate(u.flow[0]);
        (resistance, decay) = ([r; LANES], [d; LANES]);
    } else {
        for k in 0..LANES {
            (resistance[k], decay[k]) = c.plate(u.flow[k]);
        }
    }
    let (q1_w, q2_w, plate_c) = (block.q1_w, block.q2_w, block.plate_c);
    let mut coolant_heat_w = [0.0; LANES];
    for k in 0..LANES {
        let plate = (resistance[k], decay[k]);
        let heat_w = f64::from(power_w[k]) * c.captured;
        let ladder = (q1_w[k], q2_w[k], plate_c[k]);
        let (ladder, to_coolant_w) = conduct(c, ladder, f64::from(u.coolant_c[k]), plate, heat_w);
        (block.q1_w[k], block.q2_w[k], block.plate_c[k]) = ladder;
        coolant_heat_w[k] = to_coolant_w;
    }
    coolant_heat_w
}
