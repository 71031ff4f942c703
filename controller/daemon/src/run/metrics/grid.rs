//! What the page says of the site toward the grid.

use super::{Labels, Page};
use crate::ledger::responses::ResponseLine;
use crate::run::view::View;

/// Ramp and responses.
pub(super) fn write(page: &mut Page, v: &View) {
    if let Some(ramp) = v.ramp {
        page.gauge("site_may_draw", Some("watts"), "What the site may draw on its way up", ramp.may_draw_w);
    }
    if let Some(swing) = v.swing {
        let help =
            "What the site may swing within seconds, peak to peak, if all swing together as they are held";
        page.gauge("site_swing", Some("watts"), help, swing.held_w);
        page.gauge(
            "site_swing_kept",
            None,
            "1 while that is within what the policy allows",
            f64::from(u8::from(swing.kept && swing.blind == 0)),
        );
        let help =
            "GPUs whose swing is not fully seen: they show means only, or swing in step with their samples";
        page.gauge("site_swing_blind_gpus", None, help, swing.blind as f64);
    }
    let all = &v.ledger.responses;
    let label = |r: &ResponseLine| -> Labels { vec![("branch", r.branch.clone())] };
    let lasts = || all.iter().filter(|r| r.to.is_none());
    let help = "The lowest limit of a demand response that lasts";
    page.gauges("response_limit", Some("watts"), help, lasts().map(|r| (label(r), r.limit_w)));
    let help = "From a fall of that limit until the mean of 5 s was under it; absent before it was";
    let met = lasts().filter_map(|r| Some((label(r), r.met_s.filter(|_| !r.unmet)?)));
    page.gauges("response_met", Some("seconds"), help, met);
    let help = "Share of the open hour's time under it, in the mean of 5 s";
    let under = lasts().filter_map(|r| Some((label(r), r.under_share?)));
    page.gauges("response_under", Some("ratio"), help, under);
    let help = "Tokens not made in the open hour for a demand response";
    page.gauges("response_lost_tokens", None, help, all.iter().map(|r| (label(r), r.lost_tokens.value)));
}
