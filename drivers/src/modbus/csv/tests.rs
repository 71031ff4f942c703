//! Tables that come and go, and what is found in them.

use super::*;
use headroom_site::model::{ByteOrder, RegisterSpace, RegisterType};
use headroom_site::quantity::UNITS;
use proptest::prelude::*;

const TABLE: &str = "\
# a vendor's list
name,area,address,type,byte_order,scale,offset,unit,invalid,description,scale_register,range
supply,input,0x6E,float32,CDAB,,,degC,0xFFFF,\"technology supply, after the pump\",,-10 90
power,holding,40,int16,,0.1,,kW,-32768 32767,,sf,
sf,holding,41,int16,,,,,,,,
leak,discrete,7,bool,,,,,,\"says \"\"leak\"\"\",,
";

fn registers(csv: &str) -> Vec<RegisterSpec> {
    let map = import("t.csv", csv, 0).map_err(|f| format!("{f:#?}")).unwrap();
    read_register_map("t.toml", &map).unwrap().registers
}

#[test]
fn a_vendors_table_becomes_a_map_and_comes_back() {
    let all = registers(TABLE);
    assert_eq!((all[0].address, all[0].order, all[0].range), (110, ByteOrder::Cdab, Some((-10.0, 90.0))));
    assert_eq!(all[0].description, "technology supply, after the pump");
    assert_eq!((all[1].scale_register, all[1].invalid.len()), (Some(2), 2));
    assert_eq!((all[3].space, all[3].description.as_str()), (RegisterSpace::Discrete, "says \"leak\""));
    let again = registers(&export(&RegisterMap { registers: all.clone(), forbid: Vec::new() }));
    assert_eq!(again, all);
    let mut odd = all;
    odd[0].name = "#1".to_owned();
    assert_eq!(registers(&export(&RegisterMap { registers: odd.clone(), forbid: Vec::new() })), odd);
    let semicolons = "\u{feff}name;area;address;type\nx;input;1;int16\n\n";
    assert_eq!(registers(semicolons)[0].name, "x");
    assert_eq!(import("t.csv", "name,area,address,type\nx,input,40001,int16\n", 40001).map(|_| ()), Ok(()));
}

#[test]
fn every_finding_names_line_column_and_remedy() {
    let with = |row: &str| format!("name,area,address,type,scale,invalid\n{row}\n");
    let cases = [
        (with("a,input,ten,int16"), 2, 9, "`address` cannot be `ten`"),
        (with("a,input,70000,int16"), 2, 9, "is not in 0..65535"),
        (with("a,inputs,1,int16"), 2, 3, "`space` cannot be `inputs`"),
        (with("a,input,1,float"), 2, 11, "`type` cannot be `float`"),
        (with("a,input,1,int16,\"0,1\""), 2, 17, "`scale` cannot be `0,1`"),
        (with("a,input,1,int16,0"), 2, 17, "`scale` is zero"),
        (with("a,input,1,int16,1,none"), 2, 19, "`invalid` cannot be `none`"),
        (with("a,input,1,int16,,,more"), 2, 19, "a cell without a column"),
        (with("a,input,1,int16\na,input,2,int16"), 3, 1, "duplicate id `a`"),
        (with(",input,1,int16"), 2, 1, "`register.name` is missing"),
        ("name,area,adress,type\n".to_owned(), 1, 11, "unknown column `adress`"),
        ("name,name,area,address,type\n".to_owned(), 1, 6, "there twice"),
        ("name,area,type\n".to_owned(), 1, 1, "no column `address`"),
        (String::new(), 1, 1, "the table is empty"),
    ];
    for (text, line, column, what) in cases {
        let found = import("t.csv", &text, 0).unwrap_err();
        let hit = found.iter().find(|f| f.what.contains(what));
        let Some(hit) = hit else { panic!("{what}: {found:#?}") };
        assert_eq!((hit.line, hit.column), (line, column), "{hit}");
        assert!(!hit.remedy.is_empty() && hit.file == "t.csv", "{hit}");
    }
}

fn any_register() -> impl Strategy<Value = RegisterSpec> {
    let numbers = (0_u16..65_000, -1e9..1e9_f64, 1e-6..1e6_f64, 0_usize..8, 0_usize..4, 0_usize..4);
    let rest = (
        proptest::option::of(0..UNITS.len()),
        proptest::collection::vec(any::<i64>(), 0..3),
        proptest::option::of((-1e6..0.0_f64, 0.0..1e6_f64)),
        "\\PC{0,20}",
    );
    (numbers, rest).prop_map(
        |((address, offset, scale, kind, order, space), (unit, invalid, range, text))| {
            RegisterSpec {
                name: String::new(),
                space: RegisterSpace::ALL[space].1,
                address,
                kind: RegisterType::ALL[kind].1,
                order: ByteOrder::ALL[order].1,
                scale,
                offset,
                scale_register: None,
                unit: unit.map(|i| UNITS[i]),
                range,
                invalid: invalid.into_iter().map(i64::cast_unsigned).collect(),
                // An empty cell and a blank one say the same.
                description: if text.trim().is_empty() { String::new() } else { text },
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_exported_is_imported(registers in proptest::collection::vec(any_register(), 1..12)) {
        let mut map = RegisterMap { registers, forbid: Vec::new() };
        let last = map.registers.len() - 1;
        for (i, r) in map.registers.iter_mut().enumerate() {
            r.name = format!("r{i}");
            r.scale_register = (i % 3 == 1 && i != last).then_some(last);
        }
        map.registers[last].kind = RegisterType::Int16;
        prop_assert_eq!(self::registers(&export(&map)), map.registers);
    }

    #[test]
    fn any_text_is_a_map_or_findings(text in "(name,area,address,type\n)?\\PC{0,60}\n\\PC{0,60}") {
        let _ = import("t.csv", &text, 0);
    }
}
