//! Requests to a worker, whose caller waits for the answer.

use crate::ids::{AccountId, SessionId, TaskId};
use crate::store::{GenericClient, Result};

/// What a caller waits for.
#[derive(Debug, Clone)]
pub enum Answer {
    Waiting,
    Done(serde_json::Value),
    Failed { code: String, detail: String, remedy: String },
}

/// What has become of a request to a worker; `None`: the account has no such task.
pub async fn answer(client: &impl GenericClient, account: AccountId, task: TaskId) -> Result<Option<Answer>> {
    const SELECT: &str = "SELECT status, result, coalesce(error_code, ''), coalesce(error_detail, ''),
        coalesce(remedy, '') FROM tasks WHERE account_id = $1 AND id = $2";
    let statement = client.prepare_cached(SELECT).await?;
    let row = client.query_opt(&statement, &[&account, &task]).await?;
    Ok(row.map(|row| match row.get::<_, &str>(0) {
        "done" => told(row.get::<_, Option<serde_json::Value>>(1).unwrap_or_default()),
        "parked" | "withdrawn" => Answer::Failed { code: row.get(2), detail: row.get(3), remedy: row.get(4) },
        _ => Answer::Waiting,
    }))
}

/// What a worker notes of a request that it could not do: the task is done, since somebody was told.
pub fn refusal(code: &str, detail: &str, remedy: &str) -> serde_json::Value {
    serde_json::json!({"refused": {"code": code, "detail": detail, "remedy": remedy}})
}

fn told(result: serde_json::Value) -> Answer {
    let Some(refused) = result.get("refused") else { return Answer::Done(result) };
    let text = |name: &str| refused.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    Answer::Failed { code: text("code"), detail: text("detail"), remedy: text("remedy") }
}

/// The task that carries out the decision of a session.
pub async fn of_decision(
    client: &impl GenericClient,
    account: AccountId,
    session: SessionId,
) -> Result<Option<TaskId>> {
    const SELECT: &str = "SELECT id FROM tasks WHERE account_id = $1 AND session_id = $2 AND kind = 'resolve'";
    let statement = client.prepare_cached(SELECT).await?;
    Ok(client.query_opt(&statement, &[&account, &session.0]).await?.map(|row| row.get(0)))
}

/// Takes back a request that nobody has begun and nobody waits for any more.
pub async fn give_up(client: &impl GenericClient, account: AccountId, task: TaskId) -> Result<()> {
    const UPDATE: &str = "UPDATE tasks SET status = 'withdrawn', ended_at = now()
        WHERE account_id = $1 AND id = $2 AND status = 'ready' AND session_id IS NULL";
    let statement = client.prepare_cached(UPDATE).await?;
    client.execute(&statement, &[&account, &task]).await?;
    Ok(())
}
