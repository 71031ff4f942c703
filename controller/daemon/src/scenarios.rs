//! Scenario files for people: shipped ones by name, others by path, findings with line and remedy.

use anyhow::{Context, Result, bail};
use headroom_sim::scenario::Scenario;
use headroom_sim::world::events::WorldError;
use headroom_sim::world::{World, WorldConfig};
use headroom_site::doc::Finding;
use std::path::Path;

/// Findings of a scenario file: what it says, and whether what it names is there in its own plant.
pub(crate) fn check(file: &str, text: &str) -> Vec<Finding> {
    let finding = |line: usize, what: String, remedy: String| {
        let span = line_span(text, line);
        Finding { file: file.to_owned(), line, column: 1, span, what, remedy }
    };
    match Scenario::parse(text) {
        Err(errors) => errors.into_iter().map(|e| finding(e.line, e.message, e.remedy)).collect(),
        Ok(scenario) => {
            let misfits = misfits(scenario, Path::new(file).parent().unwrap_or(Path::new("")));
            misfits.into_iter().map(|(line, what, remedy)| finding(line, what, remedy)).collect()
        }
    }
}

/// What does not fit the scenario's own world, with line and remedy.
fn misfits(scenario: Scenario, folder: &Path) -> Vec<(usize, String, String)> {
    let cold = WorldConfig { warmup_s: 0.0, ..WorldConfig::default() };
    let config = match scenario.configure(cold, folder) {
        Ok(config) => config,
        Err(error) => return vec![(1, error.to_string(), "name a file that can be read".to_owned())],
    };
    let errors = World::new(config).err().unwrap_or_default();
    let one = |e: WorldError| {
        let line = e.line().unwrap_or(1);
        let text = e.to_string();
        let text = text.strip_prefix(&format!("line {line}: ")).unwrap_or(&text);
        let (what, remedy) = text.split_once("; ").unwrap_or((text, "see the reference of scenario files"));
        (line, what.to_owned(), remedy.to_owned())
    };
    errors.into_iter().map(one).collect()
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
    let text =
        headroom_site::file::read_text(Path::new(choice)).with_context(|| format!("scenario {choice}"))?;
    Scenario::parse(&text).map_err(|_| {
        let lines: Vec<String> = check(choice, &text).iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the scenario cannot be used\n{}", lines.join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_checked_against_its_own_plant() {
        let text = "name = \"x\"\nhours = 1\n[plant]\nchillers = 1\n\
            [[event]]\nat = \"1 min\"\nkind = \"chiller-trip\"\ndevice = \"CH-02\"\n\
            [[event]]\nat = \"1 min\"\nkind = \"bess-failure\"\n";
        let found = check("x.toml", text);
        let lines: Vec<usize> = found.iter().map(|f| f.line).collect();
        assert_eq!(lines, [5, 9], "{found:?}");
        assert!(found[0].remedy.contains("CH-01") && found[1].remedy.contains("[plant]"), "{found:?}");
        for name in Scenario::names() {
            let text = Scenario::text(name).unwrap_or_default();
            assert_eq!(check(name, text), vec![], "{name}");
        }
        let missing = check("/nowhere/x.toml", "name = \"x\"\nhours = 1\n[weather]\nepw = \"y.epw\"\n");
        assert!(missing[0].what.contains("/nowhere/y.epw"), "{missing:?}");
    }
}
