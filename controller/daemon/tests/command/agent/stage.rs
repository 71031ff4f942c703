//! A broker, a page of GPUs, an agent process and a controller of a few lines.

use headroom_drivers::mqtt::agents::{Leaf, filter, topic};
use headroom_drivers::mqtt::client::{Delivery, Event, MqttClient};
use headroom_drivers::node_report::{AgentStatus, Names, decode_report, decode_status, encode_command};
use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, PageConfig, PageWriter};
use headroom_sim::wires::broker::{Broker, BrokerConfig};
use headroom_site::gpu::CapTarget;
use headroom_site::{CapCommand, NodeReport};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

pub(crate) const FOUND_MW: u32 = 700_000;

pub(crate) fn site_text(port: u16) -> String {
    format!(
        r#"
format = 1
[site]
name = "small"
[periods]
agent = "50 ms"
power = "100 ms"
lease = "1 s"
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
gpus = ["GPU-a", "GPU-b"]
[[node]]
id = "n2"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-c"]
[[mqtt]]
id = "bus"
url = "mqtt://127.0.0.1:{port}"
dialect = "json"
agents = true
"#
    )
}

/// A folder with a page of three GPUs and a site file, and a broker.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) world: PageWriter,
    pub(crate) broker: JoinHandle<std::io::Result<()>>,
    pub(crate) port: u16,
}

impl Stage {
    pub(crate) fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("headroom-agent-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let gpu = |uuid: &&str| GpuConfig::h100_sxm(uuid, "here");
        let gpus = ["GPU-a", "GPU-b", "GPU-c"].iter().map(gpu).collect();
        let config = PageConfig { driver_version: "580.82.07".into(), gpus };
        let world = PageWriter::create(&folder.join("gpus.page"), &config).unwrap();
        let shown = GpuOutputs {
            stamp_us: 1_790_000_000_000_000,
            power_instant_mw: 612_000,
            ..GpuOutputs::default()
        };
        (0..3).for_each(|n| world.publish(n, &shown));
        let (listener, address) = Broker::bind(&BrokerConfig::default()).unwrap();
        let broker = tokio::spawn(Broker::new(&BrokerConfig::default()).serve(listener));
        std::fs::write(folder.join("site.toml"), site_text(address.port())).unwrap();
        Self { folder, world, broker, port: address.port() }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
        command.arg("agent").arg("--site").arg(self.folder.join("site.toml"));
        command.arg("--nvml").arg(headroom_nvml_abi::library_path().unwrap());
        command.arg("--state").arg(self.folder.join("state"));
        command.env(headroom_nvml_abi::PAGE_ENV, self.folder.join("gpus.page"));
        command.stderr(Stdio::null());
        command
    }

    pub(crate) fn agent(&self) -> Agent {
        Agent(self.command().spawn().unwrap())
    }

    pub(crate) fn limit_mw(&self, gpu: usize) -> u32 {
        self.world.requests(gpu).unwrap().enforced_limit_mw
    }

    /// Waits until a limit is in force; says how long that took.
    pub(crate) async fn until_limit(&self, gpu: usize, limit_mw: u32) -> Duration {
        let begun = Instant::now();
        while self.limit_mw(gpu) != limit_mw {
            assert!(begun.elapsed() < Duration::from_secs(10), "{} mW", self.limit_mw(gpu));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begun.elapsed()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) struct Agent(pub(crate) Child);

impl Agent {
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(15), "it does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A controller of a few lines.
pub(crate) struct Controller {
    pub(crate) client: MqttClient,
    pub(crate) events: Receiver<Event>,
    pub(crate) names: Names,
    pub(crate) sequence: u64,
    pub(crate) ttl_ms: u64,
}

impl Controller {
    pub(crate) fn start(stage: &Stage) -> Self {
        let filters = vec![filter("small", Leaf::Telemetry), filter("small", Leaf::Status)];
        let url = format!("mqtt://127.0.0.1:{}", stage.port);
        let (client, events) = MqttClient::start(&url, "test", None, filters).unwrap();
        Self { client, events, names: Names::default(), sequence: 0, ttl_ms: 1000 }
    }

    /// The next message whose topic ends so.
    pub(crate) async fn next(&mut self, topic: &str) -> Vec<u8> {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
            if let Event::Message(message) = event.expect("in time").expect("connected")
                && message.topic().ends_with(topic)
            {
                return message.payload.to_vec();
            }
        }
    }

    pub(crate) async fn report(&mut self, node: &str) -> NodeReport {
        self.report_on(&format!("/{node}/telemetry")).await
    }

    pub(crate) async fn report_on(&mut self, topic: &str) -> NodeReport {
        let payload = self.next(topic).await;
        decode_report(&payload, &mut self.names).unwrap()
    }

    pub(crate) async fn status(&mut self, node: &str) -> AgentStatus {
        decode_status(&self.next(&format!("{node}/status")).await).unwrap()
    }

    pub(crate) fn cap(&mut self, report: &NodeReport, uuid: &str, cap_w: f32) {
        self.sequence += 1;
        let command = CapCommand {
            node: report.node.clone(),
            who: "test".into(),
            epoch: 1,
            sequence: self.sequence,
            ttl_ms: self.ttl_ms,
            echo_boot: report.boot,
            echo_mono_ns: report.mono_ns,
            sent_ns: 0,
            gpus: [CapTarget { uuid: uuid.into(), cap_w: Some(cap_w), lock_mhz: Some(1500.0) }].into(),
            reason: "a test".into(),
        };
        let topic = topic("small", &report.node, Leaf::Command);
        self.client.try_publish(&topic, encode_command(&command).unwrap(), Delivery::Command).unwrap();
    }

    /// Waits for the receipt of the last command; says what it says.
    pub(crate) async fn receipt(&mut self, node: &str) -> Option<String> {
        loop {
            let receipt = self.report(node).await.receipt;
            if let Some(receipt) = receipt.filter(|r| r.sequence == self.sequence) {
                return receipt.refused;
            }
        }
    }

    /// Caps a GPU with an echo of this moment, and waits until it is done.
    pub(crate) async fn cap_now(&mut self, node: &str, uuid: &str, cap_w: f32) {
        let report = self.report(node).await;
        self.cap(&report, uuid, cap_w);
        assert_eq!(self.receipt(node).await, None);
    }
}
