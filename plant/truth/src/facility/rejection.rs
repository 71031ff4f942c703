//! Heat rejection outdoors: a tower, a dry cooler or an adiabatic one, with fan drive and water.
//!
//! Responsible for: fan drive, which machine's law applies, the water it holds and uses, heat to the air. Not
//! for: the laws themselves ([`super::tower`], [`super::dry_cooler`], [`super::basin`]).
//!
//! Frost: a tower's own thermostat slows the fan and opens the bypass into the basin between 5 and 3 C of basin
//! temperature, before the basin heater comes at 4 C; a dry cooler slows its fans. Both override the command.

use super::basin::{Basin, Falling};
use super::dry_cooler::{DryCooler, DryInlet};
use super::fluid::WATER;
use super::plant::Outdoor;
use super::spec::HeatRejection;
use super::tower::Tower;

/// Basin temperatures below which a tower is bypassed altogether and not at all, C.
const TOWER_FROST_C: (f64, f64) = (3.0, 5.0);

/// Lag of a dry cooler's frost thermostat in its well, s.
const THERMOSTAT_S: f64 = 120.0;

/// The machine outdoors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Machine {
    /// Evaporative tower over an open basin.
    Tower(Tower),
    /// Dry or adiabatic cooler on a closed circuit.
    Dry(DryCooler),
}

/// Heat rejection.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// The machine.
    pub machine: Machine,
    /// Fan speed, 0..1.
    pub fan: f64,
    /// Wetting of an adiabatic cooler's pads, 0..1.
    pub wetting: f64,
    /// Share of fill or coil that is scaled or dirty (fault), 0 = clean.
    pub fouling: f64,
    /// Water temperature leaving fill or coil, C.
    pub leaving_c: f64,
    /// Heat to the air, W.
    pub rejected_w: f64,
    /// Power of fan and frost heater, W.
    pub power_w: f64,
    /// Evaporated water, kg/s: over the fill, or from the pads.
    pub evaporation_kg_s: f64,
    /// Drift, kg/s.
    pub drift_kg_s: f64,
    /// Water taken from the mains, kg/s: make-up of the basin, or supply of the pads.
    pub water_kg_s: f64,
    /// True while frost protection holds the fans back.
    pub frost: bool,
    /// Basin or fill: what the condenser pumps draw from.
    pub basin: Basin,
    sensed_c: f64,
    powered: bool,
}

impl Rejection {
    /// A machine of the kind for `design_w` at `design_lpm`; it holds four minutes of flow.
    #[must_use]
    pub fn sized(kind: HeatRejection, design_w: f64, design_lpm: f64, temperature_c: f64) -> Self {
        let litres = 4.0 * design_lpm;
        let (machine, basin) = match kind {
            HeatRejection::Tower => (
                Machine::Tower(Tower::sized(design_w, design_lpm)),
                Basin::open(litres, design_w, temperature_c),
            ),
            HeatRejection::DryCooler | HeatRejection::AdiabaticCooler => {
                let adiabatic = kind == HeatRejection::AdiabaticCooler;
                let cooler = DryCooler::sized(design_w, design_lpm, adiabatic);
                (Machine::Dry(cooler), Basin::closed(litres, temperature_c))
            }
        };
        Self {
            machine,
            fan: 0.0,
            wetting: 0.0,
            fouling: 0.0,
            leaving_c: temperature_c,
            rejected_w: 0.0,
            power_w: 0.0,
            evaporation_kg_s: 0.0,
            drift_kg_s: 0.0,
            water_kg_s: 0.0,
            frost: false,
            basin,
            sensed_c: temperature_c,
            powered: true,
        }
    }

    /// Moves the fan drive toward `fan` (full travel in 30 s) and the wetting toward its command (60 s).
    pub fn actuate(&mut self, fan: f64, wetting: f64, powered: bool, dt_s: f64) {
        let target = |value: f64| if powered { value.clamp(0.0, 1.0) } else { 0.0 };
        self.fan = super::fluid::slew(self.fan, target(fan), dt_s / 30.0);
        self.wetting = super::fluid::slew(self.wetting, target(wetting), dt_s / 60.0);
        self.powered = powered;
    }

    /// Advances by `dt_s`: cools `flow_lpm` entering at `entering_c` into the basin, which takes `heat_w` besides.
    pub fn step(&mut self, flow_lpm: f64, entering_c: f64, heat_w: f64, air: &Outdoor, dt_s: f64) {
        let capacity_w_k = WATER.capacity_w_k(flow_lpm);
        let (range_k, fan_w) = match &self.machine {
            Machine::Tower(tower) => {
                let (stop_c, free_c) = TOWER_FROST_C;
                let open = ((self.basin.temperature_c - stop_c) / (free_c - stop_c)).clamp(0.0, 1.0);
                let out = tower.cool(flow_lpm, entering_c, air, self.fan.min(open), self.fouling);
                self.frost = open < 1.0;
                self.evaporation_kg_s = open * out.evaporation_kg_s;
                self.drift_kg_s = open * out.drift_kg_s;
                (open * out.range_k, out.power_w)
            }
            Machine::Dry(cooler) => {
                let out = cooler.cool(&DryInlet {
                    fluid_w_k: capacity_w_k,
                    entering_c,
                    dry_bulb_c: air.dry_bulb_c,
                    wet_bulb_c: air.wet_bulb_c,
                    fan: self.fan,
                    wetting: self.wetting,
                    fouling: self.fouling,
                    leaving_c: self.sensed_c,
                });
                (self.water_kg_s, self.frost) = (out.water_kg_s, out.frost);
                self.evaporation_kg_s = out.water_kg_s * 2.0 / 3.0;
                (out.range_k, out.power_w)
            }
        };
        self.leaving_c = entering_c - range_k;
        self.sensed_c += (self.leaving_c - self.sensed_c) * dt_s / (THERMOSTAT_S + dt_s);
        self.rejected_w = capacity_w_k * range_k;
        let open = matches!(self.machine, Machine::Tower(_));
        let evaporation_kg_s = if open { self.evaporation_kg_s } else { 0.0 };
        let falling = Falling {
            capacity_w_k,
            leaving_c: self.leaving_c,
            evaporation_kg_s,
            drift_kg_s: self.drift_kg_s,
        };
        self.basin.step(&falling, heat_w, self.powered, dt_s);
        if open {
            self.water_kg_s = self.basin.make_up_kg_s;
        }
        self.power_w = if self.powered { fan_w + self.basin.heater_w } else { 0.0 };
    }

    /// Heat that leaves: to the air and with water, W.
    #[must_use]
    pub fn heat_out_w(&self) -> f64 {
        self.rejected_w + self.basin.carried_out_w
    }

    /// Heat that comes besides the loop's own: with make-up and from the frost heater, W.
    #[must_use]
    pub fn heat_in_w(&self) -> f64 {
        self.basin.carried_in_w + self.basin.heater_w
    }

    /// Water balance of the basin: in less out, kg/s.
    #[must_use]
    pub fn water_balance_kg_s(&self) -> f64 {
        let lost = match self.machine {
            Machine::Tower(_) => self.evaporation_kg_s + self.drift_kg_s,
            Machine::Dry(_) => 0.0,
        };
        self.basin.make_up_kg_s - self.basin.blowdown_kg_s - lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINTER: Outdoor = Outdoor { dry_bulb_c: -18.0, wet_bulb_c: -18.5, dew_point_c: -21.0 };

    fn run(kind: HeatRejection, heat_w: f64, air: &Outdoor) -> Rejection {
        let mut machine = Rejection::sized(kind, 650e3, 1680.0, 20.0);
        for _ in 0..3 * 360 {
            machine.actuate(1.0, 0.0, true, 10.0);
            let entering_c = machine.basin.temperature_c + heat_w / WATER.capacity_w_k(1680.0);
            machine.step(1680.0, entering_c, 0.0, air, 10.0);
        }
        machine
    }

    #[test]
    fn nothing_freezes_at_little_load() {
        for kind in [HeatRejection::Tower, HeatRejection::DryCooler, HeatRejection::AdiabaticCooler] {
            let machine = run(kind, 20e3, &WINTER);
            assert!(machine.basin.temperature_c > 1.0, "{kind:?} {}", machine.basin.temperature_c);
            assert!(machine.frost, "{kind:?}");
        }
    }

    #[test]
    fn frost_protection_does_not_hunt() {
        let mut machine = run(HeatRejection::DryCooler, 200e3, &WINTER);
        let (mut low_c, mut high_c) = (f64::INFINITY, f64::NEG_INFINITY);
        for _ in 0..100 {
            let entering_c = machine.basin.temperature_c + 200e3 / WATER.capacity_w_k(1680.0);
            machine.step(1680.0, entering_c, 0.0, &WINTER, 10.0);
            low_c = low_c.min(machine.leaving_c);
            high_c = high_c.max(machine.leaving_c);
        }
        assert!(high_c - low_c < 0.2 && low_c > 3.0, "{low_c} {high_c}");
    }

    #[test]
    fn a_tower_is_colder_than_a_dry_cooler_in_summer_and_uses_water() {
        let summer = Outdoor { dry_bulb_c: 32.0, wet_bulb_c: 20.0, dew_point_c: 13.5 };
        let tower = run(HeatRejection::Tower, 500e3, &summer);
        let dry = run(HeatRejection::DryCooler, 500e3, &summer);
        assert!(tower.basin.temperature_c < dry.basin.temperature_c - 8.0);
        // four cycles make 1.33 times the evaporation, which itself exceeds the heat where it cools the air, too
        let used = tower.water_kg_s * 3.6e6 / 500e3;
        assert!((1.7..2.3).contains(&used), "{used} kg/kWh");
        assert!(dry.water_kg_s.abs() < 1e-12 && dry.power_w > tower.power_w);
    }
}
