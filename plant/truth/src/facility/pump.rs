//! Centrifugal pumps on variable-speed drives, alone or in parallel.
//!
//! Responsible for: head curve, affinity, drive ramp, electric power, the operating point of a parallel
//! set against a resistance. Not for: speed control (the BMS) or the fluid network behind.
//!
//! ```text
//! H(Q, n) = H0 n^2 - k Q^2                    n = speed / design speed (affinity laws)
//! P       = Q H / eta(Q/n) / eta_drive + P_idle
//! eta(q)  = eta_max (1 - c ((q - q_bep) / q_bep)^2)
//! wear w:  H0 (1 - w),  eta (1 - 0.6 w)      open wear rings leak back and cost head and efficiency
//! air  x:  H0 (1 - 6 x (1 + s)), eta (1 - 3 x)      gas in the eye: 5 % takes a third, 17 % the prime
//!          s = (sin(2 pi t / 11.3 s) + sin(2 pi t / 7.1 s)) / 2       gas gathers and goes: the pump surges
//! ```
//! Source: affinity laws, Karassik, *Pump Handbook*; efficiency parabola around the best point is the usual
//! fit; gas handling of radial wheels: Guelich, *Centrifugal Pumps*, ch. 13 (head collapses between 5 and
//! 15 % of gas). Hydraulic power and hydraulic losses heat the fluid; motor and drive losses heat the room.

use std::f64::consts::TAU;

/// Drive efficiency of motor and inverter.
const DRIVE_EFFICIENCY: f64 = 0.92;
/// Curvature of the efficiency parabola.
const EFFICIENCY_CURVATURE: f64 = 0.55;

/// Periods of the surges of a pump with gas at its eye, s, and each one's share of the head that the gas takes.
const SURGES_S: [f64; 2] = [11.3, 7.1];
const SURGE: f64 = 0.5;

/// One pump with its drive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pump {
    /// Speed over design speed, 0..1.
    pub speed: f64,
    /// True while it cannot run (fault): it coasts down and its check valve closes.
    pub failed: bool,
    /// Shut-off head at full speed, kPa.
    pub shutoff_kpa: f64,
    /// Curve coefficient, kPa/(L/min)^2.
    pub droop: f64,
    /// Flow of best efficiency at full speed, L/min.
    pub best_lpm: f64,
    /// Hydraulic efficiency at the best point.
    pub best_efficiency: f64,
    /// Time of the drive from standstill to full speed, s.
    pub ramp_s: f64,
    /// Flow now, L/min.
    pub flow_lpm: f64,
    /// Electric power now, W.
    pub power_w: f64,
    /// Part of the power that heats the fluid, W.
    pub fluid_heat_w: f64,
    /// Share of the head lost to wear (fault), 0 = as new.
    pub wear: f64,
    /// Volume share of gas at the eye (fault), 0 = none.
    pub air: f64,
    torque: bool,
    /// Time that gas has been gathering and going, s.
    surging_s: f64,
}

impl Pump {
    /// A pump that gives `flow_lpm` at `head_kpa` at full speed, near its best point.
    #[must_use]
    pub fn sized(flow_lpm: f64, head_kpa: f64, best_efficiency: f64, ramp_s: f64) -> Self {
        let shutoff_kpa = 1.3 * head_kpa;
        Self {
            speed: 0.0,
            failed: false,
            shutoff_kpa,
            droop: (shutoff_kpa - head_kpa) / (flow_lpm * flow_lpm),
            best_lpm: flow_lpm,
            best_efficiency,
            ramp_s,
            flow_lpm: 0.0,
            power_w: 0.0,
            fluid_heat_w: 0.0,
            wear: 0.0,
            air: 0.0,
            torque: true,
            surging_s: 0.0,
        }
    }

    /// Shut-off head at the present speed and state, kPa.
    fn shutoff_now_kpa(&self) -> f64 {
        let surge: f64 = SURGES_S.iter().map(|period_s| (TAU * self.surging_s / period_s).sin()).sum();
        let air = 6.0 * self.air * (1.0 + SURGE * surge);
        let health = (1.0 - self.wear.clamp(0.0, 0.9)) * (1.0 - air).clamp(0.0, 1.0);
        self.shutoff_kpa * health * self.speed * self.speed
    }

    /// Moves the drive toward `command` (0..1). `powered` is false when its supply is gone.
    pub fn drive(&mut self, command: f64, powered: bool, dt_s: f64) {
        let runs = powered && !self.failed;
        self.surging_s = if self.air > 0.0 { self.surging_s + dt_s } else { 0.0 };
        self.torque = runs;
        let target = if runs { command.clamp(0.0, 1.0) } else { 0.0 };
        // without torque the wheel coasts down in about three seconds
        let step = if runs { dt_s / self.ramp_s } else { dt_s / 3.0 };
        self.speed = super::fluid::slew(self.speed, target, step);
    }

    /// Flow in L/min against `head_kpa`, 0 behind a closed check valve.
    fn flow_at(&self, head_kpa: f64) -> f64 {
        let surplus = self.shutoff_now_kpa() - head_kpa;
        if surplus <= 0.0 { 0.0 } else { (surplus / self.droop).sqrt() }
    }

    /// Records flow and power at the operating point.
    fn settle(&mut self, flow_lpm: f64, head_kpa: f64) {
        self.flow_lpm = flow_lpm;
        if self.speed < 0.02 {
            (self.power_w, self.fluid_heat_w) = (0.0, 0.0);
            return;
        }
        let relative = flow_lpm / (self.speed * self.best_lpm) - 1.0;
        let health = (1.0 - 0.6 * self.wear.clamp(0.0, 0.9)) * (1.0 - 3.0 * self.air).clamp(0.3, 1.0);
        let parabola = 1.0 - EFFICIENCY_CURVATURE * relative * relative;
        let efficiency = (health * self.best_efficiency * parabola).max(0.12);
        let hydraulic_w = flow_lpm / 60_000.0 * head_kpa * 1000.0;
        let idle_w = 0.01 * self.best_lpm / 60.0 * self.shutoff_kpa * self.speed;
        self.fluid_heat_w = hydraulic_w / efficiency + idle_w;
        // a wheel that coasts down gives its own momentum to the fluid and draws nothing
        self.power_w = if self.torque { self.fluid_heat_w / DRIVE_EFFICIENCY } else { 0.0 };
    }
}

/// Operating point of pumps in parallel against `dp = resistance Q^2` (kPa, L/min). Returns total flow.
///
/// Equal running pumps have the closed form; during a changeover the head is found by bisection.
pub fn operate(pumps: &mut [Pump], resistance: f64) -> f64 {
    let fastest = pumps.iter().map(|p| p.speed).fold(0.0, f64::max);
    if fastest < 0.02 || !resistance.is_finite() {
        pumps.iter_mut().for_each(|p| p.settle(0.0, 0.0));
        return 0.0;
    }
    let running = pumps.iter().filter(|p| p.speed >= 0.02).count() as f64;
    let lead = pumps.iter().find(|p| p.speed >= 0.02).copied().unwrap_or(pumps[0]);
    let highest_kpa = pumps.iter().map(Pump::shutoff_now_kpa).fold(0.0, f64::max);
    let surplus = lead.shutoff_now_kpa();
    let alike =
        pumps.iter().all(|p| p.speed < 0.02 || (p.shutoff_now_kpa() - surplus).abs() < 1e-6 * surplus);
    let head_kpa = if alike {
        let flow = (surplus / (resistance + lead.droop / (running * running))).sqrt();
        resistance * flow * flow
    } else {
        let (mut low, mut high) = (0.0, highest_kpa);
        for _ in 0..24 {
            let head = 0.5 * (low + high);
            let flow: f64 = pumps.iter().map(|p| p.flow_at(head)).sum();
            if resistance * flow * flow > head { low = head } else { high = head }
        }
        0.5 * (low + high)
    };
    let mut total = 0.0;
    for pump in pumps {
        let flow = if pump.speed < 0.02 { 0.0 } else { pump.flow_at(head_kpa) };
        pump.settle(flow, head_kpa);
        total += flow;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> [Pump; 2] {
        [Pump::sized(170.0, 150.0, 0.62, 15.0); 2]
    }

    #[test]
    fn power_follows_the_cube_without_static_head() {
        let mut pumps = pair();
        let resistance = 150.0 / (170.0 * 170.0);
        let mut at = |speed: f64| {
            pumps.iter_mut().for_each(|p| p.speed = speed);
            let flow = operate(&mut pumps, resistance);
            (flow, pumps.iter().map(|p| p.power_w).sum::<f64>())
        };
        let (full_flow, full_w) = at(1.0);
        let (half_flow, half_w) = at(0.5);
        assert!((half_flow / full_flow - 0.5).abs() < 1e-9);
        assert!((0.11..0.16).contains(&(half_w / full_w)), "{}", half_w / full_w);
    }

    #[test]
    fn wear_and_air_cost_flow_and_power_per_flow() {
        let resistance = 150.0 / (170.0 * 170.0);
        let run = |wear: f64, air: f64| {
            let mut pumps = [Pump { speed: 1.0, wear, air, ..Pump::sized(170.0, 150.0, 0.62, 15.0) }];
            let flow = operate(&mut pumps, resistance);
            (flow, pumps[0].power_w / flow.powi(3).max(1e-9))
        };
        let (new, worn, gassed) = (run(0.0, 0.0), run(0.2, 0.0), run(0.0, 0.05));
        assert!((worn.0 / new.0 - 0.8_f64.sqrt()).abs() < 1e-6, "{worn:?} {new:?}");
        assert!((gassed.0 / new.0 - 0.7_f64.sqrt()).abs() < 1e-6, "{gassed:?}");
        assert!(worn.1 > 1.1 * new.1);
        assert!(run(0.0, 0.2).0 < 1e-9, "it has lost its prime");
    }

    #[test]
    fn a_wheel_that_coasts_draws_nothing() {
        let mut pumps = pair();
        pumps[0].speed = 1.0;
        pumps[0].drive(1.0, false, 0.5);
        let flow = operate(&mut pumps, 150.0 / (170.0 * 170.0));
        assert!(flow > 50.0 && pumps[0].power_w.abs() < 1e-12 && pumps[0].fluid_heat_w > 0.0);
    }

    #[test]
    fn one_pump_alone_gives_the_design_point() {
        let mut pumps = pair();
        pumps[0].speed = 1.0;
        let flow = operate(&mut pumps, 150.0 / (170.0 * 170.0));
        assert!((flow - 170.0).abs() < 1e-6);
        assert!(pumps[1].flow_lpm.abs() < 1e-12 && pumps[1].power_w.abs() < 1e-12);
    }

    #[test]
    fn unequal_speeds_meet_at_one_head() {
        let mut pumps = pair();
        pumps[0].speed = 0.9;
        pumps[1].speed = 0.85;
        let resistance = 150.0 / (170.0 * 170.0);
        let flow = operate(&mut pumps, resistance);
        let head = resistance * flow * flow;
        let sum: f64 = pumps.iter().map(|p| p.flow_at(head)).sum();
        assert!((sum - flow).abs() < 0.1, "{sum} {flow}");
    }
}
