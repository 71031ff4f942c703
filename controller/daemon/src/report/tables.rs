//! The ledger as tables: hours, jobs, places, throttled time, branches.
//!
//! Responsible for: names of columns with their units, and CSV. Not for: what a figure means (the book says it).

use crate::ledger::rows::{branch, job, place};
use crate::ledger::view::{Range, Summary, throttles};
use anyhow::{Context, Result};
use headroom_core::ledger::Hour;
use headroom_site::Stamp;
use std::path::Path;

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Column {
    Text(Vec<String>),
    Number(Vec<Option<f64>>),
}

/// A table of columns of one length.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<(&'static str, Column)>,
}

/// Rows become columns.
struct Builder(Table);

/// A cell.
enum Of {
    Text(String),
    Number(Option<f64>),
}

impl Builder {
    fn new(name: &'static str) -> Self {
        Self(Table { name, columns: Vec::new() })
    }

    fn row(&mut self, cells: Vec<(&'static str, Of)>) {
        let first = self.0.columns.is_empty();
        for (i, (name, cell)) in cells.into_iter().enumerate() {
            if first {
                let none = match cell {
                    Of::Text(_) => Column::Text(Vec::new()),
                    Of::Number(_) => Column::Number(Vec::new()),
                };
                self.0.columns.push((name, none));
            }
            match (&mut self.0.columns[i].1, cell) {
                (Column::Text(all), Of::Text(text)) => all.push(text),
                (Column::Number(all), Of::Number(number)) => all.push(number),
                // A column has one kind: it is built by one row function.
                (Column::Text(all), Of::Number(_)) => all.push(String::new()),
                (Column::Number(all), Of::Text(_)) => all.push(None),
            }
        }
    }
}

fn text(name: &'static str, text: &str) -> (&'static str, Of) {
    (name, Of::Text(text.to_owned()))
}

fn num(name: &'static str, number: f64) -> (&'static str, Of) {
    (name, Of::Number(Some(number)))
}

fn may(name: &'static str, number: Option<f64>) -> (&'static str, Of) {
    (name, Of::Number(number))
}

/// All tables of some hours.
pub(super) fn of(hours: &[&Hour]) -> Vec<Table> {
    let mut tables = ["hours", "jobs", "places", "throttled", "branches"].map(Builder::new);
    for hour in hours {
        let at = Stamp::from_unix_ms(hour.hour_unix_s * 1000).to_string();
        let [hour_table, job_table, place_table, throttled, branches] = &mut tables;
        hour_table.row(hour_row(&at, &Summary::of(hour)));
        for row in &hour.jobs {
            job_table.row(job_row(&at, &job(row, &hour.rates)));
        }
        for row in &hour.racks {
            place_table.row(place_row(&at, &place(row, 1, hour)));
            for t in throttles(&row.throttled) {
                throttled.row(vec![
                    text("hour", &at),
                    text("rack", &row.id),
                    text("reason", &t.reason),
                    text("cause", &t.cause),
                    num("gpu_s", t.gpu_s),
                    num("lost_gpu_s", t.lost_gpu_s),
                    num("lost_tokens", t.lost_tokens),
                ]);
            }
        }
        for row in &hour.branches {
            let b = branch(row);
            branches.row(vec![
                text("hour", &at),
                text("branch", &b.branch),
                text("kind", &b.kind),
                num("metered_kwh", b.metered_kwh),
                may("loss_kwh", b.loss_kwh),
                num("held_gpu_s", b.held_gpu_s),
            ]);
        }
    }
    tables.into_iter().map(|b| b.0).collect()
}

type Row = Vec<(&'static str, Of)>;

fn hour_row(at: &str, s: &Summary) -> Row {
    let value = |r: Option<Range>| r.map(|r| r.value);
    let (low, high) = (|r: Option<Range>| r.map(|r| r.low), |r: Option<Range>| r.map(|r| r.high));
    let (t, f, w, p) = (&s.token, &s.flops, &s.watt, &s.pue);
    vec![
        text("hour", at),
        num("booked_s", s.booked_s),
        num("commanded_s", s.commanded_s),
        text("currency", &s.currency),
        num("tokens", t.made),
        num("drift_tokens", t.lost_to_drift),
        num("throttled_tokens", t.lost_to_throttling),
        num("chosen_tokens", t.given_up_for_watts),
        num("unexplained_tokens", t.unexplained),
        num("sigma_tokens", t.sigma),
        num("drift_cost", t.drift_cost),
        num("throttled_cost", f.cost),
        num("throttled_gpu_s", f.throttled_gpu_s),
        num("lost_gpu_s", f.lost_gpu_s),
        num("lost_pflop", f.lost_pflop),
        may("facility_kwh", w.facility_kwh),
        may("it_kwh", w.it_kwh),
        may("cooling_kwh", w.cooling_kwh),
        num("gpus_kwh", w.gpus_kwh),
        num("gpus_over_kwh", w.gpus_over_kwh),
        num("over_cost", w.over_cost),
        may("unmetered_kwh", value(w.unmetered_kwh)),
        may("racks_residual_kwh", value(w.racks_residual_kwh)),
        may("racks_residual_low_kwh", low(w.racks_residual_kwh)),
        may("racks_residual_high_kwh", high(w.racks_residual_kwh)),
        may("saved_low_kwh", low(w.saved_kwh)),
        may("saved_high_kwh", high(w.saved_kwh)),
        may("cost", w.cost),
        may("pue", value(p.pue)),
        may("pue_low", low(p.pue)),
        may("pue_high", high(p.pue)),
        num("pue_coverage", p.coverage),
        may("pue_over_best", value(p.over_best)),
        may("pue_over_cost", p.over_cost),
        may("cooling_ppue", value(p.cooling_ppue)),
        may("cue_kg_per_kwh", value(p.cue_kg_per_kwh)),
        may("outdoor_degc", p.outdoor_degc),
    ]
}

fn job_row(at: &str, j: &crate::ledger::rows::JobLine) -> Row {
    vec![
        text("hour", at),
        text("job", &j.job),
        text("kind", &j.kind),
        num("gpus", j.gpus as f64),
        num("tokens", j.tokens),
        num("counted_s", j.counted_s),
        num("drift_tokens", j.drift_tokens),
        num("throttled_tokens", j.throttled_tokens),
        num("chosen_tokens", j.chosen_tokens),
        num("unexplained_tokens", j.unexplained_tokens),
        num("busy_gpu_s", j.busy_gpu_s),
        num("throttled_gpu_s", j.throttled_gpu_s),
        num("lost_gpu_s", j.lost_gpu_s),
        num("gpus_kwh", j.gpus_kwh),
        num("over_kwh", j.over_kwh),
        may("clock_spread", j.clock_spread),
        may("clock_spread_kept", j.clock_spread_kept),
        may("first_token_kept", j.first_token_kept),
        may("per_token_kept", j.per_token_kept),
        num("lost_cost", j.lost_cost),
        num("over_cost", j.over_cost),
    ]
}

fn place_row(at: &str, r: &crate::ledger::rows::PlaceLine) -> Row {
    vec![
        text("hour", at),
        text("rack", &r.place),
        text("row", &r.row),
        may("metered_kwh", r.metered_kwh),
        num("metered_share", r.metered_share),
        num("gpus_kwh", r.gpus_kwh),
        may("rest_kwh", r.rest_kwh),
        num("over_kwh", r.over_kwh),
        num("busy_gpu_s", r.busy_gpu_s),
        num("throttled_gpu_s", r.throttled_gpu_s),
        num("lost_gpu_s", r.lost_gpu_s),
        num("throttled_tokens", r.throttled_tokens),
        num("drift_tokens", r.drift_tokens),
        num("lost_cost", r.lost_cost),
        num("over_cost", r.over_cost),
    ]
}

/// Writes each table as a file of its name.
///
/// # Errors
/// The folder or a file cannot be written.
pub(super) fn write_csv(folder: &Path, tables: &[Table]) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for table in tables {
        let path = folder.join(format!("{}.csv", table.name));
        let mut out = csv::Writer::from_path(&path).with_context(|| path.display().to_string())?;
        out.write_record(table.columns.iter().map(|(name, _)| *name))?;
        for row in 0..table.rows() {
            let cell = |c: &Column| match c {
                Column::Text(all) => all[row].clone(),
                Column::Number(all) => all[row].map_or(String::new(), |x| x.to_string()),
            };
            out.write_record(table.columns.iter().map(|(_, c)| cell(c)))?;
        }
        out.flush().with_context(|| path.display().to_string())?;
    }
    Ok(())
}

impl Table {
    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, c)| match c {
            Column::Text(all) => all.len(),
            Column::Number(all) => all.len(),
        })
    }
}
