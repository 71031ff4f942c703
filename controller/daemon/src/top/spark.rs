//! A small trend: one row of heights over the last minutes, with its least and most.
//!
//! Responsible for: placing looks on a row by their time, gaps as blanks. Not for: what the values mean.

use crate::see::sparkline;

/// Two looks further apart than so many usual steps have a gap between them.
const GAP_STEPS: i64 = 4;

/// A drawn trend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strip {
    pub(super) text: String,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) minutes: f64,
}

/// Draws what is known on a row of so many characters; `None` where nothing is. Times rise, one for each value.
pub(super) fn strip(unix_ms: &[i64], values: &[Option<f32>], every_ms: i64, width: usize) -> Option<Strip> {
    let Series { cells, least, most, minutes } = Series::of(unix_ms, values, every_ms, width)?;
    Some(Strip { text: sparkline(&cells), least, most, minutes })
}

/// A drawn trend of several rows, the highest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    pub(super) rows: Vec<String>,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// Draws what is known as columns of eighths of a character; `None` where nothing is. A value that never moves is half high.
pub(super) fn plot(
    unix_ms: &[i64],
    values: &[Option<f32>],
    every_ms: i64,
    (width, height): (usize, usize),
) -> Option<Plot> {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Series { cells, least, most, .. } = Series::of(unix_ms, values, every_ms, width)?;
    let full = 8 * height;
    // The least has one eighth, so that a gap is told from it.
    let level = |v: f64| match most - least {
        span if span > 0.0 => 1 + ((v - least) / span * (full - 1) as f64).round() as usize,
        _ => full / 2,
    };
    let cell = |row: usize, v: Option<f64>| {
        let filled = v.map_or(0, level).saturating_sub(8 * (height - 1 - row)).min(8);
        EIGHTHS[filled]
    };
    let rows = (0..height).map(|row| cells.iter().map(|v| cell(row, *v)).collect()).collect();
    Some(Plot { rows, least, most })
}

/// Looks placed on a row.
struct Series {
    cells: Vec<Option<f64>>,
    least: f64,
    most: f64,
    minutes: f64,
}

impl Series {
    /// `None` where nothing is known.
    fn of(unix_ms: &[i64], values: &[Option<f32>], every_ms: i64, width: usize) -> Option<Self> {
        let known = |v: &Option<f32>| v.map(f64::from).filter(|v| v.is_finite());
        let looks: Vec<(i64, Option<f64>)> = unix_ms.iter().copied().zip(values.iter().map(known)).collect();
        let all = || looks.iter().filter_map(|(_, v)| *v);
        let (least, most) = (all().reduce(f64::min)?, all().reduce(f64::max)?);
        let (from, to) = (looks.first()?.0, looks.last()?.0);
        let cells = columns(&looks, (from, to), GAP_STEPS * usual(unix_ms, every_ms), width);
        Some(Self { cells, least, most, minutes: (to - from) as f64 / 60_000.0 })
    }
}

/// The step that is usual: a plant's clock may be faster than the looks.
fn usual(unix_ms: &[i64], every_ms: i64) -> i64 {
    let mut steps: Vec<i64> = unix_ms.windows(2).map(|w| w[1] - w[0]).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(0).max(every_ms)
}

/// Mean of each column; one without a look has its neighbour's to the left unless there is a gap.
fn columns(looks: &[(i64, Option<f64>)], (from, to): (i64, i64), far: i64, width: usize) -> Vec<Option<f64>> {
    let span = (to - from).max(1) as f64;
    let place = |t: i64| (((t - from) as f64 / span * width as f64) as usize).min(width.saturating_sub(1));
    let mut out = vec![None; width];
    let mut next = 0;
    let mut last: Option<(i64, f64)> = None;
    for (column, cell) in out.iter_mut().enumerate() {
        let begun = next;
        while next < looks.len() && place(looks[next].0) <= column {
            next += 1;
        }
        let here = &looks[begun..next];
        if here.is_empty() {
            let joined = |t: i64| looks.get(next).is_some_and(|(n, v)| v.is_some() && n - t <= far);
            *cell = last.filter(|(t, _)| joined(*t)).map(|(_, v)| v);
            continue;
        }
        let values: Vec<f64> = here.iter().filter_map(|(_, v)| *v).collect();
        *cell = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        last = here.last().and_then(|(t, v)| Some((*t, (*v)?)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_wide_as_asked_and_gaps_are_blank() {
        let times: Vec<i64> = (0..60).map(|i| i * 2000).collect();
        let mut values: Vec<Option<f32>> = (0..60).map(|i| Some(i as f32)).collect();
        let whole = strip(&times, &values, 2000, 20).unwrap();
        assert_eq!((whole.text.chars().count(), whole.least, whole.most), (20, 0.0, 59.0));
        assert!(
            whole.text.starts_with('▁') && whole.text.ends_with('█') && !whole.text.contains(' '),
            "{whole:?}"
        );
        values[20..40].fill(None);
        let gap = strip(&times, &values, 2000, 20).unwrap().text;
        assert_eq!(gap.chars().filter(|c| *c == ' ').count(), 6, "{gap:?}");
        assert_eq!(strip(&times, &[None; 60], 2000, 20), None);
        assert_eq!(strip(&[], &[], 2000, 20), None);
    }

    #[test]
    fn a_plot_rises_over_its_rows_and_what_does_not_move_is_half_high() {
        let times: Vec<i64> = (0..40).map(|i| i * 2000).collect();
        let values: Vec<Option<f32>> = (0..40).map(|i| Some(i as f32)).collect();
        let found = plot(&times, &values, 2000, (20, 2)).unwrap();
        let [high, low] = &found.rows[..] else { panic!("{found:?}") };
        assert!(high.starts_with(' ') && high.ends_with('█') && high.chars().count() == 20, "{found:?}");
        assert!(low.starts_with('▁') && low.ends_with('█') && !low.contains(' '), "{found:?}");
        let flat = plot(&times, &[Some(7.0); 40], 2000, (10, 2)).unwrap();
        assert_eq!(flat.rows, [" ".repeat(10), "█".repeat(10)]);
        assert_eq!(plot(&times, &[None; 40], 2000, (10, 2)), None);
    }

    #[test]
    fn few_looks_fill_a_wide_row_and_a_pause_does_not() {
        let few = strip(&[0, 2000, 4000], &[Some(1.0), Some(2.0), Some(3.0)], 2000, 30).unwrap().text;
        assert!(!few.contains(' '), "{few:?}");
        let pause = strip(&[0, 2000, 4000, 60_000], &[Some(1.0); 4], 2000, 30).unwrap().text;
        assert!(pause.contains(' '), "{pause:?}");
    }
}
