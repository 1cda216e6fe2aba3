//! The terms under which a base is taken, as text, and the fingerprint of everything that decides.

use pinksync_model::DatasetDefinition;

use super::Pair;
use crate::decide::Rules;
use crate::row::Hash;
use crate::value::Value;

/// What the sync file says about fields, key, filter and types, and how records are hashed.
pub(super) fn definition(dataset: &DatasetDefinition, key: &[usize], pairs: &[Pair]) -> String {
    let key: Vec<&str> = key.iter().map(|&index| pairs[index].source.name.as_str()).collect();
    let renames: Vec<(&String, &Option<String>)> = dataset.fields.iter().map(|(name, rule)| (name, &rule.to)).collect();
    serde_json::json!({
        "key": key,
        "fields": renames,
        "exclude": dataset.exclude,
        "filter": dataset.filter,
        "types": dataset.types,
        "modified_at": dataset.modified_at,
        "hash": Hash::FORM,
    })
    .to_string()
}

/// The fields that came of it, with their types on both sides.
pub(super) fn schema(pairs: &[Pair]) -> String {
    let lines: Vec<String> = pairs
        .iter()
        .map(|pair| {
            let read_only = if pair.written { "" } else { " read only" };
            let (source, target) = (&pair.source, &pair.target);
            let (from, to) = (shown(&source.name), shown(&target.name));
            format!("{from} {} → {to} {}{read_only}", source.native, target.native)
        })
        .collect();
    lines.join("\n")
}

/// A name as the first word of a line: between quotes where it would not be one.
fn shown(name: &str) -> String {
    let bare = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '"');
    if bare { name.to_owned() } else { serde_json::json!(name).to_string() }
}

pub(super) fn fingerprint(rules: &Rules, definition: &str, schema: &str) -> Hash {
    let text = format!("{rules:?}\n{definition}\n{schema}");
    Hash::of([Value::text(text)].iter())
}
