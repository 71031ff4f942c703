//! Why a GPU has the cap and the clock that it has.

use super::{Explanation, Item};
use crate::run::record::caps_words;
use headroom_core::Line;
use headroom_core::propose::power::{BranchBound, CapBounds};
use headroom_site::Site;
use headroom_site::gpu::ThrottleReason;

/// Watts, or MHz, below which two are the same.
const SAME: f64 = 0.5;

/// A GPU by its UUID, by `node/place`, or by its node alone (that with the least headroom).
pub(super) fn find(line: &Line, of: &str) -> Option<usize> {
    let site = line.site();
    if let Some(g) = site.gpu(of) {
        return Some(g.index());
    }
    let node = |id: &str| site.nodes.iter().find(|n| n.id == id);
    if let Some(n) = node(of) {
        let room = |g: &usize| line.estimate().kelvins(*g).map_or(f64::INFINITY, |[_, full_k]| full_k);
        return (n.gpus.0 as usize..n.gpus.1 as usize).min_by(|a, b| room(a).total_cmp(&room(b)));
    }
    let (id, place) = of.rsplit_once('/')?;
    let (n, place) = (node(id)?, place.parse::<u32>().ok()?);
    (place < n.gpus.1 - n.gpus.0).then_some((n.gpus.0 + place) as usize)
}

fn name(site: &Site, gpu: usize) -> String {
    let node = &site.nodes[site.gpus[gpu].node.index()];
    format!("{}/{}", node.id, gpu - node.gpus.0 as usize)
}

/// What holds a GPU.
enum Holder {
    Nothing,
    Wanted(usize),
    Branch(usize),
    /// It has what it would draw; what is left above that is given out.
    GivenOut(usize),
    /// What the site may swing.
    Swing,
    Heat,
    Common(usize),
    Guard,
}

pub(super) fn explain(line: &Line, gpu: usize) -> Explanation {
    let site = line.site();
    let bounds = line.cap_bounds(gpu);
    let job = site.jobs.iter().position(|j| j.gpus.iter().any(|g| g.index() == gpu));
    let holder = holder(line, gpu, job, &bounds);
    let mut items = seen(line, gpu);
    items.push(Item::new(
        "would draw",
        format!("up to {:.0} W at the clock that is wanted of it, with reserve", bounds.demand_w),
    ));
    if let Some(j) = job {
        let clock = &line.job_clocks()[j];
        let mhz = clock.wanted_mhz.map_or("its highest".to_owned(), |mhz| format!("{mhz:.0} MHz"));
        let says = format!("{mhz} is wanted of {}: {}", site.jobs[j].id, clock.why);
        items.push(Item::new("job", says).binding(matches!(holder, Holder::Wanted(_))));
    }
    items.push(Item::new("highest cap", format!("{:.0} W", bounds.most_w)));
    let heat = matches!(holder, Holder::Heat);
    items.push(
        Item::new(
            "temperature",
            format!("{:.0} W keep die and memory below their limits for long", bounds.thermal_w),
        )
        .binding(heat),
    );
    let swing = matches!(holder, Holder::Swing);
    if bounds.swing_w.is_finite() {
        let says = format!("{:.0} W keep what the site swings within what is allowed", bounds.swing_w);
        items.push(Item::new("swing", says).binding(swing));
    }
    if bounds.ceiling_w < bounds.thermal_w.min(bounds.swing_w) - SAME {
        items.push(
            Item::new("loop", format!("{:.0} W while its supply rises toward the limit", bounds.ceiling_w))
                .binding(heat),
        );
    }
    items.extend(bounds.branches.iter().map(|b| branch(site, b, &holder)));
    if let Some(slow) = bounds.slowest {
        let says = format!("{} carries the lowest clock of those that run together", name(site, slow));
        items.push(Item::new("common clock", says).binding(matches!(holder, Holder::Common(_))));
    }
    items.extend(decided(line, gpu, &holder));
    Explanation {
        of: format!("{} {}", name(site, gpu), site.gpus[gpu].uuid),
        kind: "GPU".to_owned(),
        time: line.snapshot().stamp.to_string(),
        says: says(line, &holder),
        needs: needs(site, &holder, &bounds),
        items,
        events: Vec::new(),
    }
}

fn holder(line: &Line, gpu: usize, job: Option<usize>, bounds: &CapBounds) -> Holder {
    let caps = line.caps();
    let (cap_w, lock) = (caps.cap_w[gpu], caps.lock_mhz[gpu]);
    if cap_w >= bounds.most_w - SAME && lock.is_none() {
        return Holder::Nothing;
    }
    let wanted = job.and_then(|j| Some((j, line.job_clocks()[j].wanted_mhz?)));
    if let (Some((j, wanted)), Some(lock)) = (wanted, lock)
        && lock >= wanted - SAME
    {
        return Holder::Wanted(j);
    }
    if let Some(b) = bounds.branches.iter().find(|b| b.shadow > 0.0) {
        return Holder::Branch(b.branch);
    }
    if bounds.swing_w <= bounds.ceiling_w + SAME && cap_w >= bounds.ceiling_w - SAME {
        return Holder::Swing;
    }
    if bounds.ceiling_w < bounds.most_w - SAME && cap_w >= bounds.ceiling_w - SAME {
        return Holder::Heat;
    }
    if let Some(slow) = bounds.slowest.filter(|slow| *slow != gpu) {
        return Holder::Common(slow);
    }
    let full = bounds.branches.iter().find(|b| b.is_given_out());
    full.filter(|_| cap_w >= bounds.demand_w - 1.0).map_or(Holder::Guard, |b| Holder::GivenOut(b.branch))
}

fn says(line: &Line, holder: &Holder) -> String {
    let site = line.site();
    match holder {
        Holder::Nothing => "nothing holds it: its cap is the highest and its clock is free".to_owned(),
        Holder::Wanted(j) => format!("its clock is the one that is wanted of {}", site.jobs[*j].id),
        Holder::Branch(b) => format!("{} has no more watts to give", site.power[*b].id),
        Holder::GivenOut(b) => {
            format!(
                "it has all that it would draw, and a share of what {} has left; that is given out",
                site.power[*b].id
            )
        }
        Holder::Swing => "what the site may swing within seconds, shared by those that do".to_owned(),
        Holder::Heat => "its temperature, or that of its loop, is what it may go to".to_owned(),
        Holder::Common(slow) => format!("it runs with {}, which carries no more", name(site, *slow)),
        Holder::Guard => {
            "it is held by the last solution, or by the guard while other GPUs are lowered".to_owned()
        }
    }
}

/// What it does.
fn seen(line: &Line, gpu: usize) -> Vec<Item> {
    let g = &line.snapshot().gpus[gpu];
    if !g.heard {
        return vec![Item::new("now", "silent: it counts with its cap")];
    }
    let s = &g.sample;
    let or = |x: Option<f32>, unit: &str| x.map_or(format!("? {unit}"), |x| format!("{x:.0} {unit}"));
    let power = or(s.watts(), "W");
    let now = format!(
        "{power}, {}, die {}, memory {}",
        or(s.clock_mhz.get(), "MHz"),
        or(s.die_c.get(), "degC"),
        or(s.hbm_c.get(), "degC")
    );
    let h = line.estimate().headroom(gpu);
    let bits = line.reasons(gpu);
    let reasons: Vec<String> =
        ThrottleReason::ALL.iter().filter(|r| bits & r.bit() != 0).map(ToString::to_string).collect();
    let held = if reasons.is_empty() { "by nothing that costs work".to_owned() } else { reasons.join(", ") };
    vec![
        Item::new("now", now),
        Item::new(
            "headroom",
            format!("{:.1} K now, {:.1} K at full load ({})", h.kelvin, h.kelvin_full_load, h.binding),
        ),
        Item::new("firmware holds", held),
    ]
}

fn branch(site: &Site, b: &BranchBound, holder: &Holder) -> Item {
    let id = &site.power[b.branch].id;
    let says = if b.room_w.is_finite() {
        format!("caps of {:.1} kW in a room of {:.1} kW", b.capped_w * 1e-3, b.room_w * 1e-3)
    } else {
        format!("caps of {:.1} kW, no budget", b.capped_w * 1e-3)
    };
    let full = matches!(holder, Holder::GivenOut(full) if *full == b.branch);
    Item::new(format!("branch {id}"), says).binding(b.shadow > 0.0 || full)
}

/// What is proposed, what the guard made of it, and what is in force.
fn decided(line: &Line, gpu: usize, holder: &Holder) -> Vec<Item> {
    let caps = line.caps();
    let lock =
        caps.lock_mhz[gpu].map_or("clock free".to_owned(), |mhz| format!("clock at most {mhz:.0} MHz"));
    let in_force = line.snapshot().gpus[gpu].sample.enforced_cap_w;
    let mode = line.wants().caps_mode;
    vec![
        Item::new("decided", format!("cap {:.0} W, {lock} (caps are {mode})", caps.cap_w[gpu])),
        Item::new("guard", caps_words(&line.last_caps())).binding(matches!(holder, Holder::Guard)),
        Item::new("in force", in_force.get().map_or("not known".to_owned(), |w| format!("cap {w:.0} W"))),
    ]
}

fn needs(site: &Site, holder: &Holder, bounds: &CapBounds) -> Vec<String> {
    let short_w = (bounds.demand_w.min(bounds.most_w)).max(0.0);
    match holder {
        Holder::Branch(b) => vec![format!(
            "more watts at {} for it to have the {short_w:.0} W that it would draw",
            site.power[*b].id
        )],
        Holder::Swing => {
            vec!["a wider `swing` of [grid], or a job that idles less between its steps".to_owned()]
        }
        Holder::Heat => vec!["colder coolant, or more of it".to_owned()],
        Holder::Wanted(j) => {
            vec![format!("a tighter promise or priority of {} for a faster clock", site.jobs[*j].id)]
        }
        Holder::Nothing | Holder::GivenOut(_) | Holder::Common(_) | Holder::Guard => Vec::new(),
    }
}
