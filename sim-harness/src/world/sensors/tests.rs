//! Sensors as a whole.

#![allow(clippy::float_cmp)]

use super::class::Spread;
use super::*;
use crate::image::{DeviceFault, ImagePoint, ModbusDevice};

const WATER: SensorClass = SensorClass {
    deadband: 0.1,
    white: Spread { absolute: 0.03, share: 0.0 },
    ..SensorClass::ideal(5.0, 0.1)
};

fn point(id: &str, class: &'static SensorClass) -> ImagePoint {
    ImagePoint {
        object_type: "CDU",
        object_id: id.into(),
        point_type: "LiquidTemperature",
        process_area: vec![],
        unit: Some("C"),
        state_text: vec![],
        tag: format!("{id}/{}", class.name),
        serves: [].into(),
        class,
        is_setpoint: false,
        request: false,
    }
}

/// A few sensors that all see one value.
struct Bench {
    image: Image,
    sensors: Sensors,
    now_s: f64,
}

impl Bench {
    fn new(classes: &[&'static SensorClass]) -> Self {
        let points = classes.iter().enumerate().map(|(n, class)| point(&format!("CDU-{n:02}"), class));
        let device =
            ModbusDevice { id: "bank".to_owned(), unit: 1, registers: vec![], heartbeat_timeout_s: 10.0 };
        let image = Image::of(points.collect::<Vec<_>>()).with_devices(&[device]);
        let sensors = Sensors::new(&image, &[], 1);
        Self { image, sensors, now_s: 0.0 }
    }

    fn step(&mut self, dt_s: f64, truth: impl Fn(usize) -> f64) {
        for k in 0..self.sensors.due(self.now_s).len() {
            let (point, seen) = self.sensors.sees(k);
            self.sensors.put(point, truth(seen));
        }
        self.sensors.publish(&mut self.image);
        self.now_s += dt_s;
    }

    fn run(&mut self, seconds: u32, value: f64) {
        (0..seconds).for_each(|_| self.step(1.0, |_| value));
    }
}

#[test]
fn cadence_and_steps() {
    let mut bench = Bench::new(&[&WATER, &WATER]);
    let (mut changes, mut last) = (0, f64::NAN);
    for second in 0..500 {
        bench.step(1.0, |_| 30.0 + 0.02 * f64::from(second));
        let value = bench.image.values[0];
        if (value - last).abs() > 1e-9 || last.is_nan() {
            changes += 1;
            last = value;
        }
        assert!((value * 10.0 - (value * 10.0).round()).abs() < 1e-6);
    }
    assert!((60..=101).contains(&changes), "{changes}");
}

#[test]
fn a_lag_follows_the_same_curve_at_any_step() {
    const SLOW: SensorClass = SensorClass { lag_s: 20.0, ..SensorClass::ideal(1.0, 0.0) };
    for dt_s in [0.01, 0.1, 1.0, 10.0] {
        let mut bench = Bench::new(&[&SLOW]);
        bench.step(dt_s, |_| 0.0);
        let steps = (40.0 / dt_s) as u32;
        (0..steps).for_each(|_| bench.step(dt_s, |_| 1.0));
        let expected = 1.0 - (-2.0_f64).exp();
        assert!((bench.image.values[0] - expected).abs() < 0.01, "{dt_s}: {}", bench.image.values[0]);
    }
}

#[test]
fn slow_noise_has_its_deviation_at_any_step() {
    const WANDERS: SensorClass = SensorClass {
        slow: Spread { absolute: 1.0, share: 0.0 },
        slow_s: 5.0,
        ..SensorClass::ideal(1.0, 0.0)
    };
    for dt_s in [0.1, 1.0, 10.0] {
        let mut bench = Bench::new(&[&WANDERS; 50]);
        let (mut sum, mut n) = (0.0, 0.0);
        for _ in 0..(1000.0 / dt_s) as u32 {
            bench.step(dt_s, |_| 0.0);
            sum += bench.image.values.iter().map(|v| v * v).sum::<f64>();
            n += 50.0;
        }
        let sd = (sum / n).sqrt();
        assert!((sd - 1.0).abs() < 0.06, "{dt_s}: {sd}");
    }
}

#[test]
fn biases_are_of_their_class_and_one_meter_has_one() {
    let mut points: Vec<ImagePoint> =
        (0..2000).map(|n| point(&format!("rack-{n}"), &class::RACK_TEMPERATURE)).collect();
    points.extend([point("M-1", &class::METER), point("M-1", &class::ENERGY)]);
    let sensors = Sensors::new(&Image::of(points.clone()), &[], 3);
    let biases: Vec<f64> = (0..2000).map(|p| sensors.bias(p, 30.0)).collect();
    let sd = (biases.iter().map(|b| b * b).sum::<f64>() / 2000.0).sqrt();
    assert!(biases.iter().all(|b| b.abs() <= 0.2) && (0.07..0.11).contains(&sd), "{sd}");
    assert!((sensors.bias(2000, 100.0) - sensors.bias(2001, 100.0)).abs() < 1e-12);
    assert!(sensors.bias(2000, 100.0).abs() <= 0.5);
    // a plant with one sensor more keeps the errors of the others
    points.insert(0, point("new", &class::RACK_TEMPERATURE));
    let more = Sensors::new(&Image::of(points), &[], 3);
    assert!((more.bias(8, 30.0) - biases[7]).abs() < 1e-12);
}

#[test]
fn faults_of_a_sensor_and_their_end() {
    const EXACT: SensorClass = SensorClass::ideal(5.0, 0.0);
    let mut bench = Bench::new(&[&EXACT, &EXACT, &WATER]);
    bench.run(10, 30.0);
    let shown = |bench: &mut Bench, fault: SensorFault| {
        bench.sensors.set_fault(0, Some(fault));
        bench.run(1, 30.0);
        let at_once = (bench.image.values[0], bench.image.quality[0], bench.sensors.field[0]);
        bench.sensors.set_fault(0, None);
        bench.run(1, 30.0);
        let sound = (bench.image.values[0], bench.image.quality[0], bench.image.silent[0]);
        assert_eq!(sound, (30.0, 1, false), "undone at once: {fault:?}");
        at_once
    };
    assert_eq!(shown(&mut bench, SensorFault::Stuck(Some(12.0))), (12.0, 1, 12.0));
    assert_eq!(shown(&mut bench, SensorFault::Bias(2.0)), (32.0, 1, 32.0));
    assert_eq!(shown(&mut bench, SensorFault::Gain(0.5)), (15.0, 1, 15.0));
    assert_eq!(shown(&mut bench, SensorFault::Shows(0.0)), (0.0, 1, 30.0));
    assert_eq!(shown(&mut bench, SensorFault::Fahrenheit), (86.0, 1, 30.0));
    assert_eq!(shown(&mut bench, SensorFault::BadQuality(192)), (30.0, 192, 30.0));
    assert!(shown(&mut bench, SensorFault::Null).0.is_nan());
    let noisy = shown(&mut bench, SensorFault::Noise(5.0));
    assert!((noisy.0 - 30.0).abs() > 1e-3 && noisy.0 == noisy.2);

    bench.sensors.set_fault(0, Some(SensorFault::Drift { per_hour: 1.0 }));
    bench.run(1800, 30.0);
    assert!((bench.image.values[0] - 30.5).abs() < 0.01);
    bench.sensors.set_fault(0, Some(SensorFault::SwappedWith(1)));
    bench.sensors.set_fault(1, Some(SensorFault::SwappedWith(0)));
    (0..6).for_each(|_| bench.step(1.0, |seen| [30.0, 40.0, 50.0][seen]));
    assert_eq!(bench.image.values[..2], [40.0, 30.0]);
    bench.sensors.set_fault(0, Some(SensorFault::Dropout));
    bench.run(20, 35.0);
    assert!(bench.image.silent[0] && bench.image.values[0] == 40.0);

    bench.sensors.set_fault(2, Some(SensorFault::Stuck(None)));
    bench.run(1, 30.0);
    let held = bench.image.values[2];
    bench.run(500, 45.0);
    assert_eq!(bench.image.values[2], held, "without noise");
}

#[test]
fn faults_of_a_source_and_their_end() {
    const EXACT: SensorClass = SensorClass::ideal(1.0, 0.0);
    let mut bench = Bench::new(&[&EXACT, &EXACT]);
    bench.run(5, 30.0);
    let honest = bench.image.offset_ms[0];
    assert!(honest.abs() < 50 && bench.image.offset_ms[1] != honest);
    let mut with = |fault, seconds, value| {
        bench.sensors.set_source_fault(0, Some(fault));
        bench.run(seconds, value);
        let image = bench.image.clone();
        bench.sensors.set_source_fault(0, None);
        bench.run(1, 30.0);
        assert_eq!((bench.image.offset_ms[0], bench.image.links[0].is_ideal()), (honest, true));
        image
    };
    assert_eq!(with(SourceFault::ClockStep { step_s: 90.0 }, 1, 30.0).offset_ms[0], honest + 90_000);
    assert_eq!(with(SourceFault::TimeZone { hours: -1 }, 1, 30.0).offset_ms[0], honest - 3_600_000);
    let stuck = with(SourceFault::StuckStamp, 61, 30.0);
    assert!((stuck.offset_ms[0] - honest + 61_000).abs() <= 1000, "{}", stuck.offset_ms[0]);
    let cached = with(SourceFault::Cache, 10, 40.0);
    assert_eq!((cached.values[0], cached.values[1]), (30.0, 40.0));
    let silent = with(SourceFault::Silent, 3, 30.0);
    assert_eq!((silent.silent[0], silent.silent[1]), (true, false));
    let link = Link { loss: 0.5, ..Link::default() };
    assert_eq!(with(SourceFault::Link(link), 1, 30.0).links[0], link);
    let bank = bench.image.source("bank").unwrap();
    bench.sensors.set_source_fault(bank, Some(SourceFault::Device(DeviceFault::WordSwap)));
    bench.run(1, 30.0);
    assert_eq!(bench.image.device_faults[bank], Some(DeviceFault::WordSwap));
    assert_eq!(bench.image.source("nobody"), None);
}

/// A plant of 100,000 GPUs, as far as its points go.
fn large() -> (crate::world::points::PointList, Image) {
    use crate::world::place::{Group, Layout, Places};
    use crate::world::{points::PointList, tree::PowerTree};
    let places = Places::new(&[Group { gpus: 100_000, liquid: true }], Layout::default());
    let spec = headroom_truth::facility::FacilitySpec::uniform(places.racks, 4, 8, 40_000.0, 0.85, 1);
    let list = PointList::new(&places, &PowerTree::new(&places, &vec![40_000.0; places.racks]), &spec);
    let image = list.image();
    (list, image)
}

#[test]
fn points_and_sensors_take_little_memory() {
    let (list, image) = large();
    let sensors = Sensors::new(&image, &[], 1);
    let n = image.points.len();
    // texts and lists, with the two counters of each shared one, each only once
    let (mut text, mut seen) = (0, std::collections::BTreeSet::new());
    for point in image.points.iter() {
        text += point.tag.capacity() + 8 * point.process_area.capacity() + 24 * point.state_text.capacity();
        if seen.insert(point.serves.as_ptr()) {
            text += 16 + point.serves.iter().map(|s| 24 + s.capacity()).sum::<usize>();
        }
    }
    text += image.sources.iter().map(|s| 32 + s.len()).sum::<usize>();
    let shown = n * (8 + 4 + 1 + 16 + 4) + image.sources.len() * (8 + size_of::<Link>() + 2);
    let listed = n * (size_of::<ImagePoint>() + size_of::<crate::world::signal::Signal>());
    let own = sensors.field.capacity() * 8
        + sensors.units.capacity() * size_of::<Unit>()
        + (sensors.due.capacity() + sensors.touched.capacity() + n) * 4;
    let bytes = (text + shown + listed + own) as f64 / 100_000.0;
    println!("{n} points, {bytes:.0} bytes per GPU");
    assert!(list.points.len() == n && bytes < 200.0, "{bytes}");
}

#[test]
#[ignore = "a measurement"]
fn measure_a_large_plant() {
    let (list, mut image) = large();
    let taps: Vec<usize> =
        (0..image.points.len()).filter(|p| image.points[*p].object_type == "CDU").collect();
    let mut sensors = Sensors::new(&image, &taps, 1);
    // stands for the plant's own state: one value per point
    let truth: Vec<f64> = (0..list.points.len()).map(|p| 30.0 + (p % 17) as f64).collect();
    for dt_s in [0.1, 1.0, 10.0] {
        let (mut looked, mut now_s) = (0, 0.0);
        let start = std::time::Instant::now();
        let steps = 300;
        for _ in 0..steps {
            now_s += dt_s;
            for k in 0..sensors.due(now_s).len() {
                let (point, seen) = sensors.sees(k);
                sensors.put(point, truth[seen]);
                looked += 1;
            }
            sensors.publish(&mut image);
        }
        let spent_ns = start.elapsed().as_nanos() as f64 / f64::from(steps);
        println!(
            "dt {dt_s} s: {:.2} ns per GPU and step, {:.0} looks a step, {:.1} ns each",
            spent_ns / 100_000.0,
            f64::from(looked) / f64::from(steps),
            spent_ns * f64::from(steps) / f64::from(looked)
        );
    }

    // with the signals of a whole world
    let config = crate::world::WorldConfig { gpus: 100_000, warmup_s: 0.0, ..Default::default() };
    let mut world = World::new(config).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..300 {
        world.steps += 1;
        world.measure();
    }
    let spent_ns = start.elapsed().as_nanos() as f64 / 300.0;
    println!("world: {:.2} ns per GPU and step of 1 s", spent_ns / 100_000.0);
}
