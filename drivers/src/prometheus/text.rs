//! The text exposition format of Prometheus and OpenMetrics, read tolerantly: a line that is not a sample is
//! passed over, never an error.

use std::borrow::Cow;

/// One sample line: `name{label="value",...} number [timestamp]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample<'t> {
    pub(crate) name: &'t str,
    pub(crate) labels: Vec<(&'t str, Cow<'t, str>)>,
    pub(crate) value: f64,
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

/// A label's name, read tolerantly: what cannot be taken for another part of the line.
fn is_label(name: &str) -> bool {
    let outside = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '{' | '}' | '"');
    !name.is_empty() && !name.contains(outside)
}

/// The metric name a line begins with; `None` for comments and blanks.
pub(crate) fn name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let end = line.find(|c| !is_name(c)).unwrap_or(line.len());
    (end > 0).then(|| &line[..end])
}

/// Reads a line; `None` if it is no sample.
pub(crate) fn sample(line: &str) -> Option<Sample<'_>> {
    let name = name(line)?;
    let mut rest = line.trim_start()[name.len()..].trim_start();
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        (labels, rest) = read_labels(inside)?;
    }
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample { name, labels, value })
}

fn number(text: &str) -> Option<f64> {
    // Rust reads "inf", "nan" and exponents in any case, with a sign; hexadecimal nobody writes.
    text.parse().ok()
}

type Labels<'t> = Vec<(&'t str, Cow<'t, str>)>;

/// Labels up to the closing brace, and what follows it.
fn read_labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (key, after) = rest.split_once('=')?;
        let inside = after.trim_start().strip_prefix('"')?;
        let (value, after) = quoted(inside)?;
        let key = Some(key.trim()).filter(|key| is_label(key))?;
        labels.push((key, value));
        rest = after;
    }
}

/// A quoted value up to its closing quote, escapes resolved, and what follows it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    let (end, _) = text.char_indices().find(|&(_, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    let (raw, rest) = (&text[..end], &text[end + 1..]);
    if !raw.contains('\\') {
        return Some((Cow::Borrowed(raw), rest));
    }
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(other) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    Some((Cow::Owned(value), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &str) -> Option<(String, usize, f64)> {
        sample(line).map(|s| (s.name.to_owned(), s.labels.len(), s.value))
    }

    #[test]
    fn lines() {
        assert_eq!(of("up 1"), Some(("up".into(), 0, 1.0)));
        assert_eq!(
            of("a_total{x=\"1\", y = \"2\",} 1.5e+3 1700000000000"),
            Some(("a_total".into(), 2, 1500.0))
        );
        assert_eq!(of("a{} -Inf"), Some(("a".into(), 0, f64::NEG_INFINITY)));
        assert!(of("a NaN").is_some_and(|(.., v)| v.is_nan()));
        assert_eq!(of("a 3 # {trace_id=\"x\"} 0.5"), Some(("a".into(), 0, 3.0)));
        for none in ["", "# HELP a b", "a", "a{x=\"1\" 2", "a{x} 2", "a{x=\"1} 2", "{x=\"1\"} 2", "a one"] {
            assert_eq!(of(none), None, "{none}");
        }
        for none in ["a{=\"1\"} 2", "a{x=\"1\"\r, y=\"2\"} 3", "a{x{y=\"1\"} 2"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn escapes() {
        let s = sample(r#"m{path="C:\\x\"y\n}",b="{"} 2"#).unwrap();
        assert_eq!(s.labels[0].1, "C:\\x\"y\n}");
        assert_eq!(s.labels[1].1, "{");
    }

    proptest! {
        #[test]
        fn any_text_is_passed_over_or_read(line in "\\PC*") {
            let _ = sample(&line);
        }

        #[test]
        fn damaged_samples_never_panic(line in "[a-z]{0,3}\\{?[a-z]{0,2}=?\"?[a-z\\\\\"]{0,5}\"?\\}? ?[0-9eE+-.]{0,6}") {
            let _ = sample(&line);
        }

        #[test]
        fn what_is_written_is_read(value in "[^\"\\\\\n]{0,20}", x in -1e12..1e12_f64) {
            let line = format!("m{{l=\"{value}\"}} {x}");
            let s = sample(&line).unwrap();
            prop_assert_eq!(s.labels[0].1.as_ref(), value.as_str());
            prop_assert_eq!(s.value.to_bits(), x.to_bits());
        }
    }
}
