//! The steps of `doctor`: is the file there, is it a database, can it be read and written.

use pinksync_engine::connector::{CheckStep, Purpose};
use pinksync_engine::{Error, Result};

use super::client::Client;
use super::error::during;
use super::{schema, write};

/// What was found, or why the step failed.
type Check = fn(&Client) -> Result<String>;

/// Goes through the steps until one fails. Blocks.
pub fn steps(client: &Client, purpose: Purpose) -> Vec<CheckStep> {
    if purpose.creates && !client.exists() {
        let detail = format!("{} is made by the first run", client.path().display());
        return vec![CheckStep { name: "open", ok: true, detail, hint: None }];
    }
    let mut steps = Vec::new();
    let checks: [(&'static str, Check); 3] = [("open", open), ("read", read), ("write", write_lock)];
    let needed = if purpose.writes { checks.len() } else { checks.len() - 1 };
    for &(name, check) in &checks[..needed] {
        let step = match check(client) {
            Ok(detail) => CheckStep { name, ok: true, detail, hint: None },
            Err(error) => failed(name, &error),
        };
        let ok = step.ok;
        steps.push(step);
        if !ok {
            break;
        }
    }
    steps
}

fn failed(name: &'static str, error: &Error) -> CheckStep {
    CheckStep { name, ok: false, detail: error.to_string(), hint: error.remedy().map(str::to_owned) }
}

fn open(client: &Client) -> Result<String> {
    let connection = client.connect()?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(during("open the SQLite database"))?;
    client.give_back(connection);
    Ok(format!("{} (journal mode {mode})", client.path().display()))
}

fn read(client: &Client) -> Result<String> {
    let connection = client.connect()?;
    let names = schema::names(&connection)?;
    client.give_back(connection);
    Ok(format!("tables and views: {}", names.len()))
}

/// Takes the write lock and gives it back; nothing is written.
fn write_lock(client: &Client) -> Result<String> {
    let connection = client.connect()?;
    write::begin(&connection)?;
    connection.execute_batch("ROLLBACK").map_err(during("give the write lock back"))?;
    client.give_back(connection);
    Ok("the write lock was taken and given back".to_owned())
}
