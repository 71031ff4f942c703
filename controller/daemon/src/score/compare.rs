//! `headroom score --compare A.json B.json`: what changed between two score files.
//!
//! Responsible for: pairing runs, telling better from worse. Not for: what a score holds; any number in the files is
//! compared, so that files of different versions can be.
//!
//! Runs are pairs where scenario, site, GPUs, hours, seed and strategy are the same. Means over their seeds count:
//! ```text
//! worse    violation_B > violation_A (1 + tolerance)
//!          E_B + (N_A - N_B) E_A / N_A > E_A (1 + tolerance)       facility energy at A's tokens N
//! ```

use super::grid::Grid;
use super::stats::{Interval, interval};
use crate::check::Format;
use crate::exit;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

/// Name of the quantity that decides beside violations.
const EQUAL_WORK: &str = "facility_kwh_at_equal_work";
/// Throttling that is no violation: the firmware's trim at a cap.
const TRIM: &str = "throttled_gpu_s.sw_power_cap";
/// Least of a violation that counts.
const LEAST: f64 = 1e-6;

type Numbers = BTreeMap<String, f64>;
/// World in words, and strategy.
type Key = (String, String);
/// Numbers of each seed.
type Runs = BTreeMap<Key, BTreeMap<u64, Numbers>>;

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Worse,
    Better,
    Same,
    /// It changed, and neither is better.
    Different,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Same => "same",
            Self::Different => "",
        }
    }
}

/// A number in both files.
#[derive(Debug, Clone, Serialize)]
struct Change {
    scenario: String,
    strategy: String,
    metric: String,
    a: f64,
    b: f64,
    /// B less A.
    change: f64,
    /// Half the 95 % interval of the change over seeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    change_half: Option<f64>,
    seeds: usize,
    verdict: Verdict,
}

#[derive(Debug, Serialize)]
struct Report {
    format: u32,
    tolerance: f64,
    worse: bool,
    violations: Vec<Change>,
    energy: Vec<Change>,
    rest: Vec<Change>,
    only_in_a: Vec<String>,
    only_in_b: Vec<String>,
}

/// Compares, prints, and says by the exit code whether B is worse.
///
/// # Errors
/// The answer cannot be printed.
pub(super) fn compare(a: &Path, b: &Path, tolerance: f64, format: Format) -> Result<ExitCode> {
    let report = match read(a).and_then(|a| Ok((a, read(b)?))).and_then(|(a, b)| report(&a, &b, tolerance)) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("headroom score: {error:#}");
            return Ok(ExitCode::from(exit::CONFIGURATION));
        }
    };
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Format::Plain => print!("{}", text(&report)),
    }
    Ok(if report.worse { ExitCode::from(exit::FAULT) } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> Result<Runs> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name}"))?;
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{name} is not JSON"))?;
    let files = match value {
        Value::Array(files) => files,
        file => vec![file],
    };
    let mut runs = Runs::new();
    for file in &files {
        add(file, &mut runs).with_context(|| format!("{name} is not a score file"))?;
    }
    Ok(runs)
}

/// Adds the strategies of a score.
fn add(file: &Value, runs: &mut Runs) -> Option<()> {
    if file.get("format")?.as_u64()? != 1 {
        return None;
    }
    let word = |key: &str| file.get(key).and_then(Value::as_str);
    let (gpus, hours) = (file.get("gpus")?.as_u64()?, file.get("hours")?.as_f64()?);
    let world = format!("{} ({}, {gpus} GPUs, {hours} h)", word("scenario")?, word("site")?);
    let seed = file.get("seed")?.as_u64()?;
    for (strategy, score) in file.get("strategies")?.as_object()? {
        let mut numbers = Numbers::new();
        flatten("", score, &mut numbers);
        runs.entry((world.clone(), strategy.clone())).or_default().insert(seed, numbers);
    }
    Some(())
}

/// Numbers by their path.
fn flatten(path: &str, value: &Value, out: &mut Numbers) {
    match value {
        Value::Number(number) => {
            out.extend(number.as_f64().map(|n| (path.to_owned(), n)));
        }
        Value::Object(object) => {
            for (key, inner) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, inner, out);
            }
        }
        _ => {}
    }
}

fn report(a: &Runs, b: &Runs, tolerance: f64) -> Result<Report> {
    let mut all = Vec::new();
    for (key, seeds_a) in a {
        let Some(seeds_b) = b.get(key) else { continue };
        let pairs: Vec<(&Numbers, &Numbers)> =
            seeds_a.iter().filter_map(|(seed, x)| Some((x, seeds_b.get(seed)?))).collect();
        if !pairs.is_empty() {
            all.extend(changes(key, &pairs, tolerance));
        }
    }
    if all.is_empty() {
        bail!(
            "no run of A has its like in B: scenario, site, GPUs, hours, seed and strategy must be the same"
        );
    }
    let worse = all.iter().any(|c| c.verdict == Verdict::Worse);
    let (violations, others): (Vec<Change>, Vec<Change>) =
        all.into_iter().partition(|c| is_violation(&c.metric));
    let (energy, rest) = others.into_iter().partition(|c: &Change| c.metric == EQUAL_WORK);
    Ok(Report {
        format: 1,
        tolerance,
        worse,
        violations: changed(violations),
        energy,
        rest: changed(rest),
        only_in_a: only(a, b),
        only_in_b: only(b, a),
    })
}

fn changed(changes: Vec<Change>) -> Vec<Change> {
    changes.into_iter().filter(|c| c.verdict != Verdict::Same).collect()
}

/// Runs that the other file lacks.
fn only(a: &Runs, b: &Runs) -> Vec<String> {
    let mut out = Vec::new();
    for (key, seeds) in a {
        let other = b.get(key);
        let alone = seeds.keys().filter(|s| other.is_none_or(|o| !o.contains_key(s)));
        out.extend(alone.map(|seed| format!("{}, {}, seed {seed}", key.0, key.1)));
    }
    out
}

fn is_violation(metric: &str) -> bool {
    metric.starts_with("violations.") || metric.starts_with("throttled_gpu_s.") && metric != TRIM
}

/// Every number that both have, and energy at equal work.
fn changes(key: &Key, pairs: &[(&Numbers, &Numbers)], tolerance: f64) -> Vec<Change> {
    let names: BTreeSet<&String> = pairs.iter().flat_map(|(a, _)| a.keys()).collect();
    let mut out = Vec::new();
    for name in names {
        let values: Option<Vec<(f64, f64)>> =
            pairs.iter().map(|(a, b)| Some((*a.get(name)?, *b.get(name)?))).collect();
        out.extend(values.map(|v| change(key, name, &v, tolerance)));
    }
    let equal: Option<Vec<(f64, f64)>> = pairs.iter().map(|(a, b)| equal_work(a, b)).collect();
    out.extend(equal.map(|v| change(key, EQUAL_WORK, &v, tolerance)));
    out
}

/// Facility energies at A's tokens, kWh.
fn equal_work(a: &Numbers, b: &Numbers) -> Option<(f64, f64)> {
    let (energy, tokens) = (a.get("facility_kwh")?, a.get("tokens")?);
    let missing = tokens - b.get("tokens")?;
    let each = if *tokens > 0.0 { energy / tokens } else { 0.0 };
    Some((*energy, b.get("facility_kwh")? + missing * each))
}

fn change(key: &Key, metric: &str, values: &[(f64, f64)], tolerance: f64) -> Change {
    let mean = |of: fn(&(f64, f64)) -> f64| values.iter().map(of).sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(|v| v.0), mean(|v| v.1));
    let differences: Vec<f64> = values.iter().map(|(a, b)| b - a).collect();
    let Interval { mean: change, half } = interval(&differences);
    let noise = tolerance * a.abs() + LEAST;
    let judged = is_violation(metric) || metric == EQUAL_WORK;
    let verdict = match () {
        () if change.abs() <= noise => Verdict::Same,
        () if !judged => Verdict::Different,
        () if change > 0.0 => Verdict::Worse,
        () => Verdict::Better,
    };
    Change {
        scenario: key.0.clone(),
        strategy: key.1.clone(),
        metric: metric.to_owned(),
        a,
        b,
        change,
        change_half: half,
        seeds: values.len(),
        verdict,
    }
}

fn text(report: &Report) -> String {
    let tolerance = report.tolerance * 100.0;
    let mut out = format!("Changes up to {tolerance} % are taken for noise.\n");
    let sections = [
        ("Violations and throttling that changed", &report.violations),
        ("Facility energy at equal work [kWh]", &report.energy),
        ("Other numbers that changed", &report.rest),
    ];
    for (title, changes) in sections {
        if changes.is_empty() {
            out += &format!("\n{title}: none\n");
        } else {
            out += &format!("\n{}", grid(title, changes).plain());
        }
    }
    for (name, runs) in [("A", &report.only_in_a), ("B", &report.only_in_b)] {
        if !runs.is_empty() {
            out += &format!("\nOnly in {name}, not compared:\n  {}\n", runs.join("\n  "));
        }
    }
    out + if report.worse { "\nB is worse.\n" } else { "\nB is not worse.\n" }
}

fn grid(title: &str, changes: &[Change]) -> Grid {
    let mut grid = Grid::new(title, 3, &["scenario", "strategy", "number", "A", "B", "change", "verdict"]);
    for c in changes {
        let by = Interval { mean: c.change, half: c.change_half };
        let change = if c.a.abs() > LEAST {
            format!("{:+.2} %", by.times(100.0 / c.a.abs()))
        } else {
            format!("{by:+.3}")
        };
        grid.rows.push(vec![
            c.scenario.clone(),
            c.strategy.clone(),
            c.metric.clone(),
            number(c.a),
            number(c.b),
            change,
            c.verdict.word().to_owned(),
        ]);
    }
    grid
}

/// Large numbers without digits that nobody reads.
fn number(value: f64) -> String {
    if value.abs() >= 1e5 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(kwh: f64, tokens: f64, hot: f64) -> Runs {
        let text = format!(
            r#"{{"format":1,"seed":1,"hours":1,"gpus":8,"site":"s","scenario":"x","strategies":{{"headroom":{{
            "facility_kwh":{kwh},"tokens":{tokens},"violations":{{"temperature_k_s":{hot}}},
            "throttled_gpu_s":{{"sw_power_cap":{kwh}}}}}}}}}"#
        );
        let mut runs = Runs::new();
        add(&serde_json::from_str(&text).unwrap(), &mut runs).unwrap();
        runs
    }

    fn worse(a: (f64, f64, f64), b: (f64, f64, f64)) -> bool {
        report(&runs(a.0, a.1, a.2), &runs(b.0, b.1, b.2), 0.005).unwrap().worse
    }

    #[test]
    fn worse_is_more_violation_or_more_energy_for_the_work() {
        let a = (100.0, 1000.0, 0.0);
        assert!(!worse(a, a));
        assert!(worse(a, (100.0, 1000.0, 0.1)) && !worse((100.0, 1000.0, 0.1), a));
        assert!(worse(a, (100.6, 1000.0, 0.0)) && !worse(a, (100.4, 1000.0, 0.0)));
        // Less energy for less work is no saving.
        assert!(worse(a, (98.0, 970.0, 0.0)) && !worse(a, (103.0, 1030.0, 0.0)));
    }

    #[test]
    fn throttling_at_a_cap_is_no_violation() {
        let report = report(&runs(100.0, 1000.0, 0.0), &runs(90.0, 900.0, 0.0), 0.005).unwrap();
        assert!(report.violations.is_empty() && !report.worse, "{report:?}");
        assert!(report.rest.iter().any(|c| c.metric == TRIM && c.verdict == Verdict::Different));
    }

    #[test]
    fn nothing_in_common_is_no_comparison() {
        let other: Runs = runs(1.0, 1.0, 0.0).into_iter().map(|((_, s), r)| (("y".into(), s), r)).collect();
        assert!(report(&runs(1.0, 1.0, 0.0), &other, 0.005).is_err());
        assert_eq!(only(&runs(1.0, 1.0, 0.0), &other).len(), 1);
    }
}
