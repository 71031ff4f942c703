//! Who may command: groups whose policy asks for evidence, and have some.
//!
//! Responsible for: the way from advisory to active at the start. Not for: the ladder itself (`headroom-guard`, `transition`), which
//! is asked here.
//!
//! A group of actuators commands if its policy says so *and*, where `[promotion]` asks for it, evidence supports it that is of this
//! site file, of what cooling decides by, and of the model that the daemon runs with, if it has one. Else it advises, and says why.
//! GPU caps are not tried by a backtest, so that no evidence is asked for them.

use super::evidence::{Evidence, of_model, of_site, of_wishes};
use crate::files::Loaded;
use headroom_guard::{Grounds, Mode, transition};
use headroom_site::Span;
use std::fmt;

/// A group that may only advise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    group: String,
    why: Why,
}

/// Why evidence does not count, the nearest miss of all that is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    None,
    OtherSite,
    OtherWishes,
    OtherModel,
    OtherGroups,
    Short { has_h: u32, asked_h: u32 },
    Against(Vec<String>),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {} only advises: its policy asks for evidence, and ", self.group)?;
        match &self.why {
            Why::None => {
                f.write_str("none is given (headroom backtest --out FILE, headroom run --evidence FILE)")
            }
            Why::OtherSite => {
                f.write_str("what is given is of another site file; run headroom backtest again")
            }
            Why::OtherWishes => f.write_str(
                "what is given is of other limits, margins or strategy; run headroom backtest again",
            ),
            Why::OtherModel => {
                f.write_str("what is given is of another model; run headroom backtest with this one")
            }
            Why::OtherGroups => {
                f.write_str("what is given is of other groups; run headroom backtest --group for it")
            }
            Why::Short { has_h, asked_h } => {
                write!(f, "what is given looks at {has_h} h where {asked_h} h are asked for; record longer")
            }
            Why::Against(why) => write!(f, "what is given speaks against it: {}", why.join("; ")),
        }
    }
}

/// Holds groups to advice that ask for evidence and have none.
pub(crate) fn promote(loaded: &mut Loaded, model: Option<&str>, evidence: &[Evidence]) -> Vec<Held> {
    let promotion = loaded.wants.policy().promotion;
    if !promotion.required {
        return Vec::new();
    }
    let (site, wishes, model) = (of_site(&loaded.site), of_wishes(&loaded.wants), model.map(of_model));
    let judge = |e: &Evidence, group: &String| -> Option<Why> {
        let short = Span::from_s(e.hours * 3600.0) < promotion.span;
        if e.site_sha256 != site {
            Some(Why::OtherSite)
        } else if e.wishes_sha256 != wishes {
            Some(Why::OtherWishes)
        } else if model.as_ref().is_some_and(|m| *m != e.model_sha256) {
            Some(Why::OtherModel)
        } else if !e.groups.contains(group) {
            Some(Why::OtherGroups)
        } else if short {
            Some(Why::Short { has_h: e.hours as u32, asked_h: (promotion.span.s() / 3600.0).ceil() as u32 })
        } else {
            (!e.supports).then(|| Why::Against(e.against.clone()))
        }
    };
    let mut held: Vec<Held> = Vec::new();
    for (mode, a) in loaded.wants.actuator_mode.iter_mut().zip(&loaded.site.actuators) {
        if *mode != Mode::Active {
            continue;
        }
        let judged: Vec<Option<Why>> = evidence.iter().map(|e| judge(e, &a.group)).collect();
        // The policy is the operator's word.
        let grounds = Grounds { evidence: judged.contains(&None), operator: true };
        *mode = transition(Mode::Advisory, Mode::Active, grounds).unwrap_or(Mode::Advisory);
        if *mode == Mode::Advisory && held.iter().all(|h| h.group != a.group) {
            let why = judged.into_iter().flatten().max().unwrap_or(Why::None);
            held.push(Held { group: a.group.clone(), why });
        }
    }
    held
}
