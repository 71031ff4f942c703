//! Inference engines: whose page it is, and what it says of a job.
//!
//! Responsible for: the words. Not for: what an engine calls its metrics (drivers, `prometheus::engines`).

use crate::quantity::Unit;
use std::fmt;

/// An inference engine with a page of Prometheus metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face text-generation-inference.
    Tgi,
    /// Triton Inference Server, with the backend TensorRT-LLM or vLLM.
    Triton,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vllm, Self::Sglang, Self::Tgi, Self::Triton];

    /// Its word in a site file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Tgi => "tgi",
            Self::Triton => "triton",
        }
    }

    /// False for what its pages never have: TGI keeps no time to first token, Triton with TensorRT-LLM no time per
    /// token (with vLLM it does).
    #[must_use]
    pub const fn offers(self, quantity: EngineQuantity) -> bool {
        !matches!((self, quantity), (Self::Tgi, EngineQuantity::Latency(Latency::FirstToken, _)))
    }
}

/// A latency that engines keep a histogram of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Latency {
    /// From the request to its first token.
    FirstToken,
    /// From one token to the next.
    PerOutputToken,
}

/// What is taken of a latency, over the requests between two readings of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// Median.
    P50,
    /// 95th percentile.
    P95,
    /// Mean.
    Mean,
    /// How many they are.
    Count,
}

/// What an engine's page says of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineQuantity {
    /// Tokens generated, a counter.
    GenerationTokens,
    /// Tokens of prompts, a counter.
    PromptTokens,
    /// Requests being served.
    RequestsRunning,
    /// Requests that wait.
    RequestsWaiting,
    /// A latency of the requests since the last reading, s, or how many they are.
    Latency(Latency, Statistic),
}

impl EngineQuantity {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::GenerationTokens,
        Self::PromptTokens,
        Self::RequestsRunning,
        Self::RequestsWaiting,
        Self::Latency(Latency::FirstToken, Statistic::P50),
        Self::Latency(Latency::FirstToken, Statistic::P95),
        Self::Latency(Latency::FirstToken, Statistic::Mean),
        Self::Latency(Latency::FirstToken, Statistic::Count),
        Self::Latency(Latency::PerOutputToken, Statistic::P50),
        Self::Latency(Latency::PerOutputToken, Statistic::P95),
        Self::Latency(Latency::PerOutputToken, Statistic::Mean),
        Self::Latency(Latency::PerOutputToken, Statistic::Count),
    ];

    /// True for what only rises.
    #[must_use]
    pub const fn is_counter(self) -> bool {
        matches!(self, Self::GenerationTokens | Self::PromptTokens)
    }

    /// The point type.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::GenerationTokens => "GenerationTokens",
            Self::PromptTokens => "PromptTokens",
            Self::RequestsRunning => "RequestsRunning",
            Self::RequestsWaiting => "RequestsWaiting",
            Self::Latency(Latency::FirstToken, _) => "TimeToFirstToken",
            Self::Latency(Latency::PerOutputToken, _) => "TimePerOutputToken",
        }
    }

    /// The unit of its point.
    #[must_use]
    pub fn unit(self) -> Option<Unit> {
        Unit::of(match self {
            Self::GenerationTokens | Self::PromptTokens => "tokens",
            Self::RequestsRunning | Self::RequestsWaiting | Self::Latency(_, Statistic::Count) => "count",
            Self::Latency(..) => "s",
        })
    }
}

impl fmt::Display for EngineQuantity {
    /// The end of its point's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, statistic) = match self {
            Self::GenerationTokens => return f.write_str("generation-tokens"),
            Self::PromptTokens => return f.write_str("prompt-tokens"),
            Self::RequestsRunning => return f.write_str("requests-running"),
            Self::RequestsWaiting => return f.write_str("requests-waiting"),
            Self::Latency(Latency::FirstToken, statistic) => ("time-to-first-token", statistic),
            Self::Latency(Latency::PerOutputToken, statistic) => ("time-per-output-token", statistic),
        };
        let statistic = match statistic {
            Statistic::P50 => "p50",
            Statistic::P95 => "p95",
            Statistic::Mean => "mean",
            Statistic::Count => "count",
        };
        write!(f, "{of}-{statistic}")
    }
}
