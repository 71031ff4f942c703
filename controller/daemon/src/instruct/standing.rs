//! What stands of all that operators said, as the line takes it.
//!
//! Responsible for: reading the file when it has changed, the last word on each setpoint, and its time. Not for: what the line
//! makes of it.

use super::said::{self, FILE, Said, Word};
use headroom_core::Wants;
use headroom_site::{Instruction, InstructionKind, Site, Span, Stamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// For so long the line is told that a setpoint was left to it.
const LEFT: Span = Span::from_ms(60_000);
/// No end.
const NEVER: Stamp = Stamp::from_tai_ns(i64::MAX);

/// The last word on each setpoint.
#[derive(Debug)]
pub(crate) struct Standing {
    state: PathBuf,
    /// Length and time of the file that was read last.
    read: Option<(u64, SystemTime)>,
    last: BTreeMap<usize, (Instruction, Said)>,
}

impl Standing {
    pub(crate) fn new(state: &Path) -> Self {
        Self { state: state.to_owned(), read: None, last: BTreeMap::new() }
    }

    /// Reads the file if it has changed; true if it has.
    pub(crate) fn look(&mut self, site: &Site, wants: &Wants) -> bool {
        let found = std::fs::metadata(self.state.join(FILE)).ok();
        let now = found.and_then(|m| Some((m.len(), m.modified().ok()?)));
        if now == self.read {
            return false;
        }
        self.read = now;
        let (said, wrong) = said::all(&self.state);
        if let Some(why) = wrong {
            tracing::error!(
                "what operators said after that is not known: {why}; put the file aside and say it again"
            );
        }
        self.last.clear();
        for s in said {
            let Some(a) = site.actuators.iter().position(|a| a.id == s.actuator) else {
                tracing::warn!(actuator = %s.actuator, "an instruction is of a setpoint that the site file does not know");
                continue;
            };
            match instruction(site, wants, a, &s) {
                Some(instruction) => self.last.insert(a, (instruction, s)),
                None => self.last.remove(&a),
            };
        }
        true
    }

    /// What stands at an instant, for the line.
    pub(crate) fn instructions(&self, now: Stamp, out: &mut Vec<Instruction>) {
        out.clear();
        out.extend(self.last.values().map(|(i, _)| *i).filter(|i| now < i.until));
    }

    /// The last word on each setpoint.
    pub(crate) fn last_words(&self) -> Vec<Said> {
        self.last.values().map(|(_, said)| said.clone()).collect()
    }

    /// Who said what stands of a setpoint.
    pub(crate) fn of(&self, actuator: usize, now: Stamp) -> Option<&Said> {
        let stands = |(i, _): &&(Instruction, Said)| now < i.until && i.kind != InstructionKind::Auto;
        self.last.get(&actuator).filter(stands).map(|(_, said)| said)
    }
}

/// An instruction as the line takes it; none for one that says nothing.
fn instruction(site: &Site, wants: &Wants, actuator: usize, said: &Said) -> Option<Instruction> {
    let unit = site.actuators[actuator].unit;
    let kind = match said.word {
        Word::Accept => InstructionKind::Accept(unit.to_base(said.value.filter(|v| v.is_finite())?)),
        Word::Reject => InstructionKind::Reject,
        Word::Hold => InstructionKind::Hold,
        Word::Auto => InstructionKind::Auto,
    };
    let end = said.until_unix_ms.map_or(NEVER, Stamp::from_unix_ms);
    let until = if said.word == Word::Auto { Stamp::from_unix_ms(said.unix_ms) + LEFT } else { end };
    // No acceptance commands for longer than the policy says.
    let most = wants.accept.filter(|_| said.word == Word::Accept);
    let until = most.map_or(until, |most| until.min(Stamp::from_unix_ms(said.unix_ms) + most));
    Some(Instruction { actuator: headroom_site::ActuatorId(actuator as u32), kind, until })
}
