//! What the policy wants, and how the strategies go about it, in the order in which they do.

use super::model::Wanted;
use super::say::{percent, plain, seconds, span, watts};
use super::stepwise;
use crate::files::Loaded;
use headroom_core::outlook::READY_S;
use headroom_core::propose::cooling::predictive::HORIZON_S;
use headroom_core::propose::cooling::{
    FLOW_RESERVE, OWN_K, RELAX_GAIN, SMALL_ROOM_K, SWING_MINUTES, TIGHTEN_GAIN, TRACK_K, WORTH,
};
use headroom_core::propose::power::TAU_S;
use headroom_policies::{CoolingStrategy, Policy, PowerStrategy};
use headroom_site::{JobId, Site};

/// All of it.
pub(super) fn wanted(loaded: &Loaded) -> Wanted {
    let policy = loaded.wants.policy();
    Wanted {
        objective: objective(policy),
        headroom: headroom(loaded),
        cooling: cooling(loaded),
        power: power(&loaded.site, policy),
        grid: grid(policy),
    }
}

fn objective(policy: &Policy) -> Vec<String> {
    let o = &policy.objective;
    let price = |what: &str, x: f64, per: &str| {
        if x > 0.0 {
            format!("{what}: {} {}/{per}", plain(x), o.currency)
        } else {
            format!("{what}: no price")
        }
    };
    let target = |what: &str, text: Option<String>| {
        format!("{what}: {}", text.unwrap_or_else(|| "no target".to_owned()))
    };
    vec![
        price("electricity", o.electricity.as_per_kwh(), "kWh"),
        price("tokens", o.tokens.as_per_million(), "1e6 tokens"),
        price("water", o.water.as_per_m3(), "m3"),
        price("carbon", o.carbon.as_per_tonne(), "t"),
        format!("carbon of the grid: {} g/kWh", plain(o.carbon_intensity.as_grams_per_kwh())),
        format!(
            "where watts and tokens disagree: `{}`; at most {} of the tokens may be lost for watts",
            o.prefer,
            percent(o.max_token_loss.as_fraction())
        ),
        target(
            "spread of the clock inside a job",
            o.targets.clock_spread.map(|r| format!("at most {}", percent(r.as_fraction()))),
        ),
        target("throttled, per GPU and day", o.targets.throttled.map(|s| format!("at most {}", span(s)))),
        target("PUE", o.targets.pue.map(|p| format!("at most {}", plain(p)))),
        target("time to first token (95 of 100 requests)", o.promise.first_token.map(span)),
        target("time per output token (95 of 100 requests)", o.promise.per_token.map(span)),
    ]
}

fn headroom(loaded: &Loaded) -> Vec<String> {
    let h = &loaded.wants.policy().headroom;
    let mut out = vec![
        format!("die below its maximum operating temperature: {} K", plain(h.gpu.as_kelvin())),
        format!("GPU memory below its maximum: {} K", plain(h.memory.as_kelvin())),
        format!(
            "temperature points inside their limits: {} K; others: {} of the limit",
            plain(h.point.as_kelvin()),
            percent(h.other.as_fraction())
        ),
        format!(
            "on top of that the uncertainty of the estimate, so that a limit is kept with a probability of {}",
            percent(h.confidence)
        ),
        format!("share of each budget that is not planned for: {}", percent(h.budget_reserve.as_fraction())),
    ];
    out.extend(point_limits(loaded));
    out
}

/// Every point with a limit, as the policy leaves it.
fn point_limits(loaded: &Loaded) -> impl Iterator<Item = String> {
    let points = loaded.site.points.iter().zip(&loaded.wants.point_limits);
    points.filter_map(|(p, limits)| {
        let say = |base: f64| format!("{} {}", plain(super::say::number(base, p.unit)), p.unit.symbol);
        match *limits {
            (None, None) => None,
            (Some(low), None) => Some(format!("`{}` never below {}", p.id, say(low))),
            (None, Some(high)) => Some(format!("`{}` never above {}", p.id, say(high))),
            (Some(low), Some(high)) => {
                Some(format!("`{}` never below {} and never above {}", p.id, say(low), say(high)))
            }
        }
    })
}

fn cooling(loaded: &Loaded) -> Vec<String> {
    let (site, strategy) = (&loaded.site, loaded.wants.cooling);
    let mut out = Vec::new();
    match strategy {
        CoolingStrategy::Hold => return vec!["`hold`: every setpoint stays where it stands.".to_owned()],
        CoolingStrategy::TrimAndRespond => return stepwise::trim_and_respond(loaded),
        CoolingStrategy::Pid => return stepwise::pid(site),
        CoolingStrategy::LeastHeadroom => {}
        CoolingStrategy::Predictive => out.push(format!(
            "`predictive`: the moves of all setpoints over the next {} are planned together on the model of the site, with load and \
             weather of the outlook; the first move of a plan that carries its certificate is taken. Without a model or a \
             certificate, and always as the wish of each setpoint, the following holds.",
            seconds(HORIZON_S)
        )),
    }
    let [near, far] = TIGHTEN_GAIN.map(percent);
    out.push(format!(
        "`{}`, every {}, for each setpoint in the order of the site file, step by step.",
        CoolingStrategy::LeastHeadroom,
        span(site.cooling_period)
    ));
    out.extend(room(site));
    out.push(format!(
        "2. Less room than wanted: it tightens at once, by {near} of the lack ({far} upstream), at most one step. What it has asked of \
         what cools GPUs and still comes is not asked again."
    ));
    out.push("3. Its effect is not seen: it walks to its fallback; where the sensor stands still, to what that shows.".to_owned());
    out.push(format!(
        "4. More room than wanted: it relaxes by {} of the room ({} upstream), at most one step, if that saves more than {} times what it \
         costs ({} times for a technology temperature, whose price is leakage of the dies, and only while its own valves hold back \
         what is upstream).",
        percent(RELAX_GAIN[0]),
        percent(RELAX_GAIN[1]),
        plain(WORTH[1]),
        plain(WORTH[0])
    ));
    out.push(
        "   What is upstream relaxes first, and waits while the plant still comes nearer to the last move."
            .to_owned(),
    );
    out.push(format!(
        "   A temperature that has moved within the last {SWING_MINUTES} min is relaxed by no more than {} K within them.",
        plain(OWN_K)
    ));
    out.push(format!(
        "   After it has tightened it leaves room below {} K as it is ({} K upstream, {} K-equivalent of a pressure).",
        plain(SMALL_ROOM_K[0]),
        plain(SMALL_ROOM_K[1]),
        plain(SMALL_ROOM_K[2])
    ));
    out.push("5. The guard narrows or refuses what came of it (section of each actuator).".to_owned());
    out
}

/// What room is, step 1 of every strategy.
pub(super) fn room(site: &Site) -> Vec<String> {
    let mut out = Vec::new();
    out.push(
        "1. Room: the least, over everything it serves, of: die to its limit after a step to full load; point to its limit; flow of a \
         rack to its least flow; setpoint downstream to what is measured there."
            .to_owned(),
    );
    if !site.min_flow.is_empty() {
        let rows: Vec<String> = site
            .min_flow
            .iter()
            .map(|(c, flow)| format!("{} L/min/kW at {} degC", plain(*flow), plain(*c)))
            .collect();
        out.push(format!(
            "   Least flow of a rack: {}; {} more than that is kept.",
            rows.join(", "),
            percent(FLOW_RESERVE)
        ));
    }
    out.push(format!(
        "   A setpoint downstream that is missed by more than {} K gets help from upstream.",
        plain(TRACK_K)
    ));
    out
}

fn power(site: &Site, policy: &Policy) -> Vec<String> {
    if site.gpus.is_empty() {
        return vec!["The site has no GPU.".to_owned()];
    }
    let mut out = vec![match policy.strategy.power {
        PowerStrategy::Hold => "`hold`: no cap and no clock is asked.".to_owned(),
        PowerStrategy::Steady => format!(
            "`steady`, every {}: watts are shared under every budget; each job gets the clock that the least of its GPUs can hold with \
             them, or the lower one that the policy wants; caps stand above it.",
            span(site.power_period)
        ),
    }];
    if policy.strategy.power == PowerStrategy::Steady {
        out.push(format!(
            "A loop whose supply runs toward its limit faster than it may (time constant {}) has its GPUs give way, by priority, \
             until the water comes back.",
            seconds(TAU_S)
        ));
    }
    for (i, job) in site.jobs.iter().enumerate() {
        let id = JobId(i as u32);
        let promise = policy.job_promise(site, id);
        let mut text =
            format!("Job `{}`: {} GPUs, priority {}", job.id, job.gpus.len(), policy.job_priority(site, id));
        let wish = policy.job(site, id);
        let mhz = |f: headroom_site::Frequency| format!("{} MHz", plain(f.as_megahertz()));
        if let Some(floor) = wish.and_then(|w| w.floor_clock) {
            text += &format!("; not below {} while a lower job can give", mhz(floor));
        }
        if let Some(ceiling) = wish.and_then(|w| w.ceiling_clock) {
            text += &format!("; never above {}", mhz(ceiling));
        }
        if let Some(first) =
            promise.first_token.filter(|_| job.kind == headroom_site::model::JobKind::Serving)
        {
            text += &format!("; first token within {}", span(first));
        }
        out.push(text + ".");
    }
    out
}

fn grid(policy: &Policy) -> Vec<String> {
    let g = &policy.grid;
    let rate = |r: headroom_site::Rate| format!("{} a minute", watts(r.per_s * 60.0));
    let none = || "not limited".to_owned();
    let mut out = vec![
        format!("fastest rise of the site: {}", g.ramp_up.map_or_else(none, rate)),
        match g.ramp_down {
            Some(r) => format!(
                "a known cut is walked down to at {}, and reached {} before it",
                rate(r),
                seconds(READY_S)
            ),
            None => format!("a known cut holds from {} before it", span(g.notice)),
        },
    ];
    if let Some(s) = g.swing {
        out.push(format!(
            "swings of at most {} peak to peak from {} Hz to {} Hz",
            watts(s.amplitude.as_watts()),
            plain(s.band.0.as_megahertz() * 1e6),
            plain(s.band.1.as_megahertz() * 1e6)
        ));
    }
    out
}
