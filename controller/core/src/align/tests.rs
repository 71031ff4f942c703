use super::*;
use crate::tests::{at, reading, report, sample, site};
use headroom_site::PointId;
use headroom_site::{NodeReport, Offered, Site};

fn take(align: &mut Align, readings: Vec<Reading>, nodes: Vec<NodeReport>) {
    align.take(&Inbox { readings, nodes, ..Inbox::default() });
}

fn value(align: &mut Align, site: &Site, s: f64) -> PointValue {
    align.snapshot(at(s)).points[site.point("cdu-supply").unwrap().index()]
}

#[test]
fn event_time_decides_not_arrival() {
    let site = site();
    let mut align = Align::new(&site);
    take(
        &mut align,
        vec![reading(&site, "cdu-supply", 5.0, 31.0), reading(&site, "cdu-supply", 3.0, 29.0)],
        vec![],
    );
    assert_eq!((value(&mut align, &site, 6.0).value, align.late), (31.0, 1));
    take(&mut align, vec![reading(&site, "cdu-supply", 4.0, 28.0)], vec![]);
    let p = value(&mut align, &site, 7.0);
    assert_eq!((p.value, p.stamp, p.age, align.late), (31.0, at(5.0), Span::from_s(2.0), 2));
}

#[test]
fn stale_is_bad_with_its_value_kept_and_recovers() {
    let site = site();
    let mut align = Align::new(&site);
    assert_eq!(value(&mut align, &site, 0.0).quality, Quality::Bad(Reason::NeverSeen));
    take(&mut align, vec![reading(&site, "cdu-supply", 0.0, 31.0)], vec![]);
    assert!(value(&mut align, &site, 120.0).quality.is_good());
    let p = value(&mut align, &site, 120.1);
    assert_eq!((p.value, p.quality), (31.0, Quality::Bad(Reason::Stale)));
    assert_eq!(align.last().good(site.point("cdu-supply").unwrap()), None);
    take(&mut align, vec![reading(&site, "cdu-supply", 121.0, 32.0)], vec![]);
    assert!(value(&mut align, &site, 121.0).quality.is_good());
}

#[test]
fn outside_the_possible_is_bad() {
    let site = site();
    let mut align = Align::new(&site);
    take(&mut align, vec![reading(&site, "cdu-supply", 0.0, 95.1)], vec![]);
    assert_eq!(value(&mut align, &site, 0.0).quality, Quality::Bad(Reason::OutOfRange));
}

#[test]
fn what_no_sensor_can_show_is_bad_without_a_range_in_the_file() {
    let mut site = site();
    for (id, absurd, possible) in
        [("rack-flow", -3.8e6, 6.0), ("dp", 6.1e6, 90.0), ("feed-power", 9e9, 4e3), ("cdu-supply", 2e6, 31.0)]
    {
        let point = site.point(id).unwrap();
        site.points[point.index()].range = None;
        let mut align = Align::new(&site);
        for (s, value, bad) in [(0.0, possible, false), (1.0, absurd, true), (2.0, possible, false)] {
            take(&mut align, vec![reading(&site, id, s, value)], vec![]);
            let quality = align.snapshot(at(s)).points[point.index()].quality;
            assert_eq!(quality == Quality::Bad(Reason::OutOfRange), bad, "{id} {value}: {quality}");
        }
    }
}

#[test]
fn fresh_lasts_one_tick() {
    let site = site();
    let mut align = Align::new(&site);
    take(&mut align, vec![reading(&site, "cdu-supply", 0.0, 31.0)], vec![]);
    assert!(value(&mut align, &site, 0.0).fresh);
    align.settle();
    // The same reading again is nothing new.
    take(&mut align, vec![reading(&site, "cdu-supply", 0.0, 31.0)], vec![]);
    assert!(!value(&mut align, &site, 1.0).fresh);
}

#[test]
fn what_the_file_does_not_know_is_counted() {
    let site = site();
    let mut align = Align::new(&site);
    let stray = Reading { point: PointId(999), ..reading(&site, "cdu-supply", 0.0, 1.0) };
    let ghost = report("ghost", 1, 1, &[]);
    let odd = report("n1", 1, 1, &[("GPU-x", sample(0.0, 500.0, 1980.0))]);
    let before = align.last().clone();
    take(&mut align, vec![stray], vec![ghost, odd]);
    assert_eq!(align.unknown, 3);
    assert_eq!((&align.last().points, &align.last().gpus), (&before.points, &before.gpus));
}

#[test]
fn the_uuid_decides_whose_sample_it_is() {
    let site = site();
    let mut align = Align::new(&site);
    let swapped = [("GPU-b", sample(0.0, 222.0, 1980.0)), ("GPU-a", sample(0.0, 111.0, 1980.0))];
    take(&mut align, vec![], vec![report("n1", 1, 1, &swapped)]);
    // A GPU of another node is not this node's to report.
    take(&mut align, vec![], vec![report("n2", 1, 1, &[("GPU-a", sample(1.0, 999.0, 1980.0))])]);
    let gpus = &align.snapshot(at(1.0)).gpus;
    let watts: Vec<_> = gpus.iter().map(|g| g.sample.power_w.get()).collect();
    assert_eq!(watts, [Some(111.0), Some(222.0), None, None]);
    assert_eq!(align.unknown, 1);
}

#[test]
fn nothing_between_two_ticks_is_lost() {
    let site = site();
    let mut align = Align::new(&site);
    let with = |s: f64, w: f32, mhz: f32, reasons: u32| GpuSample { reasons, ..sample(s, w, mhz) };
    let history = [
        ("GPU-b", with(0.1, 300.0, 1500.0, 0)),
        ("GPU-a", with(0.1, 500.0, 1980.0, 0)),
        ("GPU-a", with(0.2, 900.0, 1200.0, 0x40)),
        ("GPU-b", with(0.2, 300.0, 1500.0, 0)),
        ("GPU-a", with(0.3, 700.0, 1890.0, 4)),
    ];
    take(&mut align, vec![], vec![report("n1", 1, 1, &history)]);
    assert_eq!(
        align.snapshot(at(0.4)).gpus[0].sample.power_w,
        Offered::new(700.0),
        "the snapshot keeps the newest"
    );
    let window = align.window(0).unwrap();
    assert_eq!((window.samples, window.reasons), (3, 0x44));
    assert_eq!((window.power_w.range(), window.power_w.mean()), (Some((500.0, 900.0)), Some(700.0)));
    assert_eq!(window.clock_mhz.range(), Some((1200.0, 1980.0)));
    assert_eq!(align.window(1).unwrap().samples, 2);
    align.settle();
    // What the last tick has seen does not come up again.
    let again = [("GPU-a", with(0.3, 700.0, 1890.0, 4)), ("GPU-a", with(0.4, 650.0, 1890.0, 0))];
    take(&mut align, vec![], vec![report("n1", 1, 2, &again)]);
    let window = align.window(0).unwrap();
    assert_eq!((window.samples, window.reasons, window.power_w.mean()), (1, 0, Some(650.0)));
    assert_eq!(align.window(1).unwrap().power_w.range(), None);
    assert!(size_of::<GpuWindow>() <= 64);
}

#[test]
fn reports_in_order_of_sequence_within_a_boot() {
    let site = site();
    let mut align = Align::new(&site);
    let one = |boot, sequence, s, w| report("n1", boot, sequence, &[("GPU-a", sample(s, w, 1980.0))]);
    take(&mut align, vec![], vec![one(7, 5, 5.0, 500.0), one(7, 4, 4.0, 400.0)]);
    assert_eq!((align.last().gpus[0].sample.power_w.get(), align.late), (Some(500.0), 1));
    take(&mut align, vec![], vec![one(8, 1, 6.0, 600.0)]);
    assert_eq!((align.last().gpus[0].sample.power_w.get(), align.late), (Some(600.0), 1));
    assert_eq!(align.last().nodes[0].boot, Some(8));
}

#[test]
fn five_missed_reports_are_silence() {
    let site = site();
    let mut align = Align::new(&site);
    take(&mut align, vec![], vec![report("n1", 1, 1, &[("GPU-a", sample(0.0, 500.0, 1980.0))])]);
    assert!(align.snapshot(at(5.0)).nodes[0].heard);
    let snapshot = align.snapshot(at(5.1));
    assert!(!snapshot.nodes[0].heard && !snapshot.gpus[0].heard);
}

#[test]
fn the_digest_sees_one_bit() {
    let site = site();
    let digest = |v: f64| {
        let mut align = Align::new(&site);
        take(&mut align, vec![reading(&site, "cdu-supply", 0.0, v)], vec![]);
        align.snapshot(at(0.0)).digest()
    };
    assert_eq!(digest(31.0), digest(31.0));
    assert_ne!(digest(31.0), digest(f64::from_bits(31.0_f64.to_bits() + 1)));
}
