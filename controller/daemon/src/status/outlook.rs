//! The next hour on the screen of `headroom status`.

use crate::run::outlook::{ForecastView, OutlookView};
use std::fmt::Write;

/// Horizons shown, s.
const SHOWN_S: [f64; 3] = [300.0, 900.0, 3600.0];
/// Jobs, and cooling places, shown.
const MOST: usize = 8;

/// One row for each thing that is forecast: the middle, and from where to where nine in ten lie.
pub(super) fn write(o: &mut String, v: &OutlookView) -> std::fmt::Result {
    let rows = rows(v);
    if !rows.is_empty() {
        writeln!(
            o,
            "\n{:<34}{:>25}{:>25}{:>25}{:>13}{:>7}  by",
            "outlook: middle (5 % to 95 %)", "in 5 min", "in 15 min", "in 60 min", "", "held"
        )?;
    }
    for (what, of) in rows {
        let at =
            |s: f64| v.outlook.iter().find(|f| f.what == what && f.of == of && (f.horizon_s - s).abs() < 1.0);
        let last = SHOWN_S.iter().rev().find_map(|s| at(*s));
        let cells = SHOWN_S.map(|s| at(s).map_or("-".to_owned(), band));
        let unit = last.map_or(String::new(), |f| unit(f).0.to_owned());
        let held = last.and_then(|f| f.coverage).map_or("-".to_owned(), |c| format!("{:.0} %", c * 100.0));
        let by = last.map_or_else(|| why(v, what, of), |f| f.by.clone());
        let name = format!("{what} {of}");
        let [a, b, c] = cells;
        writeln!(o, "{name:<34}{a:>25}{b:>25}{c:>25} {unit:<12}{held:>7}  {by}")?;
    }
    for r in v.rhythms.iter().take(MOST) {
        let sure = r.confidence * 100.0;
        writeln!(
            o,
            "{:<34}steps of {:.1} s, {:.1} kW rms, {sure:.0} % of it repeats",
            r.job,
            r.period_s,
            r.rms_w * 1e-3
        )?;
    }
    for b in v.budgets_ahead.iter().filter(|b| b.begins.is_some()).take(MOST) {
        let begins = b.begins.as_deref().unwrap_or_default();
        writeln!(o, "{:<34}at most {:.1} kW from {begins} on", b.branch, b.least_w * 1e-3)?;
    }
    Ok(())
}

/// What is forecast of what, in the order of the page, some of each kind.
fn rows(v: &OutlookView) -> Vec<(&str, &str)> {
    let said = v.outlook.iter().map(|f| (f.what.as_str(), f.of.as_str()));
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for row in said.chain(v.outlook_absent.iter().map(|a| (a.what.as_str(), a.of.as_str()))) {
        if !rows.contains(&row) && rows.iter().filter(|r| r.0 == row.0).count() < MOST {
            rows.push(row);
        }
    }
    rows
}

fn why(v: &OutlookView, what: &str, of: &str) -> String {
    let first = v.outlook_absent.iter().find(|a| a.what == what && a.of == of);
    first.map_or(String::new(), |a| a.why.clone())
}

/// Unit on the screen, its size, and decimals.
fn unit(f: &ForecastView) -> (&str, f64, usize) {
    match f.unit.as_str() {
        "W" => ("kW", 1e-3, 1),
        "degC" => ("degC", 1.0, 1),
        other => (other, 1.0, 3),
    }
}

fn band(f: &ForecastView) -> String {
    let (_, scale, digits) = unit(f);
    format!("{:.digits$} ({:.digits$} to {:.digits$})", f.q50 * scale, f.q05 * scale, f.q95 * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::outlook::{AbsentView, BudgetAheadView, RhythmView};

    #[test]
    fn the_next_hour_is_said_in_rows_and_what_is_missing_with_its_reason() {
        let mut v = OutlookView::default();
        for horizon_s in [60.0, 300.0, 900.0, 1800.0, 3600.0] {
            v.outlook.push(ForecastView {
                what: "it-power".into(),
                of: "demo".into(),
                unit: "W".into(),
                horizon_s,
                q05: 480e3,
                q50: 500e3,
                q95: 530e3,
                by: "periodic".into(),
                coverage: Some(0.912),
            });
            let (what, of, why) = ("wet-bulb".into(), "outdoor".into(), "never seen".into());
            v.outlook_absent.push(AbsentView { what, of, horizon_s, why });
        }
        v.rhythms.push(RhythmView { job: "train-a".into(), period_s: 7.3, rms_w: 2e3, confidence: 0.8 });
        let begins = Some("2026-07-18T17:00:00.000Z".into());
        v.budgets_ahead.push(BudgetAheadView { branch: "feed".into(), least_w: 6e5, begins });
        let mut text = String::new();
        write(&mut text, &v).unwrap();
        for part in [
            "500.0 (480.0 to 530.0)",
            "91 %  periodic",
            "never seen",
            "steps of 7.3 s, 2.0 kW rms, 80 % of it repeats",
            "at most 600.0 kW from 2026-07-18T17:00",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
