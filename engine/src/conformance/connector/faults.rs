//! Transactions that do not end well leave nothing behind, and nothing locked.

use std::sync::Arc;

use super::case::{Case, assert_written, int, must, people, person, text};
use super::harness::{Edit, Harness};
use crate::connector::{Dataset, Guard, Write};
use crate::error::ErrorKind;
use crate::value::Value;

fn rows() -> Vec<Vec<Value>> {
    (0..3).map(person).collect()
}

/// A write of each kind.
async fn writes(case: &Case<'_>, dataset: &Arc<dyn Dataset>) -> Vec<Write> {
    let rows = case.read(dataset).await;
    vec![
        case.update(dataset, &rows[0], &[("name", text("changed"))]),
        case.delete(dataset, &rows[1]),
        case.create(dataset, &person(10)),
    ]
}

/// What the writes of [`writes`] come to.
fn written() -> Vec<Vec<Value>> {
    let mut changed = person(0);
    changed[1] = text("changed");
    vec![changed, person(2), person(10)]
}

/// Writes take effect one by one as they are made, and cannot be taken back.
fn takes_effect_at_once(dataset: &Arc<dyn Dataset>) -> bool {
    !dataset.capabilities().transactional && !dataset.capabilities().publishes
}

pub(super) async fn a_rollback_leaves_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "faults: rollback", people("faults_rollback", rows())).await;
    let dataset = case.opened().await;
    let all = writes(&case, &dataset).await;
    let mut transaction = case.begin(&dataset, Guard::Snapshot).await;
    must(transaction.write(all.clone()).await, case.topic);
    must(transaction.rollback().await, case.topic);
    gone_and_writable(&case, &dataset, all).await;
}

pub(super) async fn a_dropped_transaction_leaves_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "faults: dropped", people("faults_dropped", rows())).await;
    let dataset = case.opened().await;
    let all = writes(&case, &dataset).await;
    for guard in [Guard::Snapshot, Guard::Compare] {
        let mut transaction = case.begin(&dataset, guard).await;
        must(transaction.write(all.clone()).await, case.topic);
        drop(transaction);
    }
    gone_and_writable(&case, &dataset, all).await;
}

pub(super) async fn a_write_given_up_leaves_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "faults: given up", people("faults_given_up", rows())).await;
    let dataset = case.opened().await;
    if takes_effect_at_once(&dataset) {
        return;
    }
    let all = writes(&case, &dataset).await;
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    tokio::select! {
        biased;
        outcomes = transaction.write(all.clone()) => {
            must(outcomes, case.topic);
        }
        () = tokio::task::yield_now() => {}
    }
    drop(transaction);
    gone_and_writable(&case, &dataset, all).await;
}

/// Nothing of the writes is there, and the same can be written by the next transaction.
async fn gone_and_writable(case: &Case<'_>, dataset: &Arc<dyn Dataset>, all: Vec<Write>) {
    if takes_effect_at_once(dataset) {
        return case.assert_rows(&written()).await;
    }
    must(dataset.publish().await, case.topic);
    case.assert_rows(&rows()).await;
    let outcomes = case.apply(dataset, Guard::Compare, all).await;
    assert_written(&outcomes[0], case.topic);
    case.assert_rows(&written()).await;
}

pub(super) async fn nothing_is_seen_before_it_takes_effect(harness: &dyn Harness) {
    let case = Case::new(harness, "faults: seen too early", people("faults_early", rows())).await;
    let dataset = case.opened().await;
    let all = writes(&case, &dataset).await;
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    must(transaction.write(all).await, case.topic);
    let at_once = takes_effect_at_once(&dataset);
    case.assert_rows(&if at_once { written() } else { rows() }).await;
    must(transaction.commit().await, case.topic);
    let published = dataset.capabilities().publishes;
    case.assert_rows(&if published { rows() } else { written() }).await;
    must(dataset.publish().await, case.topic);
    case.assert_rows(&written()).await;
    must(dataset.publish().await, case.topic);
    case.assert_rows(&written()).await;
}

pub(super) async fn a_file_that_moved_is_not_replaced(harness: &dyn Harness) {
    let case = Case::new(harness, "faults: a file that moved", people("faults_moved", rows())).await;
    let dataset = case.opened().await;
    if !dataset.capabilities().publishes {
        return must(dataset.publish().await, case.topic);
    }
    let all = writes(&case, &dataset).await;
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    must(transaction.write(all).await, case.topic);
    must(transaction.commit().await, case.topic);
    case.edit(Edit::Put(person(77))).await;
    match dataset.publish().await {
        Ok(()) => panic!("{}: it was replaced", case.topic),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Moved, "{}: {error}", case.topic),
    }
    let mut there = rows();
    there.push(person(77));
    case.assert_rows(&there).await;
    // Read again, the file can be written.
    let dataset = case.opened().await;
    let writes = writes(&case, &dataset).await;
    case.apply(&dataset, Guard::Compare, writes).await;
    let mut there = written();
    there.push(person(77));
    case.assert_rows(&there).await;
    assert!(case.find(&dataset, &[int(77)]).await.is_some(), "{}: the edit is there", case.topic);
}
