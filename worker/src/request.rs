//! Requests that are no sessions: their caller waits for an answer.

use std::sync::Arc;

use pinksync_common::request::{Changes, OnConnection, Validate, unpack};
use pinksync_common::store::Result;
use pinksync_common::store::tasks::{self, Claimed, Outcome};
use pinksync_engine::connector::{Purpose, System};
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::chain;
use serde_json::{Value, json};

use crate::service::Service;
use crate::{changes, definition, execute, validate};

/// What came of a request: an answer, or why there is none.
type Asked = Result<pinksync_engine::Result<Value>>;

/// Answers a request. What fails is told, not tried again: somebody waits.
pub async fn answer(service: &Service, claimed: &Claimed, asked: impl Future<Output = Asked>) -> Result<()> {
    let result = match asked.await? {
        Ok(result) => result,
        Err(error) => tasks::refusal(error.kind().code(), &chain(&error), error.remedy().unwrap_or_default()),
    };
    execute::end(service, claimed, Outcome::Done { result: Some(result) }).await
}

/// Whether a session of a sync could begin.
pub async fn validate(service: &Service, claimed: &Claimed) -> Asked {
    match read::<Validate>(claimed) {
        Ok(asked) => validate::run(service, claimed.account, asked).await,
        Err(error) => Ok(Err(error)),
    }
}

/// A page of what a session did, or would do.
pub async fn changes(service: &Service, claimed: &Claimed) -> Asked {
    match read::<Changes>(claimed) {
        Ok(asked) => changes::page(service, claimed.account, asked).await,
        Err(error) => Ok(Err(error)),
    }
}

fn read<T: serde::de::DeserializeOwned>(claimed: &Claimed) -> pinksync_engine::Result<T> {
    unpack(&claimed.payload).map_err(|error| Error::new(ErrorKind::Other, "read a request", error.to_string()))
}

async fn open(
    service: &Service,
    claimed: &Claimed,
    application: &str,
) -> Result<pinksync_engine::Result<(Arc<dyn System>, Purpose)>> {
    let asked: OnConnection = match read(claimed) {
        Ok(asked) => asked,
        Err(error) => return Ok(Err(error)),
    };
    let connection = match definition::connection(service, claimed.account, asked.connection).await? {
        Ok(connection) => connection,
        Err(error) => return Ok(Err(error)),
    };
    let opened = definition::open_side(service, &connection, application).await;
    Ok(opened.map(|system| (system, Purpose { writes: asked.writes, creates: false })))
}

/// The ordered checks of a connection.
pub async fn check(service: &Service, claimed: &Claimed) -> Asked {
    Ok(match open(service, claimed, "pinksync check").await? {
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
pub async fn discover(service: &Service, claimed: &Claimed) -> Asked {
    let system = match open(service, claimed, "pinksync datasets").await? {
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
