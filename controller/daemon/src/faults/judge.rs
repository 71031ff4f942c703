//! The judges: what must not happen in a run, whatever is wrong.
//!
//! Responsible for: limits on the truth, orders at their receivers, caps at the end, setpoints after the loss of the
//! controller. Not for: how soon a fault was noticed (`run`).
//!
//! | what | violated where |
//! | --- | --- |
//! | limits | the plant is above a temperature or budget, below a flow or dew point for longer, or by more, than without Headroom |
//! | orders | an agent, desk or device carries out what is older than its life, of a lower epoch, or older than what it has carried out |
//! | setpoints | one stands [`RETURN_S`] after nobody was there any more who could ask for it |
//! | it broke off | the controller panicked |
//! | orphans | a GPU is neither as it was found nor under a lease that lives, when all is over |

use crate::virtual_plant::{Obeyed, Taking, VirtualPlant};
use headroom_sim::score::{Violations, Watch};
use headroom_sim::world::World;
use headroom_site::{Site, Span, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Within so long after the loss of the controller the BMS has its setpoints back, s.
pub(super) const RETURN_S: i64 = 30;
/// The second in which the loss falls, and the one in which it is looked at.
const SLACK_S: i64 = 1;

/// A kind of hard limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    Temperature,
    Budget,
    Flow,
    DewPoint,
}

const WHATS: [What; 4] = [What::Temperature, What::Budget, What::Flow, What::DewPoint];

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temperature => "temperature",
            Self::Budget => "power budget",
            Self::Flow => "least flow",
            Self::DewPoint => "dew point",
        })
    }
}

/// Seconds over a limit, and by how much in all (K s, W s, rack s, CDU s).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Over {
    pub(super) seconds: f64,
    pub(super) amount: f64,
    /// When it began, s.
    pub(super) first_s: Option<u32>,
    /// Nobody commanded then: the controller was lost, or had let go.
    pub(super) alone: bool,
}

/// What must not happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "violation", rename_all = "kebab-case")]
pub(super) enum Violation {
    Limit { what: What, ours: Over, own: Over },
    Order { receiver: String, why: String, at_s: f64 },
    Setpoint { actuator: String, lost_s: f64 },
    Orphan { gpus: Vec<usize> },
    Panic { what: String },
}

impl Violation {
    /// The same kind of violation?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Limit { what: a, .. }, Self::Limit { what: b, .. }) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { what, ours, own } => {
                let (from_s, alone) = (ours.first_s.unwrap_or_default(), ours.alone);
                let alone = if alone { ", while nobody commanded" } else { "" };
                write!(
                    f,
                    "{what}: {:.0} s over from {from_s} s on{alone}, {:.1} in all; ",
                    ours.seconds, ours.amount
                )?;
                write!(f, "{:.0} s and {:.1} without Headroom", own.seconds, own.amount)
            }
            Self::Order { receiver, why, at_s } => {
                write!(f, "{receiver} has carried out {why}, at {at_s:.0} s")
            }
            Self::Setpoint { actuator, lost_s } => {
                write!(f, "{actuator} still stands {lost_s:.0} s after the loss of the controller")
            }
            Self::Orphan { gpus } => {
                let (count, first) = (gpus.len(), gpus.first().copied().unwrap_or_default());
                write!(f, "{count} GPUs are held by nobody, the first is {first}")
            }
            Self::Panic { what } => write!(f, "it broke off: {what}"),
        }
    }
}

/// Hard limits on the truth.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    watch: Watch,
    last: Violations,
    pub(super) over: [Over; 4],
}

impl Limits {
    pub(super) fn new(world: &World) -> Self {
        Self { watch: Watch::new(world), last: Violations::default(), over: [Over::default(); 4] }
    }

    /// Takes the step that the world has just made.
    pub(super) fn look(&mut self, second: u32, alone: bool, world: &World) {
        let dt_s = world.config().dt_s;
        self.watch.observe(world, dt_s);
        let each = |v: &Violations| [v.temperature_k_s, v.budget_w_s, v.flow_s, v.dew_point_s];
        let (was, now) = (each(&self.last), each(&self.watch.violations));
        for (over, (was, now)) in self.over.iter_mut().zip(was.into_iter().zip(now)) {
            if now > was {
                if over.first_s.is_none() {
                    (over.first_s, over.alone) = (Some(second), alone);
                }
                over.seconds += dt_s;
                over.amount += now - was;
            }
        }
        self.last = self.watch.violations;
    }

    /// Was there anything at all?
    pub(super) fn any(&self) -> bool {
        self.over.iter().any(|over| over.seconds > 0.0)
    }

    /// What is beyond another run of the same plant.
    pub(super) fn beyond(&self, own: &Self) -> Vec<Violation> {
        let pairs = WHATS.into_iter().zip(self.over.into_iter().zip(own.over));
        pairs
            .filter(|(_, (ours, own))| ours.seconds > own.seconds || ours.amount > own.amount)
            .map(|(what, (ours, own))| Violation::Limit { what, ours, own })
            .collect()
    }
}

/// What a receiver has carried out last: start, epoch, sequence, and until when it may hold that \[ns\].
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    boot: u64,
    epoch: u64,
    sequence: u64,
    until_ns: u64,
}

/// Orders at their receivers.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    nodes: BTreeMap<Arc<str>, Last>,
    actuators: BTreeMap<usize, Last>,
    pub(super) found: Vec<Violation>,
}

impl Orders {
    /// Looks at what was carried out in this second.
    pub(super) fn look(
        &mut self,
        site: &Site,
        second: u32,
        (obeyed, taken): (&[Obeyed], &[Taking]),
        decided: &BTreeMap<(u64, u64), Stamp>,
    ) {
        for o in obeyed {
            let last = self.nodes.get(&o.node).copied().unwrap_or_default();
            if let Some(why) = wrong_for_agent(o, &last) {
                self.say(o.node.to_string(), why, second);
            }
            let until_ns = o.at_ns.saturating_add(o.ttl_ms * 1_000_000);
            let now = Last { boot: o.boot, epoch: o.epoch.max(last.epoch), sequence: o.sequence, until_ns };
            self.nodes.insert(Arc::clone(&o.node), now);
        }
        for t in taken {
            let last = self.actuators.get(&t.actuator).copied().unwrap_or_default();
            let age = decided.get(&(t.epoch, t.sequence)).map_or(Span::ZERO, |at| t.at.since(*at));
            if let Some(why) = wrong_for_desk(t, age, &last) {
                self.say(site.actuators[t.actuator].id.clone(), why, second);
            }
            if t.epoch >= last.epoch {
                self.actuators.insert(t.actuator, Last { epoch: t.epoch, sequence: t.sequence, ..last });
            }
        }
    }

    fn say(&mut self, receiver: String, why: String, second: u32) {
        self.found.push(Violation::Order { receiver, why, at_s: f64::from(second) });
    }
}

fn wrong_for_agent(o: &Obeyed, last: &Last) -> Option<String> {
    let age_ms = o.at_ns.saturating_sub(o.echo.mono_ns) / 1_000_000;
    if o.echo.boot != o.boot {
        return Some("what was meant for an earlier start".to_owned());
    }
    if o.echo.mono_ns > o.at_ns || age_ms > o.ttl_ms {
        return Some(format!("what was {age_ms} ms old with {} ms to live", o.ttl_ms));
    }
    if o.epoch < last.epoch {
        return Some(format!("epoch {} after epoch {}", o.epoch, last.epoch));
    }
    let again = o.boot == last.boot && o.epoch == last.epoch && o.sequence <= last.sequence;
    again.then(|| format!("sequence {} after {}", o.sequence, last.sequence))
}

/// The bus and registers carry neither epoch nor sequence: what stands there twice has done nothing, what is older than what
/// stands has.
fn wrong_for_desk(t: &Taking, age: Span, last: &Last) -> Option<String> {
    if age > t.life {
        return Some(format!("what was {} ms old with {} ms to live", age.ms(), t.life.ms()));
    }
    if t.epoch < last.epoch {
        return Some(format!("epoch {} after epoch {}", t.epoch, last.epoch));
    }
    let older = t.epoch == last.epoch && t.sequence < last.sequence;
    older.then(|| format!("sequence {} after {}", t.sequence, last.sequence))
}

/// Setpoints that stand although nobody is there.
pub(super) fn left_standing(site: &Site, plant: &VirtualPlant, lost: Option<Stamp>) -> Option<Violation> {
    let lost = plant.now().since(lost?);
    if lost <= Span::from_ms(1000 * (RETURN_S + SLACK_S)) {
        return None;
    }
    let actuator = (0..site.actuators.len()).find(|&a| plant.stands(a))?;
    Some(Violation::Setpoint { actuator: site.actuators[actuator].id.clone(), lost_s: lost.s() })
}

/// GPUs that are neither as they were found nor under a lease that lives. What an agent takes for alive is not asked: a lease
/// that is older than this run has ended long before its end.
pub(super) fn orphans(site: &Site, plant: &VirtualPlant, orders: &Orders) -> Option<Violation> {
    let fleet = &plant.world().fleet;
    let now_ns = plant.now().tai_ns().max(0) as u64;
    let changed = |g: usize| {
        let found_w = fleet.sku(g).tdp_w as f32;
        (fleet.cap_w[g] - found_w).abs() > 0.5 || fleet.lock_max_mhz[g].is_finite()
    };
    let leased = |n: usize| orders.nodes.get(&*site.nodes[n].id).is_some_and(|last| now_ns <= last.until_ns);
    let gpus: Vec<usize> = (0..site.nodes.len())
        .filter(|&n| !leased(n))
        .flat_map(|n| plant.gpus_of(n))
        .filter(|&g| changed(g))
        .collect();
    (!gpus.is_empty()).then_some(Violation::Orphan { gpus })
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_guard::Echo;

    /// An order of an epoch and sequence, so many seconds old, at an agent.
    fn obeyed(epoch: u64, sequence: u64, age_s: u64) -> Obeyed {
        let at_ns = 1_000_000_000_000;
        let echo = Echo { boot: 7, mono_ns: at_ns - age_s * 1_000_000_000 };
        Obeyed { node: Arc::from("n1"), boot: 7, at_ns, epoch, sequence, ttl_ms: 30_000, echo }
    }

    fn taking(epoch: u64, sequence: u64) -> Taking {
        let life = Span::from_ms(90_000);
        Taking { actuator: 0, epoch, sequence, at: Stamp::from_unix_ms(1_700_000_100_000), life }
    }

    #[test]
    fn orders_are_judged_by_epoch_sequence_and_age() {
        let last = Last { boot: 7, epoch: 2, sequence: 5, until_ns: 0 };
        for (order, told) in [
            (obeyed(2, 6, 29), None),
            (obeyed(3, 1, 0), None),
            (obeyed(1, 9, 0), Some("epoch 1 after epoch 2")),
            (obeyed(2, 5, 0), Some("sequence 5 after 5")),
            (obeyed(2, 6, 31), Some("31000 ms old")),
        ] {
            let why = wrong_for_agent(&order, &last);
            assert_eq!(why.is_some(), told.is_some(), "{order:?}: {why:?}");
            assert!(why.unwrap_or_default().contains(told.unwrap_or_default()));
        }
        let foreign = Obeyed { echo: Echo { boot: 6, ..obeyed(2, 6, 0).echo }, ..obeyed(2, 6, 0) };
        assert!(wrong_for_agent(&foreign, &last).is_some_and(|why| why.contains("earlier start")));
        for (order, age_s, wrong) in [
            (taking(2, 5), 1, false),
            (taking(2, 6), 1, false),
            (taking(2, 4), 1, true),
            (taking(1, 9), 1, true),
            (taking(2, 6), 91, true),
        ] {
            assert_eq!(
                wrong_for_desk(&order, Span::from_ms(1000 * age_s), &last).is_some(),
                wrong,
                "{order:?}"
            );
        }
    }

    #[test]
    fn a_limit_is_violated_beyond_what_the_plant_does_by_itself() {
        let world = crate::score::build_world(headroom_sim::world::WorldConfig {
            gpus: 8,
            warmup_s: 0.0,
            ..headroom_sim::world::WorldConfig::default()
        });
        let world = world.unwrap();
        let (mut ours, mut own) = (Limits::new(&world), Limits::new(&world));
        let over = |seconds, amount| Over { seconds, amount, first_s: Some(3), alone: false };
        assert!(ours.beyond(&own).is_empty() && !ours.any());
        ours.over[1] = over(2.0, 50.0);
        assert!(ours.any() && matches!(ours.beyond(&own)[..], [Violation::Limit { what: What::Budget, .. }]));
        own.over[1] = over(2.0, 50.0);
        assert!(ours.beyond(&own).is_empty());
        ours.over[1] = over(1.0, 51.0);
        assert_eq!(ours.beyond(&own).len(), 1, "shorter and by more");
        // A plant whose feed may draw nothing is over its budget, and the watch says so.
        let mut dark = world;
        dark.tree.branches[0].budget_w = 1.0;
        let mut limits = Limits::new(&dark);
        for second in 0..8 {
            dark.step();
            limits.look(second, false, &dark);
        }
        assert!(limits.over[1].seconds >= 1.0 && limits.over[1].first_s.is_some());
    }
}
