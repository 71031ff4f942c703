//! Matrices as they stand in the file: what is not zero.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// A matrix by its entries that are not zero, row by row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Row, column and value, in the order of rows.
    pub entries: Vec<(usize, usize, f64)>,
}

impl Sparse {
    /// All zero.
    #[must_use]
    pub fn zero(rows: usize, columns: usize) -> Self {
        Self { rows, columns, entries: Vec::new() }
    }

    /// Adds an entry behind the others; zeros are left out.
    pub fn push(&mut self, row: usize, column: usize, value: f64) {
        if value != 0.0 {
            self.entries.push((row, column, value));
        }
    }

    /// Of this size, and every entry inside it and in order?
    #[must_use]
    pub fn fits(&self, rows: usize, columns: usize) -> bool {
        let inside = self.entries.iter().all(|(r, c, _)| *r < rows && *c < columns);
        let sorted = self.entries.windows(2).all(|w| (w[0].0, w[0].1) < (w[1].0, w[1].1));
        self.rows == rows && self.columns == columns && inside && sorted
    }

    /// No entry that is not a number.
    #[must_use]
    pub fn finite(&self) -> bool {
        self.entries.iter().all(|(_, _, v)| v.is_finite())
    }

    /// Entries of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = &(usize, usize, f64)> {
        self.entries_of(row).iter()
    }

    /// The same, to be walked again and again: finding them is the larger part of the work.
    #[must_use]
    pub fn entries_of(&self, row: usize) -> &[(usize, usize, f64)] {
        let from = self.entries.partition_point(|(r, _, _)| *r < row);
        let rest = &self.entries[from..];
        &rest[..rest.iter().take_while(|(r, _, _)| *r == row).count()]
    }

    /// An entry.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.row(row).find(|(_, c, _)| *c == column).map_or(0.0, |(_, _, v)| *v)
    }

    /// As a full matrix.
    #[must_use]
    pub fn dense(&self) -> DMatrix<f64> {
        let mut out = DMatrix::zeros(self.rows, self.columns);
        for (r, c, v) in &self.entries {
            out[(*r, *c)] = *v;
        }
        out
    }
}
