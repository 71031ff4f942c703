//! What the engines of jobs say, on the screen of `headroom status`.

use crate::run::view::View;
use std::fmt::Write;

/// What the engines of jobs say of them.
pub(super) fn write(o: &mut String, v: &View) -> std::fmt::Result {
    if v.served.is_empty() {
        return Ok(());
    }
    let head = ["running", "waiting", "first token", "p95", "per token", "p95"];
    writeln!(
        o,
        "\n{:<14}{:<18}{:>8}{:>9}{:>13}{:>10}{:>11}{:>10}",
        "served job", "page", head[0], head[1], head[2], head[3], head[4], head[5]
    )?;
    let count = |n: Option<f64>| n.map_or("-".to_owned(), |n| format!("{n:.0}"));
    let time = |s: Option<f64>| s.map_or("-".to_owned(), |s| format!("{:.1} ms", s * 1e3));
    for s in &v.served {
        writeln!(
            o,
            "{:<14}{:<18}{:>8}{:>9}{:>13}{:>10}{:>11}{:>10}",
            s.job,
            s.page,
            count(s.requests_running),
            count(s.requests_waiting),
            time(s.time_to_first_token_p50_s),
            time(s.time_to_first_token_p95_s),
            time(s.time_per_output_token_p50_s),
            time(s.time_per_output_token_p95_s)
        )?;
    }
    Ok(())
}
