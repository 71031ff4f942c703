//! The quadratic programme of model predictive control, solved by a primal-dual interior point on the Riccati recursion.
//!
//! Responsible for: the problem of [`problem`](Problem) in a fixed number of iterations and a fixed piece of memory, with a
//! [`Certificate`] of how well it is solved. Not for: where a model, a weight or a limit comes from, or what is done with the moves.
//! No I/O, no clock, no chance; nothing is allocated by a solve, and the same problem gives the same bits.
//!
//! ```
//! use headroom_solve::{Problem, Settings, Shape, Solver, Status};
//!
//! // One state that decays, one input that drives it towards 1 by at most 0.2 a stage.
//! let shape = Shape::invariant(1, 1, 0, 20);
//! let mut problem = Problem::new(shape)?;
//! problem.set_model(0, &[0.9], &[0.1], &[], &[])?;
//! problem.set_weights(0, &[1.0], &[0.01], &[0.1])?;
//! for k in 0..shape.stages {
//!     let stage = problem.stage_mut(k);
//!     stage.q[0] = -1.0;
//!     (stage.lower[0], stage.upper[0]) = (0.0, 2.0);
//!     (stage.rate_lower[0], stage.rate_upper[0]) = (-0.2, 0.2);
//! }
//! problem.set_start(&[0.0], &[0.0])?;
//! let mut solver = Solver::new(shape)?;
//! let report = solver.solve(&problem, &Settings::default())?;
//! assert_eq!(report.status, Status::Solved);
//! assert!((solver.point().input(0)[0] - 0.2).abs() < 1e-6);
//! # Ok::<(), headroom_solve::Refused>(())
//! ```

mod certificate;
mod interior;
mod kernels;
mod point;
mod problem;
mod refused;
mod riccati;
mod rows;
mod shape;
mod solver;
mod sound;
pub mod sparse;
mod start;

pub use certificate::{Certificate, Residual};
pub use point::Point;
pub use problem::{Outputs, Problem, Stage, Terminal};
pub use refused::Refused;
pub use shape::Shape;
pub use solver::{Report, Settings, Solver, Start, Status};
