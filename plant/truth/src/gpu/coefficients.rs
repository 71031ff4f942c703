//! What a product and a step length fix: computed once, used by every GPU of a part.
//!
//! Responsible for: unit changes, decay factors and the flow table, so that the inner loop has no exp and no powf.
//! Not for: per-GPU state.

use super::firmware::CLOCK_STEP_MHZ;
use super::sku::{LEAK_REFERENCE_C, Sku};

/// Cells of the flow table, over 0 to `FLOW_MAX` of design flow.
const CELLS: usize = 256;
const FLOW_MAX: f64 = 2.0;

/// Time constant of the firmware's power loop \[s\]: the clock is within 1 % of its target after 0.7 s.
const FIRMWARE_TAU_S: f64 = 0.15;

/// Constants of one product at one step length.
#[derive(Debug, Clone)]
pub(super) struct Coefficients {
    pub dt_s: f32,
    pub dt_ns: f64,
    pub whole_ns: u64,
    pub dt_mj: f64,
    pub clock_max_mhz: f32,
    pub per_mhz: f32,
    pub floor: f32,
    pub idle: f32,
    pub base_w: f32,
    pub hbm_idle_w: f32,
    pub hbm_w: f32,
    pub leak_per_k: f32,
    pub leak_reference_c: f32,
    pub tree_w: f32,
    pub core_w: f32,
    pub captured: f64,
    pub inv_captured: f32,
    pub r1: f64,
    pub r2: f64,
    pub inv_r12: f32,
    pub tau1_per_dt: f64,
    pub tau2_per_dt: f64,
    pub plate_c_per_dt: f64,
    pub a1: f64,
    pub a2: f64,
    pub b21: f64,
    pub hbm_decay: f32,
    pub hbm_coupling: f32,
    pub inv_hbm_coupling: f32,
    pub hbm_r: f32,
    pub clock_decay: f32,
    pub clock_mean: f32,
    pub max_operating_c: f32,
    pub slowdown_c: f32,
    pub shutdown_c: f32,
    pub hbm_max_c: f32,
    pub slowdown_clock: f32,
    pub brake_hold_s: f32,
    /// Grid cells per unit of relative clock.
    cells: f32,
    /// Slope of v^2 at the top clock.
    top_slope: f32,
    /// Square of the relative voltage at the 15 MHz grid clocks.
    v2: Vec<f32>,
    /// (resistance \[K/W\], decay of the cooler over a step) by flow.
    plate: Vec<[f32; 2]>,
}

impl Coefficients {
    pub(super) fn new(sku: &Sku, dt_s: f64) -> Self {
        let decay = |tau: f64| (-dt_s / tau).exp();
        let (a1, a2) = (decay(sku.tau1_s), decay(sku.tau2_s));
        // Resistances are stated per watt of module power, the ladder carries the captured part of it.
        let per_captured = 1.0 / sku.cooler.captured;
        let r12 = (sku.r1_kpw + sku.r2_kpw) * per_captured;
        Self {
            dt_s: dt_s as f32,
            dt_ns: dt_s * 1e9,
            whole_ns: (dt_s * 1e9) as u64,
            dt_mj: dt_s * 1e3,
            clock_max_mhz: sku.clock_max_mhz as f32,
            per_mhz: (1.0 / sku.clock_max_mhz) as f32,
            floor: (sku.clock_min_mhz / sku.clock_max_mhz) as f32,
            idle: (sku.clock_idle_mhz / sku.clock_max_mhz) as f32,
            base_w: sku.base_w as f32,
            hbm_idle_w: sku.hbm_idle_w as f32,
            hbm_w: sku.hbm_w as f32,
            leak_per_k: sku.leak_per_k as f32,
            leak_reference_c: LEAK_REFERENCE_C as f32,
            tree_w: sku.clock_tree_w as f32,
            core_w: sku.core_w as f32,
            captured: sku.cooler.captured,
            inv_captured: per_captured as f32,
            r1: sku.r1_kpw * per_captured,
            r2: sku.r2_kpw * per_captured,
            inv_r12: (1.0 / r12) as f32,
            tau1_per_dt: sku.tau1_s / dt_s,
            tau2_per_dt: sku.tau2_s / dt_s,
            plate_c_per_dt: sku.cooler.capacity_jpk / dt_s,
            a1,
            a2,
            // Response of the second mode to what the first still holds: tau1 (a1 - a2) / (tau1 - tau2).
            b21: sku.tau1_s * (a1 - a2) / (sku.tau1_s - sku.tau2_s),
            hbm_decay: decay(sku.hbm_tau_s) as f32,
            hbm_coupling: sku.hbm_coupling as f32,
            inv_hbm_coupling: (1.0 / sku.hbm_coupling) as f32,
            hbm_r: sku.hbm_r_kpw as f32,
            clock_decay: decay(FIRMWARE_TAU_S) as f32,
            clock_mean: (FIRMWARE_TAU_S / dt_s * (1.0 - decay(FIRMWARE_TAU_S))) as f32,
            max_operating_c: sku.max_operating_c as f32,
            slowdown_c: sku.slowdown_c as f32,
            shutdown_c: sku.shutdown_c as f32,
            hbm_max_c: sku.hbm_max_c as f32,
            slowdown_clock: sku.slowdown_clock as f32,
            brake_hold_s: sku.brake_hold_s as f32,
            cells: sku.clock_max_mhz as f32 / CLOCK_STEP_MHZ,
            top_slope: top_slope(sku),
            v2: voltage_grid(sku),
            plate: flow_table(sku, dt_s, per_captured),
        }
    }

    /// Square of the relative voltage at a relative clock, and its slope.
    #[inline(always)]
    pub(super) fn v2(&self, f: f32) -> (f32, f32) {
        if f >= 1.0 {
            return (1.0, self.top_slope);
        }
        let x = f * self.cells;
        let cell = (x as usize).min(self.v2.len() - 2);
        let (low, high) = (self.v2[cell], self.v2[cell + 1]);
        (low + (x - cell as f32) * (high - low), (high - low) * self.cells)
    }

    /// Resistance to the coolant \[K/W\] and decay of the cooler over a step, at a fraction of design flow.
    #[inline(always)]
    pub(super) fn plate(&self, flow: f32) -> (f64, f64) {
        let x = (flow * (CELLS as f64 / FLOW_MAX) as f32).clamp(0.0, CELLS as f32);
        let cell = (x as usize).min(CELLS - 1);
        let (low, high, part) = (self.plate[cell], self.plate[cell + 1], x - cell as f32);
        (f64::from(low[0] + part * (high[0] - low[0])), f64::from(low[1] + part * (high[1] - low[1])))
    }
}

/// v^2 at 0, 15, 30... MHz, with one node beyond the top clock.
fn voltage_grid(sku: &Sku) -> Vec<f32> {
    let step = f64::from(CLOCK_STEP_MHZ);
    let nodes = (sku.clock_max_mhz / step).ceil() as usize + 2;
    (0..nodes).map(|node| sku.voltage_at(node as f64 * step).powi(2) as f32).collect()
}

fn top_slope(sku: &Sku) -> f32 {
    let step = f64::from(CLOCK_STEP_MHZ);
    let below = sku.voltage_at(sku.clock_max_mhz - step).powi(2);
    ((1.0 - below) * sku.clock_max_mhz / step) as f32
}

fn flow_table(sku: &Sku, dt_s: f64, per_captured: f64) -> Vec<[f32; 2]> {
    (0..=CELLS)
        .map(|cell| {
            let flow = cell as f64 * FLOW_MAX / CELLS as f64;
            let resistance = sku.plate_resistance_kpw(flow) * per_captured;
            let decay = (-dt_s / (resistance * sku.cooler.capacity_jpk)).exp();
            [resistance as f32, decay as f32]
        })
        .collect()
}
