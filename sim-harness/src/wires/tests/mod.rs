//! Tests over real sockets, all on loopback. Tools that may be missing print "skipped".

mod broker;
mod contract;
mod external;
mod loopback;
mod measure;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, Incoming, LastWill, MqttOptions, NetworkOptions, Publish, QoS};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Shared, Wires, WiresConfig};
use crate::desk::dsx::{DsxConfig, DsxDesk};
use crate::desk::modbus::Bank;
use crate::desk::testing;

/// Plant time at which tests start, ms.
const T0: i64 = 1_790_000_000_000;
/// Patience with anything that should come.
const SOON: Duration = Duration::from_secs(10);
/// Patience with what should not come.
const QUIET: Duration = Duration::from_millis(150);

/// An MQTT client whose packets arrive in a channel.
struct Peer {
    client: AsyncClient,
    packets: mpsc::UnboundedReceiver<Incoming>,
    task: JoinHandle<()>,
}

impl Peer {
    async fn connect(address: SocketAddr, id: &str, will: Option<LastWill>) -> Self {
        let mut options = MqttOptions::new(id, (address.ip().to_string(), address.port()));
        options.set_keep_alive(5).set_max_packet_size(1 << 20, 1 << 20).set_inflight(100);
        if let Some(will) = will {
            options.set_last_will(will);
        }
        let (client, mut events) = AsyncClient::builder(options).capacity(1000).build();
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let (sender, packets) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => drop(sender.send(packet)),
                    Ok(Event::Outgoing(_)) => {}
                    Err(_) => return,
                }
            }
        });
        let mut peer = Self { client, packets, task };
        peer.wait_for(|p| matches!(p, Incoming::ConnAck(_))).await;
        peer
    }

    async fn wait_for(&mut self, wanted: impl Fn(&Incoming) -> bool) {
        let found = async {
            while let Some(packet) = self.packets.recv().await {
                if wanted(&packet) {
                    return;
                }
            }
            panic!("connection ended");
        };
        timeout(SOON, found).await.expect("in time");
    }

    async fn subscribe(&mut self, filter: &str, qos: QoS) {
        self.client.subscribe(filter, qos).await.unwrap();
        self.wait_for(|p| matches!(p, Incoming::SubAck(_))).await;
    }

    /// The next message, or `None` if nothing comes.
    async fn next_within(&mut self, patience: Duration) -> Option<Publish> {
        let next = async {
            while let Some(packet) = self.packets.recv().await {
                if let Incoming::Publish(publish) = packet {
                    return Some(publish);
                }
            }
            None
        };
        timeout(patience, next).await.ok().flatten()
    }

    async fn next(&mut self) -> Publish {
        self.next_within(SOON).await.expect("a message in time")
    }

    /// Every message until it is quiet.
    async fn all(&mut self) -> Vec<Publish> {
        let mut all = Vec::new();
        while let Some(publish) = self.next_within(QUIET).await {
            all.push(publish);
        }
        all
    }

    /// Dies without a word.
    fn die(self) {
        self.task.abort();
    }
}

fn topic(publish: &Publish) -> String {
    String::from_utf8(publish.topic.to_vec()).unwrap()
}

fn shared() -> Shared {
    let image = testing::image();
    let banks = vec![Bank::new(testing::device(), &image).unwrap()];
    Shared { image, banks, jobs: Vec::new(), now_ms: 0 }
}

fn wires(config: &WiresConfig) -> Wires {
    let shared = shared();
    let dsx = DsxDesk::new(&shared.image, "MEPAI", DsxConfig::default()).unwrap();
    Wires::start(shared, dsx, config).unwrap()
}

/// The folder of shared reference data, if there is one.
fn reference(path: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("HEADROOM_SHARED").map_or_else(beside, PathBuf::from);
    Some(root.join(path)).filter(|p| p.exists())
}

/// True if python3 can import the modules.
fn python_has(modules: &str) -> bool {
    let import = format!("import {modules}");
    Command::new("python3").args(["-c", &import]).output().is_ok_and(|o| o.status.success())
}

/// Runs a python script to its end and hands back what it printed. Not on the test's own runtime.
async fn python(script: &'static str, arguments: Vec<String>) -> Result<String, String> {
    let run = move || Command::new("python3").args(["-c", script]).args(arguments).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}
