//! Facility water with its pumps and the units on it, and what cools outdoors.
//!
//! Of an exchanger whose flows nobody meters nothing is said: its effect moves with both of them.

use super::super::finding::{Ailment, Whose};
use super::technology::{head, primary, side};
use super::{Builder, Loop, Source};
use crate::words::{Words, area, liquid};
use headroom_belief::loops::Equation;
use headroom_site::Dimension::{Flow, Pressure, Ratio, Temperature};
use headroom_site::PointId;
use headroom_site::model::{Equipment, Point};

/// Least share of a tower's or an exchanger's effect worth a word, as a logarithm: their flows are not metered.
const FOULED: f64 = 0.2;
/// What cools outdoors.
const OUTDOORS: [&str; 4] = ["tower", "cooling-tower", "dry-cooler", "adiabatic-cooler"];

fn is(e: &Equipment, kinds: &[&str]) -> bool {
    kinds.iter().any(|k| e.kind.eq_ignore_ascii_case(k))
}

/// One loop for each water that feeds CDUs or air handlers.
pub(super) fn loops(words: &Words<'_>) -> Vec<Loop> {
    let site = words.site;
    let of_kind = |id: &String, kinds: &[&str]| site.equipment.iter().any(|e| e.id == *id && is(e, kinds));
    let feeds = |e: &&Equipment| e.serves.iter().any(|s| of_kind(s, &["cdu", "crah"]));
    let mut all: Vec<Loop> = Vec::new();
    for (e, water) in site.equipment.iter().enumerate().filter(|(_, e)| feeds(e)) {
        let mut b = Builder::new(site);
        let supply = words.one(&water.id, Temperature, |p| side(p, false) && area(p, "Supply"));
        if let Some(supply) = supply {
            units(&mut b, words, water, supply);
        }
        pumps(&mut b, words, e);
        all.extend(b.finish());
    }
    for (t, _) in site.equipment.iter().enumerate().filter(|(_, e)| is(e, &OUTDOORS)) {
        let mut b = Builder::new(site);
        outdoors(&mut b, words, t);
        all.extend(b.finish());
    }
    all
}

/// The same water comes to all units.
fn units(b: &mut Builder<'_>, words: &Words<'_>, water: &Equipment, supply: PointId) {
    let cdus = || {
        let known = |id: &&String| words.equipment("cdu").any(|c| words.site.equipment[c].id == **id);
        water.serves.iter().filter(known)
    };
    let inlets: Vec<(&String, PointId)> = cdus().filter_map(|id| Some((id, primary(words, id).0?))).collect();
    if inlets.len() < 2 {
        return;
    }
    for (id, inlet) in inlets {
        let same = Equation::SameWater { a: b.var(inlet), b: b.var(supply) };
        b.equation(id, same);
        b.silent(inlet);
    }
}

/// Pumps of the water itself, and those that serve it.
fn pumps(b: &mut Builder<'_>, words: &Words<'_>, e: usize) {
    let water = &words.site.equipment[e];
    let speed = |p: &Point| liquid(p) && p.kind.contains("PumpSpeed");
    let mut speeds = words.all(&water.id, Ratio, speed);
    for pump in words.site.equipment.iter().filter(|p| is(p, &["pump"]) && p.serves.contains(&water.id)) {
        speeds.extend(words.all(&pump.id, Ratio, |p| p.kind.contains("Speed")));
    }
    let dp = words.one(&water.id, Pressure, |p| side(p, false) && p.kind.contains("Differential"));
    let flow = words.one(&water.id, Flow, |p| side(p, false));
    if let (Some(dp), Some(flow), false) = (dp, flow, speeds.is_empty()) {
        let speeds = b.vars(&speeds);
        head(b, e, (dp, flow), speeds, None);
    }
}

/// A tower or a dry cooler against the weather.
fn outdoors(b: &mut Builder<'_>, words: &Words<'_>, t: usize) {
    let site = words.site;
    let tower = &site.equipment[t];
    let at = |word: &str| words.one(&tower.id, Temperature, |p| liquid(p) && area(p, word));
    let (Some(enters), Some(leaves)) = (at("Entering"), at("Leaving")) else { return };
    let Some(outdoor) = site.meters.outdoor else { return };
    let of = &site.points[outdoor.index()].of;
    let humid = words.one(of, Ratio, |p| p.kind.contains("Humidity"));
    let cold = match humid {
        Some(rh) if !is(tower, &["dry-cooler"]) => Source::WetBulb(outdoor, rh),
        _ => Source::Point(outdoor),
    };
    let fan = words.one(&tower.id, Ratio, |p| p.kind.contains("Fan"));
    let Some(fan) = fan else { return };
    let moves = |e: &&Equipment| is(e, &["pump"]) && e.serves.iter().any(|s| tower.serves.contains(s));
    let speeds: Vec<PointId> = site
        .equipment
        .iter()
        .filter(moves)
        .flat_map(|p| words.all(&p.id, Ratio, |p| p.kind.contains("Speed")))
        .collect();
    let pumps = b.vars(&speeds);
    let by = vec![b.var(fan)];
    let (enters, leaves, cold) = (b.var(enters), b.var(leaves), b.source(cold));
    let how = b.equation(&tower.id, Equation::Effectiveness { enters, leaves, cold, by, pumps });
    b.fault(Ailment::Fouling, Whose::Equipment(t), vec![(how, -1.0)], FOULED, 0.0);
}
