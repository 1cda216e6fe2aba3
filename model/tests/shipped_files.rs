//! The files that ship with the project stay true: the examples parse, the JSON Schema is the current one.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pinksync_model::SyncDefinition;

/// Every variable is set: those that end in `_URL` to a PostgreSQL URL, the others to some text.
fn environment(name: &str) -> Option<String> {
    let is_url = name.ends_with("_URL");
    Some(if is_url { "postgres://user:password@localhost:5432/database" } else { "text" }.to_owned())
}

fn example_files() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect()
}

#[test]
fn every_example_parses() {
    for path in example_files() {
        let text = fs::read_to_string(&path).unwrap();
        if let Err(mistakes) = SyncDefinition::parse(&text, &environment) {
            panic!("{}:\n{mistakes}", path.display());
        }
    }
}

#[test]
fn there_is_an_example_for_every_pair_of_systems() {
    let parse = |path| SyncDefinition::parse(&fs::read_to_string(path).unwrap(), &environment).unwrap();
    let definitions = example_files().into_iter().map(parse);
    let pairs: BTreeSet<_> = definitions.map(|sync| (sync.source.kind(), sync.target.kind())).collect();
    for source in pinksync_model::Connection::KINDS {
        for target in pinksync_model::Connection::KINDS {
            assert!(pairs.contains(&(source, target)), "no example from {source} to {target}");
        }
    }
}

#[test]
fn the_shipped_json_schema_is_the_current_one() {
    let shipped = include_str!("../sync-file.schema.json");
    let current = format!("{:#}\n", SyncDefinition::json_schema());
    let command = "cargo run -p pinksync-model --example sync_file_schema > model/sync-file.schema.json";
    assert!(shipped == current, "renew it: {command}");
}
