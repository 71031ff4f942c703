//! What follows from an hour's sums, or those of many: PUE and its kin, losses and their money, residuals, targets.
//!
//! Responsible for: ratios, uncertainties, and why a figure is absent. Not for: booking (`accounts`), or words for people.
//!
//! ```text
//! PUE    = E_facility / E_IT                     over the time in which both meters were good
//! u(PUE) = PUE sqrt((u_f/E_f)^2 + (u_i/E_i)^2)   u: of the meters' class and of sampling (`meters`)
//! CUE    = c PUE                                 c: carbon of the grid, kg/kWh
//! WUE    = V / E_IT                              V: water taken from the mains (The Green Grid, white paper 35), L/kWh
//! ERE    = PUE - E_reused / E_IT                 (The Green Grid, white paper 29)
//! over the best reachable = (E_cooling - E_least) / E_IT
//! ```
//! An interval is that of 95 % (two standard deviations). PUE of ISO/IEC 30134-2 is over twelve months; over less it is interim.

use super::rows::{Energy, Hour, Kept};
use super::{Cell, METER_SIGMA};
use serde::Serialize;
use std::fmt;

/// Standard deviations of an interval.
const K: f64 = 2.0;
const J_PER_KWH: f64 = 3.6e6;
/// Standard uncertainty of a water meter: class 2 (ISO 4064-1) allows 2 %, taken as rectangular.
const WATER_SIGMA: f64 = 0.02 / 1.732_050_8;
/// Of a heat meter: class 2 (EN 1434-1) allows some 3 % at its nominal flow and difference.
const HEAT_SIGMA: f64 = 0.03 / 1.732_050_8;
/// Sums of meters that agree so well are of the same place.
const AGREE: f64 = 0.01;

/// A figure and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Value {
    /// Expected.
    pub value: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Value {
    fn with_sigma(value: f64, sigma: f64) -> Self {
        Self { value, low: value - K * sigma, high: value + K * sigma }
    }

    fn between(low: f64, high: f64) -> Self {
        Self { value: 0.5 * (low + high), low, high }
    }

    /// Times a factor of at least 0.
    #[must_use]
    pub fn times(self, by: f64) -> Self {
        Self { value: self.value * by, low: self.low * by, high: self.high * by }
    }
}

/// Why a figure is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// The site file names no such meter.
    NoMeter(&'static str),
    /// It was never good in this time.
    Silent(&'static str),
    /// The policy names no such price or intensity.
    NotInPolicy(&'static str),
    /// The site file names no such meter, or it was not good.
    NotMetered(&'static str),
    /// Some setpoint in force relieves machines without a meter, or nothing was ever in force.
    NoModel,
    /// Nothing says where the IT is metered.
    NoCategory,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMeter(what) => write!(f, "the site file names no meter of {what}"),
            Self::Silent(what) => write!(f, "{what} was not good at any time"),
            Self::NotInPolicy(what) => write!(f, "the policy names no {what}"),
            Self::NotMetered(what) => write!(f, "the site file names no meter of {what}, or none was good"),
            Self::NoModel => f.write_str("a setpoint in force relieves machines that no meter shows"),
            Self::NoCategory => f.write_str("nothing says at which of the three places the IT is metered"),
        }
    }
}

/// A figure, or why there is none.
pub type Said = Result<Value, Absent>;

/// A target, and how well it was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attained {
    /// Which.
    pub target: &'static str,
    /// Of which job; empty for the site.
    pub of: String,
    /// What was wanted, in `unit`.
    pub wanted: f64,
    /// Unit of what was wanted.
    pub unit: &'static str,
    /// Share of the time it was kept, or of the budget that is left where it is a budget.
    pub attained: Option<f64>,
    /// Share of the error budget that is used; above 1 it is overspent. Infinite where none is allowed and some was used.
    pub budget_used: Option<f64>,
}

/// All of it, over a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Share of the time asked for that was booked.
    pub booked: f64,
    /// Share of it in which both meters of PUE were good.
    pub pue_coverage: f64,
    /// PUE.
    pub pue: Said,
    /// Its category by ISO/IEC 30134-2.
    pub pue_category: Result<u8, Absent>,
    /// Partial PUE of the cooling: (IT + cooling) / IT.
    pub cooling_ppue: Said,
    /// Carbon usage effectiveness, kg/kWh.
    pub cue: Said,
    /// Water usage effectiveness, L/kWh.
    pub wue: Said,
    /// Energy reuse effectiveness.
    pub ere: Said,
    /// The best reachable PUE beside the losses as they are.
    pub pue_best: Said,
    /// Points of PUE over that.
    pub pue_over: Said,
    /// What the cooling drew beyond the least, J.
    pub cooling_over_j: Said,
    /// IT meter less racks' meters, J.
    pub racks_residual_j: Said,
    /// Facility less IT and cooling: losses, lights, and whatever has no meter, J.
    pub unmetered_j: Said,
    /// Tokens made.
    pub tokens: f64,
    /// Tokens lost to drift.
    pub drift_tokens: f64,
    /// Tokens lost to throttling.
    pub throttled_tokens: f64,
    /// Tokens given up for watts.
    pub chosen_tokens: f64,
    /// Tokens lost to clocks that nothing explains.
    pub other_tokens: f64,
    /// Standard deviation of all that was lost.
    pub sigma_tokens: f64,
    /// Throttled GPU-seconds, those lost, and operations lost.
    pub throttled_gpu_s: f64,
    /// Lost by that.
    pub lost_gpu_s: f64,
    /// At the published peak; 0 where no product has one.
    pub lost_flop: f64,
    /// GPU-seconds of work.
    pub busy_gpu_s: f64,
    /// GPUs' energy beyond what the work needed, J.
    pub over_j: f64,
    /// What was saved, J.
    pub saved_j: Said,
    /// By reason and cause.
    pub throttled: Vec<Cell>,
    /// Targets.
    pub attained: Vec<Attained>,
}

impl Figures {
    /// Of an hour or a sum of hours, in a time of so many seconds.
    #[must_use]
    pub fn of(hour: &Hour, span_s: f64) -> Self {
        let s = &hour.site;
        let per = |x: f64, by: f64| if by > 0.0 { x / by } else { 0.0 };
        let pue = pue(hour);
        let throttled = hour.throttled();
        let of_jobs = |f: fn(&super::JobRow) -> f64| hour.jobs.iter().map(f).fold(0.0, |a, b| a + b);
        let of_cells = |f: fn(&Cell) -> f64| throttled.iter().map(f).fold(0.0, |a, b| a + b);
        let cooling_over_j = cooling_over(hour);
        // Over the time in which it could be told.
        let it_then_j = s.cooling_over_it.under_j;
        let pue_over = cooling_over_j.map(|v| v.times(per(1.0, it_then_j)));
        Self {
            booked: per(hour.booked_s, span_s).min(1.0),
            pue_coverage: per(s.facility_over_it.s, span_s).min(1.0),
            pue,
            pue_category: category(hour),
            cooling_ppue: ratio(&s.cooled_over_it, &s.cooling, "the cooling"),
            cue: cue(hour, pue),
            wue: wue(hour),
            ere: ere(hour, pue),
            pue_best: pue.and_then(|p| {
                pue_over.map(|o| Value {
                    value: p.value - o.value,
                    low: p.value - o.high,
                    high: p.value - o.low,
                })
            }),
            pue_over,
            cooling_over_j,
            racks_residual_j: racks_residual(hour),
            unmetered_j: unmetered(hour),
            tokens: of_jobs(|j| j.tokens),
            drift_tokens: of_jobs(|j| j.drift_tokens),
            throttled_tokens: of_cells(|c| c.lost_tokens),
            chosen_tokens: of_jobs(|j| j.chosen_tokens),
            other_tokens: of_jobs(|j| j.other_tokens),
            sigma_tokens: of_jobs(|j| j.sigma_tokens),
            throttled_gpu_s: of_cells(|c| c.gpu_s),
            lost_gpu_s: of_cells(|c| c.lost_gpu_s),
            lost_flop: of_cells(|c| c.lost_flop),
            busy_gpu_s: of_jobs(|j| j.busy_gpu_s),
            over_j: hour.racks.iter().fold(0.0, |a, r| a + r.over_j),
            saved_j: saved(hour),
            attained: attained(hour, pue),
            throttled,
        }
    }
}

/// Relative standard deviation of a meter.
fn relative(e: &Energy) -> f64 {
    if e.j > 0.0 { e.sigma_j() / e.j } else { METER_SIGMA }
}

fn silent(e: &Energy, what: &'static str) -> Absent {
    if e.s > 0.0 { Absent::Silent(what) } else { Absent::NoMeter(what) }
}

fn pue(hour: &Hour) -> Said {
    let s = &hour.site;
    let both = &s.facility_over_it;
    if both.under_j <= 0.0 {
        let none = if s.it.s > 0.0 { silent(&s.facility, "the facility") } else { silent(&s.it, "the IT") };
        return Err(none);
    }
    let value = both.over_j / both.under_j;
    Ok(Value::with_sigma(value, value * relative(&s.facility).hypot(relative(&s.it))))
}

/// Of a part of the plant beside the IT: what the part adds is as unsure as its own meter and that of the IT.
fn ratio(both: &super::Both, part: &Energy, what: &'static str) -> Said {
    if both.under_j <= 0.0 {
        return Err(silent(part, what));
    }
    let value = both.over_j / both.under_j;
    Ok(Value::with_sigma(value, (value - 1.0) * relative(part).hypot(METER_SIGMA)))
}

fn cue(hour: &Hour, pue: Said) -> Said {
    let per_kwh = hour.rates.carbon_kg_per_j * J_PER_KWH;
    if per_kwh <= 0.0 {
        return Err(Absent::NotInPolicy("carbon intensity"));
    }
    pue.map(|v| v.times(per_kwh))
}

fn wue(hour: &Hour) -> Said {
    let (water, it) = (&hour.site.water, relative(&hour.site.it));
    if water.it_j <= 0.0 {
        return Err(Absent::NotMetered("the water that it takes"));
    }
    let value = water.amount / water.it_j * J_PER_KWH;
    Ok(Value::with_sigma(value, value * WATER_SIGMA.hypot(it)))
}

fn ere(hour: &Hour, pue: Said) -> Said {
    let (heat, it) = (&hour.site.reused, relative(&hour.site.it));
    if heat.it_j <= 0.0 {
        return Err(Absent::NotMetered("the heat that others use"));
    }
    let pue = pue?;
    let share = heat.amount / heat.it_j;
    let sigma = (share * HEAT_SIGMA).hypot((pue.value - share) * it).hypot(pue.value * METER_SIGMA);
    Ok(Value::with_sigma(pue.value - share, sigma))
}

/// The category that the site file tells; else that of the racks' meters where their sum is what the IT meter shows.
fn category(hour: &Hour) -> Result<u8, Absent> {
    let both = &hour.site.it_over_racks;
    let agree = both.under_j > 0.0 && (both.over_j / both.under_j - 1.0).abs() < AGREE;
    hour.pue_category.or(agree.then_some(2)).ok_or(Absent::NoCategory)
}

fn cooling_over(hour: &Hour) -> Said {
    let (both, least) = (&hour.site.cooling_over_it, &hour.site.least_cooling);
    if least.s <= 0.0 {
        return Err(if hour.site.cooling.s > 0.0 {
            Absent::NoMeter("the outdoor air")
        } else {
            Absent::NoMeter("the cooling")
        });
    }
    let sigma = METER_SIGMA * both.over_j;
    Ok(Value {
        value: both.over_j - 0.5 * (least.low_j + least.high_j),
        low: both.over_j - least.high_j - K * sigma,
        high: both.over_j - least.low_j + K * sigma,
    })
}

fn racks_residual(hour: &Hour) -> Said {
    let both = &hour.site.it_over_racks;
    if both.s <= 0.0 {
        return Err(Absent::NoMeter("every rack"));
    }
    let racks: f64 = hour.racks.iter().map(|r| r.meter.sigma_j().powi(2)).sum();
    Ok(Value::with_sigma(both.over_j - both.under_j, hour.site.it.sigma_j().hypot(racks.sqrt())))
}

fn unmetered(hour: &Hour) -> Said {
    let s = &hour.site;
    if s.facility_over_it.s <= 0.0 || s.cooled_over_it.s <= 0.0 {
        return Err(Absent::NoMeter("facility, IT and cooling together"));
    }
    // As powers, since each was good for its own time.
    let over_w = (s.facility_over_it.over_j - s.facility_over_it.under_j) / s.facility_over_it.s;
    let cooling_w = (s.cooled_over_it.over_j - s.cooled_over_it.under_j) / s.cooled_over_it.s;
    let sigma = s.facility.sigma_j().hypot(s.it.sigma_j()).hypot(s.cooling.sigma_j());
    Ok(Value::with_sigma((over_w - cooling_w) * s.facility_over_it.s, sigma))
}

fn saved(hour: &Hour) -> Said {
    let saved = &hour.site.saved;
    if saved.s <= 0.0 { Err(Absent::NoModel) } else { Ok(Value::between(saved.low_j, saved.high_j)) }
}

/// Share of the requests that a promise lets be late.
const LATE: f64 = 0.05;

fn attained(hour: &Hour, pue: Said) -> Vec<Attained> {
    let mut all = Vec::new();
    let over = |used: f64, budget: f64| {
        if budget > 0.0 {
            used / budget
        } else if used > 0.0 {
            f64::INFINITY
        } else {
            0.0
        }
    };
    if let Some(wanted) = hour.aims.pue {
        // What more is drawn than wanted counts against what is wanted beyond the IT.
        let used = pue.ok().map(|p| over((p.value - 1.0).max(0.0), wanted - 1.0));
        let kept = pue.ok().map(|p| f64::from(u8::from(p.value <= wanted)));
        all.push(Attained {
            target: "pue",
            of: String::new(),
            wanted,
            unit: "",
            attained: kept,
            budget_used: used,
        });
    }
    if let Some(wanted) = hour.aims.throttled_s_per_day {
        let gpu_s: f64 = hour.racks.iter().flat_map(|r| &r.throttled).map(|c| c.gpu_s).sum();
        let days = hour.site.heard_gpu_s / 86_400.0;
        let kept = (days > 0.0).then(|| 1.0 - gpu_s / hour.site.heard_gpu_s);
        let used = (days > 0.0).then(|| over(gpu_s, wanted * days));
        let of = String::new();
        all.push(Attained {
            target: "throttled",
            of,
            wanted,
            unit: "s per GPU and day",
            attained: kept,
            budget_used: used,
        });
    }
    for j in hour.jobs.iter().filter(|j| !j.id.is_empty()) {
        let share = |k: &Kept| (k.seen_s > 0.0).then(|| k.kept_s / k.seen_s);
        let mut push = |target, k: &Kept, wanted, unit, allowed: f64| {
            let attained = share(k);
            let budget_used = attained.map(|a| over(1.0 - a, allowed));
            if k.seen_s > 0.0 {
                all.push(Attained { target, of: j.id.clone(), wanted, unit, attained, budget_used });
            }
        };
        if let Some(wanted) = hour.aims.clock_spread {
            push("clock-spread", &j.spread, wanted, "std/mean", LATE);
        }
        push("time-to-first-token", &j.first_token, 1.0 - LATE, "of requests in time", LATE);
        push("time-per-output-token", &j.per_token, 1.0 - LATE, "of requests in time", LATE);
    }
    all
}
