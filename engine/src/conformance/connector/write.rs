//! Writing: what each kind of write does, and what it leaves alone.

use super::case::{Case, INT, assert_moved, assert_written, int, must, people, person, some, text};
use super::harness::{Harness, Table};
use crate::connector::{Change, Guard, Outcome, RowImage, Write};
use crate::memory::{column, required, schema};
use crate::row::Row;
use crate::schema::FieldType;
use crate::value::Value;

pub(super) async fn each_kind_of_write_does_what_it_says(harness: &dyn Harness) {
    for (guard, name) in [(Guard::Snapshot, "write_kinds"), (Guard::Compare, "write_kinds_compared")] {
        let case =
            Case::new(harness, "write: create, update, delete", people(name, (0..4).map(person).collect())).await;
        let dataset = case.opened().await;
        let rows = case.read(&dataset).await;
        let mut transaction = case.begin(&dataset, guard).await;
        // The read that a snapshot's guard stands on.
        let found = case.look_up(&mut *transaction, &dataset, &[int(1)]).await;
        assert_eq!(found.map(|row| row.hash), Some(rows[1].hash), "{}", case.topic);
        let writes = vec![
            case.create(&dataset, &person(10)),
            case.update(&dataset, &rows[1], &[("name", text("changed")), ("age", Value::Null)]),
            case.delete(&dataset, &rows[2]),
        ];
        let outcomes = must(transaction.write(writes).await, case.topic);
        assert_written(&outcomes[0], case.topic);
        assert_written(&outcomes[1], case.topic);
        assert!(matches!(outcomes[2], Outcome::Deleted(_)), "{}: {:?}", case.topic, outcomes[2]);
        let created = case.look_up(&mut *transaction, &dataset, &[int(10)]).await;
        assert!(created.is_some(), "{}: own creates are seen", case.topic);
        let updated = case.look_up(&mut *transaction, &dataset, &[int(1)]).await;
        let updated = some(updated, case.topic, "the updated record is not seen by its own transaction");
        assert_eq!(updated.values()[1], text("changed"), "{}: own updates are seen", case.topic);
        let deleted = case.look_up(&mut *transaction, &dataset, &[int(2)]).await;
        assert!(deleted.is_none(), "{}: own deletes are seen", case.topic);
        must(transaction.commit().await, case.topic);
        must(dataset.publish().await, case.topic);
        let mut changed = person(1);
        changed[1] = text("changed");
        changed[2] = Value::Null;
        case.assert_rows(&[person(0), changed, person(3), person(10)]).await;
    }
}

pub(super) async fn an_update_sets_only_the_columns_it_names(harness: &dyn Harness) {
    let case =
        Case::new(harness, "write: columns of an update", people("write_columns", vec![person(1), person(2)])).await;
    let dataset = case.dataset(case.spec(&["id", "name", "age"])).await;
    let rows = case.read(&dataset).await;
    let writes = vec![
        case.update(&dataset, &rows[0], &[("age", int(77))]),
        case.update(&dataset, &rows[1], &[("name", Value::Null)]),
    ];
    for outcome in case.apply(&dataset, Guard::Compare, writes).await {
        assert_written(&outcome, case.topic);
    }
    let (mut one, mut two) = (person(1), person(2));
    one[2] = int(77);
    two[1] = Value::Null;
    case.assert_rows(&[one, two]).await;
}

pub(super) async fn a_deleted_record_comes_back_whole(harness: &dyn Harness) {
    let rows: Vec<Vec<Value>> = (0..3).map(person).collect();
    let case = Case::new(harness, "write: delete and restore", people("write_restore", rows.clone())).await;
    let dataset = case.dataset(case.spec(&["id", "name"])).await;
    let row: &Row = &case.read(&dataset).await[1];
    let mut outcomes = case.apply(&dataset, Guard::Compare, vec![case.delete(&dataset, row)]).await;
    case.assert_rows(&[rows[0].clone(), rows[2].clone()]).await;
    let Some(Outcome::Deleted(image)) = outcomes.pop() else { panic!("{}: {outcomes:?}", case.topic) };
    for column in &case.table.schema.columns {
        let there = image.iter().any(|(name, _)| *name == column.name);
        assert!(there, "{}: the image lacks the column {}", case.topic, column.name);
    }
    let key = row.native_key(dataset.spec());
    let restore = |image: RowImage| Write { key: key.clone(), expect: None, change: Change::Restore(image) };
    let outcomes = case.apply(&dataset, Guard::Compare, vec![restore(image.clone())]).await;
    assert_written(&outcomes[0], case.topic);
    case.assert_rows(&rows).await;
    assert_eq!(case.find(&dataset, &[int(1)]).await.map(|row| row.hash), Some(row.hash), "{}", case.topic);
    let outcomes = case.apply(&dataset, Guard::Compare, vec![restore(image)]).await;
    assert_moved(&outcomes[0], case.topic);
}

pub(super) async fn a_create_leaves_other_columns_to_the_system(harness: &dyn Harness) {
    let case = Case::new(harness, "write: columns of a create", people("write_create", vec![person(1)])).await;
    let mut spec = case.spec(&["id", "email", "name", "age"]);
    spec.columns[3].writable = false;
    let dataset = case.dataset(spec).await;
    let write = case.create(&dataset, &[int(2), text("two@example.org"), text("two"), int(50)]);
    assert_written(&case.apply(&dataset, Guard::Compare, vec![write]).await[0], case.topic);
    let created = vec![int(2), text("two"), Value::Null, text("two@example.org"), Value::Null];
    case.assert_rows(&[person(1), created]).await;
}

pub(super) async fn a_full_batch_is_answered_in_order(harness: &dyn Harness) {
    let case = Case::new(harness, "write: a full batch", people("write_batch", (0..600).map(person).collect())).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    let mut writes = Vec::new();
    let mut expected = Vec::new();
    for (row, id) in rows.iter().zip(0..600) {
        if id % 3 == 0 {
            writes.push(case.delete(&dataset, row));
            continue;
        }
        writes.push(case.update(&dataset, row, &[("note", text(&format!("note {id}")))]));
        let mut changed = person(id);
        changed[4] = text(&format!("note {id}"));
        expected.push(changed);
        if id % 3 == 1 {
            writes.push(case.create(&dataset, &person(1000 + id)));
            expected.push(person(1000 + id));
        }
    }
    let deletes: Vec<bool> = writes.iter().map(|write| matches!(write.change, Change::Delete)).collect();
    for (outcome, delete) in case.apply(&dataset, Guard::Snapshot, writes).await.iter().zip(deletes) {
        let answered =
            if delete { matches!(outcome, Outcome::Deleted(_)) } else { matches!(outcome, Outcome::Written) };
        assert!(answered, "{}: {outcome:?} (delete: {delete})", case.topic);
    }
    case.assert_rows(&expected).await;
}

pub(super) async fn keys_of_two_parts_are_written(harness: &dyn Harness) {
    let columns = vec![column("v", FieldType::TEXT), required("b", FieldType::TEXT), required("a", INT)];
    let row = |a: i64, b: &str, v: &str| vec![text(v), text(b), int(a)];
    let rows = vec![row(1, "x", "1x"), row(1, "y", "1y"), row(2, "x", "2x")];
    let table =
        Table { schema: schema("write_two_parts", &["a", "b"], columns), rows, at_most: None, upper_case: None };
    let case = Case::new(harness, "write: keys of two parts", table).await;
    let dataset = case.opened().await;
    let mut writes = vec![case.create(&dataset, &row(2, "y", "new"))];
    for found in case.read(&dataset).await {
        match (&found.values()[2], &found.values()[1]) {
            (Value::Int(1), Value::Text(b)) if **b == *"y" => writes.push(case.delete(&dataset, &found)),
            (Value::Int(2), _) => writes.push(case.update(&dataset, &found, &[("v", text("changed"))])),
            _ => {}
        }
    }
    assert_eq!(case.apply(&dataset, Guard::Compare, writes).await.len(), 3, "{}", case.topic);
    case.assert_rows(&[row(1, "x", "1x"), row(2, "x", "changed"), row(2, "y", "new")]).await;
}

pub(super) async fn what_a_trigger_made_is_read_back(harness: &dyn Harness) {
    let mut table = people("write_trigger", vec![]);
    table.upper_case = Some("name".to_owned());
    let case = Case::new(harness, "write: a trigger", table).await;
    let promised = harness.promises().triggers;
    assert_eq!(case.described.transforms, promised, "{}: what the schema says of transforms", case.topic);
    let dataset = case.opened().await;
    let mut made = person(1);
    made[1] = text(if promised { "NAME 1" } else { "name 1" });
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    let outcomes = must(transaction.write(vec![case.create(&dataset, &person(1))]).await, case.topic);
    assert_written(&outcomes[0], case.topic);
    let row = case.look_up(&mut *transaction, &dataset, &[int(1)]).await;
    let row = some(row, case.topic, "the record is not seen by its own transaction");
    assert!(row.values()[1].same(&made[1]), "{}: read back {:?}", case.topic, row.values());
    must(transaction.commit().await, case.topic);
    must(dataset.publish().await, case.topic);
    case.assert_rows(&[made]).await;
}

pub(super) async fn what_was_committed_is_seen_by_the_next(harness: &dyn Harness) {
    let case =
        Case::new(harness, "write: the next transaction", people("write_next", vec![person(1), person(2)])).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    let mut first = case.begin(&dataset, Guard::Compare).await;
    let writes = vec![
        case.update(&dataset, &rows[0], &[("name", text("changed"))]),
        case.delete(&dataset, &rows[1]),
        case.create(&dataset, &person(3)),
    ];
    must(first.write(writes).await, case.topic);
    must(first.commit().await, case.topic);
    // A file is not published yet: what was collected counts as written for whoever looks a record up.
    let changed = some(case.find(&dataset, &[int(1)]).await, case.topic, "the changed record is not found");
    assert_eq!(changed.values()[1], text("changed"), "{}", case.topic);
    assert!(case.find(&dataset, &[int(2)]).await.is_none(), "{}: the deleted record is found", case.topic);
    assert!(case.find(&dataset, &[int(3)]).await.is_some(), "{}: the created record is not found", case.topic);
    let mut second = case.begin(&dataset, Guard::Compare).await;
    let outcomes = must(second.write(vec![case.update(&dataset, &changed, &[("age", int(5))])]).await, case.topic);
    let mut expected = vec![person(1), person(3)];
    expected[0][1] = text("changed");
    if dataset.capabilities().publishes {
        // A record is changed once before a file is published.
        assert_moved(&outcomes[0], case.topic);
    } else {
        assert_written(&outcomes[0], case.topic);
        expected[0][2] = int(5);
    }
    must(second.commit().await, case.topic);
    must(dataset.publish().await, case.topic);
    case.assert_rows(&expected).await;
}

pub(super) async fn writing_nothing_changes_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "write: nothing", people("write_nothing", vec![person(1)])).await;
    let dataset = case.opened().await;
    assert!(case.apply(&dataset, Guard::Snapshot, Vec::new()).await.is_empty(), "{}", case.topic);
    must(dataset.publish().await, case.topic);
    case.assert_rows(&[person(1)]).await;
}
