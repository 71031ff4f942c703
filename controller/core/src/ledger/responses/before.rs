//! What each branch drew, and each job made, in the ten minutes before.
//!
//! Responsible for: means of minutes, while nothing holds the branch. Not for: what is made of them (`event`).

use crate::line::Line;
use headroom_site::Stamp;
use std::collections::VecDeque;

/// Minutes that are kept.
const MINUTES: usize = 10;
/// So many of them at least say what was drawn before.
const LEAST: usize = 3;
const MINUTE_S: f64 = 60.0;

/// Of all branches and jobs.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    /// Of each branch: means of its last minutes, W.
    drew_w: Vec<VecDeque<f64>>,
    /// Of each branch: sum and number of the minute that is on.
    open: Vec<(f64, f64)>,
    /// Tokens of each job at each full minute.
    made: VecDeque<(Stamp, Vec<f64>)>,
    minute: Option<Stamp>,
}

impl Before {
    /// Takes a tick; what is held says nothing of what would be drawn.
    pub(super) fn take(&mut self, line: &Line, held: impl Fn(usize) -> bool) {
        let (now, powers) = (line.snapshot().stamp, &line.estimate().branch_w);
        self.drew_w.resize(powers.len(), VecDeque::new());
        self.open.resize(powers.len(), (0.0, 0.0));
        for (b, (sum, n)) in self.open.iter_mut().enumerate() {
            let more = if held(b) { (-*sum, -*n) } else { (powers[b], 1.0) };
            (*sum, *n) = (*sum + more.0, *n + more.1);
        }
        let since = *self.minute.get_or_insert(now);
        if now.since(since).s() < MINUTE_S && since <= now {
            return;
        }
        self.minute = Some(now);
        for (b, ((sum, n), means)) in self.open.iter_mut().zip(&mut self.drew_w).enumerate() {
            if held(b) {
                means.clear();
            } else if *n > 0.0 {
                push(means, *sum / *n);
            }
            (*sum, *n) = (0.0, 0.0);
        }
        push(&mut self.made, (now, line.ledger().job_tokens.clone()));
    }

    /// Mean of a branch's minutes, and the standard deviation of one, W.
    pub(super) fn drew(&self, b: usize) -> Option<(f64, f64)> {
        let means = self.drew_w.get(b).filter(|means| means.len() >= LEAST)?;
        let n = means.len() as f64;
        let mean = means.iter().sum::<f64>() / n;
        let squares: f64 = means.iter().map(|w| (w - mean).powi(2)).sum();
        Some((mean, (squares / (n - 1.0)).sqrt()))
    }

    /// Tokens a second of each job, by the share of its GPUs that a branch has; none before minutes were seen.
    pub(super) fn tokens_per_s(&self, line: &Line, b: usize) -> Option<Vec<f64>> {
        let (first, last) = (self.made.front()?, self.made.back()?);
        let span_s = last.0.since(first.0).s();
        if self.made.len() <= LEAST || span_s <= 0.0 {
            return None;
        }
        let shares = shares(line, b);
        let made = last.1.iter().zip(&first.1).map(|(last, first)| (last - first) / span_s);
        Some(made.zip(shares).map(|(rate, share)| rate * share).collect())
    }
}

/// Share of each job's GPUs that a branch has.
pub(super) fn shares(line: &Line, b: usize) -> Vec<f64> {
    let spans = line.topology().spans_of_branch(b);
    let holds = |g: usize| spans.iter().any(|&(a, end)| (a..end).contains(&g));
    let share = |job: &headroom_site::model::Job| {
        let below = job.gpus.iter().filter(|g| holds(g.index())).count();
        below as f64 / job.gpus.len().max(1) as f64
    };
    line.site().jobs.iter().map(share).collect()
}

fn push<T>(ring: &mut VecDeque<T>, value: T) {
    if ring.len() > MINUTES {
        ring.pop_front();
    }
    ring.push_back(value);
}
