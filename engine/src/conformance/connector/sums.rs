//! Sums over ranges: equal while nothing changes, different after every kind of edit.

use std::sync::Arc;

use pinksync_model::Op;

use super::case::{Case, assert_written, int, must, people, person, some, text};
use super::harness::{Edit, Harness};
use crate::connector::{Dataset, Guard, Outcome, RangeSum, Transaction};
use crate::filter::Filter;
use crate::key::{Key, KeyRange};
use crate::value::Value;

pub(super) async fn sums_stay_equal_while_nothing_changes(harness: &dyn Harness) {
    let case = Case::new(harness, "sums: nothing changes", people("sums_equal", (0..30).map(person).collect())).await;
    let dataset = case.opened().await;
    let once = sums(&case, &dataset, &[10, 20]).await;
    let other = Case { system: harness.open().await, ..case };
    let twice = sums(&other, &other.opened().await, &[10, 20]).await;
    assert_eq!(once, twice, "{}", other.topic);
    assert_eq!(once.is_some(), dataset.capabilities().sums, "{}: sums where they are offered", other.topic);
}

pub(super) async fn sums_count_the_records_of_their_parts(harness: &dyn Harness) {
    let case = Case::new(harness, "sums: parts", people("sums_parts", (0..30).map(person).collect())).await;
    let dataset = case.filtered(Filter::Compare { column: 0, op: Op::Ge, value: int(5) }).await;
    if !dataset.capabilities().sums {
        return assert_eq!(sums(&case, &dataset, &[]).await, None, "{}: none are offered", case.topic);
    }
    let counts = |sums: &[RangeSum]| sums.iter().map(|sum| sum.count).collect::<Vec<_>>();
    let parts = some(sums(&case, &dataset, &[3, 10, 11, 29]).await, case.topic, "no sums");
    assert_eq!(counts(&parts), [0, 5, 1, 18, 1], "{}: the filter leaves out those below 5", case.topic);
    assert_eq!(parts[0].hash, 0, "{}: the hash of no record", case.topic);
    let whole = some(sums(&case, &dataset, &[]).await, case.topic, "no sums");
    assert_eq!(counts(&whole), [25], "{}", case.topic);
    let combined = parts.iter().fold(0, |hash, part| hash ^ part.hash);
    assert_eq!(combined, whole[0].hash, "{}: the parts' hashes combine by XOR", case.topic);
    let mut transaction = case.begin(&dataset, Guard::Snapshot).await;
    let key = |id: i64| case.encode(&dataset, &[int(id)]);
    let range = KeyRange { low: Some(key(8)), high: Some(key(12)) };
    let inner = must(transaction.sums(&range, &[key(10)]).await, case.topic);
    assert_eq!(counts(&inner.unwrap_or_default()), [2, 2], "{}: inside a range", case.topic);
    must(transaction.rollback().await, case.topic);
    if dataset.capabilities().content_sums {
        let rows = case.read(&dataset).await;
        let content = rows.iter().fold(0, |hash, row| hash ^ row.fingerprint());
        assert_eq!(content, whole[0].hash, "{}: the rows' own sum", case.topic);
    }
}

pub(super) async fn sums_see_every_kind_of_edit(harness: &dyn Harness) {
    // The first two are equal but for their keys.
    let mut rows: Vec<Vec<Value>> = (0..12).map(person).collect();
    rows[1] = vec![int(1), rows[0][1].clone(), rows[0][2].clone(), text("1@example.org"), rows[0][4].clone()];
    let case = Case::new(harness, "sums: edits", people("sums_edits", rows.clone())).await;
    let dataset = case.dataset(case.spec(&["id", "name", "age", "note"])).await;
    if !dataset.capabilities().sums {
        return assert_eq!(sums(&case, &dataset, &[]).await, None, "{}: none are offered", case.topic);
    }
    let changed = |id: usize, column: usize, value: Value| {
        let mut row = rows[id].clone();
        row[column] = value;
        Edit::Put(row)
    };
    let under = |id: i64, old: usize| {
        let mut row = rows[old].clone();
        row[0] = int(id);
        Edit::Put(row)
    };
    let edits: Vec<(&str, Vec<Edit>)> = vec![
        ("one field", vec![changed(3, 1, text("changed"))]),
        ("a field to NULL", vec![changed(4, 4, Value::Null)]),
        ("a field to empty text", vec![changed(4, 4, text(" "))]),
        ("a new record", vec![Edit::Put(person(100))]),
        ("a deleted record", vec![Edit::Remove(vec![int(5)])]),
        ("the same change in two equal records", vec![changed(0, 1, text("same")), changed(1, 1, text("same"))]),
        ("both deleted", vec![Edit::Remove(vec![int(0)]), Edit::Remove(vec![int(1)])]),
        ("swapped fields", vec![changed(6, 1, rows[7][1].clone()), changed(7, 1, rows[6][1].clone())]),
        ("a record under another key", vec![Edit::Remove(vec![int(8)]), under(200, 8)]),
    ];
    let mut seen = vec![sums(&case, &dataset, &[]).await];
    for (what, edits) in edits {
        for edit in edits {
            case.edit(edit).await;
        }
        let now = sums(&case, &dataset, &[]).await;
        assert!(!seen.contains(&now), "{}: not seen: {what}", case.topic);
        seen.push(now);
    }
}

pub(super) async fn sums_see_own_writes_as_they_stay(harness: &dyn Harness) {
    let case = Case::new(harness, "sums: own writes", people("sums_own", (0..6).map(person).collect())).await;
    let dataset = case.opened().await;
    if !dataset.capabilities().sums {
        return assert_eq!(sums(&case, &dataset, &[]).await, None, "{}: none are offered", case.topic);
    }
    let before = sums(&case, &dataset, &[3]).await;
    let rows = case.read(&dataset).await;
    for guard in [Guard::Snapshot, Guard::Compare] {
        let mut transaction = case.begin(&dataset, guard).await;
        let id = if guard == Guard::Snapshot { 1 } else { 2 };
        let writes = vec![
            case.update(&dataset, &rows[id], &[("name", text("changed"))]),
            case.create(&dataset, &person(100 + id as i64)),
            case.delete(&dataset, &rows[id + 2]),
        ];
        let outcomes = must(transaction.write(writes).await, case.topic);
        assert_written(&outcomes[0], case.topic);
        assert_written(&outcomes[1], case.topic);
        assert!(matches!(outcomes[2], Outcome::Deleted(_)), "{}: {:?}", case.topic, outcomes[2]);
        let own = sums_in(&case, &dataset, &mut *transaction, &[3]).await;
        assert_ne!(own, before, "{}: they are seen", case.topic);
        must(transaction.commit().await, case.topic);
        assert_eq!(sums(&case, &dataset, &[3]).await, own, "{}: the same after the commit", case.topic);
    }
}

/// Sums of the whole dataset in a transaction of their own, cut at ids.
async fn sums(case: &Case<'_>, dataset: &Arc<dyn Dataset>, cuts: &[i64]) -> Option<Vec<RangeSum>> {
    let mut transaction = case.begin(dataset, Guard::Snapshot).await;
    let sums = sums_in(case, dataset, &mut *transaction, cuts).await;
    must(transaction.rollback().await, case.topic);
    sums
}

async fn sums_in(
    case: &Case<'_>,
    dataset: &Arc<dyn Dataset>,
    transaction: &mut dyn Transaction,
    cuts: &[i64],
) -> Option<Vec<RangeSum>> {
    let cuts: Vec<Key> = cuts.iter().map(|id| case.encode(dataset, &[int(*id)])).collect();
    let sums = must(transaction.sums(&KeyRange::default(), &cuts).await, case.topic)?;
    assert_eq!(sums.len(), cuts.len() + 1, "{}: one sum per part", case.topic);
    Some(sums)
}
