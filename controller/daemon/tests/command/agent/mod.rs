//! `headroom agent` as a process of its own: real broker, real NVML calls, real signals.

mod stage;

use headroom_drivers::ClockPage;
use headroom_drivers::mqtt::agents::time_topic;
use headroom_drivers::mqtt::client::Delivery;
use headroom_drivers::node_report::{Names, TimeMark, decode_report, encode_time};
use headroom_nvml_abi::page::{GpuConfig, PageConfig, PageWriter};
use headroom_site::Stamp;
use stage::{Agent, Controller, FOUND_MW, Stage, site_text};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_lease_from_birth_to_sigterm() {
    let stage = Stage::new("lease");
    let mut controller = Controller::start(&stage);
    let mut agent = stage.agent();
    let born = controller.status("n1").await;
    let first = controller.report("n1").await;
    assert!(born.online && born.boot == first.boot);
    assert_eq!((first.gpus.len(), first.gpus[0].1.power_w.get()), (2, Some(612.0)));
    controller.cap(&first, "GPU-a", 450.0);
    assert_eq!(controller.receipt("n1").await, None);
    assert_eq!(stage.limit_mw(0), 450_000);
    assert_eq!(stage.world.requests(0).unwrap().lock_mhz.unwrap().1, 1500);
    // Not renewed: it lets go in the second half of its second.
    assert!(stage.until_limit(0, FOUND_MW).await < Duration::from_millis(1100));
    tokio::time::sleep(Duration::from_millis(600)).await;
    controller.cap(&first, "GPU-a", 400.0);
    assert!(
        controller.receipt("n1").await.unwrap().contains("ms old"),
        "the first report is too old an echo now"
    );
    controller.ttl_ms = 60_000;
    controller.cap_now("n2", "GPU-c", 300.0).await;
    assert_eq!(stage.limit_mw(2), 300_000);
    agent.signal("-TERM");
    assert_eq!(agent.ended().await.code(), Some(0));
    assert_eq!(stage.limit_mw(2), FOUND_MW, "put back at once");
    while controller.status("n2").await.online {}
}

#[tokio::test]
async fn killed_and_started_again_it_puts_back_what_the_first_life_found() {
    let stage = Stage::new("killed");
    let mut controller = Controller::start(&stage);
    controller.ttl_ms = 60_000;
    let mut agent = stage.agent();
    controller.cap_now("n1", "GPU-b", 350.0).await;
    let first = controller.report("n1").await;
    agent.signal("-KILL");
    assert_eq!(agent.ended().await.code(), None);
    while controller.status("n1").await.online {}
    assert_eq!(stage.limit_mw(1), 350_000, "nobody was there to let go");
    let _agent = stage.agent();
    stage.until_limit(1, FOUND_MW).await;
    assert_eq!(stage.world.requests(1).unwrap().lock_mhz, None);
    let mut second = controller.report("n1").await;
    while second.boot == first.boot {
        second = controller.report("n1").await;
    }
    controller.cap(&first, "GPU-b", 350.0);
    assert!(controller.receipt("n1").await.unwrap().contains("former start"));
    controller.cap_now("n1", "GPU-b", 400.0).await;
    assert_eq!(stage.limit_mw(1), 400_000);
}

#[tokio::test]
async fn without_a_broker_it_lets_go_and_still_ends_well() {
    let stage = Stage::new("broker");
    let mut controller = Controller::start(&stage);
    let mut agent = stage.agent();
    controller.cap_now("n1", "GPU-a", 450.0).await;
    stage.broker.abort();
    assert!(stage.until_limit(0, FOUND_MW).await < Duration::from_millis(1100));
    agent.signal("-TERM");
    assert_eq!(agent.ended().await.code(), Some(0));
}

#[tokio::test]
async fn plant_time_of_a_harness_is_the_agents_time() {
    let stage = Stage::new("clock");
    let start = Stamp::from_unix_ms(1_800_000_000_000);
    let page = stage.folder.join("clock.page");
    let _clock = ClockPage::create(&page, start, 20.0).unwrap();
    let mut controller = Controller::start(&stage);
    // Ten seconds of the plant are half a second here.
    controller.ttl_ms = 10_000;
    let _agent = Agent(stage.command().arg("--clock").arg(&page).spawn().unwrap());
    controller.cap_now("n1", "GPU-a", 450.0).await;
    let report = controller.report("n1").await;
    assert!(report.stamp > start && report.stamp.since(start).s() < 600.0);
    assert!(stage.until_limit(0, FOUND_MW).await < Duration::from_millis(700));
}

#[tokio::test]
async fn advisory_reports_and_refuses() {
    let stage = Stage::new("advisory");
    let mut controller = Controller::start(&stage);
    let _agent = Agent(stage.command().arg("--advisory").spawn().unwrap());
    let report = controller.report("n1").await;
    controller.cap(&report, "GPU-a", 450.0);
    assert!(controller.receipt("n1").await.unwrap().contains("advisory"));
    assert_eq!(stage.world.requests(0).unwrap().limit_writes, 0);
}

#[tokio::test]
async fn reports_are_packed_unless_people_are_to_read_them() {
    let stage = Stage::new("layout");
    let mut controller = Controller::start(&stage);
    let agent = stage.agent();
    assert_eq!(controller.next("/n1/telemetry").await[0], 2);
    drop(agent);
    let _agent = Agent(stage.command().args(["--report-format", "json"]).spawn().unwrap());
    // What the first one said last may still be on its way.
    let text = loop {
        let payload = controller.next("/n1/telemetry").await;
        if payload[0] == b'{' {
            break payload;
        }
    };
    assert_eq!(decode_report(&text, &mut Names::default()).unwrap().gpus.len(), 2);
}

#[tokio::test]
async fn a_mark_of_time_is_answered_by_the_next_report_of_each_node() {
    let stage = Stage::new("time");
    let mut controller = Controller::start(&stage);
    let _agent = Agent(stage.command().arg("--advisory").spawn().unwrap());
    let before = controller.report("n1").await;
    assert_eq!(before.answer, None);
    let sent = Stamp::from_unix_ms(1_700_000_000_000);
    let mark = encode_time(TimeMark { sent_ns: sent.tai_ns() }).unwrap();
    controller.client.try_publish(&time_topic("small"), mark, Delivery::Telemetry).unwrap();
    let mut answers = Vec::new();
    for _ in 0..40 {
        let report = controller.report_on("/telemetry").await;
        answers.extend(report.answer.map(|answer| (report.node, answer)));
    }
    answers.sort_by(|a, b| a.0.cmp(&b.0));
    let nodes: Vec<&str> = answers.iter().map(|(node, _)| &**node).collect();
    assert_eq!(nodes, ["n1", "n2"], "each of them, once");
    assert!(
        answers.iter().all(|(_, answer)| answer.sent == sent && answer.heard > before.stamp),
        "{answers:?}"
    );
}

#[tokio::test]
async fn looks_of_a_period_come_in_one_report() {
    let stage = Stage::new("batch");
    let site = stage.folder.join("site.toml");
    let text = std::fs::read_to_string(&site).unwrap();
    std::fs::write(&site, text.replace("agent = \"50 ms\"", "agent = \"50 ms\"\nreport = \"500 ms\""))
        .unwrap();
    let mut controller = Controller::start(&stage);
    let _agent = stage.agent();
    let (mut reports, mut samples, mut last) = (0, 0, None);
    let begun = Instant::now();
    while reports < 5 {
        let report = controller.report("n1").await;
        assert!(last.is_none_or(|last| report.sequence == last + 1), "{last:?}, {}", report.sequence);
        last = Some(report.sequence);
        (reports, samples) = (reports + 1, samples + report.gpus.len());
    }
    // Two GPUs, ten looks a report; a machine that is busy may skip some.
    assert!((60..=110).contains(&samples) && begun.elapsed() > Duration::from_secs(2), "{samples}");
}

/// Runs it until it ends by itself; its exit code and what it said.
fn refusal(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn no_driver_is_exit_code_4() {
    let stage = Stage::new("driver");
    let (code, why) = refusal(stage.command().env(headroom_nvml_abi::PAGE_ENV, "/nowhere"));
    assert!(code == Some(4) && why.contains("driver is not loaded"), "{why}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command
        .args(["agent", "--nvml", "/nowhere/libnvidia-ml.so", "--site"])
        .arg(stage.folder.join("site.toml"));
    let (code, why) = refusal(&mut command);
    assert!(code == Some(4) && why.contains("/nowhere/libnvidia-ml.so") && why.contains("--nvml"), "{why}");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_exit_code_3() {
    let stage = Stage::new("configuration");
    let site = stage.folder.join("site.toml");
    let good = std::fs::read_to_string(&site).unwrap();
    let strangers =
        ["GPU-a", "GPU-b", "GPU-c"].iter().fold(good.clone(), |t, u| t.replace(u, &format!("{u}x")));
    for (bad, says) in [
        (strangers, "add them by UUID: GPU-a, GPU-b, GPU-c"),
        (good.replace("agents = true", ""), "agents = true"),
        ("format = 9".to_owned(), "site"),
    ] {
        std::fs::write(&site, bad).unwrap();
        let (code, why) = refusal(&mut stage.command());
        assert!(code == Some(3) && why.contains(says), "{code:?} {why}");
    }
    std::fs::write(&site, good).unwrap();
    let state = stage.folder.join("state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("agent-n1.json"), "{").unwrap();
    let (code, why) = refusal(&mut stage.command());
    assert!(code == Some(3) && why.contains("by hand"), "{why}");
    assert!(Path::new(&state.join("agent-n1.json")).exists());
}

#[tokio::test]
async fn a_hung_driver_does_not_keep_it_from_ending() {
    let stage = Stage::new("hung");
    let mut controller = Controller::start(&stage);
    controller.ttl_ms = 60_000;
    let mut agent = stage.agent();
    controller.cap_now("n1", "GPU-a", 450.0).await;
    stage.world.set_call_delay_us(0, 60_000_000);
    tokio::time::sleep(Duration::from_millis(200)).await;
    agent.signal("-TERM");
    assert_eq!(agent.ended().await.code(), Some(1), "it ran and found a fault");
    assert_eq!(stage.limit_mw(0), 450_000);
    stage.world.set_call_delay_us(0, 0);
    let _again = stage.agent();
    stage.until_limit(0, FOUND_MW).await;
}

/// CPU time a process has used, s (Linux counts in ticks of 10 ms).
fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let ticks = |field: usize| after_name.split(' ').nth(field - 3).unwrap().parse::<f64>().unwrap();
    (ticks(14) + ticks(15)) / 100.0
}

#[tokio::test]
async fn one_agent_can_bear_sixty_four_nodes() {
    let stage = Stage::new("many");
    let uuids = |node: usize| (0..8).map(move |k| format!("GPU-{node:02}-{k}"));
    let gpus = (0..64).flat_map(uuids).map(|uuid| GpuConfig::h100_sxm(&uuid, "here")).collect();
    let config = PageConfig { driver_version: "580.82.07".into(), gpus };
    let _world = PageWriter::create(&stage.folder.join("gpus.page"), &config).unwrap();
    let mut site = site_text(stage.port).replace("50 ms", "100 ms");
    for node in 0..64 {
        let gpus: Vec<String> = uuids(node).map(|uuid| format!("{uuid:?}")).collect();
        let gpus = gpus.join(", ");
        site +=
            &format!("[[node]]\nid = \"m{node}\"\nrack = \"rack-01\"\nsku = \"H100-SXM\"\ngpus = [{gpus}]\n");
    }
    std::fs::write(stage.folder.join("site.toml"), site).unwrap();
    let mut controller = Controller::start(&stage);
    let agent = stage.agent();
    // The last node comes on the bus last.
    let first = controller.report("m63").await;
    let (begun, used) = (Instant::now(), cpu_s(agent.0.id()));
    let mut seen = 0_u64;
    while begun.elapsed() < Duration::from_secs(3) {
        let report = controller.report_on("/telemetry").await;
        assert_eq!(report.gpus.len(), 8);
        seen += 1;
    }
    let last = controller.report("m63").await;
    let ticks = last.sequence - first.sequence;
    let share = (cpu_s(agent.0.id()) - used) / begun.elapsed().as_secs_f64();
    println!("512 GPUs at 10 Hz: {seen} reports in 3 s, {ticks} ticks, {:.1} % of a core", share * 100.0);
    // 1920 would be all; a busy machine may lose some, and the sequence tells.
    assert!(seen > 64 * ticks / 2 && ticks > 20, "{seen} reports, {ticks} ticks");
}
