//! The site file of a world: what a facility engineer would write down about this plant, written by the plant itself.
//!
//! Responsible for: places, GPU inventory, power tree, equipment, points, actuators and addresses as TOML. It tells the
//! controller only what such a file tells anywhere: no parameter of the truth beyond nameplates and ranges.

use crate::image::{Encoding, Image, ImagePoint, Meaning, ModbusDevice, Space};
use crate::world::place::{HALL, Places, cdu_name, node_name, rack_name, row_name};
use crate::world::tree::PowerTree;
use headroom_truth::facility::sizing::MIN_FLOW_TABLE;
use headroom_truth::work::{Job, JobKind};
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// What is written down.
#[derive(Debug, Clone, Copy)]
pub struct SiteSource<'a> {
    /// Name of the site.
    pub name: &'a str,
    /// Our integration id.
    pub integration: &'a str,
    /// Points.
    pub image: &'a Image,
    /// Devices.
    pub modbus: &'a [ModbusDevice],
    /// Places.
    pub places: &'a Places,
    /// Power tree.
    pub tree: &'a PowerTree,
    /// Jobs.
    pub jobs: &'a [Job],
    /// GPU model, as the site file names it.
    pub sku: &'a str,
}

/// Where things listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAddresses {
    /// `mqtt://host:port`.
    pub broker: String,
    /// `host:port` of each device, in their order.
    pub modbus: Vec<String>,
    /// `http://host:port/metrics`.
    pub metrics: String,
}

impl SiteAddresses {
    /// Addresses of a world that is never put on wires (virtual time): the customary ports.
    #[must_use]
    pub fn nowhere(devices: usize) -> Self {
        Self {
            broker: "mqtt://127.0.0.1:1883".to_owned(),
            modbus: (0..devices).map(|i| format!("127.0.0.1:{}", 1502 + i)).collect(),
            metrics: "http://127.0.0.1:9400/metrics".to_owned(),
        }
    }
}

/// UUID of a GPU of a world, in NVML's form.
#[must_use]
pub fn gpu_uuid(gpu: usize) -> String {
    let h = (gpu as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "GPU-{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        h >> 32,
        h >> 16 & 0xffff,
        h & 0xfff,
        h >> 4 & 0xfff,
        gpu
    )
}

/// Id of a point of the image in the site file.
#[must_use]
pub fn point_id(p: &ImagePoint) -> String {
    // The tag path without the hall is short, unique and readable.
    p.tag.strip_prefix("hall-1/").unwrap_or(&p.tag).to_owned()
}

/// The site file.
#[must_use]
pub fn site_file(source: &SiteSource<'_>, addresses: &SiteAddresses) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_site(&mut out, source, addresses);
    out
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let quoted: Vec<_> = items.into_iter().map(|s| format!("\"{s}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

fn write_site(o: &mut String, s: &SiteSource<'_>, a: &SiteAddresses) -> fmt::Result {
    writeln!(o, "# Written by the plant itself. The format is explained in the book.\nformat = 1")?;
    writeln!(o, "dew-point-margin = \"2 K\"\n\n[site]\nname = \"{}\"\n", s.name)?;
    writeln!(o, "[periods]\npower = \"1 s\"\ncooling = \"30 s\"\nagent = \"1 s\"\nlease = \"30 s\"\n")?;
    write_connections(o, s, a)?;
    write_places(o, s)?;
    write_power(o, s)?;
    write_equipment(o, s)?;
    write_points(o, s)?;
    write_actuators(o, s)?;
    write_meters(o)?;
    // Least flow by supply temperature, as the IT's maker states it.
    for (supply, flow) in MIN_FLOW_TABLE {
        writeln!(o, "[[min-flow]]\nsupply = \"{supply} degC\"\nflow = \"{flow} L/min/kW\"")?;
    }
    Ok(())
}

fn write_connections(o: &mut String, s: &SiteSource<'_>, a: &SiteAddresses) -> fmt::Result {
    writeln!(o, "[[mqtt]]\nid = \"bms\"\nurl = \"{}\"\ndialect = \"dsx\"", a.broker)?;
    writeln!(o, "integration = \"{}\"\nheartbeat = \"10 s\"\nagents = true\n", s.integration)?;
    writeln!(o, "[[prometheus]]\nid = \"engines\"\nurl = \"{}\"\npoll = \"5 s\"\n", a.metrics)?;
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

fn register_name(image: &Image, meaning: &Meaning) -> String {
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

fn write_places(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    writeln!(o, "[[place]]\nid = \"hall-1\"\nkind = \"hall\"")?;
    for row in 0..s.places.rows {
        writeln!(o, "[[place]]\nid = \"{}\"\nkind = \"row\"\nin = \"hall-1\"", row_name(row))?;
    }
    for rack in 0..s.places.racks {
        let row = row_name(s.places.row_of_rack(rack));
        writeln!(o, "[[place]]\nid = \"{}\"\nkind = \"rack\"\nin = \"{row}\"", rack_name(rack))?;
    }
    for node in 0..s.places.nodes {
        let rack = rack_name(s.places.rack_of_node(node));
        writeln!(o, "[[node]]\nid = \"{}\"\nrack = \"{rack}\"\nsku = \"{}\"", node_name(node), s.sku)?;
        writeln!(o, "other-power = \"1600 W\"\ngpus = {}", list(s.places.gpus_of_node(node).map(gpu_uuid)))?;
    }
    for job in s.jobs {
        let kind = match job.kind {
            JobKind::Training => "training",
            JobKind::Serving => "serving",
        };
        let nodes: BTreeSet<usize> = job.gpus.clone().map(|g| s.places.node_of_gpu(g)).collect();
        writeln!(
            o,
            "[[job]]\nid = \"{}\"\nkind = \"{kind}\"\nnodes = {}",
            job.name,
            list(nodes.into_iter().map(node_name))
        )?;
        writeln!(o, "tokens = [\"tokens/{}\"]", job.name)?;
    }
    writeln!(o)
}

/// Id of a branch of the power tree: racks are places too, and a name means one thing.
fn branch_id(name: &str) -> String {
    if name.starts_with("rack-") { format!("PWR-{name}") } else { name.to_owned() }
}

fn write_power(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for (i, b) in s.tree.branches.iter().enumerate() {
        let rack = b.name.starts_with("rack-");
        let serves = if rack {
            vec![b.name.clone()]
        } else {
            s.tree.branches.iter().filter(|c| c.parent == Some(i)).map(|c| branch_id(&c.name)).collect()
        };
        let kind = match b.name.as_str() {
            "FEED" => "feed",
            "UPS-01" => "ups",
            "MECH" => "panel",
            _ if rack => "rack",
            _ => "busway",
        };
        writeln!(
            o,
            "[[power]]\nid = \"{}\"\nkind = \"{kind}\"\nserves = {}",
            branch_id(&b.name),
            list(serves)
        )?;
        writeln!(o, "budget = \"{:.1} kW\"\noversubscribed = true", b.budget_w / 1e3)?;
        let meter = s.image.points.iter().find(|p| {
            p.object_id == b.name && (p.point_type == "ActivePower" || p.point_type == "RackPower")
        });
        if let Some(p) = meter {
            writeln!(o, "meter = \"{}\"", point_id(p))?;
        }
        if i == 0 {
            writeln!(o, "limit-point = \"power/GRID/importLimit\"")?;
        }
    }
    writeln!(o)
}

fn write_equipment(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    let known: BTreeSet<&str> = s.image.points.iter().map(|p| p.object_id.as_str()).collect();
    let places: BTreeSet<String> = (0..s.places.racks).map(rack_name).collect();
    let branches: BTreeSet<String> = s.tree.branches.iter().map(|b| b.name.clone()).collect();
    let mut done = BTreeSet::new();
    for p in &s.image.points {
        let id = p.object_id.as_str();
        if places.contains(id) || branches.contains(id) || !done.insert(id) {
            continue;
        }
        let kind = match p.object_type {
            "CDU" => "cdu",
            "CRAH" => "crah",
            "Chiller" => "chiller",
            "CoolingTower" => "tower",
            "HX" => "hx",
            "Pump" => "pump",
            "PowerMeter" => "meter",
            "Sensor" => "sensor",
            _ if id == "FWS" => "facility-loop",
            _ => "generic",
        };
        // A meter measures and cools nothing: it has no place in the cooling graph. What blows air into every rack
        // serves the hall, and so the hall's own sensors.
        let serves: Vec<String> = match kind {
            "meter" | "sensor" | "generic" => Vec::new(),
            "crah" => vec![HALL.to_owned()],
            _ => p
                .serves
                .iter()
                .filter(|x| known.contains(x.as_str()) || places.contains(*x))
                .cloned()
                .collect(),
        };
        writeln!(o, "[[equipment]]\nid = \"{id}\"\nkind = \"{kind}\"\nserves = {}", list(serves))?;
    }
    writeln!(o)
}

/// The Modbus register that shows a point, if a device does.
fn register_of(s: &SiteSource<'_>, point: usize) -> Option<String> {
    s.modbus.iter().find_map(|d| {
        let r = d.registers.iter().find(|r| r.meaning == Meaning::Value(point))?;
        Some(format!("{{ modbus = \"{}\", register = \"{}\" }}", d.id, register_name(s.image, &r.meaning)))
    })
}

fn write_points(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for (i, p) in s.image.points.iter().enumerate().filter(|(_, p)| !p.request) {
        let unit = match p.unit {
            None => "state",
            Some(unit) => unit,
        };
        let of = if s.tree.branches.iter().any(|b| b.name == p.object_id) {
            branch_id(&p.object_id)
        } else {
            p.object_id.clone()
        };
        let of = of.strip_prefix("PWR-").unwrap_or(&of);
        let of = if p.process_area.iter().any(|a| a.ends_with("Aisle")) { HALL } else { of };
        writeln!(o, "[[point]]\nid = \"{}\"\nof = \"{of}\"\ntype = \"{}\"", point_id(p), p.point_type)?;
        writeln!(o, "area = {}\nunit = \"{unit}\"", list(p.process_area.iter().map(ToString::to_string)))?;
        writeln!(o, "stale-after = \"250 s\"")?;
        if let Some((low, high)) = plausible(p) {
            writeln!(o, "range = [\"{low} {unit}\", \"{high} {unit}\"]")?;
        }
        if let Some(max) = limit(p) {
            writeln!(o, "max = \"{max} {unit}\"")?;
        }
        // What a device shows by register is read there; the rest comes over the bus.
        let from = register_of(s, i).unwrap_or_else(|| format!("{{ mqtt = \"bms\", tag = \"{}\" }}", p.tag));
        writeln!(o, "from = {from}")?;
    }
    for job in s.jobs {
        writeln!(
            o,
            "[[point]]\nid = \"tokens/{0}\"\nof = \"site\"\ntype = \"Tokens\"\nunit = \"tokens\"\ncounter = true",
            job.name
        )?;
        writeln!(
            o,
            "from = {{ prometheus = \"engines\", metric = \"vllm:generation_tokens_total\", labels = {{ job = \"{}\" }} }}",
            job.name
        )?;
    }
    for d in s.modbus {
        for r in &d.registers {
            if let Meaning::Applied(p) = r.meaning {
                let (id, of) = (register_name(s.image, &r.meaning), &s.image.points[p].object_id);
                writeln!(o, "[[point]]\nid = \"{id}\"\nof = \"{of}\"\ntype = \"Setpoint\"\nunit = \"degC\"")?;
                writeln!(o, "from = {{ modbus = \"{}\", register = \"{id}\" }}", d.id)?;
            }
        }
    }
    writeln!(o)
}

/// What a sensor of this kind can physically show.
fn plausible(p: &ImagePoint) -> Option<(f64, f64)> {
    match p.unit? {
        "C" if p.point_type.starts_with("Air") => Some((-40.0, 70.0)),
        "C" => Some((-5.0, 95.0)),
        "%" | "%RH" => Some((-1.0, 110.0)),
        "kPa" => Some((-50.0, 1000.0)),
        _ => None,
    }
}

/// Limits that are never crossed.
fn limit(p: &ImagePoint) -> Option<f64> {
    match (p.object_type, p.point_type) {
        // S45: the IT's highest supply temperature.
        ("Rack", "RackLiquidSupplyTemperature") => Some(45.0),
        // A valve that is nearly open has no authority left.
        ("CDU", "ValvePosition") => Some(90.0),
        ("CRAH", "ValvePosition") => Some(92.0),
        // Inside ASHRAE's allowable envelope A1 (32 degC), above the recommended 27.
        ("Sensor", "AirTemperature") if p.process_area.contains(&"ColdAisle") => Some(30.0),
        _ => None,
    }
}

/// One actuator of the demo plant.
struct Asked<'a> {
    id: String,
    of: &'a str,
    group: &'a str,
    kind: &'a str,
    area: Vec<&'a str>,
    unit: &'a str,
    range: (f64, f64),
    step: f64,
    ramp: &'a str,
    deadband: f64,
    fallback: f64,
    readback: String,
    measures: Option<String>,
    unloads: Vec<&'a str>,
    to: String,
}

fn write_actuators(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    // Warmer technology water or air relieves compressors; the tower gives off the same heat.
    let machines = vec!["CH-01/meter/power", "CH-02/meter/power"];
    for c in 0..s.places.cdus {
        let id = cdu_name(c);
        let meter = format!("{id}/meter/power");
        let tag = |t: &str| format!("{{ mqtt = \"bms\", tag = \"hall-1/{id}/{t}\" }}");
        write_actuator(
            o,
            &Asked {
                id: format!("{id}/supply-temperature"),
                of: &id,
                group: "cdu",
                kind: "LiquidTemperatureSpRequest",
                area: vec!["Secondary", "Supply"],
                unit: "C",
                range: (20.0, 43.0),
                step: 0.5,
                ramp: "1 K/5min",
                deadband: 0.1,
                fallback: 30.0,
                readback: format!("{id}/temperature/finalSetpoint"),
                measures: Some(format!("{id}/secondary/supply/temperature")),
                unloads: machines.clone(),
                to: tag("temperature/request"),
            },
        )?;
        write_actuator(
            o,
            &Asked {
                id: format!("{id}/differential-pressure"),
                of: &id,
                group: "cdu",
                kind: "GenericPoint",
                area: vec!["Secondary", "DifferentialPressure"],
                unit: "kPa",
                range: (40.0, 120.0),
                step: 3.0,
                ramp: "2 kPa/min",
                deadband: 0.5,
                fallback: 90.0,
                readback: format!("{id}/dp/finalSetpoint"),
                measures: Some(format!("{id}/secondary/dp")),
                unloads: vec![&meter],
                to: tag("dp/request"),
            },
        )?;
    }
    for crah in s.image.points.iter().filter(|p| p.object_type == "CRAH" && p.request) {
        let id = crah.object_id.as_str();
        write_actuator(
            o,
            &Asked {
                id: format!("{id}/supply-temperature"),
                of: id,
                group: "air",
                kind: crah.point_type,
                area: crah.process_area.clone(),
                unit: "C",
                range: (18.0, 30.0),
                step: 0.5,
                ramp: "0.5 K/5min",
                deadband: 0.1,
                fallback: 22.0,
                readback: format!("{id}/supply/finalSetpoint"),
                measures: Some(format!("{id}/supply/temperature")),
                unloads: machines.clone(),
                to: format!("{{ mqtt = \"bms\", tag = \"{}\" }}", crah.tag),
            },
        )?;
    }
    write_plant_actuators(o, s)
}

fn write_plant_actuators(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    for d in s.modbus {
        for r in &d.registers {
            let Meaning::Setpoint(p) = r.meaning else { continue };
            let point = &s.image.points[p];
            if point.object_id != "FWS" {
                continue;
            }
            let applied = register_name(s.image, &Meaning::Applied(p));
            write_actuator(
                o,
                &Asked {
                    id: "facility-water/supply-temperature".to_owned(),
                    of: "FWS",
                    group: "chiller",
                    kind: point.point_type,
                    area: point.process_area.clone(),
                    unit: "C",
                    range: (12.0, 32.0),
                    step: 0.5,
                    ramp: "1 K/5min",
                    deadband: 0.1,
                    fallback: 15.0,
                    readback: applied,
                    measures: Some("facility-water/supply/temperature".to_owned()),
                    unloads: vec!["CH-01/meter/power", "CH-02/meter/power", "CT-01/meter/power"],
                    to: format!(
                        "{{ modbus = \"{}\", register = \"{}\" }}",
                        d.id,
                        register_name(s.image, &r.meaning)
                    ),
                },
            )?;
        }
    }
    writeln!(o)
}

fn write_actuator(o: &mut String, a: &Asked<'_>) -> fmt::Result {
    let difference = if a.unit == "C" { "K" } else { a.unit };
    writeln!(
        o,
        "[[actuator]]\nid = \"{}\"\nof = \"{}\"\ngroup = \"{}\"\ntype = \"{}\"",
        a.id, a.of, a.group, a.kind
    )?;
    writeln!(o, "area = {}\nunit = \"{}\"", list(a.area.iter().map(ToString::to_string)), a.unit)?;
    writeln!(o, "range = [\"{} {u}\", \"{} {u}\"]\nramp = \"{}\"", a.range.0, a.range.1, a.ramp, u = a.unit)?;
    writeln!(o, "step = \"{} {difference}\"\ndeadband = \"{} {difference}\"", a.step, a.deadband)?;
    writeln!(
        o,
        "fallback = \"{} {}\"\nrefresh = \"30 s\"\nreadback = \"{}\"",
        a.fallback, a.unit, a.readback
    )?;
    if let Some(m) = &a.measures {
        writeln!(o, "measures = \"{m}\"")?;
    }
    writeln!(o, "unloads = {}\nto = {}", list(a.unloads.iter().map(ToString::to_string)), a.to)
}

fn write_meters(o: &mut String) -> fmt::Result {
    writeln!(o, "[meters]\nfacility = \"power/M-SITE/power\"\nit = \"power/M-IT/power\"")?;
    writeln!(
        o,
        "cooling = [\"power/M-COMPRESSORS/power\", \"power/M-PUMPS/power\", \"power/M-FANS/power\"]"
    )?;
    writeln!(
        o,
        "outdoor = \"outdoor/temperature\"\nroom-temperature = [\"environment/coldAisle/temperature\"]"
    )?;
    writeln!(o, "room-humidity = [\"environment/coldAisle/humidity\"]\n")
}
