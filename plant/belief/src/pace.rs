//! Pace: how a positive quantity of a job (a latency, a rate of tokens, a power) follows the clock of its GPUs.
//!
//! Responsible for: a time-varying elasticity with covariance, learned from ordinary operation, and what it says of clocks
//! not tried yet. Not for: which clock is chosen.
//!
//! ```text
//! ln y = a + e ln x + w ln(1 + n) + v,    x: clock over the highest, n: requests served, v ~ N(0, R)
//! a(t + dt) = a(t) + N(0, qa dt),   e, w likewise with qe, qw
//! ```
//! A Kalman filter on (a, e, w) (R. E. Kalman, 1960; Harvey, *Forecasting, Structural Time Series Models and the Kalman
//! Filter*, 1989, chapter 3: regression with time-varying parameters). The level takes what changes by itself (prompts get
//! longer), so that a clock that does not move teaches nothing of e. R follows the innovations. Elasticities stay in the
//! bounds that physics gives them: work that is bound by arithmetic has e = -1 in its time, by memory 0, and a queue
//! multiplies that.

/// What is known of a kind of quantity before anything was seen, and how fast it may change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Elasticity to the clock, and its standard deviation.
    pub clock: (f64, f64),
    /// Least and largest.
    pub bounds: (f64, f64),
    /// Elasticity to what is served, and its standard deviation.
    pub served: (f64, f64),
    /// Standard deviation of one observation, relative.
    pub noise: f64,
    /// Standard deviation by which the level wanders in a minute, relative.
    pub wander: f64,
}

impl Prior {
    /// Time to the first token: reading a prompt is arithmetic, and a queue makes more of it.
    pub const FIRST_TOKEN: Self =
        Self { clock: (-1.2, 0.4), bounds: (-4.0, -0.2), served: (0.3, 0.3), noise: 0.25, wander: 0.06 };
    /// Time from one token to the next: reading weights is bandwidth, a full batch and prompts between are arithmetic.
    pub const PER_TOKEN: Self =
        Self { clock: (-0.3, 0.2), bounds: (-1.5, 0.0), served: (0.2, 0.2), noise: 0.08, wander: 0.02 };
    /// Tokens of a synchronous job: nearly all arithmetic (Zeus, NSDI 2023: the part that memory limits is some 10 %).
    pub const TOKENS: Self =
        Self { clock: (0.9, 0.05), bounds: (0.0, 1.0), served: (0.0, 1e-6), noise: 0.05, wander: 0.01 };
    /// Power of a synchronous job: above the voltage's knee it falls by some two times as much as the clock.
    pub const TRAINING_POWER: Self =
        Self { clock: (1.8, 0.4), bounds: (0.0, 3.0), served: (0.0, 1e-6), noise: 0.05, wander: 0.02 };
    /// Power of a job that serves: below its voltage floor energy falls no faster than speed.
    pub const POWER: Self =
        Self { clock: (0.6, 0.3), bounds: (-0.5, 2.5), served: (0.3, 0.3), noise: 0.08, wander: 0.03 };
}

/// What has been learned of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    prior: Prior,
    /// Level, elasticity to the clock, elasticity to what is served.
    x: [f64; 3],
    p: [[f64; 3]; 3],
    noise_var: f64,
    seen: bool,
}

/// Share of an innovation that the noise takes over.
const NOISE_GAIN: f64 = 0.02;
/// How much wider the noise may be than its prior, and narrower.
const NOISE_RANGE: (f64, f64) = (0.3, 3.0);
/// An innovation counts at most so many standard deviations (Huber).
const HUBER: f64 = 3.0;
/// Standard deviation by which an elasticity wanders in an hour.
const ELASTICITY_WANDER: f64 = 0.05;

impl Pace {
    /// Nothing seen.
    #[must_use]
    pub fn new(prior: Prior) -> Self {
        let mut p = [[0.0; 3]; 3];
        // a level that nobody knows
        p[0][0] = 25.0;
        p[1][1] = prior.clock.1 * prior.clock.1;
        p[2][2] = prior.served.1 * prior.served.1;
        Self {
            prior,
            x: [0.0, prior.clock.0, prior.served.0],
            p,
            noise_var: prior.noise * prior.noise,
            seen: false,
        }
    }

    /// Takes an observation `y` > 0 at a clock over the highest, with `served` requests, `dt_s` after the last.
    pub fn learn(&mut self, y: f64, clock: f64, served: f64, dt_s: f64) {
        let told = [y, clock, served, dt_s];
        if !(y > 0.0 && clock > 0.0 && served >= 0.0 && dt_s >= 0.0 && told.iter().all(|x| x.is_finite())) {
            return;
        }
        self.wait(dt_s);
        let phi = phi(clock, served);
        let gain_of = self.times(&phi);
        let innovation = y.ln() - dot(&phi, &self.x);
        let var = dot(&phi, &gain_of) + self.noise_var;
        let most = HUBER * var.sqrt();
        let held = if self.seen { innovation.clamp(-most, most) } else { innovation };
        for (x, gain) in self.x.iter_mut().zip(&gain_of) {
            *x += gain / var * held;
        }
        for (row, a) in self.p.iter_mut().zip(&gain_of) {
            for (p, b) in row.iter_mut().zip(&gain_of) {
                *p -= a * b / var;
            }
        }
        if self.seen {
            let own = (held * held - dot(&phi, &gain_of)).max(0.0);
            let (least, widest) = NOISE_RANGE;
            let prior_var = self.prior.noise * self.prior.noise;
            self.noise_var = (self.noise_var + NOISE_GAIN * (own - self.noise_var))
                .clamp(prior_var * least * least, prior_var * widest * widest);
        }
        self.seen = true;
        self.x[1] = self.x[1].clamp(self.prior.bounds.0, self.prior.bounds.1);
    }

    /// Time passes unseen: the level wanders, elasticities slowly, and never further than their prior.
    fn wait(&mut self, dt_s: f64) {
        let prior = &self.prior;
        self.p[0][0] = (self.p[0][0] + prior.wander * prior.wander * dt_s / 60.0).min(25.0);
        let elastic = ELASTICITY_WANDER * ELASTICITY_WANDER * dt_s / 3600.0;
        for (i, sigma) in [(1, prior.clock.1), (2, prior.served.1)] {
            self.p[i][i] = (self.p[i][i] + elastic).min(sigma * sigma).max(self.p[i][i]);
        }
    }

    /// True once anything was seen.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.seen
    }

    /// Natural logarithm of the quantity at a clock over the highest with `served` requests, and its standard deviation.
    #[must_use]
    pub fn ln_at(&self, clock: f64, served: f64) -> (f64, f64) {
        let phi = phi(clock, served);
        (dot(&phi, &self.x), dot(&phi, &self.times(&phi)).max(0.0).sqrt())
    }

    /// Elasticity to the clock, and its standard deviation.
    #[must_use]
    pub fn elasticity(&self) -> (f64, f64) {
        (self.x[1], self.p[1][1].max(0.0).sqrt())
    }

    fn times(&self, v: &[f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| dot(&self.p[i], v))
    }
}

fn phi(clock: f64, served: f64) -> [f64; 3] {
    [1.0, clock.ln(), served.ln_1p()]
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    /// A latency of prompts: mostly arithmetic, with noise of twenty requests and a load that wanders.
    fn observed(dice: &mut Dice, clock: f64, served: f64, elasticity: f64) -> f64 {
        0.4 * clock.powf(elasticity) * (1.0 + served).powf(0.3) * (0.2 * dice.normal()).exp()
    }

    #[test]
    fn elasticities_are_found_and_the_truth_lies_inside() {
        let (mut inside, mut error) = (0, 0.0);
        for seed in 0..200 {
            let mut dice = Dice(seed);
            let truth = -0.7 - 1.2 * dice.draw();
            let mut pace = Pace::new(Prior::FIRST_TOKEN);
            let (mut clock, mut served) = (1.0_f64, 10.0_f64);
            for k in 0..600 {
                // the clock comes down in steps, and goes back up now and then
                if k % 30 == 29 {
                    clock = if dice.draw() < 0.2 { 1.0 } else { (clock - 0.05).max(0.57) };
                }
                served = (served * (0.05 * dice.normal()).exp()).clamp(2.0, 60.0);
                pace.learn(observed(&mut dice, clock, served, truth), clock, served, 5.0);
            }
            let (e, sigma) = pace.elasticity();
            inside += usize::from((e - truth).abs() < 1.96 * sigma);
            error += (e - truth) * (e - truth) / 200.0;
        }
        assert!(inside >= 180, "{inside} of 200 inside");
        assert!(error.sqrt() < 0.2, "{}", error.sqrt());
    }

    #[test]
    fn a_clock_that_stands_teaches_nothing_of_others() {
        let mut dice = Dice(1);
        let mut pace = Pace::new(Prior::FIRST_TOKEN);
        for _ in 0..5_000 {
            pace.learn(observed(&mut dice, 1.0, 10.0, -1.0), 1.0, 10.0, 5.0);
        }
        let (e, sigma) = pace.elasticity();
        assert!(
            (e - Prior::FIRST_TOKEN.clock.0).abs() < 1e-9
                && (sigma - Prior::FIRST_TOKEN.clock.1).abs() < 1e-6
        );
        // but of this one all there is to know
        let (ln, here) = pace.ln_at(1.0, 10.0);
        assert!(
            (ln.exp() / (0.4 * 11.0_f64.powf(0.3)) - 1.0).abs() < 0.2 && here < 0.1,
            "{} {here}",
            ln.exp()
        );
        assert!(pace.ln_at(0.6, 10.0).1 > here);
    }

    #[test]
    fn what_is_no_number_changes_nothing() {
        let mut pace = Pace::new(Prior::POWER);
        pace.learn(300.0, 1.0, 3.0, 5.0);
        let before = pace.clone();
        for (y, clock, served, dt_s) in [
            (f64::NAN, 1.0, 3.0, 5.0),
            (0.0, 1.0, 3.0, 5.0),
            (300.0, 0.0, 3.0, 5.0),
            (300.0, 1.0, f64::INFINITY, 5.0),
            (300.0, 1.0, -1.0, 5.0),
            (300.0, 1.0, 3.0, f64::NAN),
        ] {
            pace.learn(y, clock, served, dt_s);
        }
        assert_eq!(pace, before);
    }
}
