//! Before a record is read: which datasets there are, how their columns map, in which order they are worked on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pinksync_model::{DatasetDefinition, DatasetEntry, Side, SyncDefinition};

use super::{Session, guards};
use crate::connector::System;
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{self, Mapping};
use crate::pair::Pair;
use crate::schema::DatasetSchema;
use crate::survey::Empty;

/// A dataset pair that is described and mapped.
pub struct Prepared {
    pub mapping: Mapping,
    pub source: DatasetSchema,
    pub target: DatasetSchema,
    /// False: a session would create it.
    target_exists: bool,
}

/// Describes and maps every dataset, parents of foreign keys first. Creates targets where asked for.
pub async fn prepare(session: &Session) -> Result<Vec<Prepared>> {
    prepare_all(session, true).await
}

/// As [`prepare`], and creates nothing: a target to be created is taken as empty.
pub async fn prepare_survey(session: &Session) -> Result<Vec<Prepared>> {
    prepare_all(session, false).await
}

async fn prepare_all(session: &Session, create: bool) -> Result<Vec<Prepared>> {
    if session.definition.options.incremental == pinksync_model::Incremental::Cursor {
        return Err(Error::new(
            ErrorKind::Definition,
            "plan the session",
            "`incremental: cursor` is not available yet",
        )
        .with_remedy("write `incremental: full`; unchanged blocks are skipped without reading their records"));
    }
    let mut prepared = Vec::new();
    for dataset in expand_datasets(&session.definition, &*session.source, &*session.target).await? {
        prepared.push(prepare_dataset(session, &dataset, create).await?);
    }
    Ok(parents_first(prepared))
}

async fn prepare_dataset(session: &Session, dataset: &DatasetDefinition, create: bool) -> Result<Prepared> {
    let source_name = dataset.source.as_deref().unwrap_or_default();
    let target_name = dataset.target.as_deref().unwrap_or_default();
    let source = session.source.describe(source_name).await?.ok_or_else(|| missing("source", source_name))?;
    let (target, target_exists) = match session.target.describe(target_name).await? {
        Some(target) => (target, true),
        None if dataset.create_target => (create_target(session, dataset, &source, target_name, create).await?, create),
        None => return Err(missing("target", target_name)),
    };
    // A session that may drop its base makes no deletes.
    let mirror = dataset.mirror && !session.allowed.iter().any(|guard| guards::DROP_THE_BASE.contains(guard));
    let dataset = DatasetDefinition { mirror, ..dataset.clone() };
    let mapping = Mapping::plan(&session.definition, &dataset, &source, &target)?;
    Ok(Prepared { mapping, source, target, target_exists })
}

fn missing(side: &str, name: &str) -> Error {
    let remedy = match side {
        "target" => "create it, correct the name, or write `create_target: true` in the dataset",
        _ => "correct the name in the sync file",
    };
    Error::new(ErrorKind::Definition, "plan the dataset", format!("the {side} has no dataset `{name}`"))
        .with_remedy(remedy)
}

/// The missing target, made (or only described) from the source's mapped columns; never where a base says that there
/// was one.
async fn create_target(
    session: &Session,
    dataset: &DatasetDefinition,
    source: &DatasetSchema,
    name: &str,
    create: bool,
) -> Result<DatasetSchema> {
    let base_name = format!("{} → {name}", source.name);
    if session.home.terms(&base_name).await?.is_some() {
        let message = format!("the target `{name}` is gone, and a base of it exists");
        return Err(Error::new(ErrorKind::Definition, "create the target", message)
            .with_remedy("restore the target, or begin anew with another state file"));
    }
    let mut schema = source.clone();
    schema.name = name.to_owned();
    schema.columns.retain(|column| !dataset.exclude.contains(&column.name) && column.writable);
    let renamed = |old: &String| match dataset.fields.get(old).and_then(|rule| rule.to.clone()) {
        Some(new) => new,
        None => old.clone(),
    };
    for column in &mut schema.columns {
        *column = mapping::typed(dataset, column);
        column.name = renamed(&column.name);
    }
    let key = if dataset.key.is_empty() { &source.primary_key } else { &dataset.key };
    schema.primary_key = key.iter().map(renamed).collect();
    schema.unique_keys = vec![schema.primary_key.clone()];
    schema.references.clear();
    schema.writable = true;
    if !create {
        return Ok(schema);
    }
    session.target.create(&schema, session.source.kind()).await?;
    session.target.describe(name).await?.ok_or_else(|| missing("target", name))
}

/// The datasets with both names filled in; patterns are replaced by the tables that have a key.
pub async fn expand_datasets(
    definition: &SyncDefinition,
    source: &dyn System,
    target: &dyn System,
) -> Result<Vec<DatasetDefinition>> {
    let mut datasets: Vec<DatasetDefinition> = Vec::new();
    let mut named: HashSet<String> = HashSet::new();
    for entry in &definition.datasets {
        if let DatasetEntry::Definition(dataset) = entry {
            let mut dataset = dataset.clone();
            let name = dataset.source.clone().or_else(|| dataset.target.clone()).unwrap_or_default();
            named.insert(name.clone());
            dataset.source.get_or_insert_with(|| name.clone());
            if dataset.target.is_none() {
                dataset.target = Some(target_name(target, &name).await?);
            }
            datasets.push(dataset);
        }
    }
    for entry in &definition.datasets {
        if let DatasetEntry::Pattern(pattern) = entry {
            for name in matching(source, pattern).await? {
                if named.insert(name.clone()) {
                    let target = Some(target_name(target, &name).await?);
                    datasets.push(DatasetDefinition { source: Some(name), target, ..DatasetDefinition::default() });
                }
            }
        }
    }
    Ok(datasets)
}

/// The source's datasets that a pattern names; with a wildcard only those that have a key.
async fn matching(source: &dyn System, pattern: &str) -> Result<Vec<String>> {
    if !pattern.contains('*') {
        return Ok(vec![pattern.to_owned()]);
    }
    let mut names = Vec::new();
    for name in source.datasets().await? {
        if !wildcard(pattern, &name) {
            continue;
        }
        if source.describe(&name).await?.is_some_and(|schema| !schema.primary_key.is_empty()) {
            names.push(name);
        }
    }
    if names.is_empty() {
        let message = format!("no dataset of the source with a key matches `{pattern}`");
        return Err(Error::new(ErrorKind::Definition, "plan the session", message)
            .with_remedy("correct the pattern, or name the dataset with its `key`"));
    }
    Ok(names)
}

/// `*` stands for any run of characters.
fn wildcard(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| wildcard(tail, &rest[at..]))
        }),
    }
}

/// The same name where the target has it; else the name without its schema.
async fn target_name(target: &dyn System, name: &str) -> Result<String> {
    let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
    if bare != name && target.describe(name).await?.is_none() {
        return Ok(bare.to_owned());
    }
    Ok(name.to_owned())
}

/// Orders datasets so that a referenced one comes before those that reference it (in cycles: as written).
fn parents_first(prepared: Vec<Prepared>) -> Vec<Prepared> {
    let index: HashMap<String, usize> =
        prepared.iter().enumerate().map(|(index, one)| (one.target.name.clone(), index)).collect();
    let parents: Vec<Vec<usize>> = prepared
        .iter()
        .map(|one| {
            one.target
                .references
                .iter()
                .chain(&one.source.references)
                .filter_map(|name| index.get(name).copied())
                .collect()
        })
        .collect();
    let mut order = Vec::with_capacity(prepared.len());
    let mut seen = vec![false; prepared.len()];
    for start in 0..prepared.len() {
        visit(start, &parents, &mut seen, &mut order);
    }
    let mut slots: Vec<Option<Prepared>> = prepared.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| slots[index].take()).collect()
}

fn visit(at: usize, parents: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[at], true) {
        return;
    }
    for &parent in &parents[at] {
        visit(parent, parents, seen, order);
    }
    order.push(at);
}

/// Opens both datasets of a pair under its mapping.
pub async fn open_pair(session: &Session, prepared: Prepared) -> Result<Pair> {
    let Prepared { mapping, source, target, target_exists } = prepared;
    let source_dataset = session.source.open(Arc::clone(&mapping.source), &source).await?;
    let target_dataset = match target_exists {
        true => session.target.open(Arc::clone(&mapping.target), &target).await?,
        false => Arc::new(Empty(Arc::clone(&mapping.target))),
    };
    let pair = Pair::new(mapping, source_dataset, target_dataset);
    let sides: &[(Side, &DatasetSchema)] = match session.definition.direction {
        pinksync_model::Direction::OneWay => &[(Side::Target, &target)],
        pinksync_model::Direction::TwoWay => &[(Side::Source, &source), (Side::Target, &target)],
    };
    for (side, schema) in sides {
        check_writable(&pair, *side, schema)?;
    }
    Ok(pair)
}

/// A side that is written needs a unique index over the key, or the guard of a create could not hold.
fn check_writable(pair: &Pair, side: Side, schema: &DatasetSchema) -> Result<()> {
    if !schema.writable {
        let message = format!("{} cannot be written", schema.name);
        return Err(Error::new(ErrorKind::Definition, "plan the dataset", message));
    }
    let spec = pair.mapping.spec(side);
    let mut key: Vec<&str> = spec.key.iter().map(|&index| spec.columns[index].name.as_str()).collect();
    key.sort_unstable();
    let unique = schema.unique_keys.iter().any(|columns| {
        let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        columns.sort_unstable();
        columns == key
    });
    if unique || pair.side(side).dataset.capabilities().publishes {
        return Ok(());
    }
    let message = format!("{} has no unique index over the key ({})", schema.name, key.join(", "));
    Err(Error::new(ErrorKind::Definition, "plan the dataset", message)
        .with_remedy("add a primary key or a unique index over NOT NULL columns, or choose another `key`"))
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn a_star_stands_for_any_run() {
        assert!(wildcard("public.*", "public.orders"));
        assert!(wildcard("*", "x") && wildcard("a*c*", "abcd") && wildcard("a*c", "ac"));
        assert!(!wildcard("public.*", "sales.orders") && !wildcard("a*c", "ab"));
    }
}
