//! The point list of the site: what the BMS shows and accepts, in the words of DSX Exchange 1.0.0.
//!
//! Responsible for: object and point types, process areas, units, tags, topology (`serves`) and the class of every
//! sensor. Not for: values ([`super::signal`]), or what a class is like ([`super::sensors::class`]).

mod power;

use super::place::{HALL, Places, cdu_name, chiller_name, crah_name, rack_name, rejection_name, row_name};
use super::sensors::class::{self, SensorClass};
use super::signal::Signal;
use super::tree::PowerTree;
use crate::image::{Image, ImagePoint};
use headroom_truth::facility::FacilitySpec;
use std::sync::Arc;

/// What a request point asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTarget {
    /// Technology supply temperature of a CDU.
    CduSupply(usize),
    /// Technology header pressure of a CDU.
    CduDp(usize),
    /// Supply air temperature of a CRAH.
    CrahSupply(usize),
    /// Facility-water supply temperature.
    Facility,
    /// Tower leaving temperature.
    Tower,
}

/// The point list.
#[derive(Debug, Clone, Default)]
pub struct PointList {
    /// The points.
    pub points: Arc<Vec<ImagePoint>>,
    /// What each point looks at.
    pub signals: Vec<Signal>,
    /// Request points.
    pub requests: Vec<(usize, RequestTarget)>,
}

/// How a class of points is measured.
type Sampling = &'static SensorClass;

const TEMPERATURE: Sampling = &class::RACK_TEMPERATURE;
const CDU_TEMPERATURE: Sampling = &class::WATER_TEMPERATURE;
const AIR: Sampling = &class::AIR_TEMPERATURE;
const HUMIDITY: Sampling = &class::HUMIDITY;
const RACK_FLOW: Sampling = &class::RACK_FLOW;
const FLOW: Sampling = &class::WATER_FLOW;
const RACK_DP: Sampling = &class::RACK_DP;
const DP: Sampling = &class::WATER_DP;
const POSITION: Sampling = &class::POSITION;
const RACK_POWER: Sampling = &class::RACK_POWER;
const METER: Sampling = &class::METER;
const SLOW_METER: Sampling = &class::SLOW_METER;
const WATER_TOTAL: Sampling = &class::WATER_TOTAL;
const ENERGY: Sampling = &class::ENERGY;
const SETPOINT: Sampling = &class::SETPOINT;
const STATE: Sampling = &class::STATE;

const ON_OFF: &[(i64, &str)] = &[(0, "Off"), (1, "On")];
const AVAILABLE: &[(i64, &str)] = &[(0, "NotAvailable"), (1, "Available")];
const LEAK: &[(i64, &str)] = &[(0, "NoLeak"), (1, "Leak")];

/// An object whose points are being listed.
struct Object<'a> {
    list: &'a mut PointList,
    kind: &'static str,
    id: Arc<str>,
    path: String,
    serves: Arc<[String]>,
}

impl Object<'_> {
    fn push(
        &mut self,
        point: (&'static str, &[&'static str], Option<&'static str>),
        tag: &str,
        sampling: Sampling,
        signal: Signal,
    ) -> &mut ImagePoint {
        let (point_type, area, unit) = point;
        self.list.signals.push(signal);
        let points = Arc::make_mut(&mut self.list.points);
        points.push(ImagePoint {
            object_type: self.kind,
            object_id: self.id.clone(),
            point_type,
            process_area: area.to_vec(),
            unit,
            state_text: Vec::new(),
            tag: format!("{}/{tag}", self.path),
            serves: self.serves.clone(),
            class: sampling,
            is_setpoint: false,
            request: false,
        });
        let last = points.len() - 1;
        &mut points[last]
    }

    fn value(
        &mut self,
        point_type: &'static str,
        area: &[&'static str],
        unit: &'static str,
        tag: &str,
        sampling: Sampling,
        signal: Signal,
    ) {
        self.push((point_type, area, Some(unit)), tag, sampling, signal);
    }

    fn state(&mut self, point_type: &'static str, states: &[(i64, &'static str)], tag: &str, signal: Signal) {
        self.push((point_type, &[], None), tag, STATE, signal).state_text = states.to_vec();
    }

    fn setpoint(
        &mut self,
        point_type: &'static str,
        area: &[&'static str],
        unit: &'static str,
        tag: &str,
        signal: Signal,
    ) {
        self.push((point_type, area, Some(unit)), tag, SETPOINT, signal).is_setpoint = true;
    }

    fn request(
        &mut self,
        point: (&'static str, &[&'static str], &'static str),
        tag: &str,
        signal: Signal,
        target: RequestTarget,
    ) {
        let (point_type, area, unit) = point;
        let entry = self.push((point_type, area, Some(unit)), tag, SETPOINT, signal);
        entry.request = true;
        entry.is_setpoint = true;
        let index = self.list.points.len() - 1;
        self.list.requests.push((index, target));
    }
}

impl PointList {
    /// The list of a site.
    #[must_use]
    pub fn new(places: &Places, tree: &PowerTree, spec: &FacilitySpec) -> Self {
        let mut list = Self::default();
        for rack in 0..places.racks {
            list.rack(places, rack);
        }
        for cdu in 0..places.cdus {
            list.cdu(places, cdu);
        }
        list.hall(places, spec);
        list.water(places, spec);
        list.chillers(spec);
        list.heat_rejection(spec);
        list.stores(spec);
        list.electrical(places, tree, spec);
        list.water_meter(spec);
        list
    }

    /// The image of these points, all values unknown.
    #[must_use]
    pub fn image(&self) -> Image {
        Image::of(Arc::clone(&self.points))
    }

    /// Index of the first point that shows a signal.
    #[must_use]
    pub fn find(&self, signal: Signal) -> Option<usize> {
        self.signals.iter().position(|s| *s == signal)
    }

    /// Index of a request point.
    #[must_use]
    pub fn request(&self, target: RequestTarget) -> Option<usize> {
        self.requests.iter().find(|(_, t)| *t == target).map(|(index, _)| *index)
    }

    fn object(&mut self, kind: &'static str, id: &str, path: &str, serves: Vec<String>) -> Object<'_> {
        Object { list: self, kind, id: id.into(), path: format!("{HALL}/{path}"), serves: serves.into() }
    }

    fn rack(&mut self, places: &Places, r: usize) {
        let id = rack_name(r);
        let path = format!("{}/{id}", row_name(places.row_of_rack(r)));
        let mut o = self.object("Rack", &id, &path, Vec::new());
        o.value("RackPower", &[], "kW", "power", RACK_POWER, Signal::RackPower(r));
        if places.rack(r).cdu.is_none() {
            return;
        }
        let supply = "RackLiquidSupplyTemperature";
        o.value(supply, &[], "C", "liquid/supplyTemperature", TEMPERATURE, Signal::RackSupply(r));
        let back = "RackLiquidReturnTemperature";
        o.value(back, &[], "C", "liquid/returnTemperature", TEMPERATURE, Signal::RackReturn(r));
        o.value("RackLiquidFlow", &[], "LPM", "liquid/flow", RACK_FLOW, Signal::RackFlow(r));
        o.value("RackLiquidDifferentialPressure", &[], "kPa", "liquid/dp", RACK_DP, Signal::RackDp(r));
        o.value("RackControlValvePosition", &[], "%", "liquid/valve", POSITION, Signal::RackValve(r));
        o.state("RackLeakDetect", LEAK, "leak", Signal::RackLeak(r));
    }

    fn cdu(&mut self, places: &Places, c: usize) {
        let id = cdu_name(c);
        let racks: Vec<String> = places.racks_of_cdu(c).map(rack_name).collect();
        let mut o = self.object("CDU", &id, &id, racks);
        let t = "LiquidTemperature";
        let (secondary, dp) = (["Secondary", "Supply"], "LiquidDifferentialPressure");
        o.value(t, &secondary, "C", "secondary/supply/temperature", CDU_TEMPERATURE, Signal::CduSupply(c));
        let back = ["Secondary", "Return"];
        o.value(t, &back, "C", "secondary/return/temperature", CDU_TEMPERATURE, Signal::CduReturn(c));
        let inlet = Signal::CduPrimaryInlet(c);
        o.value(t, &["Primary", "Inlet"], "C", "primary/inlet/temperature", CDU_TEMPERATURE, inlet);
        let outlet = Signal::CduPrimaryOutlet(c);
        o.value(t, &["Primary", "Outlet"], "C", "primary/outlet/temperature", CDU_TEMPERATURE, outlet);
        o.value("LiquidFlow", &["Secondary"], "LPM", "secondary/flow", FLOW, Signal::CduFlow(c));
        o.value("LiquidFlow", &["Primary"], "LPM", "primary/flow", FLOW, Signal::CduPrimaryFlow(c));
        o.value(dp, &["Secondary"], "kPa", "secondary/dp", DP, Signal::CduDp(c));
        o.value("ValvePosition", &["Primary"], "%", "primary/valve", POSITION, Signal::CduValve(c));
        let speed = "PumpSpeed";
        o.value(speed, &["Secondary", "Pump1"], "%", "pump1/speed", POSITION, Signal::CduPump(c, 0));
        o.value(speed, &["Secondary", "Pump2"], "%", "pump2/speed", POSITION, Signal::CduPump(c, 1));
        o.state("Status", ON_OFF, "status", Signal::CduStatus(c));
        o.state("Available", AVAILABLE, "available", Signal::CduAvailable(c));
        o.setpoint(t, &secondary, "C", "temperature/finalSetpoint", Signal::CduSupplySetpoint(c));
        o.setpoint(dp, &["Secondary"], "kPa", "dp/finalSetpoint", Signal::CduDpSetpoint(c));
        o.request(
            ("LiquidTemperatureSpRequest", &secondary, "C"),
            "temperature/request",
            Signal::CduSupplySetpoint(c),
            RequestTarget::CduSupply(c),
        );
        o.request(
            ("GenericPoint", &["Secondary", "DifferentialPressure"], "kPa"),
            "dp/request",
            Signal::CduDpSetpoint(c),
            RequestTarget::CduDp(c),
        );
        let mut meter =
            self.object("PowerMeter", &format!("M-{id}"), &format!("{id}/meter"), vec![id.clone()]);
        meter.value("ActivePower", &[], "kW", "power", SLOW_METER, Signal::CduPower(c));
    }

    fn hall(&mut self, places: &Places, spec: &FacilitySpec) {
        let rows: Vec<String> = (0..places.racks).map(rack_name).collect();
        for n in 0..spec.crahs {
            let id = crah_name(n);
            let mut o = self.object("CRAH", &id, &id, rows.clone());
            o.value("AirTemperature", &["Supply"], "C", "supply/temperature", AIR, Signal::CrahSupply(n));
            o.value("FanSpeed", &[], "%", "fan", POSITION, Signal::CrahFan(n));
            o.value("ValvePosition", &[], "%", "valve", POSITION, Signal::CrahValve(n));
            o.state("Status", ON_OFF, "status", Signal::CrahStatus(n));
            let setpoint = Signal::CrahSetpoint(n);
            o.setpoint("AirTemperature", &["Supply"], "C", "supply/finalSetpoint", setpoint);
            let point = ("GenericPoint", ["Supply", "AirTemperature"].as_slice(), "C");
            o.request(point, "supply/request", setpoint, RequestTarget::CrahSupply(n));
        }
        let mut o = self.object("Sensor", "ENV-hall-1", "environment", Vec::new());
        o.value("AirTemperature", &["ColdAisle"], "C", "coldAisle/temperature", AIR, Signal::ColdAisle);
        o.value("AirTemperature", &["HotAisle"], "C", "hotAisle/temperature", AIR, Signal::HotAisle);
        let humidity = "AirRelativeHumidity";
        o.value(humidity, &["ColdAisle"], "%RH", "coldAisle/humidity", HUMIDITY, Signal::HallHumidity);
        let dp = &class::AISLE_DP;
        o.value("AirDifferentialPressure", &["ColdAisle"], "Pa", "coldAisle/dp", dp, Signal::AisleDp);
        let mut o = self.object("Sensor", "ENV-outdoor", "outdoor", Vec::new());
        let slow = &class::OUTDOOR_TEMPERATURE;
        o.value("AirTemperature", &["Outdoor"], "C", "temperature", slow, Signal::OutdoorTemperature);
        o.value(humidity, &["Outdoor"], "%RH", "humidity", &class::OUTDOOR_HUMIDITY, Signal::OutdoorHumidity);
    }

    fn water(&mut self, places: &Places, spec: &FacilitySpec) {
        let mut consumers: Vec<String> = (0..places.cdus).map(cdu_name).collect();
        consumers.extend((0..spec.crahs).map(crah_name));
        let t = "LiquidTemperature";
        let mut o = self.object("GenericObject", "FWS", "facility-water", consumers);
        o.value(
            t,
            &["FacilityWater", "Supply"],
            "C",
            "supply/temperature",
            CDU_TEMPERATURE,
            Signal::WaterSupply,
        );
        o.value(
            t,
            &["FacilityWater", "Return"],
            "C",
            "return/temperature",
            CDU_TEMPERATURE,
            Signal::WaterReturn,
        );
        o.value("LiquidFlow", &["FacilityWater"], "LPM", "flow", FLOW, Signal::WaterFlow);
        let dp = "LiquidDifferentialPressure";
        o.value(dp, &["FacilityWater"], "kPa", "dp", DP, Signal::WaterDp);
        o.setpoint(t, &["FacilityWater", "Supply"], "C", "supply/finalSetpoint", Signal::WaterSetpoint);
        o.setpoint(dp, &["FacilityWater"], "kPa", "dp/finalSetpoint", Signal::WaterDpSetpoint);
        o.request(
            ("GenericPoint", &["FacilityWater", "Supply"], "C"),
            "supply/request",
            Signal::WaterSetpoint,
            RequestTarget::Facility,
        );
        for n in 0..2 {
            let id = format!("P-FWS-{:02}", n + 1);
            let mut o = self.object("Pump", &id, &format!("facility-water/{id}"), vec!["FWS".to_owned()]);
            o.value("PumpSpeed", &[], "%", "speed", POSITION, Signal::PrimaryPump(n));
        }
    }

    fn chillers(&mut self, spec: &FacilitySpec) {
        let t = "LiquidTemperature";
        for n in 0..spec.chillers {
            let id = chiller_name(n);
            let mut o = self.object("Chiller", &id, &id, vec!["FWS".to_owned()]);
            let leaving = Signal::ChillerLeaving(n);
            o.value(t, &["Evaporator", "Leaving"], "C", "evaporator/leaving", CDU_TEMPERATURE, leaving);
            o.value("GenericPoint", &["Load"], "%", "load", POSITION, Signal::ChillerLoad(n));
            o.state("Status", ON_OFF, "status", Signal::ChillerStatus(n));
            o.state("Available", AVAILABLE, "available", Signal::ChillerAvailable(n));
            let mut o =
                self.object("PowerMeter", &format!("M-{id}"), &format!("{id}/meter"), vec![id.clone()]);
            o.value("ActivePower", &[], "kW", "power", SLOW_METER, Signal::ChillerPower(n));
            let pump = format!("P-CW-{:02}", n + 1);
            let mut o = self.object("Pump", &pump, &format!("condenser/{pump}"), vec![id]);
            o.value("PumpSpeed", &[], "%", "speed", POSITION, Signal::CondenserPump(n));
        }
    }

    fn heat_rejection(&mut self, spec: &FacilitySpec) {
        let t = "LiquidTemperature";
        let mut served: Vec<String> = (0..spec.chillers).map(chiller_name).collect();
        if spec.has_economiser() {
            let mut o = self.object("HX", "HX-01", "HX-01", vec!["FWS".to_owned()]);
            let leaving = Signal::EconomiserLeaving;
            o.value(t, &["FacilityWater", "Leaving"], "C", "leaving", CDU_TEMPERATURE, leaving);
            o.value("ValvePosition", &[], "%", "valve", POSITION, Signal::EconomiserValve);
            o.state("Status", ON_OFF, "status", Signal::EconomiserStatus);
            served.push("HX-01".to_owned());
        }
        // DSX has one word for all that cools outdoors.
        let id = rejection_name(spec.heat_rejection);
        let mut o = self.object("CoolingTower", id, id, served);
        o.value(t, &["Leaving"], "C", "leaving", CDU_TEMPERATURE, Signal::TowerLeaving);
        o.value(t, &["Entering"], "C", "entering", CDU_TEMPERATURE, Signal::TowerEntering);
        o.value("FanSpeed", &[], "%", "fan", POSITION, Signal::TowerFan);
        o.setpoint(t, &["Leaving"], "C", "leaving/finalSetpoint", Signal::TowerSetpoint);
        let point = ("GenericPoint", ["Leaving", "LiquidTemperature"].as_slice(), "C");
        o.request(point, "leaving/request", Signal::TowerSetpoint, RequestTarget::Tower);
        let mut o =
            self.object("PowerMeter", &format!("M-{id}"), &format!("{id}/meter"), vec![id.to_owned()]);
        o.value("ActivePower", &[], "kW", "power", SLOW_METER, Signal::TowerPower);
    }

    /// What the mains give to the heat rejection.
    fn water_meter(&mut self, spec: &FacilitySpec) {
        let id = rejection_name(spec.heat_rejection);
        let mut o = self.object("CoolingTower", id, id, Vec::new());
        o.value("GenericPoint", &["MakeUp"], "m3", "makeUp/total", WATER_TOTAL, Signal::WaterTotal);
    }
}
