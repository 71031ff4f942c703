//! The four pairs: figure, target, the last minutes, and what belongs to each.
//!
//! Responsible for: the words of the web page's four cards. Not for: reckoning; the status has every number.

use crate::run::view::View;
use crate::say::{NOT_KNOWN, count, digits, known, large, percent, quantity, span, value};
use crate::top::lay::{cells, cut, flow};
use crate::top::model::Trend;
use crate::top::paint::Paint;
use crate::top::spark::strip;
use ratatui::text::{Line, Span};

/// Width of a trend, and of the names of pairs.
const TREND: usize = 24;
const NAME: usize = 26;

/// What is said of a pair.
struct Pair {
    name: &'static str,
    what: &'static str,
    /// Figure, or why there is none.
    figure: Result<String, String>,
    beside: String,
    /// It is above its target.
    over: bool,
    /// Column of the trend, its word, and how its values are said.
    trend: (&'static str, &'static str, fn(f64) -> String),
    rows: Vec<String>,
}

/// A figure, or why it is not known.
fn figure(v: &View, field: &str, x: Option<f64>, say: impl Fn(f64) -> String) -> Result<String, String> {
    match (v.pairs.unknown.get(field), known(x)) {
        (None, Some(x)) => Ok(say(x)),
        (why, _) => Err(why.cloned().unwrap_or_default()),
    }
}

/// The same as one text.
fn said(v: &View, field: &str, x: Option<f64>, say: impl Fn(f64) -> String) -> String {
    figure(v, field, x, say).unwrap_or_else(|why| if why.is_empty() { NOT_KNOWN.to_owned() } else { why })
}

fn watts(x: f64) -> String {
    value(x, "W", None)
}

fn token(v: &View) -> Pair {
    let p = &v.pairs;
    let tokens = said(v, "tokens_per_s", p.tokens_per_s, |x| format!("{} tokens/s", large(x)));
    let since = if p.tokens_per_s.is_some() {
        format!("{} tokens", large(v.tokens))
    } else {
        "not counted".to_owned()
    };
    Pair {
        name: "TOKEN",
        what: "clock consistency",
        figure: figure(v, "clock_spread", p.clock_spread, |x| percent(x, 2)),
        beside: p.targets.clock_spread.map_or_else(
            || "spread of the clock in a job; the policy has no target".to_owned(),
            |t| format!("spread of the clock in a job; target at most {}", percent(t, 2)),
        ),
        over: over(p.clock_spread, p.targets.clock_spread),
        trend: ("clock_spread", "spread", |x| percent(x, 2)),
        rows: vec![
            format!("widest in: {}", p.clock_spread_widest_job.as_deref().unwrap_or("no job")),
            format!("tokens: {tokens}"),
            format!("since the start: {since}"),
        ],
    }
}

fn flops(v: &View) -> Pair {
    let p = &v.pairs;
    let reason = |(reason, now): (&String, &usize)| {
        let sum = v.throttled_gpu_s.get(reason).map_or(NOT_KNOWN.to_owned(), |s| large(*s));
        format!("{}: {} now, {sum} GPU·s", reason.replace('_', " "), count(*now))
    };
    let rows = v.throttled_gpus.iter().map(reason);
    let soon = format!("soon, for heat: {} GPUs", count(v.gpus_warned));
    Pair {
        name: "FLOPS",
        what: "throttling",
        figure: figure(v, "gpus_throttled", Some(p.gpus_throttled as f64), |x| {
            format!("{} of {} GPUs heard", count(x as usize), count(v.gpus_heard))
        }),
        beside: p.targets.throttled_s_per_day.map_or_else(
            || "held back now; the policy has no target".to_owned(),
            |t| format!("held back now; target at most {} a day for each", span(t)),
        ),
        over: false,
        trend: ("gpus_throttled", "held back:", |x| format!("{} GPUs", count(x.max(0.0).round() as usize))),
        rows: rows.chain([soon]).collect(),
    }
}

fn watt(v: &View) -> Pair {
    let p = &v.pairs;
    let beside = match (p.gpu_w, p.gpu_max_cap_w) {
        (Some(w), Some(most)) if most > 0.0 => {
            format!("{} of {}, the highest caps (TDP) of the GPUs heard", percent(w / most, 0), watts(most))
        }
        _ => String::new(),
    };
    let per_token =
        said(v, "it_j_per_token", p.it_j_per_token, |x| format!("{} per token", value(x, "J", None)));
    Pair {
        name: "WATT",
        what: "power against TDP",
        figure: figure(v, "gpu_w", p.gpu_w, watts),
        beside,
        over: false,
        trend: ("gpu_w", "GPUs", watts),
        rows: vec![
            format!("facility: {}", said(v, "facility_w", Some(v.facility_w), watts)),
            format!("IT: {}", said(v, "it_w", Some(v.it_w), watts)),
            format!("cooling: {}", said(v, "cooling_w", Some(v.cooling_w), watts)),
            format!("IT energy: {per_token}"),
        ],
    }
}

fn pue(v: &View) -> Pair {
    let p = &v.pairs;
    let kelvin = |x: f64| value(x, "K", Some(1));
    let headroom = figure(v, "headroom_k", Some(v.headroom_k), |x| {
        format!("headroom: {} ± {} K", digits(x, 1), digits(v.headroom_sigma_k, 1))
    });
    let rows = match headroom {
        Ok(now) => vec![
            now,
            format!("wanted: {}", kelvin(p.targets.headroom_k)),
            format!("at full load: {}", kelvin(v.headroom_full_load_k)),
            format!("as power: {}", watts(v.headroom_w)),
            format!("as time: {}", known(v.headroom_s).map_or("no end in sight".to_owned(), span)),
            format!("least at {}", v.hottest),
        ],
        Err(why) => vec![format!("headroom: {}", if why.is_empty() { NOT_KNOWN } else { &why })],
    };
    let now = p.known("pue", v.pue);
    Pair {
        name: "PUE",
        what: "thermal headroom",
        figure: figure(v, "pue", Some(v.pue), |x| format!("{} facility over IT", digits(x, 3))),
        beside: p.targets.pue.map_or_else(
            || "the policy has no target".to_owned(),
            |t| format!("target at most {}", digits(t, 3)),
        ),
        over: over(now, p.targets.pue),
        trend: ("headroom_k", "headroom", |x| quantity(Some(x), "K", Some(1), NOT_KNOWN)),
        rows,
    }
}

fn over(now: Option<f64>, target: Option<f64>) -> bool {
    matches!((known(now), known(target)), (Some(now), Some(target)) if now > target)
}

/// All four.
pub(super) fn lines(v: &View, trend: &Trend, width: usize, paint: Paint) -> Vec<Line<'static>> {
    [token(v), flops(v), watt(v), pue(v)].iter().flat_map(|p| p.lines(trend, width, paint)).collect()
}

impl Pair {
    fn lines(&self, trend: &Trend, width: usize, paint: Paint) -> Vec<Line<'static>> {
        let name = format!("{} {}", self.name, self.what);
        let (said, style) = match &self.figure {
            Ok(figure) => (figure.clone(), paint.head()),
            Err(why) if why.is_empty() => (NOT_KNOWN.to_owned(), paint.soft()),
            Err(why) => (format!("{NOT_KNOWN}: {why}"), paint.soft()),
        };
        let mut head = vec![Span::styled(format!("{name:<NAME$}"), paint.head()), Span::styled(said, style)];
        if self.over {
            head.push(Span::styled("  over its target", paint.alarm()));
        }
        let mut out = vec![Line::from(head)];
        out.extend(self.trend_lines(trend, width, paint));
        out.extend(flow(&self.rows, 2, width).into_iter().map(Line::from));
        out
    }

    /// The trend in one line with what stands beside the figure, or in two.
    fn trend_lines(&self, trend: &Trend, width: usize, paint: Paint) -> Vec<Line<'static>> {
        let (column, word, say) = self.trend;
        let none = Vec::new();
        let values = trend.columns.get(column).unwrap_or(&none);
        let beside = |text: String| Span::styled(text, paint.soft());
        let Some(found) = strip(&trend.unix_ms, values, trend.every_ms, TREND) else {
            return flow(&["no trend yet".to_owned(), self.beside.clone()], 2, width)
                .into_iter()
                .map(|l| Line::from(beside(l)))
                .collect();
        };
        let time = match found.minutes {
            m if m < 1.0 => "the last minute".to_owned(),
            m => format!("{m:.0} min"),
        };
        let words = format!("{word} {} to {} in {time}", say(found.least), say(found.most));
        let drawn = Span::styled(format!("  {}", found.text), paint.trend());
        let left = width.saturating_sub(TREND + 4);
        let one = format!("{words} · {}", self.beside);
        if self.beside.is_empty() || cells(&one) <= left {
            return vec![Line::from(vec![drawn, beside(format!("  {}", one.trim_end_matches(" · ")))])];
        }
        let mut out = vec![Line::from(vec![drawn, beside(format!("  {}", cut(&words, left)))])];
        let more = flow(std::slice::from_ref(&self.beside), 2, width);
        out.extend(more.into_iter().map(|l| Line::from(beside(l))));
        out
    }
}
