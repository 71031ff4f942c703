//! The agent against the harness's NVML, one process per test (the library is shared by a whole process).

mod crash;
mod field;
mod lease;

use super::gpu::Tools;
use super::node::Node;
use headroom_drivers::nvml::NvmlHost;
use headroom_drivers::nvml::persist::Ownership;
use headroom_guard::Mode;
use headroom_nvml_abi::page::{GpuConfig, GpuOutputs, GpuRequests, PageConfig, PageWriter};
use headroom_site::gpu::CapTarget;
use headroom_site::{CapCommand, NodeReport, Site, Stamp};
use std::path::{Path, PathBuf};
use std::process::Command;

const CHILD: &str = "HEADROOM_TEST_CHILD";
const BOOT: u64 = 77;
const TTL_MS: u64 = 10_000;
const SECOND_NS: u64 = 1_000_000_000;

/// Runs `body` in a child process of this test executable, with a folder of its own.
fn isolated(test: &str, body: impl FnOnce(PathBuf)) {
    let test = format!("agent::tests::{test}");
    if std::env::var(CHILD).as_deref() == Ok(&test) {
        let page = PathBuf::from(std::env::var_os(headroom_nvml_abi::PAGE_ENV).unwrap());
        return body(page.parent().unwrap().to_owned());
    }
    let folder =
        std::env::temp_dir().join(format!("headroom-{}-{}", std::process::id(), test.replace("::", "-")));
    std::fs::create_dir_all(&folder).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test.as_str(), "--exact", "--nocapture"]).env(CHILD, &test);
    let output = child.env(headroom_nvml_abi::PAGE_ENV, folder.join("gpus.page")).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the child ran no test: {text}");
}

const SITE: &str = r#"
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
gpus = ["GPU-c", "GPU-elsewhere"]
[[node]]
id = "n3"
rack = "rack-01"
sku = "H100-SXM"
gpus = ["GPU-nowhere"]
[[mqtt]]
id = "bus"
url = "mqtt://127.0.0.1"
dialect = "json"
agents = true
"#;

fn site() -> Site {
    headroom_site::file::read_site("site.toml", SITE, Path::new(".")).unwrap()
}

fn outputs() -> GpuOutputs {
    GpuOutputs {
        stamp_us: 1_790_000_000_000_000,
        power_instant_mw: 612_000,
        power_average_mw: 600_000,
        sm_mhz: 1755,
        hbm_c: 70,
        ..GpuOutputs::default()
    }
}

/// The GPUs of this host: a and b of node n1, c of node n2, and one the site does not know.
fn world(folder: &Path) -> PageWriter {
    let gpu = |uuid: &&str| GpuConfig::h100_sxm(uuid, "here");
    let gpus = ["GPU-a", "GPU-b", "GPU-c", "GPU-stranger"].iter().map(gpu).collect();
    let config = PageConfig { driver_version: "580.82.07".into(), gpus };
    let world = PageWriter::create(&folder.join("gpus.page"), &config).unwrap();
    (0..4).for_each(|n| world.publish(n, &outputs()));
    world
}

fn host() -> NvmlHost {
    NvmlHost::open(headroom_nvml_abi::library_path().as_deref()).unwrap()
}

/// A node in hand, with its clock.
struct Bench {
    world: PageWriter,
    host: NvmlHost,
    owner: Ownership,
    node: Node,
    now_ns: u64,
}

impl Bench {
    /// Node n1, restored and ready for commands.
    fn new(folder: &Path, mode: Mode) -> Self {
        Self::again(folder, world(folder), mode)
    }

    /// The same after a restart of the agent.
    fn again(folder: &Path, world: PageWriter, mode: Mode) -> Self {
        let host = host();
        let owner = Ownership::open(&folder.join("agent-n1.json")).unwrap();
        let (nodes, _) = Node::of_host(&site(), &host, &owner, BOOT, mode);
        let node = nodes.into_iter().next().unwrap();
        Self { world, host, owner, node, now_ns: 100 * SECOND_NS }
    }

    fn tend(&mut self) {
        self.node.tend(self.now_ns, &mut Tools { host: &mut self.host, owner: &mut self.owner });
    }

    fn after_s(&mut self, seconds: f64) {
        self.now_ns += (seconds * 1e9) as u64;
        self.tend();
    }

    fn obey(&mut self, command: &CapCommand) -> Option<String> {
        let mut tools = Tools { host: &mut self.host, owner: &mut self.owner };
        self.node.obey(command, self.now_ns, u64::MAX / 2, &mut tools);
        let receipt = self.report().receipt.unwrap();
        if (receipt.epoch, receipt.sequence) == (command.epoch, command.sequence) {
            receipt.refused
        } else {
            Some(format!("the receipt is that of epoch {}, sequence {}", receipt.epoch, receipt.sequence))
        }
    }

    fn look(&mut self) -> bool {
        let mut tools = Tools { host: &mut self.host, owner: &mut self.owner };
        self.node.look(Stamp::default(), self.now_ns, &mut tools)
    }

    fn report(&mut self) -> NodeReport {
        self.look();
        self.node.report(Stamp::default(), self.now_ns, 0)
    }

    fn asked(&self, gpu: usize) -> GpuRequests {
        self.world.requests(gpu).unwrap()
    }

    /// A command echoing this instant.
    fn command(&self, sequence: u64, gpus: &[(&str, Option<f32>, Option<f32>)]) -> CapCommand {
        let target =
            |&(uuid, cap_w, lock_mhz): &(&str, _, _)| CapTarget { uuid: uuid.into(), cap_w, lock_mhz };
        CapCommand {
            node: "n1".into(),
            who: "test".into(),
            epoch: 1,
            sequence,
            ttl_ms: TTL_MS,
            echo_boot: BOOT,
            echo_mono_ns: self.now_ns,
            sent_ns: 0,
            gpus: gpus.iter().map(target).collect(),
            reason: "a test".into(),
        }
    }
}

#[test]
fn looks_wait_for_their_report_unless_a_reason_comes() {
    isolated("looks_wait_for_their_report_unless_a_reason_comes", |folder| {
        let mut bench = Bench::new(&folder, Mode::Active);
        let look = |bench: &mut Bench, k: u64| {
            let shown = GpuOutputs { stamp_us: outputs().stamp_us + 100_000 * k, ..outputs() };
            (0..2).for_each(|n| bench.world.publish(n, &shown));
            assert!(bench.look());
            bench.node.is_due(10)
        };
        assert!((0..9).all(|k| !look(&mut bench, k)) && look(&mut bench, 9));
        let report = bench.node.report(Stamp::default(), bench.now_ns, 0);
        assert_eq!(report.gpus.len(), 20);
        let stamps: Vec<i64> = report.gpus.iter().step_by(2).map(|(_, s)| s.stamp.tai_ns()).collect();
        assert!(stamps.windows(2).all(|pair| pair[1] - pair[0] == 100_000_000), "{stamps:?}");
        assert!(!look(&mut bench, 10));
        bench.world.publish(0, &GpuOutputs { reasons: 4, ..outputs() });
        assert!(bench.look() && bench.node.is_due(10));
        assert_eq!(bench.node.report(Stamp::default(), bench.now_ns, 0).gpus.len(), 4);
    });
}
