//! The document as Markdown: nothing that is not in its data.

use super::model::{ActuatorSheet, BranchSheet, Event, GpuSheet, Scope, Sequence, Trial, Wanted};
use super::say::{list, plain, seconds, watts};
use std::fmt::Write;

/// All of it.
pub(super) fn markdown(s: &Sequence) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut out, s);
    out
}

fn write_all(o: &mut String, s: &Sequence) -> std::fmt::Result {
    writeln!(o, "# Sequence of operation: {}", s.site)?;
    writeln!(
        o,
        "\nWritten by `headroom sequence` of the site file of `{}` and the policy `{}`, and of nothing else.",
        s.site, s.policy
    )?;
    writeln!(o, "Write it again after each change of one of them, or of the program.")?;
    scope(o, &s.scope)?;
    writeln!(o, "\n## Actuators")?;
    if s.actuators.is_empty() {
        writeln!(o, "\nThe site file has none.")?;
    }
    s.actuators.iter().try_for_each(|a| actuator(o, a))?;
    gpus(o, s.gpus.as_ref())?;
    branches(o, &s.branches)?;
    wanted(o, &s.wants)?;
    s.events.iter().try_for_each(|e| event(o, e))?;
    trials(o, &s.tests)?;
    writeln!(o, "\n## Signatures")?;
    writeln!(o, "\n| role | name | date | signature |\n| --- | --- | --- | --- |")?;
    ["controls engineer", "commissioning agent", "owner"]
        .iter()
        .try_for_each(|role| writeln!(o, "| {role} | | | |"))
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn bullets(o: &mut String, lines: &[String]) -> std::fmt::Result {
    for line in lines {
        // A line that begins with blanks belongs to the one above it, which begins with its number.
        let whole = line.starts_with(' ') || line.starts_with(|c: char| c.is_ascii_digit());
        writeln!(o, "{}{line}", if whole { "" } else { "- " })?;
    }
    Ok(())
}

fn part(o: &mut String, head: &str, lines: &[String]) -> std::fmt::Result {
    writeln!(o, "\n### {head}\n")?;
    bullets(o, lines)
}

fn scope(o: &mut String, s: &Scope) -> std::fmt::Result {
    writeln!(o, "\n## Scope")?;
    writeln!(
        o,
        "\nGPUs: {}, nodes: {}, points: {}. The power loop runs every {}, the cooling loop every {}.",
        s.gpus,
        s.nodes,
        s.points,
        seconds(s.power_period_s),
        seconds(s.cooling_period_s)
    )?;
    if !s.equipment.is_empty() {
        writeln!(o, "\n| equipment | kind | serves |\n| --- | --- | --- |")?;
        for e in &s.equipment {
            let serves = if e.serves.is_empty() { "-".to_owned() } else { list(&e.serves) };
            writeln!(o, "| {} | {} | {} |", cell(&e.id), cell(&e.kind), cell(&serves))?;
        }
    }
    part(o, "Connections", &s.connections)?;
    part(o, "What Headroom may write", &s.writes)?;
    part(o, "What it never writes", &s.never)
}

fn actuator(o: &mut String, a: &ActuatorSheet) -> std::fmt::Result {
    let unit = |x: f64| format!("{} {}", plain(x), a.unit).trim_end().to_owned();
    let delta = |x: f64| format!("{} {}", plain(x), a.unit_of_difference).trim_end().to_owned();
    let none = |p: &Option<String>| p.as_ref().map_or("none".to_owned(), |p| format!("`{p}`"));
    writeln!(o, "\n### `{}`\n\n| | |\n| --- | --- |", a.id)?;
    let kind = if a.kind.is_empty() { String::new() } else { format!(" ({})", a.kind) };
    let site = if (a.least, a.most) == (a.site_least, a.site_most) {
        String::new()
    } else {
        format!(" (the site's: {} to {})", unit(a.site_least), unit(a.site_most))
    };
    let rows = [
        ("of", format!("`{}`{kind}", a.of)),
        ("commands go to", a.path.clone()),
        ("range", format!("{} to {}{site}; {}", unit(a.least), unit(a.most), a.saves)),
        (
            "ramp, largest step, deadband",
            format!("{} a minute, {}, {}", delta(a.ramp_per_min), delta(a.step), delta(a.deadband)),
        ),
        ("refresh, time to live", format!("{}, {}", seconds(a.refresh_s), seconds(a.time_to_live_s))),
        ("read-back; what it moves", format!("{}; {}", none(&a.readback), none(&a.measures))),
        ("falls back to", unit(a.fallback)),
        ("group, mode", format!("`{}`, {}", a.group, a.mode)),
    ];
    for (head, text) in rows {
        writeln!(o, "| {head} | {} |", cell(&text))?;
    }
    for (head, lines) in [("What it returns to, and when", &a.returns), ("What the guard does", &a.guard)] {
        writeln!(o, "\n{head}:\n")?;
        bullets(o, lines)?;
    }
    writeln!(o, "\n{}", a.promotion)
}

fn gpus(o: &mut String, g: Option<&GpuSheet>) -> std::fmt::Result {
    writeln!(o, "\n## GPUs\n")?;
    let Some(g) = g else { return writeln!(o, "The site has none.") };
    writeln!(o, "| model | GPUs | cap | clock |\n| --- | --- | --- | --- |")?;
    for m in &g.models {
        let cap = format!("{} to {}", watts(m.min_cap_w), watts(m.max_cap_w));
        writeln!(
            o,
            "| {} | {} | {cap} | {} to {} MHz |",
            cell(&m.id),
            m.gpus,
            plain(m.min_clock_mhz),
            plain(m.max_clock_mhz)
        )?;
    }
    writeln!(o)?;
    bullets(o, &g.says)
}

fn branches(o: &mut String, all: &[BranchSheet]) -> std::fmt::Result {
    writeln!(o, "\n## Power tree\n")?;
    if all.is_empty() {
        return writeln!(o, "The site file has none.");
    }
    writeln!(
        o,
        "| branch | kind | fed by | budget | planned for | GPUs | meter | limit point | schedule of the policy |"
    )?;
    writeln!(o, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for b in all {
        let w = |x: Option<f64>| x.map_or("none".to_owned(), watts);
        let or = |x: &Option<String>| x.clone().unwrap_or_else(|| "-".to_owned());
        let schedule = if b.schedule.is_empty() { "-".to_owned() } else { b.schedule.join("; ") };
        let cells = [
            b.id.clone(),
            b.kind.clone(),
            or(&b.parent),
            w(b.budget_w),
            w(b.planned_w),
            b.gpus.to_string(),
            or(&b.meter),
            or(&b.limit_point),
            schedule,
        ];
        writeln!(o, "| {} |", cells.map(|c| cell(&c)).join(" | "))?;
    }
    writeln!(
        o,
        "\nOf site budget, schedule and limit point the lowest counts; planned for is less by the policy's reserve."
    )
}

fn wanted(o: &mut String, w: &Wanted) -> std::fmt::Result {
    writeln!(o, "\n## What the policy wants")?;
    part(o, "Objective", &w.objective)?;
    part(o, "Headroom and limits", &w.headroom)?;
    part(o, "Cooling", &w.cooling)?;
    part(o, "Power", &w.power)?;
    part(o, "Toward the grid", &w.grid)
}

fn event(o: &mut String, e: &Event) -> std::fmt::Result {
    writeln!(o, "\n## {}\n", e.name)?;
    e.steps.iter().enumerate().try_for_each(|(i, step)| writeln!(o, "{}. {step}", i + 1))
}

fn trials(o: &mut String, all: &[Trial]) -> std::fmt::Result {
    writeln!(o, "\n## Functional tests\n")?;
    writeln!(
        o,
        "| # | of | test | do | expect | by | passed |\n| --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for t in all {
        let cells = [&t.of, &t.what, &t.act, &t.expect, &t.by].map(|c| cell(c));
        writeln!(o, "| {} | {} | |", t.number, cells.join(" | "))?;
    }
    Ok(())
}
