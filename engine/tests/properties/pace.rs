//! `records_per_second`, on a clock that stands still: time passes only where a session waits.

use std::sync::Arc;
use std::time::Duration;

use pinksync_engine::connector::System;
use pinksync_engine::memory::Flavour;
use pinksync_engine::session::{self, Session};
use pinksync_engine::{Value, pace};
use pinksync_model::{SessionId, Side, Strategy};
use tokio::time::Instant;

use crate::setup::{Cells, Edit, End, Setup};
use crate::world::{TABLE, World, wait};

const RECORDS: u8 = 200;
const PER_SECOND: u32 = 20;
/// What so many records take.
const TIME: Duration = Duration::from_secs(10);

fn world(flavour: Flavour) -> World {
    let end = End { flavour, ..End::PLAIN };
    let world = World::new(&Setup { source: end, target: end, strategy: Strategy::SourceWins, ..Setup::PLAIN });
    let put = |key| Edit::Put(Side::Source, key, Cells { a: 1, b: 1, n: 3, time: 1 });
    world.apply(&(0..RECORDS).map(put).collect::<Vec<_>>());
    world
}

/// How long a session takes whose sides are limited as said (source, target).
fn time_taken(world: &World, limited: (bool, bool)) -> Duration {
    let limit = |side: Arc<dyn System>, limited| if limited { pace::limit(side, PER_SECOND) } else { side };
    let session = world.session(SessionId::new());
    let session =
        Session { source: limit(session.source, limited.0), target: limit(session.target, limited.1), ..session };
    wait(async {
        let begun = Instant::now();
        session::run(&session).await.unwrap();
        begun.elapsed()
    })
}

#[test]
fn a_limit_holds_for_what_is_read_and_for_what_is_written_and_for_each_side_by_itself() {
    for flavour in [Flavour::DATABASE, Flavour::FILE] {
        assert!(time_taken(&world(flavour), (false, false)) < TIME / 10, "{flavour:?}");
        let reading = time_taken(&world(flavour), (true, false));
        assert!(reading >= TIME, "{flavour:?} reads in {reading:?}");
        let writing = time_taken(&world(flavour), (false, true));
        assert!(writing >= TIME, "{flavour:?} writes in {writing:?}");
        let both = time_taken(&world(flavour), (true, true));
        assert!(both < reading + writing + TIME / 10, "{flavour:?}: {both:?}, {reading:?} and {writing:?}");
    }
}

#[test]
fn a_block_larger_than_a_read_under_a_limit_is_compared_to_its_end() {
    let file = End { flavour: Flavour::FILE, ..End::PLAIN };
    let world = World::new(&Setup { target: file, strategy: Strategy::SourceWins, ..Setup::PLAIN });
    let put = |key, text: &str| {
        let values = [Value::text(text), Value::Null, Value::Int(1), Value::Null];
        world.source.put(TABLE, world.setup.row(key, values, Value::Null));
    };
    let long = "long ".repeat(400);
    (0..RECORDS).for_each(|key| put(key, &long));
    world.run();
    assert_eq!(world.rows(Side::Target).len(), usize::from(RECORDS));
    put(RECORDS - 1, "changed");
    time_taken(&world, (true, false));
    let last = world.setup.encoded_key(RECORDS - 1);
    assert_eq!(world.setup.fields(&world.rows(Side::Target)[&last])[0], Value::text("changed"));
}
