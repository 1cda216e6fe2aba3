//! Pages, bounds, filters and lookups where PostgreSQL has its own ways.

use std::sync::Arc;

use pinksync_engine::connector::{Found, Guard};
use pinksync_engine::filter::Filter;
use pinksync_engine::key::KeyRange;
use pinksync_engine::schema::FieldType;
use pinksync_engine::{ErrorKind, Value, Values};
use pinksync_model::Op;

use super::setup::{Place, Table, int, text};

/// Reads a table page by page and looks that nothing is lost or doubled at the cuts.
async fn page_by_page(table: &Table, budget: usize) -> (usize, Vec<Value>) {
    let mut transaction = table.begin(Guard::Snapshot).await;
    let (mut range, mut pages, mut keys) = (KeyRange::default(), 0, Vec::new());
    loop {
        let page = transaction.read(&range, budget).await.unwrap();
        pages += 1;
        assert!(page.rows.windows(2).all(|two| two[0].key < two[1].key));
        assert!(page.rows.iter().all(|row| range.contains(&row.key)));
        keys.extend(page.rows.iter().map(|row| row.native[0].clone()));
        match page.cut {
            Some(cut) => {
                assert!(page.rows.last().is_none_or(|row| row.key < cut));
                range.low = Some(cut);
            }
            None => break,
        }
    }
    transaction.rollback().await.unwrap();
    (pages, keys)
}

#[tokio::test]
async fn pages_follow_the_budget_whatever_the_width_of_rows() {
    let place = Place::new(
        "pinksync_pages",
        "CREATE TABLE t (id int PRIMARY KEY, v text);
         INSERT INTO t SELECT i, repeat('x', CASE WHEN i > 4000 THEN 20000 ELSE i % 7 END) FROM generate_series(1, 4300) i",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let all: Vec<Value> = (1..=4300).map(int).collect();
    for (budget, least, most) in [(usize::MAX, 1, 1), (1_000_000, 6, 12), (100_000, 60, 90), (1, 4300, 4300)] {
        let (pages, keys) = page_by_page(&table, budget).await;
        assert_eq!(keys, all, "budget {budget}");
        assert!((least..=most).contains(&pages), "{pages} pages for a budget of {budget}");
    }
    let page = table.page(&KeyRange::default(), 1_000_000).await;
    let size: usize = page.rows.iter().map(pinksync_engine::Row::size).sum();
    assert!((1_000_000..1_100_000).contains(&size), "{size}");
}

#[tokio::test]
async fn every_type_of_a_key_comes_in_the_order_of_its_encoded_bytes() {
    let place = Place::new("pinksync_orders", "").await;
    for (ty, values) in [
        ("boolean", "true, false"),
        ("smallint", "-32768, -1, 0, 1, 255, 256, 32767"),
        ("bigint", "-9223372036854775808, -256, -1, 0, 1, 65536, 9223372036854775807"),
        (
            "numeric",
            "'-Infinity', -1e30, -10.5, -10.49, -1, -0.001, 0, 0.0010, 0.01, 1.10, 9.9, 10, 99, 100, 1e30, 'Infinity', 'NaN'",
        ),
        (
            "uuid",
            "'00000000-0000-0000-0000-000000000000', '7fffffff-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        ),
        ("bytea", "'', '\\x00', '\\x0000', '\\x0001', '\\x01', '\\xff', '\\xff00'"),
        ("date", "'-infinity', '4714-11-24 BC', '0001-01-01', '2024-01-01', '5874897-12-31', 'infinity'"),
        ("time", "'00:00', '12:00:00.000001', '24:00'"),
        ("timestamp", "'-infinity', '4714-11-24 BC', '1999-12-31', '2000-01-01', '294276-12-31', 'infinity'"),
        ("timestamptz", "'-infinity', '4714-11-24 BC', '1999-12-31', '2000-01-01', '294276-12-31', 'infinity'"),
        ("text COLLATE \"C\"", "'', ' ', '!', 'A', 'Z', 'a', 'a ', 'aa', 'é', 'ü', '日', '😀', U&'\\FFFD'"),
        ("varchar(9) COLLATE \"POSIX\"", "'', 'B', 'a', 'ab', 'é'"),
        ("text COLLATE ucs_basic", "'', 'B', 'a', 'ab', 'é'"),
    ] {
        let values: Vec<&str> = values.split(", ").collect();
        let rows: Vec<String> = values.iter().map(|value| format!("({value})")).collect();
        place
            .run(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (k {ty} PRIMARY KEY); INSERT INTO t VALUES {}",
                rows.join(", ")
            ))
            .await;
        let table = place.open("t", &["k"]).await;
        assert!(table.capabilities().ordered, "{ty}");
        let rows = table.rows().await;
        assert_eq!(rows.len(), values.len(), "{ty}");
        assert_eq!(page_by_page(&table, 1).await.1.len(), values.len(), "{ty}");
        // Every key as a bound, from both sides; the cuts of single records; the sums of each by itself.
        for (index, row) in rows.iter().enumerate() {
            let from = table.page(&KeyRange { low: Some(row.key.clone()), high: None }, usize::MAX).await;
            assert_eq!(from.rows.len(), values.len() - index, "{ty}: from {:?}", row.native);
            let below = table.page(&KeyRange { low: None, high: Some(row.key.clone()) }, usize::MAX).await;
            assert_eq!(below.rows.len(), index, "{ty}: below {:?}", row.native);
        }
        let cuts = table.dataset.split(1).await.unwrap();
        assert_eq!(cuts, rows[1..].iter().map(|row| row.key.clone()).collect::<Vec<_>>(), "{ty}");
        let mut transaction = table.begin(Guard::Snapshot).await;
        let sums = transaction.sums(&KeyRange::default(), &cuts).await.unwrap().unwrap();
        assert!(sums.iter().all(|sum| sum.count == 1), "{ty}: {sums:?}");
        let keys: Vec<Values> = rows.iter().map(|row| row.native.clone()).collect();
        let found = transaction.lookup(&keys).await.unwrap();
        assert!(found.iter().all(|found| matches!(found, Found::Row(_))), "{ty}: {found:?}");
    }
}

#[tokio::test]
async fn text_under_another_collation_is_scanned() {
    let place = Place::new(
        "pinksync_collations",
        "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (k text COLLATE \"en-x-icu\" PRIMARY KEY); INSERT INTO t VALUES ('a'), ('B'), ('c');
         CREATE TABLE f (k text COLLATE folded PRIMARY KEY, v int); INSERT INTO f VALUES ('Bob', 1), ('ann', 2);
         CREATE TABLE c (k char(5) PRIMARY KEY, v int); INSERT INTO c VALUES ('x', 1);
         SELECT pg_advisory_lock(7); CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; SELECT pg_advisory_unlock(7); CREATE TABLE m (k citext PRIMARY KEY, v int); INSERT INTO m VALUES ('Bob', 1)",
    )
    .await;
    let table = place.open("t", &["k"]).await;
    assert!(!table.capabilities().ordered && !table.capabilities().sums);
    assert_eq!(table.rows().await.len(), 3);
    let folded = place.open("f", &["k"]).await;
    assert_eq!(place.describe("f").await.columns[0].ty, FieldType::Native { name: "text".to_owned() });
    assert_eq!(folded.find(&[text("Bob")]).await.map(|row| row.native[1].clone()), Some(int(1)));
    assert!(folded.find(&[text("bob")]).await.is_none(), "another spelling is another key");
    let padded = place.open("c", &["k"]).await;
    assert_eq!(padded.find(&[text("x")]).await.map(|row| row.native), Some([text("x"), int(1)].into()));
    assert!(!padded.capabilities().ordered);
    let mail = place.open("m", &["k"]).await;
    assert_eq!(mail.find(&[text("bob")]).await.map(|row| row.native), Some([text("Bob"), int(1)].into()));
    let outcomes = mail.apply(Guard::Snapshot, vec![mail.create(vec![text("BOB"), int(2)])]).await;
    assert_eq!(super::setup::told(&outcomes), ["moved"]);
    let outcomes = mail.apply(Guard::Compare, vec![mail.update(&mail.rows().await[0], &[("k", text("bob"))])]).await;
    assert_eq!(super::setup::told(&outcomes), ["written"]);
    assert_eq!(place.ask("SELECT k FROM m").await, ["bob"]);
}

#[tokio::test]
async fn bounds_may_be_what_the_server_cannot_hold() {
    let place = Place::new(
        "pinksync_bounds",
        "CREATE TABLE t (a text COLLATE \"C\", b smallint, PRIMARY KEY (a, b));
         INSERT INTO t SELECT a, b FROM unnest(ARRAY['', 'a', U&'a\\0001', 'b']) a, generate_series(1, 2) b;
         CREATE TABLE d (d date PRIMARY KEY); INSERT INTO d VALUES ('-infinity'), ('4714-11-24 BC'), ('2024-01-01'), ('infinity')",
    )
    .await;
    let table = place.open("t", &["a", "b"]).await;
    let bound = [text("a\0x"), int(1)];
    for (range, expected) in [
        (table.range(None, Some(&bound)), 4),
        (table.range(Some(&bound), None), 4),
        (table.range(Some(&[text("a"), int(99_999_999)]), None), 4),
        (table.range(Some(&[text("a"), int(2)]), Some(&[text("b"), int(-99_999_999)])), 3),
        (table.range(Some(&[text("it's"), int(2)]), None), 0),
    ] {
        assert_eq!(table.page(&range, usize::MAX).await.rows.len(), expected, "{range:?}");
    }
    let mut transaction = table.begin(Guard::Snapshot).await;
    let sums = transaction.sums(&KeyRange::default(), &[table.key(&bound)]).await.unwrap();
    assert_eq!(sums, None, "no sums are better than wrong ones");
    let asked = [
        vec![text("a\0x"), int(1)],
        vec![text("b"), int(99_999)],
        vec![text("b"), Value::Null],
        vec![text("b"), int(2)],
    ];
    let found = transaction.lookup(&asked.map(Values::from)).await.unwrap();
    let is_row: Vec<bool> = found.iter().map(|found| matches!(found, Found::Row(_))).collect();
    assert_eq!(is_row, [false, false, false, true]);
    let dates = place.open("d", &["d"]).await;
    for (bound, below) in [(i32::MIN, 0), (i32::MIN + 1, 1), (0, 2), (i32::MAX - 1, 3), (i32::MAX, 3)] {
        let page = dates.page(&dates.range(None, Some(&[Value::Date(bound)])), usize::MAX).await;
        assert_eq!(page.rows.len(), below, "{bound}");
        let page = dates.page(&dates.range(Some(&[Value::Date(bound)]), None), usize::MAX).await;
        assert_eq!(page.rows.len(), 4 - below, "{bound}");
    }
}

#[tokio::test]
async fn names_may_hold_anything() {
    let place = Place::new(
        "pinksync_names",
        "CREATE TABLE \"we.ird \"\"t\"\" '; --\" (\"k\"\"1'\" int, \"t.u. \" int, v text, PRIMARY KEY (\"k\"\"1'\", \"t.u. \"));
         INSERT INTO \"we.ird \"\"t\"\" '; --\" VALUES (1, 2, 'x'), (1, 3, 'y')",
    )
    .await;
    let name = "we.ird \"t\" '; --";
    assert!(place.system.datasets().await.unwrap().contains(&format!("pinksync_names.{name}")));
    let table = place.open(name, &["k\"1'", "t.u. "]).await;
    let rows = table.rows().await;
    let outcomes = table
        .apply(
            Guard::Compare,
            vec![
                table.update(&rows[0], &[("v", text("z"))]),
                table.delete(&rows[1]),
                table.create(vec![int(2), int(2), text("n")]),
            ],
        )
        .await;
    assert_eq!(super::setup::told(&outcomes), ["written", "deleted", "written"]);
    assert_eq!(table.rows().await.len(), 2);
    assert!(place.system.describe("pinksync_names.no such").await.unwrap().is_none());
}

#[tokio::test]
async fn a_filter_with_a_nul_is_left_to_the_engine() {
    let place =
        Place::new("pinksync_nul_filter", "CREATE TABLE t (id int PRIMARY KEY, s text); INSERT INTO t VALUES (1, 'a')")
            .await;
    let filter = |op| Filter::Compare { column: 1, op, value: text("a\0") };
    for (op, found) in [(Op::Eq, 0), (Op::Ne, 1)] {
        let table = place.open_with("t", &["id"], |spec| spec.filter = Some(Arc::new(filter(op)))).await;
        assert_eq!(table.rows().await.len(), found, "{op:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_with_its_key() {
    let place = Place::new(
        "pinksync_unreadable",
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, repeat('x', 2000)), (3, 'c');
         CREATE TABLE n (a int, b text); INSERT INTO n VALUES (1, 'x'), (NULL, 'y'), (1, 'z')",
    )
    .await;
    let table = place.open_with("t", &["id"], |spec| spec.max_record_bytes = 1000).await;
    let page = table.page(&KeyRange::default(), usize::MAX).await;
    assert_eq!(page.rows.len(), 2);
    assert_eq!((page.unreadable[0].code, page.unreadable[0].key.clone()), ("too_large", Some(table.key(&[int(2)]))));
    let loose = place.open("n", &["a"]).await;
    assert!(!loose.capabilities().ordered);
    let (rows, unreadable) = loose.scan().await;
    assert_eq!((rows.len(), unreadable.len(), unreadable[0].code), (2, 1, "null_key"));
    let mut transaction = loose.begin(Guard::Compare).await;
    let error = transaction.lookup(&[[int(1)].into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "two records under one key: {error}");
}

#[tokio::test]
async fn a_table_changed_under_a_prepared_statement_is_read_as_it_is_now() {
    let place =
        Place::new("pinksync_altered", "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 7)").await;
    let table = place.open("t", &["id"]).await;
    assert_eq!(table.find(&[int(1)]).await.unwrap().native[1], int(7));
    place.run("ALTER TABLE t ALTER v TYPE float4").await;
    assert_eq!(table.find(&[int(1)]).await.unwrap().native[1], int(7), "read as what it was described as");
    assert_eq!(table.rows().await[0].native[1], int(7));
    let again = place.open("t", &["id"]).await;
    assert_eq!(again.rows().await[0].native[1], Value::Float(7.0));
    place.run("ALTER TABLE t DROP v").await;
    let mut transaction = again.begin(Guard::Snapshot).await;
    let error = transaction.read(&KeyRange::default(), usize::MAX).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
    drop(transaction);
    let table = place.open("t", &["id"]).await;
    assert_eq!(*table.rows().await[0].native, [int(1)]);
}
