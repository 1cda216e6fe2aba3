//! Which tables there are, and what the engine is told of each.

use pinksync_engine::Result;
use pinksync_engine::schema::DatasetSchema;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::catalog::{self, get};
use super::client::Session;
use super::error::translate;
use super::table::{Kind, Table};

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
