//! `headroom discover`: from an unknown site to a draft that a person confirms.
//!
//! Responsible for: walking a bus or probing a device, and writing what was found as a file that `headroom check` takes.
//! Never writes to the field: a walk publishes nothing, a probe only reads. Not for: what a draft cannot know; that stands in
//! its comments, to be confirmed.

mod dsx;
mod modbus;

use crate::exit;
use clap::Subcommand;
use std::path::Path;
use std::process::ExitCode;

/// What is discovered.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// A DSX bus: equipment, topology, points and requests, as a site file.
    Dsx(dsx::Options),
    /// A Modbus device: its registers and what they may be, as a register map.
    Modbus(modbus::Options),
}

/// Runs the verb.
///
/// # Errors
/// The file cannot be written.
pub(crate) async fn run(what: &What) -> anyhow::Result<ExitCode> {
    match what {
        What::Dsx(options) => dsx::run(options).await,
        What::Modbus(options) => modbus::run(options).await,
    }
}

/// Refuses to write over a file, before the field is asked anything.
fn is_free(out: &Path) -> Result<(), ExitCode> {
    if !out.exists() {
        return Ok(());
    }
    eprintln!("headroom discover: {} is there already; a draft does not replace a file", out.display());
    Err(ExitCode::from(exit::CONFIGURATION))
}

/// A string of TOML, quoted.
fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A comment's worth of foreign text: one line, no longer than it helps.
fn remark(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}

/// A list of strings of TOML.
fn list<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<String> = values.into_iter().map(text).collect();
    format!("[{}]", all.join(", "))
}

/// A number of TOML: always a float.
fn float(x: f64) -> String {
    format!("{:?}", (x * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_leave_its_string() {
        let nasty = "a\"b\\c\nd\u{7}";
        let parsed: toml::Table = format!("x = {}\ny = {}", text(nasty), list(["p", "q\""])).parse().unwrap();
        assert_eq!(parsed["x"].as_str(), Some(nasty));
        assert_eq!(parsed["y"].as_array().unwrap().len(), 2);
        assert!(!remark("a\nb").contains('\n'));
    }
}
