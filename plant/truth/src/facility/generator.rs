//! Standby generator.
//!
//! Responsible for: start, how much load it accepts and when. Not for: the transfer ([`super::ats`]).
//!
//! ```text
//! standby --feed lost--> starting --start time--> running --released--> cooling --300 s--> standby
//! accepts  0.4 P_n at once, then 0.2 P_n more every 5 s
//! ```
//! Block loading in steps is the rule for turbocharged diesels (ISO 8528-5: the first step of a G3 set is about
//! 40 to 60 %, later ones smaller); start times of 10 to 15 s are usual (NFPA 110 type 10 asks for 10 s).

/// Time it runs unloaded before it stops, s.
const COOLING_S: f64 = 300.0;

/// What a generator is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GeneratorState {
    /// Stands ready.
    #[default]
    Standby,
    /// Cranks and comes to voltage.
    Starting,
    /// Can carry load.
    Running,
    /// Runs unloaded before it stops.
    Cooling,
}

/// A standby generator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generator {
    /// Rating, W.
    pub rating_w: f64,
    /// Time from call to voltage, s.
    pub start_s: f64,
    /// True if it does not start, or stops (fault).
    pub failed: bool,
    /// What it is doing.
    pub state: GeneratorState,
    in_state_s: f64,
}

impl Generator {
    /// A generator at rest.
    #[must_use]
    pub fn sized(rating_w: f64, start_s: f64) -> Self {
        Self { rating_w, start_s, failed: false, state: GeneratorState::Standby, in_state_s: 0.0 }
    }

    fn enter(&mut self, state: GeneratorState) {
        (self.state, self.in_state_s) = (state, 0.0);
    }

    /// Advances by `dt_s`; `called` while the transfer switch wants it.
    pub fn step(&mut self, called: bool, dt_s: f64) {
        self.in_state_s += dt_s;
        match self.state {
            _ if self.failed => self.enter(GeneratorState::Standby),
            GeneratorState::Standby if called => {
                self.enter(GeneratorState::Starting);
                self.in_state_s = dt_s;
                if dt_s >= self.start_s {
                    self.enter(GeneratorState::Running);
                }
            }
            GeneratorState::Starting if !called => self.enter(GeneratorState::Standby),
            GeneratorState::Starting if self.in_state_s >= self.start_s - 1e-9 => {
                self.enter(GeneratorState::Running);
            }
            GeneratorState::Running if !called => self.enter(GeneratorState::Cooling),
            GeneratorState::Cooling if called => {
                // warm: it takes all at once
                self.enter(GeneratorState::Running);
                self.in_state_s = 60.0;
            }
            GeneratorState::Cooling if self.in_state_s >= COOLING_S => self.enter(GeneratorState::Standby),
            _ => {}
        }
    }

    /// Power it takes on now, W.
    #[must_use]
    pub fn accepts_w(&self) -> f64 {
        if self.state != GeneratorState::Running || self.failed {
            return 0.0;
        }
        let blocks = (self.in_state_s / 5.0).floor();
        self.rating_w * (0.4 + 0.2 * blocks).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_in_its_time_and_takes_load_in_blocks() {
        for dt_s in [0.5, 1.0, 4.0] {
            let mut set = Generator::sized(1e6, 12.0);
            let mut time_s = 0.0;
            while set.accepts_w() < 1.0 {
                set.step(true, dt_s);
                time_s += dt_s;
            }
            assert!((time_s - 12.0).abs() < 1e-9, "{time_s}");
            assert!((set.accepts_w() - 0.4e6).abs() < 1e-6);
            for _ in 0..(16.0 / dt_s) as usize {
                set.step(true, dt_s);
            }
            assert!((set.accepts_w() - 1e6).abs() < 1e-6);
        }
    }

    #[test]
    fn a_failed_set_never_comes() {
        let mut set = Generator::sized(1e6, 12.0);
        set.failed = true;
        for _ in 0..100 {
            set.step(true, 1.0);
        }
        assert!(set.accepts_w().abs() < 1e-12);
    }
}
