//! From accounts to bounds.
//!
//! Responsible for: what is saved and what is risked, and how sure that is. Not for: words.
//!
//! ```text
//! saved_r = - sum of more over hours / sum of metered over the same hours      of a draw, hours drawn with replacement
//! low, mid, high: the 5, 50 and 95 % quantiles of saved_r over all draws and RESAMPLES sets of hours (Efron 1979)
//! risk: the share of draws in which a limit is passed by more than it was; of none in n, up to 1 - 0.05^(1/n) at 95 %
//! ```
//! A valve that opens as far as it can has reached no limit that anything comes to harm by: what it cannot hold any more gets warmer,
//! and that is held against the limit of a temperature. It is told, and does not count.

use super::Options;
use super::course::Walked;
use crate::dice::Dice;
use headroom_core::backtest::{Account, Hour, Whose};
use headroom_site::{Site, Unit};
use serde::Serialize;

/// Sets of hours for each draw.
const RESAMPLES: usize = 50;
/// Share of draws in which a limit may be passed further.
pub(super) const RISK: f64 = 0.05;
/// What counts as passing a limit further: a thousandth of it for a minute.
const NOTHING: f64 = 60.0e-3;

/// Low, middle and high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Bounds {
    /// 5 % quantile.
    pub(crate) low: f64,
    /// Median.
    pub(crate) mid: f64,
    /// 95 % quantile.
    pub(crate) high: f64,
}

/// Energy of a part, and what is saved of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Part {
    /// As it was metered, kWh.
    pub(crate) metered_kwh: f64,
    /// What would have been saved, %.
    pub(crate) saved_percent: Bounds,
    /// The same with the model as it is, %.
    pub(crate) as_modelled_percent: f64,
}

/// A limit that would have been passed further, or come near to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Limit {
    /// Point, or `dies`.
    pub(crate) of: String,
    /// Unit of the point, of differences.
    pub(crate) unit: String,
    /// Over it, units times hours: as it was, and in the worst of the draws.
    pub(crate) was_unit_h: f64,
    pub(crate) worst_unit_h: f64,
    /// What is short there is a valve's opening, which does not count.
    pub(crate) authority: bool,
    /// Draws in which it is passed further.
    pub(crate) draws_with_more: u32,
    /// How near it would have come, in the worst of the draws, units.
    pub(crate) least_room: f64,
}

/// A setpoint that was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) setpoint: String,
    pub(crate) why: &'static str,
}

/// A setpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Setpoint {
    pub(crate) id: String,
    pub(crate) unit: String,
    /// Means over the time: where it stood, and where it would have stood (mean over draws).
    pub(crate) was: f64,
    pub(crate) is: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Found {
    pub(crate) site: String,
    pub(crate) groups: Vec<String>,
    /// Setpoints that were left as they were, and why.
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) from_unix_s: f64,
    pub(crate) to_unix_s: f64,
    pub(crate) hours: f64,
    pub(crate) runs: u64,
    pub(crate) draws: u32,
    /// Setpoint commands that were carried out while it was recorded.
    pub(crate) commanded: u64,
    pub(crate) torn: bool,
    pub(crate) facility: Option<Part>,
    pub(crate) cooling: Option<Part>,
    /// Draws in which any limit is passed further.
    pub(crate) draws_with_more: u32,
    /// All limits that are near (nearest first), and all that are passed further.
    pub(crate) limits: Vec<Limit>,
    /// Share of the time in which most of what is different lay beyond what the model was learned in.
    pub(crate) beyond_learned: f64,
    pub(crate) setpoints: Vec<Setpoint>,
    /// What speaks against it.
    pub(crate) against: Vec<String>,
}

impl Found {
    /// Of the accounts of all draws, the model as it is first.
    pub(super) fn of(
        site: &Site,
        walked: &Walked,
        (groups, left_out): (Vec<String>, Vec<LeftOut>),
        options: &Options,
    ) -> Self {
        let accounts = &walked.accounts;
        let span_s = accounts.first().map_or(0.0, Account::span_s);
        let ends = walked.ends.map(|(a, b)| (a.unix_ns() as f64 * 1e-9, b.unix_ns() as f64 * 1e-9));
        let passed: Vec<Vec<bool>> = accounts.iter().map(|a| passed(site, a)).collect();
        let counts = |i: usize| !accounts.first().is_some_and(|a| is_valve(site, a.over[i].whose));
        let any = |p: &&Vec<bool>| p.iter().enumerate().any(|(i, passed)| *passed && counts(i));
        let mut found = Self {
            site: site.name.clone(),
            groups,
            left_out,
            from_unix_s: ends.map_or(0.0, |e| e.0),
            to_unix_s: ends.map_or(0.0, |e| e.1),
            hours: span_s / 3600.0,
            runs: walked.runs,
            draws: options.draws,
            commanded: walked.commanded,
            torn: walked.torn,
            facility: part(accounts, 0, options.seed, |h| (h.facility_j, h.facility_more_j)),
            cooling: part(accounts, 1, options.seed, |h| (h.cooling_j, h.cooling_more_j)),
            draws_with_more: passed.iter().skip(1).filter(any).count() as u32,
            limits: limits(site, accounts, &passed),
            beyond_learned: accounts.first().map_or(0.0, |a| a.beyond_s / span_s.max(1.0)),
            setpoints: setpoints(site, accounts),
            against: Vec::new(),
        };
        found.against = found.doubts();
        found
    }

    /// Does it speak for letting the groups command?
    pub(crate) fn supports(&self) -> bool {
        self.against.is_empty()
    }

    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        match self.facility.or(self.cooling) {
            None => doubts.push(
                "the model has neither `meters:facility` nor `meters:cooling`: nobody can say what is saved"
                    .to_owned(),
            ),
            Some(part) if part.saved_percent.low <= 0.0 => doubts.push(format!(
                "that anything is saved is not sure: {:+.2} % at the low end",
                part.saved_percent.low
            )),
            Some(_) => {}
        }
        if f64::from(self.draws_with_more) > RISK * f64::from(self.draws) {
            doubts.push(format!(
                "a limit is passed further in {} of {} draws",
                self.draws_with_more, self.draws
            ));
        }
        if self.commanded > 0 {
            doubts.push(format!(
                "{} setpoint commands were carried out while it was recorded: the saving is not against the plant's own setpoints; record with --mode advisory",
                self.commanded
            ));
        }
        doubts
    }
}

fn is_valve(site: &Site, whose: Whose) -> bool {
    matches!(whose, Whose::Point(p) if site.points[p.index()].kind.contains("Valve"))
}

/// Which limits are passed further.
fn passed(site: &Site, account: &Account) -> Vec<bool> {
    let further = |o: &headroom_core::backtest::Over| {
        let limit = match o.whose {
            Whose::Point(p) => {
                let p = &site.points[p.index()];
                p.limit_high.or(p.limit_low).unwrap_or(1.0).abs().max(1e-9)
            }
            Whose::Dies => 100.0,
        };
        o.is - o.was > NOTHING * limit
    };
    account.over.iter().map(further).collect()
}

fn limits(site: &Site, accounts: &[Account], passed: &[Vec<bool>]) -> Vec<Limit> {
    let Some(first) = accounts.first() else { return Vec::new() };
    let mut out: Vec<Limit> = (0..first.over.len())
        .map(|i| {
            let (of, (unit, scale)) = match first.over[i].whose {
                Whose::Point(p) => {
                    let p = &site.points[p.index()];
                    (p.id.clone(), difference(p.unit))
                }
                Whose::Dies => ("dies".to_owned(), ("K", 1.0)),
            };
            let all = || accounts.iter().map(|a| a.over[i]);
            Limit {
                authority: is_valve(site, first.over[i].whose),
                of,
                unit: unit.to_owned(),
                was_unit_h: first.over[i].was / scale / 3600.0,
                worst_unit_h: all().map(|o| o.is).fold(0.0, f64::max) / scale / 3600.0,
                draws_with_more: passed.iter().skip(1).filter(|p| p[i]).count() as u32,
                least_room: all().map(|o| o.room).fold(f64::INFINITY, f64::min) / scale,
            }
        })
        .filter(|l| l.least_room.is_finite())
        .collect();
    out.sort_by(|a, b| b.draws_with_more.cmp(&a.draws_with_more).then(a.least_room.total_cmp(&b.least_room)));
    out
}

/// Unit of a difference, and base units per unit.
fn difference(unit: Unit) -> (&'static str, f64) {
    (if matches!(unit.symbol, "C" | "degC") { "K" } else { unit.symbol }, unit.scale)
}

fn setpoints(site: &Site, accounts: &[Account]) -> Vec<Setpoint> {
    let n = accounts.len().max(1) as f64;
    let one = |(i, a): (usize, &headroom_site::model::Actuator)| Setpoint {
        id: a.id.clone(),
        unit: a.unit.symbol.to_owned(),
        was: a.unit.from_base(accounts.iter().map(|c| c.setpoints[i].was).sum::<f64>() / n),
        is: a.unit.from_base(accounts.iter().map(|c| c.setpoints[i].is).sum::<f64>() / n),
    };
    site.actuators.iter().enumerate().map(one).collect()
}

/// A part of the energy.
fn part(accounts: &[Account], meter: usize, seed: u64, of: impl Fn(&Hour) -> (f64, f64)) -> Option<Part> {
    let first = accounts.first().filter(|a| a.metered()[meter])?;
    let hours = |a: &Account| -> Vec<(f64, f64)> { a.hours.iter().map(&of).filter(|h| h.0 > 0.0).collect() };
    let saved = |hours: &mut dyn Iterator<Item = (f64, f64)>| {
        let (was, more) = hours.fold((0.0, 0.0), |sum, h| (sum.0 + h.0, sum.1 + h.1));
        -100.0 * more / was
    };
    let modelled = hours(first);
    let metered: f64 = modelled.iter().map(|h| h.0).sum();
    if metered <= 0.0 {
        return None;
    }
    let mut all = Vec::with_capacity(accounts.len() * RESAMPLES);
    for (d, account) in accounts.iter().enumerate().skip(1) {
        let hours = hours(account);
        let mut dice = Dice::new(seed, 0x5_0000_0000 | d as u64);
        for _ in 0..RESAMPLES {
            let mut again = (0..hours.len()).map(|_| hours[(dice.share() * hours.len() as f64) as usize]);
            all.push(saved(&mut again));
        }
    }
    all.sort_by(f64::total_cmp);
    let at = |q: f64| all[((all.len() - 1) as f64 * q).round() as usize];
    Some(Part {
        metered_kwh: metered / 3.6e6,
        saved_percent: Bounds { low: at(0.05), mid: at(0.5), high: at(0.95) },
        as_modelled_percent: saved(&mut modelled.into_iter()),
    })
}
