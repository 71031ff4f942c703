//! What is forecast, and what each of it is seen by.
//!
//! Responsible for: which series a site has, and their values at a snapshot. Not for: forecasting (`headroom-belief`).
//!
//! | what | seen by |
//! |---|---|
//! | power of the IT | its meter; else the branches that nothing feeds; else all GPUs |
//! | power of a job | its GPUs, while four in five are heard (the others count as their mean) |
//! | heat of a cooling place | the same of the GPUs that an actuator's equipment cools, and what their nodes draw beside |
//! | dry bulb, wet bulb | `[meters] outdoor`, and the humidity or wet bulb at the same place |
//! | price of electricity | the policy's price point; else the policy's price, which is known |

use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_belief::model::wet_bulb_c;
use headroom_belief::outlook::rhythm::Beat;
use headroom_belief::outlook::{Absent, Band, HORIZONS, Rhythm, Series, Traits, WeatherForecast};
use headroom_site::{Dimension, JobId, PointId, Site, Span, Stamp};
use std::sync::Arc;

/// Values of one second are enough.
const SAMPLE: Span = Span::from_ms(1_000);
/// A power has no less than nothing.
const POWER: Traits = Traits { floor: 0.0, periodic: true, file: false };

/// What a future is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Power of the site's IT, W.
    ItPower,
    /// Power of a job's GPUs, W.
    JobPower,
    /// Heat that a cooling place takes up, W.
    Heat,
    /// Outdoor dry bulb, degC.
    DryBulb,
    /// Outdoor wet bulb, degC.
    WetBulb,
    /// Price of electricity, money/kWh.
    Price,
}

impl What {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ItPower => "it-power",
            Self::JobPower => "job-power",
            Self::Heat => "heat",
            Self::DryBulb => "dry-bulb",
            Self::WetBulb => "wet-bulb",
            Self::Price => "electricity-price",
        }
    }
}

/// How often the rhythm of a job is looked for, min: it lasts for hours.
const RHYTHM_MIN: i64 = 5;

/// What a value is seen by.
#[derive(Debug, Clone)]
enum Source {
    Point(PointId),
    /// Dry bulb and relative humidity.
    Humid(PointId, PointId),
    /// Branches that nothing feeds.
    Roots(Vec<usize>),
    /// Spans of GPUs, how many they are, and what goes along, W.
    Gpus(Vec<(usize, usize)>, usize, f64),
    /// The policy.
    Known(f64),
}

/// The next hour of one thing.
#[derive(Debug, Clone)]
pub struct Future {
    /// What.
    pub what: What,
    /// Of what: an id of the site.
    pub of: String,
    /// Its unit.
    pub unit: String,
    series: Series,
    rhythm: Option<Rhythm>,
    source: Source,
}

impl Future {
    fn new(what: What, of: &str, traits: Traits, source: Source) -> Self {
        let unit = match what {
            What::ItPower | What::JobPower | What::Heat => "W",
            What::DryBulb | What::WetBulb => "degC",
            What::Price => "1/kWh",
        };
        let rhythm = (what == What::JobPower).then(|| Rhythm::new(SAMPLE));
        Self { what, of: of.to_owned(), unit: unit.to_owned(), series: Series::new(traits), rhythm, source }
    }

    /// The band at a horizon, by its index in [`headroom_belief::outlook::HORIZONS_MIN`].
    ///
    /// # Errors
    /// Why there is none.
    pub fn band(&self, horizon: usize) -> Result<Band, Absent> {
        match self.source {
            Source::Known(value) => Ok(Band::known(value)),
            _ => self.series.band(horizon),
        }
    }

    /// All bands.
    pub fn bands(&self) -> impl Iterator<Item = Result<Band, Absent>> + '_ {
        (0..HORIZONS).map(|h| self.band(h))
    }

    /// The steps of a job, as far as ticks can show them.
    #[must_use]
    pub fn beat(&self) -> Option<Beat> {
        self.rhythm.as_ref().and_then(Rhythm::beat)
    }

    /// The series behind it.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.series
    }

    fn value(&self, snapshot: &Snapshot, e: &Estimate) -> Option<f64> {
        match &self.source {
            Source::Point(p) => snapshot.good(*p),
            Source::Humid(dry, rh) => Some(wet_bulb_c(snapshot.good(*dry)?, snapshot.good(*rh)?)),
            Source::Roots(roots) => Some(roots.iter().map(|&b| e.branch_w[b]).sum()),
            Source::Gpus(spans, n, other_w) if snapshot.all_heard() && *n > 0 => {
                Some(e.power_of(spans) + other_w)
            }
            Source::Gpus(spans, n, other_w) => {
                let heard = spans.iter().flat_map(|&(a, b)| a..b).filter(|&g| snapshot.gpus[g].heard);
                let (sum, count) = heard.fold((0.0, 0_usize), |(w, n), g| (w + e.power_w[g], n + 1));
                let enough = count * 5 >= n * 4 && count > 0;
                enough.then(|| sum * *n as f64 / count as f64 + other_w)
            }
            Source::Known(_) => None,
        }
    }
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Futures {
    all: Vec<Future>,
    weather: Option<Arc<WeatherForecast>>,
    sampled: Option<Stamp>,
}

impl Futures {
    /// For a site under a policy.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology, wants: &Wants) -> Self {
        let mut all = vec![Future::new(What::ItPower, &site.name, POWER, it(site))];
        for (i, job) in site.jobs.iter().enumerate() {
            let gpus = site.jobs[JobId(i as u32).index()].gpus.iter().map(|g| g.index());
            all.push(Future::new(What::JobPower, &job.id, POWER, of_gpus(gpus, 0.0)));
        }
        let mut seen: Vec<&str> = Vec::new();
        for (actuator, reach) in site.actuators.iter().zip(&topology.reach) {
            if !reach.cools || seen.contains(&actuator.of.as_str()) {
                continue;
            }
            seen.push(&actuator.of);
            let source = of_gpus(reach.gpus.iter().copied(), other_w(site, &reach.gpus));
            all.push(Future::new(What::Heat, &actuator.of, POWER, source));
        }
        all.extend(air(site, wants.weather_forecast.is_some()));
        all.extend(price(site, wants));
        Self { all, weather: wants.weather_forecast.clone(), sampled: None }
    }

    /// Takes what a snapshot shows, once a second.
    pub(super) fn see(&mut self, snapshot: &Snapshot, estimate: &Estimate) {
        let now = snapshot.stamp;
        // Ticks need not be a whole second apart.
        if self.sampled.is_some_and(|last| now.since(last).ns() * 10 < SAMPLE.ns() * 9) {
            return;
        }
        self.sampled = Some(now);
        for future in &mut self.all {
            let Some(value) = future.value(snapshot, estimate) else { continue };
            future.series.add(value);
            if let Some(rhythm) = &mut future.rhythm {
                rhythm.take(now, value);
            }
        }
    }

    /// Ends a minute.
    pub(super) fn close(&mut self, minute: i64) {
        let weather = self.weather.as_deref();
        for future in &mut self.all {
            match future.what {
                What::DryBulb => future.series.close(minute, |m| weather?.dry_bulb_c(m)),
                What::WetBulb => future.series.close(minute, |m| weather?.wet_bulb_c(m)),
                _ => future.series.close(minute, |_| None),
            }
            if let Some(rhythm) = future.rhythm.as_mut().filter(|_| minute % RHYTHM_MIN == 0) {
                rhythm.look();
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Future> {
        self.all.iter()
    }

    /// The first of a kind.
    #[must_use]
    pub fn find(&self, what: What) -> Option<&Future> {
        self.all.iter().find(|f| f.what == what)
    }
}

/// What tells the power of the IT.
fn it(site: &Site) -> Source {
    if let Some(meter) = site.meters.it {
        return Source::Point(meter);
    }
    let roots: Vec<usize> = (0..site.power.len()).filter(|&i| site.power[i].parent.is_none()).collect();
    if roots.is_empty() { of_gpus(0..site.gpus.len(), 0.0) } else { Source::Roots(roots) }
}

/// GPUs as spans.
fn of_gpus(gpus: impl Iterator<Item = usize>, other_w: f64) -> Source {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut n = 0;
    for g in gpus {
        n += 1;
        match spans.last_mut() {
            Some(last) if last.1 == g => last.1 = g + 1,
            _ => spans.push((g, g + 1)),
        }
    }
    Source::Gpus(spans, n, other_w)
}

/// What the nodes of some GPUs draw beside them, W.
fn other_w(site: &Site, gpus: &[usize]) -> f64 {
    let mut nodes: Vec<usize> = gpus.iter().map(|&g| site.gpus[g].node.index()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.iter().map(|&n| site.nodes[n].other_w).sum()
}

/// Outdoor air: where the dry bulb is read, the humidity or the wet bulb is too.
fn air(site: &Site, file: bool) -> Vec<Future> {
    let Some(outdoor) = site.meters.outdoor else { return Vec::new() };
    let traits = Traits { floor: f64::NEG_INFINITY, periodic: false, file };
    let place = &site.points[outdoor.index()].of;
    let beside = |dimension: Dimension, word: &str| {
        let fits = |p: &headroom_site::model::Point| {
            p.of == *place && p.unit.dimension == dimension && p.kind.contains(word)
        };
        site.points.iter().position(fits).map(|i| PointId(i as u32))
    };
    let wet = beside(Dimension::Temperature, "WetBulb").map(Source::Point);
    let humid = || beside(Dimension::Ratio, "Humidity").map(|rh| Source::Humid(outdoor, rh));
    let dry = Future::new(What::DryBulb, place, traits, Source::Point(outdoor));
    let wet = wet.or_else(humid).map(|source| Future::new(What::WetBulb, place, traits, source));
    std::iter::once(dry).chain(wet).collect()
}

/// The price of electricity, by its point or by the policy.
fn price(site: &Site, wants: &Wants) -> Option<Future> {
    let policy = wants.policy();
    let traits = Traits { floor: f64::NEG_INFINITY, periodic: false, file: false };
    let point = policy.outlook.price_point.as_deref().and_then(|id| site.point(id));
    let known = policy.objective.electricity.as_per_kwh();
    let (of, source) = match point {
        Some(p) => (site.points[p.index()].id.as_str(), Source::Point(p)),
        None if known > 0.0 => (policy.name.as_str(), Source::Known(known)),
        None => return None,
    };
    let mut future = Future::new(What::Price, of, traits, source);
    future.unit = format!("{}/kWh", policy.objective.currency);
    Some(future)
}
