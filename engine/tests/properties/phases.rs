//! Whatever goes through a dataset tells its observer where it is.

use std::sync::Arc;

use pinksync_engine::session::{self, Session};
use pinksync_engine::{survey, undo};
use pinksync_model::{Phase, SessionId, Side, Strategy};

use crate::setup::{Cells, Edit, Setup};
use crate::world::{PAIR, Told, World, wait};

/// A session of which everything is heard.
fn heard(world: &World, id: SessionId) -> (Session, Arc<Told>) {
    let told = Arc::new(Told::default());
    (Session { observer: told.clone(), ..world.session(id) }, told)
}

/// Each phase, and what was read or written in it.
fn phases(told: &Told) -> Vec<(String, Phase, u64)> {
    told.0.lock().unwrap().clone()
}

fn step(dataset: &str, phase: Phase, advanced: u64) -> (String, Phase, u64) {
    (dataset.to_owned(), phase, advanced)
}

#[test]
fn sessions_plans_comparisons_and_undo_tell_their_phases() {
    let world = World::new(&Setup { strategy: Strategy::SourceWins, ..Setup::PLAIN });
    let cells = Cells { a: 1, b: 1, n: 1, time: 0 };
    world.apply(&[Edit::Put(Side::Source, 1, cells), Edit::Put(Side::Source, 2, cells)]);

    let (session, told) = heard(&world, SessionId::new());
    wait(survey::plan(&session, &mut |_| Ok(()))).unwrap();
    let planned = [step("", Phase::Planning, 0), step(PAIR, Phase::Staging, 0), step(PAIR, Phase::Comparing, 2)];
    assert_eq!(phases(&told), planned);

    let (session, told) = heard(&world, SessionId::new());
    wait(survey::verify(&session, &mut |_| Ok(()))).unwrap();
    let verified = [step("", Phase::Planning, 0), step(PAIR, Phase::Staging, 0), step(PAIR, Phase::Verifying, 2)];
    assert_eq!(phases(&told), verified);

    let id = SessionId::new();
    let (session, told) = heard(&world, id);
    wait(session::run(&session)).unwrap();
    let run = [
        step("", Phase::Planning, 0),
        step(PAIR, Phase::Staging, 0),
        step(PAIR, Phase::Planning, 0),
        step(PAIR, Phase::Comparing, 4),
        step(PAIR, Phase::Deleting, 0),
        step("", Phase::Finishing, 0),
    ];
    assert_eq!(phases(&told), run);

    let (session, told) = heard(&world, SessionId::new());
    wait(undo::undo(&session, id, false, &mut |_| Ok(()))).unwrap();
    let undone = [step("", Phase::Planning, 0), step(PAIR, Phase::Comparing, 2), step("", Phase::Finishing, 0)];
    assert_eq!(phases(&told), undone);
}
