//! Guards: what somebody else wrote between reading and writing stays.

use std::sync::Arc;

use super::case::{Case, assert_moved, assert_written, int, must, people, person, text};
use super::harness::{Edit, Harness};
use crate::connector::{Dataset, Guard, Outcome, Transaction, Write};
use crate::error::ErrorKind;
use crate::value::Value;

/// The record of an id after somebody else changed it.
fn edited(id: i64) -> Vec<Value> {
    let mut row = person(id);
    row[1] = text("by somebody else");
    row
}

pub(super) async fn a_changed_record_is_left_alone(harness: &dyn Harness) {
    let case =
        Case::new(harness, "guard: a changed record", people("guard_changed", (0..4).map(person).collect())).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    case.edit(Edit::Put(edited(1))).await;
    case.edit(Edit::Put(edited(2))).await;
    let writes = vec![
        case.update(&dataset, &rows[0], &[("age", int(1))]),
        case.update(&dataset, &rows[1], &[("age", int(1))]),
        case.delete(&dataset, &rows[2]),
        case.delete(&dataset, &rows[3]),
    ];
    let Some(outcomes) = guarded(&case, &dataset, writes).await else {
        return case.assert_rows(&[person(0), edited(1), edited(2), person(3)]).await;
    };
    assert_written(&outcomes[0], case.topic);
    assert_moved(&outcomes[1], case.topic);
    assert_moved(&outcomes[2], case.topic);
    assert!(matches!(outcomes[3], Outcome::Deleted(_)), "{}: {:?}", case.topic, outcomes[3]);
    let mut written = person(0);
    written[2] = int(1);
    case.assert_rows(&[written, edited(1), edited(2)]).await;
}

pub(super) async fn a_vanished_record_is_not_written(harness: &dyn Harness) {
    let case =
        Case::new(harness, "guard: a vanished record", people("guard_vanished", (0..3).map(person).collect())).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    case.edit(Edit::Remove(vec![int(0)])).await;
    case.edit(Edit::Remove(vec![int(1)])).await;
    let writes = vec![
        case.update(&dataset, &rows[0], &[("age", int(1))]),
        case.delete(&dataset, &rows[1]),
        case.update(&dataset, &rows[2], &[("age", int(1))]),
    ];
    let Some(outcomes) = guarded(&case, &dataset, writes).await else {
        return case.assert_rows(&[person(2)]).await;
    };
    assert_moved(&outcomes[0], case.topic);
    assert_moved(&outcomes[1], case.topic);
    assert_written(&outcomes[2], case.topic);
    let mut written = person(2);
    written[2] = int(1);
    case.assert_rows(&[written]).await;
}

pub(super) async fn an_existing_record_is_not_created(harness: &dyn Harness) {
    let case = Case::new(harness, "guard: an existing record", people("guard_existing", vec![person(0)])).await;
    let dataset = case.opened().await;
    case.edit(Edit::Put(edited(1))).await;
    let writes = vec![case.create(&dataset, &person(1)), case.create(&dataset, &person(2))];
    let Some(outcomes) = guarded(&case, &dataset, writes).await else {
        return case.assert_rows(&[person(0), edited(1)]).await;
    };
    assert_moved(&outcomes[0], case.topic);
    assert_written(&outcomes[1], case.topic);
    case.assert_rows(&[person(0), edited(1), person(2)]).await;
}

pub(super) async fn a_write_that_expects_something_else_is_answered_with_moved(harness: &dyn Harness) {
    for (guard, name) in [(Guard::Snapshot, "guard_expects"), (Guard::Compare, "guard_expects_compared")] {
        let case = Case::new(harness, "guard: expectations", people(name, (0..5).map(person).collect())).await;
        let dataset = case.opened().await;
        let rows = case.read(&dataset).await;
        let mut other = rows[0].clone();
        other.hash = rows[1].hash;
        let absent = case.create(&dataset, &person(9)).key;
        let writes = vec![
            case.update(&dataset, &other, &[("age", int(1))]),
            case.create(&dataset, &person(1)),
            Write { expect: Some(rows[0].hash), key: absent, ..case.update(&dataset, &rows[0], &[("age", int(1))]) },
            Write { expect: None, ..case.update(&dataset, &rows[2], &[("age", int(1))]) },
            Write { expect: None, ..case.delete(&dataset, &rows[3]) },
            case.update(&dataset, &rows[4], &[("age", int(1))]),
        ];
        // A snapshot is compared by the system, not by hash: only what is not there at all is sure to be told.
        let told = if guard == Guard::Snapshot { vec![1, 2] } else { vec![0, 1, 2, 3, 4] };
        let keep = |index: usize| told.contains(&index) || index == 5;
        let writes: Vec<Write> =
            writes.into_iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, write)| write).collect();
        let outcomes = case.apply(&dataset, guard, writes).await;
        for outcome in &outcomes[..told.len()] {
            assert_moved(outcome, case.topic);
        }
        assert_written(&outcomes[told.len()], case.topic);
        let mut expected: Vec<Vec<Value>> = (0..5).map(person).collect();
        expected[4][2] = int(1);
        case.assert_rows(&expected).await;
    }
}

pub(super) async fn a_snapshot_does_not_write_what_changed_since(harness: &dyn Harness) {
    for (delete, name) in [(false, "guard_snapshot"), (true, "guard_snapshot_delete")] {
        let case = Case::new(harness, "guard: changed since the snapshot", people(name, vec![person(1)])).await;
        let dataset = case.opened().await;
        let mut transaction = case.begin(&dataset, Guard::Snapshot).await;
        let Some(row) = case.look_up(&mut *transaction, &dataset, &[int(1)]).await else {
            panic!("{}: the record is not there", case.topic)
        };
        case.edit(Edit::Put(edited(1))).await;
        let write = if delete { case.delete(&dataset, &row) } else { case.update(&dataset, &row, &[("age", int(1))]) };
        assert_not_written(&case, &dataset, transaction, write).await;
        case.assert_rows(&[edited(1)]).await;
    }
}

pub(super) async fn a_snapshot_does_not_create_what_came_since(harness: &dyn Harness) {
    let case = Case::new(harness, "guard: created since the snapshot", people("guard_came", vec![person(0)])).await;
    let dataset = case.opened().await;
    let mut transaction = case.begin(&dataset, Guard::Snapshot).await;
    let found = case.look_up(&mut *transaction, &dataset, &[int(1)]).await;
    assert!(found.is_none(), "{}: the record is there already", case.topic);
    case.edit(Edit::Put(edited(1))).await;
    let write = case.create(&dataset, &person(1));
    assert_not_written(&case, &dataset, transaction, write).await;
    case.assert_rows(&[person(0), edited(1)]).await;
}

pub(super) async fn of_two_transactions_one_writes(harness: &dyn Harness) {
    for (guard, name) in [(Guard::Snapshot, "guard_two"), (Guard::Compare, "guard_two_compared")] {
        let case = Case::new(harness, "guard: two transactions", people(name, vec![person(1)])).await;
        let dataset = case.opened().await;
        let (mut first, mut second) = (case.begin(&dataset, guard).await, case.begin(&dataset, guard).await);
        let seen = case.look_up(&mut *first, &dataset, &[int(1)]).await;
        let row = case.look_up(&mut *second, &dataset, &[int(1)]).await;
        let (Some(seen), Some(row)) = (seen, row) else { panic!("{}: the record is not there", case.topic) };
        let writes = vec![case.update(&dataset, &seen, &[("name", text("the first"))])];
        assert_written(&must(first.write(writes).await, case.topic)[0], case.topic);
        must(first.commit().await, case.topic);
        let write = case.update(&dataset, &row, &[("name", text("the second"))]);
        match second.write(vec![write]).await {
            Ok(outcomes) => {
                assert_moved(&outcomes[0], case.topic);
                must(second.commit().await, case.topic);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Aborted, "{}: {error}", case.topic),
        }
        must(dataset.publish().await, case.topic);
        let mut written = person(1);
        written[1] = text("the first");
        case.assert_rows(&[written]).await;
    }
}

/// Writes after an edit. `None`: a file, which is looked at as a whole when it is published, and was refused then.
async fn guarded(case: &Case<'_>, dataset: &Arc<dyn Dataset>, writes: Vec<Write>) -> Option<Vec<Outcome>> {
    if !dataset.capabilities().publishes {
        return Some(case.apply(dataset, Guard::Compare, writes).await);
    }
    let mut transaction = case.begin(dataset, Guard::Compare).await;
    let written = transaction.write(writes).await;
    if let Err(error) = &written {
        assert_eq!(error.kind(), ErrorKind::Moved, "{}: {error}", case.topic);
        return None;
    }
    must(transaction.commit().await, case.topic);
    assert_publish_moved(case, dataset).await;
    None
}

/// A write that must not take place: the transaction is aborted, the write is answered with `Moved`, or the file is
/// not replaced.
async fn assert_not_written(
    case: &Case<'_>,
    dataset: &Arc<dyn Dataset>,
    mut transaction: Box<dyn Transaction>,
    write: Write,
) {
    match transaction.write(vec![write]).await {
        Err(error) => {
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::Aborted | ErrorKind::Moved), "{}: {error}", case.topic);
        }
        Ok(outcomes) if dataset.capabilities().publishes => {
            assert_eq!(outcomes.len(), 1, "{}", case.topic);
            must(transaction.commit().await, case.topic);
            assert_publish_moved(case, dataset).await;
        }
        Ok(outcomes) => {
            assert_moved(&outcomes[0], case.topic);
            must(transaction.commit().await, case.topic);
        }
    }
}

async fn assert_publish_moved(case: &Case<'_>, dataset: &Arc<dyn Dataset>) {
    match dataset.publish().await {
        Ok(()) => panic!("{}: the file was replaced although somebody else changed it", case.topic),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Moved, "{}: {error}", case.topic),
    }
}
