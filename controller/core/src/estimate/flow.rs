//! Flow through racks, as the GPU observers reckon with it.
//!
//! Responsible for: how much more the slow part of a GPU's resistance is than at the flow it was learned at. Not for: whether
//! a flow is enough (`propose/cooling`).
//!
//! A plate's film coefficient goes with flow^0.8 (Dittus and Boelter 1930), the rise of the coolant on its way with 1/flow,
//! the metal with neither; together psi = (flow / reference)^-0.7.

use crate::align::Snapshot;
use crate::topology::Topology;

/// Exponent of psi.
const EXPONENT: f64 = -0.7;
/// Least and greatest flow over its reference that psi follows.
const RANGE: (f64, f64) = (0.1, 3.0);
/// Looks over which the reference is taken.
const LOOKS: u32 = 300;

#[derive(Debug, Clone, Copy)]
struct Rack {
    reference: f64,
    looks: u32,
    psi: f64,
}

/// psi of all racks.
#[derive(Debug, Clone)]
pub(super) struct Flows {
    racks: Vec<Rack>,
    /// Index into `racks` of each GPU, if its rack's flow is read.
    rack_of: Vec<Option<u32>>,
}

impl Flows {
    pub(super) fn new(topology: &Topology, gpus: usize) -> Self {
        let mut rack_of = vec![None; gpus];
        for (r, rack) in topology.racks.iter().enumerate() {
            rack.gpus.iter().for_each(|&g| rack_of[g] = Some(r as u32));
        }
        Self { racks: vec![Rack { reference: 0.0, looks: 0, psi: 1.0 }; topology.racks.len()], rack_of }
    }

    /// Takes the flows of a snapshot; a rack whose flow is not known keeps its psi.
    pub(super) fn look(&mut self, topology: &Topology, snapshot: &Snapshot) {
        for (rack, place) in self.racks.iter_mut().zip(&topology.racks) {
            let Some(flow) = snapshot.good(place.flow).filter(|f| *f > 0.0) else { continue };
            if rack.looks < LOOKS {
                rack.looks += 1;
                rack.reference += (flow - rack.reference) / f64::from(rack.looks);
            } else {
                rack.psi = (flow / rack.reference).clamp(RANGE.0, RANGE.1).powf(EXPONENT);
            }
        }
    }

    /// psi of a GPU.
    #[inline]
    pub(super) fn psi(&self, gpu: usize) -> f64 {
        self.rack_of[gpu].map_or(1.0, |rack| self.racks[rack as usize].psi)
    }
}
