//! Which datasets a sync file names: both names of each filled in, patterns replaced by tables, no two at one place.

use std::collections::HashSet;

use pinksync_model::{DatasetDefinition, DatasetEntry, Direction, Side, SyncDefinition};

use crate::connector::System;
use crate::error::{Error, ErrorKind, Result};

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
            let dataset = with_names(dataset, source, target).await?;
            named.extend(dataset.source.clone());
            datasets.push(dataset);
        }
    }
    for entry in &definition.datasets {
        if let DatasetEntry::Pattern(pattern) = entry {
            for name in matching(source, pattern).await? {
                if named.insert(name.clone()) {
                    let dataset = DatasetDefinition { source: Some(name), ..DatasetDefinition::default() };
                    datasets.push(with_names(&dataset, source, target).await?);
                }
            }
        }
    }
    let names = datasets
        .iter()
        .map(|dataset| [&dataset.source, &dataset.target].map(|name| name.as_deref().unwrap_or_default()));
    check_apart(definition.direction, &names.collect::<Vec<_>>(), source, target)?;
    Ok(datasets)
}

async fn with_names(
    dataset: &DatasetDefinition,
    source: &dyn System,
    target: &dyn System,
) -> Result<DatasetDefinition> {
    let mut dataset = dataset.clone();
    match (&dataset.source, &dataset.target) {
        (Some(_), Some(_)) => {}
        (None, Some(name)) => dataset.source = Some(name_on(source, name, target).await?),
        (Some(name), None) => dataset.target = Some(name_on(target, name, source).await?),
        (None, None) => {
            dataset.source = Some(String::new());
            dataset.target = Some(String::new());
        }
    }
    Ok(dataset)
}

/// What a dataset of `there` is called on `system`: the first likely name that it has.
async fn name_on(system: &dyn System, name: &str, there: &dyn System) -> Result<String> {
    let mut candidates = system.naming().candidates(name, &there.naming());
    let new = candidates.pop().unwrap_or_default();
    for candidate in candidates {
        if system.describe(&candidate).await?.is_some() {
            return Ok(candidate);
        }
    }
    Ok(new)
}

/// Two datasets that are written at one place would undo each other's work. `names`: source and target of each.
///
/// # Errors
/// `Definition` with the names of both.
pub fn check_apart(direction: Direction, names: &[[&str; 2]], source: &dyn System, target: &dyn System) -> Result<()> {
    let written: &[Side] = match direction {
        Direction::OneWay => &[Side::Target],
        Direction::TwoWay => &[Side::Target, Side::Source],
    };
    for &side in written {
        let (system, here) = match side {
            Side::Source => (source, 0),
            Side::Target => (target, 1),
        };
        let naming = system.naming();
        for (index, pair) in names.iter().enumerate() {
            if let Some(earlier) = names[..index].iter().find(|earlier| naming.are_one(earlier[here], pair[here])) {
                let (first, second, both) = (earlier[1 - here], pair[1 - here], pair[here]);
                let other = side.other();
                let message = format!("`{first}` and `{second}` of the {other} both go with `{both}` of the {side}");
                return Err(Error::new(ErrorKind::Definition, "plan the session", message)
                    .with_remedy(format!("write the {side} of one of them: `- {{{other}: {second}, {side}: NAME}}`")));
            }
        }
    }
    Ok(())
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
