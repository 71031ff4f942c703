//! GPUs beside other water.
//!
//! Responsible for: what dies, memories and power sensors would have said. Not for: the water (`water`); clocks and work, which
//! stay as they were.
//!
//! ```text
//! dT = (dT_c + (1 - phi) (T - T_c) (s^-0.7 - 1)) / (1 - lambda (T - T_c))      die, settled
//! dP = lambda P dT                                                             leakage
//! ```
//! The rise over coolant T - T_c is the recording's own; 1 - phi = 0.4 of it follows flow s (`estimate/flow`); lambda is the SKU's.
//! A die settles within a minute, so its way there is left out. A sensor that says whole kelvins goes on to.

use super::Draw;
use super::water::Water;
use crate::estimate::flow::EXPONENT;
use crate::topology::Topology;
use headroom_site::{GpuSample, NodeReport, Offered, PointId, Site};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Share of the rise over coolant that follows flow.
const PLATE: f64 = 0.4;
/// Most of its own heat that leakage may feed back.
const MOST_FED_BACK: f64 = 0.5;

#[derive(Debug, Clone, Copy, Default)]
struct Gpu {
    /// Said last: die \[degC\], memory \[degC\] and power \[W\].
    die_c: Option<f64>,
    watts: Option<f64>,
    at_ns: i64,
    leakage_per_k: f64,
    limit_c: f64,
    warmer_k: f64,
    /// Leakage more, J.
    more_j: f64,
}

/// All GPUs.
#[derive(Debug, Clone)]
pub(super) struct Dies {
    gpus: Vec<Gpu>,
    place: BTreeMap<Arc<str>, usize>,
    /// First coolant point of each GPU that says something, tried in this order.
    coolants: Vec<Vec<PointId>>,
    plate: f64,
}

impl Dies {
    pub(super) fn new(site: &Site, topology: &Topology, draw: Draw) -> Self {
        let gpu = |g: &headroom_site::model::Gpu| {
            let sku = &site.skus[g.sku];
            let leakage_per_k = sku.leakage_per_k * draw.leakage;
            Gpu { leakage_per_k, limit_c: sku.max_operating_c, ..Gpu::default() }
        };
        Self {
            gpus: site.gpus.iter().map(gpu).collect(),
            place: site.gpus.iter().enumerate().map(|(i, g)| (Arc::clone(&g.uuid), i)).collect(),
            coolants: topology.coolant.clone(),
            plate: (PLATE * draw.plate).min(1.0),
        }
    }

    /// Hears a report of the recording, and makes of it what would have been said.
    pub(super) fn tell(&mut self, report: &mut NodeReport) {
        for (uuid, sample) in &mut report.gpus {
            if let Some(&g) = self.place.get(uuid) {
                self.gpus[g].tell(sample);
            }
        }
    }

    /// Looks at the water that there would have been.
    pub(super) fn look(&mut self, waters: &[Water], said: &dyn Fn(PointId) -> Option<f64>) {
        for water in waters {
            let thinner = water.flow.powf(EXPONENT) - 1.0;
            for &g in &water.gpus {
                let gpu = &mut self.gpus[g];
                let coolant_c = self.coolants[g].iter().find_map(|p| said(*p));
                let rise = gpu.die_c.zip(coolant_c).map_or(0.0, |(die, c)| (die - c).max(0.0));
                let fed_back = (gpu.leakage_per_k * rise).min(MOST_FED_BACK);
                gpu.warmer_k = (water.warmer_k + self.plate * rise * thinner) / (1.0 - fed_back);
            }
        }
    }

    /// Power of spans of GPUs as it was, or as it would have been, W; not a number where one of them is silent.
    pub(super) fn watts(&self, spans: &[(usize, usize)], otherwise: bool) -> f64 {
        let one = |g: &Gpu| g.watts.unwrap_or(f64::NAN) * if otherwise { g.grows() } else { 1.0 };
        spans.iter().flat_map(|&(a, b)| &self.gpus[a..b]).map(one).sum()
    }

    /// Leakage more than there was, W.
    pub(super) fn leakage_w(&self) -> f64 {
        self.gpus.iter().map(|g| g.watts.unwrap_or(0.0) * (g.grows() - 1.0)).sum()
    }

    /// Kelvins over their limits, as it was and as it would have been, summed over GPUs; and how near one of them would have come.
    pub(super) fn over_k(&self) -> (f64, f64, f64) {
        let known = self.gpus.iter().filter_map(|g| Some((g.die_c? - g.limit_c, g.warmer_k)));
        known.fold((0.0, 0.0, f64::INFINITY), |(was, is, room), (over, warmer)| {
            (was + over.max(0.0), is + (over + warmer).max(0.0), room.min(-over - warmer))
        })
    }
}

impl Gpu {
    /// Power over the power that was.
    fn grows(&self) -> f64 {
        (1.0 + self.leakage_per_k * self.warmer_k).max(0.5)
    }

    fn tell(&mut self, sample: &mut GpuSample) {
        self.die_c = sample.die_c.get().map(f64::from).or(self.die_c);
        self.watts = sample.watts().map(f64::from).or(self.watts);
        let at = sample.stamp.tai_ns();
        let since_s = if self.at_ns == 0 { 0.0 } else { ((at - self.at_ns) as f64 * 1e-9).clamp(0.0, 60.0) };
        self.at_ns = at;
        let grows = self.grows();
        self.more_j += self.watts.unwrap_or(0.0) * (grows - 1.0) * since_s;
        let warmer = |of: &mut Offered<f32>, by: f64| {
            let moved = |value: f32| {
                let moved = f64::from(value) + by;
                (if value.fract() == 0.0 { moved.round() } else { moved }) as f32
            };
            *of = of.get().map(moved).into();
        };
        warmer(&mut sample.die_c, self.warmer_k);
        warmer(&mut sample.hbm_c, self.warmer_k);
        warmer(&mut sample.margin_k, -self.warmer_k);
        for power in [&mut sample.power_w, &mut sample.power_average_w] {
            *power = power.get().map(|w| (f64::from(w) * grows) as f32).into();
        }
        sample.energy_j = sample.energy_j.get().map(|j| j + self.more_j).into();
    }
}
