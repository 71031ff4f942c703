//! Uninterruptible power supply with its battery.
//!
//! Responsible for: losses in double conversion and eco mode, module staging, battery, ride-through, walk-in and
//! recharge. Not for: where its input comes from ([`super::ats`], [`super::generator`]).
//!
//! ```text
//! double conversion   P_loss = P_r (0.010 + 0.008 x + 0.012 x^2)     95.2 % at 1/4 .. 97.1 % at full load
//! eco                 P_loss = P_r (0.004 + 0.006 x^2)               98.3 % at 1/4, 98.9 % at 1/2, 99.0 % full
//! battery             dE/dt = eta P (charge),  -P / eta (discharge)
//! ```
//! `x` is the load over the rating of the modules that run; staged-off modules keep 0.1 % of theirs. Source: fits
//! to the usual efficiency statements (EN 62040-3 load points); eco mode 98.5 to 99 %.

/// Modules of a unit, N+1.
const MODULES: u32 = 5;
/// Modules run no higher than this while others are staged off.
const STAGED_LOAD: f64 = 0.75;
/// Loss of a module that is staged off over its rating.
const STANDBY: f64 = 0.001;
/// Battery efficiency in either direction.
const BATTERY_EFFICIENCY: f64 = 0.96;
/// Largest charging power over the rating.
const CHARGE_SHARE: f64 = 0.05;
/// Time over which the input takes the load back, s.
const WALK_IN_S: f64 = 15.0;

/// Loss of a UPS in double conversion, W.
#[must_use]
pub fn ups_loss_w(rating_w: f64, load_w: f64) -> f64 {
    let x = load_w / rating_w;
    rating_w * (0.010 + 0.008 * x + 0.012 * x * x)
}

/// Loss of a UPS in eco mode, W.
#[must_use]
pub fn eco_loss_w(rating_w: f64, load_w: f64) -> f64 {
    let x = load_w / rating_w;
    rating_w * (0.004 + 0.006 * x * x)
}

/// A UPS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ups {
    /// Rating of all modules, W.
    pub rating_w: f64,
    /// True if it runs in eco mode while its input is good.
    pub eco: bool,
    /// True if it stages modules off at part load.
    pub staging: bool,
    /// Modules that run.
    pub modules_on: u32,
    /// Energy in the battery, J.
    pub energy_j: f64,
    /// Energy of the full battery, J.
    pub capacity_j: f64,
    /// Power into the battery, W at its terminals; negative on discharge.
    pub battery_w: f64,
    /// Power of the battery's store, W: what its energy changes by.
    pub stored_w: f64,
    /// Power in, W.
    pub input_w: f64,
    /// Losses, the battery's included, W.
    pub loss_w: f64,
    /// Share of the load served in the last step: below 1 when the battery ran out.
    pub served: f64,
    /// True while any of the load comes from the battery.
    pub on_battery: bool,
    walk_in: f64,
}

impl Ups {
    /// A unit of `rating_w` whose battery carries `design_w` for `battery_s`.
    #[must_use]
    pub fn sized(rating_w: f64, design_w: f64, battery_s: f64, eco: bool) -> Self {
        let capacity_j = design_w * battery_s;
        Self {
            rating_w,
            eco,
            staging: false,
            modules_on: MODULES,
            energy_j: capacity_j,
            capacity_j,
            battery_w: 0.0,
            stored_w: 0.0,
            input_w: 0.0,
            loss_w: 0.0,
            served: 1.0,
            on_battery: false,
            walk_in: 1.0,
        }
    }

    /// True while it carries its load.
    #[must_use]
    pub fn carries(&self) -> bool {
        self.served > 0.999
    }

    /// State of charge, 0..1.
    #[must_use]
    pub fn charge(&self) -> f64 {
        if self.capacity_j > 0.0 { self.energy_j / self.capacity_j } else { 0.0 }
    }

    /// Conversion loss at a load.
    fn conversion_w(&mut self, load_w: f64, eco: bool) -> f64 {
        let module_w = self.rating_w / f64::from(MODULES);
        let needed = (load_w / (STAGED_LOAD * module_w)).ceil().max(1.0) as u32 + 1;
        self.modules_on = if self.staging { needed.min(MODULES) } else { MODULES };
        let on_w = f64::from(self.modules_on) * module_w;
        let off_w = STANDBY * (self.rating_w - on_w);
        off_w + if eco { eco_loss_w(on_w, load_w) } else { ups_loss_w(on_w, load_w) }
    }

    /// Advances by `dt_s` with `load_w` at its output; `available_w` is what its input can give, 0 when dead.
    /// Returns the power it draws.
    pub fn step(&mut self, load_w: f64, available_w: f64, dt_s: f64) -> f64 {
        let alive = available_w > 0.0;
        self.walk_in = if alive { (self.walk_in + dt_s / WALK_IN_S).min(1.0) } else { 0.0 };
        let eco = self.eco && alive && self.walk_in >= 1.0;
        let conversion_w = self.conversion_w(load_w, eco);
        let needed_w = load_w + conversion_w;
        let limit_w = available_w.min(1.1 * self.rating_w * self.walk_in);
        let from_input_w = needed_w.min(limit_w);
        let deliverable_w = self.energy_j * BATTERY_EFFICIENCY / dt_s;
        let from_battery_w = (needed_w - from_input_w).min(deliverable_w);
        let given_w = from_input_w + from_battery_w;
        // an empty battery leaves the input alone with the load: no walk-in then
        let short = given_w < 0.999 * needed_w;
        let (from_input_w, given_w) = if short && available_w >= needed_w {
            (needed_w - from_battery_w, needed_w)
        } else {
            (from_input_w, given_w)
        };
        self.served = if needed_w > 0.0 { (given_w / needed_w).min(1.0) } else { 1.0 };
        let spare_w = (limit_w - from_input_w).max(0.0);
        let room_w = (self.capacity_j - self.energy_j).max(0.0) / BATTERY_EFFICIENCY / dt_s;
        let charge_w =
            if from_battery_w > 0.0 { 0.0 } else { (CHARGE_SHARE * self.rating_w).min(room_w).min(spare_w) };
        self.battery_w = charge_w - from_battery_w;
        self.stored_w = charge_w * BATTERY_EFFICIENCY - from_battery_w / BATTERY_EFFICIENCY;
        self.energy_j = (self.energy_j + self.stored_w * dt_s).max(0.0);
        self.on_battery = from_battery_w > 0.0;
        self.input_w = from_input_w + charge_w;
        self.loss_w = self.input_w - self.served * load_w - self.stored_w;
        self.input_w
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficiency_at_its_load_points() {
        for (x, double, eco) in
            [(0.25, 0.952, 0.983), (0.5, 0.967, 0.989), (0.75, 0.971, 0.990), (1.0, 0.971, 0.990)]
        {
            let efficiency = |loss: f64| x / (x + loss);
            assert!((efficiency(ups_loss_w(1.0, x)) - double).abs() < 0.002, "{x}");
            assert!((efficiency(eco_loss_w(1.0, x)) - eco).abs() < 0.0015, "{x}");
        }
    }

    #[test]
    fn rides_through_for_its_time_then_drops_and_recharges() {
        let mut ups = Ups::sized(160e3, 100e3, 300.0, false);
        let loss = ups_loss_w(160e3, 100e3);
        let mut carried_s = 0.0;
        while ups.carries() && carried_s < 1000.0 {
            let before = ups.energy_j;
            ups.step(100e3, 0.0, 1.0);
            assert!((ups.energy_j - before - ups.stored_w).abs() < 1e-6);
            carried_s += 1.0;
        }
        let expected = 300.0 * 0.96 * 100e3 / (100e3 + loss);
        assert!((carried_s - expected).abs() < 3.0, "{carried_s} {expected}");
        for _ in 0..10 {
            ups.step(100e3, 0.0, 1.0);
        }
        assert!(ups.served < 1e-9 && ups.loss_w.abs() < 1e-6, "{ups:?}");
        ups.step(100e3, 1e6, 1.0);
        assert!(ups.carries() && ups.energy_j >= 0.0);
        for _ in 0..2 * 3600 {
            ups.step(100e3, 1e6, 1.0);
        }
        assert!(ups.charge() > 0.99 && (ups.input_w - 100e3 - loss).abs() < 1.0);
    }

    #[test]
    fn staging_pays_at_part_load() {
        let mut ups = Ups::sized(500e3, 300e3, 300.0, false);
        let all = ups.step(60e3, 1e9, 1.0);
        ups.staging = true;
        let staged = ups.step(60e3, 1e9, 1.0);
        assert!(ups.modules_on == 2 && staged < all - 2000.0, "{} {all} {staged}", ups.modules_on);
    }
}
