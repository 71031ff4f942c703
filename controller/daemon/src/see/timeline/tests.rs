use super::*;
use crate::run::seen::views::StampClock;

fn chart() -> Chart {
    let at = |s: i64| 1_700_000_000_000_000_000 + s * 1_000_000_000;
    let point = History {
        of: "CDU-01 <b>".into(),
        unit: "degC".into(),
        unix_ns: (0..60).map(at).collect(),
        value: (0..60).map(|i| (i != 30).then_some(30.0 + f64::from(i) / 10.0)).collect(),
        quality_opc_ua: (0..60).map(|i| if i == 30 { 0x8000 } else { 0 }).collect(),
        event_uncertainty_s: Some(3.0),
        clock: Some(StampClock { offset_s: Some(2.134), sigma_s: Some(0.03), corrected: true, wrong: false }),
        ..History::default()
    };
    let gpu = History {
        of: "GPU-a:power".into(),
        unit: "W".into(),
        unix_ns: vec![at(10), at(11)],
        value: vec![Some(500.0), Some(510.0)],
        least: vec![Some(490.0), None],
        most: vec![Some(550.0), None],
        ..History::default()
    };
    Chart { from_ns: at(0), to_ns: at(60), series: vec![point, gpu] }
}

#[test]
fn the_page_is_whole_and_says_how_sure_its_times_are() {
    let page = html::page(&chart());
    assert!(page.contains("CDU-01 &lt;b&gt;") && !page.contains("<script") && !page.contains("http://"));
    assert!(page.contains("time +- 3.000 s, its clock +2.134 s off and put right"), "{page}");
    // 3 s of 60 s on an axis of 636 units: 31.8 units either way of the legend's middle.
    assert!(page.contains("M28.2 2v8M91.8 2v8"), "{page}");
    let curve = page.split("class=\"curve s-headroom\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(curve.matches('M').count(), 2, "a gap where a value was bad: {curve}");
    assert_eq!(page.matches("class=\"band s-headroom\"").count(), 2);
}

#[test]
fn the_terminal_and_the_table_say_the_same() {
    let lines = plot::lines(&chart());
    assert_eq!(lines.len(), 11, "{lines:#?}");
    assert!(lines[0].starts_with("CDU-01 <b> [degC]  time +- 3.000 s"), "{}", lines[0]);
    assert!(lines[1].contains("35.90 │") && lines[10].contains("22:13:20Z"), "{lines:#?}");
    assert!(lines[1..5].iter().all(|l| l.chars().count() == lines[1].chars().count()), "{lines:#?}");
    let rows = csv(&chart());
    assert_eq!(rows.len(), 63);
    assert_eq!(rows[1], "CDU-01 <b>,degC,2023-11-14T22:13:20.000Z,1700000000000000000,30,,,0");
    assert_eq!(rows[61], "GPU-a:power,W,2023-11-14T22:13:30.000Z,1700000010000000000,500,490,550,");
}
