//! Row 26: the operator at the BMS.

use super::{Hits, Kind};
use crate::faults::state::Effect;

pub(super) const KINDS: &[Kind] = &[Kind {
    row: 26,
    name: "local",
    doc: "the operator takes a device",
    length_s: (20, 180),
    size: None,
    target: Hits::Local,
    effects: |f, _| vec![Effect::World(format!("kind = \"operator-local\"\ndevice = \"{}\"", f.target))],
    sign: "a write was refused",
    noticed: |said, _| said.write_failed(),
    counts_from_end: false,
}];
