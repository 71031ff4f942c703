use super::*;
use crate::tests::{Bench, CDU_SUPPLY, at, reports};
use headroom_site::command::SetpointCommand;

fn leases(bench: &Bench) -> Leases {
    Leases::new(&bench.site, Identity { who: "test".to_owned(), epoch: 7 })
}

fn ask(
    l: &mut Leases,
    bench: &Bench,
    mode: Mode,
    value: Option<f64>,
    s: f64,
) -> Option<(Option<f64>, u64, u64)> {
    let command = l.setpoint(&bench.site, CDU_SUPPLY, mode, value, at(s), || "why".to_owned())?;
    let Command::Setpoint(SetpointCommand { value, epoch, sequence, stamp, ttl_ms, .. }) = command else {
        panic!("{command:?}")
    };
    assert_eq!((epoch, stamp, ttl_ms), (7, at(s), 90_000));
    Some((value, sequence, epoch))
}

#[test]
fn advice_issues_nothing() {
    let mut bench = Bench::new("");
    bench.tick(0.0, &[], reports(0.0, [500.0; 4]));
    let mut l = leases(&bench);
    for mode in [Mode::Off, Mode::Fallback, Mode::Shadow, Mode::Advisory] {
        assert_eq!(ask(&mut l, &bench, mode, Some(31.0), 0.0), None, "{mode}");
        assert_eq!(caps(&mut l, &bench, mode, &held(500.0), 0.0), []);
    }
    assert_eq!((l.issued(), l.held(CDU_SUPPLY)), (0, None));
    assert!(ask(&mut l, &bench, Mode::Active, Some(31.0), 0.0).is_some());
    assert_eq!(caps(&mut l, &bench, Mode::Active, &held(500.0), 0.0).len(), 2);
}

#[test]
fn a_setpoint_is_sent_on_change_and_refreshed() {
    let bench = Bench::new("");
    let mut l = leases(&bench);
    let ask = |l: &mut Leases, value, s| ask(l, &bench, Mode::Active, value, s).map(|(v, n, _)| (v, n));
    assert_eq!(ask(&mut l, Some(31.0), 0.0), Some((Some(31.0), 1)));
    assert_eq!(ask(&mut l, Some(31.0), 29.0), None);
    assert_eq!(ask(&mut l, Some(31.0), 30.0), Some((Some(31.0), 2)));
    assert_eq!(ask(&mut l, Some(31.5), 31.0), Some((Some(31.5), 3)));
    assert_eq!(l.held(CDU_SUPPLY), Some(31.5));
    // Letting go is said once.
    assert_eq!(ask(&mut l, None, 32.0), Some((None, 4)));
    assert_eq!(ask(&mut l, None, 120.0), None);
}

#[test]
fn a_group_that_may_not_write_any_more_lets_go() {
    let bench = Bench::new("");
    let mut l = leases(&bench);
    assert!(ask(&mut l, &bench, Mode::Active, Some(31.0), 0.0).is_some());
    assert_eq!(ask(&mut l, &bench, Mode::Advisory, Some(31.0), 1.0), Some((None, 2, 7)));
    assert_eq!(l.held(CDU_SUPPLY), None);
}

/// Every GPU held at a cap.
fn held(cap_w: f64) -> CapProposal {
    CapProposal {
        cap_w: vec![cap_w; 4],
        lock_mhz: vec![None; 4],
        binds: true,
        infeasible: Vec::new(),
        solution: None,
    }
}

fn caps(l: &mut Leases, bench: &Bench, mode: Mode, proposal: &CapProposal, s: f64) -> Vec<CapCommand> {
    let mut out = Vec::new();
    l.caps(&bench.site, bench.snapshot(), mode, proposal, at(s), &mut out);
    out.into_iter()
        .map(|c| match c {
            Command::Caps(c) => c,
            Command::Setpoint(_) => panic!("{c:?}"),
        })
        .collect()
}

/// Bench and leases with both nodes heard.
fn heard() -> (Bench, Leases) {
    let mut bench = Bench::new("");
    bench.tick(0.0, &[], reports(0.0, [500.0; 4]));
    let l = leases(&bench);
    (bench, l)
}

fn watts(commands: &[CapCommand]) -> Vec<Option<f32>> {
    commands.iter().flat_map(|c| c.gpus.iter().map(|g| g.cap_w)).collect()
}

#[test]
fn caps_have_a_deadband_that_does_not_creep() {
    let (bench, mut l) = heard();
    let mut ask = |w: f64, s: f64| watts(&caps(&mut l, &bench, Mode::Active, &held(w), s));
    // Whole watts, downward.
    assert_eq!(ask(600.7, 0.0), [Some(600.0); 4]);
    assert_eq!(ask(595.0, 1.0), []);
    // Refreshed before a third of the lease's 30 s is over, with what was asked before.
    assert_eq!(ask(595.0, 9.9), []);
    assert_eq!(ask(590.0, 10.0), [Some(600.0); 4]);
    assert_eq!(ask(587.0, 11.0), [Some(587.0); 4]);
}

#[test]
fn what_does_not_bind_any_more_is_let_go_once() {
    let (bench, mut l) = heard();
    assert_eq!(caps(&mut l, &bench, Mode::Active, &held(600.0), 0.0).len(), 2);
    let free = CapProposal { binds: false, ..held(700.0) };
    assert_eq!(watts(&caps(&mut l, &bench, Mode::Active, &free, 1.0)), [None; 4]);
    assert_eq!(caps(&mut l, &bench, Mode::Active, &free, 60.0), []);
}

#[test]
fn a_new_start_of_an_agent_is_told_at_once() {
    let (mut bench, mut l) = heard();
    assert_eq!(caps(&mut l, &bench, Mode::Active, &held(600.0), 0.0).len(), 2);
    let mut nodes = reports(1.0, [500.0; 4]);
    nodes[1].boot = 2;
    nodes[1].sequence = 1;
    bench.tick(1.0, &[], nodes);
    let sent = caps(&mut l, &bench, Mode::Active, &held(600.0), 1.0);
    assert_eq!(sent.len(), 1);
    assert_eq!((&*sent[0].node, sent[0].echo_boot, sent[0].echo_mono_ns), ("n2", 2, 2_000_000_000));
}

#[test]
fn a_silent_node_is_not_addressed() {
    let (mut bench, mut l) = heard();
    bench.tick(10.0, &[], reports(10.0, [500.0; 4])[..1].to_vec());
    let sent = caps(&mut l, &bench, Mode::Active, &held(600.0), 10.0);
    assert_eq!(sent.iter().map(|c| &*c.node).collect::<Vec<_>>(), ["n1"]);
}

/// Caps that nobody has touched since are not looked at again; what is sent is the same.
#[test]
fn a_solution_that_still_serves_is_leased_as_one_that_is_new() {
    let (mut bench, mut knowing) = heard();
    let mut asking = leases(&bench);
    let mut sent = 0;
    for second in 0_u32..200 {
        let s = f64::from(second);
        // One node is silent for a while, during which the solution changes, and starts anew later.
        let mut nodes = reports(s, [500.0; 4]);
        if (40..80).contains(&second) {
            nodes.truncate(1);
        } else if second >= 120 {
            nodes[1].boot = 2;
        }
        bench.tick(s, &[], nodes);
        let solution = u64::from(second / 25);
        let watts = [600.0, 600.0, 450.0, 455.0, 700.0, 500.0, 500.0, 300.0][solution as usize];
        let proposal = CapProposal { binds: watts < 700.0, ..held(watts) };
        let known = CapProposal { solution: Some(solution), ..proposal.clone() };
        let mode = if (150..160).contains(&second) { Mode::Advisory } else { Mode::Active };
        let commands = caps(&mut knowing, &bench, mode, &known, s);
        assert_eq!(commands, caps(&mut asking, &bench, mode, &proposal, s), "{second} s");
        sent += commands.len();
    }
    assert!(sent > 20, "{sent}");
}
