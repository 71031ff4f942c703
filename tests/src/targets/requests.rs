//! Request traces.

use super::Target;
use super::text::{lines, text};
use headroom_truth::work::{TraceError, parse_requests};

/// Request traces.
pub const REQUESTS: Target = Target { name: "requests", body: read, bytes_per_byte: 64 };

fn read(input: &[u8]) {
    let text = text(input);
    match parse_requests(&text) {
        Ok(requests) => {
            assert!(requests.first().is_some_and(|r| r.arrival_s == 0.0), "{:?}", requests.first());
            assert!(requests.windows(2).all(|w| w[0].arrival_s <= w[1].arrival_s), "not in order");
            assert!(requests.iter().all(|r| r.output_tokens > 0 && r.arrival_s.is_finite()));
        }
        Err(error) => {
            let (TraceError::Header { line, .. }
            | TraceError::Columns { line, .. }
            | TraceError::Arrival { line, .. }
            | TraceError::Tokens { line, .. }
            | TraceError::Empty { line }) = error;
            assert!((1..=lines(&text)).contains(&line), "{} lines: {error}", lines(&text));
        }
    }
}
