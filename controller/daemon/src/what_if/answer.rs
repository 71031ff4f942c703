//! What would be, as figures and as sentences.
//!
//! Responsible for: names in place of indices, units of the site file, money, words. Not for: the effect itself.

use headroom_core::Line;
use headroom_core::what_if::{Change, Effect, Heat, Room, Watts};
use serde::{Deserialize, Serialize};

/// Page `/what-if`. What is not known is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// What was asked, in words.
    pub(crate) asked: String,
    /// The tick it is of.
    pub(crate) time: String,
    /// The answer in sentences.
    pub(crate) says: Vec<String>,
    /// GPUs that feel it.
    pub(crate) gpus: Option<usize>,
    /// Room of the GPU that would have the least, at its recent peak power and at its highest cap, K.
    pub(crate) present: Option<RoomView>,
    pub(crate) full_load: Option<RoomView>,
    /// GPUs that would pass their limit, and do not now.
    pub(crate) over: Option<usize>,
    pub(crate) over_full_load: Option<usize>,
    /// Power of the facility beside its IT, W more, least and most, by priors.
    pub(crate) facility_least_w: Option<f64>,
    pub(crate) facility_most_w: Option<f64>,
    /// Leakage, W more.
    pub(crate) leakage_w: Option<f64>,
    /// What both cost, money per hour more, least and most, in the policy's currency.
    pub(crate) cost_least_per_h: Option<f64>,
    pub(crate) cost_most_per_h: Option<f64>,
    pub(crate) currency: Option<String>,
    /// Outputs of the site's model in an hour, where there is one and they move.
    pub(crate) outputs: Vec<OutputView>,
    /// A branch under another budget.
    pub(crate) branch: Option<BranchEffect>,
}

/// Room before and after, K.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RoomView {
    pub(crate) of: String,
    pub(crate) before_k: f64,
    pub(crate) after_k: f64,
}

/// An output in an hour, as things are and otherwise, in the model's base unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutputView {
    pub(crate) output: String,
    pub(crate) unit: String,
    pub(crate) stays: f64,
    pub(crate) goes: f64,
    /// Standard deviation of both.
    pub(crate) sigma: f64,
}

/// A branch under another budget.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BranchEffect {
    pub(crate) id: String,
    pub(crate) now_w: f64,
    pub(crate) then_w: f64,
    pub(crate) budget_w: f64,
    pub(crate) gpus_held: usize,
    pub(crate) infeasible: bool,
    pub(crate) jobs: Vec<JobView>,
}

/// A job whose clock would fall.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobView {
    pub(crate) id: String,
    pub(crate) now_mhz: f64,
    pub(crate) then_mhz: f64,
    /// Share of its tokens that would be lost, least and most.
    pub(crate) lost_least: f64,
    pub(crate) lost_most: f64,
}

/// A number without the noise of its last bits.
pub(crate) fn tidy(x: f64) -> f64 {
    (x * 1e3).round() / 1e3 + 0.0
}

impl Answer {
    pub(super) fn new(line: &Line, change: Change, effect: &Effect) -> Self {
        let mut answer =
            Self { asked: asked(line, change), time: line.snapshot().stamp.to_string(), ..Self::default() };
        if let Some(heat) = &effect.heat {
            answer.heat(line, heat);
        }
        answer.power(line, effect);
        answer.by_model(line, effect);
        if let (Some(watts), Change::Budget { branch, .. }) = (&effect.watts, change) {
            answer.watts(line, branch, watts);
        }
        answer
    }

    fn heat(&mut self, line: &Line, heat: &Heat) {
        self.gpus = Some(heat.gpus);
        if heat.held_between {
            self.says.push("the loops between hold their own temperature: no GPU feels it".to_owned());
            return;
        }
        if heat.gpus == 0 {
            self.says.push("no GPU that was ever heard is served by it".to_owned());
            return;
        }
        let gpu = |room: &Room| view(gpu_name(line, room.of), room);
        (self.present, self.full_load) = (heat.present.as_ref().map(gpu), heat.full.as_ref().map(gpu));
        (self.over, self.over_full_load) = (Some(heat.over), Some(heat.over_full));
        for (load, room, over) in [
            ("at its recent peak", &self.present, heat.over),
            ("at full load", &self.full_load, heat.over_full),
        ] {
            let Some(RoomView { of, before_k, after_k }) = room else { continue };
            let passed = if over > 0 {
                format!("; {over} of {} GPUs would pass their limit", heat.gpus)
            } else {
                String::new()
            };
            self.says.push(format!("{load} {of} has {before_k:.1} K, would have {after_k:.1} K{passed}"));
        }
        if let Some(room) = &heat.flow {
            let rack = &line.topology().racks[room.of].id;
            let short =
                if room.after_k < 0.0 { ": less than its table asks for, and the reserve" } else { "" };
            self.says.push(format!(
                "flow of {rack}: {:.1} K-equivalent above the least, would be {:.1}{short}",
                room.before_k, room.after_k
            ));
        }
    }

    fn power(&mut self, line: &Line, effect: &Effect) {
        self.leakage_w = effect.leakage_w.map(tidy);
        let Some((least, most)) = effect.facility_w else {
            if effect.leakage_w.is_some() {
                self.says.push("what it saves is not metered (`unloads` of the site file)".to_owned());
            }
            return;
        };
        let leakage = effect.leakage_w.map_or(0.0, |w| w.round() + 0.0);
        (self.facility_least_w, self.facility_most_w) = (Some(tidy(least)), Some(tidy(most)));
        let range =
            if most - least < 0.5 { format!("{most:+.0} W") } else { format!("{least:+.0} to {most:+.0} W") };
        self.says.push(format!("cooling {range}, leakage {leakage:+.0} W (estimated from meters of now)"));
        let objective = &line.wants().policy().objective;
        let per_h = objective.energy_cost_per_joule() * 3600.0;
        if per_h > 0.0 {
            let [least, most] = [least, most].map(|w| (w + leakage) * per_h);
            (self.cost_least_per_h, self.cost_most_per_h) = (Some(tidy(least)), Some(tidy(most)));
            self.currency = Some(objective.currency.clone());
            self.says.push(format!("that is {least:+.2} to {most:+.2} {} an hour", objective.currency));
        }
    }

    fn by_model(&mut self, line: &Line, effect: &Effect) {
        let Some(model) = line.foresight().map(headroom_core::site_filter::SiteFilter::model) else { return };
        for o in &effect.outputs {
            let output = &model.outputs[o.output];
            let view = OutputView {
                output: output.name.clone(),
                unit: output.unit.clone(),
                stays: tidy(o.stays.value),
                goes: tidy(o.goes.value),
                sigma: tidy(o.goes.sigma),
            };
            self.says.push(format!(
                "in an hour {}: {:.1} {unit} as things are, {:.1} +- {:.1} {unit} then (model of the site)",
                view.output,
                view.stays,
                view.goes,
                view.sigma,
                unit = view.unit
            ));
            self.outputs.push(view);
        }
    }

    fn watts(&mut self, line: &Line, branch: usize, watts: &Watts) {
        let site = line.site();
        let job = |j: &headroom_core::what_if::JobEffect| JobView {
            id: site.jobs[j.job].id.clone(),
            now_mhz: tidy(j.now_mhz),
            then_mhz: tidy(j.then_mhz),
            lost_least: tidy(1.0 - j.tokens.1),
            lost_most: tidy(1.0 - j.tokens.0),
        };
        let view = BranchEffect {
            id: site.power[branch].id.clone(),
            now_w: tidy(watts.now_w),
            then_w: tidy(watts.then_w),
            budget_w: tidy(watts.budget_w),
            gpus_held: watts.held,
            infeasible: watts.infeasible,
            jobs: watts.jobs.iter().map(job).collect(),
        };
        if watts.strategy_holds {
            self.says.push("the policy leaves caps as they are: nothing would be held".to_owned());
        }
        let [now, then, budget] = [view.now_w, view.then_w, view.budget_w].map(|w| w * 1e-3);
        self.says.push(format!(
            "{} draws {now:.1} kW, would draw {then:.1} kW of {budget:.1} kW; {} GPUs held",
            view.id, view.gpus_held
        ));
        if view.infeasible {
            self.says.push("the lowest caps alone draw more: capping cannot keep it".to_owned());
        }
        for j in &view.jobs {
            let [least, most] = [j.lost_least, j.lost_most].map(|x| x * 100.0);
            self.says.push(format!(
                "{}: {:.0} MHz now, {:.0} MHz then; {least:.1} to {most:.1} % of its tokens lost",
                j.id, j.now_mhz, j.then_mhz
            ));
        }
        self.branch = Some(view);
    }
}

fn view(of: String, room: &Room) -> RoomView {
    RoomView { of, before_k: tidy(room.before_k), after_k: tidy(room.after_k) }
}

fn gpu_name(line: &Line, g: usize) -> String {
    let (site, gpu) = (line.site(), &line.site().gpus[g]);
    let node = &site.nodes[gpu.node.index()];
    format!("{} GPU {}", node.id, g - node.gpus.0 as usize)
}

/// What was asked, in words.
fn asked(line: &Line, change: Change) -> String {
    let site = line.site();
    match change {
        Change::Setpoint { actuator, value } => {
            let a = &site.actuators[actuator];
            let of = |x: f64| tidy(a.unit.from_base(x));
            let stands = line.stands(actuator).map_or("?".to_owned(), |s| of(s).to_string());
            format!("{} at {} {} instead of {stands}", a.id, of(value), a.unit.symbol)
        }
        Change::Flow { equipment, share } => {
            format!("{} moves {:.0} % of its flow of now", site.equipment[equipment].id, share * 100.0)
        }
        Change::Budget { branch, watts } => {
            format!("{} may draw {:.1} kW", site.power[branch].id, watts * 1e-3)
        }
    }
}
