//! The work of a scenario: which jobs run on which share of the GPUs.
//!
//! Responsible for: the `[work]` table, its defaults and checks. Not for: running the jobs.
//!
//! ```toml
//! [work]
//! load = 5.0                       # of serving pools; above 1 they batch, 15 is about the most they can do
//!
//! [[work.job]]
//! name = "pretrain"
//! kind = "training"                # or "serving", "burn"
//! share = "50 %"                   # or gpus = 256
//! compute = "3.4 s"                # training: a step's phases
//! communicate = "0.7 s"
//! checkpoint-every = "20 min"
//!
//! [[work.job]]
//! name = "stress"
//! kind = "burn"                    # all its GPUs between two activities, in step
//! share = "25 %"
//! low = "20 %"
//! high = "100 %"
//! period = "30 s"
//! at = "1 h"                       # arrival; absent: there from the start
//! for = "2 h"                      # absent: to the end
//! ```
//! Jobs take their GPUs in file order, in whole nodes.

use super::table::{SHARES, TIMES, Table};

/// GPUs of a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JobSize {
    /// A share of all GPUs, 0 to 1.
    Share(f64),
    /// So many.
    Gpus(usize),
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JobKind {
    /// Synchronous training. Every `None` is the usual job's own figure.
    Training {
        /// Computing in a step at full clock, s.
        compute_s: Option<f64>,
        /// Collectives in a step that computing does not hide, s.
        communicate_s: Option<f64>,
        /// Time between checkpoints, s.
        checkpoint_every_s: Option<f64>,
        /// Length of a checkpoint, s.
        checkpoint_s: Option<f64>,
    },
    /// Answering requests.
    Serving {
        /// Mean offered load; `None`: that of the table.
        load: Option<f64>,
        /// GPUs of a replica.
        gpus_per_replica: Option<usize>,
    },
    /// All GPUs between two activities, in step.
    Burn {
        /// Lower activity, 0 to 1.
        low: f64,
        /// Upper activity, 0 to 1.
        high: f64,
        /// Length of a cycle, s.
        period_s: f64,
        /// Share of the cycle at the upper activity, 0 to 1.
        duty: f64,
    },
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEntry {
    /// Name, unique.
    pub name: String,
    /// What it does.
    pub kind: JobKind,
    /// GPUs it holds.
    pub size: JobSize,
    /// Arrival, s since the start of the scenario; 0 is there from the start.
    pub at_s: f64,
    /// Duration, s; infinite where none is given.
    pub for_s: f64,
    /// Line of the file.
    pub line: usize,
}

/// The work of a scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkSpec {
    /// Mean offered load of serving pools; `None`: the world's own.
    pub load: Option<f64>,
    /// The jobs; empty: half of the GPUs train in `train-a` and `train-b`, half serve in `serve-a` and `serve-b`.
    pub jobs: Vec<JobEntry>,
}

/// Reads the table.
pub(super) fn read(mut t: Table<'_>) -> WorkSpec {
    let load = t.number_within(("load", "5.0"), 0.01, 20.0);
    let line = t.line_of("job");
    let jobs: Vec<JobEntry> = t.tables(("job", "[]")).into_iter().filter_map(job).collect();
    for (n, job) in jobs.iter().enumerate() {
        if jobs[..n].iter().any(|other| other.name == job.name) {
            t.find(job.line, format!("there are two jobs `{}`", job.name), "give each a name of its own");
        }
    }
    let share = |job: &JobEntry| if let JobSize::Share(share) = job.size { share } else { 0.0 };
    let sum: f64 = jobs.iter().map(share).sum();
    if sum > 1.001 {
        t.find(line, format!("the jobs take {:.0} % of the GPUs", sum * 100.0), "keep their sum to 100 %");
    }
    t.finish("`[work]`", &["load", "job"]);
    WorkSpec { load, jobs }
}

fn job(mut t: Table<'_>) -> Option<JobEntry> {
    let line = t.line;
    let name = t.required(("name", "\"pretrain\""), Table::text);
    let words = ["training", "serving", "burn"];
    let word = t.required(("kind", "\"training\""), |t, key| t.choice(key, &words));
    let kind = match word.map(|n| words[n]) {
        Some("training") => Some(training(&mut t)),
        Some("serving") => Some(serving(&mut t)),
        Some(_) => Some(burn(&mut t)),
        None => None,
    };
    let size = match (t.has("share"), t.has("gpus")) {
        (true, false) => t.within(("share", "\"50 %\""), SHARES, (0.0, 1.0)).map(JobSize::Share),
        (false, true) => t.count(("gpus", "64"), 8..=1_000_000).map(JobSize::Gpus),
        _ => {
            t.find(line, "a job needs a `share` or `gpus`, one of them", "write `share = \"50 %\"`");
            (t.text(("share", "")), t.number(("gpus", "")));
            None
        }
    };
    let at_s = t.seconds(("at", "\"1 h\"")).unwrap_or(0.0);
    let for_s = t.seconds(("for", "\"2 h\"")).unwrap_or(f64::INFINITY);
    if kind.is_some() {
        t.finish(&format!("a {} job", words[word.unwrap_or(0)]), &[]);
    }
    Some(JobEntry { name: name?, kind: kind?, size: size?, at_s, for_s, line })
}

fn training(t: &mut Table<'_>) -> JobKind {
    let mut time = |key| t.within(key, TIMES, (0.01, 86_400.0));
    JobKind::Training {
        compute_s: time(("compute", "\"3.4 s\"")),
        communicate_s: time(("communicate", "\"0.7 s\"")),
        checkpoint_every_s: time(("checkpoint-every", "\"20 min\"")),
        checkpoint_s: time(("checkpoint", "\"30 s\"")),
    }
}

fn serving(t: &mut Table<'_>) -> JobKind {
    JobKind::Serving {
        load: t.number_within(("load", "5.0"), 0.01, 20.0),
        gpus_per_replica: t.count(("gpus-per-replica", "8"), 1..=64),
    }
}

fn burn(t: &mut Table<'_>) -> JobKind {
    let mut share = |key, usual| t.within(key, SHARES, (0.0, 1.0)).unwrap_or(usual);
    let (low, high) = (share(("low", "\"20 %\""), 1.0), share(("high", "\"100 %\""), 1.0));
    let duty = share(("duty", "\"50 %\""), 0.5);
    let period_s = t.within(("period", "\"30 s\""), TIMES, (0.01, 86_400.0)).unwrap_or(60.0);
    JobKind::Burn { low, high, period_s, duty }
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, Findings};
    use super::*;

    #[test]
    fn jobs_read_and_findings_come_all_at_once() {
        let text = "load = 8\n[[job]]\nname = \"a\"\nkind = \"training\"\nshare = \"50 %\"\ncompute = \"5 s\"\n\
            [[job]]\nname = \"b\"\nkind = \"burn\"\ngpus = 16\nlow = \"20 %\"\nat = \"1 h\"\nfor = \"10 min\"\n";
        let findings = Findings::default();
        let work = read(table::read(text, &findings));
        assert_eq!(findings.sorted(), vec![]);
        assert_eq!((work.load, work.jobs.len(), work.jobs[1].size), (Some(8.0), 2, JobSize::Gpus(16)));
        let burn = JobKind::Burn { low: 0.2, high: 1.0, period_s: 60.0, duty: 0.5 };
        assert_eq!((work.jobs[1].kind, work.jobs[1].at_s, work.jobs[1].for_s), (burn, 3600.0, 600.0));
        let text = "[[job]]\nname = \"a\"\nkind = \"training\"\nshare = \"80 %\"\nduty = \"5 %\"\n\
            [[job]]\nname = \"a\"\nkind = \"burn\"\nshare = \"30 %\"\n[[job]]\nkind = \"sleep\"\n";
        let findings = Findings::default();
        read(table::read(text, &findings));
        let lines: Vec<usize> = findings.sorted().iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 5, 6, 10, 10, 11]);
    }
}
