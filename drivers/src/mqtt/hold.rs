//! Requests being held on a bus: said at once, said again each refresh, taken back when the lease ends.
//!
//! ```text
//!           command with value                 lease ends, command without value, release
//!  [free] ----------------------> [held] --------------------------------------------------> [free], one null
//!                                  |  ^ refresh, while the controller's beat is fresh
//!                                  +--+
//! ```
//! Where another controller leads, all is forgotten and nothing said: what stands is its.

use crate::context::{Held, receipt_of};
use headroom_site::command::{Receipt, SetpointCommand};
use headroom_site::{ActuatorId, Outcome, Site, Span};
use std::collections::BTreeMap;

/// Now: plant-monotonic ns, and whether the controller is alive and leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    pub(crate) mono_ns: u64,
    pub(crate) alive: bool,
    pub(crate) leads: bool,
}

/// A value to say, or `None` to withdraw.
pub(crate) type Say = (ActuatorId, Option<f64>);

/// What is held on one bus.
#[derive(Debug, Default)]
pub(crate) struct Holder {
    refresh: BTreeMap<ActuatorId, Span>,
    held: BTreeMap<ActuatorId, Held>,
}

impl Holder {
    pub(crate) fn new(site: &Site) -> Self {
        let refresh = site.actuators.iter().enumerate().map(|(i, a)| (ActuatorId(i as u32), a.refresh));
        Self { refresh: refresh.collect(), held: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// True if this actuator is held.
    pub(crate) fn holds(&self, actuator: ActuatorId) -> bool {
        self.held.contains_key(&actuator)
    }

    /// Forgets a setpoint that could not be said.
    pub(crate) fn forget(&mut self, actuator: ActuatorId) {
        self.held.remove(&actuator);
    }

    /// Takes a command. What is to be said, or why not.
    ///
    /// # Errors
    /// The receipt of a command that came too late.
    pub(crate) fn command(
        &mut self,
        command: &SetpointCommand,
        given_ns: u64,
        now_ns: u64,
    ) -> Result<Say, Receipt> {
        let Some(value) = command.value else {
            self.held.remove(&command.actuator);
            return Ok((command.actuator, None));
        };
        if now_ns.saturating_sub(given_ns) > command.ttl_ms.saturating_mul(1_000_000) {
            let why = "its lease ran out before it could be sent";
            return Err(receipt_of(command, Outcome::Failed(why.into())));
        }
        let refresh = self.period(command.actuator);
        self.held.insert(command.actuator, Held::new(command, value, refresh, given_ns, now_ns));
        Ok((command.actuator, Some(value)))
    }

    fn period(&self, actuator: ActuatorId) -> Span {
        self.refresh.get(&actuator).copied().unwrap_or_default().max(Span::from_ms(1))
    }

    /// What is due.
    pub(crate) fn tick(&mut self, now: Tick) -> Vec<Say> {
        let mut say = Vec::new();
        if !now.leads {
            self.held.clear();
        }
        let due: Vec<_> = self.held.iter().map(|(a, h)| (*a, *h)).collect();
        for (actuator, held) in due {
            if now.mono_ns >= held.expires_ns {
                self.held.remove(&actuator);
                say.push((actuator, None));
            } else if now.mono_ns >= held.refresh_ns && now.alive {
                let next = now.mono_ns.saturating_add(self.period(actuator).ns().cast_unsigned());
                if let Some(h) = self.held.get_mut(&actuator) {
                    h.refresh_ns = next;
                }
                say.push((actuator, Some(held.value)));
            }
        }
        say
    }

    /// Lets go of everything.
    pub(crate) fn release(&mut self) -> Vec<Say> {
        std::mem::take(&mut self.held).into_keys().map(|a| (a, None)).collect()
    }
}
