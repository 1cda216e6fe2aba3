//! Brings the metadata database to the shape this version works with: forward only, one at a time under an advisory lock,
//! each file in a transaction of its own.

use include_dir::{Dir, include_dir};
use tokio_postgres::Client;

use super::{GenericClient, Result, StoreError};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../migrations");

/// Only one process migrates at a time; the others wait. The number is ours alone: "pinksync" as hexadecimal digits.
const LOCK: i64 = 0x7069_6e6b_7379_6e63;

const BOOK: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)";

/// One file of `migrations/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    pub number: i32,
    pub name: &'static str,
    pub sql: &'static str,
}

/// All migrations this version knows, in order.
fn known() -> Result<Vec<Migration>> {
    let mut known = Vec::new();
    for file in FILES.files() {
        let name = file.path().file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let number = name.split('_').next().and_then(|digits| digits.parse().ok());
        let (Some(number), Some(sql)) = (number, file.contents_utf8()) else {
            return Err(StoreError::Migration(format!("migrations/{name} is not named NNNN_verb_noun.sql")));
        };
        known.push(Migration { number, name, sql });
    }
    known.sort_by_key(|migration| migration.number);
    Ok(known)
}

async fn applied(client: &impl GenericClient) -> Result<Vec<i32>> {
    let there: bool = client.query_one("SELECT to_regclass('migrations') IS NOT NULL", &[]).await?.get(0);
    if !there {
        return Ok(Vec::new());
    }
    let rows = client.query("SELECT number FROM migrations ORDER BY number", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Migrations that the database still lacks.
///
/// # Errors
/// Also where the database has some that this version does not know: it belongs to a newer one.
pub async fn pending(client: &impl GenericClient) -> Result<Vec<Migration>> {
    let (known, applied) = (known()?, applied(client).await?);
    if let Some(newer) = applied.iter().find(|number| known.iter().all(|one| one.number != **number)) {
        let message = format!(
            "the metadata database has migration {newer}, which this version does not know; use a newer version"
        );
        return Err(StoreError::Migration(message));
    }
    Ok(known.into_iter().filter(|one| !applied.contains(&one.number)).collect())
}

/// Refuses a database that is not of this version's shape.
pub async fn require_current(client: &impl GenericClient) -> Result<()> {
    match pending(client).await?.len() {
        0 => Ok(()),
        count => Err(StoreError::Migration(format!(
            "the metadata database lacks {count} migrations; run `pinksync migrate`"
        ))),
    }
}

/// Applies what is pending, and gives it. The connection must be its own: the lock is the session's.
pub async fn migrate(client: &mut Client) -> Result<Vec<Migration>> {
    client.batch_execute("SET lock_timeout = '60s'; SET statement_timeout = '10min'").await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    let result = apply(client).await;
    let unlocked = client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
    let applied = result?;
    unlocked?;
    Ok(applied)
}

async fn apply(client: &mut Client) -> Result<Vec<Migration>> {
    client.batch_execute(BOOK).await?;
    let book = client.query("SELECT number FROM migrations", &[]).await?;
    let applied: Vec<i32> = book.iter().map(|row| row.get(0)).collect();
    let pending = known()?.into_iter().filter(|one| !applied.contains(&one.number));
    let mut done = Vec::new();
    for migration in pending {
        let transaction = client.transaction().await?;
        transaction.batch_execute(migration.sql).await?;
        let note = "INSERT INTO migrations (number, name) VALUES ($1, $2)";
        transaction.execute(note, &[&migration.number, &migration.name]).await?;
        transaction.commit().await?;
        done.push(migration);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap() {
        let numbers: Vec<i32> = known().unwrap().iter().map(|one| one.number).collect();
        assert_eq!(numbers, (1..=numbers.len() as i32).collect::<Vec<_>>());
    }
}
