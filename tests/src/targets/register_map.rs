//! Register maps.

use super::Target;
use super::text::{findings_stand, text};
use headroom_drivers::modbus::csv;
use headroom_site::file::read_register_map;
use headroom_site::model::{RegisterMap, RegisterType};

const FILE: &str = "map.toml";

/// Register maps.
pub const REGISTER_MAP: Target = Target {
    name: "register_map",
    body: read,
    // A template of sixty bytes says 4096 registers, which are written as a table and read again.
    bytes_per_byte: 1 << 18,
};

fn read(input: &[u8]) {
    let text = text(input);
    match read_register_map(FILE, &text) {
        Ok(map) => {
            registers_stand(&map);
            comes_back_from_a_table(&map);
        }
        Err(findings) => findings_stand(FILE, &text, &findings),
    }
}

/// No register lies beyond the last address or points to one that is not there.
pub(super) fn registers_stand(map: &RegisterMap) {
    for r in &map.registers {
        assert!(u32::from(r.address) + u32::from(r.width()) <= 65_536, "{r:?}");
        assert!(r.scale.is_finite() && r.scale != 0.0 && r.offset.is_finite(), "{r:?}");
        assert!(r.range.is_none_or(|(low, high)| low <= high), "{r:?}");
        let scale = r.scale_register.map(|i| map.registers.get(i).map(|s| s.kind));
        assert!(scale.is_none_or(|kind| kind == Some(RegisterType::Int16)), "{r:?}");
    }
}

/// What is exported to a table is imported from it.
pub(super) fn comes_back_from_a_table(map: &RegisterMap) {
    let table = csv::export(map);
    let again = csv::import("map.csv", &table, 0).map(|map| read_register_map(FILE, &map));
    let Ok(Ok(again)) = again else { panic!("{again:#?}\n{table}") };
    let mut registers = map.registers.clone();
    // An empty cell and a blank one say the same.
    for r in registers.iter_mut().filter(|r| r.description.trim().is_empty()) {
        r.description.clear();
    }
    assert_eq!(again.registers, registers, "{table}");
}
