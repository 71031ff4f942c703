//! A campaign as an ordinary test, and the judges judged: whatever they must find is put in, and is found.

use super::campaign::{self, Course, Starts};
use super::fault::Plan;
use super::judge::{Violation, What};
use super::results::{Head, Line, Results};
use super::rows::Row;
use super::run::run;
use super::stage::{STARTS, Start};
use super::{reduce, report};
use crate::virtual_plant::Careless;
use headroom_sim::desk::dsx::DsxConfig;

fn course(rows: &[u8], pairs: bool, runs: u64) -> Course {
    let rows = if rows.is_empty() { Row::here().map(|row| row.id).collect() } else { rows.to_vec() };
    Course { rows, pairs, runs, seed: 7, threads: 2 }
}

fn lines(course: &Course) -> Vec<Line> {
    campaign::all(course, &Starts::default(), None, Vec::new()).unwrap()
}

/// What is known to fail, and is told in the book. A campaign from the command line does not know it: it says so and exits with 1.
fn is_known(line: &Line, violation: &Violation) -> bool {
    let plan: Plan = line.plan.parse().unwrap();
    let has = |rows: &[u8]| plan.0.iter().any(|fault| rows.contains(&fault.kind.row));
    match violation {
        // Where the site file allows much less than what the plant draws by itself, jobs that were held back catch up when caps
        // are let go, and for some seconds draw more than they would have.
        Violation::Limit { what: What::Budget, ours, .. } => {
            line.seed % STARTS % 2 == 1 && ours.alone && ours.seconds < 30.0
        }
        // Neither bus nor register can refuse a lower epoch, and whom no agent reaches does not learn that it was succeeded.
        Violation::Order { receiver, why, .. } => {
            !receiver.starts_with("node-")
                && why.starts_with("epoch")
                && has(&[21])
                && has(&[14, 15, 16, 17, 30, 33])
        }
        // A queue in the broker looks alive to the BMS for as long as it lasts.
        Violation::Setpoint { lost_s, .. } => {
            let queue_s = plan.0.iter().filter(|f| f.kind.row == 15).map(|f| f.size).fold(0.0, f64::max);
            *lost_s <= 32.0 + queue_s && queue_s > 0.0
        }
        _ => false,
    }
}

/// What fails, with the command line that runs it again.
fn failures(lines: &[Line]) -> Vec<String> {
    let bad = lines.iter().filter(|line| line.violations.iter().any(|v| !is_known(line, v)));
    bad.map(|line| format!("{:?}\n{}", line.violations, line.command())).collect()
}

/// `HEADROOM_FAULT_RUNS=10000 cargo test --release -p headroom nothing_that_must_not` runs more.
#[test]
fn nothing_that_must_not_happens_in_a_campaign() {
    let runs = std::env::var("HEADROOM_FAULT_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    for pairs in [false, true] {
        let all = lines(&course(&[], pairs, runs));
        assert_eq!(all.len() as u64, runs);
        let bad = failures(&all);
        assert!(bad.is_empty(), "{} of {runs}:\n{}", bad.len(), bad.join("\n"));
        let kinds = report::by_kind(&all);
        assert!(kinds.len() > 25 && kinds.iter().any(|k| k.met == Some(true)), "{}", kinds.len());
    }
}

/// Violations of runs of a row on a plant that has been tampered with.
fn found_on(start: &Start, row: u8, runs: u64) -> Vec<(Plan, u64, Violation)> {
    let mut found = Vec::new();
    for seed in 0..runs {
        let plan = Plan::draw(&[row], &start.places, seed).unwrap();
        let violations = run(start, &plan, seed).unwrap().violations;
        found.extend(violations.into_iter().map(|v| (plan.clone(), seed, v)));
    }
    found
}

#[test]
fn the_plant_holds_caps_and_setpoints_where_runs_begin() {
    for number in [0, 1] {
        let start = Start::new(number).unwrap();
        let fleet = &start.plant.world().fleet;
        let locked = (0..fleet.len()).filter(|&g| fleet.lock_max_mhz[g].is_finite()).count();
        let capped =
            (0..fleet.len()).filter(|&g| f64::from(fleet.cap_w[g]) < fleet.sku(g).tdp_w - 1.0).count();
        let stands = (0..start.site.actuators.len()).filter(|&a| start.plant.stands(a)).count();
        assert!(
            locked > 0 && capped > 0 && stands > 3,
            "plant {number}: {locked} GPUs locked, {capped} capped, {stands} setpoints stand"
        );
    }
}

#[test]
fn agents_that_keep_caps_without_a_lease_are_found() {
    let mut start = Start::new(0).unwrap();
    start.plant.set_careless(Careless { of_leases: true, of_order: false });
    let found = found_on(&start, 18, 3);
    assert!(found.iter().any(|(.., v)| matches!(v, Violation::Orphan { .. })), "{found:?}");
    // Made small, it still fails.
    let (plan, seed, failure) = found.into_iter().next().unwrap();
    let small = reduce::reduce(&start, &plan, seed, &failure);
    assert!(small.end_s() <= plan.end_s());
    assert!(run(&start, &small, seed).unwrap().violations.iter().any(|v| v.is_like(&failure)));
}

#[test]
fn agents_that_obey_whatever_comes_are_found() {
    let mut start = Start::new(1).unwrap();
    start.plant.set_careless(Careless { of_leases: false, of_order: true });
    let found = found_on(&start, 16, 12);
    assert!(found.iter().any(|(.., v)| matches!(v, Violation::Order { .. })), "{found:?}");
}

#[test]
fn a_desk_that_keeps_a_dead_controllers_setpoints_is_found() {
    let forgetful = DsxConfig {
        heartbeat_timeout_ms: i64::MAX / 4,
        request_timeout_ms: i64::MAX / 4,
        ..DsxConfig::default()
    };
    let start = Start::with_desk(0, forgetful).unwrap();
    let found = found_on(&start, 18, 12);
    assert!(found.iter().any(|(.., v)| matches!(v, Violation::Setpoint { .. })), "{found:?}");
}

#[test]
fn the_same_seed_gives_the_same_lines_on_any_number_of_threads() {
    let one = lines(&Course { threads: 1, ..course(&[4, 14, 17, 18], true, 24) });
    let two = lines(&course(&[4, 14, 17, 18], true, 24));
    assert_eq!(one, two);
    for line in &one {
        let plan: Plan = line.plan.parse().unwrap();
        assert_eq!(plan.to_string(), line.plan, "what is written is what is run");
    }
}

#[test]
fn a_campaign_goes_on_where_it_stopped() {
    let folder = std::env::temp_dir().join(format!("headroom-faults-{}", std::process::id()));
    let path = folder.join("runs.jsonl");
    let course = course(&[18, 29], false, 12);
    let head = Head { format: 1, version: "1".to_owned(), seed: 7, rows: course.rows.clone(), pairs: false };
    let starts = Starts::default();
    let (results, none) = Results::open(&path, &head).unwrap();
    assert!(none.is_empty());
    let whole = campaign::all(&course, &starts, Some(results), none).unwrap();
    // It was killed while it wrote a line.
    let text = std::fs::read_to_string(&path).unwrap();
    let cut: String = text.lines().take(6).map(|l| format!("{l}\n")).collect();
    std::fs::write(&path, format!("{cut}{{\"run\":3,\"se")).unwrap();
    let (results, known) = Results::open(&path, &head).unwrap();
    assert_eq!(known.len(), 5);
    assert_eq!(campaign::all(&course, &starts, Some(results), known).unwrap(), whole);
    let (_, known) = Results::open(&path, &head).unwrap();
    assert_eq!(known.len(), 12);
    let other = Head { seed: 8, ..head };
    let told = Results::open(&path, &other).err().unwrap().to_string();
    assert!(told.contains("another campaign") && told.contains("line 1"), "{told}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_run_is_told() {
    for (text, told) in [
        ("4", "ROW.KIND@T+LEN"),
        ("4.silent@x+3", "ROW.KIND@T+LEN"),
        ("4.sulks@1+3", "row 4 has no `sulks`; it has: missing, silent"),
        ("4.silent@1+99999:CDU-01", "within an hour"),
        ("7.ahead@1+9=inf", "ROW.KIND@T+LEN"),
    ] {
        let error = format!("{:#}", text.parse::<Plan>().unwrap_err());
        assert!(error.contains(told), "{text}: {error}");
    }
    let start = Start::new(0).unwrap();
    let error = run(&start, &"4.silent@1+3:CDU-77".parse().unwrap(), 1).unwrap_err().to_string();
    assert!(error.contains("no `CDU-77` here; there is: ") && error.contains("CDU-01"), "{error}");
}
