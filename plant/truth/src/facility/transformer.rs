//! Distribution transformer.
//!
//! Responsible for: its loss. Not for: what it feeds.
//!
//! ```text
//! P_loss = P_r (0.0015 + 0.009 x^2)        x = load / rating
//! ```
//! Source: no-load 0.15 % and load loss 0.9 %, the class of EN 50588-1 distribution transformers.

/// Loss of a transformer, W.
#[must_use]
pub fn transformer_loss_w(rating_w: f64, load_w: f64) -> f64 {
    let x = load_w / rating_w;
    rating_w * (0.0015 + 0.009 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_at_none_and_full_load() {
        assert!((transformer_loss_w(1e6, 0.0) - 1500.0).abs() < 1e-9);
        assert!((transformer_loss_w(1e6, 1e6) - 10_500.0).abs() < 1e-9);
    }
}
