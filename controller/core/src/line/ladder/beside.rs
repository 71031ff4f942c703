//! The ladder in the line: what is commanded and what is said, beside plants that follow, ignore, clamp, or trip.

use super::{Cause, HeldBack};
use crate::line::Line;
use crate::line::tests::{inbox, line};
use crate::tests::{CDU_DP, CDU_SUPPLY, FWS_SUPPLY, at, reading};
use headroom_guard::{Mode, Reason, Verdict};
use headroom_site::{ActuatorId, Command, Inbox, Instruction, InstructionKind};

/// A plant whose setpoints do as `does` says with what is asked of them.
struct Plant<D> {
    line: Line,
    stands: [f64; 3],
    asked: [Option<f64>; 3],
    does: D,
    /// What the point of its interlock says; none where it is a limit, as ever.
    trip: Option<Option<f64>>,
    s: f64,
    /// Each command to a setpoint: when, whose, and what.
    said: Vec<(f64, usize, Option<f64>)>,
}

impl<D: FnMut(usize, f64, Option<f64>) -> f64> Plant<D> {
    fn new(line: Line, does: D) -> Self {
        Self {
            line,
            stands: [30.0, 90.0, 20.0],
            asked: [None; 3],
            does,
            trip: None,
            s: 0.0,
            said: Vec::new(),
        }
    }

    fn run(&mut self, seconds: usize, more: impl Fn(&mut Inbox)) {
        for _ in 0..seconds {
            let site = self.line.site().clone();
            let mut heard = inbox(&site, self.s);
            for i in 0..3 {
                self.stands[i] = (self.does)(i, self.stands[i], self.asked[i]);
            }
            for (id, i) in [("cdu-setpoint", 0), ("dp-setpoint", 1), ("fws-setpoint", 2)] {
                heard.readings.retain(|r| Some(r.point) != site.point(id));
                heard.readings.push(reading(&site, id, self.s, self.stands[i]));
            }
            if let Some(trip) = self.trip {
                heard.readings.retain(|r| Some(r.point) != site.point("feed-limit"));
                heard.readings.extend(trip.map(|v| reading(&site, "feed-limit", self.s, v)));
            }
            more(&mut heard);
            for command in self.line.tick(&heard, at(self.s)).commands {
                if let Command::Setpoint(c) = command {
                    self.asked[c.actuator.index()] = c.value;
                    self.said.push((self.s, c.actuator.index(), c.value));
                }
            }
            self.s += 1.0;
        }
    }

    fn held_back(&self) -> Vec<(usize, Mode, bool)> {
        self.line.held_back().map(|HeldBack { actuator, mode, stays, .. }| (actuator, mode, stays)).collect()
    }

    fn last(&self, actuator: usize) -> (f64, Option<f64>) {
        let of = |(_, a, _): &&(f64, usize, Option<f64>)| *a == actuator;
        self.said.iter().rfind(of).map(|(s, _, v)| (*s, *v)).unwrap()
    }
}

/// As asked, else back to what the plant holds.
fn follows(i: usize, stands: f64, asked: Option<f64>) -> f64 {
    let (own, rate) = [(30.0, 0.006), (90.0, 0.1), (15.0, 0.006)][i];
    stands + (asked.unwrap_or(own) - stands).clamp(-rate, rate)
}

#[test]
fn a_plant_that_follows_is_never_held_back() {
    let mut plant = Plant::new(line(""), follows);
    plant.run(7_200, |_| ());
    assert!(plant.held_back().is_empty(), "{:?}", plant.held_back());
    assert!((plant.stands[CDU_DP] - 90.0).abs() > 5.0, "{:?}", plant.stands);
}

#[test]
fn one_that_ignores_is_held_then_let_go_and_the_others_go_on() {
    let ignores = |i: usize, stands: f64, asked| if i == CDU_DP { stands } else { follows(i, stands, asked) };
    let mut plant = Plant::new(line(""), ignores);
    let mut held = None;
    while plant.s < 600.0 && plant.held_back() != [(CDU_DP, Mode::Fallback, false)] {
        plant.run(1, |_| ());
        if plant.held_back() == [(CDU_DP, Mode::Hold, false)] {
            held.get_or_insert(plant.s);
        }
    }
    let first = plant.said.iter().find(|(_, a, v)| *a == CDU_DP && *v != Some(90.0)).unwrap().0;
    // 0.45 kPa at half of 2 kPa/min are 27 s, 5 s are on the way, and each look is a second.
    assert!((32.0..=36.0).contains(&(held.unwrap() - first)), "{held:?} {first}");
    assert!(plant.s <= held.unwrap() + 2.0, "{} {held:?}", plant.s);
    assert_eq!(plant.last(CDU_DP), (plant.s - 1.0, None), "let go in the tick that finds it");
    let cause = plant.line.held_back().next().unwrap().cause;
    assert!(
        matches!(cause, Cause::NotFollowed { asked, stands } if asked < 89.5 && stands > 89.9),
        "{cause}"
    );
    let said = |plant: &Plant<_>| {
        plant.line.advice().iter().find(|a| a.actuator == CDU_DP).map(|a| (a.mode, a.verdict))
    };
    let refused = Verdict::Refuse(Reason::Mode(Mode::Fallback));
    assert_eq!(said(&plant), Some((Mode::Fallback, refused)));
    assert!(plant.line.held(CDU_SUPPLY).is_some() && plant.line.held(FWS_SUPPLY).is_some());
    // A quarter of an hour later once more, from where it stands.
    let gone = plant.s;
    plant.run(899, |_| ());
    assert_eq!(plant.last(CDU_DP).1, None);
    plant.run(60, |_| ());
    let again = plant.said.iter().find(|(s, a, _)| *a == CDU_DP && *s > gone).copied().unwrap();
    assert_eq!(again.2, Some(90.0), "first what is read back");
}

#[test]
fn one_that_is_clamped_walks_home_before_it_is_let_go() {
    let clamps = |i: usize, stands: f64, asked: Option<f64>| {
        let moved = follows(i, stands, asked);
        if i == CDU_DP { moved.max(80.0) } else { moved }
    };
    let mut plant = Plant::new(line(""), clamps);
    while plant.s < 3_600.0 && plant.line.held(CDU_DP).is_none_or(|v| v > 79.0) {
        plant.run(1, |_| ());
    }
    plant.run(120, |_| ());
    let held = plant.line.held_back().next().unwrap();
    assert!(held.goes_home && held.mode == Mode::Hold, "{held:?}");
    let from = plant.s;
    plant.run(900, |_| ());
    assert_eq!(plant.held_back(), [(CDU_DP, Mode::Fallback, false)]);
    let way: Vec<f64> =
        plant.said.iter().filter(|(s, a, _)| *a == CDU_DP && *s > from).filter_map(|c| c.2).collect();
    assert!(way.len() > 5 && way.windows(2).all(|w| w[1] >= w[0]), "{way:?}");
    assert!(way.last().is_some_and(|v| *v >= 89.0), "{way:?}");
}

/// The same site, with the point `feed-limit` for an interlock of the pressure: any number but zero is one.
fn interlocked() -> Line {
    let mut line = line("");
    line.site.actuators[CDU_DP].interlock = vec![line.site.point("feed-limit").unwrap()];
    line
}

#[test]
fn an_interlock_lets_go_in_the_tick_that_hears_of_it() {
    let mut plant = Plant::new(interlocked(), follows);
    plant.trip = Some(Some(0.0));
    plant.run(595, |_| ());
    assert!(plant.held_back().is_empty() && plant.line.held(CDU_DP).is_some_and(|v| v < 85.0));
    plant.trip = Some(Some(1.0));
    plant.run(1, |_| ());
    assert_eq!(plant.last(CDU_DP), (595.0, None));
    let advice = plant.line.advice().iter().find(|a| a.actuator == CDU_DP).unwrap();
    assert_eq!(advice.verdict, Verdict::Refuse(Reason::Interlock));
    plant.run(600, |_| ());
    assert_eq!((plant.last(CDU_DP).0, plant.stands[CDU_DP]), (595.0, 90.0));
    plant.trip = Some(Some(0.0));
    plant.run(890, |_| ());
    assert_eq!(plant.held_back(), [(CDU_DP, Mode::Fallback, false)], "cleared is not enough");
    plant.run(60, |_| ());
    assert!(plant.held_back().is_empty() && plant.line.held(CDU_DP).is_some());
    // Nobody says any more whether it stands.
    plant.trip = Some(None);
    plant.run(300, |_| ());
    assert_eq!(plant.held_back(), [(CDU_DP, Mode::Hold, false)]);
}

#[test]
fn an_operator_leaves_it_to_headroom_again() {
    let ignores = |i: usize, stands: f64, asked| if i == CDU_DP { stands } else { follows(i, stands, asked) };
    let mut plant = Plant::new(line(""), ignores);
    plant.run(300, |_| ());
    assert_eq!(plant.held_back(), [(CDU_DP, Mode::Fallback, false)]);
    let actuator = ActuatorId(CDU_DP as u32);
    let auto = |until: f64| {
        let said = Instruction { actuator, kind: InstructionKind::Auto, until: at(until) };
        move |heard: &mut Inbox| heard.instructions.push(said)
    };
    plant.run(1, auto(360.0));
    assert!(plant.held_back().is_empty() && plant.line.held(CDU_DP) == Some(90.0));
    // Said once it counts once, for as long as it stands; said again it counts again.
    plant.run(200, auto(360.0));
    assert_eq!(plant.held_back(), [(CDU_DP, Mode::Fallback, false)]);
    plant.run(1, auto(560.0));
    assert!(plant.held_back().is_empty());
    // Let go and taken again, the same.
    plant.run(200, |_| ());
    assert_eq!(plant.held_back(), [(CDU_DP, Mode::Fallback, false)]);
    plant.run(5, |heard| heard.released = true);
    assert!(plant.held_back().is_empty(), "nothing is commanded at all");
    plant.run(5, |_| ());
    assert!(plant.held_back().is_empty() && plant.line.held(CDU_DP) == Some(90.0));
}
