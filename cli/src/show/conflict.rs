//! Conflicts on a terminal: a list, and one with its three versions side by side.

use pinksync_model::{ConflictKind, ConflictLine};
use serde_json::{Map, Value};

use super::{harmless, key, table, text_of, time, value};

type Version = Option<Map<String, Value>>;

/// One line per conflict.
pub fn list(conflicts: &[ConflictLine]) -> String {
    let mut table = table();
    table.set_header(["id", "dataset", "key", "kind", "status", "differs in", "since"]);
    for conflict in conflicts {
        let mut status = conflict.status.as_str().to_owned();
        if let Some(decision) = &conflict.decision {
            status.push_str(&format!(": {decision}"));
        }
        table.add_row([
            conflict.id.clone(),
            harmless(&conflict.dataset),
            key(&conflict.key),
            conflict.kind.as_str().to_owned(),
            harmless(&status),
            differing(conflict).join(", "),
            time(&conflict.opened_at),
        ]);
    }
    text_of(table, usize::MAX)
}

/// One conflict in full; `*` marks the fields in which the sides differ.
pub fn one(conflict: &ConflictLine) -> String {
    let mut text = format!(
        "conflict {}: {} {}, {}, {} since {}\n",
        conflict.id,
        harmless(&conflict.dataset),
        key(&conflict.key),
        conflict.kind.as_str(),
        conflict.status.as_str(),
        time(&conflict.opened_at)
    );
    if let Some(decision) = &conflict.decision {
        let who = conflict.decided_by.as_deref().unwrap_or("nobody named");
        let when = conflict.decided_at.as_deref().map(time).unwrap_or_default();
        text.push_str(&format!("decided: {} by {} {when}\n", harmless(decision), harmless(who)));
    }
    text.push('\n');
    let different = differing(conflict);
    let mut table = table();
    table.set_header(["", "field", "base", "source", "target"]);
    for field in fields(conflict) {
        let mark = if different.contains(field) { "*" } else { "" };
        let at = |version: &Version| cell(version, field);
        table.add_row([
            mark.to_owned(),
            harmless(field),
            if base_is_hashes(conflict) { "not kept".to_owned() } else { at(&conflict.base) },
            at(&conflict.source),
            at(&conflict.target),
        ]);
    }
    text.push_str(&text_of(table, usize::MAX));
    if base_is_hashes(conflict) {
        text.push_str(
            "\n\nthe base keeps hashes, not values (`options: {base: values}` keeps values from the next change on)",
        );
    }
    text
}

/// A record that was agreed on once has a base; where none is told the base has hashes only.
fn base_is_hashes(conflict: &ConflictLine) -> bool {
    use ConflictKind::{DeleteUpdate, UpdateDelete, UpdateUpdate};
    conflict.base.is_none() && matches!(conflict.kind, UpdateUpdate | UpdateDelete | DeleteUpdate)
}

/// Every field that a version has, in the order of the first that has it.
fn fields(conflict: &ConflictLine) -> Vec<&String> {
    let mut names: Vec<&String> = Vec::new();
    for version in [&conflict.source, &conflict.target, &conflict.base].into_iter().flatten() {
        for name in version.keys().filter(|name| !names.contains(name)).collect::<Vec<_>>() {
            names.push(name);
        }
    }
    names
}

/// Fields in which the two sides differ; none where a side has no record.
fn differing(conflict: &ConflictLine) -> Vec<String> {
    match (&conflict.source, &conflict.target) {
        (Some(source), Some(target)) => source
            .iter()
            .filter(|(name, value)| target.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    }
}

fn cell(version: &Version, field: &str) -> String {
    match version {
        None => "absent".to_owned(),
        Some(record) => record.get(field).map_or_else(String::new, value),
    }
}
