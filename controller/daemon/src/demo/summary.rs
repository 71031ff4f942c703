//! The closing lines: what the wires carried, and how time went.

use super::plant::Carried;
use crate::run::view::View;
use std::fmt::Write;

/// How time went.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    pub(super) plant_s: f64,
    pub(super) wall_s: f64,
    /// Ticks that controller and agents could not hold.
    pub(super) missed: u64,
    /// Processes started again.
    pub(super) restarts: u64,
    /// Times that somebody was waited for in vain.
    pub(super) given_up: u64,
}

/// The lines.
pub(super) fn text(carried: &Carried, pace: &Pace, view: Option<&View>, processes: usize) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_text(&mut out, carried, pace, view, processes);
    out
}

fn write_text(
    o: &mut String,
    c: &Carried,
    pace: &Pace,
    view: Option<&View>,
    processes: usize,
) -> std::fmt::Result {
    let wall_s = pace.wall_s.max(1e-9);
    writeln!(
        o,
        "\ntime: {:.0} plant seconds in {:.1} s, mean speed {:.1}x; {} ticks missed, {} processes, {} started again",
        pace.plant_s,
        pace.wall_s,
        pace.plant_s / wall_s,
        pace.missed,
        processes,
        pace.restarts
    )?;
    if pace.given_up > 0 {
        writeln!(o, "time went on without somebody {} times", pace.given_up)?;
    }
    writeln!(
        o,
        "writes: {} DSX requests ({} refused), {} Modbus writes ({} refused), {} cap writes, {} lock writes: {} in all",
        c.dsx_requests,
        c.dsx_refused,
        c.modbus_writes,
        c.modbus_refused,
        c.cap_writes,
        c.lock_writes,
        c.writes()
    )?;
    if let Some(b) = &c.broker {
        writeln!(
            o,
            "bus: {} messages in, {} out ({:.0}/s), {} dropped; {} heartbeats",
            b.received,
            b.sent,
            (b.received + b.sent) as f64 / wall_s,
            b.dropped,
            c.heartbeats
        )?;
    } else {
        writeln!(o, "bus: outside; {} messages lost on the way, {} heartbeats", c.lost, c.heartbeats)?;
    }
    if let Some(v) = view {
        writeln!(o, "controller: {} ticks, {} commands, epoch {}", v.ticks, v.commands_issued, v.epoch)?;
        for connection in &v.connections {
            writeln!(o, "  {}: {}", connection.id, connection.state)?;
        }
    }
    Ok(())
}
