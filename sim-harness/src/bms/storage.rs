//! Stores: when the chilled-water tank and the battery for the grid fill and empty.
//!
//! Responsible for: the commands to both, by the rules that sites run them by today. Not for: arbitrage on prices.
//!
//! ```text
//! tank      idle --(supply > setpoint + 1.5 K for 30 s)--> discharge --(supply < setpoint + 0.3 K for 5 min, or empty)--> idle
//!           idle --(charge < 90 %, machines at ease)-----> charge    --(full, or machines pressed)---------------------> idle
//! battery   discharges what import exceeds 97 % of what the feed may carry; charges at a quarter of an hour's rate
//!           while import is under 85 % of it
//! ```
//! The tank is the ride-through of the cooling, as in most halls with one: minutes between the trip of a machine and
//! the next at full load.

/// What the stores look at.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StorageInputs {
    /// Facility-water supply over its setpoint, K.
    pub over_k: f64,
    /// Share of the tank that is cold, 0..1; not a number where there is no tank.
    pub tank_charge: f64,
    /// Cooling machines have room to spare.
    pub at_ease: bool,
    /// Power at the feed, W.
    pub import_w: f64,
    /// What the feed may carry now, W.
    pub limit_w: f64,
    /// State of charge of the battery, 0..1; not a number where there is none.
    pub battery_charge: f64,
}

/// What the tank does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tank {
    Idle,
    Charging,
    Discharging,
}

/// Rules of the stores.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    tank: Tank,
    over_s: f64,
    calm_s: f64,
    battery_w: f64,
}

impl Default for Storage {
    fn default() -> Self {
        Self { tank: Tank::Idle, over_s: 0.0, calm_s: 0.0, battery_w: 0.0 }
    }
}

impl Storage {
    /// Flow of the tank as a share of its design flow: 1 charges, -1 discharges.
    pub fn tank(&mut self, i: &StorageInputs, dt_s: f64) -> f64 {
        self.over_s = if i.over_k > 1.5 { self.over_s + dt_s } else { 0.0 };
        self.calm_s = if i.over_k < 0.3 { self.calm_s + dt_s } else { 0.0 };
        if i.tank_charge.is_nan() {
            return 0.0;
        }
        self.tank = match self.tank {
            _ if self.over_s > 30.0 && i.tank_charge > 0.02 => Tank::Discharging,
            Tank::Discharging if self.calm_s > 300.0 || i.tank_charge < 0.02 => Tank::Idle,
            Tank::Charging if i.tank_charge > 0.98 || !i.at_ease => Tank::Idle,
            Tank::Idle if i.tank_charge < 0.90 && i.at_ease && self.calm_s > 600.0 => Tank::Charging,
            same => same,
        };
        match self.tank {
            Tank::Idle => 0.0,
            Tank::Charging => 0.25,
            Tank::Discharging => -1.0,
        }
    }

    /// Power asked of the battery, W: positive discharges.
    pub fn battery_w(&mut self, i: &StorageInputs) -> f64 {
        if i.battery_charge.is_nan() || !(i.import_w.is_finite() && i.limit_w.is_finite()) {
            return 0.0;
        }
        // What the feed would carry without the battery.
        let load_w = i.import_w + self.battery_w;
        let excess_w = load_w - 0.97 * i.limit_w;
        let room_w = 0.85 * i.limit_w - load_w;
        self.battery_w = if excess_w > 0.0 {
            if i.battery_charge > 0.06 { excess_w } else { 0.0 }
        } else if room_w > 0.0 && i.battery_charge < 0.90 {
            -0.25 * room_w
        } else {
            0.0
        };
        self.battery_w
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: StorageInputs = StorageInputs {
        over_k: 0.0,
        tank_charge: 1.0,
        at_ease: true,
        import_w: 800e3,
        limit_w: 1000e3,
        battery_charge: 0.5,
    };

    #[test]
    fn the_tank_bridges_a_trip_and_fills_again() {
        let mut storage = Storage::default();
        assert!(storage.tank(&CALM, 60.0).abs() < 1e-12, "a full tank waits");
        let hot = StorageInputs { over_k: 3.0, at_ease: false, ..CALM };
        let flows: Vec<f64> = (0..60).map(|_| storage.tank(&hot, 1.0)).collect();
        assert!(flows[10].abs() < 1e-12 && (flows[59] + 1.0).abs() < 1e-12, "not at once, then fully");
        let after = StorageInputs { tank_charge: 0.4, ..CALM };
        let flows: Vec<f64> = (0..1200).map(|_| storage.tank(&after, 1.0)).collect();
        assert!((flows[100] + 1.0).abs() < 1e-12 && (flows[1199] - 0.25).abs() < 1e-12);
        let empty = StorageInputs { tank_charge: 0.0, ..hot };
        assert!((0..60).map(|_| storage.tank(&empty, 1.0)).all(|f| f >= 0.0), "nothing left to give");
        let none = StorageInputs { tank_charge: f64::NAN, ..hot };
        assert!(storage.tank(&none, 60.0).abs() < 1e-12);
    }

    #[test]
    fn the_battery_shaves_what_the_feed_may_not_carry() {
        let mut storage = Storage::default();
        let over = StorageInputs { import_w: 1050e3, ..CALM };
        let given = storage.battery_w(&over);
        assert!((given - 80e3).abs() < 1.0, "{given}");
        let held = storage.battery_w(&StorageInputs { import_w: 1050e3 - given, ..CALM });
        assert!((held - given).abs() < 1.0, "it stands while the load stands: {held}");
        assert!(storage.battery_w(&StorageInputs { battery_charge: 0.05, ..over }).abs() < 1e-9);
        assert!(Storage::default().battery_w(&StorageInputs { import_w: 600e3, ..CALM }) < 0.0);
        assert!(
            Storage::default().battery_w(&StorageInputs { battery_charge: f64::NAN, ..over }).abs() < 1e-9
        );
    }
}
