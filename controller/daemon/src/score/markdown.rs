//! The scoreboard as a page in Markdown, for a book.

use super::board::{Board, FORMULA, INTERVALS, VOID};
use super::grid::Grid;
use super::report;
use super::verb::About;

/// The page.
pub(crate) fn page(board: &Board, about: &About) -> String {
    let seeds: Vec<String> = board.seeds().iter().map(u64::to_string).collect();
    let mut out = format!(
        "# Scoreboard\n\n{}; seeds {}. Made by\n\n```text\n$ {}\n```\n\n",
        report::made_of(board, about),
        seeds.join(", "),
        about.command
    );
    out += &section(&report::violations(board));
    let void = report::void(board);
    if !void.is_empty() {
        out += "Does not count:\n\n";
        out.extend(void.iter().map(|reason| format!("- {reason}\n")));
        out.push('\n');
    }
    let others = report::others(board);
    let grids =
        [Some(report::energy(board)), others, Some(report::rest(board)), Some(scenarios(board, about))];
    out.extend(grids.iter().flatten().map(section));
    out += &format!(
        "```text\n{}\n```\n\n{INTERVALS} {VOID} Sums over scenarios take such savings as none.\n",
        FORMULA.join("\n")
    );
    out
}

fn section(grid: &Grid) -> String {
    format!("## {}\n\n{}\n", grid.title, grid.markdown())
}

/// What the scenarios are.
fn scenarios(board: &Board, about: &About) -> Grid {
    let mut grid = Grid::new("Scenarios", 2, &["scenario", "what happens", "hours", "GPUs"]);
    for row in &board.rows {
        let description = about.description(&row.scenario).to_owned();
        grid.rows.push(vec![row.scenario.clone(), description, row.hours.to_string(), row.gpus.to_string()]);
    }
    grid
}
