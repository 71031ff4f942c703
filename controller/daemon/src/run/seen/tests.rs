use super::*;
use headroom_core::lease::Identity;
use headroom_core::{Line, Wants};
use headroom_site::file::read_site;
use headroom_site::{Inbox, PointId, Reason};
use std::path::Path;
use std::time::Instant;

fn line(points: usize) -> Line {
    let mut text = String::from(
        "format = 1\n[site]\nname = \"s\"\n[[place]]\nid = \"r\"\nkind = \"rack\"\n[[node]]\nid = \"n\"\nrack = \"r\"\nsku = \"H100-SXM\"\ngpus = [\"GPU-a\"]\n[[mqtt]]\nid = \"bms\"\nurl = \"mqtt://h\"\n",
    );
    for i in 0..points {
        text += &format!(
            "[[point]]\nid = \"p{i}\"\nof = \"site\"\nunit = \"kW\"\nfrom = {{ mqtt = \"bms\", tag = \"t{i}\" }}\n"
        );
    }
    let site = read_site("site.toml", &text, Path::new(".")).unwrap();
    let (_, policy) = crate::files::policy_text("watch").unwrap();
    let policy = headroom_policies::read_policy("watch", &policy).unwrap();
    Line::with_wants(&site, Wants::new(&site, &policy), Identity { who: "t".into(), epoch: 1 })
}

fn reading(point: usize, ms: i64, value: f64) -> Reading {
    let stamp = Stamp::from_unix_ms(ms);
    let quality = if value < 0.0 { Quality::Bad(Reason::Sentinel) } else { Quality::Good };
    Reading::new(PointId(point as u32), stamp, Span::from_ms(5), value, quality)
        .arrived(stamp + Span::from_ms(40))
}

#[test]
fn what_is_seen_is_what_the_line_has_aligned() {
    let mut line = line(2);
    let mut seen = Seen::new(&line, 1 << 20);
    let mut lines = seen.taps.open(Target::Point(0)).unwrap();
    let mut inbox = Inbox::default();
    inbox.readings.extend([
        reading(0, 1000, 5e3),
        reading(0, 2000, 6e3),
        reading(0, 2000, 6e3),
        reading(1, 900, -1.0),
    ]);
    // Older than what is known: late, and not seen.
    inbox.readings.push(reading(0, 1500, 9e3));
    line.tick_seen(&inbox, Stamp::from_unix_ms(3000), &mut seen);
    seen.settle(&line);
    let view = views::PointView::new(&seen, 0).unwrap();
    assert_eq!((view.value, view.unit.as_str(), view.readings), (Some(6.0), "kW", 2));
    assert_eq!((view.age_s, view.trend), (Some(1.0), vec![Some(5.0), Some(6.0)]));
    assert_eq!((view.quality.as_str(), view.quality_opc_ua), ("good", 0));
    let bad = views::PointView::new(&seen, 1).unwrap();
    assert_eq!((bad.value, bad.quality.as_str(), bad.quality_opc_ua), (None, "bad", 0x808C));
    let history =
        history::History::new(&seen, "p0", Stamp::from_unix_ms(1500), Stamp::from_unix_ms(9000)).unwrap();
    assert_eq!((history.unix_ns, history.value), (vec![2_000_000_000], vec![Some(6.0)]));
    assert!(history::History::new(&seen, "p9", Stamp::default(), Stamp::default()).is_none());
    let first = String::from_utf8(lines.try_recv().unwrap().to_vec()).unwrap();
    assert!(first.starts_with("data: {\"point\":\"p0\"") && first.contains("\"delay_s\":0.04"), "{first}");
    assert!(lines.try_recv().is_ok() && lines.try_recv().is_err(), "two readings, two lines");
}

#[test]
fn a_listener_that_sleeps_loses_lines_and_nobody_waits() {
    let line = line(1);
    let mut seen = Seen::new(&line, 1 << 20);
    let mut lines = seen.taps.open(Target::Point(0)).unwrap();
    (0..5000).for_each(|ms| seen.reading(&reading(0, ms, 1.0)));
    (0..4096).for_each(|_| assert!(lines.try_recv().is_ok()));
    seen.reading(&reading(0, 9000, 2.0));
    let text = String::from_utf8(lines.try_recv().unwrap().to_vec()).unwrap();
    assert!(text.contains("\"lost\":904"), "{text}");
    drop(lines);
    seen.reading(&reading(0, 9001, 2.0));
    assert!(!seen.taps.any());
    let many: Vec<_> = (0..17).map(|_| seen.taps.open(Target::Gpu(0))).collect();
    assert_eq!(many.iter().filter(|t| t.is_some()).count(), 16);
}

#[test]
fn five_thousand_points_cost_little_and_stay_within_their_bytes() {
    let budget = 8 << 20;
    let line = line(5000);
    let mut seen = Seen::new(&line, budget);
    let rounds = 60;
    let capacity =
        |seen: &Seen| seen.points.iter().map(|p| p.moments.len()).sum::<usize>() * size_of::<Moment>();
    let begun = Instant::now();
    for round in 0..rounds {
        (0..5000).for_each(|p| seen.reading(&reading(p, round * 1000, round as f64)));
    }
    let each = begun.elapsed() / (rounds as u32 * 5000);
    let settle = Instant::now();
    seen.settle(&line);
    println!("{each:?} a reading, {:?} to settle 5000 points, {} bytes", settle.elapsed(), capacity(&seen));
    assert!(size_of::<Moment>() == 24 && GpuTrack::WINDOW_BYTES == 88);
    assert!(capacity(&seen) <= budget / 2, "{}", capacity(&seen));
    assert_eq!(seen.points[0].moments.len(), (budget / 2) / 24 / 5000);
}
