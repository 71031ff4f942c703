//! What a register can say of itself: power of ten, unit, range, copies, and addresses that are never asked for.

use super::start;
use super::{bad, good, last};
use crate::testing::modbus::{Fault, Shared, serve};
use crate::testing::{context, site, until};
use headroom_site::{Inbox, Reason, Site, Span};

const REGISTERS: &str = r#"
[[modbus.register]]
name = "watt"
space = "holding"
address = 10
type = "int16"
scale-register = "watt-sf"
invalid = [-32768]
[[modbus.register]]
name = "watt-sf"
space = "holding"
address = 60
type = "int16"
[[modbus.register]]
name = "warm"
space = "holding"
address = 12
type = "int16"
scale = 0.1
unit = "degF"
range = [-40, 250]
[[modbus.register]]
name = "outlet"
space = "holding"
address = 20
type = "uint16"
repeat = { count = 3, stride = 4 }
[[equipment]]
id = "PDU"
kind = "pdu"
"#;

fn reading(port: u16, device_keys: &str) -> Site {
    let mut text = format!(
        "[[modbus]]\nid = \"d\"\nurl = \"tcp://127.0.0.1:{port}\"\npoll = \"20 ms\"\ntimeout = \"200 ms\"\nmax-gap = 100\n{device_keys}\n{REGISTERS}"
    );
    for (register, unit) in
        [("watt", "kW"), ("warm", "degC"), ("outlet-1", "W"), ("outlet-2", "W"), ("outlet-3", "W")]
    {
        text.push_str(&format!(
            "[[point]]\nid = \"{register}\"\nof = \"PDU\"\nunit = \"{unit}\"\nfrom = {{ modbus = \"d\", register = \"{register}\" }}\n"
        ));
    }
    site(&text)
}

fn put(device: &Shared, address: u16, word: i16) {
    device.lock().unwrap().words.insert((3, address), word.cast_unsigned());
}

#[tokio::test]
async fn a_power_of_ten_comes_from_the_same_round_or_the_value_is_bad() {
    let (port, device) = serve().await;
    put(&device, 10, 1234);
    put(&device, 60, -2);
    let context = context(Span::from_ms(100));
    // A forbidden address between them: value and exponent come in two requests.
    let _handle = start(&reading(port, "forbid = [\"50\"]"), 0, context.clone(), false);
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| good(i, 0, 12_340.0)).await;
    put(&device, 60, 1);
    until(&context, &mut inbox, |i| good(i, 0, 12_340_000.0)).await;
    put(&device, 60, i16::MIN);
    until(&context, &mut inbox, |i| bad(i, 0, Reason::Sentinel)).await;
    put(&device, 60, 77);
    until(&context, &mut inbox, |i| bad(i, 0, Reason::OutOfRange)).await;
    put(&device, 60, 0);
    put(&device, 10, i16::MIN);
    until(&context, &mut inbox, |i| bad(i, 0, Reason::Sentinel)).await;
    put(&device, 10, 5);
    until(&context, &mut inbox, |i| good(i, 0, 5000.0)).await;
    assert!(device.lock().unwrap().reads.iter().all(|&(_, at, n)| !(at..at + n).contains(&50)));
}

#[tokio::test]
async fn a_device_that_answers_nothing_but_ones_has_no_values() {
    let (port, device) = serve().await;
    let all = [10, 60, 12, 20, 24, 28];
    all.iter().for_each(|at| put(&device, *at, -1));
    let context = context(Span::from_ms(100));
    let _handle = start(&reading(port, ""), 0, context.clone(), false);
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| (0..5).all(|p| bad(i, p, Reason::Sentinel))).await;
    // -0.1 degF of one sensor is a value as long as anything else of the device is.
    put(&device, 20, 230);
    until(&context, &mut inbox, |i| good(i, 2, 230.0)).await;
    until(&context, &mut inbox, |i| last(i, 1).is_some_and(|r| r.quality.is_good() && r.value < -17.0)).await;
}

#[tokio::test]
async fn a_device_without_the_scale_register_gives_no_value() {
    let (port, device) = serve().await;
    device.lock().unwrap().fault = Fault::Hole(60);
    let context = context(Span::from_ms(100));
    let _handle = start(&reading(port, ""), 0, context.clone(), false);
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| bad(i, 0, Reason::NotSupported) && good(i, 2, 0.0)).await;
    inbox.clear();
    until(&context, &mut inbox, |i| last(i, 0).is_some()).await;
    assert!(bad(&inbox, 0, Reason::NotSupported), "{inbox:#?}");
}

#[tokio::test]
async fn units_ranges_and_copies() {
    let (port, device) = serve().await;
    put(&device, 12, 770);
    for (i, word) in [100, 200, 300].into_iter().enumerate() {
        put(&device, 20 + 4 * i as u16, word);
    }
    let context = context(Span::from_ms(100));
    let _handle = start(&reading(port, ""), 0, context.clone(), false);
    let mut inbox = Inbox::default();
    // 77.0 degF, although the point is in degC.
    until(&context, &mut inbox, |i| good(i, 1, 25.0)).await;
    until(&context, &mut inbox, |i| (0..3).all(|p| good(i, 2 + p, 100.0 * (p + 1) as f64))).await;
    put(&device, 12, 2600);
    until(&context, &mut inbox, |i| bad(i, 1, Reason::OutOfRange)).await;
}

#[tokio::test]
async fn a_sunspec_meter_is_read_by_the_map_that_is_shipped() {
    let (port, device) = serve().await;
    // "SunS", model 203, 1234.5 W as 12345 with -1, 50.02 Hz, and no current at all.
    for (address, word) in [
        (40_000, 0x5375),
        (40_001, 0x6E53),
        (40_070, 203),
        (40_088, 12_345),
        (40_086, 5002),
        (40_087, -2),
        (40_092, -1),
    ] {
        put(&device, address, word);
    }
    put(&device, 40_072, i16::MIN);
    let mut text = format!(
        "[[modbus]]\nid = \"m\"\nurl = \"127.0.0.1:{port}\"\npoll = \"20 ms\"\nmap = \"maps/sunspec-meter.toml\"\n"
    );
    for (register, unit) in
        [("marker", "count"), ("model", "count"), ("power", "kW"), ("frequency", "Hz"), ("current", "A")]
    {
        text.push_str(&format!(
            "[[point]]\nid = \"{register}\"\nof = \"site\"\nunit = \"{unit}\"\nfrom = {{ modbus = \"m\", register = \"{register}\" }}\n"
        ));
    }
    let context = context(Span::from_ms(100));
    let _handle = start(&site(&text), 0, context.clone(), false);
    let mut inbox = Inbox::default();
    until(&context, &mut inbox, |i| good(i, 0, 1_400_204_883.0) && good(i, 1, 203.0)).await;
    until(&context, &mut inbox, |i| good(i, 2, 1234.5) && bad(i, 4, Reason::Sentinel)).await;
    // The base unit of a frequency is the MHz.
    assert!(last(&inbox, 3).is_some_and(|r| (r.value - 50.02e-6).abs() < 1e-12));
}
