//! The questions put to the system catalog about one table.

use pinksync_engine::Result;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSqlOwned, ToSql};

use super::client::Session;
use super::error::translate;
use super::table::{Column, Dependent, Kind, Sequence, Table, UniqueKey};
use super::types::TypeFacts;

const OPERATION: &str = "read the catalog";

/// `$1`: `schema.table`, or a table that is found by its bare name.
const RELATION: &str = "
WITH database AS (
    SELECT CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c')
               WHEN 'c' THEN d.datcollate IN ('C', 'POSIX') WHEN 'b' THEN true ELSE false END AS code_points,
           pg_encoding_to_char(d.encoding) IN ('UTF8', 'LATIN1') AS code_point_encoding
    FROM pg_database d WHERE d.datname = current_database())
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       pg_relation_is_updatable(c.oid, true) & 28 = 28 AS updatable,
       EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1' AND r.ev_enabled IN ('O', 'A')) AS rules,
       EXISTS (SELECT FROM pg_trigger t
               WHERE t.tgrelid IN (SELECT c.oid UNION ALL SELECT relid FROM pg_partition_tree(c.oid))
                 AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 20 <> 0) AS triggers,
       EXISTS (SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class f ON f.oid = p.relid
               WHERE f.relkind = 'f') AS foreign_parts,
       database.code_points, database.code_point_encoding
FROM database, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (n.nspname || '.' || c.relname = $1 OR (c.relname = $1 AND pg_table_is_visible(c.oid)))
ORDER BY (n.nspname || '.' || c.relname = $1) DESC LIMIT 1";

/// Columns with the base types of their domains.
const COLUMNS: &str = "
WITH RECURSIVE based AS (
    SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null
    FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, t.typtypmod, b.not_null OR t.typnotnull
    FROM based b JOIN pg_type t ON t.oid = b.type AND t.typtype = 'd')
SELECT a.attname::text AS name, t.oid AS type, b.modifier, b.not_null,
       format_type(t.oid, b.modifier) AS native, format_type(t.oid, -1) AS type_name,
       EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
               WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_extension'::regclass
                 AND d.deptype = 'e' AND e.extname = 'citext' AND t.typname = 'citext') AS citext,
       a.attgenerated <> '' AS generated, a.attidentity = 'a' AS identity_always,
       coalesce(l.collisdeterministic, true) AS deterministic, l.collprovider = 'd' AS default_collation,
       l.collprovider = 'b' OR (l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX')) AS code_points,
       CASE WHEN l.collnamespace = 'pg_catalog'::regnamespace THEN l.collname::text END AS collation_name,
       s.sequence, s.sequence_maximum
FROM based b
JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = b.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN LATERAL (
    SELECT format('%I.%I', n.nspname, c.relname) AS sequence, q.seqmax AS sequence_maximum
    FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence q ON q.seqrelid = c.oid AND q.seqincrement > 0
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
      AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
      AND has_sequence_privilege(c.oid, 'SELECT') AND has_sequence_privilege(c.oid, 'UPDATE')
    LIMIT 1) s ON true
ORDER BY a.attnum";

/// Unique indexes that hold for every row. `sorted`: reading along the index is the order of its columns.
const UNIQUE_KEYS: &str = "
SELECT i.indisprimary AS is_primary, i.indimmediate AS is_immediate, k.columns,
       m.amname = 'btree' AND k.plain AND k.directions = 1 AS sorted
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
CROSS JOIN LATERAL (
    SELECT array_agg(a.attname::text ORDER BY e.place) AS columns,
           bool_and(o.opcdefault AND (e.sorted_by = 0 OR e.sorted_by = a.attcollation)) AS plain,
           count(DISTINCT e.direction & 1) AS directions
    FROM unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[])
         WITH ORDINALITY AS e(attnum, opclass, sorted_by, direction, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = e.attnum
    JOIN pg_opclass o ON o.oid = e.opclass
    WHERE e.place <= i.indnkeyatts) k
WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indislive
  AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indimmediate DESC, i.indexrelid";

const REFERENCES: &str = "
SELECT DISTINCT n.nspname || '.' || c.relname AS name
FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conrelid = $1 AND k.confrelid <> $1
  AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)
ORDER BY 1";

/// Foreign keys by which deleting here changes rows elsewhere.
const DEPENDENTS: &str = "
WITH ours AS (SELECT $1::oid AS oid UNION SELECT relid::oid FROM pg_partition_tree($1::oid::regclass))
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, k.conrelid = $1 AS is_own, k.here, k.there
FROM (SELECT k.*,
             (SELECT array_agg(a.attname::text ORDER BY e.n) FROM unnest(k.confkey) WITH ORDINALITY e(attnum, n)
              JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = e.attnum) AS here,
             (SELECT array_agg(a.attname::text ORDER BY e.n) FROM unnest(k.conkey) WITH ORDINALITY e(attnum, n)
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = e.attnum) AS there
      FROM pg_constraint k
      WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd') AND k.confrelid IN (SELECT oid FROM ours)
        AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.confrelid IN (SELECT oid FROM ours))) k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2";

/// Types whose values the server prints and does not read.
const WRITE_ONLY_BY_SERVER: [&str; 8] = [
    "pg_node_tree",
    "pg_ndistinct",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "gtsvector",
    "pg_ddl_command",
];

/// Reads what is known of a table; `None` where there is no such table.
pub async fn load(session: &mut Session, name: &str) -> Result<Option<Table>> {
    let found = query(session, RELATION, &[&name]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let oid: u32 = get(row, "oid")?;
    let kind: String = get(row, "kind")?;
    let code_points = (get::<bool>(row, "code_points")?, get::<bool>(row, "code_point_encoding")?);
    let columns = query(session, COLUMNS, &[&oid]).await?;
    let keys = query(session, UNIQUE_KEYS, &[&oid]).await?;
    let references = query(session, REFERENCES, &[&oid]).await?;
    let dependents = query(session, DEPENDENTS, &[&oid]).await?;
    let columns: Vec<Column> = columns.iter().map(|row| column(row, code_points)).collect::<Result<_>>()?;
    let never_null = |name: &String| columns.iter().any(|column| column.name == *name && column.not_null);
    let mut unique = keys.iter().map(unique_key).collect::<Result<Vec<_>>>()?;
    unique.retain(|key| key.columns.iter().all(never_null));
    Ok(Some(Table {
        schema: get(row, "schema")?,
        name: get(row, "name")?,
        kind: Kind::of(&kind),
        foreign_parts: get(row, "foreign_parts")?,
        writable: get(row, "updatable")?,
        rules: kind != "v" && get::<bool>(row, "rules")?,
        triggers: get(row, "triggers")?,
        columns,
        unique,
        references: references.iter().map(|row| get(row, "name")).collect::<Result<_>>()?,
        dependents: dependents.iter().map(dependent).collect::<Result<_>>()?,
    }))
}

fn column(row: &Row, (default_code_points, encoding): (bool, bool)) -> Result<Column> {
    let by_collation = match get::<Option<bool>>(row, "default_collation")? {
        None => true,
        Some(true) => default_code_points && encoding,
        Some(false) => get::<Option<bool>>(row, "code_points")?.unwrap_or(false) && encoding,
    };
    let collation = get::<Option<String>>(row, "collation_name")?
        .filter(|name| matches!(name.as_str(), "C" | "POSIX" | "ucs_basic"));
    let native: String = get(row, "native")?;
    let type_name: String = get(row, "type_name")?;
    let sequence = match (get::<Option<String>>(row, "sequence")?, get::<Option<i64>>(row, "sequence_maximum")?) {
        (Some(name), Some(maximum)) => Some(Sequence { name, maximum }),
        _ => None,
    };
    let facts = TypeFacts {
        oid: get(row, "type")?,
        modifier: get(row, "modifier")?,
        name: type_name,
        is_citext: get(row, "citext")?,
        deterministic: get(row, "deterministic")?,
    };
    Ok(Column {
        name: get(row, "name")?,
        native: match collation {
            Some(collation) => format!("{native} COLLATE \"{collation}\""),
            None => native,
        },
        not_null: get(row, "not_null")?,
        generated: get(row, "generated")?,
        identity_always: get(row, "identity_always")?,
        readable_back: !WRITE_ONLY_BY_SERVER.contains(&facts.name.as_str()),
        ordered: facts.is_ordered() && by_collation,
        wire: facts.wire(),
        facts,
        sequence,
    })
}

fn unique_key(row: &Row) -> Result<UniqueKey> {
    Ok(UniqueKey {
        columns: get(row, "columns")?,
        primary: get(row, "is_primary")?,
        immediate: get(row, "is_immediate")?,
        sorted: get(row, "sorted")?,
    })
}

fn dependent(row: &Row) -> Result<Dependent> {
    Ok(Dependent {
        schema: get(row, "schema")?,
        name: get(row, "name")?,
        kind: Kind::of(&get::<String>(row, "kind")?),
        is_own: get(row, "is_own")?,
        here: get(row, "here")?,
        there: get(row, "there")?,
    })
}

async fn query(session: &mut Session, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
    session.client.query(sql, parameters).await.map_err(|error| translate(OPERATION, error))
}

/// A column of a catalog row.
pub fn get<T: FromSqlOwned>(row: &Row, name: &str) -> Result<T> {
    row.try_get(name).map_err(|error| translate(OPERATION, error))
}
