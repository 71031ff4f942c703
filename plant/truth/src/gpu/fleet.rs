//! A fleet of GPUs, one array per quantity.
//!
//! Responsible for: stepping every GPU by the same time, and keeping the counters a driver would keep.
//! Not for: deciding what runs (inputs) or who reads it (outputs).

use std::ops::Range;

use super::coefficients::Coefficients;
use super::firmware::{CLOCK_STEP_MHZ, Decision, Heat, Input, PowerCurve, decide};
use super::{Sku, Throttle, reason};
use crate::rng::Rng;

/// Spread between GPUs of one product: half-widths, as fractions (two standard deviations).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Switching power at the same load. 2 to 6 % between the 8 GPUs of a node is seen in the field.
    pub power: f64,
    /// Leakage.
    pub leakage: f64,
    /// Thermal resistance from die to plate.
    pub thermal: f64,
}

impl Spread {
    /// All GPUs alike.
    pub const NONE: Self = Self { power: 0.0, leakage: 0.0, thermal: 0.0 };
}

impl Default for Spread {
    fn default() -> Self {
        Self { power: 0.03, leakage: 0.10, thermal: 0.10 }
    }
}

/// GPUs of one product, side by side.
#[derive(Debug, Clone)]
struct Part {
    sku: Sku,
    range: Range<usize>,
    coefficients: Coefficients,
}

/// What a GPU carries from step to step.
#[derive(Debug, Clone, Copy)]
struct State {
    q1_w: f32,
    q2_w: f32,
    plate_c: f32,
    clock: f32,
    power_scale: f32,
    leak_w: f32,
    r_scale: f32,
    sw_thermal: bool,
    hw_thermal: bool,
}

/// What a step gives back.
struct Output {
    clock: f32,
    power_w: f32,
    die_c: f32,
    hbm_c: f32,
    coolant_heat_w: f32,
    decision: Decision,
}

/// The fleet. Inputs may be written between steps, outputs read; all arrays have one entry per GPU.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// In: compute activity, 0 to 1 (1 is dense tensor work without a stall).
    pub activity: Vec<f32>,
    /// In: HBM bandwidth in use, 0 to 1.
    pub memory: Vec<f32>,
    /// In: enforced power limit \[W\].
    pub cap_w: Vec<f32>,
    /// In: lower end of the clock lock \[MHz\]; 0 for none.
    pub lock_min_mhz: Vec<f32>,
    /// In: upper end of the clock lock \[MHz\]; infinite for none.
    pub lock_max_mhz: Vec<f32>,
    /// In: coolant at the cold plate inlet \[degC\].
    pub coolant_c: Vec<f32>,
    /// In: cold plate flow over design flow.
    pub plate_flow: Vec<f32>,
    /// In: external power brake asserted.
    pub brake: Vec<bool>,
    /// In: on the bus. A GPU that fell off draws idle power and answers nothing.
    pub present: Vec<bool>,
    /// In: a process holds a context, so the clock stays up without work.
    pub context: Vec<bool>,
    /// Highest SM clock of the product \[MHz\].
    pub clock_max_mhz: Vec<f32>,
    /// Out: mean SM clock of the step \[MHz\].
    pub clock_mhz: Vec<f32>,
    /// Out: mean module power of the step \[W\].
    pub power_w: Vec<f32>,
    /// Out: die temperature at the end of the step \[degC\].
    pub die_c: Vec<f32>,
    /// Out: HBM temperature at the end of the step \[degC\].
    pub hbm_c: Vec<f32>,
    /// Out: mean heat given to the coolant in the step \[W\].
    pub coolant_heat_w: Vec<f32>,
    /// Out: clocks-event bits at the end of the step ([`reason`]).
    pub reasons: Vec<u32>,
    /// Out: cumulative throttle time by [`Throttle`] \[ns\].
    pub throttle_ns: [Vec<u64>; Throttle::COUNT],
    /// Out: cumulative energy \[mJ\].
    pub energy_mj: Vec<f64>,
    /// Out: switched itself off at its shutdown temperature; stays so until [`Fleet::power_cycle`].
    pub tripped: Vec<bool>,
    parts: Vec<Part>,
    state: Vec<State>,
    dt_s: f64,
}

impl Fleet {
    /// A fleet of products and counts, with the usual spread between GPUs. Cold, idle, uncapped.
    #[must_use]
    pub fn new(parts: &[(Sku, usize)], seed: u64) -> Self {
        Self::with_spread(parts, seed, Spread::default())
    }

    /// As [`Fleet::new`], with a spread of choice.
    #[must_use]
    pub fn with_spread(parts: &[(Sku, usize)], seed: u64, spread: Spread) -> Self {
        const COOLANT_C: f32 = 30.0;
        const DT_S: f64 = 1.0;
        let n = parts.iter().map(|(_, count)| count).sum();
        let mut fleet = Self {
            activity: vec![0.0; n],
            memory: vec![0.0; n],
            cap_w: Vec::with_capacity(n),
            lock_min_mhz: vec![0.0; n],
            lock_max_mhz: vec![f32::INFINITY; n],
            coolant_c: vec![COOLANT_C; n],
            plate_flow: vec![1.0; n],
            brake: vec![false; n],
            present: vec![true; n],
            context: vec![false; n],
            clock_max_mhz: Vec::with_capacity(n),
            clock_mhz: Vec::with_capacity(n),
            power_w: vec![0.0; n],
            die_c: vec![COOLANT_C; n],
            hbm_c: vec![COOLANT_C; n],
            coolant_heat_w: vec![0.0; n],
            reasons: vec![reason::IDLE; n],
            throttle_ns: std::array::from_fn(|_| vec![0; n]),
            energy_mj: vec![0.0; n],
            tripped: vec![false; n],
            parts: Vec::with_capacity(parts.len()),
            state: Vec::with_capacity(n),
            dt_s: DT_S,
        };
        let mut rng = Rng::stream(seed, 0x6770_7573);
        for (sku, count) in parts {
            let start = fleet.state.len();
            fleet.cap_w.extend(std::iter::repeat_n(sku.tdp_w as f32, *count));
            fleet.clock_max_mhz.extend(std::iter::repeat_n(sku.clock_max_mhz as f32, *count));
            fleet.clock_mhz.extend(std::iter::repeat_n(sku.clock_idle_mhz as f32, *count));
            fleet.state.extend((0..*count).map(|_| State::cold(sku, COOLANT_C, &spread, &mut rng)));
            let coefficients = Coefficients::new(sku, DT_S);
            fleet.parts.push(Part { sku: *sku, range: start..start + count, coefficients });
        }
        fleet
    }

    /// Number of GPUs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.len()
    }

    /// Whether there are no GPUs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state.is_empty()
    }

    /// The product of a GPU.
    ///
    /// # Panics
    /// As an array index does, where there is no such GPU.
    #[must_use]
    pub fn sku(&self, gpu: usize) -> &Sku {
        let part = self.parts.partition_point(|part| part.range.end <= gpu);
        &self.parts[part].sku
    }

    /// The clock a driver would report: a multiple of 15 MHz \[MHz\].
    #[must_use]
    pub fn reported_clock_mhz(&self, gpu: usize) -> u32 {
        ((self.clock_mhz[gpu] / CLOCK_STEP_MHZ).round() * CLOCK_STEP_MHZ) as u32
    }

    /// Heat a GPU and its cold plate hold, from an arbitrary zero \[J\].
    #[must_use]
    pub fn stored_j(&self, gpu: usize) -> f64 {
        let (s, sku) = (&self.state[gpu], self.sku(gpu));
        sku.tau1_s * f64::from(s.q1_w)
            + sku.tau2_s * f64::from(s.q2_w)
            + sku.plate_c_jpk * f64::from(s.plate_c)
    }

    /// Cold plate temperature \[degC\]. No sensor shows it.
    #[must_use]
    pub fn plate_temperature_c(&self, gpu: usize) -> f64 {
        f64::from(self.state[gpu].plate_c)
    }

    /// Module power that goes to the air instead of the cold plate \[W\].
    #[must_use]
    pub fn air_heat_w(&self, gpu: usize) -> f64 {
        f64::from(self.power_w[gpu]) * (1.0 - self.sku(gpu).captured)
    }

    /// Makes the thermal interface of one GPU worse (or better) by a factor: a dried-out or badly seated plate.
    pub fn scale_thermal_resistance(&mut self, gpu: usize, factor: f64) {
        self.state[gpu].r_scale *= factor as f32;
    }

    /// Switches a tripped GPU on again.
    pub fn power_cycle(&mut self, gpu: usize) {
        self.tripped[gpu] = false;
        self.state[gpu].hw_thermal = false;
        self.state[gpu].sw_thermal = false;
    }

    /// Runs the present inputs until temperatures stand still, then clears counters and energy.
    pub fn settle(&mut self) {
        let dt_s = self.dt_s;
        for _ in 0..60 {
            self.step(5.0);
        }
        self.set_step(dt_s);
        self.energy_mj.fill(0.0);
        for counter in &mut self.throttle_ns {
            counter.fill(0);
        }
    }

    /// Advances every GPU by `dt_s` seconds (10 ms to 5 s). Deterministic, without allocation while the step
    /// length stays the same.
    pub fn step(&mut self, dt_s: f64) {
        if dt_s.to_bits() != self.dt_s.to_bits() {
            self.set_step(dt_s);
        }
        let parts = std::mem::take(&mut self.parts);
        for part in &parts {
            for gpu in part.range.clone() {
                self.step_one(gpu, &part.coefficients);
            }
        }
        self.parts = parts;
    }

    fn set_step(&mut self, dt_s: f64) {
        self.dt_s = dt_s;
        for part in &mut self.parts {
            part.coefficients = Coefficients::new(&part.sku, dt_s);
        }
    }

    #[inline(always)]
    fn step_one(&mut self, i: usize, c: &Coefficients) {
        let on = self.present[i] && !self.tripped[i];
        let input = Input {
            activity: if on { self.activity[i].clamp(0.0, 1.0) } else { 0.0 },
            memory: if on { self.memory[i].clamp(0.0, 1.0) } else { 0.0 },
            cap_w: self.cap_w[i],
            lock_min_mhz: self.lock_min_mhz[i],
            lock_max_mhz: self.lock_max_mhz[i],
            coolant_c: self.coolant_c[i],
            flow: self.plate_flow[i],
            brake: self.brake[i] && on,
            context: self.context[i] && on,
        };
        let out = self.state[i].advance(c, &input, self.tripped[i], self.die_c[i], self.hbm_c[i]);
        self.power_w[i] = out.power_w;
        self.die_c[i] = out.die_c;
        self.hbm_c[i] = out.hbm_c;
        self.coolant_heat_w[i] = out.coolant_heat_w;
        self.energy_mj[i] += f64::from(out.power_w) * c.dt_mj;
        self.clock_mhz[i] = if on { out.clock * c.clock_max_mhz } else { 0.0 };
        self.reasons[i] = if on { out.decision.reasons } else { 0 };
        if on {
            self.count(i, c.dt_ns, &out.decision);
        }
        if out.die_c >= c.shutdown_c {
            self.tripped[i] = true;
        }
    }

    #[inline(always)]
    fn count(&mut self, i: usize, dt_ns: f64, decision: &Decision) {
        if decision.cap_share > 0.0 {
            self.throttle_ns[Throttle::SwPowerCap as usize][i] +=
                (dt_ns * f64::from(decision.cap_share)) as u64;
        }
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
                self.throttle_ns[counter as usize][i] += dt_ns as u64;
            }
        }
    }
}

impl State {
    fn cold(sku: &Sku, coolant_c: f32, spread: &Spread, rng: &mut Rng) -> Self {
        let mut scale = |half_width: f64| (1.0 + rng.trimmed_normal(0.5 * half_width)) as f32;
        let power_scale = scale(spread.power);
        Self {
            q1_w: 0.0,
            q2_w: 0.0,
            plate_c: coolant_c,
            clock: (sku.clock_idle_mhz / sku.clock_max_mhz) as f32,
            power_scale,
            leak_w: sku.leak_w as f32 * scale(spread.leakage),
            r_scale: scale(spread.thermal),
            sw_thermal: false,
            hw_thermal: false,
        }
    }

    /// One step: the firmware decides on the temperatures of the last step, then heat moves.
    #[inline(always)]
    fn advance(&mut self, c: &Coefficients, u: &Input, dead: bool, die_c: f32, hbm_c: f32) -> Output {
        let x = c.leak_per_k * (die_c - c.leak_reference_c);
        let curve = PowerCurve {
            fixed_w: c.base_w + c.hbm_w * u.memory,
            leak_w: self.leak_w * (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0)))),
            switching_w: self.power_scale * (c.tree_w + c.core_w * u.activity),
        };
        let heat = Heat {
            die_c,
            hbm_c,
            plate_c: self.plate_c,
            hbm_w: c.hbm_idle_w + c.hbm_w * u.memory,
            r_scale: self.r_scale,
            sw_thermal: self.sw_thermal,
            hw_thermal: self.hw_thermal,
        };
        let decision = decide(c, u, &heat, &curve);
        self.sw_thermal = decision.sw_thermal;
        self.hw_thermal = decision.hw_thermal;
        let gap = if decision.at_once { 0.0 } else { self.clock - decision.target };
        let clock = decision.target + gap * c.clock_mean;
        self.clock = decision.target + gap * c.clock_decay;

        let power_w = if dead { 0.0 } else { curve.at(c, clock) };
        let coolant_heat_w = self.conduct(c, u, power_w * c.captured);
        let rise = self.r_scale * (c.r1 * self.q1_w + c.r2 * self.q2_w);
        let hbm_w = if dead { 0.0 } else { heat.hbm_w };
        let hbm_end = self.plate_c + c.hbm_coupling * rise + c.hbm_r * hbm_w;
        Output {
            clock,
            power_w,
            die_c: self.plate_c + rise,
            hbm_c: hbm_end + (hbm_c - hbm_end) * c.hbm_decay,
            coolant_heat_w,
            decision,
        }
    }

    /// The heat ladder over one step of constant captured power; gives the mean heat to the coolant.
    #[inline(always)]
    fn conduct(&mut self, c: &Coefficients, u: &Input, heat_w: f32) -> f32 {
        let (d1, d2) = (self.q1_w - heat_w, self.q2_w - heat_w);
        let q1_w = heat_w + d1 * c.a1;
        let q2_w = heat_w + d2 * c.a2 + d1 * c.b21;
        // What did not stay in the first two stages reached the plate.
        let to_plate = heat_w - c.tau1_per_dt * (q1_w - self.q1_w) - c.tau2_per_dt * (q2_w - self.q2_w);
        (self.q1_w, self.q2_w) = (q1_w, q2_w);
        let (conductance, decay) = c.plate(u.flow);
        let end = u.coolant_c + to_plate / conductance;
        let plate_c = end + (self.plate_c - end) * decay;
        let stored = c.plate_c_per_dt * (plate_c - self.plate_c);
        self.plate_c = plate_c;
        to_plate - stored
    }
}
