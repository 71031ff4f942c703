//! Points of the power tree, the meters of the site, and the stores.

use super::super::place::{Places, busway_name, chiller_name, rack_name, rejection_name};
use super::super::sensors::class;
use super::super::signal::Signal;
use super::super::tree::{FEED, PowerTree};
use super::PointList;
use super::{ENERGY, METER, SETPOINT, SLOW_METER};
use headroom_truth::facility::FacilitySpec;

impl PointList {
    pub(super) fn stores(&mut self, spec: &FacilitySpec) {
        if spec.tank_m3 > 0.0 {
            let t = "LiquidTemperature";
            let mut o = self.object("Tank", "TK-01", "TK-01", vec!["FWS".to_owned()]);
            o.value(t, &["Top"], "C", "top", &class::WATER_TEMPERATURE, Signal::TankTop);
            o.value(t, &["Bottom"], "C", "bottom", &class::WATER_TEMPERATURE, Signal::TankBottom);
            o.value("GenericPoint", &["Charge"], "%", "charge", &class::POSITION, Signal::TankCharge);
        }
        if spec.power.bess.is_some() {
            let mut o = self.object("BESS", "BESS-01", "power/BESS-01", vec!["FEED".to_owned()]);
            o.value("GenericPoint", &["Charge"], "%", "charge", &class::POSITION, Signal::BatteryCharge);
            o.value("GenericPoint", &["Power"], "kW", "power", &class::SLOW_METER, Signal::BatteryPower);
        }
    }

    pub(super) fn electrical(&mut self, places: &Places, tree: &PowerTree, spec: &FacilitySpec) {
        let (kw, p) = ("kW", "ActivePower");
        let below = vec!["UPS-01".to_owned(), "MECH".to_owned()];
        let mut o = self.object("PowerMeter", "FEED", "power/FEED", below);
        o.value(p, &[], kw, "power", METER, Signal::Feed);
        o.value("Current", &[], "A", "current", METER, Signal::FeedCurrent);
        o.value("CurrentLimit", &[], "A", "currentLimit", SETPOINT, Signal::CurrentLimit(FEED));
        let busways: Vec<String> = (0..places.rows).map(busway_name).collect();
        let mut o = self.object("PowerMeter", "UPS-01", "power/UPS-01", busways);
        o.value(p, &[], kw, "power", METER, Signal::Ups);
        let mut machines: Vec<String> = (0..spec.chillers).map(chiller_name).collect();
        machines.extend([rejection_name(spec.heat_rejection), "FWS"].map(str::to_owned));
        let mut o = self.object("PowerMeter", "MECH", "power/MECH", machines);
        o.value(p, &[], kw, "power", METER, Signal::Mechanical);
        for row in 0..places.rows {
            let id = busway_name(row);
            let racks = places.racks_of_row(row).map(rack_name).collect();
            let mut o = self.object("PowerMeter", &id, &format!("power/{id}"), racks);
            o.value(p, &[], kw, "power", METER, Signal::Busway(row));
            o.value("Current", &[], "A", "current", SLOW_METER, Signal::BuswayCurrent(row));
            let limit = Signal::CurrentLimit(tree.busway(row));
            o.value("CurrentLimit", &[], "A", "currentLimit", SETPOINT, limit);
        }
        self.totals(places);
    }

    fn totals(&mut self, places: &Places) {
        let (kw, p) = ("kW", "ActivePower");
        let mut o = self.object("PowerMeter", "M-SITE", "power/M-SITE", vec!["FEED".to_owned()]);
        o.value(p, &[], kw, "power", METER, Signal::Site);
        o.value("GenericPoint", &["Energy"], "kWh", "energy", ENERGY, Signal::SiteEnergy);
        let mut o =
            self.object("PowerMeter", "M-IT", "power/M-IT", (0..places.racks).map(rack_name).collect());
        o.value(p, &[], kw, "power", METER, Signal::It);
        o.value("GenericPoint", &["Energy"], "kWh", "energy", ENERGY, Signal::ItEnergy);
        for (id, signal) in
            [("M-COMPRESSORS", Signal::Compressors), ("M-PUMPS", Signal::Pumps), ("M-FANS", Signal::Fans)]
        {
            let mut o = self.object("PowerMeter", id, &format!("power/{id}"), vec!["FWS".to_owned()]);
            o.value(p, &[], kw, "power", SLOW_METER, signal);
        }
        let mut o = self.object("GenericObject", "GRID", "power/GRID", vec!["FEED".to_owned()]);
        let limit = ("GenericPoint", ["ImportLimit"].as_slice(), Some(kw));
        o.push(limit, "importLimit", &class::LIMIT, Signal::ImportLimit).is_setpoint = true;
    }
}
