//! Exit codes of every verb.

/// It ran and found a fault.
pub(crate) const FAULT: u8 = 1;
/// Used wrongly, or asked for what there is not.
pub(crate) const USAGE: u8 = 2;
/// The configuration cannot be used.
pub(crate) const CONFIGURATION: u8 = 3;
/// The field cannot be reached.
pub(crate) const NO_FIELD: u8 = 4;
