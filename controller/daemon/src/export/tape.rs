//! Tables of a tape: what the controller was told, tick by tick.
//!
//! Responsible for: rows of `runs`, `told`, `points`, `gpus` and `receipts`. Not for: what was decided (`super::journal`).

use super::Span;
use super::find::{Fault, What};
use crate::tables::{Folder, Row, Table, count, flag, may, may_count, may_text, may_time, owned, text, time};
use crate::tape::{Begin, Entry, Reader, Told};
use anyhow::Result;
use headroom_site::gpu::ThrottleReason;
use headroom_site::{GpuSample, Inbox, NodeReport, Outcome, Quality, Reading, Receipt, Site, Stamp, Target};
use std::path::Path;

/// Tables of tapes.
pub(super) struct Export<'a> {
    site: &'a Site,
    runs: Table,
    told: Table,
    points: Table,
    gpus: Table,
    receipts: Table,
    inbox: Inbox,
    /// Runs so far, of all tapes, and what the last one began with until it has a tick.
    run: u64,
    begun: Option<Begin>,
}

impl<'a> Export<'a> {
    /// Begins the tables.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn begin(out: &mut Folder, site: &'a Site) -> Result<Self> {
        let at = Stamp::default();
        let node = NodeReport::empty();
        Ok(Self {
            site,
            runs: out.table("runs", &run(at, 0, &Begin::default()))?,
            told: out.table("told", &told(at, 0, &Inbox::default(), 0))?,
            points: out.table("points", &point(at, "", "", None))?,
            gpus: out.table("gpus", &gpu(at, &node, "", &GpuSample::default()))?,
            receipts: out.table("receipts", &receipt(at, "", None))?,
            inbox: Inbox::default(),
            run: 0,
            begun: None,
        })
    }

    /// All ticks of a tape within a span; where it is damaged, if it is.
    ///
    /// # Errors
    /// A table cannot be written.
    pub(super) fn all(&mut self, path: &Path, span: Span, out: &mut Folder) -> Result<Option<Fault>> {
        let fault = |at: u64, what| Fault { file: path.to_owned(), at, what };
        let mut tape = Reader::open(path)?;
        let mut entry = 0;
        loop {
            entry += 1;
            match tape.read() {
                Ok(Some(Entry::Begin(begin))) => {
                    if !begin.is_of(self.site) {
                        return Ok(Some(fault(entry, What::OtherSite(begin.site_name))));
                    }
                    self.run += 1;
                    self.begun = Some(begin);
                }
                Ok(Some(Entry::Told(told))) => {
                    if span.has(told.now) && self.rows(told, out)?.is_none() {
                        return Ok(Some(fault(
                            entry,
                            What::Unread("it names what is not in the site file".to_owned()),
                        )));
                    }
                }
                // It stands in the journal.
                Ok(Some(Entry::Office(_))) => {}
                Ok(None) => return Ok(tape.torn().then(|| fault(entry, What::Torn))),
                Err(_) => return Ok(Some(fault(entry, What::Damaged))),
            }
        }
    }

    /// Rows of a tick. `None` if a place is not in the site file.
    fn rows(&mut self, of: Told<'static>, out: &mut Folder) -> Result<Option<()>> {
        let (now, decided) = (of.now, of.decided);
        if of.tell(self.site, &mut self.inbox).is_none() {
            return Ok(None);
        }
        if let Some(begun) = self.begun.take() {
            out.row(self.runs, &run(now, self.run, &begun))?;
        }
        out.row(self.told, &told(now, self.run, &self.inbox, decided))?;
        for reading in &self.inbox.readings {
            let Some(of) = self.site.points.get(reading.point.index()) else { return Ok(None) };
            out.row(self.points, &point(now, &of.id, of.unit.dimension.base(), Some(reading)))?;
        }
        for report in &self.inbox.nodes {
            for (uuid, sample) in &report.gpus {
                out.row(self.gpus, &gpu(now, report, uuid, sample))?;
            }
            if let Some(of) = &report.receipt {
                let outcome = of.refused.clone().map_or(Outcome::Applied, Outcome::Refused);
                let target = Target::Node(report.node.to_string());
                let of = Receipt { target, epoch: of.epoch, sequence: of.sequence, outcome };
                out.row(self.receipts, &receipt(now, &report.node, Some(&of)))?;
            }
        }
        for of in &self.inbox.receipts {
            let target = match &of.target {
                Target::Actuator(a) => match self.site.actuators.get(a.index()) {
                    Some(a) => &a.id,
                    None => return Ok(None),
                },
                Target::Node(id) => id,
            };
            out.row(self.receipts, &receipt(now, target, Some(of)))?;
        }
        Ok(Some(()))
    }
}

/// A run, at its first tick.
fn run(at: Stamp, number: u64, b: &Begin) -> Row<'_> {
    vec![
        time("time", at),
        count("run", number),
        text("program", &b.program),
        text("site", &b.site_name),
        text("who", &b.who),
        count("epoch", b.epoch),
        may("excite_s", b.excite.map(|span| span.s())),
    ]
}

fn told(at: Stamp, run: u64, inbox: &Inbox, decided: u64) -> Row<'static> {
    vec![
        time("time", at),
        may_count("tai_ns", Some(at.tai_ns())),
        count("run", run),
        count("readings", inbox.readings.len() as u64),
        count("nodes", inbox.nodes.len() as u64),
        count("receipts", inbox.receipts.len() as u64),
        flag("released", inbox.released),
        owned("decided", format!("{decided:016x}")),
    ]
}

fn point<'r>(tick: Stamp, id: &'r str, unit: &'r str, r: Option<&Reading>) -> Row<'r> {
    let quality = r.map_or(Quality::Good, |r| r.quality);
    let (word, why) = match quality {
        Quality::Good => ("good", None),
        Quality::Uncertain(why) => ("uncertain", Some(why)),
        Quality::Bad(why) => ("bad", Some(why)),
    };
    // What is bad has no value: what stands there is a filler.
    let value = r.filter(|r| r.quality.is_usable()).map(|r| r.value);
    vec![
        may_time("time", r.map(|r| r.stamp)),
        time("tick", tick),
        text("point", id),
        text("unit", unit),
        may("value", value),
        text("quality", word),
        ("quality_why", crate::tables::Cell::Text(why.map(|why| why.to_string().into()))),
        may("stamp_uncertainty_s", r.map(|r| r.stamp_uncertainty.s())),
        may_time("arrival", r.and_then(|r| r.arrival)),
        may_count("held_ms", r.map(|r| i64::from(r.held_ms))),
    ]
}

/// What each of [`ThrottleReason::ALL`] is called in a column.
const THROTTLED: [(ThrottleReason, &str); 5] = [
    (ThrottleReason::SwPowerCap, "throttled_sw_power_cap_s"),
    (ThrottleReason::SwThermal, "throttled_sw_thermal_s"),
    (ThrottleReason::HwThermal, "throttled_hw_thermal_s"),
    (ThrottleReason::PowerBrake, "throttled_power_brake_s"),
    (ThrottleReason::HwSlowdown, "throttled_hw_slowdown_s"),
];

fn gpu<'r>(tick: Stamp, report: &'r NodeReport, uuid: &'r str, s: &GpuSample) -> Row<'r> {
    let wide = |x: Option<f32>| x.map(f64::from);
    let mut row = vec![
        time("time", s.stamp),
        time("tick", tick),
        text("node", &report.node),
        text("uuid", uuid),
        may("power_w", wide(s.power_w.get())),
        may("power_average_w", wide(s.power_average_w.get())),
        may("energy_j", s.energy_j.get()),
        may("clock_mhz", wide(s.clock_mhz.get())),
        may("memory_clock_mhz", wide(s.memory_clock_mhz.get())),
        may("die_degc", wide(s.die_c.get())),
        may("hbm_degc", wide(s.hbm_c.get())),
        may("margin_k", wide(s.margin_k.get())),
        may("enforced_cap_w", wide(s.enforced_cap_w.get())),
        may("utilisation", wide(s.utilisation.get())),
        may_count("reasons", Some(i64::from(s.reasons))),
    ];
    let throttled = ThrottleReason::ALL.iter().zip(s.throttle_ns);
    row.extend(throttled.filter_map(|(reason, ns)| {
        let (_, name) = THROTTLED.iter().find(|(r, _)| r == reason)?;
        Some(may(name, ns.get().map(|ns| ns as f64 * 1e-9)))
    }));
    row.push(count("report", report.sequence));
    row
}

fn receipt<'r>(tick: Stamp, target: &'r str, r: Option<&'r Receipt>) -> Row<'r> {
    let (word, why) = match r.map(|r| &r.outcome) {
        Some(Outcome::Applied) => ("applied", None),
        Some(Outcome::Refused(why)) => ("refused", Some(why.as_str())),
        Some(Outcome::Failed(why)) => ("failed", Some(why.as_str())),
        Some(Outcome::Sent) | None => ("sent", None),
    };
    vec![
        time("tick", tick),
        text("target", target),
        may_count("epoch", r.and_then(|r| i64::try_from(r.epoch).ok())),
        may_count("sequence", r.and_then(|r| i64::try_from(r.sequence).ok())),
        text("outcome", word),
        may_text("why", why),
    ]
}
