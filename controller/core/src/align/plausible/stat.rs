//! Median and spread that one liar among five does not move.

/// Most peers that are looked at.
pub(super) const PEERS: usize = 16;

/// Values of peers, without allocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peers {
    values: [f64; PEERS],
    count: usize,
}

impl Peers {
    /// Of the members of a ring beside one of them, the next ones first.
    pub(super) fn beside(one: usize, count: usize, mut value: impl FnMut(usize) -> Option<f64>) -> Self {
        let mut out = Self { values: [0.0; PEERS], count: 0 };
        for k in 1..count {
            if out.count == PEERS {
                break;
            }
            if let Some(x) = value((one + k) % count) {
                out.values[out.count] = x;
                out.count += 1;
            }
        }
        out
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Median, and 1.4826 MAD: the standard deviation where they are normal (Huber, *Robust Statistics*, 1981, 5.1).
    pub(super) fn median(mut self) -> (f64, f64) {
        let values = &mut self.values[..self.count];
        let median = middle(values);
        for x in values.iter_mut() {
            *x = (*x - median).abs();
        }
        (median, 1.4826 * middle(values))
    }
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => f64::NAN,
        _ if n % 2 == 1 => values[n / 2],
        _ => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}
