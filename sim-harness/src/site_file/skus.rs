//! GPU products in a site file: those that every controller knows by name, and nameplates of the others.

use headroom_truth::gpu::{Medium, Sku};
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Products that a site file need not describe, by their id in the plant.
const KNOWN: [(&str, &str); 5] = [
    ("a100-sxm", "A100-SXM"),
    ("h100-sxm", "H100-SXM"),
    ("h200-sxm", "H200-SXM"),
    ("b200", "B200"),
    ("gb200", "GB200"),
];

/// Junction to coolant as product pages have it for a cold plate and for a heat sink, K/W.
const COLD_PLATE_KPW: f64 = 0.05;
const HEAT_SINK_KPW: f64 = 0.08;

fn known(sku: &Sku) -> Option<&'static str> {
    let same = |(id, _): &&(&str, &str)| *id == sku.id && sku.cooler.medium == Medium::Liquid;
    KNOWN.iter().find(same).map(|(_, word)| *word)
}

/// The site file's word for a product.
pub(super) fn word(sku: &Sku) -> String {
    let cooling = if sku.cooler.medium == Medium::Air { "-AIR" } else { "" };
    known(sku).map_or_else(|| sku.id.to_ascii_uppercase() + cooling, str::to_owned)
}

/// What stands on the nameplate of each product that is not known by name.
pub(super) fn write_skus(o: &mut String, skus: &[Sku]) -> fmt::Result {
    let mut written = BTreeSet::new();
    for sku in skus.iter().filter(|sku| known(sku).is_none()) {
        if !written.insert(word(sku)) {
            continue;
        }
        let resistance = if sku.cooler.medium == Medium::Air { HEAT_SINK_KPW } else { COLD_PLATE_KPW };
        writeln!(o, "[[sku]]\nid = \"{}\"\nmin-cap = \"{} W\"", word(sku), sku.cap_min_w)?;
        writeln!(o, "max-cap = \"{} W\"\nmin-clock = \"{} MHz\"", sku.cap_max_w, sku.clock_min_mhz)?;
        writeln!(
            o,
            "max-clock = \"{} MHz\"\nmax-operating = \"{} degC\"",
            sku.clock_max_mhz, sku.max_operating_c
        )?;
        writeln!(o, "memory-max = \"{} degC\"\nresistance-k-per-w = {resistance}", sku.hbm_max_c)?;
    }
    Ok(())
}
