//! Accounts: whose rows all others are.

use tokio_postgres::Row;

use super::{GenericClient, Result};
use crate::ids::AccountId;
use crate::time::Utc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub created_at: Utc,
}

impl From<&Row> for Account {
    fn from(row: &Row) -> Self {
        Self { id: row.get("id"), name: row.get("name"), created_at: row.get("created_at") }
    }
}

/// The account of that name, made if there is none.
///
/// # Errors
/// Also for an empty name.
pub async fn create(client: &impl GenericClient, name: &str) -> Result<Account> {
    let sql = "INSERT INTO accounts (id, name) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *";
    Ok(Account::from(&client.query_one(sql, &[&AccountId::new(), &name]).await?))
}

/// The account of that name. System-wide: for the operator's own commands.
pub async fn find(client: &impl GenericClient, name: &str) -> Result<Option<Account>> {
    let row = client.query_opt("SELECT * FROM accounts WHERE name = $1", &[&name]).await?;
    Ok(row.as_ref().map(Account::from))
}
