//! Heat exchangers by effectiveness and number of transfer units.
//!
//! Responsible for: duty of a counterflow exchanger, conductance as a function of the flows, fouling.
//! Not for: the volumes on either side ([`super::fluid`]).
//!
//! ```text
//! NTU = UA / C_min,  r = C_min / C_max
//! eps = (1 - exp(-NTU (1 - r))) / (1 - r exp(-NTU (1 - r)))      counterflow, r < 1
//! eps = NTU / (1 + NTU)                                           r = 1
//! Q   = eps C_min (T_hot - T_cold)
//! 1/UA = (1/UA_n) (f (m1/m1n)^-0.8 + (1-f) (m2/m2n)^-0.8) + R_fouling
//! ```
//! Source: Incropera and DeWitt, *Fundamentals of Heat and Mass Transfer*, ch. 11; the 0.8 exponent is
//! Dittus-Boelter's for turbulent channels. `f` is the share of the resistance on side 1 at design.

/// Effectiveness of a counterflow exchanger.
#[must_use]
pub fn counterflow_effectiveness(ntu: f64, ratio: f64) -> f64 {
    if (1.0 - ratio).abs() < 1e-4 {
        return ntu / (1.0 + ntu);
    }
    let decay = (-ntu * (1.0 - ratio)).exp();
    (1.0 - decay) / (1.0 - ratio * decay)
}

/// An exchanger with its design point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exchanger {
    /// Conductance at design flows and clean, W/K.
    pub ua_design_w_k: f64,
    /// Design capacity flow of side 1, W/K.
    pub design_1_w_k: f64,
    /// Design capacity flow of side 2, W/K.
    pub design_2_w_k: f64,
    /// Share of the film resistance on side 1 at design, 0..1.
    pub share_1: f64,
    /// Share of the conductance lost to fouling at design flows, 0 = clean.
    pub fouling: f64,
}

impl Exchanger {
    /// Resistances of the two films relative to the design resistance, and of the fouling.
    fn resistances(&self, capacity_1_w_k: f64, capacity_2_w_k: f64) -> (f64, f64, f64) {
        let film = |capacity: f64, design: f64| (design / capacity.max(1e-3 * design)).powf(0.8);
        let lost = self.fouling.clamp(0.0, 0.95);
        (
            self.share_1 * film(capacity_1_w_k, self.design_1_w_k),
            (1.0 - self.share_1) * film(capacity_2_w_k, self.design_2_w_k),
            lost / (1.0 - lost),
        )
    }

    /// Conductance at the given capacity flows, W/K.
    #[must_use]
    pub fn ua_w_k(&self, capacity_1_w_k: f64, capacity_2_w_k: f64) -> f64 {
        let (film_1, film_2, fouling) = self.resistances(capacity_1_w_k, capacity_2_w_k);
        self.ua_design_w_k / (film_1 + film_2 + fouling)
    }

    /// Conductances from fluid 1 to the wall and from the wall to fluid 2, fouling on side 1, W/K.
    #[must_use]
    pub fn sides_w_k(&self, capacity_1_w_k: f64, capacity_2_w_k: f64) -> (f64, f64) {
        let (film_1, film_2, fouling) = self.resistances(capacity_1_w_k, capacity_2_w_k);
        (self.ua_design_w_k / (film_1 + fouling), self.ua_design_w_k / film_2)
    }

    /// Duty in W from side 1 (entering at `t1_c`) to side 2 (entering at `t2_c`). Negative if reversed.
    #[must_use]
    pub fn duty_w(&self, capacity_1_w_k: f64, t1_c: f64, capacity_2_w_k: f64, t2_c: f64) -> f64 {
        let smaller = capacity_1_w_k.min(capacity_2_w_k);
        let larger = capacity_1_w_k.max(capacity_2_w_k);
        if smaller < 1e-3 {
            return 0.0;
        }
        let ntu = self.ua_w_k(capacity_1_w_k, capacity_2_w_k) / smaller;
        counterflow_effectiveness(ntu, smaller / larger) * smaller * (t1_c - t2_c)
    }
}

/// Conductance in W/K for a duty at known terminal temperatures (log mean difference, counterflow).
#[must_use]
pub fn design_ua_w_k(duty_w: f64, hot_in_c: f64, hot_out_c: f64, cold_in_c: f64, cold_out_c: f64) -> f64 {
    let (a, b) = (hot_in_c - cold_out_c, hot_out_c - cold_in_c);
    let mean = if (a - b).abs() < 1e-6 { a } else { (a - b) / (a / b).ln() };
    duty_w / mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn design_point_gives_the_design_duty() {
        let (c1, c2) = (11_000.0, 12_000.0);
        let duty = 120_000.0;
        let (hot_out, cold_in) = (30.0, 26.0);
        let (hot_in, cold_out) = (hot_out + duty / c1, cold_in + duty / c2);
        let ua = design_ua_w_k(duty, hot_in, hot_out, cold_in, cold_out);
        let plate =
            Exchanger { ua_design_w_k: ua, design_1_w_k: c1, design_2_w_k: c2, share_1: 0.5, fouling: 0.0 };
        assert!((plate.duty_w(c1, hot_in, c2, cold_in) - duty).abs() < 1.0);
        let dirty = Exchanger { fouling: 0.3, ..plate };
        assert!((dirty.ua_w_k(c1, c2) / ua - 0.7).abs() < 1e-9);
    }

    #[test]
    fn no_flow_no_duty() {
        let plate = Exchanger {
            ua_design_w_k: 1e4,
            design_1_w_k: 1e4,
            design_2_w_k: 1e4,
            share_1: 0.5,
            fouling: 0.0,
        };
        assert!(plate.duty_w(0.0, 50.0, 1e4, 20.0).abs() < 1e-12);
    }
}
