//! How an hour, or a sum of hours, is told: the four pairs with money, in units that people use.
//!
//! Responsible for: the layout of `/ledger` and of the report's JSON, and reasons in place of what is absent. Not for: what is
//! reckoned (`headroom-core`, `ledger::figures`).

use headroom_core::ledger::{Cell, Energy, Figures, Hour, Said, Used, Value};
use headroom_site::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const J_PER_KWH: f64 = 3.6e6;

/// A figure with its interval of 95 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl From<Value> for Range {
    fn from(v: Value) -> Self {
        Self { value: v.value, low: v.low, high: v.high }
    }
}

/// TOKEN: what was made, and what was lost to clocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TokenPair {
    pub(crate) made: f64,
    pub(crate) lost_to_drift: f64,
    pub(crate) lost_to_throttling: f64,
    pub(crate) given_up_for_watts: f64,
    pub(crate) unexplained: f64,
    /// Standard deviation of all that was lost.
    pub(crate) sigma: f64,
    pub(crate) drift_cost: f64,
}

/// FLOPS: what throttling took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FlopsPair {
    pub(crate) throttled_gpu_s: f64,
    pub(crate) lost_gpu_s: f64,
    /// Of all GPU-seconds of work.
    pub(crate) lost_share: Option<f64>,
    /// At the products' published dense peaks, 1e15 operations.
    pub(crate) lost_pflop: f64,
    pub(crate) cost: f64,
    pub(crate) by: Vec<ThrottleView>,
}

/// Throttled time by reason and cause.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ThrottleView {
    pub(crate) reason: String,
    pub(crate) cause: String,
    pub(crate) gpu_s: f64,
    pub(crate) lost_gpu_s: f64,
    pub(crate) lost_tokens: f64,
}

/// WATT: what was drawn, and what of it was not needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WattPair {
    pub(crate) facility_kwh: Option<f64>,
    pub(crate) it_kwh: Option<f64>,
    pub(crate) cooling_kwh: Option<f64>,
    pub(crate) gpus_kwh: f64,
    /// GPUs' energy beyond what the work needed.
    pub(crate) gpus_over_kwh: f64,
    pub(crate) gpus_over_w: f64,
    pub(crate) over_cost: f64,
    /// Facility less IT and cooling.
    pub(crate) unmetered_kwh: Option<Range>,
    /// IT meter less racks' meters: the residual.
    pub(crate) racks_residual_kwh: Option<Range>,
    pub(crate) saved_kwh: Option<Range>,
    pub(crate) saved_cost: Option<f64>,
    pub(crate) cost: Option<f64>,
}

/// PUE and its kin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PuePair {
    pub(crate) pue: Option<Range>,
    /// By ISO/IEC 30134-2: where the IT is metered.
    pub(crate) category: Option<u8>,
    /// Share of the time in which both meters were good.
    pub(crate) coverage: f64,
    pub(crate) best: Option<Range>,
    pub(crate) over_best: Option<Range>,
    pub(crate) over_cost: Option<f64>,
    pub(crate) cooling_ppue: Option<Range>,
    pub(crate) cue_kg_per_kwh: Option<Range>,
    pub(crate) wue_l_per_kwh: Option<Range>,
    pub(crate) ere: Option<Range>,
    /// Water taken from the mains.
    #[serde(default)]
    pub(crate) water_m3: Option<f64>,
    #[serde(default)]
    pub(crate) water_cost: Option<f64>,
    /// Heat that others used.
    #[serde(default)]
    pub(crate) reused_heat_kwh: Option<f64>,
    pub(crate) outdoor_degc: Option<f64>,
}

/// A target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TargetView {
    pub(crate) target: String,
    /// Job; empty for the site.
    pub(crate) of: String,
    pub(crate) wanted: f64,
    pub(crate) unit: String,
    pub(crate) attained: Option<f64>,
    /// Absent where nothing is known; more than 1 is overspent, null in JSON where nothing was allowed and some was used.
    pub(crate) budget_used: Option<f64>,
    pub(crate) overspent: bool,
}

/// The four pairs over a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) from_unix_ms: i64,
    pub(crate) to_unix_ms: i64,
    pub(crate) booked_s: f64,
    /// Of the time from the first instant to the last.
    pub(crate) booked_share: f64,
    pub(crate) commanded_s: f64,
    pub(crate) currency: String,
    pub(crate) token: TokenPair,
    pub(crate) flops: FlopsPair,
    pub(crate) watt: WattPair,
    pub(crate) pue: PuePair,
    pub(crate) targets: Vec<TargetView>,
    /// Why a figure is absent.
    pub(crate) unknown: BTreeMap<String, String>,
}

impl Summary {
    /// Of an hour or a sum of hours.
    pub(crate) fn of(hour: &Hour) -> Self {
        Self::over(hour, (hour.to_unix_ms - hour.from_unix_ms) as f64 * 1e-3)
    }

    /// The same, over so many seconds.
    pub(crate) fn over(hour: &Hour, span_s: f64) -> Self {
        let f = Figures::of(hour, span_s);
        let mut unknown = BTreeMap::new();
        let mut out = Self {
            from: Stamp::from_unix_ms(hour.from_unix_ms).to_string(),
            to: Stamp::from_unix_ms(hour.to_unix_ms).to_string(),
            from_unix_ms: hour.from_unix_ms,
            to_unix_ms: hour.to_unix_ms,
            booked_s: hour.booked_s,
            booked_share: f.booked,
            commanded_s: hour.site.commanded_s,
            currency: hour.rates.currency.clone(),
            token: token(&f, hour),
            flops: flops(&f, hour),
            watt: watt(&f, hour, &mut unknown),
            pue: pue(&f, hour, &mut unknown),
            targets: f.attained.iter().map(TargetView::from).collect(),
            unknown: BTreeMap::new(),
        };
        out.unknown = unknown;
        out
    }
}

fn token(f: &Figures, hour: &Hour) -> TokenPair {
    TokenPair {
        made: f.tokens,
        lost_to_drift: f.drift_tokens,
        lost_to_throttling: f.throttled_tokens,
        given_up_for_watts: f.chosen_tokens,
        unexplained: f.other_tokens,
        sigma: f.sigma_tokens,
        drift_cost: f.drift_tokens * hour.rates.token,
    }
}

fn flops(f: &Figures, hour: &Hour) -> FlopsPair {
    FlopsPair {
        throttled_gpu_s: f.throttled_gpu_s,
        lost_gpu_s: f.lost_gpu_s,
        lost_share: (f.busy_gpu_s > 0.0).then(|| f.lost_gpu_s / f.busy_gpu_s),
        lost_pflop: f.lost_flop * 1e-15,
        cost: f.throttled_tokens * hour.rates.token,
        by: throttles(&f.throttled),
    }
}

/// The largest first.
pub(crate) fn throttles(cells: &[Cell]) -> Vec<ThrottleView> {
    let mut all: Vec<ThrottleView> = cells.iter().map(ThrottleView::from).collect();
    all.sort_by(|a, b| b.gpu_s.total_cmp(&a.gpu_s));
    all
}

fn metered(e: &Energy) -> Option<f64> {
    (e.s > 0.0).then_some(e.j / J_PER_KWH)
}

fn used(what: &Used) -> Option<f64> {
    (what.s > 0.0).then_some(what.amount)
}

/// What is said, or a reason for the list of what is not.
fn said(unknown: &mut BTreeMap<String, String>, field: &str, what: &Said, by: f64) -> Option<Range> {
    match what {
        Ok(v) => Some(v.times(by).into()),
        Err(why) => {
            unknown.insert(field.to_owned(), why.to_string());
            None
        }
    }
}

fn watt(f: &Figures, hour: &Hour, unknown: &mut BTreeMap<String, String>) -> WattPair {
    let (s, price) = (&hour.site, hour.rates.energy_per_j);
    for (field, e) in [("facility_kwh", &s.facility), ("it_kwh", &s.it), ("cooling_kwh", &s.cooling)] {
        if e.s <= 0.0 {
            unknown
                .insert(field.to_owned(), "no meter of it was good, or the site file names none".to_owned());
        }
    }
    let kwh = 1.0 / J_PER_KWH;
    let saved = said(unknown, "saved_kwh", &f.saved_j, kwh);
    WattPair {
        facility_kwh: metered(&s.facility),
        it_kwh: metered(&s.it),
        cooling_kwh: metered(&s.cooling),
        gpus_kwh: hour.racks.iter().map(|r| r.gpu_j).sum::<f64>() / J_PER_KWH,
        gpus_over_kwh: f.over_j / J_PER_KWH,
        gpus_over_w: if hour.booked_s > 0.0 { f.over_j / hour.booked_s } else { 0.0 },
        over_cost: f.over_j * price,
        unmetered_kwh: said(unknown, "unmetered_kwh", &f.unmetered_j, kwh),
        racks_residual_kwh: said(unknown, "racks_residual_kwh", &f.racks_residual_j, kwh),
        saved_cost: saved.map(|r| r.value * J_PER_KWH * price),
        saved_kwh: saved,
        cost: (s.facility.s > 0.0).then_some(s.facility.j * price),
    }
}

fn pue(f: &Figures, hour: &Hour, unknown: &mut BTreeMap<String, String>) -> PuePair {
    let mut say = |field: &str, what: &Said| said(unknown, field, what, 1.0);
    let s = &hour.site;
    let mut pair = PuePair {
        pue: say("pue", &f.pue),
        category: f.pue_category.ok(),
        coverage: f.pue_coverage,
        best: say("best", &f.pue_best),
        over_best: say("over_best", &f.pue_over),
        over_cost: f.cooling_over_j.ok().map(|v| v.value * hour.rates.energy_per_j),
        cooling_ppue: say("cooling_ppue", &f.cooling_ppue),
        cue_kg_per_kwh: say("cue_kg_per_kwh", &f.cue),
        wue_l_per_kwh: say("wue_l_per_kwh", &f.wue),
        ere: say("ere", &f.ere),
        water_m3: used(&s.water).map(|l| l * 1e-3),
        water_cost: used(&s.water).map(|l| l * hour.rates.water_per_l),
        reused_heat_kwh: used(&s.reused).map(|j| j / J_PER_KWH),
        outdoor_degc: (s.outdoor_s > 0.0).then(|| s.outdoor_c_s / s.outdoor_s),
    };
    if let Err(why) = f.pue_category {
        unknown.insert("category".to_owned(), why.to_string());
    }
    pair.coverage = pair.coverage.min(1.0);
    pair
}

impl From<&Cell> for ThrottleView {
    fn from(c: &Cell) -> Self {
        Self {
            reason: crate::run::view::key(c.reason).to_owned(),
            cause: c.cause.name().to_owned(),
            gpu_s: c.gpu_s,
            lost_gpu_s: c.lost_gpu_s,
            lost_tokens: c.lost_tokens,
        }
    }
}

impl From<&headroom_core::ledger::Attained> for TargetView {
    fn from(a: &headroom_core::ledger::Attained) -> Self {
        Self {
            target: a.target.to_owned(),
            of: a.of.clone(),
            wanted: a.wanted,
            unit: a.unit.to_owned(),
            attained: a.attained,
            budget_used: a.budget_used.filter(|x| x.is_finite()),
            overspent: a.budget_used.is_some_and(|x| x > 1.0),
        }
    }
}
