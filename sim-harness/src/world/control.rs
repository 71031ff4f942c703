//! The seam between a world and its BMS, and what others may ask and do.
//!
//! Responsible for: field values into the BMS, granted requests, accessors, GPU commands. Not for: control.

use super::events::Curtailment;
use super::points::{PointList, RequestTarget};
use super::signal::Signal;
use super::tree::FEED;
use super::{World, WorldConfig};
use crate::bms::design::Sink;
use crate::bms::{Bms, CduInputs, CrahInputs, Inputs, Requests};
use headroom_truth::facility::Facility;
use headroom_truth::weather::Air;

/// Where the BMS finds its inputs among the field values.
#[derive(Debug, Clone)]
pub(super) struct Taps {
    cdus: Vec<[usize; 3]>,
    crahs: Vec<[usize; 2]>,
    plant: [usize; 9],
    loads: Vec<usize>,
    /// Feed, import limit, and the charge of tank and battery where there are any.
    stores: [Option<usize>; 4],
    inputs: Inputs,
    requests: Requests,
}

impl Taps {
    /// Taps for a plant; a signal without a point would read the first one, which a test rules out.
    pub(super) fn new(list: &PointList, facility: &Facility) -> Self {
        let at = |signal| list.find(signal).unwrap_or(0);
        let (cdus, crahs) = (facility.cdus.len(), facility.hall.crahs.len());
        let chillers = facility.primary.chillers.len();
        let plant = [
            Signal::AisleDp,
            Signal::ColdAisle,
            Signal::HallHumidity,
            Signal::WaterSupply,
            Signal::WaterReturn,
            Signal::WaterDp,
            Signal::EconomiserLeaving,
            Signal::TowerLeaving,
            Signal::TowerEntering,
        ];
        Self {
            cdus: (0..cdus)
                .map(|c| [Signal::CduSupply(c), Signal::CduDp(c), Signal::CduValve(c)].map(at))
                .collect(),
            crahs: (0..crahs).map(|n| [Signal::CrahSupply(n), Signal::CrahValve(n)].map(at)).collect(),
            plant: plant.map(at),
            stores: [Signal::Feed, Signal::ImportLimit, Signal::TankCharge, Signal::BatteryCharge]
                .map(|signal| list.find(signal)),
            loads: (0..chillers).map(|n| at(Signal::ChillerLoad(n))).collect(),
            inputs: Inputs {
                cdus: vec![CduInputs::default(); cdus],
                crahs: vec![CrahInputs::default(); crahs],
                chiller_load: vec![0.0; chillers],
                chiller_ready: vec![true; chillers],
                primary_fault: vec![false; facility.primary.pumps.len()],
                ..Inputs::default()
            },
            requests: Requests {
                cdu_supply_c: vec![None; cdus],
                cdu_dp_kpa: vec![None; cdus],
                crah_supply_c: vec![None; crahs],
                facility_c: None,
                tower_c: None,
            },
        }
    }

    /// Every point that is read.
    pub(super) fn points(&self) -> Vec<usize> {
        let loops = self.cdus.iter().flatten().chain(self.crahs.iter().flatten());
        loops
            .chain(&self.plant)
            .chain(&self.loads)
            .copied()
            .chain(self.stores.into_iter().flatten())
            .collect()
    }

    fn read(&mut self, field: &[f64], facility: &Facility, sink_c: f64) {
        let i = &mut self.inputs;
        for (n, (cdu, at)) in i.cdus.iter_mut().zip(&self.cdus).enumerate() {
            let fault = facility.cdus[n].pumps.map(|p| p.failed);
            let [supply_c, dp_kpa, valve] = at.map(|index| field[index]);
            *cdu = CduInputs { supply_c, dp_kpa, valve: valve / 100.0, pump_fault: fault };
        }
        for (crah, at) in i.crahs.iter_mut().zip(&self.crahs) {
            *crah = CrahInputs { supply_c: field[at[0]], valve: field[at[1]] / 100.0 };
        }
        let [dp, cold, humidity, supply, back, water_dp, economiser, leaving, entering] =
            self.plant.map(|index| field[index]);
        i.aisle_dp_pa = dp;
        i.dew_point_c = dew_point_c(cold, humidity / 100.0);
        (i.supply_c, i.return_c, i.dp_kpa) = (supply, back, water_dp);
        i.economiser_leaving_c = economiser;
        (i.tower_leaving_c, i.tower_return_c) = (leaving, entering);
        i.sink_c = sink_c;
        let [feed, limit, tank, battery] = self.stores.map(|at| at.map_or(f64::NAN, |index| field[index]));
        i.storage.import_w = 1000.0 * feed;
        i.storage.limit_w = 1000.0 * limit;
        i.storage.tank_charge = tank / 100.0;
        i.storage.battery_charge = battery / 100.0;
        for (load, &at) in i.chiller_load.iter_mut().zip(&self.loads) {
            *load = field[at] / 100.0;
        }
        for (ready, chiller) in i.chiller_ready.iter_mut().zip(&facility.primary.chillers) {
            *ready = chiller.ready();
        }
        for (fault, pump) in i.primary_fault.iter_mut().zip(&facility.primary.pumps) {
            *fault = pump.failed;
        }
    }
}

/// Dew point from temperature and relative humidity (Magnus form, Alduchov and Eskridge 1996), C.
fn dew_point_c(temperature_c: f64, humidity: f64) -> f64 {
    let gamma = humidity.clamp(0.01, 1.0).ln() + 17.625 * temperature_c / (243.04 + temperature_c);
    243.04 * gamma / (17.625 - gamma)
}

impl World {
    pub(super) fn control(&mut self, dt_s: f64) {
        if self.steps_taken() == 0 {
            // before the first step no field value exists yet
            self.measure();
        }
        let requests = &mut self.taps.requests;
        for &(point, target) in &self.list.requests {
            let asked = self.events.asked(point, self.image.requests[point]);
            match target {
                RequestTarget::CduSupply(n) => requests.cdu_supply_c[n] = asked,
                RequestTarget::CduDp(n) => requests.cdu_dp_kpa[n] = asked,
                RequestTarget::CrahSupply(n) => requests.crah_supply_c[n] = asked,
                RequestTarget::Facility => requests.facility_c = asked,
                RequestTarget::Tower => requests.tower_c = asked,
            }
        }
        let sink_c = match self.bms.design().sink {
            Sink::WetBulb => self.air.wet_bulb_c,
            Sink::DryBulb => self.air.dry_bulb_c,
        };
        self.taps.read(&self.sensors.field, &self.facility, sink_c);
        self.bms.step(&self.taps.inputs, &self.taps.requests, &mut self.commands, dt_s);
        self.events.hold(&mut self.commands);
    }

    /// Plant time, s since 1 January 00:00 local standard time.
    #[must_use]
    pub fn now_s(&self) -> f64 {
        self.config.start_s + self.elapsed_s()
    }

    /// Plant time since the start of the scenario, s. Negative while warming up.
    #[must_use]
    pub fn elapsed_s(&self) -> f64 {
        self.steps as f64 * self.config.dt_s
    }

    /// What the world was built from.
    #[must_use]
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// Where the weather comes from.
    #[must_use]
    pub fn weather_place(&self) -> &str {
        &self.weather.place
    }

    /// Outdoor air now.
    #[must_use]
    pub fn air(&self) -> &Air {
        &self.air
    }

    /// The true facility.
    #[must_use]
    pub fn facility(&self) -> &Facility {
        &self.facility
    }

    /// The BMS.
    #[must_use]
    pub fn bms(&self) -> &Bms {
        &self.bms
    }

    /// The point list with signals and request targets.
    #[must_use]
    pub fn points(&self) -> &PointList {
        &self.list
    }

    /// True power of a rack, W.
    #[must_use]
    pub fn rack_power_w(&self, rack: usize) -> f64 {
        self.it.rack_w[rack]
    }

    /// Nameplate peak of each rack, W.
    #[must_use]
    pub fn rack_nameplates_w(&self) -> Vec<f64> {
        self.it.peaks_w(&self.places)
    }

    /// Heat of a rack into its coolant, W.
    #[must_use]
    pub fn rack_liquid_w(&self, rack: usize) -> f64 {
        self.it.rack_liquid_w[rack]
    }

    /// True power of all GPUs, W.
    #[must_use]
    pub fn gpu_power_w(&self) -> f64 {
        self.it.gpu_w
    }

    /// Import limit announced or in force, if any.
    #[must_use]
    pub fn curtailment(&self) -> Option<Curtailment> {
        self.events.curtailment
    }

    /// What the grid allows at the feed, W: the feed's own budget while nothing else is said.
    #[must_use]
    pub fn import_limit_w(&self) -> f64 {
        let budget_w = self.tree.branches[FEED].budget_w;
        self.events.curtailment.map_or(budget_w, |c| c.limit_w.min(budget_w))
    }

    /// Request points that the operator has taken from the integration.
    #[must_use]
    pub fn local_points(&self) -> &[usize] {
        &self.events.local
    }

    /// True while the operator has taken every request point of a Modbus device.
    #[must_use]
    pub fn is_local_device(&self, id: &str) -> bool {
        let target = match id {
            "chiller-plant" => RequestTarget::Facility,
            "tower" => RequestTarget::Tower,
            _ => return false,
        };
        self.list.request(target).is_some_and(|point| self.events.local.contains(&point))
    }

    /// Sets the power cap of a GPU, W, cut to what its product allows.
    pub fn set_cap(&mut self, gpu: usize, cap_w: f64) {
        let sku = self.fleet.sku(gpu);
        let (low, high) = (sku.cap_min_w, sku.cap_max_w);
        if cap_w.is_finite() {
            self.fleet.cap_w[gpu] = cap_w.clamp(low, high) as f32;
        }
    }

    /// Locks the clock of a GPU between two values, MHz; `0` and infinity release it.
    pub fn set_lock(&mut self, gpu: usize, min_mhz: f64, max_mhz: f64) {
        if !min_mhz.is_nan() && !max_mhz.is_nan() {
            self.fleet.lock_min_mhz[gpu] = min_mhz.max(0.0) as f32;
            self.fleet.lock_max_mhz[gpu] = max_mhz.max(0.0) as f32;
        }
    }

    /// Goes on in steps of another length, s. What has happened stays; the time is rounded to a whole step.
    pub fn set_step_s(&mut self, dt_s: f64) {
        if (0.01..=10.0).contains(&dt_s) {
            self.steps = (self.elapsed_s() / dt_s).round() as i64;
            self.config.dt_s = dt_s;
        }
    }

    /// Step at which this world begins.
    pub(super) fn begin_step(&self) -> i64 {
        (self.config.begin_s / self.config.dt_s).round() as i64
    }

    /// First step of the time before, in which it gets warm.
    pub(super) fn first_step(&self) -> i64 {
        self.begin_step() - (self.config.warmup_s / self.config.dt_s).round() as i64
    }

    fn steps_taken(&self) -> i64 {
        self.steps - self.first_step()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dew_point_of_known_air() {
        assert!((dew_point_c(25.0, 0.5) - 13.85).abs() < 0.1);
        assert!((dew_point_c(20.0, 1.0) - 20.0).abs() < 1e-9);
    }
}
