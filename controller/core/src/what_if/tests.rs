use super::*;
use crate::line::tests::{inbox, line};
use crate::tests::{CDU_DP, CDU_SUPPLY, FWS_SUPPLY, at, reading};
use headroom_site::Command;

/// A line that has looked for so long that its beliefs have settled.
fn settled(more: &str) -> Line {
    let mut line = line(more);
    for s in 0..200 {
        let s = f64::from(s);
        let mut heard = inbox(line.site(), s.min(59.0));
        heard.readings.iter_mut().for_each(|r| r.stamp = at(s));
        heard.nodes = crate::tests::reports(s, [520.0; 4]);
        heard.readings.push(reading(line.site(), "cdu-valve", s, 0.5));
        line.tick(&heard, at(s));
    }
    line
}

#[test]
fn warmer_water_is_felt_kelvin_for_kelvin() {
    let line = settled("");
    let effect = line.what_if(Change::Setpoint { actuator: CDU_SUPPLY, value: 32.0 }).unwrap();
    let heat = effect.heat.unwrap();
    assert_eq!(heat.gpus, 4);
    for room in [heat.present.unwrap(), heat.full.unwrap()] {
        assert!((room.before_k - room.after_k - 2.0).abs() < 1e-9, "{room:?}");
    }
    let own = line.estimate().kelvins(heat.full.unwrap().of).unwrap()[1];
    assert!(
        (heat.full.unwrap().before_k - own).abs() < 0.5,
        "the room that decides is the same: {heat:?} {own}"
    );
    // For certain nothing is saved: what is upstream would have to follow. Leakage has its price.
    let (least, most) = effect.facility_w.unwrap();
    assert!(least < 0.0 && most == 0.0, "{least} {most}");
    let ((_, _), costs) = line.worth(CDU_SUPPLY, 30.0);
    assert!((effect.leakage_w.unwrap() - 2.0 * costs).abs() < 1e-9 && costs > 0.0);
    // Warmer water needs more flow.
    let flow = heat.flow.unwrap();
    assert!(flow.after_k < flow.before_k, "{flow:?}");
    // The way back is the same with the other sign.
    let back = line.what_if(Change::Setpoint { actuator: CDU_SUPPLY, value: 28.0 }).unwrap();
    assert_eq!(back.facility_w.map(|(a, b)| (-b, -a)), Some((least, most)).map(|(a, b)| (a, b + 0.0)));
    assert!(back.leakage_w.unwrap() < 0.0);
}

#[test]
fn less_pressure_is_less_flow_by_its_root() {
    let line = settled("");
    let effect = line.what_if(Change::Setpoint { actuator: CDU_DP, value: 40.0 }).unwrap();
    let share = (40.0_f64 / 90.0).sqrt();
    // Pumps: 2 kW that go with the cube of the flow.
    let (least, most) = effect.facility_w.unwrap();
    let expected = -2_000.0 * (1.0 - share.powi(3));
    assert!((least - 1.4 * expected).abs() < 60.0 && (most - 0.6 * expected).abs() < 60.0, "{least} {most}");
    let heat = effect.heat.unwrap();
    assert!(heat.full.unwrap().after_k < heat.full.unwrap().before_k - 1.0, "{heat:?}");
    let cdu = line.site().equipment.iter().position(|e| e.id == "CDU-01").unwrap();
    let flow = line.what_if(Change::Flow { equipment: cdu, share }).unwrap().heat.unwrap();
    assert_eq!((flow.present, flow.full, flow.flow), (heat.present, heat.full, heat.flow));
    // Half of a pump pair is more than a rack's reserve here.
    let half = line.what_if(Change::Flow { equipment: cdu, share: 0.5 }).unwrap().heat.unwrap();
    assert!(half.flow.unwrap().after_k < flow.flow.unwrap().after_k);
    let fws = line.site().equipment.iter().position(|e| e.id == "FWS").unwrap();
    assert_eq!(
        line.what_if(Change::Flow { equipment: fws, share: 0.5 }),
        None,
        "its loops are asked instead"
    );
}

#[test]
fn a_loop_between_holds_its_own() {
    let line = settled("");
    let effect = line.what_if(Change::Setpoint { actuator: FWS_SUPPLY, value: 22.0 }).unwrap();
    let heat = effect.heat.unwrap();
    assert!(heat.held_between && heat.gpus == 0, "the valve stands at half: {heat:?}");
    // The chiller draws 10 kW, a tenth of it a kelvin and more where an economiser takes over.
    let (least, most) = effect.facility_w.unwrap();
    assert!(most == 0.0 && least < -1_900.0, "{least} {most}");
    let far = line.what_if(Change::Setpoint { actuator: FWS_SUPPLY, value: 32.0 }).unwrap();
    assert_eq!(far.heat.unwrap().gpus, 4, "so much it cannot hold off");
}

#[test]
fn a_cut_says_what_the_line_then_does() {
    let line = settled("");
    let now_w = line.estimate().branch_w[0];
    let cut = line.what_if(Change::Budget { branch: 0, watts: 0.8 * now_w }).unwrap().watts.unwrap();
    assert!(cut.held == 4 && !cut.infeasible && (cut.now_w - now_w).abs() < 1e-9, "{cut:?}");
    assert!(cut.then_w <= cut.budget_w + 1.0 && cut.then_w > 0.6 * now_w, "{cut:?}");
    assert_eq!(cut.jobs.len(), 2);
    let job = cut.jobs[0];
    assert!(job.then_mhz < job.now_mhz && job.tokens.0 < 1.0 && job.tokens.0 <= job.tokens.1, "{job:?}");
    // The line itself, given that limit, holds the same clocks.
    let mut told = settled("");
    let mut heard = inbox(told.site(), 200.0);
    heard.readings.iter_mut().for_each(|r| r.stamp = at(200.0));
    heard.nodes = crate::tests::reports(200.0, [520.0; 4]);
    heard.readings.push(reading(told.site(), "feed-limit", 200.001, 0.8 * now_w));
    let tick = told.tick(&heard, at(200.0));
    let caps = tick.commands.iter().filter(|c| matches!(c, Command::Caps(_))).count();
    let lowest = told.caps().lock_mhz.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let said = cut.jobs.iter().map(|j| j.then_mhz).fold(f64::INFINITY, f64::min);
    assert!(caps > 0 && (lowest - said).abs() < 16.0, "{lowest} {said}");
    // What cannot be had is said to be so; and more than now holds nobody.
    assert!(line.what_if(Change::Budget { branch: 0, watts: 500.0 }).unwrap().watts.unwrap().infeasible);
    let more = line.what_if(Change::Budget { branch: 0, watts: 2.0 * now_w }).unwrap().watts.unwrap();
    assert_eq!((more.held, more.jobs.len()), (0, 0));
}
