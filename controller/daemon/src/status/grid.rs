//! The site toward the grid: its way up, and limits below its own while they last and a while after.

use crate::ledger::responses::ResponseLine;
use crate::run::view::View;
use std::fmt::Write;

/// Writes what there is.
pub(super) fn write(o: &mut String, v: &View) -> std::fmt::Result {
    if let Some(ramp) = v.ramp.filter(|r| r.needs_w > r.may_draw_w) {
        let [draws, may, needs] = [ramp.draws_w, ramp.may_draw_w, ramp.needs_w].map(|w| w * 1e-3);
        writeln!(
            o,
            "\non its way up: the site draws {draws:.1} kW of {may:.1} kW now, and is to draw {needs:.1} kW"
        )?;
    }
    if let Some(s) = v.swing {
        let [allowed, free, held] = [s.allowed_w, s.free_w, s.held_w].map(|w| w * 1e-3);
        let blind = match s.blind {
            0 => String::new(),
            n => {
                format!("  NOT KNOWN: {n} GPUs are not fully seen: means only, or in step with their samples")
            }
        };
        let kept = if s.kept { "" } else { "  NOT KEPT: the lowest caps are too high for it" };
        writeln!(
            o,
            "\nswing     at most {held:.1} kW peak to peak of {allowed:.1} kW allowed (up to {free:.1} kW if nothing were held){kept}{blind}"
        )?;
    }
    responses(o, &v.ledger.responses, &v.ledger.hour.currency)
}

fn responses(o: &mut String, all: &[ResponseLine], currency: &str) -> std::fmt::Result {
    for r in all {
        let kw = |w: f64| w * 1e-3;
        let before = r.before_w.map_or(String::new(), |w| format!(" (drew {:.1} kW before)", kw(w)));
        let under =
            r.under_share.map_or(String::new(), |x| format!(", under it {:.1} % of the time", 100.0 * x));
        let (name, limit, met) = (&r.branch, kw(r.limit_w), r.met());
        writeln!(
            o,
            "\nresponse  {name} asked by the {}: {limit:.1} kW{before} since {}",
            r.asked_by, r.from
        )?;
        writeln!(o, "          {met}{under}; cost this hour {}", r.cost(currency))?;
        if let Some(to) = &r.to {
            let ramp = r.ramp_w_per_min.map_or(String::new(), |w| format!(" of {:.1}", kw(w)));
            let rise = kw(r.rise_w_per_min);
            writeln!(o, "          lifted {to}; fastest minute since {rise:.1}{ramp} kW/min")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::view::Range;
    use crate::run::ramp::SwingView;

    #[test]
    fn a_response_says_whether_it_is_met_and_what_it_costs() {
        let cost = Range { value: 12_300.0, low: 11_300.0, high: 13_300.0 };
        let r = ResponseLine {
            branch: "FEED".into(),
            asked_by: "limit point".into(),
            limit_w: 90e3,
            before_w: Some(120e3),
            met_s: Some(6.0),
            under_share: Some(0.998),
            lost_tokens: cost,
            lost_at_most: true,
            counted_share: Some(0.75),
            ..ResponseLine::default()
        };
        let mut view = View::default();
        view.ledger.responses.push(r.clone());
        view.ledger.responses.push(ResponseLine { unmet: true, ..r.clone() });
        let to = Some("2025-07-18T16:00:00.000Z".to_owned());
        let (rise, ramp) = (15_300.0, Some(20_000.0));
        view.ledger.responses.push(ResponseLine { to, rise_w_per_min: rise, ramp_w_per_min: ramp, ..r });
        let (allowed_w, free_w, held_w) = (20e3, 58e3, 24.5e3);
        view.swing = Some(SwingView { allowed_w, free_w, held_w, kept: false, blind: 3 });
        let mut out = String::new();
        write(&mut out, &view).unwrap();
        for part in [
            "FEED asked by the limit point: 90.0 kW (drew 120.0 kW before)",
            "met after 6 s, under it 99.8 % of the time",
            "NOT MET",
            "at most 24.5 kW peak to peak of 20.0 kW allowed (up to 58.0 kW if nothing were held)  NOT KEPT",
            "3 GPUs are not fully seen",
            "at most 12.3 k +- 1.0 k tokens (75 % of the work counted)",
            "fastest minute since 15.3 of 20.0 kW/min",
        ] {
            assert!(out.contains(part), "{part}\n{out}");
        }
    }
}
