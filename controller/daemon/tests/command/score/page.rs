//! The page of a score: well formed, alone, and without a word from a browser.

use super::{Place, board};
use crate::common::browser::installed;
use std::path::Path;
use std::process::Command;

/// Elements that have no end.
const VOID: [&str; 4] = ["meta", "link", "br", "!DOCTYPE"];

/// Tags of a page in order, as (name, whole tag); attributes hold no `>`.
fn tags(page: &str) -> Vec<(&str, &str)> {
    let rest = page.split('<').skip(1);
    rest.map(|part| part.split('>').next().unwrap())
        .map(|tag| (tag.split_whitespace().next().unwrap(), tag))
        .collect()
}

#[test]
fn the_page_is_well_formed_and_stands_alone() {
    let place = Place::new("page");
    board(&place, &["--out", "out"]);
    assert_eq!(place.files("out"), ["score.html", "score.json"]);
    let page = place.text("out/score.html");
    let mut open: Vec<&str> = Vec::new();
    for (name, tag) in tags(&page) {
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        match name.strip_prefix('/') {
            Some(end) => assert_eq!(open.pop(), Some(end), "{tag}"),
            None if VOID.contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    for word in ["src=", "url(", "@import", "<script", "http://", "https://"] {
        assert!(!page.contains(word), "{word}: the page loads nothing");
    }
    assert!(page.contains("A burst of &lt;requests&gt; &amp; nothing else"), "text is escaped");
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
    // Every plot has a name, words, and a table in the same section; ids are unique.
    let plots: Vec<&str> = page.split("<svg class=\"plot\"").skip(1).collect();
    // Energy and savings, and four quantities over time of two scenarios; no limit, no gap.
    assert_eq!(plots.len(), 2 + 4 * 2);
    for plot in plots {
        let plot = plot.split("</svg>").next().unwrap();
        assert!(plot.contains("role=\"img\"") && plot.contains("<title id=") && plot.contains("<desc id="));
        assert!(!plot.contains("NaN") && !plot.contains("inf"), "{plot}");
    }
    assert!(page.matches("<table>").count() >= 3 + 4 * 2);
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|p| p.split('"').next().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let at = |word: &str| page.find(word).unwrap();
    assert!(at("Violations first") < at("Facility energy at equal work"));
}

/// What the browser makes of a page: its document, and what the console says.
fn browse(browser: &str, page: &Path, more: &[&str]) -> (String, Vec<String>) {
    let profile = page.with_extension("profile");
    let output = Command::new("timeout")
        .args(["60", browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .args(more)
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--dump-dom".to_owned(), format!("file://{}", page.display())])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = said.lines().filter(|l| l.contains("CONSOLE")).map(str::to_owned).collect();
    (String::from_utf8_lossy(&output.stdout).into_owned(), console)
}

#[test]
fn a_browser_has_nothing_to_say_about_the_page() {
    let Some(browser) = installed() else { return };
    let place = Place::new("browser");
    board(&place, &["--out", "out"]);
    let page = place.0.join("out/score.html");
    for more in [&["--window-size=1280,900"][..], &["--window-size=390,800", "--force-dark-mode"]] {
        let (dom, console) = browse(browser, &page, more);
        assert!(
            dom.contains("Violations first") && dom.matches("<svg class=\"plot\"").count() == 10,
            "{dom}"
        );
        assert_eq!(console, Vec::<String>::new(), "{more:?}");
    }
    // The test's own eyes: a page with something wrong makes it speak.
    let wrong = place.0.join("wrong.html");
    std::fs::write(&wrong, "<script>console.error('broken')</script>").unwrap();
    assert_eq!(browse(browser, &wrong, &[]).1.len(), 1);
}
