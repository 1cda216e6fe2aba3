//! Between PostgreSQL databases: the server ends what the frozen worker has under way, or has done what it was told.

use serde_json::{Value, json};

use super::{assert_settled, freeze_at, service, taken_over, thaw};
use crate::support::{Gate, Pair, Service, count, digest, written};

/// Where the worker stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a write on the target: nothing is journaled.
    Writing,
    /// In its journal's write.
    Journal,
    /// In the target's commit: the journal is written.
    TargetCommit,
    /// In the source's commit: the target has committed.
    SourceCommit,
    /// Both sides have committed.
    Settling,
}

/// What becomes of the statement that the frozen worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// It is carried out, and the worker does not see the answer.
    CarriedOut,
    /// It waits still when another worker takes over.
    Waits,
}

async fn gate(place: Place, service: &Service, pair: &Pair) -> Gate {
    match place {
        Place::Writing => Gate::before_writes(&pair.target, "items", "true").await,
        Place::Journal => Gate::before_table(&service.metadata, "journal").await,
        Place::TargetCommit => Gate::before_commits(&pair.target, "items").await,
        Place::SourceCommit => Gate::before_commits(&pair.source, "items").await,
        Place::Settling => Gate::before_table(&service.metadata, "base_blocks").await,
    }
}

/// Changes on either side, and of one record on both.
async fn change(pair: &Pair) {
    pair.source.batch("UPDATE items SET name = 'new', changed = '2026-02-01' WHERE id <= 40").await;
    pair.target.batch("UPDATE items SET price = 1, changed = '2026-02-01' WHERE id > 40 AND id <= 70").await;
    pair.source.batch("UPDATE items SET name = 'both' WHERE id = 71").await;
    pair.target.batch("UPDATE items SET price = 2 WHERE id = 71").await;
}

/// What `change` did is taken back on the source.
async fn change_back(pair: &Pair) {
    pair.source
        .batch(
            "UPDATE items SET name = 'item ' || id, price = (id % 1000) + 0.25, changed = '2026-01-01' WHERE id <= 71",
        )
        .await;
}

async fn a_late_worker_changes_nothing(items: u64, place: Place, statement: Statement) {
    let (mut service, pair) = tokio::join!(service(), Pair::with_items(items));
    let mut definition: Value = pair.two_way();
    definition["merge"] = json!("field");
    service.rest.complete(&definition).await;
    let first = digest(&pair.target, "items").await;
    change(&pair).await;
    let gate = gate(place, &service, &pair).await;
    let session = freeze_at(&service, &gate, &definition).await;
    if statement == Statement::CarriedOut {
        gate.open().await;
    }
    service.add_workers(1).await;
    taken_over(&service).await;
    gate.open().await;
    let done = service.rest.completed(&session).await;
    assert_eq!(written(&done), [[0, 41, 0], [0, 31, 0]], "{done}");
    assert_eq!(count(&done, "merged"), 1, "{done}");
    pair.assert_same().await;
    change_back(&pair).await;
    let back = service.rest.complete(&definition).await;
    assert_eq!(written(&back), [[0, 71, 0], [0, 0, 0]], "{back}");
    assert_eq!(digest(&pair.target, "items").await, first, "the target is as it was when the frozen worker read it");
    thaw(&service).await;
    assert_eq!(digest(&pair.target, "items").await, first);
    assert_eq!(digest(&pair.source, "items").await, first);
    assert_eq!(service.rest.session(&session).await["stats"], done["stats"]);
    assert_settled(&mut service, &definition).await;
    assert_eq!(digest(&pair.target, "items").await, first);
}

/// One segment: the session is carried out by its first task.
const SMALL: u64 = 200;
/// Several segments.
const SHARED: u64 = 4000;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_while_it_writes() {
    a_late_worker_changes_nothing(SMALL, Place::Writing, Statement::Waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_before_its_journal_is_written() {
    a_late_worker_changes_nothing(SMALL, Place::Journal, Statement::Waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_between_its_journal_and_the_commit_on_the_target() {
    a_late_worker_changes_nothing(SMALL, Place::Journal, Statement::CarriedOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_in_a_commit_on_the_target_that_does_not_happen() {
    a_late_worker_changes_nothing(SMALL, Place::TargetCommit, Statement::Waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_between_the_commits_on_target_and_source() {
    a_late_worker_changes_nothing(SMALL, Place::TargetCommit, Statement::CarriedOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_in_a_commit_on_the_source_that_does_not_happen() {
    a_late_worker_changes_nothing(SMALL, Place::SourceCommit, Statement::Waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_between_its_commits_and_the_settlement() {
    a_late_worker_changes_nothing(SMALL, Place::SourceCommit, Statement::CarriedOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_while_it_settles() {
    a_late_worker_changes_nothing(SMALL, Place::Settling, Statement::CarriedOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_in_a_shared_segment_before_the_commit_on_the_target() {
    a_late_worker_changes_nothing(SHARED, Place::Journal, Statement::CarriedOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_in_a_shared_segment_between_the_commits() {
    a_late_worker_changes_nothing(SHARED, Place::SourceCommit, Statement::Waits).await;
}
