//! One turn of the loop: when it is due, and what goes out.
//!
//! Responsible for: the rules that the daemon and everybody who plays it share. Not for: deciding.

use anyhow::Result;
use headroom_core::Tick;
use headroom_drivers::Clock;
use headroom_site::{Field, Span, Stamp};

/// Nothing is sent that was not kept first; the heartbeat goes on only after a tick whose read-backs all verified.
///
/// # Errors
/// The tick was not kept.
pub(crate) fn carry_out(tick: &Tick, kept: Result<()>, field: &mut impl Field) -> Result<()> {
    kept?;
    for command in &tick.commands {
        field.send(command);
    }
    if tick.verified {
        field.beat();
    }
    Ok(())
}

/// The first multiple of a period after now, so that ticks of all processes fall together.
pub(super) fn next_multiple(now: Stamp, period: Span) -> Stamp {
    let p = period.ns().max(1);
    Stamp::from_tai_ns((now.tai_ns().div_euclid(p) + 1) * p)
}

/// Steps back that are waited out: until then neither the BMS nor an agent takes the controller for dead.
const WAITED_OUT: Span = Span::from_ms(20_000);

/// Was the clock set back so far behind the tick that is due that it is not to be waited for?
///
/// Whoever waited would be silent until the time has come again, while every stamp known lies in the future.
pub(crate) fn is_set_back(now: Stamp, due: Stamp, period: Span) -> bool {
    due.since(now).ns() > period.ns().saturating_add(WAITED_OUT.ns())
}

/// Sleeps until an instant, or until the clock has been set back.
pub(super) async fn until(clock: &Clock, due: Stamp, period: Span) {
    loop {
        let left = due.since(clock.now());
        if left.ns() <= 0 || is_set_back(clock.now(), due, period) {
            return;
        }
        tokio::time::sleep(clock.nap(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_not_waited_for() {
        let (period, now) = (Span::from_ms(1000), Stamp::from_unix_ms(1_700_000_000_000));
        let due = next_multiple(now, period);
        assert!(due > now && !is_set_back(now, due, period));
        assert!(!is_set_back(now - Span::from_ms(15_000), due, period));
        assert!(is_set_back(now - Span::from_ms(3_600_000), due, period));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let began = std::time::Instant::now();
        runtime.block_on(until(&Clock::host(), Clock::host().now() + Span::from_ms(3_600_000), period));
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "nobody waits an hour");
    }
}
