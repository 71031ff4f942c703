//! The plant's own BMS, which runs whether anybody optimises or not.
//!
//! Responsible for: PI loops on every actuator, Guideline 36 resets and staging, its own limits and rates,
//! and what it grants to integrations: a request is clamped and ramped, and when it ends the BMS is back at its own
//! value at once where that cools more, by its ramp where it cools less. Not for: how requests arrive (the desks) or what sensors show.
//!
//! Pure: [`Bms::step`] maps measured values and requests to actuator commands.

pub mod design;
pub mod local;
pub mod pi;
pub mod reset;
pub mod staging;
pub mod storage;
pub mod tower;

use design::Design;
use headroom_truth::facility::Commands;
use headroom_truth::facility::chiller::ChillerCommand;
use local::{CduLoops, CrahLoops};
use pi::{Pi, Ramped, Tighter};
use reset::Reset;
use staging::{Staging, StagingInputs};
use storage::{Storage, StorageInputs};
use tower::{TowerInputs, TowerLoops};

/// Measured values of a CDU.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CduInputs {
    /// Technology supply temperature, C.
    pub supply_c: f64,
    /// Header differential pressure, kPa.
    pub dp_kpa: f64,
    /// Primary valve position, 0..1.
    pub valve: f64,
    /// Fault contact of each pump.
    pub pump_fault: [bool; 2],
}

/// Measured values of a CRAH.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CrahInputs {
    /// Supply air temperature, C.
    pub supply_c: f64,
    /// Valve position, 0..1.
    pub valve: f64,
}

/// Measured values of the whole plant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    /// Per CDU.
    pub cdus: Vec<CduInputs>,
    /// Per CRAH.
    pub crahs: Vec<CrahInputs>,
    /// Aisle pressure, Pa.
    pub aisle_dp_pa: f64,
    /// Hall dew point, C.
    pub dew_point_c: f64,
    /// Facility-water supply temperature behind the machines, C.
    pub supply_c: f64,
    /// Facility-water return temperature, C.
    pub return_c: f64,
    /// Facility header pressure, kPa.
    pub dp_kpa: f64,
    /// Temperature behind the economiser, C.
    pub economiser_leaving_c: f64,
    /// Tower leaving temperature, C.
    pub tower_leaving_c: f64,
    /// Water to the tower, C.
    pub tower_return_c: f64,
    /// What the rejection cools towards: outdoor wet or dry bulb, C.
    pub sink_c: f64,
    /// Load over capacity of each chiller.
    pub chiller_load: Vec<f64>,
    /// Ready contact of each chiller.
    pub chiller_ready: Vec<bool>,
    /// Fault contact of each primary pump.
    pub primary_fault: Vec<bool>,
    /// Stores and feed; what the BMS knows itself is filled in.
    pub storage: StorageInputs,
}

/// What integrations ask for; `None` where nobody does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requests {
    /// Technology supply temperature per CDU, C.
    pub cdu_supply_c: Vec<Option<f64>>,
    /// Technology header pressure per CDU, kPa.
    pub cdu_dp_kpa: Vec<Option<f64>>,
    /// Supply air temperature per CRAH, C.
    pub crah_supply_c: Vec<Option<f64>>,
    /// Facility-water supply temperature, C.
    pub facility_c: Option<f64>,
    /// Tower leaving temperature, C.
    pub tower_c: Option<f64>,
}

/// Setpoints in force at a CDU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CduSetpoints {
    /// Technology supply temperature, C.
    pub supply_c: f64,
    /// Technology header pressure, kPa.
    pub dp_kpa: f64,
}

/// The BMS.
#[derive(Debug, Clone, PartialEq)]
pub struct Bms {
    design: Design,
    cdus: Vec<CduLoops>,
    crahs: Vec<CrahLoops>,
    facility: Ramped,
    primary_dp: Ramped,
    primary_pump: Pi,
    reset: Reset,
    staging: Staging,
    tower: TowerLoops,
    storage: Storage,
    load_ratio: f64,
}

impl Bms {
    /// A BMS for the plant that `commands` belongs to.
    #[must_use]
    pub fn new(commands: &Commands, design: &Design) -> Self {
        Self {
            design: *design,
            cdus: vec![CduLoops::new(design); commands.cdus.len()],
            crahs: vec![CrahLoops::new(design); commands.crahs.len()],
            facility: Ramped::new(design.warmest_c, design.facility_range_c, 1.0 / 180.0, Tighter::Lower),
            primary_dp: Ramped::new(60.0, (30.0, 90.0), 10.0 / 60.0, Tighter::Higher),
            primary_pump: Pi::new(0.004, 20.0, 0.2, 1.0, 0.6),
            reset: Reset::new(commands.cdus.len() + commands.crahs.len(), design),
            staging: Staging::new(commands.chillers.len(), design),
            tower: TowerLoops::new(design),
            storage: Storage::default(),
            load_ratio: 0.6,
        }
    }

    /// Advances by `dt_s` and writes the actuator commands.
    pub fn step(&mut self, inputs: &Inputs, requests: &Requests, commands: &mut Commands, dt_s: f64) {
        for (n, (loops, measured)) in self.cdus.iter_mut().zip(&inputs.cdus).enumerate() {
            let (supply, dp) = (requests.cdu_supply_c[n], requests.cdu_dp_kpa[n]);
            commands.cdus[n] = loops.step(measured, supply, dp, inputs.dew_point_c, dt_s);
        }
        for (n, (loops, measured)) in self.crahs.iter_mut().zip(&inputs.crahs).enumerate() {
            let request = requests.crah_supply_c[n];
            commands.crahs[n] = loops.step(measured.supply_c, inputs.aisle_dp_pa, request, dt_s);
        }
        self.step_facility(inputs, requests, commands, dt_s);
        self.step_tower(inputs, requests.tower_c, commands, dt_s);
        self.step_storage(inputs, commands, dt_s);
    }

    fn step_storage(&mut self, i: &Inputs, commands: &mut Commands, dt_s: f64) {
        let running = self.staging.run.iter().filter(|r| **r).count();
        let over_k = i.supply_c - self.facility.value;
        let at_ease = over_k < 0.3 && self.load_ratio < 0.8 * running.max(1) as f64;
        let inputs = StorageInputs { over_k, at_ease, ..i.storage };
        commands.tank = self.storage.tank(&inputs, dt_s);
        commands.bess_w = self.storage.battery_w(&inputs);
    }

    fn step_facility(&mut self, i: &Inputs, requests: &Requests, commands: &mut Commands, dt_s: f64) {
        let cdus = i.cdus.iter().zip(&self.cdus).map(|(c, l)| (c.valve, c.supply_c - l.setpoints().supply_c));
        let crahs = i.crahs.iter().zip(&self.crahs).map(|(c, l)| (c.valve, c.supply_c - l.setpoint_c()));
        self.reset.step(cdus.chain(crahs), self.staging.holding(), dt_s);
        self.facility.step(requests.facility_c, self.reset.supply_c(), dt_s);
        self.primary_dp.step(None, self.reset.dp_kpa(), dt_s);
        let speed = self.primary_pump.step(self.primary_dp.value - i.dp_kpa, dt_s);
        let mut lead = true;
        for (command, &fault) in commands.primary_pumps.iter_mut().zip(&i.primary_fault) {
            *command = if lead && !fault { speed } else { 0.0 };
            lead &= fault;
        }
        let load: f64 = i.chiller_load.iter().sum();
        self.load_ratio += (load - self.load_ratio) * (dt_s / 300.0).min(1.0);
        let inputs = StagingInputs {
            setpoint_c: self.facility.value,
            supply_c: i.supply_c,
            return_c: i.return_c,
            economiser_leaving_c: i.economiser_leaving_c,
            sink_c: i.sink_c,
            load_ratio: self.load_ratio,
            available: &i.chiller_ready,
        };
        self.staging.step(&inputs, dt_s);
        for (command, &run) in commands.chillers.iter_mut().zip(&self.staging.run) {
            *command = ChillerCommand { run, setpoint_c: self.facility.value };
        }
    }

    fn step_tower(&mut self, i: &Inputs, request: Option<f64>, commands: &mut Commands, dt_s: f64) {
        let running = self.staging.run.iter().filter(|r| **r).count();
        let inputs = TowerInputs {
            facility_setpoint_c: self.facility.value,
            economiser_leaving_c: i.economiser_leaving_c,
            leaving_c: i.tower_leaving_c,
            return_c: i.tower_return_c,
            sink_c: i.sink_c,
            part_load: self.load_ratio / running.max(1) as f64,
            chillers: running > 0,
            economiser: self.staging.economiser,
        };
        (commands.tower_fan, commands.economiser) = self.tower.step(&inputs, request, dt_s);
    }

    /// What it was made for.
    #[must_use]
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Setpoints in force at a CDU.
    ///
    /// # Panics
    /// As an array index does, where there is no such CDU.
    #[must_use]
    pub fn cdu_setpoints(&self, cdu: usize) -> CduSetpoints {
        self.cdus[cdu].setpoints()
    }

    /// Supply air setpoint in force at a CRAH, C.
    ///
    /// # Panics
    /// As an array index does, where there is no such CRAH.
    #[must_use]
    pub fn crah_setpoint_c(&self, crah: usize) -> f64 {
        self.crahs[crah].setpoint_c()
    }

    /// Facility-water setpoint in force, C.
    #[must_use]
    pub fn facility_setpoint_c(&self) -> f64 {
        self.facility.value
    }

    /// Facility header pressure setpoint in force, kPa.
    #[must_use]
    pub fn primary_dp_setpoint_kpa(&self) -> f64 {
        self.primary_dp.value
    }

    /// Tower leaving setpoint in force, C.
    #[must_use]
    pub fn tower_setpoint_c(&self) -> f64 {
        self.tower.setpoint_c()
    }

    /// True while the economiser is enabled.
    #[must_use]
    pub fn economiser(&self) -> bool {
        self.staging.economiser
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
