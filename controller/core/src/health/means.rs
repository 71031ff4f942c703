//! Means of points over the last minutes.
//!
//! Responsible for: what equations are looked at with: sensors pass each other by seconds, means do not. Not for: equations.
//!
//! A value that other rooms doubt counts here: who is wrong is what is asked.

use crate::align::{PointValue, Snapshot};
use headroom_site::{PointId, Quality, Reason};

/// Minutes that are averaged, and so many of them must be known.
const MINUTES: usize = 5;
const LEAST: usize = 3;

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sum: f64,
    count: u32,
    missed: u32,
}

/// Means of all points of a site that somebody asks for.
#[derive(Debug, Clone)]
pub(super) struct Means {
    /// Place of each point in the sums.
    place: Vec<Option<u32>>,
    now: Vec<Sum>,
    minutes: Vec<[f64; MINUTES]>,
    next: usize,
}

impl Means {
    /// For these points of so many.
    pub(super) fn new(points: usize, asked: impl Iterator<Item = PointId>) -> Self {
        let mut place = vec![None; points];
        let mut count = 0_u32;
        for p in asked {
            let slot = &mut place[p.index()];
            if slot.is_none() {
                *slot = Some(count);
                count += 1;
            }
        }
        let n = count as usize;
        Self { place, now: vec![Sum::default(); n], minutes: vec![[f64::NAN; MINUTES]; n], next: 0 }
    }

    /// Takes what points show.
    pub(super) fn take(&mut self, snapshot: &Snapshot) {
        for (place, point) in self.place.iter().zip(&snapshot.points) {
            let Some(place) = place else { continue };
            let sum = &mut self.now[*place as usize];
            if counts(point) {
                (sum.sum, sum.count) = (sum.sum + point.value, sum.count + 1);
            } else {
                sum.missed += 1;
            }
        }
    }

    /// Ends a minute.
    pub(super) fn turn(&mut self) {
        for (sum, minutes) in self.now.iter_mut().zip(&mut self.minutes) {
            let known = sum.count > sum.missed;
            minutes[self.next] = if known { sum.sum / f64::from(sum.count) } else { f64::NAN };
            *sum = Sum::default();
        }
        self.next = (self.next + 1) % MINUTES;
    }

    /// Mean of a point; not a number where too little of it is known.
    pub(super) fn of(&self, point: PointId) -> f64 {
        let Some(place) = self.place[point.index()] else { return f64::NAN };
        let known = || self.minutes[place as usize].iter().filter(|x| x.is_finite());
        let count = known().count();
        if count < LEAST { f64::NAN } else { known().sum::<f64>() / count as f64 }
    }
}

fn counts(point: &PointValue) -> bool {
    let doubted = |r: Reason| matches!(r, Reason::Implausible | Reason::Flatline | Reason::RateOfChange);
    match point.quality {
        Quality::Good => point.value.is_finite(),
        Quality::Uncertain(r) | Quality::Bad(r) => doubted(r) && point.value.is_finite(),
    }
}
