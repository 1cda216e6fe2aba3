//! Values: what is written comes back as it was, or is refused; it is never changed on the way.

use super::case::{Case, INT, assert_written, int, same, some, text};
use super::harness::{Edit, Harness, Table};
use super::samples::samples;
use crate::connector::{Guard, Outcome};
use crate::memory::{column, required, schema};
use crate::schema::FieldType;
use crate::value::Value;

pub(super) async fn every_value_comes_back_or_is_refused(harness: &dyn Harness) {
    for sample in samples() {
        let name = format!("values_{}", sample.name);
        let columns = vec![required("id", INT), column("v", sample.ty.clone())];
        let table = Table { schema: schema(&name, &["id"], columns), rows: vec![], at_most: None, upper_case: None };
        let case = Case::new(harness, "values: written and read", table).await;
        let dataset = case.opened().await;
        let held = sample.held.len();
        let rows: Vec<Vec<Value>> = (0..)
            .zip(sample.held.iter().chain(&sample.extreme).chain([&Value::Null]))
            .map(|(id, value)| vec![int(id), value.clone()])
            .collect();
        let writes = rows.iter().map(|row| case.create(&dataset, row)).collect();
        let outcomes = case.apply(&dataset, Guard::Compare, writes).await;
        let mut written = Vec::new();
        for (index, (row, outcome)) in rows.iter().zip(&outcomes).enumerate() {
            let may_refuse = index >= held && !row[1].is_null();
            match outcome {
                Outcome::Written => written.push(row.clone()),
                Outcome::Rejected(_) if may_refuse => {}
                other => panic!("{}: {} {:?} is answered with {other:?}", case.topic, sample.name, row[1]),
            }
        }
        let read = case.read(&dataset).await;
        assert_eq!(read.len(), written.len(), "{}: {}: records read", case.topic, sample.name);
        for (read, written) in read.iter().zip(&written) {
            let read = read.values();
            assert!(same(read, written), "{}: {}: {written:?} is read as {read:?}", case.topic, sample.name);
        }
        case.assert_rows(&written).await;
    }
}

pub(super) async fn null_and_empty_text_are_told_apart(harness: &dyn Harness) {
    let columns = vec![required("id", INT), column("v", FieldType::TEXT)];
    let table =
        Table { schema: schema("values_empty", &["id"], columns), rows: vec![], at_most: None, upper_case: None };
    let case = Case::new(harness, "values: empty and NULL", table).await;
    let dataset = case.opened().await;
    let rows = [vec![int(1), text("")], vec![int(2), Value::Null], vec![int(3), text(" ")]];
    let writes = rows.iter().map(|row| case.create(&dataset, row)).collect();
    for outcome in case.apply(&dataset, Guard::Compare, writes).await {
        assert_written(&outcome, case.topic);
    }
    let read: Vec<Value> = case.read(&dataset).await.iter().map(|row| row.values()[1].clone()).collect();
    if harness.promises().empty_text {
        assert_eq!(read, [text(""), Value::Null, text(" ")], "{}", case.topic);
    } else {
        assert!(read[0] == read[1], "{}: read as {read:?}", case.topic);
        assert_eq!(read[2], text(" "), "{}", case.topic);
    }
}

pub(super) async fn what_others_wrote_is_read_as_it_is(harness: &dyn Harness) {
    for sample in samples() {
        let name = format!("values_others_{}", sample.name);
        let columns = vec![required("id", INT), column("v", sample.ty.clone())];
        let rows: Vec<Vec<Value>> = (0..).zip(&sample.held).map(|(id, value)| vec![int(id), value.clone()]).collect();
        let table = Table { schema: schema(&name, &["id"], columns), rows, at_most: None, upper_case: None };
        let case = Case::new(harness, "values: written by others", table).await;
        case.edit(Edit::Put(vec![int(1000), sample.held[0].clone()])).await;
        let dataset = case.opened().await;
        let mut expected = case.table.rows.clone();
        expected.push(vec![int(1000), sample.held[0].clone()]);
        let read = case.read(&dataset).await;
        assert_eq!(read.len(), expected.len(), "{}: {}: records read", case.topic, sample.name);
        for (row, expected) in read.iter().zip(&expected) {
            let values = row.values();
            assert!(same(values, expected), "{}: {}: {expected:?} is read as {values:?}", case.topic, sample.name);
            let found = case.find(&dataset, &expected[..1]).await;
            let found = some(found, case.topic, "the record is not found by its key");
            assert_eq!(found.hash, row.hash, "{}: {}: looked up it has another hash", case.topic, sample.name);
        }
    }
}
