//! Health: what ails the plant, told from what its points owe each other.
//!
//! Responsible for: looking at loops, valves and GPUs once a minute, and for what is found: what, whose, how large, since when,
//! with what evidence. Not for: readings that contradict each other at an instant (`align::plausible`), or doing anything about
//! it. A load that changes moves values, not what they owe each other: nothing is found.
//!
//! | room | tells |
//! |---|---|
//! | `graph` | from the site's graph: equations, and which fault moves which of them |
//! | `means` | values over the last minutes |
//! | `unrest` | pressures that surge |
//! | `valves` | stems that stick |
//! | `gpus` | GPUs that warm more than their load explains |
//! | `finding` | the words |
//!
//! The equations and the choice between faults are `headroom-belief`, `loops`.

mod finding;
mod gpus;
mod graph;
mod means;
mod unrest;
mod valves;

pub use finding::{Ailment, Finding, Size, Whose, Witness};

use crate::align::Snapshot;
use crate::estimate::Estimate;
use crate::topology::Topology;
use gpus::Gpus;
use graph::Loop;
use headroom_belief::loops::Found;
use headroom_site::{Dimension, PointId, Site, Span, Stamp};
use means::Means;
use unrest::Unrest;
use valves::Valves;

/// Time between two samples of a mean, and between two looks.
const SAMPLE: Span = Span::from_ms(5_000);
const LOOK: Span = Span::from_ms(60_000);
/// A flow that nobody meters is told if it is known to this share.
const UNSURE: f64 = 0.25;

/// A flow that nobody meters.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmetered {
    /// Its point, if it has one that is silent; else what it is.
    pub of: String,
    /// Flow, L/min.
    pub lpm: f64,
    /// Its standard deviation.
    pub sigma: f64,
}

/// What is kept.
#[derive(Debug, Clone)]
pub struct Health {
    loops: Vec<Loop>,
    means: Means,
    unrest: Unrest,
    valves: Valves,
    gpus: Gpus,
    sampled: Option<Stamp>,
    looked: Option<Stamp>,
    findings: Vec<Finding>,
    unmetered: Vec<Unmetered>,
    changes: u64,
}

impl Health {
    /// Of a site.
    #[must_use]
    pub fn new(site: &Site, topology: &Topology) -> Self {
        let loops = graph::loops(site, topology);
        let asked = loops.iter().flat_map(|l| l.sources.iter().filter_map(graph::Source::point));
        Self {
            means: Means::new(site.points.len(), asked),
            unrest: Unrest::new(loops.iter().flat_map(|l| l.heads.iter().map(|h| h.1))),
            valves: Valves::new(site),
            gpus: Gpus::new(site, topology),
            loops,
            sampled: None,
            looked: None,
            findings: Vec::new(),
            unmetered: Vec::new(),
            changes: 0,
        }
    }

    /// Looks at a snapshot and what is believed of it, if it is time.
    pub fn look(&mut self, site: &Site, snapshot: &Snapshot, estimate: &Estimate) {
        let now = snapshot.stamp;
        if self.sampled.is_none_or(|at| now.since(at) >= SAMPLE) {
            self.sampled = Some(now);
            self.means.take(snapshot);
            self.unrest.take(snapshot);
            self.valves.take(snapshot);
        }
        let looked = *self.looked.get_or_insert(now);
        if now.since(looked) < LOOK {
            return;
        }
        self.looked = Some(now);
        self.means.turn();
        self.unrest.turn();
        let before = std::mem::take(&mut self.findings);
        self.unmetered.clear();
        for l in &mut self.loops {
            let z: Vec<f64> = self.means.all(l);
            l.network.look(&z, now);
            for (var, source) in l.sources.iter().enumerate().filter(|(v, _)| z[*v].is_nan()) {
                let Some(of) = source.flow(site) else { continue };
                if let Some((lpm, sigma)) = l.network.flow(var, &z).filter(|(v, s)| *s < UNSURE * v) {
                    self.unmetered.push(Unmetered { of, lpm, sigma });
                }
            }
            for found in l.network.found() {
                let unrest = |p| self.unrest.restless(p);
                if let Some(f) = finding(site, l, found, unrest) {
                    self.findings.push(f);
                }
            }
        }
        self.gpus.look(estimate, now);
        self.valves.findings(now, &mut self.findings);
        self.gpus.findings(&mut self.findings);
        self.findings.sort_by_key(|f| (f.whose, f.ailment.name()));
        self.findings.dedup_by_key(|f| (f.whose, f.ailment));
        let same = |a: &Finding, b: &Finding| (a.whose, a.ailment) == (b.whose, b.ailment);
        let held =
            before.len() == self.findings.len() && before.iter().zip(&self.findings).all(|(a, b)| same(a, b));
        self.changes += u64::from(!held);
    }

    /// What ails, in order of whose it is.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Flows that nobody meters, from everything that tells.
    #[must_use]
    pub fn unmetered(&self) -> &[Unmetered] {
        &self.unmetered
    }

    /// How often something was found or has gone.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }
}

/// What a loop found, in the site's words.
fn finding(site: &Site, l: &Loop, found: &Found, restless: impl Fn(PointId) -> bool) -> Option<Finding> {
    let (mut ailment, whose) = l.meanings[found.hypothesis]?;
    // Gas in a pump costs head as wear does, but not quietly.
    let gas = |e: usize| l.heads.iter().any(|(of, p)| *of == e && restless(*p));
    if let (Ailment::PumpWear | Ailment::Clogging, Whose::Equipment(e)) = (ailment, whose) {
        ailment = if gas(e) { Ailment::Air } else { ailment };
    }
    let size = match (ailment, whose) {
        (Ailment::SensorsSwapped, _) => Size::Places,
        (Ailment::SensorOff, Whose::Point(p)) => match site.dimension(p) {
            Dimension::Temperature => {
                Size::Off { by: found.size, sigma: found.sigma, dimension: Dimension::Temperature }
            }
            _ => Size::Factor { factor: found.size.exp(), sigma: found.sigma },
        },
        _ => Size::Share { lost: -(-found.size).exp_m1(), sigma: found.sigma * (-found.size).exp() },
    };
    let witness = |e: &headroom_belief::loops::Evidence| {
        let equation = &l.network.equations()[e.equation];
        Witness {
            what: format!("{} of {}", equation.name(), l.owners[e.equation]),
            by: e.by,
            sigma: e.sigma,
            in_kelvin: equation.in_kelvin(),
        }
    };
    Some(Finding {
        ailment,
        whose,
        size,
        since: found.since,
        or: found.or.and_then(|h| l.meanings[h]).filter(|m| *m != (ailment, whose)),
        evidence: found.evidence.iter().map(witness).collect(),
    })
}

#[cfg(test)]
mod tests;
