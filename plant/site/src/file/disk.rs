//! Files from disk, within a limit.
//!
//! Responsible for: the bytes or the text of a file that people write, and why there is none. A name that leads to something
//! without an end (a device, a log) is refused instead of filling the memory. Not for: what the file says.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Largest site, policy, map, scenario or state file \[MiB\]. Ten thousand nodes of eight GPUs take 5 of them.
const MOST_MIB: u64 = 16;

/// Why a file cannot be used. It does not name the file: whoever asked for it does.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It goes on and on.
    #[error("it is longer than {MOST_MIB} MiB, which no file of this kind is; name the file that was meant")]
    TooLong,
    /// It holds bytes that are no text.
    #[error("it is not text: byte {at} is no UTF-8; save it as UTF-8, or name the file that was meant")]
    NotText {
        /// The first byte that is not.
        at: usize,
    },
}

/// The bytes of a file.
///
/// # Errors
/// [`FileError`] if it cannot be read or has no end in sight.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    let most = MOST_MIB << 20;
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(FileError::TooLong) } else { Ok(bytes) }
}

/// The text of a file.
///
/// # Errors
/// [`FileError`] if it cannot be read, has no end in sight, or is no text.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let no_text = |e: std::string::FromUtf8Error| FileError::NotText { at: e.utf8_error().valid_up_to() };
    String::from_utf8(read_bytes(path)?).map_err(no_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_refused_and_one_at_the_limit_is_read() {
        let told = read_text(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(told, FileError::TooLong), "{told}");
        assert!(told.to_string().contains("16 MiB") && told.to_string().contains("name the file"), "{told}");
        let path = std::env::temp_dir().join(format!("headroom-limit-{}", std::process::id()));
        for (more, fits) in [(0, true), (1, false)] {
            File::create(&path).unwrap().set_len((MOST_MIB << 20) + more).unwrap();
            assert_eq!(read_bytes(&path).is_ok(), fits);
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_not_there_or_no_text_is_told() {
        let gone = read_text(Path::new("/dev/null/none"));
        assert!(matches!(gone, Err(FileError::Io(_))), "{gone:?}");
        let path = std::env::temp_dir().join(format!("headroom-text-{}", std::process::id()));
        std::fs::write(&path, b"ab\xFF").unwrap();
        assert!(matches!(read_text(&path), Err(FileError::NotText { at: 2 })));
        std::fs::write(&path, "name = \"\u{e4}\"\n").unwrap();
        assert_eq!(read_text(&path).unwrap(), "name = \"\u{e4}\"\n");
        std::fs::remove_file(&path).unwrap();
    }
}
