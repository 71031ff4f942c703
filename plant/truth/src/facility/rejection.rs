//! Heat rejection outdoors: a tower, a dry cooler or an adiabatic one, with fan drive and water.
//!
//! Responsible for: fan drive, which machine's law applies, the water it holds and uses, heat to the air. Not
//! for: the laws themselves ([`super::tower`], [`super::dry_cooler`], [`super::basin`]).

use super::basin::{Basin, Falling};
use super::dry_cooler::{DryCooler, DryInlet};
use super::fluid::WATER;
use super::plant::Outdoor;
use super::spec::HeatRejection;
use super::tower::Tower;

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
    /// True while frost protection holds a dry cooler's fans back.
    pub frost: bool,
    /// Basin or fill: what the condenser pumps draw from.
    pub basin: Basin,
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
                let out = tower.cool(flow_lpm, entering_c, air, self.fan, self.fouling);
                (self.evaporation_kg_s, self.drift_kg_s) = (out.evaporation_kg_s, out.drift_kg_s);
                (out.range_k, out.power_w)
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
                    leaving_c: self.leaving_c,
                });
                (self.water_kg_s, self.frost) = (out.water_kg_s, out.frost);
                self.evaporation_kg_s = out.water_kg_s * 2.0 / 3.0;
                (out.range_k, out.power_w)
            }
        };
        self.leaving_c = entering_c - range_k;
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
