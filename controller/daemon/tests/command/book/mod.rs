//! Every command that README and book show, run as a reader would, beside a plant.
//!
//! Names of a reader's own things (addresses, folders, dates) become those of this plant, and what would take hours is cut
//! short: `words` says how, command by command. What needs a machine of the reader's own is named there with its
//! reason, and what another test runs with that test. A command that `words` does not know runs as it stands.

mod reader;
mod words;

use reader::Reader;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use words::{How, WORDS};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A command as it is shown.
struct Shown {
    page: String,
    text: String,
}

/// Commands of a page: lines of its code blocks after a `$`, with those that they go on in.
fn commands(page: &str, text: &str, out: &mut Vec<Shown>) {
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("$ ") else { continue };
        let mut command = first.to_owned();
        while let Some(head) = command.strip_suffix('\\') {
            command = format!("{}{}", head, lines.next().unwrap_or_default());
        }
        let bare = command.split(" #").next().unwrap_or_default().trim().to_owned();
        out.push(Shown { page: page.to_owned(), text: bare });
    }
}

fn shown() -> Vec<Shown> {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("book/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    pages.sort();
    pages.insert(0, root().join("README.md"));
    let mut out = Vec::new();
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        commands(&name, &std::fs::read_to_string(&page).unwrap(), &mut out);
    }
    out
}

/// What is done with a command: the first of the table whose beginning fits.
fn how(text: &str) -> Option<&'static How> {
    WORDS.iter().find(|(begins, _)| text.starts_with(begins)).map(|(_, how)| how)
}

/// Once each: a command shown on two pages runs once.
fn distinct(mut all: Vec<Shown>) -> Vec<Shown> {
    let mut seen = BTreeSet::new();
    all.retain(|s| seen.insert(s.text.replace("cargo run --release --", "headroom")));
    all
}

#[test]
fn every_command_shown_runs() {
    let _turn = crate::common::turn();
    let all = distinct(shown());
    assert!(all.len() > 80, "{}", all.len());
    let mut reader = Reader::new();
    let mut wrong = Vec::new();
    // Before the controller ends what asks it, afterwards what reads what it left.
    for live in [true, false] {
        for one in all.iter().filter(|s| reader::asks_a_controller(&s.text) == live) {
            let begun = std::time::Instant::now();
            let found = match how(&one.text) {
                Some(How::Not(_) | How::Test(..)) => Ok(()),
                Some(How::Runs(changes)) => reader.runs(&one.text, changes, &[0]),
                Some(How::Finds(changes)) => reader.runs(&one.text, changes, &[0, 1]),
                Some(How::Stands(changes)) => reader.stands(&one.text, changes),
                None => reader.runs(&one.text, &[], &[0]),
            };
            println!("{:5.1} s  {}: {}", begun.elapsed().as_secs_f64(), one.page, one.text);
            wrong.extend(found.err().map(|why| format!("{}: {}\n{why}", one.page, one.text)));
        }
        reader.controller_ends();
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n\n"));
}

#[test]
fn no_word_is_about_a_command_that_is_shown_nowhere() {
    let all = shown();
    for (begins, how) in WORDS {
        assert!(all.iter().any(|s| s.text.starts_with(begins)), "`{begins}` is shown nowhere");
        match how {
            How::Not(why) => assert!(why.len() > 10, "`{begins}` wants its reason"),
            How::Test(file, name) => {
                let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
                assert!(text.contains(&format!("fn {name}(")), "{file} has no test `{name}`");
            }
            How::Runs(_) | How::Finds(_) | How::Stands(_) => {}
        }
    }
}
