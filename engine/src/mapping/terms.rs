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

/// A line of [`schema`]: a field with its types, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub source: String,
    pub source_type: String,
    pub target: String,
    pub target_type: String,
    pub written: bool,
}

/// The lines of [`schema`]; what is none is left out.
pub(super) fn lines(schema: &str) -> Vec<Line> {
    schema.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Line> {
    let (source, rest) = first_name(line)?;
    let (source_type, rest) = rest.split_once(" → ")?;
    let (target, rest) = first_name(rest)?;
    let (target_type, written) = rest.strip_suffix(" read only").map_or((rest, true), |ty| (ty, false));
    let (source_type, target_type) = (source_type.trim().to_owned(), target_type.trim().to_owned());
    Some(Line { source, source_type, target, target_type, written })
}

/// The name that a text begins with, and what follows it.
fn first_name(text: &str) -> Option<(String, &str)> {
    let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
    match quoted.next() {
        Some(Ok(name)) => Some((name, &text[quoted.byte_offset()..])),
        _ => {
            let end = text.find(' ').unwrap_or(text.len());
            Some((text[..end].to_owned(), &text[end..]))
        }
    }
    .filter(|(name, _)| !name.is_empty())
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
