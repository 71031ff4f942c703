//! What happens when: start, normal operation, losses, operators, sensors, release; each with its times.

use super::actuators::Case;
use super::model::Event;
use super::say::{list, percent, seconds, span};
use crate::files::Loaded;
use crate::instruct::said::{ACCEPTED, REJECTED};
use crate::release::HEARS;
use crate::run::turn::{TOO_LATE, WAITED_OUT};
use headroom_core::guarding::{QUORUM, READ_BACK_MAX_AGE_S};
use headroom_core::line::{BOOT, NODES_HEARD, OPERATOR_KEEPS};
use headroom_drivers::field::BEAT_PERIODS;
use headroom_site::Site;
use headroom_site::model::Dialect;

/// All of them.
pub(super) fn events(loaded: &Loaded, cases: &[Case<'_>]) -> Vec<Event> {
    let site = &loaded.site;
    vec![
        Event { name: "Start-up", steps: start(loaded) },
        Event { name: "Normal operation", steps: normal(site) },
        Event { name: "Loss of the BMS's heartbeat", steps: bms_lost(site, cases) },
        Event { name: "Loss of the controller", steps: controller_lost(loaded, cases) },
        Event { name: "Operator override", steps: operator(loaded, cases) },
        Event { name: "Sensor bad or stale", steps: sensors(site, cases) },
        Event { name: "Release", steps: release(site) },
    ]
}

fn start(loaded: &Loaded) -> Vec<String> {
    let site = &loaded.site;
    let mut out = vec![
        "Site and policy file are checked; with one finding nothing starts.".to_owned(),
        if loaded.writes_allowed() {
            "Something commands under this policy: the writing parts of the drivers are built.".to_owned()
        } else {
            "Nothing commands under this policy: the writing parts of the drivers are not built, heartbeats included.".to_owned()
        },
        format!(
            "For {} the cooling loop only looks. Then each setpoint begins where it stands and moves by its ramp.",
            span(BOOT)
        ),
    ];
    if !site.gpus.is_empty() {
        out.push(
            "Each agent puts back what a former life left on its GPUs, and takes commands after that."
                .to_owned(),
        );
    }
    out.push("A controller that starts has a higher epoch than every one before it; the one before is refused from then on.".to_owned());
    out
}

fn normal(site: &Site) -> Vec<String> {
    let mut out = vec![
        format!(
            "Every {} caps and clocks are decided, every {} setpoints.",
            span(site.power_period),
            span(site.cooling_period)
        ),
        "A limit of the power tree that falls does not wait: it has a tick at once.".to_owned(),
        format!(
            "A decision that has waited for {TOO_LATE} periods (at least {TOO_LATE} s) is not written; the next tick decides anew."
        ),
    ];
    let [some, of] = NODES_HEARD;
    let nodes =
        if site.nodes.is_empty() { String::new() } else { format!(" and {some} of {of} nodes are heard") };
    out.push(format!(
        "Heartbeats go out only after ticks in which every read-back that a held command needs is good{nodes}; after {} without \
         such a tick they stop.",
        seconds(site.cooling_period.s() * BEAT_PERIODS as f64)
    ));
    out.push(format!("A clock that was set back by more than {} beyond a period ends the program, which is then started again.", span(WAITED_OUT)));
    out
}

fn bms_lost(site: &Site, cases: &[Case<'_>]) -> Vec<String> {
    let dsx: Vec<String> =
        site.mqtt.iter().filter(|m| m.dialect == Dialect::Dsx).map(|m| format!("`{}`", m.id)).collect();
    if dsx.is_empty() {
        return vec!["No connection of this site carries a heartbeat of a BMS. What is lost shows as stale points (below).".to_owned()];
    }
    let backs: Vec<String> = cases
        .iter()
        .filter_map(|c| {
            let p = &site.points[c.actuator.readback?.index()];
            Some(format!("`{}` after {}", p.id, span(p.stale_after)))
        })
        .collect();
    vec![
        format!(
            "The BMS's heartbeat on {} is echoed, and its absence alone changes nothing: what acts is the age of what the BMS says.",
            list(&dsx)
        ),
        format!("Read-backs turn bad when older than the site file allows: {}.", list(&backs)),
        format!(
            "A setpoint without its read-back: no new command for {}; after that it walks by its ramp to its fallback where that is \
             tighter, else it is let go at once.",
            span(site.cooling_period)
        ),
        "Sensors that turn stale: as under \"Sensor bad or stale\".".to_owned(),
    ]
}

fn controller_lost(loaded: &Loaded, cases: &[Case<'_>]) -> Vec<String> {
    let site = &loaded.site;
    let mut out = Vec::new();
    for c in cases.iter().filter(|c| c.wants.actuator_mode[c.index].may_write()) {
        out.push(format!("`{}` returns to {}: {}", c.actuator.id, c.value(c.actuator.fallback), dead(c)));
    }
    if !site.gpus.is_empty() && loaded.wants.caps_mode.may_write() {
        out.push(format!(
            "GPUs: between {} and {} after the last command each node puts back the limits it found, one by one.",
            seconds(site.lease.s() / 2.0),
            span(site.lease)
        ));
    }
    if out.is_empty() {
        out.push("Nothing is commanded under this policy: nothing changes.".to_owned());
    }
    out.push("Stopped in order (SIGTERM), the controller lets go of everything before it ends.".to_owned());
    out
}

/// When a setpoint returns if the controller dies without a word.
fn dead(c: &Case<'_>) -> String {
    let by_its_own = "by the plant's own rule, which stands in neither file".to_owned();
    let Some(d) = c.device() else { return by_its_own };
    match (d.remote.timer, d.remote.heartbeat) {
        (Some((_, hold)), _) => format!("within {} of the last write, by the device's timer", span(hold)),
        (None, Some(_)) => by_its_own,
        (None, None) => "never by itself; an operator acts".to_owned(),
    }
}

fn operator(loaded: &Loaded, cases: &[Case<'_>]) -> Vec<String> {
    let site = &loaded.site;
    let mut out = Vec::new();
    for c in cases {
        let Some(local) = c.device().and_then(|d| Some((d, d.remote.local?))) else { continue };
        out.push(format!(
            "`{}`: while `{}` of `{}` reads 1 nothing is written; {} after the last refusal it is asked again.",
            c.actuator.id,
            local.0.registers[local.1].name,
            local.0.id,
            span(OPERATOR_KEEPS)
        ));
    }
    let buses: Vec<String> = site.mqtt.iter().map(|m| format!("`{}`", m.id)).collect();
    if cases.iter().any(|c| c.device().is_none()) {
        out.push(format!(
            "On {} the operator's switch is the BMS's: requests are ignored there. What is asked goes on from the read-back, never \
             further from it than one step.",
            list(&buses)
        ));
    }
    if !site.gpus.is_empty() {
        out.push("A limit that somebody else sets on a GPU stays when the lease ends.".to_owned());
    }
    if !cases.is_empty() {
        out.push(instructed(loaded));
    }
    if out.is_empty() {
        out.push("The site has nothing that an operator could take.".to_owned());
    }
    out
}

/// What `headroom instruct` does under this policy.
fn instructed(loaded: &Loaded) -> String {
    let accepted = match loaded.wants.accept {
        Some(most) => format!(
            "Where a group only advises, what is accepted is commanded as far as that, for {} at most.",
            span(most)
        ),
        None => {
            "Where a group only advises, an acceptance is kept on record and commands nothing.".to_owned()
        }
    };
    format!(
        "`headroom instruct`: `hold` keeps a setpoint where it stands until `auto`; `reject` keeps it from relaxing for {}, `accept` \
         lets it go as far as a value for {}, unless said otherwise. {accepted}",
        span(REJECTED),
        span(ACCEPTED)
    )
}

fn sensors(site: &Site, cases: &[Case<'_>]) -> Vec<String> {
    let mut out = vec![
        "A point is not good when it is older than its `stale-after`, outside its range, marked by its source, or contradicted by \
         others. What is not good never permits more than what is."
            .to_owned(),
        format!("Contradictions are believed after {}.", span(site.plausibility_hold)),
    ];
    for c in cases.iter().filter(|c| !c.reach().limited.is_empty()) {
        let ages = c.reach().limited.iter().map(|p| {
            let p = &site.points[p.index()];
            format!("`{}` ({})", p.id, span(p.stale_after))
        });
        out.push(format!(
            "`{}` does not relax while one of these is not good: {}.",
            c.actuator.id,
            list(&ages.collect::<Vec<_>>())
        ));
    }
    if !site.gpus.is_empty() {
        out.push(format!(
            "With less than {} of the GPUs heard nothing that cools them relaxes, and no cap is raised.",
            percent(QUORUM)
        ));
        out.push("A branch's limit point that turns bad keeps its last word.".to_owned());
    }
    if cases.iter().any(Case::dew_point_binds) {
        out.push("With a bad room temperature or humidity the dew point is not known: technology temperatures do not go down.".to_owned());
    }
    out.push(format!("No command starts from a read-back older than {}.", seconds(READ_BACK_MAX_AGE_S)));
    out
}

fn release(site: &Site) -> Vec<String> {
    let mut out = vec![
        "`headroom release --why TEXT` on the controller's host, or the file `released` in its state folder."
            .to_owned(),
        format!(
            "In the next tick (every {}) every setpoint is relinquished and no cap is repeated; the command waits up to {} for that.",
            span(site.power_period),
            seconds(HEARS.as_secs_f64())
        ),
    ];
    if !site.gpus.is_empty() {
        out.push(format!("Caps end with their leases: all within {}.", span(site.lease)));
    }
    out.push("It holds over restarts. Advice goes on.".to_owned());
    out.push(format!(
        "`headroom resume`: the cooling loop looks for {} and begins where the plant then stands.",
        span(BOOT)
    ));
    out
}
