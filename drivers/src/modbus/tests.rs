//! Over real sockets: a device that behaves, one that does not, and one that is commanded.

use super::line::lines;
use super::task::{self, Handle};
use crate::context::{Context, Order};
use crate::testing::modbus::{Fault, Shared, serve, serve_rtu};
use crate::testing::{context, site, until};
use headroom_site::command::SetpointCommand;
use headroom_site::{ActuatorId, Inbox, Outcome, Quality, Reading, Reason, Span, Stamp};

const REMOTE: &str = r#"
[[modbus.register]]
name = "enable"
space = "holding"
address = 39
type = "uint16"
[[modbus.register]]
name = "sp"
space = "holding"
address = 40
type = "int16"
scale = 0.1
[[modbus.register]]
name = "timer"
space = "holding"
address = 41
type = "uint16"
[[modbus.register]]
name = "hb"
space = "holding"
address = 42
type = "uint16"
[[modbus.register]]
name = "local"
space = "discrete"
address = 7
[modbus.remote]
enable = "enable"
timer = "timer"
hold = "90 s"
heartbeat = "hb"
heartbeat-period = "50 ms"
local = "local"
[[equipment]]
id = "CH-01"
kind = "chiller"
[[point]]
id = "t0"
of = "CH-01"
unit = "degC"
from = { modbus = "plant", register = "t0" }
[[point]]
id = "t1"
of = "CH-01"
unit = "degC"
from = { modbus = "plant", register = "t1" }
[[point]]
id = "t2"
of = "CH-01"
unit = "degC"
range = ["0 degC", "50 degC"]
from = { modbus = "plant", register = "t2" }
[[actuator]]
id = "chws"
of = "CH-01"
unit = "degC"
range = ["10 degC", "30 degC"]
ramp = "1 K/5min"
fallback = "15 degC"
refresh = "100 ms"
to = { modbus = "plant", register = "sp" }
"#;

fn text(port: u16) -> String {
    let t = |i: u16, address: u16| {
        format!(
            "[[modbus.register]]\nname = \"t{i}\"\nspace = \"input\"\naddress = {address}\ntype = \"int16\"\nscale = 0.1\ninvalid = [-32768]\n"
        )
    };
    format!(
        "[[modbus]]\nid = \"plant\"\nurl = \"tcp://127.0.0.1:{port}\"\nunit = 3\npoll = \"30 ms\"\ntimeout = \"150 ms\"\n{}{}{}{REMOTE}",
        t(0, 10),
        t(1, 12),
        t(2, 18)
    )
}

/// Starts a device of a site on a line of its own.
fn start(site: &headroom_site::Site, index: usize, context: Context, may_write: bool) -> Handle {
    task::start(site, index, lines(site)[index].clone(), context, may_write)
}

/// A device, its driver and what the driver shares.
struct Bench {
    device: Shared,
    handle: Handle,
    context: Context,
    inbox: Inbox,
}

async fn bench(may_write: bool) -> Bench {
    bench_with(serve().await, may_write, |text| text).await
}

/// A bench on this device, with its site file changed.
async fn bench_with(
    (port, device): (u16, Shared),
    may_write: bool,
    change: impl FnOnce(String) -> String,
) -> Bench {
    for (address, raw) in [(10, 215), (12, 220), (18, 225)] {
        device.lock().unwrap().words.insert((4, address), raw);
    }
    let site = site(&change(text(port)));
    let context = context(Span::from_ms(300));
    let handle = start(&site, 0, context.clone(), may_write);
    Bench { device, handle, context, inbox: Inbox::default() }
}

impl Bench {
    async fn until(&mut self, done: impl Fn(&Inbox) -> bool) {
        until(&self.context, &mut self.inbox, done).await;
    }

    async fn command(&mut self, value: Option<f64>, sequence: u64, ttl_ms: u64) -> Outcome {
        let (epoch, reason) = (1, String::new());
        let command = SetpointCommand {
            actuator: ActuatorId(0),
            value,
            epoch,
            sequence,
            stamp: Stamp::default(),
            ttl_ms,
            reason,
        };
        self.handle.orders.send(Order::Set(command, self.context.clock.mono_ns())).await.unwrap();
        self.until(|i| i.receipts.iter().any(|r| r.sequence == sequence)).await;
        self.inbox.receipts.iter().find(|r| r.sequence == sequence).unwrap().outcome.clone()
    }

    fn writes(&self) -> Vec<(u8, u16, Vec<u16>)> {
        self.device.lock().unwrap().writes.iter().filter(|w| w.1 != 42).cloned().collect()
    }

    fn beats(&self) -> usize {
        self.device.lock().unwrap().writes.iter().filter(|w| w.1 == 42).count()
    }
}

fn last(inbox: &Inbox, point: usize) -> Option<Reading> {
    inbox.readings.iter().rev().find(|r| r.point.index() == point).copied()
}

fn good(inbox: &Inbox, point: usize, value: f64) -> bool {
    last(inbox, point).is_some_and(|r| r.quality.is_good() && (r.value - value).abs() < 1e-9)
}

fn bad(inbox: &Inbox, point: usize, reason: Reason) -> bool {
    last(inbox, point).is_some_and(|r| r.quality == Quality::Bad(reason))
}

#[tokio::test]
async fn values_come_in_one_block_stamped_between_question_and_answer() {
    let mut b = bench(false).await;
    let before = b.context.clock.now();
    b.until(|i| good(i, 0, 21.5) && good(i, 1, 22.0) && good(i, 2, 22.5)).await;
    let r = last(&b.inbox, 0).unwrap();
    assert!(r.stamp > before && r.stamp <= b.context.clock.now() && r.stamp_uncertainty > Span::ZERO);
    assert_eq!(b.device.lock().unwrap().reads[0], (4, 10, 9));
    b.device.lock().unwrap().words.insert((4, 12), 0x8000);
    b.device.lock().unwrap().words.insert((4, 18), 600);
    b.until(|i| bad(i, 1, Reason::Sentinel) && bad(i, 2, Reason::OutOfRange)).await;
    assert_eq!(b.handle.status.lock().unwrap().connects, 1);
}

#[tokio::test]
async fn every_kind_of_bad_answer_is_no_communication_and_then_a_new_connection() {
    let faults = [
        Fault::Late(std::time::Duration::from_millis(200)),
        Fault::Half,
        Fault::Unit,
        Fault::Transaction,
        Fault::Short,
        Fault::Length,
        Fault::Function,
        Fault::Noise,
        Fault::Close,
        Fault::Twice,
        Fault::Garbled,
    ];
    let tcp_only = [Fault::Transaction, Fault::Length];
    let on =
        |rtu: bool| faults.into_iter().filter(move |f| !rtu || !tcp_only.contains(f)).map(move |f| (f, rtu));
    for (fault, rtu) in on(false).chain(on(true)) {
        let device = if rtu { serve_rtu().await } else { serve().await };
        let scheme = if rtu { "rtu+tcp" } else { "tcp" };
        let mut b = bench_with(device, false, |t| t.replace("tcp://", &format!("{scheme}://"))).await;
        b.until(|i| good(i, 0, 21.5)).await;
        b.device.lock().unwrap().fault = fault;
        b.until(|i| bad(i, 0, Reason::NoCommunication)).await;
        let trouble = b.handle.status.lock().unwrap().trouble.clone();
        // What the device would have said late must never be taken for a later answer.
        b.device.lock().unwrap().words.insert((4, 10), 333);
        b.device.lock().unwrap().fault = Fault::None;
        b.inbox.clear();
        b.until(|i| i.readings.iter().any(|r| r.point.index() == 0 && r.quality.is_good())).await;
        let wrong =
            b.inbox.readings.iter().find(|r| r.quality.is_good() && r.point.index() == 0 && r.value < 30.0);
        assert_eq!(wrong, None, "{fault:?}");
        assert!(b.device.lock().unwrap().connections >= 2, "{fault:?} {trouble:?}");
    }
}

#[tokio::test]
async fn a_second_copy_is_never_the_next_answer() {
    for rtu in [false, true] {
        let device = if rtu { serve_rtu().await } else { serve().await };
        let scheme = if rtu { "rtu+tcp" } else { "tcp" };
        let mut b = bench_with(device, false, |t| t.replace("tcp://", &format!("{scheme}://"))).await;
        b.until(|i| good(i, 0, 21.5)).await;
        b.device.lock().unwrap().words.insert((4, 10), 300);
        b.device.lock().unwrap().fault = Fault::Twice;
        let goods = |i: &Inbox| -> Vec<f64> {
            let of_it = i.readings.iter().filter(|r| r.point.index() == 0 && r.quality.is_good());
            of_it.map(|r| r.value).filter(|v| *v > 30.0).collect()
        };
        b.until(|i| goods(i).len() > 3).await;
        let seen = goods(&b.inbox);
        assert!(seen.windows(2).all(|w| w[1] > w[0]), "an answer was taken twice: {seen:?}");
    }
}

#[tokio::test]
async fn a_device_that_hangs_up_after_each_answer_is_no_trouble() {
    let mut b = bench(false).await;
    b.device.lock().unwrap().fault = Fault::HangUp;
    b.until(|i| good(i, 0, 21.5)).await;
    b.inbox.clear();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    b.context.mailbox.drain(&mut b.inbox);
    let goods = b.inbox.readings.iter().filter(|r| r.quality.is_good()).count();
    assert!(goods > 6 && goods == b.inbox.readings.len(), "{goods} of {}", b.inbox.readings.len());
    assert!(b.device.lock().unwrap().connections > 3);
}

#[tokio::test]
async fn every_exception_has_its_quality_and_leaves_the_connection() {
    for code in [1, 2, 3, 4, 5, 6, 8, 10, 11, 77] {
        let mut b = bench(false).await;
        b.device.lock().unwrap().fault = Fault::Exception(code);
        let reason = match code {
            1..=3 => Reason::NotSupported,
            5 | 6 | 10 | 11 => Reason::NoCommunication,
            _ => Reason::DeviceFailure,
        };
        b.until(|i| (0..3).all(|p| bad(i, p, reason))).await;
        assert_eq!(b.device.lock().unwrap().connections, 1, "{code}");
    }
}

#[tokio::test]
async fn one_refused_register_does_not_take_its_block_with_it() {
    let mut b = bench(false).await;
    b.device.lock().unwrap().fault = Fault::Hole(12);
    b.until(|i| good(i, 0, 21.5) && bad(i, 1, Reason::NotSupported) && good(i, 2, 22.5)).await;
    let status = b.handle.status.lock().unwrap().clone();
    assert_eq!(status.out_of_service, ["t1: exception 2"]);
    // A hole between registers costs a request, nothing more.
    let mut b = bench(false).await;
    b.device.lock().unwrap().fault = Fault::Hole(15);
    b.until(|i| (0..3).all(|p| good(i, p, 21.5 + 0.5 * p as f64))).await;
    assert!(b.handle.status.lock().unwrap().out_of_service.is_empty());
}

#[tokio::test]
async fn a_command_goes_enable_timer_setpoint_and_is_read_back() {
    let mut b = bench(true).await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    assert_eq!(b.writes(), [(16, 39, vec![1]), (16, 41, vec![90]), (16, 40, vec![180])]);
    // Refreshed without enable (it stands), but only while the controller beats.
    let refreshes = |b: &Bench| b.writes().iter().filter(|w| w.1 == 40).count();
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    assert_eq!((refreshes(&b), b.beats()), (1, 0), "no beat yet, so no heartbeat and no refresh");
    for _ in 0..6 {
        b.context.beat.now(&b.context.clock);
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    }
    assert!(refreshes(&b) >= 3 && b.beats() >= 4, "{} {}", refreshes(&b), b.beats());
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let (then, beats) = (refreshes(&b), b.beats());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!((refreshes(&b), b.beats()), (then, beats), "a silent controller goes silent on the wire");
    // Relinquished: enable off.
    assert_eq!(b.command(None, 2, 0).await, Outcome::Applied);
    assert_eq!(b.writes().last(), Some(&(16, 39, vec![0])));
}

#[tokio::test]
async fn local_wins_read_back_tells_and_a_lease_ends() {
    let mut b = bench(true).await;
    b.device.lock().unwrap().words.insert((2, 7), 1);
    let refused = b.command(Some(18.0), 1, 60_000).await;
    assert_eq!(refused, Outcome::Refused("operator has the device in local".into()));
    assert!(b.writes().is_empty() && b.handle.status.lock().unwrap().writes == 0);
    b.device.lock().unwrap().words.insert((2, 7), 0);
    b.device.lock().unwrap().stubborn.push(40);
    assert!(
        matches!(b.command(Some(18.0), 2, 60_000).await, Outcome::Refused(why) if why.contains("read back"))
    );
    assert!(matches!(b.command(Some(1e6), 3, 60_000).await, Outcome::Refused(why) if why.contains("fit")));
    b.device.lock().unwrap().stubborn.clear();
    assert_eq!(b.command(Some(19.0), 4, 80).await, Outcome::Applied);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(b.writes().last(), Some(&(16, 39, vec![0])), "the lease ended");
    // Out of reach: failed, and soon.
    b.device.lock().unwrap().fault = Fault::Half;
    assert!(matches!(b.command(Some(18.0), 5, 60_000).await, Outcome::Failed(_)));
}

#[tokio::test]
async fn devices_without_fc16_are_written_with_fc6() {
    let mut b = bench(true).await;
    b.device.lock().unwrap().fault = Fault::NoMultiple;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    assert_eq!(b.writes(), [(6, 39, vec![1]), (6, 41, vec![90]), (6, 40, vec![180])]);
}

#[tokio::test]
async fn release_and_close_let_go_and_advice_never_writes() {
    let mut b = bench(true).await;
    assert_eq!(b.command(Some(18.0), 1, 60_000).await, Outcome::Applied);
    b.handle.orders.send(Order::Close).await.unwrap();
    b.handle.task.await.unwrap();
    assert_eq!(b.device.lock().unwrap().writes.last(), Some(&(16, 39, vec![0])));

    let mut b = bench(false).await;
    b.context.beat.now(&b.context.clock);
    assert!(matches!(b.command(Some(18.0), 1, 60_000).await, Outcome::Refused(_)));
    b.handle.orders.send(Order::Release).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(b.device.lock().unwrap().writes.is_empty());
}

mod conformance;
mod gateway;
mod registers;
mod servers;
mod writing;
