//! Moving fluid: a pump, the pressure difference that it makes, and the flow.
//!
//! Responsible for: which of the three is the odd one out. Not for: the flows of racks ([`super::racks`]).
//!
//! ```text
//! n > 0 and dp > 0  <=>  V > 0            a pump that runs presses, and what is pressed flows: dp = R V^2
//! V >= 0.8 sum(V_k)                       what a loop carries is at least what those that it alone serves take
//! ```
//! with `n` the speed of the fastest pump, `dp` its header's pressure difference, `V` its flow and `V_k` the flows
//! downstream. Two of three make a suspicion: a pump may run against closed valves. The flows downstream are the third
//! source, and say who is odd; without them all three are uncertain.

use super::court::{Court, with};
use super::lie::Lie;
use crate::align::Snapshot;
use crate::words::{Words, area, liquid};
use headroom_site::model::{Equipment, Point};
use headroom_site::{Dimension, PointId};
use std::collections::BTreeMap;

/// Speed from which a pump runs. Least speeds of pumps with drives are 10 to 20 % (motor cooling).
const RUNS: f64 = 0.10;
/// Pressure difference from which something presses, kPa: above offset and quantum of transmitters of some bar.
const PRESSES_KPA: f64 = 5.0;
/// Flow up to which nothing flows, L/min, and as a share of what is served: the low-flow cut of flow meters.
const STILL_LPM: f64 = 0.5;
const STILL_SHARE: f64 = 0.01;
/// Flow downstream from which something flows there, L/min.
const SERVED_LPM: f64 = 5.0;
/// Share of the flows downstream that a flow shows at least: meters of 2 % on both sides, and water that is a minute
/// older, while valves move.
const LEAST_SHARE: f64 = 0.8;
/// So many flows downstream outvote one.
const VOTES: usize = 3;

/// A loop with its pumps.
#[derive(Debug, Clone)]
struct Loop {
    flow: PointId,
    dp: Option<PointId>,
    pumps: Vec<PointId>,
    /// Flows of what only it serves.
    served: Vec<PointId>,
}

/// Its state at an instant.
#[derive(Debug, Clone, Copy)]
struct Now {
    flow_lpm: f64,
    served_lpm: f64,
    heard: usize,
    all: bool,
}

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct Fluid(Vec<Loop>);

impl Fluid {
    pub(super) fn new(words: &Words<'_>) -> Self {
        let site = words.site;
        let own = |p: &Point| !area(p, "Primary") && liquid(p);
        // Who feeds power to a rack serves it too, but no liquid.
        let mut servers: BTreeMap<&str, usize> = BTreeMap::new();
        let carries = |e: &&Equipment| words.one(&e.id, Dimension::Flow, own).is_some();
        for served in site.equipment.iter().filter(carries).flat_map(|e| &e.serves) {
            *servers.entry(served).or_default() += 1;
        }
        let mut loops = Vec::new();
        for e in &site.equipment {
            let Some(flow) = words.one(&e.id, Dimension::Flow, own) else { continue };
            let header = |p: &Point| {
                own(p)
                    && p.kind.contains("Differential")
                    && !p.area.iter().any(|a| a.to_ascii_lowercase().contains("filter"))
            };
            let speed = |p: &Point| own(p) && p.kind.contains("PumpSpeed");
            let mut pumps = words.all(&e.id, Dimension::Ratio, speed);
            for pump in site.equipment.iter().filter(|p| is_pump(&p.kind) && p.serves.contains(&e.id)) {
                pumps.extend(words.all(&pump.id, Dimension::Ratio, speed));
            }
            let alone = e.serves.iter().filter(|s| servers.get(s.as_str()) == Some(&1));
            let taken = |s: &String| {
                let cdu = words.equipment("cdu").any(|c| site.equipment[c].id == *s);
                words.one(s, Dimension::Flow, |p| liquid(p) && (!cdu || area(p, "Primary")))
            };
            loops.push(Loop {
                flow,
                dp: words.one(&e.id, Dimension::Pressure, header),
                pumps,
                served: alone.filter_map(taken).collect(),
            });
        }
        Self(loops)
    }

    pub(super) fn look(&self, snapshot: &Snapshot, court: &mut Court) {
        for l in &self.0 {
            let Some(flow_lpm) = snapshot.good(l.flow) else { continue };
            let heard = || l.served.iter().filter_map(|p| snapshot.good(*p));
            let now = Now {
                flow_lpm,
                served_lpm: heard().sum(),
                heard: heard().count(),
                all: !l.served.is_empty() && heard().count() == l.served.len(),
            };
            l.pumped(&now, snapshot, court);
            if now.heard >= VOTES
                && now.served_lpm > SERVED_LPM
                && now.flow_lpm < LEAST_SHARE * now.served_lpm
            {
                let Now { flow_lpm, served_lpm, heard, .. } = now;
                let lie = Lie::LessThanServed { flow_lpm, served_lpm, parts: heard };
                court.whole(l.flow, &l.served, lie);
            }
        }
    }
}

impl Loop {
    /// The three against each other.
    fn pumped(&self, now: &Now, snapshot: &Snapshot, court: &mut Court) {
        let speeds = self.pumps.iter().filter_map(|p| Some((snapshot.good(*p)?, *p)));
        let Some((pump, pump_point)) = speeds.reduce(|a, b| if b.0 > a.0 { b } else { a }) else { return };
        let Some(dp) = self.dp else { return };
        let Some(dp_kpa) = snapshot.good(dp) else { return };
        let flow_lpm = now.flow_lpm;
        let flows = flow_lpm > STILL_LPM.max(STILL_SHARE * now.served_lpm);
        // The third source: `None` where nobody downstream says.
        let third = if now.served_lpm > SERVED_LPM { Some(true) } else { now.all.then_some(false) };
        let served_lpm = third.filter(|flowing| *flowing).map(|_| now.served_lpm);
        let all = [Some(self.flow), Some(pump_point), Some(dp)];
        let others = |p: PointId| with(&all.map(|x| x.filter(|x| *x != p)));
        match (pump >= RUNS, dp_kpa >= PRESSES_KPA, flows, third) {
            // Runs against closed valves: nothing flows downstream either.
            (true, true, false, Some(false)) => {}
            (true, true, false, third) => {
                let lie = Lie::NoFlow { flow_lpm, pump, dp_kpa, served_lpm };
                if third.is_some() {
                    court.odd(self.flow, lie, others(self.flow));
                } else {
                    court.one_of(&all, lie);
                }
            }
            (true, false, true, third) => {
                let lie = Lie::NoPressure { dp_kpa, pump, flow_lpm };
                match third {
                    Some(true) => court.odd(dp, lie, others(dp)),
                    Some(false) => court.odd(self.flow, Lie::FlowAlone { flow_lpm }, others(self.flow)),
                    None => court.one_of(&all, lie),
                }
            }
            (false, true, true, third) => {
                let lie = Lie::NoPump { pump, dp_kpa, flow_lpm };
                match (third, self.pumps.as_slice()) {
                    (Some(true), [only]) => court.odd(*only, lie, others(*only)),
                    // One of several pumps runs and does not say so.
                    (Some(true), several) => several.iter().for_each(|p| court.one_of(&[Some(*p)], lie)),
                    _ => court.one_of(&all, lie),
                }
            }
            (false, false, true, Some(true)) => {
                court.one_of(&[Some(pump_point), Some(dp)], Lie::NoPump { pump, dp_kpa, flow_lpm });
            }
            (false, false, true, Some(false)) => {
                court.odd(self.flow, Lie::FlowAlone { flow_lpm }, others(self.flow));
            }
            (false, false, true, None) => court.one_of(&[Some(self.flow)], Lie::FlowAlone { flow_lpm }),
            (false, true, false, Some(false)) => court.odd(dp, Lie::PressureAlone { dp_kpa }, others(dp)),
            (false, true, false, _) => court.one_of(&[Some(dp)], Lie::PressureAlone { dp_kpa }),
            _ => {}
        }
    }
}

fn is_pump(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("pump")
}
