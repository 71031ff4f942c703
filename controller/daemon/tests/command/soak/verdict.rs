//! What a soak came to: the table, and what must hold.

use super::watch::{Sample, Watched};
use super::{JOURNAL_MIB, TAPE_MIB};
use std::fmt::Write as _;
use std::time::Duration;

/// Memory may rise by this over the second half: a share of itself, and what an allocator keeps at hand, kB.
const MORE: (f64, f64) = (0.05, 4096.0);
/// Descriptors may differ by so many between two looks: readers come and go.
const FDS: u64 = 8;
/// A tick later than this part of its period (a second) counts as late.
const LATE_S: f64 = 0.5;

/// Slope of the least-squares line through points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let over: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    over / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>().max(f64::MIN_POSITIVE)
}

/// One process over the second half.
struct Half {
    name: String,
    first: Watched,
    last: Watched,
    /// kB of memory per hour of plant time, and in the whole half.
    kb_per_h: f64,
    rise_kb: f64,
    fds: (u64, u64),
    threads: (u64, u64),
}

fn halves(samples: &[Sample]) -> Vec<Half> {
    let second = &samples[samples.len() / 2..];
    let hours = second.last().unwrap().hours - second[0].hours;
    let of = |p: usize| {
        let all: Vec<Watched> = second.iter().map(|s| s.processes[p].1).collect();
        let points: Vec<(f64, f64)> =
            second.iter().zip(&all).map(|(s, w)| (s.hours, w.rss_kb as f64)).collect();
        let ends =
            |of: fn(&Watched) -> u64| (all.iter().map(of).min().unwrap(), all.iter().map(of).max().unwrap());
        let kb_per_h = slope(&points);
        Half {
            name: samples[0].processes[p].0.clone(),
            first: samples[0].processes[p].1,
            last: *all.last().unwrap(),
            kb_per_h,
            rise_kb: kb_per_h * hours,
            fds: ends(|w| w.fds),
            threads: ends(|w| w.threads),
        }
    };
    (0..samples[0].processes.len()).map(of).collect()
}

/// One look, on a line.
pub(super) fn line(s: &Sample) -> String {
    let rss = s.processes.iter().map(|(name, w)| format!("{name} {} kB {} fds", w.rss_kb, w.fds));
    let files: u64 = s.files.values().sum();
    format!(
        "{:6.2} h  {} ticks, {} missed; {}; {} files {files} B",
        s.hours,
        s.status.ticks,
        s.status.missed,
        rss.collect::<Vec<_>>().join(", "),
        s.files.len()
    )
}

/// Everything, as the book shows it.
pub(super) fn table(samples: &[Sample], lags: &[f64], wall: Duration) -> String {
    let (first, last) = (&samples[0], samples.last().unwrap());
    let mut t = String::from(
        "\n| process | memory at first, at last | second half | open descriptors | threads | processor |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for h in halves(samples) {
        let per_day = h.kb_per_h * 24.0 / h.last.rss_kb as f64 * 100.0;
        let _ = writeln!(
            t,
            "| {} | {:.1} MiB, {:.1} MiB | {:+.1} kB/h, {per_day:+.2} %/day | {} to {} | {} to {} | {:.1} s/h |",
            h.name,
            h.first.rss_kb as f64 / 1024.0,
            h.last.rss_kb as f64 / 1024.0,
            h.kb_per_h,
            h.fds.0,
            h.fds.1,
            h.threads.0,
            h.threads.1,
            (h.last.cpu_s - h.first.cpu_s) / last.hours
        );
    }
    t += "\n| file | bytes half way | at last |\n| --- | --- | --- |\n";
    let half = &samples[samples.len() / 2];
    for (name, bytes) in &last.files {
        let before = half.files.get(name).map_or("-".to_owned(), u64::to_string);
        let _ = writeln!(t, "| `{name}` | {before} | {bytes} |");
    }
    let late = lags.iter().filter(|lag| **lag > LATE_S).count();
    let ticks = last.status.ticks - first.status.ticks;
    let _ = writeln!(
        t,
        "\n{:.1} h of plant time in {:.0} s ({:.0} times its speed): {ticks} ticks, {} missed; of {} looked at, {late} began more than {LATE_S} s late; {} readings dropped",
        last.hours,
        wall.as_secs_f64(),
        last.hours * 3600.0 / wall.as_secs_f64(),
        last.status.missed - first.status.missed,
        lags.len(),
        last.status.dropped
    );
    t
}

/// What must hold on any machine.
pub(super) fn holds(samples: &[Sample]) {
    for h in halves(samples) {
        let may = MORE.0 * h.last.rss_kb as f64 + MORE.1;
        // The plant keeps its own course until the score is told; nobody runs it beside a real one.
        assert!(
            h.rise_kb < may || h.name == "plant",
            "memory of {} rises by {:.0} kB in the second half",
            h.name,
            h.rise_kb
        );
        assert!(h.fds.1 - h.fds.0 <= FDS, "descriptors of {}: {:?}", h.name, h.fds);
        assert!(
            h.last.fds <= h.first.fds + FDS,
            "descriptors of {}: {} to {}",
            h.name,
            h.first.fds,
            h.last.fds
        );
        assert!(h.threads.1 - h.threads.0 <= FDS, "threads of {}: {:?}", h.name, h.threads);
    }
    let last = samples.last().unwrap();
    let known = [
        ("journal.jsonl", JOURNAL_MIB << 20),
        ("journal.old.jsonl", JOURNAL_MIB << 20),
        ("run.tape", TAPE_MIB << 20),
        ("seen.csv", 256 << 20),
        // A line an hour, and a little of an hour that is open.
        ("ledger.jsonl", 65_536 * (last.hours as u64 + 2)),
        ("ledger.open", 65_536),
        ("epoch", 64),
        ("http.addr", 64),
    ];
    for (name, bytes) in &last.files {
        let bound = known.iter().find(|(n, _)| n == name);
        let (_, most) = bound.unwrap_or_else(|| panic!("nobody has said how large `{name}` may become"));
        assert!(bytes <= most, "`{name}` has {bytes} bytes, and {most} is its bound");
    }
    assert!(last.status.ticks > samples[0].status.ticks, "it ticks");
    assert_eq!(last.status.dropped, 0, "readings that nobody drained");
}
