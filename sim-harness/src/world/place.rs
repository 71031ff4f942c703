//! Places: how GPUs, nodes, racks, CDUs and rows hang together, and what they are called.
//!
//! Responsible for: indices and names. Not for: anything that changes.

/// GPUs in a node.
pub const GPUS_PER_NODE: usize = 8;
/// Nodes in a rack.
pub const NODES_PER_RACK: usize = 4;
/// Racks on a CDU.
pub const RACKS_PER_CDU: usize = 4;
/// Racks in a row, on one busway.
pub const RACKS_PER_ROW: usize = 8;
/// The hall.
pub const HALL: &str = "hall-1";

/// The place tree of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Places {
    /// Places for a number of GPUs; the last node, rack and row may be partly filled.
    #[must_use]
    pub fn new(gpus: usize) -> Self {
        let nodes = gpus.div_ceil(GPUS_PER_NODE);
        let racks = nodes.div_ceil(NODES_PER_RACK);
        Self { gpus, nodes, racks, cdus: racks.div_ceil(RACKS_PER_CDU), rows: racks.div_ceil(RACKS_PER_ROW) }
    }

    /// Node of a GPU.
    #[must_use]
    pub fn node_of_gpu(&self, gpu: usize) -> usize {
        gpu / GPUS_PER_NODE
    }

    /// Rack of a node.
    #[must_use]
    pub fn rack_of_node(&self, node: usize) -> usize {
        node / NODES_PER_RACK
    }

    /// Rack of a GPU.
    #[must_use]
    pub fn rack_of_gpu(&self, gpu: usize) -> usize {
        self.rack_of_node(self.node_of_gpu(gpu))
    }

    /// CDU of a rack.
    #[must_use]
    pub fn cdu_of_rack(&self, rack: usize) -> usize {
        rack / RACKS_PER_CDU
    }

    /// Row (and busway) of a rack.
    #[must_use]
    pub fn row_of_rack(&self, rack: usize) -> usize {
        rack / RACKS_PER_ROW
    }

    /// GPUs of a node.
    #[must_use]
    pub fn gpus_of_node(&self, node: usize) -> std::ops::Range<usize> {
        node * GPUS_PER_NODE..((node + 1) * GPUS_PER_NODE).min(self.gpus)
    }

    /// Nodes of a rack.
    #[must_use]
    pub fn nodes_of_rack(&self, rack: usize) -> std::ops::Range<usize> {
        rack * NODES_PER_RACK..((rack + 1) * NODES_PER_RACK).min(self.nodes)
    }

    /// GPUs of a rack.
    #[must_use]
    pub fn gpus_of_rack(&self, rack: usize) -> std::ops::Range<usize> {
        let per = GPUS_PER_NODE * NODES_PER_RACK;
        rack * per..((rack + 1) * per).min(self.gpus)
    }

    /// Racks of a CDU.
    #[must_use]
    pub fn racks_of_cdu(&self, cdu: usize) -> std::ops::Range<usize> {
        cdu * RACKS_PER_CDU..((cdu + 1) * RACKS_PER_CDU).min(self.racks)
    }

    /// Racks of a row.
    #[must_use]
    pub fn racks_of_row(&self, row: usize) -> std::ops::Range<usize> {
        row * RACKS_PER_ROW..((row + 1) * RACKS_PER_ROW).min(self.racks)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_plant_and_odd_sizes() {
        let demo = Places::new(512);
        assert_eq!((demo.nodes, demo.racks, demo.cdus, demo.rows), (64, 16, 4, 2));
        let odd = Places::new(300);
        assert_eq!((odd.nodes, odd.racks, odd.cdus, odd.rows), (38, 10, 3, 2));
        assert_eq!(odd.gpus_of_node(37), 296..300);
        assert_eq!(odd.racks_of_cdu(2), 8..10);
        for gpu in 0..300 {
            let rack = odd.rack_of_gpu(gpu);
            assert!(odd.gpus_of_rack(rack).contains(&gpu));
            assert!(odd.racks_of_row(odd.row_of_rack(rack)).contains(&rack));
        }
    }
}
