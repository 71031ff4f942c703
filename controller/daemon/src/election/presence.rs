//! Who stands by: beats in a record beside that of the leader, for people, and so that one who leaves knows whether there is
//! somebody to hand over to.
//!
//! Responsible for: whose beat has moved lately, by this controller's own clock. Not for: who may lead (`rule`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Terms without a beat after which one is gone, and after which it is forgotten.
const GONE: u64 = 3;
const FORGOTTEN: u64 = 10;

/// One that stands by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beat {
    pub(super) who: String,
    pub(super) beat: u64,
}

/// The record: beats by instance.
pub(super) type Beats = BTreeMap<String, Beat>;

/// What was seen of the beats.
#[derive(Debug, Default)]
pub(super) struct Presence(BTreeMap<String, (Beat, u64)>);

impl Presence {
    /// Takes a look at the record.
    pub(super) fn look(&mut self, beats: &Beats, now: u64) {
        self.0.retain(|instance, _| beats.contains_key(instance));
        for (instance, beat) in beats {
            let seen = self.0.entry(instance.clone()).or_insert_with(|| (beat.clone(), now));
            if seen.0 != *beat {
                *seen = (beat.clone(), now);
            }
        }
    }

    /// Ids of those that are there, without one's own instance.
    pub(super) fn there(&self, own: &str, now: u64, term: u64) -> Vec<String> {
        let fresh = self
            .0
            .iter()
            .filter(|(i, (_, since))| i.as_str() != own && now.saturating_sub(*since) < GONE * term);
        fresh.map(|(_, (beat, _))| beat.who.clone()).collect()
    }

    /// The record with one's own next beat, and without those that are long gone.
    pub(super) fn beat(&self, mut beats: Beats, (instance, who): (&str, &str), now: u64, term: u64) -> Beats {
        beats.retain(|i, _| {
            self.0.get(i).is_none_or(|(_, since)| now.saturating_sub(*since) < FORGOTTEN * term)
        });
        let own = beats.entry(instance.to_owned()).or_default();
        *own = Beat { who: who.to_owned(), beat: own.beat + 1 };
        beats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_beats_is_there_and_who_is_gone_is_forgotten() {
        let (mut seen, mut beats) = (Presence::default(), Beats::new());
        for k in 0..4 {
            beats = seen.beat(beats, ("b-1", "b"), k * 10, 10);
            beats = if k == 0 { seen.beat(beats, ("c-1", "c"), 0, 10) } else { beats };
            seen.look(&beats, k * 10);
        }
        assert_eq!(seen.there("a-1", 29, 10), ["b", "c"]);
        assert_eq!(seen.there("a-1", 35, 10), ["b"]);
        assert!(seen.there("b-1", 35, 10).is_empty() && seen.there("a-1", 60, 10).is_empty());
        let after = seen.beat(beats, ("b-1", "b"), 110, 10);
        assert_eq!(after.keys().collect::<Vec<_>>(), ["b-1"]);
    }
}
