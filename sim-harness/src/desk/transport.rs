//! What becomes of messages on their way: lost, doubled, overtaken, late.
//!
//! Responsible for: when each message of a source arrives, if it does. Not for: what it says, or sockets.
//!
//! With `U(a, b)` uniform between `a` and `b`, `d` the delay of the link and `h = U(d, max(3 d, 2 s))`:
//! ```text
//! lost           with probability loss
//! arrives after  d, or with probability reorder: h
//! arrives again  with probability duplicate: after h
//! ```
//! A link of one delay keeps the order, as a TCP connection does; what is held back arrives behind later messages. Pure:
//! time is an argument, and the same seed and calls give the same deliveries.

use crate::image::Link;
use headroom_truth::rng::Rng;
use std::collections::BTreeMap;

/// What has become of messages so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Delivered, second copies included.
    pub delivered: u64,
    /// Never delivered.
    pub lost: u64,
    /// Sent twice.
    pub doubled: u64,
    /// Held back.
    pub held: u64,
}

/// Messages on their way.
#[derive(Debug, Clone)]
pub struct Transport<M> {
    waiting: BTreeMap<(i64, u64), M>,
    sequence: u64,
    rng: Rng,
    carried: Carried,
}

impl<M: Clone> Transport<M> {
    /// An empty transport.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let rng = Rng::stream(seed, 0x7472_616e);
        Self { waiting: BTreeMap::new(), sequence: 0, rng, carried: Carried::default() }
    }

    /// Sends a message over a link at `now_ms`; it is delivered at once, later by [`Self::arrive`], or never.
    pub fn carry(&mut self, now_ms: i64, link: &Link, message: M, deliver: &mut impl FnMut(M)) {
        if link.is_ideal() {
            self.carried.delivered += 1;
            deliver(message);
            return;
        }
        if self.rng.uniform() < link.loss {
            self.carried.lost += 1;
            return;
        }
        if self.rng.uniform() < link.duplicate {
            self.carried.doubled += 1;
            let at_ms = now_ms + self.late_ms(link);
            self.wait(at_ms, message.clone());
        }
        let held = self.rng.uniform() < link.reorder;
        self.carried.held += u64::from(held);
        let after_ms = if held { self.late_ms(link) } else { (1000.0 * link.delay_s).round() as i64 };
        if after_ms <= 0 {
            self.carried.delivered += 1;
            deliver(message);
        } else {
            self.wait(now_ms + after_ms, message);
        }
    }

    /// Delivers what has arrived by `now_ms`, in the order of arrival.
    pub fn arrive(&mut self, now_ms: i64, deliver: &mut impl FnMut(M)) {
        while self.waiting.first_key_value().is_some_and(|((at_ms, _), _)| *at_ms <= now_ms) {
            if let Some((_, message)) = self.waiting.pop_first() {
                self.carried.delivered += 1;
                deliver(message);
            }
        }
    }

    /// Messages on their way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What has become of messages so far.
    #[must_use]
    pub fn carried(&self) -> Carried {
        self.carried
    }

    fn late_ms(&mut self, link: &Link) -> i64 {
        let late_s = self.rng.range(link.delay_s, (3.0 * link.delay_s).max(2.0));
        (1000.0 * late_s).round() as i64
    }

    fn wait(&mut self, at_ms: i64, message: M) {
        self.sequence += 1;
        self.waiting.insert((at_ms, self.sequence), message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends 10,000 messages, one every 100 ms, and returns when each copy arrived.
    fn run(link: Link, seed: u64) -> (Vec<(i64, i64)>, Transport<i64>) {
        let mut transport = Transport::new(seed);
        let mut arrived = Vec::new();
        for n in 0..10_000 {
            let now_ms = 100 * n;
            transport.arrive(now_ms, &mut |m| arrived.push((now_ms, m)));
            transport.carry(now_ms, &link, n, &mut |m| arrived.push((now_ms, m)));
        }
        transport.arrive(i64::MAX, &mut |m| arrived.push((i64::MAX, m)));
        assert_eq!(transport.waiting(), 0);
        (arrived, transport)
    }

    #[test]
    fn an_ideal_link_changes_nothing() {
        let (arrived, _) = run(Link::default(), 1);
        assert!(arrived.iter().enumerate().all(|(n, (at, m))| *m == n as i64 && *at == 100 * m));
    }

    #[test]
    fn shares_and_times_are_those_of_the_link() {
        let (arrived, transport) = run(Link { loss: 0.2, ..Link::default() }, 1);
        assert!(
            (7800..8200).contains(&arrived.len())
                && transport.carried().lost == 10_000 - arrived.len() as u64
        );
        assert!(arrived.windows(2).all(|w| w[0].1 < w[1].1), "loss keeps the order");

        let (arrived, _) = run(Link { duplicate: 0.1, ..Link::default() }, 1);
        assert!((10_900..11_100).contains(&arrived.len()));

        let (arrived, _) = run(Link { delay_s: 3.0, ..Link::default() }, 1);
        let on_time = |(at, m): &(i64, i64)| *at == i64::MAX || *at == 100 * m + 3000;
        assert!(arrived.len() == 10_000 && arrived.iter().all(on_time));
        assert!(arrived.windows(2).all(|w| w[0].1 < w[1].1), "delay keeps the order");

        let (arrived, transport) = run(Link { reorder: 0.1, ..Link::default() }, 1);
        let overtaken = arrived.windows(2).filter(|w| w[0].1 > w[1].1).count();
        assert!(arrived.len() == 10_000 && (700..1100).contains(&overtaken), "{overtaken}");
        assert!((900..1100).contains(&transport.carried().held));
    }

    #[test]
    fn the_same_seed_gives_the_same_deliveries() {
        let link = Link { loss: 0.1, duplicate: 0.1, reorder: 0.2, delay_s: 0.5 };
        assert_eq!(run(link, 4).0, run(link, 4).0);
        assert_ne!(run(link, 4).0, run(link, 5).0);
    }
}
