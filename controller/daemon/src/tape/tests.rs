use super::*;
use headroom_site::{ActuatorId, InstructionKind, Offered, Outcome, PointId, Quality, Reason, Target};
use std::io::Write as _;
use std::path::PathBuf;

fn temp(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("headroom-tape-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn begin(epoch: u64) -> Begin {
    Begin {
        program: "0.1.0".to_owned(),
        site_name: "hall".to_owned(),
        site: [1; 32],
        wants: [2; 32],
        model: None,
        who: "headroom".to_owned(),
        epoch,
        excite: Some(Span::from_ms(5)),
    }
}

/// A site of one node with two GPUs.
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
    headroom_site::file::read_site("site.toml", text, std::path::Path::new(".")).unwrap()
}

fn inbox() -> Inbox {
    let stamp = Stamp::from_unix_ms(1_750_000_000_123);
    let reading = Reading::new(PointId(3), stamp, Span::from_ms(7), -0.1, Quality::Bad(Reason::Sentinel));
    let sample = GpuSample {
        stamp,
        power_w: Offered::new(611.5),
        energy_j: Offered::new(f64::MIN_POSITIVE),
        throttle_ns: [Some(u64::MAX - 1), None, Some(0), None, None].map(Into::into),
        ..GpuSample::default()
    };
    let mut report = NodeReport::empty();
    report.node = "n1".into();
    report.gpus = vec![("GPU-a".into(), sample), ("GPU-b".into(), sample), ("GPU-elsewhere".into(), sample)];
    report.receipt = Some(CapReceipt { epoch: 1, sequence: 2, refused: Some("no".to_owned()) });
    report.arrival = Some(stamp);
    let mut stranger = report.clone();
    stranger.node = "n9".into();
    let target = Target::Actuator(ActuatorId(1));
    let receipt = Receipt { target, epoch: 1, sequence: 9, outcome: Outcome::Refused("operator".to_owned()) };
    Inbox {
        readings: vec![reading, reading.arrived(stamp).held(u32::MAX)],
        nodes: vec![report, stranger],
        receipts: vec![receipt],
        released: true,
        instructions: vec![Instruction {
            actuator: ActuatorId(1),
            kind: InstructionKind::Accept(27.5),
            until: stamp + Span::from_s(60.0),
        }],
        office: Office::Sole,
    }
}

#[test]
fn what_was_told_comes_back_and_runs_follow_each_other() {
    let (path, site, inbox) = (temp("again"), site(), inbox());
    for epoch in 1..3 {
        let mut tape = Writer::begin(&path, 1 << 20, begin(epoch)).unwrap();
        for k in 0..3 {
            tape.tell(Told::new(&site, Stamp::from_unix_ms(k), &inbox, "decided")).unwrap();
        }
        // killed in the middle of a line
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[200, 0, 0, 0, 1, 2, 3]).unwrap();
    }
    let mut tape = Reader::open(&path).unwrap();
    let mut heard = Inbox::default();
    for epoch in 1..3 {
        assert_eq!(tape.read().unwrap(), Some(Entry::Begin(begin(epoch))));
        for k in 0..3 {
            let Some(Entry::Told(told)) = tape.read().unwrap() else { panic!("no tick") };
            assert_eq!((told.now, told.decided), (Stamp::from_unix_ms(k), short_digest("decided")));
            told.tell(&site, &mut heard).unwrap();
            assert_eq!(
                (&heard.readings, &heard.nodes, &heard.receipts, heard.released, &heard.instructions),
                (&inbox.readings, &inbox.nodes, &inbox.receipts, inbox.released, &inbox.instructions)
            );
        }
    }
    assert!(tape.read().unwrap().is_none() && tape.torn());
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_damaged_entry_is_named_and_a_full_tape_says_so() {
    let (path, site, inbox) = (temp("damaged"), site(), inbox());
    let mut tape = Writer::begin(&path, 1 << 20, begin(1)).unwrap();
    tape.tell(Told::new(&site, Stamp::from_unix_ms(1), &inbox, "")).unwrap();
    drop(tape);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.read().unwrap().is_some());
    assert!(reader.read().unwrap_err().to_string().ends_with("entry 2 is damaged"));
    assert!(Writer::begin(&path, 1 << 20, begin(2)).is_err(), "nothing is written behind a damage");
    std::fs::write(&path, "time_utc,x\n").unwrap();
    assert!(Reader::open(&path).unwrap_err().to_string().contains("is no tape") && !is_tape(&path));
    std::fs::remove_file(&path).unwrap();
    let mut tape = Writer::begin(&path, 300, begin(1)).unwrap();
    let full = (0..9).find_map(|k| tape.tell(Told::new(&site, Stamp::from_unix_ms(k), &inbox, "")).err());
    assert!(full.unwrap().to_string().contains("has reached its bound"));
    assert!(is_tape(&path));
    std::fs::remove_file(&path).unwrap();
}
