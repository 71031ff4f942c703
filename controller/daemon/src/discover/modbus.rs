//! `headroom discover modbus`: a register map from what a device answers to reading.
//!
//! Responsible for: the probe's bounds, and guesses that say that they are guesses. Not for: the wire
//! (`headroom_drivers::modbus::probe`), nor for what a register means: that stands in the vendor's manual.

use super::{float, is_free, remark, text};
use crate::check::Format;
use crate::exit;
use anyhow::{Context, Result};
use clap::Args;
use headroom_drivers::modbus::probe::{Probe, Probed, probe};
use headroom_site::Span;
use headroom_site::model::{RegisterSpace, Tls, Transport};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Words that devices use for "no sensor".
const SENTINELS: [u16; 3] = [0x7FFF, 0x8000, 0xFFFF];
/// Zeros in a row from which on they are named in one line.
const RUN: usize = 4;

/// Options of `headroom discover modbus`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Device: tcp://host:port, or rtu+tcp://host:port.
    url: String,
    /// Unit id.
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// First address, counted from 0 as on the wire.
    #[arg(long, default_value_t = 0)]
    from: u16,
    /// Last address.
    #[arg(long, default_value_t = 200)]
    to: u16,
    /// Patience with one answer.
    #[arg(long, default_value = "1s", value_parser = crate::see::span)]
    timeout: Span,
    /// Pause before each request.
    #[arg(long, default_value = "20 ms", value_parser = crate::see::span)]
    pause: Span,
    /// Most requests in all.
    #[arg(long, default_value_t = 2000)]
    most_requests: u32,
    /// Register map to write; it must not be there yet.
    #[arg(long)]
    out: PathBuf,
    /// How the summary is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Summary {
    file: String,
    requests: u32,
    holding: usize,
    input: usize,
    coil: usize,
    discrete: usize,
    refused: usize,
    registers_in_map: usize,
    identity: Vec<String>,
    stopped: Vec<String>,
}

/// Runs the verb.
pub(super) async fn run(options: &Options) -> Result<ExitCode> {
    let Some((transport, address)) = reach(&options.url) else {
        eprintln!("headroom discover: `{}` is not tcp://host:port or rtu+tcp://host:port", options.url);
        return Ok(ExitCode::from(2));
    };
    if options.from > options.to {
        eprintln!("headroom discover: --from {} is above --to {}", options.from, options.to);
        return Ok(ExitCode::from(2));
    }
    if let Err(code) = is_free(&options.out) {
        return Ok(code);
    }
    let wall = |span: Span| Duration::from_nanos(span.ns().max(0).cast_unsigned());
    let asked = Probe {
        address,
        transport,
        unit: options.unit,
        from: options.from,
        to: options.to,
        deadline: wall(options.timeout),
        pause: wall(options.pause),
        most_requests: options.most_requests,
    };
    let found = match probe(&asked).await {
        Ok(found) => found,
        Err(e) => {
            eprintln!("headroom discover: {}: {e}", options.url);
            return Ok(ExitCode::from(exit::NO_FIELD));
        }
    };
    let draft = draft(&found, options);
    let summary = summary(&found, &draft, options);
    if found.words.is_empty() {
        eprintln!(
            "headroom discover: {}: unit {} let nothing be read; {}",
            options.url,
            options.unit,
            summary.stopped.join("; ")
        );
        return Ok(ExitCode::from(exit::FAULT));
    }
    std::fs::write(&options.out, draft).with_context(|| options.out.display().to_string())?;
    match options.format {
        Format::Json => println!("{}", serde_json::to_string(&summary)?),
        Format::Plain => println!("{}", plain(&summary)),
    }
    Ok(ExitCode::SUCCESS)
}

fn reach(url: &str) -> Option<(Transport, String)> {
    let (transport, address) = match url.split_once("://")? {
        ("tcp", address) => (Transport::Tcp, address),
        ("rtu+tcp", address) => (Transport::RtuOverTcp, address),
        ("tls", address) => (Transport::Tls(Tls::default()), address),
        _ => return None,
    };
    let address = address.trim_end_matches('/');
    // A probe knows no certificates: TLS devices need a site file.
    (address.contains(':') && !matches!(transport, Transport::Tls(_)))
        .then(|| (transport, address.to_owned()))
}

fn summary(found: &Probed, draft: &str, options: &Options) -> Summary {
    let count = |space| found.words.keys().filter(|(s, _)| *s == space).count();
    Summary {
        file: options.out.display().to_string(),
        requests: found.requests,
        holding: count(RegisterSpace::Holding),
        input: count(RegisterSpace::Input),
        coil: count(RegisterSpace::Coil),
        discrete: count(RegisterSpace::Discrete),
        refused: found.refused.iter().map(|r| usize::from(r.last - r.first) + 1).sum(),
        registers_in_map: draft.matches("[[register]]").count(),
        identity: found.identity.iter().map(|(_, text)| remark(text)).collect(),
        stopped: found.stopped.iter().map(|(space, why)| format!("{}: {why}", word(*space))).collect(),
    }
}

fn plain(s: &Summary) -> String {
    let mut out = format!(
        "{}: {} registers drafted from {} holding, {} input, {} coils, {} discrete; {} addresses refused; {} requests, all \
         of them reads",
        s.file, s.registers_in_map, s.holding, s.input, s.coil, s.discrete, s.refused, s.requests
    );
    for line in s.identity.iter().map(|i| format!("device says: {i}")).chain(s.stopped.clone()) {
        out += &format!("\n{line}");
    }
    out
}

fn word(space: RegisterSpace) -> &'static str {
    RegisterSpace::ALL.iter().find(|(_, s)| *s == space).map_or("?", |(word, _)| word)
}

/// The map as text.
fn draft(found: &Probed, options: &Options) -> String {
    let mut o = String::new();
    // Writing into a String cannot fail.
    let _ = head(&mut o, found, options);
    for space in [RegisterSpace::Holding, RegisterSpace::Input] {
        for run in runs(found, space) {
            let _ = words(&mut o, space, &run);
        }
    }
    for space in [RegisterSpace::Coil, RegisterSpace::Discrete] {
        for run in runs(found, space) {
            let _ = bits(&mut o, space, &run);
        }
    }
    o
}

fn head(o: &mut String, found: &Probed, options: &Options) -> std::fmt::Result {
    writeln!(
        o,
        "# A draft: what unit {} let be read from {} to {}. Nothing was written to it.",
        options.unit, options.from, options.to
    )?;
    writeln!(
        o,
        "# Every type is a guess from one look. CONFIRM each with the vendor's manual: name, type, scale, unit."
    )?;
    for (space, why) in &found.stopped {
        writeln!(o, "# {}: {}", word(*space), remark(&why.to_string()))?;
    }
    for r in &found.refused {
        writeln!(o, "# {} {}-{}: refused", word(r.space), r.first, r.last)?;
    }
    for (id, said) in found.identity.iter().filter(|(id, _)| *id > 1) {
        writeln!(o, "# device identification, object {id}: {}", remark(said))?;
    }
    let of = |object: u8| {
        found.identity.iter().find(|(id, t)| *id == object && !t.is_empty()).map(|(_, t)| t.as_str())
    };
    writeln!(o, "vendor = {}", text(of(0).unwrap_or("unknown")))?;
    writeln!(o, "model = {}", text(of(1).unwrap_or("unknown")))?;
    writeln!(o, "source = {}", text(&format!("probed over Modbus, unit {}", options.unit)))?;
    writeln!(o, "address-base = 0\nbyte-order = \"ABCD\"\n")
}

/// Stretches of addresses without a gap.
fn runs(found: &Probed, space: RegisterSpace) -> Vec<Vec<(u16, u16)>> {
    let mut out: Vec<Vec<(u16, u16)>> = Vec::new();
    for ((s, at), w) in &found.words {
        if *s != space {
            continue;
        }
        match out.last_mut() {
            Some(run) if run.last().is_some_and(|(last, _)| last.checked_add(1) == Some(*at)) => {
                run.push((*at, *w));
            }
            _ => out.push(vec![(*at, *w)]),
        }
    }
    out
}

/// A number that a sensor might say.
fn plausible(high: u16, low: u16) -> Option<f64> {
    let x = f64::from(f32::from_bits(u32::from(high) << 16 | u32::from(low)));
    (1e-2..1e7).contains(&x.abs()).then_some(x)
}

fn words(o: &mut String, space: RegisterSpace, run: &[(u16, u16)]) -> std::fmt::Result {
    let mut i = 0;
    while let Some(&(at, w)) = run.get(i) {
        let zeros = run[i..].iter().take_while(|(_, w)| *w == 0).count();
        if zeros >= RUN {
            writeln!(o, "# {} {at}-{}: 0\n", word(space), usize::from(at) + zeros - 1)?;
            i += zeros;
            continue;
        }
        let pair = run.get(i + 1).and_then(|&(_, next)| {
            let straight = plausible(w, next).map(|x| ("ABCD", x));
            straight.or_else(|| plausible(next, w).map(|x| ("CDAB", x))).map(|(order, x)| (order, x, next))
        });
        if let Some((order, x, next)) = pair {
            let said = format!("unconfirmed: words 0x{w:04X} 0x{next:04X}, as float32 {order} {}", float(x));
            register(o, space, at, "float32", (order == "CDAB").then_some(order), &said)?;
            i += 2;
        } else {
            single(o, space, at, w)?;
            i += 1;
        }
    }
    Ok(())
}

fn single(o: &mut String, space: RegisterSpace, at: u16, w: u16) -> std::fmt::Result {
    let signed = w.cast_signed();
    let tenths = float(f64::from(signed) / 10.0);
    let said = if SENTINELS.contains(&w) {
        format!("unconfirmed: word 0x{w:04X}, which may mean no sensor")
    } else if w >= 0xF000 {
        format!("unconfirmed: word 0x{w:04X}, as int16 {signed}, as tenths {tenths}")
    } else {
        format!("unconfirmed: word 0x{w:04X}, as uint16 {w}, as tenths {tenths}")
    };
    register(o, space, at, if w >= 0xF000 && w != 0xFFFF { "int16" } else { "uint16" }, None, &said)
}

fn register(
    o: &mut String,
    space: RegisterSpace,
    at: u16,
    kind: &str,
    order: Option<&str>,
    said: &str,
) -> std::fmt::Result {
    let space = word(space);
    writeln!(
        o,
        "[[register]]\nname = \"{space}-{at}\"\nspace = \"{space}\"\naddress = {at}\ntype = \"{kind}\""
    )?;
    if let Some(order) = order {
        writeln!(o, "byte-order = \"{order}\"")?;
    }
    writeln!(o, "description = {}\n", text(said))
}

/// Bits that are on become registers; stretches that are off are named.
fn bits(o: &mut String, space: RegisterSpace, run: &[(u16, u16)]) -> std::fmt::Result {
    for same in run.chunk_by(|a, b| a.1 == b.1) {
        let (Some((first, value)), Some((last, _))) = (same.first(), same.last()) else { continue };
        if *value == 0 {
            writeln!(o, "# {} {first}-{last}: off\n", word(space))?;
            continue;
        }
        for (at, _) in same {
            let space = word(space);
            writeln!(o, "[[register]]\nname = \"{space}-{at}\"\nspace = \"{space}\"\naddress = {at}")?;
            writeln!(o, "description = \"unconfirmed: on\"\n")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_floats_where_they_look_like_it_and_words_else() {
        let mut o = String::new();
        let run: Vec<(u16, u16)> =
            (0..).zip([0x41DC, 0, 0x6666, 0x41DC, 7, 275, 0xFFF6, 0x8000, 0, 0, 0, 0, 9]).collect();
        words(&mut o, RegisterSpace::Holding, &run).unwrap();
        for part in [
            "as float32 ABCD 27.5",
            "as float32 CDAB 27.5",
            "byte-order = \"CDAB\"",
            "as uint16 275, as tenths 27.5",
            "as int16 -10",
            "may mean no sensor",
            "# holding 8-11: 0",
            "name = \"holding-12\"",
        ] {
            assert!(o.contains(part), "{part}\n{o}");
        }
        let map = headroom_site::file::read_register_map("m", &format!("address-base = 0\n{o}")).unwrap();
        assert_eq!(map.registers.len(), 7);
        assert_eq!(reach("tcp://h:502"), Some((Transport::Tcp, "h:502".to_owned())));
        assert!(reach("tls://h:802").is_none() && reach("h:502").is_none() && reach("tcp://h").is_none());
    }
}
