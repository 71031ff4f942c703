//! The straight line: one function from snapshot to commands. What it lets others see is in `views`.

mod asking;
mod explain;
mod follow;
mod hearing;
mod instructed;
mod ladder;
mod office;
mod readback;
mod release;
mod succeeded;
mod views;

use crate::align::{Align, Snapshot, Witness};
use crate::estimate::{Estimate, Estimator};
use crate::guarding::Guarding;
use crate::health::Health;
use crate::lease::{Identity, Leases};
use crate::ledger::Ledger;
use crate::metering::Metering;
use crate::outlook::Outlook;
use crate::propose::Why;
use crate::propose::cooling::predictive::Predictive;
use crate::propose::cooling::{Scene, SetpointProposal, Strategies, Survey};
use crate::propose::excite::Excitation;
use crate::propose::power::{CapProposal, Efficient, Steady};
use crate::site_filter::{NotOfThisSite, SiteFilter};
use crate::topology::Topology;
use crate::wants::Wants;
use crate::warn::Warnings;
pub use explain::Considered;
use headroom_belief::model::Model;
use headroom_guard::{CapsVerdict, Mode, Verdict};
use headroom_policies::{CoolingStrategy, Policy, PowerStrategy};
use headroom_site::{Command, Inbox, Office, Site, Span, Stamp};
use hearing::Hearing;
use instructed::Instructed;
use ladder::Ladder;
pub use ladder::{Cause, HeldBack};
use readback::ReadBacks;
use release::AsWanted;

/// For so long after its start the slow loop only looks: a belief that has seen little is wide, and would tighten for that
/// alone.
pub const BOOT: Span = Span::from_ms(30_000);
/// For how long a device that says "operator" keeps its point to itself, unless it says so again.
pub const OPERATOR_KEEPS: Span = Span::from_ms(60_000);
/// So many of so many nodes must be heard for a tick to be verified.
pub const NODES_HEARD: [usize; 2] = [4, 5];

/// What is said about one actuator, whether it is commanded or only advised.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// Index of the actuator.
    pub actuator: usize,
    /// Mode of its group.
    pub mode: Mode,
    /// What was proposed, where it stands, and why.
    pub proposal: SetpointProposal,
    /// What the guard made of it.
    pub verdict: Verdict,
}

/// What one tick decided.
#[derive(Debug, Clone)]
pub struct Tick {
    /// When.
    pub stamp: Stamp,
    /// Commands, in the order to send them.
    pub commands: Vec<Command>,
    /// Setpoints decided in this tick (empty between cooling ticks).
    pub advice: Vec<Advice>,
    /// What the guard made of the caps.
    pub caps: CapsVerdict,
    /// Caps or clocks bind somewhere.
    pub caps_bind: bool,
    /// Every read-back that a held command needs is there and fits it: the heartbeat may go on.
    pub verified: bool,
}

/// Everything that persists from tick to tick.
#[derive(Debug, Clone)]
pub struct Line {
    site: Site,
    wants: Wants,
    topology: Topology,
    align: Align,
    estimator: Estimator,
    outlook: Outlook,
    efficient: Efficient,
    steady: Steady,
    caps: CapProposal,
    guarding: Guarding,
    survey: Survey,
    leases: Leases,
    ledger: Ledger,
    metering: Metering,
    warnings: Warnings,
    health: Health,
    /// The site's model, if one was learned.
    foresight: Option<SiteFilter>,
    last_cooling: Option<Stamp>,
    first_tick: Option<Stamp>,
    operator_until: Vec<Option<Stamp>>,
    instructed: Instructed,
    /// Where each setpoint is being moved to; what is smaller than a deadband adds up here.
    targets: Vec<Option<f64>>,
    read_backs: ReadBacks,
    ladder: Ladder,
    advice: Vec<Advice>,
    /// What the guard made of the last caps.
    caps_verdict: CapsVerdict,
    /// How setpoints are decided, with what that remembers of each.
    strategies: Strategies,
    /// The plan of the next hour, where the policy wants one.
    predictive: Predictive,
    /// The experiment that is on, in place of the strategy.
    excitation: Option<Excitation>,
    /// An operator has let everything go.
    released: bool,
    /// Whether this controller commands beside others.
    office: Office,
    /// What is wanted, while every group is held to advice.
    withheld: Option<AsWanted>,
    /// Epoch of a controller that has taken over.
    succeeded: Option<u64>,
}

impl Line {
    /// A line for a site under a policy that has been checked against it.
    #[must_use]
    pub fn new(site: &Site, policy: &Policy, identity: Identity) -> Self {
        Self::with_wants(site, Wants::new(site, policy), identity)
    }

    /// A line with wants already resolved (and perhaps held to advisory).
    #[must_use]
    pub fn with_wants(site: &Site, wants: Wants, identity: Identity) -> Self {
        let topology = Topology::new(site);
        Self {
            align: Align::new(site),
            estimator: Estimator::new(site, &topology, &wants),
            outlook: Outlook::new(site, &topology, &wants),
            efficient: Efficient::new(site, &wants),
            steady: Steady::new(site, &topology, &wants),
            caps: unbound(site),
            guarding: Guarding::new(site, &wants),
            survey: Survey::new(site, &topology),
            metering: Metering::new(site),
            warnings: Warnings::new(site.gpus.len()),
            health: Health::new(site, &topology),
            foresight: None,
            leases: Leases::new(site, identity),
            ledger: Ledger::new(site),
            last_cooling: None,
            first_tick: None,
            operator_until: vec![None; site.actuators.len()],
            instructed: Instructed::new(site.actuators.len()),
            targets: vec![None; site.actuators.len()],
            read_backs: ReadBacks::new(site.actuators.len()),
            ladder: Ladder::new(site),
            advice: Vec::new(),
            caps_verdict: CapsVerdict::Allow,
            strategies: Strategies::new(site),
            predictive: Predictive::default(),
            excitation: None,
            released: false,
            office: Office::Sole,
            withheld: None,
            succeeded: None,
            topology,
            wants,
            site: site.clone(),
        }
    }

    /// One tick: takes what has arrived, decides, and leases what the guard has left.
    pub fn tick(&mut self, inbox: &Inbox, now: Stamp) -> Tick {
        self.tick_seen(inbox, now, &mut ())
    }

    /// The same, while a witness sees what is aligned; it has no say.
    pub fn tick_seen(&mut self, inbox: &Inbox, now: Stamp, witness: &mut impl Witness) -> Tick {
        self.take_office(&inbox.office);
        self.take_wish(inbox.released, now);
        self.take_instructions(inbox, now);
        self.first_tick.get_or_insert(now);
        if self.steady.listens() {
            let (steady, estimator) = (&mut self.steady, &mut self.estimator);
            self.align.take_seen(inbox, &mut Hearing { steady, estimator, witness });
        } else {
            self.align.take_seen(inbox, witness);
        }
        self.take_receipts(inbox, now);
        let snapshot = self.align.snapshot(now);
        let estimate = self.estimator.update(&self.site, &self.topology, snapshot);
        self.warnings.look(estimate);
        self.health.look(&self.site, snapshot, estimate);
        if let Some(foresight) = &mut self.foresight {
            foresight.look(snapshot, estimate);
        }
        let outlook = self.outlook.look(&self.site, &self.wants, snapshot, estimate);
        let mut tick = Tick::new(now);

        propose_caps(
            &mut self.caps,
            (&mut self.efficient, &mut self.steady),
            (&self.site, &self.topology, &self.wants),
            (snapshot, estimate, outlook),
        );
        tick.caps = self.guarding.caps(&self.topology, snapshot, estimate, &outlook.budget_w, &mut self.caps);
        tick.caps_bind = self.caps.binds;
        self.caps_verdict = tick.caps;
        if !matches!(tick.caps, CapsVerdict::Refuse(_)) {
            self.leases.caps(&self.site, snapshot, self.wants.caps_mode, &self.caps, now, &mut tick.commands);
        }
        self.step_ladder(now);
        if self.cooling_is_due(now) {
            self.cool(now, &mut tick);
        }
        tick.verified = self.verified();
        self.stand_back(&mut tick);
        self.ledger.book(&self.site, self.align.last());
        self.metering.look(&self.align);
        self.align.settle();
        tick
    }

    fn cooling_is_due(&self, now: Stamp) -> bool {
        self.last_cooling.is_none_or(|last| now.since(last) >= self.site.cooling_period)
    }

    /// The slow loop: one proposal, verdict and lease for each actuator.
    fn cool(&mut self, now: Stamp, tick: &mut Tick) {
        let dt_s = self.last_cooling.map_or(0.0, |last| now.since(last).s());
        self.last_cooling = Some(now);
        let booting = self.first_tick.is_none_or(|first| now.since(first) < BOOT);
        let asked = self.asked(now);
        let (snapshot, estimate) = (self.align.last(), self.estimator.last());
        let scene = Scene {
            site: &self.site,
            topology: &self.topology,
            wants: &self.wants,
            snapshot,
            estimate,
            survey: self.survey.look(&self.site, &self.topology, snapshot, estimate),
        };
        let mut proposals = vec![None; self.site.actuators.len()];
        for a in &asked {
            let (actuator, stands, from) = (a.actuator, a.stands, a.from);
            let proposal = match (a.home, self.wants.cooling) {
                (Some(value), _) => SetpointProposal { stands, value, why: Why::HandBack },
                (None, strategy) if strategy != CoolingStrategy::Hold && a.mode != Mode::Hold && !booting => {
                    match self.excitation.as_mut().filter(|_| a.is_free()) {
                        Some(experiment) => experiment.propose(&scene, actuator, stands, from),
                        None => self.strategies.propose(&scene, actuator, stands, from),
                    }
                }
                _ => SetpointProposal { stands, value: stands, why: Why::Hold },
            };
            proposals[actuator] = Some((from, proposal));
        }
        if self.wants.cooling == CoolingStrategy::Predictive && self.excitation.is_none() && !booting {
            let futures = &self.outlook.futures;
            // Nothing is built on a setpoint that an operator has.
            let hands = asked.iter().filter(|a| a.is_in_hand()).map(|a| a.actuator);
            let held: Vec<_> = hands.map(|i| (i, proposals[i].take())).collect();
            self.predictive.plan(&scene, self.foresight.as_ref(), futures, &mut proposals);
            held.into_iter().for_each(|(i, p)| proposals[i] = p);
        }
        for a in asked {
            let (actuator, mode) = (a.actuator, a.mode);
            let Some((_, proposal)) = proposals[actuator].take() else { continue };
            let proposal = instructed::within(&self.site.actuators[actuator], a.instructed, proposal);
            // One that is held back begins with what stands then.
            self.targets[actuator] = Some(proposal.value).filter(|_| !a.held_back);
            let verdict = self.guarding.setpoint(&scene, &a.question(proposal.value, dt_s));
            let value = verdict.value();
            tick.commands.extend(
                self.leases.setpoint(&self.site, actuator, mode, value, now, || proposal.why.to_string()),
            );
            tick.advice.push(Advice { actuator, mode, proposal, verdict });
        }
        self.advice.clone_from(&tick.advice);
    }

    /// Do the read-backs that held commands need exist?
    fn verified(&self) -> bool {
        let snapshot = self.align.last();
        let setpoints = (0..self.site.actuators.len())
            .filter(|&i| self.leases.held(i).is_some() && !self.read_backs.handed_back(i))
            .all(|i| self.site.actuators[i].readback.is_none_or(|p| snapshot.good(p).is_some()));
        let heard = snapshot.nodes.iter().filter(|n| n.heard).count();
        let [some, of] = NODES_HEARD;
        setpoints && heard * of >= snapshot.nodes.len() * some
    }

    /// Believes in a model that was learned of this site.
    ///
    /// # Errors
    /// It is of another site: a column is not there.
    pub fn believe(&mut self, model: &Model) -> Result<(), NotOfThisSite> {
        self.foresight = Some(SiteFilter::new(&self.site, model)?);
        Ok(())
    }

    /// Begins an experiment of a length: setpoints move so that the site's model can be learned, through the same guard and
    /// leases as ever.
    pub fn excite(&mut self, length: Span) {
        self.excitation = Some(Excitation::new(&self.site.actuators, length));
    }

    /// The experiment that was begun last.
    #[must_use]
    pub fn excitation(&self) -> Option<&Excitation> {
        self.excitation.as_ref()
    }
}

impl Tick {
    fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            commands: Vec::new(),
            advice: Vec::new(),
            caps: CapsVerdict::Allow,
            caps_bind: false,
            verified: false,
        }
    }
}

/// Nothing held.
fn unbound(site: &Site) -> CapProposal {
    CapProposal {
        cap_w: site.gpus.iter().map(|g| site.skus[g.sku].max_cap_w).collect(),
        lock_mhz: vec![None; site.gpus.len()],
        binds: false,
        infeasible: Vec::new(),
        solution: None,
    }
}

fn propose_caps(
    caps: &mut CapProposal,
    (efficient, steady): (&mut Efficient, &mut Steady),
    (site, topology, wants): (&Site, &Topology, &Wants),
    (snapshot, estimate, outlook): (&Snapshot, &Estimate, &Outlook),
) -> bool {
    match wants.power {
        PowerStrategy::Steady => {
            let clocks = efficient.look(wants, snapshot, estimate);
            let proposal = steady.propose((topology, wants), (snapshot, estimate), &outlook.budget_w, clocks);
            if caps.solution.is_none() || caps.solution != proposal.solution {
                caps.clone_from(proposal);
            }
        }
        PowerStrategy::Hold => *caps = unbound(site),
    }
    caps.binds
}

#[cfg(test)]
pub(crate) mod tests;
