//! The power path: feed, generator, transfer switch, transformer, BESS, UPS, busways, breakers.
//!
//! Responsible for: the order of the path, its losses and storages, what is supplied during a feed loss. Not
//! for: the equipment's own laws (one file each), budgets (scored elsewhere).
//!
//! ```text
//! utility -> transformer -+
//!              generator -+-> ATS -> main panel -+-> UPS -> busways -> racks;  UPS -> CDU pumps, hall fans
//!                                     BESS <-----+-> mechanical panel
//! source = racks + mechanical + losses + d(UPS battery)/dt + d(BESS)/dt
//! ```

pub use super::ats::{Ats, Source};
pub use super::bess::Bess;
pub use super::breaker::{self, Breaker};
pub use super::busway::busway_loss_w;
pub use super::generator::{Generator, GeneratorState};
use super::spec::PowerSpec;
pub use super::transformer::transformer_loss_w;
pub use super::ups::{Ups, ups_loss_w};

/// The power path of the site.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerPath {
    /// Rating of the transformer, W.
    pub transformer_rating_w: f64,
    /// Rating of one busway, W.
    pub busway_rating_w: f64,
    /// True while the utility is gone.
    pub feed_lost: bool,
    /// Transfer switch.
    pub ats: Ats,
    /// Standby generator.
    pub generator: Generator,
    /// UPS with its battery.
    pub ups: Ups,
    /// Battery storage at the main panel.
    pub bess: Option<Bess>,
    /// Breaker of each busway.
    pub busway_breakers: Vec<Breaker>,
    /// Breaker of the feed.
    pub feed_breaker: Breaker,
    /// Power into each busway, W.
    pub busway_w: Vec<f64>,
    /// Power that the racks receive, W.
    pub rack_w: f64,
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
    /// Loss of the transformer, W.
    pub transformer_loss_w: f64,
    /// Losses of transformer, UPS, busways and BESS, W.
    pub loss_w: f64,
    /// Change of what UPS battery and BESS hold, W.
    pub stored_w: f64,
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
    /// Power asked of the BESS, W: positive discharges.
    pub bess_w: f64,
}

impl PowerPath {
    /// A path for rows of these peaks, with mechanical loads. All busways are of one size.
    #[must_use]
    pub fn sized(spec: &PowerSpec, rows_w: &[f64], critical_w: f64, mechanical_w: f64) -> Self {
        let it_w = rows_w.iter().sum::<f64>() + critical_w;
        let row_w = rows_w.iter().fold(1.0, |a: f64, &b| a.max(b));
        let peak_w = 1.04 * it_w + mechanical_w;
        Self {
            transformer_rating_w: 1.3 * peak_w,
            busway_rating_w: 1.25 * row_w,
            feed_lost: false,
            ats: Ats::default(),
            generator: Generator::sized(1.2 * peak_w, spec.generator_start_s),
            // N+1 modules: two thirds loaded at most
            ups: Ups::sized(1.6 * it_w, it_w, spec.battery_s, spec.ups_eco),
            bess: spec.bess.map(Bess::new),
            busway_breakers: vec![Breaker::default(); rows_w.len()],
            feed_breaker: Breaker::default(),
            busway_w: vec![0.0; rows_w.len()],
            rack_w: 0.0,
            ups_output_w: 0.0,
            ups_input_w: 0.0,
            mechanical_w: 0.0,
            source_w: 0.0,
            import_w: 0.0,
            transformer_loss_w: 0.0,
            loss_w: 0.0,
            stored_w: 0.0,
        }
    }

    /// True while the mechanical panel has supply.
    #[must_use]
    pub fn mechanical_powered(&self) -> bool {
        self.ats.source != Source::Dead
    }

    /// True while the UPS carries racks, CDU pumps and hall fans.
    #[must_use]
    pub fn critical_powered(&self) -> bool {
        self.ups.carries()
    }

    /// Generator and transfer switch: what the main panel hangs on in this step.
    pub fn transfer(&mut self, dt_s: f64) {
        self.generator.step(self.ats.calls_generator(self.feed_lost), dt_s);
        self.ats.step(self.feed_lost, self.generator.accepts_w() > 0.0, dt_s);
    }

    /// Advances by `dt_s`, after [`Self::transfer`] and with the loads that follow from it.
    pub fn step(&mut self, loads: &Loads<'_>, dt_s: f64) {
        self.busway_w.fill(0.0);
        for (&power, &busway) in loads.rack_w.iter().zip(loads.busway_of_rack) {
            self.busway_w[busway] += power;
        }
        let rack_w: f64 = self.busway_w.iter().sum();
        for power in &mut self.busway_w {
            *power += busway_loss_w(self.busway_rating_w, *power);
        }
        let wanted_w = self.busway_w.iter().sum::<f64>() + loads.critical_mechanical_w;
        self.mechanical_w = loads.mechanical_w;
        let available_w = match self.ats.source {
            Source::Utility => f64::INFINITY,
            Source::Generator => (self.generator.accepts_w() - self.mechanical_w).max(0.0),
            Source::Dead => 0.0,
        };
        self.ups_input_w = self.ups.step(wanted_w, available_w, dt_s);
        self.serve(wanted_w, dt_s);
        let panel_w = self.ups_input_w + self.mechanical_w;
        let on_utility = self.ats.source == Source::Utility;
        let stored = match &mut self.bess {
            Some(bess) => bess.step(loads.bess_w, panel_w, on_utility, dt_s),
            None => 0.0,
        };
        let behind_w = panel_w + stored;
        // the utility's transformer stays live while the panel hangs on the generator
        let transformed_w = if on_utility { behind_w } else { 0.0 };
        let live_w = transformer_loss_w(self.transformer_rating_w, transformed_w);
        self.transformer_loss_w = if self.feed_lost { 0.0 } else { live_w };
        self.import_w = if self.feed_lost { 0.0 } else { transformed_w + live_w };
        self.source_w = behind_w + self.transformer_loss_w;
        self.rack_w = rack_w * self.ups.served;
        self.stored_w = self.ups.stored_w + self.bess.map_or(0.0, |b| b.stored_w);
        let served_w = self.rack_w + loads.critical_mechanical_w * self.ups.served + loads.mechanical_w;
        self.loss_w = self.source_w - served_w - self.stored_w;
    }

    /// What leaves the UPS, and the breakers' states.
    fn serve(&mut self, wanted_w: f64, dt_s: f64) {
        let (served, approach) = (self.ups.served, breaker::approach(dt_s));
        self.ups_output_w = wanted_w * served;
        for (power, breaker) in self.busway_w.iter_mut().zip(&mut self.busway_breakers) {
            *power *= served;
            breaker.step(*power / self.busway_rating_w, approach);
        }
        self.feed_breaker.step(self.import_w / self.transformer_rating_w, approach);
    }

    /// Sum of the losses as the equipment states them, W: what [`Self::loss_w`] must be.
    #[must_use]
    pub fn stated_loss_w(&self) -> f64 {
        let busways_w: f64 = self.busway_w.iter().sum::<f64>() - self.rack_w;
        self.transformer_loss_w + self.ups.loss_w + busways_w + self.bess.map_or(0.0, |b| b.loss_w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facility::spec::BessSpec;

    fn loads(mechanical_w: f64) -> Loads<'static> {
        Loads {
            rack_w: &[30e3, 40e3],
            busway_of_rack: &[0, 0],
            critical_mechanical_w: 4e3,
            mechanical_w,
            bess_w: 0.0,
        }
    }

    fn step(path: &mut PowerPath, loads: &Loads<'_>, dt_s: f64) {
        path.transfer(dt_s);
        path.step(loads, dt_s);
    }

    #[test]
    fn an_outage_is_bridged_and_the_feed_returns_when_it_has_proved_good() {
        let mut path = PowerPath::sized(&PowerSpec::default(), &[100e3], 5e3, 20e3);
        step(&mut path, &loads(15e3), 1.0);
        let normal = path.import_w;
        path.feed_lost = true;
        for _ in 0..10 {
            step(&mut path, &loads(0.0), 1.0);
        }
        assert!(!path.mechanical_powered() && path.source_w.abs() < 1e-9 && path.critical_powered());
        assert!(path.ups.capacity_j - path.ups.energy_j > 7e5);
        for _ in 0..400 {
            step(&mut path, &loads(15e3), 1.0);
        }
        assert!(path.import_w.abs() < 1e-9 && path.ups.charge() > 0.999, "{}", path.ups.charge());
        path.feed_lost = false;
        step(&mut path, &loads(15e3), 1.0);
        assert!(path.import_w < 1000.0 && path.source_w > 80e3, "still on the generator");
        for _ in 0..400 {
            step(&mut path, &loads(15e3), 1.0);
        }
        assert!((path.import_w - normal).abs() < 1e-6);
    }

    #[test]
    fn without_a_generator_the_battery_ends() {
        let mut path = PowerPath::sized(&PowerSpec::default(), &[100e3], 5e3, 20e3);
        path.generator.failed = true;
        path.feed_lost = true;
        for _ in 0..600 {
            step(&mut path, &loads(0.0), 1.0);
        }
        assert!(!path.critical_powered() && path.rack_w.abs() < 1e-9 && path.ups_output_w.abs() < 1e-9);
    }

    #[test]
    fn the_books_close_in_every_state() {
        let bess = Some(BessSpec { power_w: 50e3, energy_j: 1e8 });
        let spec = PowerSpec { ups_eco: true, bess, ..PowerSpec::default() };
        let mut path = PowerPath::sized(&spec, &[100e3], 5e3, 20e3);
        for second in 0..3000 {
            path.feed_lost = (600..900).contains(&second) || (2000..2005).contains(&second);
            path.transfer(1.0);
            let mechanical = if path.mechanical_powered() { 15e3 } else { 0.0 };
            let held = path.ups.energy_j + path.bess.unwrap().energy_j;
            let asked = if second % 1000 < 500 { 40e3 } else { -40e3 };
            path.step(&Loads { bess_w: asked, ..loads(mechanical) }, 1.0);
            let change = path.ups.energy_j + path.bess.unwrap().energy_j - held;
            let used = path.rack_w + 4e3 * path.ups.served + mechanical;
            let residual = path.source_w - used - path.stated_loss_w() - change;
            assert!(residual.abs() < 1e-6, "{second}: {residual}");
            assert!((path.loss_w - path.stated_loss_w()).abs() < 1e-6, "{second}");
            assert!(path.loss_w >= 0.0 && path.import_w >= 0.0);
        }
    }
}
