//! The cooling and power plant of the site, as it is.
//!
//! Responsible for: nonlinear physics of every piece of facility equipment and their coupling in one
//! [`Facility::step`]. Not for: control (the BMS of the harness), sensors, scenarios, or the chips.
//!
//! ```text
//! racks -> CDU (plate) -> facility water -> economiser -> chillers -> condenser water -> tower -> air
//! hall air -> CRAH coils ----^
//! feed -> transformer -> UPS -> busways -> racks;   transformer -> mechanical panel
//! ```
//! A step is one pass around the loops; each loop is closed by one volume that leaves at its old
//! temperature ([`fluid::Volume::draw`]), so nothing is iterated and energy is conserved to rounding.

pub mod cdu;
pub mod chiller;
pub mod condenser;
pub mod exchanger;
pub mod fluid;
pub mod hall;
pub mod power;
pub mod primary;
pub mod pump;
pub mod rack_loop;
pub mod spec;
pub mod tower;
pub mod valve;

mod plant;

pub use plant::{Commands, Facility, FacilityInputs, Outdoor, Powers};
pub use spec::{BessSpec, FacilitySpec, HeatRejection, PowerSpec, RackSpec};
