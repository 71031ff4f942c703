//! Places: how GPUs, nodes, racks, CDUs and rows hang together, and what they are called.
//!
//! Responsible for: indices and names. Not for: anything that changes.
//!
//! GPUs come in groups of one product and one way of cooling. Nodes hold eight GPUs in fleet order; a rack holds nodes
//! of one group only, a CDU liquid-cooled racks only, a row any racks.

use headroom_truth::facility::HeatRejection;
use std::ops::Range;

/// GPUs in a node.
pub const GPUS_PER_NODE: usize = 8;
/// Nodes in a rack.
pub const NODES_PER_RACK: usize = 4;
/// The hall.
pub const HALL: &str = "hall-1";

/// GPUs of one product that are cooled in one way, side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Number of GPUs; whole nodes, but for the last group.
    pub gpus: usize,
    /// On cold plates, or in the air.
    pub liquid: bool,
}

/// How racks share CDUs and busways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Liquid-cooled racks on a CDU.
    pub racks_per_cdu: usize,
    /// Racks in a row, on one busway.
    pub racks_per_row: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self { racks_per_cdu: 4, racks_per_row: 8 }
    }
}

/// A rack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rack {
    /// Group of its GPUs.
    pub group: usize,
    /// Its nodes.
    pub nodes: Range<usize>,
    /// Its CDU; `None` for an air-cooled rack.
    pub cdu: Option<usize>,
    /// Its row and busway.
    pub row: usize,
}

/// The place tree of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// GPUs.
    pub gpus: usize,
    /// Nodes.
    pub nodes: usize,
    /// Racks.
    pub racks: usize,
    /// CDUs.
    pub cdus: usize,
    /// Rows, each on a busway.
    pub rows: usize,
    rack: Vec<Rack>,
    rack_of_node: Vec<u32>,
    cdu_racks: Vec<Range<usize>>,
    racks_per_row: usize,
}

impl Places {
    /// Places for groups of GPUs; the last node, rack and row may be partly filled.
    #[must_use]
    pub fn new(groups: &[Group], layout: Layout) -> Self {
        let (mut rack, mut rack_of_node) = (Vec::new(), Vec::new());
        let mut cdu_racks: Vec<Range<usize>> = Vec::new();
        let mut gpus = 0;
        for (group, g) in groups.iter().enumerate() {
            let first = rack_of_node.len();
            let last = first + g.gpus.div_ceil(GPUS_PER_NODE);
            for start in (first..last).step_by(NODES_PER_RACK) {
                let nodes = start..(start + NODES_PER_RACK).min(last);
                let index = rack.len();
                let cdu = g.liquid.then(|| {
                    match cdu_racks.last_mut() {
                        // A CDU's racks are neighbours.
                        Some(racks) if racks.end == index && racks.len() < layout.racks_per_cdu => {
                            racks.end += 1;
                        }
                        _ => cdu_racks.push(index..index + 1),
                    }
                    cdu_racks.len() - 1
                });
                rack_of_node.extend(nodes.clone().map(|_| index as u32));
                rack.push(Rack { group, nodes, cdu, row: index / layout.racks_per_row });
            }
            gpus += g.gpus;
        }
        Self {
            gpus,
            nodes: rack_of_node.len(),
            racks: rack.len(),
            cdus: cdu_racks.len(),
            rows: rack.len().div_ceil(layout.racks_per_row),
            rack,
            rack_of_node,
            cdu_racks,
            racks_per_row: layout.racks_per_row,
        }
    }

    /// A rack.
    ///
    /// # Panics
    /// As an array index does, where there is no such rack; so do the accessors below.
    #[must_use]
    pub fn rack(&self, rack: usize) -> &Rack {
        &self.rack[rack]
    }

    /// Nodes of each group, in order.
    #[must_use]
    pub fn nodes_of_groups(&self) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = Vec::new();
        for rack in &self.rack {
            match groups.get_mut(rack.group) {
                Some(nodes) => nodes.end = rack.nodes.end,
                None => groups.push(rack.nodes.clone()),
            }
        }
        groups
    }

    /// Node of a GPU.
    #[must_use]
    pub fn node_of_gpu(&self, gpu: usize) -> usize {
        gpu / GPUS_PER_NODE
    }

    /// Rack of a node.
    #[must_use]
    pub fn rack_of_node(&self, node: usize) -> usize {
        self.rack_of_node[node] as usize
    }

    /// Rack of a GPU.
    #[must_use]
    pub fn rack_of_gpu(&self, gpu: usize) -> usize {
        self.rack_of_node(self.node_of_gpu(gpu))
    }

    /// Row (and busway) of a rack.
    #[must_use]
    pub fn row_of_rack(&self, rack: usize) -> usize {
        self.rack[rack].row
    }

    /// GPUs of a node.
    #[must_use]
    pub fn gpus_of_node(&self, node: usize) -> Range<usize> {
        node * GPUS_PER_NODE..((node + 1) * GPUS_PER_NODE).min(self.gpus)
    }

    /// Nodes of a rack.
    #[must_use]
    pub fn nodes_of_rack(&self, rack: usize) -> Range<usize> {
        self.rack[rack].nodes.clone()
    }

    /// GPUs of a rack.
    #[must_use]
    pub fn gpus_of_rack(&self, rack: usize) -> Range<usize> {
        let nodes = &self.rack[rack].nodes;
        nodes.start * GPUS_PER_NODE..(nodes.end * GPUS_PER_NODE).min(self.gpus)
    }

    /// Racks of a CDU.
    #[must_use]
    pub fn racks_of_cdu(&self, cdu: usize) -> Range<usize> {
        self.cdu_racks[cdu].clone()
    }

    /// Racks of a row.
    #[must_use]
    pub fn racks_of_row(&self, row: usize) -> Range<usize> {
        row * self.racks_per_row..((row + 1) * self.racks_per_row).min(self.racks)
    }
}

/// `node-001`.
#[must_use]
pub fn node_name(node: usize) -> String {
    format!("node-{:03}", node + 1)
}

/// `rack-01`.
#[must_use]
pub fn rack_name(rack: usize) -> String {
    format!("rack-{:02}", rack + 1)
}

/// `CDU-01`.
#[must_use]
pub fn cdu_name(cdu: usize) -> String {
    format!("CDU-{:02}", cdu + 1)
}

/// `row-1`.
#[must_use]
pub fn row_name(row: usize) -> String {
    format!("row-{}", row + 1)
}

/// `BUS-row-1`.
#[must_use]
pub fn busway_name(row: usize) -> String {
    format!("BUS-{}", row_name(row))
}

/// `CRAH-01`.
#[must_use]
pub fn crah_name(crah: usize) -> String {
    format!("CRAH-{:02}", crah + 1)
}

/// `CH-01`.
#[must_use]
pub fn chiller_name(chiller: usize) -> String {
    format!("CH-{:02}", chiller + 1)
}

/// `CT-01` for a tower, `DC-01` for a dry cooler.
#[must_use]
pub fn rejection_name(kind: HeatRejection) -> &'static str {
    match kind {
        HeatRejection::Tower => "CT-01",
        HeatRejection::DryCooler | HeatRejection::AdiabaticCooler => "DC-01",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn liquid(gpus: usize) -> Places {
        Places::new(&[Group { gpus, liquid: true }], Layout::default())
    }

    #[test]
    fn the_demo_plant_and_odd_sizes() {
        let demo = liquid(512);
        assert_eq!((demo.nodes, demo.racks, demo.cdus, demo.rows), (64, 16, 4, 2));
        let odd = liquid(300);
        assert_eq!((odd.nodes, odd.racks, odd.cdus, odd.rows), (38, 10, 3, 2));
        assert_eq!(odd.gpus_of_node(37), 296..300);
        assert_eq!(odd.racks_of_cdu(2), 8..10);
        for gpu in 0..300 {
            let rack = odd.rack_of_gpu(gpu);
            assert!(odd.gpus_of_rack(rack).contains(&gpu));
            assert!(odd.racks_of_row(odd.row_of_rack(rack)).contains(&rack));
        }
    }

    #[test]
    fn racks_hold_one_group_and_cdus_only_liquid() {
        let groups = [(72, true), (40, false), (64, true)].map(|(gpus, liquid)| Group { gpus, liquid });
        let places = Places::new(&groups, Layout { racks_per_cdu: 2, racks_per_row: 4 });
        assert_eq!((places.nodes, places.racks, places.cdus, places.rows), (22, 7, 3, 2));
        let cdus: Vec<Option<usize>> = (0..7).map(|r| places.rack(r).cdu).collect();
        assert_eq!(cdus, [Some(0), Some(0), Some(1), None, None, Some(2), Some(2)]);
        assert_eq!(places.racks_of_cdu(1), 2..3, "a CDU's racks are neighbours");
        assert_eq!(places.gpus_of_rack(2), 64..72);
        assert_eq!(places.gpus_of_rack(3), 72..104);
        assert_eq!(places.rack_of_gpu(104), 4);
        let all: usize = (0..places.racks).map(|r| places.gpus_of_rack(r).len()).sum();
        assert_eq!(all, places.gpus);
    }
}
