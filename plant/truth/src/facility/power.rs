//! The power path: transformer, UPS, busways, generator.
//!
//! Responsible for: losses along the path, battery and generator during a feed loss. Not for: breakers and
//! budgets (limits are scored, not enforced here).
//!
//! ```text
//! UPS          P_loss = P_r (0.010 + 0.008 x + 0.012 x^2)      x = load / rating: 95.2 % at 1/4 .. 97.1 %
//! transformer  P_loss = P_r (0.0015 + 0.009 x^2)
//! busway       P_loss = 0.006 P_r x^2
//! ```
//! Source: fits to the usual efficiency statements of double-conversion units (EN 62040-3 load points) and
//! distribution transformers (EN 50588-1 class).

/// Time from feed loss to the generator carrying the site, s.
pub const GENERATOR_START_S: f64 = 12.0;

/// Loss of a UPS in double conversion, W.
#[must_use]
pub fn ups_loss_w(rating_w: f64, load_w: f64) -> f64 {
    let x = load_w / rating_w;
    rating_w * (0.010 + 0.008 * x + 0.012 * x * x)
}

/// Loss of a transformer, W.
#[must_use]
pub fn transformer_loss_w(rating_w: f64, load_w: f64) -> f64 {
    let x = load_w / rating_w;
    rating_w * (0.0015 + 0.009 * x * x)
}

/// Loss of a busway, W.
#[must_use]
pub fn busway_loss_w(rating_w: f64, load_w: f64) -> f64 {
    0.006 * load_w * load_w / rating_w
}

/// The power path of the site.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerPath {
    /// Ratings: transformer, UPS, one busway, W.
    pub transformer_rating_w: f64,
    /// Rating of the UPS, W.
    pub ups_rating_w: f64,
    /// Rating of one busway, W.
    pub busway_rating_w: f64,
    /// True while the utility is gone.
    pub feed_lost: bool,
    /// Power into each busway, W.
    pub busway_w: Vec<f64>,
    /// Power out of the UPS, W.
    pub ups_output_w: f64,
    /// Power into the UPS, W.
    pub ups_input_w: f64,
    /// Power into the mechanical panel, W.
    pub mechanical_w: f64,
    /// Power the site takes from feed or generator, W.
    pub source_w: f64,
    /// Power taken from the utility, W.
    pub import_w: f64,
    /// Losses of transformer, UPS and busways, W.
    pub loss_w: f64,
    /// Energy missing in the battery, J.
    pub battery_deficit_j: f64,
    outage_s: f64,
}

/// Loads on the path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loads<'a> {
    /// Power of each rack, W.
    pub rack_w: &'a [f64],
    /// Busway of each rack.
    pub busway_of_rack: &'a [usize],
    /// Mechanical load behind the UPS (CDU pumps, hall fans), W.
    pub critical_mechanical_w: f64,
    /// Mechanical load on its own panel (chillers, tower, facility pumps), W.
    pub mechanical_w: f64,
}

impl PowerPath {
    /// A path for rows of these peaks, with mechanical loads. All busways are of one size.
    #[must_use]
    pub fn sized(rows_w: &[f64], critical_w: f64, mechanical_w: f64) -> Self {
        // N+1 modules: two thirds loaded at most
        let it_w = rows_w.iter().sum::<f64>() + critical_w;
        let row_w = rows_w.iter().fold(1.0, |a: f64, &b| a.max(b));
        let ups_rating_w = 1.6 * it_w;
        Self {
            transformer_rating_w: 1.3 * (1.04 * it_w + mechanical_w),
            ups_rating_w,
            busway_rating_w: 1.25 * row_w,
            feed_lost: false,
            busway_w: vec![0.0; rows_w.len()],
            ups_output_w: 0.0,
            ups_input_w: 0.0,
            mechanical_w: 0.0,
            source_w: 0.0,
            import_w: 0.0,
            loss_w: 0.0,
            battery_deficit_j: 0.0,
            outage_s: 0.0,
        }
    }

    /// True while the mechanical panel has supply (utility, or generator after its start).
    #[must_use]
    pub fn mechanical_powered(&self) -> bool {
        !self.feed_lost || self.outage_s >= GENERATOR_START_S
    }

    /// Advances by `dt_s`.
    pub fn step(&mut self, loads: &Loads<'_>, dt_s: f64) {
        self.outage_s = if self.feed_lost { self.outage_s + dt_s } else { 0.0 };
        self.busway_w.fill(0.0);
        for (&power, &busway) in loads.rack_w.iter().zip(loads.busway_of_rack) {
            self.busway_w[busway] += power;
        }
        let rack_w: f64 = self.busway_w.iter().sum();
        for power in &mut self.busway_w {
            *power += busway_loss_w(self.busway_rating_w, *power);
        }
        self.ups_output_w = self.busway_w.iter().sum::<f64>() + loads.critical_mechanical_w;
        let needed_w = self.ups_output_w + ups_loss_w(self.ups_rating_w, self.ups_output_w);
        self.mechanical_w = loads.mechanical_w;
        if self.mechanical_powered() {
            let charge_w = (0.05 * self.ups_rating_w).min(self.battery_deficit_j / dt_s);
            self.battery_deficit_j -= charge_w * dt_s;
            self.ups_input_w = needed_w + charge_w;
        } else {
            self.battery_deficit_j += needed_w * dt_s;
            self.ups_input_w = 0.0;
        }
        let behind_w = self.ups_input_w + self.mechanical_w;
        let transformer_w =
            if self.feed_lost { 0.0 } else { transformer_loss_w(self.transformer_rating_w, behind_w) };
        self.source_w = behind_w + transformer_w;
        self.import_w = if self.feed_lost { 0.0 } else { self.source_w };
        self.loss_w = self.source_w - rack_w - loads.critical_mechanical_w - loads.mechanical_w;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ups_efficiency_at_its_load_points() {
        for (x, expected) in [(0.25, 0.952), (0.5, 0.967), (0.75, 0.971), (1.0, 0.971)] {
            let efficiency = x / (x + ups_loss_w(1.0, x));
            assert!((efficiency - expected).abs() < 0.002, "{x}: {efficiency}");
        }
    }

    #[test]
    fn an_outage_is_paid_back_by_the_battery() {
        let mut path = PowerPath::sized(&[100e3], 5e3, 20e3);
        let loads = |mechanical_w| Loads {
            rack_w: &[80e3],
            busway_of_rack: &[0],
            critical_mechanical_w: 4e3,
            mechanical_w,
        };
        path.step(&loads(15e3), 1.0);
        let normal = path.import_w;
        path.feed_lost = true;
        for _ in 0..10 {
            path.step(&loads(0.0), 1.0);
        }
        assert!(!path.mechanical_powered() && path.source_w.abs() < 1e-9 && path.battery_deficit_j > 8e5);
        for _ in 0..400 {
            path.step(&loads(15e3), 1.0);
        }
        assert!(path.import_w.abs() < 1e-9 && path.battery_deficit_j.abs() < 1.0);
        path.feed_lost = false;
        path.step(&loads(15e3), 1.0);
        assert!((path.import_w - normal).abs() < 1e-6);
    }
}
