//! The figures of a step response by the textbook, from equally spaced samples.
//!
//! Responsible for: what counts as a move, a turn and an oscillation. Not for: where the samples come from (`run`), nor for
//! what is held beside what (`answers`).
//!
//! ```text
//! y0     mean before the step             y1  mean of the last quarter of the watch       move = y1 - y0
//! b      what noise and deadband explain                   band = max(b, 5 % of |move|)
//! overshoot   largest excess beyond y1, in the direction of the move, over |move|         rise   10 to 90 % of the move
//! settling    from the step to the last sample outside y1 +- band                         peak   farthest from y0
//! turns  extremes that the answer leaves again by more than 2 band; what lies between two of them is a swing s1, s2, ...
//! decay  (sn / s1)^(2 / (n - 1)): a peak over the one before it on the same side, exp(-2 pi zeta / sqrt(1 - zeta^2))
//! ```
//!
//! Overshoot, rise, settling and decay ratio as in Seborg, Edgar, Mellichamp and Doyle, Process Dynamics and Control, on the
//! second-order step response. It oscillates where four swings or more leave a decay ratio above 1/4 (Ziegler and Nichols
//! 1942: a quarter is the most that a well set loop keeps) and the times between turns are regular, their mean above three
//! standard deviations (Thornhill and Haegglund 1997), which noise and loads that come and go are not.

use serde::Serialize;

/// Share of the move within which an answer has settled.
const SETTLED: f64 = 0.05;
/// Largest ratio of a peak to the one before it.
const QUARTER: f64 = 0.25;
/// Least move that shares of it are told of, bands of noise and deadband.
const RESOLVED: f64 = 2.0;
/// Fewest swings that tell a cycle from corrections: two whole periods. As many are larger than a tenth of the move where the
/// decay ratio is just above a quarter.
const SWINGS: usize = 4;
/// Least mean time between turns, standard deviations of it.
const REGULAR: f64 = 3.0;

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Nothing beyond noise and deadband.
    Still,
    /// It comes to rest.
    Settles,
    /// It leaves its band in the last quarter of the watch: on its way, or restless without a cycle.
    Unsettled,
    /// Successive peaks do not decay.
    Oscillates,
}

impl Verdict {
    /// Word in tables.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Still => "still",
            Self::Settles => "settles",
            Self::Unsettled => "unsettled",
            Self::Oscillates => "OSCILLATES",
        }
    }
}

/// Figures of one answer, in the unit of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Band within which it has settled, half its width.
    pub(crate) band: f64,
    pub(crate) final_move: f64,
    /// Farthest from where it was, with its sign.
    pub(crate) peak: f64,
    /// None where the move is less than twice what noise and deadband explain.
    pub(crate) overshoot_percent: Option<f64>,
    /// None as of `overshoot_percent`.
    pub(crate) rise_s: Option<f64>,
    /// None where it has not settled within the watch.
    pub(crate) settling_s: Option<f64>,
    pub(crate) reversals: usize,
    /// None with fewer than two swings.
    pub(crate) decay_ratio: Option<f64>,
    pub(crate) verdict: Verdict,
}

/// Figures of samples every `period_s` seconds, of which the first `before` lie before the step; `noise_band` is what noise
/// and deadband explain. A sample that is no number counts as the one before it. None where there is nothing to look at.
pub(crate) fn figures(samples: &[f64], before: usize, period_s: f64, noise_band: f64) -> Option<Figures> {
    let values = filled(samples)?;
    let (old, new) = values.split_at_checked(before)?;
    if old.is_empty() || new.len() < 8 {
        return None;
    }
    let rest = new.len() - new.len() / 4;
    let (from, to) = (mean(old), mean(&new[rest..]));
    let (moved, answer) = (to - from, |v: &f64| v - from);
    let band = noise_band.max(SETTLED * moved.abs());
    let peak = new.iter().map(answer).fold(0.0, |most: f64, v| if v.abs() > most.abs() { v } else { most });
    let moves = moved.abs() > RESOLVED * noise_band;
    let excess = new.iter().map(|v| moved.signum() * (v - to)).fold(0.0, f64::max);
    let overshoot = if excess > noise_band { 100.0 * excess / moved.abs() } else { 0.0 };
    let reach = |share: f64| crossing(from, new, from + share * moved).map(|n| n * period_s);
    let last_out = new.iter().rposition(|v| (v - to).abs() > band).map_or(0, |n| n + 1);
    let turns = turns(new, from, 2.0 * band);
    let swings: Vec<f64> = turns.windows(2).map(|t| (t[1].1 - t[0].1).abs()).collect();
    let decay_ratio = decay(&swings);
    let verdict = match decay_ratio {
        _ if peak.abs() <= noise_band => Verdict::Still,
        Some(ratio) if swings.len() >= SWINGS && ratio > QUARTER && regular(&turns) => Verdict::Oscillates,
        _ if last_out > rest => Verdict::Unsettled,
        _ => Verdict::Settles,
    };
    Some(Figures {
        band,
        final_move: moved,
        peak,
        overshoot_percent: moves.then_some(overshoot),
        rise_s: moves.then(|| Some(reach(0.9)? - reach(0.1)?)).flatten(),
        settling_s: (last_out <= rest).then_some(last_out as f64 * period_s),
        reversals: turns.len(),
        decay_ratio,
        verdict,
    })
}

/// Standard deviation of what changes from sample to sample without direction: from the median of second differences, so that
/// neither a step nor a drift counts.
pub(crate) fn noise(samples: &[f64]) -> f64 {
    let second = |w: &[f64]| (w[2] - 2.0 * w[1] + w[0]).abs();
    let mut seconds: Vec<f64> = samples.windows(3).map(second).filter(|d| d.is_finite()).collect();
    seconds.sort_by(f64::total_cmp);
    // A normal deviate is beyond 0.6745 half the time, and a second difference has six times the variance.
    seconds.get(seconds.len() / 2).map_or(0.0, |median| median / 0.6745 / 6.0_f64.sqrt())
}

/// Each gap filled with what was before it.
fn filled(samples: &[f64]) -> Option<Vec<f64>> {
    let mut last = samples.iter().copied().find(|v| v.is_finite())?;
    let fill = |v: &f64| {
        if v.is_finite() {
            last = *v;
        }
        last
    };
    Some(samples.iter().map(fill).collect())
}

/// Mean of values of which there is one at least.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Samples until a level is first crossed, between two samples by a line.
fn crossing(from: f64, new: &[f64], level: f64) -> Option<f64> {
    let mut before = from;
    for (n, &value) in new.iter().enumerate() {
        if (before - level) * (value - level) <= 0.0 && value.total_cmp(&before).is_ne() {
            return Some(n as f64 + (level - before) / (value - before));
        }
        before = value;
    }
    None
}

/// Extremes that are left again by more than a band, as (sample, value).
fn turns(values: &[f64], from: f64, band: f64) -> Vec<(usize, f64)> {
    let (mut turns, mut way, mut best) = (Vec::new(), 0.0, (0, from));
    for (n, &value) in values.iter().enumerate() {
        let gone = value - best.1;
        if way * gone > 0.0 || (way.abs() < 0.5 && gone.abs() > band) {
            (way, best) = (gone.signum(), (n, value));
        } else if way.abs() > 0.5 && gone.abs() > band {
            turns.push(best);
            (way, best) = (gone.signum(), (n, value));
        }
    }
    turns
}

/// Peak over the peak before it on the same side, on the average of all swings.
fn decay(swings: &[f64]) -> Option<f64> {
    let (first, last) = (swings.first()?, swings.last()?);
    (swings.len() > 1).then(|| (last / first).powf(2.0 / (swings.len() - 1) as f64))
}

/// Do the turns come at even times?
fn regular(turns: &[(usize, f64)]) -> bool {
    let times: Vec<f64> = turns.windows(2).map(|t| (t[1].0 - t[0].0) as f64).collect();
    let middle = mean(&times);
    let variance = times.iter().map(|t| (t - middle).powi(2)).sum::<f64>() / times.len() as f64;
    middle > REGULAR * variance.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: usize = 10;

    /// A quarter-minute's samples of an answer to a step at zero.
    fn samples(count: usize, answer: impl Fn(f64) -> f64) -> Vec<f64> {
        let at = |n: usize| (n as f64 - BEFORE as f64) * 15.0;
        (0..count + BEFORE).map(|n| if n < BEFORE { 0.0 } else { answer(at(n)) }).collect()
    }

    fn of(values: &[f64], band: f64) -> Figures {
        figures(values, BEFORE, 15.0, band).unwrap()
    }

    /// A repeatable sequence without pattern, -1 to 1.
    fn chance(n: u64) -> f64 {
        let mut x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn second_order(zeta: f64, omega: f64) -> impl Fn(f64) -> f64 {
        let root = (1.0 - zeta * zeta).sqrt();
        move |t| {
            1.0 - (-zeta * omega * t).exp()
                * ((omega * root * t).cos() + zeta / root * (omega * root * t).sin())
        }
    }

    #[test]
    fn a_first_order_lag_rises_without_overshoot() {
        let f = of(&samples(400, |t| -2.0 * (1.0 - (-t / 300.0).exp())), 0.01);
        assert!((f.final_move + 2.0).abs() < 0.01 && (f.peak + 2.0).abs() < 0.01, "{f:?}");
        // Rise ln 9 and settling ln 20 time constants, to a sample.
        assert!((f.rise_s.unwrap() - 9.0_f64.ln() * 300.0).abs() < 15.0, "{f:?}");
        assert!((f.settling_s.unwrap() - 20.0_f64.ln() * 300.0).abs() <= 15.0, "{f:?}");
        assert_eq!((f.overshoot_percent, f.reversals, f.decay_ratio), (Some(0.0), 0, None));
        assert_eq!(f.verdict, Verdict::Settles);
    }

    #[test]
    fn a_damped_second_order_has_the_overshoot_and_decay_of_the_book() {
        for zeta in [0.15_f64, 0.25, 0.5] {
            let f = of(&samples(800, second_order(zeta, 0.01)), 1e-3);
            let root = (1.0 - zeta * zeta).sqrt();
            let overshoot = 100.0 * (-std::f64::consts::PI * zeta / root).exp();
            assert!((f.overshoot_percent.unwrap() - overshoot).abs() < 0.5, "{zeta} {f:?}");
            let decay = (-2.0 * std::f64::consts::PI * zeta / root).exp();
            if let Some(found) = f.decay_ratio {
                assert!((found - decay).abs() < 0.03, "{zeta} {found} {decay}");
            }
            // A quarter lies at zeta 0.215.
            let expected = if zeta < 0.2 { Verdict::Oscillates } else { Verdict::Settles };
            assert_eq!(f.verdict, expected, "{zeta} {f:?}");
        }
        assert!(of(&samples(800, second_order(0.25, 0.01)), 1e-3).decay_ratio.is_some());
    }

    #[test]
    fn noise_is_no_answer_and_no_oscillation() {
        let noisy: Vec<f64> = (0..400).map(|n| chance(n) + chance(n + 9000)).collect();
        let sigma = noise(&noisy);
        // Two even deviates from -1 to 1.
        assert!((sigma - (2.0_f64 / 3.0).sqrt()).abs() < 0.15, "{sigma}");
        let f = of(&noisy, 3.0 * 2.0_f64.sqrt() * sigma);
        assert_eq!((f.verdict, f.reversals, f.overshoot_percent), (Verdict::Still, 0, None));
        // Around a true step the same noise hides nothing of it.
        let step = samples(390, |t| 20.0 * (1.0 - (-t / 300.0).exp()));
        let both: Vec<f64> = step.iter().zip(&noisy).map(|(s, n)| s + n).collect();
        let f = of(&both, 3.0 * 2.0_f64.sqrt() * noise(&both));
        assert_eq!((f.verdict, f.reversals), (Verdict::Settles, 0), "{f:?}");
        assert!((f.final_move - 20.0).abs() < 0.5 && f.overshoot_percent < Some(20.0), "{f:?}");
    }

    #[test]
    fn a_limit_cycle_oscillates_and_irregular_turns_do_not() {
        let cycle = samples(240, |t| 0.5 * (std::f64::consts::TAU * t / 600.0).sin());
        let f = of(&cycle, 0.2);
        assert_eq!(f.verdict, Verdict::Oscillates);
        assert!(f.reversals >= 10 && (f.decay_ratio.unwrap() - 1.0).abs() < 0.05, "{f:?}");
        // Less than noise and deadband explain is none.
        assert_eq!(of(&cycle, 0.6).verdict, Verdict::Still);
        // Loads that come and go: the same swings at uneven times.
        let edges = [20, 30, 100, 110, 190];
        let uneven = samples(240, |t| {
            if edges.iter().filter(|e| t > 15.0 * f64::from(**e)).count() % 2 == 1 { 1.0 } else { 0.0 }
        });
        let f = of(&uneven, 0.2);
        assert!(f.verdict != Verdict::Oscillates && f.reversals >= 4, "{f:?}");
    }

    #[test]
    fn a_disturbance_that_is_taken_back_has_a_peak_and_no_move() {
        let f = of(&samples(240, |t| 3.0 * t / 120.0 * (1.0 - t / 120.0).exp()), 0.1);
        assert!((f.peak - 3.0).abs() < 0.01 && f.final_move.abs() < 0.01, "{f:?}");
        assert_eq!((f.overshoot_percent, f.rise_s, f.verdict), (None, None, Verdict::Settles));
        assert!(f.settling_s.unwrap() > 300.0);
        // What is on its way is not at rest, gaps are the value before, and nothing gives nothing.
        let mut ramp = samples(240, |t| t / 100.0);
        ramp[40] = f64::NAN;
        let f = of(&ramp, 0.1);
        assert_eq!((f.verdict, f.settling_s), (Verdict::Unsettled, None));
        assert!(figures(&[f64::NAN; 40], BEFORE, 15.0, 0.1).is_none());
        assert!(
            figures(&[1.0; 12], BEFORE, 15.0, 0.1).is_none()
                && figures(&[1.0; 3], BEFORE, 15.0, 0.1).is_none()
        );
    }
}
