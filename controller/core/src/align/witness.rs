//! Whoever wants to see what is aligned, one by one, as the snapshot keeps only the last of each.
//!
//! Responsible for: what a witness is told. Not for: what it does with it; it changes nothing here.

use headroom_site::{GpuSample, Reading, Stamp};

/// Sees readings and samples as they are placed, in the order of their taking. What is late or unknown is not told.
pub trait Witness {
    /// A reading of a point: its stamp on our time, with the uncertainty that it has there, and the quality it is
    /// taken with.
    fn reading(&mut self, _reading: &Reading) {}

    /// A sample of the GPU with this index: its stamp on our time; when its report arrived.
    fn sample(&mut self, _gpu: usize, _sample: &GpuSample, _arrival: Option<Stamp>) {}
}

/// Nobody looks.
impl Witness for () {}
