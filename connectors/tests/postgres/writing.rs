//! Writes: refusals in a full batch, identity, generated columns, triggers, views, sequences.

use pinksync_engine::Value;
use pinksync_engine::connector::{Change, Guard, Outcome, Write};

use super::setup::{Place, int, text, told};

#[tokio::test]
async fn refused_records_are_isolated_in_a_full_batch() {
    let place = Place::new(
        "pinksync_refused",
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 2000);
         CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL CHECK (n < 5000), u text UNIQUE, p int REFERENCES p, s varchar(5), c cidr);
         INSERT INTO t VALUES (5000, 1, 'taken', NULL, NULL, NULL), (5001, 1, NULL, NULL, NULL, NULL)",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let values = |id: i64| vec![int(id), int(id), text(&format!("u{id}")), int(id), text("s"), text("10.0.0.0/8")];
    let with = |id: i64, column: usize, value: Value| {
        let mut values = values(id);
        values[column] = value;
        table.create(values)
    };
    let mut writes: Vec<Write> = (1..=1000).map(|id| table.create(values(id))).collect();
    for (id, write) in [
        (17, with(17, 1, Value::Null)),
        (18, with(18, 1, int(9999))),
        (19, with(19, 2, text("taken"))),
        (400, with(400, 3, int(-1))),
        (500, with(500, 4, text("too long"))),
        (501, with(501, 5, text("no address"))),
        (502, with(502, 1, int(1 << 40))),
        (503, with(503, 4, text("a\0"))),
        (999, table.create(vec![int(5001), int(1), text("x"), Value::Null, Value::Null, Value::Null])),
    ] {
        writes[id - 1] = write;
    }
    for guard in [Guard::Snapshot, Guard::Compare] {
        let mut transaction = table.begin(guard).await;
        let outcomes = transaction.write(writes.clone()).await.unwrap();
        let told = told(&outcomes);
        let refused: Vec<(usize, &str)> = (1..).zip(told).filter(|(_, outcome)| *outcome != "written").collect();
        let expected = [
            (17, "not_null"),
            (18, "check"),
            (19, "unique"),
            (400, "foreign_key"),
            (500, "too_large"),
            (501, "type"),
            (502, "type"),
            (503, "type"),
            (999, "moved"),
        ];
        assert_eq!(refused, expected);
        for (index, retry) in [(17, false), (19, true), (400, true), (500, false)] {
            let Outcome::Rejected(refusal) = &outcomes[index - 1] else { panic!("{:?}", outcomes[index - 1]) };
            assert_eq!(refusal.retry, retry, "{refusal:?}");
            assert!(!refusal.reason.is_empty());
        }
        transaction.rollback().await.unwrap();
    }
    table.apply(Guard::Snapshot, writes).await;
    assert_eq!(place.ask("SELECT count(*) FROM t").await, ["993"]);
}

#[tokio::test]
async fn refused_updates_leave_their_neighbours_written() {
    let place = Place::new(
        "pinksync_refused_updates",
        "CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n < 100), u text UNIQUE, m text);
         INSERT INTO t SELECT i, 0, 'u' || i FROM generate_series(1, 50) i; CREATE TYPE mood AS ENUM ('sad', 'ok');
         ALTER TABLE t ADD e mood",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let rows = table.rows().await;
    let mut writes: Vec<Write> =
        rows.iter().map(|row| table.update(row, &[("n", int(5)), ("e", text("ok"))])).collect();
    writes[3] = table.update(&rows[3], &[("n", int(500)), ("e", text("ok"))]);
    writes[4] = table.update(&rows[4], &[("u", text("u1"))]);
    writes[5] = table.update(&rows[5], &[("n", int(5)), ("e", text("no mood"))]);
    writes[6] = table.update(&rows[6], &[("id", int(77))]);
    writes[7] = table.update(&rows[7], &[]);
    let outcomes = table.apply(Guard::Compare, writes).await;
    let odd: Vec<(usize, &str)> =
        told(&outcomes).into_iter().enumerate().filter(|(_, told)| *told != "written").collect();
    assert_eq!(odd, [(3, "check"), (4, "unique"), (5, "type")]);
    assert_eq!(place.ask("SELECT count(*) FROM t WHERE n = 5 AND e = 'ok'").await, ["45"]);
    assert_eq!(place.ask("SELECT id, n FROM t WHERE u IN ('u7', 'u8') ORDER BY 1").await, ["8|0", "77|0"]);
}

#[tokio::test]
async fn swapped_unique_values_and_deferred_constraints_fail_where_they_can_be_told() {
    let place = Place::new(
        "pinksync_deferred",
        "CREATE TABLE p (id int PRIMARY KEY);
         CREATE TABLE t (id int PRIMARY KEY, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED, u int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let outcomes = table
        .apply(
            Guard::Snapshot,
            vec![
                table.create(vec![int(1), int(1), int(1)]),
                table.create(vec![int(2), Value::Null, int(2)]),
                table.create(vec![int(3), Value::Null, int(2)]),
            ],
        )
        .await;
    let told = told(&outcomes);
    assert_eq!(told[0], "foreign_key");
    assert_eq!(told[1..].iter().filter(|told| **told == "unique").count(), 1, "{told:?}");
}

#[tokio::test]
async fn identity_and_generated_columns_keep_their_own_rules() {
    let place = Place::new(
        "pinksync_identity",
        "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int, double int GENERATED ALWAYS AS (v * 2) STORED, n inet);
         INSERT INTO t (v) VALUES (1);
         CREATE TABLE s (id serial PRIMARY KEY, v text); CREATE SEQUENCE other; SELECT setval('s_id_seq', 500)",
    )
    .await;
    let described = place.describe("t").await;
    assert!(described.column("id").unwrap().writable && !described.column("double").unwrap().writable);
    let table = place.open("t", &["id"]).await;
    let create = |id: i64, address: &str| table.create(vec![int(id), int(7), Value::Null, text(address)]);
    let outcomes = table.apply(Guard::Snapshot, vec![create(40, "10.0.0.1"), create(30, "::1")]).await;
    assert_eq!(told(&outcomes), ["written", "written"]);
    assert_eq!(place.ask("INSERT INTO t (v) VALUES (3) RETURNING id, double").await, ["41|6"]);
    let rows = table.rows().await;
    let outcomes = table.apply(Guard::Snapshot, vec![table.update(&rows[0], &[("id", int(99))])]).await;
    assert_eq!(told(&outcomes), ["refused"]);
    let outcomes = table.apply(Guard::Compare, vec![table.delete(&rows[2])]).await;
    let Outcome::Deleted(image) = &outcomes[0] else { panic!("{outcomes:?}") };
    let restore = Write { key: [int(40)].into(), expect: None, change: Change::Restore(image.clone()) };
    assert_eq!(told(&table.apply(Guard::Compare, vec![restore]).await), ["written"]);
    assert_eq!(place.ask("SELECT v, double, n FROM t WHERE id = 40").await, ["7|14|10.0.0.1"]);
    let serial = place.open("s", &["id"]).await;
    serial.apply(Guard::Snapshot, vec![serial.create(vec![int(100), text("x")])]).await;
    assert_eq!(place.ask("INSERT INTO s (v) VALUES ('y') RETURNING id").await, ["501"], "a sequence is never set back");
    serial
        .apply(Guard::Snapshot, vec![serial.create(vec![int(900), text("x")]), serial.create(vec![int(-5), text("x")])])
        .await;
    assert_eq!(place.ask("INSERT INTO s (v) VALUES ('y') RETURNING id").await, ["901"]);
}

#[tokio::test]
async fn a_trigger_that_keeps_a_record_out_is_a_refusal_of_that_record() {
    let place = Place::new(
        "pinksync_keeps_out",
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b');
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'DELETE' THEN RETURN NULL; END IF;
            IF NEW.v = 'bad' THEN RETURN NULL; END IF;
            IF NEW.v = 'loud' THEN RAISE EXCEPTION 'not so loud'; END IF;
            RETURN NEW; END $$;
         CREATE TRIGGER keep BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep()",
    )
    .await;
    assert!(place.describe("t").await.transforms);
    let table = place.open("t", &["id"]).await;
    let rows = table.rows().await;
    let create = |id: i64, value: &str| table.create(vec![int(id), text(value)]);
    for guard in [Guard::Snapshot, Guard::Compare] {
        let mut transaction = table.begin(guard).await;
        let writes = vec![
            create(3, "good"),
            create(4, "bad"),
            create(5, "loud"),
            create(2, "there"),
            table.update(&rows[0], &[("v", text("bad"))]),
            table.delete(&rows[1]),
        ];
        let outcomes = transaction.write(writes).await.unwrap();
        assert_eq!(told(&outcomes), ["written", "refused", "refused", "moved", "refused", "refused"]);
        let Outcome::Rejected(refusal) = &outcomes[2] else { panic!() };
        assert!(refusal.reason.contains("not so loud"), "{refusal:?}");
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn views_and_tables_with_rules_are_written_through_insert() {
    let place = Place::new(
        "pinksync_views",
        "CREATE TABLE t (id int PRIMARY KEY, v text, hidden int DEFAULT 5);
         CREATE VIEW v AS SELECT id, v FROM t WHERE id < 100 WITH CHECK OPTION;
         CREATE VIEW fixed AS SELECT id, count(*) FROM t GROUP BY id;
         CREATE TABLE r (id int PRIMARY KEY, v text); CREATE TABLE log (id int);
         CREATE RULE note AS ON INSERT TO r DO ALSO INSERT INTO log VALUES (1)",
    )
    .await;
    assert!(!place.describe("fixed").await.writable && place.describe("v").await.writable);
    let view = place.open("v", &["id"]).await;
    let create = |id: i64| view.create(vec![int(id), text("x")]);
    let outcomes = view.apply(Guard::Snapshot, vec![create(1), create(500), create(2)]).await;
    assert_eq!(told(&outcomes), ["written", "check", "written"]);
    assert_eq!(told(&view.apply(Guard::Snapshot, vec![create(1)]).await), ["moved"]);
    let rows = view.rows().await;
    let outcomes =
        view.apply(Guard::Snapshot, vec![view.update(&rows[0], &[("v", text("y"))]), view.delete(&rows[1])]).await;
    assert_eq!(told(&outcomes), ["written", "deleted"]);
    assert_eq!(place.ask("SELECT * FROM t").await, ["1|y|5"]);
    let ruled = place.open("r", &["id"]).await;
    assert_eq!(told(&ruled.apply(Guard::Snapshot, vec![ruled.create(vec![int(1), text("x")])]).await), ["written"]);
    assert_eq!(place.ask("SELECT count(*) FROM log").await, ["1"], "the rule was not passed by");
}

#[tokio::test]
async fn a_batch_may_be_large() {
    let place = Place::new("pinksync_large", "CREATE TABLE t (id int PRIMARY KEY, v text, j jsonb, a int[])").await;
    let table = place.open("t", &["id"]).await;
    let long = "x".repeat(100_000);
    let writes = (0..200)
        .map(|id| {
            table.create(vec![
                int(id),
                text(&long),
                Value::Json(format!("{{\"a\": \"{long}\"}}").into()),
                text("{1,2}"),
            ])
        })
        .collect();
    assert!(told(&table.apply(Guard::Snapshot, writes).await).iter().all(|told| *told == "written"));
    assert_eq!(place.ask("SELECT sum(length(v)), sum(length(j ->> 'a')) FROM t").await, ["20000000|20000000"]);
    assert_eq!(table.rows().await.len(), 200);
}

#[tokio::test]
async fn keys_that_the_server_compares_loosely_are_guarded_as_it_compares() {
    let place = Place::new(
        "pinksync_loose",
        "CREATE TABLE t (a numeric, b char(3), v int, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1.00, 'x', 1)",
    )
    .await;
    let table = place.open("t", &["a", "b"]).await;
    let decimal = |text: &str| Value::Decimal(text.into());
    let create = table.create(vec![decimal("1.0"), text("x"), int(2)]);
    assert_eq!(told(&table.apply(Guard::Snapshot, vec![create]).await), ["moved"]);
    assert_eq!(table.find(&[decimal("1"), text("x")]).await.map(|row| row.native[2].clone()), Some(int(1)));
    let rows = table.rows().await;
    let outcomes = table.apply(Guard::Compare, vec![table.update(&rows[0], &[("v", int(9))])]).await;
    assert_eq!(told(&outcomes), ["written"]);
}
