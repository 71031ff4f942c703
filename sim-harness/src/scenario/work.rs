//! The work of a scenario: which jobs run on how many of the GPUs.
//!
//! Responsible for: the `[work]` table, its checks, and the description that a workload is built from. Not for: running
//! the jobs.
//!
//! ```toml
//! [work]
//! load = 5.0                       # of serving pools; above 1 they batch, 15 is about the most they can do
//!
//! [[work.job]]
//! name = "pretrain"
//! kind = "training"                # or "serving", "burn"
//! share = "50 %"                   # or gpus = 256
//! params = 70                      # 10^9 parameters
//!
//! [[work.job]]
//! name = "stress"
//! kind = "burn"                    # all its GPUs between two activities, in step
//! share = "25 %"
//! low = "20 %"
//! period = "30 s"
//! at = "1 h"                       # arrival; absent: there from the start
//! for = "2 h"                      # absent: to the end
//! ```
//! A job that finds no free GPUs waits.

use super::table::{SHARES, TIMES, Table};
use crate::world::place::{GPUS_PER_NODE, NODES_PER_RACK};
use headroom_truth::work::{
    self as truth, JobKind, JobTemplate, Placement, Request, Rhythm, TaskKind, parse_requests,
};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Activity of dense work that never waits: what a burn at 100 % does.
const DENSE: f64 = 0.62;
/// Kinds of jobs.
const KINDS: [&str; 3] = ["training", "serving", "burn"];
/// Placements.
const PLACEMENTS: [&str; 4] = ["packed", "spread", "rack", "cdu"];
/// Rhythms of requests.
const RHYTHMS: [&str; 3] = ["diurnal", "poisson", "bursty"];

/// GPUs of a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JobSize {
    /// A share of all GPUs, 0 to 1.
    Share(f64),
    /// So many.
    Gpus(usize),
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEntry {
    /// What it is, but for its GPUs and, in serving, a load that was not given (0).
    pub template: JobTemplate,
    /// GPUs it holds.
    pub size: JobSize,
    /// Requests to serve; a relative path counts from the scenario's folder.
    pub trace: Option<PathBuf>,
    /// Line of the file.
    pub line: usize,
}

impl JobEntry {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> JobKind {
        match self.template.kind {
            TaskKind::Training | TaskKind::Burn => JobKind::Training,
            TaskKind::Serving => JobKind::Serving,
        }
    }
}

/// The work of a scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkSpec {
    /// Mean offered load of serving pools; `None`: the world's own.
    pub load: Option<f64>,
    /// How jobs are laid out.
    pub placement: Placement,
    /// The jobs; empty: half of the GPUs train in `train-a` and `train-b`, half serve in `serve-a` and `serve-b`.
    pub jobs: Vec<JobEntry>,
}

/// Why requests cannot be served.
#[derive(Debug, Error)]
#[error("requests {}: {message}", path.display())]
pub struct RequestsError {
    path: PathBuf,
    message: String,
}

impl WorkSpec {
    /// The description that a workload is built from; `None` where the file names no job.
    #[must_use]
    pub fn build(
        &self,
        gpus: usize,
        origin_s: f64,
        load: f64,
        racks_per_cdu: usize,
    ) -> Option<truth::WorkSpec> {
        if self.jobs.is_empty() {
            return None;
        }
        let job = |entry: &JobEntry| {
            let per = entry.template.gpus_per_replica.max(GPUS_PER_NODE);
            let step = if entry.template.kind == TaskKind::Serving { per } else { GPUS_PER_NODE };
            let gpus = match entry.size {
                JobSize::Gpus(count) => count,
                JobSize::Share(share) => ((share * gpus as f64 / step as f64).round() as usize).max(1) * step,
            };
            let load =
                if entry.template.load > 0.0 { entry.template.load } else { self.load.unwrap_or(load) };
            JobTemplate { gpus, load, ..entry.template.clone() }
        };
        Some(truth::WorkSpec {
            origin_s,
            placement: self.placement,
            nodes_per_rack: NODES_PER_RACK,
            racks_per_cdu,
            jobs: self.jobs.iter().map(job).collect(),
        })
    }

    /// Reads the requests that jobs serve; a relative path counts from `folder`.
    ///
    /// # Errors
    /// [`RequestsError`] if a file cannot be used.
    pub(super) fn load_traces(&mut self, folder: &Path) -> Result<(), RequestsError> {
        for job in &mut self.jobs {
            if let Some(path) = &job.trace {
                let path = folder.join(path);
                let read = requests(&path);
                job.template.trace = Some(read.map_err(|message| RequestsError { path, message })?);
            }
        }
        Ok(())
    }
}

fn requests(path: &Path) -> Result<Vec<Request>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    parse_requests(&text).map_err(|e| e.to_string())
}

/// Reads the table.
pub(super) fn read(mut t: Table<'_>) -> WorkSpec {
    let load = t.number_within(("load", "5.0"), 0.01, 20.0);
    let placement = t.choice(("placement", "\"packed\""), &PLACEMENTS);
    let placement = placement.and_then(|n| Placement::find(PLACEMENTS[n])).unwrap_or_default();
    let line = t.line_of("job");
    let jobs: Vec<JobEntry> = t.tables(("job", "[]")).into_iter().filter_map(job).collect();
    for (n, job) in jobs.iter().enumerate() {
        let name = &job.template.name;
        if jobs[..n].iter().any(|other| other.template.name == *name) {
            t.find(job.line, format!("there are two jobs `{name}`"), "give each a name of its own");
        }
    }
    let share = |job: &JobEntry| match job.size {
        JobSize::Share(share) if job.template.arrival_s <= 0.0 && job.template.arrivals_per_h <= 0.0 => share,
        _ => 0.0,
    };
    let sum: f64 = jobs.iter().map(share).sum();
    if sum > 1.001 {
        let message = format!("the jobs that are there from the start take {:.0} % of the GPUs", sum * 100.0);
        t.find(line, message, "keep their sum to 100 %");
    }
    t.finish("`[work]`", &["load", "placement", "job"]);
    WorkSpec { load, placement, jobs }
}

fn job(mut t: Table<'_>) -> Option<JobEntry> {
    let line = t.line;
    let name = t.required(("name", "\"pretrain\""), Table::text);
    let kind = t.required(("kind", "\"training\""), |t, key| t.choice(key, &KINDS));
    let size = size(&mut t);
    let arrival_s = t.seconds(("at", "\"1 h\"")).unwrap_or(0.0);
    let duration_s = t.within(("for", "\"2 h\""), TIMES, (1.0, f64::INFINITY)).unwrap_or(0.0);
    let mut template = JobTemplate {
        name: name.clone().unwrap_or_default(),
        arrival_s,
        duration_s,
        duration_spread: t.number_within(("for-spread", "0.8"), 0.0, 3.0).unwrap_or(0.0),
        arrivals_per_h: t.number_within(("per-hour", "2.0"), 0.0, 1e5).unwrap_or(0.0),
        tokens: t.number_within(("tokens", "1e9"), 0.0, 1e18).unwrap_or(0.0),
        priority: t.number_within(("priority", "1"), -1e6, 1e6).unwrap_or(0.0) as i32,
        load: 0.0,
        ..JobTemplate::default()
    };
    if template.arrivals_per_h > 0.0 && template.duration_s <= 0.0 && template.tokens <= 0.0 {
        t.find(line, "jobs of a stream must end", "give `for` or `tokens`");
    }
    let trace = t.has("trace").then(|| t.text(("trace", "\"requests.csv\""))).flatten().map(PathBuf::from);
    match kind.map(|n| KINDS[n]) {
        Some("training") => training(&mut t, &mut template),
        Some("serving") => serving(&mut t, &mut template),
        Some(_) => burn(&mut t, &mut template),
        None => return None,
    }
    if trace.is_some() && template.kind != TaskKind::Serving {
        t.find(line, "only a serving job takes a `trace`", "remove it, or write `kind = \"serving\"`");
    }
    t.finish(&format!("a {} job", KINDS[kind.unwrap_or(0)]), &[]);
    name?;
    Some(JobEntry { template, size: size?, trace, line })
}

fn size(t: &mut Table<'_>) -> Option<JobSize> {
    let line = t.line_of("gpus");
    match (t.has("share"), t.has("gpus")) {
        (true, false) => t.within(("share", "\"50 %\""), SHARES, (0.001, 1.0)).map(JobSize::Share),
        (false, true) => {
            let gpus = t.count(("gpus", "64"), 1..=1_000_000)?;
            if gpus > GPUS_PER_NODE && gpus % GPUS_PER_NODE != 0 {
                let remedy = format!("write `gpus = {}`", gpus.next_multiple_of(GPUS_PER_NODE));
                t.find(line, "`gpus` must be fewer than 8 or a multiple of 8", remedy);
            }
            Some(JobSize::Gpus(gpus))
        }
        _ => {
            t.find(t.line, "a job needs a `share` or `gpus`, one of them", "write `share = \"50 %\"`");
            (t.text(("share", "")), t.number(("gpus", "")));
            None
        }
    }
}

fn params(t: &mut Table<'_>) -> f64 {
    t.number_within(("params", "70"), 0.1, 1e5).unwrap_or(0.0)
}

fn training(t: &mut Table<'_>, template: &mut JobTemplate) {
    let every = t.within(("checkpoint-every", "\"20 min\""), TIMES, (1.0, 86_400.0));
    template.kind = TaskKind::Training;
    template.params_b = params(t);
    template.checkpoint_every_s = every.unwrap_or(0.0);
    template.failure_gpu_h = t.number_within(("failure-gpu-hours", "50000"), 1.0, 1e9).unwrap_or(0.0);
}

fn serving(t: &mut Table<'_>, template: &mut JobTemplate) {
    template.kind = TaskKind::Serving;
    template.params_b = params(t);
    template.load = t.number_within(("load", "5.0"), 0.01, 20.0).unwrap_or(0.0);
    template.gpus_per_replica = t.count(("gpus-per-replica", "8"), 1..=64).unwrap_or(GPUS_PER_NODE);
    let rhythm = t.choice(("rhythm", "\"diurnal\""), &RHYTHMS);
    template.rhythm = rhythm.and_then(|n| Rhythm::find(RHYTHMS[n])).unwrap_or_default();
}

fn burn(t: &mut Table<'_>, template: &mut JobTemplate) {
    let mut share = |key, usual| t.within(key, SHARES, (0.0, 1.0)).unwrap_or(usual);
    let (low, high) = (share(("low", "\"20 %\""), 0.0), share(("high", "\"100 %\""), 1.0));
    template.duty = share(("duty", "\"50 %\""), 0.5);
    template.kind = TaskKind::Burn;
    template.levels = [DENSE * high, DENSE * low];
    template.period_s = t.within(("period", "\"30 s\""), TIMES, (0.01, 86_400.0)).unwrap_or(20.0);
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, Findings};
    use super::*;
    use headroom_truth::work::Workload;

    #[test]
    fn jobs_read_and_fit_a_fleet() {
        let text = "load = 8\n[[job]]\nname = \"a\"\nkind = \"training\"\nshare = \"50 %\"\nparams = 70\n\
            [[job]]\nname = \"b\"\nkind = \"burn\"\ngpus = 16\nlow = \"20 %\"\nat = \"1 h\"\nfor = \"10 min\"\n\
            [[job]]\nname = \"c\"\nkind = \"serving\"\nshare = \"20 %\"\nrhythm = \"bursty\"\n";
        let findings = Findings::default();
        let work = read(table::read(text, &findings));
        assert_eq!(findings.sorted(), vec![]);
        let spec = work.build(64, 100.0, 5.0, 4).unwrap();
        assert_eq!(spec.jobs.iter().map(|j| j.gpus).collect::<Vec<_>>(), [32, 16, 16]);
        assert_eq!((spec.jobs[1].arrival_s, spec.jobs[1].duration_s), (3600.0, 600.0));
        assert!((spec.jobs[2].load - 8.0).abs() < 1e-12 && spec.jobs[2].rhythm == Rhythm::Bursty);
        assert!((spec.jobs[1].levels[1] / spec.jobs[1].levels[0] - 0.2).abs() < 1e-12);
        assert!(Workload::from_spec(&spec, 64, 1).is_ok());
        assert!(PLACEMENTS.iter().all(|name| Placement::find(name).is_some()));
        assert!(RHYTHMS.iter().all(|name| Rhythm::find(name).is_some()));
    }

    #[test]
    fn findings_come_all_at_once() {
        let text = "[[job]]\nname = \"a\"\nkind = \"training\"\nshare = \"80 %\"\nduty = \"5 %\"\n\
            [[job]]\nname = \"a\"\nkind = \"burn\"\nshare = \"30 %\"\n[[job]]\nkind = \"sleep\"\n\
            [[job]]\nname = \"s\"\nkind = \"burn\"\ngpus = 12\nper-hour = 3\n";
        let findings = Findings::default();
        read(table::read(text, &findings));
        let lines: Vec<usize> = findings.sorted().iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 5, 6, 10, 10, 11, 12, 15]);
    }
}
