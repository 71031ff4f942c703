//! How fast the plant moves, against practice.
//!
//! Responsible for: running starts, strokes and steps of the equipment and timing them. Not for: steady states
//! ([`super::cooling`], [`super::hydraulics`]).

use super::{Check, Ledger, Tolerance};
use headroom_truth::facility::chiller::{ANTI_RECYCLE_S, Chiller, ChillerCommand};
use headroom_truth::facility::fluid::{Pipe, WATER};
use headroom_truth::facility::pump::Pump;
use headroom_truth::facility::valve::Valve;

const CHILLER: &str =
    "centrifugal chillers: 3 to 10 min from start to full load, 15 to 30 min between starts (practice)";
const DRIVES: &str = "actuators: valves 35 to 120 s full stroke, pump drives 10 to 30 s (data sheets)";
const PIPE: &str = "plug flow: delay = volume / flow";

/// All checks of this room.
#[must_use]
pub fn checks() -> Vec<Check> {
    let mut all = chiller();
    all.extend(drives());
    all
}

/// Seconds until `done`, stepped by a tenth of a second, one hour at most.
fn seconds(mut step: impl FnMut(f64), mut done: impl FnMut() -> bool) -> f64 {
    let dt_s = 0.1;
    for n in 0..36_000 {
        if done() {
            return f64::from(n) * dt_s;
        }
        step(dt_s);
    }
    f64::NAN
}

fn chiller() -> Vec<Check> {
    let mut ledger = Ledger::new("chiller", CHILLER);
    let machine = std::cell::RefCell::new(Chiller::sized(1e6, 22.0));
    let command = ChillerCommand { run: true, setpoint_c: 7.0 };
    let start = |dt_s: f64| {
        let mut m = machine.borrow_mut();
        m.actuate(&command, true, dt_s);
        m.step(&command, 60e3, 24.0, 26.0, dt_s);
    };
    let full = || {
        let m = machine.borrow();
        m.load_w > 0.95 * m.capacity_w
    };
    let to_full_s = seconds(start, full);
    ledger.note("from start to full load", "s", (390.0, to_full_s), Tolerance::Range(180.0, 600.0));
    let again = std::cell::RefCell::new(Chiller::sized(1e6, 22.0));
    again.borrow_mut().actuate(&command, true, 0.1);
    again.borrow_mut().tripped = true;
    again.borrow_mut().actuate(&command, true, 0.1);
    again.borrow_mut().tripped = false;
    let restart_s =
        seconds(|dt_s| again.borrow_mut().actuate(&command, true, dt_s), || again.borrow().running);
    // the step in which it tripped counts too
    let within = Tolerance::Range(899.8, 1800.0);
    ledger.note("from one start to the next after a trip", "s", (ANTI_RECYCLE_S, restart_s), within);
    ledger.checks
}

fn drives() -> Vec<Check> {
    let mut ledger = Ledger::new("dynamics", DRIVES);
    let valve = std::cell::Cell::new(Valve { position: 0.0, ..Valve::sized(100.0, 50.0, 60.0) });
    let stroke_s = seconds(
        |dt_s| {
            let mut v = valve.get();
            v.step(1.0, dt_s);
            valve.set(v);
        },
        || valve.get().position > 0.9999,
    );
    ledger.note("full stroke of a CDU valve", "s", (60.0, stroke_s), Tolerance::Range(35.0, 120.0));
    let cdu = headroom_truth::facility::cdu::Cdu::sized(vec![0], 100.0, 1e5, 30.0, 20.0);
    let pump: std::cell::Cell<Pump> = std::cell::Cell::new(cdu.pumps[0]);
    let ramp_s = seconds(
        |dt_s| {
            let mut p = pump.get();
            p.drive(1.0, true, dt_s);
            pump.set(p);
        },
        || pump.get().speed > 0.9999,
    );
    ledger.note("CDU pump from standstill to full speed", "s", (15.0, ramp_s), Tolerance::Range(10.0, 30.0));
    ledger.source = PIPE;
    let pipe = std::cell::Cell::new(Pipe::<4>::new(&WATER, 120.0, 20.0));
    let half_s = seconds(
        |dt_s| {
            let mut p = pipe.get();
            p.flush(WATER.capacity_w_k(120.0), 30.0, dt_s);
            pipe.set(p);
        },
        || pipe.get().outlet_c() >= 25.0,
    );
    ledger.note("half rise behind 120 L at 120 L/min", "s", (60.0, half_s), Tolerance::Range(50.0, 70.0));
    ledger.checks
}
