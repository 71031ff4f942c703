//! The plant as it is in the harness: nonlinear physics, one file per equipment.
//!
//! Truth is not belief: nothing here is shared with the controller's model.

pub mod facility;
