//! Marks of time: what the controller says to all agents, so that their answers make round trips.

use super::CodecError;
use serde::{Deserialize, Serialize};

/// The time by the controller's clock, said to all agents so that each can answer when it heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeMark {
    /// When it was sent, ns TAI.
    pub sent_ns: i64,
}

/// Encodes a mark of time.
///
/// # Errors
/// None in practice; serde_json's signature has one.
pub fn encode_time(mark: TimeMark) -> Result<Vec<u8>, CodecError> {
    Ok(serde_json::to_vec(&mark)?)
}

/// Decodes a mark of time.
///
/// # Errors
/// Not JSON, or not of this shape.
pub fn decode_time(payload: &[u8]) -> Result<TimeMark, CodecError> {
    Ok(serde_json::from_slice(payload)?)
}
