//! Facility water loop: variable primary pumps, mains, buffer, water-side economiser, chillers, storage tank.
//!
//! Responsible for: branch flows from the header pressure, mixing and delay, the order buffer ->
//! economiser -> chillers -> supply main, the tank beside them. Not for: the loads ([`super::cdu`], [`super::hall`]) or staging.
//!
//! ```text
//! head = dp_header + R_main Q^2,   Q_i = g_i sqrt(dp_header)
//! economiser: eps-NTU on the share of the return that its valve sends through, upstream of the chillers
//! charging:    machines carry Q + q_t; q_t goes to the tank's bottom and comes back from its top
//! discharging: machines carry Q - q_t; q_t comes from the tank's bottom, return goes to its top
//! ```
//! An economiser in series ahead of the chillers is the integrated arrangement of ASHRAE Guideline 36
//! (waterside economiser). A small fixed bypass keeps a least flow through pumps and machines.

use super::chiller::{Chiller, ChillerCommand};
use super::exchanger::Exchanger;
use super::fluid::{Pipe, Volume, WATER};
use super::pump::{Pump, operate};
use super::tank::Tank;
use super::valve::Valve;

/// Design header pressure, kPa.
pub const DESIGN_DP_KPA: f64 = 80.0;
/// Design pressure drop of mains, strainers, economiser and evaporators, kPa.
const MAIN_DP_KPA: f64 = 110.0;

/// Share of it in the clean strainer.
const STRAINER_SHARE: f64 = 0.12;
/// Largest share of the flow that the tank may take over from the machines.
const TANK_SHARE: f64 = 0.9;

/// The facility water loop.
#[derive(Debug, Clone, PartialEq)]
pub struct PrimaryLoop {
    /// Primary pumps in parallel (N+1).
    pub pumps: Vec<Pump>,
    /// The chillers.
    pub chillers: Vec<Chiller>,
    /// Economiser, side 1 facility water, side 2 condenser water.
    pub economiser: Exchanger,
    /// False where no economiser is built.
    pub has_economiser: bool,
    /// Storage tank, if any.
    pub tank: Option<Tank>,
    /// Share of the main strainer that is clogged (fault), 0 = clean.
    pub clogging: f64,
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
    /// A loop for `design_lpm` with so many chillers of `chiller_w`, with an economiser and without a tank.
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
            has_economiser: true,
            tank: None,
            clogging: 0.0,
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
        let clean = 1.0 - self.clogging.clamp(0.0, 0.95);
        let main = self.main_resistance * (1.0 - STRAINER_SHARE + STRAINER_SHARE / (clean * clean));
        let resistance = main + (conductance * conductance).recip();
        let flow_lpm = operate(&mut self.pumps, resistance);
        // a trickle behind a nearly closed check valve carries nothing
        self.flow_lpm = if flow_lpm > 0.1 { flow_lpm } else { 0.0 };
        if let Some(tank) = &mut self.tank {
            tank.limit(TANK_SHARE * self.flow_lpm);
        }
        let root = self.flow_lpm / conductance;
        self.dp_kpa = root * root;
        root
    }

    /// Moves the economiser valve and the tank's pump.
    pub fn actuate(&mut self, economiser: f64, tank: f64, powered: bool, dt_s: f64) {
        self.economiser_valve.step(if self.has_economiser { economiser } else { 0.0 }, dt_s);
        if let Some(store) = &mut self.tank {
            store.actuate(tank, powered, dt_s);
        }
    }

    /// Cooling side: tank, economiser and chillers. `outside` is condenser water and outdoor air, C. Returns
    /// the temperature that the loads receive, C.
    pub fn cool(
        &mut self,
        commands: &[ChillerCommand],
        (condenser_c, ambient_c): (f64, f64),
        economiser_capacity_w_k: f64,
        dt_s: f64,
    ) -> f64 {
        let capacity = WATER.capacity_w_k(self.flow_lpm);
        let return_c = self.buffer.temperature_c;
        let (tank_flow_w_k, tank_c) =
            self.tank.as_ref().map_or((0.0, 0.0), |t| (WATER.capacity_w_k(t.flow_lpm), t.outlet_c()));
        let charging = tank_flow_w_k.max(0.0);
        let plant = capacity + tank_flow_w_k;
        let entering_c =
            if charging > 0.0 { (capacity * return_c + charging * tank_c) / plant } else { return_c };
        let made_c = self.make(commands, plant, entering_c, (condenser_c, economiser_capacity_w_k), dt_s);
        let discharging = (-tank_flow_w_k).max(0.0);
        let mixed = (capacity - discharging) * made_c + discharging * tank_c;
        let mut heat_w: f64 = self.pumps.iter().map(|p| p.fluid_heat_w).sum();
        if let Some(tank) = &mut self.tank {
            heat_w += tank.fluid_heat_w;
            tank.step(if charging > 0.0 { made_c } else { return_c }, ambient_c, dt_s);
        }
        if capacity > 0.0 {
            self.leaving_c = (mixed + heat_w) / capacity;
            self.supply.flush(capacity, self.leaving_c, dt_s)
        } else {
            // pumps that move nothing warm what stands in the buffer
            self.buffer.draw(0.0, 0.0, heat_w, dt_s);
            self.supply.outlet_c()
        }
    }

    /// The machines: `capacity` enters at `return_c`; returns the mixed leaving temperature.
    fn make(
        &mut self,
        commands: &[ChillerCommand],
        capacity: f64,
        return_c: f64,
        (condenser_c, economiser_capacity_w_k): (f64, f64),
        dt_s: f64,
    ) -> f64 {
        let through = capacity * self.economiser_valve.position;
        self.economiser_w = if self.has_economiser {
            self.economiser.duty_w(through, return_c, economiser_capacity_w_k, condenser_c)
        } else {
            0.0
        };
        self.economiser_leaving_c =
            if capacity > 0.0 { return_c - self.economiser_w / capacity } else { return_c };
        let in_flow = |c: &Chiller| c.running || c.load_w > 0.0;
        let open = self.chillers.iter().filter(|c| in_flow(c)).count().max(1) as f64;
        let (mut mixed, mut any) = (0.0, false);
        for (chiller, command) in self.chillers.iter_mut().zip(commands) {
            let share = if in_flow(chiller) { capacity / open } else { 0.0 };
            any |= in_flow(chiller);
            let entering_c = self.economiser_leaving_c;
            mixed += share * chiller.step(command, share, entering_c, condenser_c, dt_s);
        }
        if any && capacity > 0.0 { mixed / capacity } else { self.economiser_leaving_c }
    }

    /// Return side: `carried_w` is the sum of capacity flow times temperature of the branches' outlets.
    pub fn collect(&mut self, carried_w: f64, branch_lpm: f64, dt_s: f64) {
        let capacity = WATER.capacity_w_k(self.flow_lpm);
        if capacity <= 0.0 {
            return;
        }
        let bypass = WATER.capacity_w_k((self.flow_lpm - branch_lpm).max(0.0));
        let mixed_c = (carried_w + bypass * self.supply.outlet_c()) / capacity;
        let back_c = self.returning.flush(capacity, mixed_c, dt_s);
        self.buffer.draw(capacity, back_c, 0.0, dt_s);
    }

    /// Flow over the fixed bypass, L/min.
    #[must_use]
    pub fn bypass_lpm(&self) -> f64 {
        self.bypass * self.dp_kpa.sqrt()
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

    /// Electric power of the pumps, the tank's included, W.
    #[must_use]
    pub fn pump_power_w(&self) -> f64 {
        self.pumps.iter().map(|p| p.power_w).sum::<f64>() + self.tank.as_ref().map_or(0.0, |t| t.power_w)
    }

    /// Heat of the pumps to the water, W.
    #[must_use]
    pub fn pump_heat_w(&self) -> f64 {
        let tank = self.tank.as_ref().map_or(0.0, |t| t.fluid_heat_w);
        self.pumps.iter().map(|p| p.fluid_heat_w).sum::<f64>() + tank
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
            + self.tank.as_ref().map_or(0.0, Tank::stored_j)
    }
}
