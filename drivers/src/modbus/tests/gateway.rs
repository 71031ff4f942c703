//! Units behind one gateway: one connection, turns, and a dead one that does not take the others with it.

use super::super::line::lines;
use super::super::task::{self, Handle};
use super::{bad, good};
use crate::testing::modbus::{Fault, Shared, serve, serve_rtu};
use crate::testing::{context, site, until};
use headroom_site::{Inbox, Reason, Span};
use std::time::Duration;

struct Gateway {
    device: Shared,
    context: crate::context::Context,
    inbox: Inbox,
    units: Vec<Handle>,
}

async fn gateway(rtu: bool) -> Gateway {
    let (port, device) = if rtu { serve_rtu().await } else { serve().await };
    device.lock().unwrap().words.insert((4, 10), 215);
    let scheme = if rtu { "rtu+tcp" } else { "tcp" };
    let unit = |unit: u8| {
        format!(
            "[[modbus]]\nid = \"u{unit}\"\nurl = \"{scheme}://127.0.0.1:{port}\"\nunit = {unit}\npoll = \"20 ms\"\ntimeout = \"100 ms\"\n[[modbus.register]]\nname = \"t\"\nspace = \"input\"\naddress = 10\ntype = \"int16\"\n"
        )
    };
    let point = |unit: u8| {
        format!(
            "[[point]]\nid = \"p{unit}\"\nof = \"site\"\nunit = \"count\"\nfrom = {{ modbus = \"u{unit}\", register = \"t\" }}\n"
        )
    };
    let numbers = [3, 4, 5];
    let site = site(&(numbers.map(unit).concat() + &numbers.map(point).concat()));
    let context = context(Span::from_ms(100));
    let lines = lines(&site).into_iter().enumerate();
    let units = lines.map(|(i, line)| task::start(&site, i, line, context.clone(), false)).collect();
    Gateway { device, context, inbox: Inbox::default(), units }
}

#[tokio::test]
async fn units_take_turns_on_one_connection() {
    for rtu in [false, true] {
        let mut g = gateway(rtu).await;
        until(&g.context, &mut g.inbox, |i| (0..3).all(|p| good(i, p, 215.0))).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(g.device.lock().unwrap().connections, 1);
        let status: Vec<_> = g.units.iter().map(|u| u.status.lock().unwrap().clone()).collect();
        assert!(status.iter().all(|s| s.up && s.connects == 1 && s.rounds > 3), "{status:?}");
    }
}

#[tokio::test]
async fn a_dead_unit_does_not_take_the_others_with_it() {
    for rtu in [false, true] {
        let mut g = gateway(rtu).await;
        g.device.lock().unwrap().fault = Fault::Deaf(4);
        until(&g.context, &mut g.inbox, |i| bad(i, 1, Reason::NoCommunication) && good(i, 0, 215.0)).await;
        g.inbox.clear();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        g.context.mailbox.drain(&mut g.inbox);
        let of = |point: usize| g.inbox.readings.iter().filter(move |r| r.point.index() == point);
        for point in [0, 2] {
            let good = of(point).filter(|r| r.quality.is_good()).count();
            assert!(good > 10 && good == of(point).count(), "{rtu} {point}: {good} of {}", of(point).count());
        }
        assert!(of(1).all(|r| !r.quality.is_good()) && of(1).count() > 0);
        let asked = g.units[1].status.lock().unwrap().requests;
        assert!(asked < 10, "a dead unit is asked {asked} times in 1.5 s");
    }
}
