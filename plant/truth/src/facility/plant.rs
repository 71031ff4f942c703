//! The facility: all equipment, stepped together.
//!
//! Responsible for: order of the step, coupling, power and heat totals. Not for: any equipment's own law.

use super::cdu::{Cdu, CduCommand};
use super::chiller::{Chiller, ChillerCommand};
use super::condenser::CondenserLoop;
use super::fluid::{PG25, WATER};
use super::hall::{CrahCommand, Hall, HallLoad};
use super::power::{Loads, PowerPath};
use super::primary::PrimaryLoop;
use super::rack_loop::{BALANCED, RackLoop};
use super::spec::FacilitySpec;

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
    /// Losses of transformer, UPS and busways (with battery charging).
    pub loss_w: f64,
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
    /// Facility water with chillers and economiser.
    pub primary: PrimaryLoop,
    /// Condenser water with tower.
    pub condenser: CondenserLoop,
    /// Power path.
    pub power: PowerPath,
    /// Powers of the last step.
    pub powers: Powers,
    /// Heat into the loops in the last step, W.
    pub heat_in_w: f64,
    busway_of_rack: Vec<usize>,
    house_w: f64,
    coil_lpm: Vec<f64>,
}

/// Uniform number in -1..1 from a seed and an index (splitmix64).
fn tolerance(seed: u64, index: u64) -> f64 {
    let mut z = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as f64 / u64::MAX as f64 * 2.0 - 1.0
}

fn build_rack(spec: &FacilitySpec, rack: usize, secondary_c: f64) -> RackLoop {
    if !spec.racks[rack].is_liquid() {
        return RackLoop::none(secondary_c);
    }
    let trim = 1.0 + 0.03 * tolerance(spec.seed, rack as u64);
    RackLoop::sized(spec.rack_flow_lpm(rack), super::cdu::DESIGN_DP_KPA, trim, secondary_c)
}

fn build_cdu(spec: &FacilitySpec, cdu: usize, secondary_c: f64, primary_c: f64) -> Cdu {
    let served = |r: &usize| spec.racks[*r].liquid_cdu() == Some(cdu);
    let racks: Vec<usize> = (0..spec.racks.len()).filter(served).collect();
    let flow_lpm: f64 = racks.iter().map(|&r| spec.rack_flow_lpm(r)).sum();
    let duty_w: f64 = racks.iter().map(|&r| spec.racks[r].liquid_w()).sum();
    Cdu::sized(racks, flow_lpm.max(1.0), (1.05 * duty_w).max(1000.0), secondary_c, primary_c)
}

impl Facility {
    /// A facility as described, warm and at rest.
    #[must_use]
    pub fn new(spec: FacilitySpec) -> Self {
        let (secondary_c, primary_c) = (30.0, 18.0);
        let cdus = (0..spec.cdus()).map(|cdu| build_cdu(&spec, cdu, secondary_c, primary_c)).collect();
        let it_w = spec.it_peak_w();
        let air_w = spec.air_peak_w() + 0.02 * it_w;
        let heat_w = spec.heat_peak_w();
        let design_lpm = heat_w / (9.5 * WATER.capacity_w_k(1.0));
        let (chillers, chiller_w) = (spec.chillers, spec.chiller_w());
        Self {
            racks: (0..spec.racks.len()).map(|rack| build_rack(&spec, rack, secondary_c)).collect(),
            hall: Hall::sized(air_w, spec.crahs, primary_c),
            primary: PrimaryLoop::sized(design_lpm, chillers, chiller_w, primary_c),
            condenser: CondenserLoop::sized(chillers, chiller_w, design_lpm, 1.15 * heat_w, 24.0),
            power: PowerPath::sized(&spec.row_peaks_w(), 0.03 * it_w, 0.25 * it_w),
            powers: Powers::default(),
            heat_in_w: 0.0,
            busway_of_rack: spec.racks.iter().map(|r| r.row).collect(),
            house_w: 0.010 * it_w,
            coil_lpm: vec![0.0; spec.crahs],
            cdus,
            spec,
        }
    }

    /// Commands that leave everything at rest.
    #[must_use]
    pub fn idle_commands(&self) -> Commands {
        Commands {
            cdus: vec![CduCommand { valve: 0.3, pumps: [0.6, 0.6] }; self.cdus.len()],
            crahs: vec![CrahCommand { fan: 0.5, valve: 0.5 }; self.hall.crahs.len()],
            chillers: vec![ChillerCommand { run: false, setpoint_c: 18.0 }; self.primary.chillers.len()],
            rack_valves: vec![BALANCED; self.racks.len()],
            primary_pumps: vec![0.5; self.primary.pumps.len()],
            economiser: 0.0,
            tower_fan: 0.3,
            adiabatic: 0.0,
            tank: 0.0,
            bess_w: 0.0,
        }
    }

    /// Advances by `dt_s`, in steps of at most one second.
    pub fn step(&mut self, inputs: &FacilityInputs<'_>, dt_s: f64) {
        let parts = dt_s.ceil().max(1.0);
        for _ in 0..parts as usize {
            self.substep(inputs, dt_s / parts);
        }
    }

    fn substep(&mut self, inputs: &FacilityInputs<'_>, dt_s: f64) {
        self.actuate(inputs.commands, dt_s);
        let branches = self.cdus.iter().map(Cdu::primary_conductance).sum::<f64>()
            + self.hall.crahs.iter().map(super::hall::Crah::conductance).sum::<f64>();
        let root = self.primary.circulate(branches);
        let condenser_c = self.condenser.supply_c();
        let economiser = self.condenser.economiser_capacity_w_k();
        let supply_c = self.primary.cool(&inputs.commands.chillers, condenser_c, economiser, dt_s);

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
        let load = HallLoad {
            rack_air_w: inputs.rack_air_w,
            room_w: self.house_w + self.cdus.iter().map(|c| c.room_heat_w).sum::<f64>(),
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
        self.condenser.step(rejected, economiser_w, inputs.outdoor.wet_bulb_c, dt_s);
        self.total(inputs, &load, dt_s);
    }

    fn actuate(&mut self, commands: &Commands, dt_s: f64) {
        let powered = self.power.mechanical_powered();
        for (rack, &position) in self.racks.iter_mut().zip(&commands.rack_valves) {
            rack.valve.step(position, dt_s);
        }
        for (cdu, command) in self.cdus.iter_mut().zip(&commands.cdus) {
            cdu.actuate(command, true, dt_s);
        }
        for (crah, command) in self.hall.crahs.iter_mut().zip(&commands.crahs) {
            crah.actuate(command, true, dt_s);
        }
        for (chiller, command) in self.primary.chillers.iter_mut().zip(&commands.chillers) {
            chiller.actuate(command, powered, dt_s);
        }
        for (pump, &speed) in self.primary.pumps.iter_mut().zip(&commands.primary_pumps) {
            pump.drive(speed, powered, dt_s);
        }
        // hard-wired interlock: a condenser pump runs with its machine
        for (pump, chiller) in self.condenser.pumps.iter_mut().zip(&self.primary.chillers) {
            pump.drive(f64::from(chiller.running || chiller.load_w > 0.0), powered, dt_s);
        }
        let economiser = f64::from(commands.economiser > 0.01);
        self.condenser.economiser_pump.drive(economiser, powered, dt_s);
        self.primary.economiser_valve.step(commands.economiser, dt_s);
        self.condenser.tower.actuate(commands.tower_fan, powered, dt_s);
    }

    fn total(&mut self, inputs: &FacilityInputs<'_>, load: &HallLoad, dt_s: f64) {
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
                mechanical_w: chillers_w + outside_pumps_w + tower_w + self.house_w,
            },
            dt_s,
        );
        self.powers = Powers {
            it_w: inputs.rack_power_w.iter().sum(),
            chillers_w,
            pumps_w: cdu_pumps_w + outside_pumps_w,
            fans_w: hall_fans_w + tower_w,
            house_w: self.house_w,
            loss_w: self.power.loss_w,
            facility_w: self.power.source_w,
        };
        let fluid = |pumps: &[super::pump::Pump]| pumps.iter().map(|p| p.fluid_heat_w).sum::<f64>();
        self.heat_in_w = inputs.rack_liquid_w.iter().sum::<f64>()
            + load.rack_air_w
            + load.room_w
            + hall_fans_w
            + self.cdus.iter().map(|c| fluid(&c.pumps)).sum::<f64>()
            + fluid(&self.primary.pumps)
            + fluid(&self.condenser.pumps)
            + self.condenser.economiser_pump.fluid_heat_w
            + chillers_w;
    }

    /// Heat that left the loops in the last step, W.
    #[must_use]
    pub fn heat_out_w(&self) -> f64 {
        self.condenser.tower.rejected_w
    }

    /// Heat content of all loops against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.cdus.iter().map(Cdu::stored_j).sum::<f64>()
            + self.racks.iter().map(RackLoop::stored_j).sum::<f64>()
            + self.hall.stored_j()
            + self.primary.stored_j()
            + self.condenser.stored_j()
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
