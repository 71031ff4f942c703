//! Facility water loop: variable primary pumps, mains, buffer, water-side economiser, chillers.
//!
//! Responsible for: branch flows from the header pressure, mixing and delay, the order buffer ->
//! economiser -> chillers -> supply main. Not for: the loads ([`super::cdu`], [`super::hall`]) or staging.
//!
//! ```text
//! head = dp_header + R_main Q^2,   Q_i = g_i sqrt(dp_header)
//! economiser: eps-NTU on the share of the return that its valve sends through, upstream of the chillers
//! ```
//! An economiser in series ahead of the chillers is the integrated arrangement of ASHRAE Guideline 36
//! (waterside economiser). A small fixed bypass keeps a least flow through pumps and machines.

use super::chiller::{Chiller, ChillerCommand};
use super::exchanger::Exchanger;
use super::fluid::{Pipe, Volume, WATER};
use super::pump::{Pump, operate};
use super::valve::Valve;

/// Design header pressure, kPa.
pub const DESIGN_DP_KPA: f64 = 80.0;
/// Design pressure drop of mains, strainers, economiser and evaporators, kPa.
const MAIN_DP_KPA: f64 = 110.0;

/// The facility water loop.
#[derive(Debug, Clone, PartialEq)]
pub struct PrimaryLoop {
    /// Primary pumps in parallel (N+1).
    pub pumps: Vec<Pump>,
    /// The chillers.
    pub chillers: Vec<Chiller>,
    /// Economiser, side 1 facility water, side 2 condenser water.
    pub economiser: Exchanger,
    /// Valve that sends the return through the economiser (1 = all of it).
    pub economiser_valve: Valve,
    /// Header differential pressure, kPa.
    pub dp_kpa: f64,
    /// Flow, L/min.
    pub flow_lpm: f64,
    /// Heat taken by the economiser, W.
    pub economiser_w: f64,
    /// Temperature behind the economiser, C.
    pub economiser_leaving_c: f64,
    /// Temperature into the supply main, C.
    pub leaving_c: f64,
    supply: Pipe<4>,
    returning: Pipe<4>,
    buffer: Volume,
    main_resistance: f64,
    bypass: f64,
}

impl PrimaryLoop {
    /// A loop for `design_lpm`, two chillers of `chiller_w`, economiser of `economiser_w_k`.
    #[must_use]
    pub fn sized(design_lpm: f64, chillers: usize, chiller_w: f64, temperature_c: f64) -> Self {
        let capacity = WATER.capacity_w_k(design_lpm);
        let fill = |minutes: f64| minutes * design_lpm;
        Self {
            pumps: vec![Pump::sized(design_lpm, DESIGN_DP_KPA + MAIN_DP_KPA, 0.72, 20.0); 2],
            chillers: vec![Chiller::sized(chiller_w, temperature_c); chillers],
            economiser: Exchanger {
                // 2 K approach at a range near 9.5 K: NTU 4.8 with balanced flows
                ua_design_w_k: 4.8 * capacity,
                design_1_w_k: capacity,
                design_2_w_k: capacity,
                share_1: 0.5,
                fouling: 0.0,
            },
            economiser_valve: Valve { position: 0.0, ..Valve::sized(design_lpm, 30.0, 60.0) },
            dp_kpa: 0.0,
            flow_lpm: 0.0,
            economiser_w: 0.0,
            economiser_leaving_c: temperature_c,
            leaving_c: temperature_c,
            supply: Pipe::new(&WATER, fill(0.8), temperature_c),
            returning: Pipe::new(&WATER, fill(0.8), temperature_c + 8.0),
            buffer: Volume::new(&WATER, fill(5.0), temperature_c + 8.0),
            main_resistance: MAIN_DP_KPA / (design_lpm * design_lpm),
            bypass: 0.05 * design_lpm / DESIGN_DP_KPA.sqrt(),
        }
    }

    /// Solves the network for the branches' conductances. Returns the root of the header pressure, so that
    /// a branch draws `conductance * root` L/min.
    pub fn circulate(&mut self, branches: f64) -> f64 {
        let conductance = branches + self.bypass;
        let resistance = self.main_resistance + conductance.powi(-2);
        self.flow_lpm = operate(&mut self.pumps, resistance);
        let root = self.flow_lpm / conductance;
        self.dp_kpa = root * root;
        root
    }

    /// Cooling side: economiser and chillers. Returns the temperature that the loads receive, C.
    pub fn cool(
        &mut self,
        commands: &[ChillerCommand],
        condenser_c: f64,
        economiser_capacity_w_k: f64,
        dt_s: f64,
    ) -> f64 {
        let capacity = WATER.capacity_w_k(self.flow_lpm);
        let return_c = self.buffer.temperature_c;
        let through = capacity * self.economiser_valve.position;
        self.economiser_w = self.economiser.duty_w(through, return_c, economiser_capacity_w_k, condenser_c);
        self.economiser_leaving_c =
            if capacity > 1.0 { return_c - self.economiser_w / capacity } else { return_c };

        let in_flow = |c: &Chiller| c.running || c.load_w > 0.0;
        let open = self.chillers.iter().filter(|c| in_flow(c)).count().max(1) as f64;
        let (mut mixed, mut any) = (0.0, false);
        for (chiller, command) in self.chillers.iter_mut().zip(commands) {
            let share = if in_flow(chiller) { capacity / open } else { 0.0 };
            any |= in_flow(chiller);
            let entering_c = self.economiser_leaving_c;
            mixed += share * chiller.step(command, share, entering_c, condenser_c, dt_s);
        }
        let heat_w: f64 = self.pumps.iter().map(|p| p.fluid_heat_w).sum();
        self.leaving_c = match (capacity > 1.0, any) {
            (true, true) => (mixed + heat_w) / capacity,
            (true, false) => self.economiser_leaving_c + heat_w / capacity,
            (false, _) => self.leaving_c,
        };
        self.supply.flush(capacity, self.leaving_c, dt_s)
    }

    /// Return side: `carried_w` is the sum of capacity flow times temperature of the branches' outlets.
    pub fn collect(&mut self, carried_w: f64, branch_lpm: f64, dt_s: f64) {
        let capacity = WATER.capacity_w_k(self.flow_lpm);
        let bypass = WATER.capacity_w_k((self.flow_lpm - branch_lpm).max(0.0));
        let mixed_c = if capacity > 1.0 {
            (carried_w + bypass * self.supply.outlet_c()) / capacity
        } else {
            self.returning.outlet_c()
        };
        let back_c = self.returning.flush(capacity, mixed_c, dt_s);
        self.buffer.draw(capacity, back_c, 0.0, dt_s);
    }

    /// Temperature at the loads, C.
    #[must_use]
    pub fn supply_c(&self) -> f64 {
        self.supply.outlet_c()
    }

    /// Temperature of the return into economiser and chillers, C.
    #[must_use]
    pub fn return_c(&self) -> f64 {
        self.buffer.temperature_c
    }

    /// Electric power of the pumps, W.
    #[must_use]
    pub fn pump_power_w(&self) -> f64 {
        self.pumps.iter().map(|p| p.power_w).sum()
    }

    /// Electric power of the chillers, W.
    #[must_use]
    pub fn chiller_power_w(&self) -> f64 {
        self.chillers.iter().map(|c| c.power_w).sum()
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.supply.stored_j()
            + self.returning.stored_j()
            + self.buffer.stored_j()
            + self.chillers.iter().map(Chiller::stored_j).sum::<f64>()
    }
}
