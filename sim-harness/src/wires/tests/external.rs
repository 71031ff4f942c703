//! The BMS on a broker of somebody else's, which comes and goes.

use super::*;
use crate::desk::testing::{REQUEST, SENSOR};
use crate::wires::BrokerChoice;
use rumqttc::PublishOptions;
use std::net::TcpListener;
use std::process::{Child, Stdio};

/// A mosquitto that ends with the test.
pub(super) struct Mosquitto {
    child: Child,
    folder: PathBuf,
}

impl Mosquitto {
    /// `None` if the machine has none.
    pub(super) fn start(address: SocketAddr) -> Option<Self> {
        let names = ["mosquitto", "/usr/sbin/mosquitto"];
        let found = names.into_iter().find(|n| Command::new(n).arg("-h").output().is_ok())?;
        let folder = std::env::temp_dir().join(format!("headroom-mosquitto-{}", address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("mosquitto.conf");
        let text =
            format!("listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n", address.port());
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(found);
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        Some(Self { child: command.spawn().unwrap(), folder })
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(super) async fn listens(address: SocketAddr) {
    let up = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, up).await.unwrap();
}

/// Ticks until the check holds; plant time follows from `now_ms` in seconds.
async fn tick_until(wires: &mut Wires, now_ms: &mut i64, mut holds: impl FnMut(&Wires) -> bool) {
    for _ in 0..400 {
        *now_ms += 1000;
        wires.plate().with(|shared| shared.image.values[SENSOR] += 0.1);
        wires.tick(*now_ms);
        if holds(wires) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never held");
}

fn stamp(publish: &Publish) -> i64 {
    let value: serde_json::Value = serde_json::from_slice(&publish.payload).unwrap();
    value["timestamp"].as_i64().unwrap()
}

async fn watch(address: SocketAddr) -> Peer {
    let mut peer = Peer::connect(address, "watcher", None).await;
    peer.subscribe("BMS/v1/PUB/#", QoS::AtMostOnce).await;
    peer
}

/// Everything until a whole round of metadata has been seen; values are handed back.
async fn a_round(peer: &mut Peer, wires: &mut Wires, now_ms: &mut i64) -> Vec<Publish> {
    let (mut values, mut metadata) = (Vec::new(), std::collections::BTreeSet::new());
    for _ in 0..400 {
        for publish in peer.all().await {
            if topic(&publish).contains("/Metadata/") {
                metadata.insert(topic(&publish));
            } else {
                values.push(publish);
            }
        }
        if metadata.len() == testing::image().points.len() + 4 && !values.is_empty() {
            return values;
        }
        *now_ms += 100;
        wires.plate().with(|shared| shared.image.values[SENSOR] += 0.1);
        wires.tick(*now_ms);
    }
    panic!("{} metadata, {} values", metadata.len(), values.len());
}

#[tokio::test]
async fn a_broker_that_dies_gets_the_state_of_now() {
    // A free port, given back a moment before mosquitto takes it.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Some(mut mosquitto) = Mosquitto::start(address) else {
        println!("skipped: no mosquitto");
        return;
    };
    listens(address).await;
    let url = format!("mqtt://{address}");
    let config = WiresConfig { broker: BrokerChoice::External { url }, ..WiresConfig::default() };
    let mut wires = wires(&config);
    let mut now_ms = T0;
    let mut peer = watch(address).await;
    a_round(&mut peer, &mut wires, &mut now_ms).await;

    mosquitto.kill();
    peer.die();
    let lost = wires.lost();
    tick_until(&mut wires, &mut now_ms, |w| w.lost() > lost).await;
    for _ in 0..50 {
        now_ms += 1000;
        wires.plate().with(|shared| shared.image.values[SENSOR] += 0.1);
        wires.tick(now_ms);
    }

    let back_ms = now_ms;
    drop(mosquitto);
    let _mosquitto = Mosquitto::start(address).unwrap();
    listens(address).await;
    let mut peer = watch(address).await;
    let values = a_round(&mut peer, &mut wires, &mut now_ms).await;
    assert!(values.iter().all(|p| stamp(p) > back_ms), "an old value was replayed");

    // Subscribed anew: a request is heard.
    let at = now_ms;
    let say = |topic: &'static str, value: f64| {
        let payload = format!("{{\"value\":{value},\"timestamp\":{at},\"quality\":1}}");
        peer.client.try_publish(topic, payload, PublishOptions::at_least_once()).unwrap();
    };
    say("BMS/v1/MEPAI/Value/System/HeartbeatTimestampIntegration/MEPAI/heartbeat", at as f64);
    say("BMS/v1/MEPAI/Value/CDU/LiquidTemperatureSpRequest/site/CDU-01/temperature/request", 29.0);
    tick_until(&mut wires, &mut now_ms, |w| w.plate().with(|s| s.image.requests[REQUEST] == Some(29.0)))
        .await;
    wires.stop();
}
