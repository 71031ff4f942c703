//! The plant of a recording, had its setpoints stood elsewhere.
//!
//! Responsible for: what every point and every GPU would have said to a controller that moves setpoints, from what they did say,
//! and what that would have cost and saved. Not for: the controller (`line`, which is told what is made here and knows of
//! nothing else), nor for tapes and draws (the daemon).
//!
//! ```text
//! what was told ---> departures of setpoints ---> the site's learned model ---> temperatures, pressures, meters
//!        |                   ^                             |
//!        |                   |                             v
//!        |               commands                 water: flow, return, valves ---> dies, leakage
//!        v                   |                             |
//!        +--- what would have been told <------------------+
//! ```
//!
//! What was measured stands, with weather, load, noise and faults; only the difference goes through models, each of which may be
//! off by a factor ([`Draw`]): many draws say what is not known. Work is as it was: caps and clocks are not tried here. Machines
//! that others start and stop stay as they were; one that warmer water would have stopped goes on, so that less is claimed.
//!
//! Rooms: `water` (loops beside their setpoints), `dies` (GPUs beside other water), `account` (joules and limits).

mod account;
mod dies;
mod water;

pub use account::{Account, Hour, Means, Over, Whose};

use crate::site_filter::{Column, NotOfThisSite, SiteFilter, column};
use crate::topology::Topology;
use dies::Dies;
use headroom_belief::model::{Answer, Misses, Model, Role};
use headroom_site::{
    Command, Inbox, NodeReport, Outcome, PointId, Quality, Reading, Receipt, Site, Span, Stamp, Target,
};
use water::Loops;

/// What priors of this plant are off by: factors, 1 where they are right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// On the share of a die's rise over its coolant that follows flow.
    pub plate: f64,
    /// On the exponent by which a valve opens for less temperature across its exchanger.
    pub valve: f64,
    /// On the leakage of the GPUs.
    pub leakage: f64,
}

impl Draw {
    /// Priors that are right.
    pub const RIGHT: Self = Self { plate: 1.0, valve: 1.0, leakage: 1.0 };
}

/// Departure from what was told of a point: `value * times + add`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shift {
    times: f64,
    add: f64,
}

impl Shift {
    const NONE: Self = Self { times: 1.0, add: 0.0 };

    fn of(self, value: f64) -> f64 {
        value * self.times + self.add
    }
}

/// A setpoint that may stand elsewhere.
#[derive(Debug, Clone, Copy)]
struct Asked {
    readback: PointId,
    /// Where it is asked to stand, and until when.
    held: Option<(f64, Stamp)>,
    /// It was told anew since it moved.
    told: bool,
}

/// A difference that is told although nothing new was said: the share of a value.
const TOLD_ANEW: f64 = 1e-3;

/// The plant of a recording with other setpoints.
#[derive(Debug)]
pub struct OtherPlant<'a> {
    site: &'a Site,
    model: &'a Model,
    answer: Answer,
    /// Columns of the model's signals and outputs.
    signals: Vec<Vec<Column>>,
    outputs: Vec<Vec<PointId>>,
    /// What each point said last.
    said: Vec<Option<Reading>>,
    shift: Vec<Shift>,
    /// What was told of a point last.
    told: Vec<f64>,
    asked: Vec<Option<Asked>>,
    loops: Loops,
    dies: Dies,
    account: Account,
    receipts: Vec<Receipt>,
    period: Span,
    due: Option<Stamp>,
}

impl<'a> OtherPlant<'a> {
    /// Of a site with a learned model, as wrong as said.
    ///
    /// # Errors
    /// The model is of another site.
    pub fn new(
        (site, topology): (&'a Site, &'a Topology),
        model: &'a Model,
        draw: Draw,
        misses: &mut impl Misses,
    ) -> Result<Self, NotOfThisSite> {
        SiteFilter::new(site, model)?;
        let columns = |names: &[String]| names.iter().filter_map(|name| column(site, name)).collect();
        let points = |names: &[String]| names.iter().filter_map(|name| site.point(name)).collect();
        let known = |a: &headroom_site::model::Actuator| {
            // Only what the model knows is moved: whatever else it did would come free.
            model.signals.iter().any(|s| s.role == Role::Setpoint && s.name == a.id)
        };
        let asked = site.actuators.iter().map(|a| {
            a.readback.filter(|_| known(a)).map(|readback| Asked { readback, held: None, told: true })
        });
        Ok(Self {
            answer: Answer::new(model, misses),
            signals: model.signals.iter().map(|s| columns(&s.columns)).collect(),
            outputs: model.outputs.iter().map(|o| points(&o.columns)).collect(),
            said: vec![None; site.points.len()],
            shift: vec![Shift::NONE; site.points.len()],
            told: vec![f64::NAN; site.points.len()],
            asked: asked.collect(),
            loops: Loops::new(site, topology, model, draw),
            dies: Dies::new(site, topology, draw),
            account: Account::new(site, topology, model),
            receipts: Vec::new(),
            period: Span::from_s(model.period_s),
            due: None,
            site,
            model,
        })
    }

    /// Can a setpoint be tried? The model must know what it does, and somebody must read it back.
    #[must_use]
    pub fn can_try(&self, actuator: usize) -> bool {
        self.asked[actuator].is_some()
    }

    /// What would have been told in a tick, from what was.
    pub fn tell(&mut self, was: &Inbox, now: Stamp, told: &mut Inbox) {
        told.clear();
        for reading in &was.readings {
            self.said[reading.point.index()] = Some(*reading);
            let value = self.value_of(reading.point, now).unwrap_or(reading.value);
            self.told[reading.point.index()] = value;
            told.readings.push(Reading { value, ..*reading });
        }
        let due = *self.due.get_or_insert(now);
        if now >= due {
            self.due = Some(now + self.period);
            self.advance(now);
        }
        self.tell_anew(now, told);
        let report = |r: &NodeReport| {
            let mut report = r.clone();
            self.dies.tell(&mut report);
            report.receipt = None;
            report
        };
        told.nodes.extend(was.nodes.iter().map(report));
        told.receipts.append(&mut self.receipts);
        told.released = false;
        told.instructions.clear();
    }

    /// Takes what the controller commands: setpoints stand there at once, as long as their leases last.
    pub fn take(&mut self, commands: &[Command], now: Stamp) {
        for command in commands {
            let Command::Setpoint(c) = command else { continue };
            let outcome = match &mut self.asked[c.actuator.index()] {
                Some(asked) => {
                    let ttl = Span::from_ms(i64::try_from(c.ttl_ms).unwrap_or(i64::MAX));
                    asked.held = c.value.map(|value| (value, now + ttl));
                    asked.told = false;
                    Outcome::Sent
                }
                None => Outcome::Failed("the model does not know this setpoint".to_owned()),
            };
            let target = Target::Actuator(c.actuator);
            self.receipts.push(Receipt { target, epoch: c.epoch, sequence: c.sequence, outcome });
        }
    }

    /// What came of it so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// What a point would say, if it has said something.
    fn value_of(&self, point: PointId, now: Stamp) -> Option<f64> {
        if let Some(value) = self.asked.iter().flatten().find(|a| a.readback == point).and_then(|a| a.at(now))
        {
            return Some(value);
        }
        Some(self.shift[point.index()].of(self.said[point.index()]?.value))
    }

    /// What has gone elsewhere by itself is told although the recording has nothing new.
    fn tell_anew(&mut self, now: Stamp, told: &mut Inbox) {
        for i in 0..self.asked.len() {
            let Some(asked) = self.asked[i] else { continue };
            let ended = asked.held.is_some_and(|(_, until)| now >= until);
            if ended {
                self.asked[i] = Some(Asked { held: None, told: false, ..asked });
            }
            if !asked.told || ended {
                self.say(asked.readback, now, told);
                if let Some(asked) = &mut self.asked[i] {
                    asked.told = true;
                }
            }
        }
        for p in 0..self.shift.len() {
            if self.shift[p] == Shift::NONE {
                continue;
            }
            let point = PointId(p as u32);
            let Some(value) = self.value_of(point, now) else { continue };
            if (value - self.told[p]).abs() > TOLD_ANEW * value.abs().max(1.0) {
                self.say(point, now, told);
            }
        }
    }

    /// A reading of now, of a point that is not silent.
    fn say(&mut self, point: PointId, now: Stamp, told: &mut Inbox) {
        let p = point.index();
        let (Some(said), Some(value)) = (self.said[p], self.value_of(point, now)) else { return };
        if said.quality.is_good() && now.since(said.stamp) < self.site.points[p].stale_after {
            self.told[p] = value;
            told.readings.push(Reading::new(point, now, said.stamp_uncertainty, value, Quality::Good));
        }
    }

    /// A period of the model is over.
    fn advance(&mut self, now: Stamp) {
        let was: Vec<f64> = self.signals.iter().map(|c| sum(c, |c| self.was(c))).collect();
        let is: Vec<f64> = self.signals.iter().map(|c| sum(c, |c| self.is(c, now))).collect();
        self.answer.step(self.model, &was, &is);
        self.shift.fill(Shift::NONE);
        let said = |p: PointId| self.said[p.index()].filter(|r| r.quality.is_good()).map(|r| r.value);
        let asked = |a: usize| {
            let asked = self.asked[a]?;
            let was = said(asked.readback)?;
            Some((was, asked.at(now).unwrap_or(was)))
        };
        self.loops.look(self.answer.departures(), &said, &asked, &mut self.shift);
        self.dies.look(self.loops.waters(), &said);
        // The model has the last word on what it was learned of.
        for (points, departure) in self.outputs.iter().zip(self.answer.departures()) {
            spread(points, *departure, &said, &mut self.shift);
        }
        let account = &mut self.account;
        account.book(now, self.period, &self.answer, &said, &self.shift);
        account.dies(&self.dies, self.period);
        account.setpoints(self.period, asked);
    }

    /// A column as it was.
    fn was(&self, column: &Column) -> f64 {
        match column {
            Column::Point(p) => self.said[p.index()].map_or(f64::NAN, |r| r.value),
            Column::Rack(spans) => self.dies.watts(spans, false),
        }
    }

    /// The same as it would have been.
    fn is(&self, column: &Column, now: Stamp) -> f64 {
        match column {
            Column::Point(p) => self.value_of(*p, now).unwrap_or(f64::NAN),
            Column::Rack(spans) => self.dies.watts(spans, true),
        }
    }
}

impl Asked {
    /// Where it would stand, if not where it stood.
    fn at(&self, now: Stamp) -> Option<f64> {
        self.held.filter(|(_, until)| now < *until).map(|(value, _)| value)
    }
}

fn sum(columns: &[Column], of: impl Fn(&Column) -> f64) -> f64 {
    columns.iter().map(of).sum()
}

/// A departure of a sum, over the points that it is a sum of, in proportion to what they said.
fn spread(points: &[PointId], by: f64, said: &dyn Fn(PointId) -> Option<f64>, shift: &mut [Shift]) {
    if by == 0.0 {
        return;
    }
    let whole: f64 = points.iter().filter_map(|p| said(*p)).map(f64::abs).sum();
    for p in points {
        let own = said(*p).map_or(0.0, f64::abs);
        let share = if whole > 0.0 { own / whole } else { 1.0 / points.len() as f64 };
        shift[p.index()] = Shift { times: 1.0, add: by * share };
    }
}
