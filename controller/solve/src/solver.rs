//! The solver as its caller sees it.
//!
//! Responsible for: memory, settings, warm starts, the verdict. Not for: the iteration (`interior`).

use crate::interior::{End, Interior};
use crate::problem::Problem;
use crate::shape::Shape;
use crate::sound::{self, Reach};
use crate::{Certificate, Point, Refused};
use pulp::{Arch, Simd, WithSimd};

/// From where a solve starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// From the previous input, held.
    #[default]
    Cold,
    /// From the last solution as it stands: the same stages, other data. Cold if there is none.
    Last,
    /// From the last solution one stage later, as the next period has it. Cold if there is none.
    Shifted,
}

/// How a solve is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The largest residual of the certificate that counts as solved; 1e-6 if not said.
    pub tolerance: f64,
    /// Iterations at most; 60 if not said. Each takes the same time, so this is the deadline.
    pub iterations: u32,
    /// From where; cold if not said.
    pub start: Start,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tolerance: 1e-6, iterations: 60, start: Start::Cold }
    }
}

/// How a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The certificate is within the tolerance.
    Solved,
    /// The iterations are used up, or no step leads further. The moves keep their bounds; the certificate says how good they are.
    Budget,
    /// Weights are not positive semidefinite: at this stage, more of this input would cost ever less.
    NotConvex {
        /// The stage.
        stage: usize,
        /// The input.
        input: usize,
    },
    /// A step was no number: the problem's figures are too far apart. The moves are those of the last sound iterate.
    NotANumber,
}

/// What came of a solve; the moves are in [`Solver::point`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// Iterations done; each factors once.
    pub iterations: u32,
    /// How well the conditions of optimality are met, reckoned from the data.
    pub certificate: Certificate,
}

/// A solver for problems of one shape.
#[derive(Debug, Clone)]
pub struct Solver {
    shape: Shape,
    arch: Arch,
    reach: Reach,
    interior: Interior,
    point: Point,
    /// Is there a solution in `point`?
    solved_before: bool,
}

impl Solver {
    /// A solver; it takes all its memory here.
    ///
    /// # Errors
    /// Sizes that cannot be.
    pub fn new(shape: Shape) -> Result<Self, Refused> {
        shape.check()?;
        Ok(Self {
            shape,
            arch: Arch::new(),
            reach: Reach::new(shape.stages * shape.inputs),
            interior: Interior::new(shape),
            point: Point::new(shape),
            solved_before: false,
        })
    }

    /// Solves a problem. Whatever the status, the moves in [`Self::point`] afterwards are within input and rate bounds.
    ///
    /// # Errors
    /// The problem has another shape or is unsound; the last solution then stands as it was.
    pub fn solve(&mut self, problem: &Problem, settings: &Settings) -> Result<Report, Refused> {
        if problem.shape() != self.shape {
            return Err(Refused::OtherShape);
        }
        sound::vectors(problem)?;
        self.reach.find(problem)?;
        let warm = self.solved_before && settings.start != Start::Cold;
        if warm && settings.start == Start::Shifted {
            self.point.shift();
        }
        let Self { arch, reach, interior, point, .. } = self;
        let run = Run { interior, problem, reach, point, settings, warm };
        let (end, iterations, certificate) = arch.dispatch(run);
        let status = match end {
            _ if certificate.worst() <= settings.tolerance => Status::Solved,
            End::Done => Status::Budget,
            End::Indefinite(at) => Status::NotConvex { stage: at.stage, input: at.input },
            End::NotANumber => Status::NotANumber,
        };
        self.solved_before = matches!(status, Status::Solved | Status::Budget);
        Ok(Report { status, iterations, certificate })
    }

    /// Moves, states and multipliers of the last solve.
    #[must_use]
    pub const fn point(&self) -> &Point {
        &self.point
    }

    /// Bytes that it holds, without the problem's.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.interior.bytes() + self.point.bytes() + 17 * self.reach.lower.len()
    }
}

/// A solve, to be compiled for each kind of processor.
struct Run<'a> {
    interior: &'a mut Interior,
    problem: &'a Problem,
    reach: &'a Reach,
    point: &'a mut Point,
    settings: &'a Settings,
    warm: bool,
}

impl WithSimd for Run<'_> {
    type Output = (End, u32, Certificate);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        self.interior.run(simd, self.problem, self.reach, self.point, self.settings, self.warm)
    }
}
