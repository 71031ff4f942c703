use super::*;
use crate::tables::{Cell, Folder, Form, Row};
use headroom_site::Stamp;

/// A site of one rack.
fn site() -> Site {
    let text = r#"
format = 1
[site]
name = "hall"
[[place]]
id = "rack-01"
kind = "rack"
[[node]]
id = "n1"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-a", "GPU-b"]
"#;
    headroom_site::file::read_site("site.toml", text, Path::new(".")).unwrap()
}

const BEGAN_MS: i64 = 1_752_840_000_000;

/// A row per half minute; in the third nothing was good.
fn row(n: i64, power: Cell<'static>) -> Row<'static> {
    let at = Stamp::from_unix_ms(BEGAN_MS + n * 30_000);
    vec![
        ("time_utc", Cell::Time(Some(at))),
        ("gpu_power:rack-01 [kW]", power),
        ("elsewhere [W]", Cell::Text(Some("what is not read may be anything".into()))),
    ]
}

/// What is read of a Parquet file with these powers.
fn read_again(name: &str, powers: &[Cell<'static>]) -> Result<Read, Fault> {
    let folder = std::env::temp_dir().join(format!("headroom-table-{}-{name}", std::process::id()));
    let mut out = Folder::begin(&folder, Form::Parquet).unwrap();
    let table = out.table("seen", &row(0, powers[0].clone())).unwrap();
    for (n, power) in powers.iter().enumerate() {
        out.row(table, &row(n as i64, power.clone())).unwrap();
    }
    let file = out.end().unwrap()[0].file.clone();
    let read = read(&file, &site());
    std::fs::remove_dir_all(&folder).unwrap();
    read
}

#[test]
fn parquet_and_text_are_the_same_table() {
    let values: Vec<_> = (0..90).map(|n| (n % 3 != 2).then_some(10.5 + f64::from(n) / 4.0)).collect();
    let cells: Vec<_> = values.iter().map(|x| Cell::Number(*x)).collect();
    let of_parquet = read_again("same", &cells).unwrap();
    let mut text = "time_utc,gpu_power:rack-01 [kW],elsewhere [W]\n".to_owned();
    for (n, value) in values.iter().enumerate() {
        let at = Stamp::from_unix_ms(BEGAN_MS + n as i64 * 30_000);
        text += &format!("{at},{},x\n", value.map_or(String::new(), |x| x.to_string()));
    }
    let of_text = parse("seen.csv", text.as_bytes(), &site()).unwrap();
    assert_eq!(format!("{:?}", of_parquet.table), format!("{:?}", of_text.table));
    assert!(format!("{:?}", of_text.table).contains("10500"), "{:?}", of_text.table);
    assert_eq!(
        (of_parquet.unknown, of_text.unknown),
        (vec!["elsewhere".to_owned()], vec!["elsewhere".to_owned()])
    );
}

#[test]
fn a_text_that_is_no_number_is_told_with_its_row() {
    let words = ["10.5", "warm"].map(|word| Cell::Text(Some(word.into())));
    let why = read_again("words", &words).unwrap_err().to_string();
    assert!(why.contains("seen.parquet:2: column gpu_power:rack-01 [kW]: `warm` is not a number"), "{why}");
}
