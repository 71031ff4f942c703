//! The scoreboard in tables: violations first, then energy at equal work as three numbers.
//!
//! Responsible for: which tables there are, for terminal, Markdown and HTML alike. Not for: what is reckoned (`board`).

use super::board::{Board, FORMULA, INTERVALS, Line, Row, VOID};
use super::columns::{REST, VIOLATIONS};
use super::grid::Grid;
use super::stats::Interval;
use super::strategy::Id;
use super::verb::About;

/// What stands where there is no number.
const NONE: &str = "-";

/// Violations and throttling of every strategy, means over seeds.
pub(crate) fn violations(board: &Board) -> Grid {
    let mut head = vec!["scenario", "strategy", "savings"];
    head.extend(VIOLATIONS.iter().map(|c| c.short));
    let mut grid = Grid::new("Violations and throttling, mean of a run", 3, &head);
    for row in &board.rows {
        for line in &row.lines {
            let standing = match (line.id, line.counts()) {
                (Id::Baseline, _) => "",
                (_, true) => "count",
                (_, false) => "do not count",
            };
            let mut cells = vec![row.scenario.clone(), line.id.title().to_owned(), standing.to_owned()];
            cells.extend(line.violations.iter().map(|v| amount(*v)));
            grid.rows.push(cells);
        }
    }
    grid
}

/// A violation: zero is told from small.
fn amount(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.1}") }
}

/// Baseline, Headroom, limit and the share of the gap closed: a line for each scenario.
pub(crate) fn energy(board: &Board) -> Grid {
    let head =
        ["scenario", "own BMS [kWh]", "Headroom* [kWh]", "limit* [kWh]", "saved [%]", "gap closed [%]"];
    let mut grid = Grid::new("Facility energy at equal work", 1, &head);
    for row in &board.rows {
        let ours = row.line(Id::Headroom);
        let kwh = |id| row.line(id).map(|l| l.equal_kwh);
        grid.rows.push(vec![
            row.scenario.clone(),
            cell(kwh(Id::Baseline), 1),
            cell(kwh(Id::Headroom), 1),
            cell(kwh(Id::Limit), 1),
            ours.map_or(NONE.to_owned(), saved),
            ours.map_or(NONE.to_owned(), closed),
        ]);
    }
    let of = |id| board.totals.iter().find(|t| t.id == id);
    if let Some(base) = of(Id::Baseline) {
        let ours = of(Id::Headroom);
        grid.rows.push(vec![
            "all of them, what counts".to_owned(),
            cell(Some(base.equal_kwh), 1),
            cell(ours.map(|t| t.equal_kwh), 1),
            cell(of(Id::Limit).map(|t| t.equal_kwh), 1),
            cell(ours.map(|t| t.saved_share.times(100.0)), 2),
            cell(ours.and_then(|t| t.closed).map(|c| c.times(100.0)), 0),
        ]);
    }
    grid
}

fn cell(value: Option<Interval>, digits: usize) -> String {
    value.map_or(NONE.to_owned(), |v| format!("{v:.digits$}"))
}

/// Savings in percent; void ones are named so.
fn saved(line: &Line) -> String {
    let percent = format!("{:.2}", line.saved_share.times(100.0));
    if line.counts() { percent } else { format!("does not count ({percent})") }
}

fn closed(line: &Line) -> String {
    match line.counts() {
        true => cell(line.closed.map(|c| c.times(100.0)), 0),
        false => "does not count".to_owned(),
    }
}

/// The other strategies; nothing where there are none.
pub(crate) fn others(board: &Board) -> Option<Grid> {
    let head = ["scenario", "strategy", "at equal work [kWh]", "saved [%]", "gap closed [%]"];
    let mut grid = Grid::new("Other strategies", 2, &head);
    let known = [Id::Baseline, Id::Headroom, Id::Limit];
    for row in &board.rows {
        for line in row.lines.iter().filter(|l| !known.contains(&l.id)) {
            grid.rows.push(vec![
                row.scenario.clone(),
                line.id.title().to_owned(),
                format!("{:.1}", line.equal_kwh),
                saved(line),
                closed(line),
            ]);
        }
    }
    (!grid.rows.is_empty()).then_some(grid)
}

/// Everything else that a score holds, means over seeds.
pub(crate) fn rest(board: &Board) -> Grid {
    let mut head = vec!["scenario", "strategy"];
    head.extend(REST.iter().map(|c| c.short));
    let mut grid = Grid::new("Everything else, mean of a run", 2, &head);
    for row in &board.rows {
        for line in &row.lines {
            let mut cells = vec![row.scenario.clone(), line.id.title().to_owned()];
            let mean = |of: fn(&_) -> f64| line.scores.iter().map(of).sum::<f64>() / line.scores.len() as f64;
            cells.extend(REST.iter().map(|c| c.text(mean(c.of))));
            grid.rows.push(cells);
        }
    }
    grid
}

/// Why savings do not count, one line for each scenario and strategy.
pub(crate) fn void(board: &Board) -> Vec<String> {
    let of =
        |row: &Row, line: &Line| format!("{}, {}: {}", row.scenario, line.id.title(), line.void.join("; "));
    let all = board.rows.iter().flat_map(|row| row.lines.iter().map(move |line| (row, line)));
    all.filter(|(_, line)| !line.counts()).map(|(row, line)| of(row, line)).collect()
}

/// What was run, in a line.
pub(crate) fn made_of(board: &Board, about: &About) -> String {
    let gpus = |pick: fn(usize, usize) -> usize| board.rows.iter().map(|r| r.gpus).reduce(pick).unwrap_or(0);
    let (least, most) = (gpus(usize::min), gpus(usize::max));
    let gpus = if least == most { format!("{most}") } else { format!("{least} to {most}") };
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {}, {gpus} GPUs, step {} s, policy {}",
        count(board.rows.len(), "scenario"),
        count(board.seeds().len(), "seed"),
        about.step_s,
        about.policy
    )
}

/// What is said below the table of a single world.
pub(crate) fn single(board: &Board) -> String {
    let Some(row) = board.rows.first() else { return String::new() };
    let mut out = format!("\n{}\n", FORMULA.join("\n"));
    for line in &row.lines {
        if let Some(closed) = line.closed {
            out += &format!("{} closes {:.0} % of the gap.\n", line.id.title(), closed.times(100.0));
        }
    }
    for reason in void(board) {
        out += &format!("does not count: {reason}\n");
    }
    out
}

/// The scoreboard of several worlds for a terminal.
pub(crate) fn several(board: &Board, about: &About) -> String {
    let mut out = format!("{}\n\n{}", made_of(board, about), violations(board).plain());
    for reason in void(board) {
        out += &format!("does not count: {reason}\n");
    }
    out += &format!("\n{}", energy(board).plain());
    if let Some(others) = others(board) {
        out += &format!("\n{}", others.plain());
    }
    out + &format!("\n* {}\n{INTERVALS}\n{VOID}\nAgain: {}\n", FORMULA.join("\n  "), about.command)
}
