//! Why a setpoint is where it is.

use super::{Explanation, Item};
use crate::run::health::state;
use crate::run::record::{SetpointRecord, name_of};
use headroom_core::propose::{Stepwise, Why};
use headroom_core::{Cause, HeldBack, Line};
use headroom_site::Dimension;
use headroom_site::model::Actuator;

/// Of what it serves, so much is said.
const ROOM: usize = 6;

pub(super) fn explain(line: &Line, actuator: usize) -> Explanation {
    let (site, time) = (line.site(), line.snapshot().stamp.to_string());
    let a = &site.actuators[actuator];
    let head = Explanation { of: a.id.clone(), kind: "setpoint".to_owned(), time, ..Explanation::default() };
    let Some(advice) = line.advice().iter().find(|advice| advice.actuator == actuator) else {
        let says = "nothing was decided of it yet, or its group is off, or nobody says where it stands";
        return Explanation { says: says.to_owned(), ..head };
    };
    let record = SetpointRecord::new(line, advice);
    let unit = record.unit;
    let mut items = vec![
        Item::new("mode", mode(line, actuator, &record.mode)),
        Item::new(
            "stands",
            format!("{:.2} {unit}; the plant by itself {:.2} {unit}", record.stands, a.fallback),
        ),
        Item::new("measured", measured(line, actuator)),
        Item::new("proposed", format!("{:.2} {unit}", record.proposed)),
        Item::new("guard", guard(&record)),
        Item::new(
            "commanded",
            line.held(actuator).map_or("nothing".to_owned(), |v| format!("{v:.2} {unit}")),
        ),
    ];
    let considered = line.considered(actuator, advice.proposal.stands);
    let (least, most) = considered.saves_w_per_unit;
    let saves = match (least.is_finite(), (most - least).abs() < 0.5) {
        (false, _) => "nobody says what it relieves (`unloads`)".to_owned(),
        (true, true) => format!("saves {least:.0} W"),
        (true, false) => format!("saves {least:.0} to {most:.0} W"),
    };
    items.push(Item::new(
        "a unit",
        format!("{saves}, costs {:.0} W of leakage", considered.costs_w_per_unit + 0.0),
    ));
    items.extend(price(line, a, considered.saves_w_per_unit, considered.costs_w_per_unit));
    let kelvins = if a.unit.dimension == Dimension::Temperature { "K" } else { "K-equivalent" };
    let room = considered.room.iter().take(ROOM).enumerate().map(|(k, &(slack_k, by))| {
        let name = name_of(line, by).unwrap_or_else(|| by.to_string());
        Item::new("room", format!("{slack_k:.1} {kelvins} before {name}"))
            .binding(k == 0 && binds(&advice.proposal.why))
    });
    items.extend(room);
    if considered.room.len() > ROOM {
        items.push(Item::new("room", format!("and {} more with more", considered.room.len() - ROOM)));
    }
    Explanation { says: record.why.clone(), needs: needs(&advice.proposal.why), items, ..head }
}

/// Its running mode, and why it is not the one that is wanted.
fn mode(line: &Line, actuator: usize, mode: &str) -> String {
    let held = line.held_back().find(|h| h.actuator == actuator);
    held.map_or_else(
        || mode.to_owned(),
        |h| {
            let wanted = line.wants().actuator_mode[actuator];
            format!("{mode} and not {wanted} since {}: {}; {}", h.since, cause(line, &h), state(&h))
        },
    )
}

/// Why it is held back, with numbers and names.
fn cause(line: &Line, h: &HeldBack) -> String {
    let (site, unit) = (line.site(), line.site().actuators[h.actuator].unit);
    match h.cause {
        Cause::NotFollowed { asked, stands } => format!(
            "{} ({:.2} {u} was asked, {:.2} {u} stayed)",
            h.cause,
            unit.from_base(asked),
            unit.from_base(stands),
            u = unit.symbol
        ),
        Cause::Interlock(p) | Cause::InterlockUnknown(p) => {
            format!("{} ({})", h.cause, site.points[p.index()].id)
        }
    }
}

/// What a unit further saves in money, its leakage taken off; nothing where the policy names no price.
fn price(line: &Line, a: &Actuator, (least_w, most_w): (f64, f64), costs_w: f64) -> Option<Item> {
    let objective = &line.wants().policy().objective;
    let per_h = objective.energy_cost_per_joule() * 3600.0;
    if per_h <= 0.0 || !least_w.is_finite() || !most_w.is_finite() {
        return None;
    }
    let says = format!(
        "{:.2} to {:.2} {} an hour for each {} further, at the most; `headroom what-if setpoint {} VALUE` says it of one move",
        (least_w - costs_w) * per_h + 0.0,
        (most_w - costs_w) * per_h + 0.0,
        objective.currency,
        a.unit.dimension.of_difference().base(),
        a.id
    );
    Some(Item::new("price", says))
}

/// Is it the room that decides?
const fn binds(why: &Why) -> bool {
    matches!(
        why,
        Why::Relax { .. }
            | Why::Tighten { .. }
            | Why::UpstreamFirst { .. }
            | Why::Underway { .. }
            | Why::Rests { .. }
            | Why::Stepwise(_)
    )
}

fn measured(line: &Line, actuator: usize) -> String {
    let a = &line.site().actuators[actuator];
    let Some(point) = a.measures else { return "no point shows what it holds".to_owned() };
    let seen = &line.snapshot().points[point.index()];
    let unit = a.unit.dimension.base();
    if seen.quality.is_good() {
        format!("{:.2} {unit} ({:.0} s ago)", seen.value, seen.age.s())
    } else {
        format!("not known: {} is {}", line.site().points[point.index()].id, seen.quality)
    }
}

fn guard(record: &SetpointRecord) -> String {
    match (&record.guard, record.admitted) {
        (None, Some(v)) => format!("lets it through: {v:.2} {}", record.unit),
        (Some(why), Some(v)) => format!("narrows it to {v:.2} {}: {why}", record.unit),
        (why, None) => format!("refuses: {}", why.as_deref().unwrap_or("no reason")),
    }
}

/// What would have to be otherwise for it to save more.
fn needs(why: &Why) -> Vec<String> {
    match why {
        Why::Tighten { slack_k, .. }
        | Why::Stepwise(Stepwise::Respond { slack_k, .. } | Stepwise::Regulate { slack_k, .. })
            if *slack_k < 0.0 =>
        {
            vec![format!("{:.1} K more room there for it to stop tightening", -slack_k)]
        }
        Why::NothingToSave { saves_w_per_unit, costs_w_per_unit } if costs_w_per_unit > saves_w_per_unit => {
            let more_w = costs_w_per_unit - saves_w_per_unit;
            vec![format!("machines that save {more_w:.0} W more per unit for it to be worth its leakage")]
        }
        _ => Vec::new(),
    }
}
