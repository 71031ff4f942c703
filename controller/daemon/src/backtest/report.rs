//! What was found, in words.

use super::evidence::Evidence;
use super::sums::{Found, Part};
use std::path::Path;

/// Limits and setpoints of which a line is said.
const LINES: usize = 5;

pub(super) fn plain(found: &Found, evidence: &Evidence, written: Option<&Path>) -> Vec<String> {
    let torn = if found.torn { "; the last entry is torn: the run was killed" } else { "" };
    let mut out = vec![
        format!(
            "{}: {:.1} h of {} run{} with {} draws of what is not known{torn}",
            found.site,
            found.hours,
            found.runs,
            if found.runs == 1 { "" } else { "s" },
            found.draws
        ),
        format!("tried: {}", found.groups.join(", ")),
    ];
    for left in &found.left_out {
        out.push(format!("  as it was: {} ({})", left.setpoint, left.why));
    }
    out.push(String::new());
    out.push(format!("{:<10} {:>12} {:>30} {:>12}", "", "metered", "saved (5 to 95 %)", "as modelled"));
    for (name, part) in [("facility", &found.facility), ("cooling", &found.cooling)] {
        out.push(part.as_ref().map_or(format!("{name:<10} {:>12}", "no meter"), |p| part_line(name, p)));
    }
    out.push(String::new());
    out.push(format!("limits passed further than they were: in {}", of_draws(found)));
    for l in
        found.limits.iter().take(LINES.max(found.limits.iter().filter(|l| l.draws_with_more > 0).count()))
    {
        out.push(format!(
            "  {:<44} room at least {:>8.2} {}{}",
            l.of,
            l.least_room,
            l.unit,
            if l.draws_with_more > 0 && l.authority {
                ", wide open at times".to_owned()
            } else if l.draws_with_more > 0 {
                format!(
                    ", passed by {:.2} {} h at worst ({:.2} as it was)",
                    l.worst_unit_h, l.unit, l.was_unit_h
                )
            } else {
                String::new()
            }
        ));
    }
    out.push(String::new());
    for s in found.setpoints.iter().filter(|s| (s.is - s.was).abs() > 1e-6) {
        out.push(format!("  {:<44} {:>8.2} -> {:>8.2} {} in the mean", s.id, s.was, s.is, s.unit));
    }
    if found.beyond_learned > 0.01 {
        out.push(format!(
            "beyond what the model was learned in for {:.0} % of the time: the answers there may be off by half as much again",
            100.0 * found.beyond_learned
        ));
    }
    out.push(String::new());
    out.push(verdict(found));
    found.against.iter().for_each(|why| out.push(format!("  {why}")));
    if let Some(path) = written {
        out.push(format!("written: {} ({})", path.display(), evidence.short()));
    }
    out
}

fn part_line(name: &str, p: &Part) -> String {
    let b = p.saved_percent;
    let saved = format!("{:+.2} % ({:+.2} to {:+.2})", b.mid, b.low, b.high);
    format!("{name:<10} {:>8.1} kWh {saved:>30} {:>10.2} %", p.metered_kwh, p.as_modelled_percent)
}

fn of_draws(found: &Found) -> String {
    let (k, n) = (found.draws_with_more, found.draws);
    if k > 0 {
        return format!("{k} of {n} draws");
    }
    // None in n: the bound at 95 % is 1 - 0.05^(1/n).
    let bound = 100.0 * (1.0 - 0.05_f64.powf(1.0 / f64::from(n)));
    format!("none of {n} draws (at most {bound:.0} % of all, at 95 %)")
}

fn verdict(found: &Found) -> String {
    if found.supports() {
        format!("evidence for: {}", found.groups.join(", "))
    } else {
        format!("no evidence for: {}", found.groups.join(", "))
    }
}
