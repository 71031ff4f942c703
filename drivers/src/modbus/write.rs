//! Commanding a device: local? -> enable -> timer -> setpoint -> read back.
//!
//! ```text
//!            command with value                 lease ends, command without value, release
//!  [free] ----------------------> [held] --------------------------------------------------> [free]
//!                                  |  ^  refresh: the same sequence again, while the beat is fresh
//!                                  +--+
//! ```
//!
//! A device that wears out its memory by being written gets `rewrite`: a setpoint that it still shows is then written
//! again only that often, while enable, timer and heartbeat go on as ever.
//!
//! What happens when we fall silent is the device's own doing: the timer runs out, or the heartbeat stands
//! still, and the local setpoint returns. Where a device has neither enable nor timer, relinquishing writes the
//! actuator's fallback, since nothing else would.

use super::decode::{decode, encode, exponent};
use super::link::{Link, LinkError, single};
use crate::Mandate;
use crate::context::NO_MANDATE;
use headroom_site::model::{
    Actuator, HeartbeatKind, ModbusSpec, RegisterSpace, RegisterSpec, Remote, WriteWith,
};
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
    /// The register's own unit counts, where it says one.
    pub(super) fn of(actuator: &Actuator, index: usize, register: &RegisterSpec) -> Self {
        let unit = register.unit.unwrap_or(actuator.unit);
        Self { register: index, unit, refresh: actuator.refresh, fallback: actuator.fallback }
    }
}

/// Writes to one device.
pub(super) struct Writer {
    pub(super) outlets: BTreeMap<ActuatorId, Outlet>,
    remote: Remote,
    mandate: Mandate,
    counter: u16,
    /// The device does not know FC16.
    only_single: bool,
    /// Plant-monotonic ns at which each setpoint was last written.
    written: BTreeMap<ActuatorId, u64>,
    pub(super) writes: u64,
    pub(super) local: bool,
}

impl Writer {
    pub(super) const fn new(outlets: BTreeMap<ActuatorId, Outlet>, remote: Remote, mandate: Mandate) -> Self {
        let written = BTreeMap::new();
        Self { outlets, remote, mandate, counter: 0, only_single: false, written, writes: 0, local: false }
    }

    /// Reads one register.
    async fn get(&self, spec: &ModbusSpec, link: &mut Link, register: usize) -> Result<Vec<u16>, LinkError> {
        let r = &spec.registers[register];
        link.read(&single(r.space, r.address, r.width())).await
    }

    /// The power of ten by which a register counts now.
    async fn exponent(&self, spec: &ModbusSpec, link: &mut Link, register: usize) -> Result<i32, Failure> {
        let Some(scale) = spec.registers[register].scale_register else { return Ok(0) };
        let words = self.get(spec, link, scale).await?;
        exponent(&spec.registers[scale], &words).map_err(|reason| {
            Failure::Refused(format!("scale register `{}`: {reason}", spec.registers[scale].name))
        })
    }

    /// Reads one register as a number.
    async fn number(&self, spec: &ModbusSpec, link: &mut Link, register: usize) -> Result<f64, Failure> {
        let exponent = self.exponent(spec, link, register).await?;
        let words = self.get(spec, link, register).await?;
        let r = &spec.registers[register];
        decode(r, &words, exponent).map_err(|e| Failure::Refused(format!("register `{}`: {e}", r.name)))
    }

    /// Writes one register in its own unit.
    async fn put(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        register: usize,
        value: f64,
    ) -> Result<(), Failure> {
        let exponent = self.exponent(spec, link, register).await?;
        let r = &spec.registers[register];
        let words = encode(r, value, exponent).map_err(Failure::Refused)?;
        self.send(spec, link, r, &words).await
    }

    /// Writes the words of a register with the function that the device wants.
    async fn send(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        r: &RegisterSpec,
        words: &[u16],
    ) -> Result<(), Failure> {
        // Each write asks anew: a sequence of them takes round trips.
        if !self.mandate.holds() {
            return Err(Failure::Refused(NO_MANDATE.into()));
        }
        let single = spec.write == WriteWith::Single || self.only_single;
        self.writes += 1;
        match (r.space, words) {
            (RegisterSpace::Coil, [word, ..]) => link.write_coil(r.address, *word != 0).await?,
            (RegisterSpace::Holding, [word]) if single => link.write_one(r.address, *word).await?,
            (RegisterSpace::Holding, _) if spec.write == WriteWith::Single => {
                return Err(Failure::Refused(format!("register `{}` is too wide for FC6", r.name)));
            }
            (RegisterSpace::Holding, _) => match (link.write_many(r.address, words).await, words) {
                (Err(LinkError::Exception(1)), [word]) if spec.write == WriteWith::Either => {
                    self.only_single = true;
                    self.writes += 1;
                    link.write_one(r.address, *word).await?;
                }
                (written, _) => written?,
            },
            _ => return Err(Failure::Refused(format!("register `{}` can only be read", r.name))),
        }
        Ok(())
    }

    /// The whole sequence for one setpoint, in the actuator's base unit, at a plant-monotonic time.
    pub(super) async fn hold(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        actuator: ActuatorId,
        value: f64,
        now_ns: u64,
    ) -> Outcome {
        match self.try_hold(spec, link, actuator, value, now_ns).await {
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
        now_ns: u64,
    ) -> Result<(), Failure> {
        let Some(outlet) = self.outlets.get(&actuator).cloned() else {
            return Err(Failure::Refused("this device has no such actuator".into()));
        };
        self.open(spec, link).await?;
        let r = &spec.registers[outlet.register];
        let exponent = self.exponent(spec, link, outlet.register).await?;
        let words = encode(r, outlet.unit.from_base(value), exponent).map_err(Failure::Refused)?;
        if self.is_recent(actuator, now_ns) && self.get(spec, link, outlet.register).await? == words {
            return Ok(());
        }
        self.send(spec, link, r, &words).await?;
        let found = self.get(spec, link, outlet.register).await?;
        if found == words {
            self.written.insert(actuator, now_ns);
            return Ok(());
        }
        self.written.remove(&actuator);
        let text = decode(r, &found, exponent)
            .map_or_else(|e| e.to_string(), |v| format!("{v} {}", outlet.unit.symbol));
        Err(Failure::Refused(format!("read back {text}")))
    }

    /// True while a setpoint that the device still shows need not be written again.
    fn is_recent(&self, actuator: ActuatorId, now_ns: u64) -> bool {
        let Some(rewrite) = self.remote.rewrite else { return false };
        let last = self.written.get(&actuator);
        last.is_some_and(|last| now_ns.saturating_sub(*last) < rewrite.ns().max(0).cast_unsigned())
    }

    /// What stands before a setpoint: local, enable, timer.
    async fn open(&mut self, spec: &ModbusSpec, link: &mut Link) -> Result<(), Failure> {
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
        Ok(())
    }

    /// Lets go of one setpoint; `last` if no other of this device is held.
    pub(super) async fn relinquish(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        actuator: ActuatorId,
        last: bool,
    ) -> Outcome {
        self.written.remove(&actuator);
        let done = match (self.remote.enable, self.remote.timer) {
            (Some((enable, on)), _) if last => {
                self.put(spec, link, enable, if on == 0.0 { 1.0 } else { 0.0 }).await
            }
            (None, Some((timer, _))) if last => self.put(spec, link, timer, 0.0).await,
            _ => match self.outlets.get(&actuator).cloned() {
                Some(o) => self.put(spec, link, o.register, o.unit.from_base(o.fallback)).await,
                None => Ok(()),
            },
        };
        match done {
            Ok(()) => Outcome::Applied,
            Err(Failure::Refused(why)) => Outcome::Refused(why),
            Err(Failure::Link(e)) => Outcome::Failed(e.to_string()),
        }
    }

    /// Period of the heartbeat, if the device has one.
    pub(super) fn heartbeat_period(&self) -> Option<Span> {
        self.remote.heartbeat.map(|h| h.period)
    }

    /// Moves the heartbeat register on.
    pub(super) async fn heartbeat(&mut self, spec: &ModbusSpec, link: &mut Link) {
        let Some(heartbeat) = self.remote.heartbeat else { return };
        self.counter = if self.counter >= 32_767 { 1 } else { self.counter + 1 };
        let r = &spec.registers[heartbeat.register];
        let value = match heartbeat.kind {
            HeartbeatKind::Counter => Ok(f64::from(self.counter) * r.scale + r.offset),
            HeartbeatKind::Toggle => Ok(f64::from(self.counter % 2) * r.scale + r.offset),
            HeartbeatKind::Mirror(own) => self.number(spec, link, own).await,
        };
        let done = match value {
            Ok(value) => self.put(spec, link, heartbeat.register, value).await,
            Err(e) => Err(e),
        };
        if let Err(e) = done {
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
