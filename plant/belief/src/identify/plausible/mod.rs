//! Plausibility: is the table what the site file says it is.
//!
//! Responsible for: wrong units, swapped points, points that answer to another's setpoint, from what physics lets expect. Not
//! for: single bad readings (`core`, align), which have another time scale.
//!
//! Rooms: `scale` (units: a number against what surrounds it), `water` (supply and return, heat of water against power),
//! `answers` (who answers to a setpoint). Units come first: what has a wrong unit is not held against others.

mod answers;
mod scale;
mod water;

use super::finding::Finding;
use super::table::Table;
use headroom_site::{PointId, Site};

/// Everything that is not as the site file says.
pub(super) fn look(site: &Site, table: &Table) -> Vec<Finding> {
    let mut findings = scale::look(site, table);
    findings.extend(water::look(site, table, &findings));
    if findings.iter().any(Finding::refuses) {
        return findings;
    }
    findings.extend(answers::look(site, table));
    findings
}

/// Values of a point.
fn values<'a>(site: &Site, table: &'a Table, point: PointId) -> Option<&'a [f64]> {
    table.column(&site.points[point.index()].id).map(|c| c.values.as_slice())
}

/// Mean of what is known, if enough is.
fn mean(values: &[f64]) -> Option<f64> {
    let known = || values.iter().filter(|v| v.is_finite());
    let n = known().count();
    (n >= 10).then(|| known().sum::<f64>() / n as f64)
}

/// Power of the GPUs of some racks, row by row; none where no column shows one of them.
fn gpu_power<'a>(table: &Table, racks: impl Iterator<Item = &'a str>) -> Option<Vec<f64>> {
    let columns: Vec<String> =
        racks.map(|r| format!("gpu_power:{r}")).filter(|c| table.column(c).is_some()).collect();
    table.sum(&columns)
}

/// Is a point in a finding about units?
fn in_doubt(findings: &[Finding], id: &str) -> bool {
    findings.iter().any(|f| matches!(f, Finding::Unit { point, .. } if point == id))
}
