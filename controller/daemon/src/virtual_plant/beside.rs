//! A controller beside a virtual plant, tick by tick, for campaigns that look at what it believes.

use super::VirtualPlant;
use headroom_core::Line;
use headroom_core::lease::Identity;
use headroom_sim::scenario::Scenario;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::{Field, Inbox, Site, Span, Stamp};
use std::path::Path;

/// Both of them.
pub(super) struct Beside {
    pub(super) site: Site,
    pub(super) line: Line,
    pub(super) plant: VirtualPlant,
    inbox: Inbox,
}

impl Beside {
    /// A plant of a scenario, and a controller under a shipped policy.
    pub(super) fn new(scenario: Scenario, config: WorldConfig, policy: &str) -> Self {
        Self::reporting(scenario, config, policy, None)
    }

    /// The same, with agents that report in a period of their own.
    pub(super) fn reporting(
        scenario: Scenario,
        config: WorldConfig,
        policy: &str,
        report: Option<Span>,
    ) -> Self {
        let world = World::new(scenario.configure(config, Path::new("")).unwrap()).unwrap();
        let mut site = crate::score::site_of(&world).unwrap();
        site.report_period = report.unwrap_or(site.report_period);
        let plant = VirtualPlant::new(world, &site).unwrap();
        let line = line(&site, policy);
        Self { site, line, plant, inbox: Inbox::default() }
    }

    /// Another controller takes over, under another policy.
    pub(super) fn hand_over(&mut self, policy: &str) {
        self.line = line(&self.site, policy);
    }

    /// A step of the plant and a tick of the controller.
    pub(super) fn step(&mut self) {
        self.step_told(|_, _| {});
    }

    /// A second of so many steps of the plant, in which agents are heard `looks` times, and a tick of the controller at its end;
    /// somebody looks at each step.
    pub(super) fn second(&mut self, steps: usize, looks: usize, mut sees: impl FnMut(&World)) {
        self.inbox.clear();
        for step in 1..=steps {
            self.plant.step();
            sees(self.plant.world());
            if step % (steps / looks) == 0 {
                self.plant.drain(&mut self.inbox);
            }
        }
        self.tick();
    }

    /// The same, while somebody hears what the controller is told.
    pub(super) fn step_told(&mut self, mut hears: impl FnMut(&Inbox, Stamp)) {
        self.plant.step();
        self.inbox.clear();
        self.plant.drain(&mut self.inbox);
        hears(&self.inbox, self.plant.now());
        self.tick();
    }

    fn tick(&mut self) {
        let tick = self.line.tick(&self.inbox, self.plant.now());
        tick.commands.iter().for_each(|c| self.plant.send(c));
        if tick.verified {
            self.plant.beat();
        }
    }
}

fn line(site: &Site, policy: &str) -> Line {
    let (_, wants) = crate::files::load_policy(site, policy, None).unwrap().unwrap();
    Line::with_wants(site, wants, Identity { who: "beside".to_owned(), epoch: 1 })
}

/// A number that a campaign is told by the environment.
pub(super) fn of_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}
