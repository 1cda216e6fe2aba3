//! Guards that were overridden in a session.

use pinksync_model::{GuardReport, SessionId};
use tokio_postgres::types::Json;

use super::{GenericClient, Result};
use crate::ids::AccountId;

/// Keeps guards in their order; of a guard and dataset the first stands.
pub async fn store(client: &impl GenericClient, session: SessionId, guards: &[GuardReport]) -> Result<()> {
    let insert = "INSERT INTO overridden (session_id, guard, dataset, report)
        SELECT $1, guard, dataset, report
        FROM unnest($2::text[], $3::text[], $4::jsonb[]) WITH ORDINALITY AS g (guard, dataset, report, place)
        ORDER BY place ON CONFLICT (session_id, guard, dataset) DO NOTHING";
    let insert = client.prepare_cached(insert).await?;
    let names: Vec<_> = guards.iter().map(|guard| guard.name.as_str()).collect();
    let datasets: Vec<_> = guards.iter().map(|guard| guard.dataset.as_deref().unwrap_or_default()).collect();
    let reports: Vec<_> = guards.iter().map(Json).collect();
    client.execute(&insert, &[&session.0, &names, &datasets, &reports]).await?;
    Ok(())
}

/// In the order they were noted.
pub async fn list(client: &impl GenericClient, account: AccountId, session: SessionId) -> Result<Vec<GuardReport>> {
    let select = "SELECT o.report FROM overridden o JOIN sessions s ON s.id = o.session_id
                  WHERE o.session_id = $1 AND s.account_id = $2 ORDER BY o.id";
    let select = client.prepare_cached(select).await?;
    let mut guards = Vec::new();
    for row in client.query(&select, &[&session.0, &account]).await? {
        let Json(guard) = row.try_get(0)?;
        guards.push(guard);
    }
    Ok(guards)
}
