//! Commanding a device: local? -> enable -> timer -> setpoint -> read back.
//!
//! ```text
//!            command with value                 lease ends, command without value, release
//!  [free] ----------------------> [held] --------------------------------------------------> [free]
//!                                  |  ^  refresh: the same sequence again, while the beat is fresh
//!                                  +--+
//! ```
//!
//! What happens when we fall silent is the device's own doing: the timer runs out, or the heartbeat stands
//! still, and the local setpoint returns. Where a device has neither enable nor timer, relinquishing writes the
//! actuator's fallback, since nothing else would.

use super::decode::{decode, encode};
use super::link::{Link, LinkError, single};
use super::plan::width;
use headroom_site::model::{Actuator, ModbusSpec, RegisterSpace, Remote};
use headroom_site::quantity::Unit;
use headroom_site::{ActuatorId, Outcome, Span};
use std::collections::BTreeMap;

/// Where an actuator's value goes.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    pub(super) register: usize,
    pub(super) unit: Unit,
    pub(super) refresh: Span,
    /// Base unit.
    pub(super) fallback: f64,
}

impl Outlet {
    pub(super) const fn of(actuator: &Actuator, register: usize) -> Self {
        Self { register, unit: actuator.unit, refresh: actuator.refresh, fallback: actuator.fallback }
    }
}

/// Writes to one device.
pub(super) struct Writer {
    pub(super) outlets: BTreeMap<ActuatorId, Outlet>,
    remote: Remote,
    counter: u16,
    /// The device does not know FC16.
    only_single: bool,
    pub(super) writes: u64,
    pub(super) local: bool,
}

impl Writer {
    pub(super) const fn new(outlets: BTreeMap<ActuatorId, Outlet>, remote: Remote) -> Self {
        Self { outlets, remote, counter: 0, only_single: false, writes: 0, local: false }
    }

    /// Reads one register.
    async fn get(&self, spec: &ModbusSpec, link: &mut Link, register: usize) -> Result<Vec<u16>, LinkError> {
        let r = &spec.registers[register];
        link.read(&single(r.space, r.address, width(r))).await
    }

    /// Reads one register as a number.
    async fn number(&self, spec: &ModbusSpec, link: &mut Link, register: usize) -> Result<f64, Failure> {
        let words = self.get(spec, link, register).await?;
        let r = &spec.registers[register];
        decode(r, &words).map_err(|reason| Failure::Refused(format!("register `{}`: {reason}", r.name)))
    }

    /// Writes one register in its own unit.
    async fn put(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        register: usize,
        value: f64,
    ) -> Result<Vec<u16>, Failure> {
        let r = &spec.registers[register];
        let words = encode(r, value).map_err(Failure::Refused)?;
        self.writes += 1;
        match (r.space, words.as_slice()) {
            (RegisterSpace::Coil, [word, ..]) => link.write_coil(r.address, *word != 0).await?,
            (RegisterSpace::Holding, [word]) if self.only_single => link.write_one(r.address, *word).await?,
            (RegisterSpace::Holding, _) => {
                let written = link.write_many(r.address, &words).await;
                match (written, words.as_slice()) {
                    (Err(LinkError::Exception(1)), [word]) => {
                        self.only_single = true;
                        self.writes += 1;
                        link.write_one(r.address, *word).await?;
                    }
                    (written, _) => written?,
                }
            }
            _ => return Err(Failure::Refused(format!("register `{}` can only be read", r.name))),
        }
        Ok(words)
    }

    /// The whole sequence for one setpoint, in the actuator's base unit.
    pub(super) async fn hold(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        actuator: ActuatorId,
        value: f64,
    ) -> Outcome {
        match self.try_hold(spec, link, actuator, value).await {
            Ok(()) => Outcome::Applied,
            Err(Failure::Refused(why)) => Outcome::Refused(why),
            Err(Failure::Link(LinkError::Exception(code))) => {
                Outcome::Refused(format!("the device answered with exception {code}"))
            }
            Err(Failure::Link(e)) => Outcome::Failed(e.to_string()),
        }
    }

    async fn try_hold(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        actuator: ActuatorId,
        value: f64,
    ) -> Result<(), Failure> {
        let Some(outlet) = self.outlets.get(&actuator).cloned() else {
            return Err(Failure::Refused("this device has no such actuator".into()));
        };
        if let Some(local) = self.remote.local {
            self.local = self.number(spec, link, local).await? >= 0.5;
            if self.local {
                return Err(Failure::Refused("operator has the device in local".into()));
            }
        }
        if let Some((enable, on)) = self.remote.enable {
            // A device whose enable cannot be read is written every time.
            let now = self.number(spec, link, enable).await;
            if let Err(Failure::Link(e @ (LinkError::Broken(_) | LinkError::Waiting))) = now {
                return Err(e.into());
            }
            if !now.is_ok_and(|n| (n - on).abs() < 1e-6) {
                self.put(spec, link, enable, on).await?;
            }
        }
        if let Some((timer, hold)) = self.remote.timer {
            self.put(spec, link, timer, hold.s()).await?;
        }
        let r = &spec.registers[outlet.register];
        let written = self.put(spec, link, outlet.register, outlet.unit.from_base(value)).await?;
        let found = self.get(spec, link, outlet.register).await?;
        if found == written {
            return Ok(());
        }
        let text =
            decode(r, &found).map_or_else(|e| e.to_string(), |v| format!("{v} {}", outlet.unit.symbol));
        Err(Failure::Refused(format!("read back {text}")))
    }

    /// Lets go of one setpoint; `last` if no other of this device is held.
    pub(super) async fn relinquish(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        actuator: ActuatorId,
        last: bool,
    ) -> Outcome {
        let done = match (self.remote.enable, self.remote.timer) {
            (Some((enable, on)), _) if last => {
                self.put(spec, link, enable, if on == 0.0 { 1.0 } else { 0.0 }).await
            }
            (None, Some((timer, _))) if last => self.put(spec, link, timer, 0.0).await,
            _ => match self.outlets.get(&actuator).cloned() {
                Some(o) => self.put(spec, link, o.register, o.unit.from_base(o.fallback)).await,
                None => Ok(Vec::new()),
            },
        };
        match done {
            Ok(_) => Outcome::Applied,
            Err(Failure::Refused(why)) => Outcome::Refused(why),
            Err(Failure::Link(e)) => Outcome::Failed(e.to_string()),
        }
    }

    /// Period of the heartbeat, if the device has one.
    pub(super) fn heartbeat_period(&self) -> Option<Span> {
        self.remote.heartbeat.map(|(_, period)| period)
    }

    /// Counts the heartbeat register on. A bit toggles, a word counts 1..=32767 and skips 0, which devices take
    /// for "never written".
    pub(super) async fn heartbeat(&mut self, spec: &ModbusSpec, link: &mut Link) {
        let Some((register, _)) = self.remote.heartbeat else { return };
        self.counter = if self.counter >= 32_767 { 1 } else { self.counter + 1 };
        let bit = spec.registers[register].kind == headroom_site::model::RegisterType::Bool;
        let r = &spec.registers[register];
        let raw = f64::from(if bit { self.counter % 2 } else { self.counter });
        if let Err(e) = self.put(spec, link, register, raw * r.scale + r.offset).await {
            tracing::debug!(device = spec.id, ?e, "heartbeat not written");
        }
    }
}

/// Why a write did not come about.
#[derive(Debug)]
enum Failure {
    Refused(String),
    Link(LinkError),
}

impl From<LinkError> for Failure {
    fn from(e: LinkError) -> Self {
        Self::Link(e)
    }
}
