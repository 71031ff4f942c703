//! `headroom check FILE...`: every finding in site, policy, register map and scenario files, all at once.
//!
//! What a file is, is seen from what stands in it. Policies are checked against the site files named with them.

use anyhow::Result;
use headroom_policies::read_policy;
use headroom_site::Site;
use headroom_site::doc::Finding;
use headroom_site::file::{draft_site, read_register_map, read_text};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// It ran and found a fault.
const FAULT: u8 = 1;
/// A file cannot be read at all.
const CONFIGURATION: u8 = 3;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Plain,
    /// For programs.
    Json,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Site,
    Policy,
    Map,
    Scenario,
    Operators,
}

impl Kind {
    /// Seen from the top-level keys; a file that is none of them is taken for a site.
    fn of(text: &str) -> Self {
        let heads: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.starts_with('#')).collect();
        let has = |key: &str| heads.iter().any(|l| l.starts_with(key));
        if has("[site]") {
            Self::Site
        } else if has("[[event]]") || has("hours =") {
            Self::Scenario
        } else if has("[[operator]]") {
            Self::Operators
        } else if has("[mode]")
            || has("[strategy]")
            || has("[headroom]")
            || has("[objective]")
            || has("[[budget]]")
        {
            Self::Policy
        } else if has("[[register]]") {
            Self::Map
        } else if has("name =") && !has("[[place]]") {
            Self::Policy
        } else {
            Self::Site
        }
    }
}

/// Runs the check.
pub(crate) fn run(files: &[PathBuf], format: Format) -> Result<ExitCode> {
    let mut texts = Vec::new();
    for path in files {
        // A shipped policy has a name where others have a file, as for `headroom run`.
        let shipped = path.to_str().filter(|_| !path.exists()).and_then(headroom_policies::shipped);
        if let Some(policy) = shipped {
            texts.push((path.with_extension("toml"), policy.text.to_owned()));
            continue;
        }
        match read_text(path) {
            Ok(text) => texts.push((path.clone(), text)),
            Err(e) => {
                eprintln!("headroom check: {}: {e}", path.display());
                return Ok(ExitCode::from(CONFIGURATION));
            }
        }
    }
    let findings = all(&texts);
    match format {
        Format::Json => print_json(&findings),
        Format::Plain => {
            print_plain(&texts, &findings);
            notes(&texts).iter().for_each(|note| println!("note: {note}"));
        }
    }
    for site in unread(&texts, &findings) {
        eprintln!(
            "{site} has findings: whether policies name things that it lacks is checked once it has none"
        );
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAULT) })
}

fn all(texts: &[(PathBuf, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sites: Vec<(Site, bool)> = Vec::new();
    let of = |kind: Kind| texts.iter().filter(move |(_, text)| Kind::of(text) == kind);
    for (path, text) in of(Kind::Site) {
        let (site, found) = draft_site(&name(path), text, path.parent().unwrap_or(Path::new(".")));
        sites.extend(site.map(|site| (site, found.is_empty())));
        findings.extend(found);
    }
    for (path, text) in of(Kind::Map) {
        findings.extend(read_register_map(&name(path), text).err().unwrap_or_default());
    }
    for (path, text) in of(Kind::Operators) {
        findings
            .extend(crate::instruct::operators::Operators::read(&name(path), text).err().unwrap_or_default());
    }
    for (path, text) in of(Kind::Scenario) {
        findings.extend(crate::scenarios::check(&name(path), text));
    }
    for (path, text) in of(Kind::Policy) {
        match read_policy(&name(path), text) {
            Ok(policy) => {
                for (site, whole) in &sites {
                    let found = policy.check_against(site, &name(path), text);
                    // What a draft does not know may be what was wrong in it.
                    findings.extend(found.into_iter().filter(|f| *whole || !f.what.contains("unknown")));
                }
            }
            Err(found) => findings.extend(found),
        }
    }
    findings
}

/// What is right, and may still not be what was meant.
fn notes(texts: &[(PathBuf, String)]) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, text) in texts.iter().filter(|(_, text)| Kind::of(text) == Kind::Site) {
        let (site, _) = draft_site(&name(path), text, path.parent().unwrap_or(Path::new(".")));
        let Some(site) = site else { continue };
        for node in site.nodes.iter().filter(|n| n.read_only()) {
            let page = node.dcgm.and_then(|p| site.dcgm.get(p)).map_or("?", |p| p.id.as_str());
            let (id, gpus) = (&node.id, node.gpus.1.saturating_sub(node.gpus.0));
            notes.push(format!(
                "{}: {gpus} GPUs of node `{id}` are read from dcgm page `{page}`: read only, no cap and no clock can be \
                 commanded; each counts in its budgets with its enforced limit",
                name(path)
            ));
        }
    }
    notes
}

/// Site files with findings, against which policies could be checked only in part.
fn unread(texts: &[(PathBuf, String)], findings: &[Finding]) -> Vec<String> {
    if !texts.iter().any(|(_, text)| Kind::of(text) == Kind::Policy) {
        return Vec::new();
    }
    let sites = texts.iter().filter(|(_, text)| Kind::of(text) == Kind::Site).map(|(path, _)| name(path));
    sites.filter(|site| findings.iter().any(|f| f.file == *site)).collect()
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// A file with one finding underlined.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{what}")]
struct Underlined {
    what: String,
    #[help]
    remedy: String,
    #[source_code]
    text: miette::NamedSource<String>,
    #[label("here")]
    place: miette::SourceSpan,
}

fn print_plain(texts: &[(PathBuf, String)], findings: &[Finding]) {
    for f in findings {
        let text =
            texts.iter().find(|(path, _)| name(path) == f.file).map(|(_, t)| t.clone()).unwrap_or_default();
        let length = f.span.1.saturating_sub(f.span.0).clamp(1, 120);
        let shown = Underlined {
            what: format!("{}:{}:{}: {}", f.file, f.line, f.column, f.what),
            remedy: f.remedy.clone(),
            text: miette::NamedSource::new(&f.file, text),
            place: (f.span.0, length).into(),
        };
        eprintln!("{:?}", miette::Report::new(shown));
    }
    match findings.len() {
        0 => println!("{} files checked, nothing found", texts.len()),
        1 => eprintln!("1 finding in {} files", texts.len()),
        n => eprintln!("{n} findings in {} files", texts.len()),
    }
}

fn print_json(findings: &[Finding]) {
    let list: Vec<_> = findings
        .iter()
        .map(|f| {
            serde_json::json!({
                "file": f.file, "line": f.line, "column": f.column, "what": f.what, "remedy": f.remedy,
            })
        })
        .collect();
    println!("{}", serde_json::Value::from(list));
}
