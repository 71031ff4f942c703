//! Scenario files for people: shipped ones by name, others by path, findings with line and remedy.

use anyhow::{Context, Result, bail};
use headroom_sim::scenario::Scenario;
use headroom_site::doc::Finding;
use std::path::Path;

/// Findings of a scenario file.
pub(crate) fn check(file: &str, text: &str) -> Vec<Finding> {
    let errors = Scenario::parse(text).err().unwrap_or_default();
    errors
        .into_iter()
        .map(|e| Finding {
            file: file.to_owned(),
            line: e.line,
            column: 1,
            span: line_span(text, e.line),
            what: e.message,
            remedy: e.remedy,
        })
        .collect()
}

/// Bytes of a line, from 1.
fn line_span(text: &str, line: usize) -> (usize, usize) {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = text[start.min(text.len())..].lines().next().map_or(0, str::len);
    (start, start + length)
}

/// A scenario by name or path.
///
/// # Errors
/// There is none, or it has findings.
pub(crate) fn load(choice: &str) -> Result<Scenario> {
    if let Some(shipped) = Scenario::shipped(choice) {
        return Ok(shipped);
    }
    if !Path::new(choice).exists() {
        let names: Vec<_> = Scenario::names().collect();
        bail!("`{choice}` is neither a scenario file nor one of {}", names.join(", "));
    }
    let text = std::fs::read_to_string(choice).with_context(|| format!("scenario {choice}"))?;
    Scenario::parse(&text).map_err(|_| {
        let lines: Vec<String> = check(choice, &text).iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the scenario cannot be used\n{}", lines.join("\n"))
    })
}
