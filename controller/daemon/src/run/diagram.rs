//! The plant as a diagram: the cooling graph and the power tree, with what is measured at each part.
//!
//! Responsible for: who is drawn, in which layer and row, and the figures of the last tick; the page `/plant`. Not for: headroom,
//! which `/status` has by the same ids, nor for drawing (the web page).
//!
//! It is drawn from the site file alone: equipment that serves something or is served, racks, branches. A layer is the longest way
//! from whoever is served by nobody, and as near as can be to whoever is served; rows follow those of the layer before (barycentre; Sugiyama, Tagawa and Toda 1981). Racks
//! that the same parts serve are one where they are many.

use super::questions::Questions;
use super::seen::views::tidy;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use headroom_core::Line;
use headroom_site::{Dimension, PointId, Site};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// More racks than that with the same parents are drawn as one.
const ALONE: usize = 6;
/// Figures of a part.
const FIGURES: usize = 5;

/// One net of parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Net {
    pub(crate) name: &'static str,
    pub(crate) nodes: Vec<Node>,
    /// From, to: indices of nodes.
    pub(crate) edges: Vec<(usize, usize)>,
}

/// A part.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) layer: usize,
    pub(crate) row: usize,
    /// Racks that are drawn as this one.
    pub(crate) members: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    #[serde(skip)]
    points: Vec<PointId>,
    /// GPUs of racks, and branch of the power tree.
    #[serde(skip)]
    gpus: Vec<usize>,
    #[serde(skip)]
    branch: Option<usize>,
}

/// What is measured there.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
    /// Why there is no value.
    pub(crate) not_good: Option<String>,
}

/// Both nets of a site.
#[derive(Debug, Clone)]
pub(crate) struct Diagram(Vec<Net>);

impl Diagram {
    pub(crate) fn new(site: &Site) -> Self {
        Self(vec![cooling(site), power(site)])
    }

    /// With the figures of the last tick.
    pub(crate) fn look(&self, line: &Line) -> Vec<Net> {
        let mut nets = self.0.clone();
        for node in nets.iter_mut().flat_map(|net| &mut net.nodes) {
            node.figures = node.points.iter().map(|p| figure(line, *p)).collect();
            let watts = |what: &str, w: f64| Figure {
                what: what.to_owned(),
                value: Some(tidy(w)),
                unit: "W".to_owned(),
                not_good: None,
            };
            if let Some(b) = node.branch {
                node.figures.insert(0, watts("draws", line.estimate().branch_w[b]));
                let budget = line.outlook().budget_w[b];
                if budget.is_finite() {
                    node.figures.insert(1, watts("may draw", budget));
                }
            } else if !node.gpus.is_empty() {
                let drawn = node.gpus.iter().map(|&g| line.estimate().power_w[g]).sum();
                node.figures.insert(0, watts("GPUs", drawn));
            }
            node.figures.truncate(FIGURES);
        }
        nets
    }
}

fn figure(line: &Line, p: PointId) -> Figure {
    let (point, now) = (&line.site().points[p.index()], line.snapshot().points[p.index()]);
    let usable = now.quality.is_usable() && now.value.is_finite();
    Figure {
        what: what(&point.kind, &point.area),
        value: usable.then(|| tidy(point.unit.from_base(now.value))),
        unit: point.unit.symbol.to_owned(),
        not_good: (!usable).then(|| now.quality.to_string()),
    }
}

/// Words of point types that are short in a drawing; what a unit says needs none.
const SHORT: [(&str, &str); 7] = [
    ("rack ", ""),
    ("liquid ", ""),
    ("differential pressure", "dP"),
    ("temperature", "temp"),
    ("active power", "power"),
    ("valve position", "valve"),
    ("relative humidity", "humidity"),
];

/// "secondary supply temp" of point type and areas.
fn what(kind: &str, area: &[String]) -> String {
    let mut word = String::new();
    for c in kind.chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push(' ');
        }
        word.extend(c.to_lowercase());
    }
    let word = SHORT.iter().fold(word, |word, (long, short)| word.replace(long, short));
    let areas = area.iter().map(|a| a.to_lowercase());
    areas.chain(std::iter::once(word)).collect::<Vec<_>>().join(" ")
}

/// Points of a thing that are shown: temperatures, flows, pressures, powers, then valves and speeds.
fn points_of(site: &Site, id: &str) -> Vec<PointId> {
    let asked = |i: usize| {
        let p = &site.points[i];
        let is = |a: &&headroom_site::model::Actuator| a.readback.is_some_and(|r| r.index() == i);
        site.actuators.iter().any(|a| is(&a))
            || p.kind.contains("Setpoint")
            || p.area.iter().any(|a| a == "Setpoint")
    };
    let rank = |p: &headroom_site::model::Point| match p.unit.dimension {
        Dimension::Temperature => Some(0),
        Dimension::Flow => Some(1),
        Dimension::Pressure => Some(2),
        Dimension::Power if !p.kind.contains("Apparent") => Some(3),
        Dimension::Ratio | Dimension::Frequency => Some(4),
        _ => None,
    };
    let own =
        (0..site.points.len()).filter(|&i| site.points[i].of == id && !site.points[i].counter && !asked(i));
    let mut found: Vec<(u8, usize)> = own.filter_map(|i| Some((rank(&site.points[i])?, i))).collect();
    found.sort_unstable();
    // One of each kind first, so that four temperatures do not hide the flow.
    let mut seen = BTreeMap::<u8, usize>::new();
    let mut turns: Vec<(usize, u8, usize)> = found
        .iter()
        .map(|&(rank, i)| {
            let turn = seen.entry(rank).or_default();
            *turn += 1;
            (*turn, rank, i)
        })
        .collect();
    turns.sort_unstable();
    turns.truncate(FIGURES);
    turns.sort_unstable_by_key(|&(_, rank, i)| (rank, i));
    turns.into_iter().map(|(.., i)| PointId(i as u32)).collect()
}

/// Racks by who serves them, as one node each or one for all of the same.
fn racks(site: &Site, served: &[(String, Vec<usize>)]) -> Vec<(Node, Vec<usize>)> {
    let mut by_parents: BTreeMap<&[usize], Vec<&str>> = BTreeMap::new();
    for (rack, parents) in served {
        by_parents.entry(parents).or_default().push(rack);
    }
    let mut out = Vec::new();
    for (parents, ids) in by_parents {
        let groups: Vec<Vec<&str>> =
            if ids.len() > ALONE { vec![ids] } else { ids.into_iter().map(|id| vec![id]).collect() };
        for members in groups {
            let of_rack = |n: &&headroom_site::model::Node| members.contains(&n.rack.as_str());
            let spans = site.nodes.iter().filter(of_rack).map(|n| n.gpus);
            let gpus = spans.flat_map(|(a, b)| a as usize..b as usize).collect();
            let id = match members[..] {
                [one] => one.to_owned(),
                _ => format!("{} and {} more", members[0], members.len() - 1),
            };
            let points = if members.len() == 1 { points_of(site, members[0]) } else { Vec::new() };
            let members = members.iter().map(|m| (*m).to_owned()).collect();
            out.push((
                Node { id, kind: "rack".to_owned(), members, points, gpus, ..Node::default() },
                parents.to_vec(),
            ));
        }
    }
    out
}

fn cooling(site: &Site) -> Net {
    let serves = |e: &headroom_site::model::Equipment, id: &str| e.serves.iter().any(|s| s == id);
    let drawn: Vec<&headroom_site::model::Equipment> = site
        .equipment
        .iter()
        .filter(|e| !e.serves.is_empty() || site.equipment.iter().any(|o| serves(o, &e.id)))
        .collect();
    let mut net = Net { name: "cooling", ..Net::default() };
    for e in &drawn {
        let (id, kind) = (e.id.clone(), e.kind.clone());
        net.nodes.push(Node { points: points_of(site, &id), id, kind, ..Node::default() });
    }
    for (i, e) in drawn.iter().enumerate() {
        let served = drawn.iter().enumerate().filter(|(_, o)| serves(e, &o.id));
        net.edges.extend(served.map(|(j, _)| (i, j)));
    }
    // Racks, and other places as they are named.
    let is_rack = |id: &str| site.places.get(id).is_some_and(|(kind, _)| kind == "rack");
    let mut served: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, e) in drawn.iter().enumerate() {
        for id in e.serves.iter().filter(|id| site.places.contains_key(*id)) {
            served.entry(id).or_default().push(i);
        }
    }
    let (rack, place): (Vec<_>, Vec<_>) = served.into_iter().partition(|(id, _)| is_rack(id));
    for (id, parents) in place {
        let kind = site.places[id].0.clone();
        net.add(Node { id: id.to_owned(), kind, ..Node::default() }, &parents);
    }
    let rack: Vec<(String, Vec<usize>)> = rack.into_iter().map(|(id, p)| (id.to_owned(), p)).collect();
    racks(site, &rack).into_iter().for_each(|(node, parents)| net.add(node, &parents));
    net.placed()
}

fn power(site: &Site) -> Net {
    let mut net = Net { name: "power", ..Net::default() };
    for (i, b) in site.power.iter().enumerate() {
        let (id, kind) = (b.id.clone(), b.kind.clone());
        net.nodes.push(Node { id, kind, branch: Some(i), ..Node::default() });
        net.edges.extend(b.parent.map(|p| (p.index(), i)));
    }
    let mut served: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, b) in site.power.iter().enumerate() {
        b.racks.iter().filter(|r| **r != b.id).for_each(|r| served.entry(r).or_default().push(i));
    }
    let served: Vec<(String, Vec<usize>)> = served.into_iter().map(|(id, p)| (id.to_owned(), p)).collect();
    racks(site, &served).into_iter().for_each(|(node, parents)| net.add(node, &parents));
    net.placed()
}

impl Net {
    fn add(&mut self, node: Node, parents: &[usize]) {
        self.edges.extend(parents.iter().map(|&p| (p, self.nodes.len())));
        self.nodes.push(node);
    }

    /// With layers and rows.
    fn placed(mut self) -> Self {
        // A circle ends after as many rounds as there are nodes.
        for _ in 0..self.nodes.len() {
            let mut moved = false;
            for &(a, b) in &self.edges {
                let least = self.nodes[a].layer + 1;
                if self.nodes[b].layer < least && least < self.nodes.len() {
                    (self.nodes[b].layer, moved) = (least, true);
                }
            }
            if !moved {
                break;
            }
        }
        // Who serves only what stands further on stands right before that.
        for _ in 0..self.nodes.len() {
            let before = self.nodes.clone();
            for i in 0..self.nodes.len() {
                let served = self.edges.iter().filter(|(a, _)| *a == i).map(|(_, b)| before[*b].layer);
                let nearest = served.min().map_or(0, |l| l.saturating_sub(1));
                self.nodes[i].layer = self.nodes[i].layer.max(nearest);
            }
            if self.nodes == before {
                break;
            }
        }
        let layers = self.nodes.iter().map(|n| n.layer).max().map_or(0, |l| l + 1);
        for layer in 0..layers {
            let mean = |i: usize| {
                let rows = self.edges.iter().filter(|(_, b)| *b == i).map(|(a, _)| self.nodes[*a].row as f64);
                let (sum, n) = rows.fold((0.0, 0.0), |(sum, n), row| (sum + row, n + 1.0));
                if n > 0.0 { sum / n } else { 0.0 }
            };
            let mut own: Vec<(f64, usize)> = (0..self.nodes.len())
                .filter(|&i| self.nodes[i].layer == layer)
                .map(|i| (mean(i), i))
                .collect();
            own.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            own.into_iter().enumerate().for_each(|(row, (_, i))| self.nodes[i].row = row);
        }
        self
    }
}

/// The page.
pub(crate) fn routes(diagram: Diagram, questions: Questions) -> Router {
    Router::new().route("/plant", get(page)).with_state((Arc::new(diagram), questions))
}

async fn page(State((diagram, questions)): State<(Arc<Diagram>, Questions)>) -> Response {
    let nets = questions.ask(move |line| diagram.look(line)).await;
    nets.map_or_else(IntoResponse::into_response, |nets| Json(nets).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(edges: &[(usize, usize)], nodes: usize) -> Net {
        Net { name: "n", nodes: vec![Node::default(); nodes], edges: edges.to_vec() }.placed()
    }

    #[test]
    fn who_serves_stands_before_who_is_served() {
        // A tower over two chillers and an exchanger, a loop below them all, two CDUs.
        let edges = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (4, 5), (4, 6)];
        let placed = net(&edges, 7);
        assert!(edges.iter().all(|&(a, b)| placed.nodes[a].layer < placed.nodes[b].layer));
        let mut at: Vec<(usize, usize)> = placed.nodes.iter().map(|n| (n.layer, n.row)).collect();
        at.sort_unstable();
        at.dedup();
        assert_eq!(at.len(), 7, "nobody stands on another");
    }

    #[test]
    fn lines_of_a_tree_do_not_cross_and_a_circle_ends() {
        // A pump of the loop stands beside the chillers, and not with their tower.
        let placed = net(&[(0, 1), (1, 2), (3, 2)], 4);
        assert_eq!(placed.nodes[3].layer, placed.nodes[1].layer);
        // Two parents whose children are named crosswise.
        let placed = net(&[(0, 5), (0, 3), (1, 4), (1, 2)], 6);
        let rows: Vec<usize> = [5, 3, 4, 2].iter().map(|&i| placed.nodes[i].row).collect();
        assert!(rows[..2].iter().max() < rows[2..].iter().min(), "{rows:?}");
        assert_eq!(net(&[(0, 1), (1, 0)], 2).nodes.len(), 2);
    }

    #[test]
    fn points_have_words() {
        let areas = ["Secondary".to_owned(), "Supply".to_owned()];
        assert_eq!(what("LiquidTemperature", &areas), "secondary supply temp");
        assert_eq!(what("RackLiquidDifferentialPressure", &[]), "dP");
    }
}
