//! How often an edge node may be asked to be born again.
//!
//! At once the first time, then not before [`FIRST`], twice as long after each request that stayed without an
//! answer, never longer than [`LAST`]. A rebirth says every metric of an edge node at once: asked too often it is
//! a load of its own.

use headroom_site::{Span, Stamp};

/// Shortest time between two requests to one edge node.
pub(crate) const FIRST: Span = Span::from_ms(5_000);
/// Longest.
const LAST: Span = Span::from_ms(300_000);

/// Requests to one edge node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    asked: Option<Stamp>,
    wait: Span,
}

impl Default for Limit {
    fn default() -> Self {
        Self { asked: None, wait: FIRST }
    }
}

impl Limit {
    /// True if one may be asked now; then it counts as asked.
    pub(crate) fn ask(&mut self, now: Stamp) -> bool {
        match self.asked {
            None => {}
            Some(asked) if now.since(asked) >= self.wait => {
                self.wait = Span::from_ns(self.wait.ns().saturating_mul(2)).min(LAST);
            }
            Some(_) => return false,
        }
        self.asked = Some(now);
        true
    }

    /// An edge node was born: the next request waits its shortest time only.
    pub(crate) const fn answered(&mut self) {
        self.wait = FIRST;
    }

    /// True if a request went out less than this ago.
    pub(crate) fn asked_within(&self, span: Span, now: Stamp) -> bool {
        self.asked.is_some_and(|asked| now.since(asked) < span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_long_each_time_and_short_again_after_an_answer() {
        let mut limit = Limit::default();
        let mut asked = Vec::new();
        for s in 0..100 {
            if limit.ask(Stamp::from_unix_ms(s * 1000)) {
                asked.push(s);
            }
        }
        assert_eq!(asked, [0, 5, 15, 35, 75]);
        limit.answered();
        assert!(limit.ask(Stamp::from_unix_ms(100_000)));
        for s in (200..4000).step_by(5) {
            limit.ask(Stamp::from_unix_ms(s * 1000));
        }
        assert!(limit.wait <= LAST);
    }
}
