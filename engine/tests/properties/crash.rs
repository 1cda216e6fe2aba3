//! The process dies at every effect of a session, before it and after it, and the session is run again: both sides, the base,
//! the conflicts and every counter are as if nothing had happened. The points are enumerated, not drawn.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use pinksync_engine::memory::{Faults, Flavour, Point};
use pinksync_engine::{Key, Value, session};
use pinksync_model::{DatasetReport, Direction, MergeMode, SessionId, Side, Strategy as Wins};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert_eq};
use proptest::test_runner::TestCaseError;

use crate::histories::{base_of, counters, open_conflicts};
use crate::random;
use crate::setup::{Cells, Edit, End, Setup, Transform};
use crate::world::{PAIR, World, wait};

/// Everything that a crash must not change.
#[derive(Debug, Clone)]
pub struct Whole {
    rows: [BTreeMap<Key, Vec<Value>>; 2],
    base: BTreeMap<Key, (Option<pinksync_engine::Hash>, Option<pinksync_engine::Hash>, bool)>,
    open: BTreeMap<Key, pinksync_model::ConflictKind>,
    /// Key, kind, status, the sides' versions, decision.
    conflicts: BTreeSet<String>,
    rejects: BTreeSet<String>,
    pending: usize,
    /// All but what was read and how long it took: what is done again is read again.
    report: DatasetReport,
}

impl Whole {
    /// Fails with what differs.
    pub fn check(&self, expected: &Self, name: &str) -> Result<(), TestCaseError> {
        prop_assert_eq!(&self.rows, &expected.rows, "{}: rows", name);
        prop_assert_eq!(&self.base, &expected.base, "{}: base", name);
        prop_assert_eq!(&self.open, &expected.open, "{}: open conflicts", name);
        prop_assert_eq!(&self.conflicts, &expected.conflicts, "{}: conflicts", name);
        prop_assert_eq!(&self.rejects, &expected.rejects, "{}: rejects", name);
        prop_assert_eq!(self.pending, expected.pending, "{}: pending journals", name);
        prop_assert_eq!(&self.report, &expected.report, "{}: counters", name);
        Ok(())
    }

    pub fn of(world: &World, id: SessionId, report: &DatasetReport) -> Self {
        let conflict = |record: pinksync_engine::home::ConflictRecord| format!("{record:?}");
        let rejects = world.home.rejects(id, PAIR).into_iter().map(|reject| format!("{reject:?}"));
        Self {
            rows: [world.rows(Side::Source), world.rows(Side::Target)],
            base: base_of(world),
            open: open_conflicts(world),
            conflicts: world.conflicts().into_iter().map(|stored| conflict(stored.record)).collect(),
            rejects: rejects.collect(),
            pending: world.home.pending_journals(PAIR),
            report: counters(report),
        }
    }
}

/// A session that nothing disturbs: what it comes to, and the points it passes.
fn undisturbed(world: &World, id: SessionId) -> (Whole, Vec<Point>) {
    let (world, faults) = (world.fork(), Faults::new());
    let finished = wait(session::run(&world.faulty_session(id, &faults))).unwrap();
    (Whole::of(&world, id, &finished.datasets[0]), faults.passed())
}

/// Dies at each point of a session over `world` and goes on.
pub fn every_crash(world: &World) -> Result<usize, TestCaseError> {
    let id = SessionId::new();
    let (expected, points) = undisturbed(world, id);
    for (number, point) in points.iter().enumerate() {
        let (world, faults) = (world.fork(), Faults::new());
        faults.crash_at(number);
        let died = wait(session::run(&world.faulty_session(id, &faults)));
        prop_assert_eq!(died.is_err(), true, "point {} {:?}", number, point);
        let finished =
            world.try_run(id).map_err(|error| TestCaseError::fail(format!("{number} {point:?}: {error}")))?;
        let name = format!("crash at point {number}, {point:?}");
        Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name)?;
    }
    Ok(points.len())
}

/// Dies at each point of a session over `world`, then at each point of its continuation, and goes on.
fn every_second_crash(world: &World) -> Result<usize, TestCaseError> {
    let id = SessionId::new();
    let (expected, points) = undisturbed(world, id);
    let mut crashes = 0;
    for (first, at) in points.iter().enumerate() {
        let died = world.fork();
        let faults = Faults::new();
        faults.crash_at(first);
        prop_assert_eq!(wait(session::run(&died.faulty_session(id, &faults))).is_err(), true);
        let (_, rest) = undisturbed(&died, id);
        for (second, then) in rest.iter().enumerate() {
            let (world, faults) = (died.fork(), Faults::new());
            faults.crash_at(second);
            prop_assert_eq!(wait(session::run(&world.faulty_session(id, &faults))).is_err(), true);
            let name = format!("crashes at {first}, {at:?}, and then at {second}, {then:?}");
            let finished = world.try_run(id).map_err(|error| TestCaseError::fail(format!("{name}: {error}")))?;
            Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name)?;
            crashes += 1;
        }
    }
    Ok(crashes)
}

/// The answer to each commit is lost, before it took effect or after.
fn every_lost_answer(world: &World) -> Result<usize, TestCaseError> {
    let id = SessionId::new();
    let (expected, points) = undisturbed(world, id);
    let mut lost = 0;
    for (number, point) in points.iter().enumerate().filter(|(_, point)| point.effect == "commit") {
        let (world, faults) = (world.fork(), Faults::new());
        faults.lose_at(number);
        let finished = wait(session::run(&world.faulty_session(id, &faults)));
        let finished = finished.map_err(|error| TestCaseError::fail(format!("{number} {point:?}: {error}")))?;
        let name = format!("answer {number} lost, {point:?}");
        Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name)?;
        lost += 1;
    }
    Ok(lost)
}

/// Where every write takes effect at once, a record that the system changes by itself cannot be told from one that somebody
/// else changed.
pub fn recoverable(setup: Setup) -> Setup {
    let end = |end: End| match end.flavour.transactional || end.flavour.publishes {
        true => end,
        false => End { transform: Transform::None, ..end },
    };
    Setup { source: end(setup.source), target: end(setup.target), ..setup }
}

#[test]
fn a_session_that_died_anywhere_ends_as_if_it_had_not() {
    let cases = (random::setup().prop_map(recoverable), vec(random::any_edit(), 0..10), vec(random::any_edit(), 1..10));
    let points = Cell::new(0);
    random::check("a crash changes nothing", 3, cases, |(setup, first, second)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        points.set(points.get() + every_crash(&world)?);
        Ok(())
    });
    random::say(&format!("a crash changes nothing: {} points", points.get()));
}

#[test]
fn a_commit_whose_answer_was_lost_is_found_out() {
    let cases = (random::setup().prop_map(recoverable), vec(random::any_edit(), 0..10), vec(random::any_edit(), 1..10));
    let points = Cell::new(0);
    random::check("a lost answer changes nothing", 3, cases, |(setup, first, second)| {
        let world = World::new(&setup);
        world.apply(&first);
        world.run();
        world.apply(&second);
        points.set(points.get() + every_lost_answer(&world)?);
        Ok(())
    });
    random::say(&format!("a lost answer changes nothing: {} points", points.get()));
}

/// A sync in which every kind of thing happens: creates, updates, deletes, two-sided writes, conflicts, a refusal.
pub fn busy(direction: Direction, merge: MergeMode, flavour: Flavour) -> World {
    let end = End { flavour, ..End::PLAIN };
    let setup = Setup {
        direction,
        merge,
        source: end,
        target: End { check: true, ..end },
        strategy: Wins::SourceWins,
        batch_size: 2,
        limits: pinksync_engine::segment::Limits { block_entries: 2, segment_blocks: 2, read_budget: 1 << 20 },
        workers: 2,
        ..Setup::PLAIN
    };
    let world = World::new(&setup);
    let old = Cells { a: 1, b: 1, n: 1, time: 0 };
    world.apply(&(0..8).map(|key| Edit::Both(key, old)).collect::<Vec<_>>());
    world.run();
    use Side::{Source, Target};
    world.apply(&[
        Edit::Touch(Source, 0, 0, 2),
        Edit::Touch(Target, 1, 0, 2),
        Edit::Touch(Source, 2, 0, 2),
        Edit::Touch(Target, 2, 1, 3),
        Edit::Touch(Source, 3, 0, 2),
        Edit::Touch(Target, 3, 0, 3),
        Edit::Touch(Target, 3, 2, 3),
        Edit::Remove(Source, 4),
        Edit::Remove(Target, 5),
        Edit::Remove(Source, 6),
        Edit::Touch(Target, 6, 0, 4),
        Edit::Touch(Source, 7, 2, 6),
        Edit::Put(Source, 8, old),
        Edit::Put(Target, 9, old),
    ]);
    world
}

#[test]
fn busy_sessions_survive_every_crash_and_every_lost_answer() {
    let mut points = 0;
    for flavour in [Flavour::DATABASE, Flavour::LOCKING, Flavour::UNORDERED, Flavour::FILE, Flavour::API] {
        for direction in [Direction::OneWay, Direction::TwoWay] {
            for merge in [MergeMode::Record, MergeMode::Field] {
                let world = busy(direction, merge, flavour);
                let name = format!("{flavour:?} {direction:?} {merge:?}");
                points += every_crash(&world).unwrap_or_else(|error| panic!("{name}: {error}"));
                points += every_lost_answer(&world).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }
    random::say(&format!("crashes of busy sessions: {points} points"));
}

#[test]
fn a_reconciliation_that_a_system_aborts_is_made_again() {
    let world = busy(Direction::TwoWay, MergeMode::Field, Flavour::DATABASE);
    let id = SessionId::new();
    let (expected, points) = undisturbed(&world, id);
    let mut aborted = 0;
    for (number, _) in points.iter().enumerate().filter(|(_, point)| point.effect == "commit" && point.after) {
        let (world, faults) = (world.fork(), Faults::new());
        faults.crash_at(number);
        assert!(wait(session::run(&world.faulty_session(id, &faults))).is_err());
        let (_, points) = undisturbed(&world, id);
        for (number, point) in
            points.iter().enumerate().filter(|(_, point)| ["write", "commit"].contains(&point.effect) && !point.after)
        {
            let (world, faults) = (world.fork(), Faults::new());
            faults.abort_at(number);
            let finished = wait(session::run(&world.faulty_session(id, &faults))).unwrap();
            let name = format!("aborted at {number}, {point:?}");
            Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name).unwrap();
            aborted += 1;
        }
    }
    assert!(aborted > 0);
}

#[test]
fn a_session_that_died_twice_counts_what_one_that_lived_does() {
    let mut crashes = 0;
    for flavour in [Flavour::DATABASE, Flavour::LOCKING, Flavour::UNORDERED, Flavour::FILE] {
        for direction in [Direction::OneWay, Direction::TwoWay] {
            let world = busy(direction, MergeMode::Record, flavour);
            let name = format!("{flavour:?} {direction:?}");
            crashes += every_second_crash(&world).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    random::say(&format!("second crashes of busy sessions: {crashes}"));
}
