//! What stands in the store: who leads, and what a successor must know and cannot read back.

use crate::instruct::said::Said;
use crate::run::release::{FILE as RELEASED, Released};
use anyhow::{Context, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Layout of the record.
const FORMAT: u32 = 1;

/// One that leads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// Its id.
    pub(crate) who: String,
    /// One start of it: two that were given the same id are two.
    pub(crate) instance: String,
    /// Since when, by its clock, for people.
    pub(crate) since_unix_ms: i64,
}

/// The record of a site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// None: whoever wants may take it.
    pub(crate) holder: Option<Holder>,
    /// Epoch of who leads or has led last. It never falls.
    pub(crate) epoch: u64,
    /// Term that the holder keeps.
    pub(crate) term_ms: u64,
    #[serde(default)]
    pub(crate) carried: Carried,
}

/// What a successor must know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// An operator has let everything go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released: Option<Released>,
    /// The last word of operators on each setpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) said: Vec<Said>,
    /// Where setpoints that nobody reads back are asked to stand, base unit, by actuator id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) asked: BTreeMap<String, f64>,
}

impl Record {
    pub(crate) fn new(holder: Option<Holder>, epoch: u64, term_ms: u64, carried: Carried) -> Self {
        Self { format: FORMAT, holder, epoch, term_ms, carried }
    }

    /// As it stands in the store.
    pub(crate) fn written(&self) -> Result<Bytes> {
        Ok(serde_json::to_vec(self)?.into())
    }

    /// # Errors
    /// It is no such record, or of a later program.
    pub(crate) fn read(value: &[u8]) -> Result<Self> {
        let hint = "what stands in the store is no record of headroom: give --store another bucket or prefix, or delete that key";
        // Deleted by hand: as if nobody had led, but for the epochs that state folders and agents know.
        if value.is_empty() {
            return Ok(Self::default());
        }
        let record: Self = serde_json::from_slice(value).context(hint)?;
        anyhow::ensure!(
            record.format <= FORMAT,
            "the record in the store has format {}, this program knows {FORMAT}: run the same version everywhere",
            record.format
        );
        Ok(record)
    }
}

impl Carried {
    /// Keeps in the state folder what operators have said to the one before, where it is not known there: on disk before anything
    /// is commanded. What was let go at either stays let go.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn keep(&self, state: &Path) -> Result<()> {
        if let Some(released) = self.released.as_ref().filter(|_| !state.join(RELEASED).exists()) {
            let fresh = state.join("released.new");
            let name = || fresh.display().to_string();
            std::fs::write(&fresh, toml::to_string(released)?).with_context(name)?;
            std::fs::File::open(&fresh).and_then(|f| f.sync_all()).with_context(name)?;
            std::fs::rename(&fresh, state.join(RELEASED)).with_context(name)?;
        }
        let (own, _) = crate::instruct::said::all(state);
        let last: BTreeMap<&str, &Said> = own.iter().map(|s| (s.actuator.as_str(), s)).collect();
        let newer = |s: &&Said| last.get(s.actuator.as_str()).is_none_or(|own| own.unix_ms < s.unix_ms);
        self.said.iter().filter(newer).try_for_each(|said| said.keep(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruct::said::{Word, all};

    #[test]
    fn what_operators_said_is_kept_once_and_the_newer_word_counts() {
        let state = std::env::temp_dir().join(format!("headroom-carried-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&state);
        std::fs::create_dir_all(&state).unwrap();
        let said = |ms, word| Said::at(ms, "cdu", word, None, None, "kim", "");
        said(5, Word::Hold).keep(&state).unwrap();
        let released = Released { unix_ms: 7, by: "kim".into(), why: "a leak".into() };
        let carried = Carried {
            released: Some(released.clone()),
            said: vec![said(9, Word::Auto), Said { actuator: "dp".into(), ..said(3, Word::Reject) }],
            ..Carried::default()
        };
        for _ in 0..2 {
            carried.keep(&state).unwrap();
        }
        assert_eq!(crate::run::release::look(&state), Some(released));
        let words: Vec<_> = all(&state).0.into_iter().map(|s| (s.actuator, s.word)).collect();
        let of = |a: &str, w| (a.to_owned(), w);
        assert_eq!(words, [of("cdu", Word::Hold), of("cdu", Word::Auto), of("dp", Word::Reject)]);
        // An older word does not come back.
        Carried { said: vec![said(8, Word::Hold)], ..Carried::default() }.keep(&state).unwrap();
        assert_eq!(all(&state).0.len(), 3);
        std::fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn what_is_no_record_says_what_to_do() {
        let record = Record::new(Some(Holder::default()), 4, 3000, Carried::default());
        assert_eq!(Record::read(&record.written().unwrap()).unwrap(), record);
        assert!(Record::read(b"hello").unwrap_err().to_string().contains("another bucket"));
        assert_eq!(Record::read(b"").unwrap().holder, None);
        let later = Record { format: 9, ..record };
        assert!(Record::read(&later.written().unwrap()).unwrap_err().to_string().contains("same version"));
    }
}
