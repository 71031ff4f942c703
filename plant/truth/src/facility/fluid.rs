//! Fluids and the volumes that hold them.
//!
//! Responsible for: property constants, the well-mixed volume, the pipe as a chain of volumes.
//! Not for: what drives the flow ([`super::pump`], [`super::valve`]) or what heats it.
//!
//! Energy balance of a well-mixed volume of heat capacity `K` (J/K), fed with a capacity flow `C = m cp`
//! (W/K) at `T_in`, heated with `Q` (W):
//!
//! ```text
//! K dT/dt = C (T_in - T) + Q
//! ```
//!
//! [`Volume::flush`] integrates it with implicit Euler (stable at any step, leaves at the new temperature);
//! [`Volume::draw`] leaves at the old temperature, which closes a loop without an iteration and is stable
//! while a step turns over less than the volume. Both conserve energy exactly. A loop too short for that is
//! closed by [`Line`]: at given flows every temperature on it is a line over the unknown one, `T = a + b x`.

/// A liquid with constant properties.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fluid {
    /// Density, kg/m3.
    pub density_kg_m3: f64,
    /// Specific heat, J/(kg K).
    pub specific_heat_j_kgk: f64,
}

/// Water near 20 C.
pub const WATER: Fluid = Fluid { density_kg_m3: 998.0, specific_heat_j_kgk: 4186.0 };

/// Water with 25 % propylene glycol near 35 C (supplier data as used with rack energy valves).
pub const PG25: Fluid = Fluid { density_kg_m3: 1015.0, specific_heat_j_kgk: 3930.0 };

/// Specific heat of moist air times density near 25 C, J/(m3 K).
pub const AIR_J_M3K: f64 = 1.185 * 1012.0;

impl Fluid {
    /// Capacity flow in W/K of a flow in L/min.
    #[must_use]
    pub fn capacity_w_k(&self, flow_lpm: f64) -> f64 {
        flow_lpm / 60_000.0 * self.density_kg_m3 * self.specific_heat_j_kgk
    }

    /// Heat capacity in J/K of a volume in litres.
    #[must_use]
    pub fn capacity_j_k(&self, litres: f64) -> f64 {
        litres / 1000.0 * self.density_kg_m3 * self.specific_heat_j_kgk
    }
}

/// A temperature as a line over an unknown temperature `x` of the same loop: `a + b x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Constant part, C.
    pub a: f64,
    /// Slope.
    pub b: f64,
}

impl Line {
    /// The unknown itself.
    pub const X: Self = Self { a: 0.0, b: 1.0 };

    /// Value at `x`.
    #[must_use]
    pub fn at(self, x: f64) -> f64 {
        self.a + self.b * x
    }
}

/// A well-mixed volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Volume {
    /// Temperature, C.
    pub temperature_c: f64,
    /// Heat capacity, J/K.
    pub capacity_j_k: f64,
}

impl Volume {
    /// A volume of `litres` at `temperature_c`.
    #[must_use]
    pub fn new(fluid: &Fluid, litres: f64, temperature_c: f64) -> Self {
        Self { temperature_c, capacity_j_k: fluid.capacity_j_k(litres) }
    }

    /// Implicit step: returns the outlet temperature, which is the new one.
    pub fn flush(&mut self, capacity_w_k: f64, inlet_c: f64, heat_w: f64, dt_s: f64) -> f64 {
        let gain = capacity_w_k * dt_s / self.capacity_j_k;
        self.temperature_c =
            (self.temperature_c + gain * inlet_c + heat_w * dt_s / self.capacity_j_k) / (1.0 + gain);
        self.temperature_c
    }

    /// What [`Self::flush`] would return, as a line over the unknown of the inlet and the heat.
    #[must_use]
    pub fn flush_line(&self, capacity_w_k: f64, inlet: Line, heat: Line, dt_s: f64) -> Line {
        let step = dt_s / self.capacity_j_k;
        let share = 1.0 / (1.0 + capacity_w_k * step);
        Line {
            a: (self.temperature_c + step * (capacity_w_k * inlet.a + heat.a)) * share,
            b: step * (capacity_w_k * inlet.b + heat.b) * share,
        }
    }

    /// Closing step: the step's outlet was the old temperature, what comes in is mixed afterwards.
    pub fn draw(&mut self, capacity_w_k: f64, inlet_c: f64, heat_w: f64, dt_s: f64) {
        let gain = capacity_w_k * dt_s / self.capacity_j_k;
        self.temperature_c += gain * (inlet_c - self.temperature_c) + heat_w * dt_s / self.capacity_j_k;
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.capacity_j_k * self.temperature_c
    }
}

/// A pipe: `N` well-mixed volumes in a row. The more cells, the closer to a pure delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pipe<const N: usize> {
    cells: [Volume; N],
}

impl<const N: usize> Pipe<N> {
    /// A pipe of `litres` in all.
    #[must_use]
    pub fn new(fluid: &Fluid, litres: f64, temperature_c: f64) -> Self {
        Self { cells: [Volume::new(fluid, litres / N as f64, temperature_c); N] }
    }

    /// Implicit step: returns the outlet temperature.
    pub fn flush(&mut self, capacity_w_k: f64, inlet_c: f64, dt_s: f64) -> f64 {
        let mut carried_c = inlet_c;
        for cell in &mut self.cells {
            carried_c = cell.flush(capacity_w_k, carried_c, 0.0, dt_s);
        }
        carried_c
    }

    /// What [`Self::flush`] would return, as a line over the unknown of the inlet.
    #[must_use]
    pub fn flush_line(&self, capacity_w_k: f64, inlet: Line, dt_s: f64) -> Line {
        let still = Line { a: 0.0, b: 0.0 };
        self.cells.iter().fold(inlet, |carried, cell| cell.flush_line(capacity_w_k, carried, still, dt_s))
    }

    /// Temperature at the outlet, C.
    #[must_use]
    pub fn outlet_c(&self) -> f64 {
        self.cells[N - 1].temperature_c
    }

    /// Heat content against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.cells.iter().map(Volume::stored_j).sum()
    }
}

/// Moves `value` toward `target` by at most `step`.
#[must_use]
pub fn slew(value: f64, target: f64, step: f64) -> f64 {
    value + (target - value).clamp(-step, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_delays_by_its_residence_time() {
        let mut pipe = Pipe::<8>::new(&WATER, 60.0, 20.0);
        let flow = WATER.capacity_w_k(60.0); // 1 L/s, 60 s residence
        let mut crossing_s = 0.0;
        for second in 0..300 {
            if pipe.flush(flow, 30.0, 1.0) < 25.0 {
                crossing_s = f64::from(second + 1);
            }
        }
        assert!((50.0..70.0).contains(&crossing_s), "{crossing_s}");
        assert!((pipe.outlet_c() - 30.0).abs() < 1e-2);
    }

    #[test]
    fn both_steps_conserve_energy() {
        let mut implicit = Volume::new(&PG25, 10.0, 30.0);
        let before = implicit.stored_j();
        let out = implicit.flush(2000.0, 40.0, 500.0, 1.0);
        assert!((implicit.stored_j() - before - (2000.0 * (40.0 - out) + 500.0)).abs() < 1e-6);
        let mut closing = Volume::new(&PG25, 10.0, 30.0);
        let (before, out) = (closing.stored_j(), closing.temperature_c);
        closing.draw(2000.0, 40.0, 500.0, 1.0);
        assert!((closing.stored_j() - before - (2000.0 * (40.0 - out) + 500.0)).abs() < 1e-6);
    }
}
