//! A run minute by minute: what a facility engineer would trend.
//!
//! Responsible for: which quantities are kept, how often, and the CSV. Not for: plots (`html`).

use headroom_sim::world::World;
use headroom_sim::world::signal::Signal;
use std::fmt::Write;

/// Seconds between two lines of a run of at most a week.
const EVERY_S: f64 = 60.0;
/// Seconds between two lines of a longer one.
const LONG_EVERY_S: f64 = 900.0;
/// Longest run with a line a minute, h.
const WEEK_H: f64 = 168.0;
/// Lines of a run that is only plotted.
const PLOTTED: f64 = 480.0;

/// How much of a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing.
    Nothing,
    /// Enough for a plot.
    Plot,
    /// Minute by minute; quarter-hours of runs beyond a week.
    Minutes,
}

impl Keep {
    /// Seconds between two lines.
    fn every_s(self, hours: f64) -> f64 {
        match self {
            Self::Nothing => f64::INFINITY,
            Self::Minutes if hours > WEEK_H => LONG_EVERY_S,
            Self::Minutes => EVERY_S,
            Self::Plot => (hours * 3600.0 / PLOTTED).max(EVERY_S),
        }
    }
}

/// Columns: name and signal.
fn columns(world: &World) -> Vec<(String, Signal)> {
    let mut all: Vec<(String, Signal)> = vec![
        ("facility_kw".into(), Signal::Site),
        ("it_kw".into(), Signal::It),
        ("compressors_kw".into(), Signal::Compressors),
        ("pumps_kw".into(), Signal::Pumps),
        ("fans_kw".into(), Signal::Fans),
        ("import_limit_kw".into(), Signal::ImportLimit),
        ("outdoor_degc".into(), Signal::OutdoorTemperature),
        ("cold_aisle_degc".into(), Signal::ColdAisle),
        ("tower_leaving_degc".into(), Signal::TowerLeaving),
        ("facility_water_setpoint_degc".into(), Signal::WaterSetpoint),
        ("facility_water_supply_degc".into(), Signal::WaterSupply),
        ("crah_setpoint_degc".into(), Signal::CrahSetpoint(0)),
        ("crah_valve_percent".into(), Signal::CrahValve(0)),
    ];
    for c in 0..world.places.cdus {
        let n = c + 1;
        all.push((format!("cdu{n}_setpoint_degc"), Signal::CduSupplySetpoint(c)));
        all.push((format!("cdu{n}_supply_degc"), Signal::CduSupply(c)));
        all.push((format!("cdu{n}_dp_setpoint_kpa"), Signal::CduDpSetpoint(c)));
        all.push((format!("cdu{n}_flow_lpm"), Signal::CduFlow(c)));
        all.push((format!("cdu{n}_valve_percent"), Signal::CduValve(c)));
    }
    all
}

/// Names of the columns that are computed rather than shown by the BMS.
pub(crate) const OWN: [&str; 5] =
    ["minute", "hottest_die_degc", "mean_clock_mhz", "tokens_per_s", "least_cap_w"];
/// Digits after the point in those.
const OWN_DIGITS: [usize; 5] = [0, 1, 0, 0, 0];

/// The lines of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trend {
    names: Vec<String>,
    values: Vec<f64>,
}

impl Trend {
    /// The CSV.
    pub(crate) fn csv(&self) -> String {
        let mut text = self.names.join(",") + "\n";
        for line in self.values.chunks(self.names.len().max(1)) {
            for (n, value) in line.iter().enumerate() {
                let digits = OWN_DIGITS.get(n).copied().unwrap_or(2);
                // Writing into a String cannot fail.
                let _ = write!(text, "{}{value:.digits$}", if n > 0 { "," } else { "" });
            }
            text.push('\n');
        }
        text
    }

    /// Goes on with a later stretch.
    pub(crate) fn extend(&mut self, later: Self) {
        if self.names.is_empty() {
            *self = later;
        } else {
            self.values.extend(later.values);
        }
    }

    /// A column by name.
    pub(crate) fn column(&self, name: &str) -> Option<Vec<f64>> {
        let at = self.names.iter().position(|n| n == name)?;
        Some(self.values.iter().skip(at).step_by(self.names.len()).copied().collect())
    }

    /// Is there anything?
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Collects the lines.
pub(crate) struct Timeline {
    points: Vec<usize>,
    trend: Trend,
    every_s: f64,
    due_s: f64,
}

impl Timeline {
    /// For a world and a run of so many hours.
    pub(crate) fn new(world: &World, keep: Keep, hours: f64) -> Self {
        let (points, names): (Vec<usize>, Vec<String>) = columns(world)
            .into_iter()
            .filter_map(|(name, signal)| world.points().find(signal).map(|p| (p, name)))
            .unzip();
        let names = OWN.into_iter().map(str::to_owned).chain(names).collect();
        let due_s = if keep == Keep::Nothing { f64::INFINITY } else { 0.0 };
        Self { points, trend: Trend { names, values: Vec::new() }, every_s: keep.every_s(hours), due_s }
    }

    /// Takes a look after a step.
    pub(crate) fn observe(&mut self, world: &World) {
        let now_s = world.elapsed_s();
        if now_s < self.due_s {
            return;
        }
        self.due_s = now_s + self.every_s;
        let fleet = &world.fleet;
        let hottest = fleet.die_c.iter().copied().fold(f32::MIN, f32::max);
        let clock = fleet.clock_mhz.iter().sum::<f32>() / fleet.len() as f32;
        let tokens: f64 = world.workload.jobs.iter().map(|j| j.stats.tokens_per_s).sum();
        let least = fleet.cap_w.iter().copied().fold(f32::MAX, f32::min);
        let own = [now_s / 60.0, f64::from(hottest), f64::from(clock), tokens, f64::from(least)];
        self.trend.values.extend(own);
        self.trend.values.extend(self.points.iter().map(|p| world.image.values[*p]));
    }

    /// What was seen.
    pub(crate) fn trend(self) -> Trend {
        self.trend
    }
}
