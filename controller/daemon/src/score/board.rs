//! The scoreboard: scenarios over seeds, strategies against the baseline.
//!
//! Responsible for: energy at equal work, the share of the gap closed, what does not count. Not for: how it is shown.
//!
//! A strategy that does less work must not look thrifty, so energies are compared at the baseline's tokens, each token that
//! is missing charged (each one more, credited) at the baseline's energy per token:
//! ```text
//! E*      = E + (N_base - N) E_base / N_base       facility energy at equal work; N: tokens
//! saved   = E_base - E*
//! closed  = (E_base - E*) / (E_base - E*_limit)    share of the gap to the limit
//! ```
//! Per seed first, then means and intervals over seeds ([`super::stats`]). Savings of a strategy that crosses a limit, or
//! loses clock to temperature or hardware, by over 1 % more than the baseline in any seed do not count.

use super::ScoreFile;
use super::columns::VIOLATIONS;
use super::stats::{Interval, interval, ratio};
use super::strategy::Id;
use headroom_sim::score::StrategyScore;
use std::collections::BTreeSet;

/// The formula, as it is printed.
pub(crate) const FORMULA: [&str; 3] = [
    "E* = E + (N_base - N) E_base / N_base: facility energy at the baseline's tokens N",
    "saved = E_base - E*",
    "gap closed = (E_base - E*) / (E_base - E*_limit)",
];
/// What the intervals are.
pub(crate) const INTERVALS: &str = "± is half the 95 % interval over seeds (Student's t; strategies are paired, since they \
run on the same seeds).";
/// What voids savings.
pub(crate) const VOID: &str = "Savings do not count where a limit is crossed, or clock lost to temperature or hardware, by \
over 1 % more than by the baseline in any seed.";
/// What a strategy may have more of than the baseline, relative: both cross a limit, and rounding decides by how much.
const ALIKE: f64 = 0.01;

/// Gaps below this share of the baseline's energy are not a gap.
const LEAST_GAP: f64 = 5e-4;

/// Facility energy corrected to the baseline's tokens, kWh.
pub(crate) fn equal_work_kwh(score: &StrategyScore, baseline: &StrategyScore) -> f64 {
    if baseline.tokens <= 0.0 {
        return score.facility_kwh;
    }
    score.facility_kwh + (baseline.tokens - score.tokens) * baseline.facility_kwh / baseline.tokens
}

/// A strategy in a scenario.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: Id,
    /// Means over seeds, in the order of [`VIOLATIONS`].
    pub(crate) violations: Vec<f64>,
    pub(crate) equal_kwh: Interval,
    pub(crate) saved_share: Interval,
    /// Share of the gap to the limit that is closed, where there is one.
    pub(crate) closed: Option<Interval>,
    /// Why savings do not count; empty if they do.
    pub(crate) void: Vec<String>,
    /// Of each seed.
    pub(crate) scores: Vec<StrategyScore>,
}

impl Line {
    /// Do the savings count?
    pub(crate) fn counts(&self) -> bool {
        self.void.is_empty()
    }
}

/// A scenario.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) seeds: Vec<u64>,
    pub(crate) hours: f64,
    pub(crate) gpus: usize,
    pub(crate) lines: Vec<Line>,
}

impl Row {
    /// A strategy's line.
    pub(crate) fn line(&self, id: Id) -> Option<&Line> {
        self.lines.iter().find(|l| l.id == id)
    }
}

/// All scenarios together, for one strategy; savings that do not count are none.
#[derive(Debug, Clone)]
pub(crate) struct Total {
    pub(crate) id: Id,
    pub(crate) equal_kwh: Interval,
    pub(crate) saved_share: Interval,
    pub(crate) closed: Option<Interval>,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    pub(crate) rows: Vec<Row>,
    /// Empty where there is only one scenario.
    pub(crate) totals: Vec<Total>,
}

impl Board {
    /// From score files, those of a scenario next to each other.
    pub(crate) fn new(files: &[ScoreFile]) -> Self {
        let rows: Vec<Row> = files.chunk_by(|a, b| a.scenario == b.scenario).filter_map(row).collect();
        let totals = if rows.len() > 1 { totals(&rows) } else { Vec::new() };
        Self { rows, totals }
    }

    /// Seeds of all scenarios, each once.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        self.rows
            .iter()
            .flat_map(|r| r.seeds.iter().copied())
            .collect::<BTreeSet<u64>>()
            .into_iter()
            .collect()
    }

    /// Strategies, in order.
    pub(crate) fn strategies(&self) -> Vec<Id> {
        self.rows.first().map_or(Vec::new(), |r| r.lines.iter().map(|l| l.id).collect())
    }
}

/// A scenario's row; `None` without a baseline.
fn row(files: &[ScoreFile]) -> Option<Row> {
    let first = files.first()?;
    let of = |id: Id| -> Option<Vec<StrategyScore>> {
        files.iter().map(|f| f.strategies.get(&id).cloned()).collect()
    };
    let baseline = of(Id::Baseline)?;
    let seeds: Vec<u64> = files.iter().map(|f| f.seed).collect();
    let saved_by = |scores: &[StrategyScore]| -> Vec<f64> {
        scores.iter().zip(&baseline).map(|(s, b)| b.facility_kwh - equal_work_kwh(s, b)).collect()
    };
    let base: Vec<f64> = baseline.iter().map(|b| b.facility_kwh).collect();
    let gap = of(Id::Limit)
        .filter(|scores| void(scores, &baseline, &seeds).is_empty())
        .map(|scores| saved_by(&scores));
    let line = |id: Id| -> Option<Line> {
        let scores = of(id)?;
        let saved = saved_by(&scores);
        let void = void(&scores, &baseline, &seeds);
        let equal: Vec<f64> = base.iter().zip(&saved).map(|(b, s)| b - s).collect();
        let strives = !matches!(id, Id::Baseline | Id::Limit) && void.is_empty();
        Some(Line {
            id,
            violations: VIOLATIONS.iter().map(|c| mean_of(&scores, c.of)).collect(),
            equal_kwh: interval(&equal),
            saved_share: ratio(&saved, &base),
            closed: gap.as_ref().filter(|_| strives).and_then(|gap| closed(&saved, gap, &base)),
            void,
            scores,
        })
    };
    let lines = first.strategies.keys().filter_map(|id| line(*id)).collect();
    Some(Row { scenario: first.scenario.clone(), seeds, hours: first.hours, gpus: first.gpus, lines })
}

/// Share of a gap that is closed, if there is a gap.
fn closed(saved: &[f64], gap: &[f64], base: &[f64]) -> Option<Interval> {
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    (sum(gap) > LEAST_GAP * sum(base)).then(|| ratio(saved, gap))
}

fn mean_of(scores: &[StrategyScore], of: fn(&StrategyScore) -> f64) -> f64 {
    scores.iter().map(of).sum::<f64>() / scores.len() as f64
}

/// What a strategy has more of than the baseline, with the seeds.
fn void(scores: &[StrategyScore], baseline: &[StrategyScore], seeds: &[u64]) -> Vec<String> {
    let mut out = Vec::new();
    for column in &VIOLATIONS {
        let worse =
            |s: &StrategyScore, b: &StrategyScore| (column.of)(s) > (column.of)(b) * (1.0 + ALIKE) + 1e-9;
        let pairs = scores.iter().zip(baseline).zip(seeds);
        // the seeds in question with their own figures: a mean may hide what one of them did
        let figures = |((s, b), seed): ((&StrategyScore, &StrategyScore), &u64)| {
            format!("{:.d$} against {:.d$} (seed {seed})", (column.of)(s), (column.of)(b), d = column.digits)
        };
        let found: Vec<String> = pairs.filter(|((s, b), _)| worse(s, b)).map(figures).collect();
        if !found.is_empty() {
            out.push(format!("{}: {}", column.name, found.join(", ")));
        }
    }
    out
}

/// Sums over scenarios, per seed.
fn totals(rows: &[Row]) -> Vec<Total> {
    let Some(first) = rows.first() else { return Vec::new() };
    // As many runs everywhere, or there is no sum of pairs.
    if rows.iter().any(|r| r.seeds.len() != first.seeds.len()) {
        return Vec::new();
    }
    let base = sums(rows, Id::Baseline);
    let limit = rows.iter().all(|r| r.line(Id::Limit).is_some_and(Line::counts));
    let gap = limit.then(|| sums(rows, Id::Limit)).flatten();
    let total = |id: Id| -> Option<Total> {
        let (base, own) = (base.as_ref()?, sums(rows, id)?);
        let saved: Vec<f64> = base.iter().zip(&own).map(|(b, e)| b - e).collect();
        let gap: Option<Vec<f64>> = gap.as_ref().map(|g| base.iter().zip(g).map(|(b, e)| b - e).collect());
        let strives = !matches!(id, Id::Baseline | Id::Limit);
        Some(Total {
            id,
            equal_kwh: interval(&own),
            saved_share: ratio(&saved, base),
            closed: gap.filter(|_| strives).and_then(|gap| closed(&saved, &gap, base)),
        })
    };
    first.lines.iter().filter_map(|l| total(l.id)).collect()
}

/// Energies at equal work of each seed, kWh, over all scenarios; the baseline's where savings do not count.
fn sums(rows: &[Row], id: Id) -> Option<Vec<f64>> {
    let mut out = vec![0.0; rows.first()?.seeds.len()];
    for row in rows {
        let (line, baseline) = (row.line(id)?, row.line(Id::Baseline)?);
        for ((sum, score), base) in out.iter_mut().zip(&line.scores).zip(&baseline.scores) {
            *sum += if line.counts() { equal_work_kwh(score, base) } else { base.facility_kwh };
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(kwh: f64, tokens: f64) -> StrategyScore {
        StrategyScore { facility_kwh: kwh, tokens, ..StrategyScore::default() }
    }

    fn file(scenario: &str, seed: u64, scores: &[(Id, StrategyScore)]) -> ScoreFile {
        ScoreFile {
            format: 1,
            seed,
            scenario: scenario.to_owned(),
            strategies: scores.iter().cloned().collect(),
            ..ScoreFile::default()
        }
    }

    #[test]
    fn less_work_is_charged_at_the_baselines_price() {
        let base = score(100.0, 1000.0);
        assert!((equal_work_kwh(&score(90.0, 1000.0), &base) - 90.0).abs() < 1e-12);
        // A tenth of the work missing costs a tenth of the energy.
        assert!((equal_work_kwh(&score(90.0, 900.0), &base) - 100.0).abs() < 1e-12);
        assert!((equal_work_kwh(&score(90.0, 1100.0), &base) - 80.0).abs() < 1e-12);
    }

    #[test]
    fn the_gap_is_closed_by_a_share() {
        let world = |seed, more: f64| {
            let all = [
                (Id::Baseline, score(100.0 + more, 1000.0)),
                (Id::Headroom, score(96.0 + more, 1000.0)),
                (Id::Limit, score(92.0 + more, 1000.0)),
            ];
            file("a", seed, &all)
        };
        let board = Board::new(&[world(1, 0.0), world(2, 5.0)]);
        let line = board.rows[0].line(Id::Headroom).unwrap();
        let closed = line.closed.unwrap();
        assert!((closed.mean - 0.5).abs() < 1e-12 && closed.half.unwrap() < 1e-9, "{closed:?}");
        assert!(line.counts() && board.totals.is_empty());
        assert_eq!(board.rows[0].line(Id::Limit).unwrap().closed, None);
    }

    #[test]
    fn savings_with_violations_are_none() {
        let mut hot = score(80.0, 1000.0);
        hot.violations.temperature_k_s = 3.0;
        let mut base = score(100.0, 1000.0);
        let files = |base: &StrategyScore| {
            let fine = [(Id::Baseline, base.clone()), (Id::Headroom, score(90.0, 1000.0))];
            let void = [(Id::Baseline, base.clone()), (Id::Headroom, hot.clone())];
            [file("a", 1, &fine), file("b", 1, &void)]
        };
        let board = Board::new(&files(&base));
        let line = board.rows[1].line(Id::Headroom).unwrap();
        assert!(!line.counts() && line.void[0].contains("seed 1"), "{:?}", line.void);
        // 10 of 200: the 20 of scenario b are not counted.
        assert!((board.totals[1].saved_share.mean - 0.05).abs() < 1e-12, "{:?}", board.totals);
        // As much as the baseline has is no violation of ours.
        base.violations.temperature_k_s = 2.98;
        assert!(Board::new(&files(&base)).rows[1].line(Id::Headroom).unwrap().counts());
    }

    #[test]
    fn a_limit_with_violations_is_no_limit() {
        let mut limit = score(80.0, 1000.0);
        limit.throttled_gpu_s.hw_thermal = 1.0;
        let all = [(Id::Baseline, score(100.0, 1e3)), (Id::Headroom, score(95.0, 1e3)), (Id::Limit, limit)];
        let board = Board::new(&[file("a", 1, &all)]);
        assert_eq!(board.rows[0].line(Id::Headroom).unwrap().closed, None);
    }
}
