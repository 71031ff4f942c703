//! A short text on the page, made of atomics so that any process may look while another writes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Up to `8 * W` bytes of UTF-8, padded with zeros.
#[repr(C)]
pub(crate) struct Text<const W: usize>([AtomicU64; W]);

impl<const W: usize> Text<W> {
    /// Bytes that fit.
    pub(crate) const LEN: usize = 8 * W;

    /// Writes the text; what does not fit is left out (the caller has checked).
    pub(crate) fn set(&self, text: &str) {
        let bytes = text.as_bytes();
        for (i, word) in self.0.iter().enumerate() {
            let mut part = [0_u8; 8];
            for (k, byte) in part.iter_mut().enumerate() {
                *byte = bytes.get(8 * i + k).copied().unwrap_or(0);
            }
            word.store(u64::from_le_bytes(part), Relaxed);
        }
    }

    /// The text's bytes without the padding, handed over eight at a time at most.
    pub(crate) fn each_byte(&self, mut f: impl FnMut(u8)) {
        for word in &self.0 {
            for byte in word.load(Relaxed).to_le_bytes() {
                if byte == 0 {
                    return;
                }
                f(byte);
            }
        }
    }

    /// The text.
    pub(crate) fn get(&self) -> String {
        let mut bytes = Vec::with_capacity(Self::LEN);
        self.each_byte(|byte| bytes.push(byte));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Compares without allocating.
    pub(crate) fn is(&self, other: &str) -> bool {
        let mut rest = other.as_bytes();
        let mut same = true;
        self.each_byte(|byte| match rest.split_first() {
            Some((first, tail)) if *first == byte => rest = tail,
            _ => same = false,
        });
        same && rest.is_empty()
    }
}
