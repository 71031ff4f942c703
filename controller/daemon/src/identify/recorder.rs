//! Recorder: what the controller saw, as a table with one row per cooling period.
//!
//! Responsible for: columns, means over a period, and whole lines on disk. Not for: reading tables (`table_file`), nor for
//! what is learned from them (`headroom-belief`).
//!
//! A cell is the mean over the ticks of the period in which the point was good, aligned by event time as everything that
//! the controller decides by; the last value for counters and states. It is empty where the point is not good now. A line
//! is written whole or not at all; a table that has reached its bound is put aside once (`.1`) and begun anew, so that
//! never more than twice the bound lies on disk.

use anyhow::{Context, Result};
use headroom_core::Line;
use headroom_site::{Dimension, Site, Stamp};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Largest table of a daemon, bytes: about a week of a site of a thousand points.
const BOUND: u64 = 256 << 20;

/// Sum over the ticks of a period.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn take(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// Columns of a site, filled tick by tick.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    points: Vec<Mean>,
    racks: Vec<Mean>,
    /// First GPU and one past the last of the nodes of each rack.
    spans: Vec<Vec<(usize, usize)>>,
    head: String,
    due: Option<Stamp>,
}

impl Rows {
    pub(crate) fn new(site: &Site) -> Self {
        let mut racks: Vec<&str> = Vec::new();
        let mut spans: Vec<Vec<(usize, usize)>> = Vec::new();
        for node in &site.nodes {
            let span = (node.gpus.0 as usize, node.gpus.1 as usize);
            match racks.iter().position(|r| *r == node.rack) {
                Some(r) => spans[r].push(span),
                None => {
                    racks.push(&node.rack);
                    spans.push(vec![span]);
                }
            }
        }
        let points = site.points.iter().map(|p| format!("{} [{}]", p.id, p.unit.dimension.base()));
        let powers = racks.iter().map(|r| format!("gpu_power:{r} [W]"));
        let own = ["time_utc", "time_unix_s"].map(str::to_owned);
        let head: Vec<String> = own.into_iter().chain(points).chain(powers).map(|c| quoted(&c)).collect();
        Self {
            points: vec![Mean::default(); site.points.len()],
            racks: vec![Mean::default(); racks.len()],
            spans,
            head: head.join(",") + "\n",
            due: None,
        }
    }

    /// The first line of the table.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// Takes what the line saw in its last tick; a line of the table where a period is over.
    pub(crate) fn take(&mut self, line: &Line) -> Option<String> {
        let (site, snapshot, estimate) = (line.site(), line.snapshot(), line.estimate());
        for ((mean, point), value) in self.points.iter_mut().zip(&site.points).zip(&snapshot.points) {
            if !value.quality.is_good() {
                continue;
            }
            if point.counter || point.unit.dimension == Dimension::Count {
                *mean = Mean { sum: value.value, count: 1 };
            } else {
                mean.take(value.value);
            }
        }
        for (mean, spans) in self.racks.iter_mut().zip(&self.spans) {
            // A silent GPU counts with its cap, which is no heat that anybody has seen.
            if !spans.iter().all(|&(a, b)| snapshot.gpus[a..b].iter().all(|g| g.heard)) {
                continue;
            }
            let watts = |(a, b): &(usize, usize)| estimate.power_w[*a..*b].iter().sum::<f64>();
            mean.take(spans.iter().map(watts).sum());
        }
        let now = snapshot.stamp;
        let due = *self.due.get_or_insert(now + site.cooling_period);
        if now < due {
            return None;
        }
        self.due = Some((due + site.cooling_period).max(now));
        Some(self.row(line))
    }

    fn row(&mut self, line: &Line) -> String {
        let snapshot = line.snapshot();
        let unix_s = snapshot.stamp.unix_ms() as f64 / 1e3;
        let mut row = format!("{},{unix_s:.3}", snapshot.stamp);
        for (mean, value) in self.points.iter_mut().zip(&snapshot.points) {
            let mean = std::mem::take(mean);
            cell(&mut row, mean.value().filter(|_| value.quality.is_good()));
        }
        for mean in &mut self.racks {
            cell(&mut row, std::mem::take(mean).value());
        }
        row + "\n"
    }
}

/// Seven significant digits are more than any sensor has.
fn cell(row: &mut String, value: Option<f64>) {
    row.push(',');
    let Some(x) = value.filter(|x| x.is_finite()) else { return };
    let digits = if x == 0.0 { 0 } else { (6.0 - x.abs().log10().floor()).clamp(0.0, 9.0) as usize };
    // Writing into a String cannot fail.
    let _ = write!(row, "{x:.digits$}");
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A table on disk that grows line by line.
#[derive(Debug)]
pub(crate) struct Recorder {
    rows: Rows,
    path: PathBuf,
    file: File,
    length: u64,
    bound: u64,
}

impl Recorder {
    /// Appends to a table of the same columns, or begins one.
    ///
    /// # Errors
    /// The file cannot be written, or holds other columns.
    pub(crate) fn open(path: &Path, site: &Site) -> Result<Self> {
        Self::bounded(path, site, BOUND)
    }

    fn bounded(path: &Path, site: &Site, bound: u64) -> Result<Self> {
        let rows = Rows::new(site);
        let there = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        if !there.is_empty() && !there.starts_with(rows.head()) {
            anyhow::bail!(
                "{} holds columns of another site file; name another file or move this one away",
                path.display()
            );
        }
        // What a crash left of a line is taken off.
        let whole = there.rfind('\n').map_or(0, |at| at + 1);
        let mut recorder =
            Self { file: append(path)?, rows, path: path.to_path_buf(), length: whole as u64, bound };
        recorder.file.set_len(recorder.length)?;
        if recorder.length == 0 {
            let head = recorder.rows.head().to_owned();
            recorder.write(&head)?;
        }
        Ok(recorder)
    }

    /// Takes what the line saw in its last tick.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn take(&mut self, line: &Line) -> Result<()> {
        self.rows.take(line).map_or(Ok(()), |row| self.keep(&row))
    }

    /// Appends a line; begins anew where the bound is reached.
    fn keep(&mut self, row: &str) -> Result<()> {
        if self.length + row.len() as u64 > self.bound {
            let mut aside = self.path.as_os_str().to_owned();
            aside.push(".1");
            std::fs::rename(&self.path, aside)?;
            self.file = append(&self.path)?;
            self.length = 0;
            let head = self.rows.head().to_owned();
            self.write(&head)?;
        }
        self.write(row)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).with_context(|| self.path.display().to_string())?;
        self.length += text.len() as u64;
        Ok(())
    }
}

fn append(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    OpenOptions::new().create(true).append(true).open(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_site::file::read_site;

    fn site(point: &str) -> Site {
        let text = format!(
            "format = 1\n[site]\nname = \"t\"\n[[mqtt]]\nid = \"bms\"\nurl = \"mqtt://127.0.0.1:1883\"\n\
             [[point]]\nid = \"{point}\"\nof = \"site\"\ntype = \"LiquidFlow\"\nunit = \"m3/h\"\n\
             from = {{ mqtt = \"bms\", tag = \"{point}\" }}\n"
        );
        read_site("site.toml", &text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap()
    }

    #[test]
    fn a_table_goes_on_after_a_crash_and_is_put_aside_at_its_bound() {
        let folder = std::env::temp_dir().join(format!("headroom-recorder-{}", std::process::id()));
        let path = folder.join("seen.csv");
        let _ = std::fs::remove_dir_all(&folder);
        let flow = site("flow");
        let read = || std::fs::read_to_string(&path).unwrap();
        drop(Recorder::open(&path, &flow).unwrap());
        let head = "time_utc,time_unix_s,flow [L/min]\n";
        assert_eq!(read(), head);
        // A line that a crash tore is taken off, whole ones stay.
        std::fs::write(&path, format!("{head}a,1,2\nb,3")).unwrap();
        let mut recorder = Recorder::bounded(&path, &flow, 60).unwrap();
        assert_eq!(read(), format!("{head}a,1,2\n"));
        recorder.keep("b,3,4\n").unwrap();
        assert_eq!(read(), format!("{head}a,1,2\nb,3,4\n"));
        for _ in 0..3 {
            recorder.keep("c,5,6,7,8,9,10\n").unwrap();
        }
        assert!(read().len() <= 60 && read().starts_with(head), "{}", read());
        assert!(folder.join("seen.csv.1").exists());
        // Another site's columns are not mixed in.
        let told = Recorder::open(&path, &site("other")).unwrap_err().to_string();
        assert!(told.contains("another site file"), "{told}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn cells_have_seven_digits_or_are_empty() {
        let text = |x: Option<f64>| {
            let mut row = String::new();
            cell(&mut row, x);
            row
        };
        assert_eq!(text(Some(152_685.437_1)), ",152685.4");
        assert_eq!(text(Some(-0.012_345_678_9)), ",-0.01234568");
        assert_eq!(
            (text(Some(0.0)), text(None), text(Some(f64::NAN))),
            (",0".into(), ",".into(), ",".into())
        );
    }
}
