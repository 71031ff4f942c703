//! Functional tests that a deploying engineer runs, each with what to expect and by when, of the numbers of the two files.

use super::actuators::Case;
use super::gpus::branches;
use super::model::Trial;
use super::say::{in_s, list, percent, span, watts};
use crate::agent::RETRY_NS;
use crate::files::Loaded;
use headroom_core::guarding::QUORUM;
use headroom_core::line::{BOOT, NODES_HEARD, OPERATOR_KEEPS};
use headroom_drivers::field::BEAT_PERIODS;
use headroom_site::{Site, Span};

/// By when, where neither file says it.
const ITS_OWN: &str = "the plant's own time: ____ s";

/// A test before it has its number.
struct Draft {
    of: String,
    what: &'static str,
    act: String,
    expect: String,
    by: Option<Span>,
}

/// All of them, numbered.
pub(super) fn trials(loaded: &Loaded, cases: &[Case<'_>]) -> Vec<Trial> {
    let mut drafts = vec![advice(&loaded.site)];
    for case in cases {
        drafts.extend(of_actuator(case));
    }
    drafts.extend(of_gpus(loaded));
    drafts.push(release(&loaded.site));
    let number = |(i, d): (usize, Draft)| Trial {
        number: i + 1,
        of: d.of,
        what: d.what.to_owned(),
        act: d.act,
        expect: d.expect,
        by_s: d.by.map(in_s),
        by: d.by.map_or_else(|| ITS_OWN.to_owned(), span),
    };
    drafts.into_iter().enumerate().map(number).collect()
}

fn times(span: Span, n: i64) -> Span {
    Span::from_ns(span.ns().saturating_mul(n))
}

fn plus(a: Span, b: Span) -> Span {
    Span::from_ns(a.ns().saturating_add(b.ns()))
}

fn advice(site: &Site) -> Draft {
    Draft {
        of: "site".to_owned(),
        what: "advice writes nothing",
        act: "`headroom run --mode advisory` with these files".to_owned(),
        expect: "every point bound and good in `headroom status`; 0 writes there; advice for each setpoint"
            .to_owned(),
        by: Some(plus(BOOT, times(site.cooling_period, 2))),
    }
}

fn of_actuator(c: &Case<'_>) -> Vec<Draft> {
    let a = c.actuator;
    let (mode, period) = (c.wants.actuator_mode[c.index], c.site.cooling_period);
    let draft = |what, act: String, expect: String, by| Draft { of: a.id.clone(), what, act, expect, by };
    if !mode.may_write() {
        let act = format!("run with these files (group `{}` in mode {mode})", a.group);
        let expect = "no command arrives; its read-back stays what the plant sets".to_owned();
        return vec![draft("nothing is asked", act, expect, Some(plus(BOOT, times(a.refresh, 3))))];
    }
    let (low, high) = c.range();
    let mut out = vec![
        draft(
            "begins with what stands",
            "start the controller".to_owned(),
            format!(
                "nothing is asked but what stands for {}; the first move is at most {}",
                span(BOOT),
                c.delta(a.step)
            ),
            Some(plus(BOOT, period)),
        ),
        draft(
            "range and ramp",
            "load up and down, with the trend of its read-back recorded".to_owned(),
            format!(
                "within {} to {}; at most {} between two decisions ({}) and {} a minute",
                c.value(low),
                c.value(high),
                c.delta(a.step),
                span(period),
                c.delta(c.ramp_per_s() * 60.0)
            ),
            Some(Span::from_s(3600.0)),
        ),
    ];
    out.extend(read_back(c));
    out.extend(limits(c));
    out.extend(hands(c));
    out
}

/// An operator takes it, and the controller dies.
fn hands(c: &Case<'_>) -> [Draft; 2] {
    let (a, period) = (c.actuator, c.site.cooling_period);
    let draft = |what, act: String, expect: String, by| Draft { of: a.id.clone(), what, act, expect, by };
    let fallback = c.value(a.fallback);
    let operator = if let Some(local) = c.device().and_then(|d| Some(&d.registers[d.remote.local?].name)) {
        draft(
            "operator",
            format!("set `{local}` to 1, wait, and set it back"),
            format!(
                "nothing is written while it is 1 and for {} after the last refusal; then asked again by its ramp",
                span(OPERATOR_KEEPS)
            ),
            Some(plus(OPERATOR_KEEPS, period)),
        )
    } else {
        draft(
            "operator",
            "the plant's own switch: take the point by hand".to_owned(),
            format!("requests are ignored; what is asked stays within {} of the read-back", c.delta(a.step)),
            Some(period),
        )
    };
    let hold = c.device().and_then(|d| d.remote.timer).map(|(_, hold)| hold);
    let returns = c.device().is_none_or(|d| d.remote.timer.is_some() || d.remote.heartbeat.is_some());
    let expect = if returns {
        format!("the plant takes {fallback} back without a bump")
    } else {
        "NOT returned by itself: agree on who acts, or give the device a timer or heartbeat".to_owned()
    };
    let dead = draft(
        "controller dead",
        "`kill -9` of the controller while it holds the setpoint".to_owned(),
        expect,
        hold,
    );
    [operator, dead]
}

/// Its read-back is lost.
fn read_back(c: &Case<'_>) -> Option<Draft> {
    let (a, period) = (c.actuator, c.site.cooling_period);
    let point = &c.site.points[a.readback?.index()];
    let walk =
        if c.ramp_per_s() > 0.0 { Span::from_s(c.furthest() / c.ramp_per_s()) } else { Span::default() };
    Some(Draft {
        of: a.id.clone(),
        what: "read-back lost",
        act: format!("hold it relaxed, then stop `{}`", point.id),
        expect: format!(
            "bad after {}; no new command for {}; then it walks to {} at {} a minute and is let go",
            span(point.stale_after),
            span(period),
            c.value(a.fallback),
            c.delta(c.ramp_per_s() * 60.0)
        ),
        by: Some(plus(plus(point.stale_after, times(period, 2)), walk)),
    })
}

/// What it must not relax without.
fn limits(c: &Case<'_>) -> Vec<Draft> {
    let period = c.site.cooling_period;
    let oldest = |points: &[headroom_site::PointId]| {
        points.iter().map(|p| c.site.points[p.index()].stale_after).max().unwrap_or_default()
    };
    let mut out = Vec::new();
    if !c.reach().limited.is_empty() {
        out.push(Draft {
            of: c.actuator.id.clone(),
            what: "limit not seen",
            act: format!("stop each of {}, one at a time", list(&c.limited())),
            expect: "it does not relax; it may tighten".to_owned(),
            by: Some(plus(oldest(&c.reach().limited), period)),
        });
    }
    if c.dew_point_binds() {
        let m = &c.site.meters;
        let all: Vec<headroom_site::PointId> =
            m.room_temperature.iter().chain(&m.room_humidity).copied().collect();
        let names: Vec<String> = all.iter().map(|p| format!("`{}`", c.site.points[p.index()].id)).collect();
        out.push(Draft {
            of: c.actuator.id.clone(),
            what: "dew point not known",
            act: format!("stop {}", list(&names)),
            expect: "it does not go down".to_owned(),
            by: Some(plus(oldest(&all), period)),
        });
    }
    out
}

fn of_gpus(loaded: &Loaded) -> Vec<Draft> {
    let (site, wants) = (&loaded.site, &loaded.wants);
    if site.gpus.is_empty() || !wants.caps_mode.may_write() {
        return Vec::new();
    }
    let draft = |of: &str, what, act: &str, expect: String, by| Draft {
        of: of.to_owned(),
        what,
        act: act.to_owned(),
        expect,
        by: Some(by),
    };
    let half = Span::from_ns(site.lease.ns() / 2);
    let heard = site.nodes.iter().map(|n| site.heard_for(n)).max().unwrap_or_default();
    let [some, of] = NODES_HEARD;
    let mut out = vec![
        draft(
            "GPUs",
            "controller dead",
            "`kill -9` of the controller while caps or locks are held",
            format!(
                "every GPU keeps them for {} and has its own limits back after that, node by node",
                span(half)
            ),
            site.lease,
        ),
        draft(
            "GPUs",
            "agent dead",
            "`kill -9` of one agent while it holds caps, then start it",
            "its caps stand until it is started; then it puts back what was found before it takes a command"
                .to_owned(),
            plus(Span::from_ns(RETRY_NS as i64), site.agent_period),
        ),
        draft(
            "GPUs",
            "nodes not heard",
            "stop the agents of more than a fifth of the nodes",
            format!(
                "with less than {some} of {of} nodes heard the plant is not verified and heartbeats stop; with less than {} of the GPUs \
                 heard no cap is raised",
                percent(QUORUM)
            ),
            plus(heard, times(site.cooling_period, BEAT_PERIODS)),
        ),
    ];
    let sheets = branches(loaded);
    out.extend(site.power.iter().zip(&sheets).filter_map(|(b, sheet)| of_branch(loaded, b, sheet.gpus)));
    out
}

/// A branch with a budget, a schedule or a limit.
fn of_branch(loaded: &Loaded, b: &headroom_site::model::PowerNode, gpus: usize) -> Option<Draft> {
    let (site, wants) = (&loaded.site, &loaded.wants);
    let scheduled = wants.policy().budgets.iter().any(|w| w.branches.holds(b));
    let planned = b.budget_w.map(|w| w * (1.0 - wants.budget_reserve));
    if planned.is_none() && !scheduled && b.limit.is_none() {
        return None;
    }
    let draft = |what, act, expect| Draft {
        of: b.id.clone(),
        what,
        act,
        expect,
        by: Some(plus(site.power_period, site.agent_period)),
    };
    if gpus == 0 {
        let act = "let it draw more than its budget, if that can be done".to_owned();
        let expect =
            "an alarm on the page and in `headroom top`; no GPU is below it that could give way".to_owned();
        return Some(draft("budget", act, expect));
    }
    let most = planned.map_or("what is scheduled or said".to_owned(), watts);
    let act = match b.limit {
        Some(p) => format!("at full load let `{}` say less", site.points[p.index()].id),
        None if scheduled => "at full load let a scheduled budget begin".to_owned(),
        None => "run all GPUs below it at full load".to_owned(),
    };
    let meter = b
        .meter
        .map_or("the sum of its GPUs and nodes".to_owned(), |p| format!("`{}`", site.points[p.index()].id));
    let what = if b.limit.is_some() { "budget falls" } else { "budget" };
    let expect =
        format!("caps are commanded that fit {most} or the lower limit; {meter} stays below the budget");
    Some(draft(what, act, expect))
}

fn release(site: &Site) -> Draft {
    let last = if site.gpus.is_empty() { site.power_period } else { site.lease.max(site.power_period) };
    Draft {
        of: "site".to_owned(),
        what: "release",
        act: "`headroom release --why test`, then `headroom resume`".to_owned(),
        expect: format!(
            "setpoints are let go in the next tick ({}), caps with their leases; after `resume` nothing moves for {}",
            span(site.power_period),
            span(BOOT)
        ),
        by: Some(last),
    }
}
