//! What a controller hears of a plant whose sources are not honest.

use super::super::VirtualPlant;
use super::super::asks::Device;
use super::*;
use headroom_sim::image::Link;
use headroom_sim::world::WorldConfig;
use headroom_sim::world::sensors::{SensorFault, SourceFault};
use headroom_site::{Field, Outcome};

/// A small plant, and one of its points.
struct Bench {
    plant: VirtualPlant,
    site: Site,
    inbox: Inbox,
}

impl Bench {
    fn new() -> Self {
        Self::with(headroom_sim::scenario::Scenario::quiet())
    }

    fn with(scenario: headroom_sim::scenario::Scenario) -> Self {
        let config = WorldConfig { gpus: 64, warmup_s: 300.0, scenario, ..WorldConfig::default() };
        let world = World::new(config).unwrap();
        let site = crate::score::site_of(&world).unwrap();
        Self { plant: VirtualPlant::new(world, &site).unwrap(), site, inbox: Inbox::default() }
    }

    /// The point with this ending of its tag: in the site, and in the image.
    fn point(&self, ending: &str) -> (PointId, usize) {
        let is = |s: &Source| matches!(s, Source::Dsx { tag: Some(tag), .. } if tag.ends_with(ending));
        let at = self.site.points.iter().position(|p| is(&p.source)).unwrap();
        let image = self.plant.world.image.points.iter().position(|p| p.tag.ends_with(ending)).unwrap();
        (PointId(at as u32), image)
    }

    fn source(&mut self, name: &str, fault: Option<SourceFault>) {
        let source = self.plant.world.image.source(name).unwrap();
        self.plant.world.sensors_mut().set_source_fault(source, fault);
    }

    /// Readings of a point over some seconds, each with the time of its arrival.
    fn hear(&mut self, point: PointId, seconds: u32) -> Vec<(Stamp, Reading)> {
        let mut heard = Vec::new();
        for _ in 0..seconds {
            self.plant.step();
            self.inbox.clear();
            self.plant.drain(&mut self.inbox);
            let now = self.plant.now();
            heard.extend(self.inbox.readings.iter().filter(|r| r.point == point).map(|r| (now, *r)));
        }
        heard
    }
}

/// How old a reading says it is, s.
fn age_s(heard: &(Stamp, Reading)) -> f64 {
    heard.0.since(heard.1.stamp).s()
}

#[test]
fn clocks_of_sources_reach_the_controller() {
    let mut bench = Bench::new();
    let (flow, _) = bench.point("rack-01/liquid/flow");
    let honest = bench.hear(flow, 60);
    assert!(honest.len() > 45, "{}", honest.len());
    assert!(honest.iter().all(|h| age_s(h).abs() < 0.05 && h.1.quality == Quality::Good));

    bench.source("rack-01", Some(SourceFault::TimeZone { hours: -1 }));
    assert!(bench.hear(flow, 10).iter().all(|h| (age_s(h) - 3600.0).abs() < 0.05));
    bench.source("rack-01", Some(SourceFault::ClockStep { step_s: 30.0 }));
    assert!(bench.hear(flow, 10).iter().all(|h| (age_s(h) + 30.0).abs() < 0.05 && h.1.arrival == Some(h.0)));
    bench.source("rack-01", Some(SourceFault::StuckStamp));
    let stuck = bench.hear(flow, 30);
    let spread_s = stuck[stuck.len() - 1].1.stamp.since(stuck[0].1.stamp).s();
    assert!(spread_s.abs() < 0.005, "{spread_s}");
    bench.source("rack-01", None);
    assert!(bench.hear(flow, 10).iter().all(|h| age_s(h).abs() < 0.05));
}

#[test]
fn links_lose_delay_and_fall_silent() {
    let mut bench = Bench::new();
    let (flow, _) = bench.point("rack-01/liquid/flow");
    let all = bench.hear(flow, 400).len();
    bench.source("rack-01", Some(SourceFault::Link(Link { loss: 0.5, ..Link::default() })));
    let some = bench.hear(flow, 400).len();
    assert!((0.4..0.6).contains(&(some as f64 / all as f64)), "{some} of {all}");
    bench.source("rack-01", Some(SourceFault::Link(Link { delay_s: 3.0, ..Link::default() })));
    assert!(bench.hear(flow, 30).iter().all(|h| (age_s(h) - 3.0).abs() < 0.06));
    bench.source("rack-01", Some(SourceFault::Silent));
    bench.hear(flow, 4);
    assert!(bench.hear(flow, 200).is_empty());
    bench.source("rack-01", None);
    assert!(!bench.hear(flow, 3).is_empty());
}

#[test]
fn what_a_point_and_a_device_say_wrongly() {
    let mut bench = Bench::new();
    let (flow, at) = bench.point("rack-01/liquid/flow");
    let with = |bench: &mut Bench, fault| {
        bench.plant.world.sensors_mut().set_fault(at, Some(fault));
        bench.hear(flow, 1)[0].1
    };
    let lie = with(&mut bench, SensorFault::Shows(0.0));
    assert_eq!((lie.value, lie.quality), (0.0, Quality::Good));
    assert_eq!(with(&mut bench, SensorFault::Null).quality, Quality::Bad(Reason::NotANumber));
    let modest = with(&mut bench, SensorFault::BadQuality(0));
    assert!(modest.value > 0.0 && modest.quality == Quality::Bad(Reason::SourceSaysBad));

    // a float and an integer of the same device
    let register = |wanted: Encoding, bench: &Bench| {
        let device = bench.plant.world.modbus.iter().find(|d| d.id == "meters").unwrap();
        let address = device.registers.iter().find(|r| r.encoding == wanted).unwrap().address;
        let found = bench.site.points.iter().position(|p| {
            let Source::Modbus { device, register } = &p.source else { return false };
            let spec = &bench.site.modbus[*device];
            spec.id == "meters" && spec.registers[*register].address == address
        });
        PointId(found.unwrap() as u32)
    };
    let (float, integer) = (register(Encoding::F32, &bench), register(Encoding::U16, &bench));
    let sound = bench.hear(float, 6)[0].1.value;
    assert!(sound > 1000.0, "{sound}");
    bench.source("meters", Some(SourceFault::Device(DeviceFault::WordSwap)));
    let swapped = bench.hear(float, 6)[0].1;
    assert!(swapped.quality != Quality::Good || (swapped.value - sound).abs() > 0.5 * sound, "{swapped:?}");
    bench.source("meters", Some(SourceFault::Device(DeviceFault::Sentinel)));
    // All of its registers are all ones: 65535 counts are no value, though alone they would look like one.
    assert_eq!(bench.hear(float, 6)[0].1.quality, Quality::Bad(Reason::Sentinel));
    assert_eq!(bench.hear(integer, 6)[0].1.quality, Quality::Bad(Reason::Sentinel));
    bench.source("meters", Some(SourceFault::Silent));
    assert_eq!(bench.hear(float, 6)[0].1.quality, Quality::Bad(Reason::NoCommunication));
}

#[test]
fn a_cut_bus_carries_nothing_and_shows_everything_after() {
    let text = "name = \"cut\"\nhours = 1\n[[event]]\nat = \"10 s\"\nfor = \"60 s\"\nkind = \"broker-cut\"\n";
    let scenario = headroom_sim::scenario::Scenario::parse(text).unwrap();
    let mut bench = Bench::with(scenario);
    let (flow, _) = bench.point("rack-01/liquid/flow");
    assert!(!bench.hear(flow, 9).is_empty());
    assert!(bench.hear(flow, 2).len() <= 1);
    assert!(bench.hear(flow, 55).is_empty() && bench.plant.world.bus_cut());
    assert!(!bench.hear(flow, 6).is_empty() && !bench.plant.world.bus_cut());
}

/// Clocks that are wrong are known for it, those that are right are left alone: against what the world knows of them.
#[test]
fn the_clocks_of_a_plant_are_found() {
    let mut bench = Bench::new();
    let mut align = headroom_core::Align::new(&bench.site);
    let play = |bench: &mut Bench, align: &mut headroom_core::Align, seconds: u32| {
        for _ in 0..seconds {
            bench.plant.step();
            bench.inbox.clear();
            bench.plant.drain(&mut bench.inbox);
            align.take(&bench.inbox);
            align.snapshot(bench.plant.now());
        }
    };
    play(&mut bench, &mut align, 900);
    assert!(align.sources().view().all(|v| v.fault.is_none() && !v.corrected));
    bench.source("rack-01", Some(SourceFault::ClockStep { step_s: 4.2 }));
    bench.source("rack-02", Some(SourceFault::TimeZone { hours: -1 }));
    bench.source("CDU-01", Some(SourceFault::ClockDrift { ppm: 100.0 }));
    play(&mut bench, &mut align, 1800);
    bench.source("rack-02", Some(SourceFault::StuckStamp));
    play(&mut bench, &mut align, 120);

    let now_ms = bench.plant.now().unix_ms();
    let truth = |bench: &Bench, source: &str| {
        let image = &bench.plant.world.image;
        let of = |p: &&headroom_site::model::Point| p.of == source && matches!(p.source, Source::Dsx { .. });
        let Source::Dsx { tag, .. } = &bench.site.points.iter().find(of).unwrap().source else { panic!() };
        let point = image.points.iter().position(|p| Some(&p.tag) == tag.as_ref()).unwrap();
        (image.stamp_ms(point, now_ms) - now_ms) as f64 * 1e-3
    };
    let views: Vec<_> = align.sources().view().filter(|v| !v.agent && v.messages > 20).collect();
    assert!(views.len() > 3, "{views:?}");
    for view in &views {
        let e = view.estimate.unwrap();
        let error_s = e.offset_s - truth(&bench, view.source);
        match view.source {
            "rack-02" => assert!(view.fault.unwrap().to_string().contains("stood still"), "{view:?}"),
            "rack-01" => assert!(view.corrected && error_s.abs() < 0.1, "{error_s} {view:?}"),
            "CDU-01" => assert!(view.corrected && error_s.abs() < 0.1, "{error_s} {view:?}"),
            _ => assert!(
                !view.corrected && view.fault.is_none() && error_s.abs() < 2.0 * e.sigma_s,
                "{view:?}"
            ),
        }
    }
}

#[test]
fn a_heartbeat_is_never_taken_for_no_value_however_long_it_counts() {
    let plant = Bench::new().plant;
    let mut banks = plant.banks;
    let at = banks.iter().position(|b| b.device().id == "chiller-plant").unwrap();
    let mut device = Device::new(banks[at].device(), 90.0);
    assert_eq!(device.write(Some(20.0), &mut banks[at]), Outcome::Applied);
    for _ in 0..70_000 {
        device.beat(&mut banks[at]);
    }
    assert_eq!(banks[at].counts().refused, 0);
}
