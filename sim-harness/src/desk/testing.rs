//! A small image and device for tests of the desks and the wires.

use crate::image::{Encoding, Image, ImagePoint, Meaning, ModbusDevice, PointIndex, Register, Space};
use crate::world::sensors::SensorClass;
use std::sync::Arc;

/// CDU secondary supply temperature, step 0.1 C.
pub(crate) const SENSOR: PointIndex = 0;
/// CDU supply temperature request.
pub(crate) const REQUEST: PointIndex = 1;
/// The setpoint in force.
pub(crate) const APPLIED: PointIndex = 2;
/// Chiller leaving-temperature request, a generic point that a Modbus device shares.
pub(crate) const CHILLER_REQUEST: PointIndex = 9;

/// Read every second, shown in steps of 0.1.
const CLASS: SensorClass = SensorClass::ideal(1.0, 0.1);

fn point(object: &'static str, id: &str, kind: &'static str, unit: &'static str, tag: &str) -> ImagePoint {
    ImagePoint {
        object_type: object,
        object_id: id.into(),
        point_type: kind,
        process_area: Vec::new(),
        unit: (!unit.is_empty()).then_some(unit),
        state_text: Vec::new(),
        tag: format!("site/{id}/{tag}"),
        serves: [].into(),
        class: &CLASS,
        is_setpoint: false,
        request: false,
    }
}

/// One point of every kind that the contract treats differently.
pub(crate) fn image() -> Image {
    let racks: Arc<[String]> = ["rack-01", "rack-02"].map(str::to_owned).into();
    let mut points = vec![
        point("CDU", "CDU-01", "LiquidTemperature", "C", "secondary/supply/temperature"),
        point("CDU", "CDU-01", "LiquidTemperatureSpRequest", "C", "temperature/request"),
        point("CDU", "CDU-01", "LiquidTemperature", "C", "temperature/finalSetpoint"),
        point("Rack", "rack-01", "RackPower", "kW", "power"),
        point("Rack", "rack-01", "RackLeakDetect", "", "leak"),
        point("PowerMeter", "MTR-01", "ActivePower", "kW", "power"),
        point("PowerMeter", "MTR-01", "PhaseCurrent", "A", "current/a"),
        point("PowerMeter", "MTR-01", "PowerFactor", "", "pf"),
        point("Chiller", "CH-01", "Status", "", "status"),
        point("Chiller", "CH-01", "GenericPoint", "C", "leaving/request"),
        point("UPS", "UPS-01", "GenericPoint", "kW", "loss"),
        point("Sensor", "hall-1", "AirTemperature", "C", "cold/temperature"),
        point("Pump", "P-01", "PumpSpeed", "%", "speed"),
        point("Rack", "rack-01", "RackLiquidDifferentialPressureSp", "kPa", "dp/setpoint"),
        point("PowerMeter", "MTR-01", "GenericPoint", "kWh", "energy"),
    ];
    points[SENSOR].process_area = vec!["Secondary", "Supply"];
    points[SENSOR].serves = racks.clone();
    points[REQUEST].request = true;
    points[REQUEST].is_setpoint = true;
    points[APPLIED].is_setpoint = true;
    points[4].state_text = vec![(0, "Normal"), (1, "Leak")];
    points[5].serves = racks;
    points[6].process_area = vec!["A"];
    points[8].state_text = vec![(0, "NotOperating"), (1, "Operating")];
    points[CHILLER_REQUEST].request = true;
    points[CHILLER_REQUEST].is_setpoint = true;
    points[CHILLER_REQUEST].process_area = vec!["ChilledWater", "Supply"];
    points[10].process_area = vec!["Loss"];
    points[13].is_setpoint = true;
    points[14].process_area = vec!["Energy"];
    let values = (0..points.len()).map(|i| 20.0 + i as f64).collect();
    Image { values, ..Image::of(points) }
}

fn register(space: Space, address: u16, encoding: Encoding, scale: f64, meaning: Meaning) -> Register {
    Register { space, address, encoding, scale, meaning }
}

/// A device over [`image`]: a block with a gap, every kind of register, heartbeat timeout 10 s.
pub(crate) fn device() -> ModbusDevice {
    use Encoding::{F32, F32Swapped, U16};
    use Space::{Discrete, Holding, Input};
    let registers = vec![
        register(Input, 10, U16, 0.1, Meaning::Value(SENSOR)),
        register(Input, 13, F32, 1.0, Meaning::Value(SENSOR)),
        register(Input, 15, F32Swapped, 1.0, Meaning::Value(SENSOR)),
        register(Discrete, 1, U16, 1.0, Meaning::Local),
        register(Holding, 100, U16, 1.0, Meaning::RemoteEnable),
        register(Holding, 101, U16, 1.0, Meaning::HeartbeatIn),
        register(Holding, 102, U16, 1.0, Meaning::HeartbeatOut),
        register(Holding, 103, U16, 1.0, Meaning::SetpointTimer),
        register(Holding, 104, U16, 0.1, Meaning::Setpoint(REQUEST)),
        register(Holding, 105, U16, 0.1, Meaning::Applied(REQUEST)),
        register(Holding, 106, F32, 1.0, Meaning::Setpoint(CHILLER_REQUEST)),
    ];
    ModbusDevice { id: "cdu-1".to_owned(), unit: 1, registers, heartbeat_timeout_s: 10.0 }
}
