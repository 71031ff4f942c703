//! Facility water with its pumps, and the units on it.
//!
//! Of what cools outdoors, and of exchangers whose flows nobody meters, nothing is said: their effect moves with those flows.

use super::technology::{head, inlet, side, supplies};
use super::{Builder, Loop};
use crate::words::{Words, liquid};
use headroom_belief::loops::Equation;
use headroom_site::Dimension::{Flow, Pressure, Ratio, Temperature};
use headroom_site::PointId;
use headroom_site::model::{Equipment, Point};

fn is(e: &Equipment, kinds: &[&str]) -> bool {
    kinds.iter().any(|k| e.kind.eq_ignore_ascii_case(k))
}

/// One loop for each water that feeds CDUs or air handlers.
pub(super) fn loops(words: &Words<'_>) -> Vec<Loop> {
    let site = words.site;
    let of_kind = |id: &String, kinds: &[&str]| site.equipment.iter().any(|e| e.id == *id && is(e, kinds));
    let feeds = |e: &&Equipment| e.serves.iter().any(|s| of_kind(s, &["cdu", "crah"]));
    let one = |(e, water): (usize, &Equipment)| {
        let mut b = Builder::new(site);
        if let Some(supply) = supply_of(words, &water.id).filter(|_| !mixes(words, &water.id)) {
            units(&mut b, words, water, supply);
        }
        pumps(&mut b, words, e);
        b.finish()
    };
    site.equipment.iter().enumerate().filter(|(_, e)| feeds(e)).filter_map(one).collect()
}

/// Does a tank feed it? What comes from its bottom is not what the supply shows.
pub(super) fn mixes(words: &Words<'_>, water: &String) -> bool {
    words.site.equipment.iter().any(|e| is(e, &["tank"]) && e.serves.contains(water))
}

/// Temperature of the water that it sends out.
pub(super) fn supply_of(words: &Words<'_>, water: &str) -> Option<PointId> {
    words.only(water, Temperature, |p| side(p, false) && supplies(p))
}

/// CDUs on a water whose inlets are read.
pub(super) fn inlets<'a>(words: &Words<'_>, water: &'a Equipment) -> Vec<(&'a str, PointId)> {
    let cdu = |id: &&String| words.equipment("cdu").any(|c| words.site.equipment[c].id == **id);
    water.serves.iter().filter(cdu).filter_map(|id| Some((id.as_str(), inlet(words, id)?))).collect()
}

/// The same water comes to all units.
fn units(b: &mut Builder<'_>, words: &Words<'_>, water: &Equipment, supply: PointId) {
    let inlets = inlets(words, water);
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
    let dp = words.only(&water.id, Pressure, |p| side(p, false) && p.kind.contains("Differential"));
    let flow = words.only(&water.id, Flow, |p| side(p, false));
    if let (Some(dp), Some(flow), false) = (dp, flow, speeds.is_empty()) {
        let speeds = b.vars(&speeds);
        head(b, e, (dp, flow), speeds, None);
    }
}
