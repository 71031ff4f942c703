//! What operators said: a file of the state folder that is only appended to, each line chained to the one before.
//!
//! Responsible for: one record, and keeping it whole beside others that write at the same time. Not for: what stands of them
//! (`standing`).

use crate::journal::{Journal, Records};
use anyhow::{Context, Result};
use headroom_site::{Span, Stamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::path::Path;

/// The file's name.
pub(crate) const FILE: &str = "instructions.jsonl";
/// Held by whoever writes.
const LOCK: &str = "instructions.lock";

/// What is accepted stands so long unless said.
pub(crate) const ACCEPTED: Span = Span::from_ms(8 * 3_600_000);
/// What is rejected stands so long unless said.
pub(crate) const REJECTED: Span = Span::from_ms(3_600_000);

/// What is said of a setpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word {
    /// It may go as far as a value.
    Accept,
    /// It is relaxed no further than it stands.
    Reject,
    /// It stays where it stands.
    Hold,
    /// As if nothing had been said.
    Auto,
}

/// One instruction as it was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// When, for people.
    pub(crate) time: String,
    pub(crate) unix_ms: i64,
    pub(crate) actuator: String,
    pub(crate) word: Word,
    /// How far it may go, in the actuator's unit of the site file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<f64>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until_unix_ms: Option<i64>,
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) why: String,
}

impl Said {
    /// Said at an instant.
    pub(crate) fn at(
        unix_ms: i64,
        actuator: &str,
        word: Word,
        value: Option<f64>,
        length: Option<Span>,
        by: &str,
        why: &str,
    ) -> Self {
        let length = match word {
            Word::Accept => Some(length.unwrap_or(ACCEPTED)),
            Word::Reject => Some(length.unwrap_or(REJECTED)),
            Word::Hold => length,
            Word::Auto => None,
        };
        Self {
            time: Stamp::from_unix_ms(unix_ms).to_string(),
            unix_ms,
            actuator: actuator.to_owned(),
            word,
            value: value.filter(|_| word == Word::Accept),
            until_unix_ms: length.map(|l| unix_ms.saturating_add(l.ms())),
            by: by.to_owned(),
            why: why.to_owned(),
        }
    }

    /// Appends it to the file of a state folder, on disk before this returns.
    ///
    /// # Errors
    /// The folder cannot be written, or what stands in the file is damaged.
    pub(crate) fn keep(&self, state: &Path) -> Result<()> {
        let hint = || format!("{}: give --state as the controller has it", state.display());
        let lock = File::create(state.join(LOCK)).with_context(hint)?;
        lock.lock().with_context(hint)?;
        let path = state.join(FILE);
        Journal::open(&path)?.append(self)?;
        File::open(&path)?.sync_all().with_context(hint)
    }
}

/// May this be said of a setpoint with this range, in its unit?
pub(crate) fn check(
    word: Word,
    value: Option<f64>,
    (least, most): (f64, f64),
    unit: &str,
) -> Result<(), String> {
    match (word, value) {
        (Word::Accept, None) => Err(format!("how far may it go? Give a value from {least} to {most} {unit}")),
        (Word::Accept, Some(v)) if !(least..=most).contains(&v) => {
            Err(format!("{v} {unit} is outside of what the policy allows: {least} to {most} {unit}"))
        }
        _ => Ok(()),
    }
}

/// All that was said, the oldest first, with what is wrong with the file if anything is.
pub(crate) fn all(state: &Path) -> (Vec<Said>, Option<String>) {
    let path = state.join(FILE);
    if !path.exists() {
        return (Vec::new(), None);
    }
    let mut said = Vec::new();
    let mut read = || -> Result<()> {
        let mut records = Records::open(&path)?;
        while let Some(record) = records.read()? {
            let line = said.len() + 1;
            let not = || format!("{}: line {line} is no instruction", path.display());
            said.push(serde_json::from_slice::<Said>(record).with_context(not)?);
        }
        Ok(())
    };
    let wrong = read().err().map(|why| format!("{why:#}"));
    (said, wrong)
}

impl Word {
    /// As the command line has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Hold => "hold",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Hold => "held",
            Self::Auto => "automatic again",
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.word)?;
        if let Some(value) = self.value {
            write!(f, " as far as {value}")?;
        }
        if !self.by.is_empty() {
            write!(f, " by {}", self.by)?;
        }
        if let Some(until) = self.until_unix_ms {
            write!(f, " until {}", Stamp::from_unix_ms(until))?;
        }
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("headroom-said-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn what_many_say_at_once_is_all_kept() {
        let state = folder("many");
        std::thread::scope(|scope| {
            for k in 0..4_i64 {
                let state = &state;
                scope.spawn(move || {
                    for n in 0..10 {
                        let by = format!("op-{k}");
                        Said::at(n, "cdu", Word::Hold, None, None, &by, "").keep(state).unwrap();
                    }
                });
            }
        });
        let (said, wrong) = all(&state);
        assert_eq!((said.len(), wrong), (40, None));
        for k in 0..4 {
            let own = said.iter().filter(|s| s.by == format!("op-{k}")).map(|s| s.unix_ms);
            assert!(own.eq(0..10), "each in its own order");
        }
        std::fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn a_changed_line_is_told_and_those_before_it_count() {
        let state = folder("changed");
        for n in 0..3 {
            Said::at(n, "cdu", Word::Reject, None, None, "op", "too warm").keep(&state).unwrap();
        }
        let path = state.join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let at = text.rfind("reject").unwrap();
        std::fs::write(&path, format!("{}accept{}", &text[..at], &text[at + 6..])).unwrap();
        let (said, wrong) = all(&state);
        assert_eq!(said.len(), 2);
        assert!(wrong.unwrap().contains("line 3"));
        let refused = Said::at(9, "cdu", Word::Auto, None, None, "op", "").keep(&state).unwrap_err();
        assert!(refused.to_string().contains("line 3"), "{refused}");
        std::fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn each_word_has_its_time_and_its_value() {
        let hour = 3_600_000;
        let said = |word, length| Said::at(0, "cdu", word, Some(27.0), length, "kim", "why not");
        assert_eq!(said(Word::Accept, None).until_unix_ms, Some(8 * hour));
        assert_eq!(said(Word::Reject, None).until_unix_ms, Some(hour));
        assert_eq!(said(Word::Hold, None).until_unix_ms, None);
        assert_eq!(said(Word::Hold, Some(Span::from_s(60.0))).until_unix_ms, Some(60_000));
        assert_eq!((said(Word::Hold, None).value, said(Word::Accept, None).value), (None, Some(27.0)));
        let text = said(Word::Accept, None).to_string();
        assert_eq!(text, "accepted as far as 27 by kim until 1970-01-01T08:00:00.000Z: why not");
        assert!(check(Word::Accept, Some(44.0), (20.0, 43.0), "degC").unwrap_err().contains("20 to 43 degC"));
        assert!(check(Word::Accept, None, (20.0, 43.0), "degC").is_err());
        assert!(check(Word::Accept, Some(f64::NAN), (20.0, 43.0), "degC").is_err());
        assert!(check(Word::Hold, None, (20.0, 43.0), "degC").is_ok());
    }
}
