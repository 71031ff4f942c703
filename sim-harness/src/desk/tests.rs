use super::testing::{CHILLER_REQUEST, REQUEST};
use super::*;
use dsx::DsxConfig;

fn value(value: f64, now_ms: i64) -> Vec<u8> {
    format!("{{\"value\":{value},\"timestamp\":{now_ms},\"quality\":1}}").into_bytes()
}

#[test]
fn device_and_bus_share_a_point_and_the_device_wins() {
    let mut image = testing::image();
    let mut dsx = DsxDesk::new(&image, "MEPAI", DsxConfig::default()).unwrap();
    let mut banks = [Bank::new(testing::device(), &image).unwrap()];
    let beat = "BMS/v1/MEPAI/Value/System/HeartbeatTimestampIntegration/MEPAI/heartbeat";
    let ask = "BMS/v1/MEPAI/Value/Chiller/GenericPoint/site/CH-01/leaving/request";
    let now = 1_790_000_000_000;
    dsx.receive(now, beat, &value(now as f64, now)).unwrap();
    dsx.receive(now, ask, &value(18.0, now)).unwrap();
    resolve(now, 1.0, &mut dsx, &mut banks, &mut image);
    assert_eq!(image.requests[CHILLER_REQUEST], Some(18.0), "the bus asks, the device does not");

    banks[0].write(100, &[1, 1]).unwrap();
    banks[0].write(103, &[60]).unwrap();
    banks[0].write(106, &[0x41A0, 0]).unwrap();
    resolve(now, 1.0, &mut dsx, &mut banks, &mut image);
    assert_eq!(image.requests[CHILLER_REQUEST], Some(20.0));
    assert_eq!(image.requests[REQUEST], None);

    banks[0].write(100, &[0]).unwrap();
    resolve(now, 1.0, &mut dsx, &mut banks, &mut image);
    assert_eq!(image.requests[CHILLER_REQUEST], Some(18.0), "no gap when the device lets go");

    banks[0].write(100, &[1]).unwrap();
    banks[0].write(106, &[0x41A0, 0]).unwrap();
    dsx.set_local(CHILLER_REQUEST, true);
    resolve(now, 1.0, &mut dsx, &mut banks, &mut image);
    assert_eq!(image.requests[CHILLER_REQUEST], None, "the operator wins over both");
}
