//! The words between agent and controller on the wire: reports, status, commands.
//!
//! Responsible for: encoding and decoding [`NodeReport`], [`AgentStatus`] and commands. Not for: topics
//! and connections (`mqtt`).
//!
//! A report has two layouts. Agents write the packed one ([`packed`]); the other is for people. The first byte tells
//! which of them it is, so that agents and controllers of different versions meet.
//!
//! The JSON layout is one object with one array per quantity, a row per sample, so that names are not repeated:
//! `{"v":1,"node":..,"boot":..,"seq":..,"mono":..,"t":TAI ns,"uuid":[..],"dt":[ns after t],"p":[W],..}`. A column
//! that no sample has is left out; a missing value is `null`. The same UUID may stand in several rows.

use headroom_site::gpu::{Answer, CapReceipt};
use headroom_site::{GpuSample, NodeReport, Span, Stamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

mod command;
mod names;
pub mod packed;
mod time;

pub use command::{decode_command, encode_command};
pub use names::Names;
pub use packed::encode_packed;
pub use time::{TimeMark, decode_time, encode_time};

/// Version of the report's layout.
const VERSION: u32 = 1;
/// And of the packed one.
const PACKED: u8 = packed::VERSION;

/// Why a message of an agent or to an agent was refused.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not JSON, or not of this shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A packed report that is damaged, or too large to be packed.
    #[error("{0}")]
    Packed(#[from] packed::Damage),
    /// A command with a cap or a clock beyond all numbers.
    #[error("a cap or a clock is not a finite number")]
    NotFinite,
    /// A layout we do not speak.
    #[error("layout version {0} is neither {VERSION} (JSON) nor {PACKED} (packed)")]
    Version(u32),
    /// A column has not as many rows as there are UUIDs.
    #[error("column `{column}` has {rows} rows, `uuid` has {uuids}")]
    Length {
        /// Which column.
        column: &'static str,
        /// Its rows.
        rows: usize,
        /// Rows there should be.
        uuids: usize,
    },
}

/// Whether an agent is there. Retained; its last will says `online: false`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// True from the agent, false from its will.
    pub online: bool,
    /// Random number of the agent's start: a will of an earlier life is ignored.
    pub boot: u64,
}

type Floats = Vec<Option<f32>>;

#[derive(Debug, Serialize, Deserialize)]
struct Columns<'a> {
    v: u32,
    #[serde(borrow)]
    node: Cow<'a, str>,
    boot: u64,
    seq: u64,
    mono: u64,
    t: i64,
    /// Borrowed: a UUID with an escaped character is refused.
    uuid: Vec<&'a str>,
    #[serde(default, skip_serializing_if = "all_zero")]
    dt: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    p: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pa: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    e: Vec<Option<f64>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sm: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mem: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    die: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hbm: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    margin: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cap: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    util: Floats,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    why: Vec<u32>,
    /// Throttle counters: five columns in the order of `ThrottleReason::ALL`.
    #[serde(default)]
    thr: [Vec<Option<u64>>; 5],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<CapReceipt>,
    /// When the last command was sent (by its sender's clock) and heard (by the agent's), TAI ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<[i64; 2]>,
    /// When this was sent, ns after `t`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<i64>,
}

fn all_zero(column: &[i64]) -> bool {
    column.iter().all(|x| *x == 0)
}

/// A column, or nothing if no row has a value.
fn column<T>(report: &NodeReport, get: impl Fn(&GpuSample) -> Option<T>) -> Vec<Option<T>> {
    let all: Vec<_> = report.gpus.iter().map(|(_, s)| get(s)).collect();
    if all.iter().any(Option::is_some) { all } else { Vec::new() }
}

/// The layout in which an agent writes its reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportFormat {
    /// Columns of small integers: a third to a fifth of the size, and read more than ten times as fast.
    #[default]
    Packed,
    /// For people.
    Json,
}

/// Encodes a report. One that the packed layout has no room for is written as JSON.
///
/// # Errors
/// None in practice; serde_json's signature has one.
pub fn encode(report: &NodeReport, format: ReportFormat) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(512);
    match format {
        ReportFormat::Packed if encode_packed(report, &mut out).is_ok() => Ok(out),
        _ => encode_report(report),
    }
}

/// Encodes a report as JSON.
///
/// # Errors
/// None in practice; serde_json's signature has one.
pub fn encode_report(report: &NodeReport) -> Result<Vec<u8>, CodecError> {
    let columns = Columns {
        v: VERSION,
        node: Cow::Borrowed(&report.node),
        boot: report.boot,
        seq: report.sequence,
        mono: report.mono_ns,
        t: report.stamp.tai_ns(),
        uuid: report.gpus.iter().map(|(uuid, _)| uuid.as_ref()).collect(),
        dt: report.gpus.iter().map(|(_, s)| s.stamp.since(report.stamp).ns()).collect(),
        p: column(report, |s| s.power_w.get()),
        pa: column(report, |s| s.power_average_w.get()),
        e: column(report, |s| s.energy_j.get()),
        sm: column(report, |s| s.clock_mhz.get()),
        mem: column(report, |s| s.memory_clock_mhz.get()),
        die: column(report, |s| s.die_c.get()),
        hbm: column(report, |s| s.hbm_c.get()),
        margin: column(report, |s| s.margin_k.get()),
        cap: column(report, |s| s.enforced_cap_w.get()),
        util: column(report, |s| s.utilisation.get()),
        why: report.gpus.iter().map(|(_, s)| s.reasons).collect(),
        thr: std::array::from_fn(|i| column(report, |s| s.throttle_ns[i].get())),
        receipt: report.receipt.clone(),
        sent: report.sent.map(|sent| sent.since(report.stamp).ns()),
        answer: report.answer.map(|a| [a.sent.tai_ns(), a.heard.tai_ns()]),
    };
    Ok(serde_json::to_vec(&columns)?)
}

/// A column is empty or has a row per UUID.
fn check<T>(column: &'static str, rows: &[T], uuids: usize) -> Result<(), CodecError> {
    if rows.is_empty() || rows.len() == uuids {
        Ok(())
    } else {
        Err(CodecError::Length { column, rows: rows.len(), uuids })
    }
}

fn check_all(c: &Columns<'_>) -> Result<(), CodecError> {
    let n = c.uuid.len();
    check("dt", &c.dt, n)?;
    check("e", &c.e, n)?;
    check("why", &c.why, n)?;
    let floats = [
        ("p", &c.p),
        ("pa", &c.pa),
        ("sm", &c.sm),
        ("mem", &c.mem),
        ("die", &c.die),
        ("hbm", &c.hbm),
        ("margin", &c.margin),
        ("cap", &c.cap),
        ("util", &c.util),
    ];
    for (name, rows) in floats {
        check(name, rows, n)?;
    }
    c.thr.iter().try_for_each(|rows| check("thr", rows, n))
}

/// One row of a column; what is not finite is not a value.
fn row(column: &[Option<f32>], i: usize) -> Option<f32> {
    column.get(i).copied().flatten().filter(|x| x.is_finite())
}

/// Decodes a report of either layout. `names` keeps the names of earlier ones.
///
/// # Errors
/// Neither layout, or damaged.
pub fn decode_report(payload: &[u8], names: &mut Names) -> Result<NodeReport, CodecError> {
    let mut report = NodeReport::empty();
    decode_into(payload, names, &mut report).map(|()| report)
}

/// Decodes a report of either layout in place of what `report` held. The packed one uses its memory again: nothing is
/// allocated when `report` held one of the same node.
///
/// # Errors
/// Neither layout, or damaged; `report` is not a report then.
pub fn decode_into(payload: &[u8], names: &mut Names, report: &mut NodeReport) -> Result<(), CodecError> {
    match payload.first() {
        Some(&packed::VERSION) => packed::decode(payload, names, report)?,
        Some(&other) if other < b' ' && !other.is_ascii_whitespace() => {
            return Err(CodecError::Version(other.into()));
        }
        _ => *report = decode_json(payload, names)?,
    }
    Ok(())
}

fn decode_json(payload: &[u8], names: &mut Names) -> Result<NodeReport, CodecError> {
    let c: Columns<'_> = serde_json::from_slice(payload)?;
    if c.v != VERSION {
        return Err(CodecError::Version(c.v));
    }
    check_all(&c)?;
    let stamp = Stamp::from_tai_ns(c.t);
    let sample = |i: usize| GpuSample {
        stamp: Stamp::from_tai_ns(c.t.saturating_add(c.dt.get(i).copied().unwrap_or(0))),
        power_w: row(&c.p, i).into(),
        power_average_w: row(&c.pa, i).into(),
        energy_j: c.e.get(i).copied().flatten().filter(|x| x.is_finite()).into(),
        clock_mhz: row(&c.sm, i).into(),
        memory_clock_mhz: row(&c.mem, i).into(),
        die_c: row(&c.die, i).into(),
        hbm_c: row(&c.hbm, i).into(),
        margin_k: row(&c.margin, i).into(),
        enforced_cap_w: row(&c.cap, i).into(),
        utilisation: row(&c.util, i).into(),
        reasons: c.why.get(i).copied().unwrap_or(0),
        throttle_ns: std::array::from_fn(|r| c.thr[r].get(i).copied().flatten().into()),
    };
    let samples: Vec<GpuSample> = (0..c.uuid.len()).map(sample).collect();
    Ok(NodeReport {
        gpus: c.uuid.iter().map(|uuid| names.get(uuid)).zip(samples).collect(),
        node: names.get(&c.node),
        boot: c.boot,
        sequence: c.seq,
        mono_ns: c.mono,
        stamp,
        receipt: c.receipt,
        answer: c
            .answer
            .map(|[sent, heard]| Answer { sent: Stamp::from_tai_ns(sent), heard: Stamp::from_tai_ns(heard) }),
        sent: c.sent.map(|after| stamp + Span::from_ns(after)),
        arrival: None,
        stamp_uncertainty: None,
    })
}

/// Encodes an agent's status.
///
/// # Errors
/// None in practice; serde_json's signature has one.
pub fn encode_status(status: &AgentStatus) -> Result<Vec<u8>, CodecError> {
    Ok(serde_json::to_vec(status)?)
}

/// Decodes an agent's status.
///
/// # Errors
/// Not JSON, or not of this shape.
pub fn decode_status(payload: &[u8]) -> Result<AgentStatus, CodecError> {
    Ok(serde_json::from_slice(payload)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::Offered;
    use proptest::prelude::*;

    fn sample(i: u32) -> GpuSample {
        GpuSample {
            stamp: Stamp::from_tai_ns(1_700_000_000_000_000_000 + i64::from(i) * 1_000),
            power_w: Offered::new(650.25 + i as f32),
            energy_j: Offered::new(1.25e9 + f64::from(i)),
            clock_mhz: (i != 3).then_some(1755.0).into(),
            die_c: Offered::new(61.0),
            enforced_cap_w: Offered::new(700.0),
            reasons: 4,
            throttle_ns: [Some(17), None, Some(u64::MAX - 1), Some(0), None].map(Into::into),
            ..GpuSample::default()
        }
    }

    fn report(gpus: u32) -> NodeReport {
        NodeReport {
            node: "n1".into(),
            boot: u64::MAX,
            sequence: 9,
            mono_ns: 123_456_789_012,
            stamp: Stamp::from_tai_ns(1_700_000_000_000_000_000),
            gpus: (0..gpus)
                .map(|i| (format!("GPU-{i:08x}-aaaa-bbbb-cccc-0123456789ab").into(), sample(i)))
                .collect(),
            receipt: Some(CapReceipt { epoch: 1, sequence: 2, refused: Some("too old".into()) }),
            answer: Some(Answer { sent: Stamp::from_tai_ns(-5), heard: Stamp::from_tai_ns(i64::MAX) }),
            sent: Some(Stamp::from_tai_ns(1_700_000_000_002_000_000)),
            arrival: None,
            stamp_uncertainty: None,
        }
    }

    #[test]
    fn a_report_survives_the_wire() {
        for gpus in [0, 1, 8, 160] {
            let bytes = encode_report(&report(gpus)).unwrap();
            assert_eq!(decode_report(&bytes, &mut Names::default()).unwrap(), report(gpus));
            // 16 GPUs with 10 samples each must fit far below the packet limit.
            assert!(bytes.len() < 64 * 1024, "{}", bytes.len());
        }
    }

    #[test]
    fn unequal_columns_and_other_layouts_are_refused() {
        let text = String::from_utf8(encode_report(&report(2)).unwrap()).unwrap();
        let short = text.replace("\"why\":[4,4]", "\"why\":[4]");
        assert!(matches!(
            decode_report(short.as_bytes(), &mut Names::default()),
            Err(CodecError::Length { column: "why", .. })
        ));
        let other = text.replace("\"v\":1", "\"v\":2");
        assert!(matches!(
            decode_report(other.as_bytes(), &mut Names::default()),
            Err(CodecError::Version(2))
        ));
    }

    #[test]
    fn not_a_number_is_no_value() {
        let mut r = report(1);
        r.gpus[0].1.power_w = Offered::new(f32::NAN);
        assert_eq!(
            decode_report(&encode_report(&r).unwrap(), &mut Names::default()).unwrap().gpus[0].1.power_w,
            Offered::NONE
        );
    }

    proptest! {
        #[test]
        fn decoders_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (decode_report(&bytes, &mut Names::default()), decode_command(&bytes), decode_status(&bytes));
            let _ = decode_time(&bytes);
        }

        #[test]
        fn damaged_reports_never_panic(at in 0_usize..900, with in any::<u8>()) {
            let mut bytes = encode_report(&report(2)).unwrap();
            let at = at % bytes.len();
            bytes[at] = with;
            let _ = decode_report(&bytes, &mut Names::default());
        }
    }
}
