use super::find::What;
use super::*;
use crate::journal::{Journal, line};
use crate::run::record::Record;
use crate::tables::read::{Parquet, Value};
use crate::tape::{self, Writer};
use crate::virtual_plant::VirtualPlant;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Field, Inbox, Site};
use std::path::Path;
use std::sync::OnceLock;

/// Ticks that are recorded.
const TICKS: usize = 90;

/// What a controller beside a plant kept in a minute and a half, made once.
struct Kept {
    state: PathBuf,
    site: Site,
    records: Vec<String>,
    stamps: Vec<Stamp>,
    readings: usize,
    samples: usize,
}

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let state = std::env::temp_dir().join(format!("headroom-export-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&state);
        std::fs::create_dir_all(&state).unwrap();
        let config = WorldConfig { gpus: 64, dt_s: 1.0, warmup_s: 300.0, seed: 1, ..WorldConfig::default() };
        let world = World::new(Scenario::quiet().configure(config, Path::new("")).unwrap()).unwrap();
        let site = crate::score::site_of(&world).unwrap();
        let (_, wants) = crate::files::load_policy(&site, "balanced", None).unwrap().unwrap();
        let mut plant = VirtualPlant::new(world, &site).unwrap();
        let identity = Identity { who: "export".to_owned(), epoch: 7 };
        let begin = tape::Begin::of(&site, &identity);
        let mut line = Line::with_wants(&site, wants, identity);
        let mut journal = Journal::open(&state.join("journal.jsonl")).unwrap();
        let mut tape = Writer::begin(&state.join("run.tape"), 1 << 30, begin).unwrap();
        let mut made = Kept { state, site, records: vec![], stamps: vec![], readings: 0, samples: 0 };
        let mut inbox = Inbox::default();
        for _ in 0..TICKS {
            plant.step();
            inbox.clear();
            plant.drain(&mut inbox);
            let tick = line.tick(&inbox, plant.now());
            let record = serde_json::to_string(&Record::new(&line, &tick)).unwrap();
            journal.append_text(&record).unwrap();
            tape.tell(tape::Told::new(&made.site, tick.stamp, &inbox, &record)).unwrap();
            tick.commands.iter().for_each(|c| plant.send(c));
            if tick.verified {
                plant.beat();
            }
            made.records.push(record);
            made.stamps.push(tick.stamp);
            made.readings += inbox.readings.len();
            made.samples += inbox.nodes.iter().map(|n| n.gpus.len()).sum::<usize>();
        }
        made
    })
}

const ALL: Span = Span { from: Stamp::from_tai_ns(i64::MIN), to: Stamp::from_tai_ns(i64::MAX) };

fn exported(journal: &Path, name: &str, span: Span) -> (Told, PathBuf) {
    let out = kept().state.join(name);
    let tapes = vec![kept().state.join("run.tape")];
    let sources = Sources { journals: vec![journal.to_owned()], tapes, site: Some(kept().site.clone()) };
    (export(&sources, span, &out, Form::Parquet).unwrap(), out)
}

fn rows(told: &Told, table: &str) -> usize {
    told.tables.iter().find(|w| w.table == table).map(|w| w.rows as usize).unwrap()
}

/// A column of a table.
fn column(out: &Path, table: &str, name: &str) -> Vec<Value> {
    let file = Parquet::open(std::fs::read(out.join(format!("{table}.parquet"))).unwrap()).unwrap();
    let at = file.names().iter().position(|n| n == name).unwrap_or_else(|| panic!("{table}.{name}"));
    file.column(at).unwrap()
}

#[test]
fn every_row_of_journal_and_tape_is_there() {
    let (told, out) = exported(&kept().state.join("journal.jsonl"), "all", ALL);
    assert!(told.faults.is_empty() && told.left_out.is_empty(), "{told:?}");
    let parsed: Vec<serde_json::Value> =
        kept().records.iter().map(|r| serde_json::from_str(r).unwrap()).collect();
    let many = |key: &str| parsed.iter().map(|r| r[key].as_array().map_or(0, Vec::len)).sum::<usize>();
    assert_eq!(rows(&told, "ticks"), TICKS);
    assert!(many("setpoints") > 0 && many("commands") > 0);
    assert_eq!(rows(&told, "setpoints"), many("setpoints"));
    assert_eq!(rows(&told, "commands"), many("commands"));
    assert_eq!(rows(&told, "told"), TICKS);
    assert_eq!(rows(&told, "runs"), 1);
    assert_eq!(rows(&told, "points"), kept().readings);
    assert_eq!(rows(&told, "gpus"), kept().samples);
    // Every watt and every setpoint of the records is in the tables.
    let sum = |values: Vec<Value>| -> f64 {
        values.iter().map(|v| if let Value::Number(x) = v { *x } else { 0.0 }).sum()
    };
    let watts: f64 = parsed.iter().filter_map(|r| r["facility_w"].as_f64()).sum();
    assert_eq!(sum(column(&out, "ticks", "facility_w")).to_bits(), watts.to_bits());
    let proposed: f64 = parsed
        .iter()
        .flat_map(|r| r["setpoints"].as_array().unwrap())
        .map(|s| s["proposed"].as_f64().unwrap())
        .sum();
    assert_eq!(sum(column(&out, "setpoints", "proposed")).to_bits(), proposed.to_bits());
    let commanded = column(&out, "setpoints", "sequence").iter().filter(|v| **v != Value::Nothing).count();
    let sent = parsed.iter().flat_map(|r| r["commands"].as_array().unwrap());
    assert_eq!(commanded, sent.filter(|c| c["caps_w"].is_null()).count());
    // Journal and tape meet at the instant of a tick.
    let same = |table| column(&out, table, "tai_ns");
    assert_eq!(same("ticks"), same("told"));
    let known =
        |v: &Value| matches!(v, Value::Text(uuid) if kept().site.gpus.iter().any(|g| *g.uuid == **uuid));
    assert!(column(&out, "gpus", "uuid").iter().all(known));
}

#[test]
fn a_span_is_of_ticks() {
    let (from, to) = (kept().stamps[10], kept().stamps[30]);
    let (told, out) = exported(&kept().state.join("journal.jsonl"), "span", Span { from, to });
    assert_eq!((rows(&told, "ticks"), rows(&told, "told")), (20, 20));
    assert_eq!(column(&out, "ticks", "line")[0], Value::Number(11.0));
    let refused = |from, to| Span::of(Some(from), Some(to)).unwrap_err();
    assert!(refused("2025-07-19", "2025-07-18").contains("ends before it begins"));
    assert!(refused("noon", "2025-07-18").contains("is no time"));
}

#[test]
fn a_damaged_journal_gives_what_stands_before() {
    let bytes = std::fs::read(kept().state.join("journal.jsonl")).unwrap();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let whole = |n: usize| lines[..n].concat();
    let mut changed = bytes.clone();
    changed[whole(40).len() + 100] ^= 1;
    let (foreign, _) = line("", "{\"time\":\"2030\",\"other\":1}");
    let unread = || What::Unread(String::new());
    let cases: [(&str, Vec<u8>, u64, What); 3] = [
        ("torn", bytes[..bytes.len() - 20].to_vec(), TICKS as u64, What::Torn),
        ("changed", changed, 41, What::Damaged),
        ("foreign", foreign.into_bytes(), 1, unread()),
    ];
    for (name, bytes, at, what) in cases {
        let path = kept().state.join(format!("{name}.jsonl"));
        std::fs::write(&path, bytes).unwrap();
        let (told, _) = exported(&path, name, ALL);
        let [fault] = told.faults.as_slice() else { panic!("{told:?}") };
        assert_eq!((&fault.file, fault.at, rows(&told, "ticks") as u64), (&path, at, at - 1));
        assert_eq!(std::mem::discriminant(&fault.what), std::mem::discriminant(&what), "{fault}");
        assert!(fault.to_string().starts_with(&format!("{}:{at}: ", path.display())), "{fault}");
        assert_eq!(rows(&told, "told"), TICKS, "the tape is whole all the same");
    }
}

#[test]
fn a_tape_of_another_site_is_named() {
    let mut site = kept().site.clone();
    site.name.push_str("-not");
    let sources = Sources { journals: vec![], tapes: vec![kept().state.join("run.tape")], site: Some(site) };
    let told = export(&sources, ALL, &kept().state.join("elsewhere"), Form::Csv).unwrap();
    assert_eq!(told.faults[0].what, What::OtherSite(kept().site.name.clone()));
    assert_eq!(rows(&told, "points"), 0);
    let sources = Sources { site: None, ..sources };
    assert!(sources.left_out()[0].contains("give --site"), "{:?}", sources.left_out());
}

#[test]
fn what_was_put_aside_comes_first() {
    let state = std::env::temp_dir().join(format!("headroom-export-aside-{}", std::process::id()));
    let mut journal = Journal::within(&state.join("journal.jsonl"), 200).unwrap();
    (0..4).for_each(|n| journal.append(&serde_json::json!({ "n": n })).unwrap());
    let found = Sources::find(&state, None, None).unwrap();
    assert_eq!(found.journals, ["journal.old.jsonl", "journal.jsonl"].map(|name| state.join(name)));
    std::fs::remove_dir_all(&state).unwrap();
}
