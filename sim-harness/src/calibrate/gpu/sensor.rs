//! Power sensors on the boards against a meter at the board's plug.
//!
//! Source: Z. Yang, K. Adamek, W. Armour, "Part-time Power Measurements: nvidia-smi's Lack of Attention", arXiv 2312.02741
//! (SC 24), and its data (GPU_Power_Benchmark, MIT): an RTX 3090 step seen by the driver and by a meter at 1 kHz. The two
//! clocks are aligned to some hundreds of milliseconds only, so with the raw data only differences are compared; delays are
//! compared with the paper's own.
//!
//! A reading is taken as the straight line through its refreshes. Crossings of 10, 50 and 90 % of the step give rise and
//! delay. Ours are means over boards of all phases.

use std::path::Path;

use headroom_truth::gpu::Fleet;
use headroom_truth::gpu::sensor::SensorBank;

use super::{Check, Tolerance, check, fleet_of, trace};

const SOURCE: &str = "arXiv 2312.02741 (SC 24) and its benchmark data";
const MODEL: &str = "gpu power sensor";
const BOARDS: usize = 40;
const DT_S: f64 = 0.001;
/// What the measured RTX 3090 board read per watt of the meter.
const GAIN_3090: f32 = 0.95;

/// One step of power: the time course at 1 ms, W.
struct Step {
    watts: Vec<f32>,
    /// Time of the step (half of the rise of the power itself), s.
    at_s: f64,
}

/// The course of a reading, at its changes: (time s, W).
type Course = Vec<(f64, f64)>;

/// First upward crossing of a level, on straight lines between the points, s.
fn crossing(course: &[(f64, f64)], level: f64) -> Option<f64> {
    let pair = course.windows(2).find(|pair| pair[0].1 < level && pair[1].1 >= level)?;
    let part = (level - pair[0].1) / (pair[1].1 - pair[0].1);
    Some(pair[0].0 + part * (pair[1].0 - pair[0].0))
}

/// Rise from 10 to 90 %, time of 50 %, and levels before and after.
struct Shape {
    rise_s: f64,
    half_s: f64,
    top_w: f64,
}

fn shape(course: &[(f64, f64)], (low_w, top_w): (f64, f64)) -> Option<Shape> {
    let at = |share: f64| crossing(course, low_w + share * (top_w - low_w));
    Some(Shape { rise_s: at(0.9)? - at(0.1)?, half_s: at(0.5)?, top_w })
}

/// Levels of a course: the mean of its first tenth and the mean between `from` and `to`.
fn levels(course: &[(f64, f64)], from_s: f64, to_s: f64) -> (f64, f64) {
    let mean = |from: f64, to: f64| {
        let inside: Vec<f64> = course.iter().filter(|p| p.0 >= from && p.0 < to).map(|p| p.1).collect();
        inside.iter().sum::<f64>() / inside.len().max(1) as f64
    };
    let start = course.first().map_or(0.0, |p| p.0);
    (mean(start, start + 0.5), mean(from_s, to_s))
}

/// Courses of (plain, instant) readings of every board over a step of power.
fn courses(product: &str, gain: f32, step: &Step) -> Vec<[Course; 2]> {
    let Some(mut fleet) = fleet_of(product, BOARDS) else { return Vec::new() };
    fleet.sensor_gain.fill(gain);
    fleet.power_w.fill(step.watts.first().copied().unwrap_or_default());
    let mut bank = SensorBank::new(&fleet, 1);
    let mut all = vec![[Course::new(), Course::new()]; BOARDS];
    for (n, watts) in step.watts.iter().enumerate() {
        fleet.power_w.fill(*watts);
        bank.step(&fleet, DT_S);
        let now_s = (n + 1) as f64 * DT_S;
        for (gpu, both) in all.iter_mut().enumerate() {
            note(&bank, &fleet, gpu, now_s, both);
        }
    }
    all
}

fn note(bank: &SensorBank, fleet: &Fleet, gpu: usize, now_s: f64, both: &mut [Course; 2]) {
    let readout = bank.read(fleet, gpu);
    for (course, watts) in both.iter_mut().zip([readout.power_w, readout.instant_w.or_zero()]) {
        let last = course.last().map(|p| p.1);
        // a steady reading is noted now and then, so that a change begins where it begins
        let refreshed = last.is_none_or(|last| (last - watts).abs() > 1e-3);
        let stale = course.last().is_none_or(|p| now_s - p.0 > 0.1);
        if refreshed || stale {
            course.push((now_s, watts));
        }
    }
}

/// Means over boards: rise and delay of one of the two readings, and its top, for a step from and to known levels.
fn ours(courses: &[[Course; 2]], which: usize, step: &Step, span: (f64, f64)) -> Option<[f64; 3]> {
    let mut sums = [0.0; 3];
    for both in courses {
        let course = &both[which];
        let shape = shape(course, levels(course, span.0, span.1))?;
        let found = [shape.rise_s, shape.half_s - step.at_s, shape.top_w];
        sums.iter_mut().zip(found).for_each(|(sum, value)| *sum += value);
    }
    Some(sums.map(|sum| sum / courses.len().max(1) as f64))
}

/// A step between two powers after 2 s, over at once, for 4 s.
fn ideal(low_w: f32, high_w: f32) -> Step {
    let watts = (0..6000).map(|ms| if ms < 2000 { low_w } else { high_w }).collect();
    Step { watts, at_s: 2.0 }
}

/// The step of the meter on the RTX 3090: 134 W, 320 W, and 150 ms later 434 W.
fn carried_3090() -> Step {
    let level = |ms: usize| match ms {
        0..2000 => 134.0,
        2000..2150 => 320.0,
        _ => 434.0,
    };
    Step { watts: (0..6000).map(level).collect(), at_s: 2.0 }
}

/// The meter's own course.
fn metered(text: &str) -> Option<Step> {
    let watts: Vec<f32> = text.lines().skip(1).filter_map(|l| l.split(',').nth(1)?.parse().ok()).collect();
    let course: Course = watts.iter().enumerate().map(|(n, w)| (n as f64 * DT_S, f64::from(*w))).collect();
    let (low, top) = levels(&course, 2.5, 5.0);
    let at_s = crossing(&course, 0.5 * (low + top))?;
    Some(Step { watts, at_s })
}

/// Courses of the driver's average and instant readings.
fn read_by_driver(text: &str) -> Option<[Course; 2]> {
    let mut both = [Course::new(), Course::new()];
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next()?.split(',').map(str::trim).collect();
    let column = |name: &str| head.iter().position(|h| h.starts_with(name));
    let columns = [column("power.draw.average")?, column("power.draw.instant")?];
    for line in lines {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let clock: Vec<f64> =
            fields.first()?.split(' ').nth(1)?.split(':').filter_map(|p| p.parse().ok()).collect();
        let [hours, minutes, seconds] = clock.as_slice() else { continue };
        let now_s = (hours * 60.0 + minutes) * 60.0 + seconds;
        for (course, at) in both.iter_mut().zip(columns) {
            let watts: f64 = fields.get(at)?.parse().ok()?;
            if course.last().is_none_or(|(_, last)| (last - watts).abs() > 1e-3) {
                course.push((now_s, watts));
            }
        }
    }
    Some(both)
}

/// Rises, delay of the average behind the instant reading, and gain, out of the files. The paper, with steps of its own,
/// has rises of 912 and 249 ms.
struct Published {
    rise_s: [f64; 2],
    apart_s: f64,
    gain: f64,
}

const CARRIED: Published = Published { rise_s: [0.904, 0.235], apart_s: 0.509, gain: 0.949 };

fn from_files(driver: &[Course; 2], meter: &Step) -> Option<Published> {
    let start = driver[1].first()?.0;
    let shapes = [0, 1].map(|n| shape(&driver[n], levels(&driver[n], start + 3.0, start + 6.5)));
    let [average, instant] = shapes;
    let (average, instant) = (average?, instant?);
    let meter_w = meter.watts.get(3000..6500)?.iter().map(|w| f64::from(*w)).sum::<f64>() / 3500.0;
    Some(Published {
        rise_s: [average.rise_s, instant.rise_s],
        apart_s: average.half_s - instant.half_s,
        gain: 0.5 * (average.top_w + instant.top_w) / meter_w,
    })
}

fn rtx_3090(traces: Option<&Path>) -> Vec<Check> {
    let meter = trace(traces, "rtx3090_step_truth_1khz.csv").and_then(|text| metered(&text));
    let driver = trace(traces, "rtx3090_step_nvidia_smi.csv").and_then(|text| read_by_driver(&text));
    let files = meter.as_ref().zip(driver.as_ref()).and_then(|(meter, driver)| from_files(driver, meter));
    let (published, step) = match (files, meter) {
        (Some(published), Some(meter)) => (published, meter),
        _ => (CARRIED, carried_3090()),
    };
    let courses = courses("rtx-3090", GAIN_3090, &step);
    let span = (step.at_s + 1.8, step.at_s + 3.5);
    let nothing = [f64::NAN; 3];
    let [average, instant] = [0, 1].map(|n| ours(&courses, n, &step, span).unwrap_or(nothing));
    let meter_w =
        step.watts.iter().skip((span.0 / DT_S) as usize).take(1700).map(|w| f64::from(*w)).sum::<f64>()
            / 1700.0;
    let tenth = (Tolerance::Relative(0.10), SOURCE);
    let ms = |s: f64| s * 1e3;
    let line = |what: &str, unit, pair| check(MODEL, format!("RTX 3090 step: {what}"), unit, pair, tenth);
    vec![
        line("rise of the average, 10 to 90 %", "ms", (ms(published.rise_s[0]), ms(average[0]))),
        line("rise of the instant reading, 10 to 90 %", "ms", (ms(published.rise_s[1]), ms(instant[0]))),
        line("average behind instant, at half", "ms", (ms(published.apart_s), ms(average[1] - instant[1]))),
        line("average behind the meter, at half (paper)", "ms", (597.0, ms(average[1]))),
        line("instant behind the meter, at half (paper)", "ms", (136.0, ms(instant[1]))),
        line("reading over meter, average (gain of this board)", "1", (published.gain, average[2] / meter_w)),
        line("reading over meter, instant (gain of this board)", "1", (published.gain, instant[2] / meter_w)),
    ]
}

/// Delay and rise of other products on an ideal step, against the ranges of the paper.
fn others() -> Vec<Check> {
    let step = ideal(100.0, 400.0);
    let span = (4.0, 6.0);
    let read = |product: &str, which: usize| {
        let courses = courses(product, 1.0, &step);
        ours(&courses, which, &step, span).unwrap_or([f64::NAN; 3]).map(|s| s * 1e3)
    };
    let range = |what: &str, typical: f64, ours: f64, low: f64, high: f64| {
        let tolerance = (Tolerance::Range(low, high), SOURCE);
        check(MODEL, what.to_owned(), "ms", (typical, ours), tolerance)
    };
    let h100 = read("h100", 0);
    let slowest = |product: &str| read(product, 0)[0];
    vec![
        range("H100 step: average at half", 500.0, h100[1], 0.95 * 486.0, 1.05 * 514.0),
        range(
            "H100 step: rise of the average (real steps take up to 100 ms themselves)",
            900.0,
            h100[0],
            780.0,
            920.0,
        ),
        range("A100 step: rise of the plain reading", 80.0, slowest("a100-pcie"), 21.0, 111.0),
        range("V100 step: rise of the plain reading", 74.0, slowest("v100-sxm2"), 0.9 * 62.0, 1.1 * 86.0),
    ]
}

pub(super) fn checks(traces: Option<&Path>) -> Vec<Check> {
    let mut all = rtx_3090(traces);
    all.extend(others());
    all
}
