//! Who answers to a setpoint: the point that it is to move, or another one.
//!
//! Changes over half an hour of each controlled point against those of all setpoints of its dimension at once, so that
//! setpoints that move alike are told apart; setpoints are delayed by what a controlled loop takes:
//!
//! ```text
//! y_i(k+H) - y_i(k)  =  sum_j b_ij (x_j(k+H) - x_j(k)) + e          b by least squares
//! ```
//!
//! A point that follows its own setpoint has b_ii near 1. Only where that setpoint was moved by itself, and b_ii is near zero
//! while another point follows it, is a wrong place named.

use super::values;
use crate::identify::finding::Finding;
use crate::identify::lag::Shape;
use crate::identify::table::Table;
use headroom_site::{Dimension, PointId, Site};
use nalgebra::{DMatrix, DVector};

/// Over so long changes are looked at, s.
const CHANGE_S: f64 = 1800.0;
/// What a controlled loop takes, s.
const LOOP_S: f64 = 90.0;
/// Slope up to which a point does not follow, and slopes of one that does.
const STANDS: f64 = 0.3;
const FOLLOWS: (f64, f64) = (0.5, 1.6);
/// Standard deviation of a slope that says something.
const SURE: f64 = 0.1;

pub(super) fn look(site: &Site, table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dimension in [Dimension::Temperature, Dimension::Pressure, Dimension::Flow, Dimension::Ratio] {
        let group: Vec<usize> = (0..site.actuators.len())
            .filter(|&a| {
                let actuator = &site.actuators[a];
                let there = |p: Option<PointId>| p.is_some_and(|p| values(site, table, p).is_some());
                let measured = actuator.measures.is_some_and(|p| site.dimension(p) == dimension);
                actuator.unit.dimension == dimension
                    && measured
                    && there(actuator.measures)
                    && there(actuator.readback)
            })
            .collect();
        findings.extend(of_group(site, table, &group, dimension));
    }
    findings
}

fn of_group(site: &Site, table: &Table, group: &[usize], dimension: Dimension) -> Vec<Finding> {
    let shape = Shape { tau_s: (LOOP_S, 0.0), delay: 0 };
    let points = |p: Option<PointId>| p.and_then(|p| values(site, table, p));
    let asked: Option<Vec<Vec<f64>>> = group
        .iter()
        .map(|&a| points(site.actuators[a].readback).map(|x| shape.apply(x, table.period_s)))
        .collect();
    let Some(normal) = asked.and_then(|asked| Normal::new(&asked, table.rows_in(CHANGE_S))) else {
        return Vec::new();
    };
    let slopes = |p: PointId| values(site, table, p).map(|y| normal.slopes(y));
    let own: Vec<_> = group.iter().map(|&a| site.actuators[a].measures.and_then(slopes)).collect();
    let follows = |b: &Option<(Vec<f64>, Vec<f64>)>, j: usize| {
        b.as_ref().is_some_and(|(b, s)| (FOLLOWS.0..FOLLOWS.1).contains(&b[j]) && s[j] < SURE)
    };
    let mut findings = Vec::new();
    for (i, &a) in group.iter().enumerate() {
        let Some((b, sigma)) = &own[i] else { continue };
        if b[i] > STANDS || sigma[i] > SURE {
            continue;
        }
        let name = |p: PointId| site.points[p.index()].id.clone();
        let (actuator, Some(measures)) = (site.actuators[a].id.clone(), site.actuators[a].measures) else {
            continue;
        };
        let measures = name(measures);
        // Another's point says it best; else any point of the dimension that follows.
        let controlled = (0..group.len()).find(|&k| k != i && follows(&own[k], i) && !follows(&own[k], k));
        let answers = match controlled {
            Some(k) => site.actuators[group[k]].measures,
            None => others(site, dimension).find(|p| follows(&slopes(*p), i)),
        };
        findings.push(match answers {
            Some(p) => Finding::WrongPlace { actuator, measures, answers: name(p) },
            None => Finding::NoAnswer { actuator, measures },
        });
    }
    findings
}

/// Points of a dimension that are no setpoint and that no actuator is to move.
fn others(site: &Site, dimension: Dimension) -> impl Iterator<Item = PointId> + '_ {
    (0..site.points.len()).map(|p| PointId(p as u32)).filter(move |p| {
        let point = &site.points[p.index()];
        let named = site.actuators.iter().any(|a| a.readback == Some(*p) || a.measures == Some(*p));
        let setpoint = point.kind.contains("Setpoint") || point.id.ends_with("Setpoint");
        point.unit.dimension == dimension && !named && !setpoint
    })
}

/// Normal equations of changes of setpoints.
struct Normal {
    changes: Vec<Vec<f64>>,
    inverse: DMatrix<f64>,
    lag: usize,
}

impl Normal {
    /// None where they cannot be told apart.
    fn new(asked: &[Vec<f64>], lag: usize) -> Option<Self> {
        let rows = asked.first()?.len().checked_sub(lag)?;
        let changes: Vec<Vec<f64>> =
            asked.iter().map(|x| (0..rows).map(|k| x[k + lag] - x[k]).collect()).collect();
        let n = changes.len();
        let dot = |i: usize, j: usize| changes[i].iter().zip(&changes[j]).map(|(x, y)| x * y).sum::<f64>();
        let mut xx = DMatrix::from_fn(n, n, dot);
        // One that stood still has no slope to tell; this keeps it from breaking the others'.
        (0..n).for_each(|i| xx[(i, i)] += 1e-9 * rows as f64);
        Some(Self { changes, inverse: xx.cholesky()?.inverse(), lag })
    }

    /// Slopes of a point over all setpoints, and their standard deviations: as many independent changes as fit in a row.
    fn slopes(&self, y: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let rows = y.len().saturating_sub(self.lag);
        let known: Vec<(usize, f64)> =
            (0..rows).map(|k| (k, y[k + self.lag] - y[k])).filter(|(_, d)| d.is_finite()).collect();
        let share = (rows as f64 / known.len().max(1) as f64).max(1.0);
        let n = self.changes.len();
        let xy = DVector::from_fn(n, |j, _| {
            share * known.iter().map(|(k, d)| self.changes[j][*k] * d).sum::<f64>()
        });
        let b = &self.inverse * xy;
        let error =
            |(k, d): &(usize, f64)| (d - (0..n).map(|j| b[j] * self.changes[j][*k]).sum::<f64>()).powi(2);
        let variance = known.iter().map(error).sum::<f64>() / known.len().max(1) as f64;
        let sigma = (0..n).map(|j| (variance * self.lag as f64 * self.inverse[(j, j)]).sqrt());
        let sigma = sigma.collect();
        (b.iter().copied().collect(), sigma)
    }
}
