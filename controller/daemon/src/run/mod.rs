//! `headroom run`: the daemon beside the BMS.
//!
//! Responsible for: mixing time, I/O and decisions. The loop below is the whole of it: what has arrived goes into the
//! line, what the line decides is journalled first and sent after, and the heartbeat goes on only after a tick whose
//! read-backs all verified. A limit of the power tree that falls has a tick at once. Not for: deciding (`headroom-core`)
//! or wires (`headroom-drivers`).

pub(crate) mod actuators;
pub(crate) mod alarms;
pub(crate) mod begin;
mod branches;
mod bulletin;
pub(crate) mod clocks;
mod diagram;
pub(crate) mod foresight;
pub(crate) mod health;
pub(crate) mod http;
mod jobs;
mod lead;
mod metrics;
pub(crate) mod outlook;
mod page;
pub(crate) mod pairs;
pub(crate) mod places;
pub(crate) mod questions;
pub(crate) mod ramp;
pub(crate) mod record;
pub(crate) mod release;
pub(crate) mod seen;
pub(crate) mod served;
mod trend;
pub(crate) mod turn;
pub(crate) mod view;

use crate::commission::Experiment;
use crate::election;
use crate::explain;
use crate::files::ModeChoice;
use crate::identify::recorder::Recorder;
use crate::instruct::desk::{self, Desk};
use crate::instruct::standing::Standing;
use crate::journal::Journal;
use crate::ledger::{self, Keeper};
use crate::supervisor::{self, Supervisor};
use crate::tape;
use crate::what_if;
use anyhow::{Result, bail};
use begin::{Visitors, begin, clock_of, loaded_of, next_epoch, refuse, tape_of, visitors_of};
use bulletin::Bulletin;
use diagram::Diagram;
use headroom_core::lease::Identity;
use headroom_core::{Advice, Line, Tick};
use headroom_drivers::Clock;
use headroom_drivers::field::LiveField;
use headroom_site::{Field, Inbox, Office, Span, Stamp};
use lead::Lead;
use questions::{Question, Questions};
use record::Record;
use release::Released;
use seen::Seen;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use turn::{carry_out, is_set_back, is_too_late, next_multiple, until};
use view::{Pace, View};

/// Journal lines are written when something was decided, and at least this often.
pub(crate) const JOURNAL_EVERY: Span = Span::from_ms(10_000);
/// Least time after a tick that a falling limit has called for.
const URGENT_GAP: Span = Span::from_ms(100);
/// How long the last messages may take on their way out (wall time).
const FAREWELL: std::time::Duration = std::time::Duration::from_millis(500);

/// Options of the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) site: PathBuf,
    /// A file, or the name of a shipped policy.
    pub(crate) policy: String,
    pub(crate) mode: Option<ModeChoice>,
    pub(crate) clock: Option<PathBuf>,
    pub(crate) state: PathBuf,
    pub(crate) http: SocketAddr,
    /// The pages are inside TLS as this file says.
    pub(crate) http_tls: Option<PathBuf>,
    pub(crate) id: String,
    /// Bytes for what was seen lately.
    pub(crate) history: usize,
    /// Table of what is seen.
    pub(crate) record: Option<PathBuf>,
    /// A learned model of the site.
    pub(crate) model: Option<PathBuf>,
    /// Everything that the line is told, and the most bytes of it.
    pub(crate) tape: Option<(PathBuf, u64)>,
    /// A journal of more bytes is put aside.
    pub(crate) journal_bytes: u64,
    /// Who may instruct over HTTP.
    pub(crate) operators: Option<PathBuf>,
    /// Evidence of backtests.
    pub(crate) evidence: Vec<PathBuf>,
    /// Setpoints move for so long, so that a model can be learned; then the daemon ends.
    pub(crate) excite: Option<Span>,
    /// Where several controllers agree on who leads.
    pub(crate) store: Option<election::Options>,
}

/// Runs the daemon until a signal.
///
/// # Errors
/// Anything that keeps it from starting, and a journal that cannot be written.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let Some(loaded) = loaded_of(&options) else {
        return Ok(ExitCode::from(crate::exit::CONFIGURATION));
    };
    let Some(visitors) = visitors_of(&options)? else {
        return Ok(ExitCode::from(crate::exit::CONFIGURATION));
    };
    let clock = clock_of(&options)?;
    let epoch = next_epoch(&options.state)?;
    let mut journal = Journal::within(&options.state.join("journal.jsonl"), options.journal_bytes)?;
    let writes_allowed = loaded.writes_allowed();
    let identity = Identity { who: options.id.clone(), epoch };
    let tape = tape_of(&loaded, &identity, &options);
    if loaded.wants.weather_forecast.as_ref().is_some_and(|f| f.is_over(clock.now())) {
        tracing::warn!("the forecast of the weather ends before now: the past and the sensor have to do");
    }
    let line = match begin(&loaded.site, loaded.wants, identity, &options) {
        Ok(line) => line,
        Err(why) => return refuse(&why),
    };
    let (lead, field) = match Lead::connect(&line, &clock, writes_allowed, &options) {
        Ok(connected) => connected,
        Err(why) => return refuse(&why),
    };
    let bulletin = Bulletin::open(line.site(), &lead.start(epoch))?;
    let mut view = View::new(line.site(), &loaded.policy_name, writes_allowed, epoch);
    view.unproven = loaded.unproven;
    let keeper = Keeper::new(&line, epoch, &options.state);
    let (shown, server) = Shown::serve(view, &line, &clock, &keeper, (&options, visitors)).await?;
    tracing::info!(site = %line.site().name, policy = %loaded.policy_name, epoch, writes_allowed, http = %server, "the controller runs");
    let recorder = options.record.as_deref().map(|path| Recorder::open(path, line.site())).transpose()?;
    let mut daemon = Daemon {
        line,
        field,
        clock,
        journal: &mut journal,
        keeper,
        shown,
        bulletin,
        inbox: Inbox::default(),
        journalled: None,
        doubts: 0,
        recorder,
        tape,
        experiment: Experiment::default(),
        state: options.state.clone(),
        standing: Standing::new(&options.state),
        released: None,
        succeeded: false,
        lead,
        office: Office::Sole,
    };
    let outcome = daemon.until_told().await;
    // An experiment that was ended before its time is none.
    let torn = options.excite.is_some() && !daemon.experiment.is_done();
    daemon.let_go().await;
    outcome.map(|()| if torn { ExitCode::from(crate::exit::FAULT) } else { ExitCode::SUCCESS })
}

/// What the pages show, and who asks over them.
struct Shown {
    view: Arc<Mutex<View>>,
    trend: trend::Shared,
    seen: seen::pages::Shared,
    asked: mpsc::Receiver<Question>,
}

impl Shown {
    /// Serves the pages; where they are.
    async fn serve(
        view: View,
        line: &Line,
        clock: &Clock,
        keeper: &Keeper,
        (options, visitors): (&Options, Visitors),
    ) -> Result<(Self, SocketAddr)> {
        let view = Arc::new(Mutex::new(view));
        let seen = Arc::new(Mutex::new(Seen::new(line, options.history)));
        let pages = http::Pages::new(&view, clock, line.site().power_period);
        let trend = trend::Shared::default();
        let (questions, asked) = Questions::new();
        let answered = explain::routes(questions.clone(), Arc::clone(&seen))
            .merge(what_if::routes(questions.clone()))
            .merge(diagram::routes(Diagram::new(line.site()), questions));
        let (state, operators) = (options.state.clone(), visitors.operators);
        let desk = Desk { state, operators, view: Arc::clone(&view), clock: clock.clone() };
        let telemetry = seen::pages::routes(Arc::clone(&seen));
        let more = telemetry.merge(trend::routes(Arc::clone(&trend))).merge(answered);
        let more = more.merge(ledger::routes(keeper.shared())).merge(desk::routes(desk));
        let server = http::serve((options.http, visitors.secured), &options.state, pages, more).await?;
        Ok((Self { view, trend, seen, asked }, server))
    }
}

struct Daemon<'a> {
    line: Line,
    field: LiveField,
    clock: Clock,
    journal: &'a mut Journal,
    keeper: Keeper,
    shown: Shown,
    bulletin: Bulletin,
    inbox: Inbox,
    journalled: Option<Stamp>,
    /// Changes of points in doubt that are in the journal.
    doubts: u64,
    recorder: Option<Recorder>,
    tape: Option<tape::Writer>,
    experiment: Experiment,
    state: PathBuf,
    /// What operators say of single setpoints.
    standing: Standing,
    /// An operator has let everything go.
    released: Option<Released>,
    /// It was said that another controller has taken over.
    succeeded: bool,
    lead: Lead,
    /// The office that stands in the journal.
    office: Office,
}

impl Daemon<'_> {
    /// Hands over to one that stands by, else relinquishes everything, and waits until that is on its way.
    async fn let_go(self) {
        supervisor::stopping();
        let Self { mut field, bulletin, mut keeper, line, lead, .. } = self;
        let farewell = lead.leave().await;
        // Without a mandate nothing of it is said.
        field.release();
        keeper.end(&line);
        tokio::time::sleep(FAREWELL).await;
        field.close().await;
        bulletin.close().await;
        lead.close().await;
        tracing::info!("{farewell}");
    }

    async fn until_told(&mut self) -> Result<()> {
        let mut term = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let period = self.line.site().power_period;
        let mut due = next_multiple(self.clock.now(), period);
        let mut missed = 0_u64;
        let mut supervisor = Supervisor::of(period);
        loop {
            let urgent = tokio::select! {
                () = until(&self.clock, due, period) => false,
                () = self.field.urgent() => true,
                () = self.lead.changed() => true,
                Some(question) = self.shown.asked.recv() => {
                    question(&self.line);
                    continue;
                }
                _ = term.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            };
            let started = self.clock.now();
            if is_set_back(started, due, period) {
                let by_s = due.since(started).s();
                bail!(
                    "the clock was set back by {by_s:.0} s: what was learned is dated wrong; let go, to be started again"
                );
            }
            if urgent && started < due {
                self.tick(started)?;
                // a limit that flutters has the ticks of its own no faster than this
                self.clock.sleep_until(due.min(started + URGENT_GAP)).await;
                continue;
            }
            let lag = started.since(due);
            let verified = self.tick(due)?;
            let late = started.since(due).ns() / period.ns();
            missed += late.max(0) as u64;
            let took = self.clock.now().since(started);
            due = due + Span::from_ns(period.ns() * (late + 1));
            self.show(verified, &Pace { lag, took, next: due, missed });
            supervisor.ticked();
            if self.experiment.is_over(&self.line) {
                return Ok(());
            }
        }
    }

    /// One tick: take, decide, keep, send. True if every read-back verified.
    fn tick(&mut self, now: Stamp) -> Result<bool> {
        let (clock, began) = (self.clock.clone(), self.clock.mono_ns());
        self.field.take_back(&mut self.inbox);
        self.field.drain(&mut self.inbox);
        self.released = release::look(&self.state);
        self.inbox.released = self.released.is_some();
        self.inbox.office = self.lead.office();
        self.standing.look(self.line.site(), self.line.wants());
        self.standing.instructions(now, &mut self.inbox.instructions);
        let tick = {
            let mut seen = seen::pages::lock(&self.shown.seen);
            let tick = self.line.tick_seen(&self.inbox, now, &mut *seen);
            seen.settle(&self.line);
            tick
        };
        self.tell_succeeded();
        self.lead.tell(&self.line, tick.verified, self.released.as_ref(), &self.standing);
        let kept = self.keep(&tick);
        let period = self.line.site().power_period;
        let age = || Span::from_ns(i64::try_from(clock.mono_ns().saturating_sub(began)).unwrap_or(i64::MAX));
        if !carry_out(&tick, kept, || is_too_late(age(), period), &mut self.field)? {
            tracing::warn!(
                age_s = age().s(),
                "a decision has waited too long to be written; the next tick decides anew"
            );
        }
        self.keeper.tick(&self.line);
        // A table is a convenience: a full disk must not stop the loop.
        if let Some(recorder) = &mut self.recorder
            && let Err(why) = recorder.take(&self.line)
        {
            tracing::warn!("nothing more is recorded: {why:#}");
            self.recorder = None;
        }
        // What one that stands by advises is on its pages: on the bus it would stand in place of the leader's.
        let public = |a: &&Advice| record::is_public(a.mode) && self.inbox.office.commands();
        for advice in tick.advice.iter().filter(public) {
            let (topic, payload) = record::advice_message(&self.line, advice, now);
            self.bulletin.tell(&topic, payload);
        }
        Ok(tick.verified)
    }

    /// Another controller has taken over: said once.
    fn tell_succeeded(&mut self) {
        if let Some(epoch) = self.line.succeeded().filter(|_| !std::mem::replace(&mut self.succeeded, true)) {
            tracing::error!(
                epoch,
                "another controller has taken over: nothing more is commanded here; end this one, or see that its state folder is kept"
            );
        }
    }

    /// Into the journal, and onto the tape.
    fn keep(&mut self, tick: &Tick) -> Result<()> {
        let due = self.journalled.is_none_or(|at| tick.stamp.since(at) >= JOURNAL_EVERY);
        let doubts = self.line.plausible().changes() + self.line.health().changes();
        let office = self.office != *self.line.office();
        let journals =
            due || office || doubts != self.doubts || !tick.commands.is_empty() || !tick.advice.is_empty();
        if !journals && self.tape.is_none() {
            return Ok(());
        }
        let record = serde_json::to_string(&Record::new(&self.line, tick))?;
        if journals {
            self.journal.append_text(&record)?;
            self.journalled = Some(tick.stamp);
            self.doubts = doubts;
            self.office.clone_from(self.line.office());
        }
        // A full disk must not stop the loop.
        if let Some(tape) = &mut self.tape
            && let Err(why) = tape.tell(tape::Told::new(self.line.site(), tick.stamp, &self.inbox, &record))
        {
            tracing::warn!("the tape ends: {why:#}");
            self.tape = None;
        }
        Ok(())
    }

    fn show(&mut self, verified: bool, pace: &Pace) {
        let mut view = self.shown.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.update(&self.line, verified, pace);
        view.released.clone_from(&self.released);
        (view.epoch, view.leadership) = (self.line.epoch(), self.lead.view());
        let now = self.line.snapshot().stamp;
        view.actuators
            .iter_mut()
            .enumerate()
            .for_each(|(a, row)| row.instruction = self.standing.of(a, now).cloned());
        self.keeper.tell(&mut view.ledger);
        self.shown.trend.lock().unwrap_or_else(PoisonError::into_inner).take(&view);
        if view.wants_connections() {
            let status = self.field.status();
            (view.writes, view.readings_dropped) = (status.writes(), status.dropped);
            view.connections = view::connections(&status);
        }
    }
}
