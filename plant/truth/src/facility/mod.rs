//! The cooling and power plant of the site, as it is.
//!
//! Responsible for: nonlinear physics of every piece of facility equipment and their coupling in one
//! [`Facility::step`]. Not for: control (the BMS of the harness), sensors, scenarios, or the chips.
//!
//! ```text
//! racks -> CDU (plate) -> facility water -> economiser -> chillers -> condenser water -> tower, dry cooler
//! hall air -> CRAH coils ----^                  tank --^
//! feed, generator -> ATS -> UPS -> busways -> racks;   -> mechanical panel;   <-> BESS
//! ```
//! A step of up to 10 s is one pass around the loops. Volumes are integrated implicitly; the long loops are closed
//! by one volume that leaves at its old temperature ([`fluid::Volume::draw`]), the short ones by a line over
//! their unknown ([`fluid::Line`]). Nothing is iterated, and energy and mass are conserved to rounding
//! ([`balance`]).

pub mod ats;
pub mod balance;
pub mod basin;
pub mod bess;
pub mod breaker;
pub mod busway;
pub mod cdu;
pub mod chiller;
pub mod coil;
pub mod condenser;
pub mod crah;
pub mod dry_cooler;
pub mod exchanger;
pub mod expansion;
pub mod fluid;
pub mod generator;
pub mod hall;
pub mod power;
pub mod primary;
pub mod pump;
pub mod rack_loop;
pub mod rejection;
pub mod spec;
pub mod tank;
pub mod tower;
pub mod transformer;
pub mod ups;
pub mod valve;

mod build;
mod plant;

pub use balance::{Continuity, WaterBooks};
pub use plant::{Commands, Facility, FacilityInputs, Outdoor, Powers};
pub use spec::{BessSpec, FacilitySpec, HeatRejection, PowerSpec, RackSpec};
