//! What the page says.

use super::super::actuators::ActuatorView;
use super::super::clocks::{ClockView, LagView};
use super::super::health::FlowView;
use super::super::outlook::BudgetAheadView;
use super::super::ramp::{RampView, SwingView};
use super::super::view::{BranchView, ConnectionView, JobView, SetpointView};
use super::*;
use crate::election::view::LeadershipView;
use crate::instruct::said::Word;
use crate::ledger::responses::ResponseLine;
use crate::ledger::view::ThrottleView;

#[test]
fn names_end_in_base_units() {
    let mut view = View {
        facility_w: 1.5e6,
        pue: 1.1,
        headroom_k: 12.0,
        ticks: 7,
        hottest: "node-1".into(),
        ..View::default()
    };
    view.throttled_gpu_s.insert("sw_thermal".to_owned(), 3.0);
    view.throttled_gpus.insert("hw_slowdown".to_owned(), 2);
    view.jobs.push(JobView { id: "train-a".to_owned(), clock_mhz: 1700.0, ..JobView::default() });
    let (job, paged) = ("chat".to_owned(), "chat-0".to_owned());
    let p95 = Some(0.25);
    view.served.push(ServedView {
        job,
        page: paged,
        time_to_first_token_p95_s: p95,
        ..ServedView::default()
    });
    let branch =
        BranchView { id: "feed".to_owned(), power_w: 5.0, budget_w: Some(9.0), ..BranchView::default() };
    view.branches.push(branch);
    view.ramp = Some(RampView { draws_w: 4.0, may_draw_w: 6.0, needs_w: 8.0 });
    for (unit, stands) in [("degC", 32.0), ("kPa", 80.0)] {
        let (actuator, unit) = (format!("a-{unit}"), unit.to_owned());
        view.setpoints.push(SetpointView { actuator, unit, stands, ..SetpointView::default() });
    }
    let (point, rule) = ("CDU-01/flow".to_owned(), "moving-fluid".to_owned());
    view.implausible.push(DoubtRecord { point, rule, ..DoubtRecord::default() });
    view.ahead.outlook.push(ForecastView {
        what: "wet-bulb".into(),
        of: "outdoor".into(),
        unit: "degC".into(),
        horizon_s: 3600.0,
        q95: 21.5,
        coverage: Some(0.9),
        ..ForecastView::default()
    });
    let text = page(&view);
    for line in [
        "headroom_facility_watts 1500000.0",
        "headroom_pue_ratio 1.1",
        "headroom_die_headroom_kelvin{rank=\"least\"} 12.0",
        "headroom_throttled_seconds_total{reason=\"sw_thermal\"} 3.0",
        "headroom_gpus_throttled{reason=\"hw_slowdown\"} 2.0",
        "headroom_job_clock_hertz{job=\"train-a\"} 1700000000.0",
        "headroom_job_tokens_total{job=\"train-a\"} 0.0",
        "headroom_job_time_to_first_token_seconds{job=\"chat\",page=\"chat-0\",statistic=\"p95\"} 0.25",
        "headroom_branch_budget_watts{branch=\"feed\"} 9.0",
        "headroom_site_may_draw_watts 6.0",
        "headroom_setpoint_stands_celsius{actuator=\"a-degC\"} 32.0",
        "headroom_setpoint_stands_pascals{actuator=\"a-kPa\"} 80000.0",
        "headroom_ticks_total 7.0",
        "headroom_outlook_celsius{what=\"wet-bulb\",of=\"outdoor\",horizon=\"3600\",probability=\"0.95\"} 21.5",
        "headroom_outlook_coverage_ratio{what=\"wet-bulb\",of=\"outdoor\",horizon=\"3600\"} 0.9",
        "headroom_point_implausible{point=\"CDU-01/flow\",rule=\"moving-fluid\"} 1.0",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn what_nobody_knows_is_absent() {
    let text = page(&View::default());
    for name in ["headroom_facility_watts", "headroom_pue_ratio", "headroom_die_headroom_kelvin"] {
        assert!(!text.contains(name), "{name}\n{text}");
    }
    assert!(text.lines().any(|l| l == "headroom_gpus_heard 0.0"), "{text}");
}

#[test]
fn the_older_format_names_counters_by_their_samples() {
    let text = plain(&page(&full()));
    assert!(!text.contains("# UNIT") && !text.contains("# EOF"), "{text}");
    for line in [
        "# HELP headroom_energy_joules_total Energy since the start of this controller.",
        "# TYPE headroom_energy_joules_total counter",
        "# TYPE headroom_facility_watts gauge",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert_eq!(text.matches(" counter\n").count(), text.matches("_total counter\n").count());
}

/// A view in which everything is there, so that no family is missing.
fn full() -> View {
    let (job, some) = ("train-a".to_owned(), Some(1.0));
    let mut view =
        View { facility_w: 3.0, it_w: 2.0, cooling_w: 1.0, pue: 1.5, headroom_s: some, ..View::default() };
    view.hottest = "node-1".to_owned();
    view.leadership = Some(LeadershipView::default());
    view.throttled_gpu_s.insert("sw_thermal".to_owned(), 3.0);
    view.throttled_gpus.insert("sw_thermal".to_owned(), 2);
    let place = PlaceView { id: "r".into(), kind: "rack".into(), headroom_k: some, ..PlaceView::default() };
    view.places.push(PlaceView { headroom_full_load_k: some, headroom_s: some, ..place });
    view.warnings.push(WarningView { uuid: "GPU-1".into(), seconds: 9.0, ..WarningView::default() });
    view.jobs.push(JobView { id: job.clone(), lock_mhz: some, wanted_mhz: some, ..JobView::default() });
    view.served.push(ServedView {
        job,
        requests_running: some,
        requests_waiting: some,
        time_to_first_token_p50_s: some,
        time_per_output_token_p50_s: some,
        ..ServedView::default()
    });
    view.branches.push(BranchView { budget_w: some, ..BranchView::default() });
    view.ramp = Some(RampView { draws_w: 4.0, may_draw_w: 6.0, needs_w: 8.0 });
    view.swing = Some(SwingView { allowed_w: 4.0, free_w: 6.0, held_w: 4.0, kept: true, blind: 0 });
    for unit in ["degC", "K", "kPa", "L/min", "W", "MHz", "1"] {
        let unit = unit.to_owned();
        view.setpoints.push(SetpointView { unit, admitted: some, ..SetpointView::default() });
    }
    let said = Said::at(0, "cdu", Word::Hold, None, None, "kim", "");
    view.actuators.push(ActuatorView { instruction: Some(said), ..ActuatorView::default() });
    view.clocks.push(ClockView { offset_s: some, sigma_s: some, ..ClockView::default() });
    view.meter_lags.push(LagView { point: "p".into(), lag_s: 0.5, sigma_s: 0.1, ..LagView::default() });
    for unit in ["W", "degC", "EUR/kWh"] {
        let unit = unit.to_owned();
        view.ahead.outlook.push(ForecastView { unit, coverage: some, ..ForecastView::default() });
    }
    view.ahead.budgets_ahead.push(BudgetAheadView::default());
    view.connections.push(ConnectionView { id: "bms".into(), up: true, ..ConnectionView::default() });
    view.implausible.push(DoubtRecord::default());
    view.ledger.hour.flops.by.push(ThrottleView::default());
    view.ledger.responses.push(ResponseLine { met_s: some, under_share: some, ..ResponseLine::default() });
    view.health.push(FindingView::default());
    view.unmetered.push(FlowView::default());
    view
}

/// The families of a page as rows of the book: name, type, unit, labels, meaning.
fn rows(page: &str) -> String {
    let after = |line: &str, word: &str| {
        line.strip_prefix(word).and_then(|l| l.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let mut rows = String::new();
    let (mut name, mut help, mut kind, mut unit) = Default::default();
    let mut told = true;
    for line in page.lines() {
        if let Some((n, text)) = after(line, "# HELP ") {
            (name, help, unit, told) = (n, text, String::new(), false);
        } else if let Some((_, k)) = after(line, "# TYPE ") {
            kind = k;
        } else if let Some((_, u)) = after(line, "# UNIT ") {
            unit = u;
        } else if !told && !line.starts_with('#') {
            let inside =
                line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(l, _)| l);
            let labels: Vec<String> =
                inside.split(',').filter_map(|l| Some(format!("`{}`", l.split_once('=')?.0))).collect();
            let sample = line.split(['{', ' ']).next().unwrap_or(&name);
            let (labels, help) = (labels.join(" "), help.trim_end_matches('.'));
            rows += &format!("| `{sample}` | {kind} | {unit} | {labels} | {help} |\n");
            told = true;
        }
    }
    rows
}

#[test]
fn every_family_is_in_the_book() {
    let book =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/metrics.md")).unwrap();
    let stands = book.split("<!-- families -->\n").nth(1).and_then(|b| b.split("<!-- /families -->").next());
    let rows = rows(&page(&full()));
    let table = format!("| sample | type | unit | labels | means |\n| --- | --- | --- | --- | --- |\n{rows}");
    assert!(
        stands.is_some_and(|t| t.trim() == table.trim()),
        "the table of book/src/metrics.md is not:\n{table}"
    );
}
