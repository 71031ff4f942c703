//! What the site's model foresees, on the screen.

use crate::run::foresight::ForeseenView;
use std::fmt::Write;

/// Outputs shown.
const SHOWN: usize = 16;
/// Prefixes: kilo, and the units that want them.
const KILO: f64 = 1e3;

/// One row for each output: now, and if nothing is moved.
pub(super) fn write(o: &mut String, all: &[ForeseenView], plan: Option<&str>) -> std::fmt::Result {
    if let Some(plan) = plan {
        writeln!(o, "\nplan of the next hour: {plan}")?;
    }
    let Some(first) = all.first() else { return Ok(()) };
    write!(o, "\n{:<40}{:>20}", "the model: if nothing is moved", "now")?;
    for ahead in &first.ahead {
        write!(o, "{:>20}", format!("in {:.0} min", ahead.horizon_s / 60.0))?;
    }
    writeln!(o, "{:>12}{:>7}", "beside it", "NIS")?;
    for f in all.iter().take(SHOWN) {
        let (scale, unit) = if f.unit == "W" { (KILO, "kW") } else { (1.0, f.unit.as_str()) };
        let cell = |value: f64, sigma: f64| format!("{:.1} +- {:.1}", value / scale, sigma / scale);
        write!(o, "{:<40}{:>20}", f.of, cell(f.now, f.now_sigma))?;
        for ahead in &f.ahead {
            write!(o, "{:>20}", cell(ahead.value, ahead.sigma))?;
        }
        writeln!(o, "{:>+12.1}{:>7.1} {unit}", f.disturbance / scale, f.nis)?;
    }
    if all.len() > SHOWN {
        writeln!(o, "and {} more", all.len() - SHOWN)?;
    }
    Ok(())
}
