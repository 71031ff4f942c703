//! Places, GPU models, nodes, GPUs and jobs of the site file.

use super::Names;
use super::engines::{Served, Serving};
use super::points::Points;
use super::wires::Wires;
use crate::doc::{At, Table};
use crate::model::{Gpu, GpuId, Job, JobKind, Node, NodeId, PointId, Sku};
use crate::{Frequency, Power, Temperature};
use std::collections::BTreeMap;

pub(super) struct Places {
    pub(super) places: BTreeMap<String, (String, Option<String>)>,
    pub(super) names: Names,
    pub(super) skus: Vec<Sku>,
    pub(super) nodes: Vec<Node>,
    pub(super) gpus: Vec<Gpu>,
    pub(super) node_names: Names,
}

impl Places {
    /// True if the rack exists.
    pub(super) fn is_rack(&self, id: &str) -> bool {
        self.places.get(id).is_some_and(|(kind, _)| kind == "rack")
    }
}

/// Models we know without being told. Sources: NVIDIA data sheets and `nvidia-smi -q` listings; resistance and
/// leakage are priors that the estimator refines.
/// Relative rise of a working GPU's power per kelvin. Public H100 logs: the same boards idling at full clock draw 118 W at
/// 38 degC and 129 W at 46 degC (1.0 to 1.3 %/K); carried up to 60-65 degC that is about 1.9 W/K, of 450 W at work.
const LEAKAGE_PER_K: f64 = 0.004;

fn known_skus() -> Vec<Sku> {
    let sku = |id: &str, cap: [f64; 2], idle_w, clock: [f64; 2], temps: [f64; 2], resistance| Sku {
        id: id.into(),
        min_cap_w: cap[0],
        max_cap_w: cap[1],
        idle_w,
        min_clock_mhz: clock[0],
        max_clock_mhz: clock[1],
        clock_step_mhz: 15.0,
        max_operating_c: temps[0],
        hbm_max_c: temps[1],
        resistance_k_per_w: resistance,
        leakage_per_k: LEAKAGE_PER_K,
    };
    vec![
        sku("A100-SXM", [100.0, 400.0], 56.0, [210.0, 1410.0], [85.0, 95.0], 0.07),
        sku("H100-SXM", [200.0, 700.0], 75.0, [345.0, 1980.0], [87.0, 95.0], 0.05),
        sku("H200-SXM", [200.0, 700.0], 75.0, [345.0, 1980.0], [87.0, 95.0], 0.05),
        sku("B200", [300.0, 1000.0], 140.0, [345.0, 1965.0], [87.0, 95.0], 0.04),
        sku("GB200", [300.0, 1200.0], 140.0, [345.0, 2062.0], [87.0, 95.0], 0.035),
    ]
}

pub(super) fn read(root: &Table<'_>, wires: &Wires) -> Places {
    let doc = root.doc();
    let (places, names) = read_places(root);
    let mut skus = known_skus();
    root.tables("sku", |t| {
        if let Some(sku) = read_sku(t) {
            skus.retain(|s| s.id != sku.id);
            skus.push(sku);
        }
    });
    let mut out =
        Places { places, names, skus, nodes: Vec::new(), gpus: Vec::new(), node_names: Names::new("node") };
    let mut uuids = Names::new("GPU");
    root.tables("node", |t| read_node(t, wires, &mut out, &mut uuids));
    let unread = |page: usize| out.nodes.iter().all(|n| n.dcgm != Some(page));
    for id in wires.dcgm_names.ids.iter().filter(|(_, page)| unread(**page)).map(|(id, _)| id) {
        let remedy = format!("add dcgm = \"{id}\" to the [[node]] that it shows, or remove the page");
        doc.find(root.span_of("dcgm"), format!("no node is read from dcgm page `{id}`"), remedy);
    }
    out
}

fn read_places(root: &Table<'_>) -> (BTreeMap<String, (String, Option<String>)>, Names) {
    let doc = root.doc();
    let mut places = BTreeMap::new();
    let mut names = Names::new("place");
    let mut parents: Vec<(String, At<String>)> = Vec::new();
    root.tables("place", |t| {
        let id = t.need_at::<String>("id");
        let kind = t.need_at::<String>("kind");
        let parent = t.at::<String>("in");
        let (Some(id), Some(kind)) = (id, kind) else { return };
        if !["hall", "row", "rack"].contains(&kind.value.as_str()) {
            doc.find(kind.span, format!("unknown kind of place `{}`", kind.value), "use hall, row or rack");
        }
        names.add(doc, &id, places.len());
        if let Some(p) = &parent {
            parents.push((id.value.clone(), p.clone()));
        }
        places.insert(id.value, (kind.value, parent.map(|p| p.value)));
    });
    for (id, parent) in &parents {
        if names.find(doc, parent).is_some() && in_circle(id, &places) {
            doc.find(parent.span.clone(), format!("place `{id}` is inside itself"), "correct `in`");
        }
    }
    (places, names)
}

fn in_circle(start: &str, places: &BTreeMap<String, (String, Option<String>)>) -> bool {
    let mut at = start;
    for _ in 0..places.len() {
        match places.get(at).and_then(|(_, p)| p.as_deref()) {
            Some(p) if p == start => return true,
            Some(p) => at = p,
            None => return false,
        }
    }
    true
}

fn read_sku(t: &Table<'_>) -> Option<Sku> {
    let id = t.need::<String>("id");
    let base = t.get::<String>("like");
    let known = known_skus();
    let mut sku = match &base {
        Some(like) => match known.iter().find(|s| s.id == *like) {
            Some(s) => s.clone(),
            None => {
                let names: Vec<_> = known.iter().map(|s| s.id.as_str()).collect();
                t.doc().find(
                    t.span_of("like"),
                    format!("unknown GPU model `{like}`"),
                    format!("use one of {}", names.join(", ")),
                );
                return None;
            }
        },
        None => known[1].clone(),
    };
    sku.id = id?;
    let watts = |key: &str, slot: &mut f64| {
        if let Some(p) = t.get::<Power>(key) {
            *slot = p.as_watts();
        }
    };
    watts("min-cap", &mut sku.min_cap_w);
    watts("max-cap", &mut sku.max_cap_w);
    watts("idle", &mut sku.idle_w);
    let clock = |key: &str, slot: &mut f64| {
        if let Some(f) = t.get::<Frequency>(key) {
            *slot = f.as_megahertz();
        }
    };
    clock("min-clock", &mut sku.min_clock_mhz);
    clock("max-clock", &mut sku.max_clock_mhz);
    clock("clock-step", &mut sku.clock_step_mhz);
    let degrees = |key: &str, slot: &mut f64| {
        if let Some(c) = t.get::<Temperature>(key) {
            *slot = c.as_celsius();
        }
    };
    degrees("max-operating", &mut sku.max_operating_c);
    degrees("memory-max", &mut sku.hbm_max_c);
    sku.resistance_k_per_w = t.or("resistance-k-per-w", sku.resistance_k_per_w);
    sku.leakage_per_k = t.or("leakage-per-k", sku.leakage_per_k);
    if sku.min_cap_w > sku.max_cap_w {
        t.doc().find(t.span(), format!("`{}` has min-cap above max-cap", sku.id), "exchange them");
    }
    Some(sku)
}

fn read_node(t: &Table<'_>, wires: &Wires, out: &mut Places, uuids: &mut Names) {
    let doc = t.doc();
    let id = t.need_at::<String>("id");
    let rack = t.need_at::<String>("rack");
    let sku = t.need_at::<String>("sku");
    let other = t.get::<Power>("other-power").map_or(1500.0, Power::as_watts);
    let gpus = t.strings("gpus");
    let dcgm = t.at::<String>("dcgm").and_then(|page| wires.dcgm_names.find(doc, &page));
    let (Some(id), Some(rack), Some(sku)) = (id, rack, sku) else { return };
    if !out.is_rack(&rack.value) {
        let near = crate::doc::suggest(&rack.value, out.places.keys().map(String::as_str));
        let remedy =
            near.map_or("add a [[place]] of kind \"rack\"".into(), |n| format!("did you mean `{n}`?"));
        doc.find(rack.span, format!("`{}` is not a rack", rack.value), remedy);
    }
    let Some(sku_index) = out.skus.iter().position(|s| s.id == sku.value) else {
        let names: Vec<_> = out.skus.iter().map(|s| s.id.as_str()).collect();
        doc.find(
            sku.span,
            format!("unknown GPU model `{}`", sku.value),
            format!("use one of {}, or define a [[sku]]", names.join(", ")),
        );
        return;
    };
    out.node_names.add(doc, &id, out.nodes.len());
    let node = NodeId(out.nodes.len() as u32);
    let first = out.gpus.len() as u32;
    for uuid in gpus {
        uuids.add(doc, &uuid, out.gpus.len());
        out.gpus.push(Gpu { uuid: uuid.value.into(), node, sku: sku_index });
    }
    out.nodes.push(Node {
        id: id.value,
        rack: rack.value,
        gpus: (first, out.gpus.len() as u32),
        other_w: other,
        dcgm,
    });
}

pub(super) fn read_jobs(root: &Table<'_>, places: &Places, wires: &Wires, points: &mut Points) -> Vec<Job> {
    let doc = root.doc();
    let mut names = Names::new("job");
    let mut owner: BTreeMap<usize, String> = BTreeMap::new();
    let mut serving = Serving::new(wires);
    let mut jobs = Vec::new();
    root.tables("job", |t| {
        let id = t.need_at::<String>("id");
        let kind = t.need_at::<String>("kind");
        let nodes = t.strings("nodes");
        let tokens = t.strings("tokens");
        let served = Served::of(t);
        let priority = t.or("priority", 0_i64);
        let (Some(id), Some(kind)) = (id, kind) else { return };
        names.add(doc, &id, jobs.len());
        let kind = match kind.value.as_str() {
            "training" => JobKind::Training,
            "serving" => JobKind::Serving,
            other => {
                doc.find(kind.span, format!("unknown kind of job `{other}`"), "use training or serving");
                JobKind::Serving
            }
        };
        let mut gpus = Vec::new();
        for name in &nodes {
            let Some(n) = places.node_names.find(doc, name) else { continue };
            if let Some(other) = owner.insert(n, id.value.clone()) {
                doc.find(
                    name.span.clone(),
                    format!("node `{}` already belongs to job `{other}`", name.value),
                    "give each node one job",
                );
            }
            let (a, b) = places.nodes[n].gpus;
            gpus.extend((a..b).map(GpuId));
        }
        gpus.sort_unstable();
        gpus.dedup();
        let counted = tokens.iter().filter_map(|p| points.names.find(doc, p)).map(|i| PointId(i as u32));
        let mut tokens: Vec<PointId> = counted.collect();
        tokens.extend(serving.add(t, served, &id, kind, points));
        jobs.push(Job { id: id.value, kind, gpus, priority, tokens });
    });
    serving.check(doc);
    jobs
}
