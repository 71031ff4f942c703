//! How the stepwise strategies go about cooling, trim and respond with its parameters of each setpoint.
//!
//! Responsible for: their words in the sequence. Not for: what is common to all strategies (`wants`).

use super::say::{plain, seconds, span};
use super::wants::room;
use crate::files::Loaded;
use headroom_core::Topology;
use headroom_core::propose::cooling::{IGNORED, OWN_K, Parameters, REST_K, SWING_MINUTES, TAU_S, WORTH};
use headroom_policies::CoolingStrategy;
use headroom_site::Site;

/// Trim and respond.
pub(super) fn trim_and_respond(loaded: &Loaded) -> Vec<String> {
    let (site, wants) = (&loaded.site, &loaded.wants);
    let mut out = vec![format!(
        "`{}` (ASHRAE Guideline 36-2021, 5.1.14), looked at every {}, for each setpoint in the order of the site file, step by step.",
        CoolingStrategy::TrimAndRespond,
        span(site.cooling_period)
    )];
    out.extend(room(site));
    out.push(format!(
        "2. Requests R: what has less room than wanted asks once, by more than 1 K twice, by more than 2 K three times; GPUs and the flow of \
         racks count double. Ignored: I = {IGNORED}."
    ));
    out.push(
        "3. R > I: it responds by SPres for each, SPres-max at most, at once; to as many again only after T."
            .to_owned(),
    );
    out.push(
        "4. Its effect is not seen: it walks to its fallback; where the sensor stands still, to what that shows. What it serves is not \
         seen: it walks to its fallback by SPres each T, if that cools more."
            .to_owned(),
    );
    out.push("5. Else it trims by SPtrim each T, Td after it began, if there is room for that.".to_owned());
    out.extend(waits());
    let reach = Topology::new(site).reach;
    for (i, a) in site.actuators.iter().enumerate() {
        let range = wants.actuator_range[i];
        let p = Parameters::of(a, range, wants.actuator_ramp_per_s[i], reach[i].cools, site.cooling_period);
        let difference = a.unit.dimension.of_difference().base();
        out.push(format!(
            "   `{}`: Td {}, T {}, SPtrim {}, SPres {}, SPres-max {} {difference}.",
            a.id,
            span(p.delay),
            span(p.step),
            digits(p.trim),
            digits(p.respond),
            digits(p.respond_most)
        ));
    }
    out.push(guarded(6));
    out
}

/// PID.
pub(super) fn pid(site: &Site) -> Vec<String> {
    let [near, far] = TAU_S.map(seconds);
    let mut out = vec![format!(
        "`{}`, every {}, for each setpoint in the order of the site file, step by step.",
        CoolingStrategy::Pid,
        span(site.cooling_period)
    )];
    out.extend(room(site));
    out.push(format!(
        "2. It moves from where it is read back, in proportion to the change of that room and to the room itself, so that the room of the \
         worst is what is wanted; up to {} K more ({} K upstream) it rests. Gains: SIMC rule, lag {near} ({far} upstream).",
        plain(REST_K[0]),
        plain(REST_K[1])
    ));
    out.push(
        "   Where a valve downstream binds, the change of the load is fed forward, by the difference of temperatures that it closes over."
            .to_owned(),
    );
    out.push("3. Less room than wanted: it only tightens, at most one step.".to_owned());
    out.push(
        "4. Its effect is not seen: it walks to its fallback; where the sensor stands still, to what that shows. What it serves is not \
         seen: it walks to its fallback by its ramp, if that cools more."
            .to_owned(),
    );
    out.push("5. It relaxes only where that is worth it.".to_owned());
    out.extend(waits());
    out.push(
        "   Of several setpoints that act upon the same, the one that saves most relaxes first.".to_owned(),
    );
    out.push(guarded(6));
    out
}

/// When one that has room stays all the same.
fn waits() -> [String; 3] {
    [
        format!(
            "   It must save more than {} times what it costs ({} times for a technology temperature, whose price is leakage of the dies).",
            plain(WORTH[1]),
            plain(WORTH[0])
        ),
        "   What is upstream relaxes first, and waits while the plant still comes nearer to the last move."
            .to_owned(),
        format!(
            "   A temperature that has moved within the last {SWING_MINUTES} min is relaxed by no more than {} K within them.",
            plain(OWN_K)
        ),
    ]
}

fn guarded(step: usize) -> String {
    format!("{step}. The guard narrows or refuses what came of it (section of each actuator).")
}

/// Three digits that count.
fn digits(x: f64) -> String {
    let decimals = (2 - x.abs().max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
    plain(format!("{x:.decimals$}").parse().unwrap_or(x))
}
