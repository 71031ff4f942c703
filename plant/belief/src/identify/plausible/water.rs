//! Water: it comes back warmer than it went, and carries the power that was put into it.
//!
//! ```text
//! Q = rho c V dT      rho c = 4.0 MJ/(m3 K): water 4.17, with a quarter of propylene glycol 3.9 (ASHRAE Fundamentals 2021, 31)
//! ```
//!
//! The water of a rack or a CDU carries between a third and all of the power of its racks and some more: air carries the
//! rest, and GPUs are not all that draws. Only what is far outside is said, with the unit that would explain it.

use super::{gpu_power, in_doubt, mean, scale, values};
use crate::identify::finding::{Finding, Slip};
use crate::identify::table::Table;
use headroom_site::quantity::UNITS;
use headroom_site::{Dimension, PointId, Site};

/// Heat that a litre per minute carries per kelvin, W.
const W_PER_LPM_K: f64 = 4.0e6 / 1000.0 / 60.0;
/// Heat of water over power of GPUs.
const BALANCE: (f64, f64) = (0.33, 2.2);
/// Heat of water over power of racks' meters.
const BALANCE_METERED: (f64, f64) = (0.33, 1.4);
/// Water that comes back by so much colder has the names of its sensors swapped, K.
const SWAPPED_K: f64 = 0.3;
/// Share of rows in which it must.
const SHARE: f64 = 0.7;

/// Supply and return of one water.
struct Pair {
    of: String,
    supply: PointId,
    back: PointId,
    flow: Option<PointId>,
    /// The side that is turned to the racks.
    carries: bool,
}

pub(super) fn look(site: &Site, table: &Table, doubted: &[Finding]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in pairs(site) {
        let id = |p: PointId| site.points[p.index()].id.clone();
        let (supply, back) = (id(pair.supply), id(pair.back));
        if in_doubt(doubted, &supply) || in_doubt(doubted, &back) {
            continue;
        }
        let Some(there) = values(site, table, pair.supply).zip(values(site, table, pair.back)) else {
            continue;
        };
        let power = power(site, table, &pair.of);
        let rises = rises(site, table, &pair, there, power.as_ref().map(|p| p.0.as_slice()));
        let Some(rise_k) = mean(&rises) else { continue };
        let cold = rises.iter().filter(|r| **r < 0.0).count() as f64;
        if rise_k < -SWAPPED_K && cold > SHARE * rises.len() as f64 {
            findings.push(cold_return(site, table, (supply, back), rise_k, there));
            continue;
        }
        if let (true, Some(flow), Some((watts, metered))) = (pair.carries, pair.flow, power) {
            findings.extend(balance(site, table, &pair, flow, &watts, metered, doubted));
        }
    }
    findings
}

/// Longest rise of a cooling water, K.
const LONGEST_RISE_K: f64 = 40.0;

/// Why water comes back colder: a unit that was declared and is not, else swapped names.
fn cold_return(
    site: &Site,
    table: &Table,
    (supply, back): (String, String),
    rise_k: f64,
    (there, comes): (&[f64], &[f64]),
) -> Finding {
    let (Some(to), Some(from)) = (mean(there), mean(comes)) else {
        return Finding::Swapped { supply, back, rise_k };
    };
    let ends = [
        (&back, from, (to + SWAPPED_K, to + LONGEST_RISE_K)),
        (&supply, to, (from - LONGEST_RISE_K, from - SWAPPED_K)),
    ];
    for (id, mean, bounds) in ends {
        if let Some(slip @ Slip::DeclaredAs(_)) = scale::slip(site, table, id, mean, bounds) {
            let against = format!("degC the water would come back {:.1} K colder than it goes", -rise_k);
            return scale::finding(table, id, slip, mean, against);
        }
    }
    Finding::Swapped { supply, back, rise_k }
}

/// Supplies with their returns, by the words of the point types.
fn pairs(site: &Site) -> Vec<Pair> {
    let says = |p: usize, word: &str| {
        let point = &site.points[p];
        point.kind.contains(word) || point.area.iter().any(|a| a == word)
    };
    let usable = |p: &usize| {
        let point = &site.points[*p];
        let read = site.actuators.iter().any(|a| a.readback == Some(PointId(*p as u32)));
        let setpoint =
            read || point.kind.contains("Setpoint") || says(*p, "Setpoint") || point.id.ends_with("Setpoint");
        let air = point.kind.contains("Air");
        point.unit.dimension == Dimension::Temperature && !setpoint && !air
    };
    let all: Vec<usize> = (0..site.points.len()).filter(usable).collect();
    let same_side = |a: usize, b: usize| {
        site.points[a].of == site.points[b].of
            && ["Primary", "Secondary"].iter().all(|side| says(a, side) == says(b, side))
    };
    let mut out: Vec<Pair> = Vec::new();
    for (to, from) in [("Supply", "Return"), ("Inlet", "Outlet")] {
        for &s in all.iter().filter(|p| says(**p, to)) {
            let Some(&r) = all.iter().find(|r| says(**r, from) && same_side(s, **r)) else { continue };
            let of = site.points[s].of.clone();
            let flows = |p: &usize| {
                site.points[*p].of == of
                    && site.points[*p].unit.dimension == Dimension::Flow
                    && same_side(s, *p)
            };
            let flow = (0..site.points.len()).find(flows).map(|p| PointId(p as u32));
            let carries = to == "Supply" && !says(s, "Primary");
            out.push(Pair { of, supply: PointId(s as u32), back: PointId(r as u32), flow, carries });
        }
    }
    out
}

/// Power of the racks downstream, row by row, and whether it is metered (else their GPUs').
fn power(site: &Site, table: &Table, of: &str) -> Option<(Vec<f64>, bool)> {
    let below = site.downstream(of);
    let racks =
        || below.iter().copied().filter(|id| site.places.get(*id).is_some_and(|(kind, _)| kind == "rack"));
    if let Some(gpus) = gpu_power(table, racks()) {
        return Some((gpus, false));
    }
    let meter = |rack: &str| site.power.iter().find(|p| p.racks == [rack.to_owned()]).and_then(|p| p.meter);
    let ids: Option<Vec<String>> = racks().map(|r| Some(site.points[meter(r)?.index()].id.clone())).collect();
    Some((table.sum(&ids?)?, true))
}

/// Rise of the water in rows in which it flows and there is heat.
fn rises(
    site: &Site,
    table: &Table,
    pair: &Pair,
    (supply, back): (&[f64], &[f64]),
    power: Option<&[f64]>,
) -> Vec<f64> {
    let most = |v: &[f64]| v.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
    let flow = pair.flow.and_then(|f| values(site, table, f));
    let (most_flow, most_power) = (flow.map_or(0.0, most), power.map_or(0.0, most));
    (0..table.rows)
        .filter(|&k| {
            flow.is_none_or(|f| f[k] > 0.3 * most_flow) && power.is_none_or(|p| p[k] > 0.3 * most_power)
        })
        .map(|k| back[k] - supply[k])
        .filter(|r| r.is_finite())
        .collect()
}

fn balance(
    site: &Site,
    table: &Table,
    pair: &Pair,
    flow: PointId,
    watts: &[f64],
    metered: bool,
    doubted: &[Finding],
) -> Option<Finding> {
    let id = &site.points[flow.index()].id;
    let (supply, back) = values(site, table, pair.supply).zip(values(site, table, pair.back))?;
    let flows = values(site, table, flow)?;
    let heat: Vec<f64> = (0..table.rows).map(|k| W_PER_LPM_K * flows[k] * (back[k] - supply[k])).collect();
    let (heat, power) = (mean(&heat)?, mean(watts)?);
    let (low, high) = if metered { BALANCE_METERED } else { BALANCE };
    let ratio = heat / power.max(1.0);
    if in_doubt(doubted, id) || power < 1e3 || (low..=high).contains(&ratio) {
        return None;
    }
    let declared = table.column(id).map(|c| c.unit.as_str());
    let own = site.points[flow.index()].unit.symbol;
    let units = UNITS.iter().filter(|u| u.dimension == Dimension::Flow && (u.scale - 1.0).abs() > 1e-9);
    let ways = units.flat_map(|u| {
        [(ratio * u.scale, Slip::NumbersAre(u.symbol)), (ratio / u.scale, Slip::DeclaredAs(u.symbol))]
    });
    // The unit after which heat and power differ least.
    let may = |slip: &Slip| {
        matches!(slip, Slip::NumbersAre(_))
            || matches!(slip, Slip::DeclaredAs(u) if declared == Some(*u) || own == *u)
    };
    let ways = ways.filter(|(r, slip)| (low..=high).contains(r) && may(slip));
    let best = ways.min_by(|a, b| a.0.ln().abs().total_cmp(&b.0.ln().abs()));
    let Some((_, slip)) = best else {
        return Some(Finding::Balance { flow: id.clone(), water_w: heat, power_w: power });
    };
    let mean = mean(flows)?;
    let against =
        format!("L/min the water carries {:.4} kW, where {:.4} kW are put into it", heat / 1e3, power / 1e3);
    Some(scale::finding(table, id, slip, mean, against))
}
