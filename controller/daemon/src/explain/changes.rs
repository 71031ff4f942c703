//! What makes an event of readings.
//!
//! Responsible for: turning the readings that are kept of a point, or of a GPU, into the moments at which something
//! changed. Not for: whose readings are looked at (`chain`).
//!
//! | of | an event is |
//! | --- | --- |
//! | a state | each change |
//! | what is in force of a setpoint, a limit of a branch | a move by 1 %, or 0.1 K; moves in one direction, less than a minute apart, are one |
//! | what a setpoint holds | off it by over 1 K, or 10 %, for a minute; back at it |
//! | a point with a limit | beyond it; within it again |
//! | any point | not usable; usable again |
//! | a GPU | cap or clock moves by 5 % |

use super::chain::Event;
use crate::run::seen::gpus::Quantity;
use crate::run::seen::{Moment, Seen};
use headroom_site::model::Point;
use headroom_site::{Dimension, Span, Stamp};

/// Moves less far apart in time are one.
const ONE_MOVE: Span = Span::from_ms(60_000);
/// For so long something is off its setpoint before it is told.
const OFF_FOR: Span = Span::from_ms(60_000);
const OFF_K: f64 = 1.0;
const OFF_SHARE: f64 = 0.1;
/// Least move of a temperature's setpoint, K, and of anything else, as a share.
const LEAST_K: f64 = 0.1;
const LEAST_SHARE: f64 = 0.01;
/// Least move of a cap or a clock, as a share.
const LEAST_GPU: f64 = 0.05;
/// Moves of a GPU less far apart are one.
const ONE_GPU_MOVE: Span = Span::from_ms(5_000);

/// A value at an instant.
#[derive(Clone, Copy)]
struct At {
    stamp: Stamp,
    value: f64,
    uncertainty_s: f64,
}

/// From where to where something went.
struct Move {
    begin: At,
    end: At,
}

/// Moves of a series, each in one direction with no more than `gap` between its steps, and of at least `least(from)`.
fn moves(series: impl Iterator<Item = At>, gap: Span, least: impl Fn(f64) -> f64) -> Vec<Move> {
    let mut all: Vec<Move> = Vec::new();
    let (mut last, mut open): (Option<At>, Option<Move>) = (None, None);
    for at in series {
        let Some(before) = last.replace(at) else { continue };
        let step = at.value - before.value;
        if step.abs() <= f64::EPSILON * before.value.abs() {
            continue;
        }
        let goes_on = open.as_ref().is_some_and(|m| {
            (m.end.value - m.begin.value) * step > 0.0 && at.stamp.since(m.end.stamp) <= gap
        });
        match open.as_mut().filter(|_| goes_on) {
            Some(m) => m.end = at,
            // It began when the first new value was seen.
            None => {
                let begin = At { value: before.value, ..at };
                all.extend(open.replace(Move { begin, end: at }));
            }
        }
    }
    all.extend(open);
    all.retain(|m| (m.end.value - m.begin.value).abs() >= least(m.begin.value));
    all
}

/// Events of a point since an instant.
pub(super) fn of_point(seen: &Seen, index: usize, since: Stamp) -> Vec<Event> {
    let point = &seen.site.points[index];
    if point.counter {
        return Vec::new();
    }
    let kept: Vec<&Moment> = seen.points[index].moments.iter().filter(|m| m.stamp >= since).collect();
    let mut all = usable(point, &kept);
    let good = || kept.iter().filter(|m| m.quality.is_usable()).map(|m| at(m));
    let shown = |base: f64| format!("{:.1} {}", point.unit.from_base(base), point.unit.symbol);
    let moved = |m: &Move, what: &str| {
        let says = format!("{what}{} -> {}", shown(m.begin.value), shown(m.end.value));
        Event::new(m.begin.stamp, m.begin.uncertainty_s, &point.id, says)
    };
    if point.unit.dimension == Dimension::Count {
        let state = |m: &Move| {
            let says = format!("{:.0} -> {:.0}", m.begin.value, m.end.value);
            Event::new(m.begin.stamp, m.begin.uncertainty_s, &point.id, says)
        };
        all.extend(moves(good(), Span::ZERO, |_| 0.5).iter().map(state));
        return all;
    }
    let least = |from: f64| match point.unit.dimension {
        Dimension::Temperature | Dimension::TemperatureDelta => LEAST_K,
        _ => LEAST_SHARE * from.abs(),
    };
    let site = &seen.site;
    let is = |p: Option<headroom_site::PointId>| p.is_some_and(|p| p.index() == index);
    if site.power.iter().any(|b| is(b.limit)) {
        all.extend(moves(good(), ONE_MOVE, least).iter().map(|m| moved(m, "limit ")));
    } else if site.actuators.iter().any(|a| is(a.readback)) {
        all.extend(moves(good(), ONE_MOVE, least).iter().map(|m| moved(m, "setpoint in force ")));
    }
    all.extend(beyond(point, good()));
    if let Some(a) = site.actuators.iter().find(|a| is(a.measures)) {
        let held: Vec<At> = a.readback.map_or(Vec::new(), |r| {
            let moments = seen.points[r.index()].moments.iter();
            moments.filter(|m| m.quality.is_usable()).map(at).collect()
        });
        all.extend(off(point, good(), &held));
    }
    all
}

fn at(m: &Moment) -> At {
    At { stamp: m.stamp, value: m.value, uncertainty_s: f64::from(m.uncertainty_s) }
}

/// Where it begins and ends to be usable.
fn usable(point: &Point, kept: &[&Moment]) -> Vec<Event> {
    let pairs = kept.windows(2).filter(|w| w[0].quality.is_usable() != w[1].quality.is_usable());
    let event = |w: &[&Moment]| {
        let says = if w[1].quality.is_usable() {
            "usable again".to_owned()
        } else {
            format!("not usable: {}", w[1].quality)
        };
        Event::new(w[1].stamp, f64::from(w[1].uncertainty_s), &point.id, says)
    };
    pairs.map(event).collect()
}

/// Where it passes its limits.
fn beyond(point: &Point, series: impl Iterator<Item = At>) -> Vec<Event> {
    let (low, high) =
        (point.limit_low.unwrap_or(f64::NEG_INFINITY), point.limit_high.unwrap_or(f64::INFINITY));
    let mut was: Option<bool> = None;
    let mut all = Vec::new();
    for at in series {
        let is = at.value < low || at.value > high;
        if was.replace(is).is_some_and(|was| was != is) {
            let shown = format!("{:.1} {}", point.unit.from_base(at.value), point.unit.symbol);
            let says = if is {
                format!("beyond its limit: {shown}")
            } else {
                format!("within its limit again: {shown}")
            };
            all.push(Event::new(at.stamp, at.uncertainty_s, &point.id, says));
        }
    }
    all
}

/// Where it leaves what is in force of its setpoint, and comes back.
fn off(point: &Point, series: impl Iterator<Item = At>, held: &[At]) -> Vec<Event> {
    let symbol = point.unit.dimension.of_difference().base();
    let mut all = Vec::new();
    let (mut next, mut out, mut told): (usize, Option<At>, bool) = (0, None, false);
    for at in series {
        while held.get(next).is_some_and(|h| h.stamp <= at.stamp) {
            next += 1;
        }
        let Some(setpoint) = next.checked_sub(1).map(|i| held[i].value) else { continue };
        let is_kelvin = point.unit.dimension == Dimension::Temperature;
        let tolerance = if is_kelvin { OFF_K } else { OFF_SHARE * setpoint.abs() };
        let away = at.value - setpoint;
        if away.abs() <= tolerance {
            if told {
                all.push(Event::new(
                    at.stamp,
                    at.uncertainty_s,
                    &point.id,
                    "back at its setpoint".to_owned(),
                ));
            }
            (out, told) = (None, false);
            continue;
        }
        let begin = *out.get_or_insert(at);
        if !told && at.stamp.since(begin.stamp) >= OFF_FOR {
            let (side, shown) = (if away > 0.0 { "above" } else { "below" }, point.unit.from_base(setpoint));
            let says = format!(
                "more than {tolerance:.1} {symbol} {side} its setpoint of {shown:.1} {} from here on",
                point.unit.symbol
            );
            all.push(Event::new(begin.stamp, begin.uncertainty_s, &point.id, says));
            told = true;
        }
    }
    all
}

/// Events of a GPU since an instant: of its cap and its clock.
pub(super) fn of_gpu(seen: &Seen, gpu: usize, since: Stamp) -> Vec<Event> {
    let mut all = Vec::new();
    for (k, quantity) in Quantity::ALL.iter().enumerate() {
        if !matches!(quantity, Quantity::Cap | Quantity::Clock) {
            continue;
        }
        let name = format!("{}:{}", seen.site.gpus[gpu].uuid, quantity.word());
        let windows = seen.gpus[gpu].windows.iter().filter(|w| w.start >= since && w.spreads[k].count > 0);
        let series =
            windows.map(|w| At { stamp: w.start, value: f64::from(w.spreads[k].mean), uncertainty_s: 0.5 });
        let found = moves(series, ONE_GPU_MOVE, |from| LEAST_GPU * from.abs());
        all.extend(found.iter().map(|m| {
            let says =
                format!("{} {:.0} -> {:.0} {}", quantity.word(), m.begin.value, m.end.value, quantity.unit());
            Event::new(m.begin.stamp, m.begin.uncertainty_s, &name, says)
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[(f64, f64)]) -> impl Iterator<Item = At> {
        values.iter().map(|&(s, value)| At {
            stamp: Stamp::default() + Span::from_s(s),
            value,
            uncertainty_s: 0.0,
        })
    }

    #[test]
    fn steps_in_one_direction_are_one_move_and_small_ones_are_none() {
        let values = [
            (0.0, 18.0),
            (30.0, 18.5),
            (60.0, 19.0),
            (90.0, 19.0),
            (300.0, 20.0),
            (330.0, 19.95),
            (900.0, 18.0),
        ];
        let found = moves(series(&values), ONE_MOVE, |_| 0.1);
        let ends: Vec<(f64, f64)> = found.iter().map(|m| (m.begin.value, m.end.value)).collect();
        assert_eq!(ends, [(18.0, 19.0), (19.0, 20.0), (19.95, 18.0)]);
        assert_eq!(found[0].begin.stamp, Stamp::default() + Span::from_s(30.0));
    }
}
