//! Pairs the columns of both sides into fields, and finds the key.

use std::sync::Arc;

use pinksync_model::{ColumnType, DatasetDefinition, Direction, Lossy};

use super::Pair;
use crate::filter::Filter;
use crate::reduce::{self, Misfit};
use crate::row::SideColumn;
use crate::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType};

/// The fields of a dataset and what the user should know about those left out.
pub(super) struct Fields {
    pub pairs: Vec<Pair>,
    /// Source columns whose partner has no form in common with them: a mistake that is told, once.
    pub apart: Vec<String>,
    pub warnings: Vec<String>,
}

/// Pairs columns of equal name or by `fields`, leaving out `exclude`. Mistakes are added to `mistakes`.
pub(super) fn pair(
    direction: Direction,
    dataset: &DatasetDefinition,
    source: &DatasetSchema,
    target: &DatasetSchema,
    mistakes: &mut Vec<String>,
) -> Fields {
    check_names(dataset, source, target, mistakes);
    let mut fields = Fields { pairs: Vec::new(), apart: Vec::new(), warnings: Vec::new() };
    let mut only_source = Vec::new();
    for column in &source.columns {
        let excluded = dataset.exclude.contains(&column.name);
        let reads_time = dataset.modified_at.as_ref().is_some_and(|time| time.source() == column.name);
        if excluded && !reads_time {
            continue;
        }
        let Some(partner) = partner(dataset, column, target) else {
            only_source.push(column.name.as_str());
            continue;
        };
        let writable = partner.writable && (direction == Direction::OneWay || column.writable);
        if !writable && !reads_time {
            fields.warnings.push(format!("{}: {} is generated and is not written", source.name, column.name));
            continue;
        }
        if let Some(other) = fields.pairs.iter().find(|pair| pair.target.name == partner.name) {
            mistakes.push(format!(
                "columns `{}` and `{}` of the source both go to `{}` of the target: leave one of them out (`exclude`), or give \
                 it another name there (`fields`)",
                other.source.name, column.name, partner.name
            ));
            continue;
        }
        let two_way = direction == Direction::TwoWay;
        match join(two_way, dataset, column, partner, !excluded && writable, mistakes) {
            Ok(pair) => fields.pairs.push(pair),
            Err(reason) => {
                let is_key = key_names(dataset, source).contains(&column.name);
                mistakes.push(no_common_form(&column.name, &reason, is_key));
                fields.apart.push(column.name.clone());
            }
        }
    }
    warn_one_sided(dataset, source, target, &only_source, &mut fields);
    fields
}

fn check_names(
    dataset: &DatasetDefinition,
    source: &DatasetSchema,
    target: &DatasetSchema,
    mistakes: &mut Vec<String>,
) {
    for name in &dataset.exclude {
        if source.column(name).is_none() && target.column(name).is_none() {
            mistakes.push(format!("exclude: neither side has a column `{name}`"));
        }
    }
    for (name, rule) in &dataset.fields {
        if source.column(name).is_none() {
            mistakes.push(format!("fields: the source has no column `{name}`{}", known(source)));
        }
        let to = rule.to.as_ref().unwrap_or(name);
        if target.column(to).is_none() {
            mistakes.push(format!("fields: the target has no column `{to}`{}", known(target)));
        }
    }
    for name in dataset.types.keys() {
        if source.column(name).is_none() && target.column(name).is_none() {
            mistakes.push(format!("types: neither side has a column `{name}`"));
        }
    }
    if let Some(time) = &dataset.modified_at {
        for (side, schema, name) in [("source", source, time.source()), ("target", target, time.target())] {
            if schema.column(name).is_none() {
                mistakes.push(format!("modified_at: the {side} has no column `{name}`{}", known(schema)));
            }
        }
    }
}

/// The columns there are, for a message.
fn known(schema: &DatasetSchema) -> String {
    let names: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).take(20).collect();
    format!(" (it has: {})", names.join(", "))
}

fn partner<'a>(
    dataset: &DatasetDefinition,
    column: &ColumnSchema,
    target: &'a DatasetSchema,
) -> Option<&'a ColumnSchema> {
    let renamed = dataset.fields.get(&column.name).and_then(|rule| rule.to.as_deref());
    let time = dataset.modified_at.as_ref().filter(|time| time.source() == column.name).map(|time| time.target());
    target.column(renamed.or(time).unwrap_or(&column.name))
}

/// What one of the two would lose is a mistake, and the pair stands as if that were allowed, so that further mistakes are
/// found.
///
/// # Errors
/// They have no form in common.
fn join(
    two_way: bool,
    dataset: &DatasetDefinition,
    source: &ColumnSchema,
    target: &ColumnSchema,
    written: bool,
    mistakes: &mut Vec<String>,
) -> Result<Pair, String> {
    let (source, target) = (typed(dataset, source), typed(dataset, target));
    let lossy = dataset.fields.get(&source.name).is_some_and(|rule| rule.lossy == Lossy::Allow);
    let common = match reduce::common(&source, &target, two_way, lossy) {
        Ok(common) => common,
        Err(Misfit::Incompatible(reason)) => return Err(reason),
        Err(Misfit::Lossy(reason)) => {
            mistakes.push(format!(
                "column `{0}`: {reason}; if that is acceptable write `fields: {{{0}: {{lossy: allow}}}}`",
                source.name
            ));
            received(&source, &target, two_way)?
        }
        Err(Misfit::Zone(reason)) => {
            mistakes.push(format!("column `{}`: {reason}", source.name));
            received(&source, &target, two_way)?
        }
    };
    Ok(Pair { source, target, common, written })
}

/// The common type where a loss is accepted.
fn received(source: &ColumnSchema, target: &ColumnSchema, two_way: bool) -> Result<FieldType, String> {
    reduce::common(source, target, two_way, true).map_err(|misfit| match misfit {
        Misfit::Lossy(reason) | Misfit::Zone(reason) | Misfit::Incompatible(reason) => reason,
    })
}

fn no_common_form(name: &str, reason: &str, is_key: bool) -> String {
    match is_key {
        true => format!("key: `{name}`: {reason}: choose a `key` of one type on both sides"),
        false => {
            format!("column `{name}`: {reason}: exclude the column, or map it to one of the same type or of text")
        }
    }
}

fn key_names<'a>(dataset: &'a DatasetDefinition, source: &'a DatasetSchema) -> &'a [String] {
    if dataset.key.is_empty() { &source.primary_key } else { &dataset.key }
}

/// Applies `types` to a column that has no type of its own.
pub(super) fn typed(dataset: &DatasetDefinition, column: &ColumnSchema) -> ColumnSchema {
    let mut column = column.clone();
    if let Some(ty) = dataset.types.get(&column.name).filter(|_| column.carrier == Carrier::Text) {
        column.ty = field_type(*ty);
    }
    column
}

fn field_type(ty: ColumnType) -> FieldType {
    match ty {
        ColumnType::Int => FieldType::Int { bits: 64 },
        ColumnType::Decimal => FieldType::Decimal { precision: None, scale: None },
        ColumnType::Float => FieldType::Float { bits: 64 },
        ColumnType::Bool => FieldType::Bool,
        ColumnType::Text => FieldType::TEXT,
        ColumnType::Date => FieldType::Date,
        ColumnType::Timestamp => FieldType::Timestamp { precision: 6 },
        ColumnType::Json => FieldType::Json,
        ColumnType::Bytes => FieldType::Bytes,
    }
}

fn warn_one_sided(
    dataset: &DatasetDefinition,
    source: &DatasetSchema,
    target: &DatasetSchema,
    only_source: &[&str],
    fields: &mut Fields,
) {
    let mapped = |name: &str| fields.pairs.iter().any(|pair| pair.target.name == name);
    let only_target: Vec<&str> = target
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !mapped(name) && source.column(name).is_none() && !dataset.exclude.iter().any(|x| x == name))
        .collect();
    for (side, schema, names) in [("source", source, only_source), ("target", target, &only_target[..])] {
        if !names.is_empty() {
            fields.warnings.push(format!("{}: only the {side} has {}; not synced", schema.name, names.join(", ")));
        }
    }
}

/// Indexes of the key's fields, in the order of a unique index where there is one.
pub(super) fn key(
    dataset: &DatasetDefinition,
    source: &DatasetSchema,
    target: &DatasetSchema,
    fields: &Fields,
    mistakes: &mut Vec<String>,
) -> Vec<usize> {
    let (names, pairs) = (key_names(dataset, source), &fields.pairs);
    if names.is_empty() {
        mistakes.push("the dataset has no key: write `key: [column, …]`".to_owned());
        return Vec::new();
    }
    let mut key = Vec::with_capacity(names.len());
    for name in names {
        match pairs.iter().position(|pair| pair.source.name == *name) {
            Some(index) if key.contains(&index) => mistakes.push(format!("key: `{name}` stands twice")),
            Some(index) => key.push(index),
            None if fields.apart.contains(name) => {}
            None if source.column(name).is_none() => {
                mistakes.push(format!("key: the source has no column `{name}`{}", known(source)));
            }
            None => mistakes.push(format!("key: the target has no partner for `{name}`{}", known(target))),
        }
    }
    in_index_order(key, source, target, pairs)
}

/// The parts of a key may stand in any order; that of a unique index makes reading cheap.
fn in_index_order(key: Vec<usize>, source: &DatasetSchema, target: &DatasetSchema, pairs: &[Pair]) -> Vec<usize> {
    type NameOf = fn(&Pair) -> &str;
    let sides: [(&DatasetSchema, NameOf); 2] = [(source, |pair| &pair.source.name), (target, |pair| &pair.target.name)];
    for (schema, name) in sides {
        for unique in schema.unique_keys.iter().filter(|unique| unique.len() == key.len()) {
            let ordered: Option<Vec<usize>> =
                unique.iter().map(|column| key.iter().copied().find(|&index| name(&pairs[index]) == column)).collect();
            if let Some(ordered) = ordered {
                return ordered;
            }
        }
    }
    key
}

pub(super) fn check_key_types(pairs: &[Pair], key: &[usize], mistakes: &mut Vec<String>) {
    for &index in key {
        let pair = &pairs[index];
        if matches!(pair.common, FieldType::Float { .. } | FieldType::Json) {
            mistakes.push(format!(
                "key: `{}` is {} at the source and {} at the target; such a type has no exact order and cannot be a key",
                pair.source.name, pair.source.native, pair.target.native
            ));
        }
        if !pair.written {
            mistakes.push(format!("key: `{}` is not written", pair.source.name));
        }
    }
}

/// The dataset's filter over the fields.
pub(super) fn filter(dataset: &DatasetDefinition, fields: &Fields, mistakes: &mut Vec<String>) -> Option<Arc<Filter>> {
    let columns: Vec<SideColumn> = fields
        .pairs
        .iter()
        .map(|pair| SideColumn {
            name: pair.source.name.clone(),
            native: reduce::native_beside(&pair.source, &pair.common),
            common: pair.common.clone(),
            writable: pair.written,
            empty_is_null: pair.empty_is_null(false),
        })
        .collect();
    match Filter::resolve(dataset.filter.as_ref()?, &columns) {
        Ok(filter) => Some(Arc::new(filter)),
        Err(found) => {
            let new = found.into_iter().filter(|mistake| !fields.apart.contains(&mistake.field));
            mistakes.extend(new.map(|mistake| format!("filter: {mistake}")));
            None
        }
    }
}
