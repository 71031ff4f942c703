//! Built-in climates: a year without a file.
//!
//! Responsible for: a plausible year from a few figures and a seed.
//! Not for: any real place; use a weather file for that.
//!
//! ```text
//! y(d)  = cos(2 pi (d - d_hot)/365)                                       1 in summer, -1 in winter
//! T(t)  = T_mean + A_year y + A_day s(t) cos(2 pi (h - h_hot)/24) + (1 - w y) front(t)
//! Td(t) = Td_mean + B_year y + (1 - w y) (a front(t) + own noise), never above T
//! ```
//! s(t) is the sky: clear days swing more. Fronts and sky are first-order processes with a memory of days; w is how much
//! stronger fronts are in winter. The continental and the coastal climate are fitted to the monthly means and the 1 % ends
//! of the typical years (TMY3) of Chicago O'Hare and San Francisco airport.

use super::Hour;
use crate::psychro::pressure_at_elevation_pa;
use crate::rng::Rng;

const HOURS: usize = 8760;

/// A climate, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Climate {
    /// Name.
    pub name: &'static str,
    /// Mean dry bulb of the year \[degC\].
    pub mean_c: f64,
    /// Half of the swing between winter and summer \[K\].
    pub year_k: f64,
    /// Half of the swing between night and afternoon on a mean day \[K\].
    pub day_k: f64,
    /// Mean dew point of the year \[degC\].
    pub dew_mean_c: f64,
    /// Half of its swing over the year \[K\].
    pub dew_year_k: f64,
    /// Standard deviation of fronts \[K\].
    pub front_k: f64,
    /// Memory of fronts \[h\].
    pub front_h: f64,
    /// How much stronger than on average fronts are in winter, and weaker in summer, 0 to 1.
    pub front_year: f64,
    /// Part of a front that the dew point follows.
    pub dew_front: f64,
    /// Standard deviation of the dew point's own fronts over `front_k`.
    pub dew_own: f64,
    /// Hottest day of the year.
    pub hot_day: f64,
    /// Hottest hour of the day.
    pub hot_hour: f64,
    /// Elevation \[m\].
    pub elevation_m: f64,
}

impl Climate {
    /// A continental plain with hot afternoons.
    pub const CONTINENTAL: Self = Self {
        name: "continental",
        mean_c: 10.0,
        year_k: 14.2,
        day_k: 4.7,
        dew_mean_c: 4.4,
        dew_year_k: 14.0,
        front_k: 4.9,
        front_h: 60.0,
        front_year: 0.4,
        dew_front: 0.85,
        dew_own: 0.45,
        hot_day: 203.0,
        hot_hour: 15.5,
        elevation_m: 250.0,
    };

    /// A mild coast.
    pub const COASTAL: Self = Self {
        name: "coastal",
        mean_c: 13.7,
        year_k: 3.5,
        day_k: 4.2,
        dew_mean_c: 8.9,
        dew_year_k: 2.7,
        front_k: 2.3,
        front_h: 48.0,
        front_year: 0.0,
        dew_front: 0.6,
        dew_own: 0.6,
        hot_day: 240.0,
        hot_hour: 14.5,
        elevation_m: 10.0,
    };

    /// A dry plateau: hot days, low wet bulb.
    pub const DESERT: Self = Self {
        name: "desert",
        mean_c: 20.5,
        year_k: 11.0,
        day_k: 8.0,
        dew_mean_c: 0.5,
        dew_year_k: 5.5,
        front_k: 2.5,
        front_h: 72.0,
        front_year: 0.0,
        dew_front: 0.6,
        dew_own: 0.6,
        hot_day: 198.0,
        hot_hour: 16.0,
        elevation_m: 640.0,
    };

    /// One row per hour.
    pub(super) fn year(&self, seed: u64) -> Vec<Hour> {
        let mut rng = Rng::stream(seed, 0x7765_6174);
        let mut front = Noise::new(self.front_k, self.front_h, &mut rng);
        let mut moist = Noise::new(self.dew_own * self.front_k, self.front_h, &mut rng);
        let mut sky = Noise::new(0.30, 30.0, &mut rng);
        let mut pressure = Noise::new(600.0, 72.0, &mut rng);
        let station_pa = pressure_at_elevation_pa(self.elevation_m);
        let turn = std::f64::consts::TAU;
        (1..=HOURS)
            .map(|hour| {
                let day = hour as f64 / 24.0;
                let season = (turn * (day - self.hot_day) / 365.0).cos();
                let sun = (turn * (hour as f64 - self.hot_hour) / 24.0).cos();
                let strength = 1.0 - self.front_year * season;
                let passing = strength * front.next(&mut rng);
                let clear = (1.0 + sky.next(&mut rng)).clamp(0.3, 1.7);
                let dry_bulb_c = self.mean_c + self.year_k * season + self.day_k * clear * sun + passing;
                let own = strength * moist.next(&mut rng);
                let dew = self.dew_mean_c + self.dew_year_k * season + self.dew_front * passing + own;
                Hour {
                    dry_bulb_c,
                    dew_point_c: dew.min(dry_bulb_c - 0.3),
                    pressure_pa: station_pa + pressure.next(&mut rng) - 40.0 * passing,
                }
            })
            .collect()
    }
}

/// A first-order process of given deviation and memory, smoothed once so that it does not jump from hour to hour.
struct Noise {
    keep: f64,
    kick: f64,
    raw: f64,
    smooth: f64,
}

impl Noise {
    fn new(sigma: f64, memory_h: f64, rng: &mut Rng) -> Self {
        let keep = (-1.0 / memory_h).exp();
        let raw = sigma * rng.normal();
        Self { keep, kick: sigma * (1.0 - keep * keep).sqrt(), raw, smooth: raw }
    }

    fn next(&mut self, rng: &mut Rng) -> f64 {
        self.raw = self.keep * self.raw + self.kick * rng.normal();
        self.smooth += 0.25 * (self.raw - self.smooth);
        self.smooth
    }
}
