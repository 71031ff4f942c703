//! Row 23: the journal's disk.

use super::{Hits, Kind};
use crate::faults::state::{Controller, Effect};

pub(super) const KINDS: &[Kind] = &[Kind {
    row: 23,
    name: "full",
    doc: "the journal takes nothing more",
    length_s: (2, 120),
    size: None,
    target: Hits::All,
    effects: |_, _| vec![Effect::Controller(Controller::DiskFull)],
    sign: "the controller says so, lets go and ends",
    noticed: |said, _| said.has_ended(),
    counts_from_end: false,
}];
