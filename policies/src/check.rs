//! A policy against a site: every name exists there, and nothing is wider than the site allows.
//!
//! Budgets and the power tree are checked in `check_power`.

use crate::model::{CAPS, JobWish, Limit, LimitOf, Policy};
use crate::words::Amount;
use headroom_site::doc::{Doc, Finding, suggest};
use headroom_site::model::{Actuator, EngineQuantity, Latency, Point, Source, Statistic};
use headroom_site::{Dimension, Site, Unit};
use std::ops::Range;

impl Policy {
    /// Every finding of this policy at a site. `file` and `text` are what it was read from.
    #[must_use]
    pub fn check_against(&self, site: &Site, file: &str, text: &str) -> Vec<Finding> {
        let doc = Doc::new(file, text);
        for group in &self.modes.groups {
            let groups = || site.actuators.iter().map(|a| a.group.as_str()).chain([CAPS]);
            if !groups().any(|g| g == group.group) {
                unknown(&doc, group.at.clone(), "actuator group", &group.group, groups());
            }
        }
        for limit in &self.limits {
            check_limit(&doc, site, limit);
        }
        let floors = if self.budgets.is_empty() { Vec::new() } else { crate::check_power::floors_w(site) };
        for budget in &self.budgets {
            crate::check_power::budget(&doc, site, &floors, budget);
        }
        crate::outlook::check(&doc, site, &self.outlook);
        for job in &self.jobs {
            check_job(&doc, site, job);
        }
        doc.findings()
    }
}

/// Says that the site has no such thing, with the nearest it has.
pub(crate) fn unknown<'a>(
    doc: &Doc,
    span: Range<usize>,
    kind: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let remedy = match suggest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("the site has no {kind}; remove this"),
        None if known.len() <= 12 => format!("use one of the site's: {}", known.join(", ")),
        None => "use an id of the site file".to_owned(),
    };
    doc.find(span, format!("unknown {kind} `{name}`: the site has none of this name"), remedy);
}

fn check_limit(doc: &Doc, site: &Site, limit: &Limit) {
    match &limit.of {
        LimitOf::Point(id) => match site.points.iter().find(|p| p.id == *id) {
            Some(point) => check_point(doc, limit, point),
            None => {
                unknown(doc, limit.at.at("point"), "point", id, site.points.iter().map(|p| p.id.as_str()));
            }
        },
        LimitOf::Actuator(id) => match site.actuators.iter().find(|a| a.id == *id) {
            Some(actuator) => check_actuator(doc, limit, actuator),
            None => {
                let known = site.actuators.iter().map(|a| a.id.as_str());
                unknown(doc, limit.at.at("actuator"), "actuator", id, known);
            }
        },
    }
}

/// True if an amount has the dimension wanted; else a finding.
fn fits(doc: &Doc, limit: &Limit, key: &str, amount: Option<Amount>, wanted: Dimension) -> Option<f64> {
    let amount = amount?;
    if amount.dimension == wanted {
        return Some(amount.base);
    }
    doc.find(
        limit.at.at(key),
        format!("`{key}`: wrong unit: the site has a {wanted} here, this is a {}", amount.dimension),
        format!("give a {wanted} with one of the units {}", wanted.symbols().join(", ")),
    );
    None
}

/// A base value as the file would write it.
fn shown(base: f64, unit: Unit) -> String {
    let number = unit.from_base(base);
    let rounded = (number * 1e6).round() / 1e6;
    format!("{rounded} {}", unit.symbol)
}

fn wider(doc: &Doc, limit: &Limit, key: &str, id: &str, value: f64, site: f64, unit: Unit) {
    let what = format!(
        "`{key}` of `{id}` is wider than the site's: {} against {}",
        shown(value, unit),
        shown(site, unit)
    );
    let remedy = format!("stay at or inside {}; only the site file can widen it", shown(site, unit));
    doc.find(limit.at.at(key), what, remedy);
}

fn check_point(doc: &Doc, limit: &Limit, point: &Point) {
    let d = point.unit.dimension;
    let min = fits(doc, limit, "min", limit.min, d);
    let max = fits(doc, limit, "max", limit.max, d);
    let margin = fits(doc, limit, "margin", limit.margin, d.of_difference());
    if let (Some(min), Some(site)) = (min, point.limit_low.filter(|s| min.is_some_and(|m| m < *s))) {
        wider(doc, limit, "min", &point.id, min, site, point.unit);
    }
    if let (Some(max), Some(site)) = (max, point.limit_high.filter(|s| max.is_some_and(|m| m > *s))) {
        wider(doc, limit, "max", &point.id, max, site, point.unit);
    }
    let low = min.or(point.limit_low);
    let high = max.or(point.limit_high);
    if let (Some(low), Some(high)) = (low, high)
        && low + 2.0 * margin.unwrap_or(0.0) > high
    {
        let key = ["margin", "max", "min"]
            .into_iter()
            .find(|k| match *k {
                "margin" => margin.is_some(),
                "max" => max.is_some(),
                _ => true,
            })
            .unwrap_or("min");
        let what = format!("nothing is left of `{}` between its limits and margins", point.id);
        let remedy = format!(
            "its limits with the site's are {} to {}: leave room between them",
            shown(low, point.unit),
            shown(high, point.unit)
        );
        doc.find(limit.at.at(key), what, remedy);
    }
    if margin.is_some() && low.is_none() && high.is_none() {
        let what = format!("`{}` has no limit to keep a margin to", point.id);
        doc.find(limit.at.at("margin"), what, "add min or max here, or in the site file");
    }
}

fn check_actuator(doc: &Doc, limit: &Limit, actuator: &Actuator) {
    let d = actuator.unit.dimension;
    let min = fits(doc, limit, "min", limit.min, d);
    let max = fits(doc, limit, "max", limit.max, d);
    let (low, high) = actuator.range;
    for (key, value, site, is_wider) in
        [("min", min, low, min.is_some_and(|m| m < low)), ("max", max, high, max.is_some_and(|m| m > high))]
    {
        if let Some(value) = value.filter(|_| is_wider) {
            wider(doc, limit, key, &actuator.id, value, site, actuator.unit);
        }
    }
    let narrowed = (min.unwrap_or(low).max(low), max.unwrap_or(high).min(high));
    for (key, outside) in [("min", actuator.fallback < narrowed.0), ("max", actuator.fallback > narrowed.1)] {
        if outside && (low..=high).contains(&actuator.fallback) {
            let what = format!(
                "`{key}` leaves the fallback of `{}` ({}) outside: it goes there whenever nobody commands it",
                actuator.id,
                shown(actuator.fallback, actuator.unit)
            );
            let remedy = "include the fallback, or change it in the site file";
            doc.find(limit.at.at(key), what, remedy);
        }
    }
    if let Some(ramp) = fits(doc, limit, "ramp", limit.ramp, d.of_difference())
        && ramp > actuator.ramp_per_s * (1.0 + 1e-9)
    {
        let what = format!("`ramp` of `{}` is wider than the site's: faster than it allows", actuator.id);
        let unit = d.of_difference().base();
        let remedy = format!("stay at or below {:.4} {unit}/min", actuator.ramp_per_s * 60.0);
        doc.find(limit.at.at("ramp"), what, remedy);
    }
}

fn check_job(doc: &Doc, site: &Site, wish: &JobWish) {
    let Some(job) = site.jobs.iter().find(|j| j.id == wish.id) else {
        unknown(doc, wish.at.at("id"), "job", &wish.id, site.jobs.iter().map(|j| j.id.as_str()));
        return;
    };
    let skus = || job.gpus.iter().filter_map(|g| site.skus.get(site.gpus.get(g.index())?.sku));
    let most = skus().map(|s| s.max_clock_mhz).reduce(f64::min);
    let least = skus().map(|s| s.min_clock_mhz).reduce(f64::max);
    if let (Some(floor), Some(most)) = (wish.floor_clock, most)
        && floor.as_megahertz() > most
    {
        let what = format!("`floor-clock` is above what the GPUs of `{}` can run at ({most} MHz)", job.id);
        doc.find(wish.at.at("floor-clock"), what, format!("give at most {most} MHz"));
    }
    if let (Some(ceiling), Some(least)) = (wish.ceiling_clock, least)
        && ceiling.as_megahertz() < least
    {
        let what = format!("`ceiling-clock` is below what the GPUs of `{}` can run at ({least} MHz)", job.id);
        doc.find(wish.at.at("ceiling-clock"), what, format!("give at least {least} MHz"));
    }
    let promised = [
        ("time-to-first-token", wish.promise.first_token, Latency::FirstToken),
        ("time-per-output-token", wish.promise.per_token, Latency::PerOutputToken),
    ];
    for (key, _, latency) in promised.into_iter().filter(|(_, promised, _)| promised.is_some()) {
        let shows = |p: &Point| {
            let of = EngineQuantity::Latency(latency, Statistic::P95);
            p.of == job.id && matches!(p.source, Source::Engine { quantity, .. } if quantity == of)
        };
        if !site.points.iter().any(shows) {
            let what =
                format!("`{key}` of `{}` cannot be kept: no page of an inference engine shows it", job.id);
            let remedy =
                "name the pages of its engine in the site file (`served-by` of the job), or remove it";
            doc.find(wish.at.at(key), what, remedy);
        }
    }
}
