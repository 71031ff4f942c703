//! Why a problem is not solved at all.
//!
//! Responsible for: naming what is wrong, with stage and row. Not for: finding it (`problem`, `reach`).

use std::fmt;

/// A finding that makes a problem unfit to be solved. Stages, rows and columns count from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// A size that cannot be, with what may be.
    Shape(&'static str),
    /// The problem has another size than the solver was made for.
    OtherShape,
    /// There is no such set of matrices.
    NoSet {
        /// Of which kind.
        what: &'static str,
        /// The number asked for.
        set: usize,
    },
    /// A slice of the wrong length.
    Length {
        /// The matrix or vector.
        what: &'static str,
        /// Entries that it has to have.
        expected: usize,
        /// Entries that were given.
        given: usize,
    },
    /// Not a number, or infinite where only numbers can be.
    NotFinite {
        /// The matrix or vector.
        what: &'static str,
        /// The stage (of a matrix: its set).
        stage: usize,
        /// The row.
        row: usize,
    },
    /// A weight that is not symmetric.
    NotSymmetric {
        /// The matrix.
        what: &'static str,
        /// Its set.
        set: usize,
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// A weight or penalty below zero.
    Negative {
        /// The matrix (its diagonal) or vector.
        what: &'static str,
        /// The stage (of a matrix: its set).
        stage: usize,
        /// The row.
        row: usize,
    },
    /// A lower bound above its upper bound, or a bound that nothing can keep (lower +inf, upper -inf).
    Contradiction {
        /// Of input, rate or output.
        what: &'static str,
        /// The stage.
        stage: usize,
        /// The row.
        row: usize,
        /// The lower bound.
        lower: f64,
        /// The upper bound.
        upper: f64,
    },
    /// No sequence of moves keeps box and rate: what rates leave of an input and what its box allows do not meet.
    Unreachable {
        /// The first stage at which they do not.
        stage: usize,
        /// The input.
        input: usize,
        /// Least and most that rates leave, from the previous input on.
        reach: (f64, f64),
        /// The box.
        allowed: (f64, f64),
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Shape(what) => f.write_str(what),
            Self::OtherShape => f.write_str("the problem has another shape than the solver"),
            Self::NoSet { what, set } => write!(f, "there is no set {set} of {what}"),
            Self::Length { what, expected, given } => write!(f, "{what} has {given} entries, not {expected}"),
            Self::NotFinite { what, stage, row } => {
                write!(f, "{what} of stage {stage}, row {row}, is no finite number")
            }
            Self::NotSymmetric { what, set, row, column } => {
                write!(f, "{what} of set {set} is not symmetric at row {row}, column {column}")
            }
            Self::Negative { what, stage, row } => {
                write!(f, "{what} of stage {stage}, row {row}, is negative")
            }
            Self::Contradiction { what, stage, row, lower, upper } => {
                write!(f, "{what} {row} of stage {stage} would be at least {lower} and at most {upper}")
            }
            Self::Unreachable { stage, input, reach, allowed } => write!(
                f,
                "input {input} can be {} to {} at stage {stage} by its rates, {} to {} by its box",
                reach.0, reach.1, allowed.0, allowed.1
            ),
        }
    }
}

impl std::error::Error for Refused {}
