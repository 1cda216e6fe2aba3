//! Rules for one dataset.

use std::collections::HashMap;

use super::filter;
use crate::parse::draft::Draft;
use crate::parse::{Gathered, Place};
use crate::{Connection, DatasetDefinition, Direction, FieldRule, Strategy};

/// Checks the dataset at `place`.
pub(super) fn check(dataset: &DatasetDefinition, draft: &Draft, place: &Place, found: &mut Gathered<'_>) {
    if dataset.mirror && draft.direction == Direction::TwoWay {
        found.add(
            &place.field("mirror"),
            "`mirror` and `direction: two_way` exclude each other: records that only the target has are new there",
            "remove `mirror`, or write `direction: one_way`",
        );
    }
    check_has_name(dataset, draft, place, found);
    check_modified_at(dataset, draft, place, found);
    check_key(dataset, place, found);
    check_renames(dataset, place, found);
    if let Some(condition) = &dataset.filter {
        filter::check(condition, &place.field("filter"), found);
    }
}

/// Only a CSV side can be a single file that needs no name.
fn check_has_name(dataset: &DatasetDefinition, draft: &Draft, place: &Place, found: &mut Gathered<'_>) {
    let is_nameable = |side: &Option<Connection>| matches!(side, Some(Connection::Csv(_)) | None);
    let nameless = dataset.source.is_none() && dataset.target.is_none();
    if nameless && !(is_nameable(&draft.source) && is_nameable(&draft.target)) {
        found.add(place, "nothing says which table is meant", "add `source: …` or `target: …` with its name");
    }
}

fn check_modified_at(dataset: &DatasetDefinition, draft: &Draft, place: &Place, found: &mut Gathered<'_>) {
    if dataset.modified_at.is_some() {
        return;
    }
    let name = name(dataset, place, found);
    let at = place.field("modified_at");
    let remedy = "add `modified_at: FIELD` with the field that tells when a record was last changed";
    if draft.strategy == Strategy::NewestWins {
        let message = format!("{name} has no `modified_at`, and `strategy: newest_wins` decides by it");
        found.add(&at, message, format!("{remedy}, or choose another strategy"));
    } else if let Some((field, _)) = dataset.fields.iter().find(|(_, rule)| decides_by_time(rule)) {
        let message = format!("{name} has no `modified_at`, and the strategy of `{field}` decides by it");
        found.add(&at, message, format!("{remedy}, or choose another strategy"));
    }
}

fn decides_by_time(rule: &FieldRule) -> bool {
    rule.strategy == Some(Strategy::NewestWins)
}

/// The dataset's name as it was written, else its place.
fn name(dataset: &DatasetDefinition, place: &Place, found: &Gathered<'_>) -> String {
    match (&dataset.source, &dataset.target) {
        (Some(_), _) => found.shown(&place.field("source")),
        (None, Some(_)) => found.shown(&place.field("target")),
        (None, None) => "this dataset".to_owned(),
    }
}

fn check_key(dataset: &DatasetDefinition, place: &Place, found: &mut Gathered<'_>) {
    for (index, field) in dataset.key.iter().enumerate() {
        let at = place.field("key").index(index);
        if field.is_empty() {
            found.add(&at, "this name is empty", "write the name of a field");
        } else if dataset.key[..index].contains(field) {
            let message = format!("{} is in the key twice", found.shown(&at));
            found.add(&at, message, "name each field of the key once");
        }
    }
    for (index, field) in dataset.exclude.iter().enumerate() {
        if dataset.key.contains(field) {
            let at = place.field("exclude").index(index);
            let message = format!("{} is part of the key and cannot be excluded", found.shown(&at));
            found.add(&at, message, "remove it from `exclude` or from `key`");
        }
    }
}

/// Two fields must not be written to the same one; the key's fields keep their names unless renamed.
fn check_renames(dataset: &DatasetDefinition, place: &Place, found: &mut Gathered<'_>) {
    let fields = place.field("fields");
    let kept = dataset.key.iter().filter(|field| !dataset.fields.contains_key(*field));
    let mut taken: HashMap<&str, Option<&str>> = kept.map(|field| (field.as_str(), None)).collect();
    for (field, rule) in &dataset.fields {
        let target = rule.to.as_deref().unwrap_or(field);
        if let Some(other) = taken.insert(target, Some(field)) {
            let other = other.map_or_else(|| "a field of the key".to_owned(), |other| format!("`{other}`"));
            let message = format!("`{field}` and {other} both go to the same field of the target");
            found.add(&fields.field(field), message, "give each field a name of its own on the target");
        }
    }
}
