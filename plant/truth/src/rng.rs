//! A small seeded random generator, so that a world is the same on every machine and in every year.
//!
//! Responsible for: uniform, normal and exponential draws from a 64-bit seed.
//! Not for: cryptography, or anything that must be unpredictable.
//!
//! The generator is PCG-XSH-RR 64/32 (M. O'Neill, HMC-CS-2014-0905): state s' = a s + c (mod 2^64),
//! output = rotr32((s ^ s >> 18) >> 27, s >> 59).

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;

/// PCG32 generator. Equal seeds give equal sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng {
    state: u64,
    increment: u64,
}

impl Rng {
    /// A generator on the default stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::stream(seed, 0)
    }

    /// An independent generator: same seed, another stream. Gives each piece of plant its own draws, so that adding
    /// one piece does not change the others.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = Self { state: 0, increment: (stream << 1) | 1 };
        rng.next_u32();
        rng.state = rng.state.wrapping_add(mix(seed));
        rng.next_u32();
        rng
    }

    /// The next 32 random bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
        let word = (((old >> 18) ^ old) >> 27) as u32;
        word.rotate_right((old >> 59) as u32)
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        (u64::from(self.next_u32()) << 32) | u64::from(self.next_u32())
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal (Box and Muller, 1958; one of the pair is used).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Normal of deviation `sigma`, cut at plus and minus two deviations: a sorted production lot.
    pub fn trimmed_normal(&mut self, sigma: f64) -> f64 {
        sigma * self.normal().clamp(-2.0, 2.0)
    }

    /// Exponential of the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }
}

/// `SplitMix64` finaliser: spreads small seeds (0, 1, 2...) over all bits.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_law() {
        let mut rng = Rng::new(7);
        let n = 200_000;
        let (mut u, mut m, mut v, mut e) = (0.0, 0.0, 0.0, 0.0);
        for _ in 0..n {
            u += rng.uniform();
            let x = rng.normal();
            m += x;
            v += x * x;
            e += rng.exponential(3.0);
        }
        let n = f64::from(n);
        assert!((u / n - 0.5).abs() < 3e-3);
        assert!((m / n).abs() < 1e-2 && (v / n - 1.0).abs() < 2e-2);
        assert!((e / n - 3.0).abs() < 3e-2);
    }

    #[test]
    fn seeds_and_streams_differ_and_repeat() {
        let draw = |seed, stream| {
            let mut r = Rng::stream(seed, stream);
            [r.next_u64(), r.next_u64()]
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
    }
}
