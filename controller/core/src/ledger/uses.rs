//! What the site takes besides electricity, and what it gives: water from the mains, and heat that others use.
//!
//! Responsible for: amounts from rates and from totals, beside the energy of the IT in the same time. Not for: ratios and
//! their certainty (`figures`).
//!
//! ```text
//! rate    V = sum v_k dt_k               v_k: the last good reading as of tick k
//! total   V = sum (c_n - c_n-1)          c_n: readings one after another, both good; a total that falls begins again
//! ```
//! A total counts what came between two readings when the later one comes. What came while it was not good is missing, as it
//! is of every meter: the energy of the IT in that time is missing, too.

use super::rows::{Hour, Used};
use crate::align::Snapshot;
use headroom_site::{Dimension, PointId, Site, Stamp};

const S_PER_MIN: f64 = 60.0;

/// One meter of water or heat.
#[derive(Debug, Clone)]
struct Meter {
    point: PointId,
    /// Base units of amount (L, J) per base unit of what is shown and second; none of a total.
    per_s: Option<f64>,
    before: Option<(Stamp, f64)>,
}

impl Meter {
    fn new(site: &Site, point: PointId) -> Self {
        let per_s = match site.dimension(point) {
            Dimension::Flow => Some(1.0 / S_PER_MIN),
            Dimension::Power => Some(1.0),
            _ => None,
        };
        Self { point, per_s, before: None }
    }

    /// What came in a stretch, L or J, if it is known.
    fn take(&mut self, snapshot: &Snapshot, dt_s: f64) -> Option<f64> {
        let p = &snapshot.points[self.point.index()];
        if !p.quality.is_good() {
            self.before = None;
            return None;
        }
        if let Some(per_s) = self.per_s {
            return Some(p.value * per_s * dt_s);
        }
        let before = self.before.replace((p.stamp, p.value));
        before.map(|(_, value)| (p.value - value).max(0.0))
    }
}

/// All meters of one use.
#[derive(Debug, Clone)]
struct Use {
    meters: Vec<Meter>,
}

impl Use {
    fn new(site: &Site, points: &[PointId]) -> Self {
        Self { meters: points.iter().map(|p| Meter::new(site, *p)).collect() }
    }

    fn take(&mut self, snapshot: &Snapshot, dt_s: f64, it_w: Option<f64>, to: &mut Used) {
        // Each is asked, since each keeps what it showed.
        let came: Vec<Option<f64>> = self.meters.iter_mut().map(|m| m.take(snapshot, dt_s)).collect();
        let whole: Option<f64> = came.into_iter().sum();
        if let (false, Some(whole), Some(it_w)) = (self.meters.is_empty(), whole, it_w) {
            to.amount += whole;
            to.it_j += it_w * dt_s;
            to.s += dt_s;
        }
    }
}

/// Water and heat.
#[derive(Debug, Clone)]
pub(super) struct Uses {
    water: Use,
    reused: Use,
}

impl Uses {
    pub(super) fn new(site: &Site) -> Self {
        Self { water: Use::new(site, &site.meters.water), reused: Use::new(site, &site.meters.reused_heat) }
    }

    /// Takes a stretch, in which the IT drew so much if it is known.
    pub(super) fn take(&mut self, snapshot: &Snapshot, dt_s: f64, it_w: Option<f64>, hour: &mut Hour) {
        self.water.take(snapshot, dt_s, it_w, &mut hour.site.water);
        self.reused.take(snapshot, dt_s, it_w, &mut hour.site.reused);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Figures;
    use super::*;
    use crate::tests::{Bench, site_with};

    const METERS: &str =
        "it = \"feed-power\"\nwater = [\"make-up\", \"pads\"]\nreused-heat = [\"district\"]\n";

    fn point(id: &str, unit: &str) -> String {
        format!(
            "[[point]]\nid = \"{id}\"\nof = \"site\"\nunit = \"{unit}\"\nfrom = {{ mqtt = \"bms\", tag = \"{id}\" }}\n"
        )
    }

    /// Ten ticks of 10 s each at 3 kW of IT, with what the meters show at each: make-up in m3, pads in L/min, district heat in kWh.
    fn hour(shown: impl Fn(f64) -> [Option<f64>; 3]) -> Hour {
        let points = [point("make-up", "m3"), point("pads", "L/min"), point("district", "kWh")].concat();
        let mut bench = Bench::at(site_with(&format!("{METERS}{points}"), ""), "");
        let (mut uses, mut hour) = (Uses::new(&bench.site), Hour::default());
        for k in 0..=10_u8 {
            let s = 10.0 * f64::from(k);
            let [make_up, pads, district] = shown(s);
            let named = [
                ("make-up", make_up.map(|m3| 1000.0 * m3)),
                ("pads", pads),
                ("district", district.map(|kwh| 3.6e6 * kwh)),
            ];
            let readings: Vec<_> = named.iter().filter_map(|(id, v)| Some((*id, s, (*v)?))).collect();
            bench.tick(s, &readings, vec![]);
            let dt_s = if k == 0 { 0.0 } else { 10.0 };
            uses.take(bench.snapshot(), dt_s, Some(3000.0), &mut hour);
        }
        // PUE of 1.2.
        (hour.site.facility_over_it.over_j, hour.site.facility_over_it.under_j) = (1.2, 1.0);
        hour
    }

    #[test]
    fn rates_and_totals_become_wue_and_ere() {
        // 0.1 L/s by the total from 5 m3 on, 0.05 L/s of the pads; 600 W of heat.
        let hour = hour(|s| [Some(5.0 + 1e-4 * s), Some(3.0), Some(7.0 + 600.0 * s / 3.6e6)]);
        assert!((hour.site.water.amount - 15.0).abs() < 1e-6, "{:?}", hour.site.water);
        let figures = Figures::of(&hour, 100.0);
        let (wue, ere) = (figures.wue.unwrap(), figures.ere.unwrap());
        assert!((wue.value - 0.15 / 3000.0 * 3.6e6).abs() < 1e-6, "{wue:?}");
        assert!(wue.low < wue.value && wue.high / wue.value < 1.03, "{wue:?}");
        assert!((ere.value - (1.2 - 0.2)).abs() < 1e-9 && ere.low < ere.value, "{ere:?}");
    }

    #[test]
    fn a_total_that_falls_begins_again() {
        let hour =
            hour(|s| [Some(if s < 45.0 { 5.0 + 1e-4 * s } else { 1e-4 * (s - 40.0) }), Some(0.0), Some(1.0)]);
        // What came between 40 and 50 s is not known.
        assert!((hour.site.water.amount - 9.0).abs() < 1e-6, "{:?}", hour.site.water);
    }

    #[test]
    fn what_is_silent_has_no_figure() {
        let hour = hour(|s| [Some(5.0 + 1e-4 * s), None, None]);
        let figures = Figures::of(&hour, 100.0);
        assert!(figures.wue.is_err() && figures.ere.is_err());
        assert!(figures.wue.unwrap_err().to_string().contains("water"));
    }
}
