//! What is wrong, on the screen: GPUs that will slow down, what ails the plant, points that others contradict.

use crate::run::view::View;
use std::fmt::Write;

/// Warnings shown.
const WARNINGS: usize = 8;
/// Findings shown, and what speaks for each.
const FINDINGS: usize = 12;
const EVIDENCE: usize = 2;

/// GPUs that will slow down for heat.
pub(super) fn write_warnings(o: &mut String, v: &View) -> std::fmt::Result {
    if v.gpus_warned == 0 {
        return Ok(());
    }
    writeln!(o, "\nWARNING   {} GPUs slow down for heat soon if nothing changes", v.gpus_warned)?;
    for w in v.warnings.iter().take(WARNINGS) {
        writeln!(o, "{:<22}{:>7.0} s to the {} limit, since {}", w.node, w.seconds, w.limit, w.since)?;
    }
    Ok(())
}

/// What ails the plant.
pub(super) fn write_health(o: &mut String, v: &View) -> std::fmt::Result {
    if !v.health.is_empty() {
        writeln!(o, "\n{:<18}{:<36}{:<26}since", "ails", "of", "how much")?;
    }
    for f in v.health.iter().take(FINDINGS) {
        let with = f.with.as_ref().map_or(String::new(), |with| format!(" and {with}"));
        writeln!(o, "{:<18}{:<36}{:<26}{}", f.ailment, format!("{}{with}", f.of), f.size, f.since)?;
        for what in f.evidence.iter().take(EVIDENCE) {
            writeln!(o, "{:<18}{what}", "")?;
        }
        if let Some(or) = &f.or {
            writeln!(o, "{:<18}or {or}", "")?;
        }
    }
    if v.health.len() > FINDINGS {
        writeln!(o, "and {} more", v.health.len() - FINDINGS)?;
    }
    if !v.unmetered.is_empty() {
        writeln!(o, "\n{:<36}flow, from what it carries", "not metered")?;
    }
    for f in &v.unmetered {
        writeln!(o, "{:<36}{:.0} +- {:.0} L/min", f.of, f.flow_lpm, f.sigma_lpm)?;
    }
    Ok(())
}

/// Points that others contradict: control does not use them.
pub(super) fn write_doubts(o: &mut String, v: &View) -> std::fmt::Result {
    if v.implausible.is_empty() {
        return Ok(());
    }
    writeln!(o, "\n{:<36}{:<26}why", "implausible", "quality")?;
    for d in &v.implausible {
        writeln!(o, "{:<36}{:<26}{}", d.point, d.quality, d.why)?;
    }
    Ok(())
}
