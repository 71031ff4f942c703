//! What a facility is built for, and the sizes that follow.
//!
//! Responsible for: the description of racks, cooling and power ([`FacilitySpec`]), design flows and duties
//! derived from it, the minimum-flow table. Not for: behaviour.

/// A rack as the facility sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RackSpec {
    /// Peak electric power, W.
    pub peak_w: f64,
    /// Share of the power that goes into liquid, 0..1; 0 for an air-cooled rack.
    pub liquid_share: f64,
    /// CDU that serves it; `None` for an air-cooled rack.
    pub cdu: Option<usize>,
    /// Row it stands in, on one busway.
    pub row: usize,
}

impl RackSpec {
    /// True if it is connected to a technology loop.
    #[must_use]
    pub fn is_liquid(&self) -> bool {
        self.cdu.is_some() && self.liquid_share > 0.0
    }

    /// CDU that serves it, if any of its heat goes there.
    #[must_use]
    pub fn liquid_cdu(&self) -> Option<usize> {
        self.cdu.filter(|_| self.liquid_share > 0.0)
    }

    /// Peak heat into liquid, W.
    #[must_use]
    pub fn liquid_w(&self) -> f64 {
        if self.is_liquid() { self.peak_w * self.liquid_share } else { 0.0 }
    }

    /// Peak heat into the air, W.
    #[must_use]
    pub fn air_w(&self) -> f64 {
        self.peak_w - self.liquid_w()
    }

    /// Design coolant flow, L/min: 1.35 L/min per kW of liquid heat, inside the OCP guidance of 1.25 to 2.
    #[must_use]
    pub fn flow_lpm(&self) -> f64 {
        1.35 * self.liquid_w() / 1000.0
    }
}

/// What rejects the heat outdoors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeatRejection {
    /// Evaporative cooling tower.
    #[default]
    Tower,
    /// Dry cooler: air-cooled coil.
    DryCooler,
    /// Dry cooler with wetted pads ahead of the coil.
    AdiabaticCooler,
}

/// A battery energy storage system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BessSpec {
    /// Largest power in either direction, W.
    pub power_w: f64,
    /// Energy content when full, J.
    pub energy_j: f64,
}

/// The power path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerSpec {
    /// True if the UPS runs in its eco mode while the feed is good.
    pub ups_eco: bool,
    /// Time the UPS battery carries the design load, s.
    pub battery_s: f64,
    /// Time from feed loss to the generator carrying the site, s.
    pub generator_start_s: f64,
    /// Battery storage at the main panel, if any.
    pub bess: Option<BessSpec>,
}

impl Default for PowerSpec {
    fn default() -> Self {
        Self { ups_eco: false, battery_s: 300.0, generator_start_s: 12.0, bess: None }
    }
}

/// What a facility is built of and for.
#[derive(Debug, Clone, PartialEq)]
pub struct FacilitySpec {
    /// The racks.
    pub racks: Vec<RackSpec>,
    /// Chillers; 0 for a plant that cools with outdoor air alone.
    pub chillers: usize,
    /// What rejects the heat outdoors.
    pub heat_rejection: HeatRejection,
    /// True with a water-side economiser. A plant without chillers always has the exchanger.
    pub economiser: bool,
    /// Chilled-water storage, m3; 0 for none.
    pub tank_m3: f64,
    /// Hall air handlers.
    pub crahs: usize,
    /// The power path.
    pub power: PowerSpec,
    /// Seed of the commissioning tolerances.
    pub seed: u64,
}

impl FacilitySpec {
    /// A plant of equal liquid-cooled racks: two chillers, tower, economiser, two CRAHs.
    #[must_use]
    pub fn uniform(
        racks: usize,
        racks_per_cdu: usize,
        racks_per_row: usize,
        rack_peak_w: f64,
        liquid_share: f64,
        seed: u64,
    ) -> Self {
        let rack = |r: usize| RackSpec {
            peak_w: rack_peak_w,
            liquid_share,
            cdu: Some(r / racks_per_cdu.max(1)),
            row: r / racks_per_row.max(1),
        };
        Self {
            racks: (0..racks).map(rack).collect(),
            chillers: 2,
            heat_rejection: HeatRejection::Tower,
            economiser: true,
            tank_m3: 0.0,
            crahs: 2,
            power: PowerSpec::default(),
            seed,
        }
    }

    /// Peak electric power of all racks, W.
    #[must_use]
    pub fn it_peak_w(&self) -> f64 {
        self.racks.iter().map(|r| r.peak_w).sum()
    }

    /// Peak heat of all racks into liquid, W.
    #[must_use]
    pub fn liquid_peak_w(&self) -> f64 {
        self.racks.iter().map(RackSpec::liquid_w).sum()
    }

    /// Peak heat of all racks into the air, W.
    #[must_use]
    pub fn air_peak_w(&self) -> f64 {
        self.it_peak_w() - self.liquid_peak_w()
    }

    /// Design flow of a rack, L/min; 0 for an air-cooled one.
    #[must_use]
    pub fn rack_flow_lpm(&self, rack: usize) -> f64 {
        self.racks.get(rack).map_or(0.0, RackSpec::flow_lpm)
    }

    /// Heat rejection at peak, W: racks plus pumps, fans and the hall.
    #[must_use]
    pub fn heat_peak_w(&self) -> f64 {
        1.05 * self.it_peak_w()
    }

    /// Reference capacity of one chiller, W: all together carry 1.24 of the peak, which is the peak at a
    /// summer condenser.
    #[must_use]
    pub fn chiller_w(&self) -> f64 {
        if self.chillers == 0 { 0.0 } else { 1.24 / self.chillers as f64 * self.heat_peak_w() }
    }

    /// True if the plant has an economiser exchanger.
    #[must_use]
    pub fn has_economiser(&self) -> bool {
        self.economiser || self.chillers == 0
    }

    /// Number of CDUs: one more than the highest that a rack names.
    #[must_use]
    pub fn cdus(&self) -> usize {
        self.racks.iter().filter_map(RackSpec::liquid_cdu).map(|cdu| cdu + 1).max().unwrap_or(0)
    }

    /// Number of rows, each on one busway.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.racks.iter().map(|r| r.row + 1).max().unwrap_or(0)
    }

    /// Peak electric power of each row, W.
    #[must_use]
    pub fn row_peaks_w(&self) -> Vec<f64> {
        let mut peaks = vec![0.0; self.rows()];
        for rack in &self.racks {
            peaks[rack.row] += rack.peak_w;
        }
        peaks
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
    fn a_uniform_plant_is_counted() {
        let plant = FacilitySpec::uniform(18, 4, 8, 32e3, 0.86, 1);
        assert_eq!((plant.cdus(), plant.rows(), plant.chillers, plant.crahs), (5, 3, 2, 2));
        assert!((plant.it_peak_w() - 576e3).abs() < 1e-6);
        assert!((plant.rack_flow_lpm(3) - 37.152).abs() < 1e-9);
        assert!((plant.row_peaks_w()[2] - 64e3).abs() < 1e-9);
    }

    #[test]
    fn an_air_cooled_rack_has_no_loop() {
        let mut plant = FacilitySpec::uniform(4, 4, 8, 32e3, 0.86, 1);
        plant.racks[3] = RackSpec { peak_w: 20e3, liquid_share: 0.5, cdu: None, row: 1 };
        assert!(!plant.racks[3].is_liquid() && plant.rack_flow_lpm(3).abs() < 1e-12);
        assert!((plant.air_peak_w() - (3.0 * 0.14 * 32e3 + 20e3)).abs() < 1e-6);
        assert_eq!((plant.cdus(), plant.rows()), (1, 2));
    }

    #[test]
    fn minimum_flow_interpolates() {
        assert!((min_flow_lpm(10.0, 10.0) - 8.0).abs() < 1e-9);
        assert!((min_flow_lpm(32.5, 10.0) - 10.25).abs() < 1e-9);
        assert!((min_flow_lpm(60.0, 10.0) - 17.0).abs() < 1e-9);
    }
}
