//! Journals: chains of any bytes, and whole chains that were damaged.

use super::Target;
use headroom_daemon::journal::{line, walk};
use std::path::Path;

/// Journals.
pub const JOURNAL: Target = Target { name: "journal", body: read, bytes_per_byte: 1 << 10 };

fn read(input: &[u8]) {
    walks(input);
    let Some((head, records)) = input.split_first_chunk::<4>() else { return };
    let [a, b, change, how] = *head;
    let (whole, ends) = chain(records);
    let found = walk(Path::new("j"), &whole);
    let Ok(found) = found else { panic!("{found:?}") };
    assert_eq!((found.lines, found.whole), (ends.len(), whole.len() as u64));
    let at = usize::from(u16::from_be_bytes([a, b])) % (whole.len() + 1);
    let damaged = match how % 4 {
        // Torn: whole lines are kept, what follows them is not.
        0 => {
            let found = walk(Path::new("j"), &whole[..at]);
            let kept = ends.iter().filter(|end| **end <= at).count();
            assert!(found.is_ok_and(|f| f.lines == kept), "torn at {at}");
            return;
        }
        1 if at < whole.len() && change != 0 => {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            bytes
        }
        2 if change != b'\n' || at < whole.len() => [&whole[..at], &[change], &whole[at..]].concat(),
        3 if at < whole.len() => [&whole[..at], &whole[at + 1..]].concat(),
        _ => return,
    };
    walks(&damaged);
    if damaged == whole {
        return;
    }
    // Damage shows: the chain breaks, or what was damaged is a last line without its end.
    let shown = walk(Path::new("j"), &damaged);
    let same = shown.is_ok_and(|f| f.lines == found.lines && f.whole == damaged.len() as u64);
    assert!(!same, "a change at {at} does not show");
}

/// A journal is broken at a line that it has, or is whole up to an end from which it goes on.
fn walks(journal: &[u8]) {
    let lines = journal.iter().filter(|b| **b == b'\n').count();
    match walk(Path::new("j"), journal) {
        Ok(found) => {
            let whole = &journal[..found.whole as usize];
            assert!(whole.is_empty() || whole.ends_with(b"\n"));
            assert_eq!(found.lines, lines);
            assert!(walk(Path::new("j"), whole).is_ok_and(|again| again == found));
            let more = line(&found.last, "{\"n\":1}").0;
            let longer = [whole, more.as_bytes()].concat();
            assert!(walk(Path::new("j"), &longer).is_ok_and(|f| f.lines == found.lines + 1));
        }
        Err(error) => {
            let headroom_daemon::journal::JournalError::Broken { line, .. } = error else {
                panic!("{error}")
            };
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
    }
}

/// A journal whose records are the lines of a text, and where each of its lines ends.
fn chain(records: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends, mut last) = (Vec::new(), Vec::new(), String::new());
    for text in String::from_utf8_lossy(records).lines() {
        let record = serde_json::Value::from(text).to_string();
        let (line, hash) = line(&last, &record);
        bytes.extend_from_slice(line.as_bytes());
        ends.push(bytes.len());
        last = hash;
    }
    (bytes, ends)
}
