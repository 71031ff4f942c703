//! Kinds of faults: what each does to a plant and its controller, and what says that it was noticed.
//!
//! Responsible for: the registry; one file per family. Not for: carrying effects out ([`super::state`]).
//!
//! A new kind is an entry of its family: row, name, length, size, target, effects, and the sign by which Headroom says that it
//! has noticed.

mod agents;
mod clocks;
mod controller;
mod devices;
mod operators;
mod security;
mod storage;
mod telemetry;
mod wires;

use super::fault::Fault;
use super::said::Said;
use super::stage::Start;
use super::state::Effect;

/// What a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hits {
    /// Nothing in particular.
    All,
    /// A measured point of the event bus, by its id.
    Point,
    /// A temperature among them.
    Temperature,
    /// Whoever stamps and sends values on the bus.
    Source,
    /// A Modbus device.
    Device,
    /// A Modbus device that takes setpoints.
    RemoteDevice,
    /// A node.
    Node,
    /// Several nodes, `+` between them.
    Nodes,
    /// A GPU as `node/gpu`.
    Gpu,
    /// An actuator.
    Actuator,
    /// What an operator may take.
    Local,
}

/// A kind of fault.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) row: u8,
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    /// Shortest and longest, s.
    pub(super) length_s: (u32, u32),
    /// Least and most, if it has a size.
    pub(super) size: Option<(f64, f64)>,
    pub(super) target: Hits,
    pub(super) effects: fn(&Fault, &Start) -> Vec<Effect>,
    /// What Headroom says when it has noticed.
    pub(super) sign: &'static str,
    pub(super) noticed: fn(&Said<'_>, &Fault) -> bool,
    /// It can be noticed from its end on only.
    pub(super) counts_from_end: bool,
}

/// Every kind.
pub(super) fn all() -> impl Iterator<Item = &'static Kind> {
    [
        telemetry::KINDS,
        clocks::KINDS,
        wires::KINDS,
        devices::KINDS,
        agents::KINDS,
        controller::KINDS,
        storage::KINDS,
        operators::KINDS,
        security::KINDS,
    ]
    .into_iter()
    .flatten()
}

/// Kinds of a row.
pub(super) fn of_row(row: u8) -> impl Iterator<Item = &'static Kind> {
    all().filter(move |kind| kind.row == row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn kinds_have_names_of_their_own() {
        let names: BTreeSet<_> = all().map(|k| (k.row, k.name)).collect();
        assert_eq!(names.len(), all().count());
        assert!(all().all(|k| k.length_s.0 <= k.length_s.1 && (1..=33).contains(&k.row)));
    }
}
