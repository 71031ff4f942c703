//! One turn of the loop: when it is due, and what goes out.
//!
//! Responsible for: the rules that the daemon and everybody who plays it share. Not for: deciding.

use anyhow::Result;
use headroom_core::Tick;
use headroom_drivers::Clock;
use headroom_site::{Field, Span, Stamp};

/// Periods after which a decision is not written any more.
pub(crate) const TOO_LATE: i64 = 5;

/// Nothing is sent that was not kept first, nor what has waited too long since; the heartbeat goes on only after a tick whose
/// read-backs all verified. False where something was not sent: a process that stood between decision and writing decides anew.
///
/// # Errors
/// The tick was not kept.
pub(crate) fn carry_out(
    tick: &Tick,
    kept: Result<()>,
    is_late: impl Fn() -> bool,
    field: &mut impl Field,
) -> Result<bool> {
    kept?;
    for command in &tick.commands {
        // Neither a bus nor a register knows how old an order is.
        if is_late() {
            return Ok(false);
        }
        field.send(command);
    }
    if tick.verified && !is_late() {
        field.beat();
    }
    Ok(true)
}

/// Has a decision waited too long? A successor may have taken over meanwhile.
pub(crate) fn is_too_late(age: Span, period: Span) -> bool {
    age.ns() > period.ns().max(1_000_000_000).saturating_mul(TOO_LATE)
}

/// The first multiple of a period after now, so that ticks of all processes fall together.
pub(super) fn next_multiple(now: Stamp, period: Span) -> Stamp {
    let p = period.ns().max(1);
    Stamp::from_tai_ns((now.tai_ns().div_euclid(p) + 1) * p)
}

/// Steps back that are waited out: until then neither the BMS nor an agent takes the controller for dead.
pub(crate) const WAITED_OUT: Span = Span::from_ms(20_000);

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
    use headroom_guard::CapsVerdict;
    use headroom_site::command::SetpointCommand;
    use headroom_site::{ActuatorId, Command, Inbox};
    use std::cell::Cell;

    #[derive(Default)]
    struct Heard(Vec<Command>, u32);

    impl Field for Heard {
        fn drain(&mut self, _: &mut Inbox) {}
        fn send(&mut self, command: &Command) {
            self.0.push(command.clone());
        }
        fn beat(&mut self) {
            self.1 += 1;
        }
        fn release(&mut self) {}
    }

    #[test]
    fn what_is_not_kept_or_has_waited_is_not_written() {
        let setpoint = SetpointCommand {
            actuator: ActuatorId(0),
            value: Some(30.0),
            epoch: 1,
            sequence: 1,
            stamp: Stamp::default(),
            ttl_ms: 90_000,
            reason: String::new(),
        };
        let tick = Tick {
            stamp: Stamp::default(),
            commands: vec![Command::Setpoint(setpoint.clone()), Command::Setpoint(setpoint)],
            advice: Vec::new(),
            caps: CapsVerdict::Allow,
            caps_bind: false,
            verified: true,
        };
        let mut heard = Heard::default();
        assert!(carry_out(&tick, Err(anyhow::anyhow!("full")), || false, &mut heard).is_err());
        assert!(!carry_out(&tick, Ok(()), || true, &mut heard).unwrap());
        assert_eq!((heard.0.len(), heard.1), (0, 0));
        // It stands between two writes.
        let asked = Cell::new(0);
        let late = || asked.replace(asked.get() + 1) > 0;
        assert!(!carry_out(&tick, Ok(()), late, &mut heard).unwrap());
        assert_eq!((heard.0.len(), heard.1), (1, 0));
        assert!(carry_out(&tick, Ok(()), || false, &mut heard).unwrap());
        assert_eq!((heard.0.len(), heard.1), (3, 1));
        let second = Span::from_ms(1000);
        assert!(!is_too_late(Span::from_ms(5000), second) && is_too_late(Span::from_ms(5001), second));
    }

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
