//! Records that the system refuses: told with a stable code, their neighbours written.

use super::case::{Case, assert_written, int, must, people, person, text};
use super::harness::Harness;
use crate::connector::{Guard, Outcome, Write};
use crate::value::Value;

pub(super) async fn a_unique_value_is_refused_and_may_be_tried_again(harness: &dyn Harness) {
    let case = Case::new(harness, "refusal: unique", people("refusal_unique", vec![person(0), person(1)])).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    let mut twin = person(11);
    twin[3] = person(0)[3].clone();
    let email = person(0)[3].clone();
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    let writes = vec![
        case.create(&dataset, &person(10)),
        case.create(&dataset, &twin),
        case.update(&dataset, &rows[1], &[("email", email.clone())]),
        case.create(&dataset, &person(12)),
    ];
    let outcomes = must(transaction.write(writes).await, case.topic);
    if !harness.promises().unique {
        outcomes.iter().for_each(|outcome| assert_written(outcome, case.topic));
        must(transaction.rollback().await, case.topic);
        return;
    }
    assert_written(&outcomes[0], case.topic);
    assert_refused(&outcomes[1], "unique", true, case.topic);
    assert_refused(&outcomes[2], "unique", true, case.topic);
    assert_written(&outcomes[3], case.topic);
    let outcomes = must(transaction.write(vec![case.delete(&dataset, &rows[0])]).await, case.topic);
    assert!(matches!(outcomes[0], Outcome::Deleted(_)), "{}: {:?}", case.topic, outcomes[0]);
    let again = must(transaction.write(vec![case.create(&dataset, &twin)]).await, case.topic);
    assert_written(&again[0], "refusal: unique, tried again after the delete");
    must(transaction.commit().await, case.topic);
    must(dataset.publish().await, case.topic);
    case.assert_rows(&[person(1), person(10), twin, person(12)]).await;
}

pub(super) async fn swapped_unique_values_are_refused_or_written(harness: &dyn Harness) {
    let case =
        Case::new(harness, "refusal: swapped values", people("refusal_swapped", (0..3).map(person).collect())).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    let email = |id: usize| person(id as i64)[3].clone();
    let writes = vec![
        case.update(&dataset, &rows[0], &[("email", email(1))]),
        case.update(&dataset, &rows[1], &[("email", email(0))]),
        case.update(&dataset, &rows[2], &[("age", int(1))]),
    ];
    let outcomes = case.apply(&dataset, Guard::Compare, writes).await;
    let mut expected: Vec<Vec<Value>> = (0..3).map(person).collect();
    for (index, (outcome, other)) in outcomes.iter().zip([1, 0]).enumerate() {
        match outcome {
            Outcome::Written => expected[index][3] = email(other),
            refused => assert_refused(refused, "unique", true, case.topic),
        }
    }
    assert_written(&outcomes[2], case.topic);
    expected[2][2] = int(1);
    case.assert_rows(&expected).await;
}

pub(super) async fn null_is_refused_where_it_must_not_be(harness: &dyn Harness) {
    let case = Case::new(harness, "refusal: not null", people("refusal_null", vec![person(1)])).await;
    let mut row = person(10);
    row[3] = Value::Null;
    let fields = [("email", Value::Null)];
    let promised = harness.promises().not_null;
    one_of_three(&case, promised.then_some("not_null"), &row, &fields).await;
}

pub(super) async fn a_check_refuses_one_record(harness: &dyn Harness) {
    let mut table = people("refusal_check", vec![person(1)]);
    table.at_most = Some(("age".to_owned(), 100));
    let case = Case::new(harness, "refusal: check", table).await;
    let mut row = person(10);
    row[2] = int(101);
    let promised = harness.promises().check;
    one_of_three(&case, promised.then_some("check"), &row, &[("age", int(1000))]).await;
}

/// Tries a row and an update that are to be refused under `code` (or written, where it is `None`) among others.
async fn one_of_three(case: &Case<'_>, code: Option<&str>, row: &[Value], fields: &[(&str, Value)]) {
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    let writes = vec![
        case.create(&dataset, &person(9)),
        case.create(&dataset, row),
        case.update(&dataset, &rows[0], fields),
        case.create(&dataset, &person(11)),
    ];
    let outcomes = case.apply(&dataset, Guard::Compare, writes).await;
    assert_written(&outcomes[0], case.topic);
    assert_written(&outcomes[3], case.topic);
    let mut expected = vec![person(1), person(9), person(11)];
    match code {
        Some(code) => {
            assert_refused(&outcomes[1], code, false, case.topic);
            assert_refused(&outcomes[2], code, false, case.topic);
        }
        None => {
            assert_written(&outcomes[1], case.topic);
            assert_written(&outcomes[2], case.topic);
            expected.push(row.to_vec());
            for (name, value) in fields {
                let index = case.table.schema.columns.iter().position(|column| column.name == *name);
                expected[0][index.unwrap_or_default()] = value.clone();
            }
        }
    }
    case.assert_rows(&expected).await;
    retried(case, &dataset).await;
}

/// The dataset can be written as before after a refusal.
async fn retried(case: &Case<'_>, dataset: &std::sync::Arc<dyn crate::connector::Dataset>) {
    let writes: Vec<Write> = vec![case.create(dataset, &[int(50), text("x"), int(1), text("x"), Value::Null])];
    assert_written(&case.apply(dataset, Guard::Compare, writes).await[0], case.topic);
}

fn assert_refused(outcome: &Outcome, code: &str, retry: bool, topic: &str) {
    let Outcome::Rejected(refusal) = outcome else { panic!("{topic}: {outcome:?} instead of a refusal") };
    assert_eq!(refusal.code, code, "{topic}: {refusal:?}");
    assert_eq!(refusal.retry, retry, "{topic}: {refusal:?}");
    assert!(!refusal.reason.is_empty(), "{topic}: a refusal without a reason");
}
