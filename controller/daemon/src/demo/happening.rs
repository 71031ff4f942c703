//! What is happening in a scenario, in words.

use headroom_sim::scenario::{Event, Scenario};

/// What is active at an instant, with the minutes left.
pub(super) fn active(scenario: &Scenario, elapsed_s: f64) -> Vec<String> {
    let one = |e: &Event| {
        let phase_s = e.active_for_s(elapsed_s)?;
        let left_s = e.for_s - phase_s;
        let left = if left_s.is_finite() {
            format!(" ({:.0} min left)", (left_s / 60.0).ceil())
        } else {
            String::new()
        };
        Some(e.words() + &left)
    };
    scenario.events.iter().filter_map(one).collect()
}

/// What begins or ends between two instants.
pub(super) fn changes(scenario: &Scenario, from_s: f64, to_s: f64) -> Vec<String> {
    let change = |e: &Event| match (e.active_for_s(from_s).is_some(), e.active_for_s(to_s).is_some()) {
        (false, true) => Some(e.words()),
        (true, false) => Some(format!("over: {}", e.words())),
        _ => None,
    };
    scenario.events.iter().filter_map(change).collect()
}

/// Seconds as h:mm:ss.
pub(super) fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_tells_what_happens() {
        let demo = Scenario::shipped("demo").unwrap();
        assert!(active(&demo, 0.0).is_empty());
        assert!(active(&demo, 3600.0).iter().any(|t| t.contains("CDU-02: pump 1")));
        assert_eq!(changes(&demo, 1799.0, 1801.0), ["burst of requests, x1.8"]);
        assert!(changes(&demo, 2999.0, 3001.0)[0].starts_with("over: "));
        assert_eq!(clock(3661.0), "1:01:01");
    }
}
