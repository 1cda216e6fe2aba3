//! Plans: they write nothing, say what a session does, and `run --plan` does exactly that and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pinksync_engine::memory::Faults;
use pinksync_engine::saved_plan::SavedPlan;
use pinksync_engine::segment::Limits;
use pinksync_engine::session::{self, Ending, Finished, Session};
use pinksync_engine::survey::{self, Planned};
use pinksync_engine::{ErrorKind, Key, Value};
use pinksync_model::{GuardName, PlanAction, PlanLine, SessionId, Side, Strategy as Wins, WriteCounts};
use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseError;

use crate::crash::Whole;
use crate::histories::{self, Sides, base_of};
use crate::oracle::{Expected, Oracle, Place};
use crate::random;
use crate::setup::{Cells, Edit, End, KEYS, Setup};
use crate::world::{World, wait};

fn plan(world: &World) -> (Planned, Vec<PlanLine>) {
    let mut lines = Vec::new();
    let planned = wait(survey::plan(&world.session(SessionId::new()), &mut |line| {
        lines.push(line);
        Ok(())
    }));
    (planned.unwrap(), lines)
}

/// The plan as it comes back from its file.
fn saved(planned: Planned) -> Arc<SavedPlan> {
    Arc::new(SavedPlan::from_bytes(&planned.plan.to_bytes().unwrap()).unwrap())
}

fn carry_out(world: &World, plan: Arc<SavedPlan>) -> pinksync_engine::Result<Finished> {
    let session = Session { plan: Some(plan), ..world.session(SessionId::new()) };
    wait(session::run(&session))
}

fn counted(lines: &[PlanLine], side: Side) -> WriteCounts {
    let count = |action| lines.iter().filter(|line| line.to == Some(side) && line.action == action).count() as u64;
    WriteCounts {
        created: count(PlanAction::Create),
        updated: count(PlanAction::Update),
        deleted: count(PlanAction::Delete),
    }
}

#[test]
fn a_plan_says_what_a_session_does_and_writes_nothing() {
    let cases = (random::setup(), vec(random::any_edit(), 0..12), vec(random::any_edit(), 1..12));
    random::check("a plan says what a session does", 7, cases, |(setup, first, second)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        let open_before = histories::open_conflicts(&world);
        let before = (world.source.version(), world.target.version(), base_of(&world), open_before.clone());
        let (planned, lines) = plan(&world);
        let now = (world.source.version(), world.target.version(), base_of(&world), histories::open_conflicts(&world));
        prop_assert_eq!(now, before, "a plan writes nothing");
        prop_assert_eq!(planned.finished.ending, Ending::Completed);
        let (_, finished) = world.run();
        let (told, done) = (&planned.finished.datasets[0], &finished.datasets[0]);
        // What a side refuses is known only when it is tried.
        if !setup.source.check && !setup.target.check {
            prop_assert_eq!(counted(&lines, Side::Target), done.to_target);
            prop_assert_eq!(counted(&lines, Side::Source), done.to_source);
        }
        let open = lines.iter().filter(|line| line.action == PlanAction::Conflict).count();
        let waiting = histories::open_conflicts(&world).len();
        prop_assert!(open <= waiting && waiting <= open + open_before.len(), "{} told, {} open", open, waiting);
        let quiet = |report: &pinksync_model::DatasetReport| {
            (report.unchanged, report.adopted, report.settled, report.drift, report.target_only, report.out_of_scope)
        };
        prop_assert_eq!(quiet(told), quiet(done));
        Ok(())
    });
}

#[test]
fn a_saved_plan_does_exactly_what_it_says_and_leaves_alone_what_moved() {
    let cases = (
        random::setup(),
        vec(random::any_edit(), 0..12),
        vec(random::any_edit(), 1..12),
        vec(random::any_edit(), 0..4),
    );
    random::check("a saved plan does what it says", 7, cases, |(setup, first, second, third)| {
        let (world, mut oracle) = (World::new(&setup), Oracle::new(&setup));
        world.apply(&first);
        histories::session(&world, &mut oracle, "before the plan")?;
        world.apply(&second);
        let planned_on = Sides::of(&world);
        let expected = oracle.session(&planned_on.source, &planned_on.target);
        let (planned, lines) = plan(&world);
        let plan = saved(planned);
        world.apply(&third);
        let before = Sides::of(&world);
        let finished = carry_out(&world, plan).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(finished.ending, Ending::Completed);
        let planned: BTreeSet<Key> =
            lines.iter().filter(|line| line.action != PlanAction::Conflict).map(|line| key_of(&setup, line)).collect();
        as_planned(&world, &planned, [&planned_on, &before], &expected)?;
        // The sync goes on as ever.
        let (_, _) = world.run();
        let (_, quiet) = world.run();
        prop_assert_eq!(quiet.datasets[0].written(), 0);
        Ok(())
    });
}

fn key_of(setup: &Setup, line: &PlanLine) -> Key {
    let id = line.key["id"].as_i64().unwrap();
    let named = |number: &u8| match line.key.get("region") {
        None => i64::from(*number) == id,
        Some(region) => setup.key(*number) == [Value::text(region.as_str().unwrap()), Value::Int(id)],
    };
    setup.encoded_key((0..KEYS).find(named).unwrap())
}

/// Planned records that did not move are as expected; all others are as they were.
fn as_planned(
    world: &World,
    planned: &BTreeSet<Key>,
    [then, before]: [&Sides; 2],
    expected: &Expected,
) -> Result<(), TestCaseError> {
    let after = Sides::of(world);
    let compared = if world.setup.time == crate::setup::Time::Written { 4 } else { 3 };
    let seen = |place: Option<&Place>| match place {
        Some(Place::There(record)) => Some(record[..compared].to_vec()),
        _ => None,
    };
    for key in (0..KEYS).map(|number| world.setup.encoded_key(number)) {
        let at = |sides: &Sides, side| sides.at(side).get(&key).cloned();
        let moved = [Side::Source, Side::Target].iter().any(|side| {
            let (was, is) = (at(then, *side), at(before, *side));
            same(&seen(was.as_ref()), &seen(is.as_ref())) == Some(false) || is == Some(Place::Unreadable)
        });
        let wanted = |side| match side {
            Side::Source => expected.source.get(&key),
            Side::Target => expected.target.get(&key),
        };
        for side in [Side::Source, Side::Target] {
            if planned.contains(&key) && !moved {
                let wanted = wanted(side).map(|record| record[..compared].to_vec());
                let held = seen(at(&after, side).as_ref());
                prop_assert_eq!(
                    same(&held, &wanted),
                    Some(true),
                    "{:?} of {:?}: {:?}, planned {:?}",
                    side,
                    key,
                    held,
                    wanted
                );
            } else {
                prop_assert_eq!(
                    at(&after, side),
                    at(before, side),
                    "{:?} of {:?} was not planned, or moved",
                    side,
                    key
                );
            }
        }
    }
    Ok(())
}

fn same(one: &Option<Vec<Value>>, other: &Option<Vec<Value>>) -> Option<bool> {
    Some(match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.iter().zip(other).all(|(one, other)| one.same(other)),
        _ => false,
    })
}

#[test]
fn a_plan_under_another_definition_is_refused() {
    let world = World::new(&Setup::PLAIN);
    world.edit(&Edit::Put(Side::Source, 1, Cells { a: 1, b: 1, n: 1, time: 0 }));
    let plan = saved(plan(&world).0);
    let mut other = world.clone();
    other.setup.strategy = pinksync_model::Strategy::SourceWins;
    assert_eq!(carry_out(&other, plan.clone()).unwrap_err().kind(), ErrorKind::Definition);
    assert_eq!(world.rows(Side::Target), BTreeMap::new());
    carry_out(&world, plan).unwrap();
    assert_eq!(world.rows(Side::Target).len(), 1);
}

#[test]
fn planned_deletes_are_guarded_by_the_numbers_of_the_plan() {
    let mut world = World::new(&Setup { strategy: pinksync_model::Strategy::SourceWins, ..Setup::PLAIN });
    world.allowed.clear();
    let cells = Cells { a: 1, b: 1, n: 1, time: 0 };
    world.apply(&(0..40).map(|key| Edit::Put(Side::Source, key, cells)).collect::<Vec<_>>());
    world.run();
    world.apply(&(0..15).map(|key| Edit::Remove(Side::Source, key)).collect::<Vec<_>>());
    let few = saved(plan(&world).0);
    let finished = carry_out(&world.fork(), few).unwrap();
    assert_eq!((finished.ending, finished.datasets[0].to_target.deleted), (Ending::Completed, 15));
    world.apply(&(15..30).map(|key| Edit::Remove(Side::Source, key)).collect::<Vec<_>>());
    let (planned, _) = plan(&world);
    assert_eq!(planned.finished.ending, Ending::Guarded);
    let many = saved(planned);
    assert_eq!(carry_out(&world, many.clone()).unwrap().ending, Ending::Guarded);
    assert_eq!(world.rows(Side::Target).len(), 40);
    world.allowed.insert(GuardName::MaxDeletePercent);
    assert_eq!(carry_out(&world, many).unwrap().datasets[0].to_target.deleted, 30);
}

#[test]
fn a_planned_session_that_died_between_its_batches_goes_on_with_what_is_left_of_the_plan() {
    let limits = Limits { block_entries: 2, ..Setup::PLAIN.limits };
    let target = End { check: true, ..End::PLAIN };
    let world = World::new(&Setup { strategy: Wins::SourceWins, batch_size: 2, limits, target, ..Setup::PLAIN });
    let put = |key, a| Edit::Put(Side::Source, key, Cells { a, b: 1, n: 1, time: 0 });
    world.apply(&(0..8).map(|key| put(key, 1)).collect::<Vec<_>>());
    world.run();
    world.apply(&(2..5).map(|key| put(key, 2)).collect::<Vec<_>>());
    world.apply(&[Edit::Remove(Side::Source, 0), Edit::Remove(Side::Source, 1), put(8, 1), put(9, 1)]);
    world.apply(&[Edit::Touch(Side::Source, 5, 2, 9), Edit::Touch(Side::Source, 6, 0, 2)]);
    let plan = saved(plan(&world).0);
    // One record has moved since, and the target refuses another.
    world.edit(&Edit::Touch(Side::Source, 6, 0, 3));
    let id = SessionId::new();
    let (calm, faults) = (world.fork(), Faults::new());
    let with_plan = |session| Session { plan: Some(plan.clone()), ..session };
    let finished = wait(session::run(&with_plan(calm.faulty_session(id, &faults)))).unwrap();
    assert_eq!((finished.datasets[0].left_alone, finished.datasets[0].rejected), (1, 1), "{finished:?}");
    let expected = Whole::of(&calm, id, &finished.datasets[0]);
    for (number, point) in faults.passed().iter().enumerate() {
        let (world, faults) = (world.fork(), Faults::new());
        faults.crash_at(number);
        assert!(wait(session::run(&with_plan(world.faulty_session(id, &faults)))).is_err());
        let finished = wait(session::run(&with_plan(world.session(id)))).unwrap();
        let name = format!("crash at point {number}, {point:?}");
        Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name).unwrap();
    }
}
