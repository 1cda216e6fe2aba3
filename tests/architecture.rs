//! The house rules that a tool can check: who may know whom, what a connector's folder holds, how long files may be.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of a source file.
const MOST_LINES: usize = 500;

/// Files that may be longer, each with its reason.
const LONGER: &[(&str, &str)] = &[(
    "engine/tests/properties/oracle.rs",
    "the decision table written out a second time, in one piece so that it can be read beside the first",
)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn crates_know_only_whom_they_may() {
    let allowed = BTreeMap::from([
        ("model", vec![]),
        ("engine", vec!["model"]),
        ("connectors", vec!["engine", "model"]),
        ("local", vec!["connectors", "engine", "model"]),
        ("common", vec!["model"]),
        ("api", vec!["common", "model"]),
        ("scheduler", vec!["common", "model"]),
        ("worker", vec!["common", "connectors", "engine", "model"]),
        ("cli", vec!["api", "common", "connectors", "engine", "local", "model", "scheduler", "worker"]),
        ("tests/support", vec!["common"]),
    ]);
    for (folder, allowed) in &allowed {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        // Tests of the API have a worker, as they have a database; `tests/support` is for tests alone, and nobody may
        // depend on it.
        let known: Vec<&str> = manifest
            .lines()
            .take_while(|line| *line != "[dev-dependencies]")
            .filter_map(|line| line.strip_prefix("pinksync-"))
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .collect();
        for name in known {
            assert!(allowed.contains(&name), "{folder} must not know {name}");
        }
    }
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = workspace.lines().find(|line| line.starts_with("members")).unwrap();
    for folder in allowed.keys() {
        assert!(members.contains(&format!("\"{folder}\"")), "{folder} is not a member");
    }
    assert_eq!(members.matches('"').count() / 2, allowed.len(), "a member without a rule: {members}");
}

#[test]
fn every_connector_has_the_same_rooms() {
    let connectors = root().join("connectors/src");
    let mut seen = 0;
    for entry in fs::read_dir(&connectors).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        seen += 1;
        for name in ["mod", "config", "read", "write", "types", "error"] {
            let file = folder.join(format!("{name}.rs"));
            let module = folder.join(name).join("mod.rs");
            assert!(file.is_file() || module.is_file(), "{} has no {name}.rs", folder.display());
        }
        assert!(folder.join("docs.md").is_file(), "{} has no docs.md", folder.display());
    }
    assert!(seen >= 3, "only {seen} connectors found");
}

#[test]
fn files_stay_short_and_say_what_they_are_for() {
    let mut lengths = Vec::new();
    for path in rust_files(&root()) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let lines = text.lines().count();
        if !LONGER.iter().any(|(longer, _)| *longer == name) {
            assert!(lines <= MOST_LINES, "{name} has {lines} lines: it has two jobs");
        }
        assert!(text.starts_with("//!"), "{name} does not begin with what it is for");
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 150, "the median file has {median} lines");
}

#[test]
fn every_test_file_is_declared() {
    let manifest = fs::read_to_string(root().join("cli/Cargo.toml")).unwrap();
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let file = if path.is_dir() { format!("tests/{name}/main.rs") } else { format!("tests/{name}") };
        if root().join(&file).is_file() && file.ends_with(".rs") {
            assert!(manifest.contains(&format!("\"../{file}\"")), "{file} is not declared in cli/Cargo.toml");
        }
    }
}
