//! The order of an edge node's messages: numbers 0 to 255 and round again, from its birth on.
//!
//! ```text
//!            next number                  the missing one comes
//!  [in order] ----------> [in order]   +-----------------------> [in order], held ones follow
//!      |                               |
//!      +--- a number ahead ------> [holding] --- window ends ---> gap: held ones follow, a rebirth is due
//! ```
//!
//! A number at most [`BEHIND`] back is a duplicate or came too late, unless its payload is newer than what was
//! taken last: then so many were lost that the count went round.

use headroom_site::{Span, Stamp};

/// Numbers back that count as said again.
const BEHIND: u8 = 16;
/// Messages held while one is missing.
const HELD: usize = 64;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the next one; others may follow ([`Sequence::follow`]).
    Next,
    /// At least one is missing before it.
    Ahead,
    /// It was here before, or comes too late.
    Behind,
}

/// What the time of its payload says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Newer than everything taken so far.
    Newer,
    /// Neither newer than everything nor from before the birth.
    Usual,
    /// From before the birth.
    BeforeBirth,
}

/// The sequence of one edge node since its birth.
#[derive(Debug)]
pub(crate) struct Sequence<T> {
    next: u8,
    /// Number, arrival, message.
    held: Vec<(u8, Stamp, T)>,
}

impl<T> Sequence<T> {
    /// After a birth with this number.
    pub(crate) const fn after(birth: u8) -> Self {
        Self { next: birth.wrapping_add(1), held: Vec::new() }
    }

    /// Where a message stands; if it is the next one, the one after it is next.
    pub(crate) fn place(&mut self, seq: u8, age: Age) -> Place {
        let ahead = seq.wrapping_sub(self.next);
        if ahead == 0 {
            self.next = self.next.wrapping_add(1);
            return Place::Next;
        }
        let back = ahead > u8::MAX - BEHIND && age != Age::Newer;
        if back || age == Age::BeforeBirth || self.held.iter().any(|(s, ..)| *s == seq) {
            return Place::Behind;
        }
        Place::Ahead
    }

    /// Keeps a message that is ahead; `false` if too many wait for what is missing.
    pub(crate) fn hold(&mut self, seq: u8, message: T, now: Stamp) -> bool {
        self.held.push((seq, now, message));
        self.held.len() <= HELD
    }

    /// A held message whose turn has come.
    pub(crate) fn follow(&mut self) -> Option<T> {
        let place = self.held.iter().position(|(s, ..)| *s == self.next)?;
        self.next = self.next.wrapping_add(1);
        Some(self.held.swap_remove(place).2)
    }

    /// True if a message has been missing for longer than the window.
    pub(crate) fn is_overdue(&self, now: Stamp, window: Span) -> bool {
        self.held.iter().any(|(_, since, _)| now.since(*since) >= window)
    }

    /// Gives up on what is missing: jumps to the nearest held message, which is the next one now.
    pub(crate) fn skip(&mut self) {
        let nearest = self.held.iter().map(|(s, ..)| s.wrapping_sub(self.next)).min();
        self.next = self.next.wrapping_add(nearest.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Stamp {
        Stamp::from_unix_ms(ms)
    }

    /// Offers each, as the item itself; what is taken, in order.
    fn taken(s: &mut Sequence<u8>, seqs: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for seq in seqs {
            match s.place(*seq, Age::Usual) {
                Place::Next => out.push(*seq),
                Place::Ahead => assert!(s.hold(*seq, *seq, at(0))),
                Place::Behind => {}
            }
            out.extend(std::iter::from_fn(|| s.follow()));
        }
        out
    }

    #[test]
    fn it_goes_round() {
        let mut s = Sequence::after(253);
        assert_eq!(taken(&mut s, &[254, 255, 0, 1]), [254, 255, 0, 1]);
    }

    #[test]
    fn the_late_are_waited_for_and_the_doubled_passed_over() {
        let mut s = Sequence::after(0);
        assert_eq!(taken(&mut s, &[1, 1, 3, 3, 4, 2, 2, 4]), [1, 2, 3, 4]);
        assert!(s.held.is_empty() && !s.is_overdue(at(1_000_000), Span::from_ms(1)));
    }

    #[test]
    fn a_gap_is_given_up_after_the_window() {
        let mut s = Sequence::after(0);
        assert_eq!(taken(&mut s, &[3, 5, 4]), Vec::<u8>::new());
        assert!(!s.is_overdue(at(1999), Span::from_s(2.0)) && s.is_overdue(at(2000), Span::from_s(2.0)));
        s.skip();
        assert_eq!(std::iter::from_fn(|| s.follow()).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(taken(&mut s, &[2, 6]), [6], "what comes after its gap was given up is late");
    }

    #[test]
    fn a_second_gap_behind_the_first_is_not_forgotten() {
        let (mut s, window) = (Sequence::after(0), Span::from_s(2.0));
        assert!(s.hold(3, 3, at(0)) && s.hold(7, 7, at(1_000)));
        s.skip();
        assert_eq!(std::iter::from_fn(|| s.follow()).collect::<Vec<_>>(), [3]);
        assert!(!s.is_overdue(at(2_999), window) && s.is_overdue(at(3_000), window));
        s.skip();
        assert_eq!(s.follow(), Some(7));
    }

    #[test]
    fn a_loss_of_almost_a_whole_round_is_no_duplicate() {
        let mut s = Sequence::after(10);
        assert_eq!(s.place(5, Age::Usual), Place::Behind);
        assert_eq!(s.place(5, Age::Newer), Place::Ahead);
        assert!(s.hold(5, 5_u8, at(0)));
    }

    #[test]
    fn what_was_sent_before_the_birth_is_not_waited_behind() {
        let mut s = Sequence::<u8>::after(0);
        assert_eq!(s.place(200, Age::BeforeBirth), Place::Behind);
        // A clock that was set back must not make an edge node mute.
        assert_eq!(s.place(1, Age::BeforeBirth), Place::Next);
    }

    #[test]
    fn it_is_bounded() {
        let mut s = Sequence::after(0);
        let kept: Vec<_> = (2..=100_u8).map(|n| s.hold(n, n, at(0))).collect();
        assert_eq!(kept.iter().position(|k| !k), Some(HELD));
    }
}
