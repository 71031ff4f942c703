//! The whole agent over a real broker, and the ways it refuses to start.

use super::super::{Options, run};
use super::*;
use headroom_drivers::mqtt::agents::{Leaf, filter, topic};
use headroom_drivers::mqtt::client::{Delivery, Event, MqttClient};
use headroom_drivers::node_report::{decode_report, decode_status, encode_command};
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    /// `None`, with a word on why, where mosquitto is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("mosquitto.conf");
        std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
        let started = ["mosquitto", "/usr/sbin/mosquitto"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let Some(child) = started else {
            println!("skipped: mosquitto is not installed");
            return None;
        };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, port })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A controller of a few lines.
struct Controller {
    client: MqttClient,
    events: Receiver<Event>,
    sequence: u64,
}

impl Controller {
    fn start(port: u16) -> Self {
        let filters = vec![filter("small", Leaf::Telemetry), filter("small", Leaf::Status)];
        let (client, events) =
            MqttClient::start(&format!("mqtt://127.0.0.1:{port}"), "test", None, filters).unwrap();
        Self { client, events, sequence: 0 }
    }

    /// The next message whose topic ends so.
    async fn next(&mut self, topic: &str) -> Vec<u8> {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
            if let Event::Message(message) = event.expect("in time").expect("connected")
                && message.topic().ends_with(topic)
            {
                return message.payload.to_vec();
            }
        }
    }

    async fn report(&mut self, node: &str) -> NodeReport {
        decode_report(&self.next(&format!("{node}/telemetry")).await).unwrap()
    }

    fn cap(&mut self, report: &NodeReport, uuid: &str, cap_w: f32) {
        self.sequence += 1;
        let command = CapCommand {
            node: report.node.to_string(),
            who: "test".into(),
            epoch: 1,
            sequence: self.sequence,
            ttl_ms: 1000,
            echo_boot: report.boot,
            echo_mono_ns: report.mono_ns,
            gpus: vec![CapTarget { uuid: uuid.into(), cap_w: Some(cap_w), lock_mhz: None }],
            reason: "a test".into(),
        };
        let topic = topic("small", &report.node, Leaf::Command);
        self.client.try_publish(&topic, encode_command(&command).unwrap(), Delivery::Command).unwrap();
    }

    /// Waits until the last command's receipt comes; says what it says.
    async fn receipt(&mut self, node: &str) -> Option<String> {
        loop {
            let receipt = self.report(node).await.receipt;
            if let Some(receipt) = receipt.filter(|r| r.sequence == self.sequence) {
                return receipt.refused;
            }
        }
    }
}

fn options(folder: &Path, port: u16) -> Options {
    let site = folder.join("site.toml");
    std::fs::write(&site, site_text(port)).unwrap();
    Options {
        site,
        nvml: headroom_nvml_abi::library_path(),
        clock: None,
        state: Some(folder.join("state")),
        advisory: false,
    }
}

fn on_a_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(future);
    runtime.shutdown_background();
    done
}

fn same(a: ExitCode, b: u8) -> bool {
    format!("{a:?}") == format!("{:?}", ExitCode::from(b))
}

fn terminate_myself() {
    Command::new("kill").arg(std::process::id().to_string()).status().unwrap();
}

#[test]
fn a_lease_over_a_broker() {
    isolated("bus::a_lease_over_a_broker", |folder| {
        let Some(broker) = Broker::start(&folder) else { return };
        let world = world(&folder);
        let enforced = |gpu: usize| world.requests(gpu).unwrap().enforced_limit_mw;
        let exit = on_a_runtime(async {
            let mut controller = Controller::start(broker.port);
            let agent = tokio::spawn(run(options(&folder, broker.port)));
            let born = decode_status(&controller.next("n1/status").await).unwrap();
            let first = controller.report("n1").await;
            assert!(born.online && born.boot == first.boot);
            assert_eq!(first.gpus.len(), 2);
            assert_eq!(first.gpus[0].1.power_w, Some(612.0));
            controller.cap(&first, "GPU-a", 450.0);
            assert_eq!(controller.receipt("n1").await, None);
            assert_eq!(enforced(0), 450_000);
            let other = controller.report("n2").await;
            assert_eq!(other.gpus.len(), 1);
            // Not renewed: it lets go within its second.
            let waited = std::time::Instant::now();
            while enforced(0) != 700_000 {
                assert!(waited.elapsed() < Duration::from_millis(1500));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(600)).await;
            // The first report is older than a second by now.
            controller.cap(&first, "GPU-a", 400.0);
            assert!(controller.receipt("n1").await.unwrap().contains("ms old"));
            let fresh = controller.report("n2").await;
            controller.cap(&fresh, "GPU-c", 300.0);
            assert_eq!(controller.receipt("n2").await, None);
            assert_eq!(enforced(2), 300_000);
            terminate_myself();
            let exit = agent.await.unwrap().unwrap();
            assert_eq!(enforced(2), 700_000, "on SIGTERM everything is put back at once");
            loop {
                if !decode_status(&controller.next("n2/status").await).unwrap().online {
                    break exit;
                }
            }
        });
        assert!(same(exit, 0));
    });
}

#[test]
fn without_a_broker_it_lets_go_and_ends_well() {
    isolated("bus::without_a_broker_it_lets_go_and_ends_well", |folder| {
        let Some(broker) = Broker::start(&folder) else { return };
        let world = world(&folder);
        let exit = on_a_runtime(async {
            let mut controller = Controller::start(broker.port);
            let agent = tokio::spawn(run(options(&folder, broker.port)));
            let report = controller.report("n1").await;
            controller.cap(&report, "GPU-a", 450.0);
            assert_eq!(controller.receipt("n1").await, None);
            drop(broker);
            tokio::time::sleep(Duration::from_millis(1200)).await;
            assert_eq!(world.requests(0).unwrap().enforced_limit_mw, 700_000);
            terminate_myself();
            agent.await.unwrap().unwrap()
        });
        assert!(same(exit, 0));
    });
}

#[test]
fn no_driver_is_exit_code_4() {
    isolated("bus::no_driver_is_exit_code_4", |folder| {
        let no_page = on_a_runtime(run(options(&folder, 1)));
        assert!(same(no_page.unwrap(), 4));
        let nowhere = Options { nvml: Some("/nowhere/libnvidia-ml.so".into()), ..options(&folder, 1) };
        assert!(same(on_a_runtime(run(nowhere)).unwrap(), 4));
    });
}

#[test]
fn a_configuration_that_cannot_be_used_is_exit_code_3() {
    isolated("bus::a_configuration_that_cannot_be_used_is_exit_code_3", |folder| {
        let _world = world(&folder);
        let good = options(&folder, 1);
        let text = std::fs::read_to_string(&good.site).unwrap();
        let strangers = text.replace("GPU-a", "GPU-x").replace("GPU-b", "GPU-y").replace("GPU-c", "GPU-z");
        for bad in [strangers, text.replace("agents = true", ""), "format = 9".to_owned()] {
            std::fs::write(&good.site, bad).unwrap();
            assert!(same(on_a_runtime(run(good.clone())).unwrap(), 3));
        }
        std::fs::write(&good.site, text).unwrap();
        let damaged = folder.join("state");
        std::fs::create_dir_all(&damaged).unwrap();
        std::fs::write(damaged.join("agent-n1.json"), "{").unwrap();
        assert!(same(on_a_runtime(run(good)).unwrap(), 3));
    });
}
