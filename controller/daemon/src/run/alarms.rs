//! What is wrong: by priority, the surest on top, each with its evidence in the daemon's own words and what is to be done.
//!
//! Responsible for: what counts as wrong, how much, and whose move it is. Not for: how it is drawn (the page, `top`), nor for finding it.
//!
//! In the words of ISA-18.2: an alarm wants somebody to act now, a warning in the shift, a notice when there is time. What wants
//! nobody to act is none.

use super::view::View;
use crate::election::view::LeadershipView;
use crate::say::{count, digits, span, stamp};
use headroom_site::Stamp;
use serde::{Deserialize, Serialize};

/// How much something is wrong, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    Alarm,
    Warning,
    Notice,
}

impl Level {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Alarm, Self::Warning, Self::Notice];

    /// As metrics have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlarmView {
    /// The same for the same thing, as long as it is wrong.
    pub(crate) key: String,
    pub(crate) level: Level,
    pub(crate) title: String,
    pub(crate) evidence: Vec<String>,
    /// What is to be done about it.
    pub(crate) action: String,
    /// Size over its sigma; 0 where it has none.
    #[serde(skip)]
    sure: f64,
}

impl AlarmView {
    fn new(level: Level, key: String, title: String, evidence: Vec<String>, action: &str) -> Self {
        Self { key, level, title, evidence, action: action.to_owned(), sure: 0.0 }
    }
}

/// All of it, in order.
pub(crate) fn alarms(v: &View) -> Vec<AlarmView> {
    let mut all = urgent(v);
    all.extend(ailments(v));
    all.extend(doubts(v));
    all.extend(notices(v));
    all.sort_by(|a, b| a.level.cmp(&b.level).then(b.sure.total_cmp(&a.sure)));
    all
}

fn urgent(v: &View) -> Vec<AlarmView> {
    let alarm = |key: &str, title: String, evidence: Vec<String>, action: &str| {
        AlarmView::new(Level::Alarm, key.to_owned(), title, evidence, action)
    };
    let mut out = Vec::new();
    if let Some(r) = &v.released {
        let mut said = if r.by.is_empty() { "somebody".to_owned() } else { r.by.clone() };
        if r.unix_ms > 0 {
            said += &format!(", {}", stamp(&Stamp::from_unix_ms(r.unix_ms).to_string()));
        }
        if !r.why.is_empty() {
            said += &format!(": {}", r.why);
        }
        let title = "everything is let go: nothing is commanded".to_owned();
        out.push(alarm("released", title, vec![said], "headroom resume takes it again"));
    }
    out.extend(v.leadership.iter().flat_map(leadership));
    if !v.verified {
        let what = "A read-back that a held command needs, or an agent, is missing. No heartbeat goes to the plant meanwhile.";
        let title = "the state of the plant is not verified".to_owned();
        let action = "look at the connections and at headroom points --bad";
        out.push(alarm("verified", title, vec![what.to_owned()], action));
    }
    out.extend(swing(v));
    if v.gpus_warned > 0 {
        let soon = v.warnings.iter();
        let soon = soon.map(|w| {
            format!("{}: {} to the {} limit, since {}", w.node, span(w.seconds), w.limit, stamp(&w.since))
        });
        let title = format!("{} GPUs slow down for heat soon if nothing changes", count(v.gpus_warned));
        let action = "headroom explain NODE says what warms it; look at its coolant and at the pumps";
        out.push(alarm("warned", title, soon.collect(), action));
    }
    for c in v.connections.iter().filter(|c| c.state.starts_with("down")) {
        let (key, title) = (format!("connection {}", c.id), format!("no connection to {}", c.id));
        out.push(alarm(&key, title, vec![c.state.clone()], "look at the network, and at who answers there"));
    }
    if v.gpus_heard < v.gpus {
        let title = format!("{} of {} GPUs are not heard", count(v.gpus - v.gpus_heard), count(v.gpus));
        let what = "What they draw is reckoned with at its worst.".to_owned();
        let action = "the table of GPUs names them; look at the agents of their nodes";
        out.push(alarm("heard", title, vec![what], action));
    }
    for b in &v.branches {
        let Some(budget_w) = b.budget_w.filter(|w| b.power_w > *w) else { continue };
        let said = format!("{} kW of {} kW", digits(b.power_w * 1e-3, 1), digits(budget_w * 1e-3, 1));
        let (key, title) = (format!("branch {}", b.id), format!("{} draws more than its budget", b.id));
        out.push(alarm(&key, title, vec![said], "caps come down by themselves; if it stays, take load off"));
    }
    out
}

/// What is wrong with the election.
fn leadership(l: &LeadershipView) -> Vec<AlarmView> {
    let mut out = Vec::new();
    if l.leader.is_none() {
        let what = format!("{} stands by; what was held ends with its leases", l.who);
        let action = "look at the store, and at the other controllers";
        let title = "no controller leads: nothing is commanded".to_owned();
        out.push(AlarmView::new(Level::Alarm, "leader".to_owned(), title, vec![what], action));
    }
    if let Some(why) = &l.trouble {
        let title = format!("the store {} does not answer", l.store);
        let action = "look at it, and at the network: nobody can take over without it";
        out.push(AlarmView::new(Level::Warning, "store".to_owned(), title, vec![why.clone()], action));
    }
    if l.leads && l.standbys.is_empty() {
        let what = "If this controller ends, the plant goes back to its own BMS.".to_owned();
        let title = "no other controller stands by".to_owned();
        let action = "start one: headroom run with the same --store and another --id";
        out.push(AlarmView::new(Level::Warning, "standby".to_owned(), title, vec![what], action));
    }
    out
}

/// A swing that cannot be kept, or not be seen.
fn swing(v: &View) -> Option<AlarmView> {
    let s = v.swing.filter(|s| !s.kept || s.blind > 0)?;
    let [held, allowed] = [s.held_w, s.allowed_w].map(|w| w * 1e-3);
    if s.blind > 0 {
        let title = "how far the site swings is not fully seen".to_owned();
        let what = format!(
            "{} GPUs show means only, or swing in step with their samples: whether the mask is kept is not known",
            s.blind
        );
        let action =
            "let agents look each 100 ms (periods.agent of the site file), or meter the connection faster";
        return Some(AlarmView::new(Level::Warning, "swing".to_owned(), title, vec![what], action));
    }
    let title = "the site swings further than the grid allows".to_owned();
    let what = format!(
        "{held:.1} kW peak to peak if all swing together, of {allowed:.1} kW; every cap is at its lowest"
    );
    let action = "stop or move a job that swings, or let a battery or the GPUs' power smoothing carry it";
    Some(AlarmView::new(Level::Warning, "swing".to_owned(), title, vec![what], action))
}

fn ailments(v: &View) -> Vec<AlarmView> {
    let one = |f: &super::health::FindingView| {
        let with = f.with.as_ref().map_or(String::new(), |with| format!(" and {with}"));
        let title = format!("{} of {}{with}: {}, since {}", f.ailment, f.of, f.size, stamp(&f.since));
        let or = f.or.iter().map(|or| format!("or {or}"));
        let sure = match (f.size_value, f.size_sigma) {
            (Some(size), Some(sigma)) if sigma > 0.0 => size.abs() / sigma,
            _ => 0.0,
        };
        let key = format!("{} {} {}", f.ailment, f.of, f.with.as_deref().unwrap_or_default());
        let evidence = f.evidence.iter().cloned().chain(or).collect();
        let alarm = AlarmView::new(Level::Warning, key, title, evidence, remedy(&f.ailment));
        AlarmView { sure, ..alarm }
    };
    v.health.iter().map(one).collect()
}

/// What is to be done about what ails.
fn remedy(ailment: &str) -> &'static str {
    match ailment {
        "fouling" => "have it cleaned",
        "pump-wear" => "have the pump looked at, and its spare tried",
        "air" => "vent the loop",
        "clogging" => "clean the strainer",
        "valve-sticks" | "valve-stuck" => "have the valve and its drive looked at",
        "sensor-off" => "check the sensor against a second one",
        "sensors-swapped" => "swap them back, on the wall or in the site file",
        "hot-gpu" => "look at its cold plate and paste",
        "setpoint-not-followed" => {
            "ask the BMS who has the point, and what clamps it; headroom instruct SETPOINT auto tries at once"
        }
        "interlock" => "clear the trip at the plant; it comes back by itself a while after",
        "interlock-unknown" => "look at the connection that brings this point",
        _ => "look at it",
    }
}

fn doubts(v: &View) -> Vec<AlarmView> {
    let one = |d: &super::record::DoubtRecord| {
        let level = if d.quality.starts_with("bad") { Level::Warning } else { Level::Notice };
        let mut evidence = vec![d.why.clone()];
        if !d.with.is_empty() {
            evidence.push(format!("it contradicts {}", d.with.join(", ")));
        }
        let title = format!("{} is {}, since {}", d.point, d.quality, stamp(&d.since));
        AlarmView::new(
            level,
            format!("doubt {}", d.point),
            title,
            evidence,
            "check the sensor; it is not used meanwhile",
        )
    };
    v.implausible.iter().map(one).collect()
}

fn notices(v: &View) -> Vec<AlarmView> {
    let notice = |key: String, title: String, evidence: String, action: &str| {
        AlarmView::new(Level::Notice, key, title, vec![evidence], action)
    };
    let mut out = Vec::new();
    for why in &v.unproven {
        let title = why.split(": ").next().unwrap_or(why).to_owned();
        let action = "headroom backtest --out FILE on a tape of this site, then headroom run --evidence FILE";
        out.push(notice(title.clone(), title, why.clone(), action));
    }
    let bad = v.points.saturating_sub(v.points_good);
    if bad > 0 {
        let title = format!("{} of {} points are not good", count(bad), count(v.points));
        out.push(notice(
            "points".to_owned(),
            title,
            "They are not used.".to_owned(),
            "headroom points --bad names them",
        ));
    }
    for c in &v.clocks {
        if let Some(fault) = &c.fault {
            let (key, title) = (format!("clock {}", c.source), format!("the clock of {}", c.source));
            out.push(notice(
                key,
                title,
                fault.clone(),
                "set it by NTP; its stamps are corrected meanwhile where that can be",
            ));
        }
    }
    for f in &v.unmetered {
        let said =
            format!("from what it carries: {} ± {} L/min", digits(f.flow_lpm, 0), digits(f.sigma_lpm, 0));
        let (key, title) = (format!("flow {}", f.of), format!("nobody meters the flow of {}", f.of));
        out.push(notice(key, title, said, "a flow meter there would make its headroom surer"));
    }
    for b in &v.ahead.budgets_ahead {
        if let Some(begins) = &b.begins {
            let said = format!("at most {} kW from {} on", digits(b.least_w * 1e-3, 1), stamp(begins));
            let (key, title) = (format!("ahead {}", b.branch), format!("{} may draw less soon", b.branch));
            out.push(notice(key, title, said, "load comes down by itself; tell those whose work waits"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::health::FindingView;
    use super::super::view::{BranchView, ConnectionView};
    use super::*;

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
        let all = alarms(&v);
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
        assert!(all.iter().all(|a| !a.action.is_empty() && !a.key.is_empty()));
        assert!(alarms(&View { verified: true, ..View::default() }).is_empty());
    }
}
