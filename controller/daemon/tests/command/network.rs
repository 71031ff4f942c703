//! An agent beside a sysfs of a test's own: what its ports do is a point of the controller's field.

use crate::common::{Party, Place};
use headroom_drivers::{Clock, FieldOptions, LiveField};
use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, PageConfig, PageWriter};
use headroom_sim::wires::broker::{Broker, BrokerConfig};
use headroom_site::file::read_site;
use headroom_site::{Field as _, Inbox, Quality};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn site_text(port: u16) -> String {
    format!(
        r#"
format = 1
[site]
name = "small"
[[place]]
id = "hall-1"
kind = "hall"
[[place]]
id = "rack-01"
kind = "rack"
in = "hall-1"
[[node]]
id = "n1"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-a"]
[[mqtt]]
id = "agents"
url = "mqtt://127.0.0.1:{port}"
dialect = "json"
agents = true
[[point]]
id = "n1/eth0/rx"
of = "n1"
type = "NicReceive"
unit = "B/s"
from = {{ mqtt = "agents", topic = "headroom/v1/small/node/n1/network", pointer = "/ports/eth0/rx_bytes_per_s", time = "/t", time-format = "ns" }}
[[point]]
id = "n1/eth0/temperature"
of = "n1"
type = "NicTemperature"
unit = "degC"
from = {{ mqtt = "agents", topic = "headroom/v1/small/node/n1/network", pointer = "/ports/eth0/temperature_degc", time = "/t", time-format = "ns" }}
"#
    )
}

/// An interface that has received so much.
fn nic(root: &Path, rx_bytes: u64) {
    let at = root.join("class/net/eth0");
    std::fs::create_dir_all(at.join("statistics")).unwrap();
    std::fs::create_dir_all(at.join("device/hwmon/hwmon2")).unwrap();
    std::fs::write(at.join("device/hwmon/hwmon2/temp1_input"), "63000\n").unwrap();
    // As the kernel: a reader sees the old number or the new one.
    std::fs::write(at.join("new"), format!("{rx_bytes}\n")).unwrap();
    std::fs::rename(at.join("new"), at.join("statistics/rx_bytes")).unwrap();
}

#[tokio::test]
async fn what_a_port_does_is_a_point_and_a_counter_may_wrap() {
    let place = Place::new("network");
    let (listener, address) = Broker::bind(&BrokerConfig::default()).unwrap();
    let broker = tokio::spawn(Broker::new(&BrokerConfig::default()).serve(listener));
    let gpus = vec![GpuConfig::h100_sxm("GPU-a", "here")];
    let config = PageConfig { driver_version: "580.82.07".into(), gpus };
    let world = PageWriter::create(&place.join("gpus.page"), &config).unwrap();
    world.publish(0, &GpuOutputs { stamp_us: 1_790_000_000_000_000, ..GpuOutputs::default() });
    let text = site_text(address.port());
    std::fs::write(place.join("site.toml"), &text).unwrap();
    let sysfs = place.join("sys");
    let begun = Instant::now();
    // 100 MB/s, over the end of 64 bits after three seconds.
    let received = || (u64::MAX - 300_000_000).wrapping_add((begun.elapsed().as_secs_f64() * 1e8) as u64);
    nic(&sysfs, received());

    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.arg("agent").arg("--site").arg(place.join("site.toml")).arg("--state").arg(place.join("state"));
    command.arg("--nvml").arg(headroom_nvml_abi::library_path().unwrap()).arg("--sysfs").arg(&sysfs);
    command.env(headroom_nvml_abi::PAGE_ENV, place.join("gpus.page"));
    let mut agent = Party::spawn(&mut command, place.join("agent.log"));

    let site = read_site("site.toml", &text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap();
    let mut field = LiveField::start(&site, Clock::host(), FieldOptions::default()).unwrap();
    let (mut inbox, mut rates) = (Inbox::default(), Vec::new());
    let mut temperature = None;
    while rates.len() < 6 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{rates:?}\n{}", agent.text());
        nic(&sysfs, received());
        tokio::time::sleep(Duration::from_millis(2)).await;
        field.drain(&mut inbox);
        for reading in inbox.readings.drain(..).filter(|r| r.quality == Quality::Good) {
            match reading.point.index() {
                0 => rates.push(reading.value),
                _ => temperature = Some(reading.value),
            }
        }
        assert_eq!(
            field.status().mqtt.iter().filter_map(|m| m.agents.as_ref()).map(|a| a.malformed).sum::<u64>(),
            0
        );
    }
    assert_eq!(temperature, Some(63.0));
    // Base unit bit/s. The counter moves in steps of some milliseconds: 2 % of a second at the utmost.
    for rate in rates {
        assert!((rate / 8e8 - 1.0).abs() < 0.05, "{rate} bit/s");
    }
    assert!(agent.terminate().success(), "{}", agent.text());
    field.close().await;
    broker.abort();
}
