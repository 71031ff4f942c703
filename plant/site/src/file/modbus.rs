//! One Modbus device of the site file: how it is reached, what may be read of it, how it is commanded.
//!
//! Not for: what a register is (`registers`).

use super::Names;
use super::disk::{FileError, read_text};
use super::registers::{Draft, byte_order, forbid, read_register_map, word};
use super::tls;
use crate::doc::{At, Table};
use crate::model::{
    Heartbeat, HeartbeatKind, ModbusSpec, RegisterSpace, RegisterSpec, RegisterType, Remote, Transport,
    WriteWith,
};
use crate::time::Span;
use std::path::Path;

/// Reads a `[[modbus]]` table, with the names of its registers.
pub(super) fn modbus_spec(t: &Table<'_>, id: String, base: &Path) -> (ModbusSpec, Names) {
    let (transport, address) = reach(t, base);
    let mut draft = Draft::default();
    let address_base = t.or("address-base", 0_u16);
    let order = byte_order(t);
    let mut forbidden = from_map(t, base, &mut draft);
    forbidden.extend(forbid(t, address_base));
    t.tables("register", |r| draft.read(r, address_base, order));
    let (registers, names) = draft.finish(t.doc(), &forbidden);
    let write = word(
        t,
        "write",
        &[("either", WriteWith::Either), ("single", WriteWith::Single), ("multiple", WriteWith::Multiple)],
    )
    .unwrap_or_default();
    let remote = t.table("remote", |r| remote(r, &names, &registers, write)).unwrap_or_default();
    let unit = t.or("unit", 1_u16);
    if unit > 255 {
        t.doc().find(t.span_of("unit"), "`unit` is not in 0..255", "write the unit (slave) id of the device");
    }
    let max_block = t.or("max-block", 100_u16);
    if !(1..=125).contains(&max_block) {
        t.doc().find(
            t.span_of("max-block"),
            "`max-block` is not in 1..125",
            "a Modbus read carries at most 125 registers",
        );
    }
    let spec = ModbusSpec {
        id,
        address,
        transport,
        unit: unit as u8,
        poll: t.or("poll", Span::from_s(2.0)),
        timeout: t.or("timeout", Span::from_s(1.0)),
        min_gap: t.or("min-gap", Span::ZERO),
        max_block: max_block.clamp(1, 125),
        max_gap: t.or("max-gap", 8),
        forbid: forbidden,
        write,
        registers,
        remote,
    };
    (spec, names)
}

/// The registers of the map file that is named, if one is; what it forbids.
fn from_map(t: &Table<'_>, base: &Path, draft: &mut Draft) -> Vec<crate::model::Forbidden> {
    let Some(map) = t.at::<String>("map") else { return Vec::new() };
    let path = base.join(&map.value);
    match read_text(&path) {
        Ok(text) => match read_register_map(&map.value, &text) {
            Ok(read) => {
                for register in read.registers {
                    draft.take(register, &map.span);
                }
                return read.forbid;
            }
            Err(findings) => {
                for f in findings {
                    let what = format!("in the map: {}:{}: {}", f.file, f.line, f.what);
                    t.doc().find(map.span.clone(), what, f.remedy);
                }
            }
        },
        Err(e) => {
            let what = format!("cannot read map `{}`: {e}", path.display());
            let remedy = match e {
                FileError::Io(_) => "correct the path (relative to the site file)",
                FileError::TooLong | FileError::NotText { .. } => {
                    "name a register map (relative to the site file)"
                }
            };
            t.doc().find(map.span, what, remedy);
        }
    }
    Vec::new()
}

/// Transport and `host:port`.
fn reach(t: &Table<'_>, base: &Path) -> (Transport, String) {
    let Some(url) = t.need_at::<String>("url") else { return (Transport::Tcp, String::new()) };
    let (scheme, address) = url.value.split_once("://").unwrap_or(("tcp", &url.value));
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        t.doc().find(
            url.span.clone(),
            format!("`{}` is not an address of this kind", url.value),
            "write tcp://host:port, rtu+tcp://host:port or tls://host:port",
        );
    }
    let tls = t.table("tls", |tls| tls::read(tls, base));
    if tls.is_some() && scheme != "tls" {
        let what = format!("`tls` is given, but `{}` is not encrypted", url.value);
        t.doc().find(t.span_of("tls"), what, "write url = \"tls://host:port\", or remove `tls`");
    }
    let transport = match scheme {
        "tcp" => Transport::Tcp,
        "rtu+tcp" => Transport::RtuOverTcp,
        "tls" => {
            if !t.has("tls") {
                let remedy = "add [modbus.tls] with ca = \"...\", the authority of the device's certificate";
                t.doc().find(url.span, "a tls:// address without `tls`", remedy);
            }
            Transport::Tls(tls.unwrap_or_default())
        }
        other => {
            t.doc().find(
                url.span.clone(),
                format!("`{other}` is not a transport"),
                "write tcp://host:port, rtu+tcp://host:port or tls://host:port",
            );
            Transport::Tcp
        }
    };
    (transport, address.to_owned())
}

/// Why a register cannot be written, with a remedy.
pub(super) fn unwritable(register: &RegisterSpec, write: WriteWith) -> Option<(String, &'static str)> {
    if matches!(register.space, RegisterSpace::Input | RegisterSpace::Discrete) {
        let what = format!("register `{}` can only be read", register.name);
        return Some((what, "name a coil or a holding register"));
    }
    (write == WriteWith::Single && register.width() > 1).then(|| {
        let what =
            format!("register `{}` takes {} words, and `write` is single", register.name, register.width());
        (what, "write = \"multiple\", or a register of 16 bits")
    })
}

fn remote(t: &Table<'_>, names: &Names, registers: &[RegisterSpec], write: WriteWith) -> Remote {
    let find = |key: &str| t.at::<String>(key).and_then(|n: At<String>| names.find(t.doc(), &n));
    let written = |key: &str| {
        let found = find(key)?;
        if let Some((what, remedy)) = unwritable(&registers[found], write) {
            t.doc().find(t.span_of(key), what, remedy);
        }
        Some(found)
    };
    let enable = written("enable").map(|r| (r, t.or("enable-value", 1.0)));
    let echo = find("echo");
    let heartbeat = written("heartbeat");
    let bit = heartbeat.is_some_and(|r| registers[r].kind == RegisterType::Bool);
    let kind = heartbeat_kind(t, bit, echo);
    let heartbeat = heartbeat.map(|register| Heartbeat {
        register,
        period: t.or("heartbeat-period", Span::from_s(5.0)),
        kind,
    });
    let timer = written("timer").map(|r| (r, t.or("hold", Span::from_s(120.0))));
    Remote { enable, heartbeat, echo, timer, local: find("local"), rewrite: t.get("rewrite") }
}

/// What the heartbeat register is written: unless it is said, a bit toggles and a word counts.
fn heartbeat_kind(t: &Table<'_>, bit: bool, echo: Option<usize>) -> HeartbeatKind {
    #[derive(Clone, Copy, PartialEq)]
    enum Said {
        Counter,
        Toggle,
        Mirror,
    }
    let key = "heartbeat-kind";
    let said =
        word(t, key, &[("counter", Said::Counter), ("toggle", Said::Toggle), ("mirror", Said::Mirror)]);
    if said.is_some() && !t.has("heartbeat") {
        t.doc().find(t.span_of(key), "`heartbeat-kind` without `heartbeat`", "add heartbeat = \"...\"");
    }
    match (said, echo) {
        (Some(Said::Counter), _) if bit => {
            t.doc().find(t.span_of(key), "a bit cannot count", "write heartbeat-kind = \"toggle\"");
            HeartbeatKind::Toggle
        }
        (Some(Said::Mirror), Some(own)) => HeartbeatKind::Mirror(own),
        (Some(Said::Mirror), None) => {
            let remedy = "add echo = \"...\", the register of the device's own counter";
            t.doc().find(t.span_of(key), "a mirror needs something to show", remedy);
            HeartbeatKind::Counter
        }
        (Some(Said::Toggle), _) => HeartbeatKind::Toggle,
        (None, _) if bit => HeartbeatKind::Toggle,
        (Some(Said::Counter) | None, _) => HeartbeatKind::Counter,
    }
}
