use crate::lease::Identity;
use crate::line::Line;
use crate::places::{First, Kind, PlaceHeadroom, Places};
use crate::tests::{at, reading, reports, site, wants};
use headroom_site::Inbox;

/// The small plant at 400 W a GPU, with these readings besides.
fn line(power_w: f32, more: &[(&str, f64)]) -> Line {
    let site = site();
    let wants = wants(&site, "");
    let mut line = Line::with_wants(&site, wants, Identity { who: "t".into(), epoch: 1 });
    let usual = [
        ("cdu-supply", 30.0),
        ("cdu-valve", 0.5),
        ("rack-flow", 8.0),
        ("feed-power", 4.0 * f64::from(power_w) + 300.0),
    ];
    for s in 0..120 {
        let s = f64::from(s);
        let said = |id: &str| more.iter().find(|m| m.0 == id).map(|m| m.1);
        let all = usual.iter().map(|(id, v)| (*id, said(id).unwrap_or(*v)));
        let readings = all.map(|(id, v)| reading(&site, id, s, v)).collect();
        let nodes = reports(s, [power_w; 4]);
        line.tick(&Inbox { readings, nodes, ..Inbox::default() }, at(s));
    }
    line
}

fn of(line: &Line, id: &str, check: impl Fn(&PlaceHeadroom<'_>)) {
    let places = Places::new(line.site(), line.topology());
    let all = places.look(line);
    check(all.iter().find(|p| p.id == id).unwrap());
}

#[test]
fn racks_loops_and_feeds_have_headroom() {
    let line = line(400.0, &[]);
    let places = Places::new(line.site(), line.topology());
    let kinds: Vec<_> = places.look(&line).iter().map(|p| (p.id.to_owned(), p.kind)).collect();
    let expected = [
        ("rack-01", Kind::Rack),
        ("CDU-01", Kind::Cooling),
        ("FWS", Kind::Cooling),
        ("CH-01", Kind::Cooling),
        ("feed", Kind::Branch),
    ];
    assert_eq!(kinds, expected.map(|(id, kind)| (id.to_owned(), kind)));
}

#[test]
fn a_feed_is_bound_by_its_budget() {
    // 4 kW, of which 1.9 are drawn and a reserve is kept; the GPUs alone could take 1.2 kW more.
    of(&line(400.0, &[]), "feed", |p| {
        assert!(!p.budget_binds && (p.headroom.watts - 1_200.0).abs() < 1.0, "{p:?}");
    });
    of(&line(600.0, &[("feed-power", 3_800.0)]), "feed", |p| {
        assert!(p.budget_binds && p.headroom.watts < 200.0, "{p:?}");
    });
}

#[test]
fn what_is_met_first_is_named() {
    let line = line(400.0, &[("cdu-valve", 0.94)]);
    let valve = line.site().point("cdu-valve").unwrap();
    of(&line, "CDU-01", |p| {
        assert_eq!(p.first, First::Point(valve));
        assert!(p.headroom.kelvin < 0.5, "{p:?}");
    });
    of(&line, "rack-01", |p| assert!(matches!(p.first, First::Gpu(_) | First::Flow(0)), "{p:?}"));
}
