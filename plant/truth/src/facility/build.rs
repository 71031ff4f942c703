//! Builds a facility from its description.
//!
//! Responsible for: sizes of all equipment, commissioning tolerances, commands at rest. Not for: behaviour.

use super::cdu::{Cdu, CduCommand};
use super::chiller::ChillerCommand;
use super::condenser::CondenserLoop;
use super::fluid::WATER;
use super::hall::{CrahCommand, Hall};
use super::plant::{Commands, Facility, Powers};
use super::power::PowerPath;
use super::primary::PrimaryLoop;
use super::rack_loop::{BALANCED, RackLoop};
use super::spec::FacilitySpec;
use super::tank::Tank;

/// Share of the racks' power that lights, controls and ventilation take.
const HOUSE_SHARE: f64 = 0.010;

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

fn build_cdu(spec: &FacilitySpec, racks: Vec<usize>, secondary_c: f64, primary_c: f64) -> Cdu {
    let flow_lpm: f64 = racks.iter().map(|&r| spec.rack_flow_lpm(r)).sum();
    let duty_w: f64 = racks.iter().map(|&r| spec.racks[r].liquid_w()).sum();
    Cdu::sized(racks, flow_lpm.max(1.0), (1.05 * duty_w).max(1000.0), secondary_c, primary_c)
}

fn build_hall(spec: &FacilitySpec, primary_c: f64) -> Hall {
    let air_w = spec.air_peak_w() + 0.02 * spec.it_peak_w();
    let mut rows = vec![0.0; spec.rows()];
    for rack in &spec.racks {
        // what a row needs besides the heat of its servers is spread by power
        rows[rack.row] += (rack.air_w() + 0.02 * rack.peak_w) / air_w.max(1e-9);
    }
    // a row without racks keeps an aisle of next to no weight
    rows.iter_mut().for_each(|share| *share = share.max(1e-6));
    let whole: f64 = rows.iter().sum();
    let tile = |row: usize| 1.0 + 0.04 * tolerance(spec.seed, 1_000_000 + row as u64);
    let shares: Vec<(f64, f64)> =
        rows.iter().enumerate().map(|(r, share)| (share / whole, tile(r))).collect();
    Hall::sized(air_w, &shares, spec.crahs, primary_c)
}

fn build_primary(spec: &FacilitySpec, design_lpm: f64, primary_c: f64) -> PrimaryLoop {
    let mut primary = PrimaryLoop::sized(design_lpm, spec.chillers, spec.chiller_w(), primary_c);
    primary.has_economiser = spec.has_economiser();
    primary.tank = (spec.tank_m3 > 0.0).then(|| Tank::sized(spec.tank_m3, design_lpm, primary_c));
    primary
}

impl Facility {
    /// A facility as described, warm and at rest.
    #[must_use]
    pub fn new(spec: FacilitySpec) -> Self {
        let (secondary_c, primary_c) = (30.0, 18.0);
        let mut served = vec![Vec::new(); spec.cdus()];
        for (rack, place) in spec.racks.iter().enumerate() {
            if let Some(cdu) = place.liquid_cdu() {
                served[cdu].push(rack);
            }
        }
        let cdus = served.into_iter().map(|racks| build_cdu(&spec, racks, secondary_c, primary_c)).collect();
        let it_w = spec.it_peak_w();
        let heat_w = spec.heat_peak_w();
        let design_lpm = heat_w / (9.5 * WATER.capacity_w_k(1.0));
        let condenser = CondenserLoop::sized(
            spec.heat_rejection,
            spec.chillers,
            spec.chiller_w(),
            design_lpm,
            1.15 * heat_w,
            24.0,
        );
        Self {
            racks: (0..spec.racks.len()).map(|rack| build_rack(&spec, rack, secondary_c)).collect(),
            hall: build_hall(&spec, primary_c),
            primary: build_primary(&spec, design_lpm, primary_c),
            power: PowerPath::sized(&spec.power, &spec.row_peaks_w(), 0.03 * it_w, 0.25 * it_w),
            powers: Powers::default(),
            heat_in_w: 0.0,
            busway_of_rack: spec.racks.iter().map(|r| r.row).collect(),
            house_w: HOUSE_SHARE * it_w,
            house_now_w: 0.0,
            heat_out_w: 0.0,
            row_air_w: vec![0.0; spec.rows()],
            coil_lpm: vec![0.0; spec.crahs],
            condenser,
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
}
