//! Sizes of the facility for a number of racks.
//!
//! Responsible for: design flows and duties from rack count and peak power. Not for: behaviour.

/// What is known about the racks before the cooling is bought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacilitySize {
    /// Number of racks.
    pub racks: usize,
    /// Racks on one CDU.
    pub racks_per_cdu: usize,
    /// Racks on one busway (a row).
    pub racks_per_row: usize,
    /// Peak electric power of one rack, W.
    pub rack_peak_w: f64,
    /// Share of rack power that goes into liquid, 0..1.
    pub liquid_share: f64,
    /// Seed of the commissioning tolerances.
    pub seed: u64,
}

impl FacilitySize {
    /// Peak electric power of all racks, W.
    #[must_use]
    pub fn it_peak_w(&self) -> f64 {
        self.racks as f64 * self.rack_peak_w
    }

    /// Design flow of one rack, L/min: 1.35 L/min per kW of liquid heat, inside the OCP guidance of 1.25 to 2.
    #[must_use]
    pub fn rack_flow_lpm(&self) -> f64 {
        1.35 * self.rack_peak_w * self.liquid_share / 1000.0
    }

    /// Heat rejection at peak, W: racks plus pumps, fans and the hall.
    #[must_use]
    pub fn heat_peak_w(&self) -> f64 {
        1.05 * self.it_peak_w()
    }

    /// Reference capacity of one of two chillers, W: two carry the peak at a summer condenser, one carries
    /// an average load.
    #[must_use]
    pub fn chiller_w(&self) -> f64 {
        0.62 * self.heat_peak_w()
    }

    /// Number of CDUs.
    #[must_use]
    pub fn cdus(&self) -> usize {
        self.racks.div_ceil(self.racks_per_cdu)
    }

    /// Number of rows, each on one busway.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.racks.div_ceil(self.racks_per_row)
    }
}

/// Minimum coolant flow of a rack in L/min per kW of liquid heat at a supply temperature, C.
///
/// Vendor tables are not public; the shape (about 1.0 near 32 C, rising toward 45 C) follows public hints
/// and the OCP guidance of 1.25 to 2 L/min per kW for about 10 K. Linear between the rows, flat outside.
pub const MIN_FLOW_TABLE: [(f64, f64); 5] =
    [(20.0, 0.80), (30.0, 0.95), (35.0, 1.10), (40.0, 1.35), (45.0, 1.70)];

/// Minimum flow in L/min for `liquid_kw` at `supply_c`.
#[must_use]
pub fn min_flow_lpm(supply_c: f64, liquid_kw: f64) -> f64 {
    let (mut per_kw, last) = (MIN_FLOW_TABLE[0].1, MIN_FLOW_TABLE[MIN_FLOW_TABLE.len() - 1]);
    for pair in MIN_FLOW_TABLE.windows(2) {
        let ((t0, f0), (t1, f1)) = (pair[0], pair[1]);
        if supply_c > t0 {
            per_kw = f0 + (f1 - f0) * ((supply_c - t0) / (t1 - t0)).min(1.0);
        }
    }
    per_kw.min(last.1) * liquid_kw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_flow_interpolates() {
        assert!((min_flow_lpm(10.0, 10.0) - 8.0).abs() < 1e-9);
        assert!((min_flow_lpm(32.5, 10.0) - 10.25).abs() < 1e-9);
        assert!((min_flow_lpm(60.0, 10.0) - 17.0).abs() < 1e-9);
    }
}
