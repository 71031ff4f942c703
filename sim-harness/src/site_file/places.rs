//! Places, nodes, jobs, and the equipment that serves them.

use super::skus::word;
use super::{SiteSource, gpu_uuid, list};
use crate::world::place::{HALL, node_name, rack_name, row_name};
use headroom_truth::work::JobKind;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

pub(super) fn write_places(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    writeln!(o, "[[place]]\nid = \"hall-1\"\nkind = \"hall\"")?;
    for row in 0..s.places.rows {
        writeln!(o, "[[place]]\nid = \"{}\"\nkind = \"row\"\nin = \"hall-1\"", row_name(row))?;
    }
    for rack in 0..s.places.racks {
        let row = row_name(s.places.row_of_rack(rack));
        writeln!(o, "[[place]]\nid = \"{}\"\nkind = \"rack\"\nin = \"{row}\"", rack_name(rack))?;
    }
    for node in 0..s.places.nodes {
        let rack = s.places.rack_of_node(node);
        let (name, sku) = (rack_name(rack), word(&s.skus[s.places.rack(rack).group]));
        writeln!(o, "[[node]]\nid = \"{}\"\nrack = \"{name}\"\nsku = \"{sku}\"", node_name(node))?;
        writeln!(o, "other-power = \"1600 W\"\ngpus = {}", list(s.places.gpus_of_node(node).map(gpu_uuid)))?;
    }
    for job in s.jobs {
        let kind = match job.kind {
            JobKind::Training => "training",
            JobKind::Serving => "serving",
        };
        let nodes: BTreeSet<usize> = job.gpus.clone().map(|g| s.places.node_of_gpu(g)).collect();
        writeln!(
            o,
            "[[job]]\nid = \"{}\"\nkind = \"{kind}\"\nnodes = {}",
            job.name,
            list(nodes.into_iter().map(node_name))
        )?;
        let counted = match job.kind {
            JobKind::Training => format!("tokens = [\"tokens/{}\"]", job.name),
            JobKind::Serving => format!("served-by = [\"engines\"]\nlabels = {{ job = \"{}\" }}", job.name),
        };
        writeln!(o, "{counted}")?;
    }
    writeln!(o)
}

pub(super) fn write_equipment(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    let known: BTreeSet<&str> = s.image.points.iter().map(|p| &*p.object_id).collect();
    let places: BTreeSet<String> = (0..s.places.racks).map(rack_name).collect();
    let branches: BTreeSet<String> = s.tree.branches.iter().map(|b| b.name.clone()).collect();
    let mut done = BTreeSet::new();
    for p in s.image.points.iter() {
        let id = &*p.object_id;
        if places.contains(id) || branches.contains(id) || !done.insert(id) {
            continue;
        }
        let kind = match p.object_type {
            "CDU" => "cdu",
            "CRAH" => "crah",
            "Chiller" => "chiller",
            "CoolingTower" => "tower",
            "HX" => "hx",
            "Pump" => "pump",
            "Tank" => "tank",
            "PowerMeter" => "meter",
            "Sensor" => "sensor",
            _ if id == "FWS" => "facility-loop",
            _ => "generic",
        };
        // A meter measures and cools nothing: it has no place in the cooling graph. What blows air into every rack
        // serves the hall, and so the hall's own sensors.
        let serves: Vec<String> = match kind {
            "meter" | "sensor" | "generic" => Vec::new(),
            "crah" => vec![HALL.to_owned()],
            _ => p
                .serves
                .iter()
                .filter(|x| known.contains(x.as_str()) || places.contains(*x))
                .cloned()
                .collect(),
        };
        writeln!(o, "[[equipment]]\nid = \"{id}\"\nkind = \"{kind}\"\nserves = {}", list(serves))?;
    }
    writeln!(o)
}
