//! The controllers of a run: started, killed, hung, succeeded, ended by a full disk.
//!
//! Responsible for: what the daemon's process does around the straight line, with the daemon's own rule of what goes out
//! (`run::carry_out`), in virtual time. Not for: deciding.

use super::said;
use super::stage::{POLICY, Start, line};
use super::state::{Controller, State};
use super::ways::{Ways, Wires};
use crate::files::policy_text;
use crate::run::JOURNAL_EVERY;
use crate::run::turn::{carry_out, is_set_back, is_too_late};
use crate::virtual_plant::VirtualPlant;
use anyhow::{Result, anyhow};
use headroom_core::{Line, Tick};
use headroom_policies::read_policy;
use headroom_site::{Command, Inbox, Site, Span, Stamp};
use std::collections::BTreeMap;

/// A controller.
struct Life {
    line: Line,
    epoch: u64,
    inbox: Inbox,
    /// Decided and not written when it stood still.
    pending: Option<(Tick, Stamp)>,
    hung: bool,
    /// When the next tick is due, by its own clock.
    due: Option<Stamp>,
    /// When it last wrote into its journal.
    journalled: Option<Stamp>,
}

/// All controllers.
pub(super) struct House<'a> {
    start: &'a Start,
    lives: Vec<Life>,
    epoch: u64,
    /// Since when no controller has been there that could write.
    lost: Option<Stamp>,
    /// Nobody is to be started any more.
    closed: bool,
    was: Vec<Controller>,
    /// When each setpoint was decided, by epoch and sequence.
    decided: BTreeMap<(u64, u64), Stamp>,
}

impl<'a> House<'a> {
    /// With the controller that the plant has settled with.
    pub(super) fn new(start: &'a Start) -> Self {
        let mut house = Self {
            start,
            lives: Vec::new(),
            epoch: 1,
            lost: None,
            closed: false,
            was: Vec::new(),
            decided: BTreeMap::new(),
        };
        house.lives.push(Life::new(start.line.clone(), 1));
        house
    }

    /// The controller that has run longest.
    pub(super) fn line(&self) -> Option<&Line> {
        self.lives.first().map(|life| &life.line)
    }

    /// When each setpoint was decided, by epoch and sequence.
    pub(super) fn decided(&self) -> &BTreeMap<(u64, u64), Stamp> {
        &self.decided
    }

    /// Since when no controller has been there.
    pub(super) fn lost(&self) -> Option<Stamp> {
        self.lost
    }

    /// Every controller is told to end, as by a signal, and nobody is started.
    pub(super) fn let_go(&mut self, plant: &mut VirtualPlant) {
        self.closed = true;
        if self.lives.iter().any(|life| !life.hung) {
            headroom_site::Field::release(plant);
        }
        self.lives.clear();
        plant.die();
        self.lost.get_or_insert(plant.now());
    }

    /// A second of the house: who is there, what has arrived, what is decided and written.
    pub(super) fn step(
        &mut self,
        state: &State,
        plant: &mut VirtualPlant,
        ways: &mut Ways,
    ) -> Result<said::House> {
        let mut says = said::House::default();
        let now = plant.now();
        self.hand_out(now, state, plant, ways);
        let wanted = Wanted::of(&state.controllers, &self.was);
        says.refused_policy = wanted.policy.is_some_and(|which| refuses(&self.start.site, which));
        // The one that was succeeded is put away once it has had time to do harm; a sleeper stays and wakes.
        if wanted.second_ends && self.lives.len() > 1 {
            self.lives.remove(0);
        }
        if wanted.dead && !self.lives.is_empty() {
            self.lives.clear();
            plant.die();
        }
        let nobody = self.lives.is_empty() && !wanted.dead && wanted.torn.is_none() && !wanted.full;
        if !self.closed && (nobody || (wanted.second_begins && !self.lives.is_empty())) {
            self.begin();
        }
        if !wanted.hangs {
            self.wake(state, plant, ways)?;
        }
        self.tick(&wanted, state, plant, ways, &mut says)?;
        plant.set_stopped(self.lives.len() == 1 && self.lives[0].hung);
        self.was.clone_from(&state.controllers);
        let writes = self.lives.iter().any(|life| !life.hung && life.line.succeeded().is_none());
        self.lost = if writes { None } else { Some(self.lost.unwrap_or(now)) };
        Ok(says)
    }

    fn begin(&mut self) {
        self.epoch += 1;
        self.lives.push(Life::new(line(&self.start.site, &self.start.wants, self.epoch), self.epoch));
    }

    /// Hands what has arrived to everybody; what nobody takes is gone.
    fn hand_out(&mut self, now: Stamp, state: &State, plant: &mut VirtualPlant, ways: &mut Ways) {
        let mut raw = Inbox::default();
        headroom_site::Field::drain(plant, &mut raw);
        let made = std::mem::take(&mut raw.nodes);
        let nodes = ways.report(now, made, state);
        let skew = Span::from_s(state.clock_s);
        for life in &mut self.lives {
            let own = |at: Stamp| at + skew;
            life.inbox.readings.extend(raw.readings.iter().map(|r| match r.arrival {
                Some(at) => headroom_site::Reading { arrival: Some(own(at)), ..*r },
                // read by request: the stamp is ours
                None => headroom_site::Reading { stamp: own(r.stamp), ..*r },
            }));
            life.inbox.nodes.extend(nodes.iter().map(|r| {
                let mut report = r.clone();
                // agents stamp by their own clocks
                if skew != Span::ZERO || r.arrival.is_some() {
                    report.sent = r.sent.or(Some(r.stamp));
                    report.arrival = Some(own(r.arrival.unwrap_or(now)));
                }
                report
            }));
            let own = raw.receipts.iter().filter(|r| r.epoch == life.epoch);
            life.inbox.receipts.extend(own.cloned());
        }
    }

    /// The first one goes on, with what it was about to write when it stood still.
    fn wake(&mut self, state: &State, plant: &mut VirtualPlant, ways: &mut Ways) -> Result<()> {
        let Some(life) = self.lives.first_mut() else { return Ok(()) };
        life.hung = false;
        if let Some((tick, decided)) = life.pending.take() {
            let age = plant.now().since(decided);
            let period = self.start.site.power_period;
            let is_late = || is_too_late(age, period);
            carry_out(&tick, Ok(()), is_late, &mut Wires { plant, ways, state, left: None })?;
        }
        Ok(())
    }

    /// Ticks of whoever runs. Whoever is to stand still, or to die in the middle, does so in the first tick that has something to
    /// write.
    fn tick(
        &mut self,
        wanted: &Wanted,
        state: &State,
        plant: &mut VirtualPlant,
        ways: &mut Ways,
        says: &mut said::House,
    ) -> Result<()> {
        let now = plant.now() + Span::from_s(state.clock_s);
        let (mut ended, mut dies) = (Vec::new(), false);
        for (n, life) in self.lives.iter_mut().enumerate().filter(|(_, life)| !life.hung) {
            says.outcomes.extend(life.inbox.receipts.iter().map(|r| r.outcome.clone()));
            if life.is_set_back(now) {
                ended.push(n);
                continue;
            }
            let Some(tick) = life.due(now) else { continue };
            note(&mut self.decided, plant.now(), &tick);
            says.succeeded |= life.line.succeeded().is_some();
            let first_writes = n == 0 && !tick.commands.is_empty();
            if first_writes && wanted.hangs {
                (life.pending, life.hung) = (Some((tick, plant.now())), true);
                continue;
            }
            let torn = wanted.torn.filter(|_| first_writes);
            let left = torn.map(|share| (tick.commands.len() as f64 * share) as usize);
            let full = wanted.full && life.journals(&tick);
            let kept = if full { Err(anyhow!("no space left on device")) } else { Ok(()) };
            if carry_out(&tick, kept, || false, &mut Wires { plant, ways, state, left }).is_err() {
                ended.push(n);
            }
            dies |= torn.is_some();
        }
        for n in ended.into_iter().rev() {
            self.lives.remove(n);
            headroom_site::Field::release(plant);
            plant.die();
            says.ended = true;
        }
        if dies {
            self.lives.clear();
            plant.die();
        }
        Ok(())
    }
}

/// What is to become of the controllers in a second.
struct Wanted {
    dead: bool,
    /// Share of a tick's writes after which the first dies.
    torn: Option<f64>,
    hangs: bool,
    second_begins: bool,
    second_ends: bool,
    full: bool,
    /// Which policy is bent.
    policy: Option<f64>,
}

impl Wanted {
    fn of(now: &[Controller], was: &[Controller]) -> Self {
        let any = |all: &[Controller], is: fn(&Controller) -> bool| all.iter().any(is);
        let second = |c: &Controller| matches!(c, Controller::Second | Controller::Sleeper);
        let dead =
            |c: &Controller| matches!(c, Controller::Dead { writes: None } | Controller::BadPolicy { .. });
        Self {
            dead: any(now, dead),
            torn: now.iter().find_map(|c| match c {
                Controller::Dead { writes } => *writes,
                _ => None,
            }),
            hangs: any(now, |c| matches!(c, Controller::Hung | Controller::Sleeper)),
            second_begins: any(now, second) && !any(was, second),
            second_ends: was.contains(&Controller::Second) && !now.contains(&Controller::Second),
            full: now.contains(&Controller::DiskFull),
            policy: now.iter().find_map(|c| match c {
                Controller::BadPolicy { which } => Some(*which),
                _ => None,
            }),
        }
    }
}

impl Life {
    fn new(line: Line, epoch: u64) -> Self {
        Self { line, epoch, inbox: Inbox::default(), pending: None, hung: false, due: None, journalled: None }
    }

    /// Was its clock set back? The daemon ends then, and is started again.
    fn is_set_back(&self, now: Stamp) -> bool {
        self.due.is_some_and(|due| is_set_back(now, due, self.line.site().power_period))
    }

    /// The tick that is due, if one is; as the daemon has it, one that is late stands for all that were missed.
    fn due(&mut self, now: Stamp) -> Option<Tick> {
        let period = self.line.site().power_period;
        let due = *self.due.get_or_insert(now);
        if now < due {
            return None;
        }
        let late = now.since(due).ns() / period.ns();
        self.due = Some(due + Span::from_ns(period.ns() * (late + 1)));
        Some(self.decide(due))
    }

    /// Does a tick go into the journal? As the daemon has it: where it decides something, and now and then.
    fn journals(&mut self, tick: &Tick) -> bool {
        let due = self.journalled.is_none_or(|at| tick.stamp.since(at) >= JOURNAL_EVERY);
        let journals = due || !tick.commands.is_empty() || !tick.advice.is_empty();
        if journals {
            self.journalled = Some(tick.stamp);
        }
        journals
    }

    fn decide(&mut self, now: Stamp) -> Tick {
        let tick = self.line.tick(&self.inbox, now);
        self.inbox.clear();
        tick
    }
}

/// Notes when setpoints were decided.
fn note(decided: &mut BTreeMap<(u64, u64), Stamp>, now: Stamp, tick: &Tick) {
    for command in &tick.commands {
        if let Command::Setpoint(c) = command {
            decided.insert((c.epoch, c.sequence), now);
        }
    }
}

/// Is a policy file with one thing bent refused where it is loaded?
fn refuses(site: &Site, which: f64) -> bool {
    let Ok((file, text)) = policy_text(POLICY) else { return true };
    let bent = bend(&text, which);
    read_policy(&file, &bent).map_or(true, |policy| !policy.check_against(site, &file, &bent).is_empty())
}

/// Bends a line of a policy: a key nobody knows, a value without its unit, half a file.
fn bend(text: &str, which: f64) -> String {
    // any text is a name
    let is_text = |l: &&str| l.starts_with("name") || l.starts_with("description");
    let keys = text.lines().filter(|l| l.contains(" = ") && !l.starts_with('#'));
    let keys: Vec<&str> = keys.filter(|l| !is_text(l)).collect();
    let at = ((which.clamp(0.0, 0.999)) * 3.0 * keys.len() as f64) as usize;
    let (line, how) = (keys[at / 3], at % 3);
    let (key, _) = line.split_once(" = ").unwrap_or((line, ""));
    match how {
        0 => text.replacen(line, &format!("un{line}"), 1),
        1 => text.replacen(line, &format!("{key} = \"17 furlong\""), 1),
        _ => text[..text.find(line).unwrap_or(0) + key.len() / 2 + 1].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bent_policy_is_refused() {
        let start = Start::new(0).unwrap();
        for n in 0..200 {
            assert!(
                refuses(&start.site, f64::from(n) / 200.0),
                "{}",
                bend(&policy_text(POLICY).unwrap().1, f64::from(n) / 200.0)
            );
        }
    }
}
