//! Loops: what their points owe each other, and what is wrong where they do not.
//!
//! Responsible for: equations between the points of a loop, what is usual of them on this site, which fault explains best
//! what has changed, and flows that nobody meters. Not for: which points there are (core reads the site's graph), or who is
//! told.
//!
//! ```text
//! values z -> equations r(z) -> less what is usual -> deviations d -> faults that explain them
//! ```
//!
//! Load moves values, not equations: heat that rises with power, head that rises with speed and opening valves leave the
//! numbers where they were. A fault moves some of them and not others, each fault its own: structured residuals (Gertler,
//! *Fault Detection and Diagnosis in Engineering Systems*, 1998).
//!
//! Rooms: [`equation`], `baseline` (what is usual), `diagnose` (which fault explains it), `network` (one loop over time),
//! `unmetered` (flows that nobody meters), `valve` (stems that stick).

mod baseline;
mod diagnose;
pub mod equation;
mod network;
#[cfg(test)]
mod tests;
mod unmetered;
mod valve;

pub use baseline::{Baseline, Deviation};
pub use diagnose::{Effect, Hypothesis};
pub use equation::{Equation, Side, Var};
pub use network::{Evidence, Found, Network, Variable};
pub use valve::{Stem, Valve};
