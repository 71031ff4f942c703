//! Signals: everything in the true plant that a sensor or contact looks at.
//!
//! Responsible for: reading one value out of the world, in the unit its point shows. Not for: noise, rounding
//! and cadence ([`super::sensors`]) or what the points are called ([`super::points`]).

use super::World;
use super::tree::{FEED, MECHANICAL, UPS};
use headroom_truth::psychro;

/// Line voltage of feed and busways, V.
pub const LINE_V: f64 = 415.0;
/// Leak that a rope in the rack's tray notices, L/min.
const LEAK_LPM: f64 = 0.02;
/// Power factor at the meters.
const POWER_FACTOR: f64 = 0.98;

/// A quantity of the true plant. Indices count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Constant contact in its good state, with the value it shows.
    Healthy(i8),
    /// Leak rope of a rack is wet (0 or 1).
    RackLeak(usize),
    /// Rack coolant inlet, C.
    RackSupply(usize),
    /// Rack coolant outlet, C.
    RackReturn(usize),
    /// Rack coolant flow, L/min.
    RackFlow(usize),
    /// Rack differential pressure, kPa.
    RackDp(usize),
    /// Rack valve, %.
    RackValve(usize),
    /// Rack power, kW.
    RackPower(usize),
    /// Technology supply, C.
    CduSupply(usize),
    /// Technology return, C.
    CduReturn(usize),
    /// Facility-side inlet, C.
    CduPrimaryInlet(usize),
    /// Facility-side outlet, C.
    CduPrimaryOutlet(usize),
    /// Technology flow, L/min.
    CduFlow(usize),
    /// Facility-side flow, L/min.
    CduPrimaryFlow(usize),
    /// Header differential pressure, kPa.
    CduDp(usize),
    /// Facility-side valve, %.
    CduValve(usize),
    /// Speed of a pump (CDU, pump), %.
    CduPump(usize, usize),
    /// Runs (0 or 1).
    CduStatus(usize),
    /// Both pumps fit to run (0 or 1).
    CduAvailable(usize),
    /// Supply setpoint in force, C.
    CduSupplySetpoint(usize),
    /// Pressure setpoint in force, kPa.
    CduDpSetpoint(usize),
    /// Pump power, kW.
    CduPower(usize),
    /// Supply air, C.
    CrahSupply(usize),
    /// Supply air setpoint in force, C.
    CrahSetpoint(usize),
    /// Fan, %.
    CrahFan(usize),
    /// Water valve, %.
    CrahValve(usize),
    /// Runs (0 or 1).
    CrahStatus(usize),
    /// Cold aisle, C.
    ColdAisle,
    /// Hot aisle, C.
    HotAisle,
    /// Cold aisle relative humidity, %.
    HallHumidity,
    /// Aisle pressure, Pa.
    AisleDp,
    /// Outdoor dry bulb, C.
    OutdoorTemperature,
    /// Outdoor relative humidity, %.
    OutdoorHumidity,
    /// Chiller leaving water, C.
    ChillerLeaving(usize),
    /// Chiller load over capacity, %.
    ChillerLoad(usize),
    /// Runs (0 or 1).
    ChillerStatus(usize),
    /// Fit to run (0 or 1).
    ChillerAvailable(usize),
    /// Chiller power, kW.
    ChillerPower(usize),
    /// Facility water supply, C.
    WaterSupply,
    /// Facility water return, C.
    WaterReturn,
    /// Facility water flow, L/min.
    WaterFlow,
    /// Facility header pressure, kPa.
    WaterDp,
    /// Facility water setpoint in force, C.
    WaterSetpoint,
    /// Facility header pressure setpoint in force, kPa.
    WaterDpSetpoint,
    /// Behind the economiser, C.
    EconomiserLeaving,
    /// Economiser valve, %.
    EconomiserValve,
    /// Economiser enabled (0 or 1).
    EconomiserStatus,
    /// Tower leaving, C.
    TowerLeaving,
    /// Water to the tower, C.
    TowerEntering,
    /// Tower fan, %.
    TowerFan,
    /// Tower leaving setpoint in force, C.
    TowerSetpoint,
    /// Tower fan power, kW.
    TowerPower,
    /// Primary pump, %.
    PrimaryPump(usize),
    /// Condenser pump, %.
    CondenserPump(usize),
    /// Power at the site feed, kW.
    Feed,
    /// Current at the site feed, A.
    FeedCurrent,
    /// Power into the UPS, kW.
    Ups,
    /// Power of the mechanical panel, kW.
    Mechanical,
    /// Power of a busway, kW.
    Busway(usize),
    /// Current of a busway, A.
    BuswayCurrent(usize),
    /// Current limit of a branch of the power tree, A.
    CurrentLimit(usize),
    /// All racks, kW.
    It,
    /// Everything, from whichever source, kW.
    Site,
    /// Compressors, kW.
    Compressors,
    /// Pumps, kW.
    Pumps,
    /// Fans, kW.
    Fans,
    /// Energy of everything, kWh.
    SiteEnergy,
    /// Energy of all racks, kWh.
    ItEnergy,
    /// Water taken from the mains, m3.
    WaterTotal,
    /// What the grid allows at the feed, kW.
    ImportLimit,
    /// Share of the tank that is cold, %.
    TankCharge,
    /// Top of the tank, C.
    TankTop,
    /// Bottom of the tank, C.
    TankBottom,
    /// State of charge of the battery for the grid, %.
    BatteryCharge,
    /// Power of the battery for the grid, kW; positive discharges.
    BatteryPower,
}

fn amperes(power_w: f64) -> f64 {
    power_w / (3.0_f64.sqrt() * LINE_V * POWER_FACTOR)
}

impl World {
    /// The true value of a signal, in the unit of its point.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> f64 {
        match signal {
            Signal::Healthy(value) => f64::from(value),
            Signal::RackLeak(r) => f64::from(self.facility.racks[r].leaking_lpm > LEAK_LPM),
            Signal::RackSupply(r) => self.facility.rack(r).supply_c(),
            Signal::RackReturn(r) => self.facility.rack(r).return_c(),
            Signal::RackFlow(r) => self.facility.rack(r).flow_lpm,
            Signal::RackDp(r) => self.facility.rack(r).dp_kpa,
            Signal::RackValve(r) => 100.0 * self.facility.rack(r).valve.position,
            Signal::RackPower(r) => self.it.rack_w[r] / 1000.0,
            Signal::ColdAisle => self.facility.hall.cold_c,
            Signal::HotAisle => self.facility.hall.hot_c,
            Signal::HallHumidity => {
                let hall = &self.facility.hall;
                100.0 * psychro::relative_humidity(hall.cold_c, hall.dew_point_c)
            }
            Signal::AisleDp => self.facility.hall.aisle_dp_pa,
            Signal::OutdoorTemperature => self.air.dry_bulb_c,
            Signal::OutdoorHumidity => 100.0 * self.air.rh,
            _ => self.equipment_signal(signal),
        }
    }

    fn equipment_signal(&self, signal: Signal) -> f64 {
        let f = &self.facility;
        match signal {
            Signal::CduSupply(c) => f.cdus[c].supply_c(),
            Signal::CduReturn(c) => f.cdus[c].return_c(),
            Signal::CduPrimaryInlet(c) => f.cdus[c].primary_inlet_c,
            Signal::CduPrimaryOutlet(c) => f.cdus[c].primary_outlet_c(),
            Signal::CduFlow(c) => f.cdus[c].flow_lpm,
            Signal::CduPrimaryFlow(c) => f.cdus[c].primary_flow_lpm,
            Signal::CduDp(c) => f.cdus[c].dp_kpa,
            Signal::CduValve(c) => 100.0 * f.cdus[c].valve.position,
            Signal::CduPump(c, p) => 100.0 * f.cdus[c].pumps[p].speed,
            Signal::CduStatus(c) => f64::from(f.cdus[c].flow_lpm > 1.0),
            Signal::CduAvailable(c) => f64::from(f.cdus[c].pumps.iter().all(|p| !p.failed)),
            Signal::CduSupplySetpoint(c) => self.bms.cdu_setpoints(c).supply_c,
            Signal::CduDpSetpoint(c) => self.bms.cdu_setpoints(c).dp_kpa,
            Signal::CduPower(c) => f.cdus[c].power_w() / 1000.0,
            Signal::CrahSupply(n) => f.hall.crahs[n].supply_c,
            Signal::CrahSetpoint(n) => self.bms.crah_setpoint_c(n),
            Signal::CrahFan(n) => 100.0 * f.hall.crahs[n].fan,
            Signal::CrahValve(n) => 100.0 * f.hall.crahs[n].valve.position,
            Signal::CrahStatus(n) => f64::from(f.hall.crahs[n].fan > 0.01),
            Signal::ChillerLeaving(n) => f.primary.chillers[n].leaving_c(),
            Signal::ChillerLoad(n) => 100.0 * f.primary.chillers[n].load_w / f.primary.chillers[n].capacity_w,
            Signal::ChillerStatus(n) => f64::from(f.primary.chillers[n].running),
            Signal::ChillerAvailable(n) => f64::from(f.primary.chillers[n].ready()),
            Signal::ChillerPower(n) => f.primary.chillers[n].power_w / 1000.0,
            _ => self.plant_signal(signal),
        }
    }

    fn plant_signal(&self, signal: Signal) -> f64 {
        let (primary, condenser) = (&self.facility.primary, &self.facility.condenser);
        match signal {
            Signal::WaterSupply => primary.leaving_c,
            Signal::WaterReturn => primary.return_c(),
            Signal::WaterFlow => primary.flow_lpm,
            Signal::WaterDp => primary.dp_kpa,
            Signal::WaterSetpoint => self.bms.facility_setpoint_c(),
            Signal::WaterDpSetpoint => self.bms.primary_dp_setpoint_kpa(),
            Signal::EconomiserLeaving => primary.economiser_leaving_c,
            Signal::EconomiserValve => 100.0 * primary.economiser_valve.position,
            Signal::EconomiserStatus => f64::from(self.bms.economiser()),
            Signal::TowerLeaving => condenser.supply_c(),
            Signal::TowerEntering => condenser.return_c,
            Signal::TowerFan => 100.0 * condenser.tower.fan,
            Signal::TowerSetpoint => self.bms.tower_setpoint_c(),
            Signal::TowerPower => condenser.tower.power_w / 1000.0,
            Signal::PrimaryPump(n) => 100.0 * primary.pumps[n].speed,
            Signal::CondenserPump(n) => 100.0 * condenser.pumps[n].speed,
            _ => self.power_signal(signal),
        }
    }

    fn power_signal(&self, signal: Signal) -> f64 {
        let (branches, powers) = (&self.tree.branches, &self.facility.powers);
        match signal {
            Signal::Feed => branches[FEED].power_w / 1000.0,
            Signal::FeedCurrent => amperes(branches[FEED].power_w),
            Signal::Ups => branches[UPS].power_w / 1000.0,
            Signal::Mechanical => branches[MECHANICAL].power_w / 1000.0,
            Signal::Busway(row) => branches[self.tree.busway(row)].power_w / 1000.0,
            Signal::BuswayCurrent(row) => amperes(branches[self.tree.busway(row)].power_w),
            Signal::CurrentLimit(branch) => amperes(branches[branch].budget_w),
            Signal::It => powers.it_w / 1000.0,
            Signal::Site => powers.facility_w / 1000.0,
            Signal::Compressors => powers.chillers_w / 1000.0,
            Signal::Pumps => powers.pumps_w / 1000.0,
            Signal::Fans => powers.fans_w / 1000.0,
            Signal::SiteEnergy => self.site_energy_j / 3.6e6,
            Signal::ItEnergy => self.it_energy_j / 3.6e6,
            Signal::WaterTotal => self.water_kg / 1000.0,
            Signal::ImportLimit => self.import_limit_w() / 1000.0,
            Signal::TankCharge => {
                // Cold is what the plant makes, warm what comes back at design.
                let design = self.bms.design();
                let cold_c = 0.5 * (design.coldest_c + design.warmest_c);
                self.facility.primary.tank.map_or(f64::NAN, |t| 100.0 * t.charge(cold_c, cold_c + 9.0))
            }
            Signal::TankTop => {
                self.facility.primary.tank.map_or(f64::NAN, |t| t.layers_c[t.layers_c.len() - 1])
            }
            Signal::TankBottom => self.facility.primary.tank.map_or(f64::NAN, |t| t.layers_c[0]),
            Signal::BatteryCharge => self.facility.power.bess.map_or(f64::NAN, |b| 100.0 * b.charge()),
            Signal::BatteryPower => self.facility.power.bess.map_or(f64::NAN, |b| b.power_w / 1000.0),
            _ => f64::NAN,
        }
    }
}
