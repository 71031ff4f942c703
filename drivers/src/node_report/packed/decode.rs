//! Reading a packed report into memory that was used before.
//!
//! Each column is one loop over all rows: no branch per value, nothing allocated once a report of as many rows has been
//! there.

use super::bytes::Bytes;
use super::{
    ANSWER, CONSTANT, COUNTERS, Damage, EIGHT, ENERGY, FLOATS, FOUR, INDEXED, ONE, PLAIN, REASONS, RECEIPT,
    REFUSED, ROWS_PER_BYTE, SENT, TEXT, TWO, UNITS, VERSION, WHOLE, text,
};
use crate::node_report::Names;
use headroom_site::gpu::{Answer, CapReceipt};
use headroom_site::{GpuSample, NodeReport, Span, Stamp};
use std::sync::Arc;

type Row = (Arc<str>, GpuSample);

/// What the head says of what follows.
struct Shape {
    flags: u8,
    some: u16,
    full: u16,
    gpus: usize,
    rows: usize,
}

impl Shape {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Decodes a report in place of what `report` held, and keeps its memory. After an error `report` is not a report.
pub(in crate::node_report) fn decode(
    payload: &[u8],
    names: &mut Names,
    report: &mut NodeReport,
) -> Result<(), Damage> {
    let mut bytes = Bytes(payload);
    let shape = head(&mut bytes, payload.len(), report)?;
    let node = bytes.text()?;
    table(&mut bytes, &shape, node, names, report)?;
    let t = report.stamp.tai_ns();
    let rows = report.gpus.as_mut_slice();
    let all = Presence::All;
    whole(&mut bytes, all, rows, |s, dt: Option<u64>| {
        s.stamp = Stamp::from_tai_ns(t.saturating_add(dt.unwrap_or(0).cast_signed()));
    })?;
    floats(&mut bytes, &shape, rows)?;
    let energy = shape.presence(ENERGY);
    double(&mut bytes, energy, rows, |s, e| s.energy_j = e.into())?;
    match shape.presence(REASONS) {
        Presence::Nowhere => rows.iter_mut().for_each(|(_, s)| s.reasons = 0),
        _ => whole(&mut bytes, all, rows, |s, why| s.reasons = why.unwrap_or(0) as u32)?,
    }
    whole(&mut bytes, shape.presence(COUNTERS), rows, |s, ns| s.throttle_ns[0] = ns.into())?;
    whole(&mut bytes, shape.presence(COUNTERS + 1), rows, |s, ns| s.throttle_ns[1] = ns.into())?;
    whole(&mut bytes, shape.presence(COUNTERS + 2), rows, |s, ns| s.throttle_ns[2] = ns.into())?;
    whole(&mut bytes, shape.presence(COUNTERS + 3), rows, |s, ns| s.throttle_ns[3] = ns.into())?;
    whole(&mut bytes, shape.presence(COUNTERS + 4), rows, |s, ns| s.throttle_ns[4] = ns.into())?;
    if bytes.0.is_empty() { Ok(()) } else { Err(Damage::Long(bytes.0.len())) }
}

/// Everything of a fixed size.
fn head(bytes: &mut Bytes<'_>, length: usize, report: &mut NodeReport) -> Result<Shape, Damage> {
    let [_version, flags] = bytes.array()?;
    let known = TEXT | INDEXED | SENT | ANSWER | RECEIPT | REFUSED;
    if flags & !known != 0 || flags & (RECEIPT | REFUSED) == REFUSED {
        return Err(Damage::Flags(flags));
    }
    let (some, full) = (bytes.u16()?, bytes.u16()?);
    let (gpus, rows) = (usize::from(bytes.u16()?), usize::from(bytes.u16()?));
    if (rows > 0 && gpus == 0) || rows > ROWS_PER_BYTE * length {
        return Err(Damage::Rows { rows, gpus, bytes: length });
    }
    let shape = Shape { flags, some, full, gpus, rows };
    report.boot = bytes.u64()?;
    report.sequence = bytes.u64()?;
    report.mono_ns = bytes.u64()?;
    report.stamp = Stamp::from_tai_ns(bytes.i64()?);
    report.arrival = None;
    report.stamp_uncertainty = None;
    report.sent = None;
    if shape.has(SENT) {
        report.sent = Some(report.stamp + Span::from_ns(bytes.i64()?));
    }
    report.answer = None;
    if shape.has(ANSWER) {
        let (sent, heard) = (bytes.i64()?, bytes.i64()?);
        report.answer = Some(Answer { sent: Stamp::from_tai_ns(sent), heard: Stamp::from_tai_ns(heard) });
    }
    if shape.has(RECEIPT) {
        let (epoch, sequence) = (bytes.u64()?, bytes.u64()?);
        let refused = if shape.has(REFUSED) { Some(bytes.text()?) } else { None };
        receipt(&mut report.receipt, epoch, sequence, refused);
    } else {
        report.receipt = None;
    }
    Ok(shape)
}

/// The same refusal is repeated until the next command: its text is written over the last one.
fn receipt(into: &mut Option<CapReceipt>, epoch: u64, sequence: u64, refused: Option<&str>) {
    let known = into.get_or_insert(CapReceipt { epoch, sequence, refused: None });
    (known.epoch, known.sequence) = (epoch, sequence);
    match (&mut known.refused, refused) {
        (Some(old), Some(new)) => {
            old.clear();
            old.push_str(new);
        }
        (old, new) => *old = new.map(str::to_owned),
    }
}

/// Node, and the GPU of each row.
fn table(
    bytes: &mut Bytes<'_>,
    shape: &Shape,
    node: &str,
    names: &mut Names,
    report: &mut NodeReport,
) -> Result<(), Damage> {
    let from = bytes.0;
    if shape.has(TEXT) {
        for _ in 0..shape.gpus {
            bytes.text()?;
        }
    } else {
        bytes.take(16 * shape.gpus)?;
    }
    let table = &from[..from.len() - bytes.0.len()];
    let index = if shape.has(INDEXED) { Some(bytes.take(2 * shape.rows)?) } else { None };
    if let Some((node, gpus)) = names.table(node, shape.has(TEXT), table) {
        if !Arc::ptr_eq(&report.node, node) {
            report.node = Arc::clone(node);
        }
        return label(report, shape, gpus, index);
    }
    let mut rest = Bytes(table);
    let mut gpus = Vec::with_capacity(shape.gpus);
    for _ in 0..shape.gpus {
        gpus.push(if shape.has(TEXT) { names.get(rest.text()?) } else { names.get(&text(&rest.array()?)) });
    }
    report.node = names.get(node);
    names.keep(&report.node, shape.has(TEXT), table, &gpus);
    label(report, shape, &gpus, index)
}

/// Gives each row its GPU. A row that has it already, as it has in a report of the same node, is not touched.
fn label(
    report: &mut NodeReport,
    shape: &Shape,
    gpus: &[Arc<str>],
    index: Option<&[u8]>,
) -> Result<(), Damage> {
    report.gpus.truncate(shape.rows);
    let Some(first) = gpus.first() else { return Ok(()) };
    report.gpus.resize_with(shape.rows, || (Arc::clone(first), GpuSample::default()));
    let put = |row: &mut Row, gpu: &Arc<str>| {
        if !Arc::ptr_eq(&row.0, gpu) {
            row.0 = Arc::clone(gpu);
        }
    };
    match index {
        None => {
            for turn in report.gpus.chunks_mut(gpus.len()) {
                turn.iter_mut().zip(gpus).for_each(|(row, gpu)| put(row, gpu));
            }
        }
        Some(index) => {
            for (row, place) in report.gpus.iter_mut().zip(index.as_chunks::<2>().0) {
                let place = u16::from_le_bytes(*place);
                put(row, gpus.get(usize::from(place)).ok_or(Damage::Gpu(place))?);
            }
        }
    }
    Ok(())
}

/// Which rows of a column have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Nowhere,
    All,
    Some,
}

impl Shape {
    fn presence(&self, bit: usize) -> Presence {
        match ((self.some >> bit) & 1, (self.full >> bit) & 1) {
            (0, _) => Presence::Nowhere,
            (_, 0) => Presence::Some,
            _ => Presence::All,
        }
    }
}

fn floats(bytes: &mut Bytes<'_>, shape: &Shape, rows: &mut [Row]) -> Result<(), Damage> {
    const { assert!(FLOATS == 9) };
    float(bytes, shape.presence(0), rows, |s, x| s.power_w = x.into())?;
    float(bytes, shape.presence(1), rows, |s, x| s.power_average_w = x.into())?;
    float(bytes, shape.presence(2), rows, |s, x| s.clock_mhz = x.into())?;
    float(bytes, shape.presence(3), rows, |s, x| s.memory_clock_mhz = x.into())?;
    float(bytes, shape.presence(4), rows, |s, x| s.die_c = x.into())?;
    float(bytes, shape.presence(5), rows, |s, x| s.hbm_c = x.into())?;
    float(bytes, shape.presence(6), rows, |s, x| s.margin_k = x.into())?;
    float(bytes, shape.presence(7), rows, |s, x| s.enforced_cap_w = x.into())?;
    float(bytes, shape.presence(8), rows, |s, x| s.utilisation = x.into())
}

/// Bitmap of a column that is not full.
fn bitmap<'a>(bytes: &mut Bytes<'a>, presence: Presence, rows: usize) -> Result<&'a [u8], Damage> {
    if presence == Presence::Some { bytes.take(rows.div_ceil(8)) } else { Ok(&[]) }
}

/// Takes out again what the bitmap says is not there.
fn blank<T>(bitmap: &[u8], rows: &mut [Row], set: impl Fn(&mut GpuSample, Option<T>)) {
    if bitmap.is_empty() {
        return;
    }
    for (i, (_, sample)) in rows.iter_mut().enumerate() {
        if bitmap[i / 8] >> (i % 8) & 1 == 0 {
            set(sample, None);
        }
    }
}

/// Runs over the steps of a column, one per row.
#[inline]
fn steps(
    bytes: &mut Bytes<'_>,
    code: u8,
    rows: &mut [Row],
    mut put: impl FnMut(&mut GpuSample, u64),
) -> Result<(), Damage> {
    macro_rules! each {
        ($type:ty) => {{
            let values = bytes.take(rows.len() * size_of::<$type>())?.as_chunks().0;
            for ((_, sample), value) in rows.iter_mut().zip(values) {
                put(sample, u64::from(<$type>::from_le_bytes(*value)));
            }
        }};
    }
    match code & 15 {
        CONSTANT => rows.iter_mut().for_each(|(_, sample)| put(sample, 0)),
        ONE => each!(u8),
        TWO => each!(u16),
        FOUR => each!(u32),
        EIGHT => each!(u64),
        _ => return Err(Damage::Code(code)),
    }
    Ok(())
}

fn whole(
    bytes: &mut Bytes<'_>,
    presence: Presence,
    rows: &mut [Row],
    set: impl Fn(&mut GpuSample, Option<u64>) + Copy,
) -> Result<(), Damage> {
    if presence == Presence::Nowhere {
        rows.iter_mut().for_each(|(_, s)| set(s, None));
        return Ok(());
    }
    let code = bytes.u8()?;
    let unit = *WHOLE.get(usize::from(code >> 4)).ok_or(Damage::Code(code))?;
    let bitmap = bitmap(bytes, presence, rows.len())?;
    let base = bytes.u64()?;
    steps(bytes, code, rows, |s, step| set(s, Some(base.wrapping_add(step.wrapping_mul(unit)))))?;
    blank(bitmap, rows, set);
    Ok(())
}

fn float(
    bytes: &mut Bytes<'_>,
    presence: Presence,
    rows: &mut [Row],
    set: impl Fn(&mut GpuSample, Option<f32>) + Copy,
) -> Result<(), Damage> {
    if presence == Presence::Nowhere {
        rows.iter_mut().for_each(|(_, s)| set(s, None));
        return Ok(());
    }
    let code = bytes.u8()?;
    let unit = *UNITS.get(usize::from(code >> 4)).ok_or(Damage::Code(code))?;
    let bitmap = bitmap(bytes, presence, rows.len())?;
    if code == PLAIN {
        let values = bytes.take(4 * rows.len())?.as_chunks().0;
        for ((_, sample), value) in rows.iter_mut().zip(values) {
            set(sample, Some(f32::from_le_bytes(*value)).filter(|x| x.is_finite()));
        }
    } else {
        let base = i64::from(bytes.i32()?);
        let number = |step: u64| base.wrapping_add(step.cast_signed()) as f64;
        steps(bytes, code, rows, |s, step| set(s, Some((number(step) * unit) as f32)))?;
    }
    blank(bitmap, rows, set);
    Ok(())
}

fn double(
    bytes: &mut Bytes<'_>,
    presence: Presence,
    rows: &mut [Row],
    set: impl Fn(&mut GpuSample, Option<f64>) + Copy,
) -> Result<(), Damage> {
    if presence == Presence::Nowhere {
        rows.iter_mut().for_each(|(_, s)| set(s, None));
        return Ok(());
    }
    let code = bytes.u8()?;
    let unit = *UNITS.get(usize::from(code >> 4)).ok_or(Damage::Code(code))?;
    let bitmap = bitmap(bytes, presence, rows.len())?;
    if code == PLAIN {
        let values = bytes.take(8 * rows.len())?.as_chunks().0;
        for ((_, sample), value) in rows.iter_mut().zip(values) {
            set(sample, Some(f64::from_le_bytes(*value)).filter(|x| x.is_finite()));
        }
    } else {
        let base = bytes.i64()?;
        let number = |step: u64| base.wrapping_add(step.cast_signed()) as f64;
        steps(bytes, code, rows, |s, step| set(s, Some(number(step) * unit)))?;
    }
    blank(bitmap, rows, set);
    Ok(())
}

const _: () = assert!(VERSION != b'{');
