//! The power tree of the site file, and whether it adds up.

use super::Names;
use super::place::Places;
use crate::doc::{At, Doc, Table};
use crate::model::{PointId, PowerId, PowerNode};
use crate::{Power, Ratio};
use std::collections::BTreeMap;

pub(super) struct PowerTree {
    pub(super) nodes: Vec<PowerNode>,
    pub(super) names: Names,
}

struct Draft {
    id: At<String>,
    kind: String,
    budget: Option<At<Power>>,
    oversubscribed: bool,
    meter: Option<PointId>,
    limit: Option<PointId>,
    serves: Vec<At<String>>,
    overhead: Option<f64>,
}

pub(super) fn read(root: &Table<'_>, places: &Places, points: &Names) -> PowerTree {
    let doc = root.doc();
    let mut names = Names::new("power branch");
    let mut drafts: Vec<Draft> = Vec::new();
    root.tables("power", |t| {
        let id = t.need_at::<String>("id");
        let kind = t.or("kind", "branch".to_owned());
        let budget = t.at::<Power>("budget");
        let oversubscribed = t.or("oversubscribed", false);
        let point =
            |key: &str| t.at::<String>(key).and_then(|n| points.find(doc, &n)).map(|i| PointId(i as u32));
        let (meter, limit) = (point("meter"), point("limit-point"));
        let serves = t.strings("serves");
        let overhead = t.at::<Ratio>("overhead").map(|share| share.value.as_fraction());
        let Some(id) = id else { return };
        names.add(doc, &id, drafts.len());
        drafts.push(Draft { id, kind, budget, oversubscribed, meter, limit, serves, overhead });
    });
    let parents = parents(doc, &drafts, &names, places);
    let order = top_down(doc, &drafts, &parents);
    add_up(doc, &drafts, &parents, places);
    let new_index: BTreeMap<usize, u32> =
        order.iter().enumerate().map(|(new, old)| (*old, new as u32)).collect();
    let nodes = order
        .iter()
        .map(|&i| PowerNode {
            id: drafts[i].id.value.clone(),
            kind: drafts[i].kind.clone(),
            parent: parents[i].and_then(|p| new_index.get(&p)).map(|p| PowerId(*p)),
            budget_w: drafts[i].budget.as_ref().map(|b| b.value.as_watts()),
            meter: drafts[i].meter,
            limit: drafts[i].limit,
            racks: drafts[i]
                .serves
                .iter()
                .filter(|s| places.is_rack(&s.value))
                .map(|s| s.value.clone())
                .collect(),
            overhead: drafts[i].overhead,
        })
        .collect();
    for (new, old) in order.iter().enumerate() {
        names.ids.insert(drafts[*old].id.value.clone(), new);
    }
    PowerTree { nodes, names }
}

/// The one parent of each branch. A rack or branch that two branches serve is a finding: budgets of a tree add
/// up only if each thing hangs on one branch.
fn parents(doc: &Doc, drafts: &[Draft], names: &Names, places: &Places) -> Vec<Option<usize>> {
    let mut parents = vec![None; drafts.len()];
    let mut racks: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, draft) in drafts.iter().enumerate() {
        for served in &draft.serves {
            let earlier = if let Some(&child) = names.ids.get(&served.value) {
                parents[child].replace(i)
            } else if places.is_rack(&served.value) {
                racks.insert(&served.value, i)
            } else {
                let known = names.ids.keys().chain(places.places.keys()).map(String::as_str);
                let remedy = crate::doc::suggest(&served.value, known)
                    .map_or("serve a rack or another [[power]] branch".into(), |n| {
                        format!("did you mean `{n}`?")
                    });
                doc.find(
                    served.span.clone(),
                    format!("`{}` is neither a power branch nor a rack", served.value),
                    remedy,
                );
                None
            };
            if let Some(earlier) = earlier.filter(|e| *e != i) {
                let what = format!("`{}` is already served by `{}`", served.value, drafts[earlier].id.value);
                doc.find(
                    served.span.clone(),
                    what,
                    "let one branch serve it; a second feed is a redundancy, not a budget",
                );
            }
        }
    }
    parents
}

fn top_down(doc: &Doc, drafts: &[Draft], parents: &[Option<usize>]) -> Vec<usize> {
    let depth = |mut i: usize| {
        let mut d = 0_usize;
        while let Some(p) = parents[i] {
            d += 1;
            i = p;
            if d > drafts.len() {
                return None;
            }
        }
        Some(d)
    };
    let mut order: Vec<(usize, usize)> = Vec::new();
    for (i, draft) in drafts.iter().enumerate() {
        match depth(i) {
            Some(d) => order.push((d, i)),
            None => doc.find(
                draft.id.span.clone(),
                format!("power branch `{}` feeds itself", draft.id.value),
                "break the circle in `serves`",
            ),
        }
    }
    order.sort_unstable();
    order.into_iter().map(|(_, i)| i).collect()
}

/// Budgets must add up: no branch above the one that feeds it, the branches of one feeder not above it (unless it
/// says that it is oversubscribed), and room for every GPU at its lowest cap.
fn add_up(doc: &Doc, drafts: &[Draft], parents: &[Option<usize>], places: &Places) {
    for (i, draft) in drafts.iter().enumerate() {
        let Some(budget) = &draft.budget else { continue };
        let own = budget.value.as_watts();
        let mut up = parents[i];
        for _ in 0..drafts.len() {
            let Some(p) = up else { break };
            if let Some(above) = drafts[p].budget.as_ref().filter(|b| b.value.as_watts() < own) {
                let what = format!(
                    "the budget of `{}` ({:.1} kW) is above that of `{}` ({:.1} kW), which feeds it",
                    draft.id.value,
                    own / 1e3,
                    drafts[p].id.value,
                    above.value.as_kilowatts()
                );
                doc.find(budget.span.clone(), what, "lower it, or raise the feeding branch");
                break;
            }
            up = parents[p];
        }
        let below: f64 = drafts
            .iter()
            .zip(parents)
            .filter(|(_, p)| **p == Some(i))
            .filter_map(|(d, _)| d.budget.as_ref())
            .map(|b| b.value.as_watts())
            .sum();
        if below > own * (1.0 + 1e-9) && !draft.oversubscribed {
            let what = format!(
                "the budget tree does not add up: the branches below `{}` have {:.1} kW together, it has {:.1} kW",
                draft.id.value,
                below / 1e3,
                own / 1e3
            );
            doc.find(
                budget.span.clone(),
                what,
                "correct the budgets, or write `oversubscribed = true` here if that is meant",
            );
        }
        let floor = floor_w(i, drafts, parents, places, 0);
        if floor > own {
            let what = format!(
                "`{}` cannot be kept: its nodes with every GPU at the lowest cap draw {:.1} kW, the budget is {:.1} kW",
                draft.id.value,
                floor / 1e3,
                own / 1e3
            );
            doc.find(budget.span.clone(), what, "raise the budget, or serve fewer racks from it");
        }
    }
}

fn floor_w(i: usize, drafts: &[Draft], parents: &[Option<usize>], places: &Places, depth: usize) -> f64 {
    if depth > drafts.len() {
        return 0.0;
    }
    let own: f64 = places
        .nodes
        .iter()
        .filter(|n| drafts[i].serves.iter().any(|s| s.value == n.rack))
        .map(|n| {
            let gpus = places.gpus.get(n.gpus.0 as usize..n.gpus.1 as usize).unwrap_or_default();
            n.other_w + gpus.iter().map(|g| places.skus[g.sku].min_cap_w).sum::<f64>()
        })
        .sum();
    let below: f64 = (0..drafts.len())
        .filter(|c| parents[*c] == Some(i))
        .map(|c| floor_w(c, drafts, parents, places, depth + 1))
        .sum();
    own + below
}
