//! Before a record is read: which datasets there are, how their columns map, in which order they are worked on.

use std::collections::HashMap;
use std::sync::Arc;

use pinksync_model::{DatasetDefinition, Direction, Side};

use super::expand::{check_apart, expand_datasets};
use super::{Session, guards};
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{self, Mapping};
use crate::pair::Pair;
use crate::schema::DatasetSchema;
use crate::survey::Empty;

/// A dataset pair that is described and mapped.
#[derive(Clone)]
pub struct Prepared {
    pub mapping: Mapping,
    pub source: DatasetSchema,
    pub target: DatasetSchema,
    /// False: a session would create it.
    pub(super) target_exists: bool,
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
    check_two_systems(session).await?;
    let mut described = Vec::new();
    for dataset in expand_datasets(&session.definition, &*session.source, &*session.target).await? {
        described.push(describe(session, dataset).await?);
    }
    // Before anything is made: one dataset may go by several names.
    let names: Vec<[&str; 2]> = described.iter().map(Described::names).collect();
    check_apart(session.definition.direction, &names, &*session.source, &*session.target)?;
    let mut prepared = Vec::with_capacity(described.len());
    let mut wrong = Vec::new();
    for one in described {
        match prepare_dataset(session, one, create).await {
            Ok(one) => prepared.push(one),
            Err(error) if error.kind() == ErrorKind::Definition => wrong.push(error),
            Err(error) => return Err(error),
        }
    }
    match all_of(wrong) {
        Some(error) => Err(error),
        None => Ok(parents_first(prepared)),
    }
}

/// What is wrong with several datasets, as one error.
fn all_of(mut errors: Vec<Error>) -> Option<Error> {
    if errors.len() < 2 {
        return errors.pop();
    }
    let messages: Vec<&str> = errors.iter().map(Error::message).collect();
    let mut remedies: Vec<&str> = errors.iter().filter_map(Error::remedy).collect();
    remedies.dedup();
    let error = Error::new(ErrorKind::Definition, "plan the datasets", messages.join("; "));
    Some(error.with_remedy(remedies.join("; ")))
}

async fn check_two_systems(session: &Session) -> Result<()> {
    let (source, target) = (&session.source, &session.target);
    if !(source.one_writer() && target.one_writer() && source.kind() == target.kind()) {
        return Ok(());
    }
    let identity = source.identity().await?;
    if identity != target.identity().await? {
        return Ok(());
    }
    let message = format!("both sides are {identity}, and a {} database has one writer at a time", source.kind());
    Err(Error::new(ErrorKind::Definition, "plan the session", message)
        .with_remedy("move the tables of one side to a database of their own, and sync with that"))
}

/// A dataset of the definition with what its sides say of it.
struct Described {
    dataset: DatasetDefinition,
    source: DatasetSchema,
    target: Option<DatasetSchema>,
}

impl Described {
    /// The systems' own names.
    fn names(&self) -> [&str; 2] {
        let target = self.target.as_ref().map(|target| target.name.as_str());
        [&self.source.name, target.or(self.dataset.target.as_deref()).unwrap_or_default()]
    }
}

async fn describe(session: &Session, dataset: DatasetDefinition) -> Result<Described> {
    let name = dataset.source.as_deref().unwrap_or_default();
    let source = session.source.describe(name).await?.ok_or_else(|| missing("source", name))?;
    let target = session.target.describe(dataset.target.as_deref().unwrap_or_default()).await?;
    Ok(Described { dataset, source, target })
}

async fn prepare_dataset(session: &Session, described: Described, create: bool) -> Result<Prepared> {
    let Described { dataset, source, target } = described;
    let target_name = dataset.target.as_deref().unwrap_or_default();
    let (target, target_exists) = match target {
        Some(target) => (target, true),
        None if dataset.create_target => {
            (create_target(session, &dataset, &source, target_name, create).await?, create)
        }
        None => return Err(missing("target", target_name)),
    };
    // A session that may drop its base makes no deletes.
    let mirror = dataset.mirror && !session.allowed.iter().any(|guard| guards::DROP_THE_BASE.contains(guard));
    let dataset = DatasetDefinition { mirror, ..dataset };
    let mapping = Mapping::plan(&session.definition, &dataset, &source, &target)?;
    Ok(Prepared { mapping, source, target, target_exists })
}

fn missing(side: &str, name: &str) -> Error {
    let remedy = match side {
        _ if name.contains('*') => "a pattern stands by itself and takes no rules: `datasets: [\"public.*\"]`",
        "target" => "create the target, correct its name, or write `create_target: true` in the dataset",
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
    let base_name = format!("{} → {}", source.name, session.target.full_name(name).await?);
    if session.home.terms(&base_name).await?.is_some() {
        let message = format!("the target `{name}` is gone, and a base of it exists");
        return Err(Error::new(ErrorKind::Definition, "create the target", message)
            .with_remedy("restore the target, or begin anew with another state file"));
    }
    let key = if dataset.key.is_empty() { &source.primary_key } else { &dataset.key };
    let primary_key: Vec<String> = key.iter().map(|name| mapping::name_at_target(dataset, name)).collect();
    let wanted = DatasetSchema {
        name: name.to_owned(),
        columns: mapping::new_columns(dataset, source),
        unique_keys: vec![primary_key.clone()],
        primary_key,
        estimated_rows: None,
        transforms: false,
        references: Vec::new(),
        writable: true,
    };
    let foreseen = session.target.foresee(&wanted, session.source.kind()).await?;
    if !create {
        return Ok(foreseen);
    }
    session.target.create(&foreseen).await?;
    session.target.describe(name).await?.ok_or_else(|| missing("target", name))
}

/// Orders datasets so that a referenced one comes before those that reference it (in cycles: as written).
fn parents_first(prepared: Vec<Prepared>) -> Vec<Prepared> {
    let targets = parents_on(prepared.iter().map(|one| &one.target));
    let sources = parents_on(prepared.iter().map(|one| &one.source));
    let parents: Vec<Vec<usize>> = targets.into_iter().zip(sources).map(|(one, other)| [one, other].concat()).collect();
    let mut order = Vec::with_capacity(prepared.len());
    let mut seen = vec![false; prepared.len()];
    for start in 0..prepared.len() {
        visit(start, &parents, &mut seen, &mut order);
    }
    let mut slots: Vec<Option<Prepared>> = prepared.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| slots[index].take()).collect()
}

/// The datasets that each one references on a side, which has its own names for them.
fn parents_on<'a>(schemas: impl Iterator<Item = &'a DatasetSchema> + Clone) -> Vec<Vec<usize>> {
    let index: HashMap<&str, usize> =
        schemas.clone().enumerate().map(|(index, schema)| (schema.name.as_str(), index)).collect();
    let found = |name: &String| index.get(name.as_str()).copied();
    schemas.map(|schema| schema.references.iter().filter_map(found).collect()).collect()
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
    if session.definition.direction == Direction::TwoWay {
        check_writable(&pair, Side::Source, &source)?;
    }
    // One that is made has its key.
    if target_exists {
        check_writable(&pair, Side::Target, &target)?;
    }
    Ok(pair)
}

/// What the user should know of a pair before records are written: fields left out, sides without guards.
pub fn warnings(session: &Session, pair: &Pair) -> Vec<String> {
    let mut warnings = pair.mapping.warnings.clone();
    let written: &[Side] = match session.definition.direction {
        Direction::OneWay => &[Side::Target],
        Direction::TwoWay => &[Side::Source, Side::Target],
    };
    for &side in written.iter().filter(|side| pair.side(**side).dataset.capabilities().unguarded) {
        let name = &pair.mapping.spec(side).dataset;
        warnings.push(format!(
            "{name}: the {side} is unguarded: it cannot keep others from changing a record between our last look and our write, \
             which then overwrites their change; let nobody else write there during a run"
        ));
    }
    warnings
}

/// A side that is written needs a unique index over the key, or the guard of a create could not hold.
fn check_writable(pair: &Pair, side: Side, schema: &DatasetSchema) -> Result<()> {
    if !schema.writable {
        let message = format!(
            "{} of the {side} takes no writes: it is a view, or its database or file is read-only",
            schema.name
        );
        return Err(Error::new(ErrorKind::Definition, "plan the dataset", message).with_remedy(
            "name a table instead of a view; let this user write to the file and its folder; connect to a server that takes writes",
        ));
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
