//! Why a job runs at its clock.

use super::{Explanation, Item};
use headroom_core::Line;

pub(super) fn explain(line: &Line, job: usize) -> Explanation {
    let (site, clock) = (line.site(), &line.job_clocks()[job]);
    let j = &site.jobs[job];
    let locks: Vec<f64> = j.gpus.iter().filter_map(|g| line.caps().lock_mhz[g.index()]).collect();
    let held = j.gpus.iter().filter(|g| line.reasons(g.index()) != 0).count();
    let (low, high) = locks.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), x| (l.min(*x), h.max(*x)));
    let locked = if locks.is_empty() {
        "no GPU's clock is locked".to_owned()
    } else {
        format!("{} of {} GPUs at most at {low:.0} to {high:.0} MHz", locks.len(), j.gpus.len())
    };
    let less = clock.wanted_mhz.is_some_and(|wanted| low < wanted - 0.5);
    let cv = line.ledger().job_cv.get(job).copied().unwrap_or(0.0);
    Explanation {
        of: j.id.clone(),
        kind: "job".to_owned(),
        time: line.snapshot().stamp.to_string(),
        says: if less {
            "budgets or temperatures leave it less than is wanted".to_owned()
        } else {
            clock.why.to_string()
        },
        items: vec![
            Item::new(
                "wanted",
                clock
                    .wanted_mhz
                    .map_or("its highest clock".to_owned(), |mhz| format!("{mhz:.0} MHz: {}", clock.why)),
            )
            .binding(!less),
            Item::new("saves", format!("about {:.0} W beside its highest clock", clock.saves_w)),
            Item::new("locked", locked).binding(less),
            Item::new("spread", format!("{:.2} % of its mean clock", 100.0 * cv)),
            Item::new("firmware holds", format!("{held} of {} GPUs", j.gpus.len())),
        ],
        needs: if less {
            vec!["`headroom explain` of its slowest GPU says which".to_owned()]
        } else {
            Vec::new()
        },
        events: Vec::new(),
    }
}
