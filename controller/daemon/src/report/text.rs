//! The report as words: tables that a terminal and a page share.
//!
//! Responsible for: what stands in which table. Not for: layout (`score::grid`, `html`).

use super::Report;
use crate::ledger::rows::{JobLine, PlaceLine};
use crate::score::grid::Grid;
use crate::status::ledger::{money, range, tokens};

/// Tables in their order.
pub(super) fn tables(r: &Report) -> Vec<(&'static str, Grid)> {
    vec![
        ("pairs", pairs(r)),
        ("targets", targets(r)),
        ("jobs", jobs(r)),
        ("throttled", throttled(r)),
        ("gpus", gpus(r)),
        ("energy", energy(r)),
        ("branches", branches(r)),
        ("responses", responses(r)),
        ("pue", pue(r)),
        ("rows", places("Rows of racks", &r.account.rows, r)),
        ("racks", places("Racks", &r.account.racks, r)),
        ("absent", absent(r)),
        ("gaps", gaps(r)),
    ]
}

/// For a terminal.
pub(super) fn screen(r: &Report) -> String {
    let mut out = format!("{}\n", heading(r));
    for (_, grid) in tables(r).iter().filter(|(_, g)| !g.rows.is_empty()) {
        out += &format!("\n{}", grid.plain());
    }
    out
}

/// What it is of.
pub(super) fn heading(r: &Report) -> String {
    let s = &r.account.summary;
    format!(
        "{}, {} to {}: {:.2} h booked ({:.1} % of it), {:.2} h of them under commands",
        r.site,
        s.from,
        s.to,
        s.booked_s / 3600.0,
        100.0 * s.booked_share,
        s.commanded_s / 3600.0
    )
}

fn kwh(x: Option<f64>) -> String {
    x.map_or("-".to_owned(), |x| format!("{x:.1}"))
}

fn percent(x: Option<f64>, digits: usize) -> String {
    x.map_or("-".to_owned(), |x| format!("{:.digits$} %", 100.0 * x))
}

fn pairs(r: &Report) -> Grid {
    let s = &r.account.summary;
    let cost = |x: f64| money(x, &s.currency);
    let mut grid = Grid::new("The four pairs", 3, &["pair", "what", "what was lost", "money"]);
    let (t, f, w, p) = (&s.token, &s.flops, &s.watt, &s.pue);
    let made = format!("{} made", tokens(t.made));
    let drift = format!("{} +- {} lost to clock drift", tokens(t.lost_to_drift), tokens(t.sigma));
    grid.rows.push(vec!["TOKEN".into(), made, drift, cost(t.drift_cost)]);
    let share = f.lost_share.map_or(String::new(), |x| format!(" ({:.3} %)", 100.0 * x));
    let lost = format!(
        "{:.0} GPU-s{share}, {:.1} PFLOP, {} tokens",
        f.lost_gpu_s,
        f.lost_pflop,
        tokens(t.lost_to_throttling)
    );
    grid.rows.push(vec![
        "FLOPS".into(),
        format!("{:.0} GPU-s throttled", f.throttled_gpu_s),
        lost,
        cost(f.cost),
    ]);
    let over = format!("{:.2} kWh of GPUs over the needed minimum ({:.0} W)", w.gpus_over_kwh, w.gpus_over_w);
    grid.rows.push(vec![
        "WATT".into(),
        format!("{} kWh drawn", kwh(w.facility_kwh)),
        over,
        cost(w.over_cost),
    ]);
    let points = format!("{} points over the best reachable", range(p.over_best, 4, ""));
    let over_cost = p.over_cost.map_or("-".to_owned(), cost);
    grid.rows.push(vec!["PUE".into(), range(p.pue, 4, ""), points, over_cost]);
    grid
}

fn targets(r: &Report) -> Grid {
    let mut grid =
        Grid::new("Targets of the policy", 4, &["target", "of", "wanted", "", "attained", "budget used"]);
    for t in &r.account.summary.targets {
        let used = if t.overspent && t.budget_used.is_none() {
            "none allowed".into()
        } else {
            percent(t.budget_used, 1)
        };
        let used = if t.overspent { format!("{used}, overspent") } else { used };
        let of = if t.of.is_empty() { "site" } else { &t.of };
        grid.rows.push(vec![
            t.target.clone(),
            of.to_owned(),
            format!("{}", t.wanted),
            t.unit.clone(),
            percent(t.attained, 2),
            used,
        ]);
    }
    grid
}

fn job_name(j: &JobLine) -> String {
    if j.job.is_empty() { "(no job)".to_owned() } else { j.job.clone() }
}

fn jobs(r: &Report) -> Grid {
    let head = [
        "job",
        "kind",
        "GPUs",
        "tokens",
        "to drift",
        "to throttling",
        "given up",
        "unexplained",
        "spread",
        "GPUs [kWh]",
        "over [kWh]",
        "lost",
        "over",
    ];
    let mut grid = Grid::new("Jobs: tokens made and lost, energy, money", 2, &head);
    for j in &r.account.jobs {
        grid.rows.push(vec![
            job_name(j),
            j.kind.clone(),
            j.gpus.to_string(),
            tokens(j.tokens),
            tokens(j.drift_tokens),
            tokens(j.throttled_tokens),
            tokens(j.chosen_tokens),
            tokens(j.unexplained_tokens),
            percent(j.clock_spread, 3),
            format!("{:.2}", j.gpus_kwh),
            format!("{:.2}", j.over_kwh),
            money(j.lost_cost, &r.account.summary.currency),
            money(j.over_cost, &r.account.summary.currency),
        ]);
    }
    grid
}

fn throttled(r: &Report) -> Grid {
    let head = ["reason", "cause", "GPU-s", "lost GPU-s", "lost tokens"];
    let mut grid = Grid::new("Throttled time by reason and cause", 2, &head);
    for t in &r.account.summary.flops.by {
        grid.rows.push(vec![
            t.reason.clone(),
            t.cause.clone(),
            format!("{:.0}", t.gpu_s),
            format!("{:.0}", t.lost_gpu_s),
            tokens(t.lost_tokens),
        ]);
    }
    grid
}

fn gpus(r: &Report) -> Grid {
    let mut grid = Grid::new(
        "GPUs that stood out",
        2,
        &["GPU", "node", "throttled [s]", "others waited for it [GPU-s]"],
    );
    for g in &r.account.worst_gpus {
        let (throttled, waited) = (format!("{:.0}", g.throttled_s), format!("{:.0}", g.drift_gpu_s));
        grid.rows.push(vec![g.uuid.clone(), g.node.clone(), throttled, waited]);
    }
    grid
}

fn energy(r: &Report) -> Grid {
    let w = &r.account.summary.watt;
    let mut grid = Grid::new("Energy, and how it adds up", 1, &["line", "kWh", "95 %"]);
    let mut push = |name: &str, value: Option<f64>, bounds: Option<(f64, f64)>| {
        let bounds = bounds.map_or(String::new(), |(low, high)| format!("{low:.2} to {high:.2}"));
        grid.rows.push(vec![name.to_owned(), value.map_or("-".to_owned(), |x| format!("{x:.2}")), bounds]);
    };
    push("facility", w.facility_kwh, None);
    push("  IT", w.it_kwh, None);
    push("    racks' meters", w.it_kwh.zip(w.racks_residual_kwh).map(|(it, r)| it - r.value), None);
    push("      GPUs", Some(w.gpus_kwh), None);
    let residual = w.racks_residual_kwh;
    push("    residual: IT less racks", residual.map(|r| r.value), residual.map(|r| (r.low, r.high)));
    push("  cooling", w.cooling_kwh, None);
    let rest = w.unmetered_kwh;
    push("  losses, lights, no meter", rest.map(|r| r.value), rest.map(|r| (r.low, r.high)));
    push("GPUs over the needed minimum", Some(w.gpus_over_kwh), None);
    push(
        "saved by what was commanded, by local laws",
        w.saved_kwh.map(|r| r.value),
        w.saved_kwh.map(|r| (r.low, r.high)),
    );
    let fit = &r.baseline;
    let name = match (fit.saved_kwh, fit.cv_rmse) {
        (Some(_), Some(cv)) => format!(
            "saved beside the IT, against {} hours without commands (CV(RMSE) {:.0} %), in {} hours",
            fit.baseline_hours,
            100.0 * cv,
            fit.predicted_hours
        ),
        _ => "saved beside the IT, against hours without commands".to_owned(),
    };
    push(&name, fit.saved_kwh.map(|r| r.value), fit.saved_kwh.map(|r| (r.low, r.high)));
    grid
}

fn branches(r: &Report) -> Grid {
    let head =
        ["branch", "kind", "metered [kWh]", "not metered below [kWh]", "throttled under its budget [GPU-s]"];
    let mut grid = Grid::new("Branches of the power tree", 2, &head);
    for b in &r.account.branches {
        let loss = b.loss_kwh.map_or("-".to_owned(), |x| format!("{x:.2}"));
        let (metered, held) = (format!("{:.2}", b.metered_kwh), format!("{:.0}", b.held_gpu_s));
        grid.rows.push(vec![b.branch.clone(), b.kind.clone(), metered, loss, held]);
    }
    grid
}

fn responses(r: &Report) -> Grid {
    let head = [
        "branch",
        "from",
        "to",
        "asked by",
        "limit [kW]",
        "before [kW]",
        "met",
        "under it",
        "shed [kWh]",
        "tokens not made",
        "comes back [kW/min]",
    ];
    let mut grid = Grid::new("Demand response: limits below the site's own, and what they cost", 4, &head);
    let kw = |w: f64| format!("{:.1}", w * 1e-3);
    for l in &r.account.responses {
        let ramp = l.ramp_w_per_min.map_or(String::new(), |w| format!(" of {}", kw(w)));
        let back = if l.after_s > 0.0 { format!("{}{ramp}", kw(l.rise_w_per_min)) } else { "-".to_owned() };
        let most = format!("at most {:.1}", l.shed_at_most_kwh);
        grid.rows.push(vec![
            l.branch.clone(),
            l.from.clone(),
            l.to.clone().unwrap_or_else(|| "lasts".to_owned()),
            l.asked_by.clone(),
            kw(l.limit_w),
            l.before_w.map_or("-".to_owned(), kw),
            l.met(),
            percent(l.under_share, 2),
            l.shed_kwh.map_or(most, |kwh| range(Some(kwh), 1, "")),
            l.cost(&r.account.summary.currency),
            back,
        ]);
    }
    grid
}

fn pue(r: &Report) -> Grid {
    let p = &r.account.summary.pue;
    let mut grid = Grid::new("PUE and its kin", 2, &["figure", "note", "value (95 %)"]);
    let mut push =
        |name: &str, note: String, value: String| grid.rows.push(vec![name.to_owned(), note, value]);
    let category = p.category.map_or("category not told".to_owned(), |c| format!("PUE category {c}"));
    let note = format!("interim, {category}, both meters good for {:.1} %", 100.0 * p.coverage);
    push("PUE", note, range(p.pue, 4, ""));
    push("best reachable", "losses as they are, the least cooling".to_owned(), range(p.best, 4, ""));
    push("points over it", String::new(), range(p.over_best, 4, ""));
    push("pPUE of the cooling", String::new(), range(p.cooling_ppue, 4, ""));
    push("CUE", "kg of CO2 per kWh of IT".to_owned(), range(p.cue_kg_per_kwh, 3, ""));
    let paid = p.water_cost.filter(|c| *c > 0.0);
    let paid = paid.map_or(String::new(), |c| format!(", {}", money(c, &r.account.summary.currency)));
    let water = p.water_m3.map_or(String::new(), |v| format!(": {v:.2} m3{paid}"));
    push("WUE", format!("L per kWh of IT{water}"), range(p.wue_l_per_kwh, 3, ""));
    let reused = p.reused_heat_kwh.map_or(String::new(), |q| format!("{q:.1} kWh of heat used elsewhere"));
    push("ERE", reused, range(p.ere, 4, ""));
    push("outdoor", "mean".to_owned(), p.outdoor_degc.map_or("-".to_owned(), |c| format!("{c:.1} degC")));
    grid
}

fn places(title: &str, lines: &[PlaceLine], r: &Report) -> Grid {
    let head = [
        "place",
        "metered [kWh]",
        "of the time",
        "GPUs [kWh]",
        "the rest [kWh]",
        "over [kWh]",
        "throttled [GPU-s]",
        "lost [GPU-s]",
        "tokens to throttling",
        "tokens to drift",
        "lost",
        "over",
    ];
    let mut grid = Grid::new(title, 1, &head);
    for l in lines {
        grid.rows.push(vec![
            l.place.clone(),
            kwh(l.metered_kwh),
            format!("{:.1} %", 100.0 * l.metered_share),
            format!("{:.1}", l.gpus_kwh),
            kwh(l.rest_kwh),
            format!("{:.2}", l.over_kwh),
            format!("{:.0}", l.throttled_gpu_s),
            format!("{:.0}", l.lost_gpu_s),
            tokens(l.throttled_tokens),
            tokens(l.drift_tokens),
            money(l.lost_cost, &r.account.summary.currency),
            money(l.over_cost, &r.account.summary.currency),
        ]);
    }
    grid
}

fn absent(r: &Report) -> Grid {
    let mut grid = Grid::new("What is not known, and why", 2, &["figure", "why"]);
    grid.rows = r.account.summary.unknown.iter().map(|(f, why)| vec![f.clone(), why.clone()]).collect();
    grid.rows.extend(r.baseline.why_not.iter().map(|why| vec!["baseline.saved_kwh".to_owned(), why.clone()]));
    grid
}

fn gaps(r: &Report) -> Grid {
    let mut grid =
        Grid::new("Times of which nothing was booked; they are not filled", 2, &["from", "to", "seconds"]);
    grid.rows =
        r.gaps.iter().map(|g| vec![g.from.clone(), g.to.clone(), format!("{:.0}", g.seconds)]).collect();
    grid
}
