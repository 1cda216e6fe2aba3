//! Two-sided writes that the second side refuses.

use pinksync_engine::memory::Faults;
use pinksync_engine::session;
use pinksync_model::{Direction, MergeMode, SessionId, Side};

use crate::setup::{Cells, Edit, End, Setup};
use crate::world::{PAIR, World, wait};

#[test]
fn many_refusals_of_the_second_side_cost_one_more_attempt() {
    let source = End { check: true, ..End::PLAIN };
    let world = World::new(&Setup { direction: Direction::TwoWay, merge: MergeMode::Field, source, ..Setup::PLAIN });
    let keys = 0..9_u8;
    let old = Cells { a: 1, b: 1, n: 1, time: 0 };
    world.apply(&keys.clone().map(|key| Edit::Both(key, old)).collect::<Vec<_>>());
    world.run();
    for key in keys {
        world.apply(&[Edit::Touch(Side::Source, key, 0, 2), Edit::Touch(Side::Target, key, 2, 6)]);
    }
    world.apply(&[Edit::Put(Side::Source, 9, old)]);
    let (id, faults) = (SessionId::new(), Faults::new());
    let finished = wait(session::run(&world.faulty_session(id, &faults))).unwrap();
    assert_eq!(world.home.rejects(id, PAIR).len(), 9);
    assert_eq!((finished.datasets[0].to_target.created, finished.datasets[0].written()), (1, 1));
    let writes = faults.passed().iter().filter(|point| point.effect == "write" && !point.after).count();
    assert_eq!(writes, 3, "both sides once, then the target without what the source refused");
}
