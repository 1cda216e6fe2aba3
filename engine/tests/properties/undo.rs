//! Undo: after a session and its undo everything is as before the session, and another session does what the undone one did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use pinksync_engine::home::StoredConflict;
use pinksync_engine::memory::{Faults, Moment};
use pinksync_engine::{Key, Value, session, undo};
use pinksync_model::{ConflictStatus, DatasetReport, Direction, MergeMode, PlanAction, PlanLine, SessionId, Side};
use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseError;

use crate::crash::{Whole, recoverable};
use crate::histories::{base_of, counters, open_conflicts};
use crate::random;
use crate::setup::{Cells, Edit, Setup, Transform};
use crate::world::{PAIR, TABLE, World, wait};

/// Takes a session back; the counters of the undo and its lines.
fn take_back(world: &World, of: SessionId) -> (SessionId, DatasetReport, Vec<PlanLine>) {
    let id = SessionId::new();
    let mut lines = Vec::new();
    let finished = wait(undo::undo(&world.session(id), of, false, &mut |line| {
        lines.push(line);
        Ok(())
    }));
    (id, finished.unwrap().datasets[0].clone(), lines)
}

/// Conflicts that a session found and left open, before or after.
fn open_ones(world: &World) -> BTreeSet<String> {
    let open = |stored: &StoredConflict| stored.record.status == ConflictStatus::Open;
    world.conflicts().into_iter().filter(open).map(|stored| format!("{:?}", stored.record.key)).collect()
}

#[test]
fn after_an_undo_all_is_as_before_and_a_session_does_what_the_undone_one_did() {
    let cases = (random::setup(), vec(random::any_edit(), 0..12), vec(random::any_edit(), 1..12));
    random::check("undo, and do again", 12, cases, |(setup, first, second)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        undo_and_do_again(&world)
    });
}

fn undo_and_do_again(world: &World) -> Result<(), TestCaseError> {
    let before = (world.rows(Side::Source), world.rows(Side::Target), base_of(world));
    let open_before = open_ones(world);
    let (id, done) = world.run();
    let after = (world.rows(Side::Source), world.rows(Side::Target), base_of(world), open_conflicts(world));

    let dry = wait(undo::undo(&world.session(SessionId::new()), id, true, &mut |_| Ok(()))).unwrap();
    let (_, report, lines) = take_back(world, id);
    prop_assert_eq!((world.rows(Side::Source), world.rows(Side::Target), base_of(world)), before, "undone");
    prop_assert_eq!(report.left_alone, 0);
    // A write that a trigger brought to nothing has nothing to take back.
    let plain = [Side::Source, Side::Target].iter().all(|side| world.setup.end(*side).transform == Transform::None);
    let (took, wrote) = (report.written(), done.datasets[0].written());
    prop_assert!(if plain { took == wrote } else { took <= wrote }, "{} of {} writes are taken back", took, wrote);
    prop_assert_eq!(lines.len() as u64, report.written(), "a line for each");
    let mut told = counters(&dry.datasets[0]);
    told.conflicts.open = report.conflicts.open;
    prop_assert_eq!(told, counters(&report), "a dry run says the same");
    prop_assert_eq!(open_before.is_subset(&open_ones(world)), true, "conflicts are open again");

    let (again, finished) = world.run();
    prop_assert_eq!(counters(&finished.datasets[0]), counters(&done.datasets[0]), "done again");
    let now = (world.rows(Side::Source), world.rows(Side::Target), base_of(world), open_conflicts(world));
    prop_assert_eq!(&now, &after, "done again");
    prop_assert_eq!(rejects(world, again), rejects(world, id));
    Ok(())
}

fn rejects(world: &World, id: SessionId) -> BTreeSet<String> {
    world.home.rejects(id, PAIR).into_iter().map(|reject| format!("{reject:?}")).collect()
}

#[test]
fn an_undo_that_died_anywhere_and_is_repeated_ends_as_if_it_had_not() {
    let cases =
        (random::setup(), vec(random::any_edit(), 0..10), vec(random::any_edit(), 1..10), vec(random::edit(), 0..3));
    random::check("a crash of an undo changes nothing", 3, cases, |(setup, first, second, third)| {
        let world = World::new(&recoverable(setup));
        world.apply(&first);
        world.run();
        world.apply(&second);
        let (of, _) = world.run();
        world.apply(&third);
        let id = SessionId::new();
        let (calm, faults) = (world.fork(), Faults::new());
        let finished = wait(undo::undo(&calm.faulty_session(id, &faults), of, false, &mut |_| Ok(()))).unwrap();
        let expected = Whole::of(&calm, id, &finished.datasets[0]);
        for (number, point) in faults.passed().iter().enumerate() {
            let (world, faults) = (world.fork(), Faults::new());
            faults.crash_at(number);
            let died = wait(undo::undo(&world.faulty_session(id, &faults), of, false, &mut |_| Ok(())));
            prop_assert_eq!(died.is_err(), true);
            let finished = wait(undo::undo(&world.session(id), of, false, &mut |_| Ok(())));
            let finished = finished.map_err(|error| TestCaseError::fail(format!("{number} {point:?}: {error}")))?;
            let name = format!("crash at point {number}, {point:?}");
            Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name)?;
        }
        Ok(())
    });
}

#[test]
fn what_somebody_changed_since_is_left_alone_and_listed() {
    let cases = (random::setup(), vec(random::edit(), 0..12), vec(random::edit(), 1..12), vec(random::edit(), 1..5));
    random::check("undo leaves alone what moved", 5, cases, |(setup, first, second, third)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        let before = [world.rows(Side::Source), world.rows(Side::Target)];
        let (id, _) = world.run();
        let after = [world.rows(Side::Source), world.rows(Side::Target)];
        world.apply(&third);
        let edited = [world.rows(Side::Source), world.rows(Side::Target)];
        let (_, report, lines) = take_back(&world, id);
        let undone = [world.rows(Side::Source), world.rows(Side::Target)];
        for side in 0..2 {
            let keys: BTreeSet<_> = before[side].keys().chain(after[side].keys()).chain(edited[side].keys()).collect();
            for key in keys {
                let at = |rows: &[std::collections::BTreeMap<_, _>; 2]| rows[side].get(key).cloned();
                let (was, wrote, is, now) = (at(&before), at(&after), at(&edited), at(&undone));
                let same = |one: &Option<Vec<_>>, other: &Option<Vec<_>>| {
                    one.as_ref().map(|row| setup.fields(row)) == other.as_ref().map(|row| setup.fields(row))
                };
                if now != is {
                    prop_assert_eq!(same(&wrote, &is), true, "{:?} was changed since and is touched", key);
                    prop_assert_eq!(same(&now, &was), true, "{:?} is brought back", key);
                }
            }
        }
        let left = lines.iter().filter(|line| line.action == PlanAction::Conflict).count();
        prop_assert_eq!(report.left_alone > 0, left > 0);
        Ok(())
    });
}

#[test]
fn an_older_session_is_taken_back_only_where_nothing_was_settled_since() {
    let world = World::new(&Setup { strategy: pinksync_model::Strategy::TargetWins, ..Setup::PLAIN });
    let cells = |a| Cells { a, b: 1, n: 1, time: 0 };
    world.apply(&[Edit::Put(Side::Source, 1, cells(1)), Edit::Put(Side::Source, 2, cells(1))]);
    let (first, _) = world.run();
    world.apply(&[Edit::Touch(Side::Source, 1, 0, 2), Edit::Touch(Side::Target, 1, 0, 3)]);
    let (_, second) = world.run();
    assert_eq!(second.datasets[0].conflicts.resolved, 1, "the target won: the record is kept different");
    let (_, report, _) = take_back(&world, first);
    assert_eq!((report.to_target.deleted, report.left_alone), (1, 1));
    assert_eq!(world.rows(Side::Target).len(), 1);
}

#[test]
fn an_undo_that_the_systems_abort_or_do_not_answer_is_tried_again() {
    let cases = (random::setup(), vec(random::any_edit(), 0..10), vec(random::any_edit(), 1..10));
    random::check("an aborted undo changes nothing", 2, cases, |(setup, first, second)| {
        let world = World::new(&recoverable(setup));
        world.apply(&first);
        world.run();
        world.apply(&second);
        let (of, _) = world.run();
        let id = SessionId::new();
        let run = |world: &World, faults: &Faults| {
            let finished = wait(undo::undo(&world.faulty_session(id, faults), of, false, &mut |_| Ok(())));
            let finished = finished.map_err(|error| TestCaseError::fail(error.to_string()))?;
            Ok::<_, TestCaseError>(Whole::of(world, id, &finished.datasets[0]))
        };
        let (calm, faults) = (world.fork(), Faults::new());
        let expected = run(&calm, &faults)?;
        for (number, point) in faults.passed().iter().enumerate() {
            if ["write", "commit"].contains(&point.effect) && !point.after {
                let (world, faults) = (world.fork(), Faults::new());
                faults.abort_at(number);
                run(&world, &faults)?.check(&expected, &format!("aborted at {number}, {point:?}"))?;
            }
            if point.effect == "commit" {
                let (world, faults) = (world.fork(), Faults::new());
                faults.lose_at(number);
                run(&world, &faults)?.check(&expected, &format!("answer {number} lost, {point:?}"))?;
            }
        }
        Ok(())
    });
}

/// A record that a session wrote on both sides, before the session and after it.
fn two_sided() -> (World, SessionId, [BTreeMap<Key, Vec<Value>>; 2]) {
    let setup = Setup { direction: Direction::TwoWay, merge: MergeMode::Field, ..Setup::PLAIN };
    let world = World::new(&setup);
    world.apply(&[1, 2].map(|key| Edit::Both(key, Cells { a: 1, b: 1, n: 1, time: 0 })));
    world.run();
    for key in [1, 2] {
        world.apply(&[Edit::Touch(Side::Source, key, 0, 2), Edit::Touch(Side::Target, key, 1, 3)]);
    }
    let before = [world.rows(Side::Source), world.rows(Side::Target)];
    let (of, finished) = world.run();
    assert_eq!((finished.datasets[0].to_source.updated, finished.datasets[0].to_target.updated), (2, 2));
    (world, of, before)
}

#[test]
fn an_undo_commits_the_target_first() {
    let (world, of, before) = two_sided();
    let (target, restored) = (world.target.clone(), Arc::new(AtomicBool::new(false)));
    let (seen, wanted) = (Arc::clone(&restored), before[1].clone());
    world.source.before(Moment::Commit, 0, move |_| seen.store(target.rows(TABLE) == wanted, Relaxed));
    take_back(&world, of);
    assert!(restored.load(Relaxed), "the source was committed before the target");
    assert_eq!([world.rows(Side::Source), world.rows(Side::Target)], before);
}

#[test]
fn a_record_that_the_second_side_does_not_take_is_left_alone_on_both() {
    let (world, of, before) = two_sided();
    let (key, written) = (world.setup.encoded_key(1), world.rows(Side::Target));
    let edit = world.setup.row(1, Cells { a: 3, b: 2, n: 2, time: 0 }.values(), Value::text("own"));
    let row = edit.clone();
    world.source.before(Moment::Write, 0, move |source| source.put(TABLE, row));
    let (_, report, lines) = take_back(&world, of);
    assert_eq!((report.left_alone, report.to_source.updated, report.to_target.updated), (1, 1, 1));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(world.rows(Side::Source)[&key], edit);
    assert_eq!(world.rows(Side::Target)[&key], written[&key], "the other side of what was left alone");
    let other = world.setup.encoded_key(2);
    for (side, before) in [Side::Source, Side::Target].into_iter().zip(&before) {
        assert_eq!(world.rows(side)[&other], before[&other]);
    }
}

#[test]
fn what_a_dead_session_turns_out_to_have_written_is_counted_for_it_and_not_for_its_undo() {
    let world = World::new(&Setup::PLAIN);
    world.apply(&[1, 2, 3].map(|key| Edit::Put(Side::Source, key, Cells { a: 1, b: 1, n: 1, time: 0 })));
    let (of, calm, faults) = (SessionId::new(), world.fork(), Faults::new());
    wait(session::run(&calm.faulty_session(of, &faults))).unwrap();
    let committed = faults.passed().iter().position(|point| point.effect == "commit" && point.after).unwrap();
    faults.revive();
    faults.crash_at(committed);
    wait(session::run(&world.faulty_session(of, &faults))).unwrap_err();
    assert_eq!(world.home.pending_journals(PAIR), 1);
    let (_, report, _) = take_back(&world, of);
    assert_eq!((report.to_target.created, report.to_target.deleted), (0, 3));
    let counted = wait(world.session(of).home.counted(of)).unwrap();
    assert_eq!(counted[0].1.to_target.created, 3);
}
