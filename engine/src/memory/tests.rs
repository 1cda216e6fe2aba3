//! What the memory systems add to the suites: outside edits, foreign keys, broken records, faults, forks.

use std::sync::Arc;

use pinksync_model::{DatasetReport, SessionId};
use tokio::sync::mpsc;

use super::{Faults, Flavour, MemoryHome, MemorySystem, Moment, OnDelete, column, required, schema, trim};
use crate::connector::{Change, Dataset, Found, Guard, Outcome, System, Write};
use crate::error::ErrorKind;
use crate::home::{Home, JournalChunk, Settled, Settlement};
use crate::key::KeyRange;
use crate::reduce;
use crate::row::{SideColumn, SideSpec};
use crate::schema::{DatasetSchema, FieldType};
use crate::value::{Value, Values};

const INT: FieldType = FieldType::Int { bits: 64 };

fn things(name: &str) -> DatasetSchema {
    schema(name, &["id"], vec![required("id", INT), column("name", FieldType::TEXT), column("parent", INT)])
}

fn row(id: i64, name: &str) -> Vec<Value> {
    vec![Value::Int(id), Value::text(name), Value::Null]
}

fn key(id: i64) -> Values {
    [Value::Int(id)].into()
}

async fn open(system: &Arc<dyn System>, name: &str) -> Arc<dyn Dataset> {
    let described = system.describe(name).await.unwrap().unwrap();
    let columns = described.columns.iter().map(|column| SideColumn {
        name: column.name.clone(),
        native: reduce::native(column),
        common: column.ty.clone(),
        writable: true,
        empty_is_null: false,
    });
    let spec = SideSpec {
        dataset: name.to_owned(),
        columns: columns.collect(),
        key: vec![0],
        modified_at: None,
        filter: None,
        ordered: true,
        max_record_bytes: 1000,
        batch_size: 1000,
    };
    system.open(Arc::new(spec), &described).await.unwrap()
}

fn create(values: Vec<Value>) -> Write {
    Write { key: values[..1].into(), expect: None, change: Change::Create(values.into()) }
}

async fn update(dataset: &Arc<dyn Dataset>, id: i64, name: &str) -> Write {
    let change = Change::Update(vec![(1, Value::text(name))]);
    Write { change, ..delete(dataset, id).await }
}

async fn delete(dataset: &Arc<dyn Dataset>, id: i64) -> Write {
    let found = dataset.begin(Guard::Compare).await.unwrap().lookup(&[key(id)]).await.unwrap().remove(0);
    let Found::Row(row) = found else { panic!("{id} is {found:?}") };
    Write { key: key(id), expect: Some(row.hash), change: Change::Delete }
}

#[tokio::test]
async fn an_outside_edit_happens_at_its_moment_and_is_not_overwritten() {
    let system = MemorySystem::new("m");
    system.create_table(things("t"));
    system.put("t", row(1, "a"));
    let dataset = open(&system.side(), "t").await;
    let write = update(&dataset, 1, "mine").await;
    system.before(Moment::Write, 1, |system| system.put("t", row(1, "theirs")));
    let mut transaction = dataset.begin(Guard::Snapshot).await.unwrap();
    assert!(transaction.write(Vec::new()).await.unwrap().is_empty());
    assert_eq!((system.row("t", &key(1)), system.waiting()), (Some(row(1, "a")), 1));
    assert_eq!(transaction.write(vec![write.clone()]).await.unwrap_err().kind(), ErrorKind::Aborted);
    assert_eq!(transaction.commit().await.unwrap_err().kind(), ErrorKind::Aborted);
    assert_eq!((system.row("t", &key(1)), system.waiting()), (Some(row(1, "theirs")), 0));
    let mut transaction = dataset.begin(Guard::Compare).await.unwrap();
    assert!(matches!(transaction.write(vec![write]).await.unwrap()[..], [Outcome::Moved]));
}

#[tokio::test]
async fn a_locked_row_aborts_another_writer_until_it_is_released() {
    let system = MemorySystem::new("m");
    system.create_table(things("t"));
    let dataset = open(&system.side(), "t").await;
    let mut first = dataset.begin(Guard::Compare).await.unwrap();
    first.write(vec![create(row(1, "first"))]).await.unwrap();
    let mut second = dataset.begin(Guard::Compare).await.unwrap();
    assert_eq!(second.write(vec![create(row(1, "second"))]).await.unwrap_err().kind(), ErrorKind::Aborted);
    drop(first);
    let mut third = dataset.begin(Guard::Compare).await.unwrap();
    third.write(vec![create(row(1, "third"))]).await.unwrap();
    third.commit().await.unwrap();
    assert_eq!(system.row("t", &key(1)), Some(row(1, "third")));
}

#[tokio::test]
async fn foreign_keys_refuse_orphans_and_parents_that_are_referenced() {
    let system = MemorySystem::new("m");
    for name in ["parents", "children", "wards"] {
        system.create_table(things(name));
    }
    system.set_foreign_key("children", "parent", "parents", OnDelete::Restrict);
    system.set_foreign_key("wards", "parent", "parents", OnDelete::Cascade);
    assert_eq!(system.describe("wards").await.unwrap().unwrap().references, ["parents"]);
    (1..=2).for_each(|id| system.put("parents", row(id, "parent")));
    let child = |id: i64, parent: i64| vec![Value::Int(id), Value::Null, Value::Int(parent)];
    let children = open(&system.side(), "children").await;
    let mut transaction = children.begin(Guard::Compare).await.unwrap();
    let outcomes =
        transaction.write(vec![create(child(1, 1)), create(child(2, 9)), create(row(3, "x"))]).await.unwrap();
    assert!(matches!(&outcomes[1], Outcome::Rejected(refusal) if refusal.code == "foreign_key" && refusal.retry));
    assert!(matches!((&outcomes[0], &outcomes[2]), (Outcome::Written, Outcome::Written)));
    transaction.commit().await.unwrap();
    system.put("wards", child(5, 2));
    let parents = open(&system.side(), "parents").await;
    let mut transaction = parents.begin(Guard::Compare).await.unwrap();
    let outcomes = transaction.write(vec![delete(&parents, 1).await, delete(&parents, 2).await]).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Rejected(refusal) if refusal.code == "foreign_key"));
    assert!(matches!(&outcomes[1], Outcome::Rejected(refusal) if refusal.code == "has_dependents"));
    assert!(system.remove("children", &key(1)));
    let outcomes = transaction.write(vec![delete(&parents, 1).await]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Deleted(_)]));
    system.put("children", child(7, 1));
    assert_eq!(transaction.commit().await.unwrap_err().kind(), ErrorKind::Aborted);
    assert_eq!(system.rows("parents").len(), 2);
}

#[tokio::test]
async fn a_broken_record_is_unreadable_and_not_written() {
    let system = MemorySystem::new("m");
    system.create_table(things("t"));
    (1..=3).for_each(|id| system.put("t", row(id, "x")));
    let dataset = open(&system.side(), "t").await;
    let write = update(&dataset, 2, "mine").await;
    let sums = dataset.begin(Guard::Compare).await.unwrap().sums(&KeyRange::default(), &[]).await.unwrap();
    system.break_row("t", &key(1), "malformed", false);
    system.break_row("t", &key(2), "malformed", true);
    let mut transaction = dataset.begin(Guard::Compare).await.unwrap();
    assert_ne!(transaction.sums(&KeyRange::default(), &[]).await.unwrap(), sums);
    let page = transaction.read(&KeyRange::default(), usize::MAX).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.unreadable.iter().map(|one| one.key.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(matches!(transaction.lookup(&[key(2)]).await.unwrap()[..], [Found::Unreadable(_)]));
    assert!(matches!(transaction.write(vec![write.clone()]).await.unwrap()[..], [Outcome::Moved]));
    system.put("t", row(2, "x"));
    assert!(matches!(transaction.write(vec![write]).await.unwrap()[..], [Outcome::Written]));
}

#[tokio::test]
async fn a_scan_breaks_off_tells_of_doubles_and_is_in_no_key_order() {
    let system = MemorySystem::with_flavour("m", Flavour::FILE);
    system.create_table(DatasetSchema {
        columns: vec![column("id", INT), column("name", FieldType::TEXT)],
        ..things("t")
    });
    (1..=100).for_each(|id| system.put("t", row(id, "x")[..2].to_vec()));
    system.append("t", row(7, "twice")[..2].to_vec());
    system.append("t", vec![Value::Null, Value::text("no key")]);
    let described = system.describe("t").await.unwrap().unwrap();
    assert!(described.primary_key.is_empty() && described.columns.iter().all(|column| !column.ordered));
    let dataset = open(&system.side(), "t").await;
    let (rows, unreadable, ended) = scan(&dataset).await;
    assert!(ended.is_ok());
    assert_eq!((rows.len(), unreadable), (101, 1));
    assert!(!rows.is_sorted_by(|one, other| one.key <= other.key));
    let mut writer = MemoryHome::new().stage("t", pinksync_model::Side::Source, dataset.spec().clone()).await.unwrap();
    writer.push(rows).await.unwrap();
    let error = writer.finish().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert!(error.message().contains("Int(7)"), "{error}");
    system.break_scans("t", Some(10));
    let (rows, _, ended) = scan(&dataset).await;
    assert_eq!((rows.len() <= 10, ended.unwrap_err().kind()), (true, ErrorKind::Data));
}

async fn scan(dataset: &Arc<dyn Dataset>) -> (Vec<crate::Row>, usize, crate::Result<()>) {
    let (sender, mut receiver) = mpsc::channel::<crate::connector::Chunk>(1);
    let collect = async {
        let (mut rows, mut unreadable) = (Vec::new(), 0);
        while let Some(chunk) = receiver.recv().await {
            rows.extend(chunk.rows);
            unreadable += chunk.unreadable.len();
        }
        (rows, unreadable)
    };
    let (ended, (rows, unreadable)) = tokio::join!(dataset.scan(sender), collect);
    (rows, unreadable, ended)
}

#[tokio::test]
async fn triggers_change_what_anyone_writes_and_defaults_fill_what_nobody_names() {
    let system = MemorySystem::new("m");
    system.create_table(things("t"));
    system.set_transform("t", trim(1));
    system.set_default("t", "parent", Value::Int(5));
    system.put("t", row(1, "  x "));
    let described = system.describe("t").await.unwrap().unwrap();
    assert!(described.transforms);
    assert_eq!(system.row("t", &key(1)), Some(row(1, "x")));
    let whole = open(&system.side(), "t").await;
    let mut spec = SideSpec::clone(whole.spec());
    spec.columns.truncate(2);
    let dataset = system.open(Arc::new(spec), &described).await.unwrap();
    let mut transaction = dataset.begin(Guard::Compare).await.unwrap();
    transaction.write(vec![create(row(2, " y ")[..2].to_vec())]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(system.row("t", &key(2)), Some(vec![Value::Int(2), Value::text("y"), Value::Int(5)]));
}

#[tokio::test]
async fn a_fork_goes_its_own_way() {
    let system = MemorySystem::new("m");
    system.create_table(things("t"));
    system.put("t", row(1, "x"));
    let (fork, version) = (system.fork(), system.version());
    fork.put("t", row(1, "y"));
    assert_eq!((system.row("t", &key(1)), system.version()), (Some(row(1, "x")), version));
    assert_eq!((fork.row("t", &key(1)), fork.version()), (Some(row(1, "y")), version + 1));
}

/// A small session: journal, write, commit, settle.
async fn session(system: &Arc<dyn System>, home: &Arc<dyn Home>, id: SessionId) -> crate::Result<()> {
    let dataset = open_checked(system).await?;
    let mut transaction = dataset.begin(Guard::Snapshot).await?;
    transaction.write(vec![create(row(1, "x"))]).await?;
    let journal = home.journal(&JournalChunk { session: id, dataset: "t".into(), entries: Vec::new() }).await?;
    transaction.commit().await?;
    let counted = DatasetReport { adopted: 1, ..DatasetReport::default() };
    let settlement = Settlement { journals: vec![journal], counted, ..Settlement::default() };
    assert_eq!(home.settle(id, "t", &settlement).await?, Settled::Done);
    Ok(())
}

async fn open_checked(system: &Arc<dyn System>) -> crate::Result<Arc<dyn Dataset>> {
    system.identity().await?;
    Ok(open(system, "t").await)
}

#[tokio::test]
async fn a_crash_comes_at_every_point_and_leaves_what_was_durable() {
    let (system, home) = (MemorySystem::new("m"), MemoryHome::new());
    system.create_table(things("t"));
    let id = SessionId::new();
    let faults = Faults::new();
    let (calm_system, calm_home) = (system.fork(), home.fork());
    session(&faults.system(calm_system.side()), &faults.home(calm_home.side()), id).await.unwrap();
    let passed = faults.passed();
    let effects: Vec<&str> = passed.iter().filter(|point| !point.after).map(|point| point.effect).collect();
    assert_eq!(effects, ["write", "journal", "commit", "settle"]);
    for (n, point) in passed.iter().enumerate() {
        let (system, home, faults) = (system.fork(), home.fork(), Faults::new());
        faults.crash_at(n);
        let (dying_system, dying_home) = (faults.system(system.side()), faults.home(home.side()));
        let error = session(&dying_system, &dying_home, id).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Other, "crash"), "{point:?}");
        assert!(faults.is_dead() && dying_home.blocks("t").await.is_err() && dying_system.datasets().await.is_err());
        let (committed, settled) = (n >= 5, n == 7);
        assert_eq!(system.row("t", &key(1)).is_some(), committed, "{point:?}");
        assert_eq!(home.counted(id).await.unwrap().len(), usize::from(settled), "{point:?}");
        assert_eq!(home.pending_journals("t"), usize::from((3..7).contains(&n)), "{point:?}");
        faults.revive();
        assert_eq!((faults.count(), dying_home.blocks("t").await.is_ok()), (0, true));
    }
}

#[tokio::test]
async fn an_answer_is_lost_while_the_process_lives() {
    let system = MemorySystem::new("m");
    system.create_table(things("t"));
    for (n, there) in [(2, false), (3, true)] {
        let (system, faults) = (system.fork(), Faults::new());
        faults.lose_at(n);
        let dataset = open(&faults.system(system.side()), "t").await;
        let mut transaction = dataset.begin(Guard::Compare).await.unwrap();
        transaction.write(vec![create(row(1, "x"))]).await.unwrap();
        assert_eq!(transaction.commit().await.unwrap_err().kind(), ErrorKind::UnknownOutcome);
        assert_eq!(system.row("t", &key(1)).is_some(), there);
        let found = dataset.begin(Guard::Compare).await.unwrap().lookup(&[key(1)]).await.unwrap();
        assert_eq!(matches!(found[..], [Found::Row(_)]), there);
    }
}
