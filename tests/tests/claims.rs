//! Threat model and safety case: every claim names tests that exist, or says that it is open.
//!
//! A claim begins with its id: `**C1**` at the beginning of a line or list item, or `| T1 |` as the first cell of a row. It ends
//! where the next begins, or at a heading. A citation is `` `path/to/file.rs::test_name` ``.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use headroom_tests::tree::{root, text};
use std::collections::BTreeSet;
use std::path::Path;

const PAGES: [&str; 2] = ["book/src/threat-model.md", "book/src/safety-case.md"];
/// What stands in a claim that nothing shows yet.
const OPEN: &str = "**open**";

/// The id that a line begins a claim with.
fn id(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("- ");
    let id = match line.strip_prefix("**") {
        Some(rest) => rest.split("**").next()?,
        None => line.strip_prefix("| ")?.split(" |").next()?,
    };
    let (letter, number) = id.split_at_checked(1)?;
    let is = "CTGA".contains(letter) && !number.is_empty();
    (is && number.chars().all(|c| c.is_ascii_digit() || c == '.')).then_some(id)
}

/// Claims of a page with their text.
fn claims(page: &str) -> Vec<(String, String)> {
    let mut claims: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(id) = id(line) {
            claims.push((id.to_owned(), String::new()));
            inside = true;
        } else if line.starts_with('#') || (inside && line.starts_with('|') != last_is_row(&claims)) {
            inside = false;
        }
        if let Some((_, text)) = claims.last_mut().filter(|_| inside) {
            text.push_str(line);
            text.push('\n');
        }
    }
    claims
}

/// A claim of a table is its row.
fn last_is_row(claims: &[(String, String)]) -> bool {
    claims.last().is_some_and(|(_, text)| text.starts_with('|'))
}

/// Every citation of a text: file and test.
fn citations(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|q| q.split_once("::")).filter(|(file, _)| file.contains('/')).collect()
}

/// Is there a test of this name in a source?
fn has_test(source: &str, name: &str) -> bool {
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            if is_test && rest.split(['(', '<']).next() == Some(name) {
                return true;
            }
            is_test = false;
        }
    }
    false
}

/// What is wrong with a page.
fn problems(page: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let claims = claims(page);
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    for (id, text) in &claims {
        if !ids.insert(id) {
            problems.push(format!("{id} is there twice"));
        }
        // An assumption is what others must see to; a strategy is how a goal is split.
        if citations(text).is_empty() && !text.contains(OPEN) && !id.starts_with(['A', 'G']) {
            problems.push(format!("{id} names no test and is not marked {OPEN}"));
        }
    }
    for (file, name) in citations(page) {
        match source(file) {
            None => problems.push(format!("{file} is not there")),
            Some(text) if !has_test(&text, name) => problems.push(format!("{file} has no test `{name}`")),
            Some(_) => {}
        }
    }
    if claims.is_empty() {
        problems.push("it claims nothing".to_owned());
    }
    problems
}

#[test]
fn every_claim_names_tests_that_exist_or_is_open() {
    for page in PAGES {
        let source = |file: &str| std::fs::read_to_string(root().join(file)).ok();
        let body = text(Path::new(page));
        let found = problems(&body, source);
        assert!(found.is_empty(), "{page}: {found:#?}");
        assert!(claims(&body).len() >= 20 && citations(&body).len() >= 40, "{page} is read");
    }
}

#[test]
fn the_checker_sees() {
    let source = |file: &str| {
        let text =
            "fn helper() {}\n#[test]\n#[ignore]\nfn is_tested() {}\n\n#[test]\nfn other() { helper(); }\n";
        (file == "a/b.rs").then(|| text.to_owned())
    };
    let good = "# Page\n**C1** it holds\n  - `a/b.rs::is_tested`\n\n- **C2** not yet: **open**\n\n\
                | T1 | threat | `a/b.rs::other` |\n| T2 | threat | **open** |\n\n## After\nfree words\n**A1** others see to it\n";
    assert!(problems(good, source).is_empty(), "{:?}", problems(good, source));
    for (bad, says) in [
        (good.replace("is_tested", "is_tasted"), "has no test `is_tasted`"),
        (good.replace("is_tested", "helper"), "has no test `helper`"),
        (good.replace("a/b.rs::other", "a/c.rs::other"), "a/c.rs is not there"),
        (good.replace("not yet: **open**", "certainly"), "C2 names no test"),
        (good.replace("threat | **open**", "threat |"), "T2 names no test"),
        (good.replace("**C2**", "**C1**"), "C1 is there twice"),
        ("# Page\nwords `a/b.rs::other`\n".to_owned(), "claims nothing"),
    ] {
        let found = problems(&bad, source);
        assert!(found.iter().any(|p| p.contains(says)), "{says}: {found:?}\n{bad}");
    }
}
