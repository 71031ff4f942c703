//! A table of what was seen: columns over a regular time.
//!
//! Responsible for: one time step between rows, and gaps as rows without values. Not for: files.

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Point, or `gpu_power:RACK`.
    pub name: String,
    /// Unit in which the table had it, for messages; values are in the base unit of its dimension.
    pub unit: String,
    /// Values, base unit; not a number where there is none.
    pub values: Vec<f64>,
}

/// A table with a regular time.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Unix time of the first row, s.
    pub begin_unix_s: f64,
    /// Time between rows, s.
    pub period_s: f64,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: Vec<Column>,
}

/// Why rows are no table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TableError {
    /// Too few rows.
    #[error("{0} rows are too few to learn from; record at least {1}")]
    Few(usize, usize),
    /// Time that does not go forward.
    #[error("row {0} is not later than the one before it; sort the table by time")]
    Order(usize),
    /// Rows too far apart.
    #[error("rows are {0:.0} s apart; record at least one row every 15 minutes")]
    Coarse(f64),
    /// More gap than table.
    #[error(
        "the table reaches over {0} periods of {1:.0} s but has only {2} rows; leave out the empty stretches"
    )]
    Gaps(usize, f64, usize),
}

/// Fewest rows.
const FEWEST: usize = 60;
/// Spreads of a column beyond which a value is not one of its own.
const FAR: f64 = 8.0;
/// Longest period, s.
const LONGEST_S: f64 = 900.0;

impl Table {
    /// Puts rows at their times onto a regular time: the median distance of rows. Of several rows in a period the last
    /// counts; a period without a row has no values.
    ///
    /// # Errors
    /// Too few rows, in the wrong order, too far apart.
    pub fn new(unix_s: &[f64], columns: Vec<Column>) -> Result<Self, TableError> {
        if unix_s.len() < FEWEST {
            return Err(TableError::Few(unix_s.len(), FEWEST));
        }
        let mut steps: Vec<f64> = unix_s.windows(2).map(|w| w[1] - w[0]).collect();
        if let Some(row) = steps.iter().position(|s| s.is_nan() || *s <= 0.0) {
            return Err(TableError::Order(row + 2));
        }
        steps.sort_by(f64::total_cmp);
        let period_s = (steps[steps.len() / 2] * 1e3).round().max(1.0) / 1e3;
        if period_s > LONGEST_S {
            return Err(TableError::Coarse(period_s));
        }
        let begin = unix_s[0];
        let place = |t: f64| ((t - begin) / period_s).round() as usize;
        let most = 4 * unix_s.len() + 1000;
        let reach = (unix_s[unix_s.len() - 1] - begin) / period_s;
        // Also not a number, or beyond all numbers of rows.
        if reach.is_nan() || reach >= most as f64 {
            return Err(TableError::Gaps(reach as usize, period_s, unix_s.len()));
        }
        let rows = place(unix_s[unix_s.len() - 1]) + 1;
        let laid = |values: Vec<f64>| {
            let mut out = vec![f64::NAN; rows];
            unix_s.iter().zip(values).for_each(|(t, v)| out[place(*t)] = v);
            out
        };
        let columns = columns.into_iter().map(|c| Column { values: laid(c.values), ..c }).collect();
        Ok(Self { begin_unix_s: begin, period_s, rows, columns })
    }

    /// A column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Sum of columns, row by row; `None` where one of them is not there.
    #[must_use]
    pub fn sum(&self, names: &[String]) -> Option<Vec<f64>> {
        let mut out = vec![0.0; self.rows];
        for name in names {
            let column = self.column(name)?;
            out.iter_mut().zip(&column.values).for_each(|(sum, v)| *sum += v);
        }
        (!names.is_empty()).then_some(out)
    }

    /// Rows in so many seconds, at least one.
    #[must_use]
    pub fn rows_in(&self, seconds: f64) -> usize {
        ((seconds / self.period_s).round() as usize).max(1)
    }

    /// Takes out values that no sensor shows: far outside everything else of their column. Returns the columns with how many.
    ///
    /// A column's own spread is the distance of its quartiles; a value `FAR` times as far from the median, and as many times
    /// as far as the median is large, is of another world (a counter that overflowed, a torn message).
    pub fn clean(&mut self) -> Vec<(String, usize)> {
        let mut out = Vec::new();
        for column in &mut self.columns {
            let mut sorted: Vec<f64> = column.values.iter().copied().filter(|v| v.is_finite()).collect();
            if sorted.len() < 8 {
                continue;
            }
            sorted.sort_by(f64::total_cmp);
            let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
            let (median, spread) = (at(0.5), at(0.75) - at(0.25));
            let ends = at(0.95) - at(0.05);
            let far = FAR * spread.max(ends).max(median.abs());
            // What stands at zero nearly always has no spread to judge a start by.
            if far <= 0.0 {
                continue;
            }
            let mut taken = 0;
            for v in column.values.iter_mut().filter(|v| (**v - median).abs() > far) {
                *v = f64::NAN;
                taken += 1;
            }
            if taken > 0 {
                out.push((column.name.clone(), taken));
            }
        }
        out
    }

    /// Unix time of a row, s.
    #[must_use]
    pub fn unix_s(&self, row: usize) -> f64 {
        self.begin_unix_s + row as f64 * self.period_s
    }
}
