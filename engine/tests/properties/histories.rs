//! Random histories: after every session both sides, the base, the conflicts and every counter are what the oracle says.
//! Fixpoint, convergence, no resurrection, independence of batches, bounds, workers and order follow from that; what does
//! not is looked at besides.

use std::collections::{BTreeMap, BTreeSet};

use pinksync_engine::home::{Applied, Before, JournalEntry};
use pinksync_engine::session::{Ending, Finished};
use pinksync_engine::{Hash, Key, Value};
use pinksync_model::{ConflictKind, ConflictStatus, DatasetReport, Direction, ReadCounts, Seconds, SessionId, Side};
use proptest::prelude::prop_assert_eq;
use proptest::test_runner::TestCaseError;

use crate::oracle::{Expected, Oracle, Place};
use crate::random;
use crate::setup::{Edit, Setup};
use crate::world::{PAIR, World};

type Outcome = Result<(), TestCaseError>;

#[test]
fn every_session_does_what_the_decision_table_says() {
    random::check("a session does what the table says", 40, (random::setup(), random::history()), |(setup, rounds)| {
        history(&setup, &rounds)
    });
}

fn history(setup: &Setup, rounds: &[Vec<Edit>]) -> Outcome {
    let world = World::new(setup);
    let mut oracle = Oracle::new(setup);
    for (number, edits) in rounds.iter().enumerate() {
        world.apply(edits);
        session(&world, &mut oracle, &format!("session {number}"))?;
        let versions = (world.source.version(), world.target.version());
        let finished = session(&world, &mut oracle, &format!("session {number}, repeated"))?;
        prop_assert_eq!(finished.datasets[0].written(), 0, "a second session writes nothing");
        prop_assert_eq!((world.source.version(), world.target.version()), versions);
    }
    Ok(())
}

/// Runs a session beside the oracle and compares.
pub fn session(world: &World, oracle: &mut Oracle, name: &str) -> Result<Finished, TestCaseError> {
    let before = Sides::of(world);
    let expected = oracle.session(&before.source, &before.target);
    let known: BTreeSet<Key> = world.entries().into_keys().collect();
    let untouched = world.source.version();
    let (id, finished) = world.run();
    prop_assert_eq!(finished.ending, Ending::Completed, "{}", name);
    compare(world, oracle, &expected, &finished.datasets[0], name)?;
    if world.setup.direction == Direction::OneWay {
        prop_assert_eq!(world.source.version(), untouched, "{}: one_way wrote the source", name);
    }
    journal_has_all_that_changed(world, &before, id, name)?;
    all_is_accounted_for(world, &before, &known, id, &finished.datasets[0], name)?;
    Ok(finished)
}

/// What both sides hold.
pub struct Sides {
    pub source: BTreeMap<Key, Place>,
    pub target: BTreeMap<Key, Place>,
}

impl Sides {
    pub fn of(world: &World) -> Self {
        Self { source: world.places(Side::Source), target: world.places(Side::Target) }
    }

    pub fn at(&self, side: Side) -> &BTreeMap<Key, Place> {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

pub fn compare(world: &World, oracle: &Oracle, expected: &Expected, report: &DatasetReport, name: &str) -> Outcome {
    let readable = |side| {
        let there = |(key, place)| match place {
            Place::There(record) => Some((key, record)),
            Place::Absent | Place::Unreadable => None,
        };
        world.places(side).into_iter().filter_map(there).collect::<BTreeMap<_, _>>()
    };
    prop_assert_eq!(&readable(Side::Source), &expected.source, "{}: the source", name);
    prop_assert_eq!(&readable(Side::Target), &expected.target, "{}: the target", name);
    prop_assert_eq!(base_of(world), base_as_expected(oracle), "{}: the base", name);
    prop_assert_eq!(open_conflicts(world), oracle.open.clone(), "{}: open conflicts", name);
    prop_assert_eq!(counters(report), counters(&expected.report), "{}: the report", name);
    Ok(())
}

type BaseHashes = BTreeMap<Key, (Option<Hash>, Option<Hash>, bool)>;

pub fn base_of(world: &World) -> BaseHashes {
    let hash = |held: &Option<pinksync_engine::home::Held>| held.as_ref().map(|held| held.hash);
    world
        .entries()
        .into_iter()
        .map(|(key, entry)| (key, (hash(&entry.source), hash(&entry.target), entry.kept)))
        .collect()
}

fn base_as_expected(oracle: &Oracle) -> BaseHashes {
    let hash = |record: &Option<Vec<Value>>| record.as_ref().map(|record| oracle.hash(record));
    oracle.base.iter().map(|(key, base)| (key.clone(), (hash(&base.source), hash(&base.target), base.kept))).collect()
}

pub fn open_conflicts(world: &World) -> BTreeMap<Key, ConflictKind> {
    let open = world.conflicts().into_iter().filter(|conflict| conflict.record.status == ConflictStatus::Open);
    open.map(|conflict| (conflict.record.key, conflict.record.kind)).collect()
}

/// What a report counts of decisions and writes; not names, times and what was read.
pub fn counters(report: &DatasetReport) -> DatasetReport {
    let names = (String::new(), String::new());
    DatasetReport {
        source: names.0,
        target: names.1,
        read: ReadCounts::default(),
        seconds: Seconds::default(),
        ..report.clone()
    }
}

/// Every record that a session changed or took stands in its journal as it was.
fn journal_has_all_that_changed(world: &World, before: &Sides, id: SessionId, name: &str) -> Outcome {
    let after = Sides::of(world);
    let journal = journal(world, id);
    for side in [Side::Source, Side::Target] {
        let keys: BTreeSet<&Key> = before.at(side).keys().chain(after.at(side).keys()).collect();
        for key in keys {
            let (was, is) = (before.at(side).get(key), after.at(side).get(key));
            if was == is {
                continue;
            }
            let applied = journal.get(key).and_then(|entry| applied(entry, side));
            let Some(applied) = applied else {
                return Err(TestCaseError::fail(format!("{name}: {key:?} changed and is not in the journal")));
            };
            let kept = match &applied.before {
                Before::Absent => None,
                Before::Fields(values) => Some(values[world.setup.key_columns()..].to_vec()),
                Before::Image(image) => {
                    let values: Vec<Value> = image.iter().map(|(_, value)| value.clone()).collect();
                    Some(world.setup.fields(&values))
                }
            };
            prop_assert_eq!(kept.map(Place::There), was.cloned(), "{}: before-image of {:?}", name, key);
        }
    }
    Ok(())
}

fn journal(world: &World, id: SessionId) -> BTreeMap<Key, JournalEntry> {
    let chunks = world.home.done_journals(id);
    chunks.iter().flat_map(|chunk| chunk.entries.clone()).map(|entry| (entry.key.clone(), entry)).collect()
}

fn applied(entry: &JournalEntry, side: Side) -> Option<&Applied> {
    match side {
        Side::Source => entry.source.as_deref(),
        Side::Target => entry.target.as_deref(),
    }
}

/// Every key of either side is accounted for, once.
fn all_is_accounted_for(
    world: &World,
    before: &Sides,
    known: &BTreeSet<Key>,
    id: SessionId,
    report: &DatasetReport,
    name: &str,
) -> Outcome {
    let in_scope = |place: &Place| match place {
        Place::There(record) => !world.setup.filter || matches!(record[2], Value::Int(n) if n >= 2),
        Place::Absent | Place::Unreadable => true,
    };
    let seen = |side: &BTreeMap<Key, Place>| -> BTreeSet<Key> {
        side.iter().filter(|(_, place)| in_scope(place)).map(|(key, _)| key.clone()).collect()
    };
    let keys: BTreeSet<Key> =
        seen(&before.source).into_iter().chain(seen(&before.target)).chain(known.iter().cloned()).collect();
    let written = journal(world, id).values().filter(|entry| entry.source.is_some() || entry.target.is_some()).count();
    // An open conflict of a record that was refused, or is out of scope now, is counted there.
    let rejected: BTreeSet<Key> = world.home.rejects(id, PAIR).into_iter().filter_map(|reject| reject.key).collect();
    let hidden = |key: &Key| {
        [&before.source, &before.target].iter().any(|side| side.get(key).is_some_and(|place| !in_scope(place)))
    };
    let open = open_conflicts(world).into_keys().filter(|key| !rejected.contains(key) && !hidden(key)).count();
    let sum = (written + open) as u64
        + report.unchanged
        + report.adopted
        + report.settled
        + report.drift
        + report.target_only
        + report.out_of_scope
        + report.rejected;
    prop_assert_eq!(sum, keys.len() as u64, "{}: keys accounted for: {:?}", name, report);
    Ok(())
}
