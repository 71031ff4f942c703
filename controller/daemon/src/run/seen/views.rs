//! Points and GPUs as people and programs see them. Field names carry units; the value of a point is in the unit that
//! stands beside it, which is that of the site file.

use super::gpus::GpuTrack;
use super::{ClockNow, PointTrack, Seen};
use headroom_site::gpu::ThrottleReason;
use headroom_site::model::Source;
use headroom_site::{Quality, Site};
use serde::{Deserialize, Serialize};

/// Values of the trend.
const TREND: usize = 16;

/// A clock beside what it stamps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StampClock {
    /// Theirs less ours, s; none before enough was heard.
    pub(crate) offset_s: Option<f64>,
    /// Standard deviation of that, s.
    pub(crate) sigma_s: Option<f64>,
    /// Stamps are put right by the offset.
    pub(crate) corrected: bool,
    /// It is set, stands, or is in another time zone (`headroom status` says which).
    pub(crate) wrong: bool,
}

impl From<ClockNow> for StampClock {
    fn from(c: ClockNow) -> Self {
        Self {
            offset_s: c.offset.map(|o| o.0),
            sigma_s: c.offset.map(|o| o.1),
            corrected: c.corrected,
            wrong: c.wrong,
        }
    }
}

/// One point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointView {
    pub(crate) id: String,
    pub(crate) of: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) area: Vec<String>,
    pub(crate) unit: String,
    /// In `unit`; none before the first reading and while it is not a number.
    pub(crate) value: Option<f64>,
    /// Event time, on our time.
    pub(crate) event_utc: Option<String>,
    pub(crate) event_unix_ns: Option<i64>,
    /// At the last tick.
    pub(crate) age_s: Option<f64>,
    /// How far the event time may be off.
    pub(crate) event_uncertainty_s: Option<f64>,
    /// None where the stamp is our own.
    pub(crate) clock: Option<StampClock>,
    /// good, uncertain or bad.
    pub(crate) quality: String,
    pub(crate) reason: Option<String>,
    /// Status code of OPC UA, upper 16 bits.
    pub(crate) quality_opc_ua: u16,
    /// Where it is read.
    pub(crate) source: String,
    pub(crate) readings: u64,
    /// The last values, oldest first; none where it was not usable.
    pub(crate) trend: Vec<Option<f64>>,
}

/// One GPU.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GpuView {
    pub(crate) uuid: String,
    pub(crate) node: String,
    /// Place among the node's, from 0.
    pub(crate) index: usize,
    pub(crate) heard: bool,
    pub(crate) age_s: Option<f64>,
    pub(crate) event_unix_ns: Option<i64>,
    /// How far that may be off, where it is known.
    #[serde(default)]
    pub(crate) event_uncertainty_s: Option<f64>,
    pub(crate) clock: Option<StampClock>,
    pub(crate) power_w: Option<f32>,
    pub(crate) clock_mhz: Option<f32>,
    pub(crate) die_degc: Option<f32>,
    pub(crate) hbm_degc: Option<f32>,
    pub(crate) margin_k: Option<f32>,
    pub(crate) cap_w: Option<f32>,
    /// Energy since the controller's start, with the gain of its sensor taken off, and as its board shows it, J.
    pub(crate) energy_j: f64,
    pub(crate) energy_shown_j: f64,
    /// True watts for each watt that its sensor shows, and the standard deviation of that.
    pub(crate) power_factor: f64,
    pub(crate) power_factor_sigma: f64,
    /// Why its clock is held, in words; what shows for an instant only is left out.
    pub(crate) reasons: Vec<String>,
    /// Mean power of the last seconds, oldest first.
    pub(crate) trend_w: Vec<Option<f64>>,
}

/// A quality as word and reason.
pub(crate) fn quality(q: Quality) -> (&'static str, Option<String>) {
    match q {
        Quality::Good => ("good", None),
        Quality::Uncertain(reason) => ("uncertain", Some(reason.to_string())),
        Quality::Bad(reason) => ("bad", Some(reason.to_string())),
    }
}

/// Where a point is read.
fn source(site: &Site, source: &Source) -> String {
    let mqtt = |i: usize| site.mqtt.get(i).map_or("?", |m| m.id.as_str());
    match source {
        Source::Dsx { connection, tag: Some(tag) } => format!("dsx {} {tag}", mqtt(*connection)),
        Source::Dsx { connection, tag: None } => format!("dsx {}", mqtt(*connection)),
        Source::Json { connection, topic, .. } => format!("json {} {topic}", mqtt(*connection)),
        Source::Sparkplug { connection, edge, device, metric } => {
            let device = device.as_ref().map_or(String::new(), |device| format!("/{device}"));
            format!("sparkplug {} {edge}{device} {metric}", mqtt(*connection))
        }
        Source::Modbus { device, register } => {
            let Some(d) = site.modbus.get(*device) else { return "modbus".to_owned() };
            let name = d.registers.get(*register).map_or("?", |r| r.name.as_str());
            format!("modbus {} {name}", d.id)
        }
        Source::Prometheus { page, metric, .. } => {
            format!("prometheus {} {metric}", site.prometheus.get(*page).map_or("?", |p| p.id.as_str()))
        }
        Source::Engine { page, quantity, .. } => {
            let Some(page) = site.prometheus.get(*page) else { return "engine".to_owned() };
            let engine = page.engine.map_or("engine", headroom_site::model::Engine::word);
            format!("{engine} {} {quantity}", page.id)
        }
    }
}

/// NVML's reasons in words.
pub(crate) fn reasons(bits: u32) -> Vec<String> {
    ThrottleReason::ALL.iter().filter(|r| bits & r.bit() != 0).map(ToString::to_string).collect()
}

impl PointView {
    pub(crate) fn new(seen: &Seen, index: usize) -> Option<Self> {
        let (point, now) = (seen.site.points.get(index)?, seen.values.get(index)?);
        let track: &PointTrack = seen.points.get(index)?;
        let known = track.readings > 0;
        let of_unit = |v: f64| tidy(point.unit.from_base(v));
        let first = track.moments.len().saturating_sub(TREND);
        let trend = track.moments.iter().skip(first);
        let (word, reason) = quality(now.quality);
        let last = track.moments.iter().next_back();
        Some(Self {
            id: point.id.clone(),
            of: point.of.clone(),
            kind: point.kind.clone(),
            area: point.area.clone(),
            unit: point.unit.symbol.to_owned(),
            // What cannot be used is not shown as a number, unless it is merely old.
            value: (known && last.is_none_or(|m| m.quality.is_usable())).then(|| of_unit(now.value)),
            event_utc: known.then(|| now.stamp.to_string()),
            event_unix_ns: known.then(|| now.stamp.unix_ns()),
            age_s: known.then(|| seen.now.since(now.stamp).s()),
            event_uncertainty_s: last.map(|m| f64::from(m.uncertainty_s)),
            clock: seen.clock_of(index).map(StampClock::from),
            quality: word.to_owned(),
            reason,
            quality_opc_ua: now.quality.opc_ua(),
            source: source(&seen.site, &point.source),
            readings: track.readings,
            trend: trend.map(|m| m.quality.is_usable().then(|| of_unit(m.value))).collect(),
        })
    }
}

impl GpuView {
    pub(crate) fn new(seen: &Seen, index: usize) -> Option<Self> {
        let (gpu, track) = (seen.site.gpus.get(index)?, seen.gpus.get(index)?);
        let node = seen.site.nodes.get(gpu.node.index())?;
        let s = &track.sample;
        let known = s.stamp != headroom_site::Stamp::default();
        Some(Self {
            uuid: gpu.uuid.to_string(),
            node: node.id.clone(),
            index: index - node.gpus.0 as usize,
            heard: seen.is_heard(node, track),
            age_s: known.then(|| seen.now.since(s.stamp).s()),
            event_unix_ns: known.then(|| s.stamp.unix_ns()),
            event_uncertainty_s: seen.node_uncertainty_s.get(gpu.node.index()).copied().flatten(),
            clock: seen.clock_of_gpu(index).map(StampClock::from),
            power_w: s.watts(),
            clock_mhz: s.clock_mhz.get(),
            die_degc: s.die_c.get(),
            hbm_degc: s.hbm_c.get(),
            margin_k: s.margin_k.get(),
            cap_w: s.enforced_cap_w.get(),
            energy_j: tidy(track.energy.true_j),
            energy_shown_j: tidy(track.energy.shown_j),
            power_factor: tidy(track.gain.factor),
            power_factor_sigma: tidy(track.gain.sigma),
            reasons: reasons(track.reasons),
            trend_w: trend(track),
        })
    }
}

fn trend(track: &GpuTrack) -> Vec<Option<f64>> {
    let first = track.windows.len().saturating_sub(TREND);
    let power = track.windows.iter().skip(first).map(|w| w.spreads[0]);
    power.map(|p| (p.count > 0).then(|| tidy(f64::from(p.mean)))).collect()
}

/// Nine significant digits: what a conversion of units leaves behind is no information.
pub(crate) fn tidy(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powi(8 - x.abs().log10().floor() as i32);
    if scale.is_finite() && scale > 0.0 { (x * scale).round() / scale } else { x }
}
