//! One of several controllers of a plant: it stands by, or it leads.
//!
//! Responsible for: what changes in the line when its office does. Not for: who leads (the daemon), nor for refusing orders of one
//! that does not (`headroom-guard`, by epoch).
//!
//! ```text
//!             leads: a new epoch, from what is read back
//!   STANDBY ------------------------------------------------> LEADER
//!      ^     leads no more: all is forgotten, nothing relinquished  |
//!      +------------------------------------------------------------+
//! ```
//! One that stands by takes in and decides as ever, every group held to advice. One that begins to lead asks each setpoint to stand
//! where it stands, in the tick that hears of it: a step takes the time of its ramp. It has looked before, so nothing is waited
//! for. One that leads no more relinquishes nothing: what stands is its successor's, or ends with its lease.

use super::{Line, Tick};
use headroom_site::Office;

impl Line {
    /// Takes the office that it has from this tick on.
    pub(super) fn take_office(&mut self, office: &Office) {
        if self.office == *office {
            return;
        }
        match office {
            Office::Leader { epoch, asked } => {
                self.leases.begin(*epoch, asked);
                self.succeeded = None;
                self.targets.fill(None);
                self.last_cooling = None;
            }
            Office::Standby => self.leases.forget(),
            Office::Sole => {}
        }
        self.office.clone_from(office);
    }

    /// Nothing leaves one that stands by.
    pub(super) fn stand_by(&self, tick: &mut Tick) {
        if !self.office.commands() {
            tick.commands.clear();
        }
    }

    /// The office that it has.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.office
    }

    /// Epoch of its commands.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.leases.epoch()
    }

    /// The highest epoch whose command an agent says it has carried out.
    #[must_use]
    pub fn highest_epoch(&self) -> Option<u64> {
        let receipts = self.align.last().nodes.iter().filter_map(|n| n.receipt.as_ref());
        receipts.map(|r| r.epoch).max()
    }

    /// Where setpoints that nobody reads back are asked to stand, base unit: only who asked knows.
    pub fn asked_unread(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let unread = self.site.actuators.iter().enumerate().filter(|(_, a)| a.readback.is_none());
        unread.filter_map(|(i, _)| Some((i, self.leases.held(i)?)))
    }

    /// Has it looked for as long as it takes before it may move a setpoint?
    #[must_use]
    pub fn has_looked(&self) -> bool {
        self.first_tick.is_some_and(|first| self.align.last().stamp.since(first) >= super::BOOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Identity;
    use crate::line::tests::inbox;
    use crate::tests::{CDU_DP, CDU_SUPPLY, FWS_SUPPLY, at, reading, site, wants};
    use headroom_site::{ActuatorId, Command, Inbox, Site};

    const READ_BACKS: [&str; 3] = ["cdu-setpoint", "dp-setpoint", "fws-setpoint"];

    /// Two lines beside one plant that does what it is told.
    struct Pair {
        site: Site,
        lines: [Line; 2],
        stands: [f64; 3],
        s: f64,
        /// The largest step of each setpoint, and what was said by each line.
        steps: [f64; 3],
        said: [usize; 2],
        relinquished: usize,
        caps: Vec<(f64, usize)>,
    }

    impl Pair {
        fn new(site: Site) -> Self {
            let line =
                || Line::with_wants(&site, wants(&site, ""), Identity { who: "t".to_owned(), epoch: 1 });
            let lines = [line(), line()];
            let (stands, steps, said) = ([30.0, 90.0, 20.0], [0.0; 3], [0; 2]);
            Self { site, lines, stands, s: 0.0, steps, said, relinquished: 0, caps: Vec::new() }
        }

        fn heard(&self) -> Inbox {
            let mut heard = inbox(&self.site, self.s);
            for (id, stands) in READ_BACKS.iter().zip(self.stands) {
                heard.readings.push(reading(&self.site, id, self.s + 0.001, stands));
            }
            heard
        }

        fn run(&mut self, until_s: f64, offices: &[Office; 2]) {
            while self.s < until_s {
                let asked: Vec<Vec<Command>> = (0..2)
                    .map(|i| {
                        let told = Inbox { office: offices[i].clone(), ..self.heard() };
                        self.lines[i].tick(&told, at(self.s)).commands
                    })
                    .collect();
                for (i, command) in asked.iter().enumerate().flat_map(|(i, c)| c.iter().map(move |c| (i, c)))
                {
                    self.said[i] += 1;
                    match command {
                        Command::Setpoint(c) => match c.value {
                            Some(value) => {
                                let a = c.actuator.index();
                                self.steps[a] = self.steps[a].max((value - self.stands[a]).abs());
                                self.stands[a] = value;
                            }
                            None => self.relinquished += 1,
                        },
                        Command::Caps(_) => self.caps.push((self.s, i)),
                    }
                }
                self.s += 1.0;
            }
        }
    }

    fn leader(epoch: u64) -> Office {
        Office::Leader { epoch, asked: Vec::new() }
    }

    #[test]
    fn a_successor_begins_where_everything_stands_and_nothing_is_let_go() {
        let mut p = Pair::new(site());
        let ramps: Vec<f64> = (0..3).map(|a| p.lines[0].wants().actuator_ramp_per_s[a]).collect();
        p.run(300.0, &[leader(2), Office::Standby]);
        assert!(p.said[0] > 0 && p.said[1] == 0, "{:?}", p.said);
        assert!(p.stands[CDU_DP] < 89.0, "it has moved: {:?}", p.stands);
        assert!(!p.lines[1].advice().is_empty(), "the other says on its pages what it would ask");
        assert_eq!(p.lines[1].succeeded(), None);
        let (stood, caps) = (p.stands, p.caps.len());
        // The first is gone; the other one leads from this tick on.
        p.run(301.0, &[Office::Standby, leader(3)]);
        let still = p.stands.iter().zip(stood).all(|(now, then)| (now - then).abs() < 1e-12);
        assert!(still, "first it asks for what stands: {:?} after {stood:?}", p.stands);
        assert_eq!(p.caps.get(caps).map(|c| c.1), Some(1), "caps go on in the same tick");
        let held: Vec<_> = (0..3).map(|a| p.lines[1].held(a)).collect();
        assert!(held.iter().all(Option::is_some) && p.lines[1].epoch() == 3, "{held:?}");
        let before = p.said[0];
        p.run(900.0, &[Office::Standby, leader(3)]);
        assert_eq!(
            (p.said[0], p.relinquished),
            (before, 0),
            "the first says nothing more, not even that it lets go"
        );
        assert!(p.stands[CDU_DP] < stood[CDU_DP], "and it goes on from there");
        // It comes back, under a higher epoch.
        p.run(1200.0, &[leader(4), Office::Standby]);
        assert_eq!(p.relinquished, 0);
        for (a, ramp) in ramps.iter().enumerate() {
            let most = ramp * p.site.cooling_period.s() + 1e-9;
            assert!(p.steps[a] <= most, "{a}: {} of {most}", p.steps[a]);
        }
    }

    #[test]
    fn where_nobody_reads_back_the_one_before_has_said_where_it_stands() {
        let mut site = site();
        site.actuators[CDU_DP].readback = None;
        let mut p = Pair::new(site);
        p.run(600.0, &[leader(2), Office::Standby]);
        let stood = p.stands[CDU_DP];
        let asked: Vec<_> = p.lines[0].asked_unread().collect();
        assert!(stood < 89.0 && asked == [(CDU_DP, stood)], "{asked:?}");
        let asked = asked.into_iter().map(|(a, v)| (ActuatorId(a as u32), v)).collect();
        p.run(601.0, &[Office::Standby, Office::Leader { epoch: 3, asked }]);
        assert!((p.stands[CDU_DP] - stood).abs() < 1e-9, "{} after {stood}", p.stands[CDU_DP]);
        assert!(p.lines[1].held(CDU_SUPPLY).is_some() && p.lines[1].held(FWS_SUPPLY).is_some());
    }

    #[test]
    fn what_an_operator_has_let_go_stays_so_whoever_leads() {
        let mut p = Pair::new(site());
        p.run(60.0, &[Office::Standby, leader(2)]);
        let told = |p: &Pair, office, released| Inbox { office, released, ..p.heard() };
        let tick = |p: &mut Pair, office, released| {
            let told = told(p, office, released);
            p.s += 1.0;
            p.lines[0].tick(&told, at(p.s - 1.0)).commands.len()
        };
        assert_eq!(tick(&mut p, leader(3), true), 0, "it leads, and commands nothing");
        assert!(p.lines[0].is_released());
        assert_eq!(tick(&mut p, Office::Standby, true), 0);
        assert_eq!(tick(&mut p, Office::Standby, false), 0);
        assert!(tick(&mut p, leader(5), false) > 0);
    }
}
