//! What DSX Exchange *BMS Event Bus 1.0.0* allows: which object carries which point, in which unit.
//!
//! Responsible for: refusing an image that the contract cannot carry, all findings at once. Not for:
//! topics and payloads. Source: the AsyncAPI document `bms.yaml` of NVIDIA/dsx-exchange (Apache-2.0):
//! the `pointType` lists of its channels and the metadata schemas, which are closed
//! (`unevaluatedProperties: false`).

use std::collections::BTreeSet;
use thiserror::Error;

use crate::image::{Image, ImagePoint};

const RACK: &[&str] = &[
    "RackLiquidSupplyTemperature",
    "RackLiquidReturnTemperature",
    "RackLiquidFlow",
    "RackLiquidDifferentialPressure",
    "RackLiquidDifferentialPressureSp",
    "RackControlValvePosition",
    "RackPower",
    "RackLeakDetect",
    "RackLeakSensorFault",
    "RackLiquidIsolationStatus",
    "RackElectricalIsolationStatus",
];
const RACK_REQUEST: &[&str] =
    &["RackLeakDetectTray", "RackLiquidIsolationRequest", "RackElectricalIsolationRequest"];
const POWER_METER: &[&str] = &[
    "Voltage",
    "PowerFactor",
    "Frequency",
    "ApparentPower",
    "ActivePower",
    "Current",
    "CurrentLimit",
    "PhaseCurrent",
    "GenericPoint",
];
const ELECTRICAL: &[&str] = &["Status", "Available", "GenericPoint"];
const MECHANICAL: &[&str] = &[
    "LiquidTemperature",
    "LiquidDifferentialPressure",
    "LiquidFlow",
    "LiquidPressure",
    "Status",
    "Available",
    "ValvePosition",
    "PumpSpeed",
    "FanSpeed",
    "DamperPosition",
    "AirTemperature",
    "AirDifferentialPressure",
    "AirRelativeHumidity",
    "AirFlow",
    "AirPressure",
    "LeakDetect",
    "GenericPoint",
];
const SENSOR: &[&str] = &[
    "LiquidTemperature",
    "LiquidDifferentialPressure",
    "LiquidFlow",
    "LiquidPressure",
    "AirTemperature",
    "AirDifferentialPressure",
    "AirRelativeHumidity",
    "AirFlow",
    "AirPressure",
    "LeakDetect",
    "Sound",
    "Available",
    "GenericPoint",
];
const GENERIC_ONLY: &[&str] = &["GenericPoint"];
const WITH_TEMPERATURE_REQUEST: &[&str] = &["LiquidTemperatureSpRequest", "GenericPoint"];

/// Point types that say what a state means instead of a unit.
const STATES: &[&str] = &[
    "Status",
    "Available",
    "LeakDetect",
    "RackLeakDetect",
    "RackLeakSensorFault",
    "RackLiquidIsolationStatus",
    "RackElectricalIsolationStatus",
    "RackLeakDetectTray",
    "RackLiquidIsolationRequest",
    "RackElectricalIsolationRequest",
];

/// Point types whose unit the contract fixes.
const UNITS: &[(&str, &str)] = &[
    ("RackLiquidSupplyTemperature", "C"),
    ("RackLiquidReturnTemperature", "C"),
    ("RackLiquidFlow", "LPM"),
    ("RackLiquidDifferentialPressure", "kPa"),
    ("RackLiquidDifferentialPressureSp", "kPa"),
    ("RackControlValvePosition", "%"),
    ("RackPower", "kW"),
    ("LiquidTemperature", "C"),
    ("LiquidTemperatureSpRequest", "C"),
    ("AirTemperature", "C"),
];

/// Point types whose metadata may say `isSetpoint`.
const SETPOINTS: &[&str] = &[
    "RackLiquidDifferentialPressureSp",
    "LiquidTemperature",
    "LiquidDifferentialPressure",
    "LiquidFlow",
    "LiquidPressure",
    "AirTemperature",
    "AirDifferentialPressure",
    "AirRelativeHumidity",
    "AirFlow",
    "AirPressure",
    "GenericPoint",
];

/// Phases of a three-phase point.
pub(super) const PHASES: &[&str] = &["A", "B", "C", "1", "2", "3"];

/// Why a point cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Finding {
    /// The object type, or the point type on it, is not in the contract.
    #[error("{tag}: {object_type} carries no {point_type} here")]
    NotInContract {
        /// Tag path of the point.
        tag: String,
        /// Object type.
        object_type: &'static str,
        /// Point type.
        point_type: &'static str,
    },
    /// The unit is missing, not the one the contract fixes, or must not be there.
    #[error("{tag}: unit must be {expected}")]
    Unit {
        /// Tag path of the point.
        tag: String,
        /// What the contract wants.
        expected: &'static str,
    },
    /// A state point says no states, or a measurement says some.
    #[error("{tag}: states must be {expected}")]
    States {
        /// Tag path of the point.
        tag: String,
        /// What the contract wants.
        expected: &'static str,
    },
    /// A phase current whose process area names no phase.
    #[error("{tag}: process area names no phase (A, B, C, 1, 2, 3)")]
    Phase {
        /// Tag path of the point.
        tag: String,
    },
    /// A tag path with characters that brokers of the contract refuse.
    #[error("{tag:?}: tag path is empty, or has '.', ' ', '+', '#', '$' or an empty level")]
    Tag {
        /// Tag path of the point.
        tag: String,
    },
    /// Two points with one topic.
    #[error("{tag}: topic is taken by another point")]
    Duplicate {
        /// Tag path of the point.
        tag: String,
    },
    /// The tables of the image differ in length.
    #[error("image tables differ in length: {points} points, {values} values")]
    Lengths {
        /// Number of points.
        points: usize,
        /// Smallest of the other tables.
        values: usize,
    },
    /// An id of a system that cannot be a topic level.
    #[error("id {id:?} cannot be a topic level of its own")]
    Id {
        /// The id.
        id: String,
    },
}

/// Everything that keeps `image` off the bus; empty = fine.
pub(super) fn check(image: &Image) -> Vec<Finding> {
    let mut findings = Vec::new();
    let shortest = image.values.len().min(image.quality.len()).min(image.requests.len());
    if shortest != image.points.len() {
        findings.push(Finding::Lengths { points: image.points.len(), values: shortest });
    }
    let mut topics = BTreeSet::new();
    for point in image.points.iter() {
        check_point(point, &mut findings);
        if !topics.insert((point.object_type, point.point_type, point.tag.as_str())) {
            findings.push(Finding::Duplicate { tag: point.tag.clone() });
        }
    }
    findings
}

/// True if `level` can be one topic level (an integration id).
pub(super) fn valid_level(level: &str) -> bool {
    valid_tag(level) && !level.contains('/') && level != "PUB"
}

/// True if the metadata of this point type may say `isSetpoint`.
pub(super) fn may_be_setpoint(point: &ImagePoint) -> bool {
    SETPOINTS.contains(&point.point_type)
}

/// Point types that `object_type` carries, as BMS value or as request.
fn carried(object_type: &str, request: bool) -> &'static [&'static str] {
    match (object_type, request) {
        ("Rack", false) => RACK,
        ("Rack", true) => RACK_REQUEST,
        ("PowerMeter", false) => POWER_METER,
        ("BESS" | "UPS" | "ATS" | "Generator" | "Shunt" | "Breaker" | "System", false) => ELECTRICAL,
        ("CDU" | "CoolingTower" | "HX" | "CRAH" | "CRAC" | "AHU" | "Chiller" | "Tank", false) => MECHANICAL,
        ("GenericObject", false) => MECHANICAL,
        ("Valve", false) => &["ValvePosition", "Available", "GenericPoint"],
        ("Pump", false) => &["PumpSpeed", "Available", "GenericPoint"],
        ("Fan", false) => &["FanSpeed", "Available", "GenericPoint"],
        ("Damper", false) => &["DamperPosition", "Available", "GenericPoint"],
        ("Sensor", false) => SENSOR,
        ("System", true) => ELECTRICAL,
        ("CDU" | "GenericObject", true) => WITH_TEMPERATURE_REQUEST,
        (
            "PowerMeter" | "BESS" | "UPS" | "ATS" | "Generator" | "Shunt" | "Breaker" | "CoolingTower" | "HX"
            | "CRAH" | "CRAC" | "AHU" | "Chiller" | "Tank" | "Valve" | "Pump" | "Fan" | "Damper" | "Sensor",
            true,
        ) => GENERIC_ONLY,
        _ => &[],
    }
}

fn check_point(point: &ImagePoint, findings: &mut Vec<Finding>) {
    let tag = || point.tag.clone();
    if !carried(point.object_type, point.request).contains(&point.point_type) {
        findings.push(Finding::NotInContract {
            tag: tag(),
            object_type: point.object_type,
            point_type: point.point_type,
        });
        return;
    }
    if !valid_tag(&point.tag) {
        findings.push(Finding::Tag { tag: tag() });
    }
    if let Some(expected) = wrong_unit(point) {
        findings.push(Finding::Unit { tag: tag(), expected });
    }
    if let Some(expected) = wrong_states(point) {
        findings.push(Finding::States { tag: tag(), expected });
    }
    if point.point_type == "PhaseCurrent" && !point.process_area.iter().any(|a| PHASES.contains(a)) {
        findings.push(Finding::Phase { tag: tag() });
    }
}

fn wrong_unit(point: &ImagePoint) -> Option<&'static str> {
    if STATES.contains(&point.point_type) || point.point_type == "PowerFactor" {
        return point.unit.map(|_| "absent");
    }
    if let Some(&(_, unit)) = UNITS.iter().find(|(kind, _)| *kind == point.point_type) {
        return (point.unit != Some(unit)).then_some(unit);
    }
    let optional = point.point_type == "GenericPoint";
    (point.unit.is_none() && !optional).then_some("present")
}

fn wrong_states(point: &ImagePoint) -> Option<&'static str> {
    let some = !point.state_text.is_empty();
    if STATES.contains(&point.point_type) {
        return (!some).then_some("present");
    }
    let may = point.point_type == "GenericPoint" && point.unit.is_none();
    (some && !may).then_some("absent")
}

fn valid_tag(tag: &str) -> bool {
    let bad = |c: char| matches!(c, '.' | ' ' | '+' | '#' | '$') || c.is_control();
    !tag.contains(bad) && tag.split('/').all(|level| !level.is_empty())
}
