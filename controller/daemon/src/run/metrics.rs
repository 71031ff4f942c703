//! The metrics page: the view in OpenMetrics text, base units in the names.

mod grid;
mod leadership;

use super::alarms::{Level, alarms};
use super::health::FindingView;
use super::outlook::ForecastView;
use super::places::{PlaceView, WarningView};
use super::record::DoubtRecord;
use super::served::ServedView;
use super::view::View;
use crate::instruct::said::Said;
use leadership::leadership;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

type Labels = Vec<(&'static str, String)>;
type GaugeF = Gauge<f64, AtomicU64>;
type CounterF = Counter<f64, AtomicU64>;

/// Builds a page; families appear in the order in which they are said.
struct Page(Registry);

impl Page {
    fn gauge(&mut self, name: &str, unit: Option<&str>, help: &str, value: f64) {
        let gauge = GaugeF::default();
        gauge.set(value);
        self.register(name, unit, help, gauge);
    }

    fn register(&mut self, name: &str, unit: Option<&str>, help: &str, metric: impl Metric) {
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, Unit::Other(unit.to_owned()), metric),
            None => self.0.register(name, help, metric),
        }
    }

    fn gauges(
        &mut self,
        name: &str,
        unit: Option<&str>,
        help: &str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let family = Family::<Labels, GaugeF>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.register(name, unit, help, family);
    }

    fn counters(
        &mut self,
        name: &str,
        unit: Option<&str>,
        help: &str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let family = Family::<Labels, CounterF>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value.max(0.0));
        }
        self.register(name, unit, help, family);
    }

    fn counter(&mut self, name: &str, unit: Option<&str>, help: &str, value: f64) {
        let counter = CounterF::default();
        counter.inc_by(value.max(0.0));
        self.register(name, unit, help, counter);
    }
}

/// The page.
pub(super) fn page(view: &View) -> String {
    let mut page = Page(Registry::with_prefix("headroom"));
    identity(&mut page, view);
    leadership(&mut page, view.leadership.as_ref());
    plant(&mut page, view);
    losses(&mut page, view);
    places(&mut page, view);
    jobs_and_branches(&mut page, view);
    setpoints(&mut page, view);
    clocks(&mut page, view);
    outlook(&mut page, view);
    loop_itself(&mut page, view);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &page.0);
    text
}

/// The same page in the text format of Prometheus 0.0.4, which names a counter by its sample and knows no units.
pub(super) fn plain(page: &str) -> String {
    let counters: BTreeSet<&str> =
        page.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut text = String::with_capacity(page.len());
    for line in page.lines().filter(|l| !l.starts_with("# UNIT ") && *l != "# EOF") {
        let word = line.strip_prefix("# ").and_then(|l| l.split(' ').nth(1));
        match word.filter(|name| counters.contains(name)) {
            Some(name) => text += &line.replacen(name, &format!("{name}_total"), 1),
            None => text += line,
        }
        text.push('\n');
    }
    text
}

/// What is running, for whoever joins or compares.
fn identity(page: &mut Page, v: &View) {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let labels = vec![("version", version), ("site", v.site.clone()), ("policy", v.policy.clone())];
    page.gauges("info", None, "1, with the version, the site and the policy that run", [(labels, 1.0)]);
}

/// A figure that is zero only while nobody knows it: absent then.
fn known(x: f64) -> Option<f64> {
    Some(x).filter(|x| *x > 0.0)
}

fn plant(page: &mut Page, v: &View) {
    let rows = [
        ("facility", "watts", "Power of the whole facility", v.facility_w),
        ("it", "watts", "Power of the racks", v.it_w),
        ("cooling", "watts", "Power of the cooling plant", v.cooling_w),
        ("pue", "ratio", "Facility power over IT power", v.pue),
    ];
    for (name, unit, help, value) in rows {
        if let Some(value) = known(value) {
            page.gauge(name, Some(unit), help, value);
        }
    }
    worst(page, v);
    let energies = [("facility", v.facility_kwh), ("it", v.it_kwh), ("cooling", v.cooling_kwh)];
    let values = energies.map(|(meter, kwh)| (vec![("meter", meter.to_owned())], kwh * 3.6e6));
    page.counters("energy", Some("joules"), "Energy since the start of this controller", values);
    page.counter("tokens", None, "Tokens learnt and generated since the start", v.tokens);
    let values = v.throttled_gpu_s.iter().map(|(reason, s)| (vec![("reason", reason.clone())], *s));
    page.counters("throttled", Some("seconds"), "GPU-seconds throttled, by reason", values);
    let values = v.throttled_gpus.iter().map(|(reason, n)| (vec![("reason", reason.clone())], *n as f64));
    page.gauges("gpus_throttled", None, "GPUs whose clock a reason holds now, by reason", values);
}

/// The GPU that is nearest to its limit, once one has been seen.
fn worst(page: &mut Page, v: &View) {
    if v.hottest.is_empty() {
        return;
    }
    let least = || vec![("rank", "least".to_owned())];
    let help = "Distance of the die from its limit, worst GPU";
    page.gauges("die_headroom", Some("kelvin"), help, [(least(), v.headroom_k)]);
    let help = "Standard deviation of that die temperature";
    page.gauges("die_headroom_sigma", Some("kelvin"), help, [(least(), v.headroom_sigma_k)]);
    let help = "Power that the worst GPU could add before its die is at the limit";
    page.gauges("die_headroom", Some("watts"), help, [(least(), v.headroom_w)]);
    if let Some(seconds) = v.headroom_s {
        let help = "Time until the worst GPU throttles if nothing changes";
        page.gauges("die_headroom", Some("seconds"), help, [(least(), seconds)]);
    }
}

/// What was lost since the start, and to what.
fn losses(page: &mut Page, v: &View) {
    let l = &v.ledger;
    let lost = [("drift", l.drift_tokens), ("throttling", l.throttled_tokens)];
    let values = lost.map(|(to, tokens)| (vec![("to", to.to_owned())], tokens));
    page.counters(
        "lost_tokens",
        None,
        "Tokens lost since the start of this controller, by what they were lost to",
        values,
    );
    let help = "Energy of GPUs beyond what their work needed, since the start";
    page.counter("over_energy", Some("joules"), help, l.gpus_over_kwh * 3.6e6);
    let by = l.hour.flops.by.iter();
    let values = by.map(|t| (vec![("reason", t.reason.clone()), ("cause", t.cause.clone())], t.gpu_s));
    page.gauges(
        "hour_throttled",
        Some("seconds"),
        "GPU-seconds throttled in the open hour, by reason and cause",
        values,
    );
}

fn places(page: &mut Page, v: &View) {
    let label = |p: &PlaceView| vec![("place", p.id.clone()), ("kind", p.kind.clone())];
    let each =
        |of: fn(&PlaceView) -> Option<f64>| v.places.iter().filter_map(move |p| Some((label(p), of(p)?)));
    let help = "Distance from the limit that is met first";
    page.gauges("place_headroom", Some("kelvin"), help, each(|p| p.headroom_k));
    let help = "The same after long at full load";
    page.gauges("place_headroom_full_load", Some("kelvin"), help, each(|p| p.headroom_full_load_k));
    let help = "Power that the GPUs of a place may still add";
    page.gauges("place_headroom", Some("watts"), help, each(|p| Some(p.headroom_w)));
    let help = "Time until a limit of a place is met at the present trend; absent where none comes nearer";
    page.gauges("place_headroom", Some("seconds"), help, each(|p| p.headroom_s));
    let help = "GPUs that will slow down for heat soon if nothing changes";
    page.gauge("gpus_warned", None, help, v.gpus_warned as f64);
    let label =
        |w: &WarningView| vec![("UUID", w.uuid.clone()), ("of", w.node.clone()), ("limit", w.limit.clone())];
    let warned = v.warnings.iter().map(|w| (label(w), w.seconds));
    let help = "Time until a warned GPU meets its limit; the 32 nearest";
    page.gauges("gpu_warned", Some("seconds"), help, warned);
}

fn jobs_and_branches(page: &mut Page, v: &View) {
    let label = |id: &str| vec![("job", id.to_owned())];
    let clocks = v.jobs.iter().map(|j| (label(&j.id), j.clock_mhz * 1e6));
    page.gauges("job_clock", Some("hertz"), "Mean SM clock of a job", clocks);
    let spread = v.jobs.iter().map(|j| (label(&j.id), j.clock_cv));
    page.gauges(
        "job_clock_spread",
        Some("ratio"),
        "Standard deviation over mean of a job's SM clocks",
        spread,
    );
    let locks = v.jobs.iter().filter_map(|j| j.lock_mhz.map(|mhz| (label(&j.id), mhz * 1e6)));
    page.gauges("job_clock_lock", Some("hertz"), "Upper clock lock held on a job", locks);
    let wanted = v.jobs.iter().filter_map(|j| j.wanted_mhz.map(|mhz| (label(&j.id), mhz * 1e6)));
    let help = "Highest clock wanted of a job where nothing binds; absent where any is";
    page.gauges("job_clock_wanted", Some("hertz"), help, wanted);
    let saves = v.jobs.iter().map(|j| (label(&j.id), j.clock_saves_w));
    let help = "What a job is believed to draw less by its wanted clock";
    page.gauges("job_clock_saves", Some("watts"), help, saves);
    let tokens = v.jobs.iter().map(|j| (label(&j.id), j.tokens));
    page.counters("job_tokens", None, "Tokens of a job since the start of this controller", tokens);
    served(page, v);
    grid::write(page, v);
    let label = |id: &str| vec![("branch", id.to_owned())];
    let powers = v.branches.iter().map(|b| (label(&b.id), b.power_w));
    page.gauges("branch", Some("watts"), "Power of a branch of the power tree", powers);
    let budgets = v.branches.iter().filter_map(|b| b.budget_w.map(|w| (label(&b.id), w)));
    page.gauges("branch_budget", Some("watts"), "What a branch may draw now", budgets);
}

/// What the engines of jobs say, by job and page.
fn served(page: &mut Page, v: &View) {
    let rows = |of: fn(&ServedView) -> Option<f64>, what: Option<&'static str>| {
        let label = move |s: &ServedView| {
            let mut labels = vec![("job", s.job.clone()), ("page", s.page.clone())];
            labels.extend(what.map(|word| ("statistic", word.to_owned())));
            labels
        };
        v.served.iter().filter_map(move |s| of(s).map(|value| (label(s), value)))
    };
    let help = "Requests that an engine serves now";
    page.gauges("job_requests_running", None, help, rows(|s| s.requests_running, None));
    let help = "Requests that wait for an engine";
    page.gauges("job_requests_waiting", None, help, rows(|s| s.requests_waiting, None));
    let all = rows(|s| s.time_to_first_token_p50_s, Some("p50"))
        .chain(rows(|s| s.time_to_first_token_p95_s, Some("p95")))
        .chain(rows(|s| s.time_to_first_token_mean_s, Some("mean")));
    let help = "Time to first token of the requests between two readings of an engine's page";
    page.gauges("job_time_to_first_token", Some("seconds"), help, all);
    let all = rows(|s| s.time_per_output_token_p50_s, Some("p50"))
        .chain(rows(|s| s.time_per_output_token_p95_s, Some("p95")))
        .chain(rows(|s| s.time_per_output_token_mean_s, Some("mean")));
    let help = "Time per output token between two readings of an engine's page";
    page.gauges("job_time_per_output_token", Some("seconds"), help, all);
}

/// Prometheus' word for a unit of ours, and the factor toward it.
fn base_unit(unit: &str) -> (&'static str, f64) {
    match unit {
        "degC" => ("celsius", 1.0),
        "K" => ("kelvin", 1.0),
        "kPa" => ("pascals", 1e3),
        "W" => ("watts", 1.0),
        "MHz" => ("hertz", 1e6),
        "L/min" => ("cubic_meters_per_second", 1.0 / 60_000.0),
        "s" => ("seconds", 1.0),
        "A" => ("amperes", 1.0),
        "V" => ("volts", 1.0),
        "J" => ("joules", 1.0),
        _ => ("ratio", 1.0),
    }
}

fn setpoints(page: &mut Page, v: &View) {
    let mut units: Vec<&str> = v.setpoints.iter().map(|s| s.unit.as_str()).collect();
    units.sort_unstable();
    units.dedup();
    for unit in units {
        let (word, factor) = base_unit(unit);
        let of_unit = || v.setpoints.iter().filter(|s| s.unit == unit);
        let label = |id: &str| vec![("actuator", id.to_owned())];
        let stands = of_unit().map(|s| (label(&s.actuator), s.stands * factor));
        page.gauges("setpoint_stands", Some(word), "Where a setpoint stands by its read-back", stands);
        let admitted = of_unit().filter_map(|s| s.admitted.map(|a| (label(&s.actuator), a * factor)));
        page.gauges("setpoint_admitted", Some(word), "What the guard has left of the proposal", admitted);
    }
    let label =
        |id: &str, said: &Said| vec![("actuator", id.to_owned()), ("word", said.word.word().to_owned())];
    let said =
        v.actuators.iter().filter_map(|a| a.instruction.as_ref().map(|said| (label(&a.id, said), 1.0)));
    page.gauges("setpoint_instructed", None, "1 while what an operator said of a setpoint stands", said);
}

fn clocks(page: &mut Page, v: &View) {
    let of = |get: fn(&super::clocks::ClockView) -> Option<f64>| {
        let label = |c: &super::clocks::ClockView| vec![("source", c.source.clone())];
        v.clocks.iter().filter_map(move |c| get(c).map(|value| (label(c), value)))
    };
    let help = "Clock of a source less ours";
    page.gauges("clock_offset", Some("seconds"), help, of(|c| c.offset_s));
    let help = "Standard deviation of that offset";
    page.gauges("clock_offset_sigma", Some("seconds"), help, of(|c| c.sigma_s));
    let label = |l: &super::clocks::LagView| vec![("point", l.point.clone())];
    let lags = v.meter_lags.iter().map(|l| (label(l), l.lag_s));
    page.gauges("meter_lag", Some("seconds"), "How far a meter's stamps are behind the GPUs below it", lags);
    let sigmas = v.meter_lags.iter().map(|l| (label(l), l.sigma_s));
    page.gauges("meter_lag_sigma", Some("seconds"), "Standard deviation of that lag", sigmas);
    let help = "1 while a clock is wrong: set, in another time zone, or standing";
    page.gauges("clock_fault", None, help, of(|c| Some(f64::from(u8::from(c.fault.is_some())))));
}

/// Quantiles of the next hour, by unit: the horizon is in seconds.
fn outlook(page: &mut Page, v: &View) {
    let labels = |f: &ForecastView| {
        vec![("what", f.what.clone()), ("of", f.of.clone()), ("horizon", format!("{:.0}", f.horizon_s))]
    };
    let help = "Quantiles of what is expected as the mean of a minute, this far ahead";
    for (unit, word, scale) in
        [("W", "watts", 1.0), ("degC", "celsius", 1.0), ("/kWh", "per_joule", 1.0 / 3.6e6)]
    {
        let of_unit = v.ahead.outlook.iter().filter(|f| f.unit.ends_with(unit));
        let values = of_unit.flat_map(|f| {
            [("0.05", f.q05), ("0.5", f.q50), ("0.95", f.q95)].map(|(level, q)| {
                let mut all = labels(f);
                all.push(("probability", level.to_owned()));
                (all, q * scale)
            })
        });
        page.gauges("outlook", Some(word), help, values);
    }
    let help = "Share of what came that lay between the 5 % and 95 % said before, over about a day";
    let held = v.ahead.outlook.iter().filter_map(|f| Some((labels(f), f.coverage?)));
    page.gauges("outlook_coverage", Some("ratio"), help, held);
    let least = v.ahead.budgets_ahead.iter().map(|b| (vec![("branch", b.branch.clone())], b.least_w));
    page.gauges("branch_budget_ahead", Some("watts"), "The least a branch may draw within the hour", least);
}

fn loop_itself(page: &mut Page, v: &View) {
    page.counter("commands_issued", None, "Commands issued, by lease", v.commands_issued as f64);
    page.counter("writes", None, "Everything written toward the plant", v.writes as f64);
    page.counter("ticks", None, "Ticks of the straight line", v.ticks as f64);
    page.counter("missed_ticks", None, "Ticks that could not be held", v.missed_ticks as f64);
    let help = "Readings and reports that came faster than ticks could take them";
    page.counter("readings_dropped", None, help, v.readings_dropped as f64);
    page.gauge("lag", Some("seconds"), "How late the last tick began, plant time", v.lag_s);
    page.gauge("tick", Some("seconds"), "How long the last tick took, plant time", v.tick_s);
    page.gauge("gpus_heard", None, "GPUs whose agent has reported lately", v.gpus_heard as f64);
    page.gauge("gpus", None, "GPUs of the site file", v.gpus as f64);
    page.gauge("points", None, "Points of the site file", v.points as f64);
    page.gauge("points_good", None, "Points with a value that can be used", v.points_good as f64);
    let links = v.connections.iter().map(|c| (vec![("connection", c.id.clone())], f64::from(u8::from(c.up))));
    page.gauges("connection_up", None, "1 while a broker, device or page answers", links);
    let label = |d: &DoubtRecord| vec![("point", d.point.clone()), ("rule", d.rule.clone())];
    let doubts = v.implausible.iter().map(|d| (label(d), 1.0));
    page.gauges("point_implausible", None, "1 for a point that others contradict", doubts);
    let label = |f: &FindingView| vec![("of", f.of.clone()), ("ailment", f.ailment.clone())];
    let findings = v.health.iter().map(|f| (label(f), 1.0));
    page.gauges("health_finding", None, "1 for what ails the plant", findings);
    let wrong = alarms(v);
    let levels = Level::ALL.map(|level| {
        let count = wrong.iter().filter(|a| a.level == level).count();
        (vec![("level", level.name().to_owned())], count as f64)
    });
    page.gauges("alarms", None, "What is wrong, by how soon somebody should act", levels);
    let flows = v.unmetered.iter().map(|f| (vec![("of", f.of.clone())], f.flow_lpm / 60_000.0));
    let help = "A flow that nobody meters, from what it carries";
    page.gauges("flow_unmetered", Some("cubic_meters_per_second"), help, flows);
    let verified = f64::from(u8::from(v.verified));
    let released = f64::from(u8::from(v.released.is_some()));
    page.gauge("released", None, "1 while an operator has let everything go", released);
    page.gauge("verified", None, "1 while every read-back that a held command needs is there", verified);
    let writes = f64::from(u8::from(v.writes_allowed));
    page.gauge("writes_allowed", None, "1 if this controller may command anything", writes);
}

#[cfg(test)]
mod tests;
