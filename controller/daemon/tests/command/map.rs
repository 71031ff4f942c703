//! `headroom map`: tables become maps that `headroom check` takes, maps become tables, and mistakes are named.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn headroom(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).output().unwrap()
}

fn file(name: &str, text: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_shipped_map_goes_out_and_comes_in_again() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers/maps/sunspec-meter.toml");
    let table = headroom(&["map", "export", shipped.to_str().unwrap()]);
    assert!(table.status.success() && table.stdout.starts_with(b"name,area,address,type"), "{table:?}");
    let csv = file("map-verb.csv", &table.stdout);
    let map = headroom(&["map", "import", csv.to_str().unwrap()]);
    assert!(map.status.success(), "{map:?}");
    let again = file("map-verb.toml", &map.stdout);
    let checked = headroom(&["check", again.to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(headroom(&["map", "export", again.to_str().unwrap()]).stdout, table.stdout);
}

#[test]
fn mistakes_are_named_and_give_exit_code_1() {
    let csv = file("map-verb-wrong.csv", b"name,area,address,type\na,input,0,int16\n");
    let args = ["map", "import", csv.to_str().unwrap(), "--address-base", "1"];
    let said = headroom(&args);
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(
        text.contains(":2:9: address 0 is below the address base 1") && text.contains("remedy:"),
        "{text}"
    );
    assert_eq!(headroom(&["map", "import", "nowhere.csv"]).status.code(), Some(3));
}
