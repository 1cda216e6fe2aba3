//! Writers beside the session: an edit from outside at every moment of it is in the result, in a conflict or in the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pinksync_engine::home::Before;
use pinksync_engine::memory::{Flavour, Moment};
use pinksync_engine::{ErrorKind, Value};
use pinksync_model::{ConflictKind, ConflictStatus, Direction, MergeMode, SessionId, Side, Strategy as Wins};
use proptest::prelude::prop_assert;
use proptest::test_runner::TestCaseError;

use crate::crash::busy;
use crate::random;
use crate::setup::{Cells, Edit, End, KEYS, Setup};
use crate::world::{PAIR, TABLE, World};

const MOMENTS: [Moment; 7] =
    [Moment::Begin, Moment::Read, Moment::Scan, Moment::Lookup, Moment::Write, Moment::Commit, Moment::Publish];

/// A text that nobody else writes.
const THEIRS: &str = "theirs";

/// What somebody else does, and when: before the n-th such moment on this side.
#[derive(Debug, Clone)]
struct Outside {
    side: Side,
    moment: Moment,
    n: u64,
    key: u8,
    /// Otherwise a whole record is put.
    removes: bool,
}

impl Outside {
    /// Lies in wait; the flag is raised when it has happened.
    fn lurk(&self, world: &World) -> Arc<AtomicBool> {
        let happened = Arc::new(AtomicBool::new(false));
        let (flag, key) = (Arc::clone(&happened), world.setup.key(self.key));
        let cells = Cells { a: 0, b: 1, n: 3, time: 5 };
        let [_, b, n, time] = cells.values();
        let row = world.setup.row(self.key, [Value::text(THEIRS), b, n, time], Value::text("own"));
        let removes = self.removes;
        world.system(self.side).before(self.moment, self.n, move |system| {
            let done = if removes {
                system.remove(TABLE, &key)
            } else {
                system.put(TABLE, row);
                true
            };
            flag.store(done, Ordering::Relaxed);
        });
        happened
    }

    /// Whether the edit is somewhere after these sessions.
    fn is_somewhere(&self, world: &World, sessions: &[SessionId]) -> bool {
        let key = world.setup.encoded_key(self.key);
        let rows = world.rows(self.side);
        let has = |values: &[Value]| values.iter().any(|value| format!("{value:?}").to_lowercase().contains(THEIRS));
        let row = rows.get(&key);
        if if self.removes { row.is_none() } else { row.is_some_and(|row| has(row)) } {
            return true;
        }
        let conflict = |text: String| self.removes || text.to_lowercase().contains(THEIRS);
        if world.conflicts().iter().any(|one| one.record.key == key && conflict(format!("{:?}", one.record))) {
            return true;
        }
        let chunks = sessions.iter().flat_map(|id| world.home.done_journals(*id));
        let entries = chunks.flat_map(|chunk| chunk.entries.clone()).filter(|entry| entry.key == key);
        let applied = entries.filter_map(|entry| if self.side == Side::Source { entry.source } else { entry.target });
        applied.map(|applied| applied.before.clone()).any(|before| match before {
            Before::Absent => self.removes,
            Before::Fields(values) => !self.removes && has(&values),
            Before::Image(image) => !self.removes && image.iter().any(|(_, value)| has(std::slice::from_ref(value))),
        })
    }
}

/// A database would let the writer wait for the end of the transaction that has written this record already.
fn must_wait(world: &World, outside: &Outside) -> bool {
    let early = outside.moment != Moment::Commit && outside.n == 0;
    if early || !world.setup.end(outside.side).flavour.transactional {
        return false;
    }
    let (calm, key) = (world.fork(), world.setup.encoded_key(outside.key));
    calm.run();
    calm.rows(outside.side).get(&key) != world.rows(outside.side).get(&key)
}

/// A session with a writer beside it, then sessions until nothing is left to do. Whether the writer came to write.
fn beside(world: &World, outside: &Outside) -> Result<bool, TestCaseError> {
    if must_wait(world, outside) {
        return Ok(false);
    }
    let happened = outside.lurk(world);
    let mut sessions = vec![SessionId::new()];
    match world.try_run(sessions[0]) {
        Ok(_) => {}
        // A file that somebody else replaced is not published over: the session is paused, and goes on.
        Err(error) if error.kind() == ErrorKind::Moved => drop(world.try_run(sessions[0])),
        Err(error) => return Err(TestCaseError::fail(format!("{outside:?}: {error}"))),
    }
    if !happened.load(Ordering::Relaxed) {
        return Ok(false);
    }
    for _ in 0..3 {
        let (id, finished) = world.run();
        sessions.push(id);
        if finished.datasets[0].written() == 0 {
            break;
        }
    }
    prop_assert!(outside.is_somewhere(world, &sessions), "{outside:?} is lost");
    prop_assert!(world.run().1.datasets[0].written() == 0, "{outside:?}: the sessions never come to rest");
    Ok(true)
}

#[test]
fn an_edit_at_any_moment_of_a_busy_session_is_never_lost() {
    let mut happened = std::collections::BTreeMap::new();
    for flavour in [Flavour::DATABASE, Flavour::LOCKING, Flavour::UNORDERED, Flavour::FILE, Flavour::API] {
        for direction in [Direction::OneWay, Direction::TwoWay] {
            let world = busy(direction, MergeMode::Record, flavour);
            for (moment, side) in MOMENTS.iter().flat_map(|at| [(at, Side::Source), (at, Side::Target)]) {
                for (key, removes, n) in
                    (0..KEYS).flat_map(|key| [(key, false, 0), (key, false, 2), (key, true, 0), (key, true, 1)])
                {
                    let outside = Outside { side, moment: *moment, n, key, removes };
                    let done = beside(&world.fork(), &outside);
                    let done = done.unwrap_or_else(|error| panic!("{flavour:?} {direction:?}: {error}"));
                    *happened.entry(format!("{moment:?}")).or_insert(0) += u32::from(done);
                }
            }
        }
    }
    assert!(MOMENTS.iter().all(|moment| happened[&format!("{moment:?}")] > 20), "{happened:?}");
    random::say(&format!("edits beside busy sessions: {happened:?}"));
}

#[test]
fn three_lost_rounds_are_contended_and_the_next_session_closes_it() {
    for flavour in [Flavour::DATABASE, Flavour::LOCKING, Flavour::UNORDERED, Flavour::API] {
        let end = End { flavour, ..End::PLAIN };
        let world = World::new(&Setup { source: end, target: end, strategy: Wins::SourceWins, ..Setup::PLAIN });
        let old = Cells { a: 1, b: 1, n: 1, time: 0 };
        world.apply(&[Edit::Both(1, old), Edit::Both(2, old)]);
        world.run();
        world.apply(&[Edit::Touch(Side::Source, 1, 0, 2), Edit::Touch(Side::Source, 2, 0, 2)]);
        for n in 0..20 {
            let values = [Value::text(format!("{THEIRS} {n}")), Value::Null, Value::Null, Value::Null];
            let row = world.setup.row(1, values, Value::Null);
            world.target.before(Moment::Write, n, move |system| system.put(TABLE, row));
        }
        let (_, finished) = world.run();
        let report = &finished.datasets[0];
        let contended = |world: &World, status| {
            let kind = |one: &pinksync_engine::home::StoredConflict| one.record.kind == ConflictKind::Contended;
            world.conflicts().iter().filter(|one| kind(one) && one.record.status == status).count()
        };
        let found = (contended(&world, ConflictStatus::Open), report.conflicts.open);
        assert_eq!(found, (1, 0), "{flavour:?}: it asks no person {report:?}");
        assert_eq!(report.to_target.updated, 1, "{flavour:?}: its neighbour is written");
        assert!(world.target.waiting() > 0, "{flavour:?}: the session gave up after a few rounds");
        // A fork leaves the writer behind.
        let calm = world.fork();
        let (_, finished) = calm.run();
        assert_eq!(finished.datasets[0].conflicts.open, 0, "{flavour:?}");
        assert_eq!(contended(&calm, ConflictStatus::Open), 0, "{flavour:?}");
        let fields = |side| calm.rows(side).into_values().map(|row| calm.setup.fields(&row)).collect::<Vec<_>>();
        assert_eq!(fields(Side::Source), fields(Side::Target), "{flavour:?} {PAIR}");
        assert_eq!(calm.run().1.datasets[0].written(), 0, "{flavour:?}");
    }
}
