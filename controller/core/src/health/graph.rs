//! From the site's graph to the equations that its points allow.
//!
//! Responsible for: which points stand in which equation, which faults may be, and what each is called. Not for: the
//! equations (`headroom-belief`, `loops`). No name of a point or of a piece of equipment means anything here; kinds, point
//! types, areas and `serves` do. Without a point there is no equation: nothing is asked of a site that it does not measure.
//!
//! Rooms: `technology` (a CDU and its racks), `facility` (facility water), `power` (meters).

mod facility;
mod power;
mod technology;

use super::finding::{Ailment, Whose};
use crate::topology::Topology;
use crate::words::Words;
use headroom_belief::loops::{Effect, Equation, Hypothesis, Network, Var, Variable};
use headroom_site::{Dimension, PointId, Site};

/// How much plainer a wrong sensor must be than broken equipment, and one for which a single equation speaks.
const OF_SENSOR: f64 = 3.0;
const OF_SENSOR_ALONE: f64 = 6.0;

/// Where a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A point.
    Point(PointId),
    /// A flow that has no point, and what it is called.
    Unmetered(String),
}

impl Source {
    pub(super) const fn point(&self) -> Option<PointId> {
        match *self {
            Self::Point(p) => Some(p),
            Self::Unmetered(_) => None,
        }
    }

    /// What it is called, if it is a flow.
    pub(super) fn flow(&self, site: &Site) -> Option<String> {
        match self {
            Self::Point(p) => {
                (site.dimension(*p) == Dimension::Flow).then(|| site.points[p.index()].id.clone())
            }
            Self::Unmetered(name) => Some(name.clone()),
        }
    }
}

/// What a hypothesis is called; none if another loop speaks of it.
pub(super) type Meaning = Option<(Ailment, Whose)>;

/// A loop of a site.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) network: Network,
    pub(super) sources: Vec<Source>,
    pub(super) meanings: Vec<Meaning>,
    /// Whose each equation is.
    pub(super) owners: Vec<String>,
    /// Pressures that pumps make: gas shows in their unrest.
    pub(super) heads: Vec<(usize, PointId)>,
}

/// All loops of a site.
pub(super) fn loops(site: &Site, topology: &Topology) -> Vec<Loop> {
    let words = Words::new(site);
    let mut all = technology::loops(&words, topology);
    all.extend(facility::loops(&words));
    let heard: Vec<PointId> = all.iter().flat_map(Loop::heats).collect();
    all.extend(power::meters(&words, &heard));
    all
}

impl Loop {
    /// Powers that a heat balance of this loop holds.
    fn heats(&self) -> impl Iterator<Item = PointId> + '_ {
        self.network.equations().iter().filter_map(|e| match e {
            Equation::Heat { power, .. } => self.sources[*power].point(),
            _ => None,
        })
    }
}

/// A loop that is being built.
pub(super) struct Builder<'a> {
    site: &'a Site,
    sources: Vec<Source>,
    equations: Vec<Equation>,
    owners: Vec<String>,
    hypotheses: Vec<Hypothesis>,
    meanings: Vec<Meaning>,
    heads: Vec<(usize, PointId)>,
    /// Variables of which another loop speaks.
    elsewhere: Vec<Var>,
}

impl<'a> Builder<'a> {
    fn new(site: &'a Site) -> Self {
        Self {
            site,
            sources: vec![],
            equations: vec![],
            owners: vec![],
            hypotheses: vec![],
            meanings: vec![],
            heads: vec![],
            elsewhere: vec![],
        }
    }

    /// The variable of a source, made where it is new.
    fn source(&mut self, source: Source) -> Var {
        if let Some(there) = self.sources.iter().position(|s| *s == source) {
            return there;
        }
        self.sources.push(source);
        self.sources.len() - 1
    }

    fn var(&mut self, point: PointId) -> Var {
        self.source(Source::Point(point))
    }

    /// The variable of a flow, whether or not it has a point.
    fn flow(&mut self, point: Option<PointId>, name: impl FnOnce() -> String) -> Var {
        self.source(point.map_or_else(|| Source::Unmetered(name()), Source::Point))
    }

    fn vars(&mut self, points: &[PointId]) -> Vec<Var> {
        points.iter().map(|p| self.var(*p)).collect()
    }

    /// Of this variable another loop speaks.
    fn silent(&mut self, point: PointId) {
        let var = self.var(point);
        self.elsewhere.push(var);
    }

    fn equation(&mut self, owner: &str, equation: Equation) -> usize {
        self.equations.push(equation);
        self.owners.push(owner.to_owned());
        self.equations.len() - 1
    }

    /// A fault of equipment: it moves equations by so much for each unit of its size.
    fn fault(&mut self, ailment: Ailment, whose: Whose, moves: Vec<(usize, f64)>, least: f64, penalty: f64) {
        self.hypotheses.push(Hypothesis { effect: Effect::Equations(moves), least, sign: 1.0, penalty });
        self.meanings.push(Some((ailment, whose)));
    }

    fn dimension(&self, var: Var) -> Dimension {
        match &self.sources[var] {
            Source::Point(p) => self.site.dimension(*p),
            Source::Unmetered(_) => Dimension::Flow,
        }
    }

    /// Two sensors that may have been mixed up.
    fn swap(&mut self, a: PointId, b: PointId) {
        let effect = Effect::Swapped(self.var(a), self.var(b));
        self.hypotheses.push(Hypothesis { effect, least: 0.0, sign: 0.0, penalty: OF_SENSOR });
        self.meanings.push(Some((Ailment::SensorsSwapped, Whose::Points(a, b))));
    }

    /// The loop, with a wrong sensor for each variable that an equation can tell of; none if there are no equations.
    fn finish(mut self) -> Option<Loop> {
        if self.equations.is_empty() {
            return None;
        }
        for var in 0..self.sources.len() {
            let Source::Point(point) = self.sources[var] else { continue };
            let holds = self.equations.iter().filter(|e| e.has(var)).count();
            let Some(least) = least_of(self.dimension(var)).filter(|_| holds > 0) else { continue };
            let penalty = if holds == 1 { OF_SENSOR_ALONE } else { OF_SENSOR };
            self.hypotheses.push(Hypothesis { effect: Effect::Sensor(var), least, sign: 0.0, penalty });
            let here = !self.elsewhere.contains(&var);
            self.meanings.push(here.then_some((Ailment::SensorOff, Whose::Point(point))));
        }
        let variables = (0..self.sources.len()).map(|v| Variable { dimension: self.dimension(v) }).collect();
        Some(Loop {
            network: Network::new(variables, self.equations, self.hypotheses),
            sources: self.sources,
            meanings: self.meanings,
            owners: self.owners,
            heads: self.heads,
        })
    }
}

/// Least error of a sensor worth a word, K or the logarithm of a factor; none for speeds and openings, which are said by who
/// moves them.
const fn least_of(dimension: Dimension) -> Option<f64> {
    match dimension {
        Dimension::Temperature => Some(0.9),
        Dimension::Flow | Dimension::Pressure => Some(0.06),
        Dimension::Power => Some(0.04),
        _ => None,
    }
}
