//! The steps of a test: what is moved, by how much, and by which public way.
//!
//! Responsible for: events, wants and instructions of each step. Not for: running them (`run`).

use anyhow::{Result, anyhow};
use headroom_core::Wants;
use headroom_sim::scenario::{Event, Scenario};
use headroom_site::{ActuatorId, Instruction, InstructionKind, Site, Stamp};
use serde::Serialize;

/// Time that plant and controller settle before the step, s.
pub(super) const SETTLE_S: f64 = 7200.0;
/// What all GPUs do in every run, of dense work: whatever is not stepped is held.
const LOAD: &str = "80 %";
/// And during the load step.
const LOW_LOAD: &str = "40 %";
/// Rise of the outdoor dry bulb, K; moisture comes along.
const WARMER_K: f64 = 5.0;
/// How much more headroom is wanted than there is, K.
const MORE_K: f64 = 4.0;
/// How far a setpoint is moved, largest single changes of it.
const CHANGES: f64 = 3.0;

/// One thing that is moved away, and back when it has been watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// Nothing at all: what the others are held against, and a cycle that needs no step.
    Standing,
    /// Another controller takes over with the same policy, twice: what `Reference` is held against.
    Takeover,
    /// All GPUs do half, and again what they did.
    Load,
    /// Warmer air outside, and again what it was.
    Weather,
    /// Another controller takes over whose policy wants more headroom than there is, and then one with the policy as it was.
    Reference,
    /// An operator accepts less of the setpoints of a kind, and then says no more of them.
    Setpoint(String),
}

impl Step {
    /// Every step of a site; each kind of setpoint is one.
    pub(super) fn all(site: &Site) -> Vec<Self> {
        let mut steps = vec![Self::Standing, Self::Takeover, Self::Load, Self::Weather, Self::Reference];
        for actuator in 0..site.actuators.len() {
            let step = Self::Setpoint(kind(site, actuator));
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        steps
    }

    /// What it is held against; none for what is not looked at by itself.
    pub(super) fn twin(&self) -> Option<Self> {
        match self {
            Self::Standing | Self::Takeover => None,
            Self::Reference => Some(Self::Takeover),
            _ => Some(Self::Standing),
        }
    }

    /// Name in tables.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Standing => "standing".to_owned(),
            Self::Takeover => "takeover".to_owned(),
            Self::Load => "load".to_owned(),
            Self::Weather => "weather".to_owned(),
            Self::Reference => "reference".to_owned(),
            Self::Setpoint(kind) => format!("setpoint {kind}"),
        }
    }

    /// What is done, in words.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Standing => format!("nothing is moved; all GPUs at {LOAD} of dense work, as in every run"),
            Self::Takeover => "a controller takes over, twice".to_owned(),
            Self::Load => format!("all GPUs go from {LOAD} of dense work down to {LOW_LOAD}, and back up"),
            Self::Weather => {
                format!("the outdoor dry bulb is {WARMER_K} K higher, moisture comes along, and back")
            }
            Self::Reference => format!(
                "{MORE_K} K more headroom of the GPUs are wanted than there are, and again what the policy says"
            ),
            Self::Setpoint(kind) => format!(
                "an operator accepts {kind} only {CHANGES} largest changes short of where it stands, and then leaves it to the strategy"
            ),
        }
    }

    /// Events of the world, before and after those of its own scenario: work that is held, and the step.
    ///
    /// # Errors
    /// The harness has no such event.
    pub(super) fn events(&self, watch_s: f64) -> Result<[Vec<Event>; 2]> {
        let burn = |load: &str| {
            format!("kind = \"load-square\"\ndevice = \"site\"\nlow = \"{load}\"\nhigh = \"{load}\"\n")
        };
        let step = match self {
            Self::Load => burn(LOW_LOAD),
            Self::Weather => format!("kind = \"heat-wave\"\nrise = \"{WARMER_K} K\"\n"),
            _ => String::new(),
        };
        let held = read(&format!("at = \"0 s\"\n{}", burn(LOAD)))?;
        if step.is_empty() {
            return Ok([held, Vec::new()]);
        }
        Ok([held, read(&format!("at = \"{SETTLE_S} s\"\nfor = \"{watch_s} s\"\n{step}"))?])
    }

    /// Wants of the controller that takes over, if one does, where the GPUs have so much headroom, K.
    pub(super) fn takeover(&self, wants: &Wants, out: bool, least_k: Option<f64>) -> Option<Wants> {
        let mut wants = wants.clone();
        match self {
            Self::Takeover => {}
            Self::Reference if out => wants.gpu_margin_k = least_k.unwrap_or(wants.gpu_margin_k) + MORE_K,
            Self::Reference => {}
            _ => return None,
        }
        Some(wants)
    }

    /// Instructions of the operator; `stands` says where each setpoint stands, base unit.
    pub(super) fn instructions(
        &self,
        site: &Site,
        stands: impl Fn(usize) -> Option<f64>,
        until: Stamp,
    ) -> Vec<Instruction> {
        let Self::Setpoint(wanted) = self else { return Vec::new() };
        let of = |(n, a): (usize, &headroom_site::model::Actuator)| {
            let (low, high) = a.range;
            let value = (stands(n)? - a.saves.sign() * CHANGES * a.step).clamp(low, high);
            let kind = InstructionKind::Accept(value);
            Some(Instruction { actuator: ActuatorId(n as u32), kind, until })
        };
        let ours = site.actuators.iter().enumerate().filter(|(n, _)| kind(site, *n) == *wanted);
        ours.filter_map(of).collect()
    }
}

/// One event.
fn read(event: &str) -> Result<Vec<Event>> {
    let read = Scenario::parse(&format!("name = \"step\"\nhours = 1.0\n[[event]]\n{event}"));
    Ok(read.map_err(|e| anyhow!(e.first().map_or(String::new(), ToString::to_string)))?.events)
}

/// Kind of a setpoint: its group, and what of it is set.
pub(super) fn kind(site: &Site, actuator: usize) -> String {
    let a = &site.actuators[actuator];
    let what = a.id.rsplit('/').next().unwrap_or(&a.kind);
    format!("{} {what}", a.group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_one_of_the_harness() {
        for (step, count) in [(Step::Load, 1), (Step::Weather, 1), (Step::Standing, 0), (Step::Reference, 0)]
        {
            let [held, events] = step.events(1800.0).unwrap();
            assert!(held.len() == 1 && held[0].active_for_s(1e6).is_some());
            assert_eq!(events.len(), count, "{}", step.name());
            for event in events {
                assert!(
                    event.active_for_s(SETTLE_S - 1.0).is_none() && event.active_for_s(SETTLE_S).is_some()
                );
                assert!(event.active_for_s(SETTLE_S + 1801.0).is_none());
            }
        }
    }
}
