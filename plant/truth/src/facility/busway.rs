//! Busway of a row.
//!
//! Responsible for: its loss. Not for: its breaker ([`super::breaker`]).
//!
//! ```text
//! P_loss = 0.006 P_r x^2        x = load / rating; with joints and tap-offs 0.5 to 1 % is usual
//! ```

/// Loss of a busway, W.
#[must_use]
pub fn busway_loss_w(rating_w: f64, load_w: f64) -> f64 {
    0.006 * load_w * load_w / rating_w
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_grows_with_the_square() {
        assert!((busway_loss_w(100e3, 100e3) - 600.0).abs() < 1e-9);
        assert!((busway_loss_w(100e3, 50e3) - 150.0).abs() < 1e-9);
    }
}
