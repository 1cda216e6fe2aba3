//! One of each thing, and a good body for each operation that wants one.

use serde_json::{Value, json};
use uuid::Uuid;

use super::service::Tenant;

pub const PASSWORD: &str = "hunter2-of-the-test";

/// One of each thing of an account.
#[derive(Debug)]
pub struct Things {
    pub connection: String,
    pub sync: String,
    pub key: String,
    pub schedule: String,
    /// Pending until it is started.
    pub session: String,
    /// Found by that session; open.
    pub conflict: String,
    /// Failed for good.
    pub task: String,
}

impl Things {
    pub async fn of(tenant: &Tenant) -> Self {
        let make = async |path: &str, body: Value| {
            let made = tenant.client.post(path, &body).await.with_status(201);
            made.json()["id"].as_str().unwrap().to_owned()
        };
        let sync = make("/v1/syncs", sync(&unique("sync"))).await;
        let session = make("/v1/sessions", session(&sync)).await;
        let (conflict, task) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
        let account = tenant.account;
        let found = found_by(&session, &conflict, &task, &account.to_string());
        tenant.pool.get().await.unwrap().batch_execute(&found).await.unwrap();
        Self {
            conflict,
            task,
            connection: make("/v1/connections", connection(&unique("connection"))).await,
            key: make("/v1/api-keys", json!({"name": "k", "permissions": ["sync:read"]})).await,
            schedule: make("/v1/schedules", schedule(&sync)).await,
            session,
            sync,
        }
    }

    /// The value of a path's parameter. A new parameter needs a line here.
    pub fn parameter(&self, name: &str) -> &str {
        match name {
            "connection_id" => &self.connection,
            "sync_id" => &self.sync,
            "key_id" => &self.key,
            "schedule_id" => &self.schedule,
            "session_id" => &self.session,
            "conflict_id" => &self.conflict,
            "task_id" => &self.task,
            "revision" => "1",
            other => panic!("name a thing of an account for the path parameter {other}"),
        }
    }

    /// The path with its parameters filled in.
    pub fn fill(&self, path: &str) -> String {
        let mut filled = path.to_owned();
        while let Some((before, rest)) = filled.split_once('{') {
            let (name, after) = rest.split_once('}').unwrap();
            filled = format!("{before}{}{after}", self.parameter(name));
        }
        filled
    }

    /// What brings the session into the state that an action wants.
    pub fn preparation(&self, operation: &str) -> String {
        let id = &self.session;
        let to = |state: &str| format!("UPDATE sessions SET started_at = now(), {state} WHERE id = '{id}'");
        match operation {
            "pause_session" => to("status = 'in_progress', active_since = now()"),
            "resume_session" => to("status = 'paused', paused_at = now()"),
            "retry_session" => to("status = 'failed', ended_at = now()"),
            "undo_session" => to("status = 'completed', ended_at = now()"),
            // It is followed to its end, and has none before it has ended.
            "follow_session" => format!("UPDATE sessions SET status = 'cancelled', ended_at = now() WHERE id = '{id}'"),
            "apply_session" => {
                let completed = to("status = 'completed', ended_at = now(), mode = 'plan'");
                let plan = "INSERT INTO plans (session_id, account_id, saved) SELECT id, account_id, '' FROM sessions";
                format!("{completed}; {plan} WHERE id = '{id}'")
            }
            _ => String::new(),
        }
    }

    /// A good body for an operation, another one each time; None for one without a body. A new operation with a body
    /// needs a line here.
    pub fn body(&self, operation: &str) -> Option<Value> {
        let name = unique("new");
        Some(match operation {
            "issue_token" => json!({"api_key": "pks_x"}),
            "create_api_key" => json!({"name": name, "permissions": ["sync:read"]}),
            "create_connection" | "replace_connection" => connection(&name),
            "create_sync" | "replace_sync" | "validate_sync" => sync(&name),
            "create_schedule" | "replace_schedule" => schedule(&self.sync),
            "create_session" => session(&self.sync),
            "test_connection" => json!({"writes": true}),
            "resolve_conflict" => json!({"choice": "value", "value": {"name": name}}),
            "resolve_conflicts" => json!({"filter": {"dataset": name}, "choice": "skip", "expected": 0}),
            _ => return None,
        })
    }
}

/// What workers leave of a session: a conflict, and a task that failed for good.
fn found_by(session: &str, conflict: &str, task: &str, account: &str) -> String {
    let shown = json!({
        "key": {"id": 7},
        "base": {"id": 7, "name": "as it was"},
        "source": {"id": 7, "name": "of the source"},
        "target": {"id": 7, "name": "as it was"},
    });
    format!(
        "INSERT INTO datasets (sync_id, account_id, name)
             SELECT sync_id, account_id, 'public.customers → customers' FROM sessions WHERE id = '{session}';
         INSERT INTO conflicts (id, account_id, sync_id, session_id, dataset_id, key, kind, status, shown)
             SELECT '{conflict}', s.account_id, s.sync_id, s.id, d.id, '', 'update/update', 'open', '{shown}'
             FROM sessions s JOIN datasets d ON d.sync_id = s.sync_id WHERE s.id = '{session}';
         INSERT INTO tasks (id, account_id, kind, class, status, payload, error_code, error_detail, remedy, ended_at)
             VALUES ('{task}', '{account}', 'check', 'interactive', 'parked', '', 'poison', 'it died', 'look', now())"
    )
}

pub fn unique(name: &str) -> String {
    format!("{name}-{}", Uuid::now_v7())
}

pub fn connection(name: &str) -> Value {
    json!({"name": name, "type": "postgres", "host": "db.example", "database": "crm", "user": "u", "password": PASSWORD})
}

pub fn sync(name: &str) -> Value {
    json!({
        "name": name,
        "source": {"type": "postgres", "url": format!("postgres://u:{PASSWORD}@db.example/crm")},
        "target": {"type": "sqlite", "path": "/data/shop.db"},
        "datasets": [{"source": "public.customers", "target": "customers", "key": ["id"]}],
    })
}

fn session(sync: &str) -> Value {
    json!({"sync_id": sync, "start": false})
}

pub fn schedule(sync: &str) -> Value {
    json!({"sync_id": sync, "name": unique("nightly"), "cron": "0 3 * * *", "timezone": "Europe/Berlin"})
}
