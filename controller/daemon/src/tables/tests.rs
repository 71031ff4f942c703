use super::*;
use read::Value;
use std::path::PathBuf;

/// A folder of a test, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headroom-tables-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const BEGAN_MS: i64 = 1_752_840_000_123;
/// More than a row group.
const ROWS: i64 = 70_000;

/// The n-th row; every third holds nothing beside its time.
fn row(n: i64) -> Row<'static> {
    let is = n % 3 != 0;
    vec![
        time("time", Stamp::from_unix_ms(BEGAN_MS + n)),
        ("name", Cell::Text(is.then(|| format!("pump, \"{n}\" °C").into()))),
        may("power_w", is.then_some(n as f64 / 7.0)),
        may_count("count", is.then_some(-n)),
        ("is", Cell::Flag(is.then_some(n % 2 == 0))),
    ]
}

fn written(place: &Place, form: Form, rows: i64) -> Vec<Written> {
    let mut folder = Folder::begin(&place.0, form).unwrap();
    let many = folder.table("many", &row(0)).unwrap();
    folder.table("none", &row(0)).unwrap();
    for n in 0..rows {
        folder.row(many, &row(n)).unwrap();
    }
    folder.end().unwrap()
}

#[test]
fn parquet_comes_back_value_by_value() {
    let place = Place::new("parquet");
    let told = written(&place, Form::Parquet, ROWS);
    assert_eq!(told.iter().map(|w| (w.table, w.rows)).collect::<Vec<_>>(), [("many", 70_000), ("none", 0)]);
    assert_eq!(place.files(), ["many.parquet", "none.parquet"]);
    let bytes = std::fs::read(&told[0].file).unwrap();
    assert!(read::is_parquet(&bytes));
    let file = read::Parquet::open(bytes.clone()).unwrap();
    assert_eq!(file.names(), ["time", "name", "power_w", "count", "is"]);
    for (c, (_, cell)) in row(1).iter().enumerate() {
        let values = file.column(c).unwrap();
        assert_eq!(values.len(), ROWS as usize, "{cell:?}");
        for (n, value) in values.iter().enumerate() {
            let wanted = match &row(n as i64)[c].1 {
                Cell::Time(at) => at.map(|at| Value::Time(at.unix_ms() as f64 * 1e-3)),
                Cell::Text(text) => text.as_ref().map(|text| Value::Text(text.to_string())),
                Cell::Number(x) => x.map(Value::Number),
                Cell::Integer(n) => n.map(|n| Value::Number(n as f64)),
                Cell::Flag(is) => is.map(Value::Flag),
            };
            assert_eq!(*value, wanted.unwrap_or(Value::Nothing), "row {n}");
        }
    }
    let none = read::Parquet::open(std::fs::read(&told[1].file).unwrap()).unwrap();
    assert_eq!((none.names().len(), none.column(0).unwrap().len()), (5, 0));
    // One that was cut short is none.
    assert!(read::Parquet::open(bytes[..bytes.len() - 9].to_vec()).is_err());
}

#[test]
fn rows_go_out_in_groups_of_a_bounded_size() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let place = Place::new("groups");
    let told = written(&place, Form::Parquet, ROWS);
    let file = SerializedFileReader::new(File::open(&told[0].file).unwrap()).unwrap();
    let rows: Vec<i64> = file.metadata().row_groups().iter().map(|g| g.num_rows()).collect();
    assert_eq!(rows, [1 << 16, ROWS - (1 << 16)]);
}

#[test]
fn a_log_has_a_channel_per_table_and_the_time_of_the_event() {
    let place = Place::new("log");
    let told = written(&place, Form::Mcap, 1000);
    assert_eq!(place.files(), ["headroom.mcap"]);
    let bytes = std::fs::read(&told[0].file).unwrap();
    let mut seen = 0_i64;
    for message in mcap::MessageStream::new(&bytes).unwrap() {
        let message = message.unwrap();
        assert_eq!(
            (message.channel.topic.as_str(), message.channel.message_encoding.as_str()),
            ("/many", "json")
        );
        assert_eq!(message.log_time, ((BEGAN_MS + seen) * 1_000_000) as u64);
        let said: serde_json::Value = serde_json::from_slice(&message.data).unwrap();
        let wanted = (seen % 3 != 0).then_some(seen as f64 / 7.0);
        assert_eq!(said.get("power_w").and_then(serde_json::Value::as_f64), wanted);
        seen += 1;
    }
    assert_eq!(seen, 1000);
    let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
    let mut topics: Vec<&str> = summary.channels.values().map(|c| c.topic.as_str()).collect();
    topics.sort_unstable();
    assert_eq!(topics, ["/many", "/none"]);
}

#[test]
fn text_quotes_what_needs_it_and_an_empty_table_has_its_head() {
    let place = Place::new("text");
    let told = written(&place, Form::Csv, 2);
    let lines = std::fs::read_to_string(&told[0].file).unwrap();
    assert_eq!(
        lines,
        "time,name,power_w,count,is\n2025-07-18T12:00:00.123Z,,,,\n\
         2025-07-18T12:00:00.124Z,\"pump, \"\"1\"\" °C\",0.14285714285714285,-1,false\n"
    );
    assert_eq!(std::fs::read_to_string(&told[1].file).unwrap(), "time,name,power_w,count,is\n");
}

#[test]
fn what_was_not_ended_leaves_what_was_there() {
    for form in [Form::Parquet, Form::Mcap, Form::Csv] {
        let place = Place::new(&format!("ended-{form:?}"));
        let told = written(&place, form, 3);
        let before = std::fs::read(&told[0].file).unwrap();
        let mut folder = Folder::begin(&place.0, form).unwrap();
        let many = folder.table("many", &row(0)).unwrap();
        folder.row(many, &row(1)).unwrap();
        assert!(place.files().iter().any(|name| name.ends_with(".new")), "{form:?}");
        drop(folder);
        assert!(!place.files().iter().any(|name| name.ends_with(".new")), "{form:?}");
        assert_eq!(std::fs::read(&told[0].file).unwrap(), before, "{form:?}");
    }
}

#[test]
fn what_is_not_finite_is_nothing() {
    assert_eq!(num("x", f64::NAN).1, Cell::Number(None));
    assert_eq!(num("x", f64::INFINITY).1, Cell::Number(None));
    assert_eq!(num("x", -0.5).1, Cell::Number(Some(-0.5)));
}

#[test]
fn a_damaged_file_is_refused_or_read_and_never_breaks_the_reader() {
    let place = Place::new("damaged");
    let told = written(&place, Form::Parquet, 40);
    let whole = std::fs::read(&told[0].file).unwrap();
    let all = |bytes: Vec<u8>| -> Result<usize> {
        let file = read::Parquet::open(bytes)?;
        (0..file.names().len()).map(|c| file.column(c).map(|values| values.len())).sum()
    };
    assert_eq!(all(whole.clone()).unwrap(), 200);
    let mut refused = 0;
    for at in 0..whole.len() {
        for with in [0x01, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= with;
            refused += usize::from(all(bytes).is_err());
        }
        refused += usize::from(all(whole[..at].to_vec()).is_err());
    }
    assert!(refused > whole.len(), "{refused} of {}", 4 * whole.len());
}
