//! GPU observers: an extended Kalman filter per GPU over die temperature and thermal resistance.
//!
//! State x = \[T, R\]: die temperature T (degC) and resistance R from die to technology supply (K/W). With coolant
//! temperature Tc and power P measured, and a first-order lag tau:
//!
//! ```text
//! T+ = T + a (Tc + R P - T),   a = 1 - exp(-dt/tau)
//! R+ = R                        (random walk)
//! y  = T + v                    (1 degC steps: uniform quantisation, variance 1/12, plus sensor noise)
//! ```
//!
//! Linear in T, bilinear in R; the Jacobian is \[\[1-a, aP\], \[0, 1\]\]. The update is the scalar one (Kalman 1960),
//! written out: no matrices, no allocation, struct of arrays. R drifts slowly, so it also takes up a fouled cold
//! plate or a wrong gain of the power sensor: it is the resistance that explains the readings.

/// What the observers reckon with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuNoise {
    /// Time constant of the die against its coolant, s.
    pub tau_s: f64,
    /// Process noise of T, K per square root of second.
    pub q_t: f64,
    /// Random walk of R, K/W per square root of second.
    pub q_r: f64,
    /// Standard deviation of the temperature reading, K (quantisation included).
    pub r_y: f64,
    /// Relative standard deviation of R at the start.
    pub r0_relative: f64,
}

impl Default for GpuNoise {
    fn default() -> Self {
        // 1 degC steps give 0.29 K; sensor noise 0.3 K. Liquid-cooled plates answer in 5-20 s.
        Self { tau_s: 6.0, q_t: 0.25, q_r: 2e-5, r_y: 0.45, r0_relative: 0.3 }
    }
}

/// All observers of a site, struct of arrays over GPUs.
#[derive(Debug, Clone)]
pub struct GpuObservers {
    noise: GpuNoise,
    /// Die temperature, degC.
    pub die_c: Vec<f64>,
    /// Thermal resistance, K/W.
    pub resistance: Vec<f64>,
    /// Trend of the die temperature that the model predicts now, K/s.
    pub trend: Vec<f64>,
    p_tt: Vec<f64>,
    p_tr: Vec<f64>,
    p_rr: Vec<f64>,
    /// Normalised innovation squared of the last update, 1 on average if the filter is honest.
    pub nis: Vec<f64>,
    seen: Vec<bool>,
}

/// One GPU's inputs for a step.
#[derive(Debug, Clone, Copy)]
pub struct GpuInput {
    /// Power, W.
    pub power_w: f64,
    /// Coolant supply, degC.
    pub coolant_c: f64,
    /// Die temperature reading, degC, if there is a fresh one.
    pub die_c: Option<f64>,
}

impl GpuObservers {
    /// Observers with prior resistances (K/W), one per GPU.
    #[must_use]
    pub fn new(resistance: &[f64], noise: GpuNoise) -> Self {
        let n = resistance.len();
        Self {
            noise,
            die_c: vec![40.0; n],
            resistance: resistance.to_vec(),
            trend: vec![0.0; n],
            p_tt: vec![100.0; n],
            p_tr: vec![0.0; n],
            p_rr: resistance.iter().map(|r| (r * noise.r0_relative).powi(2)).collect(),
            nis: vec![0.0; n],
            seen: vec![false; n],
        }
    }

    /// Number of GPUs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.die_c.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.die_c.is_empty()
    }

    /// Has this GPU ever been read?
    #[must_use]
    #[inline]
    pub fn seen(&self, i: usize) -> bool {
        self.seen[i]
    }

    /// Standard deviation of the die temperature, K.
    #[must_use]
    #[inline]
    pub fn sigma_c(&self, i: usize) -> f64 {
        self.p_tt[i].max(0.0).sqrt()
    }

    /// Standard deviation of the resistance, K/W.
    #[must_use]
    #[inline]
    pub fn sigma_r(&self, i: usize) -> f64 {
        self.p_rr[i].max(0.0).sqrt()
    }

    /// Die temperature (degC) and its standard deviation after long at a power and coolant temperature:
    /// T = Tc + R P, with the variance of R.
    #[must_use]
    #[inline]
    pub fn steady(&self, i: usize, power_w: f64, coolant_c: f64) -> (f64, f64) {
        (coolant_c + self.resistance[i] * power_w, self.sigma_r(i) * power_w)
    }

    /// Decay and noise of a step, the same for all GPUs.
    #[must_use]
    pub fn step(&self, dt_s: f64) -> Step {
        let a = 1.0 - (-dt_s / self.noise.tau_s).exp();
        Step {
            a,
            dt_s,
            q_t: self.noise.q_t.powi(2) * dt_s,
            q_r: self.noise.q_r.powi(2) * dt_s,
            r_y: self.noise.r_y.powi(2),
        }
    }

    /// One predict and update of GPU `i`. All inputs finite.
    #[inline]
    pub fn update(&mut self, i: usize, step: &Step, input: &GpuInput) {
        if !self.seen[i] {
            let Some(die_c) = input.die_c else { return };
            self.seen[i] = true;
            self.die_c[i] = die_c;
            self.p_tt[i] = step.r_y;
            return;
        }
        let (t, r) = (self.die_c[i], self.resistance[i]);
        let drive = input.coolant_c + r * input.power_w - t;
        let (f, g) = (1.0 - step.a, step.a * input.power_w);
        let t = t + step.a * drive;
        let (tt, tr, rr) = (self.p_tt[i], self.p_tr[i], self.p_rr[i]);
        let p_tt = f * f * tt + 2.0 * f * g * tr + g * g * rr + step.q_t;
        let p_tr = f * tr + g * rr;
        let p_rr = rr + step.q_r;
        self.trend[i] = step.a * drive / step.dt_s;
        let Some(y) = input.die_c else {
            (self.die_c[i], self.p_tt[i], self.p_tr[i], self.p_rr[i]) = (t, p_tt, p_tr, p_rr);
            return;
        };
        let s = p_tt + step.r_y;
        let e = y - t;
        let nis = e * e / s;
        // An outlier beyond 5 sigma is weighted down as Huber does, so that one wrong reading does not move R.
        let w = if nis > 25.0 { 5.0 / nis.sqrt() } else { 1.0 };
        let (k_t, k_r) = (p_tt / s * w, p_tr / s * w);
        self.nis[i] = nis;
        self.die_c[i] = t + k_t * e;
        self.resistance[i] = (r + k_r * e).clamp(0.005, 0.5);
        self.p_tt[i] = p_tt - k_t * p_tt;
        self.p_tr[i] = p_tr - k_t * p_tr;
        self.p_rr[i] = (p_rr - k_r * p_tr).max(1e-12);
    }
}

/// What a step of some length has in common for all GPUs.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    a: f64,
    dt_s: f64,
    q_t: f64,
    q_r: f64,
    r_y: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain plant with another resistance and time constant than the prior, quantised to 1 degC.
    fn run(r_true: f64, tau: f64, steps: usize) -> (GpuObservers, f64, f64) {
        let mut obs = GpuObservers::new(&[0.05], GpuNoise::default());
        let step = obs.step(1.0);
        let (mut t, mut nis) = (40.0, 0.0);
        for k in 0..steps {
            let power = if (k / 40) % 2 == 0 { 650.0 } else { 250.0 };
            t += (1.0 - (-1.0f64 / tau).exp()) * (30.0 + r_true * power - t);
            obs.update(0, &step, &GpuInput { power_w: power, coolant_c: 30.0, die_c: Some(t.round()) });
            nis += obs.nis[0];
        }
        (obs, t, nis / steps as f64)
    }

    #[test]
    fn learns_the_resistance() {
        for r in [0.035, 0.05, 0.065] {
            let (obs, t, _) = run(r, 6.0, 4000);
            assert!(
                (obs.resistance[0] - r).abs() < 3.0 * obs.sigma_r(0) + 0.002,
                "{} vs {r}",
                obs.resistance[0]
            );
            assert!((obs.die_c[0] - t).abs() < 1.0, "{} vs {t}", obs.die_c[0]);
        }
    }

    #[test]
    fn innovations_are_not_larger_than_it_says() {
        let (_, _, nis) = run(0.045, 5.0, 4000);
        assert!((0.1..2.0).contains(&nis), "mean NIS {nis}");
    }

    #[test]
    fn silence_widens_the_belief() {
        let (mut obs, _, _) = run(0.05, 6.0, 500);
        let step = obs.step(1.0);
        let before = obs.sigma_c(0);
        for _ in 0..30 {
            obs.update(0, &step, &GpuInput { power_w: 600.0, coolant_c: 30.0, die_c: None });
        }
        assert!(obs.sigma_c(0) > before);
    }

    #[test]
    fn one_wrong_reading_moves_little() {
        let (mut obs, t, _) = run(0.05, 6.0, 1000);
        let (r, step) = (obs.resistance[0], obs.step(1.0));
        obs.update(0, &step, &GpuInput { power_w: 250.0, coolant_c: 30.0, die_c: Some(t + 60.0) });
        assert!((obs.resistance[0] - r).abs() < 0.005);
        assert!(obs.die_c[0] - t < 6.0);
    }
}
