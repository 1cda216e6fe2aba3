//! What is told of tables, and tables that are made.

use pinksync_engine::ErrorKind;
use pinksync_engine::connector::Guard;
use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType, Fold};

use super::setup::{Place, connect, int, server_url, system, text, told};

#[tokio::test]
async fn datasets_are_the_users_tables() {
    let place = Place::new(
        "pinksync_listed",
        "CREATE TABLE plain (id int PRIMARY KEY); CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (10); CREATE VIEW seen AS SELECT * FROM plain;
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain; CREATE SEQUENCE s; CREATE TYPE pair AS (a int); CREATE TEMP TABLE gone (id int)",
    )
    .await;
    let names = place.system.datasets().await.unwrap();
    let ours: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("pinksync_listed.")).collect();
    assert_eq!(ours, ["kept", "parts", "plain", "seen"]);
    assert!(names.is_sorted());
    assert!(!names.iter().any(|name| name.starts_with("pg_") || name.starts_with("information_schema")), "{names:?}");
    assert!(!place.describe("kept").await.writable);
}

#[tokio::test]
async fn a_table_is_described_as_it_is() {
    let place = Place::new(
        "pinksync_described",
        "SELECT pg_advisory_lock(7); CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; SELECT pg_advisory_unlock(7);
         CREATE DOMAIN name_type AS varchar(30) NOT NULL; CREATE TABLE other (id int PRIMARY KEY); CREATE TYPE mood AS ENUM ('a');
         CREATE TABLE t (id bigint PRIMARY KEY, code text COLLATE \"C\" NOT NULL, name name_type, mail public.citext, price numeric(8,2),
                         at timestamptz(3), other int REFERENCES other, tags text[], m mood, c char(3), total int GENERATED ALWAYS AS (1) STORED,
                         UNIQUE (code, name), UNIQUE (price));
         CREATE UNIQUE INDEX partial ON t (other) WHERE other > 1; CREATE UNIQUE INDEX computed ON t (lower(code));
         CREATE UNIQUE INDEX mixed ON t (id, code DESC);
         INSERT INTO t VALUES (1, 'x', 'y'), (2, 'z', 'z')",
    )
    .await;
    let table = place.describe("t").await;
    assert_eq!(table.name, "pinksync_described.t");
    assert_eq!(table.primary_key, ["id"]);
    assert_eq!(table.unique_keys, [vec!["id"], vec!["code", "name"], vec!["id", "code"]], "not partial, not nullable");
    assert_eq!((table.estimated_rows, table.transforms, table.writable), (Some(2), false, true));
    assert_eq!(table.references, ["pinksync_described.other"]);
    let facts: Vec<(&str, &str, bool, bool, bool)> = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.native.as_str(), column.nullable, column.writable, column.ordered))
        .collect();
    assert_eq!(
        facts,
        [
            ("id", "bigint", false, true, true),
            ("code", "text COLLATE \"C\"", false, true, true),
            ("name", "character varying(30)", false, true, false),
            ("mail", "citext", true, true, false),
            ("price", "numeric(8,2)", true, true, false),
            ("at", "timestamp(3) with time zone", true, true, false),
            ("other", "integer", true, true, false),
            ("tags", "text[]", true, true, false),
            ("m", "pinksync_described.mood", true, true, false),
            ("c", "character(3)", true, true, false),
            ("total", "integer", true, false, false),
        ]
    );
    let ty = |name: &str| table.column(name).unwrap().ty.clone();
    assert_eq!(ty("mail"), FieldType::Text { max_chars: None, fold: Fold::AsciiCase });
    assert_eq!(ty("c"), FieldType::Text { max_chars: Some(3), fold: Fold::TrailingSpace });
    assert_eq!(ty("name"), FieldType::Text { max_chars: Some(30), fold: Fold::None });
    assert_eq!(ty("tags"), FieldType::Native { name: "text[]".to_owned() });
}

#[tokio::test]
async fn a_bare_name_is_found_in_the_search_path() {
    let place = Place::new("pinksync_bare", "CREATE TABLE only_here (id int PRIMARY KEY)").await;
    let url = server_url();
    let join = if url.contains('?') { '&' } else { '?' };
    let system = system(&format!("{url}{join}options=-csearch_path%3Dpinksync_bare"));
    assert_eq!(system.describe("only_here").await.unwrap().unwrap().name, "pinksync_bare.only_here");
    assert!(place.system.describe("only_here").await.unwrap().is_none());
    assert!(place.system.describe("").await.unwrap().is_none());
}

#[tokio::test]
async fn triggers_and_inheritance_are_seen() {
    let place = Place::new(
        "pinksync_triggers",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
         CREATE TABLE a (id int PRIMARY KEY); CREATE TRIGGER f AFTER DELETE ON a FOR EACH ROW EXECUTE FUNCTION f();
         CREATE TABLE b (id int PRIMARY KEY); CREATE TRIGGER f AFTER UPDATE ON b FOR EACH ROW EXECUTE FUNCTION f();
         CREATE TABLE c (id int PRIMARY KEY) PARTITION BY HASH (id); CREATE TABLE c_0 PARTITION OF c FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TRIGGER f BEFORE INSERT ON c_0 FOR EACH ROW EXECUTE FUNCTION f();
         CREATE TABLE d (id int PRIMARY KEY); CREATE TRIGGER f BEFORE INSERT ON d FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE d DISABLE TRIGGER f;
         CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (a); INSERT INTO a VALUES (1); INSERT INTO child VALUES (1, 5)",
    )
    .await;
    for (name, transforms) in [("a", false), ("b", true), ("c", true), ("d", false)] {
        assert_eq!(place.describe(name).await.transforms, transforms, "{name}");
    }
    let parent = place.open("a", &["id"]).await;
    assert_eq!(parent.rows().await.len(), 1, "rows of children are the children's");
    assert_eq!(told(&parent.apply(Guard::Snapshot, vec![parent.delete(&parent.rows().await[0])]).await), ["deleted"]);
    assert_eq!(place.ask("SELECT id, extra FROM child").await, ["1|5"]);
}

#[tokio::test]
async fn a_database_under_the_collation_c_orders_its_text() {
    let admin = connect(&server_url()).await;
    admin.batch_execute("DROP DATABASE IF EXISTS pinksync_c WITH (FORCE)").await.unwrap();
    admin.batch_execute("CREATE DATABASE pinksync_c TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'").await.unwrap();
    let mut url = server_url();
    let query = url.find('?').map(|at| url.split_off(at)).unwrap_or_default();
    let at = url.rfind('/').unwrap();
    url.truncate(at);
    let url = format!("{url}/pinksync_c{query}");
    let other = connect(&url).await;
    other.batch_execute("CREATE TABLE t (k varchar(9) PRIMARY KEY); INSERT INTO t VALUES ('b'), ('B')").await.unwrap();
    let system = system(&url);
    assert!(system.identity().await.unwrap().ends_with("/pinksync_c"));
    let table = system.describe("t").await.unwrap().unwrap();
    assert!(table.columns[0].ordered);
    drop((other, system));
    admin.batch_execute("DROP DATABASE pinksync_c WITH (FORCE)").await.unwrap();
}

fn column(name: &str, ty: FieldType, native: &str, nullable: bool) -> ColumnSchema {
    ColumnSchema {
        name: name.to_owned(),
        ty,
        carrier: Carrier::Typed,
        native: native.to_owned(),
        nullable,
        writable: true,
        empty_is_null: false,
        ordered: false,
    }
}

#[tokio::test]
async fn a_table_made_from_another_ones_schema_holds_its_rows() {
    let place = Place::new(
        "pinksync_made",
        "CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE TABLE t (k text COLLATE \"C\", n int, p numeric(10,2)[], m mood, i inet, s char(4), z timestamptz(2), PRIMARY KEY (k, n));
         INSERT INTO t VALUES ('a', 1, '{1.50}', 'ok', '10.0.0.1', 'ab', '2024-01-01 00:00:00.12')",
    )
    .await;
    let mut schema = place.describe("t").await;
    schema.name = "pinksync_made.copy".to_owned();
    let foreseen = place.system.foresee(&schema, "postgres").await.unwrap();
    place.system.create(&foreseen).await.unwrap();
    let made = place.describe("copy").await;
    assert_eq!(made.columns, schema.columns);
    assert_eq!((&made.primary_key, &made.unique_keys), (&schema.primary_key, &schema.unique_keys));
    assert_eq!(unordered(made), foreseen);
    let (from, to) = (place.open("t", &["k", "n"]).await, place.open("copy", &["k", "n"]).await);
    let writes = from.rows().await.into_iter().map(|row| to.create(row.native.to_vec())).collect();
    assert_eq!(told(&to.apply(Guard::Snapshot, writes).await), ["written"]);
    assert_eq!(place.ask("SELECT * FROM t EXCEPT ALL SELECT * FROM copy").await, Vec::<String>::new());
    let error = place.system.create(&foreseen).await.unwrap_err();
    assert!(error.message().contains("already exists"), "{error}");
    schema.name = "no_such_schema.copy".to_owned();
    let error = place.system.foresee(&schema, "postgres").await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Definition, Some("create the schema first")));
}

/// As it is foreseen: whether a table is read in order is not known before it is there.
fn unordered(mut schema: DatasetSchema) -> DatasetSchema {
    schema.columns.iter_mut().for_each(|column| column.ordered = false);
    schema
}

#[tokio::test]
async fn a_table_is_made_as_it_was_foreseen_whatever_its_types() {
    let place = Place::new("pinksync_foreseen", "").await;
    let text = |max_chars, fold| FieldType::Text { max_chars, fold };
    let decimal = |precision, scale| FieldType::Decimal { precision, scale };
    let types = [
        FieldType::Bool,
        FieldType::Int { bits: 16 },
        FieldType::Int { bits: 32 },
        FieldType::Int { bits: 64 },
        FieldType::Float { bits: 32 },
        FieldType::Float { bits: 64 },
        decimal(None, None),
        decimal(Some(10), Some(2)),
        decimal(Some(10), None),
        decimal(Some(3), Some(-2)),
        decimal(Some(2000), Some(1)),
        text(None, Fold::None),
        text(Some(5), Fold::AsciiCase),
        text(Some(20_000_000), Fold::TrailingSpace),
        FieldType::Bytes,
        FieldType::Date,
        FieldType::Time { precision: 3 },
        FieldType::Timestamp { precision: 0 },
        FieldType::Timestamp { precision: 6 },
        FieldType::Instant { precision: 2 },
        FieldType::Uuid,
        FieldType::Json,
        FieldType::Native { name: "mood".to_owned() },
    ];
    let mut columns = vec![column("k", text(Some(9), Fold::None), "TEXT", true)];
    columns.extend(types.iter().enumerate().map(|(at, ty)| column(&format!("c{at}"), ty.clone(), "?", at % 2 == 0)));
    let wanted = wanted("pinksync_foreseen.t", columns);
    let foreseen = place.system.foresee(&wanted, "sqlite").await.unwrap();
    place.system.create(&foreseen).await.unwrap();
    assert_eq!(unordered(place.describe("t").await), foreseen);
}

#[tokio::test]
async fn a_type_that_only_the_other_database_has_becomes_text() {
    let place = Place::new(
        "pinksync_moods",
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (k int PRIMARY KEY, m mood, n mood[], c char(3));",
    )
    .await;
    let mut schema = place.describe("t").await;
    schema.name = "pinksync_moods.copy".to_owned();
    place.run("DROP TABLE t; DROP TYPE mood").await;
    let foreseen = place.system.foresee(&schema, "postgres").await.unwrap();
    let native: Vec<&str> = foreseen.columns.iter().map(|column| column.native.as_str()).collect();
    assert_eq!(native, ["integer", "text", "text", "character(3)"]);
    place.system.create(&foreseen).await.unwrap();
    assert_eq!(unordered(place.describe("copy").await), foreseen);
}

fn wanted(name: &str, columns: Vec<ColumnSchema>) -> DatasetSchema {
    DatasetSchema {
        name: name.to_owned(),
        columns,
        primary_key: ["k".to_owned()].into(),
        unique_keys: vec![vec!["k".to_owned()]],
        estimated_rows: None,
        transforms: false,
        references: Vec::new(),
        writable: true,
    }
}

#[tokio::test]
async fn a_table_made_from_another_systems_schema_is_read_in_order() {
    let place = Place::new("pinksync_foreign", "").await;
    let columns = vec![
        column("k", FieldType::TEXT, "TEXT", false),
        column("n", FieldType::Int { bits: 64 }, "INTEGER", true),
        column("d", FieldType::Decimal { precision: None, scale: None }, "DECIMAL", true),
        column("j", FieldType::Json, "JSON", true),
    ];
    let foreseen = place.system.foresee(&wanted("pinksync_foreign.t", columns), "sqlite").await.unwrap();
    place.system.create(&foreseen).await.unwrap();
    let table = place.open("t", &["k"]).await;
    assert!(table.capabilities().ordered);
    let row = vec![
        text("x"),
        int(1),
        pinksync_engine::Value::Decimal("1.10".into()),
        pinksync_engine::Value::Json("{\"b\":1,\"a\":1e2}".into()),
    ];
    assert_eq!(told(&table.apply(Guard::Snapshot, vec![table.create(row.clone())]).await), ["written"]);
    assert_eq!(table.rows().await[0].native.to_vec(), row);
}
