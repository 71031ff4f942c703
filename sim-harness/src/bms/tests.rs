//! The BMS on the true facility: tuned, stable, honest with requests.

use super::*;
use headroom_truth::facility::cdu::Cdu;
use headroom_truth::facility::{Facility, FacilityInputs, FacilitySpec, Outdoor};

struct Bench {
    facility: Facility,
    bms: Bms,
    commands: Commands,
    requests: Requests,
    load: f64,
    wet_bulb_c: f64,
}

const RACK_W: f64 = 32_000.0;

impl Bench {
    fn new(wet_bulb_c: f64) -> Self {
        let facility = Facility::new(FacilitySpec::uniform(16, 4, 8, RACK_W, 0.86, 3));
        let commands = facility.idle_commands();
        let bms = Bms::new(&commands, &Design::CHILLED);
        let requests = Requests {
            cdu_supply_c: vec![None; 4],
            cdu_dp_kpa: vec![None; 4],
            crah_supply_c: vec![None; 2],
            facility_c: None,
            tower_c: None,
        };
        Self { facility, bms, commands, requests, load: 0.8, wet_bulb_c }
    }

    fn measure(&self) -> Inputs {
        let f = &self.facility;
        Inputs {
            cdus: f
                .cdus
                .iter()
                .map(|c| CduInputs {
                    supply_c: c.supply_c(),
                    dp_kpa: c.dp_kpa,
                    valve: c.valve.position,
                    pump_fault: [c.pumps[0].failed, c.pumps[1].failed],
                })
                .collect(),
            crahs: f
                .hall
                .crahs
                .iter()
                .map(|c| CrahInputs { supply_c: c.supply_c, valve: c.valve.position })
                .collect(),
            aisle_dp_pa: f.hall.aisle_dp_pa,
            dew_point_c: f.hall.dew_point_c,
            supply_c: f.primary.leaving_c,
            return_c: f.primary.return_c(),
            dp_kpa: f.primary.dp_kpa,
            economiser_leaving_c: f.primary.economiser_leaving_c,
            tower_leaving_c: f.condenser.supply_c(),
            tower_return_c: f.condenser.return_c,
            sink_c: self.wet_bulb_c,
            chiller_load: f.primary.chillers.iter().map(|c| c.load_w / c.capacity_w).collect(),
            chiller_ready: f.primary.chillers.iter().map(|c| !c.tripped).collect(),
            storage: StorageInputs {
                tank_charge: f64::NAN,
                battery_charge: f64::NAN,
                ..StorageInputs::default()
            },
            primary_fault: f.primary.pumps.iter().map(|p| p.failed).collect(),
        }
    }

    fn run(&mut self, seconds: usize, mut watch: impl FnMut(&Facility, usize)) {
        for second in 0..seconds {
            let inputs = self.measure();
            self.bms.step(&inputs, &self.requests, &mut self.commands, 1.0);
            let power = [self.load * RACK_W; 16];
            let liquid = power.map(|p| 0.86 * p);
            self.facility.step(
                &FacilityInputs {
                    rack_power_w: &power,
                    rack_liquid_w: &liquid,
                    rack_air_w: 0.14 * self.load * RACK_W * 16.0,
                    server_air_m3s: 16.0 * 0.28,
                    outdoor: Outdoor {
                        dry_bulb_c: self.wet_bulb_c + 8.0,
                        wet_bulb_c: self.wet_bulb_c,
                        dew_point_c: self.wet_bulb_c - 4.0,
                    },
                    commands: &self.commands,
                },
                1.0,
            );
            watch(&self.facility, second);
        }
    }
}

/// Largest and smallest value of a signal over a run.
fn span(bench: &mut Bench, seconds: usize, signal: impl Fn(&Facility) -> f64) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    bench.run(seconds, |f, _| {
        low = low.min(signal(f));
        high = high.max(signal(f));
    });
    (low, high)
}

#[test]
fn settles_without_oscillation() {
    for wet_bulb_c in [4.0, 12.0, 18.0, 23.0] {
        for load in [0.35, 0.6, 0.95] {
            let mut bench = Bench::new(wet_bulb_c);
            bench.load = load;
            bench.run(6 * 3600, |_, _| ());
            let supply = span(&mut bench, 1800, |f| f.cdus[1].supply_c());
            assert!((supply.0 - 30.0).abs() < 0.25 && (supply.1 - 30.0).abs() < 0.25, "{load} {supply:?}");
            let dp = span(&mut bench, 1800, |f| f.cdus[1].dp_kpa);
            assert!(dp.1 - dp.0 < 0.5 && (dp.0 - 90.0).abs() < 0.5, "{dp:?}");
            let air = span(&mut bench, 1800, |f| f.hall.cold_c);
            assert!(air.1 - air.0 < 0.5 && (21.0..24.5).contains(&air.0), "{wet_bulb_c} {load} {air:?}");
            let fan = span(&mut bench, 1800, |f| f.condenser.tower.fan);
            assert!(fan.1 - fan.0 < 0.2, "tower fan {wet_bulb_c} {load} {fan:?}");
            let valve = span(&mut bench, 1800, |f| f.cdus[1].valve.position);
            assert!(valve.1 - valve.0 < 0.08, "valve {wet_bulb_c} {load} {valve:?}");
        }
    }
}

#[test]
fn load_step_is_absorbed() {
    let mut bench = Bench::new(18.0);
    bench.load = 0.5;
    bench.run(4 * 3600, |_, _| ());
    bench.load = 0.9;
    let (_, peak) = span(&mut bench, 1800, |f| f.cdus[0].supply_c());
    assert!(peak < 33.5, "peak {peak}");
    let (low, high) = span(&mut bench, 1200, |f| f.cdus[0].supply_c());
    assert!(high - low < 0.3, "{low} {high}");
}

#[test]
fn a_failed_pump_is_made_up_in_seconds() {
    let mut bench = Bench::new(18.0);
    bench.run(2 * 3600, |_, _| ());
    bench.facility.cdus[1].pumps[0].failed = true;
    let mut restored = 0;
    bench.run(120, |f, second| {
        if f.cdus[1].dp_kpa < 80.0 {
            restored = second;
        }
    });
    assert!((2..30).contains(&restored), "{restored} s below 80 kPa");
    assert!(bench.facility.cdus[1].flow_lpm > 0.95 * bench.facility.cdus[0].flow_lpm);
}

#[test]
fn requests_are_followed_and_given_back_at_once() {
    let mut bench = Bench::new(18.0);
    bench.run(2 * 3600, |_, _| ());
    bench.requests.cdu_supply_c[2] = Some(36.0);
    bench.requests.cdu_dp_kpa[2] = Some(60.0);
    bench.requests.facility_c = Some(24.0);
    bench.run(3600, |_, _| ());
    assert!((bench.facility.cdus[2].supply_c() - 36.0).abs() < 0.4, "{}", bench.facility.cdus[2].supply_c());
    assert!((bench.facility.cdus[2].dp_kpa - 60.0).abs() < 1.0);
    assert!((bench.facility.cdus[0].supply_c() - 30.0).abs() < 0.4);
    assert!((bench.facility.primary.leaving_c - 24.0).abs() < 0.6, "{}", bench.facility.primary.leaving_c);
    bench.requests.cdu_supply_c[2] = None;
    bench.requests.cdu_dp_kpa[2] = None;
    bench.requests.facility_c = None;
    bench.run(1, |_, _| ());
    let at_once = bench.bms.cdu_setpoints(2);
    assert_eq!(
        (at_once.supply_c, at_once.dp_kpa),
        (Design::CHILLED.cdu_supply_c, Design::CHILLED.cdu_dp_kpa)
    );
    assert!(bench.bms.facility_setpoint_c() < 20.0, "{}", bench.bms.facility_setpoint_c());
    // Of 6 K the water swings past by less than half, while the facility water falls too; pressure does not burst.
    let (mut lowest_c, mut highest_kpa, mut last_c) = (f64::INFINITY, 0.0_f64, 0.0);
    bench.run(1800, |f, _| {
        last_c = f.cdus[2].supply_c();
        lowest_c = lowest_c.min(last_c);
        highest_kpa = highest_kpa.max(f.cdus[2].dp_kpa);
    });
    assert!(lowest_c > 27.0 && highest_kpa < 96.0, "{lowest_c} C, {highest_kpa} kPa");
    assert!((last_c - 30.0).abs() < 0.4, "{last_c}");
}

#[test]
fn a_chiller_trip_is_covered_by_the_other() {
    let mut bench = Bench::new(22.0);
    bench.run(3 * 3600, |_, _| ());
    bench.facility.primary.chillers[0].tripped = true;
    bench.run(3600, |_, _| ());
    assert!(bench.facility.primary.chillers[1].running);
    assert!(bench.facility.primary.leaving_c < 20.0, "{}", bench.facility.primary.leaving_c);
}

#[test]
fn warm_facility_water_stops_the_chillers() {
    let mut cold = Bench::new(16.0);
    let mut warm = Bench::new(16.0);
    warm.requests.facility_c = Some(26.0);
    let power = |bench: &mut Bench| {
        bench.run(5 * 3600, |_, _| ());
        (bench.facility.powers.cooling_w(), bench.facility.primary.chiller_power_w())
    };
    let (cold_w, warm_w) = (power(&mut cold), power(&mut warm));
    assert!(warm_w.1 < 1.0, "chillers off, {warm_w:?}");
    assert!(warm_w.0 < 0.7 * cold_w.0, "{warm_w:?} {cold_w:?}");
    let duty: f64 = warm.facility.cdus.iter().map(|c: &Cdu| c.duty_w).sum();
    assert!(duty > 300e3);
}

mod any {
    use super::*;
    use proptest::prelude::*;

    fn request() -> impl Strategy<Value = Option<f64>> {
        prop_oneof![
            Just(None),
            Just(Some(f64::NAN)),
            Just(Some(f64::INFINITY)),
            (-1e3..1e3_f64).prop_map(Some)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// No request, however wild, takes a setpoint out of the BMS's range or past its rate. Only where a request
        /// ends does a setpoint step, and then toward more cooling.
        #[test]
        fn requests_stay_inside_range_and_rate(asks in prop::collection::vec([request(), request(), request(), request(), request()], 1..8)) {
            let mut bench = Bench::new(16.0);
            for ask in asks {
                bench.requests.cdu_supply_c[0] = ask[0];
                bench.requests.cdu_dp_kpa[0] = ask[1];
                bench.requests.crah_supply_c[0] = ask[2];
                (bench.requests.facility_c, bench.requests.tower_c) = (ask[3], ask[4]);
                for _ in 0..30 {
                    let before = (bench.bms.cdu_setpoints(0), bench.bms.facility_setpoint_c());
                    bench.run(1, |_, _| ());
                    let now = (bench.bms.cdu_setpoints(0), bench.bms.facility_setpoint_c());
                    prop_assert!((20.0..=45.0).contains(&now.0.supply_c) && (40.0..=120.0).contains(&now.0.dp_kpa));
                    prop_assert!((10.0..=32.0).contains(&now.1));
                    let inside = |ask: Option<f64>, looser: f64, rate: f64| {
                        looser <= rate + 1e-9 && (looser >= -rate - 1e-9 || !ask.is_some_and(f64::is_finite))
                    };
                    prop_assert!(inside(ask[0], now.0.supply_c - before.0.supply_c, 1.0 / 120.0));
                    prop_assert!(inside(ask[1], before.0.dp_kpa - now.0.dp_kpa, 5.0 / 60.0));
                    prop_assert!(inside(ask[3], now.1 - before.1, 1.0 / 180.0));
                }
            }
        }
    }
}
