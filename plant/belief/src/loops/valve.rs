//! Valves that stick.
//!
//! Responsible for: telling from position and control error that a stem moves in jumps, or not at all. Not for: whose valve
//! it is.
//!
//! A stem that sticks rests while the drive winds up, and then slips to within half of what held it (He, Wang, Pottmann, Qin,
//! *Control Engineering Practice* 15, 2007): its steps have a least size and a rest before them, back and forth, since what it
//! controls swings with it. A sound one takes small steps, too. A stem that is stuck rests while what it controls runs away.
//!
//! ```text
//! sticks   the last STEPS steps are all larger than SLIP and than TIMES the usual one, all follow a rest, and they turn
//! stuck    no step while |e| > max(STUCK_K, 4 e_usual) for STUCK_S, although it has moved before; not at an end
//! ```

use std::collections::VecDeque;

/// Steps that are looked at, and those after which it is known what is usual.
const STEPS: usize = 4;
const KNOWN: u32 = 10;
/// Least step of a stem that slips, share of the stroke and in usual ones, and what is no step at all.
const SLIP: f64 = 0.011;
const TIMES: f64 = 2.5;
const NO_STEP: f64 = 0.0005;
/// Share of a step in the usual one.
const USUAL: f64 = 0.1;
/// A rest is at least so long, s.
const REST_S: f64 = 60.0;
/// Steps further back say nothing, s.
const MEMORY_S: f64 = 3.0 * 3600.0;
/// Of the last steps so many must turn.
const TURNS: usize = 1;
/// Control error of a loop whose valve is stuck, K, in how many usual ones, and for how long, s.
const STUCK_K: f64 = 0.5;
const STUCK_USUAL: f64 = 4.0;
const STUCK_S: f64 = 900.0;
/// Beyond these a valve is at its end.
const ENDS: (f64, f64) = (0.02, 0.98);
/// Time constant of the usual error, s, and of the present one.
const USUAL_S: f64 = 7200.0;
const NOW_S: f64 = 300.0;

/// What is wrong with a valve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// It moves in jumps.
    Sticks,
    /// It does not move.
    Stuck,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    at_s: f64,
    by: f64,
    rest_s: f64,
}

/// A valve over time.
#[derive(Debug, Clone, Default)]
pub struct Valve {
    steps: VecDeque<Step>,
    last: Option<(f64, f64)>,
    moved_s: f64,
    moves: u32,
    usual: f64,
    error_now: f64,
    error_usual: Option<f64>,
    away_since_s: Option<f64>,
    verdict: Option<(Stem, f64)>,
}

impl Valve {
    /// Takes a position (0 to 1) and what is controlled less its setpoint (K), at a time (s).
    pub fn take(&mut self, now_s: f64, position: f64, error: f64) {
        let Some((before_s, before)) = self.last else {
            (self.last, self.moved_s) = (Some((now_s, position)), now_s);
            return;
        };
        let dt_s = (now_s - before_s).max(0.0);
        self.error_now += (error - self.error_now) * (dt_s / NOW_S).min(1.0);
        let by = position - before;
        if by.abs() > NO_STEP {
            let rest_s = now_s - self.moved_s;
            self.steps.push_back(Step { at_s: now_s, by, rest_s });
            self.moves = self.moves.saturating_add(1);
            let size = by.abs();
            if self.moves <= KNOWN || size < TIMES * self.usual {
                self.usual += (size - self.usual) * USUAL.max(f64::from(self.moves).recip());
            }
            self.moved_s = now_s;
            self.last = Some((now_s, position));
        } else {
            // What creeps below the least step adds up.
            self.last = Some((now_s, before));
        }
        while self.steps.len() > STEPS || self.steps.front().is_some_and(|s| now_s - s.at_s > MEMORY_S) {
            self.steps.pop_front();
        }
        self.judge(now_s, position, dt_s);
    }

    fn judge(&mut self, now_s: f64, position: f64, dt_s: f64) {
        let usual = self.error_usual.unwrap_or(STUCK_K / STUCK_USUAL);
        let away = self.error_now.abs() > STUCK_K.max(STUCK_USUAL * usual);
        let rests = now_s - self.moved_s > STUCK_S;
        let inside = (ENDS.0..=ENDS.1).contains(&position);
        if !away {
            self.away_since_s = None;
            let usual = self.error_usual.get_or_insert(self.error_now.abs());
            *usual += (self.error_now.abs() - *usual) * (dt_s / USUAL_S).min(1.0);
        }
        let since = *self.away_since_s.get_or_insert(now_s);
        let long = away && now_s - since > STUCK_S;
        let verdict = if long && rests && inside && self.moves > KNOWN {
            Some(Stem::Stuck)
        } else if self.slips() {
            Some(Stem::Sticks)
        } else {
            None
        };
        self.verdict = match (self.verdict, verdict) {
            (Some((was, since)), Some(now)) if was == now => Some((was, since)),
            // One that is stuck and moves again is sound until its steps say otherwise.
            (_, Some(Stem::Stuck)) => Some((Stem::Stuck, self.moved_s)),
            (_, Some(Stem::Sticks)) => Some((Stem::Sticks, self.steps.front().map_or(now_s, |s| s.at_s))),
            (_, None) => None,
        };
    }

    fn slips(&self) -> bool {
        if self.steps.len() < STEPS || self.moves <= KNOWN {
            return false;
        }
        let least = SLIP.max(TIMES * self.usual);
        let steps = || self.steps.iter();
        let turns = steps().zip(steps().skip(1)).filter(|(a, b)| a.by * b.by < 0.0).count();
        steps().all(|s| s.by.abs() >= least && s.rest_s >= REST_S) && turns >= TURNS
    }

    /// What is wrong with it, and since when (s).
    #[must_use]
    pub const fn verdict(&self) -> Option<(Stem, f64)> {
        self.verdict
    }

    /// Least of its last steps, share of the stroke.
    #[must_use]
    pub fn least_step(&self) -> f64 {
        self.steps.iter().map(|s| s.by.abs()).fold(f64::INFINITY, f64::min)
    }

    /// What is controlled less its setpoint lately, K.
    #[must_use]
    pub const fn error(&self) -> f64 {
        self.error_now
    }
}
