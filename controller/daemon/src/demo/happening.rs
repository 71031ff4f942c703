//! What is happening in a scenario, in words.

use headroom_sim::scenario::{Event, EventKind, ImportCut, Scenario};

/// One event in words.
pub(super) fn words(kind: &EventKind) -> String {
    match kind {
        EventKind::LoadStep { factor, job: None } => format!("burst of requests, x{factor}"),
        EventKind::LoadStep { factor, job: Some(job) } => format!("load of {job} x{factor}"),
        EventKind::PumpFailure { device, pump } => format!("{device}: pump {pump} has failed"),
        EventKind::ChillerTrip { device } => format!("{device} has tripped"),
        EventKind::Curtailment { limit: ImportCut::Share(share), .. } => {
            format!("the grid asks for {:.0} % less", share * 100.0)
        }
        EventKind::Curtailment { limit: ImportCut::Watts(w), .. } => {
            format!("the grid allows {:.0} kW", w * 1e-3)
        }
        EventKind::HeatWave { rise_k } => format!("heat wave, {rise_k:+.0} K"),
        EventKind::SensorStuck { point } => format!("sensor {point} is stuck"),
        EventKind::SensorBias { point, offset } => format!("sensor {point} is off by {offset:+}"),
        EventKind::Fouling { device, share } => format!("{device} is fouled, -{:.0} %", share * 100.0),
        EventKind::ValveStuck { device } => format!("valve of {device} is stuck"),
        EventKind::FeedLoss => "the utility feed is lost".to_owned(),
        EventKind::OperatorLocal { device } => format!("the operator has taken {device}"),
    }
}

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
        Some(words(&e.kind) + &left)
    };
    scenario.events.iter().filter_map(one).collect()
}

/// What begins or ends between two instants.
pub(super) fn changes(scenario: &Scenario, from_s: f64, to_s: f64) -> Vec<String> {
    let change = |e: &Event| match (e.active_for_s(from_s).is_some(), e.active_for_s(to_s).is_some()) {
        (false, true) => Some(words(&e.kind)),
        (true, false) => Some(format!("over: {}", words(&e.kind))),
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
