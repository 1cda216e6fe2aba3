//! What a session wrote is looked at again.

use std::sync::Arc;

use pinksync_engine::session::{self, Session};
use pinksync_model::{BaseKind, MergeMode, Options, SessionId, Side, SyncDefinition, Verify, VerifyCounts};

use crate::setup::{Cells, Edit, Setup};
use crate::world::{World, wait};

#[test]
fn a_merge_that_keeps_a_field_of_the_target_is_no_difference() {
    let setup = Setup { merge: MergeMode::Field, base: Some(BaseKind::Values), ..Setup::PLAIN };
    let world = World::new(&setup);
    let cells = Cells { a: 1, b: 1, n: 1, time: 0 };
    world.apply(&[Edit::Both(1, cells), Edit::Both(2, cells)]);
    world.run();
    world.apply(&[Edit::Touch(Side::Source, 1, 2, 3), Edit::Touch(Side::Target, 1, 0, 2)]);
    world.apply(&[Edit::Touch(Side::Source, 2, 2, 3)]);
    let plain = world.session(SessionId::new());
    let options = Options { verify: Verify::Written, ..plain.definition.options.clone() };
    let definition = Arc::new(SyncDefinition { options, ..(*plain.definition).clone() });
    let finished = wait(session::run(&Session { definition, ..plain })).unwrap();
    assert_eq!(finished.datasets[0].to_target.updated, 2, "{finished:?}");
    let verified = VerifyCounts { equal: 1, different: 0, not_compared: 1 };
    assert_eq!(finished.datasets[0].verified, verified);
    assert!(!finished.warnings.iter().any(|text| text.contains("differ after")), "{finished:?}");
}
