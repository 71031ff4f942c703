//! Pages as the exporter writes them, over a real socket: names and labels of its versions, numbers made up.

use super::{Handle, start};
use crate::context::Context;
use crate::testing::pages::Server;
use crate::testing::{context, site, until};
use headroom_site::{GpuSample, Inbox, NodeReport, Offered, Site, Span, Stamp};

const A: &str = "GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52";
const B: &str = "GPU-7f0c1b1e-0000-1111-2222-333344445555";

fn two_nodes(port: u16, collect: &str) -> Site {
    site(&format!(
        "[[place]]\nid = \"h\"\nkind = \"hall\"\n[[place]]\nid = \"r\"\nkind = \"rack\"\nin = \"h\"\n\
         [[dcgm]]\nid = \"page\"\nurl = \"http://127.0.0.1:{port}/metrics\"\npoll = \"20 ms\"\ncollect = \"{collect}\"\n\
         [[node]]\nid = \"n1\"\nrack = \"r\"\nsku = \"H100-SXM\"\ngpus = [\"{A}\"]\ndcgm = \"page\"\n\
         [[node]]\nid = \"n2\"\nrack = \"r\"\nsku = \"H100-SXM\"\ngpus = [\"{B}\"]\ndcgm = \"page\"\n"
    ))
}

/// A line of the page.
fn line(name: &str, gpu: usize, uuid: &str, value: &str) -> String {
    format!(
        "# HELP {name} x\n# TYPE {name} gauge\n{name}{{gpu=\"{gpu}\",UUID=\"{uuid}\",pci_bus_id=\"00000000:1B:00.0\",\
         device=\"nvidia{gpu}\",modelName=\"NVIDIA H100 80GB HBM3\",Hostname=\"n\",DCGM_FI_DRIVER_VERSION=\"580.82.07\"}} {value}\n"
    )
}

/// What DCGM up to 4.5 calls it.
fn old(watts: f64, energy_mj: u64) -> String {
    let mut page = String::new();
    for (name, value) in [
        ("DCGM_FI_DEV_SM_CLOCK", "1755".to_owned()),
        ("DCGM_FI_DEV_MEM_CLOCK", "2619".to_owned()),
        ("DCGM_FI_DEV_MEMORY_TEMP", "70".to_owned()),
        ("DCGM_FI_DEV_GPU_TEMP", "61".to_owned()),
        ("DCGM_FI_DEV_GPU_TEMP_LIMIT", "-2".to_owned()),
        ("DCGM_FI_DEV_POWER_USAGE", format!("{watts:.6}")),
        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", energy_mj.to_string()),
        ("DCGM_FI_DEV_GPU_UTIL", "97".to_owned()),
        ("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "650.000000".to_owned()),
        ("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "4".to_owned()),
        ("DCGM_FI_DEV_POWER_VIOLATION", "7".to_owned()),
        ("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS", "1700000".to_owned()),
        ("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN_NS", "0".to_owned()),
        ("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS", "3".to_owned()),
        ("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS", "9".to_owned()),
    ] {
        page += &line(name, 0, A, &value);
        // The other GPU: a board without memory sensor, and fields that DCGM has no value of.
        let value = match name {
            "DCGM_FI_DEV_MEMORY_TEMP" => "0",
            "DCGM_FI_DEV_GPU_TEMP_LIMIT" => "9223372036854775794",
            "DCGM_FI_DEV_ENFORCED_POWER_LIMIT" => "140737488355330.000000",
            "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS" => "2147483634",
            _ => value.as_str(),
        };
        page += &line(name, 1, B, value);
    }
    // An instance of MIG, and a GPU of nobody here.
    page + &line("DCGM_FI_DEV_SM_CLOCK", 2, "GPU-00000000-0000-0000-0000-000000000000", "345")
}

struct Bench {
    context: Context,
    inbox: Inbox,
    handle: Handle,
}

impl Bench {
    fn new(site: &Site) -> Self {
        let context = context(Span::from_ms(100));
        let handle = start(site, 0, context.clone());
        Self { context, inbox: Inbox::default(), handle }
    }

    async fn report(&mut self, node: &str, done: impl Fn(&NodeReport) -> bool) -> NodeReport {
        let last = |i: &Inbox| i.nodes.iter().rev().find(|r| *r.node == *node).cloned();
        until(&self.context, &mut self.inbox, |i| last(i).is_some_and(|r| done(&r))).await;
        last(&self.inbox).unwrap()
    }

    async fn status(&mut self, done: impl Fn(&super::DcgmStatus) -> bool) -> super::DcgmStatus {
        let status = || self.handle.status.lock().unwrap().clone();
        until(&self.context, &mut Inbox::default(), |_| done(&status())).await;
        status()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.handle.task.abort();
    }
}

#[tokio::test]
async fn an_old_page_becomes_a_report_of_each_node() {
    let server = Server::open(old(611.25, 4_000_123)).await;
    let mut b = Bench::new(&two_nodes(server.port, "30 s"));
    let report = b.report("n1", |_| true).await;
    let wanted = GpuSample {
        stamp: report.stamp,
        power_average_w: Offered::new(611.25),
        energy_j: Offered::new(4000.123),
        clock_mhz: Offered::new(1755.0),
        memory_clock_mhz: Offered::new(2619.0),
        die_c: Offered::new(61.0),
        hbm_c: Offered::new(70.0),
        margin_k: Offered::new(-2.0),
        enforced_cap_w: Offered::new(650.0),
        utilisation: Offered::new(0.97),
        reasons: 4,
        // The counter by reason counts, not the older one of everything.
        throttle_ns: [Some(1_700_000), Some(0), Some(3), Some(9), None].map(Into::into),
        power_w: Offered::NONE,
    };
    assert_eq!(report.gpus, [(A.into(), wanted)]);
    let other = b.report("n2", |_| true).await.gpus[0].1;
    assert_eq!(
        (other.hbm_c.get(), other.margin_k.get(), other.enforced_cap_w.get(), other.reasons),
        (None, None, None, 0)
    );
    assert_eq!(other.clock_mhz, Offered::new(1755.0));
    let status = b.status(|s| s.scrapes > 0).await;
    assert_eq!((status.gpus, status.missing.len()), (2, 0), "{status:#?}");
}

#[tokio::test]
async fn a_page_of_dcgm_4_7_is_the_same_in_base_units() {
    let mut page = String::new();
    for (name, value) in [
        ("DCGM_FI_DEV_SM_CLOCK_HERTZ", "1755000000"),
        ("DCGM_FI_DEV_MEMORY_TEMP_CELSIUS", "70"),
        ("DCGM_FI_DEV_GPU_TEMP_CELSIUS", "61"),
        ("DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS", "26"),
        ("DCGM_FI_DEV_BOARD_POWER_WATTS", "611.25"),
        ("DCGM_FI_DEV_BOARD_POWER_RAW_WATTS", "598.5"),
        ("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", "4000.123"),
        ("DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", "650"),
        ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "36"),
    ] {
        page += &line(name, 0, A, value);
    }
    let server = Server::open(page).await;
    let mut b = Bench::new(&two_nodes(server.port, "30 s"));
    let s = b.report("n1", |_| true).await.gpus[0].1;
    assert_eq!(
        (s.clock_mhz.get(), s.margin_k.get(), s.power_average_w.get()),
        (Some(1755.0), Some(26.0), Some(611.25))
    );
    assert_eq!(
        (s.power_w.get(), s.energy_j.get(), s.enforced_cap_w.get(), s.reasons),
        (Some(598.5), Some(4000.123), Some(650.0), 36)
    );
    // What it lacks is told by field and name, and the GPU that is not there by its UUID.
    let status = b.status(|s| s.scrapes > 0).await;
    let lacks = |what: &str| status.missing.iter().any(|m| m.contains(what));
    assert!(lacks(&format!("{B} is not on the page")), "{status:#?}");
    assert!(lacks("field 1420 (DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS)"), "{status:#?}");
    assert_eq!(status.missing.len(), 1 + 4, "{status:#?}");
}

#[tokio::test]
async fn a_page_that_stays_as_it_is_is_no_news_and_a_change_dates_it() {
    let server = Server::open(old(600.0, 1)).await;
    let mut b = Bench::new(&two_nodes(server.port, "30 s"));
    let first = b.report("n1", |_| true).await;
    // Nobody knows when in the last 30 s that was.
    let status = b.status(|s| s.scrapes >= 5).await;
    assert_eq!(status.collections, 1);
    // A host whose clock is under no discipline adds what that may be off.
    let own_s = b.context.clock.uncertainty().s();
    assert!((15.0..15.5).contains(&(status.uncertainty.s() - own_s)), "{:?}", status.uncertainty);
    assert!((14.5..15.6).contains(&b.context.clock.now().since(first.stamp).s()));
    let before = b.context.clock.now();
    server.say(old(600.0, 2));
    let second = b.report("n1", |r| r.sequence > first.sequence).await;
    let after = b.context.clock.now();
    // The energy moved: it was collected between two readings, 20 ms or some more apart.
    assert!(second.stamp > before - Span::from_ms(500) && second.stamp < after, "{second:?}");
    let status = b.status(|s| s.collections == 2).await;
    assert_eq!(second.stamp_uncertainty, Some(status.uncertainty));
    assert!(status.uncertainty.s() - own_s < 1.0, "{:?}", status.uncertainty);
    assert_eq!(second.boot, first.boot);
    assert!(second.arrival.is_none() && second.stamp != Stamp::default());
}

#[tokio::test]
async fn where_nothing_ever_moves_a_collection_is_taken_to_have_been() {
    let page = line("DCGM_FI_DEV_GPU_TEMP", 0, A, "33");
    let server = Server::open(page).await;
    let mut b = Bench::new(&two_nodes(server.port, "200 ms"));
    let third = b.report("n1", |r| r.sequence >= 3).await;
    assert_eq!(third.gpus[0].1.die_c, Offered::new(33.0));
    server.break_down();
    let status = b.status(|s| !s.up).await;
    assert!(status.trouble.is_some_and(|t| t.contains("503")));
}

/// What a page that is read for the first time says of the GPU.
fn said(lines: &[String]) -> GpuSample {
    let site = two_nodes(9, "30 s");
    let mut page = super::Page::new(&site, 0, context(Span::from_ms(100)));
    let stamp = Stamp::from_unix_ms(1_800_000_000_000);
    let at = crate::prometheus::fetch::Fetched { text: Err(String::new()), stamp, uncertainty: Span::ZERO };
    page.take(&lines.concat(), &at).unwrap();
    GpuSample { stamp: Stamp::default(), ..page.reports(stamp, Span::ZERO)[0].gpus[0].1 }
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let mut lines = [
        // The older counter of everything, the one by reason; the older unit, the newer one; a divided GPU.
        line("DCGM_FI_DEV_POWER_VIOLATION", 0, A, "7"),
        line("DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS", 0, A, "1700000"),
        line("DCGM_FI_DEV_SM_CLOCK", 0, A, "1755"),
        line("DCGM_FI_DEV_SM_CLOCK_HERTZ", 0, A, "1755400000"),
        line("DCGM_FI_DEV_POWER_USAGE", 0, A, "402"),
        line("DCGM_FI_DEV_POWER_USAGE", 0, A, "403"),
        line("DCGM_FI_DEV_POWER_USAGE", 0, A, "140737488355330"),
    ];
    let forwards = said(&lines);
    assert_eq!((forwards.throttle_ns[0].get(), forwards.clock_mhz.get()), (Some(1_700_000), Some(1755.4)));
    assert_eq!(forwards.power_average_w, Offered::new(403.0));
    lines.reverse();
    assert_eq!(said(&lines), forwards);
}

#[test]
fn what_no_number_of_ours_holds_is_no_value() {
    for value in ["-1e300", "-Inf", "+Inf", "NaN", "1e300"] {
        let power = said(&[line("DCGM_FI_DEV_POWER_USAGE", 0, A, value)]).power_average_w;
        assert_eq!(power, Offered::NONE, "{value}");
    }
}
