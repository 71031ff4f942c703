//! The register maps that come with the program, as text: `drivers/maps/*.toml`.
//!
//! A site file names a map by path; these are here so that they can be listed, checked and written out. What a map
//! has not been verified against a device says so in the register's description.

/// Name and text of each map.
pub const ALL: &[(&str, &str)] = &[
    ("eastron-sdm630", include_str!("../maps/eastron-sdm630.toml")),
    ("generic-cdu", include_str!("../maps/generic-cdu.toml")),
    ("janitza-umg", include_str!("../maps/janitza-umg.toml")),
    ("julabo-circulator", include_str!("../maps/julabo-circulator.toml")),
    ("liebert-icom", include_str!("../maps/liebert-icom.toml")),
    ("schneider-pm5xxx", include_str!("../maps/schneider-pm5xxx.toml")),
    ("solaredge-inverter", include_str!("../maps/solaredge-inverter.toml")),
    ("sunspec-inverter", include_str!("../maps/sunspec-inverter.toml")),
    ("sunspec-meter", include_str!("../maps/sunspec-meter.toml")),
    ("thermal-care-chiller", include_str!("../maps/thermal-care-chiller.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::file::read_register_map;

    #[test]
    fn every_map_is_read_has_a_source_and_no_overlap() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("maps");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), ALL.len(), "a map is not listed");
        for (name, text) in ALL {
            let registers = read_register_map(name, text).map_err(|f| format!("{f:#?}")).unwrap().registers;
            assert!(text.contains("\nsource = ") && !registers.is_empty(), "{name}");
            for (i, a) in registers.iter().enumerate() {
                for b in &registers[i + 1..] {
                    let apart =
                        a.address + a.kind.words() <= b.address || b.address + b.kind.words() <= a.address;
                    assert!(a.space != b.space || apart, "{name}: {} and {}", a.name, b.name);
                }
            }
        }
    }

    #[test]
    fn sunspec_values_find_their_powers_of_ten() {
        for name in ["sunspec-inverter", "solaredge-inverter", "sunspec-meter"] {
            let text = ALL.iter().find(|(n, _)| *n == name).unwrap().1;
            let registers = read_register_map(name, text).unwrap().registers;
            let find = |n: &str| registers.iter().find(|r| r.name == n).unwrap();
            let scale = find("power").scale_register.map(|i| registers[i].name.as_str());
            assert_eq!(scale, Some("power-sf"), "{name}");
            // The model's id stands two registers before its first value.
            assert_eq!(find("model").address + 2, find("current").address, "{name}");
        }
    }

    #[test]
    fn documented_addresses_become_pdu_addresses() {
        let text = ALL.iter().find(|(n, _)| *n == "schneider-pm5xxx").unwrap().1;
        let registers = read_register_map("pm5xxx", text).unwrap().registers;
        let power = registers.iter().find(|r| r.name == "active-power").unwrap();
        assert_eq!(power.address, 3059);
    }
}
