//! Writing a packed report.

use super::{
    ANSWER, COUNTERS, Damage, EIGHT, ENERGY, FLOATS, FOUR, INDEXED, ONE, PLAIN, REASONS, RECEIPT, REFUSED,
    ROWS_PER_BYTE, SENT, TEXT, TWO, UNITS, VERSION, WHOLE, binary,
};
use crate::node_report::CodecError;
use headroom_site::{GpuSample, NodeReport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where `some` and `full` stand in the message.
const MASKS: usize = 2;

/// Encodes a report in the packed layout, in place of what `out` held.
///
/// # Errors
/// [`Damage::Size`]: more rows, GPUs or text than the layout has room for.
pub fn encode_packed(report: &NodeReport, out: &mut Vec<u8>) -> Result<(), CodecError> {
    out.clear();
    let (table, index) = table(report)?;
    let rows = u16::try_from(report.gpus.len()).map_err(|_| Damage::Size)?;
    let gpus = u16::try_from(table.len()).map_err(|_| Damage::Size)?;
    let in_turn = index.iter().enumerate().all(|(row, &gpu)| row % table.len() == usize::from(gpu));
    let canonical: Option<Vec<[u8; 16]>> = table.iter().map(|uuid| binary(uuid)).collect();
    let refused = report.receipt.as_ref().and_then(|receipt| receipt.refused.as_deref());
    let flag = |is: bool, bit: u8| if is { bit } else { 0 };
    let flags = flag(canonical.is_none(), TEXT)
        | flag(!in_turn, INDEXED)
        | flag(report.sent.is_some(), SENT)
        | flag(report.answer.is_some(), ANSWER)
        | flag(report.receipt.is_some(), RECEIPT)
        | flag(refused.is_some(), REFUSED);
    out.extend([VERSION, flags, 0, 0, 0, 0]);
    out.extend(gpus.to_le_bytes());
    out.extend(rows.to_le_bytes());
    for number in [report.boot, report.sequence, report.mono_ns] {
        out.extend(number.to_le_bytes());
    }
    out.extend(report.stamp.tai_ns().to_le_bytes());
    let sent = report.sent.map(|sent| sent.since(report.stamp).ns());
    let answer = report.answer.map(|a| [a.sent.tai_ns(), a.heard.tai_ns()]);
    for instant in sent.into_iter().chain(answer.into_iter().flatten()) {
        out.extend(instant.to_le_bytes());
    }
    if let Some(receipt) = &report.receipt {
        out.extend(receipt.epoch.to_le_bytes());
        out.extend(receipt.sequence.to_le_bytes());
        refused.map_or(Ok(()), |why| put_text(why, out))?;
    }
    put_text(&report.node, out)?;
    match canonical {
        Some(uuids) => out.extend(uuids.as_flattened()),
        None => table.iter().try_for_each(|uuid| put_text(uuid, out))?,
    }
    if !in_turn {
        out.extend(index.iter().flat_map(|gpu| gpu.to_le_bytes()));
    }
    columns(report, out);
    if report.gpus.len() > ROWS_PER_BYTE * out.len() {
        return Err(Damage::Size.into());
    }
    Ok(())
}

fn put_text(text: &str, out: &mut Vec<u8>) -> Result<(), Damage> {
    out.extend(u16::try_from(text.len()).map_err(|_| Damage::Size)?.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

/// The GPUs in the order in which they come up first, and the place of each row's there.
fn table(report: &NodeReport) -> Result<(Vec<&Arc<str>>, Vec<u16>), Damage> {
    let mut places: BTreeMap<&str, u16> = BTreeMap::new();
    let mut table = Vec::new();
    let mut index = Vec::with_capacity(report.gpus.len());
    for (uuid, _) in &report.gpus {
        let next = u16::try_from(table.len()).map_err(|_| Damage::Size)?;
        let place = *places.entry(uuid).or_insert(next);
        if place == next {
            table.push(uuid);
        }
        index.push(place);
    }
    Ok((table, index))
}

fn columns(report: &NodeReport, out: &mut Vec<u8>) {
    let rows = &report.gpus;
    let times: Vec<Option<u64>> =
        rows.iter().map(|(_, s)| Some(s.stamp.since(report.stamp).ns().cast_unsigned())).collect();
    whole(&times, true, out);
    let (mut some, mut full) = (0_u16, 0_u16);
    let mut note = |bit: usize, present: (bool, bool)| {
        some |= u16::from(present.0) << bit;
        full |= u16::from(present.0 && present.1) << bit;
        present.0
    };
    let floats: [fn(&GpuSample) -> Option<f32>; FLOATS] = [
        |s| s.power_w.get(),
        |s| s.power_average_w.get(),
        |s| s.clock_mhz.get(),
        |s| s.memory_clock_mhz.get(),
        |s| s.die_c.get(),
        |s| s.hbm_c.get(),
        |s| s.margin_k.get(),
        |s| s.enforced_cap_w.get(),
        |s| s.utilisation.get(),
    ];
    for (bit, get) in floats.into_iter().enumerate() {
        let column: Vec<_> = rows.iter().map(|(_, s)| get(s).filter(|x| x.is_finite())).collect();
        if note(bit, presence(&column)) {
            float(&column, out);
        }
    }
    let energy: Vec<_> = rows.iter().map(|(_, s)| s.energy_j.get().filter(|x| x.is_finite())).collect();
    if note(ENERGY, presence(&energy)) {
        double(&energy, out);
    }
    let reasons: Vec<_> = rows.iter().map(|(_, s)| Some(u64::from(s.reasons))).collect();
    if note(REASONS, (reasons.iter().any(|r| *r != Some(0)), true)) {
        whole(&reasons, true, out);
    }
    for counter in 0..5 {
        let column: Vec<_> = rows.iter().map(|(_, s)| s.throttle_ns[counter].get()).collect();
        let present = presence(&column);
        if note(COUNTERS + counter, present) {
            whole(&column, present.1, out);
        }
    }
    out[MASKS..MASKS + 2].copy_from_slice(&some.to_le_bytes());
    out[MASKS + 2..MASKS + 4].copy_from_slice(&full.to_le_bytes());
}

/// Whether any row has a value, and whether all have.
fn presence<T>(column: &[Option<T>]) -> (bool, bool) {
    (column.iter().any(Option::is_some), column.iter().all(Option::is_some))
}

fn bitmap<T>(column: &[Option<T>], out: &mut Vec<u8>) {
    if column.iter().all(Option::is_some) {
        return;
    }
    for eight in column.chunks(8) {
        out.push(eight.iter().enumerate().fold(0, |byte, (i, x)| byte | u8::from(x.is_some()) << i));
    }
}

/// Steps above a base, in as few bytes as the greatest needs.
fn width(most: u64) -> u8 {
    match most {
        0 => super::CONSTANT,
        1..=0xFF => ONE,
        0x100..=0xFFFF => TWO,
        0x1_0000..=0xFFFF_FFFF => FOUR,
        _ => EIGHT,
    }
}

fn steps(steps: impl Iterator<Item = u64>, width: u8, out: &mut Vec<u8>) {
    let bytes = match width {
        ONE => 1,
        TWO => 2,
        FOUR => 4,
        EIGHT => 8,
        _ => 0,
    };
    steps.for_each(|step| out.extend(&step.to_le_bytes()[..bytes]));
}

/// A column of whole numbers: times (signed, as they are in 64 bits), reasons, counters.
fn whole(column: &[Option<u64>], is_full: bool, out: &mut Vec<u8>) {
    // Signed order serves all of them: what matters is that the steps are small.
    let least = column.iter().flatten().map(|x| x.cast_signed()).min().unwrap_or(0).cast_unsigned();
    let above = |x: &Option<u64>| x.map_or(0, |x| x.wrapping_sub(least));
    let unit = (0..WHOLE.len()).rev().find(|&u| column.iter().all(|x| above(x) % WHOLE[u] == 0)).unwrap_or(0);
    let most = column.iter().map(above).max().unwrap_or(0) / WHOLE[unit];
    let width = width(most);
    out.push(width | (unit as u8) << 4);
    if !is_full {
        bitmap(column, out);
    }
    out.extend(least.to_le_bytes());
    steps(column.iter().map(|x| above(x) / WHOLE[unit]), width, out);
}

/// The coarsest unit in which every value is a whole number and comes back bit for bit, and those numbers.
fn in_units(column: &[Option<f64>], same: impl Fn(f64, f64) -> bool) -> Option<(usize, Vec<Option<i64>>)> {
    (0..UNITS.len()).find_map(|unit| {
        let number = |x: f64| {
            let number = (x / UNITS[unit]).round();
            let whole = number as i64;
            // As the reader will: minus zero is lost on the way, and so goes plain.
            let fits = number.abs() < 9e15 && same(whole as f64 * UNITS[unit], x);
            fits.then_some(whole)
        };
        let numbers: Option<Vec<Option<i64>>> =
            column.iter().map(|x| x.map_or(Some(None), |x| number(x).map(Some))).collect();
        Some((unit, numbers?))
    })
}

fn float(column: &[Option<f32>], out: &mut Vec<u8>) {
    let doubles: Vec<Option<f64>> = column.iter().map(|x| x.map(f64::from)).collect();
    let same = |back: f64, x: f64| (back as f32).to_bits() == (x as f32).to_bits();
    let fixed = in_units(&doubles, same).and_then(|(unit, numbers)| {
        let least = numbers.iter().flatten().copied().min()?;
        let most = numbers.iter().flatten().map(|n| n.abs_diff(least)).max()?;
        // Base and steps of four bytes at most, and their sum as well.
        let end = i32::try_from(least.checked_add_unsigned(most)?);
        (end.is_ok() && most <= u64::from(u32::MAX)).then_some(())?;
        Some((unit, i32::try_from(least).ok()?, most, numbers))
    });
    let Some((unit, base, most, numbers)) = fixed else {
        out.push(PLAIN);
        bitmap(column, out);
        column.iter().for_each(|x| out.extend(x.unwrap_or(0.0).to_le_bytes()));
        return;
    };
    let width = width(most);
    out.push(width | (unit as u8) << 4);
    bitmap(column, out);
    out.extend(base.to_le_bytes());
    steps(numbers.iter().map(|n| n.map_or(0, |n| n.abs_diff(i64::from(base)))), width, out);
}

fn double(column: &[Option<f64>], out: &mut Vec<u8>) {
    let same = |back: f64, x: f64| back.to_bits() == x.to_bits();
    let Some((unit, numbers)) = in_units(column, same) else {
        out.push(PLAIN);
        bitmap(column, out);
        column.iter().for_each(|x| out.extend(x.unwrap_or(0.0).to_le_bytes()));
        return;
    };
    let base = numbers.iter().flatten().copied().min().unwrap_or(0);
    let above = |n: &Option<i64>| n.map_or(0, |n| n.abs_diff(base));
    let width = width(numbers.iter().map(above).max().unwrap_or(0));
    out.push(width | (unit as u8) << 4);
    bitmap(column, out);
    out.extend(base.to_le_bytes());
    steps(numbers.iter().map(above), width, out);
}
