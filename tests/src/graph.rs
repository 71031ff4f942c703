//! The dependency graph, as `cargo metadata` tells it.

use crate::tree;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Which edges of the graph to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// What a crate is built from.
    Normal,
    /// That, and what its tests use.
    WithTests,
}

/// Crates by name; names of other versions of a crate fall together.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Crates of the workspace.
    pub members: BTreeSet<String>,
    normal: BTreeMap<String, BTreeSet<String>>,
    with_tests: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Of this workspace on this host.
    ///
    /// # Errors
    /// What cargo said, or what its answer lacks.
    pub fn read() -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let host = host(&cargo)?;
        let answer = Command::new(&cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host])
            .current_dir(tree::root())
            .output()
            .map_err(|e| e.to_string())?;
        if !answer.status.success() {
            return Err(String::from_utf8_lossy(&answer.stderr).into_owned());
        }
        let metadata: Value = serde_json::from_slice(&answer.stdout).map_err(|e| e.to_string())?;
        Self::of(&metadata).ok_or_else(|| "cargo metadata has another shape".to_owned())
    }

    fn of(metadata: &Value) -> Option<Self> {
        let mut names = BTreeMap::new();
        for package in metadata["packages"].as_array()? {
            names.insert(package["id"].as_str()?, package["name"].as_str()?.to_owned());
        }
        let mut graph = Self::default();
        for id in metadata["workspace_members"].as_array()? {
            graph.members.insert(names.get(id.as_str()?)?.clone());
        }
        for node in metadata["resolve"]["nodes"].as_array()? {
            let from = names.get(node["id"].as_str()?)?;
            for dep in node["deps"].as_array()? {
                let to = names.get(dep["pkg"].as_str()?)?.clone();
                let kinds: Vec<&Value> = dep["dep_kinds"].as_array()?.iter().map(|k| &k["kind"]).collect();
                if kinds.iter().any(|k| k.is_null()) {
                    graph.normal.entry(from.clone()).or_default().insert(to.clone());
                }
                if kinds.iter().any(|k| k.is_null() || *k == "dev") {
                    graph.with_tests.entry(from.clone()).or_default().insert(to);
                }
            }
        }
        Some(graph)
    }

    /// What a crate names itself.
    #[must_use]
    pub fn direct(&self, name: &str, edges: Edges) -> BTreeSet<&str> {
        let table = if edges == Edges::Normal { &self.normal } else { &self.with_tests };
        table.get(name).into_iter().flatten().map(String::as_str).collect()
    }

    /// Everything below a crate. Tests are walked of this crate only: those of its dependencies are not built with it.
    #[must_use]
    pub fn below(&self, name: &str, edges: Edges) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self.direct(name, edges).into_iter().collect();
        while let Some(at) = open.pop() {
            if found.insert(at) {
                open.extend(self.direct(at, Edges::Normal));
            }
        }
        found
    }
}

fn host(cargo: &std::ffi::OsStr) -> Result<String, String> {
    let answer = Command::new(cargo).arg("-vV").output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let host = text.lines().find_map(|l| l.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| format!("cargo -vV names no host: {text}"))
}
