//! A run minute by minute, as CSV: what a facility engineer would trend.

use headroom_sim::world::World;
use headroom_sim::world::signal::Signal;
use std::fmt::Write;

/// Seconds between two lines.
const EVERY_S: f64 = 60.0;

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

/// Collects the lines.
pub(crate) struct Timeline {
    columns: Vec<(usize, String)>,
    text: String,
    due_s: f64,
}

impl Timeline {
    /// For a world; nothing is kept where nobody asked for it.
    pub(crate) fn new(world: &World) -> Self {
        let columns: Vec<(usize, String)> = columns(world)
            .into_iter()
            .filter_map(|(name, signal)| world.points().find(signal).map(|p| (p, name)))
            .collect();
        let names: Vec<&str> = columns.iter().map(|(_, n)| n.as_str()).collect();
        let text =
            format!("minute,hottest_die_degc,mean_clock_mhz,tokens_per_s,least_cap_w,{}\n", names.join(","));
        Self { columns, text, due_s: 0.0 }
    }

    /// Takes a look after a step.
    pub(crate) fn observe(&mut self, world: &World) {
        let now_s = world.elapsed_s();
        if now_s < self.due_s {
            return;
        }
        self.due_s = now_s + EVERY_S;
        let fleet = &world.fleet;
        let hottest = fleet.die_c.iter().copied().fold(f32::MIN, f32::max);
        let clock = fleet.clock_mhz.iter().sum::<f32>() / fleet.len() as f32;
        let tokens: f64 = world.workload.jobs.iter().map(|j| j.stats.tokens_per_s).sum();
        let least = fleet.cap_w.iter().copied().fold(f32::MAX, f32::min);
        // Writing into a String cannot fail.
        let _ = write!(self.text, "{:.0},{hottest:.1},{clock:.0},{tokens:.0},{least:.0}", now_s / 60.0);
        for (p, _) in &self.columns {
            let _ = write!(self.text, ",{:.2}", world.image.values[*p]);
        }
        self.text.push('\n');
    }

    /// The CSV.
    pub(crate) fn text(self) -> String {
        self.text
    }
}
