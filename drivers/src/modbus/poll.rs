//! One round of reading: every block, every register, a reading for each point.
//!
//! A round in which every register of a device reads as all ones is none: a gateway whose device is gone, and a device that has
//! lost its sensors, answer so. One register alone may well hold it (-1 of a signed one); where its file names a pattern for "no
//! sensor", that counts.
//!
//! A value whose power of ten stands in another register waits until the round is over: only an exponent of the same
//! round counts, since a device may change both together.

use super::decode::{decode, exponent};
use super::link::{Link, LinkError};
use super::plan::{Block, Limits, is_bits, plan, split};
use super::status::DeviceStatus;
use crate::context::{Context, Gauge};
use headroom_site::model::ModbusSpec;
use headroom_site::{Quality, Reading, Reason, Span, Stamp};
use std::collections::{BTreeMap, BTreeSet};

/// Registers of a device from which on all of them as all ones are no coincidence.
const MANY: usize = 3;

/// What is read of a device.
pub(super) struct Poller {
    blocks: Vec<Block>,
    gauges: BTreeMap<usize, Vec<Gauge>>,
    /// Registers the device refused since the last connect.
    refused: BTreeMap<usize, LinkError>,
    connects: u64,
    /// Of this round: exponents by register, and values that wait for one.
    exponents: BTreeMap<usize, Result<i32, Reason>>,
    scaled: Vec<(usize, Vec<u16>, When)>,
    /// Of this round: registers that were read, and those of them that are all ones; bits are left out.
    ones: (usize, usize),
    out: Vec<Reading>,
}

/// When a block was true, and how sure that is.
#[derive(Debug, Clone, Copy)]
struct When(Stamp, Span);

impl Poller {
    pub(super) fn new(spec: &ModbusSpec, gauges: BTreeMap<usize, Vec<Gauge>>) -> Self {
        let mut poller = Self {
            blocks: Vec::new(),
            gauges,
            refused: BTreeMap::new(),
            connects: 0,
            exponents: BTreeMap::new(),
            scaled: Vec::new(),
            ones: (0, 0),
            out: Vec::new(),
        };
        poller.plan(spec);
        poller
    }

    fn plan(&mut self, spec: &ModbusSpec) {
        let mut wanted: Vec<usize> = self.gauges.keys().copied().collect();
        let scales: Vec<usize> = wanted.iter().filter_map(|&i| spec.registers[i].scale_register).collect();
        self.exponents = scales.iter().map(|&i| (i, Err(Reason::NoCommunication))).collect();
        wanted.extend(scales);
        self.blocks = plan(&spec.registers, &wanted, Limits::of(spec));
        self.refused.clear();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.gauges.is_empty()
    }

    /// Reads everything once. A block that the device refuses is split until the bad register is found; a
    /// broken connection ends the round.
    pub(super) async fn round(
        &mut self,
        spec: &ModbusSpec,
        link: &mut Link,
        context: &Context,
        status: &mut DeviceStatus,
    ) {
        let error = context.clock.uncertainty();
        self.exponents.values_mut().for_each(|e| *e = Err(Reason::NoCommunication));
        self.ones = (0, 0);
        let mut open: Vec<Block> = std::mem::take(&mut self.blocks);
        open.reverse();
        let mut trouble = None;
        while let Some(block) = open.pop() {
            if trouble.is_some() {
                self.blocks.push(block);
                continue;
            }
            let answer = link.read(&block).await;
            let asked = link.asked();
            let half = Span::from_ns(context.clock.now().since(asked).ns() / 2);
            let when = When(asked + half, Span::from_ns(half.ns().saturating_add(error.ns())));
            match answer {
                Ok(words) => self.take(spec, &block, &words, when),
                Err(e) if e.refuses_address() => {
                    self.narrow(spec, &block, e, &mut open);
                    continue;
                }
                Err(e @ LinkError::Exception(_)) => self.all_bad(&block, &e, when.0),
                Err(e) => trouble = Some(e),
            }
            self.blocks.push(block);
        }
        self.scale(spec);
        let now = context.clock.now();
        for (register, error) in &self.refused {
            let gauges = self.gauges.get(register).map(Vec::as_slice).unwrap_or_default();
            self.out.extend(gauges.iter().map(|g| g.bad(now, error.reason())));
        }
        self.finish(spec, link, context, status, trouble.as_ref());
    }

    fn take(&mut self, spec: &ModbusSpec, block: &Block, words: &[u16], when: When) {
        for &i in &block.registers {
            let register = &spec.registers[i];
            let at = usize::from(register.address - block.start);
            let words = words.get(at..at + usize::from(register.width())).unwrap_or_default();
            if !is_bits(register.space) && !words.is_empty() {
                self.ones.0 += 1;
                self.ones.1 += usize::from(words.iter().all(|w| *w == u16::MAX));
            }
            if let Some(slot) = self.exponents.get_mut(&i) {
                *slot = exponent(register, words);
            }
            match register.scale_register {
                Some(_) => self.scaled.push((i, words.to_vec(), when)),
                None => self.say(i, decode(register, words, 0), when),
            }
        }
    }

    /// Readings of the values that waited for their exponent.
    fn scale(&mut self, spec: &ModbusSpec) {
        for (i, words, when) in std::mem::take(&mut self.scaled) {
            let register = &spec.registers[i];
            let scale = register.scale_register.unwrap_or(i);
            let refused = self.refused.get(&scale).map(|e| Err(e.reason()));
            let exponent = refused.or_else(|| self.exponents.get(&scale).copied());
            let exponent = exponent.unwrap_or(Err(Reason::NoCommunication));
            self.say(i, exponent.and_then(|e| decode(register, &words, e)), when);
        }
    }

    /// A reading of a register for each point that wants it.
    fn say(&mut self, register: usize, value: Result<f64, Reason>, when: When) {
        let When(stamp, uncertainty) = when;
        for gauge in self.gauges.get(&register).map(Vec::as_slice).unwrap_or_default() {
            self.out.push(match value {
                Ok(value) => gauge.reading(stamp, uncertainty, value, Quality::Good),
                Err(reason) => gauge.bad(stamp, reason),
            });
        }
    }

    fn all_bad(&mut self, block: &Block, error: &LinkError, stamp: Stamp) {
        let reason = error.reason();
        for i in &block.registers {
            if let Some(slot) = self.exponents.get_mut(i) {
                *slot = Err(reason);
            }
        }
        for gauge in block.registers.iter().filter_map(|i| self.gauges.get(i)).flatten() {
            self.out.push(gauge.bad(stamp, reason));
        }
    }

    /// Halves a refused block, or takes its only register out of service.
    fn narrow(&mut self, spec: &ModbusSpec, block: &Block, error: LinkError, open: &mut Vec<Block>) {
        if let Some((low, high)) = split(&spec.registers, block) {
            open.push(high);
            open.push(low);
        } else if let Some(&register) = block.registers.first() {
            tracing::warn!(
                device = spec.id, register = spec.registers[register].name, %error, "register out of service"
            );
            self.refused.insert(register, error);
        }
    }

    fn finish(
        &mut self,
        spec: &ModbusSpec,
        link: &Link,
        context: &Context,
        status: &mut DeviceStatus,
        trouble: Option<&LinkError>,
    ) {
        if let Some(e) = trouble {
            let now = context.clock.now();
            let read: BTreeSet<_> = self.out.iter().map(|r| r.point).collect();
            let silent = self.gauges.values().flatten().filter(|g| !read.contains(&g.point));
            self.out.extend(silent.map(|g| g.bad(now, e.reason())));
        }
        let (read, ones) = self.ones;
        if read >= MANY && ones == read {
            self.out.iter_mut().for_each(|r| r.quality = Quality::Bad(Reason::Sentinel));
        }
        if !matches!(trouble, Some(LinkError::Waiting)) {
            status.trouble = trouble.map(LinkError::to_string);
        }
        status.rounds += u64::from(trouble.is_none());
        let name = |(r, e): (&usize, &LinkError)| format!("{}: {e}", spec.registers[*r].name);
        status.out_of_service = self.refused.iter().map(name).collect();
        context.mailbox.readings(&mut self.out);
        // A device that came back may be another one, or the same with a new configuration.
        if link.connects() != self.connects {
            let first = self.connects == 0;
            self.connects = link.connects();
            if !first {
                self.plan(spec);
            }
        }
    }
}
