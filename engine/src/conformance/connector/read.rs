//! Reading: pages, ranges, scans, filters, lookups, cuts.

use std::sync::Arc;

use pinksync_model::Op;

use super::case::{Case, INT, int, must, people, person, same, some, text};
use super::harness::{Harness, Table};
use crate::connector::{Dataset, Found, Guard};
use crate::filter::Filter;
use crate::key::{Key, KeyRange};
use crate::memory::{column, required, schema};
use crate::row::{Row, SideSpec};
use crate::schema::FieldType;
use crate::value::{Value, Values};

pub(super) async fn pages_hold_every_record_once_in_key_order(harness: &dyn Harness) {
    let ids = [5, -3, 0, 70_000, i64::MIN, 12, i64::MAX, -70_000, 1, 2, 256, -256, 255];
    let case = Case::new(harness, "read: pages", people("read_pages", ids.map(person).to_vec())).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    let mut sorted = ids;
    sorted.sort_unstable();
    assert_eq!(ids_of(&rows), sorted, "{}: the ids in key order", case.topic);
    for row in &rows {
        let Value::Int(id) = row.values()[0] else { panic!("{}: the id is {:?}", case.topic, row.values()[0]) };
        assert!(same(row.values(), &person(id)), "{}: record {id} is {:?}", case.topic, row.values());
    }
    if dataset.capabilities().ordered {
        let paged = pages(&case, &dataset, KeyRange::default(), 1).await;
        assert_eq!(ids_of(&paged), sorted, "{}: the ids in pages of the smallest budget", case.topic);
        let paged = pages(&case, &dataset, KeyRange::default(), rows[0].size() * 4).await;
        assert_eq!(ids_of(&paged), sorted, "{}: the ids in pages of some records", case.topic);
    }
    let (scanned, _) = case.scan(&dataset).await;
    assert_eq!(ids_of(&scanned), sorted, "{}: the ids of a scan", case.topic);
}

pub(super) async fn ranges_are_half_open(harness: &dyn Harness) {
    let case = Case::new(harness, "read: ranges", people("read_ranges", (0..20).map(person).collect())).await;
    let dataset = case.opened().await;
    if !dataset.capabilities().ordered {
        return assert!(!dataset.capabilities().sums, "{}: sums need an order", case.topic);
    }
    let key = |id: i64| Some(case.encode(&dataset, &[int(id)]));
    for (low, high, expected) in [
        (None, key(5), 0..5),
        (key(5), key(15), 5..15),
        (key(15), None, 15..20),
        (None, None, 0..20),
        (key(7), key(7), 0..0),
        (key(-5), key(2), 0..2),
        (key(19), key(100), 19..20),
        (key(50), None, 0..0),
    ] {
        let range = KeyRange { low, high };
        for budget in [1, 300, usize::MAX] {
            let rows = pages(&case, &dataset, range.clone(), budget).await;
            let expected: Vec<i64> = expected.clone().collect();
            assert_eq!(ids_of(&rows), expected, "{}: {range:?} with a budget of {budget}", case.topic);
        }
    }
}

pub(super) async fn text_keys_come_in_byte_order(harness: &dyn Harness) {
    let mut words =
        vec!["b", "B", "a", "ä", "Z", "z", "ab", "a b", "é", "日本", "_", "-", "10", "9", "A", "ß", "😀", "a-"];
    let rows = words.iter().map(|word| vec![text(word), int(1)]).collect();
    let columns = vec![required("word", FieldType::TEXT), column("n", INT)];
    let table = Table { schema: schema("read_text_keys", &["word"], columns), rows, at_most: None, upper_case: None };
    let case = Case::new(harness, "read: text keys", table).await;
    let dataset = case.opened().await;
    let rows = case.read(&dataset).await;
    words.sort_unstable();
    let expected: Vec<Value> = words.iter().map(|word| text(word)).collect();
    let found: Vec<Value> = rows.iter().map(|row| row.values()[0].clone()).collect();
    assert_eq!(found, expected, "{}", case.topic);
    for word in words {
        let row = case.find(&dataset, &[text(word)]).await;
        let row = some(row, case.topic, &format!("{word:?} is not found by its key"));
        assert_eq!(row.values()[0], text(word), "{}", case.topic);
    }
}

pub(super) async fn keys_of_two_parts_come_in_order(harness: &dyn Harness) {
    let mut parts: Vec<(i64, i64)> = (0..6).flat_map(|a| (0..4).map(move |b| ((a * 5) % 6, -b))).collect();
    let rows = parts.iter().map(|(a, b)| vec![int(*b), text("x"), int(*a)]).collect();
    let columns = vec![required("b", INT), column("v", FieldType::TEXT), required("a", INT)];
    let table = Table { schema: schema("read_two_parts", &["a", "b"], columns), rows, at_most: None, upper_case: None };
    let case = Case::new(harness, "read: keys of two parts", table).await;
    let dataset = case.opened().await;
    parts.sort_unstable();
    let pair = |row: &Row| (row.values()[2].clone(), row.values()[0].clone());
    let expected: Vec<(Value, Value)> = parts.iter().map(|(a, b)| (int(*a), int(*b))).collect();
    let found: Vec<_> = case.read(&dataset).await.iter().map(pair).collect();
    assert_eq!(found, expected, "{}", case.topic);
    if dataset.capabilities().ordered {
        let (low, high) = (case.encode(&dataset, &[int(1), int(-1)]), case.encode(&dataset, &[int(4), int(-2)]));
        let rows = pages(&case, &dataset, KeyRange { low: Some(low), high: Some(high) }, 1).await;
        let found: Vec<_> = rows.iter().map(pair).collect();
        let inside: Vec<(Value, Value)> = parts
            .iter()
            .filter(|part| (1, -1) <= **part && **part < (4, -2))
            .map(|(a, b)| (int(*a), int(*b)))
            .collect();
        assert_eq!(found, inside, "{}: from (1, -1) to (4, -2)", case.topic);
    }
}

pub(super) async fn a_filter_selects_what_the_engine_would(harness: &dyn Harness) {
    let case = Case::new(harness, "read: filters", things("read_filters")).await;
    let all = case.read(&case.opened().await).await;
    assert_eq!(all.len(), 12, "{}: all records without a filter", case.topic);
    for filter in filters() {
        let dataset = case.filtered(filter.clone()).await;
        let found: Vec<Value> = case.read(&dataset).await.iter().map(|row| row.values()[0].clone()).collect();
        let expected: Vec<Value> =
            all.iter().filter(|row| filter.matches(row.values())).map(|row| row.values()[0].clone()).collect();
        assert_eq!(found, expected, "{}: {filter:?}", case.topic);
    }
}

/// Records with values that filters could get wrong.
fn things(name: &str) -> Table {
    let decimal = FieldType::Decimal { precision: Some(12), scale: Some(2) };
    let columns = vec![
        required("id", INT),
        column("name", FieldType::TEXT),
        column("n", INT),
        column("price", decimal),
        column("day", FieldType::Date),
        column("done", FieldType::Bool),
    ];
    let names = ["anna", "Anna", "an", "50%", "50", "a_b", "axb", "a\\b", "Äpfel", "zz", "b"];
    let mut rows: Vec<Vec<Value>> = names
        .iter()
        .zip(1..)
        .map(|(name, id)| {
            let price = Value::Decimal(format!("{}.{:02}", id * 3 - 12, id * 7 % 100).into());
            vec![
                int(id),
                text(name),
                int(id % 4),
                price,
                Value::Date(i32::try_from(id).unwrap_or(0) * 1000 - 5000),
                Value::Bool(id % 2 == 0),
            ]
        })
        .collect();
    rows.push(vec![int(12), Value::Null, Value::Null, Value::Null, Value::Null, Value::Null]);
    Table { schema: schema(name, &["id"], columns), rows, at_most: None, upper_case: None }
}

fn filters() -> Vec<Filter> {
    let compare = |column, op, value: &Value| Filter::Compare { column, op, value: value.clone() };
    let mut filters = Vec::new();
    let price = Value::Decimal("3".into());
    for (column, value) in
        [(0, int(5)), (1, text("a_b")), (1, text("Anna")), (2, int(2)), (3, price), (4, Value::Date(0))]
    {
        filters.extend([Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge].map(|op| compare(column, op, &value)));
    }
    filters.extend([Op::Eq, Op::Ne].map(|op| compare(5, op, &Value::Bool(true))));
    for pattern in ["an%", "%n%", "50\\%", "a\\_b", "a_b", "a\\\\b", "_", "%", "", "Ä%", "anna"] {
        let like = Filter::Like { column: 1, pattern: pattern.to_owned() };
        filters.extend([like.clone(), Filter::Not(Box::new(like))]);
    }
    for values in [vec![text("anna"), text("zz")], vec![text("an"), Value::Null], vec![]] {
        let within = Filter::In { column: 1, values };
        filters.extend([within.clone(), Filter::Not(Box::new(within))]);
    }
    for column in 1..6 {
        filters.extend([false, true].map(|negated| Filter::IsNull { column, negated }));
    }
    let (few, none) = (compare(0, Op::Lt, &int(4)), compare(2, Op::Eq, &Value::Null));
    filters.push(Filter::Not(Box::new(few.clone())));
    filters.push(Filter::Not(Box::new(none.clone())));
    filters.push(Filter::All(vec![few.clone(), Filter::Not(Box::new(compare(2, Op::Eq, &int(1))))]));
    filters.push(Filter::Any(vec![few.clone(), none, Filter::IsNull { column: 3, negated: false }]));
    filters.extend([Filter::All(vec![]), Filter::Any(vec![]), Filter::Not(Box::new(Filter::Any(vec![few])))]);
    filters
}

pub(super) async fn an_empty_dataset_is_read_to_its_end(harness: &dyn Harness) {
    let case = Case::new(harness, "read: an empty dataset", people("read_empty", Vec::new())).await;
    let dataset = case.opened().await;
    assert!(case.read(&dataset).await.is_empty(), "{}", case.topic);
    assert!(case.scan(&dataset).await.0.is_empty(), "{}", case.topic);
    assert!(case.find(&dataset, &[int(1)]).await.is_none(), "{}", case.topic);
    if dataset.capabilities().ordered {
        assert!(must(dataset.split(10).await, case.topic).is_empty(), "{}: nothing to cut", case.topic);
    }
}

pub(super) async fn lookups_answer_in_order_and_without_the_filter(harness: &dyn Harness) {
    let case = Case::new(harness, "read: lookups", people("read_lookups", (0..10).map(person).collect())).await;
    let dataset = case.filtered(Filter::Compare { column: 0, op: Op::Lt, value: int(3) }).await;
    assert_eq!(ids_of(&case.read(&dataset).await), [0, 1, 2], "{}: what the filter selects", case.topic);
    let asked = [7, 100, 1, -1, 9, 0];
    let keys: Vec<Values> = asked.iter().map(|id| case.native_key(&dataset, &[int(*id)])).collect();
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    let found = must(transaction.lookup(&keys).await, case.topic);
    assert_eq!(found.len(), asked.len(), "{}: one answer per key", case.topic);
    for (id, found) in asked.into_iter().zip(found) {
        match found {
            Found::Absent => assert!(!(0..10).contains(&id), "{}: {id} is said to be absent", case.topic),
            Found::Row(row) => assert!(same(row.values(), &person(id)), "{}: {id} is {:?}", case.topic, row.values()),
            Found::Unreadable(_) => panic!("{}: {id} is said to be unreadable", case.topic),
        }
    }
    assert!(must(transaction.lookup(&[]).await, case.topic).is_empty(), "{}: no key, no answer", case.topic);
    must(transaction.rollback().await, case.topic);
}

pub(super) async fn cuts_divide_the_dataset(harness: &dyn Harness) {
    let case = Case::new(harness, "read: cuts", people("read_cuts", (0..200).map(person).collect())).await;
    let dataset = case.opened().await;
    if !dataset.capabilities().ordered {
        return;
    }
    let cuts = must(dataset.split(20).await, case.topic);
    assert!((3..=50).contains(&cuts.len()), "{}: {} cuts for 200 records by 20", case.topic, cuts.len());
    assert!(cuts.is_sorted_by(|one, other| one < other), "{}: the cuts do not ascend", case.topic);
    let mut low: Option<Key> = None;
    let mut read = 0;
    for high in cuts.into_iter().map(Some).chain([None]) {
        let rows = pages(&case, &dataset, KeyRange { low, high: high.clone() }, usize::MAX).await;
        assert!(!rows.is_empty(), "{}: a part without records", case.topic);
        read += rows.len();
        low = high;
    }
    assert_eq!(read, 200, "{}: the parts together", case.topic);
    assert!(must(dataset.split(1000).await, case.topic).is_empty(), "{}: a small dataset is one part", case.topic);
}

pub(super) async fn a_record_too_large_is_told_with_its_key(harness: &dyn Harness) {
    let mut rows: Vec<Vec<Value>> = (0..3).map(person).collect();
    rows[1][4] = text(&"x".repeat(5000));
    let case = Case::new(harness, "read: a record too large", people("read_too_large", rows)).await;
    let dataset = case.dataset(SideSpec { max_record_bytes: 2000, ..case.whole() }).await;
    let (rows, unreadable) = case.read_all(&dataset).await;
    assert_eq!(ids_of(&rows), [0, 2], "{}: the others are read", case.topic);
    let [one] = &unreadable[..] else { panic!("{}: told of {unreadable:?}", case.topic) };
    assert_eq!(one.code, "too_large", "{}", case.topic);
    assert_eq!(one.key, Some(case.encode(&dataset, &[int(1)])), "{}: its key", case.topic);
    let mut transaction = case.begin(&dataset, Guard::Compare).await;
    let found = must(transaction.lookup(&[case.native_key(&dataset, &[int(1)])]).await, case.topic);
    assert!(matches!(found[..], [Found::Unreadable(_)]), "{}: looked up it is {found:?}", case.topic);
    must(transaction.rollback().await, case.topic);
}

pub(super) async fn columns_come_as_the_mapping_orders_them(harness: &dyn Harness) {
    let case = Case::new(harness, "read: some columns", people("read_columns", vec![person(1), person(2)])).await;
    let dataset = case.dataset(case.spec(&["email", "age", "id"])).await;
    for (row, id) in case.read(&dataset).await.iter().zip([1, 2]) {
        let whole = person(id);
        let expected = [whole[3].clone(), whole[2].clone(), whole[0].clone()];
        assert!(same(row.values(), &expected), "{}: {:?}", case.topic, row.values());
    }
}

pub(super) async fn a_dataset_that_is_not_there_is_none(harness: &dyn Harness) {
    let case = Case::new(harness, "read: no dataset", people("read_there", vec![])).await;
    let names = must(case.system.datasets().await, case.topic);
    assert!(names.contains(&case.name), "{}: {names:?} lack {}", case.topic, case.name);
    assert!(names.is_sorted(), "{}: the names are not sorted", case.topic);
    let missing = format!("{}_is_not_there", case.name);
    assert!(must(case.system.describe(&missing).await, case.topic).is_none(), "{}: {missing}", case.topic);
}

/// All rows of a range, page by page.
async fn pages(case: &Case<'_>, dataset: &Arc<dyn Dataset>, mut range: KeyRange, budget: usize) -> Vec<Row> {
    let mut transaction = case.begin(dataset, Guard::Snapshot).await;
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let page = must(transaction.read(&range, budget).await, case.topic);
        assert!(page.unreadable.is_empty(), "{}: {:?}", case.topic, page.unreadable);
        for row in page.rows {
            assert!(range.contains(&row.key), "{}: a row outside {range:?}", case.topic);
            assert!(rows.last().is_none_or(|last| last.key < row.key), "{}: rows out of order", case.topic);
            rows.push(row);
        }
        let Some(cut) = page.cut else { break };
        assert!(rows.last().is_none_or(|last| last.key < cut), "{}: a row at or after the cut", case.topic);
        assert!(range.low.as_ref().is_none_or(|low| *low < cut), "{}: a page that gets nowhere", case.topic);
        range.low = Some(cut);
    }
    must(transaction.rollback().await, case.topic);
    rows
}

fn ids_of(rows: &[Row]) -> Vec<i64> {
    let id = |row: &Row| if let Value::Int(id) = row.values()[0] { Some(id) } else { None };
    rows.iter().filter_map(id).collect()
}
