//! A controller beside an inference engine and a DCGM exporter: their pages on loopback, read by the real program.

use crate::common::{Party, Place, until};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const UUID: &str = "GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52";

/// A page on loopback; it ends with the test's process.
fn serve(page: impl Fn(u64) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let asked = AtomicU64::new(0);
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.read(&mut [0_u8; 2048]);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all((head.to_owned() + &page(asked.fetch_add(1, Relaxed))).as_bytes());
        }
    });
    port
}

/// Ten requests of 0.3 s to the first token and 500 tokens between two readings.
fn vllm(n: u64) -> String {
    let labels = "engine=\"0\",model_name=\"llama\"";
    let name = "vllm:time_to_first_token_seconds";
    let mut page = format!("vllm:generation_tokens_total{{{labels}}} {}\n", 1000 + 500 * n);
    page += &format!("vllm:num_requests_running{{{labels}}} 3\nvllm:num_requests_waiting{{{labels}}} 1\n");
    for (le, count) in [("0.25", 0), ("0.5", 10 * n), ("+Inf", 10 * n)] {
        page += &format!("{name}_bucket{{{labels},le=\"{le}\"}} {count}\n");
    }
    page + &format!("{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {}\n", 3 * n, 10 * n)
}

fn dcgm(n: u64) -> String {
    let line =
        |name: &str, value: &str| format!("{name}{{gpu=\"0\",UUID=\"{UUID}\",Hostname=\"n1\"}} {value}\n");
    [
        ("DCGM_FI_DEV_SM_CLOCK", "1755".to_owned()),
        ("DCGM_FI_DEV_GPU_TEMP", "61".to_owned()),
        ("DCGM_FI_DEV_POWER_USAGE", "611.5".to_owned()),
        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", (1_000_000 + 611 * n).to_string()),
        ("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "650".to_owned()),
    ]
    .map(|(name, value)| line(name, &value))
    .concat()
}

fn site(vllm: u16, dcgm: u16) -> String {
    format!(
        r#"format = 1
[site]
name = "pages"
[periods]
power = "50 ms"
[[place]]
id = "hall-1"
kind = "hall"
[[place]]
id = "rack-01"
kind = "rack"
in = "hall-1"
[[dcgm]]
id = "exporter"
url = "http://127.0.0.1:{dcgm}/metrics"
poll = "100 ms"
collect = "1 s"
[[node]]
id = "n1"
rack = "rack-01"
sku = "H100-SXM"
other-power = "100 W"
gpus = ["{UUID}"]
dcgm = "exporter"
[[power]]
id = "feed"
budget = "500 W"
serves = ["rack-01"]
[[prometheus]]
id = "chat-0"
url = "http://127.0.0.1:{vllm}/metrics"
engine = "vllm"
poll = "100 ms"
[[job]]
id = "chat"
kind = "serving"
nodes = ["n1"]
served-by = ["chat-0"]
labels = {{ model_name = "llama" }}
"#
    )
}

fn headroom(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `headroom points --gpus` says of the GPU.
fn gpu_is_dated_by_its_page(url: &str) {
    let gpus = headroom(&["points", "--gpus", "--url", url, "--format", "json"]);
    let gpus: serde_json::Value = serde_json::from_slice(&gpus.stdout).unwrap();
    let gpu = &gpus[0];
    // Half of 100 ms and what the host's clock may be off; stamps are ours.
    assert!(gpu["event_uncertainty_s"].as_f64().is_some_and(|s| s < 1.5), "{gpu}");
    assert_eq!((gpu["power_w"].as_f64(), gpu["clock"].is_null()), (Some(611.5), true), "{gpu}");
}

#[test]
fn a_job_and_a_gpu_are_known_by_their_pages_and_the_gpu_is_only_read() {
    let place = Place::new("pages");
    let (path, state) = (place.join("site.toml"), place.join("state"));
    std::fs::write(&path, site(serve(vllm), serve(dcgm))).unwrap();
    std::fs::create_dir_all(&state).unwrap();
    let path = path.display().to_string();

    let checked = headroom(&["check", &path]);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", text(&checked.stderr));
    assert!(said.contains("node `n1` are read from dcgm page `exporter`: read only"), "{said}");

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.args(["run", "--site", &path, "--policy", "balanced", "--http", &format!("127.0.0.1:{port}")]);
    let _run = Party::spawn(command.arg("--state").arg(&state), place.join("run.log"));
    let url = format!("http://127.0.0.1:{port}");
    let last = Arc::new(Mutex::new(serde_json::Value::Null));
    until(Duration::from_secs(30), "latencies of the job, tokens, and the GPU", || {
        let status = headroom(&["status", "--url", &url, "--format", "json"]);
        let Ok(view) = serde_json::from_slice::<serde_json::Value>(&status.stdout) else { return false };
        *last.lock().unwrap() = view.clone();
        view["served"][0]["time_to_first_token_p95_s"].is_number()
            && view["jobs"][0]["tokens"].as_f64().is_some_and(|t| t >= 500.0)
            && view["gpus_heard"] == 1
            && view["connections"].as_array().is_some_and(|c| {
                c.iter().any(|c| {
                    c["id"] == "exporter"
                        && c["state"].as_str().is_some_and(|s| s.contains("1 GPUs read only"))
                })
            })
    });
    let view = last.lock().unwrap().clone();
    let served = &view["served"][0];
    assert_eq!((served["job"].as_str(), served["page"].as_str()), (Some("chat"), Some("chat-0")), "{view}");
    assert_eq!(
        (served["requests_running"].as_f64(), served["requests_waiting"].as_f64()),
        (Some(3.0), Some(1.0))
    );
    let near = |key: &str, wanted: f64| {
        let value = served[key].as_f64().unwrap();
        assert!((value - wanted).abs() < 1e-9, "{key} {value}");
    };
    near("time_to_first_token_mean_s", 0.3);
    near("time_to_first_token_p50_s", 0.375);
    near("time_to_first_token_p95_s", 0.25 + 0.25 * 0.95);
    // Its budget is too small, and still nothing is asked of it.
    assert_eq!(
        (&view["gpus_read_only"], &view["commands_issued"], &view["writes"]),
        (&1.into(), &0.into(), &0.into())
    );
    let state_of = |id: &str| {
        let all = view["connections"].as_array().unwrap();
        all.iter().find(|c| c["id"] == id).map(|c| c["state"].as_str().unwrap().to_owned()).unwrap()
    };
    assert!(state_of("chat-0").contains("it has no `vllm:prompt_tokens_total`"), "{}", state_of("chat-0"));
    assert!(state_of("exporter").contains("field 140 (DCGM_FI_DEV_MEMORY_TEMP"), "{}", state_of("exporter"));
    gpu_is_dated_by_its_page(&url);
    let plain = text(&headroom(&["status", "--url", &url]).stdout);
    for part in ["GPUs 1/1 (1 read only)", "served job", "chat-0", "487.5 ms"] {
        assert!(plain.contains(part), "{part}\n{plain}");
    }
}
