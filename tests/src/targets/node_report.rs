//! What agents and controller say to each other: reports of both layouts, commands, status.

use super::Target;
use headroom_drivers::node_report::{
    Names, decode_command, decode_into, decode_report, decode_status, encode_command, encode_packed,
    encode_report, encode_status,
};
use headroom_site::{GpuSample, NodeReport, Offered};

/// Packed reports.
pub const NODE_REPORT_PACKED: Target =
    Target { name: "node_report_packed", body: packed, bytes_per_byte: 1 << 13 };

/// Reports, commands and status as JSON.
pub const NODE_REPORT_JSON: Target = Target { name: "node_report_json", body: json, bytes_per_byte: 1 << 10 };

/// Times between which differences of two do not run over, ns.
const FAR_NS: i64 = i64::MAX / 4;

fn is_near(report: &NodeReport) -> bool {
    let near = |ns: i64| (-FAR_NS..FAR_NS).contains(&ns);
    let sent = report.sent.is_none_or(|s| near(s.tai_ns()));
    sent && near(report.stamp.tai_ns()) && report.gpus.iter().all(|(_, s)| near(s.stamp.tai_ns()))
}

/// Every number is finite, whatever the columns said.
fn stands(report: &NodeReport) {
    let finite = |s: &GpuSample| {
        let floats = [
            s.power_w,
            s.power_average_w,
            s.clock_mhz,
            s.memory_clock_mhz,
            s.die_c,
            s.hbm_c,
            s.margin_k,
            s.enforced_cap_w,
            s.utilisation,
        ];
        floats.iter().filter_map(|x| x.get()).all(|x| x.is_finite())
            && s.energy_j.get().is_none_or(f64::is_finite)
    };
    assert!(report.gpus.iter().all(|(_, s)| finite(s)), "{report:?}");
    assert_eq!(report.arrival, None);
}

fn packed(input: &[u8]) {
    // The version byte goes before every input: the other layout has a target of its own.
    let payload = [&[2], input].concat();
    let mut names = Names::default();
    let fresh = decode_report(&payload, &mut names);
    // Memory that held another report, or half of this one, makes no difference.
    let mut used = NodeReport::empty();
    let _ = decode_into(&payload[..payload.len() / 2], &mut names, &mut used);
    let again = decode_into(&payload, &mut names, &mut used);
    let Ok(report) = fresh else {
        assert!(again.is_err());
        return;
    };
    assert!(again.is_ok() && used == report, "{report:?}\n{used:?}");
    stands(&report);
    if !is_near(&report) {
        return;
    }
    let mut bytes = Vec::new();
    if encode_packed(&report, &mut bytes).is_ok() {
        let back = decode_report(&bytes, &mut Names::default());
        assert!(back.as_ref().is_ok_and(|b| *b == report), "{report:?}\n{back:?}");
    }
    // JSON refuses a UUID with a character that it would have to escape.
    let escaped = |c: char| c.is_control() || matches!(c, '"' | '\\');
    if report.gpus.iter().any(|(uuid, _)| uuid.contains(escaped)) {
        return;
    }
    let as_json = encode_report(&report).map(|text| decode_report(&text, &mut Names::default()));
    let Ok(Ok(as_json)) = as_json else { panic!("{as_json:?}") };
    alike(&report, &as_json);
}

fn json(input: &[u8]) {
    if let Ok(command) = decode_command(input) {
        let finite = |x: Option<f32>| x.is_none_or(f32::is_finite);
        assert!(command.gpus.iter().all(|g| finite(g.cap_w) && finite(g.lock_mhz)), "{command:?}");
        let again = encode_command(&command).map(|bytes| decode_command(&bytes));
        assert!(matches!(&again, Ok(Ok(c)) if *c == command), "{command:?}\n{again:?}");
    }
    if let Ok(status) = decode_status(input) {
        let again = encode_status(&status).map(|bytes| decode_status(&bytes));
        assert!(matches!(&again, Ok(Ok(s)) if *s == status), "{status:?}\n{again:?}");
    }
    if input.first() == Some(&2) {
        return;
    }
    let Ok(report) = decode_report(input, &mut Names::default()) else { return };
    stands(&report);
    if !is_near(&report) {
        return;
    }
    let again = encode_report(&report).map(|text| decode_report(&text, &mut Names::default()));
    // An escaped character in a UUID cannot come back: it was refused on the way in.
    let Ok(Ok(again)) = again else { panic!("{report:?}\n{again:?}") };
    alike(&report, &again);
    let mut bytes = Vec::new();
    if encode_packed(&report, &mut bytes).is_ok() {
        let back = decode_report(&bytes, &mut Names::default());
        assert!(back.as_ref().is_ok_and(|b| *b == report), "{report:?}\n{back:?}");
    }
}

/// The same but for the last digits of energies, which JSON's quick parser of doubles may miss.
fn alike(a: &NodeReport, b: &NodeReport) {
    let plain = |r: &NodeReport| {
        let mut r = r.clone();
        r.gpus.iter_mut().for_each(|(_, s)| s.energy_j = Offered::NONE);
        r
    };
    assert_eq!(plain(a), plain(b));
    for ((_, a), (_, b)) in a.gpus.iter().zip(&b.gpus) {
        match (a.energy_j.get(), b.energy_j.get()) {
            (Some(a), Some(b)) => {
                assert!((a - b).abs() <= 4.0 * a.abs() * f64::EPSILON + f64::MIN_POSITIVE, "{a} {b}");
            }
            (a, b) => assert_eq!(a, b),
        }
    }
}
