//! Ramp: how fast the site's draw may rise.
//!
//! Responsible for: a ceiling over all GPUs under which the draw rises no faster than `ramp-up` of the policy says. Not for:
//! budgets, or a budget that is about to fall (the outlook walks down to it).
//!
//! With the rate r and the site's draw P(t), a sliding minute may see no more than a minute's rise:
//!
//! ```text
//! W(t) = min over s <= t of  P(s) + r max(t - s, 60 s)       what may be drawn
//! V(t) = the same of the means of P over 10 s
//! S(t) = min(D(t), S(t - dt) + r dt)                         what each has drawn for itself; grows while P < W - r 15 s
//! C(t) = max(W(t), min(S(t), V(t)/k))                        the ceiling
//! ```
//! D is what the GPUs would be given without it: their recent peaks. The peaks of many fall on different seconds, and their
//! sum stands above every draw of the site; under W alone each would be held at less than it has drawn, the draw would fall, and
//! W with it. Who has drawn it lately may draw it again; what nobody has drawn yet is given at the rate. Nodes add to what
//! their GPUs draw (fans, processors, supplies: a sixth and more), so r is the policy's less that share.
//!
//! A job that saves its model falls by itself and would come back at once. k is the share of a ceiling that is drawn in 10 s at
//! the most, of late: V/k lets the draw back to V, which knows the dip, and not to what was drawn before it.
//!
//! After a budget that held the site is lifted D leaps and S does not: there is no rebound faster than the rate.

use headroom_site::Stamp;
use std::collections::VecDeque;

/// The minute that a rate is told over, s.
const MINUTE_S: f64 = 60.0;
/// Share of a node's rise that its GPUs draw.
pub(super) const SHARE_OF_GPUS: f64 = 0.82;
/// Seconds in step swing by themselves; means over this do not.
const MEAN_S: f64 = 10.0;
/// Time constant with which the share of a ceiling that is drawn is forgotten, s: longer than a dip and the way back from it.
const SHARE_TAU_S: f64 = 600.0;
/// A smaller share says that little is known yet.
const LEAST_SHARE: f64 = 0.3;
/// So much of the rate below what may be drawn, s, the draw is not itself what holds the ceiling.
const CLEAR_S: f64 = 15.0;

/// The ceiling, tick by tick.
#[derive(Debug, Clone)]
pub(super) struct Ramp {
    /// W/s.
    rate: f64,
    /// W and V above.
    draw: Least,
    means: Least,
    /// The draw of the last 10 s, W, oldest first.
    last_w: VecDeque<(Stamp, f64)>,
    /// k above.
    share: f64,
    /// S above, W.
    stood_w: f64,
    last: Option<Stamp>,
    /// What the site draws, and C above, W.
    site: SiteRamp,
}

/// The least that a course allows: min over s <= t of P(s) + r max(t - s, 60 s).
#[derive(Debug, Clone)]
struct Least {
    /// The last minute, W, oldest first.
    minute: VecDeque<(Stamp, f64)>,
    /// The least of P(s) + r (t - s) over what is older, W.
    older_w: f64,
}

impl Least {
    fn new() -> Self {
        Self { minute: VecDeque::new(), older_w: f64::INFINITY }
    }

    fn look(&mut self, now: Stamp, watts: f64, rate: f64, dt_s: f64) -> f64 {
        self.minute.push_back((now, watts));
        self.older_w += rate * dt_s;
        while let Some(&(at, watts)) = self.minute.front().filter(|(at, _)| now.since(*at).s() >= MINUTE_S) {
            self.older_w = self.older_w.min(watts + rate * now.since(at).s());
            self.minute.pop_front();
        }
        let least_w = self.minute.iter().map(|(_, watts)| *watts).fold(f64::INFINITY, f64::min);
        self.older_w.min(least_w + rate * MINUTE_S)
    }
}

/// The site on its way up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteRamp {
    /// What it draws, W.
    pub draws_w: f64,
    /// What it may draw now, W; infinite before the first look.
    pub may_draw_w: f64,
    /// What its GPUs would have it draw, W.
    pub needs_w: f64,
}

impl Ramp {
    /// With a rate, W/s.
    pub(super) fn new(rate: f64) -> Self {
        Self {
            rate: rate * SHARE_OF_GPUS,
            draw: Least::new(),
            means: Least::new(),
            last_w: VecDeque::new(),
            share: LEAST_SHARE,
            stood_w: f64::INFINITY,
            last: None,
            site: SiteRamp { draws_w: 0.0, may_draw_w: f64::INFINITY, needs_w: 0.0 },
        }
    }

    /// The ceiling of now, where the site draws `drawn_w` and would be given `needed_w`.
    pub(super) fn look(&mut self, now: Stamp, drawn_w: f64, needed_w: f64) -> f64 {
        let dt_s = self.last.map_or(0.0, |last| now.since(last).s().max(0.0));
        self.last = Some(now);
        let may_w = self.draw.look(now, drawn_w, self.rate, dt_s);
        let mean_w = self.mean(now, drawn_w);
        let means_w = self.means.look(now, mean_w, self.rate, dt_s);
        let ceiling_w = self.site.may_draw_w.min(needed_w).max(1.0);
        let drawn_share = (mean_w / ceiling_w).min(1.0);
        self.share = (self.share * (-dt_s / SHARE_TAU_S).exp()).max(drawn_share).max(LEAST_SHARE);
        let clear = drawn_w < may_w - self.rate * CLEAR_S;
        let grown_w = if clear { self.stood_w + self.rate * dt_s } else { self.stood_w };
        self.stood_w = needed_w.min(grown_w);
        let ceiling_w = may_w.max(self.stood_w.min(means_w / self.share));
        self.site = SiteRamp { draws_w: drawn_w, may_draw_w: ceiling_w, needs_w: needed_w };
        ceiling_w
    }

    /// Mean of the last 10 s, W.
    fn mean(&mut self, now: Stamp, drawn_w: f64) -> f64 {
        self.last_w.push_back((now, drawn_w));
        while self.last_w.front().is_some_and(|(at, _)| now.since(*at).s() >= MEAN_S) {
            self.last_w.pop_front();
        }
        self.last_w.iter().map(|(_, watts)| watts).sum::<f64>() / self.last_w.len() as f64
    }

    /// What came of the last look.
    pub(super) fn site(&self) -> SiteRamp {
        self.site
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 1_000.0 / SHARE_OF_GPUS;

    fn at(s: u32) -> Stamp {
        Stamp::from_tai_ns(i64::from(s) * 1_000_000_000)
    }

    /// Draws what it wants, as far as it may, and gives each second's draw.
    fn draw(ramp: &mut Ramp, wants_w: impl Fn(u32) -> f64, seconds: u32) -> Vec<f64> {
        let mut drawn = wants_w(0);
        (0..seconds)
            .map(|s| {
                drawn = ramp.look(at(s), drawn, wants_w(s)).min(wants_w(s));
                drawn
            })
            .collect()
    }

    fn fastest_minute(drawn: &[f64]) -> f64 {
        let rises = (0..drawn.len()).flat_map(|t| (1..=60).map(move |d| (t, d)));
        rises.filter(|(t, d)| t + d < drawn.len()).map(|(t, d)| drawn[t + d] - drawn[t]).fold(0.0, f64::max)
    }

    #[test]
    fn no_minute_sees_more_than_a_minutes_rise() {
        for low in [10u32, 45, 61, 300] {
            let wants = |s: u32| if s < 100 || (s / low) % 2 == 1 { 100e3 } else { 500e3 };
            let drawn = draw(&mut Ramp::new(RATE), wants, 2_000);
            assert!(fastest_minute(&drawn) <= 60e3 * (1.0 + 1e-9), "{low}: {}", fastest_minute(&drawn));
        }
    }

    #[test]
    fn a_step_is_there_after_its_rise_over_the_rate() {
        let drawn = draw(&mut Ramp::new(RATE), |s| if s < 100 { 100e3 } else { 500e3 }, 600);
        let there = drawn.iter().position(|w| *w >= 500e3 - 1.0).unwrap();
        assert!((495..=505).contains(&there), "{there}");
    }

    #[test]
    fn what_was_drawn_lately_may_be_drawn_again() {
        // Each for itself has drawn 30 % more than all together at any second.
        let mut ramp = Ramp::new(10.0);
        let least = (0..3_000u32).map(|s| ramp.look(at(s), 100e3, 130e3)).fold(f64::INFINITY, f64::min);
        assert!(least >= 130e3, "{least}");
    }

    #[test]
    fn who_dips_comes_back_at_the_rate() {
        // Peaks stand a fifth above the draw, which falls by more than a minute's rise for half a minute.
        let mut ramp = Ramp::new(RATE);
        let (mut drawn, mut w) = (Vec::new(), 400e3);
        for s in 0..1_500 {
            let would = if (900..930).contains(&s) { 250e3 } else { 400e3 };
            w = (ramp.look(at(s), w, 480e3) / 1.2).min(would);
            drawn.push(w);
        }
        let means: Vec<f64> = drawn.windows(10).map(|w| w.iter().sum::<f64>() / 10.0).collect();
        let rise = (0..means.len() - 60).map(|t| means[t + 60] - means[t]).fold(0.0, f64::max);
        assert!(rise <= 60e3 * 1.02, "{rise}");
        assert!(drawn[899] >= 400e3 - 1.0 && drawn[1_150] >= 400e3 - 1.0, "{} {}", drawn[899], drawn[1_150]);
    }

    #[test]
    fn after_a_budget_nothing_leaps() {
        let mut ramp = Ramp::new(RATE);
        let mut drawn = Vec::new();
        let mut w: f64 = 400e3;
        for s in 0..1_200 {
            let budget = if (100..700).contains(&s) { 300e3 } else { f64::INFINITY };
            let wants = 400e3_f64.min(budget);
            w = ramp.look(at(s), w, wants).min(wants);
            drawn.push(w);
        }
        assert!(fastest_minute(&drawn) <= 60e3 * (1.0 + 1e-9));
        assert!(drawn[1_199] >= 400e3 - 1.0);
    }
}
