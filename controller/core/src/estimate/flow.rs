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
pub(crate) const EXPONENT: f64 = -0.7;
/// Least and greatest flow over its reference that psi follows: no flow is no reason for infinity, and a meter that reads
/// thrice too much none for a cold GPU.
const RANGE: (f64, f64) = (0.1, 1.5);
/// Readings over which the reference is taken.
const READINGS: u32 = 120;
/// Share of the way that psi falls with a reading; it rises at once.
const RELIEF: f64 = 0.1;

#[derive(Debug, Clone, Copy)]
struct Rack {
    reference: f64,
    readings: u32,
    psi: f64,
}

impl Rack {
    /// Takes a reading. The reference is of a rack that flows.
    fn take(&mut self, flow: f64) {
        if self.readings < READINGS {
            if flow > 0.0 {
                self.readings += 1;
                self.reference += (flow - self.reference) / f64::from(self.readings);
            }
            return;
        }
        let psi = (flow / self.reference).clamp(RANGE.0, RANGE.1).powf(EXPONENT);
        self.psi += (psi - self.psi) * if psi > self.psi { 1.0 } else { RELIEF };
    }
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
        Self { racks: vec![Rack { reference: 0.0, readings: 0, psi: 1.0 }; topology.racks.len()], rack_of }
    }

    /// Takes the flows of a snapshot. A rack whose flow is no longer known keeps its psi, but for relief.
    pub(super) fn look(&mut self, topology: &Topology, snapshot: &Snapshot) {
        for (rack, place) in self.racks.iter_mut().zip(&topology.racks) {
            let point = &snapshot.points[place.flow.index()];
            if !point.quality.is_good() {
                rack.psi = rack.psi.max(1.0);
            } else if point.fresh {
                rack.take(point.value);
            }
        }
    }

    /// psi of a GPU.
    #[inline(always)]
    pub(super) fn psi(&self, gpu: usize) -> f64 {
        self.rack_of[gpu].map_or(1.0, |rack| self.racks[rack as usize].psi)
    }
}
