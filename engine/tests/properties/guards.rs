//! Guards by example: what they count, and what becomes of the base that they guard.

use std::sync::Arc;

use pinksync_engine::ErrorKind;
use pinksync_engine::memory::{Moment, OnDelete, required, schema};
use pinksync_engine::saved_plan::SavedPlan;
use pinksync_engine::schema::FieldType;
use pinksync_engine::segment::Limits;
use pinksync_engine::session::{self, Ending, Finished, Session};
use pinksync_engine::survey::{self, Planned};
use pinksync_model::{GuardName, PlanAction, PlanLine, SessionId, Side, Strategy};

use crate::setup::{Cells, Edit, Setup};
use crate::world::{TABLE, World, wait};

fn cells(a: u8) -> Cells {
    Cells { a, b: 1, n: 4, time: 1 }
}

fn plan(world: &World) -> (Planned, Vec<PlanLine>) {
    let mut lines = Vec::new();
    let planned = wait(survey::plan(&world.session(SessionId::new()), &mut |line| {
        lines.push(line);
        Ok(())
    }));
    (planned.unwrap(), lines)
}

fn tripped(finished: &Finished) -> Vec<&str> {
    finished.guards.iter().filter(|guard| guard.tripped).map(|guard| guard.name.as_str()).collect()
}

/// A base, changes since, and another definition that is allowed.
fn under_another_definition() -> World {
    let mut world = World::new(&Setup { strategy: Strategy::SourceWins, ..Setup::PLAIN });
    let put = |key| Edit::Put(Side::Source, key, cells(1));
    world.apply(&[put(1), put(2), put(3)]);
    world.run();
    world.apply(&[Edit::Remove(Side::Source, 2), Edit::Touch(Side::Target, 3, 0, 2), put(4)]);
    world.setup.filter = true;
    world.allowed.insert(GuardName::DefinitionChanged);
    world
}

#[test]
fn a_plan_that_allows_another_definition_foretells_a_session_without_the_old_base() {
    let world = under_another_definition();
    let (planned, lines) = plan(&world);
    assert_eq!(planned.finished.ending, Ending::Completed);
    assert_eq!(tripped(&planned.finished), ["definition_changed"]);
    let told = |action| lines.iter().filter(|line| line.action == action).count() as u64;
    let told = (told(PlanAction::Create), told(PlanAction::Update), told(PlanAction::Delete));
    let (_, finished) = world.run();
    let done = finished.datasets[0].to_target;
    assert_eq!(told, (done.created, done.updated, done.deleted));
    assert_eq!(told, (1, 1, 0), "{lines:?}");
    assert_eq!(planned.finished.datasets[0].target_only, finished.datasets[0].target_only);
}

#[test]
fn a_saved_plan_is_not_carried_out_where_the_base_would_have_to_be_dropped() {
    let world = under_another_definition();
    let plan = plan(&world).0.plan;
    let plan = Some(Arc::new(SavedPlan::from_bytes(&plan.to_bytes().unwrap()).unwrap()));
    let before = world.entries();
    let refused = wait(session::run(&Session { plan, ..world.session(SessionId::new()) })).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Definition);
    assert!(refused.remedy().unwrap().contains("make the plan anew"), "{refused:?}");
    assert_eq!((world.entries(), world.rows(Side::Target).len()), (before, 3));
}

#[test]
fn records_of_skipped_blocks_count_only_on_the_side_that_has_them() {
    let limits = Limits { block_entries: 10, ..Setup::PLAIN.limits };
    let mut world = World::new(&Setup { strategy: Strategy::SourceWins, limits, ..Setup::PLAIN });
    world.allowed.clear();
    world.apply(&(0..40).map(|key| Edit::Put(Side::Target, key, cells(1))).collect::<Vec<_>>());
    world.apply(&(40..80).map(|key| Edit::Both(key, cells(1))).collect::<Vec<_>>());
    world.run();
    world.apply(&(40..80).map(|key| Edit::Remove(Side::Source, key)).collect::<Vec<_>>());

    let planned = plan(&world).0.finished;
    assert!(planned.datasets[0].read.skipped_unchanged > 0, "{planned:?}");
    assert_eq!(tripped(&planned), ["empty_side"]);
    let (_, finished) = world.run();
    assert!(finished.datasets[0].read.skipped_unchanged > 0, "{finished:?}");
    assert_eq!((finished.ending, tripped(&finished)), (Ending::Guarded, vec!["empty_side"]));
    assert_eq!(world.rows(Side::Target).len(), 80);
}

/// Records that differ in `n`, which the target refuses as a reference to nothing.
fn refused_updates(count: u8) -> World {
    let mut world = World::new(&Setup { strategy: Strategy::SourceWins, ..Setup::PLAIN });
    world.allowed.clear();
    let int = FieldType::Int { bits: 64 };
    world.target.create_table(schema("parents", &["id"], vec![required("id", int)]));
    world.target.set_foreign_key(TABLE, "n", "parents", OnDelete::Restrict);
    let no_parent = Cells { n: 0, ..cells(1) };
    world.apply(&(0..40).map(|key| Edit::Both(key, no_parent)).collect::<Vec<_>>());
    world.run();
    world.apply(&(0..count).map(|key| Edit::Put(Side::Source, key, cells(1))).collect::<Vec<_>>());
    // Begun for the sums, for comparing, and then for what was set aside.
    let keys: Vec<_> = (0..count).map(|key| world.setup.key(key)).collect();
    world.source.before(Moment::Begin, 2, move |source| {
        for key in &keys {
            source.remove(TABLE, key);
        }
    });
    world
}

#[test]
fn a_write_that_was_set_aside_and_has_become_a_delete_waits_for_the_guards() {
    let world = refused_updates(5);
    let (_, finished) = world.run();
    assert_eq!(world.source.waiting(), 0);
    assert_eq!((finished.ending, finished.datasets[0].to_target.deleted), (Ending::Completed, 5));
    let percent = finished.guards.iter().find(|guard| guard.name == "max_delete_percent").unwrap();
    assert!(percent.actual > 0.0, "{finished:?}");

    let world = refused_updates(30);
    let (_, finished) = world.run();
    assert_eq!((finished.ending, tripped(&finished)), (Ending::Guarded, vec!["max_delete_percent"]));
    assert_eq!(world.rows(Side::Target).len(), 40);
}
