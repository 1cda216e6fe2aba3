//! Leadership by lease: of several candidates one leads, under a term that grows with every change of hands. System-wide.

use std::time::Duration;

use super::{GenericClient, Result};
use uuid::Uuid;

/// Takes or extends leadership. Gives the term while `owner` leads.
pub async fn lead(client: &impl GenericClient, name: &str, owner: Uuid, lease: Duration) -> Result<Option<i64>> {
    const UPSERT: &str = "INSERT INTO leases AS l (name, term, owner, until)
        VALUES ($1, 1, $2, now() + make_interval(secs => $3))
        ON CONFLICT (name) DO UPDATE SET owner = $2, until = excluded.until,
            term = CASE WHEN l.owner = $2 THEN l.term ELSE l.term + 1 END
        WHERE l.owner = $2 OR l.until < now()
        RETURNING term";
    let statement = client.prepare_cached(UPSERT).await?;
    let row = client.query_opt(&statement, &[&name, &owner, &lease.as_secs_f64()]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Gives leadership up, so that a standby need not wait.
pub async fn resign(client: &impl GenericClient, name: &str, owner: Uuid) -> Result<()> {
    const UPDATE: &str = "UPDATE leases SET until = now() WHERE name = $1 AND owner = $2";
    client.execute(UPDATE, &[&name, &owner]).await?;
    Ok(())
}
