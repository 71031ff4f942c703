//! (room to be furnished)

pub mod nvml;
