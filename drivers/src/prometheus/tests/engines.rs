//! Pages as vLLM, SGLang, TGI and Triton write them, over a real socket: names, labels and layout as their projects publish
//! them, numbers made up.

use super::last_of;
use crate::prometheus::{PageStatus, start};
use crate::testing::pages::Server;
use crate::testing::{context, site, until};
use headroom_site::{Inbox, Quality, Reason, Site, Span};

/// A page of vLLM 0.11 with one engine, after so many requests of 0.03 s to the first token and so many of 0.3 s.
fn vllm(tokens: u32, fast: u32, slow: u32, started: f64) -> String {
    let model = "engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"";
    let all = fast + slow;
    let sum = f64::from(fast) * 0.03 + f64::from(slow) * 0.3;
    let mut page = format!(
        "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n\
         # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n\
         # HELP vllm:num_requests_running Number of requests in model execution batches.\n\
         # TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{{{model}}} 3.0\n\
         # TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{{{model}}} 1.0\n\
         # TYPE vllm:prompt_tokens_total counter\nvllm:prompt_tokens_total{{{model}}} 71234.0\n\
         # HELP vllm:generation_tokens_total Number of generation tokens processed.\n\
         # TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{{{model}}} {tokens}.0\n\
         vllm:generation_tokens_created{{{model}}} 1.7627e+09\n"
    );
    // The page of transition: the old name and the new one beside each other. Both together would be twice the truth.
    let names =
        ["time_to_first_token_seconds", "time_per_output_token_seconds", "inter_token_latency_seconds"];
    for name in names {
        page += &format!("# HELP vllm:{name} Histogram.\n# TYPE vllm:{name} histogram\n");
        for (le, n) in [("0.02", 0), ("0.04", fast), ("0.25", fast), ("0.5", all), ("+Inf", all)] {
            page += &format!("vllm:{name}_bucket{{engine=\"0\",le=\"{le}\",{}}} {n}.0\n", &model[11..]);
        }
        page += &format!("vllm:{name}_count{{{model}}} {all}.0\nvllm:{name}_sum{{{model}}} {sum}\n");
    }
    page
}

fn serving(engine: &str, port: u16, labels: &str) -> Site {
    site(&format!(
        "[[prometheus]]\nid = \"p\"\nurl = \"http://127.0.0.1:{port}/metrics\"\npoll = \"20 ms\"\nengine = \"{engine}\"\n\
         [[job]]\nid = \"chat\"\nkind = \"serving\"\nserved-by = [\"p\"]\n{labels}"
    ))
}

struct Bench {
    site: Site,
    context: crate::context::Context,
    inbox: Inbox,
    handle: crate::prometheus::Handle,
}

impl Bench {
    fn new(site: Site) -> Self {
        let context = context(Span::from_ms(100));
        let handle = start(&site, 0, context.clone());
        Self { site, context, inbox: Inbox::default(), handle }
    }

    /// Waits until a quantity says this.
    async fn says(&mut self, quantity: &str, wanted: f64) {
        let point = self.site.point(&format!("chat/p/{quantity}")).unwrap().index();
        let says =
            |i: &Inbox| last_of(i, point).is_some_and(|r| r.quality.is_usable() && near(r.value, wanted));
        until(&self.context, &mut self.inbox, says).await;
    }

    async fn is(&mut self, quantity: &str, quality: Quality) {
        let point = self.site.point(&format!("chat/p/{quantity}")).unwrap().index();
        until(&self.context, &mut self.inbox, |i| last_of(i, point).is_some_and(|r| r.quality == quality))
            .await;
    }

    fn status(&self) -> PageStatus {
        self.handle.status.lock().unwrap().clone()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.handle.task.abort();
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[tokio::test]
async fn vllm_tokens_and_latencies_of_each_interval() {
    let server = Server::open(vllm(5000, 1000, 0, 1.0)).await;
    let mut b = Bench::new(serving("vllm", server.port, ""));
    b.says("generation-tokens", 5000.0).await;
    b.says("prompt-tokens", 71234.0).await;
    b.says("requests-running", 3.0).await;
    b.says("requests-waiting", 1.0).await;
    // What was there at the first reading is of no interval.
    b.is("time-to-first-token-p95", Quality::Bad(Reason::NeverSeen)).await;
    // Ten of 0.03 s in (0.02, 0.04], ten of 0.3 s in (0.25, 0.5].
    server.say(vllm(5400, 1010, 10, 1.0));
    b.says("generation-tokens", 5400.0).await;
    b.says("time-to-first-token-p50", 0.04).await;
    b.says("time-to-first-token-p95", 0.25 + 0.25 * 0.9).await;
    b.says("time-to-first-token-mean", 0.165).await;
    b.says("time-per-output-token-mean", 0.165).await;
    assert!(b.status().missing.is_empty(), "{:?}", b.status());
    // Its host's clock is set, and its start with it: the process goes on.
    server.say(vllm(5410, 1010, 10, 4000.0));
    b.says("generation-tokens", 5410.0).await;
    // Another process, already beyond what its predecessor had: 6000 more tokens, not 590, and 20 slow requests.
    let now = b.context.clock.now().unix_ns() as f64 * 1e-9;
    server.say(vllm(6000, 1010, 20, now));
    b.says("generation-tokens", 11410.0).await;
    b.says("time-to-first-token-mean", (1010.0 * 0.03 + 20.0 * 0.3) / 1030.0).await;
    // Gone and back: what was counted meanwhile is not lost.
    server.break_down();
    b.is("generation-tokens", Quality::Bad(Reason::NoCommunication)).await;
    b.is("time-to-first-token-p50", Quality::Bad(Reason::NoCommunication)).await;
    server.say(vllm(6100, 1010, 20, now));
    b.says("generation-tokens", 11510.0).await;
    b.is("time-to-first-token-p50", Quality::Bad(Reason::NeverSeen)).await;
    // The job's tokens are these, and nothing else.
    let tokens: Vec<_> = b.site.jobs[0].tokens.iter().map(|p| b.site.points[p.index()].id.as_str()).collect();
    assert_eq!(tokens, ["chat/p/generation-tokens"]);
}

#[tokio::test]
async fn a_page_without_a_metric_is_told_by_its_name() {
    let page = "vllm:generation_tokens_total{model_name=\"a\",engine=\"0\"} 7\n\
                vllm:num_requests_running{model_name=\"b\",engine=\"0\"} 2\n";
    let server = Server::open(page.to_owned()).await;
    let mut b = Bench::new(serving("vllm", server.port, "labels = { model_name = \"a\" }\n"));
    b.says("generation-tokens", 7.0).await;
    b.is("requests-running", Quality::Bad(Reason::NotSupported)).await;
    b.is("time-per-output-token-mean", Quality::Bad(Reason::NotSupported)).await;
    for line in [
        "point `chat/p/requests-running`: it has `vllm:num_requests_running`, but none with model_name=\"a\"",
        "point `chat/p/time-per-output-token-p50`: it has no `vllm:inter_token_latency_seconds` or \
         `vllm:time_per_output_token_seconds`",
    ] {
        assert!(b.status().missing.iter().any(|m| m == line), "{line}: {:#?}", b.status().missing);
    }
    assert_eq!(b.status().missing.len(), 5, "a histogram is told once");
}

#[tokio::test]
async fn sglang_with_two_ranks() {
    let page = |n: u32| {
        let model = "model_name=\"meta-llama/Llama-3.1-8B-Instruct\"";
        let mut page =
            format!("sglang:num_running_reqs{{{model}}} 8.0\nsglang:num_queue_reqs{{{model}}} 2.0\n");
        for rank in 0..2 {
            let labels = format!("dp_rank=\"{rank}\",{model}");
            page += &format!("sglang:generation_tokens_total{{{labels}}} {}e+03\n", n + rank);
            page += &format!("sglang:prompt_tokens_total{{{labels}}} {n}\n");
            for name in ["time_to_first_token_seconds", "time_per_output_token_seconds"] {
                page += &format!("sglang:{name}_sum{{{labels}}} {}\n", f64::from(n) * 0.5);
                for (le, n) in [("0.001", 0), ("1.0", n), ("+Inf", n)] {
                    page += &format!("sglang:{name}_bucket{{le=\"{le}\",{labels}}} {n}.0\n");
                }
                page += &format!("sglang:{name}_count{{{labels}}} {n}.0\n");
            }
        }
        page
    };
    let server = Server::open(page(10)).await;
    let mut b = Bench::new(serving("sglang", server.port, ""));
    b.says("generation-tokens", 21_000.0).await;
    server.say(page(14));
    b.says("generation-tokens", 29_000.0).await;
    b.says("requests-running", 8.0).await;
    b.says("requests-waiting", 2.0).await;
    b.says("time-to-first-token-mean", 0.5).await;
    b.says("time-per-output-token-p50", 0.001 + 0.999 * 0.5).await;
    assert!(b.status().missing.is_empty(), "{:?}", b.status());
}

#[tokio::test]
async fn tgi_counts_by_sums_and_keeps_no_time_to_first_token() {
    let page = |n: u32| {
        let mut page =
            "# TYPE tgi_queue_size gauge\ntgi_queue_size 4\ntgi_batch_current_size 16\n".to_owned();
        for (name, each) in [("tgi_request_generated_tokens", 100), ("tgi_request_input_length", 30)] {
            page += &format!(
                "# TYPE {name} histogram\n{name}_bucket{{le=\"128\"}} {n}\n{name}_bucket{{le=\"+Inf\"}} {n}\n"
            );
            page += &format!("{name}_sum {}\n{name}_count {n}\n", n * each);
        }
        let name = "tgi_request_mean_time_per_token_duration";
        page += &format!("{name}_bucket{{le=\"0.01\"}} 0\n{name}_bucket{{le=\"0.02\"}} {n}\n");
        page + &format!(
            "{name}_bucket{{le=\"+Inf\"}} {n}\n{name}_sum {}\n{name}_count {n}\n",
            f64::from(n) * 0.015
        )
    };
    let server = Server::open(page(5)).await;
    let mut b = Bench::new(serving("tgi", server.port, ""));
    assert_eq!(b.site.point("chat/p/time-to-first-token-p50"), None);
    b.says("generation-tokens", 500.0).await;
    server.say(page(9));
    b.says("generation-tokens", 900.0).await;
    b.says("prompt-tokens", 270.0).await;
    b.says("requests-running", 16.0).await;
    b.says("requests-waiting", 4.0).await;
    b.says("time-per-output-token-mean", 0.015).await;
    assert!(b.status().missing.is_empty(), "{:?}", b.status());
}

#[tokio::test]
async fn triton_with_tensorrt_llm() {
    let page = |n: u32| {
        let model = "model=\"tensorrt_llm\",version=\"1\"";
        let mut page = String::new();
        for (kind, n) in [("active", 9), ("max", 64), ("scheduled", 6), ("context", 2), ("waiting", 3)] {
            page += &format!(
                "nv_trt_llm_request_metrics{{model=\"tensorrt_llm\",request_type=\"{kind}\",version=\"1\"}} {n}\n"
            );
        }
        for (name, kind, each) in
            [("output", "total_output_tokens", 200), ("input", "total_input_tokens", 50)]
        {
            let labels = format!("model=\"tensorrt_llm\",response_metric_type=\"{kind}\",version=\"1\"");
            page += &format!(
                "nv_llm_{name}_token_len_count{{{labels}}} {n}\nnv_llm_{name}_token_len_sum{{{labels}}} {}\n",
                n * each
            );
        }
        let name = "nv_inference_first_response_histogram_ms";
        for (le, n) in [("100", 0), ("500", n), ("+Inf", n)] {
            page += &format!("{name}_bucket{{{model},le=\"{le}\"}} {n}\n");
        }
        page + &format!("{name}_sum{{{model}}} {}\n{name}_count{{{model}}} {n}\n", n * 250)
    };
    let server = Server::open(page(10)).await;
    let mut b = Bench::new(serving("triton", server.port, ""));
    b.says("generation-tokens", 2000.0).await;
    b.says("requests-running", 6.0).await;
    b.says("requests-waiting", 3.0).await;
    server.say(page(30));
    b.says("generation-tokens", 6000.0).await;
    b.says("prompt-tokens", 1500.0).await;
    // Milliseconds of the page are seconds here.
    b.says("time-to-first-token-mean", 0.25).await;
    b.says("time-to-first-token-p50", 0.3).await;
    b.is("time-per-output-token-p50", Quality::Bad(Reason::NotSupported)).await;
    assert_eq!(b.status().missing.len(), 1, "{:?}", b.status());
}
