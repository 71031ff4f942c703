//! Everything that is known of the daemon, and how old it is.
//!
//! Responsible for: taking what was said, and forgetting the past of a daemon that began anew. Not for: asking (`poll`),
//! nor for what is drawn (`view`).

use super::gpus::{Fleet, Grid, Layout};
use super::link::{Freshness, Link, State, stale};
use crate::run::view::View;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// Looks of the trend that are kept, as many as the daemon has.
const LOOKS: usize = 600;

/// Page `/trend`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Trend {
    pub(super) every_ms: i64,
    pub(super) unix_ms: Vec<i64>,
    pub(super) columns: BTreeMap<String, Vec<Option<f32>>>,
}

impl Trend {
    /// Adds newer looks.
    fn grow(&mut self, more: Self) {
        fn join<T>(old: &mut Vec<T>, more: Vec<T>) {
            old.extend(more);
            old.drain(..old.len().saturating_sub(LOOKS));
        }
        self.every_ms = more.every_ms;
        join(&mut self.unix_ms, more.unix_ms);
        for (name, values) in more.columns {
            join(self.columns.entry(name).or_default(), values);
        }
    }
}

/// What the daemon said, or why it did not.
#[derive(Debug)]
pub(super) enum Said {
    Status(Box<View>),
    /// Newer looks; all there are if it is not `more`.
    Trend {
        looks: Trend,
        more: bool,
    },
    /// No status or no trend.
    Missed(String),
    Layout(Box<Layout>),
    Grid(Box<Grid>),
    /// What only the shown view asks for did not come, or has come again.
    View(Result<(), String>),
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Model {
    link: Link,
    pub(super) status: Option<Box<View>>,
    pub(super) trend: Trend,
    pub(super) fleet: Fleet,
    /// Why the pages of the shown view did not answer.
    missing: Option<String>,
}

impl Model {
    /// Takes what was said.
    pub(super) fn take(&mut self, said: Said, at: Instant) {
        match said {
            Said::Status(status) => {
                self.link.took(&status, at);
                self.status = Some(status);
            }
            Said::Trend { looks, more: true } => self.trend.grow(looks),
            Said::Trend { looks, more: false } => self.trend = looks,
            Said::Missed(why) => self.link.missed(why),
            Said::Layout(layout) => self.fleet.place(*layout),
            Said::Grid(grid) => self.fleet.take(*grid),
            Said::View(answer) => self.missing = answer.err(),
        }
    }

    /// The status, once the daemon has ticked.
    pub(super) fn shown(&self) -> Option<&View> {
        self.status.as_deref().filter(|s| s.ticks > 0)
    }

    /// How fresh everything is that is shown.
    pub(super) fn freshness(&self, now: Instant) -> Freshness {
        let found = self.link.freshness(self.status.as_deref(), now);
        match &self.missing {
            Some(why) if found.state == State::Live => stale(&format!(
                "no answer for this view ({why}). Shown is what came last, greyed: it may no longer hold. Trying again \
                 every second."
            )),
            _ => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(times: &[i64]) -> Trend {
        let column = times.iter().map(|t| Some(*t as f32)).collect();
        Trend {
            every_ms: 2000,
            unix_ms: times.to_vec(),
            columns: BTreeMap::from([("pue".to_owned(), column)]),
        }
    }

    #[test]
    fn a_trend_grows_and_keeps_as_many_looks_as_the_daemon() {
        let mut model = Model::default();
        let all: Vec<i64> = (0..LOOKS as i64).collect();
        let now = Instant::now();
        model.take(Said::Trend { looks: looks(&all), more: false }, now);
        model.take(Said::Trend { looks: looks(&[600, 601]), more: true }, now);
        assert_eq!((model.trend.unix_ms.len(), model.trend.columns["pue"].len()), (LOOKS, LOOKS));
        assert_eq!((model.trend.unix_ms[0], model.trend.columns["pue"][LOOKS - 1]), (2, Some(601.0)));
        model.take(Said::Trend { looks: looks(&[5]), more: false }, now);
        assert_eq!(model.trend.unix_ms, [5]);
    }

    #[test]
    fn a_view_without_its_page_is_stale_and_says_why() {
        let (mut model, now) = (Model::default(), Instant::now());
        let status = View { ticks: 1, ..View::default() };
        model.take(Said::Status(Box::new(status)), now);
        assert_eq!(model.freshness(now).state, State::Live);
        model.take(Said::View(Err("no answer".to_owned())), now);
        let found = model.freshness(now);
        assert!(found.state == State::Stale && found.says.contains("this view (no answer)"), "{found:?}");
        model.take(Said::View(Ok(())), now);
        assert_eq!(model.freshness(now).state, State::Live);
    }
}
