//! The files of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold nothing of the source.
const NOT_SOURCE: [&str; 4] = ["target", "out", ".git", "node_modules"];

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Every file below a folder of the repository, in order of path, relative to the root.
#[must_use]
pub fn files(folder: &str) -> Vec<PathBuf> {
    let root = root();
    let mut open = vec![root.join(folder)];
    let mut out = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                let named = name.to_str().is_some_and(|n| NOT_SOURCE.contains(&n));
                let link = path.is_symlink();
                if !named && !link {
                    open.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(&root) {
                out.push(relative.to_path_buf());
            }
        }
    }
    out.sort();
    out
}

/// Files below a folder whose name ends so.
#[must_use]
pub fn with_extension(folder: &str, extension: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == extension)).collect()
}

/// What git tracks or would track; every file where there is no git.
#[must_use]
pub fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output();
    match listed {
        Ok(answer) if answer.status.success() && !answer.stdout.is_empty() => {
            String::from_utf8_lossy(&answer.stdout)
                .split('\0')
                .filter(|name| !name.is_empty())
                .map(PathBuf::from)
                .filter(|path| root().join(path).is_file())
                .collect()
        }
        _ => files("."),
    }
}

/// Text of a file; empty if it is none.
#[must_use]
pub fn text(path: &Path) -> String {
    std::fs::read(root().join(path)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

/// True for tests that live apart from the code: a `tests` or `testing` folder, or a file `tests.rs`, `*_tests.rs`.
#[must_use]
pub fn is_test(path: &Path) -> bool {
    let in_folder = path.parent().is_some_and(|p| p.components().any(|c| c.as_os_str() == "tests"))
        || path.components().any(|c| c.as_os_str() == "testing");
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    in_folder || stem == "tests" || stem.ends_with("_tests")
}

/// Lines of code of a source file, with their numbers from 1: no comments, nothing from `#[cfg(test)] mod ... {` on.
#[must_use]
pub fn code(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|w| {
        w[0].trim() == "#[cfg(test)]"
            && w[1].trim_start().starts_with("mod ")
            && w[1].trim_end().ends_with('{')
    });
    lines[..tests.unwrap_or(lines.len())]
        .iter()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}
