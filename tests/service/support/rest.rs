//! What a user asks of the service, by REST.

use pinksync_test_support::{Client, Reply, eventually};
use serde_json::{Value, json};

/// Speaks for one account.
#[derive(Clone)]
pub struct Rest(Client);

impl Rest {
    /// Trades an API key for a token.
    pub async fn log_in(base: &str, api_key: &str) -> Self {
        Self(Client::new(base).log_in(api_key).await)
    }

    pub async fn get(&self, path: &str) -> Value {
        self.0.get(path).await.with_status(200).json()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.0.post(path, body).await;
        assert!(reply.status.is_success(), "POST {path}: {reply:?}");
        reply.json()
    }

    /// The answer, whatever it is.
    pub async fn try_post(&self, path: &str, body: &Value) -> Reply {
        self.0.post(path, body).await
    }

    /// The id of what is made.
    pub async fn make(&self, path: &str, body: &Value) -> String {
        id(&self.post(path, body).await)
    }

    /// Submits a session of an inline definition.
    pub async fn submit(&self, definition: &Value) -> String {
        self.make("/v1/sessions", &json!({"definition": definition})).await
    }

    /// Submits a session and waits until it is completed.
    pub async fn complete(&self, definition: &Value) -> Value {
        let session = self.submit(definition).await;
        self.completed(&session).await
    }

    pub async fn session(&self, id: &str) -> Value {
        self.get(&format!("/v1/sessions/{id}")).await
    }

    pub async fn status(&self, id: &str) -> String {
        self.session(id).await["status"].as_str().unwrap().to_owned()
    }

    /// `pause`, `resume` and so on.
    pub async fn ask(&self, id: &str, action: &str) -> Value {
        self.post(&format!("/v1/sessions/{id}/{action}"), &json!({})).await
    }

    pub async fn completed(&self, id: &str) -> Value {
        self.comes_to(id, "completed").await
    }

    /// Waits until a session is in this state; one that has ended in another never will be.
    pub async fn comes_to(&self, id: &str, status: &str) -> Value {
        let mut session = Value::Null;
        eventually(async || {
            session = self.session(id).await;
            let is = session["status"].as_str().unwrap();
            assert!(is == status || session["ended_at"].is_null(), "not {status}: {session}");
            is == status
        })
        .await;
        session
    }
}

pub fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id: {made}")).to_owned()
}

/// A counter of a session by its path, like `to_target.created`.
#[track_caller]
pub fn count(session: &Value, path: &str) -> u64 {
    let counter = path.split('.').fold(&session["stats"], |at, part| &at[part]);
    counter.as_u64().unwrap_or_else(|| panic!("no counter {path}: {session}"))
}

/// All that a session wrote: creates, updates and deletes, on the target and on the source.
#[track_caller]
pub fn written(session: &Value) -> [[u64; 3]; 2] {
    ["to_target", "to_source"]
        .map(|side| ["created", "updated", "deleted"].map(|what| count(session, &format!("{side}.{what}"))))
}
