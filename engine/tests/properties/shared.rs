//! Sessions whose segments are shared: each step and each segment in a process of its own, segments in any order. It comes
//! to what one process comes to, also where any of the processes dies and another one takes its work over.

use std::cell::Cell;
use std::collections::VecDeque;

use pinksync_engine::Result;
use pinksync_engine::memory::Faults;
use pinksync_engine::session::{self, Finished, Opened, Progress, Session, Share, SharedSegment, Step};
use pinksync_model::SessionId;
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert};
use proptest::test_runner::TestCaseError;

use crate::crash::{Whole, recoverable};
use crate::random;
use crate::setup::Setup;
use crate::world::{PAIR, World, wait};

/// What one process does.
#[derive(Debug, Clone)]
enum Task {
    /// `again`: another process has begun it.
    Advance(Progress, bool),
    /// Of the first dataset.
    Segment(SharedSegment, bool),
}

/// A process that dies: the how manyth, and at which of its points.
type Crash = (usize, usize);

/// A session carried out by many processes. Gives what it came to, and the number of points that each process passed.
fn run_shared(world: &World, id: SessionId, order: usize, crash: Option<Crash>) -> Result<(Finished, Vec<usize>)> {
    let mut tasks = VecDeque::from([Task::Advance(Progress::default(), false)]);
    let (mut passed, mut next) = (Vec::new(), None);
    while let Some(task) = take(&mut tasks, order) {
        let faults = Faults::new();
        if let Some((process, point)) = crash.filter(|(process, _)| *process == passed.len()) {
            debug_assert_eq!(process, passed.len());
            faults.crash_at(point);
        }
        let came = wait(carry_out(&world.faulty_session(id, &faults), task.clone()));
        passed.push(faults.count());
        match (came, task) {
            (Ok(Some(Step::Ended(finished))), _) => return Ok((finished, passed)),
            (Ok(Some(Step::Compared(progress))), _) => tasks.push_back(Task::Advance(progress, false)),
            (Ok(Some(Step::Shared { segments, next: then, .. })), _) => {
                tasks.extend(segments.into_iter().map(|shared| Task::Segment(shared, false)));
                next = Some(then);
            }
            (Ok(None), _) => {}
            (Err(_), Task::Segment(shared, _)) if faults.is_dead() => tasks.push_back(Task::Segment(shared, true)),
            (Err(_), Task::Advance(progress, _)) if faults.is_dead() => tasks.push_back(Task::Advance(progress, true)),
            (Err(error), _) => return Err(error),
        }
        if tasks.is_empty() {
            tasks.extend(next.take().map(|progress| Task::Advance(progress, false)));
        }
    }
    unreachable!("a session goes on until it has ended")
}

fn take(tasks: &mut VecDeque<Task>, order: usize) -> Option<Task> {
    let at = if tasks.is_empty() { 0 } else { order % tasks.len() };
    tasks.remove(at)
}

async fn carry_out(session: &Session, task: Task) -> Result<Option<Step>> {
    match task {
        Task::Advance(progress, again) => match session::open(session).await? {
            Opened::Open(mut open) => {
                session::advance(session, &mut open, progress, Share::Segments { hands: 2 }, again).await.map(Some)
            }
            Opened::Guarded(finished) => Ok(Some(Step::Ended(finished))),
        },
        Task::Segment(shared, again) => {
            let mut pair = session::open_shared(session, PAIR).await?;
            session::segment(session, &mut pair, shared, again).await?;
            Ok(None)
        }
    }
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// Small pieces, so that there is something to share.
fn in_pieces(setup: Setup) -> Setup {
    let limits = pinksync_engine::segment::Limits { block_entries: 2, segment_blocks: 1, ..setup.limits };
    Setup { limits, ..setup }
}

#[test]
fn many_processes_come_to_what_one_comes_to() {
    let rounds = vec(vec(random::any_edit(), 0..12), 1..4);
    let shared = Cell::new(0);
    random::check("segments are shared", 6, (random::setup(), rounds, any::<usize>()), |(setup, rounds, order)| {
        let setup = in_pieces(setup);
        let (alone, together) = (World::new(&setup), World::new(&setup));
        for edits in &rounds {
            alone.apply(edits);
            together.apply(edits);
            let (id, expected) = alone.run();
            let expected = Whole::of(&alone, id, &expected.datasets[0]);
            let id = SessionId::new();
            let (finished, processes) = run_shared(&together, id, order, None).map_err(failed)?;
            shared.set(shared.get() + usize::from(processes.len() > 2));
            Whole::of(&together, id, &finished.datasets[0]).check(&expected, "shared")?;
        }
        Ok(())
    });
    assert!(shared.get() > 10, "only {} sessions were shared", shared.get());
}

#[test]
fn a_process_that_dies_at_any_point_leaves_its_work_to_another() {
    let (rounds, crashes) = (vec(vec(random::any_edit(), 0..10), 2..3), Cell::new(0));
    random::check(
        "shared work is taken over",
        5,
        (random::setup(), rounds, any::<usize>()),
        |(setup, rounds, order)| {
            let world = World::new(&recoverable(in_pieces(setup)));
            for (number, edits) in rounds.iter().enumerate() {
                world.apply(edits);
                if number + 1 < rounds.len() {
                    world.run();
                }
            }
            let id = SessionId::new();
            let calm = world.fork();
            let (finished, processes) = run_shared(&calm, id, order, None).map_err(failed)?;
            let expected = Whole::of(&calm, id, &finished.datasets[0]);
            for (process, points) in processes.iter().enumerate() {
                for point in 0..*points {
                    let world = world.fork();
                    let name = format!("process {process} of {} dies at point {point}", processes.len());
                    let (finished, passed) = run_shared(&world, id, order, Some((process, point)))
                        .map_err(|error| failed(format!("{name}: {error}")))?;
                    // What a process had done before it died need not be shared out again.
                    prop_assert!(passed.len() >= processes.len(), "{}: {} processes", name, passed.len());
                    Whole::of(&world, id, &finished.datasets[0]).check(&expected, &name)?;
                    crashes.set(crashes.get() + 1);
                }
            }
            prop_assert!(!processes.is_empty());
            Ok(())
        },
    );
    assert!(crashes.get() > 100, "only {} crashes", crashes.get());
}
