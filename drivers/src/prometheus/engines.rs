//! What inference engines call their metrics.
//!
//! Responsible for: the names of each [`EngineQuantity`] by engine and version. Not for: reading them (`wanted`).
//!
//! Names drift from version to version, so there may be several: the first that a page has counts, and no two are ever
//! added up (a page of transition has both). Sources: each project's page of metrics, and the code that writes it.
//!
//! | quantity | vLLM | SGLang | TGI | Triton |
//! | --- | --- | --- | --- | --- |
//! | tokens | `vllm:generation_tokens_total` | `sglang:generation_tokens_total` | sum of `tgi_request_generated_tokens` | sum of `nv_llm_output_token_len` |
//! | running | `vllm:num_requests_running` | `sglang:num_running_reqs` | `tgi_batch_current_size` | `nv_trt_llm_request_metrics{request_type="scheduled"}` |
//! | first token | `vllm:time_to_first_token_seconds` | the same of `sglang:` | none | `nv_inference_first_response_histogram_ms` |
//! | per token | `vllm:inter_token_latency_seconds`, before 0.11 `time_per_output_token_seconds` | the same of `sglang:` | `tgi_request_mean_time_per_token_duration` | of the vLLM backend |
//!
//! Three of them are not quite what their column says. TGI and TensorRT-LLM count tokens when a request ends. TGI's time per token
//! is a mean of each request and has its prefill in it. Triton's first response is the first token only where responses are
//! streamed, and is there only with `--metrics-config histogram_latencies=true`.

use headroom_site::model::{Engine, EngineQuantity, Latency};

/// A metric under which a quantity may stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    /// Labels that tell it from others of the same name.
    pub(super) labels: &'static [(&'static str, &'static str)],
    /// The quantity's unit per unit of the metric.
    pub(super) scale: f64,
}

const fn metric(name: &'static str) -> Metric {
    Metric { name, labels: &[], scale: 1.0 }
}

const fn request_type(labels: &'static [(&'static str, &'static str)]) -> Metric {
    Metric { name: "nv_trt_llm_request_metrics", labels, scale: 1.0 }
}

/// The metrics of a quantity, the preferred one first.
pub(super) const fn metrics(engine: Engine, quantity: EngineQuantity) -> &'static [Metric] {
    use EngineQuantity as Q;
    match (engine, quantity) {
        (Engine::Vllm, Q::GenerationTokens) => {
            const { &[metric("vllm:generation_tokens_total"), metric("vllm:generation_tokens")] }
        }
        (Engine::Vllm, Q::PromptTokens) => {
            const { &[metric("vllm:prompt_tokens_total"), metric("vllm:prompt_tokens")] }
        }
        (Engine::Vllm, Q::RequestsRunning) => const { &[metric("vllm:num_requests_running")] },
        (Engine::Vllm, Q::RequestsWaiting) => const { &[metric("vllm:num_requests_waiting")] },
        (Engine::Vllm, Q::Latency(Latency::FirstToken, _)) => {
            const { &[metric("vllm:time_to_first_token_seconds")] }
        }
        (Engine::Vllm, Q::Latency(Latency::PerOutputToken, _)) => {
            const { &[metric("vllm:inter_token_latency_seconds"), metric("vllm:time_per_output_token_seconds")] }
        }
        (Engine::Sglang, Q::GenerationTokens) => const { &[metric("sglang:generation_tokens_total")] },
        (Engine::Sglang, Q::PromptTokens) => const { &[metric("sglang:prompt_tokens_total")] },
        (Engine::Sglang, Q::RequestsRunning) => const { &[metric("sglang:num_running_reqs")] },
        (Engine::Sglang, Q::RequestsWaiting) => const { &[metric("sglang:num_queue_reqs")] },
        (Engine::Sglang, Q::Latency(Latency::FirstToken, _)) => {
            const { &[metric("sglang:time_to_first_token_seconds")] }
        }
        (Engine::Sglang, Q::Latency(Latency::PerOutputToken, _)) => {
            const {
                &[
                    metric("sglang:inter_token_latency_seconds"),
                    metric("sglang:time_per_output_token_seconds"),
                ]
            }
        }
        (Engine::Tgi, _) => tgi(quantity),
        (Engine::Triton, _) => triton(quantity),
    }
}

const fn tgi(quantity: EngineQuantity) -> &'static [Metric] {
    use EngineQuantity as Q;
    match quantity {
        Q::GenerationTokens => const { &[metric("tgi_request_generated_tokens_sum")] },
        Q::PromptTokens => const { &[metric("tgi_request_input_length_sum")] },
        Q::RequestsRunning => const { &[metric("tgi_batch_current_size")] },
        Q::RequestsWaiting => const { &[metric("tgi_queue_size")] },
        Q::Latency(Latency::FirstToken, _) => &[],
        Q::Latency(Latency::PerOutputToken, _) => {
            const { &[metric("tgi_request_mean_time_per_token_duration")] }
        }
    }
}

/// With TensorRT-LLM, else with the backend vLLM, which shows vLLM's own names.
const fn triton(quantity: EngineQuantity) -> &'static [Metric] {
    use EngineQuantity as Q;
    match quantity {
        Q::GenerationTokens => {
            const { &[metric("nv_llm_output_token_len_sum"), metric("vllm:generation_tokens_total")] }
        }
        Q::PromptTokens => {
            const { &[metric("nv_llm_input_token_len_sum"), metric("vllm:prompt_tokens_total")] }
        }
        Q::RequestsRunning => {
            const { &[request_type(&[("request_type", "scheduled")]), metric("vllm:num_requests_running")] }
        }
        Q::RequestsWaiting => {
            const {
                &[
                    request_type(&[("request_type", "waiting")]),
                    metric("vllm:num_requests_waiting"),
                    metric("nv_inference_pending_request_count"),
                ]
            }
        }
        Q::Latency(Latency::FirstToken, _) => {
            const {
                &[
                    metric("vllm:time_to_first_token_seconds"),
                    Metric { name: "nv_inference_first_response_histogram_ms", labels: &[], scale: 1e-3 },
                ]
            }
        }
        Q::Latency(Latency::PerOutputToken, _) => {
            const { &[metric("vllm:inter_token_latency_seconds"), metric("vllm:time_per_output_token_seconds")] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_offers_has_a_name_and_what_it_does_not_has_none() {
        for engine in Engine::ALL {
            for quantity in EngineQuantity::ALL {
                let named = !metrics(engine, quantity).is_empty();
                assert_eq!(named, engine.offers(quantity), "{} {quantity}", engine.word());
            }
        }
    }
}
