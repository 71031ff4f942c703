//! How far off a prediction is some time ahead, as a linear filter.
//!
//! A model y = G u + d with a disturbance d that is followed with a gain 1 - lambda predicts y(k+H) as
//! G u(k+H) + d(k). With v = y - G u that is off by
//!
//! ```text
//! m(k)   = lambda m(k-1) + (1 - lambda) v(k)
//! e_H(k) = v(k+H) - m(k)
//! ```
//!
//! which is linear in v, and so in y and in every answer of an input: the error that counts can be minimised by least
//! squares, not only that of one step (multi-step prediction error; Ljung 1999, section 7.2 and 14.4).

/// Where a measurement lacks.
pub(super) fn known(y: &[f64]) -> Vec<bool> {
    y.iter().map(|y| y.is_finite()).collect()
}

/// e_H of a series at every row for which it is known; rows where `known` is false are passed over, as the filter would.
pub(super) fn ahead(v: &[f64], known: &[bool], lambda: f64, horizon: usize, rows: &[usize]) -> Vec<f64> {
    let mut means = Vec::with_capacity(v.len());
    let mut mean = None;
    for (v, known) in v.iter().zip(known) {
        if *known {
            mean = Some(mean.map_or(*v, |m: f64| lambda * m + (1.0 - lambda) * v));
        }
        means.push(mean.unwrap_or(0.0));
    }
    rows.iter().map(|k| v[k + horizon] - means[*k]).collect()
}

/// Rows from which an error can be told: known there and a horizon later.
pub(super) fn rows(known: &[bool], from: usize, to: usize, horizon: usize, stride: usize) -> Vec<usize> {
    let usable = |k: &usize| known[*k] && known[*k + horizon];
    (from..to.saturating_sub(horizon)).step_by(stride.max(1)).filter(usable).collect()
}
