//! Tables of a journal: what was decided, tick by tick.
//!
//! Responsible for: rows of `ticks`, `setpoints`, `caps`, `commands`, `doubts` and `health`. Not for: what was told (`super::tape`).

use super::Span;
use super::find::{Fault, What};
use crate::journal::{JournalError, Records};
use crate::run::health::FindingView;
use crate::run::record::DoubtRecord;
use crate::tables::{Folder, Row, Table, count, flag, may, may_count, may_text, num, owned, text, time};
use anyhow::Result;
use headroom_site::{Site, Stamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::path::Path;

/// A record, as `crate::run::record` writes it.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Record {
    /// `tai_ns` says the same.
    #[serde(rename = "time")]
    _time: IgnoredAny,
    tai_ns: i64,
    snapshot: String,
    verified: bool,
    #[serde(default)]
    released: bool,
    caps_bind: bool,
    caps_guard: String,
    facility_w: Option<f64>,
    it_w: Option<f64>,
    least_headroom_k: Option<f64>,
    #[serde(default)]
    implausible: Vec<DoubtRecord>,
    #[serde(default)]
    health: Vec<FindingView>,
    setpoints: Vec<Setpoint>,
    commands: Vec<Commanded>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Setpoint {
    actuator: String,
    mode: String,
    unit: String,
    stands: f64,
    proposed: f64,
    admitted: Option<f64>,
    guard: Option<String>,
    why: String,
    #[serde(default)]
    mode_why: Option<String>,
    #[serde(default)]
    mode_since: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
struct Commanded {
    target: String,
    sequence: u64,
    value: Option<f64>,
    #[serde(default)]
    caps_w: Vec<Option<f64>>,
    #[serde(default)]
    locks_mhz: Vec<Option<f64>>,
    ttl_ms: u64,
    reason: String,
}

/// Tables of a journal.
pub(super) struct Export<'a> {
    site: Option<&'a Site>,
    ticks: Table,
    setpoints: Table,
    caps: Table,
    commands: Table,
    doubts: Table,
    health: Table,
}

impl<'a> Export<'a> {
    /// Begins the tables.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn begin(out: &mut Folder, site: Option<&'a Site>) -> Result<Self> {
        let at = Stamp::default();
        let command = Commanded::default();
        Ok(Self {
            site,
            ticks: out.table("ticks", &tick(&Record::default(), at, 0))?,
            setpoints: out.table("setpoints", &setpoint(at, &Setpoint::default(), None))?,
            caps: out.table("caps", &cap(at, &command, 0, None))?,
            commands: out.table("commands", &commanded(at, &command))?,
            doubts: out.table("doubts", &doubt(at, &DoubtRecord::default()))?,
            health: out.table("health", &ailment(at, &FindingView::default()))?,
        })
    }

    /// All records of a journal within a span; where it is damaged, if it is.
    ///
    /// # Errors
    /// A table cannot be written, or the journal cannot be read at all.
    pub(super) fn all(&self, path: &Path, span: Span, out: &mut Folder) -> Result<Option<Fault>> {
        let fault = |at: u64, what| Fault { file: path.to_owned(), at, what };
        let mut records = Records::open(path)?;
        let mut line = 0;
        loop {
            line += 1;
            let record = match records.read() {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(records.chain.torn.then(|| fault(line, What::Torn))),
                Err(JournalError::Broken { .. }) => return Ok(Some(fault(line, What::Damaged))),
                Err(why @ JournalError::Io { .. }) => return Err(why.into()),
            };
            match serde_json::from_slice(record) {
                Ok(record) => self.rows(&record, line, span, out)?,
                Err(why) => return Ok(Some(fault(line, What::Unread(why.to_string())))),
            }
        }
    }

    fn rows(&self, r: &Record, line: u64, span: Span, out: &mut Folder) -> Result<()> {
        let at = Stamp::from_tai_ns(r.tai_ns);
        if !span.has(at) {
            return Ok(());
        }
        out.row(self.ticks, &tick(r, at, line))?;
        for s in &r.setpoints {
            let sent = r.commands.iter().find(|c| c.target == s.actuator && c.caps_w.is_empty());
            out.row(self.setpoints, &setpoint(at, s, sent))?;
        }
        for c in &r.commands {
            out.row(self.commands, &commanded(at, c))?;
            for gpu in 0..c.caps_w.len() {
                out.row(self.caps, &cap(at, c, gpu, self.uuid(&c.target, gpu)))?;
            }
        }
        for d in &r.implausible {
            out.row(self.doubts, &doubt(at, d))?;
        }
        for h in &r.health {
            out.row(self.health, &ailment(at, h))?;
        }
        Ok(())
    }

    /// UUID of a GPU by its place in a node.
    fn uuid(&self, node: &str, gpu: usize) -> Option<&str> {
        let site = self.site?;
        let node = site.nodes.iter().find(|n| n.id == node)?;
        let at = node.gpus.0 as usize + gpu;
        (at < node.gpus.1 as usize).then(|| &*site.gpus[at].uuid)
    }
}

fn tick(r: &Record, at: Stamp, line: u64) -> Row<'_> {
    vec![
        time("time", at),
        may_count("tai_ns", Some(r.tai_ns)),
        count("line", line),
        text("snapshot", &r.snapshot),
        flag("verified", r.verified),
        flag("released", r.released),
        may("facility_w", r.facility_w),
        may("it_w", r.it_w),
        may("least_headroom_k", r.least_headroom_k),
        flag("caps_bind", r.caps_bind),
        text("caps_guard", &r.caps_guard),
        count("setpoints", r.setpoints.len() as u64),
        count("commands", r.commands.len() as u64),
        count("doubts", r.implausible.len() as u64),
        count("ailments", r.health.len() as u64),
    ]
}

fn setpoint<'r>(at: Stamp, s: &'r Setpoint, sent: Option<&'r Commanded>) -> Row<'r> {
    vec![
        time("time", at),
        text("actuator", &s.actuator),
        text("mode", &s.mode),
        text("unit", &s.unit),
        num("stands", s.stands),
        num("proposed", s.proposed),
        may("admitted", s.admitted),
        may_text("guard", s.guard.as_deref()),
        text("why", &s.why),
        may_text("mode_why", s.mode_why.as_deref()),
        may_text("mode_since", s.mode_since.as_deref()),
        may("commanded", sent.and_then(|c| c.value)),
        may_count("sequence", sent.and_then(|c| i64::try_from(c.sequence).ok())),
        may_count("ttl_ms", sent.and_then(|c| i64::try_from(c.ttl_ms).ok())),
    ]
}

fn commanded(at: Stamp, c: &Commanded) -> Row<'_> {
    vec![
        time("time", at),
        text("target", &c.target),
        text("kind", if c.caps_w.is_empty() { "setpoint" } else { "caps" }),
        count("sequence", c.sequence),
        may("value", c.value),
        count("gpus", c.caps_w.len() as u64),
        count("ttl_ms", c.ttl_ms),
        text("reason", &c.reason),
    ]
}

fn cap<'r>(at: Stamp, c: &'r Commanded, gpu: usize, uuid: Option<&'r str>) -> Row<'r> {
    vec![
        time("time", at),
        text("node", &c.target),
        count("gpu", gpu as u64),
        may_text("uuid", uuid),
        may("cap_w", c.caps_w.get(gpu).copied().flatten()),
        may("lock_mhz", c.locks_mhz.get(gpu).copied().flatten()),
        count("sequence", c.sequence),
        count("ttl_ms", c.ttl_ms),
    ]
}

fn doubt(at: Stamp, d: &DoubtRecord) -> Row<'_> {
    vec![
        time("time", at),
        text("point", &d.point),
        text("quality", &d.quality),
        text("rule", &d.rule),
        text("why", &d.why),
        owned("with", d.with.join(", ")),
        text("since", &d.since),
    ]
}

fn ailment(at: Stamp, h: &FindingView) -> Row<'_> {
    vec![
        time("time", at),
        text("ailment", &h.ailment),
        text("of", &h.of),
        may_text("with", h.with.as_deref()),
        text("size", &h.size),
        may("size_value", h.size_value),
        may("size_sigma", h.size_sigma),
        text("since", &h.since),
        may_text("or", h.or.as_deref()),
    ]
}
