//! What the open hour cost so far, as four lines: one of each pair.

use crate::ledger::view::{Range, Summary};
use std::fmt::Write;

/// Throttle causes named.
const CAUSES: usize = 2;

/// Writes them, once anything was booked.
pub(super) fn write(o: &mut String, s: &Summary) -> std::fmt::Result {
    if s.booked_s <= 0.0 {
        return Ok(());
    }
    let (t, w, p) = (&s.token, &s.watt, &s.pue);
    writeln!(o, "\nthis hour, {:.0} min of it booked", s.booked_s / 60.0)?;
    writeln!(
        o,
        "TOKEN     {} made; lost {} to drift, {} to throttling ({}); {} given up for watts",
        tokens(t.made),
        tokens(t.lost_to_drift),
        tokens(t.lost_to_throttling),
        money(t.drift_cost + s.flops.cost, &s.currency),
        tokens(t.given_up_for_watts),
    )?;
    let causes: Vec<String> = s
        .flops
        .by
        .iter()
        .take(CAUSES)
        .map(|t| format!("{:.0} s {} ({})", t.gpu_s, t.reason, t.cause))
        .collect();
    let causes = if causes.is_empty() { String::new() } else { format!(": {}", causes.join(", ")) };
    let share = s.flops.lost_share.map_or(String::new(), |x| format!(", {:.3} % of the FLOPS", 100.0 * x));
    writeln!(
        o,
        "FLOPS     {:.0} GPU-s throttled, {:.0} lost{share}{causes}",
        s.flops.throttled_gpu_s, s.flops.lost_gpu_s
    )?;
    let facility = w.facility_kwh.map_or("-".to_owned(), |kwh| format!("{kwh:.1} kWh"));
    writeln!(
        o,
        "WATT      {facility}; GPUs {:.1} kW over what the work needed ({}); saved {}",
        w.gpus_over_w * 1e-3,
        money(w.over_cost, &s.currency),
        range(w.saved_kwh, 1, " kWh"),
    )?;
    writeln!(
        o,
        "PUE       {}; {} over the best reachable ({})",
        range(p.pue, 4, ""),
        range(p.over_best, 4, ""),
        p.over_cost.map_or("-".to_owned(), |x| money(x, &s.currency)),
    )
}

pub(crate) fn tokens(x: f64) -> String {
    match x.abs() {
        a if a >= 1e9 => format!("{:.3} G", x * 1e-9),
        a if a >= 1e6 => format!("{:.3} M", x * 1e-6),
        a if a >= 1e3 => format!("{:.1} k", x * 1e-3),
        _ => format!("{x:.0}"),
    }
}

pub(crate) fn money(x: f64, currency: &str) -> String {
    if currency.is_empty() { "no prices".to_owned() } else { format!("{x:.2} {currency}") }
}

/// A figure with its interval of 95 %.
pub(crate) fn range(r: Option<Range>, digits: usize, unit: &str) -> String {
    r.map_or("-".to_owned(), |r| {
        format!("{:.digits$} ({:.digits$} to {:.digits$}){unit}", r.value, r.low, r.high)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_four_lines_and_nothing_is_no_line() {
        let (mut out, mut s) = (String::new(), Summary::default());
        write(&mut out, &s).unwrap();
        assert_eq!(out, "");
        (s.booked_s, s.token.lost_to_drift, s.currency) = (1800.0, 12_345.0, "EUR".to_owned());
        s.pue.pue = Some(Range { value: 1.1234, low: 1.12, high: 1.13 });
        write(&mut out, &s).unwrap();
        for part in ["30 min of it", "lost 12.3 k to drift", "1.1234 (1.1200 to 1.1300); - over", "0.00 EUR"]
        {
            assert!(out.contains(part), "{part}\n{out}");
        }
    }
}
