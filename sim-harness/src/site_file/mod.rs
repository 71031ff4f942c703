//! The site file of a world: what a facility engineer would write down about this plant, written by the plant itself.
//!
//! Responsible for: places, GPU inventory, power tree, equipment, points, actuators and addresses as TOML. It tells the
//! controller only what such a file tells anywhere: no parameter of the truth beyond nameplates and ranges.

mod actuators;
mod places;
mod points;
mod power;
mod skus;
mod wires;

use crate::bms::design::Design;
use crate::image::{Image, ImagePoint, ModbusDevice};
use crate::world::place::Places;
use crate::world::tree::PowerTree;
use headroom_truth::facility::spec::MIN_FLOW_TABLE;
use headroom_truth::gpu::Sku;
use headroom_truth::work::Job;
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
    /// GPU product of each group.
    pub skus: &'a [Sku],
    /// Step of the plant, s.
    pub step_s: f64,
    /// The BMS's design: where setpoints go when nobody asks.
    pub design: &'a Design,
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
    // A plant that moves in long steps is looked at once a step.
    let (power_s, lease_s) = (s.step_s.max(1.0), (6.0 * s.step_s).max(30.0));
    writeln!(o, "[periods]\npower = \"{power_s} s\"\ncooling = \"30 s\"\nagent = \"{power_s} s\"")?;
    writeln!(o, "lease = \"{lease_s} s\"\n")?;
    wires::write_connections(o, s, a)?;
    skus::write_skus(o, s.skus)?;
    places::write_places(o, s)?;
    power::write_power(o, s)?;
    places::write_equipment(o, s)?;
    points::write_points(o, s)?;
    actuators::write_actuators(o, s)?;
    write_meters(o, s)?;
    // Least flow by supply temperature, as the IT's maker states it.
    for (supply, flow) in MIN_FLOW_TABLE {
        writeln!(o, "[[min-flow]]\nsupply = \"{supply} degC\"\nflow = \"{flow} L/min/kW\"")?;
    }
    Ok(())
}

fn write_meters(o: &mut String, s: &SiteSource<'_>) -> fmt::Result {
    writeln!(o, "[meters]\nfacility = \"power/M-SITE/power\"\nit = \"power/M-IT/power\"")?;
    writeln!(
        o,
        "cooling = [\"power/M-COMPRESSORS/power\", \"power/M-PUMPS/power\", \"power/M-FANS/power\"]"
    )?;
    let water = s.image.points.iter().filter(|p| p.unit == Some("m3")).map(point_id);
    writeln!(o, "water = {}", list(water))?;
    writeln!(
        o,
        "outdoor = \"outdoor/temperature\"\nroom-temperature = [\"environment/coldAisle/temperature\"]"
    )?;
    writeln!(o, "room-humidity = [\"environment/coldAisle/humidity\"]\n")
}
