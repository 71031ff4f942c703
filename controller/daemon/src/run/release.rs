//! Everything let go by an operator: a file in the state folder, so that whoever may write there may say it, and nobody on the
//! network.
//!
//! Responsible for: the file, and what it says. Not for: what the line does about it.

use headroom_site::file::{FileError, read_text};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::Path;

/// The file's name.
pub(crate) const FILE: &str = "released";

/// Who let go, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Released {
    /// Unix ms, by the clock of who said so.
    pub(crate) unix_ms: i64,
    pub(crate) by: String,
    pub(crate) why: String,
}

/// Is everything to be let go? A file that is there and cannot be read says yes.
pub(crate) fn look(state: &Path) -> Option<Released> {
    let unread = |why: String| Released { why, ..Released::default() };
    match read_text(&state.join(FILE)) {
        Ok(text) => Some(toml::from_str(&text).unwrap_or_else(|_| unread(text.trim().to_owned()))),
        Err(FileError::Io(e)) if e.kind() == ErrorKind::NotFound => None,
        Err(why) => Some(unread(format!("the file `{FILE}` is there and cannot be read: {why}"))),
    }
}

impl std::fmt::Display for Released {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RELEASED: nothing is commanded")?;
        if !self.by.is_empty() {
            write!(f, "; by {}", self.by)?;
        }
        if self.unix_ms > 0 {
            write!(f, " at {}", headroom_site::Stamp::from_unix_ms(self.unix_ms))?;
        }
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        f.write_str(". `headroom resume` takes it again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_the_file_it_says_yes() {
        let state = std::env::temp_dir().join(format!("headroom-released-{}", std::process::id()));
        std::fs::create_dir_all(&state).unwrap();
        assert_eq!(look(&state), None);
        let said = Released { unix_ms: 5, by: "op".to_owned(), why: "a \"leak\"".to_owned() };
        std::fs::write(state.join(FILE), toml::to_string(&said).unwrap()).unwrap();
        assert_eq!(look(&state), Some(said));
        for text in ["", "by = 3", "maintenance until noon"] {
            std::fs::write(state.join(FILE), text).unwrap();
            assert!(look(&state).is_some_and(|r| text.is_empty() || r.why == text), "{text}");
        }
        std::fs::remove_file(state.join(FILE)).unwrap();
        std::fs::create_dir(state.join(FILE)).unwrap();
        assert!(look(&state).unwrap().why.contains("cannot be read"));
        std::fs::remove_dir_all(&state).unwrap();
    }
}
