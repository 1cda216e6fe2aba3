//! Guarded writes, record by record under the database's write lock: read again, compare, write. All of it blocks.

use pinksync_engine::connector::{Change, Outcome, Refusal, RowImage, Write};
use pinksync_engine::row::Hash;
use pinksync_engine::{Error, ErrorKind, Result, Value};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params_from_iter};

use super::error::{during, refusal, words};
use super::schema::quoted;
use super::table::Table;
use super::types;

const WRITE: &str = "write records";

/// Takes the database's write lock. Waits for other programs as long as the connection's busy time-out says.
pub fn begin(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(during("begin writing"))
}

/// Carries writes out inside the open transaction. `written`: records that it has changed so far.
pub fn all(connection: &Connection, table: &Table, writes: &[Write], written: &mut u64) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(writes.len());
    for write in writes {
        let outcome = one(connection, table, write)?;
        if connection.is_autocommit() {
            begin_again(connection, table, *written, &outcome)?;
        }
        if matches!(outcome, Outcome::Written | Outcome::Deleted(_)) {
            *written += 1;
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// A trigger with RAISE(ROLLBACK) has ended the whole transaction. That is one record's refusal where nothing else
/// was lost with it.
fn begin_again(connection: &Connection, table: &Table, written: u64, outcome: &Outcome) -> Result<()> {
    if written == 0 {
        return begin(connection);
    }
    let reason = match outcome {
        Outcome::Rejected(refusal) => refusal.reason.as_str(),
        Outcome::Written | Outcome::Deleted(_) | Outcome::Moved => "no reason given",
    };
    let message = format!("a trigger on `{}` rolled back the whole transaction: {reason}", table.name);
    Err(Error::new(ErrorKind::Definition, WRITE, message)
        .with_remedy("let the trigger use RAISE(ABORT, …), which refuses only its own record"))
}

fn one(connection: &Connection, table: &Table, write: &Write) -> Result<Outcome> {
    if !holds(connection, table, &write.key, write.expect)? {
        return Ok(Outcome::Moved);
    }
    if !table.savepoints {
        return carry_out(connection, table, write);
    }
    execute(connection, "SAVEPOINT record")?;
    let outcome = carry_out(connection, table, write)?;
    if !connection.is_autocommit() {
        if !matches!(outcome, Outcome::Written | Outcome::Deleted(_)) {
            execute(connection, "ROLLBACK TO record")?;
        }
        execute(connection, "RELEASE record")?;
    }
    Ok(outcome)
}

fn execute(connection: &Connection, sql: &str) -> Result<()> {
    let error = during(WRITE);
    connection.prepare_cached(sql).map_err(&error)?.execute([]).map_err(&error)?;
    Ok(())
}

/// What the write expects to find is there: no record of this key, or exactly the one with this hash.
fn holds(connection: &Connection, table: &Table, key: &[Value], expect: Option<Hash>) -> Result<bool> {
    let mut rows = table.find(connection, key)?;
    Ok(match (expect, rows.pop()) {
        (None, None) => true,
        (Some(hash), Some(row)) if rows.is_empty() => table.spec.admit(row.into()).is_ok_and(|row| row.hash == hash),
        (None, Some(_)) | (Some(_), None | Some(_)) => false,
    })
}

fn carry_out(connection: &Connection, table: &Table, write: &Write) -> Result<Outcome> {
    match (&write.change, write.expect.is_some()) {
        (Change::Create(values), false) => create(connection, table, &write.key, values),
        (Change::Restore(image), false) => restore(connection, table, &write.key, image),
        (Change::Update(set), true) => update(connection, table, &write.key, set),
        (Change::Delete, true) => delete(connection, table, &write.key),
        (Change::Create(_) | Change::Restore(_), true) | (Change::Update(_) | Change::Delete, false) => {
            Ok(Outcome::Moved)
        }
    }
}

fn create(connection: &Connection, table: &Table, key: &[Value], values: &[Value]) -> Result<Outcome> {
    let columns = (0..values.len()).filter(|&index| table.is_writable(index));
    let stored = match stored(table, columns.map(|index| (index, &values[index]))) {
        Ok(stored) => stored,
        Err(refused) => return Ok(refused.into()),
    };
    change(connection, table, key, &table.statements.create, stored.into_iter().map(|(_, value)| value))
}

fn restore(connection: &Connection, table: &Table, key: &[Value], image: &RowImage) -> Result<Outcome> {
    if let Some((name, _)) = image.iter().find(|(name, _)| !table.stored.contains(name)) {
        return Ok(refused("refused", format!("the table has no column `{name}` any more")));
    }
    let names: Vec<&String> = image.iter().map(|(name, _)| name).collect();
    change(connection, table, key, &table.insert(&names), image.iter().map(|(_, value)| types::as_given(value)))
}

fn update(connection: &Connection, table: &Table, key: &[Value], set: &[(usize, Value)]) -> Result<Outcome> {
    let columns = set.iter().filter(|(index, _)| table.is_writable(*index));
    let stored = match stored(table, columns.map(|(index, value)| (*index, value))) {
        Ok(stored) => stored,
        Err(refused) => return Ok(refused.into()),
    };
    if stored.is_empty() {
        return Ok(Outcome::Written);
    }
    let assignments: Vec<String> = stored.iter().map(|(name, _)| format!("{} = ?", quoted(name))).collect();
    let sql = format!(
        "UPDATE OR ABORT {} AS t SET {} WHERE {}",
        table.quoted_name(),
        assignments.join(", "),
        table.by_key("t")
    );
    change(connection, table, key, &sql, stored.into_iter().map(|(_, value)| value).chain(table.key_parameters(key)))
}

/// Names and stored values of the given columns of the spec.
fn stored<'a>(
    table: &'a Table,
    values: impl Iterator<Item = (usize, &'a Value)>,
) -> std::result::Result<Vec<(&'a String, ToSqlOutput<'a>)>, Refusal> {
    values
        .map(|(index, value)| {
            let column = &table.spec.columns[index];
            let stored = types::store(value, table.affinities[index], column).map_err(|reason| Refusal {
                code: "type".to_owned(),
                reason: format!("{}: {reason}", column.name),
                retry: false,
            })?;
            Ok((&column.name, stored))
        })
        .collect()
}

/// Executes a statement that changes exactly one record, and looks whether its deferred foreign keys hold.
fn change<'a>(
    connection: &Connection,
    table: &Table,
    key: &[Value],
    sql: &str,
    parameters: impl Iterator<Item = ToSqlOutput<'a>>,
) -> Result<Outcome> {
    let mut statement = connection.prepare_cached(sql).map_err(during(WRITE))?;
    match statement.execute(params_from_iter(parameters)) {
        Ok(0) => return Ok(refused("refused", "a trigger of the table ignored the write".to_owned())),
        Ok(_) => {}
        Err(error) => return refusal(error).map(Outcome::from),
    }
    for condition in &table.foreign_keys.orphaned {
        if ask(connection, table, "c", condition, key)? {
            let reason = "FOREIGN KEY constraint failed (deferred): the parent record does not exist".to_owned();
            return Ok(Outcome::from(Refusal { code: "foreign_key".to_owned(), reason, retry: true }));
        }
    }
    Ok(Outcome::Written)
}

fn delete(connection: &Connection, table: &Table, key: &[Value]) -> Result<Outcome> {
    for dependent in &table.foreign_keys.dependents {
        if ask(connection, table, "p", &dependent.condition, key)? {
            let (code, retry) = if dependent.taken_along { ("has_dependents", false) } else { ("foreign_key", true) };
            let reason = format!("records of `{}` reference it", dependent.table);
            return Ok(Outcome::from(Refusal { code: code.to_owned(), reason, retry }));
        }
    }
    let Some(image) = image(connection, table, key)? else {
        let reason = "it holds text that is not valid UTF-8, which undo could not put back".to_owned();
        return Ok(refused("refused", reason));
    };
    let mut statement = connection.prepare_cached(&table.statements.delete).map_err(during(WRITE))?;
    match statement.execute(params_from_iter(table.key_parameters(key))) {
        Ok(0) => Ok(refused("refused", "a trigger of the table ignored the delete".to_owned())),
        Ok(_) => Ok(Outcome::Deleted(image)),
        Err(error) => refusal(error).map(Outcome::from),
    }
}

/// Whether `condition` holds for the row of this key under the name `alias`.
fn ask(connection: &Connection, table: &Table, alias: &str, condition: &str, key: &[Value]) -> Result<bool> {
    let error = during("look for referencing records");
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {} AS {alias} WHERE {} AND {condition})",
        table.quoted_name(),
        table.by_key(alias)
    );
    let mut statement = connection.prepare_cached(&sql).map_err(&error)?;
    statement.query_row(params_from_iter(table.key_parameters(key)), |row| row.get(0)).map_err(&error)
}

/// The whole record as stored; `None` if an image cannot hold it.
fn image(connection: &Connection, table: &Table, key: &[Value]) -> Result<Option<RowImage>> {
    let error = during("read the record to be deleted");
    let mut statement = connection.prepare_cached(&table.statements.image).map_err(&error)?;
    statement
        .query_row(params_from_iter(table.key_parameters(key)), |row| {
            let column = |(index, name): (usize, &String)| {
                Ok(types::image(row.get_ref(index)?).map(|value| (name.clone(), value)))
            };
            table.stored.iter().enumerate().map(column).collect()
        })
        .map_err(&error)
}

fn refused(code: &str, reason: String) -> Outcome {
    Outcome::from(Refusal { code: code.to_owned(), reason, retry: false })
}

/// Makes the transaction's writes durable.
///
/// # Errors
/// `Aborted` if other programs kept reading (nothing was written), `UnknownOutcome` where the disk failed meanwhile.
pub fn commit(connection: &Connection) -> Result<()> {
    connection.execute_batch("COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::SystemIoFailure) => {
            Error::new(ErrorKind::UnknownOutcome, "commit", words(&error)).with_source(error)
        }
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Error::new(ErrorKind::Data, "commit", format!("a deferred foreign key is not met: {}", words(&error)))
                .with_remedy("sync the referenced table first, or in the same run")
                .with_source(error)
        }
        _ => during("commit")(error),
    })
}

#[cfg(test)]
mod tests;
