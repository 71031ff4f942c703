//! The live view: 80 by 24, redrawn in place; without a terminal, a line every five plant minutes.

use super::happening::{active, clock};
use super::stage::Shown;
use crate::run::view::{SetpointView, View};
use crate::status::headroom;
use headroom_sim::scenario::Scenario;
use headroom_site::time::{civil_from_days, days_from_civil};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

/// Columns.
const WIDTH: usize = 80;
/// Setpoints shown.
const SETPOINTS: usize = 5;
/// Happenings shown.
const LINES: usize = 3;
/// Plant time between two plain lines, s.
const LINE_EVERY_S: f64 = 300.0;

/// What does not change during a run.
#[derive(Debug, Clone)]
pub(super) struct Fixed {
    pub(super) gpus: usize,
    pub(super) policy: String,
    /// Mode asked for, with its comma; empty where the policy decides.
    pub(super) mode: &'static str,
    pub(super) scenario: Scenario,
    pub(super) hours: f64,
    pub(super) asked: String,
}

/// What the next picture is made of.
pub(super) struct Picture<'a> {
    pub(super) shown: &'a Shown,
    pub(super) view: Option<&'a View>,
    /// Plant seconds per second over the last moments.
    pub(super) speed: f64,
    pub(super) missed: u64,
    pub(super) begun: bool,
}

/// The screen.
pub(super) struct Screen {
    fixed: Fixed,
    live: bool,
    happened: VecDeque<String>,
    line_due_s: f64,
}

impl Screen {
    pub(super) fn new(fixed: Fixed) -> Self {
        let live = std::io::stdout().is_terminal();
        if live {
            // Alternate screen, no cursor.
            print!("\x1b[?1049h\x1b[?25l");
        }
        Self { fixed, live, happened: VecDeque::new(), line_due_s: 0.0 }
    }

    /// What is played.
    pub(super) fn scenario(&self) -> &Scenario {
        &self.fixed.scenario
    }

    /// Something has happened.
    pub(super) fn tell(&mut self, elapsed_s: f64, what: &str) {
        let line = format!("{}  {what}", clock(elapsed_s));
        if self.live {
            self.happened.push_back(line);
            if self.happened.len() > LINES {
                self.happened.pop_front();
            }
        } else {
            println!("{line}");
        }
    }

    /// Draws, or prints a line if one is due.
    pub(super) fn draw(&mut self, picture: &Picture<'_>) {
        if self.live {
            let text = self.text(picture);
            let mut out = std::io::stdout().lock();
            // A terminal that is gone is noticed by its hangup.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        } else if picture.begun && picture.shown.elapsed_s > self.line_due_s {
            self.line_due_s =
                (picture.shown.elapsed_s / LINE_EVERY_S).floor().mul_add(LINE_EVERY_S, LINE_EVERY_S);
            println!("{}", plain(picture));
        }
    }

    /// Gives the terminal back.
    pub(super) fn close(&mut self) {
        if std::mem::take(&mut self.live) {
            print!("\x1b[?25h\x1b[?1049l");
            let _ = std::io::stdout().flush();
        }
    }

    fn text(&self, p: &Picture<'_>) -> String {
        let mut lines = Vec::with_capacity(24);
        self.head(p, &mut lines);
        power(p, &mut lines);
        jobs(p, &mut lines);
        setpoints(p, &mut lines);
        self.foot(p, &mut lines);
        let mut text = "\x1b[H".to_owned();
        for line in lines.iter().take(23) {
            let cut: String = line.chars().take(WIDTH).collect();
            // Writing into a String cannot fail.
            let _ = write!(text, "{cut}\x1b[K\r\n");
        }
        text + "\x1b[J"
    }

    fn head(&self, p: &Picture<'_>, lines: &mut Vec<String>) {
        let (f, s) = (&self.fixed, p.shown);
        let place = format!("{:.1} C, wet bulb {:.1} C", s.outdoor_c, s.wet_bulb_c);
        lines.push(format!(
            "Headroom  {} GPUs  {}{}  {}  {place}",
            f.gpus,
            f.policy,
            f.mode,
            local_time(s.now_s)
        ));
        let total_s = f.hours * 3600.0;
        let share = (s.elapsed_s / total_s).clamp(0.0, 1.0);
        let filled = (share * 30.0).round() as usize;
        let bar = "#".repeat(filled) + &".".repeat(30 - filled);
        lines.push(format!(
            "[{bar}] {} of {}  {:.0}x ({}), {} missed",
            clock(s.elapsed_s),
            clock(total_s),
            p.speed,
            f.asked,
            p.missed
        ));
        let now = active(&f.scenario, s.elapsed_s);
        let now = match (p.begun, now.is_empty()) {
            (false, _) => "waiting for agents and controller".to_owned(),
            (true, true) => "quiet".to_owned(),
            (true, false) => now.join("; "),
        };
        lines.push(format!("now       {now}"));
    }

    fn foot(&self, p: &Picture<'_>, lines: &mut Vec<String>) {
        let c = &p.shown.carried;
        lines.push(String::new());
        lines.extend(self.happened.iter().cloned());
        lines.push(format!(
            "written: {} DSX requests, {} Modbus, {} caps, {} locks",
            c.dsx_requests, c.modbus_writes, c.cap_writes, c.lock_writes
        ));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

fn kw(w: f64) -> String {
    format!("{:.1} kW", w * 1e-3)
}

fn power(p: &Picture<'_>, lines: &mut Vec<String>) {
    let s = p.shown;
    let pue = if s.it_w > 0.0 { s.facility_w / s.it_w } else { 0.0 };
    lines.push(format!(
        "power     facility {} of {}   IT {}   cooling {}",
        kw(s.facility_w),
        kw(s.limit_w),
        kw(s.it_w),
        kw(s.cooling_w)
    ));
    lines.push(format!(
        "          PUE {pue:.4}, so far {:.4}   {:.1} kWh   GPUs capped {}, locked {}",
        s.score.pue, s.score.facility_kwh, s.capped, s.locked
    ));
    let t = &s.score.throttled_gpu_s;
    lines.push(format!(
        "throttled thermal {:.0} GPU s, slowdown {:.0}, power cap {:.0}",
        t.sw_thermal + t.hw_thermal,
        t.hw_slowdown,
        t.sw_power_cap
    ));
    let headroom = p.view.map_or("the controller does not answer".to_owned(), headroom);
    lines.push(format!("headroom  {headroom}"));
}

fn jobs(p: &Picture<'_>, lines: &mut Vec<String>) {
    lines.push(String::new());
    lines.push(format!("{:<12}{:>6}{:>12}{:>10}{:>13}", "job", "GPUs", "clock", "spread", "tokens/s"));
    for j in &p.shown.jobs {
        lines.push(format!(
            "{:<12}{:>6}{:>8.0} MHz{:>8.2} %{:>13.0}",
            j.name,
            j.gpus,
            j.clock_mhz,
            j.cv * 100.0,
            j.tokens_per_s
        ));
    }
}

/// The setpoints that are furthest from where they stand, each with its reason.
fn setpoints(p: &Picture<'_>, lines: &mut Vec<String>) {
    lines.push(String::new());
    lines.push(format!("{:<28}{:>18}  why", "setpoint", "stands -> admitted"));
    let Some(view) = p.view else { return };
    let mut all: Vec<&SetpointView> = view.setpoints.iter().collect();
    let distance = |s: &SetpointView| s.admitted.map_or(0.0, |a| (a - s.stands).abs());
    all.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
    for s in all.into_iter().take(SETPOINTS) {
        let to = s.admitted.map_or("refused".to_owned(), |a| format!("{a:.1}"));
        let change = format!("{:.1} -> {to} {}", s.stands, s.unit);
        let name: String = s.actuator.chars().take(27).collect();
        let why = s.guard.as_ref().unwrap_or(&s.why);
        lines.push(format!("{name:<28}{change:>18}  {why}"));
    }
}

/// One plain line.
fn plain(p: &Picture<'_>) -> String {
    let s = p.shown;
    let clocks: Vec<String> =
        s.jobs.iter().map(|j| format!("{:.0} +- {:.1} %", j.clock_mhz, j.cv * 100.0)).collect();
    let room = p.view.map_or("-".to_owned(), |v| format!("{:.1} K", v.headroom_k));
    format!(
        "{}  {} of {}  IT {}  cooling {}  PUE {:.4}  headroom {room}  MHz {}  {:.0}x",
        clock(s.elapsed_s),
        kw(s.facility_w),
        kw(s.limit_w),
        kw(s.it_w),
        kw(s.cooling_w),
        s.score.pue,
        clocks.join(", "),
        p.speed
    )
}

/// "18 Jul 13:07" of seconds since 1 January.
fn local_time(now_s: f64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let s = now_s.max(0.0) as i64;
    let (_, month, day) = civil_from_days(days_from_civil(2025, 1, 1) + s / 86_400);
    let month = MONTHS[(month - 1).clamp(0, 11) as usize];
    format!("{day} {month} {:02}:{:02}", s / 3600 % 24, s / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stage::JobShown;

    #[test]
    fn a_picture_fits_the_terminal() {
        let fixed = Fixed {
            gpus: 512,
            policy: "balanced".into(),
            mode: ", active",
            scenario: Scenario::shipped("demo").unwrap(),
            hours: 2.0,
            asked: "asked 60x".into(),
        };
        let mut screen = Screen { fixed, live: true, happened: VecDeque::new(), line_due_s: 0.0 };
        (0..9).for_each(|n| screen.tell(f64::from(n), &"long ".repeat(40)));
        let shown = Shown {
            elapsed_s: 3600.0,
            now_s: 198.0 * 86_400.0 + 46_800.0,
            jobs: vec![JobShown { name: "train-a".into(), ..JobShown::default() }; 4],
            ..Shown::default()
        };
        let point = SetpointView { actuator: "a".repeat(60), why: "w".repeat(90), ..SetpointView::default() };
        let view = View { setpoints: vec![point; 20], ..View::default() };
        let picture = Picture { shown: &shown, view: Some(&view), speed: 60.0, missed: 0, begun: true };
        let text = screen.text(&picture);
        screen.live = false;
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines.len() <= 24, "{}", lines.len());
        let visible =
            |l: &str| l.replace("\x1b[K", "").replace("\x1b[H", "").replace("\x1b[J", "").chars().count();
        assert!(lines.iter().all(|l| visible(l) <= WIDTH), "{text}");
        assert!(text.contains("CDU-02: pump 1 has failed") && text.contains("18 Jul 13:00"), "{text}");
    }
}
