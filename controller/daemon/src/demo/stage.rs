//! The world's thread: stands until everybody is there, then one step per plant second.

use super::parties::Parties;
use super::plant::{Carried, Plant};
use super::watch::Heard;
use headroom_drivers::Clock;
use headroom_sim::score::StrategyScore;
use headroom_sim::world::World;
use headroom_sim::world::tree::FEED;
use headroom_site::model::EngineQuantity;
use headroom_site::{Span, Stamp};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ticks that the controller has held before it counts as there.
const SETTLED_TICKS: u64 = 3;
/// Longest wait for everybody (wall time).
const PATIENCE: Duration = Duration::from_secs(60);
/// While the world stands, everything is said anew so often, plant seconds.
const ANEW_S: u64 = 3;

/// One job as the truth has it.
#[derive(Debug, Clone, Default)]
pub(super) struct JobShown {
    pub(super) name: String,
    pub(super) gpus: usize,
    pub(super) clock_mhz: f64,
    pub(super) cv: f64,
    pub(super) tokens_per_s: f64,
}

/// What the screen shows of the plant.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) elapsed_s: f64,
    pub(super) now_s: f64,
    pub(super) outdoor_c: f64,
    pub(super) wet_bulb_c: f64,
    pub(super) facility_w: f64,
    pub(super) it_w: f64,
    pub(super) cooling_w: f64,
    pub(super) limit_w: f64,
    pub(super) jobs: Vec<JobShown>,
    pub(super) capped: usize,
    pub(super) locked: usize,
    pub(super) score: StrategyScore,
    pub(super) carried: Carried,
}

impl Shown {
    fn of(plant: &Plant) -> Self {
        let world = plant.world();
        let powers = &world.facility().powers;
        Self {
            elapsed_s: world.elapsed_s(),
            now_s: world.now_s(),
            outdoor_c: world.air().dry_bulb_c,
            wet_bulb_c: world.air().wet_bulb_c,
            facility_w: world.tree.branches[FEED].power_w,
            it_w: powers.it_w,
            cooling_w: powers.cooling_w(),
            limit_w: world.import_limit_w(),
            jobs: world.workload.jobs.iter().map(job).collect(),
            capped: (0..world.fleet.len()).filter(|&g| is_capped(world, g)).count(),
            locked: world.fleet.lock_max_mhz.iter().filter(|mhz| mhz.is_finite()).count(),
            score: plant.score(),
            carried: plant.carried(),
        }
    }
}

fn job(job: &headroom_truth::work::Job) -> JobShown {
    JobShown {
        name: job.name.clone(),
        gpus: job.gpus.len(),
        clock_mhz: job.stats.clock_mean_mhz,
        cv: job.stats.clock_cv,
        tokens_per_s: job.stats.tokens_per_s,
    }
}

fn is_capped(world: &World, g: usize) -> bool {
    f64::from(world.fleet.cap_w[g]) < world.fleet.sku(g).tdp_w - 1.0
}

/// What the thread and the screen share.
#[derive(Debug, Default)]
pub(super) struct Window {
    shown: Mutex<Shown>,
    wanted: AtomicBool,
    begun: AtomicBool,
    stop: AtomicBool,
}

impl Window {
    /// The last look; asks for a new one.
    pub(super) fn look(&self) -> Shown {
        self.wanted.store(true, Relaxed);
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True once the world runs and the score counts.
    pub(super) fn begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    /// Ends the thread after the present step.
    pub(super) fn end(&self) {
        self.stop.store(true, Relaxed);
    }

    fn update(&self, plant: &Plant) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Shown::of(plant);
    }
}

/// How the world's thread ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All steps done.
    Done,
    /// Told to end before.
    Told,
    /// Not everybody came: which are missing.
    Missing(String),
}

/// The thread's state.
pub(super) struct Stage {
    pub(super) plant: Plant,
    pub(super) clock: Clock,
    pub(super) parties: Arc<Parties>,
    pub(super) heard: Arc<Heard>,
    pub(super) window: Arc<Window>,
    /// Steps to do, and the time of one.
    pub(super) steps: u64,
    pub(super) step: Span,
    /// Plant time at which the world begins, if everybody is there.
    pub(super) start: Stamp,
    /// Nobody is waited for.
    pub(super) alone: bool,
}

impl Stage {
    /// Runs to the end; gives the plant back with it.
    pub(super) fn run(mut self) -> (Plant, Ended) {
        let ended = self.play();
        self.window.update(&self.plant);
        (self.plant, ended)
    }

    fn play(&mut self) -> Ended {
        let Some(begin) = (match self.wait_for_all() {
            Ok(begin) => begin,
            Err(missing) => return Ended::Missing(missing),
        }) else {
            return Ended::Told;
        };
        self.plant.begin(begin);
        self.window.begun.store(true, Relaxed);
        for step in 1..=self.steps {
            let due = begin + Span::from_ns(self.step.ns().saturating_mul(step.cast_signed()));
            if !self.sleep_until(due) {
                return Ended::Told;
            }
            self.plant.step();
            self.parties.world.sign(due);
            if self.window.wanted.swap(false, Relaxed) || step == self.steps {
                self.window.update(&self.plant);
            }
        }
        Ended::Done
    }

    /// Shows the standing world until everybody is there; gives the instant at which it begins, `None` if told to end.
    fn wait_for_all(&mut self) -> Result<Option<Stamp>, String> {
        let since = Instant::now();
        let mut due = first_after(self.clock.now(), self.start, self.step);
        let mut shown = 0_u64;
        loop {
            let anew = shown.is_multiple_of(ANEW_S);
            self.plant.stand(due, anew);
            self.parties.world.sign(due);
            shown += 1;
            if due >= self.start && (self.alone || self.missing().is_none()) {
                return Ok(Some(due));
            }
            if since.elapsed() > PATIENCE {
                return Err(self.missing().unwrap_or_default());
            }
            due = due + self.step;
            if !self.sleep_until(due) {
                return Ok(None);
            }
        }
    }

    /// Who is not there yet.
    fn missing(&self) -> Option<String> {
        let pulse = self.heard.pulse();
        let silent = self.parties.agents.iter().filter(|a| a.last().is_none()).count();
        if pulse.ticks < SETTLED_TICKS {
            Some("the controller does not tick".to_owned())
        } else if silent > 0 {
            Some(format!("{silent} of {} agents do not report", self.parties.agents.len()))
        } else if pulse.gpus_heard < pulse.gpus {
            Some(format!("the controller hears {} of {} GPUs", pulse.gpus_heard, pulse.gpus))
        } else if pulse.points_good + self.unasked() < pulse.points {
            Some(format!("the controller has {} of {} points", pulse.points_good, pulse.points))
        } else {
            None
        }
    }

    /// Points that say nothing while the world stands: latencies of requests, of which none is served.
    fn unasked(&self) -> usize {
        let jobs = &self.plant.world().workload.jobs;
        let latencies = EngineQuantity::ALL.iter().filter(|q| matches!(q, EngineQuantity::Latency(..)));
        jobs.iter().filter(|job| job.latency().is_some()).count() * latencies.count()
    }

    /// False if told to end meanwhile.
    fn sleep_until(&self, due: Stamp) -> bool {
        loop {
            if self.window.stop.load(Relaxed) {
                return false;
            }
            let left = due.since(self.clock.now());
            if left.ns() <= 0 {
                return true;
            }
            std::thread::sleep(self.clock.nap(left));
        }
    }
}

/// The first instant after `now` on the grid of steps through `start`.
fn first_after(now: Stamp, start: Stamp, step: Span) -> Stamp {
    let steps = now.since(start).ns().div_euclid(step.ns().max(1)) + 1;
    start + Span::from_ns(step.ns().saturating_mul(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_goes_through_the_start() {
        let start = Stamp::from_unix_ms(100_000);
        let step = Span::from_s(1.0);
        assert_eq!(first_after(Stamp::from_unix_ms(70_300), start, step), Stamp::from_unix_ms(71_000));
        assert_eq!(first_after(start, start, step), Stamp::from_unix_ms(101_000));
    }
}
