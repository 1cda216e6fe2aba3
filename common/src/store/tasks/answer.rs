//! Requests to a worker, whose caller waits for the answer.

use crate::ids::{AccountId, TaskId};
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
        "done" => Answer::Done(row.get::<_, Option<serde_json::Value>>(1).unwrap_or_default()),
        "parked" | "withdrawn" => Answer::Failed { code: row.get(2), detail: row.get(3), remedy: row.get(4) },
        _ => Answer::Waiting,
    }))
}
