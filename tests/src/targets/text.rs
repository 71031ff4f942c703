//! What holds for every finding about a file that a human wrote.

use headroom_site::doc::Finding;
use std::borrow::Cow;

/// The input as the text of a file. What is not UTF-8 becomes a replacement character, so that no input is lost.
pub(super) fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// Lines of a text; a text that ends with a line break has an empty last one.
pub(super) fn lines(text: &str) -> usize {
    text.matches('\n').count() + 1
}

/// A file is refused with findings, each at a place that is there, each with a remedy.
pub(super) fn findings_stand(file: &str, text: &str, findings: &[Finding]) {
    assert!(!findings.is_empty(), "refused without a finding");
    for f in findings {
        assert_eq!(f.file, file);
        assert!((1..=lines(text)).contains(&f.line), "{} lines: {f}", lines(text));
        let line = text.split('\n').nth(f.line - 1).unwrap_or_default();
        assert!((1..=line.len() + 1).contains(&f.column), "{} bytes in the line: {f}", line.len());
        let (start, end) = f.span;
        assert!(start <= end && end <= text.len(), "{start}..{end} of {}: {f}", text.len());
        assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{start}..{end}: {f}");
        assert!(!f.what.is_empty() && !f.remedy.is_empty(), "{f}");
    }
}

/// A page of metrics out of a series of them, which lines `-- S` divide.
pub(super) struct Page<'t> {
    /// Its lines.
    pub(super) lines: Vec<&'t str>,
    /// How long after it the next one is read, at most an hour; `None` if the page does not answer in between.
    pub(super) after_s: Option<f64>,
}

impl<'t> Page<'t> {
    /// All pages of an input.
    pub(super) fn all(text: &'t str) -> Vec<Self> {
        let mut pages = Vec::new();
        let mut lines = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("-- ") {
                Some(after) => {
                    let after_s = after.parse().ok().filter(|s| (0.0..=3600.0).contains(s));
                    pages.push(Self { lines: std::mem::take(&mut lines), after_s });
                }
                None => lines.push(line),
            }
        }
        pages.push(Self { lines, after_s: Some(0.0) });
        pages
    }
}
