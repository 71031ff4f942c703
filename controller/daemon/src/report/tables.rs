//! The ledger as tables: hours, jobs, places, throttled time, branches.
//!
//! Responsible for: names of columns with their units. Not for: how they are written (`crate::tables`), nor what a figure
//! means (the book says it).

use crate::ledger::responses::{ResponseLine, responses};
use crate::ledger::rows::{BranchLine, JobLine, PlaceLine, branch, job, place};
use crate::ledger::view::{Range, Summary, ThrottleView, throttles};
use crate::tables::{Folder, Form, Row, count, may, may_count, num, text, time};
use anyhow::Result;
use headroom_core::ledger::Hour;
use headroom_site::Stamp;
use std::path::Path;

/// Writes the tables of some hours into a folder.
///
/// # Errors
/// The folder or a file cannot be written.
pub(super) fn write(folder: &Path, form: Form, hours: &[&Hour]) -> Result<()> {
    let mut out = Folder::begin(folder, form)?;
    let none = Stamp::default();
    let of_hours = out.table("hours", &hour_row(none, &Summary::default()))?;
    let of_jobs = out.table("jobs", &job_row(none, &JobLine::default()))?;
    let of_places = out.table("places", &place_row(none, &PlaceLine::default()))?;
    let of_throttled = out.table("throttled", &throttled_row(none, "", &ThrottleView::default()))?;
    let of_branches = out.table("branches", &branch_row(none, &BranchLine::default()))?;
    let of_responses = out.table("responses", &response_row(none, &ResponseLine::default()))?;
    for hour in hours {
        let at = Stamp::from_unix_ms(hour.hour_unix_s * 1000);
        out.row(of_hours, &hour_row(at, &Summary::of(hour)))?;
        for row in &hour.jobs {
            out.row(of_jobs, &job_row(at, &job(row, &hour.rates)))?;
        }
        for row in &hour.racks {
            out.row(of_places, &place_row(at, &place(row, 1, hour)))?;
            for t in throttles(&row.throttled) {
                out.row(of_throttled, &throttled_row(at, &row.id, &t))?;
            }
        }
        for row in responses(hour) {
            out.row(of_responses, &response_row(at, &row))?;
        }
        for row in &hour.branches {
            out.row(of_branches, &branch_row(at, &branch(row)))?;
        }
    }
    out.end()?;
    Ok(())
}

fn hour_row(at: Stamp, s: &Summary) -> Row<'_> {
    let value = |r: Option<Range>| r.map(|r| r.value);
    let (low, high) = (|r: Option<Range>| r.map(|r| r.low), |r: Option<Range>| r.map(|r| r.high));
    let (t, f, w, p) = (&s.token, &s.flops, &s.watt, &s.pue);
    vec![
        time("hour", at),
        num("booked_s", s.booked_s),
        num("commanded_s", s.commanded_s),
        text("currency", &s.currency),
        num("tokens", t.made),
        num("drift_tokens", t.lost_to_drift),
        num("throttled_tokens", t.lost_to_throttling),
        num("chosen_tokens", t.given_up_for_watts),
        num("unexplained_tokens", t.unexplained),
        num("sigma_tokens", t.sigma),
        num("drift_cost", t.drift_cost),
        num("throttled_cost", f.cost),
        num("throttled_gpu_s", f.throttled_gpu_s),
        num("lost_gpu_s", f.lost_gpu_s),
        num("lost_pflop", f.lost_pflop),
        may("facility_kwh", w.facility_kwh),
        may("it_kwh", w.it_kwh),
        may("cooling_kwh", w.cooling_kwh),
        num("gpus_kwh", w.gpus_kwh),
        num("gpus_over_kwh", w.gpus_over_kwh),
        num("over_cost", w.over_cost),
        may("unmetered_kwh", value(w.unmetered_kwh)),
        may("racks_residual_kwh", value(w.racks_residual_kwh)),
        may("racks_residual_low_kwh", low(w.racks_residual_kwh)),
        may("racks_residual_high_kwh", high(w.racks_residual_kwh)),
        may("saved_low_kwh", low(w.saved_kwh)),
        may("saved_high_kwh", high(w.saved_kwh)),
        may("cost", w.cost),
        may("pue", value(p.pue)),
        may("pue_low", low(p.pue)),
        may("pue_high", high(p.pue)),
        num("pue_coverage", p.coverage),
        may_count("pue_category", p.category.map(i64::from)),
        may("pue_over_best", value(p.over_best)),
        may("pue_over_cost", p.over_cost),
        may("cooling_ppue", value(p.cooling_ppue)),
        may("cooling_ppue_low", low(p.cooling_ppue)),
        may("cooling_ppue_high", high(p.cooling_ppue)),
        may("cue_kg_per_kwh", value(p.cue_kg_per_kwh)),
        may("cue_low_kg_per_kwh", low(p.cue_kg_per_kwh)),
        may("cue_high_kg_per_kwh", high(p.cue_kg_per_kwh)),
        may("wue_l_per_kwh", value(p.wue_l_per_kwh)),
        may("wue_low_l_per_kwh", low(p.wue_l_per_kwh)),
        may("wue_high_l_per_kwh", high(p.wue_l_per_kwh)),
        may("water_m3", p.water_m3),
        may("water_cost", p.water_cost),
        may("ere", value(p.ere)),
        may("ere_low", low(p.ere)),
        may("ere_high", high(p.ere)),
        may("reused_heat_kwh", p.reused_heat_kwh),
        may("outdoor_degc", p.outdoor_degc),
    ]
}

fn job_row(at: Stamp, j: &JobLine) -> Row<'_> {
    vec![
        time("hour", at),
        text("job", &j.job),
        text("kind", &j.kind),
        count("gpus", j.gpus as u64),
        num("tokens", j.tokens),
        num("counted_s", j.counted_s),
        num("drift_tokens", j.drift_tokens),
        num("throttled_tokens", j.throttled_tokens),
        num("chosen_tokens", j.chosen_tokens),
        num("unexplained_tokens", j.unexplained_tokens),
        num("busy_gpu_s", j.busy_gpu_s),
        num("throttled_gpu_s", j.throttled_gpu_s),
        num("lost_gpu_s", j.lost_gpu_s),
        num("gpus_kwh", j.gpus_kwh),
        num("over_kwh", j.over_kwh),
        may("clock_spread", j.clock_spread),
        may("clock_spread_kept", j.clock_spread_kept),
        may("first_token_kept", j.first_token_kept),
        may("per_token_kept", j.per_token_kept),
        num("lost_cost", j.lost_cost),
        num("over_cost", j.over_cost),
    ]
}

fn place_row(at: Stamp, r: &PlaceLine) -> Row<'_> {
    vec![
        time("hour", at),
        text("rack", &r.place),
        text("row", &r.row),
        may("metered_kwh", r.metered_kwh),
        num("metered_share", r.metered_share),
        num("gpus_kwh", r.gpus_kwh),
        may("rest_kwh", r.rest_kwh),
        num("over_kwh", r.over_kwh),
        num("busy_gpu_s", r.busy_gpu_s),
        num("throttled_gpu_s", r.throttled_gpu_s),
        num("lost_gpu_s", r.lost_gpu_s),
        num("throttled_tokens", r.throttled_tokens),
        num("drift_tokens", r.drift_tokens),
        num("lost_cost", r.lost_cost),
        num("over_cost", r.over_cost),
    ]
}

fn throttled_row<'a>(at: Stamp, rack: &'a str, t: &'a ThrottleView) -> Row<'a> {
    vec![
        time("hour", at),
        text("rack", rack),
        text("reason", &t.reason),
        text("cause", &t.cause),
        num("gpu_s", t.gpu_s),
        num("lost_gpu_s", t.lost_gpu_s),
        num("lost_tokens", t.lost_tokens),
    ]
}

fn branch_row(at: Stamp, b: &BranchLine) -> Row<'_> {
    vec![
        time("hour", at),
        text("branch", &b.branch),
        text("kind", &b.kind),
        num("metered_kwh", b.metered_kwh),
        may("loss_kwh", b.loss_kwh),
        num("held_gpu_s", b.held_gpu_s),
    ]
}

fn response_row(at: Stamp, r: &ResponseLine) -> Row<'_> {
    vec![
        time("hour", at),
        text("branch", &r.branch),
        text("asked_by", &r.asked_by),
        text("from", &r.from),
        text("due", r.due.as_deref().unwrap_or_default()),
        text("to", r.to.as_deref().unwrap_or_default()),
        num("limit_w", r.limit_w),
        num("held_s", r.held_s),
        may("before_w", r.before_w),
        may("met_s", r.met_s),
        may("under_share", r.under_share),
        num("over_w", r.over_w),
        num("drawn_kwh", r.drawn_kwh),
        may("shed_kwh", r.shed_kwh.map(|kwh| kwh.value)),
        num("shed_at_most_kwh", r.shed_at_most_kwh),
        num("lost_tokens", r.lost_tokens.value),
        num("lost_high_tokens", r.lost_tokens.high),
        may("counted_share", r.counted_share),
        may("below_before_tokens", r.below_before_tokens),
        num("lost_gpu_h", r.lost_gpu_h),
        num("lost_cost", r.lost_cost),
        num("rise_w_per_min", r.rise_w_per_min),
        may("ramp_w_per_min", r.ramp_w_per_min),
        num("over_before_w", r.over_before_w),
    ]
}
