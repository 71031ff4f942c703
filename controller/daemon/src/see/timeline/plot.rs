//! The plot in the terminal: a strip of braille for each series, on one axis of time.

use super::{Chart, bounds, sure};
use crate::run::seen::history::History;
use crate::see::number;
use headroom_site::Stamp;

/// Columns of a strip; each holds two dots across.
const COLUMNS: usize = 64;
/// Rows of a strip; each holds four dots down.
const ROWS: usize = 4;
/// Width of the values beside it.
const MARGIN: usize = 10;
/// Dots of a cell, by column and row (Unicode, braille patterns).
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// All strips, and the axis below them.
pub(super) fn lines(chart: &Chart) -> Vec<String> {
    let mut out: Vec<String> = chart.series.iter().flat_map(|s| strip(chart, s)).collect();
    let (from, to) = (of_day(chart.from_ns), of_day(chart.to_ns));
    let gap = " ".repeat((COLUMNS + 2).saturating_sub(from.len() + to.len()));
    out.push(format!("{}{from}{gap}{to}", " ".repeat(MARGIN)));
    out
}

/// Time of day, UTC.
fn of_day(unix_ns: i64) -> String {
    let text = Stamp::from_unix_ns(unix_ns).to_string();
    text.split('T').nth(1).and_then(|t| t.split('.').next()).map_or(text.clone(), |t| format!("{t}Z"))
}

fn strip(chart: &Chart, s: &History) -> Vec<String> {
    let title = format!("{} [{}]  {}", s.of, s.unit, sure(s));
    let Some((low, high)) = bounds(s) else { return vec![title, "  nothing in this time".to_owned()] };
    let mut cells = [[0_u32; COLUMNS]; ROWS];
    let (across, down) = (COLUMNS * 2 - 1, ROWS * 4 - 1);
    let span = (chart.to_ns - chart.from_ns).max(1) as f64;
    let height = if high > low { high - low } else { 1.0 };
    let mut dot = |ns: i64, v: f64| {
        let x =
            ((ns - chart.from_ns) as f64 / span * across as f64).round().clamp(0.0, across as f64) as usize;
        let y = ((high - v) / height * down as f64).round().clamp(0.0, down as f64) as usize;
        cells[y / 4][x / 2] |= DOTS[x % 2][y % 4];
    };
    for (i, ns) in s.unix_ns.iter().enumerate() {
        for values in [&s.value, &s.least, &s.most] {
            if let Some(v) = values.get(i).copied().flatten() {
                dot(*ns, v);
            }
        }
    }
    let mut out = vec![title];
    for (row, line) in cells.iter().enumerate() {
        let text: String = line.iter().map(|c| char::from_u32(0x2800 + c).unwrap_or(' ')).collect();
        let label = match row {
            0 => number(high),
            r if r == ROWS - 1 => number(low),
            _ => String::new(),
        };
        out.push(format!("{label:>width$} │{text}│", width = MARGIN - 2));
    }
    out
}
