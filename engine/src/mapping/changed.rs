//! What changed since a base was taken, in words: the terms that [`super::terms`] wrote then, and those of now.

use std::collections::BTreeMap;

use pinksync_model::{Filter, ModifiedAt};
use serde::Deserialize;

use super::terms::{Line, lines};

/// Changes that a sentence tells; it counts the others.
const TOLD: usize = 5;

/// The definition's part of the terms, read back.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Definition {
    key: Vec<String>,
    fields: Vec<(String, Option<String>)>,
    exclude: Vec<String>,
    filter: Option<Filter>,
    types: BTreeMap<String, String>,
    modified_at: Option<ModifiedAt>,
    hash: String,
}

/// What the sync file says otherwise than when the base was taken.
pub fn definition(then: &str, now: &str) -> String {
    // A state file of another version may have words that this one does not know.
    let read = |text: &str| serde_json::from_str::<Definition>(text).ok();
    let Some((then, now)) = read(then).zip(read(now)) else { return sentence(Vec::new()) };
    let mut changes = Vec::new();
    if then.key != now.key {
        changes.push(format!("the key was {} and is {}", list(&then.key), list(&now.key)));
    }
    changes.extend(gained(&then.exclude, &now.exclude).map(|name| format!("`{name}` is excluded now")));
    changes.extend(gained(&now.exclude, &then.exclude).map(|name| format!("`{name}` is not excluded any more")));
    renames(&then, &now, &mut changes);
    types(&then.types, &now.types, &mut changes);
    let condition = |filter: &Option<Filter>| filter.as_ref().map_or("none".to_owned(), |it| format!("`{it}`"));
    if then.filter != now.filter {
        changes.push(format!("the filter was {} and is {}", condition(&then.filter), condition(&now.filter)));
    }
    if then.modified_at != now.modified_at {
        changes.push(format!("modified_at was {} and is {}", time(&then.modified_at), time(&now.modified_at)));
    }
    if then.hash != now.hash {
        changes.push("this version of the program hashes records in another way".to_owned());
    }
    sentence(changes)
}

/// Which fields the two sides have otherwise than when the base was taken.
pub fn schema(then: &str, now: &str) -> String {
    let (then, now) = (lines(then), lines(now));
    let find = |lines: &[Line], name: &str| lines.iter().find(|line| line.source == name).cloned();
    let mut changes = Vec::new();
    for line in &now {
        match find(&then, &line.source) {
            None => changes.push(format!("`{}` is synced now", line.source)),
            Some(old) => columns(&old, line, &mut changes),
        }
    }
    let gone = then.iter().filter(|line| find(&now, &line.source).is_none());
    changes.extend(gone.map(|line| format!("`{}` is not synced any more", line.source)));
    if changes.is_empty() && then != now {
        changes.push("the columns stand in another order".to_owned());
    }
    sentence(changes)
}

fn columns(then: &Line, now: &Line, changes: &mut Vec<String>) {
    let name = &now.source;
    if then.target != now.target {
        changes.push(format!("`{name}` went to `{}` of the target and goes to `{}`", then.target, now.target));
    }
    for (side, then, now) in
        [("source", &then.source_type, &now.source_type), ("target", &then.target_type, &now.target_type)]
    {
        if then != now {
            changes.push(format!("`{name}` was {} at the {side} and is {}", or_none(then), or_none(now)));
        }
    }
    match (then.written, now.written) {
        (true, false) => changes.push(format!("`{name}` is only read now")),
        (false, true) => changes.push(format!("`{name}` is written now")),
        _ => {}
    }
}

fn or_none(native: &str) -> &str {
    if native.is_empty() { "of no type" } else { native }
}

fn renames(then: &Definition, now: &Definition, changes: &mut Vec<String>) {
    let of = |fields: &[(String, Option<String>)], name: &str| {
        fields.iter().find(|(field, _)| field == name).map(|(_, to)| to.clone())
    };
    let target = |name: &str, to: Option<Option<String>>| to.flatten().unwrap_or_else(|| name.to_owned());
    let added = now.fields.iter().filter(|(name, _)| of(&then.fields, name).is_none());
    for (name, _) in then.fields.iter().chain(added) {
        let (old, new) = (of(&then.fields, name), of(&now.fields, name));
        let (from, to) = (target(name, old.clone()), target(name, new.clone()));
        match (from == to, old.is_some(), new.is_some()) {
            (false, ..) => changes.push(format!("`{name}` went to `{from}` of the target and goes to `{to}`")),
            (true, false, true) => changes.push(format!("`{name}` has rules under `fields` now")),
            (true, true, false) => changes.push(format!("`{name}` has no rules under `fields` any more")),
            (true, ..) => {}
        }
    }
}

fn types(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>, changes: &mut Vec<String>) {
    let said = |types: &BTreeMap<String, String>, name: &str| types.get(name).map_or("none", String::as_str).to_owned();
    let added = now.keys().filter(|name| !then.contains_key(*name));
    for name in then.keys().chain(added) {
        if then.get(name) != now.get(name) {
            changes.push(format!(
                "the type of `{name}` under `types` was {} and is {}",
                said(then, name),
                said(now, name)
            ));
        }
    }
}

fn gained<'a>(then: &'a [String], now: &'a [String]) -> impl Iterator<Item = &'a String> {
    now.iter().filter(|name| !then.contains(name))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn time(time: &Option<ModifiedAt>) -> String {
    match time {
        None => "none".to_owned(),
        Some(ModifiedAt::Same(name)) => format!("`{name}`"),
        Some(ModifiedAt::PerSide { source, target }) => format!("`{source}` at the source, `{target}` at the target"),
    }
}

fn sentence(mut changes: Vec<String>) -> String {
    let rest = changes.len().saturating_sub(TOLD);
    changes.truncate(TOLD);
    match (changes.is_empty(), rest) {
        (true, _) => "the dataset is not defined as it was when the base was taken".to_owned(),
        (false, 0) => format!("since the base was taken: {}", changes.join("; ")),
        (false, rest) => format!("since the base was taken: {}; and {rest} more", changes.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_says_what_was_and_what_is() {
        let then = r#"{"key":["id"],"fields":[["a","b"]],"exclude":["x"],"filter":null,"types":{"n":"int"},"modified_at":null}"#;
        let now = r#"{"key":["id","day"],"fields":[["c",null]],"exclude":["y"],
            "filter":{"all":[{"field":"n","op":"gt","value":1},{"not":{"field":"s","op":"is_null","value":true}}]},
            "types":{},"modified_at":"at"}"#;
        let said = definition(then, now);
        assert_eq!(
            said,
            "since the base was taken: the key was `id` and is `id`, `day`; `y` is excluded now; `x` is not excluded any \
             more; `a` went to `b` of the target and goes to `a`; `c` has rules under `fields` now; and 3 more"
        );
        let of = |part: &str| definition(&then.replace(part, ""), then);
        assert_eq!(
            of(r#","types":{"n":"int"}"#),
            "since the base was taken: the type of `n` under `types` was none and is int"
        );
        let filtered = definition(r#"{"modified_at":{"source":"a","target":"b"}}"#, r#"{"filter":{"any":[]}}"#);
        assert!(filtered.contains("the filter was none and is `any of ()`"), "{filtered}");
        assert!(filtered.contains("modified_at was `a` at the source, `b` at the target and is none"), "{filtered}");
        let hashed = definition("{}", r#"{"hash":"xxh3-128"}"#);
        assert_eq!(hashed, "since the base was taken: this version of the program hashes records in another way");
        assert!(definition("?", then).contains("not defined as it was"));
    }

    #[test]
    fn a_schema_says_which_column_changed() {
        let then = "id integer → id INTEGER\n\"my name\" text → name TEXT\nold date → old TEXT";
        let now = "id bigint → id INTEGER\n\"my name\" text → title TEXT read only\nnew date → new ";
        assert_eq!(
            schema(then, now),
            "since the base was taken: `id` was integer at the source and is bigint; `my name` went to `name` of the target \
             and goes to `title`; `my name` is only read now; `new` is synced now; `old` is not synced any more"
        );
        assert!(schema("a x → a x\nb x → b x", "b x → b x\na x → a x").contains("another order"));
    }
}
