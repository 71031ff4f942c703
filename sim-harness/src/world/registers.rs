//! The Modbus devices of the site, as register maps over the point list.
//!
//! Responsible for: addresses, encodings and meanings. Not for: serving them or heartbeats (the desks).
//!
//! The maps mix what real ones mix: scaled int16, uint32, float32 and a word-swapped float32.

use super::points::{PointList, RequestTarget};
use super::signal::Signal;
use crate::image::{Encoding, Meaning, ModbusDevice, Register, Space};

/// Silence of the heartbeat after which a device drops remote control, s.
const HEARTBEAT_TIMEOUT_S: f64 = 20.0;

/// Builds one device.
struct Map<'a> {
    list: &'a PointList,
    registers: Vec<Register>,
}

impl Map<'_> {
    fn register(&mut self, space: Space, address: u16, encoding: Encoding, scale: f64, meaning: Meaning) {
        self.registers.push(Register { space, address, encoding, scale, meaning });
    }

    /// Shows a signal; one that the site does not have leaves a gap.
    fn input(&mut self, address: u16, encoding: Encoding, scale: f64, signal: Signal) {
        if let Some(point) = self.list.find(signal) {
            self.register(Space::Input, address, encoding, scale, Meaning::Value(point));
        }
    }

    /// Setpoint with remote enable, heartbeat, timer and local switch.
    fn remote(&mut self, target: RequestTarget) {
        use Encoding::{I16, U16};
        if let Some(point) = self.list.request(target) {
            self.register(Space::Holding, 40, I16, 0.1, Meaning::Setpoint(point));
            self.register(Space::Holding, 41, I16, 0.1, Meaning::Applied(point));
        }
        self.register(Space::Holding, 50, U16, 1.0, Meaning::HeartbeatIn);
        self.register(Space::Holding, 51, U16, 1.0, Meaning::HeartbeatOut);
        self.register(Space::Holding, 52, U16, 1.0, Meaning::SetpointTimer);
        self.register(Space::Coil, 0, U16, 1.0, Meaning::RemoteEnable);
        self.register(Space::Discrete, 0, U16, 1.0, Meaning::Local);
    }

    fn device(mut self, id: &str, unit: u8) -> ModbusDevice {
        self.registers.sort_by_key(|r| (r.space, r.address));
        ModbusDevice {
            id: id.to_owned(),
            unit,
            registers: self.registers,
            heartbeat_timeout_s: HEARTBEAT_TIMEOUT_S,
        }
    }
}

/// The devices: `chiller-plant`, `tower`, `meters`.
#[must_use]
pub fn devices(list: &PointList) -> Vec<ModbusDevice> {
    use Encoding::{F32, F32Swapped, I16, U16, U32};
    let map = || Map { list, registers: Vec::new() };

    let mut plant = map();
    plant.input(0, I16, 0.1, Signal::WaterSupply);
    plant.input(1, I16, 0.1, Signal::WaterReturn);
    plant.input(2, U32, 0.001, Signal::WaterFlow);
    plant.input(4, U16, 0.1, Signal::WaterDp);
    for n in 0..2 {
        let base = 10 + 10 * n as u16;
        plant.input(base, I16, 0.1, Signal::ChillerLeaving(n));
        plant.input(base + 1, U16, 0.1, Signal::ChillerLoad(n));
        let power = if n == 0 { F32 } else { F32Swapped };
        plant.input(base + 2, power, 1.0, Signal::ChillerPower(n));
        plant.input(base + 4, U16, 1.0, Signal::ChillerStatus(n));
        plant.input(base + 5, U16, 1.0, Signal::ChillerAvailable(n));
    }
    plant.input(30, I16, 0.1, Signal::EconomiserLeaving);
    plant.input(31, U16, 0.1, Signal::EconomiserValve);
    plant.remote(RequestTarget::Facility);

    let mut tower = map();
    tower.input(0, I16, 0.1, Signal::TowerLeaving);
    tower.input(1, I16, 0.1, Signal::TowerEntering);
    tower.input(2, U16, 0.1, Signal::TowerFan);
    tower.input(4, F32Swapped, 1.0, Signal::TowerPower);
    tower.input(6, I16, 0.1, Signal::OutdoorTemperature);
    tower.input(7, U16, 0.1, Signal::OutdoorHumidity);
    tower.input(8, U32, 0.001, Signal::WaterTotal);
    tower.remote(RequestTarget::Tower);

    let mut meters = map();
    let floats = [Signal::Feed, Signal::Ups, Signal::Mechanical, Signal::Site, Signal::It];
    for (n, signal) in floats.into_iter().enumerate() {
        meters.input(2 * n as u16, F32, 1.0, signal);
    }
    for (n, signal) in [Signal::Compressors, Signal::Pumps, Signal::Fans].into_iter().enumerate() {
        meters.input(20 + 2 * n as u16, F32Swapped, 1.0, signal);
    }
    meters.input(40, U32, 0.1, Signal::SiteEnergy);
    meters.input(42, U32, 0.1, Signal::ItEnergy);
    meters.input(44, U32, 0.01, Signal::ImportLimit);
    meters.input(46, U16, 0.1, Signal::FeedCurrent);

    vec![plant.device("chiller-plant", 1), tower.device("tower", 2), meters.device("meters", 3)]
}
