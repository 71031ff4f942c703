//! What operators say of single setpoints.
//!
//! Responsible for: the mode that a setpoint has beside an instruction, and how far a proposal may go. Not for: who may instruct
//! (the daemon), nor for limits (`headroom-guard`, which judges what is left here as ever).
//!
//! | instruction | in a group that commands | in one that only advises |
//! | --- | --- | --- |
//! | accept up to x | relaxed no further than x | commanded no further than x, where the policy lets an acceptance do that |
//! | reject | relaxed no further than it stands | advised no further than it stands |
//! | hold | stays where it stands | stays where it stands |
//! | auto | as if nothing had been said; one that was held back or let go (`ladder`) is asked for again | the same |
//!
//! No instruction keeps a setpoint from what cools more, but a hold.

use super::Line;
use crate::propose::Why;
use crate::propose::cooling::SetpointProposal;
use crate::wants::Wants;
use headroom_guard::Mode;
use headroom_site::model::Actuator;
use headroom_site::{Inbox, Instruction, InstructionKind, Stamp};

/// The instructions that stand, by actuator.
#[derive(Debug, Clone)]
pub(super) struct Instructed(Vec<Option<Instruction>>);

impl Instructed {
    pub(super) fn new(actuators: usize) -> Self {
        Self(vec![None; actuators])
    }

    fn of(&self, actuator: usize, now: Stamp) -> Option<InstructionKind> {
        self.0[actuator].filter(|i| now < i.until).map(|i| i.kind)
    }

    /// The mode of a setpoint beside what an operator has said of it.
    pub(super) fn mode(&self, wants: &Wants, actuator: usize, now: Stamp) -> (Mode, Option<InstructionKind>) {
        let mode = wants.actuator_mode[actuator];
        let instructed = self.of(actuator, now);
        let beside = match instructed {
            Some(InstructionKind::Hold) if mode == Mode::Active => Mode::Hold,
            Some(InstructionKind::Accept(_)) if mode == Mode::Advisory && wants.accept.is_some() => {
                Mode::Active
            }
            _ => mode,
        };
        (beside, instructed)
    }
}

impl Line {
    /// Takes what operators say now; a change is acted on at once.
    pub(super) fn take_instructions(&mut self, inbox: &Inbox, now: Stamp) {
        let before = |actuator: usize| self.instructed.of(actuator, now);
        let mut fresh = vec![None; self.instructed.0.len()];
        for instruction in inbox.instructions.iter().filter(|i| now < i.until) {
            if let Some(slot) = fresh.get_mut(instruction.actuator.index()) {
                *slot = Some(*instruction);
            }
        }
        // To be left to Headroom is said at an instant: said again, it counts again.
        let said_again = |a: usize| {
            let left = fresh[a].filter(|i: &Instruction| i.kind == InstructionKind::Auto);
            left.is_some() && left != self.instructed.0[a]
        };
        let changed = |a: &usize| before(*a) != fresh[*a].map(|i: Instruction| i.kind) || said_again(*a);
        let changes: Vec<usize> = (0..fresh.len()).filter(changed).collect();
        for &a in &changes {
            if fresh[a].is_some_and(|i| i.kind == InstructionKind::Auto) {
                self.ladder.leave(a, now);
            }
            // What was on its way to somewhere begins from where it stands.
            self.targets[a] = None;
        }
        if !changes.is_empty() {
            self.last_cooling = None;
        }
        self.instructed.0 = fresh;
    }

    /// What an operator has said of a setpoint, as of the last tick.
    #[must_use]
    pub fn instruction(&self, actuator: usize) -> Option<Instruction> {
        self.instructed.0.get(actuator).copied().flatten()
    }
}

/// A proposal as far as an instruction lets it go.
pub(super) fn within(
    actuator: &Actuator,
    instructed: Option<InstructionKind>,
    proposal: SetpointProposal,
) -> SetpointProposal {
    // One that nobody can read any more is on its way back, whatever was said.
    let Some(kind) = instructed.filter(|_| proposal.why != Why::HandBack) else { return proposal };
    let SetpointProposal { stands, value, .. } = proposal;
    let toward = actuator.saves.sign();
    let beyond = |a: f64, b: f64| toward * (a - b) > 0.0;
    let bound = match kind {
        InstructionKind::Auto => return proposal,
        InstructionKind::Hold | InstructionKind::Reject => stands,
        InstructionKind::Accept(most) if !beyond(stands, most) => most,
        // One that stands beyond what was accepted goes back there by its steps.
        InstructionKind::Accept(most) => stands + (most - stands).clamp(-actuator.step, actuator.step),
    };
    if kind != InstructionKind::Hold && !beyond(value, bound) {
        return proposal;
    }
    SetpointProposal { stands, value: bound, why: Why::Operator(kind) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{inbox, line};
    use super::*;
    use crate::lease::Identity;
    use crate::line::Tick;
    use crate::tests::{CDU_DP, CDU_SUPPLY, FWS_SUPPLY, at, reading, site, wants};
    use headroom_site::{ActuatorId, Command, Offered};

    const ACCEPT: &str = "[operator]\naccept = \"1 h\"\n";

    /// A line beside a plant that does what it is told.
    struct Beside {
        line: Line,
        stands: [f64; 3],
        s: f64,
        die_c: f32,
    }

    impl Beside {
        fn new(line: Line) -> Self {
            Self { line, stands: [30.0, 90.0, 20.0], s: 0.0, die_c: 50.0 }
        }

        fn advisory(more: &str) -> Self {
            let site = site();
            let mut wants = wants(&site, more);
            wants.actuator_mode.fill(Mode::Advisory);
            Self::new(Line::with_wants(&site, wants, Identity { who: "test".to_owned(), epoch: 1 }))
        }

        /// So many cooling ticks with these instructions; the last one.
        fn run(&mut self, ticks: usize, instructions: &[(usize, InstructionKind)]) -> Tick {
            let until = at(self.s) + headroom_site::Span::from_s(1e6);
            let mut last = None;
            for _ in 0..ticks {
                let mut heard = inbox(self.line.site(), self.s);
                for (id, i) in [("cdu-setpoint", 0), ("dp-setpoint", 1), ("fws-setpoint", 2)] {
                    heard.readings.push(reading(self.line.site(), id, self.s + 0.001, self.stands[i]));
                }
                for id in ["cdu-supply", "fws-supply"] {
                    let stands = self.stands[if id == "cdu-supply" { 0 } else { 2 }];
                    heard.readings.push(reading(self.line.site(), id, self.s + 0.001, stands));
                }
                heard.nodes.iter_mut().for_each(|n| {
                    n.gpus.iter_mut().for_each(|g| g.1.die_c = Offered::new(self.die_c));
                });
                heard.instructions = instructions
                    .iter()
                    .map(|&(a, kind)| Instruction { actuator: ActuatorId(a as u32), kind, until })
                    .collect();
                let tick = self.line.tick(&heard, at(self.s));
                for command in &tick.commands {
                    if let Command::Setpoint(c) = command
                        && let Some(value) = c.value
                    {
                        self.stands[c.actuator.index()] = value;
                    }
                }
                self.s += 30.0;
                last = Some(tick);
            }
            last.unwrap()
        }

        fn said(&self, actuator: usize) -> (Mode, Why) {
            let advice = self.line.advice().iter().find(|a| a.actuator == actuator).unwrap();
            (advice.mode, advice.proposal.why.clone())
        }
    }

    #[test]
    fn a_hold_keeps_what_would_move_and_nothing_else() {
        let (mut free, mut held) = (Beside::new(line("")), Beside::new(line("")));
        free.run(60, &[]);
        held.run(60, &[(CDU_DP, InstructionKind::Hold)]);
        assert!(free.stands[CDU_DP] < 80.0, "{:?}", free.stands);
        assert!((held.stands[CDU_DP] - 90.0).abs() < 1e-9);
        assert_eq!(held.said(CDU_DP), (Mode::Hold, Why::Operator(InstructionKind::Hold)));
        assert_eq!(held.said(CDU_SUPPLY), free.said(CDU_SUPPLY), "the others go on");
        // Taken back, it moves again.
        held.run(20, &[]);
        assert!(held.stands[CDU_DP] < 85.0, "{:?}", held.stands);
        assert_eq!(held.said(CDU_DP).0, Mode::Active);
    }

    #[test]
    fn a_rejection_keeps_from_relaxing_and_not_from_cooling() {
        let mut plant = Beside::new(line(""));
        plant.run(40, &[(CDU_DP, InstructionKind::Reject)]);
        assert!((plant.stands[CDU_DP] - 90.0).abs() < 1e-9);
        assert_eq!(plant.said(CDU_DP), (Mode::Active, Why::Operator(InstructionKind::Reject)));
        plant.die_c = 86.0;
        plant.run(20, &[(CDU_DP, InstructionKind::Reject)]);
        assert!(plant.stands[CDU_DP] > 95.0, "{:?} {:?}", plant.stands, plant.said(CDU_DP));
        assert!(matches!(plant.said(CDU_DP).1, Why::Tighten { .. }));
    }

    #[test]
    fn what_is_accepted_is_commanded_so_far_where_the_policy_lets_it() {
        let accept = [(CDU_DP, InstructionKind::Accept(70.0))];
        let mut recorded = Beside::advisory("");
        let setpoint = |c: &Command| matches!(c, Command::Setpoint(_));
        let silent = |_| !recorded.run(1, &accept).commands.iter().any(setpoint);
        assert!((0..40).all(silent), "the policy does not let it");
        let mut plant = Beside::advisory(ACCEPT);
        plant.run(5, &[]);
        let began = [30.0, 90.0, 20.0];
        let stays = |(a, b): (&f64, f64)| (a - b).abs() < 1e-9;
        assert!(plant.stands.iter().zip(began).all(stays), "nothing is accepted yet");
        plant.run(80, &accept);
        assert!((plant.stands[CDU_DP] - 70.0).abs() < 0.6, "{:?}", plant.stands);
        assert_eq!((plant.stands[CDU_SUPPLY], plant.stands[FWS_SUPPLY]), (30.0, 20.0), "it alone");
        assert_eq!(plant.said(CDU_DP).0, Mode::Active);
        // Less is accepted than where it stands: back by its steps.
        plant.run(40, &[(CDU_DP, InstructionKind::Accept(80.0))]);
        assert!((plant.stands[CDU_DP] - 80.0).abs() < 0.6, "{:?}", plant.stands);
        // Its time is over: relinquished in the tick that hears of it.
        let tick = plant.run(1, &[]);
        let let_go = |c: &Command| matches!(c, Command::Setpoint(c) if c.value.is_none() && c.actuator.index() == CDU_DP);
        assert!(tick.commands.iter().any(let_go), "{:?}", tick.commands);
    }

    #[test]
    fn an_acceptance_bounds_a_group_that_commands_and_opens_nothing_that_is_released() {
        let mut plant = Beside::new(line(""));
        plant.run(80, &[(CDU_DP, InstructionKind::Accept(70.0))]);
        assert!((plant.stands[CDU_DP] - 70.0).abs() < 0.6, "{:?}", plant.stands);
        let mut released = Beside::advisory(ACCEPT);
        released.line.take_wish(true, at(0.0));
        let mut heard = inbox(released.line.site(), 0.0);
        heard.released = true;
        let until = at(1e6);
        let kind = InstructionKind::Accept(60.0);
        heard.instructions = vec![
            Instruction { actuator: ActuatorId(CDU_DP as u32), kind, until },
            Instruction { actuator: ActuatorId(99), kind, until },
        ];
        assert!(released.line.tick(&heard, at(0.0)).commands.is_empty());
        assert!(released.line.tick(&heard, at(30.0)).commands.is_empty());
    }

    #[test]
    fn its_time_ends_by_itself() {
        let mut plant = Beside::new(line(""));
        let mut heard = inbox(plant.line.site(), 0.0);
        let actuator = ActuatorId(FWS_SUPPLY as u32);
        heard.instructions = vec![Instruction { actuator, kind: InstructionKind::Hold, until: at(45.0) }];
        for (s, mode) in [(0.0, Mode::Hold), (30.0, Mode::Hold), (60.0, Mode::Active)] {
            let told = Inbox { instructions: heard.instructions.clone(), ..inbox(plant.line.site(), s) };
            plant.line.tick(&told, at(s));
            assert_eq!(plant.said(FWS_SUPPLY).0, mode, "{s} s");
        }
    }
}
