//! The accounts: what each job, rack, branch and the site cost, hour by hour.
//!
//! Responsible for: booking what the line holds after a tick into the open hour, and closing hours. Not for: what the figures
//! mean (`rows`, `figures`), keeping them (the daemon), nor for any decision: nothing reads an account to decide.
//!
//! A tick that comes more than a minute after the last one books nothing: that time is a gap. An hour is one of UTC; a tick
//! belongs to the hour in which it ends. Of each GPU and tick a clock, a counter and an energy are looked at; nothing is
//! allocated.

use super::cause::Cause;
use super::cells::Cells;
use super::jobs::{self, Clocks, Group, Job, Pace, Tick};
use super::least::Least;
use super::loops::Loops;
use super::meters::Meters;
use super::responses::{ResponseRow, Responses, Work};
use super::rows::{Aims, GpuRow, Hour, JobRow, RackRow, Rates};
use super::saving;
use super::sums::worst_first;
use super::throttle::Counted;
use super::whereabouts::{Place, places, racks};
use crate::line::Line;
use headroom_site::gpu::ThrottleReason;
use headroom_site::{Site, Span, Stamp};
use std::collections::VecDeque;

/// Longest tick that is booked, s.
const GAP_S: f64 = 60.0;
/// Time between two looks at what is saved.
const SAVED_EACH: Span = Span::from_ms(30_000);
/// A cap of ours is in force no longer than so after it was asked for last.
const LETS_GO: Span = Span::from_ms(60_000);
/// A closed hour that nobody takes is kept among so many.
const CLOSED: usize = 48;
/// Watts, or MHz, below which two are the same.
const SAME: f64 = 1.0;
const HOUR_S: i64 = 3_600;

/// What is saved now, as of the last look.
#[derive(Debug, Clone, Copy)]
struct Saved {
    at: Stamp,
    bounds_w: Option<(f64, f64)>,
    commands: bool,
}

/// The accounts of a site.
#[derive(Debug, Clone)]
pub struct Accounts {
    site: Site,
    epoch: u64,
    rates: Rates,
    aims: Aims,
    racks: Vec<(String, String)>,
    places: Vec<Place>,
    groups: Vec<Group>,
    meters: Meters,
    clocks: Clocks,
    counted: Vec<Counted>,
    jobs: Vec<Job>,
    loops: Loops,
    responses: Responses,
    least: Least,
    open: Hour,
    last: Option<Stamp>,
    by_rack: Vec<Cells>,
    by_job: Vec<Cells>,
    /// Throttled by our caps under a branch's budget, GPU-s.
    held_gpu_s: Vec<f64>,
    throttled_s: Vec<f64>,
    /// Energy of each GPU when the hour began, J.
    began_j: Vec<f64>,
    paces: Vec<Pace>,
    saved: Option<Saved>,
    /// Why our caps hold a node, as of this tick.
    capped: Vec<Option<(Stamp, Cause, Option<usize>)>>,
    closed: VecDeque<Hour>,
}

impl Accounts {
    /// For the site and the wants of a line.
    #[must_use]
    pub fn new(line: &Line, epoch: u64) -> Self {
        let site = line.site();
        let racks = racks(site);
        let objective = &line.wants().policy().objective;
        let rates = Rates {
            currency: objective.currency.clone(),
            energy_per_j: objective.energy_cost_per_joule(),
            token: objective.tokens.per_token(),
            water_per_l: objective.water.per_litre(),
            carbon_kg_per_j: objective.carbon_intensity.kg_per_joule(),
        };
        let aims = Aims {
            clock_spread: objective.targets.clock_spread.map(headroom_site::Ratio::as_fraction),
            throttled_s_per_day: objective.targets.throttled.map(Span::s),
            pue: objective.targets.pue,
        };
        let (n, groups) = (site.gpus.len(), jobs::groups(site));
        let names: Vec<String> = racks.iter().map(|r| r.0.clone()).collect();
        Self {
            epoch,
            rates,
            aims,
            places: places(site, &names, &groups),
            paces: vec![Pace::default(); groups.len()],
            groups,
            meters: Meters::new(site, &names),
            clocks: Clocks::new(site),
            counted: vec![Counted::default(); n],
            jobs: (0..site.jobs.len()).map(|j| Job::new(site, j, line)).collect(),
            loops: Loops::new(site, line.topology()),
            responses: Responses::new(site.power.len()),
            least: Least::new(site, line.topology(), line.wants()),
            open: Hour::default(),
            last: None,
            by_rack: vec![Cells::EMPTY; racks.len()],
            by_job: vec![Cells::EMPTY; site.jobs.len() + 1],
            held_gpu_s: vec![0.0; site.power.len()],
            throttled_s: vec![0.0; n],
            began_j: vec![0.0; n],
            saved: None,
            capped: vec![None; site.nodes.len()],
            closed: VecDeque::new(),
            racks,
            site: site.clone(),
        }
    }

    /// Books a tick that the line has just made.
    pub fn book(&mut self, line: &Line) {
        let now = line.snapshot().stamp;
        let before = self.last.replace(now);
        self.loops.look(line);
        self.clocks.take(line);
        let dt_s = before.map_or(0.0, |before| now.since(before).s());
        if dt_s <= 0.0 || dt_s > GAP_S {
            self.forget(line);
            return;
        }
        self.turn(line, now, dt_s);
        self.open.booked_s += dt_s;
        self.open.to_unix_ms = now.unix_ms();
        self.meters.take(line.snapshot(), dt_s, &mut self.open);
        self.book_jobs(line, dt_s);
        let Self { groups, paces, clocks, responses, .. } = self;
        responses.look(line, dt_s, &Work { groups, paces, clocks });
        self.book_throttling(line);
        self.book_site(line, dt_s);
    }

    /// Time that is not booked: counters go on from here.
    fn forget(&mut self, line: &Line) {
        let ends = line.snapshot().gpus.iter().zip(&mut self.counted);
        ends.for_each(|(g, c)| {
            c.take(&g.sample);
        });
    }

    /// Closes the hour if this tick is of another one.
    fn turn(&mut self, line: &Line, now: Stamp, dt_s: f64) {
        let hour_s = (now.unix_ns() - 1).div_euclid(HOUR_S * 1_000_000_000) * HOUR_S;
        if self.open.booked_s > 0.0 && self.open.hour_unix_s != hour_s {
            let closed = self.open(line);
            self.clear(line);
            self.closed.push_back(closed);
            if self.closed.len() > CLOSED {
                self.closed.pop_front();
            }
        }
        if self.open.booked_s <= 0.0 {
            self.open.hour_unix_s = hour_s;
            self.open.from_unix_ms = now.unix_ms() - (dt_s * 1e3) as i64;
        }
    }

    fn clear(&mut self, line: &Line) {
        self.open = Hour::default();
        self.meters.clear();
        self.clocks.clear();
        self.responses.turn();
        self.jobs.iter_mut().for_each(Job::clear);
        self.by_rack.fill(Cells::EMPTY);
        self.by_job.fill(Cells::EMPTY);
        self.held_gpu_s.fill(0.0);
        self.throttled_s.fill(0.0);
        let energies = self.began_j.iter_mut().enumerate();
        energies.for_each(|(g, j)| *j = line.metering().energy(g).true_j);
    }

    fn book_jobs(&mut self, line: &Line, dt_s: f64) {
        let mut tick = Tick { share: 0.0, enough_mhz: f64::INFINITY, dt_s };
        let mut of = usize::MAX;
        for (group, pace) in self.groups.iter().zip(&mut self.paces) {
            let job = &mut self.jobs[group.job];
            // Groups of a job follow each other.
            if of != group.job {
                of = group.job;
                let working = self.clocks.working(&self.site.jobs[of].gpus);
                let enough_mhz = job.look(line, of, working, dt_s);
                tick = Tick { share: 1.0 / working.max(1) as f64, enough_mhz, dt_s };
            }
            *pace = group.book(&mut self.clocks, job, &line.estimate().power_w, &tick);
        }
    }

    fn book_throttling(&mut self, line: &Line) {
        let snapshot = line.snapshot();
        for (g, value) in snapshot.gpus.iter().enumerate() {
            let Some(by) = self.counted[g].take(&value.sample) else { continue };
            let all: f64 = by.iter().sum();
            self.throttled_s[g] += all;
            let place = self.places[g];
            let (now, free) = (f64::from(self.clocks.now_mhz[g]), f64::from(self.clocks.free_mhz[g]));
            // One that is stopped by its slowdown works no less: it is throttled.
            let lost = if now > 0.0 { (1.0 - now / free).max(0.0) } else { 0.0 };
            let per = place.group.map_or(0.0, |group| self.paces[group as usize].token_per_mhz_s);
            for (reason, s) in by.into_iter().enumerate().filter(|(_, s)| *s > 0.0) {
                let cause = self.cause(line, g, ThrottleReason::ALL[reason], s);
                let lost_s = s * lost;
                let tokens = per * (free - now).max(0.0) * s * f64::from(u8::from(now > 0.0));
                let sums = [s, lost_s, lost_s * place.peak_flops, tokens];
                self.by_rack[place.rack as usize].add(reason, cause, sums);
                self.by_job[place.job as usize].add(reason, cause, sums);
                if let Some(job) = self.jobs.get_mut(place.job as usize) {
                    job.explained(tokens);
                }
            }
        }
    }

    /// What lies behind a reason that holds a GPU.
    fn cause(&mut self, line: &Line, gpu: usize, reason: ThrottleReason, s: f64) -> Cause {
        match reason {
            ThrottleReason::PowerBrake => Cause::FeedBrake,
            ThrottleReason::HwSlowdown => Cause::Unknown,
            ThrottleReason::SwThermal | ThrottleReason::HwThermal => self.loops.cause(line, gpu),
            ThrottleReason::SwPowerCap => {
                let most_w = line.estimate().limits.cap_w[gpu];
                let in_force =
                    line.snapshot().gpus[gpu].sample.enforced_cap_w.get().map_or(most_w, f64::from);
                let asked_w = line.caps().cap_w.get(gpu).copied().unwrap_or(most_w);
                if in_force >= most_w - SAME {
                    return Cause::FullLoad;
                }
                let ours = line.wants().caps_mode.may_write() && line.caps().binds && asked_w < most_w - SAME;
                let Some((cause, branch)) = self.own_cap(line, gpu, ours) else { return Cause::ForeignCap };
                if let Some(branch) = branch {
                    self.held_gpu_s[branch] += s;
                }
                cause
            }
        }
    }

    /// Why our caps hold a GPU: of one node all for the same reason. What was asked a moment ago may still be in force.
    fn own_cap(&mut self, line: &Line, gpu: usize, ours: bool) -> Option<(Cause, Option<usize>)> {
        let (now, node) = (line.snapshot().stamp, self.site.gpus[gpu].node.index());
        let known = self.capped[node].filter(|(at, ..)| now.since(*at) <= LETS_GO);
        if !ours || known.is_some_and(|(at, ..)| at == now) {
            return known.map(|(_, cause, branch)| (cause, branch));
        }
        let bounds = line.cap_bounds(gpu);
        let binds = bounds.branches.iter().filter(|b| b.shadow > 0.0);
        let (cause, branch) = if let Some(b) = binds.max_by(|a, b| a.shadow.total_cmp(&b.shadow)) {
            (Cause::Budget, Some(b.branch))
        } else if bounds.swing_w <= bounds.ceiling_w + SAME {
            (Cause::OwnCap, None)
        } else if bounds.ceiling_w < bounds.most_w - SAME && line.caps().cap_w[gpu] >= bounds.ceiling_w - SAME
        {
            (self.loops.cause(line, gpu), None)
        } else if let Some(b) = bounds.branches.iter().find(|b| b.is_given_out()) {
            (Cause::Budget, Some(b.branch))
        } else {
            (Cause::OwnCap, None)
        };
        self.capped[node] = Some((now, cause, branch));
        Some((cause, branch))
    }

    fn book_site(&mut self, line: &Line, dt_s: f64) {
        let (snapshot, s) = (line.snapshot(), &mut self.open.site);
        s.heard_gpu_s += snapshot.heard.count as f64 * dt_s;
        if let Some(c) = self.least.outdoor_c(snapshot) {
            s.outdoor_c_s += c * dt_s;
            s.outdoor_s += dt_s;
        }
        if let (Some(it_w), Some(cooling_w)) = (self.meters.it_w(), self.meters.cooling_w())
            && let Some((low_w, high_w)) = self.least.bounds_w(snapshot, it_w)
        {
            s.cooling_over_it.over_j += cooling_w * dt_s;
            s.cooling_over_it.under_j += it_w * dt_s;
            s.cooling_over_it.s += dt_s;
            s.least_cooling.low_j += low_w.min(cooling_w) * dt_s;
            s.least_cooling.high_j += high_w.min(cooling_w) * dt_s;
            s.least_cooling.s += dt_s;
        }
        let now = snapshot.stamp;
        let known = self.saved.filter(|known| now.since(known.at) < SAVED_EACH);
        let look = || Saved { at: now, bounds_w: saving::bounds_w(line), commands: saving::commands(line) };
        let Saved { bounds_w, commands, .. } = *self.saved.insert(known.unwrap_or_else(look));
        s.commanded_s += if commands { dt_s } else { 0.0 };
        if let Some((low_w, high_w)) = bounds_w {
            s.saved.low_j += low_w * dt_s;
            s.saved.high_j += high_w * dt_s;
            s.saved.s += dt_s;
        }
    }

    /// The open hour so far.
    #[must_use]
    pub fn open(&self, line: &Line) -> Hour {
        let mut hour = self.open.clone();
        hour.epoch = self.epoch;
        (hour.rates, hour.aims) = (self.rates.clone(), self.aims);
        let rack = |((id, row), cells): (&(String, String), &Cells)| RackRow {
            id: id.clone(),
            row: row.clone(),
            throttled: cells.rows(),
            ..RackRow::default()
        };
        hour.racks = self.racks.iter().zip(&self.by_rack).map(rack).collect();
        hour.jobs = self.jobs.iter().map(|j| j.row.clone()).collect();
        hour.jobs.push(JobRow::default());
        for (row, cells) in hour.jobs.iter_mut().zip(&self.by_job) {
            row.throttled = cells.rows();
        }
        for (g, place) in self.places.iter().enumerate() {
            let (rack, job) = (&mut hour.racks[place.rack as usize], &mut hour.jobs[place.job as usize]);
            let gpu_j = line.metering().energy(g).true_j - self.began_j[g];
            let ((drift_gpu_s, drift_tokens), (over_j, busy_s)) = (self.clocks.drift[g], self.clocks.over[g]);
            rack.gpu_j += gpu_j;
            rack.over_j += over_j;
            rack.busy_gpu_s += busy_s;
            rack.drift_gpu_s += drift_gpu_s;
            rack.drift_tokens += drift_tokens;
            job.gpu_j += gpu_j;
            job.over_j += over_j;
            job.gpus += usize::from(place.job as usize == self.jobs.len());
        }
        if hour.jobs.last().is_some_and(|j| j.gpus == 0) {
            hour.jobs.pop();
        }
        self.meters.write(&self.site, &mut hour, &self.held_gpu_s);
        hour.responses = self.responses.rows();
        hour.worst = self.worst();
        hour
    }

    fn worst(&self) -> Vec<GpuRow> {
        let row = |g: usize| GpuRow {
            uuid: self.site.gpus[g].uuid.to_string(),
            node: self.site.nodes[self.site.gpus[g].node.index()].id.clone(),
            throttled_s: self.throttled_s[g],
            drift_gpu_s: self.clocks.drift[g].0,
        };
        let stands_out = |g: &usize| self.throttled_s[*g] + self.clocks.drift[*g].0 > 1.0;
        let mut rows: Vec<GpuRow> = (0..self.places.len()).filter(stands_out).map(row).collect();
        worst_first(&mut rows);
        rows
    }

    /// Goes on with the responses that an earlier controller left open in its last hour.
    pub fn take_up(&mut self, responses: &[ResponseRow]) {
        self.responses.take_up(responses);
    }

    /// So many responses have begun, were met or have ended since the start.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.responses.turns()
    }

    /// The hour that was closed first, if it was not taken yet.
    pub fn closed(&mut self) -> Option<Hour> {
        self.closed.pop_front()
    }
}
