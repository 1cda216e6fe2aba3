//! Asks a worker for what only workers can do, since only they reach customers' systems, and waits a bounded time for the
//! answer.

use std::time::Duration;

use pinksync_common::ids::{AccountId, SyncId, TaskId};
use pinksync_common::queue::Class;
use pinksync_common::request::pack;
use pinksync_common::store::tasks::{self, Answer, NewTask, TaskKind};
use pinksync_common::store::{GenericClient, workers};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::App;
use crate::problem::{Code, Problem};

/// Between looks for an answer: more and more.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What is asked for.
pub struct Question<'a> {
    pub kind: TaskKind,
    pub sync: Option<SyncId>,
    /// The saved connections that it leads to.
    pub connections: &'a [Uuid],
    /// How long the caller waits.
    pub patience: Duration,
}

/// What a worker says.
#[derive(Debug, Clone)]
pub enum Reply {
    Done(Value),
    Failed { code: String, detail: String, remedy: String },
}

impl Reply {
    /// What was asked for.
    ///
    /// # Errors
    /// It could not be done, with the worker's reason; or the worker said something else.
    pub fn done<T: DeserializeOwned>(self) -> Result<T, Problem> {
        match self {
            Self::Done(value) => serde_json::from_value(value).map_err(|error| Problem::internal(&error)),
            Self::Failed { code, detail, remedy } => {
                Err(Problem::new(Code::SystemFailed, detail.clone()).at(code, detail, remedy))
            }
        }
    }
}

/// Asks a worker and waits.
///
/// # Errors
/// There is no worker, or none has answered in time: nobody works on it then, unless somebody has just begun.
pub async fn ask(
    app: &App,
    account: AccountId,
    question: Question<'_>,
    payload: &impl Serialize,
) -> Result<Reply, Problem> {
    let client = app.client().await?;
    if !somebody_is_there(&client).await? {
        return Err(no_worker());
    }
    let Question { kind, sync, connections, patience } = question;
    let task = NewTask {
        account,
        sync,
        session: None,
        kind,
        class: Class::Interactive,
        payload: pack(payload).map_err(|error| Problem::internal(&error))?,
        connections: connections.to_vec(),
        held: false,
    };
    let stored = tasks::insert(&client, &[task]).await?;
    drop(client);
    let Some(task) = stored.first().map(|one| one.task) else { return Err(late(patience)) };
    app.dispatcher.dispatch(stored);
    match wait(app, account, task, patience).await? {
        Some(reply) => Ok(reply),
        None => {
            tasks::give_up(&app.client().await?, account, task).await?;
            Err(late(patience))
        }
    }
}

/// Waits for what becomes of a task. None: nothing yet.
pub async fn wait(app: &App, account: AccountId, task: TaskId, patience: Duration) -> Result<Option<Reply>, Problem> {
    let ends = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        // No connection is held while nothing is asked.
        let answer = tasks::answer(&app.client().await?, account, task).await?;
        match answer.ok_or_else(|| Problem::not_found("task"))? {
            Answer::Done(value) => return Ok(Some(Reply::Done(value))),
            Answer::Failed { code, detail, remedy } => return Ok(Some(Reply::Failed { code, detail, remedy })),
            Answer::Waiting if Instant::now() + pause > ends => return Ok(None),
            Answer::Waiting => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether a worker lives that takes tasks.
pub async fn somebody_is_there(client: &impl GenericClient) -> Result<bool, Problem> {
    Ok(workers::permits(client).await? > 0)
}

fn no_worker() -> Problem {
    let detail = "no worker is alive: start one with `pinksync worker`, then send the request again";
    Problem::new(Code::NoWorker, detail).retry_after(workers::ALIVE_WITHIN.as_secs())
}

fn late(patience: Duration) -> Problem {
    let detail = format!("no worker has answered within {} s: they may all be busy", patience.as_secs());
    Problem::new(Code::TimedOut, detail).retry_after(1)
}
