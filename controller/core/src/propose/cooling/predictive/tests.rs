//! The plan beside the small plant, whose supply follows its setpoint with a time constant of ten periods of 10 s.

use super::*;
use crate::outlook::Outlook;
use crate::propose::cooling::tests::Room;
use crate::propose::cooling::{Survey, least_headroom};
use crate::site_filter::tests::model;
use crate::tests::{CDU_DP, CDU_SUPPLY, reports};

/// A plant whose supply rests at 30 degC while its setpoint has stood at `set_c` for so long, with this much room before the worst GPU.
struct Planned {
    room: Room,
    filter: SiteFilter,
    set_c: f64,
}

impl Planned {
    fn new(spare_k: f64, set_c: f64, for_s: u32) -> Self {
        let mut room = Room::new(10_000.0, 32.0, spare_k);
        let mut filter = SiteFilter::new(&room.bench.site, &model("cdu-supply")).unwrap();
        let mut x = 30.0;
        for s in 1..=600_u32 {
            let (now, set) = (f64::from(s), if s > 600 - for_s { set_c } else { 30.0 });
            if s % 10 == 0 {
                x += 0.1 * (set - x);
            }
            let seen = [("cdu-supply", now, x), ("cdu-setpoint", now, set), ("fws-supply", now, 32.0)];
            let pressures = [("dp", now, 90.0), ("dp-setpoint", now, 90.0), ("chiller-power", now, 1e4)];
            room.bench.tick(now, &[&seen[..], &pressures].concat(), reports(now, [500.0; 4]));
            filter.look(room.bench.snapshot(), room.bench.estimator.last());
        }
        Self { room, filter, set_c }
    }

    /// The plan's outcome, what it makes of the supply's setpoint, and what the ordinary strategy would.
    fn plan(&self, with_model: bool) -> (Outcome, SetpointProposal, SetpointProposal) {
        let (b, mut predictive) = (&self.room.bench, Predictive::default());
        let mut survey = Survey::new(&b.site, &b.topology);
        let (snapshot, estimate) = (b.snapshot(), &self.room.e);
        let survey = survey.look(&b.site, &b.topology, snapshot, estimate);
        let (site, topology, wants) = (&b.site, &b.topology, &b.wants);
        let scene = Scene { site, topology, wants, snapshot, estimate, survey };
        let ordinary = least_headroom(&scene, CDU_SUPPLY, self.set_c, self.set_c);
        let mut proposals = vec![None; site.actuators.len()];
        proposals[CDU_SUPPLY] = Some((self.set_c, ordinary.clone()));
        let outlook = Outlook::new(site, topology, wants);
        let model = with_model.then_some(&self.filter);
        let outcome = predictive.plan(&scene, model, &outlook.futures, &mut proposals);
        assert!(proposals[CDU_DP].is_none());
        (outcome, proposals[CDU_SUPPLY].take().unwrap().1, ordinary)
    }
}

#[test]
fn room_is_used_within_the_hour_and_not_more_than_there_is() {
    let (outcome, planned, ordinary) = Planned::new(3.0, 30.0, 0).plan(true);
    assert!(matches!(ordinary.why, Why::Relax { .. }), "{ordinary:?}");
    let Outcome::Planned(report) = outcome else { panic!("{outcome:?}") };
    assert!(report.certificate.worst() < 1e-6, "{report:?}");
    let Why::Plan { slack_k, hour, by: Binds::Gpu(3) } = planned.why else { panic!("{planned:?}") };
    let step = planned.value - 30.0;
    assert!(step > 0.05 && step <= 0.5, "{planned:?}");
    assert!(hour > step && hour <= slack_k + 0.01, "{planned:?}");
}

#[test]
fn a_move_that_is_under_way_counts() {
    // Set 4 K warmer a minute ago: the water has come not half of the way, and there is 1.5 K of room.
    let planned = Planned::new(1.5, 34.0, 60);
    let (outcome, plan, ordinary) = planned.plan(true);
    assert!(matches!(outcome, Outcome::Planned(_)), "{outcome:?}");
    assert!(ordinary.value >= 34.0 - 1e-9, "it sees room, and waits at best: {ordinary:?}");
    // As fast as its ramp lets it, and by the hour as far as it has to.
    assert!((plan.value - 33.8).abs() < 1e-6, "{plan:?}");
    assert!(matches!(plan.why, Why::Plan { hour, .. } if hour < -0.8), "{plan:?}");
}

#[test]
fn without_a_model_the_ordinary_proposal_stands() {
    let (outcome, planned, ordinary) = Planned::new(3.0, 30.0, 0).plan(false);
    assert_eq!((outcome, planned), (Outcome::NoModel, ordinary));
}

#[test]
fn what_does_not_follow_its_setpoint_by_the_model_is_decided_as_ever() {
    let mut planned = Planned::new(3.0, 30.0, 0);
    let mut deaf = model("cdu-supply");
    deaf.b.entries[0].2 = 0.01;
    planned.filter = SiteFilter::new(&planned.room.bench.site, &deaf).unwrap();
    for s in 601..=640_u32 {
        let now = f64::from(s);
        let seen = [("cdu-supply", now, 30.0), ("cdu-setpoint", now, 30.0)];
        planned.room.bench.tick(now, &seen, reports(now, [500.0; 4]));
        planned.filter.look(planned.room.bench.snapshot(), planned.room.bench.estimator.last());
    }
    let (outcome, plan, ordinary) = planned.plan(true);
    assert_eq!((outcome, plan), (Outcome::NoModel, ordinary));
}
