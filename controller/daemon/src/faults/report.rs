//! What is said about a campaign: violations first, then each kind of fault and how soon it was noticed.
//!
//! Responsible for: counting and words. Not for: running.

use super::fault::Plan;
use super::kinds::{self, Kind};
use super::results::{Line, NoticedLine};
use super::rows::{ROWS, Row};
use serde::Serialize;
use std::fmt::Write;

/// How soon a kind of fault was noticed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct KindLine {
    pub(super) row: u8,
    pub(super) kind: &'static str,
    pub(super) fault: &'static str,
    pub(super) sign: &'static str,
    pub(super) runs: usize,
    pub(super) violated: usize,
    pub(super) limit: &'static str,
    pub(super) limit_s: Option<f64>,
    pub(super) noticed: usize,
    /// Noticed, but after the limit.
    pub(super) late: usize,
    /// Faults that lasted as long as the limit and were not noticed.
    pub(super) missed: usize,
    /// Faults that were over before the limit, unnoticed.
    pub(super) short: usize,
    /// The sign was there before.
    pub(super) before: usize,
    pub(super) median_s: Option<f64>,
    pub(super) worst_s: Option<f64>,
    pub(super) met: Option<bool>,
}

/// A violation with what runs it again.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Failure {
    pub(super) run: u64,
    pub(super) what: Vec<String>,
    pub(super) command: String,
    /// The smallest plan that still fails, where one was looked for.
    pub(super) reduced: Option<String>,
}

/// Everything.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) runs: usize,
    pub(super) pairs: bool,
    pub(super) seed: u64,
    pub(super) plant_s: f64,
    pub(super) wall_s: f64,
    pub(super) violated: usize,
    pub(super) failures: Vec<Failure>,
    pub(super) kinds: Vec<KindLine>,
}

/// Counts lines by kind.
pub(super) fn by_kind(lines: &[Line]) -> Vec<KindLine> {
    let read: Vec<(&Line, Plan)> =
        lines.iter().filter_map(|line| line.plan.parse().ok().map(|plan| (line, plan))).collect();
    kinds::all().filter_map(|kind| of_kind(kind, &read)).collect()
}

fn of_kind(kind: &'static Kind, lines: &[(&Line, Plan)]) -> Option<KindLine> {
    let row = Row::find(kind.row)?;
    let mut seconds = Vec::new();
    let (mut runs, mut violated, mut missed, mut short, mut before, mut late) = (0, 0, 0, 0, 0, 0);
    for (line, plan) in lines {
        let each = plan.0.iter().zip(&line.noticed).zip(&line.limits_s);
        for ((fault, noticed), limit_s) in each.filter(|((f, _), _)| f.kind == kind) {
            runs += 1;
            violated += usize::from(!line.violations.is_empty());
            let long =
                kind.counts_from_end || limit_s.is_none_or(|limit_s| f64::from(fault.for_s) >= limit_s);
            match noticed {
                NoticedLine::AfterS(s) => {
                    late += usize::from(limit_s.is_some_and(|limit_s| *s > limit_s));
                    seconds.push(*s);
                }
                NoticedLine::Before => before += 1,
                NoticedLine::Never if long => missed += 1,
                NoticedLine::Never => short += 1,
            }
        }
    }
    seconds.sort_by(f64::total_cmp);
    let worst_s = seconds.last().copied();
    let told = row.limit.seconds.filter(|_| missed > 0 || worst_s.is_some());
    let met = told.map(|_| missed == 0 && late == 0);
    Some(KindLine {
        row: kind.row,
        kind: kind.name,
        fault: kind.doc,
        sign: kind.sign,
        runs,
        violated,
        limit: row.limit.words,
        limit_s: row.limit.seconds,
        noticed: seconds.len(),
        late,
        missed,
        short,
        before,
        median_s: seconds.get(seconds.len() / 2).copied(),
        worst_s,
        met,
    })
    .filter(|line| line.runs > 0)
}

impl Report {
    /// For people.
    pub(super) fn plain(&self) -> String {
        let mut out = String::new();
        let what = if self.pairs { "pairs of faults" } else { "single faults" };
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{} runs of {what}, seed {}: {:.1} h of plant time, {:.0} s this time",
            self.runs,
            self.seed,
            self.plant_s / 3600.0,
            self.wall_s
        );
        let _ = writeln!(out, "violations: {} runs", self.violated);
        for failure in &self.failures {
            for what in &failure.what {
                let _ = writeln!(out, "  run {}: {what}", failure.run);
            }
            let _ = writeln!(out, "    {}", failure.command);
            if let Some(reduced) = &failure.reduced {
                let _ = writeln!(out, "    reduced: {reduced}");
            }
        }
        let _ = writeln!(
            out,
            "\n{:<16} {:>6} {:>9}  {:<18} {:>9} {:>8} {:>6} {:>7} {:>7} {:>7}  met",
            "row and kind",
            "runs",
            "violated",
            "limit",
            "median s",
            "worst s",
            "late",
            "missed",
            "short",
            "before"
        );
        for k in &self.kinds {
            let s = |s: Option<f64>| s.map_or("-".to_owned(), |s| format!("{s:.0}"));
            let met = k.met.map_or("-", |met| if met { "yes" } else { "NO" });
            let name = format!("{:>2} {}", k.row, k.kind);
            let _ = writeln!(
                out,
                "{name:<16} {:>6} {:>9}  {:<18} {:>9} {:>8} {:>6} {:>7} {:>7} {:>7}  {met}",
                k.runs,
                k.violated,
                k.limit,
                s(k.median_s),
                s(k.worst_s),
                k.late,
                k.missed,
                k.short,
                k.before
            );
        }
        out
    }
}

/// The table of the rows and where each is tested.
pub(super) fn list() -> String {
    let mut out = String::new();
    for row in &ROWS {
        let _ = writeln!(out, "{row}; to be noticed: {}", row.limit.words);
        for kind in kinds::of_row(row.id) {
            let size = kind.size.map_or(String::new(), |(low, high)| format!(", size {low} to {high}"));
            let (from, to) = kind.length_s;
            let _ =
                writeln!(out, "     here: {}.{}: {}; {from} to {to} s{size}", row.id, kind.name, kind.doc);
            let _ = writeln!(out, "           noticed where {}", kind.sign);
        }
        for test in row.tests {
            let _ = writeln!(out, "     by `{}` in {}", test.name, test.file);
        }
        if let Some(gap) = row.gap {
            let _ = writeln!(out, "     not: {gap}");
        }
    }
    out
}

/// The same for programs.
pub(super) fn list_json() -> serde_json::Value {
    let row = |row: &Row| {
        let kinds: Vec<_> = kinds::of_row(row.id)
            .map(|k| {
                serde_json::json!({ "kind": k.name, "fault": k.doc, "length_s": k.length_s, "size": k.size, "sign": k.sign })
            })
            .collect();
        let tests: Vec<_> =
            row.tests.iter().map(|t| serde_json::json!({ "file": t.file, "test": t.name })).collect();
        serde_json::json!({
            "row": row.id, "fault": row.fault, "limit": row.limit.words, "limit_s": row.limit.seconds,
            "kinds": kinds, "tests": tests, "not": row.gap,
        })
    };
    ROWS.iter().map(row).collect()
}
