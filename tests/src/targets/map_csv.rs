//! Register maps as tables (`headroom map import`).

use super::Target;
use super::register_map::{comes_back_from_a_table, registers_stand};
use super::text::{findings_stand, text};
use headroom_drivers::modbus::csv;
use headroom_site::file::read_register_map;

const FILE: &str = "map.csv";

/// Tables of registers.
pub const MAP_CSV: Target = Target { name: "map_csv", body: read, bytes_per_byte: 1 << 12 };

fn read(input: &[u8]) {
    let text = text(input);
    for address_base in [0, 40_001] {
        match csv::import(FILE, &text, address_base) {
            Ok(map) => {
                let map = read_register_map("map.toml", &map);
                let Ok(map) = map else { panic!("{map:#?}") };
                registers_stand(&map);
                comes_back_from_a_table(&map);
            }
            Err(findings) => findings_stand(FILE, text.trim_start_matches('\u{feff}'), &findings),
        }
    }
}
