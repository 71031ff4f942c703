//! The facility: all equipment, stepped together.
//!
//! Responsible for: order of the step, coupling, power totals. Not for: any equipment's own law, sizes
//! ([`super::build`]) or the books ([`super::balance`]).

use super::cdu::{Cdu, CduCommand};
use super::chiller::{Chiller, ChillerCommand};
use super::condenser::CondenserLoop;
use super::fluid::{PG25, WATER};
use super::hall::{Crah, CrahCommand, Hall, HallLoad};
use super::power::{Loads, PowerPath};
use super::primary::PrimaryLoop;
use super::rack_loop::RackLoop;
use super::spec::FacilitySpec;

/// Longest step of the models, s; longer ones are cut.
const LONGEST_S: f64 = 10.0;

/// What the controls ask of every actuator.
#[derive(Debug, Clone, PartialEq)]
pub struct Commands {
    /// Per CDU.
    pub cdus: Vec<CduCommand>,
    /// Per CRAH.
    pub crahs: Vec<CrahCommand>,
    /// Per chiller.
    pub chillers: Vec<ChillerCommand>,
    /// Position of each rack's manifold valve, 0..1; [`super::rack_loop::BALANCED`] as commissioned.
    pub rack_valves: Vec<f64>,
    /// Speed of each primary pump, 0..1.
    pub primary_pumps: Vec<f64>,
    /// Economiser valve, 0..1; its pump runs while the valve is commanded open.
    pub economiser: f64,
    /// Fan speed of the heat rejection (tower or dry cooler), 0..1.
    pub tower_fan: f64,
    /// Wetting of the pads of an adiabatic cooler, 0..1.
    pub adiabatic: f64,
    /// Tank flow as a share of its design flow: -1 discharges into the supply, 1 charges from it.
    pub tank: f64,
    /// Power asked of the BESS, W: positive discharges, negative charges.
    pub bess_w: f64,
}

/// Outdoor air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outdoor {
    /// Dry bulb, C.
    pub dry_bulb_c: f64,
    /// Wet bulb, C.
    pub wet_bulb_c: f64,
    /// Dew point, C.
    pub dew_point_c: f64,
}

/// What acts on the facility in one step.
#[derive(Debug, Clone, Copy)]
pub struct FacilityInputs<'a> {
    /// Electric power of each rack, W.
    pub rack_power_w: &'a [f64],
    /// Heat of each rack into its coolant, W.
    pub rack_liquid_w: &'a [f64],
    /// Heat of all racks into the hall air, W.
    pub rack_air_w: f64,
    /// Air flow of all servers, m3/s.
    pub server_air_m3s: f64,
    /// Outdoor air.
    pub outdoor: Outdoor,
    /// What the controls ask.
    pub commands: &'a Commands,
}

/// Electric powers of the site by use, W.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Powers {
    /// Racks.
    pub it_w: f64,
    /// Compressors.
    pub chillers_w: f64,
    /// Pumps of CDUs, facility water and condenser water.
    pub pumps_w: f64,
    /// Fans of hall and tower.
    pub fans_w: f64,
    /// Lights, controls, ventilation of electrical rooms.
    pub house_w: f64,
    /// Losses of transformer, UPS, busways and battery storage.
    pub loss_w: f64,
    /// Into UPS battery and battery storage; negative while they discharge.
    pub storage_w: f64,
    /// Everything: what feed or generator gives.
    pub facility_w: f64,
}

impl Powers {
    /// Adds a share of other powers.
    pub fn add(&mut self, other: &Self, share: f64) {
        for (sum, value) in [
            (&mut self.it_w, other.it_w),
            (&mut self.chillers_w, other.chillers_w),
            (&mut self.pumps_w, other.pumps_w),
            (&mut self.fans_w, other.fans_w),
            (&mut self.house_w, other.house_w),
            (&mut self.loss_w, other.loss_w),
            (&mut self.storage_w, other.storage_w),
            (&mut self.facility_w, other.facility_w),
        ] {
            *sum += share * value;
        }
    }

    /// Compressors, pumps and fans, W.
    #[must_use]
    pub fn cooling_w(&self) -> f64 {
        self.chillers_w + self.pumps_w + self.fans_w
    }
}

/// The cooling and power plant.
#[derive(Debug, Clone, PartialEq)]
pub struct Facility {
    /// What it was built for.
    pub spec: FacilitySpec,
    /// CDUs.
    pub cdus: Vec<Cdu>,
    /// Loop of each rack; one without flow where the rack is air-cooled.
    pub racks: Vec<RackLoop>,
    /// Hall air.
    pub hall: Hall,
    /// Facility water with chillers, economiser and tank.
    pub primary: PrimaryLoop,
    /// Condenser water with heat rejection.
    pub condenser: CondenserLoop,
    /// Power path.
    pub power: PowerPath,
    /// Powers of the last step.
    pub powers: Powers,
    /// Heat into the loops in the last step, W.
    pub heat_in_w: f64,
    pub(super) heat_out_w: f64,
    pub(super) busway_of_rack: Vec<usize>,
    pub(super) house_w: f64,
    pub(super) house_now_w: f64,
    pub(super) row_air_w: Vec<f64>,
    pub(super) coil_lpm: Vec<f64>,
}

impl Facility {
    /// Advances by `dt_s`. One pass of the models for anything up to 10 s, several equal ones beyond: then heat in
    /// and out are means over the step, all other values those of the last pass.
    pub fn step(&mut self, inputs: &FacilityInputs<'_>, dt_s: f64) {
        let parts = (dt_s / LONGEST_S).ceil().max(1.0);
        let (mut heat_in_w, mut heat_out_w) = (0.0, 0.0);
        for _ in 0..parts as usize {
            self.pass(inputs, dt_s / parts);
            let (entering_w, leaving_w) = self.heat_flows_w(inputs);
            heat_in_w += entering_w / parts;
            heat_out_w += leaving_w / parts;
        }
        (self.heat_in_w, self.heat_out_w) = (heat_in_w, heat_out_w);
    }

    fn pass(&mut self, inputs: &FacilityInputs<'_>, dt_s: f64) {
        self.power.transfer(dt_s);
        self.actuate(inputs.commands, dt_s);
        let branches = self.cdus.iter().map(Cdu::primary_conductance).sum::<f64>()
            + self.hall.crahs.iter().map(Crah::conductance).sum::<f64>();
        let root = self.primary.circulate(branches);
        let outside = (self.condenser.supply_c(), inputs.outdoor.dry_bulb_c);
        let economiser = self.condenser.economiser_capacity_w_k();
        let supply_c = self.primary.cool(&inputs.commands.chillers, outside, economiser, dt_s);

        let (mut carried_w, mut branch_lpm) = (0.0, 0.0);
        for cdu in &mut self.cdus {
            let flow = cdu.primary_conductance() * root;
            let outlet_c = cdu.step(&mut self.racks, inputs.rack_liquid_w, (flow, supply_c), dt_s);
            carried_w += WATER.capacity_w_k(flow) * outlet_c;
            branch_lpm += flow;
        }
        for (flow, crah) in self.coil_lpm.iter_mut().zip(&self.hall.crahs) {
            *flow = crah.conductance() * root;
        }
        self.spread_air(inputs);
        let load = HallLoad {
            row_air_w: &self.row_air_w,
            room_w: self.room_w(),
            server_m3s: inputs.server_air_m3s,
            outdoor_dew_point_c: inputs.outdoor.dew_point_c,
        };
        self.hall.step(&load, &self.coil_lpm, supply_c, dt_s);
        for (crah, &flow) in self.hall.crahs.iter().zip(&self.coil_lpm) {
            carried_w += WATER.capacity_w_k(flow) * crah.water.temperature_c;
            branch_lpm += flow;
        }
        self.primary.collect(carried_w, branch_lpm, dt_s);
        let rejected = self.primary.chillers.iter().map(Chiller::rejected_w);
        let economiser_w = self.primary.economiser_w;
        self.condenser.step(rejected, economiser_w, &inputs.outdoor, dt_s);
        self.total(inputs, dt_s);
    }

    fn actuate(&mut self, commands: &Commands, dt_s: f64) {
        let (powered, critical) = (self.power.mechanical_powered(), self.power.critical_powered());
        self.house_now_w = if powered { self.house_w } else { 0.0 };
        for (rack, &position) in self.racks.iter_mut().zip(&commands.rack_valves) {
            rack.valve.step(position, dt_s);
        }
        for (cdu, command) in self.cdus.iter_mut().zip(&commands.cdus) {
            cdu.actuate(command, critical, dt_s);
        }
        for (crah, command) in self.hall.crahs.iter_mut().zip(&commands.crahs) {
            crah.actuate(command, critical, dt_s);
        }
        for (chiller, command) in self.primary.chillers.iter_mut().zip(&commands.chillers) {
            chiller.actuate(command, powered, dt_s);
        }
        for (pump, &speed) in self.primary.pumps.iter_mut().zip(&commands.primary_pumps) {
            pump.drive(speed, powered, dt_s);
        }
        self.primary.actuate(commands.economiser, commands.tank, powered, dt_s);
        let runs = self.primary.chillers.iter().map(|c| c.running || c.load_w > 0.0);
        let economiser = self.primary.has_economiser && commands.economiser > 0.01;
        self.condenser.drive(runs, economiser, powered, dt_s);
        self.condenser.tower.actuate(commands.tower_fan, commands.adiabatic, powered, dt_s);
    }

    /// Heat of racks to air by row: in proportion to what each rack does not give to its coolant.
    fn spread_air(&mut self, inputs: &FacilityInputs<'_>) {
        self.row_air_w.fill(0.0);
        let mut all = 0.0;
        for ((&power, &liquid), &row) in
            inputs.rack_power_w.iter().zip(inputs.rack_liquid_w).zip(&self.busway_of_rack)
        {
            let air = (power - liquid).max(0.0);
            self.row_air_w[row] += air;
            all += air;
        }
        for (row, aisle) in self.row_air_w.iter_mut().zip(&self.hall.aisles) {
            *row = inputs.rack_air_w * if all > 1.0 { *row / all } else { aisle.share };
        }
        for (rack, (spec, &row)) in self.spec.racks.iter().zip(&self.busway_of_rack).enumerate() {
            // heat that a rack has no coolant for goes to the air
            if !spec.is_liquid() {
                self.row_air_w[row] += inputs.rack_liquid_w[rack];
            }
        }
    }

    fn total(&mut self, inputs: &FacilityInputs<'_>, dt_s: f64) {
        let cdu_pumps_w: f64 = self.cdus.iter().map(Cdu::power_w).sum();
        let hall_fans_w = self.hall.power_w();
        let outside_pumps_w = self.primary.pump_power_w() + self.condenser.pump_power_w();
        let chillers_w = self.primary.chiller_power_w();
        let tower_w = self.condenser.tower.power_w;
        self.power.step(
            &Loads {
                rack_w: inputs.rack_power_w,
                busway_of_rack: &self.busway_of_rack,
                critical_mechanical_w: cdu_pumps_w + hall_fans_w,
                mechanical_w: chillers_w + outside_pumps_w + tower_w + self.house_now_w,
                bess_w: inputs.commands.bess_w,
            },
            dt_s,
        );
        let served = self.power.ups.served;
        self.powers = Powers {
            it_w: self.power.rack_w,
            chillers_w,
            pumps_w: cdu_pumps_w * served + outside_pumps_w,
            fans_w: hall_fans_w * served + tower_w,
            house_w: self.house_now_w,
            loss_w: self.power.loss_w,
            storage_w: self.power.stored_w,
            facility_w: self.power.source_w,
        };
    }

    /// CDU of a rack; `None` for an air-cooled one.
    #[must_use]
    pub fn cdu_of_rack(&self, rack: usize) -> Option<usize> {
        self.spec.racks[rack].liquid_cdu()
    }

    /// The loop of a rack; without flow where the rack is air-cooled.
    #[must_use]
    pub fn rack(&self, rack: usize) -> &RackLoop {
        &self.racks[rack]
    }

    /// Busway of a rack.
    #[must_use]
    pub fn busway_of_rack(&self, rack: usize) -> usize {
        self.busway_of_rack[rack]
    }

    /// Temperature of the air that a rack breathes, C: that of its row's cold aisle.
    #[must_use]
    pub fn inlet_air_c(&self, rack: usize) -> f64 {
        self.hall.aisles[self.busway_of_rack[rack]].cold_c
    }

    /// Heat picked up by a rack's coolant now, W (from flow and temperatures, as an energy meter sees it).
    #[must_use]
    pub fn rack_heat_w(&self, rack: usize) -> f64 {
        let rack = self.rack(rack);
        PG25.capacity_w_k(rack.flow_lpm) * (rack.return_c() - rack.supply_c())
    }
}

#[cfg(test)]
#[path = "plant_tests.rs"]
mod tests;
