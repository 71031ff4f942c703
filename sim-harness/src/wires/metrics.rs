//! The jobs' metrics page, under the names that the vLLM inference engine uses.
//!
//! A training job has no such engine; it shows its tokens under the same counter with
//! `engine="training"`, so that one query sums the output of the factory. Text format:
//! Prometheus exposition 0.0.4.

use std::fmt::{self, Display, Write as _};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::plate::{JobKind, JobStats, Plate};
use crate::engine::Histogram;

/// Opens the page's port on loopback. Port 0 = any.
pub(super) fn bind(port: u16) -> io::Result<(StdListener, SocketAddr)> {
    super::modbus::bind(port)
}

/// Serves `GET /metrics` until `stop` is done.
pub(super) async fn serve(
    listener: StdListener,
    plate: Plate,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let router = Router::new().route("/metrics", get(page)).with_state(plate);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn page(State(plate): State<Plate>) -> impl IntoResponse {
    let jobs = plate.with(|shared| shared.jobs.clone());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], render(&jobs))
}

/// One metric of every job it applies to.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    training_too: bool,
    value: fn(&JobStats) -> f64,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "vllm:prompt_tokens_total",
        kind: "counter",
        help: "Number of prefill tokens processed.",
        training_too: false,
        value: |j| j.prompt_tokens,
    },
    Family {
        name: "vllm:generation_tokens_total",
        kind: "counter",
        help: "Number of generation tokens processed.",
        training_too: true,
        value: |j| j.generation_tokens,
    },
    Family {
        name: "vllm:num_requests_running",
        kind: "gauge",
        help: "Number of requests in model execution batches.",
        training_too: false,
        value: |j| j.requests_running,
    },
    Family {
        name: "vllm:num_requests_waiting",
        kind: "gauge",
        help: "Number of requests waiting to be processed.",
        training_too: false,
        value: |j| j.requests_waiting,
    },
];

/// The page.
pub(super) fn render(jobs: &[JobStats]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut out, jobs);
    out
}

fn write_page(out: &mut String, jobs: &[JobStats]) -> fmt::Result {
    for family in FAMILIES {
        let Family { name, kind, help, .. } = family;
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        for job in jobs.iter().filter(|j| family.training_too || j.kind == JobKind::Serving) {
            writeln!(out, "{name}{{{}}} {}", Labels(job), (family.value)(job))?;
        }
    }
    let first: fn(&JobStats) -> &Histogram = |j| &j.first_token;
    write_histogram(out, jobs, "vllm:time_to_first_token_seconds", "time to first token", first)?;
    let further: fn(&JobStats) -> &Histogram = |j| &j.inter_token;
    write_histogram(
        out,
        jobs,
        "vllm:inter_token_latency_seconds",
        "inter-token latency, mean by request",
        further,
    )
}

fn write_histogram(
    out: &mut String,
    jobs: &[JobStats],
    name: &str,
    what: &str,
    of: fn(&JobStats) -> &Histogram,
) -> fmt::Result {
    writeln!(out, "# HELP {name} Histogram of {what} in seconds.\n# TYPE {name} histogram")?;
    for job in jobs.iter().filter(|j| j.kind == JobKind::Serving) {
        let (labels, Histogram { bounds_s, counts, count, sum_s }) = (Labels(job), of(job));
        for (bound, count) in bounds_s.iter().zip(counts) {
            writeln!(out, "{name}_bucket{{{labels},le=\"{bound:?}\"}} {count}")?;
        }
        writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}")?;
        writeln!(out, "{name}_sum{{{labels}}} {sum_s}\n{name}_count{{{labels}}} {count}")?;
    }
    Ok(())
}

struct Labels<'a>(&'a JobStats);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match self.0.kind {
            JobKind::Serving => "0",
            JobKind::Training => "training",
        };
        write!(f, "engine=\"{engine}\",job=\"")?;
        escape(f, &self.0.job)?;
        f.write_str("\",model_name=\"")?;
        escape(f, &self.0.model_name)?;
        f.write_char('"')
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        '\\' => f.write_str("\\\\"),
        '"' => f.write_str("\\\""),
        '\n' => f.write_str("\\n"),
        other => f.write_char(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_line_per_job_and_metric() {
        let serving = JobStats {
            job: "chat".into(),
            model_name: "llama \"70b\"".into(),
            prompt_tokens: 10.0,
            generation_tokens: 12.5,
            requests_running: 3.0,
            first_token: Histogram { bounds_s: &[0.25, 0.5], counts: vec![1, 3], count: 3, sum_s: 0.75 },
            ..JobStats::default()
        };
        let training = JobStats { job: "train".into(), kind: JobKind::Training, ..JobStats::default() };
        let page = render(&[serving, training]);
        let chat = r#"engine="0",job="chat",model_name="llama \"70b\"""#;
        for line in [
            format!("vllm:prompt_tokens_total{{{chat}}} 10"),
            format!("vllm:generation_tokens_total{{{chat}}} 12.5"),
            format!("vllm:time_to_first_token_seconds_bucket{{{chat},le=\"0.25\"}} 1"),
            format!("vllm:time_to_first_token_seconds_bucket{{{chat},le=\"+Inf\"}} 3"),
            format!("vllm:time_to_first_token_seconds_sum{{{chat}}} 0.75"),
            r#"vllm:generation_tokens_total{engine="training",job="train",model_name=""} 0"#.to_owned(),
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        }
        assert_eq!(page.matches("job=\"train\"").count(), 1);
    }
}
