//! A person's choice settles a conflict on both sides, does not come back, and can be taken back.

use pinksync_engine::home::StoredConflict;
use pinksync_engine::memory::Faults;
use pinksync_engine::resolve::{self, Resolution};
use pinksync_engine::{ErrorKind, undo};
use pinksync_model::{Choice, ConflictStatus, Direction, SessionId, Side, Strategy as Wins};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, json};

use crate::crash::recoverable;
use crate::histories::{base_of, open_conflicts};
use crate::random;
use crate::setup::{Cells, Edit, End, Setup, Transform};
use crate::world::{World, wait};

fn choice() -> impl Strategy<Value = Choice> {
    select(vec![Choice::Source, Choice::Target, Choice::Value, Choice::Delete, Choice::Skip])
}

/// Syncs that leave conflicts to people.
fn manual() -> impl Strategy<Value = Setup> {
    random::setup().prop_map(|setup| Setup { strategy: Wins::Manual, field_strategy: None, filter: false, ..setup })
}

fn open(world: &World) -> Option<StoredConflict> {
    world.conflicts().into_iter().find(|stored| stored.record.status == ConflictStatus::Open)
}

fn given() -> Map<String, serde_json::Value> {
    [("a".to_owned(), json!("chosen")), ("n".to_owned(), json!(3))].into_iter().collect()
}

fn settle(
    world: &World,
    conflict: &StoredConflict,
    choice: Choice,
) -> (SessionId, pinksync_engine::Result<Resolution>) {
    let id = SessionId::new();
    (id, wait(resolve::resolve(&world.session(id), conflict, choice, Some(&given()), "ann")))
}

#[test]
fn a_choice_settles_a_conflict_for_good_and_can_be_taken_back() {
    let cases = (manual(), vec(random::edit(), 1..12), vec(random::edit(), 1..12), choice());
    random::check("a choice settles a conflict", 8, cases, |(setup, first, second, choice)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        world.run();
        let Some(conflict) = open(&world) else { return Ok(()) };
        let before = (world.rows(Side::Source), world.rows(Side::Target), base_of(&world), open_conflicts(&world));
        let source = world.source.version();
        let (id, resolution) = settle(&world, &conflict, choice);
        let report = match resolution {
            Ok(Resolution::Done(report)) => report,
            Ok(other @ (Resolution::Moved { .. } | Resolution::Guarded(_))) => {
                return Err(TestCaseError::fail(format!("{other:?}")));
            }
            // The target may refuse what the source has.
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Data, "{}", error);
                prop_assert!(setup.source.check || setup.target.check);
                return Ok(());
            }
        };
        if setup.direction == Direction::OneWay {
            prop_assert_eq!(world.source.version(), source);
        }
        as_chosen(&world, &conflict, choice)?;
        prop_assert_eq!(report.conflicts.resolved, 1);
        stays_settled(&world, &conflict)?;
        let mut quiet = |_| Ok(());
        let undone = wait(undo::undo(&world.session(SessionId::new()), id, false, &mut quiet)).unwrap();
        prop_assert_eq!(undone.datasets[0].left_alone, 0);
        let now = (world.rows(Side::Source), world.rows(Side::Target), base_of(&world), open_conflicts(&world));
        prop_assert_eq!(now, before, "taken back");
        Ok(())
    });
}

/// Both sides hold what was chosen.
fn as_chosen(world: &World, conflict: &StoredConflict, choice: Choice) -> Result<(), TestCaseError> {
    let fields = |side| world.rows(side).get(&conflict.record.key).map(|row| world.setup.fields(row));
    let version = |values: &Option<std::sync::Arc<[pinksync_engine::Value]>>| {
        values.as_ref().map(|values| values[world.setup.key_columns()..].to_vec())
    };
    let (source, target) = (version(&conflict.record.source), version(&conflict.record.target));
    let one_way = world.setup.direction == Direction::OneWay;
    let compared = if world.setup.time == crate::setup::Time::Written { 4 } else { 3 };
    let same = |one: &Option<Vec<_>>, other: &Option<Vec<pinksync_engine::Value>>| match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            one.iter().zip(other).take(compared).all(|(a, b): (&pinksync_engine::Value, _)| a.same(b))
        }
        _ => false,
    };
    let chosen = match choice {
        Choice::Source => [Some(source.clone()), Some(source)],
        Choice::Target => [if one_way { Some(source) } else { Some(target.clone()) }, Some(target)],
        Choice::Delete => [if one_way { Some(source) } else { Some(None) }, Some(None)],
        Choice::Skip => [Some(source), Some(target)],
        Choice::Value => {
            let mut values = source.clone().or(target).unwrap();
            values[0] = pinksync_engine::Value::text("chosen");
            values[2] = pinksync_engine::Value::Int(3);
            [if one_way { Some(source) } else { Some(Some(values.clone())) }, Some(Some(values))]
        }
    };
    for (side, chosen) in [Side::Source, Side::Target].into_iter().zip(chosen) {
        let end = world.setup.end(side);
        let held = chosen.flatten().map(|record| crate::oracle::transform(end, &record));
        prop_assert!(
            same(&fields(side), &held),
            "{:?} of {:?}: {:?} instead of {:?}",
            side,
            choice,
            fields(side),
            held
        );
    }
    let kept = world.entries().get(&conflict.record.key).is_some_and(|entry| entry.kept);
    let plain = [Side::Source, Side::Target].iter().all(|side| world.setup.end(*side).transform == Transform::None);
    if plain {
        prop_assert_eq!(kept, !same(&fields(Side::Source), &fields(Side::Target)));
    }
    prop_assert!(!kept || choice != Choice::Source, "what a trigger does is no choice");
    Ok(())
}

/// The next session finds nothing to do about the record.
fn stays_settled(world: &World, conflict: &StoredConflict) -> Result<(), TestCaseError> {
    let world = world.fork();
    let before = (world.rows(Side::Source), world.rows(Side::Target));
    world.run();
    let key = &conflict.record.key;
    prop_assert!(!open_conflicts(&world).contains_key(key), "it came back");
    let at = |rows: &std::collections::BTreeMap<_, Vec<_>>| rows.get(key).cloned();
    prop_assert_eq!((at(&world.rows(Side::Source)), at(&world.rows(Side::Target))), (at(&before.0), at(&before.1)));
    Ok(())
}

#[test]
fn a_conflict_whose_record_moved_is_refreshed_and_nothing_is_written() {
    let cases =
        (manual(), vec(random::edit(), 1..12), vec(random::edit(), 1..12), choice(), random::side(), random::cells());
    random::check("a moved conflict is refreshed", 3, cases, |(setup, first, second, choice, side, cells)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        world.run();
        let Some(conflict) = open(&world) else { return Ok(()) };
        let number = (0..crate::setup::KEYS).find(|number| setup.encoded_key(*number) == conflict.record.key).unwrap();
        world.edit(&Edit::Put(side, number, cells));
        let before = (world.rows(Side::Source), world.rows(Side::Target), base_of(&world));
        let (_, resolution) = settle(&world, &conflict, choice);
        let now = (world.rows(Side::Source), world.rows(Side::Target), base_of(&world));
        match resolution {
            Ok(Resolution::Done(_)) => {
                prop_assert_eq!(&open(&world).map(|open| open.id).filter(|id| *id == conflict.id), &None)
            }
            Ok(Resolution::Moved { .. }) => {
                prop_assert_eq!(now, before);
                let open = world.conflicts().into_iter().find(|open| open.id == conflict.id).unwrap();
                prop_assert_eq!(open.record.status, ConflictStatus::Open);
                // As it is shown now, it can be settled.
                let (_, again) = settle(&world, &open, Choice::Skip);
                prop_assert!(matches!(again, Ok(Resolution::Done(_))), "{:?}", again);
            }
            Ok(Resolution::Guarded(guards)) => return Err(TestCaseError::fail(format!("{guards:?}"))),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Data, "{}", error),
        }
        Ok(())
    });
}

/// Neither side refuses a record.
fn unrefusing(setup: Setup) -> Setup {
    let end = |end| End { check: false, ..end };
    Setup { source: end(setup.source), target: end(setup.target), ..setup }
}

#[test]
fn a_resolution_that_died_anywhere_loses_nothing() {
    let cases = (manual().prop_map(unrefusing), vec(random::edit(), 1..12), vec(random::edit(), 1..12), choice());
    random::check("a crash of a resolution", 2, cases, |(setup, first, second, choice)| {
        let world = World::new(&recoverable(setup));
        world.apply(&first);
        world.run();
        world.apply(&second);
        world.run();
        let Some(conflict) = open(&world) else { return Ok(()) };
        let calm = (world.fork(), Faults::new());
        let session = calm.0.faulty_session(SessionId::new(), &calm.1);
        let Ok(Resolution::Done(_)) = wait(resolve::resolve(&session, &conflict, choice, Some(&given()), "ann")) else {
            return Ok(());
        };
        for number in 0..calm.1.count() {
            let (world, faults) = (world.fork(), Faults::new());
            faults.crash_at(number);
            let session = world.faulty_session(SessionId::new(), &faults);
            let died = wait(resolve::resolve(&session, &conflict, choice, Some(&given()), "ann"));
            prop_assert!(died.is_err());
            world.run();
            // Either it happened, and the conflict is over, or it did not, and it waits with both versions as they are.
            prop_assert_eq!(world.home.pending_journals(crate::world::PAIR), 0);
            if let Some(still) = world.conflicts().into_iter().find(|open| open.id == conflict.id)
                && still.record.status == ConflictStatus::Open
            {
                let (_, again) = settle(&world, &still, choice);
                prop_assert!(matches!(again, Ok(Resolution::Done(_))), "{:?} {:?}", again, still);
            }
            stays_settled(&world, &conflict)?;
        }
        Ok(())
    });
}

#[test]
fn a_settled_conflict_is_not_settled_again() {
    let world = World::new(&Setup { direction: Direction::TwoWay, ..Setup::PLAIN });
    let cells = |a| Cells { a, b: 1, n: 1, time: 0 };
    world.apply(&[Edit::Put(Side::Source, 1, cells(1)), Edit::Put(Side::Target, 1, cells(2))]);
    world.run();
    let conflict = open(&world).unwrap();
    assert!(matches!(settle(&world, &conflict, Choice::Skip).1, Ok(Resolution::Done(_))));
    let settled = world.conflicts().remove(0);
    assert_eq!(settle(&world, &settled, Choice::Source).1.unwrap_err().kind(), ErrorKind::Definition);
    assert_eq!(open_conflicts(&world).len(), 0);
    // Kept, until a side moves.
    world.edit(&Edit::Touch(Side::Source, 1, 0, 4));
    world.run();
    assert_eq!(open_conflicts(&world).len(), 1, "a later change of a kept record is a conflict again");
}
