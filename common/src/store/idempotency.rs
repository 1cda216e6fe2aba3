//! Answers that are kept so that a request sent twice is carried out once.

use super::{GenericClient, Result};
use crate::ids::AccountId;

/// Sets the advisory locks of this module apart from others: "idem" as hexadecimal digits.
const LOCK_SEED: i64 = 0x6964_656d;

/// What is kept of a request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub request_hash: Vec<u8>,
    /// As it was given to [`keep`].
    pub answer: Vec<u8>,
}

/// Takes the key for this transaction. False: another request with it is at work.
pub async fn try_lock(transaction: &impl GenericClient, account: AccountId, key: &str) -> Result<bool> {
    let statement =
        transaction.prepare_cached("SELECT pg_try_advisory_xact_lock(hashtextextended($1::text || $2, $3))").await?;
    let row = transaction.query_one(&statement, &[&account.to_string(), &key, &LOCK_SEED]).await?;
    Ok(row.get(0))
}

/// What was kept under the key within the last 24 hours.
pub async fn find(client: &impl GenericClient, account: AccountId, key: &str) -> Result<Option<Kept>> {
    let statement = client
        .prepare_cached(
            "SELECT request_hash, answer FROM idempotency
             WHERE account_id = $1 AND key = $2 AND created_at > now() - interval '24 hours'",
        )
        .await?;
    let row = client.query_opt(&statement, &[&account, &key]).await?;
    Ok(row.map(|row| Kept { request_hash: row.get(0), answer: row.get(1) }))
}

/// Keeps the answer of a request under its key, which takes the place of one that is older than 24 hours.
pub async fn keep(
    transaction: &impl GenericClient,
    account: AccountId,
    key: &str,
    request_hash: &[u8],
    answer: &[u8],
) -> Result<()> {
    let statement = transaction
        .prepare_cached(
            "INSERT INTO idempotency (account_id, key, request_hash, answer) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account_id, key) DO UPDATE
             SET request_hash = excluded.request_hash, answer = excluded.answer, created_at = excluded.created_at",
        )
        .await?;
    transaction.execute(&statement, &[&account, &key, &request_hash, &answer]).await?;
    Ok(())
}
