//! The site's model beside the plant: what is believed of its outputs, and what they will come to.
//!
//! Responsible for: the signals and outputs of a learned model from snapshots, a step of its filter each period, and what it
//! foresees if nothing is moved. Not for: the filter (`headroom-belief`, `model`), learning a model (`identify`), or deciding
//! by it.
//!
//! Values are those of the table that a model is learned from: means over a period of what was good, sums over the columns
//! of a signal. What is missing stays where it was; an output that is missing is not measured, and its belief widens.

use crate::align::Snapshot;
use crate::estimate::Estimate;
use headroom_belief::model::{Forecast, Model, ModelFilter};
use headroom_site::{Dimension, PointId, Site, Span, Stamp};

/// How far ahead is looked, s.
pub const AHEAD_S: [f64; 2] = [900.0, 3600.0];
/// Share of a period in the running means of squares.
const SHARE: f64 = 0.02;

/// Why a model is not of this site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOfThisSite {
    /// It says so itself.
    #[error("the model is of the site `{0}`, this one is `{1}`; learn a model of this site")]
    Site(String, String),
    /// A column that this site has not.
    #[error(
        "the model's `{name}` is made of `{column}`, which this site has not; learn a model of this site"
    )]
    Column {
        /// Signal or output.
        name: String,
        /// The column.
        column: String,
    },
}

/// Where a column comes from.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    Point(PointId),
    /// GPU power of a rack: spans of GPUs, first and one past the last.
    Rack(Vec<(usize, usize)>),
}

#[derive(Debug, Clone)]
struct Mean {
    column: Column,
    /// Counters and states: the last value counts.
    last_counts: bool,
    sum: f64,
    count: u32,
}

/// What is foreseen of an output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foreseen {
    /// What is believed now.
    pub now: Forecast,
    /// What it will come to after each of [`AHEAD_S`] if nothing is moved.
    pub ahead: [Forecast; AHEAD_S.len()],
    /// What the plant does beside the model, base unit.
    pub disturbance: f64,
    /// Running mean of the squared innovation over its variance: 1 if the filter is as sure as it should be.
    pub nis: f64,
}

/// A model with its filter, beside a plant.
#[derive(Debug, Clone)]
pub struct SiteFilter {
    filter: ModelFilter,
    means: Vec<Mean>,
    /// Columns of each signal and of each output, as indices of means.
    signals: Vec<Vec<usize>>,
    outputs: Vec<Vec<usize>>,
    period: Span,
    due: Option<Stamp>,
    foreseen: Vec<Foreseen>,
    nis: Vec<f64>,
    periods: u64,
    /// Each signal as it was when it was last known, base unit.
    known: Vec<f64>,
}

impl SiteFilter {
    /// For a model of this site.
    ///
    /// # Errors
    /// It is of another one.
    pub fn new(site: &Site, model: &Model) -> Result<Self, NotOfThisSite> {
        if model.site != site.name {
            return Err(NotOfThisSite::Site(model.site.clone(), site.name.clone()));
        }
        let mut means = Vec::new();
        let mut resolve = |name: &str, columns: &'_ [String]| -> Result<Vec<usize>, NotOfThisSite> {
            columns
                .iter()
                .map(|column| {
                    if let Some(there) = means.iter().position(|m: &(String, Mean)| m.0 == *column) {
                        return Ok(there);
                    }
                    let unknown = || NotOfThisSite::Column { name: name.to_owned(), column: column.clone() };
                    means.push((column.clone(), mean_of(site, column).ok_or_else(unknown)?));
                    Ok(means.len() - 1)
                })
                .collect()
        };
        let signals = model.signals.iter().map(|s| resolve(&s.name, &s.columns)).collect::<Result<_, _>>()?;
        let outputs = model.outputs.iter().map(|o| resolve(&o.name, &o.columns)).collect::<Result<_, _>>()?;
        Ok(Self {
            filter: ModelFilter::new(model),
            means: means.into_iter().map(|m| m.1).collect(),
            signals,
            outputs,
            period: Span::from_s(model.period_s),
            due: None,
            foreseen: Vec::new(),
            nis: vec![1.0; model.outputs.len()],
            periods: 0,
            known: vec![f64::NAN; model.signals.len()],
        })
    }

    /// Looks at a snapshot; a step of the filter where a period is over.
    pub fn look(&mut self, snapshot: &Snapshot, estimate: &Estimate) {
        for mean in &mut self.means {
            mean.take(snapshot, estimate);
        }
        let now = snapshot.stamp;
        let due = *self.due.get_or_insert(now + self.period);
        if now < due {
            return;
        }
        // Behind by more than a period, it begins to count anew.
        let behind = now.since(due) >= self.period;
        self.due = Some(if behind { now } else { due } + self.period);
        let values: Vec<f64> = self.means.iter_mut().map(Mean::end).collect();
        let sum = |columns: &Vec<usize>| columns.iter().map(|c| values[*c]).sum::<f64>();
        let signals: Vec<f64> = self.signals.iter().map(sum).collect();
        let outputs: Vec<Option<f64>> =
            self.outputs.iter().map(|c| Some(sum(c)).filter(|y| y.is_finite())).collect();
        self.known.iter_mut().zip(&signals).filter(|(_, s)| s.is_finite()).for_each(|(k, s)| *k = *s);
        self.filter.step(&signals, &outputs);
        self.periods += 1;
        for (nis, innovation) in self.nis.iter_mut().zip(self.filter.innovations()) {
            if let Some(e) = innovation {
                *nis += (e * e - *nis) * SHARE;
            }
        }
        self.foresee(signals.len());
    }

    fn foresee(&mut self, signals: usize) {
        let periods = |s: f64| ((s / self.period.s()).round() as usize).max(1);
        let stay = vec![vec![f64::NAN; signals]; periods(AHEAD_S[AHEAD_S.len() - 1])];
        let (now, ahead) = (self.filter.now(), self.filter.ahead(&stay));
        let at = |output: usize, s: f64| ahead.get(periods(s) - 1).map_or(now[output], |f| f[output]);
        let one = |output: usize| Foreseen {
            now: now[output],
            ahead: AHEAD_S.map(|s| at(output, s)),
            disturbance: self.filter.disturbances()[output],
            nis: self.nis[output],
        };
        self.foreseen = (0..now.len()).map(one).collect();
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        self.filter.model()
    }

    /// What is foreseen of each output of the model; empty before the first period is over.
    #[must_use]
    pub fn foreseen(&self) -> &[Foreseen] {
        &self.foreseen
    }

    /// Each signal of the model as it was when it was last known, base unit; not a number before.
    #[must_use]
    pub fn signals(&self) -> &[f64] {
        &self.known
    }

    /// What the outputs will be in each of the periods for which signals are given, the next one first; a signal that is not a
    /// number stays as it is. Empty before the first period is over.
    #[must_use]
    pub fn ahead(&self, signals: &[Vec<f64>]) -> Vec<Vec<Forecast>> {
        self.filter.ahead(signals)
    }

    /// Periods so far.
    #[must_use]
    pub const fn periods(&self) -> u64 {
        self.periods
    }
}

impl Mean {
    fn take(&mut self, snapshot: &Snapshot, estimate: &Estimate) {
        let value = match &self.column {
            Column::Point(p) => snapshot.good(*p),
            // A silent GPU counts with its cap, which is no heat that anybody has seen.
            Column::Rack(spans) => {
                let heard = spans.iter().all(|&(a, b)| snapshot.gpus[a..b].iter().all(|g| g.heard));
                heard.then(|| spans.iter().map(|&(a, b)| estimate.power_w[a..b].iter().sum::<f64>()).sum())
            }
        };
        match value {
            Some(value) if self.last_counts => (self.sum, self.count) = (value, 1),
            Some(value) => (self.sum, self.count) = (self.sum + value, self.count + 1),
            None => {}
        }
    }

    /// The mean of a period that is over; not a number where nothing was good.
    fn end(&mut self) -> f64 {
        let (sum, count) = (std::mem::take(&mut self.sum), std::mem::take(&mut self.count));
        if count == 0 { f64::NAN } else { sum / f64::from(count) }
    }
}

fn mean_of(site: &Site, name: &str) -> Option<Mean> {
    let column = column(site, name)?;
    let last_counts = match &column {
        Column::Rack(_) => false,
        Column::Point(p) => {
            let point = &site.points[p.index()];
            point.counter || point.unit.dimension == Dimension::Count
        }
    };
    Some(Mean { column, last_counts, sum: 0.0, count: 0 })
}

/// A column by its name in tables: a point, or `gpu_power:RACK`.
pub(crate) fn column(site: &Site, name: &str) -> Option<Column> {
    let Some(rack) = name.strip_prefix("gpu_power:") else { return site.point(name).map(Column::Point) };
    let nodes = site.nodes.iter().filter(|n| n.rack == rack);
    let spans: Vec<(usize, usize)> = nodes.map(|n| (n.gpus.0 as usize, n.gpus.1 as usize)).collect();
    (!spans.is_empty()).then_some(Column::Rack(spans))
}

#[cfg(test)]
pub(crate) mod tests;
