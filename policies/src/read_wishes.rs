//! `[[limit]]`, `[[budget]]` and `[[job]]` of the policy file.

use crate::budget::{Branches, Budget, BudgetLimit};
use crate::model::{JobWish, Limit, LimitOf};
use crate::read::promise;
use crate::schedule::{Days, Instant, Schedule, TimeOfDay};
use crate::words::{Amount, Spans};
use headroom_site::doc::{At, FromDoc, Table};
use headroom_site::{Dimension, Frequency, Power, Ratio, Span};
use std::ops::Range;
use toml::de::DeValue;

/// An amount per time of any dimension: "1 K/5min" as amount per second.
struct AnyRate(Amount);

impl FromDoc for AnyRate {
    fn what() -> String {
        "a change per time like \"1 K/5min\", \"2 %/min\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let text = crate::words::text(value).map_err(|_| "has no unit".to_owned())?;
        let (amount, _) =
            text.rsplit_once('/').ok_or_else(|| format!("`{text}` does not say per what time"))?;
        let dimension = Amount::from_value(&DeValue::String(amount.trim().into()))?.dimension;
        let rate = headroom_site::Rate::parse(text, dimension).map_err(|e| e.to_string())?;
        Ok(Self(Amount { base: rate.per_s, dimension }))
    }
}

/// Finds a repeated name.
fn once(t: &Table<'_>, seen: &mut Vec<String>, kind: &str, id: &str, span: Range<usize>) {
    if seen.iter().any(|s| s == id) {
        t.doc().find(
            span,
            format!("duplicate id `{id}`: another {kind} is for it already"),
            "put both into one, or remove one",
        );
    }
    seen.push(id.to_owned());
}

/// The one of two keys that must be there, alone.
fn either(t: &Table<'_>, a: &str, b: &str, kind: &str) -> (Option<At<String>>, Option<At<String>>) {
    let (first, second) = (t.at::<String>(a), t.at::<String>(b));
    match (t.has(a), t.has(b)) {
        (true, true) => t.doc().find(
            t.span_of(b),
            format!("this {kind} has both `{a}` and `{b}`"),
            format!("write two [[{kind}]] tables, one for each"),
        ),
        (false, false) => t.doc().find(
            t.span(),
            format!("this {kind} does not say what it is for"),
            format!("add {a} = \"...\" or {b} = \"...\""),
        ),
        _ => {}
    }
    (first, second)
}

pub(crate) fn limits(root: &Table<'_>) -> Vec<Limit> {
    let mut seen = Vec::new();
    root.tables("limit", |t| limit(t, &mut seen)).into_iter().flatten().collect()
}

fn limit(t: &Table<'_>, seen: &mut Vec<String>) -> Option<Limit> {
    let doc = t.doc();
    let (point, actuator) = either(t, "point", "actuator", "limit");
    let (min, max) = (t.get::<Amount>("min"), t.get::<Amount>("max"));
    let (margin, ramp) = (t.get::<Amount>("margin"), t.get::<AnyRate>("ramp").map(|r| r.0));
    let positive = |key: &str, amount: Option<Amount>| {
        if amount.is_some_and(|a| a.base <= 0.0) {
            doc.find(t.span_of(key), format!("`{key}` is out of range"), "give an amount above zero");
        }
    };
    positive("margin", margin);
    positive("ramp", ramp);
    if let (Some(min), Some(max)) = (min, max) {
        if min.dimension != max.dimension {
            let what =
                format!("`max` is a {}, `min` is a {}: wrong unit in one", max.dimension, min.dimension);
            doc.find(t.span_of("max"), what, "use the unit of the point or actuator in both");
        } else if min.base > max.base {
            doc.find(t.span_of("min"), "`min` is above `max`: nothing can meet both", "exchange them");
        }
    }
    if !["min", "max", "margin", "ramp"].iter().any(|k| t.has(k)) {
        doc.find(t.span(), "this limit limits nothing", "add min, max, margin or ramp");
    }
    if point.is_some() && t.has("ramp") {
        doc.find(t.span_of("ramp"), "a point has no ramp", "limit the ramp of the actuator that moves it");
    }
    if actuator.is_some() && t.has("margin") {
        doc.find(t.span_of("margin"), "an actuator has no margin", "narrow `min` or `max` instead");
    }
    let (of, id) = match (point, actuator) {
        (Some(p), _) => (LimitOf::Point(p.value.clone()), p),
        (None, Some(a)) => (LimitOf::Actuator(a.value.clone()), a),
        (None, None) => return None,
    };
    let kind = if matches!(of, LimitOf::Point(_)) { "point" } else { "actuator" };
    once(t, seen, &format!("limit of this {kind}"), &format!("{kind} {}", id.value), id.span);
    let at = Spans::of(t, &["point", "actuator", "min", "max", "margin", "ramp"]);
    Some(Limit { of, min, max, margin, ramp, at })
}

/// Power, or a share of the site's budget.
struct PowerOrShare(BudgetLimit);

impl FromDoc for PowerOrShare {
    fn what() -> String {
        "a power like \"600 kW\", or a share of the site's budget like \"85 %\"".into()
    }
    fn from_value(value: &DeValue<'_>) -> Result<Self, String> {
        let amount = Amount::from_value(value)?;
        match amount.dimension {
            Dimension::Power if amount.base > 0.0 => {
                Ok(Self(BudgetLimit::Power(Power::from_base(amount.base))))
            }
            Dimension::Ratio if amount.base > 0.0 && amount.base <= 1.0 => {
                Ok(Self(BudgetLimit::Share(Ratio::from_base(amount.base))))
            }
            Dimension::Power => Err("is out of range: not above zero".into()),
            Dimension::Ratio => Err("is out of range: a share is above 0 % and at most 100 %".into()),
            other => Err(format!("wrong unit: a budget is a power or a share, not a {other}")),
        }
    }
}

pub(crate) fn budgets(root: &Table<'_>) -> Vec<Budget> {
    let mut out: Vec<Budget> = Vec::new();
    root.tables("budget", |t| {
        let Some(budget) = budget(t) else { return };
        let twin = |b: &Budget| {
            b.branches == budget.branches && b.schedule == budget.schedule && b.priority == budget.priority
        };
        if out.iter().any(twin) {
            let what = "duplicate: another [[budget]] is for the same branches at the same times";
            t.doc().find(t.span(), what, "keep the lower one, or give one of them a higher `priority`");
        }
        out.push(budget);
    });
    out
}

fn budget(t: &Table<'_>) -> Option<Budget> {
    let (branch, kind) = either(t, "branch", "kind", "budget");
    let limit = t.need::<PowerOrShare>("limit");
    let schedule = schedule(t);
    let priority = t.or("priority", 0);
    let at = Spans::of(t, &["branch", "kind", "limit", "from", "at"]);
    let branches = match (branch, kind) {
        (Some(id), _) => Branches::One(id.value),
        (None, Some(kind)) if kind.value == "root" => Branches::Roots,
        (None, Some(kind)) => Branches::Kind(kind.value),
        (None, None) => return None,
    };
    Some(Budget { branches, limit: limit?.0, schedule: schedule?, priority, at })
}

/// `from`/`to`/`days`, or `at`/`for`, or neither.
fn schedule(t: &Table<'_>) -> Option<Schedule> {
    let doc = t.doc();
    let (from, to) = (t.get::<TimeOfDay>("from"), t.get::<TimeOfDay>("to"));
    let days = t.get::<Days>("days");
    let (at, span) = (t.at::<Instant>("at"), t.at::<Span>("for"));
    let daily = ["from", "to", "days"].iter().any(|k| t.has(k));
    let once = ["at", "for"].iter().any(|k| t.has(k));
    let alone = |key: &str, missing: &str| {
        if t.has(key) && !t.has(missing) {
            doc.find(
                t.span_of(key),
                format!("`{key}` without `{missing}`"),
                format!("add {missing}, or remove {key}"),
            );
        }
    };
    alone("from", "to");
    alone("to", "from");
    alone("at", "for");
    alone("for", "at");
    if daily && once {
        doc.find(
            t.span_of("at"),
            "a budget holds either at times of day (from, to, days) or once (at, for)",
            "write two [[budget]] tables, one for each",
        );
    }
    if let Some(span) = span.as_ref().filter(|s| s.value.ns() == 0) {
        doc.find(span.span.clone(), "`for` is zero", "give a time above zero");
    }
    if let (Some(from), Some(to)) = (from, to)
        && (from == to || from == TimeOfDay::END)
    {
        doc.find(
            t.span_of("from"),
            "`from` and `to` are the same time, or `from` is the end of the day",
            "leave both out for whole days",
        );
    }
    if once {
        return Some(Schedule::Once { at: at?.value.0, span: span?.value });
    }
    if !daily {
        return Some(Schedule::Always);
    }
    let bound = |key: &str, value: Option<TimeOfDay>, default| if t.has(key) { value } else { Some(default) };
    Some(Schedule::Daily {
        from: bound("from", from, TimeOfDay::START)?,
        to: bound("to", to, TimeOfDay::END)?,
        days: if t.has("days") { days? } else { Days::ALL },
    })
}

pub(crate) fn jobs(root: &Table<'_>) -> Vec<JobWish> {
    let mut seen = Vec::new();
    let jobs = root.tables("job", |t| {
        let id = t.need_at::<String>("id");
        let priority = t.get::<i64>("priority");
        let floor_clock = t.get::<Frequency>("floor-clock");
        let ceiling_clock = t.get::<Frequency>("ceiling-clock");
        if let (Some(floor), Some(ceiling)) = (floor_clock, ceiling_clock)
            && floor > ceiling
        {
            let what = "`floor-clock` is above `ceiling-clock`: nothing can meet both";
            t.doc().find(t.span_of("floor-clock"), what, "exchange them");
        }
        for (key, clock) in [("floor-clock", floor_clock), ("ceiling-clock", ceiling_clock)] {
            if clock.is_some_and(|c| c.as_megahertz() <= 0.0) {
                let remedy = "give a clock above zero, like \"1200 MHz\"";
                t.doc().find(t.span_of(key), format!("`{key}` is out of range"), remedy);
            }
        }
        let id = id?;
        once(t, &mut seen, "job", &id.value, id.span);
        let keys = ["id", "floor-clock", "ceiling-clock", "time-to-first-token", "time-per-output-token"];
        let at = Spans::of(t, &keys);
        Some(JobWish { id: id.value, priority, floor_clock, ceiling_clock, promise: promise(t), at })
    });
    jobs.into_iter().flatten().collect()
}
