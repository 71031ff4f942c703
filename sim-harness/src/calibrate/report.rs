//! The calibration report as text, as a document and for programs.
//!
//! Responsible for: layout. Not for: what is compared.

use super::{Check, Tolerance};
use serde_json::{Value, json};
use std::fmt::Write;

/// A number with about four significant digits.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 7.0);
    let text = format!("{value:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Error as the tolerance is stated: relative in percent, else in the unit.
fn error(check: &Check) -> String {
    match check.tolerance {
        Tolerance::Relative(_) => format!("{:+.2} %", 100.0 * check.error() / check.published.abs()),
        Tolerance::Absolute(_) | Tolerance::Range(..) if check.error() < 0.0 => number(check.error()),
        Tolerance::Absolute(_) | Tolerance::Range(..) => format!("+{}", number(check.error())),
    }
}

fn tolerance(check: &Check) -> String {
    match check.tolerance {
        Tolerance::Relative(t) => format!("{} %", number(100.0 * t)),
        Tolerance::Absolute(t) => format!("+-{}", number(t)),
        Tolerance::Range(low, high) => format!("{} .. {}", number(low), number(high)),
    }
}

fn verdict(check: &Check) -> &'static str {
    if check.holds() { "ok" } else { "OUTSIDE" }
}

/// How many hold, in a sentence.
#[must_use]
pub fn summary(checks: &[Check]) -> String {
    let outside = checks.iter().filter(|c| !c.holds()).count();
    format!("{} checks, {} inside their tolerance, {outside} outside", checks.len(), checks.len() - outside)
}

/// A table for people, model by model.
#[must_use]
pub fn plain(checks: &[Check]) -> String {
    let mut out = String::new();
    let mut last = ("", "");
    // Writing into a String cannot fail.
    for check in checks {
        if check.model != last.0 {
            let heads = ["published", "ours", "unit", "error", "tolerance"];
            let _ = write!(out, "{}{:<58}", if last.0.is_empty() { "" } else { "\n" }, check.model);
            let _ = writeln!(
                out,
                "{:>10}{:>10}  {:<9}{:>10}  {:<20}",
                heads[0], heads[1], heads[2], heads[3], heads[4]
            );
        }
        if (check.model, check.source) != last {
            let _ = writeln!(out, "  [{}]", check.source);
        }
        last = (check.model, check.source);
        let _ = writeln!(
            out,
            "    {:<54}{:>10}{:>10}  {:<9}{:>10}  {:<20}{}",
            check.quantity,
            number(check.published),
            number(check.ours),
            check.unit,
            error(check),
            tolerance(check),
            verdict(check),
        );
    }
    let _ = writeln!(out, "\n{}", summary(checks));
    out
}

/// A Markdown document with one table for each model.
#[must_use]
pub fn markdown(checks: &[Check]) -> String {
    let mut out = format!("# Calibration\n\n{}.\n", summary(checks));
    let mut last = "";
    for check in checks {
        if check.model != last {
            last = check.model;
            let _ = writeln!(out, "\n## {last}\n");
            out.push_str("| quantity | published | ours | unit | error | tolerance | | source |\n");
            out.push_str("|---|--:|--:|---|--:|---|---|---|\n");
        }
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            check.quantity,
            number(check.published),
            number(check.ours),
            check.unit,
            error(check),
            tolerance(check),
            verdict(check),
            check.source,
        );
    }
    out
}

/// An object for programs: `{"format": 1, "checks": [...], "outside": n}`.
#[must_use]
pub fn json(checks: &[Check]) -> Value {
    let rows: Vec<Value> = checks
        .iter()
        .map(|check| {
            let tolerance = match check.tolerance {
                Tolerance::Relative(t) => json!({"relative": t}),
                Tolerance::Absolute(t) => json!({"absolute": t}),
                Tolerance::Range(low, high) => json!({"range": [low, high]}),
            };
            json!({
                "model": check.model,
                "quantity": check.quantity,
                "unit": check.unit,
                "published": check.published,
                "ours": check.ours,
                "error": check.error(),
                "tolerance": tolerance,
                "holds": check.holds(),
                "source": check.source,
            })
        })
        .collect();
    json!({"format": 1, "checks": rows, "outside": checks.iter().filter(|c| !c.holds()).count()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Check> {
        let check = |ours, tolerance| Check {
            model: "tower",
            quantity: "approach".to_owned(),
            unit: "K",
            published: 3.84,
            ours,
            tolerance,
            source: "a book",
        };
        vec![check(3.9, Tolerance::Relative(0.03)), check(5.0, Tolerance::Range(3.0, 4.0))]
    }

    #[test]
    fn every_form_says_what_is_outside() {
        let checks = sample();
        let text = plain(&checks);
        assert!(text.contains("+1.56 %") && text.contains("3 .. 4") && text.contains("OUTSIDE"), "{text}");
        assert!(text.ends_with("2 checks, 1 inside their tolerance, 1 outside\n"));
        assert!(
            markdown(&checks).contains("| approach | 3.84 | 5 | K | +1.16 | 3 .. 4 | OUTSIDE | a book |")
        );
        let value = json(&checks);
        assert_eq!(value["outside"], 1);
        assert_eq!(value["checks"][0]["holds"], true);
        assert_eq!(value["checks"][1]["tolerance"]["range"][1], 4.0);
    }

    #[test]
    fn numbers_keep_four_digits() {
        let shown: Vec<String> =
            [0.0, 12.5, -0.000_433_2, 101_718.64, 0.68948].iter().map(|v| number(*v)).collect();
        assert_eq!(shown, ["0", "12.5", "-0.0004332", "101719", "0.6895"]);
    }
}
