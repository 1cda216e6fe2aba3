//! Plain sessions, one after the other, by example.

use pinksync_engine::memory::Flavour;
use pinksync_engine::session::Ending;
use pinksync_model::{Direction, Side, Strategy};

use crate::setup::{Cells, Edit, End, Setup};
use crate::world::World;

fn cells(a: u8) -> Cells {
    Cells { a, b: 1, n: 3, time: 1 }
}

#[test]
fn one_way_copies_changes_and_deletes() {
    for flavour in [Flavour::DATABASE, Flavour::LOCKING, Flavour::UNORDERED, Flavour::FILE, Flavour::API] {
        let end = End { flavour, ..End::PLAIN };
        let world = World::new(&Setup { source: end, target: end, strategy: Strategy::SourceWins, ..Setup::PLAIN });
        let put = |key, a| Edit::Put(Side::Source, key, cells(a));
        world.apply(&[put(1, 1), put(2, 2), put(3, 3)]);
        let (_, finished) = world.run();
        assert_eq!(finished.ending, Ending::Completed);
        assert_eq!(finished.datasets[0].to_target.created, 3, "{flavour:?}");
        assert_eq!(world.rows(Side::Target).len(), 3);

        world.apply(&[put(2, 4), Edit::Remove(Side::Source, 3), put(5, 5), Edit::Put(Side::Target, 9, cells(1))]);
        let (_, finished) = world.run();
        let report = &finished.datasets[0];
        let written = (report.to_target.created, report.to_target.updated, report.to_target.deleted);
        assert_eq!(written, (1, 1, 1), "{flavour:?}");
        assert_eq!((report.unchanged, report.target_only), (1, 1), "{flavour:?} {report:?}");
        assert_eq!(world.rows(Side::Target).len(), 4);

        let (_, finished) = world.run();
        assert_eq!(finished.datasets[0].written(), 0);
    }
}

#[test]
fn two_way_carries_changes_of_either_side() {
    let setup = Setup { direction: Direction::TwoWay, ..Setup::PLAIN };
    let world = World::new(&setup);
    world.apply(&[Edit::Put(Side::Source, 1, cells(1)), Edit::Put(Side::Target, 2, cells(2)), Edit::Both(3, cells(3))]);
    let (_, finished) = world.run();
    let report = &finished.datasets[0];
    assert_eq!((report.to_target.created, report.to_source.created, report.adopted), (1, 1, 1));

    world.apply(&[
        Edit::Touch(Side::Target, 1, 0, 5),
        Edit::Remove(Side::Source, 2),
        Edit::Touch(Side::Source, 3, 0, 1),
        Edit::Touch(Side::Target, 3, 0, 2),
    ]);
    let (_, finished) = world.run();
    let report = &finished.datasets[0];
    assert_eq!((report.to_source.updated, report.to_target.deleted, report.conflicts.open), (1, 1, 1));
    assert_eq!(world.conflicts().len(), 1);
    let (_, finished) = world.run();
    assert_eq!((finished.datasets[0].written(), finished.datasets[0].conflicts.open), (0, 1));
}
