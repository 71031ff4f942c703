//! What may stand in a scenario file, as Markdown.
//!
//! Responsible for: words and tables generated from the same data that files are read by. Not for: reading.

use super::kind::{Field, Holds, Kind, Need};
use super::kinds;
use std::fmt::Write;

/// Rows of the tables besides events: key, example, meaning.
const FILE: [(&str, &str, &str); 5] = [
    ("name", "\"afternoon\"", "Name, as reports show it."),
    ("description", "\"one line\"", "One line for reports; may be absent."),
    ("hours", "2.0", "Length that the scenario is meant for."),
    ("start", "\"2025-07-18T12:00\"", "Local standard time of the start; the year counts for nothing."),
    ("seed", "1", "Seed of everything random."),
];
const PLANT: [(&str, &str, &str); 12] = [
    (
        "gpus",
        "[{ sku = \"H100-SXM\", count = 256, cooling = \"liquid\" }]",
        "Groups of GPUs in the order of their racks: `count` (a multiple of 8) or `share`, `cooling` `\"liquid\"` or \
         `\"air\"`.",
    ),
    ("racks-per-cdu", "4", "Racks on one CDU."),
    ("racks-per-row", "8", "Racks in a row, on one busway."),
    ("chillers", "2", "Chillers; 0 for none."),
    ("heat-rejection", "\"tower\"", "`\"tower\"`, `\"dry-cooler\"` or `\"adiabatic\"`."),
    ("economiser", "true", "Whether there is a water-side economiser."),
    ("tank", "\"60 m3\"", "Chilled-water store; absent for none."),
    ("crahs", "2", "Air handlers of the hall."),
    ("bess", "{ power = \"500 kW\", energy = \"250 kWh\" }", "Battery for the grid; absent for none."),
    ("generator-start", "\"12 s\"", "Time from the loss of the feed to the generator carrying the site."),
    ("ups", "\"double-conversion\"", "Or `\"eco\"`."),
    ("battery", "\"5 min\"", "Time that the UPS battery carries its load when full."),
];
const WEATHER: [(&str, &str, &str); 2] = [
    ("climate", "\"continental\"", "Or `\"coastal\"` (`\"marine\"`), `\"desert\"`."),
    (
        "epw",
        "\"chicago.epw\"",
        "An EnergyPlus weather file; a relative path counts from the scenario's folder.",
    ),
];
const WORK: [(&str, &str, &str); 2] = [
    (
        "load",
        "5.0",
        "Mean offered load of serving pools; above 1 they batch, about 15 is the most they can do.",
    ),
    ("placement", "\"packed\"", "How jobs are laid out; or `\"spread\"`, `\"rack\"`, `\"cdu\"`."),
];
const AGENTS: [(&str, &str, &str); 4] = [
    ("clock-offset", "\"5 s\"", "The clock of each node is off by up to so much, either way; absent: 0 s."),
    ("clock-drift", "\"100 ppm\"", "And drifts by up to so much, either way; absent: not at all."),
    ("delay", "\"1 ms\"", "Least time of a message, each way; absent: 0 s."),
    ("jitter", "\"200 ms\"", "Most that a message takes beyond it, evenly spread; absent: 0 s."),
];
const JOB: [(&str, &str, &str); 21] = [
    ("name", "\"pretrain\"", "Name, unique."),
    ("kind", "\"training\"", "`\"training\"`, `\"serving\"` or `\"burn\"`."),
    ("share", "\"50 %\"", "Share of all GPUs; or `gpus`."),
    ("gpus", "256", "Number of GPUs, fewer than 8 or a multiple of 8; or `share`."),
    ("at", "\"1 h\"", "Arrival; absent: there from the start."),
    ("for", "\"2 h\"", "Duration; absent: to the end."),
    ("for-spread", "0.8", "Log-deviation of durations in a stream."),
    ("per-hour", "2.0", "A stream of such jobs: mean arrivals in an hour."),
    ("tokens", "1e9", "Useful tokens after which a job ends."),
    ("priority", "1", "Higher goes first where jobs wait."),
    ("params", "70", "Training and serving: parameters of the model, 10^9; absent: the usual model."),
    ("checkpoint-every", "\"20 min\"", "Training: time between checkpoints."),
    ("failure-gpu-hours", "50000", "Training: mean GPU hours between failures; absent: none."),
    ("load", "5.0", "Serving: mean offered load of the pool."),
    ("gpus-per-replica", "8", "Serving: GPUs of a replica."),
    ("rhythm", "\"diurnal\"", "Serving: how requests come; or `\"poisson\"`, `\"bursty\"`."),
    ("trace", "\"requests.csv\"", "Serving: requests to replay instead."),
    ("low", "\"20 %\"", "Burn: lower activity; absent: 0 %."),
    ("high", "\"100 %\"", "Burn: upper activity; absent: 100 %."),
    ("period", "\"30 s\"", "Burn: length of a cycle; absent: 20 s."),
    ("duty", "\"50 %\"", "Burn: share of the cycle at the upper activity; absent: 50 %."),
];
const EVENT: [(&str, &str, &str); 6] = [
    ("at", "\"30 min\"", "Start, plant time since the start of the scenario."),
    ("for", "\"10 min\"", "Duration; absent: to the end. What it did is undone then."),
    ("repeat", "\"24 h\"", "Period of repetition, longer than `for`; absent: once."),
    ("kind", "\"load-step\"", "One of the kinds below."),
    ("ramp", "\"5 min\"", "Time to full degree after the start, for kinds that come in degrees."),
    ("fade", "\"5 min\"", "Time from full degree to nothing before the end, for the same kinds."),
];

/// The whole reference.
pub(super) fn reference() -> String {
    let mut text = String::from("# Scenario files\n");
    rows(&mut text, "The file", &FILE);
    rows(&mut text, "`[plant]`", &PLANT);
    rows(&mut text, "`[weather]`, one of", &WEATHER);
    rows(&mut text, "`[work]`", &WORK);
    rows(&mut text, "`[[work.job]]`", &JOB);
    rows(&mut text, "`[agents]`, in virtual time", &AGENTS);
    rows(&mut text, "`[[event]]`", &EVENT);
    text += "\n## Kinds of events\n";
    for kind in kinds() {
        describe(&mut text, kind);
    }
    text
}

fn rows(text: &mut String, title: &str, rows: &[(&str, &str, &str)]) {
    *text += &format!("\n## {title}\n\n| key | example | meaning |\n| --- | --- | --- |\n");
    for (key, example, meaning) in rows {
        // writing to a string cannot fail
        let _ = writeln!(text, "| `{key}` | `{example}` | {meaning} |");
    }
}

fn describe(text: &mut String, kind: &Kind) {
    *text += &format!("\n### `{}`\n\n{}", kind.name, kind.doc);
    *text += if kind.ramps { " Comes in degrees: `ramp`, `fade`.\n" } else { "\n" };
    if kind.fields.is_empty() {
        return;
    }
    *text += "\n| field | example | meaning |\n| --- | --- | --- |\n";
    for field in kind.fields {
        let need = match field.need {
            Need::Required => "",
            Need::Default => " Absent: as in the example.",
            Need::Optional => " May be absent.",
        };
        let holds = holds(field);
        let _ = writeln!(text, "| `{}` | `{}` | {}{holds}{need} |", field.name, field.example, field.doc);
    }
}

fn holds(field: &Field) -> String {
    let range = |low: f64, high: f64, scale: f64, unit: &str| match (low.is_finite(), high.is_finite()) {
        (true, true) => format!(" {} to {}{unit}.", low * scale, high * scale),
        (true, false) => format!(" At least {}{unit}.", low * scale),
        _ => String::new(),
    };
    match field.holds {
        Holds::Name | Holds::Time | Holds::Limits | Holds::Series => String::new(),
        Holds::Word(words) => format!(" One of {}.", words.join(", ")),
        Holds::Number(low, high) => range(low, high, 1.0, ""),
        Holds::Count(low, high) => format!(" {low} to {high}."),
        Holds::Share(low, high) => range(low, high, 100.0, " %"),
        Holds::Quantity(unit, low, high) => range(low, high, 1.0, &format!(" {unit}")),
    }
}
