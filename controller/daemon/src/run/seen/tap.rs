//! Taps: whoever wants each new reading of a point or GPU as it is aligned.
//!
//! Responsible for: who listens to what, within bounds: so many listeners, so many lines waiting for each. A listener that
//! does not keep up loses lines, is told how many, and never holds up a tick. Not for: the page (`pages`).

use super::views::{quality, reasons, tidy};
use bytes::Bytes;
use headroom_site::{GpuSample, Reading, Site, Stamp};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Most listeners at a time.
const MOST: usize = 16;
/// Lines that may wait for a listener: a minute of the fastest source, many times.
const WAITING: usize = 4096;

/// What is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Point(usize),
    Gpu(usize),
}

/// One reading of a point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointLine {
    pub(crate) point: String,
    /// Event time, on our time.
    pub(crate) event_utc: String,
    pub(crate) event_unix_ns: i64,
    pub(crate) event_uncertainty_s: f64,
    /// None where the stamp is our own.
    pub(crate) arrival_utc: Option<String>,
    pub(crate) arrival_unix_ns: Option<i64>,
    /// Arrival less event.
    pub(crate) delay_s: Option<f64>,
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
    pub(crate) quality: String,
    pub(crate) reason: Option<String>,
    pub(crate) quality_opc_ua: u16,
    /// Lines lost before this one, because the listener did not keep up.
    pub(crate) lost: u64,
}

/// One sample of a GPU.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GpuLine {
    pub(crate) gpu: String,
    pub(crate) event_utc: String,
    pub(crate) event_unix_ns: i64,
    pub(crate) arrival_utc: Option<String>,
    pub(crate) arrival_unix_ns: Option<i64>,
    pub(crate) delay_s: Option<f64>,
    pub(crate) power_w: Option<f32>,
    pub(crate) clock_mhz: Option<f32>,
    pub(crate) die_degc: Option<f32>,
    pub(crate) hbm_degc: Option<f32>,
    pub(crate) margin_k: Option<f32>,
    pub(crate) cap_w: Option<f32>,
    pub(crate) utilisation: Option<f32>,
    pub(crate) reasons: Vec<String>,
    pub(crate) lost: u64,
}

/// A line of either kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum TapLine {
    Point(PointLine),
    Gpu(GpuLine),
}

impl TapLine {
    fn lost(&mut self, lines: u64) {
        match self {
            Self::Point(line) => line.lost = lines,
            Self::Gpu(line) => line.lost = lines,
        }
    }
}

/// A line about a reading.
pub(super) fn point_line(site: &Site, reading: &Reading) -> TapLine {
    let point = &site.points[reading.point.index()];
    let (word, reason) = quality(reading.quality);
    let usable = reading.quality.is_usable();
    TapLine::Point(PointLine {
        point: point.id.clone(),
        event_utc: reading.stamp.to_string(),
        event_unix_ns: reading.stamp.unix_ns(),
        event_uncertainty_s: reading.stamp_uncertainty.s(),
        arrival_utc: reading.arrival.map(|a| a.to_string()),
        arrival_unix_ns: reading.arrival.map(Stamp::unix_ns),
        delay_s: reading.arrival.map(|a| a.since(reading.stamp).s()),
        value: usable.then(|| tidy(point.unit.from_base(reading.value))),
        unit: point.unit.symbol.to_owned(),
        quality: word.to_owned(),
        reason,
        quality_opc_ua: reading.quality.opc_ua(),
        lost: 0,
    })
}

/// A line about a sample.
pub(super) fn gpu_line(site: &Site, gpu: usize, s: &GpuSample, arrival: Option<Stamp>) -> TapLine {
    TapLine::Gpu(GpuLine {
        gpu: site.gpus[gpu].uuid.to_string(),
        event_utc: s.stamp.to_string(),
        event_unix_ns: s.stamp.unix_ns(),
        arrival_utc: arrival.map(|a| a.to_string()),
        arrival_unix_ns: arrival.map(Stamp::unix_ns),
        delay_s: arrival.map(|a| a.since(s.stamp).s()),
        power_w: s.power_w.get(),
        clock_mhz: s.clock_mhz.get(),
        die_degc: s.die_c.get(),
        hbm_degc: s.hbm_c.get(),
        margin_k: s.margin_k.get(),
        cap_w: s.enforced_cap_w.get(),
        utilisation: s.utilisation.get(),
        reasons: reasons(s.reasons),
        lost: 0,
    })
}

#[derive(Debug)]
struct Tap {
    target: Target,
    out: Sender<Bytes>,
    lost: u64,
}

/// Everybody who listens.
#[derive(Debug, Default)]
pub(crate) struct Taps(Vec<Tap>);

impl Taps {
    /// Does anybody listen?
    pub(super) const fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Begins to listen; `None` if there are too many already.
    pub(super) fn open(&mut self, target: Target) -> Option<Receiver<Bytes>> {
        self.0.retain(|tap| !tap.out.is_closed());
        if self.0.len() >= MOST {
            return None;
        }
        let (out, lines) = channel(WAITING);
        self.0.push(Tap { target, out, lost: 0 });
        Some(lines)
    }

    /// Tells whoever listens to this; the line is made only for them. Those who have gone are forgotten.
    pub(super) fn tell(&mut self, target: Target, line: impl Fn() -> TapLine) {
        let mut gone = false;
        for tap in self.0.iter_mut().filter(|tap| tap.target == target) {
            let mut line = line();
            line.lost(tap.lost);
            match tap.out.try_send(event(&line)) {
                Ok(()) => tap.lost = 0,
                Err(_) if tap.out.is_closed() => gone = true,
                Err(_) => tap.lost += 1,
            }
        }
        if gone {
            self.0.retain(|tap| !tap.out.is_closed());
        }
    }
}

/// A server-sent event.
fn event(line: &TapLine) -> Bytes {
    let json = serde_json::to_string(line).unwrap_or_default();
    Bytes::from(format!("data: {json}\n\n"))
}
