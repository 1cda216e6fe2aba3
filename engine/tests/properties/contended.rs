//! Records that somebody else changes whenever they are written.

use pinksync_engine::memory::{Flavour, Moment};
use pinksync_model::{ConflictKind, ConflictStatus, Side, Strategy};

use crate::setup::{Cells, Edit, End, Setup};
use crate::world::{PAIR, TABLE, World, wait};

fn cells(a: u8) -> Cells {
    Cells { a, b: 1, n: 3, time: 1 }
}

#[test]
fn they_ask_no_person_and_the_next_session_decides_them() {
    let target = End { flavour: Flavour::LOCKING, ..End::PLAIN };
    let world = World::new(&Setup { target, strategy: Strategy::SourceWins, ..Setup::PLAIN });
    world.apply(&[Edit::Both(1, cells(1)), Edit::Both(2, cells(1))]);
    world.run();
    world.apply(&[Edit::Put(Side::Source, 1, cells(2))]);
    // Once in the segment, and once in each further round.
    let own = pinksync_engine::Value::text("own");
    for n in 0..4 {
        let row = world.setup.row(1, cells(3 + (n as u8 % 2)).values(), own.clone());
        world.target.before(Moment::Write, n, move |target| target.put(TABLE, row));
    }
    let (id, finished) = world.run();
    assert_eq!(world.target.waiting(), 0);
    assert_eq!(finished.datasets[0].conflicts.open, 0, "{finished:?}");
    assert!(
        finished.warnings.iter().any(|text| text.contains("1 record changed while it was written")),
        "{finished:?}"
    );
    assert_eq!(wait(world.session(id).home.contended(PAIR)).unwrap().len(), 1);

    let (_, finished) = world.run();
    assert_eq!(finished.datasets[0].to_target.updated, 1, "{finished:?}");
    assert!(!finished.warnings.iter().any(|text| text.contains("changed while")), "{finished:?}");
    let found = world.conflicts();
    let contended = found.iter().find(|conflict| conflict.record.kind == ConflictKind::Contended);
    assert_eq!(contended.unwrap().record.status, ConflictStatus::Superseded, "{found:?}");
}
