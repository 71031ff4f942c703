//! What is solved: a synthetic loop of coupled masses, cooled by six inputs, under a load whose next half hour is known.
//!
//! Responsible for: the same sequence of problems on every machine. Not for: being anybody's plant; it ranks solvers, no more.

use headroom_solve::{Problem, Refused, Shape};

/// Inputs, outputs and stages of every case.
const INPUTS: usize = 6;
const OUTPUTS: usize = 6;
const STAGES: usize = 60;

/// Random numbers between -1 and 1: xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// A plant in the loop, per unit of its spans.
pub(super) struct Case {
    pub(super) shape: Shape,
    /// A, B and C, row-major.
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    /// How the load heats each mass.
    heat: Vec<f64>,
    x: Vec<f64>,
    u: Vec<f64>,
    period: usize,
    noise: Random,
}

impl Case {
    /// `varying`: each stage has a model of its own, which its flow makes differ from the next.
    pub(super) fn new(states: usize, varying: bool) -> Self {
        let shape = Shape {
            states,
            inputs: INPUTS,
            outputs: OUTPUTS,
            stages: STAGES,
            models: if varying { STAGES } else { 1 },
            weights: 1,
        };
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let n = states;
        // Masses in a row: each keeps most of its temperature, gives some to its neighbours, loses some.
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            let keep = 0.86 + 0.06 * random.draw();
            a[i * n + i] = keep;
            for j in [i.wrapping_sub(1), i + 1].into_iter().filter(|j| *j < n) {
                a[i * n + j] = 0.04 + 0.02 * random.draw();
            }
        }
        // Every input cools some of them.
        let mut b = vec![0.0; n * INPUTS];
        for i in 0..n {
            for j in 0..INPUTS {
                if i % INPUTS == j || (random.draw() > 0.6) {
                    b[i * INPUTS + j] = -0.05 - 0.03 * random.draw();
                }
            }
        }
        let mut c = vec![0.0; OUTPUTS * n];
        for i in 0..OUTPUTS {
            for j in 0..n {
                if j % OUTPUTS == i || random.draw() > 0.7 {
                    c[i * n + j] = 0.5 + 0.3 * random.draw();
                }
            }
        }
        let heat = (0..n).map(|_| 0.05 + 0.03 * random.draw()).collect();
        Self { shape, a, b, c, heat, x: vec![0.2; n], u: vec![0.3; INPUTS], period: 0, noise: random }
    }

    /// A problem with all that does not change.
    pub(super) fn problem(&self) -> Result<Problem, Refused> {
        let (n, m) = (self.shape.states, self.shape.inputs);
        let mut problem = Problem::new(self.shape)?;
        let diagonal = |size: usize, value: f64| {
            (0..size * size).map(|i| if i % (size + 1) == 0 { value } else { 0.0 }).collect::<Vec<f64>>()
        };
        let (q, r, s) = (diagonal(n, 0.02), diagonal(m, 0.1), diagonal(m, 0.5));
        problem.set_weights(0, &q, &r, &s)?;
        problem.set_terminal_weight(&diagonal(n, 0.1))?;
        problem.set_terminal_output(&self.c)?;
        for k in 0..=STAGES {
            let outputs = if k < STAGES {
                let stage = problem.stage_mut(k);
                stage.lower.fill(0.0);
                stage.upper.fill(1.0);
                stage.rate_lower.fill(-0.05);
                stage.rate_upper.fill(0.08);
                // Cold has its price, which differs from input to input.
                stage.r.iter_mut().enumerate().for_each(|(j, r)| *r = 0.05 + 0.05 * j as f64);
                stage.outputs
            } else {
                problem.terminal_mut().outputs
            };
            outputs.lower.fill(-0.2);
            outputs.upper.fill(0.6);
            outputs.rho1.fill(5.0);
            outputs.rho2.fill(10.0);
        }
        self.models(&mut problem)?;
        Ok(problem)
    }

    /// Flow of a later stage over today's.
    fn flow(&self, stage: usize) -> f64 {
        1.0 + 0.2 * ((self.period + stage) as f64 * 0.13).sin()
    }

    fn models(&self, problem: &mut Problem) -> Result<(), Refused> {
        let (n, m) = (self.shape.states, self.shape.inputs);
        let none = vec![0.0; OUTPUTS * m];
        if self.shape.models == 1 {
            return problem.set_model(0, &self.a, &self.b, &self.c, &none);
        }
        for k in 0..STAGES {
            let flow = self.flow(k);
            let mut a = self.a.clone();
            (0..n).for_each(|i| a[i * n + i] -= 0.05 * (flow - 1.0));
            let b: Vec<f64> = self.b.iter().map(|b| b * flow).collect();
            problem.set_model(k, &a, &b, &self.c, &none)?;
        }
        Ok(())
    }

    /// The load of a period, 0 to 1: jobs that come and go, on a slow wave.
    fn load(period: usize) -> f64 {
        let t = period as f64;
        let job = |length: f64, share: f64| if (t / length).fract() < share { 1.0 } else { 0.0 };
        0.25 + 0.15 * (t * 0.05).sin() + 0.35 * job(47.0, 0.5) + 0.25 * job(23.0, 0.3)
    }

    /// Puts the present period into a problem: state, last input, and the load ahead.
    pub(super) fn show(&self, problem: &mut Problem) -> Result<(), Refused> {
        for k in 0..STAGES {
            let load = Self::load(self.period + k);
            let c = problem.stage_mut(k).c;
            c.iter_mut().zip(&self.heat).for_each(|(c, heat)| *c = heat * load);
        }
        if self.shape.models > 1 {
            self.models(problem)?;
        }
        problem.set_start(&self.x, &self.u)
    }

    /// The plant goes one period on with a move, and does not quite do what the model says.
    pub(super) fn advance(&mut self, u: &[f64]) {
        let n = self.shape.states;
        let load = Self::load(self.period);
        let next = (0..n).map(|i| {
            let of_x: f64 = self.a[i * n..(i + 1) * n].iter().zip(&self.x).map(|(a, x)| a * x).sum();
            let of_u: f64 = self.b[i * INPUTS..(i + 1) * INPUTS].iter().zip(u).map(|(b, u)| b * u).sum();
            of_x + of_u + self.heat[i] * load + 0.005 * self.noise.draw()
        });
        self.x = next.collect();
        self.u.copy_from_slice(u);
        self.period += 1;
    }
}
