//! How old the daemon's last answer is, and whether its loop ticks.
//!
//! ```text
//! waiting --answer, tick--> live --3.5 s without an answer, or five periods without a tick--> stale --answer, tick--> live
//! ```
//!
//! Responsible for: the state, its reason and its age. Not for: asking (`poll`).

use crate::run::view::View;
use crate::say;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Without an answer, or a tick, for so long nothing is shown as new.
const FRESH: Duration = Duration::from_millis(3500);
/// Ticks may be slower than answers: so many periods of the loop.
const PERIODS: u32 = 5;
/// The period that is thought of before one is known, and the least.
const PERIOD: Duration = Duration::from_secs(1);
const PERIOD_LEAST: Duration = Duration::from_millis(200);

/// May what is shown be believed?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has come yet.
    Waiting,
    /// As new as the daemon has it.
    Live,
    /// It may no longer hold.
    Stale,
}

/// The state in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Freshness {
    pub(super) state: State,
    pub(super) says: String,
}

/// An instant on this device's own clocks.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    unix_ms: i64,
}

/// When the daemon last answered and last ticked.
#[derive(Debug, Default)]
pub(super) struct Link {
    answered: Option<Moment>,
    ticked: Option<Moment>,
    ticks: u64,
    period: Option<Duration>,
    why: Option<String>,
}

impl Link {
    /// A status has come.
    pub(super) fn took(&mut self, status: &View, at: Instant) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Moment { at, unix_ms: i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX) };
        self.answered = Some(now);
        self.why = None;
        if self.ticked.is_none() || status.ticks != self.ticks {
            self.ticks = status.ticks;
            self.ticked = Some(now);
            let period_ms = u64::try_from(status.next_unix_ms - status.unix_ms).unwrap_or(0);
            self.period = Some(Duration::from_millis(period_ms).max(PERIOD_LEAST));
        }
    }

    /// None has come.
    pub(super) fn missed(&mut self, why: String) {
        self.why = Some(why);
    }

    /// The state at an instant, of what was said last.
    pub(super) fn freshness(&self, status: Option<&View>, now: Instant) -> Freshness {
        let (Some(answered), Some(ticked), Some(status)) = (self.answered, self.ticked, status) else {
            return match &self.why {
                Some(why) => stale(&format!("no answer yet ({why}). Trying again every second.")),
                None => waiting("for the first answer of the daemon."),
            };
        };
        if status.ticks == 0 {
            return waiting("for the first tick of the daemon.");
        }
        let shown = format!(
            "Shown are the values of {}, greyed: they may no longer hold. Trying again every second.",
            say::stamp(&status.time)
        );
        let since = |m: Moment| {
            let age = now.duration_since(m.at).as_secs();
            format!("for {age} s, since {}, this device's time", say::clock(m.unix_ms))
        };
        if now.duration_since(answered.at) > FRESH {
            let why = self.why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
            return stale(&format!("no answer {}{why}. {shown}", since(answered)));
        }
        if now.duration_since(ticked.at) > FRESH.max(self.period.unwrap_or(PERIOD) * PERIODS) {
            return stale(&format!(
                "no tick {}: the daemon answers, but its loop stands. {shown}",
                since(ticked)
            ));
        }
        Freshness {
            state: State::Live,
            says: format!(
                "Live: figures of {}, tick {}.",
                say::clock(status.pairs.seen_unix_ms),
                status.ticks
            ),
        }
    }
}

/// Waiting, and for what.
fn waiting(what: &str) -> Freshness {
    Freshness { state: State::Waiting, says: format!("Waiting {what}") }
}

/// Stale, and why.
pub(super) fn stale(why: &str) -> Freshness {
    Freshness { state: State::Stale, says: format!("Stale: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_lives_goes_stale_and_lives_again() {
        let (mut link, begun) = (Link::default(), Instant::now());
        let at = |s: f64| begun + Duration::from_secs_f64(s);
        assert_eq!(link.freshness(None, at(0.0)).state, State::Waiting);
        link.missed("no connection".to_owned());
        let none = link.freshness(None, at(1.0));
        assert!(
            none.state == State::Stale && none.says.contains("no answer yet (no connection)"),
            "{none:?}"
        );
        let mut status = View { time: "2025-07-18T12:05:15.500Z".into(), ..View::default() };
        link.took(&status, at(2.0));
        assert!(link.freshness(Some(&status), at(2.0)).says.contains("first tick"));
        (status.ticks, status.next_unix_ms) = (1, 1000);
        link.took(&status, at(3.0));
        assert_eq!(link.freshness(Some(&status), at(6.0)).state, State::Live);
        let lost = link.freshness(Some(&status), at(15.0));
        assert_eq!(lost.state, State::Stale);
        for part in ["no answer for 12 s", "2025-07-18 12:05:15 UTC", "greyed"] {
            assert!(lost.says.contains(part), "{}", lost.says);
        }
        link.took(&status, at(15.0));
        let stands = link.freshness(Some(&status), at(15.5));
        assert!(stands.state == State::Stale && stands.says.contains("its loop stands"), "{stands:?}");
        status.ticks = 2;
        link.took(&status, at(16.0));
        assert_eq!(link.freshness(Some(&status), at(16.0)).state, State::Live);
    }

    #[test]
    fn a_slow_loop_has_five_of_its_periods() {
        let (mut link, begun) = (Link::default(), Instant::now());
        let status = View { ticks: 1, next_unix_ms: 10_000, ..View::default() };
        for s in [0, 49] {
            link.took(&status, begun + Duration::from_secs(s));
        }
        assert_eq!(link.freshness(Some(&status), begun + Duration::from_secs(49)).state, State::Live);
        link.took(&status, begun + Duration::from_secs(51));
        assert_eq!(link.freshness(Some(&status), begun + Duration::from_secs(51)).state, State::Stale);
    }
}
