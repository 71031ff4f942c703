//! Pictures on a terminal in memory: what each view says, at any size, with and without colour, with 10,000 GPUs.

mod panic;
mod pictures;

use super::app::App;
use super::gpus::{Grid, Layout};
use super::model::{Said, Trend};
use super::paint::Paint;
use super::view;
use crate::instruct::said::{self, Word};
use crate::run::actuators::ActuatorView;
use crate::run::pairs::GroupView;
use crate::run::places::PlaceView;
use crate::run::view::{BranchView, ConnectionView, JobView, View};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;
use std::time::{Duration, Instant};

/// A status with something of everything, as the page says it.
fn status() -> View {
    let mut v = View {
        site: "demo".into(),
        policy: "balanced".into(),
        writes_allowed: true,
        verified: true,
        epoch: 3,
        ticks: 531,
        time: "2025-07-18T12:05:15.500Z".into(),
        gpus: 64,
        gpus_heard: 64,
        points: 10,
        points_good: 10,
        facility_w: 123_400.0,
        it_w: 110_000.0,
        pue: 1.122,
        headroom_k: 21.0,
        hottest: "node-3".into(),
        ..View::default()
    };
    v.throttled_gpus.insert("sw_power_cap".into(), 2);
    v.throttled_gpu_s.insert("sw_power_cap".into(), 120.0);
    v.pairs.clock_spread = Some(0.0123);
    v.pairs.targets.clock_spread = Some(0.01);
    v.pairs.gpu_w = Some(50_000.0);
    v.pairs.gpu_max_cap_w = Some(64_000.0);
    v.pairs.unknown.insert("cooling_w".into(), "cooling/meter is bad (stale)".into());
    v.pairs.groups.push(GroupView { group: "caps".into(), mode: "active".into(), members: 64, writes: true });
    v.connections.push(ConnectionView { id: "mqtt://bms".into(), up: true, state: "up, 5 received".into() });
    add_cooling(&mut v);
    add_power(&mut v);
    v
}

fn add_cooling(v: &mut View) {
    v.actuators.push(ActuatorView {
        id: "CDU-01/supply".into(),
        mode: "active".into(),
        unit: "degC".into(),
        least: 18.0,
        most: 45.0,
        stands: Some(30.0),
        asked: Some(31.0),
        admitted: Some(30.5),
        guard: Some("the ramp".into()),
        why: "headroom to spare".into(),
        instruction: Some(said::Said::at(0, "CDU-01/supply", Word::Hold, None, None, "kim", "leak test")),
        ..ActuatorView::default()
    });
    v.places.push(PlaceView {
        id: "CDU-01".into(),
        kind: "cooling".into(),
        headroom_k: Some(4.0),
        ..PlaceView::default()
    });
}

fn add_power(v: &mut View) {
    let branch = |id: &str, parent: Option<&str>, power_w: f64| BranchView {
        id: id.into(),
        kind: "pdu".into(),
        parent: parent.map(str::to_owned),
        power_w,
        budget_w: Some(130_000.0),
    };
    v.branches.extend([branch("feed-a", None, 123_400.0), branch("pdu-1", Some("feed-a"), 60_000.0)]);
    v.jobs.push(JobView {
        id: "train-a".into(),
        kind: "training".into(),
        gpus: 64,
        lock_mhz: Some(1500.0),
        ..JobView::default()
    });
}

/// The same after its way over the wire.
fn sent(v: &View) -> Box<View> {
    serde_json::from_str(&serde_json::to_string(v).unwrap()).unwrap()
}

fn trend() -> Trend {
    let column: Vec<f32> = (0..600).map(|i| (i as f32 / 40.0).sin() + 2.0).collect();
    let times: Vec<i64> = (0..600).map(|i| i * 2000).collect();
    let columns =
        ["clock_spread", "gpus_throttled", "gpu_w", "headroom_k"].map(|name| (name, column.clone()));
    let page = json!({ "every_ms": 2000, "unix_ms": times, "columns": columns.into_iter().collect::<std::collections::BTreeMap<_, _>>() });
    serde_json::from_value(page).unwrap()
}

/// Pages of so many GPUs, eight to a node, in two jobs; the fourth of each node is silent.
fn pages(gpus: usize) -> (Layout, Grid) {
    let nodes: Vec<_> = (0..gpus / 8)
        .map(|n| json!({ "id": format!("node-{n}"), "rack": format!("rack-{}", n / 4), "first": n * 8, "gpus": 8 }))
        .collect();
    let layout = json!({
        "layout": "l", "nodes": nodes, "jobs": ["train-a", "serve-b"],
        "uuids": (0..gpus).map(|g| format!("GPU-{g:08x}")).collect::<Vec<_>>(),
        "job_of": (0..gpus).map(|g| if g % 3 == 2 { None } else { Some(g % 3) }).collect::<Vec<_>>(),
        "reasons": ["SW power cap", "SW thermal", "HW thermal", "power brake", "HW slowdown"],
        "max_cap_w": 1000.0, "min_clock_mhz": 200.0, "max_clock_mhz": 2000.0, "max_operating_degc": 87.0,
    });
    let heard = |g: usize| g % 8 != 3;
    let column =
        |of: &dyn Fn(usize) -> f32| (0..gpus).map(|g| heard(g).then(|| of(g))).collect::<Vec<Option<f32>>>();
    let grid = json!({
        "layout": "l", "unix_ms": 1_752_840_315_500_i64, "gpus": gpus,
        "silent": (0..gpus).filter(|g| !heard(*g)).collect::<Vec<_>>(),
        "power_w": column(&|g| 500.0 + (g % 97) as f32),
        "clock_mhz": column(&|g| 1500.0 + (g % 13) as f32),
        "die_degc": column(&|g| 50.0 + (g * 7919 % 300) as f32 / 10.0),
        "headroom_k": column(&|g| 5.0 + (g % 31) as f32),
        "throttle": (0..gpus).map(|g| heard(g).then_some(u8::from(g % 10 == 0))).collect::<Vec<_>>(),
    });
    (serde_json::from_value(layout).unwrap(), serde_json::from_value(grid).unwrap())
}

/// What is known after answers of everything, and when.
fn known(gpus: usize, paint: Paint) -> (App, Instant) {
    let (mut app, now) = (App::new("http://127.0.0.1:9464", paint), Instant::now());
    let (layout, grid) = pages(gpus);
    for said in [
        Said::Status(sent(&status())),
        Said::Trend { looks: trend(), more: false },
        Said::Layout(Box::new(layout)),
        Said::Grid(Box::new(grid)),
    ] {
        app.model.take(said, now);
    }
    (app, now)
}

/// A picture of a size.
fn picture(app: &mut App, (width, height): (u16, u16), now: Instant) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            view::draw(app, area, frame.buffer_mut(), now);
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

fn lines(app: &mut App, size: (u16, u16), now: Instant) -> Vec<String> {
    view::text(&picture(app, size, now))
}

fn press(app: &mut App, keys: &[KeyCode]) {
    for key in keys {
        app.press(KeyEvent::new(*key, KeyModifiers::NONE));
    }
}

const NORMAL: (u16, u16) = (80, 24);

fn later(now: Instant, s: u64) -> Instant {
    now + Duration::from_secs(s)
}
