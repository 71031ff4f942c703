use super::*;
use crate::align::Heard;
use crate::tests::{CDU_SUPPLY, at, site};
use headroom_site::Quality;

/// A plant beside the evidence: what it does with a request in a second, and how it shows it.
struct Plant<'a> {
    follow: Follow,
    stands: f64,
    show: Box<dyn FnMut(f64, usize) -> Option<f64> + 'a>,
    /// What was shown last, and when.
    shown: (f64, Stamp),
    points: usize,
}

impl<'a> Plant<'a> {
    fn new(site: &Site, show: impl FnMut(f64, usize) -> Option<f64> + 'a) -> Self {
        let a = &site.actuators[CDU_SUPPLY];
        let (follow, points) = (Follow::new(site, a), site.points.len());
        Self { follow, stands: 30.0, show: Box::new(show), shown: (30.0, at(0.0)), points }
    }

    /// The most misses in a row, and the second of the second and of the third, while steps are asked each 30 s.
    fn run(
        &mut self,
        seconds: usize,
        mut ask: impl FnMut(f64, usize) -> f64,
        mut does: impl FnMut(f64, f64) -> f64,
    ) -> (u32, [Option<usize>; 2]) {
        let (mut most, mut when, mut asked) = (0, [None; 2], 30.0);
        for second in 0..seconds {
            let now = at(second as f64);
            self.stands = does(self.stands, asked);
            if let Some(value) = (self.show)(self.stands, second) {
                self.shown = (value, now);
            }
            if second % 30 == 0 {
                asked = ask(self.shown.0, second);
            }
            let shown = PointValue {
                value: self.shown.0,
                stamp: self.shown.1,
                age: now.since(self.shown.1),
                quality: Quality::Good,
                fresh: true,
            };
            let snapshot = Snapshot {
                stamp: now,
                points: vec![shown; self.points],
                gpus: Vec::new(),
                nodes: Vec::new(),
                heard: Heard::default(),
            };
            if let Evidence::Missed(misses, _) = self.follow.look(Some(asked), &snapshot) {
                most = most.max(misses);
                for (_, at) in when.iter_mut().enumerate().filter(|(k, _)| misses >= *k as u32 + 2) {
                    at.get_or_insert(second);
                }
            }
        }
        (most, when)
    }
}

/// Up by a deadband each 30 s, down again after an hour.
fn steps(shown: f64, second: usize) -> f64 {
    if (second / 1800).is_multiple_of(2) { shown + 0.1 } else { shown - 0.1 }
}

fn at_once(_: f64, asked: f64) -> f64 {
    asked
}

/// Where it stands a second later, with what is asked.
type Does = Box<dyn FnMut(f64, f64) -> f64>;

/// By a rate per second.
fn walks(rate: f64) -> impl FnMut(f64, f64) -> f64 {
    move |stands, asked| stands + (asked - stands).clamp(-rate, rate)
}

/// SplitMix64, -1 to 1, twice: a triangle.
fn noise(random: &mut u64) -> f64 {
    let mut draw = || {
        *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    draw() + draw()
}

/// Told each second.
fn plain(value: f64, _: usize) -> Option<f64> {
    Some(value)
}

/// Told on a change, and each 100 s.
fn on_change() -> impl FnMut(f64, usize) -> Option<f64> {
    let mut last = (f64::NAN, 0);
    move |value, second| {
        let tell = value.to_bits() != last.0.to_bits() || second - last.1 >= 100;
        if tell {
            last = (value, second);
        }
        tell.then_some(value)
    }
}

#[test]
fn what_follows_is_never_missed() {
    let site = site();
    let ramp = site.actuators[CDU_SUPPLY].ramp_per_s;
    let does: [(&str, Does); 4] = [
        ("at once", Box::new(at_once)),
        ("by its ramp", Box::new(walks(ramp))),
        ("at half of its ramp", Box::new(walks(0.51 * ramp))),
        ("faster", Box::new(walks(5.0 * ramp))),
    ];
    for (name, mut does) in does {
        for period in [1, 5, 30] {
            let polled = move |value: f64, second: usize| second.is_multiple_of(period).then_some(value);
            let seen = Plant::new(&site, polled).run(20_000, steps, &mut does);
            assert_eq!(seen.0, 0, "{name}, each {period} s");
            let coarse = move |value: f64, second: usize| {
                second.is_multiple_of(period).then_some((value * 20.0).round() / 20.0)
            };
            let seen = Plant::new(&site, coarse).run(20_000, steps, &mut does);
            assert!(seen.0 < 2, "{name}, each {period} s in counts of 0.05 K: {seen:?}");
        }
        assert_eq!(Plant::new(&site, on_change()).run(20_000, steps, &mut does).0, 0, "{name}, on change");
    }
}

#[test]
fn noise_of_the_read_back_is_no_miss() {
    let site = site();
    for sigma in [0.02, 0.05, 0.1, 0.3] {
        for seed in 0..4 {
            let mut random = seed;
            // A triangle of two draws has a deviation of 0.82.
            let mut swings = |value: f64, _: usize| Some(value + sigma / 0.82 * noise(&mut random));
            // The controller asks from the middle, as one that waits for what it asked does.
            let mut middle = 30.0;
            let ask = |_: f64, second: usize| {
                middle = steps(middle, second);
                middle
            };
            let seen = Plant::new(&site, &mut swings).run(20_000, ask, walks(1.0 / 180.0));
            assert!(seen.0 < 2, "{sigma} K, {seed}: {seen:?}");
        }
    }
}

#[test]
fn what_is_ignored_clamped_or_taken_is_missed_as_soon_as_it_can_be_told() {
    let mut site = site();
    let ignores = |stands: f64, _: f64| stands;
    // A plant may walk at half of its ramp: 54 s for 0.09 K, and 5 s on the way.
    let (_, when) = Plant::new(&site, plain).run(600, |_, s| 30.1 + s as f64 / 300.0, ignores);
    assert_eq!(when, [Some(60), Some(61)]);
    let slow = |value: f64, second: usize| second.is_multiple_of(5).then_some(value);
    let (_, when) = Plant::new(&site, slow).run(600, |_, s| 30.1 + s as f64 / 300.0, ignores);
    assert_eq!(when, [Some(65), Some(70)]);
    let (_, when) = Plant::new(&site, on_change()).run(600, |_, s| 30.1 + s as f64 / 300.0, ignores);
    assert_eq!(when, [Some(130), Some(160)], "silence, after one that was said again");
    let clamped = |_: f64, asked: f64| asked.min(30.5);
    let (_, when) = Plant::new(&site, plain).run(2_000, |shown, _| shown + 0.1, clamped);
    assert!(when[1].is_some_and(|s| (150..=150 + 62).contains(&s)), "{when:?}");
    // Somebody else sets it while ours stands.
    let mut second = 0;
    let taken = |stands: f64, asked: f64| {
        second += 1;
        if second > 301 { 34.0 } else { at_once(stands, asked) }
    };
    let (_, when) = Plant::new(&site, plain).run(400, |_, _| 30.0, taken);
    assert!(when[1].is_some_and(|s| s <= 301 + 35 + 3), "{when:?}");
    // The site says that what is asked shows within two seconds.
    site.actuators[CDU_SUPPLY].settle = Some(Span::from_s(2.0));
    let (_, when) = Plant::new(&site, plain).run(600, |_, s| 30.1 + s as f64 / 300.0, ignores);
    assert_eq!(when, [Some(3), Some(4)]);
    let (most, _) = Plant::new(&site, plain).run(20_000, steps, at_once);
    assert_eq!(most, 0);
}

#[test]
fn a_count_of_the_registers_is_no_miss() {
    let mut site = site();
    site.actuators[CDU_SUPPLY].deadband = 0.02;
    let text = "format = 1\n[site]\nname = \"x\"\n[[modbus]]\nid = \"cdu\"\nurl = \"tcp://127.0.0.1:1502\"\n\
                [[modbus.register]]\nname = \"sp\"\nspace = \"holding\"\naddress = 1\ntype = \"int16\"\nscale = 0.5\n";
    let other = headroom_site::file::read_site("site.toml", text, std::path::Path::new(".")).unwrap();
    site.modbus = other.modbus;
    let point = site.actuators[CDU_SUPPLY].readback.unwrap();
    site.points[point.index()].source = Source::Modbus { device: 0, register: 0 };
    let follow = Follow::new(&site, &site.actuators[CDU_SUPPLY]);
    assert!((follow.tolerance() - 0.505).abs() < 1e-9, "{}", follow.tolerance());
    // Cut off, not rounded: it is less than a count off.
    let cut = |value: f64, _: usize| Some((value * 2.0).floor() / 2.0);
    let ask = |_: f64, s: usize| 30.1 + s as f64 * 1e-3;
    assert_eq!(Plant::new(&site, cut).run(5_000, ask, at_once).0, 0);
}
