//! Requests that are no sessions: their caller waits for an answer.

use std::sync::Arc;

use pinksync_common::request::{Changes, OnConnection, Validate, unpack};
use pinksync_common::store::Result;
use pinksync_common::store::tasks::{self, Claimed, Outcome, TaskKind};
use pinksync_engine::connector::{Purpose, System};
use pinksync_engine::error::chain;
use pinksync_engine::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::service::Service;
use crate::{changes, definition, execute, validate};

/// Answers a request. What fails is told, not tried again: somebody waits.
pub async fn run(service: &Service, claimed: &Claimed) -> Result<()> {
    let answer = match claimed.kind {
        TaskKind::Check => check(service, claimed).await?,
        TaskKind::Discover => discover(service, claimed).await?,
        TaskKind::Validate => match read::<Validate>(claimed) {
            Ok(asked) => validate::run(service, claimed.account, asked).await?,
            Err(error) => Err(error),
        },
        TaskKind::Changes => match read::<Changes>(claimed) {
            Ok(asked) => changes::page(service, claimed.account, asked).await?,
            Err(error) => Err(error),
        },
        TaskKind::Advance | TaskKind::Segment | TaskKind::Resolve => return Ok(()),
    };
    let result = match answer {
        Ok(result) => result,
        Err(error) => tasks::refusal(error.kind().code(), &chain(&error), error.remedy().unwrap_or_default()),
    };
    execute::end(service, claimed, Outcome::Done { result: Some(result) }).await
}

fn read<T: serde::de::DeserializeOwned>(claimed: &Claimed) -> pinksync_engine::Result<T> {
    unpack(&claimed.payload).map_err(|error| Error::new(ErrorKind::Other, "read a request", error.to_string()))
}

async fn open(service: &Service, claimed: &Claimed) -> Result<pinksync_engine::Result<(Arc<dyn System>, Purpose)>> {
    let asked: OnConnection = match read(claimed) {
        Ok(asked) => asked,
        Err(error) => return Ok(Err(error)),
    };
    let connection = match definition::connection(service, claimed.account, asked.connection).await? {
        Ok(connection) => connection,
        Err(error) => return Ok(Err(error)),
    };
    let opened = definition::open_side(service, &connection, "pinksync check").await;
    Ok(opened.map(|system| (system, Purpose { writes: asked.writes, creates: false })))
}

/// The ordered checks of a connection.
async fn check(service: &Service, claimed: &Claimed) -> Result<pinksync_engine::Result<Value>> {
    Ok(match open(service, claimed).await? {
        Ok((system, purpose)) => {
            let steps = system.check(purpose).await;
            let ok = steps.iter().all(|step| step.ok);
            Ok(json!({"ok": ok, "steps": steps}))
        }
        // What keeps it from being opened is what the check is to find.
        Err(error) => {
            let step = json!({"name": "settings", "ok": false, "detail": error.message(), "hint": error.remedy()});
            Ok(json!({"ok": false, "steps": [step]}))
        }
    })
}

/// The datasets of a connection, each as its system describes it.
async fn discover(service: &Service, claimed: &Claimed) -> Result<pinksync_engine::Result<Value>> {
    let system = match open(service, claimed).await? {
        Ok((system, _)) => system,
        Err(error) => return Ok(Err(error)),
    };
    Ok(describe_all(&*system).await)
}

async fn describe_all(system: &dyn System) -> pinksync_engine::Result<Value> {
    let mut datasets = Vec::new();
    for name in system.datasets().await? {
        let Some(schema) = system.describe(&name).await? else { continue };
        let columns: Vec<Value> = schema
            .columns
            .iter()
            .map(|column| json!({"name": column.name, "type": column.native, "nullable": column.nullable}))
            .collect();
        datasets.push(json!({
            "name": schema.name,
            "key": schema.primary_key,
            "columns": columns,
            "estimated_records": schema.estimated_rows,
            "writable": schema.writable,
        }));
    }
    Ok(json!({"datasets": datasets}))
}
