//! Water-cooled centrifugal chiller.
//!
//! Responsible for: capacity and power (DOE-2 electric model), capacity control of the machine itself,
//! start sequence, anti-recycle, restart after a power failure, high-pressure cut-out, contacts. Not for:
//! staging (the BMS) or pumps.
//!
//! ```text
//! Cap = Q_ref f1(Te, Tc)            Te leaving chilled water, Tc entering condenser water, C
//! P   = Cap / COP_ref f2(Te, Tc) f3(PLR)
//! f   = a + b Te + c Te^2 + d Tc + e Tc^2 + f Te Tc
//! ```
//! Source: DOE-2 electric EIR model; curves of a Trane CVHE 1442 kW with variable speed, from the Modelica
//! Buildings library (chiller data `ElectricEIR`). Fitted for Te 4.4..8.9 C; they extrapolate sanely to about
//! 20 C leaving (the COP stays below 0.65 of Carnot), so inputs are clamped there. The machine here is a
//! smaller one of the family, hence the lower reference COP.
//!
//! ```text
//!            command, ready                   60 s
//! stopped ------------------> start sequence ------> capacity control, no to full in 180 s
//!    ^  ^                          |                     |
//!    |  +-- stop, trip, ----------+---------------------+
//!    |      condenser > 45 C (released below 40 C)
//!    +-- anti-recycle: 900 s from the last start; waived after a power failure, when the panel has booted (45 s)
//! ```
//! Anti-recycle of 15 to 30 min and 3 to 10 min to full capacity are usual; quick restart after a loss of power
//! is a standard option of data-centre machines (1 to 3 min).

use super::fluid::{Volume, WATER, slew};

const CAPACITY: [f64; 6] = [0.4007341, 0.001148568, 0.0001049504, 0.05574667, -0.001646131, 0.0013232];
const POWER: [f64; 6] = [0.6287646, -0.03024605, 0.0006137016, 0.01805826, 0.0001640653, -0.0001113802];
const PART_LOAD: [f64; 3] = [0.09299787, 0.3244475, 0.5818753];
/// COP at 5.56 C leaving, 23.89 C entering, full load.
pub const REFERENCE_COP: f64 = 5.9;
/// Lowest part load without hot-gas bypass.
const MIN_PART_LOAD: f64 = 0.10;
/// The motor limits capacity at easy lift.
const MAX_CAPACITY_FACTOR: f64 = 1.25;
/// Least time between two starts, s.
pub const ANTI_RECYCLE_S: f64 = 900.0;
/// Time a machine should run once started; the contact [`Chiller::min_on_met`] tells staging, s.
pub const MIN_ON_S: f64 = 900.0;
/// Boot time of the panel after a power failure, s.
pub const REBOOT_S: f64 = 45.0;
/// Entering condenser water that trips the high-pressure cut-out, and that releases it, C.
pub const HIGH_PRESSURE_C: (f64, f64) = (45.0, 40.0);
/// Oil and vane sequence before capacity is made, s.
const START_SEQUENCE_S: f64 = 60.0;
/// Time from no to full capacity, s.
const LOADING_S: f64 = 180.0;

/// What the control asks of a chiller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChillerCommand {
    /// Asked to run.
    pub run: bool,
    /// Leaving water setpoint, C.
    pub setpoint_c: f64,
}

/// A chiller.
#[derive(Debug, Clone, PartialEq)]
pub struct Chiller {
    /// Reference capacity, W.
    pub reference_w: f64,
    /// True while it is locked out (fault).
    pub tripped: bool,
    /// True from start command accepted to stop.
    pub running: bool,
    /// Load now, W.
    pub load_w: f64,
    /// Capacity available now, W.
    pub capacity_w: f64,
    /// Electric power, W.
    pub power_w: f64,
    /// Seconds since the last start.
    pub since_start_s: f64,
    /// Starts so far.
    pub starts: u32,
    /// True while the high-pressure cut-out holds it.
    pub high_pressure: bool,
    boot_s: f64,
    evaporator: Volume,
}

fn biquadratic(c: &[f64; 6], te: f64, tc: f64) -> f64 {
    c[0] + c[1] * te + c[2] * te * te + c[3] * tc + c[4] * tc * tc + c[5] * te * tc
}

/// Capacity over reference capacity.
#[must_use]
pub fn capacity_factor(leaving_c: f64, condenser_c: f64) -> f64 {
    let (te, tc) = (leaving_c.clamp(4.0, 20.0), condenser_c.clamp(12.8, 38.0));
    biquadratic(&CAPACITY, te, tc).clamp(0.3, MAX_CAPACITY_FACTOR)
}

/// Electric power in W at a load, W.
#[must_use]
pub fn power_w(reference_w: f64, load_w: f64, leaving_c: f64, condenser_c: f64) -> f64 {
    let (te, tc) = (leaving_c.clamp(4.0, 20.0), condenser_c.clamp(12.8, 38.0));
    let capacity_w = reference_w * capacity_factor(te, tc);
    let part = (load_w / capacity_w).clamp(0.0, 1.07);
    let effective = part.max(MIN_PART_LOAD);
    let part_load = PART_LOAD[0] + PART_LOAD[1] * effective + PART_LOAD[2] * effective * effective;
    let cycling = 0.4 + 0.6 * (part / MIN_PART_LOAD).min(1.0);
    capacity_w / REFERENCE_COP * biquadratic(&POWER, te, tc) * part_load * cycling
}

impl Chiller {
    /// A chiller of `reference_w`, filled at `temperature_c`, free to start.
    #[must_use]
    pub fn sized(reference_w: f64, temperature_c: f64) -> Self {
        Self {
            reference_w,
            tripped: false,
            running: false,
            load_w: 0.0,
            capacity_w: reference_w,
            power_w: 0.0,
            since_start_s: ANTI_RECYCLE_S,
            starts: 0,
            high_pressure: false,
            boot_s: 0.0,
            evaporator: Volume::new(&WATER, reference_w / 1000.0, temperature_c),
        }
    }

    /// Decides whether the machine runs: trips, supply, anti-recycle.
    pub fn actuate(&mut self, command: &ChillerCommand, powered: bool, dt_s: f64) {
        self.since_start_s += dt_s;
        if !powered {
            // quick restart: the panel forgets the anti-recycle of a machine that power took down
            if self.running {
                self.since_start_s = ANTI_RECYCLE_S;
            }
            (self.boot_s, self.running) = (REBOOT_S, false);
            return;
        }
        self.boot_s = (self.boot_s - dt_s).max(0.0);
        if self.tripped || self.high_pressure || !command.run {
            self.running = false;
        } else if !self.running && self.ready() {
            (self.running, self.since_start_s) = (true, 0.0);
            self.starts += 1;
        }
    }

    /// Contact: it would start if asked to, or runs.
    #[must_use]
    pub fn ready(&self) -> bool {
        let free = self.since_start_s >= ANTI_RECYCLE_S && self.boot_s <= 0.0;
        !self.tripped && !self.high_pressure && (self.running || free)
    }

    /// Contact: it stands, or has run for its minimum on time.
    #[must_use]
    pub fn min_on_met(&self) -> bool {
        !self.running || self.since_start_s >= MIN_ON_S
    }

    /// Advances by `dt_s`: water at `capacity_w_k` enters at `entering_c`. Returns the leaving temperature.
    pub fn step(
        &mut self,
        command: &ChillerCommand,
        capacity_w_k: f64,
        entering_c: f64,
        condenser_c: f64,
        dt_s: f64,
    ) -> f64 {
        let leaving_c = self.evaporator.temperature_c;
        let (trip_c, release_c) = HIGH_PRESSURE_C;
        self.high_pressure = condenser_c > if self.high_pressure { release_c } else { trip_c };
        self.capacity_w = self.reference_w * capacity_factor(leaving_c, condenser_c);
        let ready = self.running && self.since_start_s >= START_SEQUENCE_S;
        // the machine's own control: capacity for the setpoint, never below 4 C leaving
        let wanted_w = if ready { capacity_w_k * (entering_c - command.setpoint_c.max(4.0)) } else { 0.0 };
        let target_w = wanted_w.clamp(0.0, self.capacity_w);
        // guide vanes shut within seconds on a stop
        let ramp_s = if ready { LOADING_S } else { 10.0 };
        self.load_w = slew(self.load_w, target_w, self.capacity_w * dt_s / ramp_s)
            .min((capacity_w_k * (entering_c - 3.0)).max(0.0));
        self.power_w = if ready {
            power_w(self.reference_w, self.load_w, leaving_c, condenser_c)
        } else if self.running {
            0.01 * self.reference_w / REFERENCE_COP
        } else {
            0.0
        };
        self.evaporator.flush(capacity_w_k, entering_c, -self.load_w, dt_s)
    }

    /// Heat into the condenser water, W.
    #[must_use]
    pub fn rejected_w(&self) -> f64 {
        self.load_w + self.power_w
    }

    /// Leaving water temperature, C.
    #[must_use]
    pub fn leaving_c(&self) -> f64 {
        self.evaporator.temperature_c
    }

    /// Heat content of the evaporator water against 0 C, J.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.evaporator.stored_j()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cop(load: f64, te: f64, tc: f64) -> f64 {
        load * 1e6 / power_w(1e6, load * 1e6, te, tc)
    }

    #[test]
    fn reference_point_and_trends() {
        assert!((cop(1.0, 5.56, 23.89) - REFERENCE_COP).abs() < 0.1);
        assert!(cop(0.8, 18.0, 24.0) > cop(0.8, 10.0, 24.0) + 0.8, "warmer water saves");
        assert!(cop(0.8, 14.0, 20.0) > cop(0.8, 14.0, 30.0) + 1.0, "cooler condenser saves");
        for te in [6.0, 12.0, 18.0] {
            for tc in [16.0, 24.0, 32.0] {
                let lift = f64::max(tc + 6.0 - (te - 2.0), 8.0);
                assert!(cop(0.6, te, tc) < 0.85 * (te + 271.15) / lift, "below Carnot at {te} {tc}");
            }
        }
    }

    #[test]
    fn holds_its_setpoint_and_respects_anti_recycle() {
        let mut chiller = Chiller::sized(350e3, 20.0);
        let command = ChillerCommand { run: true, setpoint_c: 14.0 };
        for _ in 0..1200 {
            chiller.actuate(&command, true, 1.0);
            chiller.step(&command, 30e3, 22.0, 25.0, 1.0);
        }
        assert!((chiller.leaving_c() - 14.0).abs() < 0.05, "{}", chiller.leaving_c());
        chiller.tripped = true;
        chiller.actuate(&command, true, 1.0);
        chiller.tripped = false;
        chiller.since_start_s = 600.0;
        chiller.actuate(&command, true, 1.0);
        assert!(!chiller.running, "too early");
        chiller.since_start_s = 899.5;
        chiller.actuate(&command, true, 1.0);
        assert!(chiller.running);
    }

    #[test]
    fn power_failure_restarts_quickly_and_the_contacts_say_so() {
        let mut chiller = Chiller::sized(350e3, 20.0);
        let command = ChillerCommand { run: true, setpoint_c: 14.0 };
        let run = |chiller: &mut Chiller, powered: bool, seconds: usize| {
            for _ in 0..seconds {
                chiller.actuate(&command, powered, 1.0);
                chiller.step(&command, 30e3, 22.0, 25.0, 1.0);
            }
        };
        run(&mut chiller, true, 300);
        assert!(chiller.running && !chiller.min_on_met());
        run(&mut chiller, false, 20);
        assert!(!chiller.running && !chiller.ready() && chiller.min_on_met());
        run(&mut chiller, true, 40);
        assert!(!chiller.running, "the panel boots");
        run(&mut chiller, true, 10);
        assert!(chiller.running && chiller.starts == 2);
        // capacity is back within minutes
        run(&mut chiller, true, 240);
        assert!(chiller.load_w > 0.6 * chiller.capacity_w.min(30e3 * 8.0), "{}", chiller.load_w);
    }

    #[test]
    fn the_high_pressure_cut_out_trips_and_releases() {
        let mut chiller = Chiller::sized(350e3, 20.0);
        let command = ChillerCommand { run: true, setpoint_c: 14.0 };
        let mut at = |condenser_c: f64, seconds: usize| {
            for _ in 0..seconds {
                chiller.actuate(&command, true, 1.0);
                chiller.step(&command, 30e3, 22.0, condenser_c, 1.0);
            }
            chiller.running
        };
        assert!(at(30.0, 100) && !at(46.0, 30) && !at(42.0, 2000) && at(38.0, 5));
    }
}
