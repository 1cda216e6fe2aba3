//! A dataset pair as planned: which columns form fields, in which common type, under which key and rules.

pub mod changed;
mod fields;
mod rules;
mod terms;

use std::sync::Arc;

use pinksync_model::{BaseKind, DatasetDefinition, SyncDefinition};

use crate::decide::Rules;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::home::BaseTerms;
use crate::reduce;
use crate::row::{Hash, SideSpec};
use crate::schema::{ColumnSchema, DatasetSchema, FieldType};

/// Largest record, in bytes.
pub const MAX_RECORD_BYTES: usize = 10 * 1000 * 1000;

/// Everything that is known about a dataset pair before a record is read.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// `source → target`: the dataset's name in the home and in messages.
    pub name: String,
    /// Fields' names, as the source calls them, by index of the specs' columns.
    pub fields: Vec<String>,
    pub source: Arc<SideSpec>,
    pub target: Arc<SideSpec>,
    pub rules: Rules,
    pub base: BaseKind,
    /// Writes to this side are read back: something there may change what it is given.
    pub read_back_source: bool,
    pub read_back_target: bool,
    /// Of everything that decides; stored with block sums.
    pub fingerprint: Hash,
    /// Field and schema part of the terms under which the base is taken.
    pub definition_terms: String,
    pub schema_terms: String,
    pub warnings: Vec<String>,
}

impl Mapping {
    /// Plans a pair. All mistakes are told in one error of kind `Definition`.
    pub fn plan(
        sync: &SyncDefinition,
        dataset: &DatasetDefinition,
        source: &DatasetSchema,
        target: &DatasetSchema,
    ) -> Result<Self> {
        let mut mistakes = Vec::new();
        let fields = fields::pair(sync.direction, dataset, source, target, &mut mistakes);
        let key = fields::key(dataset, source, target, &fields, &mut mistakes);
        let filter = fields::filter(dataset, &fields, &mut mistakes);
        fields::check_key_types(&fields.pairs, &key, &mut mistakes);
        let rules = rules::rules(sync, dataset, &fields.pairs, &key);
        mistakes.extend(rules::time_without_order(&rules, &fields.pairs));
        if !mistakes.is_empty() {
            return Err(definition_error(source, target, mistakes));
        }
        let spec = |schema: &DatasetSchema, side: fn(&Pair) -> &ColumnSchema| {
            side_spec(sync, schema, side, &fields.pairs, &key, rules.modified_at, filter.clone())
        };
        let source_spec = spec(source, |pair| &pair.source);
        let target_spec = spec(target, |pair| &pair.target);
        let inexact = |spec: &SideSpec| spec.columns.iter().any(|column| column.writable && !reduce::exact(column));
        let definition_terms = terms::definition(dataset, &key, &fields.pairs);
        let schema_terms = terms::schema(&fields.pairs);
        Ok(Self {
            name: format!("{} → {}", source.name, target.name),
            fields: fields.pairs.iter().map(|pair| pair.source.name.clone()).collect(),
            read_back_source: source.transforms || inexact(&source_spec),
            read_back_target: target.transforms || inexact(&target_spec),
            fingerprint: terms::fingerprint(&rules, &definition_terms, &schema_terms),
            source: Arc::new(source_spec),
            target: Arc::new(target_spec),
            base: sync.base_kind(),
            rules,
            definition_terms,
            schema_terms,
            warnings: fields.warnings,
        })
    }

    /// The terms of a base taken under this mapping between two systems.
    pub fn terms(&self, source_identity: &str, target_identity: &str) -> BaseTerms {
        BaseTerms {
            source_identity: source_identity.to_owned(),
            target_identity: target_identity.to_owned(),
            definition: self.definition_terms.clone(),
            schema: self.schema_terms.clone(),
        }
    }

    pub fn spec(&self, side: pinksync_model::Side) -> &Arc<SideSpec> {
        match side {
            pinksync_model::Side::Source => &self.source,
            pinksync_model::Side::Target => &self.target,
        }
    }

    pub fn reads_back(&self, side: pinksync_model::Side) -> bool {
        match side {
            pinksync_model::Side::Source => self.read_back_source,
            pinksync_model::Side::Target => self.read_back_target,
        }
    }
}

/// The columns of a target that is to be made from `source`: those that are synced, with the types that the dataset
/// gives to columns of text, under their names at the target.
pub fn new_columns(dataset: &DatasetDefinition, source: &DatasetSchema) -> Vec<ColumnSchema> {
    let synced = source.columns.iter().filter(|column| !dataset.exclude.contains(&column.name) && column.writable);
    let renamed = |column: &ColumnSchema| ColumnSchema {
        name: name_at_target(dataset, &column.name),
        ..fields::typed(dataset, column)
    };
    synced.map(renamed).collect()
}

/// What a field of the source is called at the target.
pub fn name_at_target(dataset: &DatasetDefinition, name: &str) -> String {
    let renamed = dataset.fields.get(name).and_then(|rule| rule.to.clone());
    renamed.unwrap_or_else(|| name.to_owned())
}

/// Two columns that form a field.
#[derive(Debug, Clone)]
struct Pair {
    source: ColumnSchema,
    target: ColumnSchema,
    common: FieldType,
    /// Compared and written (not only read).
    written: bool,
}

impl Pair {
    /// In common form an empty text is NULL. A key has no NULL: what is empty there is told by the side that has it.
    fn empty_is_null(&self, in_key: bool) -> bool {
        let unknown = self.source.empty_is_null || self.target.empty_is_null;
        unknown && !in_key && matches!(self.common, FieldType::Text { .. })
    }
}

fn definition_error(source: &DatasetSchema, target: &DatasetSchema, mistakes: Vec<String>) -> Error {
    let message = format!("{} → {}: {}", source.name, target.name, mistakes.join("; "));
    Error::new(ErrorKind::Definition, "plan the dataset", message)
        .with_remedy("change the dataset in the sync file, or the systems, and run `pinksync plan` again")
}

fn side_spec(
    sync: &SyncDefinition,
    schema: &DatasetSchema,
    side: fn(&Pair) -> &ColumnSchema,
    pairs: &[Pair],
    key: &[usize],
    modified_at: Option<usize>,
    filter: Option<Arc<Filter>>,
) -> SideSpec {
    let columns: Vec<_> = pairs
        .iter()
        .enumerate()
        .map(|(index, pair)| crate::row::SideColumn {
            name: side(pair).name.clone(),
            native: reduce::native_beside(side(pair), &pair.common),
            common: pair.common.clone(),
            writable: pair.written,
            empty_is_null: pair.empty_is_null(key.contains(&index)),
        })
        .collect();
    let names: Vec<&String> = key.iter().map(|&index| &columns[index].name).collect();
    let unique = schema.unique_keys.iter().any(|unique| unique.iter().collect::<Vec<_>>() == names);
    let by_bytes = key.iter().all(|&index| {
        let column = side(&pairs[index]);
        column.ordered && same_order(&columns[index].native, &columns[index].common)
    });
    SideSpec {
        dataset: schema.name.clone(),
        columns,
        key: key.to_vec(),
        modified_at,
        filter,
        ordered: unique && by_bytes,
        max_record_bytes: MAX_RECORD_BYTES,
        batch_size: sync.options.batch_size as usize,
    }
}

/// The order of a native type is the order of encoded keys of the common type.
fn same_order(native: &FieldType, common: &FieldType) -> bool {
    std::mem::discriminant(native) == std::mem::discriminant(common)
        && !matches!(common, FieldType::Text { fold, .. } if *fold != crate::schema::Fold::None)
}
