//! Files have no server that could end a frozen worker's work: who takes over waits until its locks are gone.

use std::fs;
use std::path::{Path, PathBuf};

use pinksync_test_support::eventually;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{assert_settled, freeze_at, service, taken_over, thaw};
use crate::support::{Gate, Pair, Service, written};

const ITEMS: u64 = 200;

/// A target that is a file.
struct Target {
    path: PathBuf,
    definition: Value,
    /// All of it.
    content: fn(&Path) -> String,
}

fn sqlite(service: &Service, pair: &Pair) -> Target {
    let path = service.folder.path().join("items.db");
    let table = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price TEXT, changed TEXT)";
    Connection::open(&path).unwrap().execute_batch(table).unwrap();
    let mut definition = pair.two_way();
    definition["target"] = json!({"type": "sqlite", "path": path});
    definition["datasets"][0]["target"] = json!("items");
    Target { path, definition, content: |path| rows(&Connection::open(path).unwrap()) }
}

fn rows(database: &Connection) -> String {
    let all = "SELECT group_concat(id || name || price || changed, '|') FROM (SELECT * FROM items ORDER BY id)";
    database.query_row(all, [], |row| row.get(0)).unwrap()
}

fn csv(service: &Service, pair: &Pair) -> Target {
    let path = service.folder.path().join("items.csv");
    fs::write(&path, "id,name,price,changed\n").unwrap();
    let mut definition = pair.one_way();
    definition["target"] = json!({"type": "csv", "path": path});
    definition["datasets"][0] = json!({"source": "public.items", "key": ["id"]});
    Target { path, definition, content: |path| fs::read_to_string(path).unwrap() }
}

impl Target {
    fn content(&self) -> String {
        (self.content)(&self.path)
    }
}

/// Where the worker stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The journal is written, and nothing has taken effect on the target.
    Journal,
    /// The target has taken effect, the source has not committed.
    SourceCommit,
    /// The target has taken effect.
    Settling,
}

async fn gate(place: Place, service: &Service, pair: &Pair) -> Gate {
    match place {
        Place::Journal => Gate::before_table(&service.metadata, "journal").await,
        Place::SourceCommit => Gate::before_commits(&pair.source, "items").await,
        Place::Settling => Gate::before_table(&service.metadata, "base_blocks").await,
    }
}

async fn change(pair: &Pair) {
    pair.source.batch("UPDATE items SET name = 'new', changed = '2026-02-01' WHERE id <= 40").await;
}

async fn change_back(pair: &Pair) {
    pair.source.batch("UPDATE items SET name = 'item ' || id, changed = '2026-01-01' WHERE id <= 50").await;
}

/// `back`: records that are changed on the target, too, and carried back to the source.
async fn a_late_worker_changes_nothing(kind: fn(&Service, &Pair) -> Target, place: Place, back: u64) {
    let (mut service, pair) = tokio::join!(service(), Pair::with_items(ITEMS));
    let target = kind(&service, &pair);
    service.rest.complete(&target.definition).await;
    let first = target.content();
    change(&pair).await;
    if back > 0 {
        let update =
            "UPDATE items SET name = 'of the file', changed = '2026-02-01T00:00:00Z' WHERE id > 40 AND id <= ?1";
        let changed = Connection::open(&target.path).unwrap().execute(update, [40 + back.cast_signed()]).unwrap();
        assert_eq!(changed as u64, back);
    }
    let gate = gate(place, &service, &pair).await;
    let session = freeze_at(&service, &gate, &target.definition).await;
    let before = target.content();
    gate.open().await;
    service.add_workers(1).await;
    taken_over(&service).await;
    let done = service.rest.completed(&session).await;
    assert_eq!(written(&done), [[0, 40, 0], [0, back, 0]], "{done}");
    assert_eq!(
        target.content() == before,
        place != Place::Journal,
        "a side that has taken effect is not written again"
    );
    change_back(&pair).await;
    let undone = service.rest.complete(&target.definition).await;
    assert_eq!(written(&undone), [[0, 40 + back, 0], [0; 3]], "{undone}");
    assert_eq!(target.content(), first);
    thaw(&service).await;
    assert_eq!(target.content(), first);
    assert_eq!(service.rest.session(&session).await["stats"], done["stats"]);
    assert_settled(&mut service, &target.definition).await;
    assert_eq!(target.content(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_between_the_commits_on_sqlite_and_on_the_source() {
    a_late_worker_changes_nothing(sqlite, Place::SourceCommit, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_after_its_commit_to_sqlite() {
    a_late_worker_changes_nothing(sqlite, Place::Settling, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_before_its_new_csv_file_takes_the_place_of_the_old() {
    a_late_worker_changes_nothing(csv, Place::Journal, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_after_its_new_csv_file_has_taken_the_place_of_the_old() {
    a_late_worker_changes_nothing(csv, Place::Settling, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_to_sqlite_while_a_frozen_worker_holds_its_lock_and_that_one_writes_nothing_when_it_awakes() {
    let (mut service, pair) = tokio::join!(service(), Pair::with_items(ITEMS));
    let target = sqlite(&service, &pair);
    service.rest.complete(&target.definition).await;
    let first = target.content();
    change(&pair).await;
    let gate = gate(Place::Journal, &service, &pair).await;
    let session = freeze_at(&service, &gate, &target.definition).await;
    gate.open().await;
    service.add_workers(1).await;
    let refused = "SELECT count(*) > 0 FROM tasks WHERE generation > 2 AND error_code IS NOT NULL";
    eventually(async || service.metadata.value(refused, &[]).await).await;
    change_back(&pair).await;
    assert_eq!(target.content(), first);
    thaw(&service).await;
    let done = service.rest.completed(&session).await;
    assert_eq!(written(&done), [[0; 3]; 2], "the source is as it was: {done}");
    assert_eq!(target.content(), first);
    assert_settled(&mut service, &target.definition).await;
}
