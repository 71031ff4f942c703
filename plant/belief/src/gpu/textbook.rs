//! The observers' filter as textbooks have it, one GPU at a time.
//!
//! Responsible for: saying the same as `kernel` in full matrices, x+ = F x + B u, P+ = F P Fᵀ + Q, S = H P Hᵀ + R,
//! K = P Hᵀ S⁻¹ (Kalman 1960; Bar-Shalom, Li, Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001,
//! 5.2), both readings at once. Not for: running a site; tests and benchmarks compare with it.

use super::kernel::{Step, at};
use super::{GpuInput, GpuModel};
use nalgebra::{Matrix2, Matrix2x4, Matrix4, RowVector4, Vector2, Vector4};

/// One GPU.
#[derive(Debug, Clone)]
pub struct Textbook {
    /// T_p, h, R, c.
    pub x: Vector4<f64>,
    /// Their covariance.
    pub p: Matrix4<f64>,
    fast_w: f64,
    step: Step,
}

impl Textbook {
    /// A GPU of which nothing was read, for steps of `dt_s`.
    #[must_use]
    pub fn new(model: &GpuModel, dt_s: f64) -> Self {
        let before = model.before();
        let x = Vector4::from_fn(|i, _| before.x[i][0]);
        let p = Matrix4::from_fn(|i, j| before.p[at(i, j)][0]);
        Self { x, p, fast_w: 0.0, step: model.step(dt_s) }
    }

    /// What the model comes to for a step, by name: for filters elsewhere.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let s = &self.step;
        let mut all = vec![("a", s.a), ("a_fast", s.a_fast), ("fast", s.fast), ("memory", s.memory)];
        all.extend(["q0", "q1", "q2", "q3"].into_iter().zip(s.q));
        all.extend(["most1", "most2", "most3"].into_iter().zip(s.most[1..].iter().copied()));
        all.extend([("r0", s.r[0]), ("r1", s.r[1]), ("moving", s.moving)]);
        all
    }

    /// One step with both readings, or none. A wild reading is not weighed down here.
    pub fn step(&mut self, u: &GpuInput) {
        let s = &self.step;
        let mut f = Matrix4::identity();
        f.set_row(0, &RowVector4::new(1.0 - s.a, 0.0, s.a * (1.0 - s.fast) * u.psi * u.power_w, s.a));
        self.x = f * self.x + Vector4::new(s.a * u.coolant_c, 0.0, 0.0, 0.0);
        self.p = f * self.p * f.transpose();
        for i in 0..4 {
            self.p[(i, i)] += s.q[i] * (1.0 - self.p[(i, i)] / s.most[i]).max(0.0);
        }
        self.fast_w += s.a_fast * (u.power_w - self.fast_w);
        let (Some(die), Some(hbm)) = (u.die_c, u.hbm_c) else { return };
        let h = Matrix2x4::new(
            1.0,
            0.0,
            s.fast * self.fast_w,
            0.0, //
            1.0,
            1.0,
            s.memory * self.fast_w,
            0.0,
        );
        // The noise of both readings is reckoned with the resistance before them.
        let moving = s.moving * (u.power_w - self.fast_w) * self.x[2];
        let r = [s.r[0] + (moving * s.fast).powi(2), s.r[1] + (moving * s.memory).powi(2)];
        let r = Matrix2::new(r[0], 0.0, 0.0, r[1]);
        let innovation = h * self.p * h.transpose() + r;
        let Some(inverse) = innovation.try_inverse() else { return };
        let k = self.p * h.transpose() * inverse;
        self.x += k * (Vector2::new(die, hbm) - h * self.x);
        self.p -= k * h * self.p;
    }
}
