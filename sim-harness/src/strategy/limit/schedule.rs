//! When the limit decides: on a grid, and around every event.

use crate::scenario::{Event, Scenario};

/// Decisions are at least so far apart, s.
const APART_S: f64 = 10.0;

/// The next edge of an event behind `after_s`: beginning, end of a notice, each limit in turn, end.
fn next_edge_s(event: &Event, after_s: f64) -> Option<f64> {
    let notice_s = event.values.number("notice").unwrap_or(0.0);
    let turns = event.values.limits("limit").len().max(1);
    let each_s = event.values.number("each").unwrap_or(f64::INFINITY);
    let in_turn = (1..turns).map(|turn| turn as f64 * each_s);
    let offsets = [0.0, notice_s, event.for_s].into_iter().chain(in_turn);
    let edges = offsets.filter(|offset| offset.is_finite()).filter_map(|offset| {
        let first_s = event.at_s + offset;
        if first_s > after_s {
            return Some(first_s);
        }
        if !event.repeat_s.is_finite() {
            return None;
        }
        Some(first_s + event.repeat_s * ((after_s - first_s) / event.repeat_s).floor() + event.repeat_s)
    });
    edges.min_by(f64::total_cmp)
}

/// The next decision behind `now_s`.
pub(super) fn next_s(scenario: &Scenario, now_s: f64, interval_s: f64) -> f64 {
    let after_s = now_s + APART_S;
    let grid_s = ((after_s / interval_s).floor() + 1.0) * interval_s;
    let edges = scenario.events.iter().filter_map(|event| next_edge_s(event, after_s - 1e-6));
    edges.fold(grid_s, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_surround_events_and_repeat_with_them() {
        let text = "name=\"s\"\nhours=48\n[[event]]\nat=\"20 min\"\nfor=\"10 min\"\nrepeat=\"24 h\"\n\
            kind=\"curtailment\"\nlimit=\"-10 %\"\nnotice=\"60 s\"\n";
        let scenario = Scenario::parse(text).unwrap();
        let mut at = 0.0;
        let mut times = Vec::new();
        for _ in 0..6 {
            at = next_s(&scenario, at, 900.0);
            times.push(at / 60.0);
        }
        assert_eq!(times, [15.0, 20.0, 21.0, 30.0, 45.0, 60.0]);
        let day = 86_400.0;
        assert!((next_s(&scenario, day + 900.0, 900.0) - day - 1200.0).abs() < 1e-6);
    }
}
