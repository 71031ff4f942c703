//! `headroom status`: one screen of what the daemon knows, wants and does.

mod foresight;
mod grid;
pub(crate) mod ledger;
mod outlook;
mod reader;
mod served;
mod trouble;

pub(crate) use reader::{Answered, Reader};

use crate::check::Format;
use crate::exit;
use crate::run::clocks;
use crate::run::places::PlaceView;
use crate::run::view::{BranchView, View};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::process::ExitCode;

/// Branches of the power tree shown: those nearest to their budgets.
const BRANCHES: usize = 8;
/// Places shown of each kind.
const PLACES: usize = 4;
/// Clocks shown that are not right.
const CLOCKS: usize = 8;

/// Runs the verb.
pub(crate) async fn run(url: &str, format: Format) -> Result<ExitCode> {
    let page = format!("{}/status", url.trim_end_matches('/'));
    let bytes = match Reader::new().get(&page).await {
        Ok(bytes) => bytes,
        Err(why) => {
            eprintln!("headroom status: {page}: {why:#}");
            return Ok(ExitCode::from(exit::NO_FIELD));
        }
    };
    match format {
        Format::Json => println!("{}", String::from_utf8_lossy(&bytes).trim_end()),
        Format::Plain => {
            let view: View = serde_json::from_slice(&bytes).context("what answers is not this daemon")?;
            print!("{}", screen(&view));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The screen as text.
pub(crate) fn screen(v: &View) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_screen(&mut out, v);
    out
}

fn write_screen(o: &mut String, v: &View) -> std::fmt::Result {
    let may = v.may();
    writeln!(o, "{}  policy {}  {may}  epoch {}  {}", v.site, v.policy, v.epoch, v.time)?;
    v.released.iter().try_for_each(|released| writeln!(o, "{released}"))?;
    v.leadership.iter().try_for_each(|leadership| writeln!(o, "{leadership}"))?;
    let state = if v.verified { "verified" } else { "NOT VERIFIED" };
    writeln!(
        o,
        "ticks {} ({} missed)  lag {:.2} s  plant {state}  GPUs {}/{}{}  {} commands, {} writes",
        v.ticks,
        v.missed_ticks,
        v.lag_s,
        v.gpus_heard,
        v.gpus,
        if v.gpus_read_only > 0 { format!(" ({} read only)", v.gpus_read_only) } else { String::new() },
        v.commands_issued,
        v.writes
    )?;
    writeln!(
        o,
        "\npower     facility {:.1} kW  IT {:.1} kW  cooling {:.1} kW  PUE {:.4}",
        v.facility_w * 1e-3,
        v.it_w * 1e-3,
        v.cooling_w * 1e-3,
        v.pue
    )?;
    writeln!(o, "headroom  {}", headroom(v))?;
    ledger::write(o, &v.ledger.hour)?;
    trouble::write_warnings(o, v)?;
    trouble::write_health(o, v)?;
    write_places(o, v)?;
    grid::write(o, v)?;
    write_branches(o, v)?;
    write_jobs(o, v)?;
    outlook::write(o, &v.ahead)?;
    foresight::write(o, &v.foreseen, v.plan.as_deref())?;
    write_setpoints(o, v)?;
    write_clocks(o, v)?;
    trouble::write_doubts(o, v)?;
    writeln!(o)?;
    for c in &v.connections {
        writeln!(o, "{:<30}{}", c.id, c.state)?;
    }
    Ok(())
}

/// Places with the least headroom, of each kind.
fn write_places(o: &mut String, v: &View) -> std::fmt::Result {
    if v.places.is_empty() {
        return Ok(());
    }
    writeln!(o, "\n{:<22}{:>9}{:>11}{:>11}{:>9}  first", "headroom of", "now", "full load", "watts", "in")?;
    let kelvin = |k: Option<f64>| k.map_or("-".to_owned(), |k| format!("{k:.1} K"));
    for kind in ["rack", "cooling", "branch"] {
        let mut tightest: Vec<&PlaceView> = v.places.iter().filter(|p| p.kind == kind).collect();
        let least = |p: &PlaceView| p.headroom_full_load_k.unwrap_or(f64::INFINITY);
        tightest.sort_by(|a, b| least(a).total_cmp(&least(b)));
        for p in tightest.into_iter().take(PLACES) {
            let (now, full) = (kelvin(p.headroom_k), kelvin(p.headroom_full_load_k));
            let seconds = p.headroom_s.map_or("-".to_owned(), |s| format!("{s:.0} s"));
            let watts = p.headroom_w * 1e-3;
            writeln!(o, "{:<22}{now:>9}{full:>11}{watts:>8.1} kW{seconds:>9}  {}", p.id, p.first)?;
        }
    }
    Ok(())
}

fn write_branches(o: &mut String, v: &View) -> std::fmt::Result {
    if v.branches.is_empty() {
        return Ok(());
    }
    writeln!(o, "\n{:<22}{:>12}{:>12}{:>8}", "branch", "power", "budget", "share")?;
    let mut tightest: Vec<&BranchView> = v.branches.iter().collect();
    tightest.sort_by(|a, b| share(b).total_cmp(&share(a)));
    for b in tightest.into_iter().take(BRANCHES) {
        let budget = b.budget_w.map_or("-".to_owned(), |w| format!("{:.1} kW", w * 1e-3));
        let share = percent(share(b));
        writeln!(o, "{:<22}{:>9.1} kW{budget:>12}{share:>8}", b.id, b.power_w * 1e-3)?;
    }
    Ok(())
}

fn write_jobs(o: &mut String, v: &View) -> std::fmt::Result {
    if v.jobs.is_empty() {
        return Ok(());
    }
    writeln!(
        o,
        "\n{:<14}{:<10}{:>6}{:>11}{:>9}{:>11}{:>10}  why",
        "job", "kind", "GPUs", "clock", "spread", "lock", "saves"
    )?;
    for j in &v.jobs {
        let lock = j.lock_mhz.map_or("-".to_owned(), |mhz| format!("{mhz:.0} MHz"));
        let spread = format!("{:.2} %", j.clock_cv * 100.0);
        let saves =
            if j.wanted_mhz.is_some() { format!("{:.1} kW", j.clock_saves_w * 1e-3) } else { "-".to_owned() };
        // a lock below what is wanted is a budget's or a temperature's
        let bound = j.lock_mhz.is_some_and(|lock| j.wanted_mhz.is_none_or(|wanted| lock < wanted - 0.5));
        let why = if bound { "as fast as budgets and temperatures allow" } else { j.clock_why.as_str() };
        writeln!(
            o,
            "{:<14}{:<10}{:>6}{:>7.0} MHz{spread:>9}{lock:>11}{saves:>10}  {why}",
            j.id, j.kind, j.gpus, j.clock_mhz
        )?;
    }
    served::write(o, v)
}

fn write_setpoints(o: &mut String, v: &View) -> std::fmt::Result {
    for (a, said) in v.actuators.iter().filter_map(|a| Some((a, a.instruction.as_ref()?))) {
        writeln!(o, "\noperator  {}: {said}", a.id)?;
    }
    if v.setpoints.is_empty() {
        return Ok(());
    }
    writeln!(o, "\n{:<36}{:<9}{:>18}  why", "setpoint", "mode", "stands -> admitted")?;
    for s in &v.setpoints {
        writeln!(
            o,
            "{:<36}{:<9}{:>18}  {}",
            s.actuator,
            s.mode,
            change(s.admitted, s.stands, &s.unit),
            why(s)
        )?;
    }
    Ok(())
}

/// How many clocks there are, and those that are not right.
fn write_clocks(o: &mut String, v: &View) -> std::fmt::Result {
    if v.clocks.is_empty() {
        return Ok(());
    }
    let known: Vec<f64> = v.clocks.iter().filter_map(|c| c.sigma_s).collect();
    let widest = known.iter().copied().fold(0.0, f64::max);
    let wrong = || v.clocks.iter().filter(|c| c.corrected || c.fault.is_some());
    writeln!(
        o,
        "\nclocks    {} of {} sources known, the least sure to {widest:.4} s; {} off",
        known.len(),
        v.clocks.len(),
        wrong().count()
    )?;
    for c in wrong().take(CLOCKS) {
        let drift = c.drift_ppm.map_or(String::new(), |ppm| format!("  {ppm:+.0} ppm"));
        let fault = c.fault.as_ref().map_or(String::new(), |fault| format!("  {fault}"));
        writeln!(o, "{:<22}{:>26}{drift}{fault}", c.source, clocks::offset(c))?;
    }
    let behind = v.meter_lags.iter().filter(|l| l.corrected);
    for l in behind.take(CLOCKS) {
        writeln!(o, "{:<32}{:+.3} +- {:.3} s behind its GPUs", l.point, l.lag_s, l.sigma_s)?;
    }
    Ok(())
}

fn share(b: &BranchView) -> f64 {
    b.budget_w.filter(|w| *w > 0.0).map_or(0.0, |w| b.power_w / w)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn change(admitted: Option<f64>, stands: f64, unit: &str) -> String {
    let to = admitted.map_or("refused".to_owned(), |a| format!("{a:.1}"));
    format!("{stands:.1} -> {to} {unit}")
}

fn why(s: &crate::run::view::SetpointView) -> String {
    s.guard.as_ref().map_or_else(|| s.why.clone(), |guard| format!("{} (guard: {guard})", s.why))
}

/// Headroom in K, W and s, with sigma and place.
pub(crate) fn headroom(v: &View) -> String {
    let seconds = v.headroom_s.map_or("no end in sight".to_owned(), |s| format!("{s:.0} s"));
    format!(
        "{:.1} K +- {:.1} K ({:.1} K at full load)  {:.0} W  {seconds}  at {}",
        v.headroom_k, v.headroom_sigma_k, v.headroom_full_load_k, v.headroom_w, v.hottest
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::clocks::{ClockView, LagView};
    use crate::run::health::FindingView;
    use crate::run::places::WarningView;
    use crate::run::ramp::RampView;
    use crate::run::record::DoubtRecord;
    use crate::run::view::{JobView, SetpointView};

    #[test]
    fn the_screen_says_what_is_near() {
        let mut view = View { gpus_warned: 3, ..View::default() };
        view.health.push(FindingView {
            ailment: "fouling".into(),
            of: "CDU-01".into(),
            size: "31 +- 4 % lost".into(),
            evidence: vec!["conductance of CDU-01 -31 +- 4 %".into()],
            ..FindingView::default()
        });
        view.warnings.push(WarningView {
            node: "n1 GPU 2".into(),
            seconds: 94.0,
            limit: "die temperature".into(),
            ..WarningView::default()
        });
        view.places.push(PlaceView {
            id: "CDU-02".into(),
            kind: "cooling".into(),
            headroom_full_load_k: Some(1.25),
            headroom_w: 21_000.0,
            first: "limit of CDU-02/valve".into(),
            ..PlaceView::default()
        });
        let text = screen(&view);
        for part in [
            "3 GPUs slow down for heat soon",
            "94 s to the die temperature limit",
            "1.2 K    21.0 kW",
            "limit of CDU-02/valve",
            "31 +- 4 % lost",
            "conductance of CDU-01",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn the_screen_says_what_stands_and_why() {
        let mut view = View { site: "demo".into(), pue: 1.1, headroom_k: 21.0, ..View::default() };
        view.setpoints.push(SetpointView {
            actuator: "CDU-01".into(),
            mode: "active".into(),
            unit: "degC".into(),
            stands: 32.0,
            admitted: Some(32.5),
            guard: Some("the ramp".into()),
            why: "headroom to spare".into(),
        });
        view.jobs.push(JobView { id: "train-a".into(), clock_cv: 0.004, ..JobView::default() });
        view.branches.push(BranchView {
            id: "feed".into(),
            power_w: 5e5,
            budget_w: Some(1e6),
            ..BranchView::default()
        });
        view.ramp = Some(RampView { draws_w: 5e5, may_draw_w: 5.2e5, needs_w: 8e5 });
        view.clocks.push(ClockView {
            source: "CDU-05".into(),
            offset_s: Some(7200.0312),
            sigma_s: Some(0.03),
            corrected: true,
            fault: Some("its clock is +2.00 h off, like a time zone".into()),
            ..ClockView::default()
        });
        view.meter_lags.push(LagView {
            point: "rack-01/power".into(),
            lag_s: 1.31,
            sigma_s: 0.02,
            corrected: true,
        });
        view.implausible.push(DoubtRecord {
            point: "CDU-01/flow".into(),
            quality: "bad (implausible)".into(),
            why: "flow 0.0 L/min although pump runs at 44 %".into(),
            ..DoubtRecord::default()
        });
        let text = screen(&view);
        for part in [
            "+1.310 +- 0.020 s behind its GPUs",
            "32.0 -> 32.5 degC",
            "headroom to spare (guard: the ramp)",
            "draws 500.0 kW of 520.0 kW now, and is to draw 800.0 kW",
            "0.40 %",
            "50 %",
            "21.0 K",
            "+7200.0312 +- 0.0300 s",
            "1 off",
            "flow 0.0 L/min although",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
