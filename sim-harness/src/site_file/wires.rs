//! Connections: the bus, the metrics page, the Modbus devices with their register maps.

use super::{SiteAddresses, SiteSource, point_id};
use crate::image::{Encoding, Image, Meaning, Space};
use std::fmt::{self, Write};

pub(super) fn write_connections(o: &mut String, s: &SiteSource<'_>, a: &SiteAddresses) -> fmt::Result {
    writeln!(o, "[[mqtt]]\nid = \"bms\"\nurl = \"{}\"\ndialect = \"dsx\"", a.broker)?;
    writeln!(o, "integration = \"{}\"\nheartbeat = \"10 s\"\nagents = true\n", s.integration)?;
    writeln!(
        o,
        "[[prometheus]]\nid = \"engines\"\nurl = \"{}\"\nengine = \"vllm\"\npoll = \"5 s\"\n",
        a.metrics
    )?;
    for (device, address) in s.modbus.iter().zip(&a.modbus) {
        writeln!(o, "[[modbus]]\nid = \"{}\"\nurl = \"tcp://{address}\"\nunit = {}", device.id, device.unit)?;
        writeln!(o, "poll = \"5 s\"\ntimeout = \"10 s\"")?;
        for r in &device.registers {
            let (kind, order) = match r.encoding {
                Encoding::U16 => ("uint16", "ABCD"),
                Encoding::I16 => ("int16", "ABCD"),
                Encoding::U32 => ("uint32", "ABCD"),
                Encoding::F32 => ("float32", "ABCD"),
                Encoding::F32Swapped => ("float32", "CDAB"),
            };
            let space = match r.space {
                Space::Coil => "coil",
                Space::Discrete => "discrete",
                Space::Input => "input",
                Space::Holding => "holding",
            };
            let kind = if matches!(r.space, Space::Coil | Space::Discrete) { "bool" } else { kind };
            writeln!(
                o,
                "[[modbus.register]]\nname = \"{}\"\nspace = \"{space}\"",
                register_name(s.image, &r.meaning)
            )?;
            writeln!(
                o,
                "address = {}\ntype = \"{kind}\"\nbyte-order = \"{order}\"\nscale = {}",
                r.address, r.scale
            )?;
            let shows = matches!(r.meaning, Meaning::Value(_) | Meaning::Applied(_));
            if let Some(sentinel) = sentinel(r.encoding).filter(|_| shows) {
                writeln!(o, "invalid = [{sentinel}]")?;
            }
        }
        if device.registers.iter().any(|r| r.meaning == Meaning::RemoteEnable) {
            writeln!(o, "[modbus.remote]\nenable = \"remote-enable\"\nheartbeat = \"heartbeat\"")?;
            writeln!(o, "heartbeat-period = \"5 s\"\necho = \"heartbeat-echo\"\ntimer = \"setpoint-timer\"")?;
            writeln!(o, "hold = \"90 s\"\nlocal = \"local\"")?;
        }
        writeln!(o)?;
    }
    Ok(())
}

/// What the device shows where it has no value; a float then shows NaN, which says so itself.
fn sentinel(encoding: Encoding) -> Option<u32> {
    match encoding {
        Encoding::U16 => Some(0xFFFF),
        Encoding::I16 => Some(0x8000),
        Encoding::U32 => Some(0xFFFF_FFFF),
        Encoding::F32 | Encoding::F32Swapped => None,
    }
}

pub(super) fn register_name(image: &Image, meaning: &Meaning) -> String {
    match meaning {
        Meaning::Value(p) => point_id(&image.points[*p]),
        Meaning::Setpoint(p) => format!("{}/setpoint", point_id(&image.points[*p])),
        Meaning::Applied(p) => format!("{}/applied", point_id(&image.points[*p])),
        Meaning::RemoteEnable => "remote-enable".to_owned(),
        Meaning::HeartbeatIn => "heartbeat".to_owned(),
        Meaning::HeartbeatOut => "heartbeat-echo".to_owned(),
        Meaning::SetpointTimer => "setpoint-timer".to_owned(),
        Meaning::Local => "local".to_owned(),
    }
}
