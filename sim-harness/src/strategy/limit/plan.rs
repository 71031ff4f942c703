//! Plans: what the search may choose, and how it is put to a world.
//!
//! Responsible for: coordinates with ranges and steps, groups of coordinates that move together, application.
//! Not for: choosing.

use crate::strategy::meters::release;
use crate::world::World;
use crate::world::points::RequestTarget;
use headroom_truth::work::JobKind;

/// What a coordinate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Facility,
    Tower,
    Crahs,
    CduSupply(usize),
    CduDp(usize),
    /// Highest clock of a job.
    Clock(usize),
}

/// A coordinate.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub ask: Ask,
    /// Request points behind it.
    points: Vec<usize>,
    pub low: f64,
    pub high: f64,
    /// First step of the search.
    pub step: f64,
}

/// A choice for every coordinate; `None` leaves it to the BMS, or a clock free.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub values: Vec<Option<f64>>,
    /// Curtailments are left to the baseline's runbook.
    pub runbook: bool,
}

/// All coordinates of a world.
#[derive(Debug, Clone)]
pub(super) struct Axes {
    pub axes: Vec<Axis>,
}

impl Axes {
    /// The coordinates of a world. Ranges are the BMS's.
    pub(super) fn new(world: &World) -> Self {
        let requests = &world.points().requests;
        let points = |wanted: &dyn Fn(RequestTarget) -> bool| -> Vec<usize> {
            requests.iter().filter(|(_, target)| wanted(*target)).map(|(point, _)| *point).collect()
        };
        let mut axes = Vec::new();
        let mut add = |ask, points: Vec<usize>, (low, high): (f64, f64), step| {
            if !points.is_empty() {
                axes.push(Axis { ask, points, low, high, step });
            }
        };
        add(Ask::Facility, points(&|t| t == RequestTarget::Facility), (10.0, 32.0), 2.0);
        add(Ask::Tower, points(&|t| t == RequestTarget::Tower), (10.0, 33.0), 2.0);
        let crahs = points(&|t| matches!(t, RequestTarget::CrahSupply(_)));
        add(Ask::Crahs, crahs, (18.0, 32.0), 1.0);
        for cdu in 0..world.places.cdus {
            let supply = points(&|t| t == RequestTarget::CduSupply(cdu));
            add(Ask::CduSupply(cdu), supply, (20.0, 45.0), 2.0);
            add(Ask::CduDp(cdu), points(&|t| t == RequestTarget::CduDp(cdu)), (40.0, 120.0), 10.0);
        }
        for (job, j) in world.workload.jobs.iter().enumerate() {
            let max = world.fleet.clock_max_mhz[j.gpus.clone()].iter().copied().fold(0.0, f32::max);
            let high = f64::from(max);
            axes.push(Axis { ask: Ask::Clock(job), points: Vec::new(), low: 0.3 * high, high, step: 120.0 });
        }
        Self { axes }
    }

    /// Nothing asked, nothing locked, the runbook in force: the baseline.
    pub(super) fn own_bms(&self) -> Plan {
        Plan { values: vec![None; self.axes.len()], runbook: true }
    }

    /// A plan with other values where `of` gives some.
    pub(super) fn with(&self, plan: &Plan, of: impl Fn(Ask) -> Option<Option<f64>>) -> Plan {
        let mut plan = plan.clone();
        for (axis, value) in self.axes.iter().zip(&mut plan.values) {
            if let Some(new) = of(axis.ask) {
                *value = new.map(|v| v.clamp(axis.low, axis.high));
            }
        }
        plan
    }

    /// What is in force at a coordinate where the plan leaves it alone.
    pub(super) fn in_force(&self, n: usize, world: &World) -> f64 {
        let axis = &self.axes[n];
        axis.points.first().map_or(axis.high, |point| world.image.values[*point]).clamp(axis.low, axis.high)
    }

    /// Puts a plan to a world.
    pub(super) fn apply(&self, plan: &Plan, world: &mut World) {
        for (axis, value) in self.axes.iter().zip(&plan.values) {
            for &point in &axis.points {
                world.image.requests[point] = *value;
            }
            if let Ask::Clock(job) = axis.ask {
                let free = |mhz: &f64| *mhz < axis.high - 1.0;
                let lock_mhz = value.filter(free).unwrap_or(f64::INFINITY);
                for gpu in world.workload.jobs[job].gpus.clone() {
                    world.set_lock(gpu, 0.0, lock_mhz);
                }
            }
        }
        if !plan.runbook {
            release(world);
        }
    }

    /// The sets of coordinates that the search moves together: each alone or with its like, and what belongs together.
    /// Clocks of training jobs move only if `training`: otherwise every MHz costs work that the baseline does.
    pub(super) fn moves(&self, world: &World, training: bool) -> Vec<Vec<usize>> {
        let at = |wanted: &dyn Fn(Ask) -> bool| -> Vec<usize> {
            let all = self.axes.iter().enumerate();
            all.filter(|(_, axis)| wanted(axis.ask)).map(|(n, _)| n).collect()
        };
        let serving = |job: usize| world.workload.jobs[job].kind == JobKind::Serving;
        let mut moves = vec![
            at(&|ask| matches!(ask, Ask::Clock(job) if serving(job))),
            at(&|ask| ask == Ask::Facility),
            at(&|ask| matches!(ask, Ask::Facility | Ask::Tower)),
            at(&|ask| ask == Ask::Tower),
            at(&|ask| matches!(ask, Ask::Facility | Ask::Crahs | Ask::CduSupply(_))),
            at(&|ask| matches!(ask, Ask::Facility | Ask::CduDp(_))),
            at(&|ask| matches!(ask, Ask::CduSupply(_))),
            at(&|ask| matches!(ask, Ask::CduDp(_))),
            at(&|ask| ask == Ask::Crahs),
        ];
        let groups = alike(world);
        if groups.len() > 1 {
            for group in &groups {
                moves.push(at(&|ask| matches!(ask, Ask::CduSupply(c) if group.contains(&c))));
                moves.push(at(&|ask| matches!(ask, Ask::CduDp(c) if group.contains(&c))));
            }
        }
        let clock = |job: usize| at(&|ask| ask == Ask::Clock(job));
        let jobs = 0..world.workload.jobs.len();
        moves.extend(jobs.clone().filter(|job| serving(*job)).map(clock));
        if training {
            // work is short: clocks come first
            let mut first = vec![at(&|ask| matches!(ask, Ask::Clock(job) if !serving(job)))];
            first.extend(jobs.filter(|job| !serving(*job)).map(clock));
            first.append(&mut moves);
            moves = first;
        }
        moves.retain(|set| !set.is_empty());
        moves.dedup();
        moves
    }
}

/// CDUs that carry the same jobs and are equally well.
fn alike(world: &World) -> Vec<Vec<usize>> {
    let facility = world.facility();
    let mark = |cdu: usize| {
        let racks = world.places.racks_of_cdu(cdu);
        let jobs = world.workload.jobs.iter().enumerate().filter(|(_, job)| {
            racks.clone().any(|rack| {
                let gpus = world.places.gpus_of_rack(rack);
                job.gpus.start < gpus.end && gpus.start < job.gpus.end
            })
        });
        let kinds = jobs.fold(0_u8, |kinds, (_, job)| kinds | 1 << u8::from(job.kind == JobKind::Serving));
        let unit = &facility.cdus[cdu];
        let fouled = (unit.plate.fouling * 50.0).round() as i64;
        (kinds, unit.pumps.map(|p| p.failed), unit.valve.stuck, fouled)
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for cdu in 0..world.places.cdus {
        match groups.iter_mut().find(|group| mark(group[0]) == mark(cdu)) {
            Some(group) => group.push(cdu),
            None => groups.push(vec![cdu]),
        }
    }
    groups
}
