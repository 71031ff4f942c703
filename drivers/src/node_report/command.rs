//! Commands to an agent: caps and clocks of its GPUs.

use super::CodecError;
use headroom_site::CapCommand;

/// Encodes a command to an agent.
///
/// # Errors
/// None in practice; serde_json's signature has one.
pub fn encode_command(command: &CapCommand) -> Result<Vec<u8>, CodecError> {
    Ok(serde_json::to_vec(command)?)
}

/// Decodes a command to an agent.
///
/// # Errors
/// Not JSON, or not of this shape; a cap or a clock that is no finite number.
pub fn decode_command(payload: &[u8]) -> Result<CapCommand, CodecError> {
    let command: CapCommand = serde_json::from_slice(payload)?;
    let finite = |x: Option<f32>| x.is_none_or(f32::is_finite);
    if command.gpus.iter().all(|gpu| finite(gpu.cap_w) && finite(gpu.lock_mhz)) {
        Ok(command)
    } else {
        Err(CodecError::NotFinite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_beyond_all_numbers_is_refused() {
        let text = |cap: &str| {
            format!(
                r#"{{"node":"n1","who":"c","epoch":1,"sequence":2,"ttl_ms":30000,"echo_boot":7,"echo_mono_ns":9,
                "sent_ns":5,"gpus":[{{"uuid":"GPU-a","cap_w":{cap},"lock_mhz":null}}],"reason":"power"}}"#
            )
        };
        assert_eq!(decode_command(text("450").as_bytes()).unwrap().gpus[0].cap_w, Some(450.0));
        // by us, or by the parser where it is built to read each float exactly
        assert!(decode_command(text("1e39").as_bytes()).is_err());
    }
}
