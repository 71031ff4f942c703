//! The small plant on which the rooms are tested: one rack of two nodes with two GPUs each, a CDU, a facility loop and a
//! chiller. `train` runs on the first node, `serve` on the second.

use crate::align::{Align, Snapshot};
use crate::estimate::{Estimate, Estimator};
use crate::topology::Topology;
use crate::wants::Wants;
use headroom_policies::read_policy;
use headroom_site::file::read_site;
use headroom_site::{GpuSample, Inbox, NodeReport, Offered, Quality, Reading, Site, Span, Stamp};
use std::path::Path;

pub(crate) const CDU_SUPPLY: usize = 0;
pub(crate) const CDU_DP: usize = 1;
pub(crate) const FWS_SUPPLY: usize = 2;

const HEAD: &str = r#"
format = 1
[site]
name = "small"
[periods]
power = "1 s"
cooling = "30 s"
agent = "1 s"
lease = "30 s"
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
other-power = "100 W"
gpus = ["GPU-a", "GPU-b"]
[[node]]
id = "n2"
rack = "rack-01"
sku = "H100-SXM"
other-power = "100 W"
gpus = ["GPU-c", "GPU-d"]
[[job]]
id = "train"
kind = "training"
nodes = ["n1"]
tokens = ["tokens"]
[[job]]
id = "serve"
kind = "serving"
nodes = ["n2"]
[[power]]
id = "feed"
budget = "4 kW"
meter = "feed-power"
limit-point = "feed-limit"
serves = ["rack-01"]
[[mqtt]]
id = "bms"
url = "mqtt://127.0.0.1:1883"
[[equipment]]
id = "CDU-01"
kind = "cdu"
serves = ["rack-01"]
[[equipment]]
id = "FWS"
kind = "facility-loop"
serves = ["CDU-01"]
[[equipment]]
id = "CH-01"
kind = "chiller"
serves = ["FWS"]
[[min-flow]]
supply = "20 degC"
flow = "1 L/min/kW"
[[min-flow]]
supply = "45 degC"
flow = "1.5 L/min/kW"
[meters]
facility = "feed-power"
"#;

/// Points: id, owner, type, unit, further lines.
const POINTS: [(&str, &str, &str, &str, &str); 13] = [
    ("feed-power", "feed", "ActivePower", "kW", ""),
    ("feed-limit", "feed", "ImportLimit", "kW", ""),
    (
        "cdu-supply",
        "CDU-01",
        "LiquidTemperature",
        "degC",
        "area = [\"Secondary\", \"Supply\"]\nrange = [\"-5 degC\", \"95 degC\"]",
    ),
    ("cdu-setpoint", "CDU-01", "Setpoint", "degC", ""),
    ("cdu-valve", "CDU-01", "ValvePosition", "%", "max = \"95 %\""),
    ("dp", "CDU-01", "DifferentialPressure", "kPa", ""),
    ("dp-setpoint", "CDU-01", "Setpoint", "kPa", ""),
    ("fws-supply", "FWS", "LiquidTemperature", "degC", ""),
    ("fws-setpoint", "FWS", "Setpoint", "degC", ""),
    ("rack-flow", "rack-01", "LiquidFlow", "L/min", ""),
    ("chiller-power", "CH-01", "ActivePower", "kW", ""),
    ("pump-power", "CDU-01", "ActivePower", "kW", ""),
    ("tokens", "site", "Tokens", "tokens", "counter = true"),
];

const ACTUATORS: &str = r#"
[[actuator]]
id = "cdu-supply"
of = "CDU-01"
unit = "degC"
range = ["20 degC", "43 degC"]
ramp = "1 K/5min"
step = "0.5 K"
deadband = "0.1 K"
fallback = "30 degC"
readback = "cdu-setpoint"
measures = "cdu-supply"
unloads = ["chiller-power"]
to = { mqtt = "bms", tag = "cdu-supply/request" }
[[actuator]]
id = "cdu-dp"
of = "CDU-01"
unit = "kPa"
range = ["40 kPa", "120 kPa"]
ramp = "2 kPa/min"
step = "3 kPa"
deadband = "0.5 kPa"
fallback = "90 kPa"
readback = "dp-setpoint"
measures = "dp"
unloads = ["pump-power"]
to = { mqtt = "bms", tag = "dp/request" }
[[actuator]]
id = "fws-supply"
of = "FWS"
unit = "degC"
range = ["12 degC", "32 degC"]
ramp = "1 K/5min"
step = "0.5 K"
deadband = "0.1 K"
fallback = "15 degC"
readback = "fws-setpoint"
measures = "fws-supply"
unloads = ["chiller-power"]
to = { mqtt = "bms", tag = "fws/request" }
"#;

const POLICY: &str = "format = 1\nname = \"test\"\n[mode]\ndefault = \"active\"\n";

pub(crate) fn site() -> Site {
    site_with("", "")
}

/// The same with more tables, and more lines of the job `serve`.
pub(crate) fn site_with(tables: &str, serve: &str) -> Site {
    let points: String = POINTS
        .iter()
        .map(|(id, of, kind, unit, more)| {
            format!(
                "[[point]]\nid = \"{id}\"\nof = \"{of}\"\ntype = \"{kind}\"\nunit = \"{unit}\"\n{more}\n\
                 from = {{ mqtt = \"bms\", tag = \"{id}\" }}\n"
            )
        })
        .collect();
    let kind = "kind = \"serving\"\n";
    let head = HEAD.replace(kind, &format!("{kind}{serve}\n"));
    let text = format!("{head}{tables}{points}{ACTUATORS}");
    read_site("site.toml", &text, Path::new(".")).map_err(|f| format!("{f:#?}")).unwrap()
}

/// Wants of a policy of defaults with every group active, and these sections added.
pub(crate) fn wants(site: &Site, more: &str) -> Wants {
    let text = format!("{POLICY}{more}");
    Wants::new(site, &read_policy("policy.toml", &text).map_err(|f| format!("{f:#?}")).unwrap())
}

/// An instant, seconds after the tests begin.
pub(crate) fn at(s: f64) -> Stamp {
    Stamp::from_unix_ms(1_750_000_000_000) + Span::from_s(s)
}

/// A good reading in base units.
pub(crate) fn reading(site: &Site, id: &str, s: f64, value: f64) -> Reading {
    Reading::new(site.point(id).unwrap(), at(s), Span::ZERO, value, Quality::Good)
}

/// A sample under a cap of 700 W.
pub(crate) fn sample(s: f64, power_w: f32, clock_mhz: f32) -> GpuSample {
    GpuSample {
        stamp: at(s),
        power_w: Offered::new(power_w),
        clock_mhz: Offered::new(clock_mhz),
        die_c: Offered::new(50.0),
        enforced_cap_w: Offered::new(700.0),
        ..GpuSample::default()
    }
}

/// A report of a node.
pub(crate) fn report(node: &str, boot: u64, sequence: u64, gpus: &[(&str, GpuSample)]) -> NodeReport {
    NodeReport {
        node: node.into(),
        boot,
        sequence,
        mono_ns: sequence * 1_000_000_000,
        stamp: gpus.first().map_or_else(Stamp::default, |g| g.1.stamp),
        gpus: gpus.iter().map(|(uuid, sample)| ((*uuid).into(), *sample)).collect(),
        receipt: None,
        answer: None,
        sent: None,
        arrival: None,
        stamp_uncertainty: None,
    }
}

/// Reports of both nodes at the highest clock with these powers.
pub(crate) fn reports(s: f64, power_w: [f32; 4]) -> Vec<NodeReport> {
    let [a, b, c, d] = power_w.map(|p| sample(s, p, 1980.0));
    let sequence = s as u64 + 1;
    vec![
        report("n1", 1, sequence, &[("GPU-a", a), ("GPU-b", b)]),
        report("n2", 1, sequence, &[("GPU-c", c), ("GPU-d", d)]),
    ]
}

/// Site, snapshots and belief together.
pub(crate) struct Bench {
    pub(crate) site: Site,
    pub(crate) topology: Topology,
    pub(crate) wants: Wants,
    pub(crate) align: Align,
    pub(crate) estimator: Estimator,
}

impl Bench {
    pub(crate) fn new(policy: &str) -> Self {
        Self::at(site(), policy)
    }

    /// At a site of one's own.
    pub(crate) fn at(site: Site, policy: &str) -> Self {
        let (topology, wants) = (Topology::new(&site), wants(&site, policy));
        let (align, estimator) = (Align::new(&site), Estimator::new(&site, &topology, &wants));
        Self { site, topology, wants, align, estimator }
    }

    /// One tick up to the belief.
    pub(crate) fn tick(
        &mut self,
        s: f64,
        readings: &[(&str, f64, f64)],
        nodes: Vec<NodeReport>,
    ) -> &Estimate {
        let readings = readings.iter().map(|(id, s, value)| reading(&self.site, id, *s, *value)).collect();
        self.align.take(&Inbox { readings, nodes, ..Inbox::default() });
        let snapshot = self.align.snapshot(at(s));
        let estimate = self.estimator.update(&self.site, &self.topology, snapshot);
        self.align.settle();
        estimate
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.align.last()
    }
}
