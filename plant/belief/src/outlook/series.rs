//! One series of minute means, its candidates, and the bands that are said of it.
//!
//! Responsible for: gathering values into minutes, keeping the candidates fed, choosing among them horizon by horizon, and
//! the coverage of what was said. Not for: where values come from.
//!
//! The choice: a candidate takes the place of persistence at a horizon once its pinball loss over the last hours, at the very
//! same minutes, is below 95 % of that of persistence; it loses it when it is no longer less at all.

use super::candidate::{Candidate, Shape};
use super::diurnal::Diurnal;
use super::period::{self, Period};
use super::shape::{Level, Trend};
use super::{Absent, Band, By, HORIZONS, HORIZONS_MIN};
use headroom_site::{Span, Stamp};

/// Share of the loss of persistence that earns a candidate its place.
const EARNS: f64 = 0.95;
/// Minutes of the past in which a period is sought, the longest lag, and how often it is sought anew.
const PAST: usize = 360;
const LAGS: usize = PAST / 3 + 1;
const SEEK_MIN: i64 = 10;
/// Periods whose mean is the shape.
const PERIODS: usize = 3;
/// Time in which coverage is forgotten, min.
const TAU_COVERAGE_MIN: f64 = 1440.0;
/// After a gap of more minutes nothing of the past is a neighbour.
const GAP_MIN: i64 = PAST as i64;

/// What is left of a deviation after each horizon until that is learned: that from the level, from a time of day and from a
/// period stays for hours; the bias of a forecast file half a day.
const PHI_LEVEL: [f64; HORIZONS] = [1.0, 0.99, 0.98, 0.96, 0.92];
const PHI_TREND: [f64; HORIZONS] = [0.8, 0.5, 0.3, 0.2, 0.1];
const PHI_SHAPE: [f64; HORIZONS] = [0.99, 0.97, 0.9, 0.8, 0.7];
const PHI_FILE: [f64; HORIZONS] = [1.0, 0.99, 0.98, 0.96, 0.92];

/// What a series is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traits {
    /// It is never below, unit of the series.
    pub floor: f64,
    /// It may repeat itself within the hour: periods are sought.
    pub periodic: bool,
    /// A forecast file may speak of it.
    pub file: bool,
}

/// A band that was said.
#[derive(Debug, Clone, Copy)]
struct Issued {
    minute: i64,
    low: f64,
    high: f64,
}

/// A series.
#[derive(Debug, Clone)]
pub struct Series {
    traits: Traits,
    sum: f64,
    count: f64,
    /// The last minutes by minute modulo [`PAST`]; not a number where nothing came.
    past: Vec<f64>,
    last: Option<i64>,
    seen: Option<i64>,
    level: Level,
    trend: Trend,
    diurnal: Diurnal,
    period: Option<Period>,
    straight: Vec<f64>,
    lags: Vec<f64>,
    persistence: Candidate,
    others: Vec<(By, Candidate)>,
    /// Index into `others` plus one at each horizon; 0 is persistence.
    chosen: [usize; HORIZONS],
    issued: [Vec<Issued>; HORIZONS],
    inside: [(f64, f64); HORIZONS],
}

/// The minute of an instant, since 1970 UTC.
#[must_use]
pub const fn minute_of(stamp: Stamp) -> i64 {
    stamp.unix_ns().div_euclid(60_000_000_000)
}

impl Series {
    /// A series that has seen nothing.
    #[must_use]
    pub fn new(traits: Traits) -> Self {
        let mut others =
            vec![(By::Trend, Candidate::new(PHI_TREND)), (By::Diurnal, Candidate::new(PHI_SHAPE))];
        if traits.periodic {
            others.push((By::Periodic, Candidate::new(PHI_SHAPE)));
        }
        if traits.file {
            others.push((By::File, Candidate::new(PHI_FILE)));
        }
        let nothing = Issued { minute: i64::MIN, low: 0.0, high: 0.0 };
        Self {
            traits,
            sum: 0.0,
            count: 0.0,
            past: vec![f64::NAN; PAST],
            last: None,
            seen: None,
            level: Level::default(),
            trend: Trend::default(),
            diurnal: Diurnal::new(),
            period: None,
            straight: Vec::with_capacity(PAST),
            lags: vec![0.0; LAGS],
            persistence: Candidate::new(PHI_LEVEL),
            others,
            chosen: [0; HORIZONS],
            issued: HORIZONS_MIN.map(|h| vec![nothing; h]),
            inside: [(0.0, 0.0); HORIZONS],
        }
    }

    /// Takes a value of the minute that runs.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.sum += value;
            self.count += 1.0;
        }
    }

    /// Ends a minute: what was said of it is judged by the mean of what was added, and the next hour is looked at anew. `file`
    /// gives what a forecast file says of a minute.
    pub fn close(&mut self, minute: i64, file: impl Fn(i64) -> Option<f64>) {
        if self.last.is_some_and(|last| minute <= last) {
            return;
        }
        let value = (self.count > 0.0).then(|| self.sum / self.count);
        (self.sum, self.count) = (0.0, 0.0);
        self.keep(minute, value.unwrap_or(f64::NAN));
        let Some(y) = value else {
            self.persistence.hush();
            self.others.iter_mut().for_each(|(_, c)| c.hush());
            return;
        };
        self.seen = Some(minute);
        self.judge(minute, y);
        let mu = self.level.take(y);
        self.trend.take(minute, y);
        self.diurnal.take(minute, y);
        if self.traits.periodic && minute % SEEK_MIN == 0 {
            self.seek(minute);
        }
        self.persistence.say(minute, y, &Shape { now: mu, ahead: [mu; HORIZONS] });
        for i in 0..self.others.len() {
            let shape = match self.others[i].0 {
                By::Trend => shape(minute, |m| Some(self.trend.at(m - minute))),
                By::Diurnal => shape(minute, |m| self.diurnal.at(m)),
                By::Periodic => shape(minute, |m| self.repeat(minute, m)),
                _ => shape(minute, &file),
            };
            self.others[i].1.say(minute, y, &shape);
        }
        self.choose();
        self.issue(minute);
    }

    fn keep(&mut self, minute: i64, y: f64) {
        let from = self.last.map_or(minute, |last| last + 1).max(minute - GAP_MIN + 1);
        for m in from..minute {
            self.past[m.rem_euclid(PAST as i64) as usize] = f64::NAN;
        }
        self.past[minute.rem_euclid(PAST as i64) as usize] = y;
        self.last = Some(minute);
    }

    fn judge(&mut self, minute: i64, y: f64) {
        self.persistence.judge(minute, y);
        for (_, c) in &mut self.others {
            c.judge(minute, y);
            c.beside(&self.persistence);
        }
        let keep = (-1.0 / TAU_COVERAGE_MIN).exp();
        for ((issued, inside), h) in self.issued.iter().zip(&mut self.inside).zip(HORIZONS_MIN) {
            let said = issued[minute.rem_euclid(h as i64) as usize];
            if said.minute == minute - h as i64 {
                let hit = f64::from(u8::from((said.low..=said.high).contains(&y)));
                *inside = (inside.0 * keep + hit, inside.1 * keep + 1.0);
            }
        }
    }

    /// Looks for a period in the last hours, where they have few gaps.
    fn seek(&mut self, minute: i64) {
        self.straight.clear();
        for m in minute - PAST as i64 + 1..=minute {
            let y = self.past[m.rem_euclid(PAST as i64) as usize];
            // The past begins after the last long silence.
            let held = self.straight.last().copied();
            match (y.is_nan(), held) {
                (false, _) => self.straight.push(y),
                (true, Some(before)) => self.straight.push(before),
                (true, None) => {}
            }
        }
        self.period = period::find(&self.straight, &mut self.lags);
    }

    /// Mean of the last periods at the place of a minute in them, from what was known at `now`.
    fn repeat(&self, now: i64, minute: i64) -> Option<f64> {
        let p = self.period?.samples;
        let first = if minute > now { ((minute - now) as f64 / p).ceil() } else { 1.0 };
        let (mut sum, mut n) = (0.0, 0.0);
        for k in 0..PERIODS {
            let back = (first + k as f64) * p - (minute - now) as f64;
            let (whole, part) = (back.floor(), back - back.floor());
            let at = |b: f64| {
                let inside = b < PAST as f64;
                inside.then(|| self.past[(now - b as i64).rem_euclid(PAST as i64) as usize])
            };
            let Some(near) = at(whole) else { break };
            let far = if part > 1e-9 { at(whole + 1.0).unwrap_or(f64::NAN) } else { near };
            let y = near * (1.0 - part) + far * part;
            if y.is_finite() {
                (sum, n) = (sum + y, n + 1.0);
            }
        }
        (n > 0.0).then(|| sum / n)
    }

    fn choose(&mut self) {
        for h in 0..HORIZONS {
            let mut best = (0, EARNS);
            for (i, (_, c)) in self.others.iter().enumerate() {
                let ratio = c.quantiles(h).and_then(|_| c.ratio(h)).unwrap_or(f64::INFINITY);
                let bar = if self.chosen[h] == i + 1 { 1.0 } else { EARNS };
                if ratio < bar && (best.0 == 0 || ratio < best.1) {
                    best = (i + 1, ratio);
                }
            }
            self.chosen[h] = best.0;
        }
    }

    fn issue(&mut self, minute: i64) {
        for (h, minutes) in HORIZONS_MIN.into_iter().enumerate() {
            let said = self.quantiles(h).map(|(q, _)| Issued { minute, low: q[0], high: q[2] });
            let nothing = Issued { minute: i64::MIN, low: 0.0, high: 0.0 };
            self.issued[h][minute.rem_euclid(minutes as i64) as usize] = said.unwrap_or(nothing);
        }
    }

    fn quantiles(&self, h: usize) -> Option<([f64; 3], By)> {
        let (by, candidate) = match self.chosen[h].checked_sub(1).and_then(|i| self.others.get(i)) {
            Some((by, c)) => (*by, c),
            None => (By::Persistence, &self.persistence),
        };
        let q = candidate.quantiles(h)?;
        Some((q.map(|x| x.max(self.traits.floor)), by))
    }

    /// What the series will be at a horizon (an index into [`HORIZONS_MIN`]): the mean of the minute that ends so long after
    /// the last one.
    ///
    /// # Errors
    /// Why nothing is said.
    pub fn band(&self, h: usize) -> Result<Band, Absent> {
        let (Some(seen), Some(last)) = (self.seen, self.last) else { return Err(Absent::NeverSeen) };
        if seen < last {
            return Err(Absent::Silent(Stamp::from_unix_ns((seen + 1).saturating_mul(60_000_000_000))));
        }
        let wanted = self.persistence.wanted_min(h).max(1) as f64;
        let (q, by) = self.quantiles(h).ok_or(Absent::Learning(Span::from_s(60.0 * wanted)))?;
        Ok(Band { q, by, coverage: self.coverage(h) })
    }

    /// Share of what came that lay inside what was said, over about a day.
    #[must_use]
    pub fn coverage(&self, h: usize) -> Option<f64> {
        let (hits, all) = self.inside[h];
        (all > 0.0).then(|| hits / all)
    }

    /// Mean of the last minute that had a value.
    #[must_use]
    pub fn now(&self) -> Option<f64> {
        self.seen.map(|m| self.past[m.rem_euclid(PAST as i64) as usize]).filter(|y| y.is_finite())
    }

    /// The period of minutes that was found last, in minutes.
    #[must_use]
    pub fn period(&self) -> Option<Period> {
        self.period
    }

    /// Pinball loss of a candidate over that of persistence at the same minutes of the last hours, once there is evidence.
    #[must_use]
    pub fn ratio(&self, by: By, h: usize) -> Option<f64> {
        self.others.iter().find(|(b, _)| *b == by).and_then(|(_, c)| c.ratio(h))
    }
}

/// What a shape says now and at each horizon.
fn shape(minute: i64, at: impl Fn(i64) -> Option<f64>) -> Shape {
    let value = |m: i64| at(m).unwrap_or(f64::NAN);
    Shape { now: value(minute), ahead: HORIZONS_MIN.map(|h| value(minute + h as i64)) }
}
