//! Which tables there are, what the engine is told of each, and tables made from a schema.

use pinksync_engine::schema::DatasetSchema;
use pinksync_engine::{Error, ErrorKind, Result};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::catalog::{self, get};
use super::client::Session;
use super::error::translate;
use super::sql;
use super::table::{Kind, Table};
use super::types::column_type;

/// Tables up to this many rows are counted, larger ones estimated as the server's planner does.
const COUNTED_ROWS: u64 = 100_000;

/// Partitions are part of their table; what belongs to an extension is not the user's.
const DATASETS: &str = "
SELECT n.nspname || '.' || c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1";

/// Names of all datasets, sorted by their bytes.
pub async fn datasets(session: &mut Session) -> Result<Vec<String>> {
    let rows = session.client.query(DATASETS, &[]).await.map_err(|error| translate("list the tables", error))?;
    let mut names = rows.iter().map(|row| get(row, "name")).collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// What the catalog knows of a table, and what the engine is told.
pub async fn describe(session: &mut Session, dataset: &str) -> Result<Option<(Table, DatasetSchema)>> {
    let Some(table) = catalog::load(session, dataset).await? else { return Ok(None) };
    let rows = estimated_rows(session, &table).await?;
    let schema = table.describe(rows);
    Ok(Some((table, schema)))
}

/// A table's name with its schema; without one it is made in the first of the search path.
pub async fn full_name(session: &mut Session, dataset: &str) -> Result<String> {
    if dataset.contains('.') {
        return Ok(dataset.to_owned());
    }
    let row = session.client.query_one("SELECT current_schema()::text AS name", &[]).await;
    let row = row.map_err(|error| translate("look a schema up", error))?;
    let schema: Option<String> = get(&row, "name")?;
    Ok(schema.map_or_else(|| dataset.to_owned(), |schema| format!("{schema}.{dataset}")))
}

async fn estimated_rows(session: &mut Session, table: &Table) -> Result<Option<u64>> {
    let explain = format!("EXPLAIN (FORMAT JSON) SELECT 1 FROM {}", table.source());
    let Some(plan) = one_text(session, &explain).await? else { return Ok(None) };
    let estimate = serde_json::from_str::<serde_json::Value>(&plan)
        .ok()
        .and_then(|plan| plan.pointer("/0/Plan/Plan Rows")?.as_f64())
        .map(|rows| rows as u64);
    if table.kind == Kind::View || estimate.is_none_or(|rows| rows > COUNTED_ROWS) {
        return Ok(estimate);
    }
    let count = one_text(session, &format!("SELECT count(*) FROM {}", table.source())).await?;
    Ok(count.and_then(|count| count.parse().ok()).or(estimate))
}

/// The only field of a result; `None` where the user may not look.
async fn one_text(session: &mut Session, statement: &str) -> Result<Option<String>> {
    let messages = match session.client.simple_query(statement).await {
        Ok(messages) => messages,
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => return Ok(None),
        Err(error) => return Err(translate("estimate a table's size", error)),
    };
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

/// Creates a table. `from_kind` says where the schema comes from: types of PostgreSQL are taken by name.
pub async fn create(session: &mut Session, schema: &DatasetSchema, from_kind: &str) -> Result<()> {
    let statement = create_statement(schema, from_kind)?;
    // The extended protocol takes one statement only, whatever a foreign type name holds.
    session.client.execute(&statement, &[]).await.map_err(|error| translate("create a table", error))?;
    Ok(())
}

fn create_statement(schema: &DatasetSchema, from_kind: &str) -> Result<String> {
    let mut parts = Vec::with_capacity(schema.columns.len() + 1);
    for column in &schema.columns {
        let ty = match from_kind {
            "postgres" => native(schema, &column.native)?.to_owned(),
            _ => column_type(&column.ty, schema.primary_key.contains(&column.name)),
        };
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        parts.push(format!("{} {ty}{not_null}", sql::identifier(&column.name)));
    }
    if !schema.primary_key.is_empty() {
        let names: Vec<String> = schema.primary_key.iter().map(|name| sql::identifier(name)).collect();
        parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
    }
    let name = match schema.name.split_once('.') {
        Some((namespace, name)) => sql::qualified(namespace, name),
        None => sql::identifier(&schema.name),
    };
    Ok(format!("CREATE TABLE {name} ({})", parts.join(", ")))
}

/// A type's name as another server wrote it: words, modifiers, quoted names and a collation, nothing else.
fn native<'a>(schema: &DatasetSchema, name: &'a str) -> Result<&'a str> {
    let mut quoted = false;
    let plain = name.chars().all(|character| match character {
        '"' => {
            quoted = !quoted;
            true
        }
        _ if quoted => true,
        _ => character.is_alphanumeric() || "_ ,.()[]-".contains(character),
    });
    let balanced = name.matches('(').count() == name.matches(')').count();
    match plain && !quoted && balanced && !name.contains("--") && !name.is_empty() {
        true => Ok(name),
        false => {
            Err(Error::new(ErrorKind::Definition, "create a table", format!("{}: `{name}` is no type", schema.name))
                .with_remedy("create the table yourself"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinksync_engine::schema::{Carrier, ColumnSchema, FieldType};

    fn schema(native: &str) -> DatasetSchema {
        let column = |name: &str, ty: FieldType, nullable| ColumnSchema {
            name: name.to_owned(),
            ty,
            carrier: Carrier::Typed,
            native: native.to_owned(),
            nullable,
            writable: true,
            empty_is_null: false,
            ordered: false,
        };
        DatasetSchema {
            name: "shop.items".to_owned(),
            columns: vec![
                column("id", FieldType::TEXT, false),
                column("it's \"x\"", FieldType::Int { bits: 32 }, true),
            ],
            primary_key: vec!["id".to_owned()],
            unique_keys: vec![vec!["id".to_owned()]],
            estimated_rows: None,
            transforms: false,
            references: Vec::new(),
            writable: true,
        }
    }

    #[test]
    fn a_schema_of_another_system_becomes_a_table() {
        let statement = create_statement(&schema("TEXT"), "sqlite").unwrap();
        assert_eq!(
            statement,
            "CREATE TABLE \"shop\".\"items\" (\"id\" text COLLATE \"C\" NOT NULL, \"it's \"\"x\"\"\" integer, PRIMARY KEY (\"id\"))"
        );
    }

    #[test]
    fn a_schema_of_postgres_keeps_its_types() {
        let statement = create_statement(&schema("numeric(10,-2)[]"), "postgres").unwrap();
        assert!(statement.contains("\"id\" numeric(10,-2)[] NOT NULL"), "{statement}");
        for hostile in ["", "int); DROP TABLE x; --", "int' ", "int -- x", "int)", "\"x", "int/*"] {
            assert!(create_statement(&schema(hostile), "postgres").is_err(), "{hostile}");
        }
        assert!(create_statement(&schema("\"My; Type\"(3) COLLATE \"C\""), "postgres").is_ok());
    }
}
