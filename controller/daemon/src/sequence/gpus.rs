//! GPUs: caps, locks, the power tree with its budgets, and what happens while nobody commands.

use super::actuators::promotion;
use super::model::{BranchSheet, GpuSheet, ModelSheet};
use super::say::{in_s, percent, plain, seconds, span, watts};
use crate::agent::RETRY_NS;
use crate::files::Loaded;
use headroom_core::guarding::QUORUM;
use headroom_core::lease::{CAP_DEADBAND, CAPS_AGAIN};
use headroom_core::propose::power::{CAP_ABOVE, THERMAL_RESERVE_K};
use headroom_guard::MAX_TTL_MS;
use headroom_policies::{BudgetLimit, CAPS, LocalClock, Schedule, SummerTime};
use headroom_site::Site;

/// Caps and clocks; none where the site has no GPU.
pub(super) fn gpus(loaded: &Loaded) -> Option<GpuSheet> {
    let (site, wants) = (&loaded.site, &loaded.wants);
    if site.gpus.is_empty() {
        return None;
    }
    let models = site.skus.iter().enumerate().map(|(i, s)| ModelSheet {
        id: s.id.clone(),
        gpus: site.gpus.iter().filter(|g| g.sku == i).count(),
        min_cap_w: s.min_cap_w,
        max_cap_w: s.max_cap_w,
        min_clock_mhz: s.min_clock_mhz,
        max_clock_mhz: s.max_clock_mhz,
    });
    let heard = site.nodes.iter().map(|n| site.heard_for(n)).max().unwrap_or_default();
    Some(GpuSheet {
        mode: wants.caps_mode.to_string(),
        lease_s: in_s(site.lease),
        agent_period_s: in_s(site.agent_period),
        heard_for_s: in_s(heard),
        models: models.filter(|m| m.gpus > 0).collect(),
        read_only: crate::run::view::read_only(site),
        says: says(site, wants.caps_mode.may_write(), heard),
    })
}

fn says(site: &Site, writes: bool, heard: headroom_site::Span) -> Vec<String> {
    let (lease, half) = (site.lease, headroom_site::Span::from_ns(site.lease.ns() / 2));
    let again = headroom_site::Span::from_ns(site.lease.ns() / CAPS_AGAIN);
    vec![
        promotion(CAPS, writes),
        format!(
            "Each job has one clock, locked on all of its GPUs; the cap stands {} above the power predicted at that clock, as a hard \
             ceiling. Where nothing binds no cap is written.",
            percent(CAP_ABOVE - 1.0)
        ),
        format!("A cap keeps every die {} K below its maximum operating temperature after long at it.", plain(THERMAL_RESERVE_K)),
        "Guard: no cap outside the range of its GPU; the caps of each budgeted branch are lowered in proportion until they fit; a \
         raise waits until the lowering that pays for it has been read back; a GPU that is not heard counts with its highest cap."
            .to_owned(),
        format!("Guard: no cap is raised while fewer than {} of the GPUs are heard.", percent(QUORUM)),
        format!(
            "A command lives {} on the node's own clock and is repeated every {} at the latest, sooner if a cap changes by more \
             than {}. The agent takes none that is older, and none that asks for more than {}.",
            span(lease),
            span(again),
            percent(CAP_DEADBAND),
            seconds(MAX_TTL_MS as f64 * 1e-3)
        ),
        format!("A GPU counts as heard for {} after its last sample.", span(heard)),
        format!(
            "Controller silent: each node keeps what it has for {} after its last command and then puts back the limits that it \
             found, at a random instant until {}: power rises as a ramp. What cannot be put back is tried again every {}.",
            span(half),
            span(lease),
            seconds(RETRY_NS as f64 * 1e-9)
        ),
        "Agent killed or node restarted: the agent puts back what it found before it takes any command.".to_owned(),
    ]
}

/// The power tree, in order of the site file.
pub(super) fn branches(loaded: &Loaded) -> Vec<BranchSheet> {
    let (site, wants) = (&loaded.site, &loaded.wants);
    let policy = wants.policy();
    let name = |p: headroom_site::PointId| site.points[p.index()].id.clone();
    let below = site.power_of_nodes();
    site.power
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let schedules = policy.budgets.iter().filter(|w| w.branches.holds(b));
            let schedule = schedules.map(|w| {
                let limit = match w.limit {
                    BudgetLimit::Power(p) => watts(p.as_watts()),
                    BudgetLimit::Share(s) => {
                        let of =
                            w.limit.of(b).map_or(String::new(), |p| format!(" = {}", watts(p.as_watts())));
                        format!("{} of the site's budget{of}", percent(s.as_fraction()))
                    }
                };
                format!("{limit} {}, priority {}", when(w.schedule, policy.clock), w.priority)
            });
            BranchSheet {
                id: b.id.clone(),
                kind: b.kind.clone(),
                parent: b.parent.map(|p| site.power[p.index()].id.clone()),
                budget_w: b.budget_w,
                planned_w: b.budget_w.map(|w| w * (1.0 - wants.budget_reserve)),
                gpus: gpus_below(site, &below, i),
                meter: b.meter.map(name),
                limit_point: b.limit.map(name),
                schedule: schedule.collect(),
            }
        })
        .collect()
}

/// GPUs that a branch feeds, directly or through others.
fn gpus_below(site: &Site, of_node: &[Option<headroom_site::PowerId>], branch: usize) -> usize {
    let feeds = |mut at: usize| loop {
        if at == branch {
            return true;
        }
        match site.power[at].parent {
            Some(parent) => at = parent.index(),
            None => return false,
        }
    };
    let nodes = site.nodes.iter().zip(of_node);
    nodes
        .filter(|(_, p)| p.is_some_and(|p| feeds(p.index())))
        .map(|(n, _)| (n.gpus.1 - n.gpus.0) as usize)
        .sum()
}

/// A schedule in words.
fn when(schedule: Schedule, clock: LocalClock) -> String {
    match schedule {
        Schedule::Always => "always".to_owned(),
        Schedule::Daily { from, to, days } => {
            let words = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
            let on: Vec<&str> =
                words.iter().enumerate().filter(|(i, _)| days.has(*i as i64)).map(|(_, w)| *w).collect();
            let time =
                |t: headroom_policies::TimeOfDay| format!("{:02}:{:02}", t.minutes() / 60, t.minutes() % 60);
            format!("from {} to {} on {} ({})", time(from), time(to), on.join(", "), zone(clock))
        }
        Schedule::Once { at, span: length } => format!("from {at} for {}", span(length)),
    }
}

/// Local time of the schedules, in words.
fn zone(clock: LocalClock) -> String {
    let summer = match clock.summer {
        SummerTime::None => "",
        SummerTime::Eu => ", summer time of the EU",
        SummerTime::Us => ", summer time of the US",
    };
    let (sign, minutes) = (if clock.offset_s < 0 { '-' } else { '+' }, clock.offset_s.abs() / 60);
    format!("UTC{sign}{:02}:{:02}{summer}", minutes / 60, minutes % 60)
}
