//! What a session does before it reads: targets are created, parents come first.

use std::sync::Arc;

use pinksync_engine::memory::{Flavour, OnDelete, column, required, schema};
use pinksync_engine::schema::{DatasetSchema, FieldType};
use pinksync_engine::session::{self, Ending, Finished, Session};
use pinksync_engine::survey;
use pinksync_model::{DatasetDefinition, DatasetEntry, Direction, SessionId, SyncDefinition};

use crate::setup::{Edit, End, Setup};
use crate::world::{World, wait};

const INT: FieldType = FieldType::Int { bits: 64 };

fn table(name: &str) -> DatasetSchema {
    schema(name, &["id"], vec![required("id", INT), column("of", INT)])
}

fn pair(source: &str, target: &str) -> DatasetDefinition {
    let (source, target) = (Some(source.to_owned()), Some(target.to_owned()));
    DatasetDefinition { source, target, key: vec!["id".to_owned()], ..DatasetDefinition::default() }
}

/// A session over the datasets of the world and further ones.
fn run(world: &World, further: Vec<DatasetDefinition>) -> Finished {
    let plain = world.session(SessionId::new());
    let mut definition = SyncDefinition::clone(&plain.definition);
    definition.datasets.extend(further.into_iter().map(DatasetEntry::Definition));
    wait(session::run(&Session { definition: Arc::new(definition), ..plain })).unwrap()
}

#[test]
fn a_session_that_a_guard_stops_creates_no_target() {
    let mut world = World::new(&Setup::PLAIN);
    world.apply(&[Edit::Both(1, crate::setup::Cells { a: 1, b: 1, n: 4, time: 0 })]);
    world.run();
    world.source.create_table(table("further"));
    world.setup.filter = true;
    let created = |world: &World| wait(world.target.side().describe("further")).unwrap().is_some();
    let further = || vec![DatasetDefinition { create_target: true, ..pair("further", "further") }];
    assert_eq!(run(&world, further()).ending, Ending::Guarded);
    assert!(!created(&world));
    world.setup.filter = false;
    assert_eq!(run(&world, further()).ending, Ending::Completed);
    assert!(created(&world));
}

#[test]
fn a_written_side_without_guards_is_told_by_plan_and_report() {
    let api = End { flavour: Flavour::API, ..End::PLAIN };
    for (setup, told) in [
        (Setup { target: api, direction: Direction::TwoWay, ..Setup::PLAIN }, vec!["the target is unguarded"]),
        (Setup { source: api, direction: Direction::TwoWay, ..Setup::PLAIN }, vec!["the source is unguarded"]),
        (Setup { source: api, direction: Direction::OneWay, ..Setup::PLAIN }, vec![]),
        (Setup::PLAIN, vec![]),
    ] {
        let world = World::new(&setup);
        let session = world.session(SessionId::new());
        let planned = wait(survey::plan(&session, &mut |_| Ok(()))).unwrap().finished;
        for finished in [planned, run(&world, Vec::new())] {
            let unguarded: Vec<&String> =
                finished.warnings.iter().filter(|warning| warning.contains("unguarded")).collect();
            assert_eq!(unguarded.len(), told.len(), "{unguarded:?}");
            assert!(told.iter().all(|part| unguarded[0].contains(part)), "{unguarded:?}");
        }
    }
}

#[test]
fn parents_come_first_also_where_only_the_source_knows_them_and_names_differ() {
    let world = World::new(&Setup::PLAIN);
    for name in ["parents", "children"] {
        world.source.create_table(table(name));
    }
    world.source.set_foreign_key("children", "of", "parents", OnDelete::Restrict);
    for name in ["old", "young"] {
        world.target.create_table(table(name));
    }
    let finished = run(&world, vec![pair("children", "young"), pair("parents", "old")]);
    let order: Vec<&str> = finished.datasets.iter().map(|one| one.source.as_str()).collect();
    assert_eq!(order, ["t", "parents", "children"]);
}
