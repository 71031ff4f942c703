//! A pod of six racks behind one CDU: each rule with its other ways round, hysteresis, and random plants.

use super::*;
use crate::align::Align;
use headroom_site::file::read_site;
use headroom_site::{Inbox, Quality, Reading, Reason};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const RACKS: usize = 6;
/// Period of the readings, s.
const EVERY_S: f64 = 5.0;
/// Holding time of the default, s.
const HOLD_S: f64 = 120.0;

fn point(o: &mut String, id: &str, of: &str, kind: &str, area: &str, unit: &str) {
    let from = "from = { mqtt = \"bms\", tag = \"x\" }";
    writeln!(
        o,
        "[[point]]\nid = \"{id}\"\nof = \"{of}\"\ntype = \"{kind}\"\narea = [{area}]\nunit = \"{unit}\"\n{from}"
    )
    .unwrap();
}

fn site() -> Site {
    let mut o = "format = 1\n[site]\nname = \"pod\"\n[meters]\nit = \"bus/power\"\n".to_owned();
    o += "[[mqtt]]\nid = \"bms\"\nurl = \"mqtt://h\"\n";
    let racks: Vec<String> = (0..RACKS).map(|r| format!("r{r}")).collect();
    for id in &racks {
        writeln!(o, "[[place]]\nid = \"{id}\"\nkind = \"rack\"").unwrap();
        writeln!(
            o,
            "[[power]]\nid = \"p-{id}\"\nkind = \"rack\"\nserves = [\"{id}\"]\nmeter = \"{id}/power\""
        )
        .unwrap();
        writeln!(o, "[[equipment]]\nid = \"t-{id}\"\nkind = \"meter\"\nserves = [\"{id}\"]").unwrap();
        point(&mut o, &format!("{id}/supply"), id, "RackLiquidSupplyTemperature", "", "degC");
        point(&mut o, &format!("{id}/return"), id, "RackLiquidReturnTemperature", "", "degC");
        point(&mut o, &format!("{id}/flow"), id, "RackLiquidFlow", "", "L/min");
        point(&mut o, &format!("{id}/dp"), id, "RackLiquidDifferentialPressure", "", "kPa");
        point(&mut o, &format!("{id}/power"), id, "RackPower", "", "kW");
        let tap = format!("t-{id}");
        point(&mut o, &format!("{tap}/u"), &tap, "Voltage", "", "V");
        point(&mut o, &format!("{tap}/i"), &tap, "Current", "", "A");
        for phase in ["A", "B", "C"] {
            let area = format!("\"{phase}\"");
            point(&mut o, &format!("{tap}/i{phase}"), &tap, "PhaseCurrent", &area, "A");
        }
        point(&mut o, &format!("{tap}/power"), &tap, "ActivePower", "", "kW");
        point(&mut o, &format!("{tap}/limit"), &tap, "CurrentLimit", "", "A");
    }
    writeln!(o, "[[equipment]]\nid = \"C\"\nkind = \"cdu\"\nserves = {racks:?}").unwrap();
    let branches: Vec<String> = racks.iter().map(|r| format!("p-{r}")).collect();
    writeln!(o, "[[power]]\nid = \"bus\"\nkind = \"busway\"\nserves = {branches:?}\nmeter = \"bus/power\"")
        .unwrap();
    point(&mut o, "bus/power", "bus", "ActivePower", "", "kW");
    point(&mut o, "c/flow", "C", "LiquidFlow", "\"Secondary\"", "L/min");
    point(&mut o, "c/dp", "C", "LiquidDifferentialPressure", "\"Secondary\"", "kPa");
    point(&mut o, "c/pump1", "C", "PumpSpeed", "\"Secondary\"", "%");
    point(&mut o, "c/supply", "C", "LiquidTemperature", "\"Secondary\", \"Supply\"", "degC");
    read_site("site.toml", &o, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap()
}

/// Values of all points, base units.
type Values = BTreeMap<String, f64>;

/// A plant in which everything fits: load of each rack in W, flow in L/min, supply in degC; deviations by point.
fn plant(load_w: f64, flow_lpm: f64, supply_c: f64, noise: &mut dyn FnMut() -> f64) -> Values {
    let mut v = Values::new();
    for r in 0..RACKS {
        let w = load_w * (0.8 + 0.08 * r as f64);
        let amps = w / (3.0_f64.sqrt() * 400.0 * 0.98);
        let mut put = |key: &str, x: f64| v.insert(key.replace('#', &r.to_string()), x);
        put("r#/supply", supply_c + 0.2 * noise());
        put("r#/return", supply_c + 0.95 * w / (67.0 * flow_lpm) + 0.2 * noise());
        put("r#/flow", flow_lpm * (1.0 + 0.02 * noise()));
        put("r#/dp", 0.0316 * flow_lpm * flow_lpm * (1.0 + 0.03 * noise()));
        put("r#/power", w * (1.0 + 0.005 * noise()));
        put("t-r#/power", w * (1.0 + 0.005 * noise()));
        put("t-r#/u", 400.0 + noise());
        for phase in ["", "A", "B", "C"] {
            put(&format!("t-r#/i{phase}"), amps * (1.0 + 0.05 * noise()));
        }
        put("t-r#/limit", 160.0);
    }
    let sum = |what: &str| -> f64 {
        v.iter().filter(|(k, _)| k.starts_with('r') && k.ends_with(what)).map(|(_, x)| x).sum()
    };
    let (flow, power) = (sum("/flow"), sum("/power"));
    v.insert("c/flow".into(), flow * (1.0 + 0.02 * noise()));
    v.insert("bus/power".into(), power * (1.0 + 0.005 * noise()));
    v.insert("c/dp".into(), 0.036 * flow_lpm * flow_lpm + 0.3 * noise());
    v.insert("c/pump1".into(), 0.44 * flow_lpm / 50.0);
    v.insert("c/supply".into(), supply_c - 1.0 + 0.1 * noise());
    v
}

fn exact() -> Values {
    plant(40_000.0, 50.0, 32.0, &mut || 0.0)
}

/// A bench on which values are heard.
struct Bench {
    site: Site,
    align: Align,
    s: f64,
}

impl Bench {
    fn new() -> Self {
        let site = site();
        Self { align: Align::new(&site), site, s: 0.0 }
    }

    fn hear(&mut self, values: &Values) {
        self.s += EVERY_S;
        let at = crate::tests::at(self.s);
        let reading = |(id, x): (&String, &f64)| {
            Reading::new(self.site.point(id).unwrap(), at, Span::ZERO, *x, Quality::Good)
        };
        let readings = values.iter().map(reading).collect();
        self.align.take(&Inbox { readings, ..Inbox::default() });
        self.align.snapshot(at);
        self.align.settle();
    }

    fn hold(&mut self, values: &Values, seconds: f64) {
        for _ in 0..(seconds / EVERY_S).ceil() as usize {
            self.hear(values);
        }
    }

    /// Ids in doubt with their qualities.
    fn doubts(&self) -> Vec<(String, Quality)> {
        let id = |d: &Doubt| (self.site.points[d.point.index()].id.clone(), d.quality);
        self.align.plausible().doubts().iter().map(id).collect()
    }

    fn said(&self) -> String {
        self.align.plausible().doubts().iter().map(|d| format!("{}\n", d.lie)).collect()
    }
}

const BAD: Quality = Quality::Bad(Reason::Implausible);
const UNSURE: Quality = Quality::Uncertain(Reason::Implausible);

/// These points lie while all others are right: who is in doubt when the lie has lasted long enough?
fn caught(lies: &[(&str, f64)], expected: &[(&str, Quality)], sentence: &str) {
    let mut bench = Bench::new();
    bench.hold(&exact(), 60.0);
    let mut values = exact();
    for (id, x) in lies {
        *values.get_mut(*id).unwrap() = *x;
    }
    bench.hold(&values, 11.0 * HOLD_S);
    let expected: Vec<_> = expected.iter().map(|(id, q)| ((*id).to_owned(), *q)).collect();
    assert_eq!(bench.doubts(), expected, "{lies:?}\n{}", bench.said());
    assert!(bench.said().contains(sentence), "{}", bench.said());
    for (id, quality) in &expected {
        let p = bench.align.last().points[bench.site.point(id).unwrap().index()];
        assert_eq!(p.quality, *quality);
        assert_eq!(bench.align.last().good(bench.site.point(id).unwrap()), None);
    }
    // The truth comes back: believed again, and not at once.
    bench.hold(&exact(), HOLD_S);
    assert_eq!(bench.doubts().len(), expected.len(), "{lies:?}");
    bench.hold(&exact(), 2.0 * HOLD_S);
    assert_eq!(bench.doubts(), vec![], "{lies:?}\n{}", bench.said());
}

#[test]
fn moving_fluid_each_way_round() {
    caught(
        &[("c/flow", 0.0)],
        &[("c/flow", BAD)],
        "flow 0.0 L/min although pump runs at 44 % and dP is 90.0 kPa and 300.0 L/min flow in what it serves",
    );
    caught(
        &[("c/dp", 0.0)],
        &[("c/dp", BAD)],
        "dP 0.0 kPa although pump runs at 44 % and flow is 300.0 L/min",
    );
    caught(&[("c/pump1", 0.0)], &[("c/pump1", BAD)], "pumps at 0 % although dP is 90.0 kPa");
    caught(&[("c/flow", 150.0)], &[("c/flow", BAD)], "although the 6 flows it serves add up to 300.0 L/min");
}

#[test]
fn two_against_one_without_a_third_is_undecided() {
    let mut bench = Bench::new();
    let mut values = exact();
    values.retain(|id, _| !(id.starts_with('r') && id.ends_with("/flow")));
    values.insert("c/flow".into(), 0.0);
    bench.hold(&values, 2.0 * HOLD_S);
    let expected = ["c/flow", "c/dp", "c/pump1"].map(|id| (id.to_owned(), UNSURE));
    assert_eq!(bench.doubts(), expected);
}

#[test]
fn a_pump_against_closed_valves_is_no_lie() {
    let mut bench = Bench::new();
    let mut values = exact();
    for (id, x) in &mut values {
        if id.ends_with("/flow") || (id.starts_with('r') && id.ends_with("/dp")) {
            *x = 0.0;
        }
        if id.ends_with("/power") || id.starts_with("t-") && id.contains("/i") {
            *x = 0.0;
        }
    }
    bench.hold(&values, 4.0 * HOLD_S);
    assert_eq!(bench.doubts(), vec![], "{}", bench.said());
}

#[test]
fn electricity_each_way_round() {
    caught(
        &[("t-r2/u", 0.0)],
        &[("t-r2/u", BAD)],
        "voltage 0.0 V although 56.6 A flow and 38.4 kW are drawn",
    );
    let i = ["t-r2/i", "t-r2/iA", "t-r2/iB", "t-r2/iC"];
    caught(&i.map(|i| (i, 0.0)), &i.map(|i| (i, BAD)), "current 0.0 A although 38.4 kW are drawn at 400.0 V");
    caught(&[("t-r2/power", 0.0)], &[("t-r2/power", BAD)], "power 0.0 kW although 56.6 A flow at 400.0 V");
    caught(
        &[("t-r2/power", 95_000.0)],
        &[("t-r2/u", UNSURE), ("t-r2/i", UNSURE), ("t-r2/power", UNSURE)],
        "power 95.0 kW although voltage and current make 39.2 kVA",
    );
}

#[test]
fn a_limit_that_nothing_trips_at_is_none() {
    caught(&[("t-r2/limit", 30.0)], &[("t-r2/limit", BAD)], "limit 30.0 A although 56.6 A are drawn");
    // An overload of a quarter is an overload; and one of a factor needs minutes until it is a lie.
    let mut bench = Bench::new();
    let limit = |a: f64| {
        let mut values = exact();
        values.insert("t-r2/limit".into(), a);
        values
    };
    bench.hold(&limit(45.0), 10.0 * HOLD_S);
    bench.hold(&limit(30.0), 4.9 * HOLD_S);
    assert_eq!(bench.doubts(), vec![]);
}

#[test]
fn racks_against_their_peers() {
    caught(
        &[("r2/dp", 190.0)],
        &[("r2/dp", BAD)],
        "dP 190.0 kPa at 50.0 L/min although its 5 peers show 79.0 kPa",
    );
    caught(
        &[("r2/supply", 25.0)],
        &[("r2/supply", BAD)],
        "25.0 degC although 6 others in the same water show 32.0",
    );
    caught(&[("c/supply", 27.0)], &[("c/supply", BAD)], "27.0 degC although 6 others");
}

#[test]
fn heat_against_power() {
    caught(&[("r2/return", 32.1)], &[("r2/return", BAD)], "although 38.4 kW are drawn");
    caught(&[("r2/power", 4_000.0)], &[("r2/power", BAD)], "although 4.0 kW are drawn");
    caught(&[("r2/flow", 0.0)], &[("r2/flow", BAD)], "although 38.4 kW are drawn");
    // Flow and return temperature are alone against the power: nobody knows which of them it is.
    let high = [("r2/flow", 110.0)];
    caught(&high, &[("r2/return", UNSURE), ("r2/flow", UNSURE)], "although 38.4 kW are drawn");
    let swapped = [("r2/supply", exact()["r2/return"]), ("r2/return", 32.0)];
    caught(&swapped, &[("r2/supply", BAD), ("r2/return", BAD)], "others in the same water");
}

#[test]
fn a_meter_against_those_behind_it() {
    let sum = exact()["bus/power"];
    caught(
        &[("bus/power", 0.9 * sum)],
        &[("bus/power", BAD)],
        "although the 6 meters it feeds add up to 240.0 kW",
    );
}

#[test]
fn what_moves_too_fast_is_doubted_at_once() {
    let mut bench = Bench::new();
    bench.hold(&exact(), 30.0);
    let mut values = exact();
    values.insert("r2/return".into(), 70.0);
    bench.hear(&values);
    assert_eq!(bench.doubts(), vec![("r2/return".to_owned(), Quality::Uncertain(Reason::RateOfChange))]);
    assert!(
        bench.said().contains("70.0 degC within 5 s of 42.9 degC: faster than it can be"),
        "{}",
        bench.said()
    );
    bench.hold(&exact(), 2.0 * HOLD_S - EVERY_S);
    assert_eq!(bench.doubts().len(), 1);
    bench.hold(&exact(), 2.0 * EVERY_S);
    assert_eq!(bench.doubts(), vec![]);
}

#[test]
fn what_stands_still_while_the_rest_moves() {
    let mut phase = 0.0_f64;
    let mut wave = move || {
        phase += 1.0;
        (phase * 0.7).sin()
    };
    let mut bench = Bench::new();
    for minute in 0..60 {
        let x = f64::from(minute);
        for _ in 0..12 {
            let way = (x / 20.0).min(1.0);
            let mut values =
                plant(40_000.0 * (1.0 - 0.2 * way), 50.0 + 6.0 * way, 32.0 + 1.2 * way, &mut wave);
            values.insert("c/supply".into(), 31.0);
            values.insert("r3/return".into(), 44.0);
            values.insert("bus/power".into(), 240_000.0);
            values.insert("c/dp".into(), 90.0);
            bench.hear(&values);
        }
    }
    let flat = Quality::Bad(Reason::Flatline);
    let expected = ["r3/return", "bus/power", "c/dp", "c/supply"].map(|id| (id.to_owned(), flat));
    assert_eq!(bench.doubts(), expected, "{}", bench.said());
    assert!(bench.said().contains("31.0 degC without any movement for"), "{}", bench.said());
}

#[test]
fn a_short_contradiction_is_none_and_a_silent_witness_does_not_absolve() {
    let mut bench = Bench::new();
    let mut lie = exact();
    lie.insert("c/flow".into(), 0.0);
    for _ in 0..5 {
        bench.hold(&lie, HOLD_S - EVERY_S);
        bench.hear(&exact());
    }
    assert_eq!((bench.doubts(), bench.align.plausible().changes()), (vec![], 0));
    bench.hold(&lie, HOLD_S + EVERY_S);
    assert_eq!(bench.doubts().len(), 1);
    lie.retain(|id, _| id != "c/dp" && id != "c/pump1");
    bench.hold(&lie, 6.0 * HOLD_S);
    assert_eq!(bench.doubts().len(), 1, "who spoke against it is silent");
    assert_eq!(bench.align.plausible().changes(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn honest_plants_are_believed(
        load in 5_000.0..120_000.0f64, flow in 20.0..120.0f64, supply in 18.0..45.0f64, seed in 1u64..u64::MAX,
    ) {
        let mut noise = noise(seed);
        let mut bench = Bench::new();
        for k in 0..240 {
            // Load swings by a third within minutes; the plant follows.
            let swing = 1.0 + 0.3 * (f64::from(k) * 0.05).sin();
            bench.hear(&plant(load * swing, flow, supply, &mut noise));
            prop_assert!(bench.doubts().is_empty(), "{:?}\n{}", bench.doubts(), bench.said());
        }
    }

    #[test]
    fn a_liar_of_a_redundant_set_is_found(
        load in 20_000.0..60_000.0f64, flow in 40.0..60.0f64, supply in 25.0..40.0f64, seed in 1u64..u64::MAX,
        rack in 0..RACKS, what in 0..7usize,
    ) {
        let mut noise = noise(seed);
        let mut bench = Bench::new();
        let (id, x): (String, fn(f64) -> f64) = match what {
            0 => ("c/flow".into(), |_| 0.0),
            1 => ("c/dp".into(), |_| 0.0),
            2 => (format!("t-r{rack}/u"), |_| 0.0),
            3 => (format!("r{rack}/dp"), |x| 2.4 * x),
            4 => (format!("r{rack}/supply"), |x| x + 6.0),
            5 => (format!("r{rack}/power"), |x| 0.2 * x),
            _ => ("bus/power".into(), |x| 0.85 * x),
        };
        for _ in 0..100 {
            let mut values = plant(load, flow, supply, &mut noise);
            let lie = x(values[&id]);
            values.insert(id.clone(), lie);
            bench.hear(&values);
        }
        prop_assert_eq!(bench.doubts(), vec![(id, BAD)], "{}", bench.said());
    }
}

/// Uniform in -1 to 1 (xorshift64*, Vigna 2016).
fn noise(mut seed: u64) -> impl FnMut() -> f64 {
    move || {
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        (seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}
