//! Many controllers, pauses, lost and late requests, under seeds: never two that may write, never an epoch twice.

use super::*;
use crate::election::record::{Carried, Holder};

const TERM: u64 = 3_000_000_000;
const MS: u64 = 1_000_000;

/// A small generator (splitmix64), so that a seed means one course.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}

#[derive(Clone)]
struct Asked {
    what: Next,
    epoch: u64,
    begun: u64,
    /// When the store carries it out, and when its answer is there; given up before that if later than patience.
    done: u64,
    answered: u64,
    result: Option<(Option<(u64, Record)>, Swapped)>,
}

struct Party {
    candidate: Candidate,
    asked: Option<Asked>,
    /// It stands still until then.
    paused: u64,
    /// Requests that were given up and are still on their way.
    late: Vec<Asked>,
}

struct Course {
    dice: Dice,
    now: u64,
    record: Option<(u64, Record)>,
    revision: u64,
    parties: Vec<Party>,
    epochs: Vec<u64>,
    takes: u32,
    cut: u64,
}

const PATIENCE: u64 = 600 * MS;

impl Course {
    fn new(seed: u64, parties: usize) -> Self {
        let party = |i: usize| Party {
            candidate: Candidate::new(&format!("c{i}"), TERM),
            asked: None,
            paused: 0,
            late: Vec::new(),
        };
        Self {
            dice: Dice(seed),
            now: TERM,
            record: None,
            revision: 0,
            parties: (0..parties).map(party).collect(),
            epochs: Vec::new(),
            takes: 0,
            cut: 0,
        }
    }

    fn carry_out(&mut self, i: usize, asked: &Asked) -> (Option<(u64, Record)>, Swapped) {
        let (seen, epoch) = match asked.what {
            Next::Take { seen, .. } => (seen, asked.epoch),
            Next::Renew { seen, epoch } => (Some(seen), epoch),
            _ => return (self.record.clone(), Swapped::Refused),
        };
        if self.record.as_ref().map(|r| r.0) != seen {
            return (None, Swapped::Refused);
        }
        self.revision += 1;
        let holder = Holder { instance: format!("c{i}"), ..Holder::default() };
        self.record = Some((self.revision, Record::new(Some(holder), epoch, TERM / MS, Carried::default())));
        (None, Swapped::To(self.revision))
    }

    fn step(&mut self, i: usize) {
        let mut late = std::mem::take(&mut self.parties[i].late);
        late.retain(|asked| {
            let due = asked.done <= self.now;
            if due {
                self.carry_out(i, asked);
            }
            !due
        });
        self.parties[i].late = late;
        if let Some(mut asked) = self.parties[i].asked.take() {
            if asked.done <= self.now && asked.result.is_none() {
                asked.result = Some(self.carry_out(i, &asked));
            }
            self.parties[i].asked = Some(asked);
        }
        if self.now < self.parties[i].paused {
            return;
        }
        if self.dice.throw(4000) == 0 {
            self.parties[i].paused = self.now + self.dice.throw(3 * TERM);
            return;
        }
        self.answer(i);
        self.ask(i);
    }

    fn answer(&mut self, i: usize) {
        let now = self.now;
        let party = &mut self.parties[i];
        let Some(asked) = party.asked.take() else { return };
        if now < asked.answered && now < asked.begun + PATIENCE {
            party.asked = Some(asked);
            return;
        }
        let span = (asked.begun, now);
        match (asked.answered <= asked.begun + PATIENCE, asked.result.clone()) {
            (true, Some((found, swapped))) => match asked.what {
                Next::Read => party.candidate.read(now, found.as_ref().map(|(r, x)| (*r, x)), true),
                Next::Take { .. } => party.candidate.taken(span, asked.epoch, swapped),
                Next::Renew { .. } => party.candidate.renewed(span, swapped),
                Next::Idle(_) => {}
            },
            _ => {
                party.candidate.failed(now);
                if asked.result.is_none() {
                    party.late.push(asked);
                }
            }
        }
    }

    fn ask(&mut self, i: usize) {
        if self.parties[i].asked.is_some() {
            return;
        }
        let what = self.parties[i].candidate.next(self.now);
        let epoch = match what {
            Next::Idle(_) => return,
            Next::Take { above, .. } => above + 1,
            _ => 0,
        };
        // Mostly quick, at times slow, at times cut off.
        let slow = if self.dice.throw(20) == 0 { 2 * TERM } else { 40 * MS };
        let held_up = self.cut.saturating_sub(self.now);
        let done = self.now + held_up + self.dice.throw(slow);
        let answered = done + self.dice.throw(slow / 4);
        self.parties[i].asked = Some(Asked { what, epoch, begun: self.now, done, answered, result: None });
    }

    /// Runs for some minutes; how often the lead was taken.
    fn run(mut self, seed: u64) -> u32 {
        let mut leader = None;
        while self.now < 200 * TERM {
            self.now += 10 * MS;
            if self.dice.throw(3000) == 0 {
                self.cut = self.now + self.dice.throw(3 * TERM);
            }
            for i in 0..self.parties.len() {
                self.step(i);
            }
            let leads: Vec<(usize, u64)> = (0..self.parties.len())
                .filter_map(|i| Some((i, self.parties[i].candidate.lead(self.now)?.epoch)))
                .collect();
            assert!(leads.len() < 2, "seed {seed}: {leads:?} at {} ms", self.now / MS);
            if let Some(lead) = leads.first().filter(|lead| leader != Some(**lead)) {
                assert!(
                    self.epochs.last().is_none_or(|last| *last < lead.1),
                    "seed {seed}: {:?} then {lead:?}",
                    self.epochs
                );
                self.epochs.push(lead.1);
                self.takes += 1;
                leader = Some(*lead);
            }
        }
        self.takes
    }
}

#[test]
fn never_do_two_lead_whatever_stands_still_or_arrives_late() {
    let takes: u32 = (0..60).map(|seed| Course::new(seed, 2 + (seed % 3) as usize).run(seed)).sum();
    println!("{takes} times the lead was taken");
    assert!(takes > 600, "{takes}: the courses must have something to show");
}

#[test]
fn a_leader_stops_before_its_record_may_be_taken() {
    let mut leads = Candidate::new("a", TERM);
    let mut waits = Candidate::new("b", TERM);
    leads.read(0, None, true);
    assert_eq!(leads.next(0), Next::Take { seen: None, above: 0 });
    leads.taken((0, 100), 1, Swapped::To(1));
    let holder = Holder { who: "a".into(), instance: "a".into(), ..Holder::default() };
    let record = Record::new(Some(holder), 1, TERM / MS, Carried::default());
    let mut taken = None;
    let mut at = 100;
    while taken.is_none() {
        waits.read(at, Some((1, &record)), true);
        taken = matches!(waits.next(at), Next::Take { .. }).then_some(at);
        at += waits.pause();
    }
    assert_eq!(leads.lead(TERM / 2 - 1).map(|l| l.epoch), Some(1));
    assert!(leads.lead(TERM / 2).is_none(), "it has stopped by itself");
    assert!(taken.unwrap() >= 100 + TERM, "{taken:?}");
    assert_eq!(leads.next(TERM), Next::Read);
    assert_eq!(leads.lost(), Some(Lost::Lapsed));
}

#[test]
fn one_that_is_not_fit_lets_others_go_first_and_one_that_is_retired_never_takes() {
    let record = Record::new(None, 7, TERM / MS, Carried::default());
    let mut unfit = Candidate::new("u", TERM);
    unfit.read(0, Some((3, &record)), false);
    assert!(matches!(unfit.next(0), Next::Idle(_)));
    unfit.read(TERM, Some((3, &record)), false);
    assert_eq!(unfit.next(TERM), Next::Take { seen: Some(3), above: 7 });
    let mut retired = Candidate::new("r", TERM);
    retired.retire();
    retired.read(0, Some((3, &record)), true);
    assert!(matches!(retired.next(0), Next::Idle(_)));
    // What cannot be read is no sign that nobody leads.
    let mut blind = Candidate::new("b", TERM);
    for k in 0..100 {
        blind.failed(k * TERM);
        assert!(!matches!(blind.next((k + 1) * TERM), Next::Take { .. }));
    }
}
