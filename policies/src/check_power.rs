//! Budgets of a policy against the site's power tree: never above the site's, and possible to keep.

use crate::budget::{Branches, Budget, BudgetLimit};
use crate::check::unknown;
use headroom_site::Site;
use headroom_site::doc::Doc;
use headroom_site::model::PowerNode;

pub(crate) fn budget(doc: &Doc, site: &Site, floors_w: &[f64], budget: &Budget) {
    match &budget.branches {
        Branches::One(id) if !site.power.iter().any(|p| p.id == *id) => {
            let known = site.power.iter().map(|p| p.id.as_str());
            unknown(doc, budget.at.at("branch"), "power branch", id, known);
        }
        Branches::Kind(kind) if !site.power.iter().any(|p| p.kind == *kind) => {
            let known = site.power.iter().map(|p| p.kind.as_str()).chain(["root"]);
            unknown(doc, budget.at.at("kind"), "kind of power branch", kind, known);
        }
        Branches::Roots if site.power.is_empty() => doc.find(
            budget.at.at("kind"),
            "the site has no power branch that this budget could be for",
            "add [[power]] branches to the site file, or remove the budget",
        ),
        _ => {}
    }
    // One finding of each sort suffices: a kind may have hundreds of branches.
    let branches = || site.power.iter().enumerate().filter(|(_, p)| budget.branches.holds(p));
    if let Some((_, p)) = branches().find(|(_, p)| p.budget_w.is_none())
        && matches!(budget.limit, BudgetLimit::Share(_))
    {
        let what = format!("a share of nothing: the site gives `{}` no budget", p.id);
        doc.find(budget.at.at("limit"), what, "give a power, or a budget to the branch in the site file");
    }
    if let Some((_, p)) = branches().find(|(_, p)| above(p, budget)) {
        let what = format!(
            "the budget of `{}` is above the site's: {:.1} kW against {:.1} kW",
            p.id,
            budget.limit.of(p).map_or(f64::NAN, |l| l.as_kilowatts()),
            p.budget_w.unwrap_or(f64::NAN) / 1e3
        );
        let remedy = "stay at or below it; only the site file can widen it";
        doc.find(budget.at.at("limit"), what, remedy);
    }
    let floor = |i: usize| floors_w.get(i).copied().unwrap_or(0.0);
    let short = branches().find(|(i, p)| budget.limit.of(p).is_some_and(|l| l.as_watts() < floor(*i)));
    if let Some((i, p)) = short {
        let what = format!(
            "the budget of `{}` cannot be kept: with every GPU at its lowest cap its nodes draw {:.1} kW",
            p.id,
            floor(i) / 1e3
        );
        doc.find(budget.at.at("limit"), what, "raise it, or take nodes out of service first");
    }
}

fn above(branch: &PowerNode, budget: &Budget) -> bool {
    let (Some(site), Some(wish)) = (branch.budget_w, budget.limit.of(branch)) else { return false };
    wish.as_watts() > site * (1.0 + 1e-9)
}

/// For each branch what the nodes below it draw with every GPU at its lowest cap, W.
pub(crate) fn floors_w(site: &Site) -> Vec<f64> {
    let mut floors = vec![0.0; site.power.len()];
    for (node, branch) in site.nodes.iter().zip(site.power_of_nodes()) {
        let Some(floor) = branch.and_then(|b| floors.get_mut(b.index())) else { continue };
        let gpus = site.gpus.get(node.gpus.0 as usize..node.gpus.1 as usize).unwrap_or_default();
        let caps: f64 = gpus.iter().filter_map(|g| site.skus.get(g.sku)).map(|s| s.min_cap_w).sum();
        *floor += node.other_w + caps;
    }
    // Parents stand before their children: from the last branch up, each is complete when it is added.
    for child in (0..floors.len()).rev() {
        if let Some(parent) = site.power[child].parent.filter(|p| p.index() < child) {
            floors[parent.index()] += floors[child];
        }
    }
    floors
}
