//! Some GPUs of one product, as slices of the fleet's arrays.
//!
//! Responsible for: inputs of GPUs out of the arrays, what came of their step back into them, and the driver's counters;
//! eight GPUs at once where none of them is special. Not for: what happens in a step (see `state` and `eight`).

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::block::{Block, LANES};
use super::coefficients::Coefficients;
use super::eight;
use super::firmware::{Decision, ENGAGE_K, Input};
use super::fleet::Fleet;
use super::sync::Groups;
use super::{Throttle, reason};

/// The arrays of a [`Fleet`], cut to some GPUs.
pub(super) struct Lanes<'a> {
    first: usize,
    activity: &'a [f32],
    memory: &'a [f32],
    cap_w: &'a [f32],
    sensor_gain: &'a [f32],
    lock_min_mhz: &'a [f32],
    lock_max_mhz: &'a [f32],
    coolant_c: &'a [f32],
    plate_flow: &'a [f32],
    brake: &'a [bool],
    present: &'a [bool],
    context: &'a [bool],
    clock_mhz: &'a mut [f32],
    power_w: &'a mut [f32],
    die_c: &'a mut [f32],
    hbm_c: &'a mut [f32],
    coolant_heat_w: &'a mut [f64],
    energy_mj: &'a mut [f64],
    reasons: &'a mut [u32],
    tripped: &'a mut [bool],
    throttle_ns: [&'a mut [u64]; Throttle::COUNT],
    sync: Option<&'a mut Groups>,
}

/// A step, compiled for each kind of processor: vectors are wider and rounding is cheaper on new ones.
struct Stepping<'a, 'b> {
    lanes: Lanes<'a>,
    c: &'b Coefficients,
    blocks: &'b mut [Block],
    place: usize,
}

impl WithSimd for Stepping<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.lanes.step_all(self.c, self.blocks, self.place);
    }
}

/// Eight entries of an array.
#[inline(always)]
fn eight<T>(array: &[T], at: usize) -> Option<&[T; LANES]> {
    array.get(at..)?.first_chunk()
}

/// Writes eight entries of an array.
#[inline(always)]
fn fill<T: Copy>(array: &mut [T], at: usize, values: &[T; LANES]) {
    array[at..at + LANES].copy_from_slice(values);
}

impl<'a> Lanes<'a> {
    pub(super) fn of(fleet: &'a mut Fleet, gpus: Range<usize>) -> Self {
        let at = || gpus.clone();
        Self {
            first: gpus.start,
            activity: &fleet.activity[at()],
            memory: &fleet.memory[at()],
            cap_w: &fleet.cap_w[at()],
            sensor_gain: &fleet.sensor_gain[at()],
            lock_min_mhz: &fleet.lock_min_mhz[at()],
            lock_max_mhz: &fleet.lock_max_mhz[at()],
            coolant_c: &fleet.coolant_c[at()],
            plate_flow: &fleet.plate_flow[at()],
            brake: &fleet.brake[at()],
            present: &fleet.present[at()],
            context: &fleet.context[at()],
            clock_mhz: &mut fleet.clock_mhz[at()],
            power_w: &mut fleet.power_w[at()],
            die_c: &mut fleet.die_c[at()],
            hbm_c: &mut fleet.hbm_c[at()],
            coolant_heat_w: &mut fleet.coolant_heat_w[at()],
            energy_mj: &mut fleet.energy_mj[at()],
            reasons: &mut fleet.reasons[at()],
            tripped: &mut fleet.tripped[at()],
            throttle_ns: fleet.throttle_ns.each_mut().map(|counter| &mut counter[at()]),
            sync: fleet.sync.as_mut(),
        }
    }

    /// Advances them all by the step that the coefficients are made for. `blocks` are those of the product, of which
    /// the first of these GPUs has a place.
    pub(super) fn step(self, c: &Coefficients, blocks: &mut [Block], place: usize) {
        Arch::new().dispatch(Stepping { lanes: self, c, blocks, place });
    }

    #[inline(always)]
    fn step_all(mut self, c: &Coefficients, blocks: &mut [Block], place: usize) {
        let mut i = 0;
        while i < self.present.len() {
            let (block, lane) = (&mut blocks[(place + i) / LANES], (place + i) % LANES);
            let count = (LANES - lane).min(self.present.len() - i);
            let inputs = if count == LANES { self.plain(i, c, block) } else { None };
            if let Some(inputs) = inputs {
                let out = eight::step(c, &inputs, block);
                self.write_eight(i, c, &out);
            } else {
                (0..count).for_each(|k| self.step_one(i + k, c, block, lane + k));
            }
            i += count;
        }
    }

    /// Inputs of eight GPUs, if none of them is hot, braked, tied to others or gone.
    #[inline(always)]
    fn plain(&self, i: usize, c: &Coefficients, block: &Block) -> Option<eight::Inputs<'a>> {
        let (die_c, hbm_c) = (eight(self.die_c, i)?, eight(self.hbm_c, i)?);
        let hottest = |all: &[f32; LANES]| all.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let die_max_c = (c.max_operating_c - ENGAGE_K).min(c.slowdown_c);
        let calm = self.sync.is_none()
            && block.is_calm()
            && eight(self.present, i) == Some(&[true; LANES])
            && eight(self.brake, i) == Some(&[false; LANES])
            && eight(self.tripped, i) == Some(&[false; LANES])
            && hottest(die_c) < die_max_c
            && hottest(hbm_c) < c.hbm_max_c - ENGAGE_K;
        if !calm {
            return None;
        }
        Some(eight::Inputs {
            activity: eight(self.activity, i)?,
            memory: eight(self.memory, i)?,
            cap_w: eight(self.cap_w, i)?,
            sensor_gain: eight(self.sensor_gain, i)?,
            lock_min_mhz: eight(self.lock_min_mhz, i)?,
            lock_max_mhz: eight(self.lock_max_mhz, i)?,
            coolant_c: eight(self.coolant_c, i)?,
            flow: eight(self.plate_flow, i)?,
            context: eight(self.context, i)?,
            die_c: *die_c,
            hbm_c: *hbm_c,
        })
    }

    #[inline(always)]
    fn write_eight(&mut self, i: usize, c: &Coefficients, out: &eight::Outputs) {
        fill(self.power_w, i, &out.power_w);
        fill(self.die_c, i, &out.die_c);
        fill(self.hbm_c, i, &out.hbm_c);
        fill(self.coolant_heat_w, i, &out.coolant_heat_w);
        fill(self.clock_mhz, i, &out.clock.map(|clock| clock * c.clock_max_mhz));
        fill(self.reasons, i, &out.reasons);
        for (energy_mj, power_w) in self.energy_mj[i..i + LANES].iter_mut().zip(out.power_w) {
            *energy_mj += f64::from(power_w) * c.dt_mj;
        }
        if let Some(shares) = out.cap_share {
            shares.into_iter().enumerate().for_each(|(k, share)| self.count_cap(i + k, c, share));
        }
        if out.die_c.iter().any(|die_c| *die_c >= c.shutdown_c) {
            (0..LANES).for_each(|k| self.tripped[i + k] |= out.die_c[k] >= c.shutdown_c);
        }
    }

    fn step_one(&mut self, i: usize, c: &Coefficients, block: &mut Block, lane: usize) {
        let on = self.present[i] && !self.tripped[i];
        let mut state = block.get(lane);
        let input = Input {
            activity: if on { self.activity[i].clamp(0.0, 1.0) } else { 0.0 },
            memory: if on { self.memory[i].clamp(0.0, 1.0) } else { 0.0 },
            cap_w: self.cap_w[i] / self.sensor_gain[i],
            lock_min_mhz: self.lock_min_mhz[i],
            lock_max_mhz: self.lock_max_mhz[i],
            coolant_c: self.coolant_c[i],
            flow: self.plate_flow[i],
            brake: state.brake(c, self.brake[i]) && on,
            context: self.context[i] && on,
            peers: self.sync.as_ref().map_or(f32::INFINITY, |sync| sync.slowest(self.first + i)),
        };
        let out = state.advance(c, &input, self.tripped[i], self.die_c[i], self.hbm_c[i]);
        block.put(lane, &state);
        self.power_w[i] = out.power_w;
        self.die_c[i] = out.die_c;
        self.hbm_c[i] = out.hbm_c;
        self.coolant_heat_w[i] = out.coolant_heat_w;
        self.energy_mj[i] += f64::from(out.power_w) * c.dt_mj;
        self.clock_mhz[i] = if on { out.clock * c.clock_max_mhz } else { 0.0 };
        self.reasons[i] = if on { out.decision.reasons } else { 0 };
        if on {
            self.count(i, c, &out.decision);
        }
        self.tripped[i] |= out.die_c >= c.shutdown_c;
    }

    #[inline]
    fn count_cap(&mut self, i: usize, c: &Coefficients, share: f32) {
        let counter = &mut self.throttle_ns[Throttle::SwPowerCap as usize][i];
        if share >= 1.0 {
            *counter += c.whole_ns;
        } else if share > 0.0 {
            *counter += (c.dt_ns * f64::from(share)) as u64;
        }
    }

    fn count(&mut self, i: usize, c: &Coefficients, decision: &Decision) {
        if let Some(sync) = &mut self.sync {
            let busy = decision.reasons & reason::IDLE == 0;
            let held = decision.reasons & reason::SYNC_BOOST != 0;
            sync.note(self.first + i, busy.then_some(decision.own), if held { c.dt_ns } else { 0.0 });
        }
        self.count_cap(i, c, decision.cap_share);
        let slow = reason::SW_THERMAL | reason::HW_SLOWDOWN;
        if decision.reasons & slow == 0 {
            return;
        }
        for (bit, counter) in [
            (reason::SW_THERMAL, Throttle::SwThermal),
            (reason::HW_THERMAL, Throttle::HwThermal),
            (reason::POWER_BRAKE, Throttle::PowerBrake),
            (reason::HW_SLOWDOWN, Throttle::HwSlowdown),
        ] {
            if decision.reasons & bit != 0 {
                self.throttle_ns[counter as usize][i] += c.whole_ns;
            }
        }
    }
}
