//! The files of the page as they lie in the repository: alone, safe, and legible in both schemes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/run/page/assets")
}

/// All files by name.
pub(super) fn files() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path());
    entries
        .map(|p| {
            (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&p).unwrap())
        })
        .collect()
}

fn scripts() -> Vec<(String, String)> {
    files().into_iter().filter(|(name, _)| name.ends_with(".js")).collect()
}

/// Texts between two marks.
fn between<'a>(text: &'a str, begin: &str, end: char) -> Vec<&'a str> {
    text.split(begin).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_no_text_becomes_markup() {
    for (name, text) in files() {
        let own = text.replace("http://www.w3.org/2000/svg", "");
        for word in ["http://", "https://", "//cdn", "@import", "url("] {
            assert!(!own.contains(word), "{name}: {word}");
        }
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "<iframe",
        ] {
            assert!(!text.contains(word), "{name}: {word}");
        }
        // The policy allows neither.
        assert!(
            !text.contains(" style=\"") && !text.contains(" onclick=") && !text.contains("<style"),
            "{name}"
        );
    }
}

#[test]
fn nothing_but_get_is_asked_unless_an_operator_says_something() {
    for (name, text) in scripts() {
        for word in ["XMLHttpRequest", "sendBeacon", "WebSocket", "Storage", "document.cookie"] {
            assert!(!text.contains(word), "{name}: {word}");
        }
        let (says, methods) = (text.matches("say(\"").count(), text.matches("method:").count());
        assert_eq!((name == "advice.js", name == "ask.js"), (says == 1, methods == 1), "{name}");
        assert!(says == 0 || text.contains("say(\"/instructions\", "), "{name}");
        assert!(name == "ask.js" || !text.contains("fetch("), "{name}: `ask` alone asks");
    }
}

#[test]
fn every_id_that_a_script_asks_for_is_in_the_page_once() {
    let html = &files()["page.html"];
    let ids = between(html, " id=\"", '"');
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id), "{id} twice");
    }
    let mut asked = 0;
    for (name, text) in scripts() {
        for id in between(&text, "by(\"", '"') {
            assert!(ids.contains(&id), "{name}: {id}");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
    for of in between(html, " for=\"", '"')
        .iter()
        .chain(&between(html, "-labelledby=\"", '"'))
        .chain(&between(html, "-describedby=\"", '"'))
    {
        assert!(ids.contains(of), "{of}");
    }
    assert_eq!(
        (html.matches("<h1").count(), html.matches("<main").count(), html.matches("<nav").count()),
        (1, 1, 1)
    );
}

#[test]
fn every_module_that_is_imported_is_there() {
    let all = files();
    for (name, text) in scripts() {
        for from in between(&text, " from \"", '"') {
            let file = from.rsplit('/').next().unwrap();
            assert!(all.contains_key(file), "{name} imports {from}");
            let here = if name == "page.js" { "./page/" } else { "./" };
            assert!(from.strip_prefix(here).is_some_and(|rest| rest == file), "{name} imports {from}");
        }
    }
}

/// Relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn colours_are_legible_in_both_schemes() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
    let css = &files()["page.css"];
    let schemes: Vec<&str> = between(css, ":root {", '}');
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let of = |name: &str| between(scheme, &format!("--{name}: "), ';')[0];
        for ground in ["ground", "panel"] {
            for text in ["ink", "soft", "bad", "warn", "good", "blue"] {
                let found = contrast(of(text), of(ground));
                assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
            }
            // Borders of what can be used, and lines of plots.
            for line in ["edge", "s0", "s1", "s2", "s3", "s4", "s5"] {
                let found = contrast(of(line), of(ground));
                assert!(found >= 3.0, "{line} on {ground}: {found:.2}");
            }
        }
    }
    assert!(css.contains("prefers-reduced-motion") && css.contains(":focus-visible"));
}
