//! What must not matter: batches, bounds, workers, the kind of system, and which side is which.

use std::collections::BTreeMap;

use pinksync_model::{ConflictKind, DatasetReport, Direction, Side, Strategy as Wins};
use proptest::collection::vec;
use proptest::prelude::prop_assert_eq;
use proptest::test_runner::TestCaseError;

use crate::crash::Whole;
use crate::histories::{base_of, counters, open_conflicts};
use crate::random;
use crate::setup::{Edit, End, Setup};
use crate::world::World;

fn run_all(setup: &Setup, rounds: &[Vec<Edit>]) -> Vec<Whole> {
    let world = World::new(setup);
    let mut results = Vec::new();
    for edits in rounds {
        world.apply(edits);
        let (id, finished) = world.run();
        results.push(Whole::of(&world, id, &finished.datasets[0]));
    }
    results
}

#[test]
fn neither_sizes_nor_workers_nor_the_kind_of_system_change_a_result() {
    let rounds = vec(vec(random::any_edit(), 0..12), 1..4);
    random::check(
        "nothing but the records matters",
        8,
        (random::setup(), random::setup(), rounds),
        |(setup, other, rounds)| {
            let other = Setup {
                source: End { flavour: other.source.flavour, ..setup.source },
                target: End { flavour: other.target.flavour, ..setup.target },
                batch_size: other.batch_size,
                limits: other.limits,
                workers: other.workers,
                ..setup.clone()
            };
            let at_once = |end: &End| !end.flavour.transactional && !end.flavour.publishes;
            if setup.source.check && at_once(&other.source) && at_once(&other.target) {
                return Ok(());
            }
            for (number, (one, two)) in run_all(&setup, &rounds).iter().zip(run_all(&other, &rounds)).enumerate() {
                two.check(one, &format!("session {number}"))?;
            }
            Ok(())
        },
    );
}

/// The same sync seen from the other side.
fn mirrored(setup: &Setup) -> Setup {
    let wins = |wins| match wins {
        Wins::SourceWins => Wins::TargetWins,
        Wins::TargetWins => Wins::SourceWins,
        other => other,
    };
    Setup {
        strategy: wins(setup.strategy),
        field_strategy: setup.field_strategy.map(wins),
        source: setup.target,
        target: setup.source,
        ..setup.clone()
    }
}

fn mirrored_edit(edit: &Edit) -> Edit {
    match edit.clone() {
        Edit::Put(side, key, cells) => Edit::Put(side.other(), key, cells),
        Edit::Touch(side, key, field, value) => Edit::Touch(side.other(), key, field, value),
        Edit::Remove(side, key) => Edit::Remove(side.other(), key),
        Edit::Break(side, key) => Edit::Break(side.other(), key),
        both @ Edit::Both(..) => both,
    }
}

#[test]
fn two_way_does_not_care_which_side_is_which() {
    let rounds = vec(vec(random::any_edit(), 0..12), 1..4);
    random::check("two_way is symmetric", 8, (random::setup(), rounds), |(setup, rounds)| {
        let at_once = |end: &End| !end.flavour.transactional && !end.flavour.publishes;
        let both_at_once = at_once(&setup.source) && at_once(&setup.target);
        let plain = |end: End| End { check: end.check && !both_at_once, ..end };
        let setup = Setup {
            direction: Direction::TwoWay,
            mirror: false,
            source: plain(setup.source),
            target: plain(setup.target),
            ..setup
        };
        let (here, there) = (World::new(&setup), World::new(&mirrored(&setup)));
        for edits in &rounds {
            here.apply(edits);
            there.apply(&edits.iter().map(mirrored_edit).collect::<Vec<_>>());
            let (one, other) = (here.run().1, there.run().1);
            symmetric(&here, &there, &one.datasets[0], &other.datasets[0])?;
        }
        Ok(())
    });
}

fn symmetric(here: &World, there: &World, one: &DatasetReport, other: &DatasetReport) -> Result<(), TestCaseError> {
    let fields = |world: &World, side| -> BTreeMap<_, _> {
        world.rows(side).into_iter().map(|(key, row)| (key, world.setup.fields(&row))).collect()
    };
    prop_assert_eq!(fields(here, Side::Source), fields(there, Side::Target));
    prop_assert_eq!(fields(here, Side::Target), fields(there, Side::Source));
    let turned: BTreeMap<_, _> =
        base_of(there).into_iter().map(|(key, (source, target, kept))| (key, (target, source, kept))).collect();
    prop_assert_eq!(base_of(here), turned);
    let kind = |kind| match kind {
        ConflictKind::UpdateDelete => ConflictKind::DeleteUpdate,
        ConflictKind::DeleteUpdate => ConflictKind::UpdateDelete,
        other => other,
    };
    let turned: BTreeMap<_, _> = open_conflicts(there).into_iter().map(|(key, found)| (key, kind(found))).collect();
    prop_assert_eq!(open_conflicts(here), turned);
    let other = counters(other);
    let turned = DatasetReport { to_target: other.to_source, to_source: other.to_target, ..other };
    prop_assert_eq!(counters(one), turned);
    Ok(())
}
