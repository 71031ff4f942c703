//! What is wrong, from the status, as the web page has it: alarms first, the surest on top, each with its evidence in the
//! daemon's own words.
//!
//! Responsible for: what counts as wrong, and how much. Not for: how it is drawn.

use super::say::{count, digits, span, stamp};
use crate::run::view::View;
use headroom_site::Stamp;

/// How much something is wrong, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Alarm,
    Warning,
    Notice,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Alarm => "Alarm",
            Self::Warning => "Warning",
            Self::Notice => "Notice",
        })
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) level: Level,
    pub(super) title: String,
    pub(super) evidence: Vec<String>,
    /// Size over its sigma; 0 where it has none.
    sure: f64,
}

impl Trouble {
    fn new(level: Level, title: String, evidence: Vec<String>) -> Self {
        Self { level, title, evidence, sure: 0.0 }
    }
}

/// All of it, in order.
pub(super) fn troubles(v: &View) -> Vec<Trouble> {
    let mut all = alarms(v);
    all.extend(ailments(v));
    all.extend(doubts(v));
    all.extend(notices(v));
    all.sort_by(|a, b| a.level.cmp(&b.level).then(b.sure.total_cmp(&a.sure)));
    all
}

fn alarms(v: &View) -> Vec<Trouble> {
    let alarm = |title: String, evidence: Vec<String>| Trouble::new(Level::Alarm, title, evidence);
    let mut out = Vec::new();
    if let Some(r) = &v.released {
        let mut said = if r.by.is_empty() { "somebody".to_owned() } else { r.by.clone() };
        if r.unix_ms > 0 {
            said += &format!(", {}", stamp(&Stamp::from_unix_ms(r.unix_ms).to_string()));
        }
        if !r.why.is_empty() {
            said += &format!(": {}", r.why);
        }
        let again = "headroom resume takes it again.".to_owned();
        out.push(alarm("everything is let go: nothing is commanded".to_owned(), vec![said, again]));
    }
    if !v.verified {
        let what = "A read-back that a held command needs, or an agent, is missing. No heartbeat goes to the plant meanwhile.";
        out.push(alarm("the state of the plant is not verified".to_owned(), vec![what.to_owned()]));
    }
    if v.gpus_warned > 0 {
        let soon = v.warnings.iter();
        let soon = soon.map(|w| {
            format!("{}: {} to the {} limit, since {}", w.node, span(w.seconds), w.limit, stamp(&w.since))
        });
        let title = format!("{} GPUs slow down for heat soon if nothing changes", count(v.gpus_warned));
        out.push(alarm(title, soon.collect()));
    }
    for c in v.connections.iter().filter(|c| c.state.starts_with("down")) {
        out.push(alarm(format!("no connection to {}", c.id), vec![c.state.clone()]));
    }
    if v.gpus_heard < v.gpus {
        let title = format!("{} of {} GPUs are not heard", count(v.gpus - v.gpus_heard), count(v.gpus));
        let what = "What they draw is reckoned with at its worst. The table of GPUs names them.".to_owned();
        out.push(alarm(title, vec![what]));
    }
    for b in &v.branches {
        let Some(budget_w) = b.budget_w.filter(|w| b.power_w > *w) else { continue };
        let said = format!("{} kW of {} kW", digits(b.power_w * 1e-3, 1), digits(budget_w * 1e-3, 1));
        out.push(alarm(format!("{} draws more than its budget", b.id), vec![said]));
    }
    out
}

fn ailments(v: &View) -> Vec<Trouble> {
    let one = |f: &crate::run::health::FindingView| {
        let with = f.with.as_ref().map_or(String::new(), |with| format!(" and {with}"));
        let title = format!("{} of {}{with}: {}, since {}", f.ailment, f.of, f.size, stamp(&f.since));
        let or = f.or.iter().map(|or| format!("or {or}"));
        let sure = match (f.size_value, f.size_sigma) {
            (Some(size), Some(sigma)) if sigma > 0.0 => size.abs() / sigma,
            _ => 0.0,
        };
        Trouble {
            level: Level::Warning,
            title,
            evidence: f.evidence.iter().cloned().chain(or).collect(),
            sure,
        }
    };
    v.health.iter().map(one).collect()
}

fn doubts(v: &View) -> Vec<Trouble> {
    let one = |d: &crate::run::record::DoubtRecord| {
        let level = if d.quality.starts_with("bad") { Level::Warning } else { Level::Notice };
        let mut evidence = vec![d.why.clone()];
        if !d.with.is_empty() {
            evidence.push(format!("it contradicts {}", d.with.join(", ")));
        }
        Trouble::new(level, format!("{} is {}, since {}", d.point, d.quality, stamp(&d.since)), evidence)
    };
    v.implausible.iter().map(one).collect()
}

fn notices(v: &View) -> Vec<Trouble> {
    let notice = |title: String, evidence: String| Trouble::new(Level::Notice, title, vec![evidence]);
    let mut out = Vec::new();
    let bad = v.points.saturating_sub(v.points_good);
    if bad > 0 {
        let title = format!("{} of {} points are not good", count(bad), count(v.points));
        out.push(notice(title, "headroom points --bad names them.".to_owned()));
    }
    for c in &v.clocks {
        if let Some(fault) = &c.fault {
            out.push(notice(format!("the clock of {}", c.source), fault.clone()));
        }
    }
    for f in &v.unmetered {
        let said =
            format!("from what it carries: {} ± {} L/min", digits(f.flow_lpm, 0), digits(f.sigma_lpm, 0));
        out.push(notice(format!("nobody meters the flow of {}", f.of), said));
    }
    for b in &v.ahead.budgets_ahead {
        if let Some(begins) = &b.begins {
            let said = format!("at most {} kW from {} on", digits(b.least_w * 1e-3, 1), stamp(begins));
            out.push(notice(format!("{} may draw less soon", b.branch), said));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::health::FindingView;
    use crate::run::view::{BranchView, ConnectionView};

    #[test]
    fn alarms_come_first_and_the_surest_finding_before_the_others() {
        let mut v = View { gpus: 8, gpus_heard: 6, points: 9, points_good: 7, ..View::default() };
        let finding = |of: &str, size: f64| FindingView {
            ailment: "fouling".into(),
            of: of.into(),
            size_value: Some(size),
            size_sigma: Some(0.1),
            ..FindingView::default()
        };
        v.health.extend([finding("CDU-01", 0.2), finding("CDU-02", -0.9)]);
        v.connections.push(ConnectionView { id: "bms".into(), up: false, state: "down: refused".into() });
        v.branches.push(BranchView {
            id: "feed".into(),
            power_w: 2e3,
            budget_w: Some(1e3),
            ..BranchView::default()
        });
        let all = troubles(&v);
        let titles: Vec<&str> = all.iter().map(|t| t.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "the state of the plant is not verified",
                "no connection to bms",
                "2 of 8 GPUs are not heard",
                "feed draws more than its budget",
                "fouling of CDU-02: , since ",
                "fouling of CDU-01: , since ",
                "2 of 9 points are not good",
            ]
        );
        assert_eq!(all[3].evidence, ["2.0 kW of 1.0 kW"]);
        assert!(troubles(&View { verified: true, ..View::default() }).is_empty());
    }
}
