//! Follows a session: its events as they happen, until it has ended, the token has, or the process stops. What is not taken
//! by the client is not read from the database, so that a slow one costs no memory.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use futures_util::stream;
use pinksync_common::auth::Claims;
use pinksync_common::ids::{ApiKeyId, SessionId};
use pinksync_common::store::events::{self, Event};
use pinksync_common::store::{Result, StoreError};
use pinksync_model::{SessionStatus, chain};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::app::App;
use crate::problem::{Code, Problem};

/// Sessions that one API key may follow at once, in this process.
const SEATS: usize = 20;

/// Events read at once.
const BATCH: i64 = 100;

/// Between looks for events: more and more while nothing happens.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// After so long without an event the client is told that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many follow at the moment, by API key.
#[derive(Debug, Default)]
pub struct Seats(Mutex<HashMap<ApiKeyId, usize>>);

/// A place among those who follow, given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    key: ApiKeyId,
}

impl Seats {
    /// # Errors
    /// The key follows as many sessions as it may.
    pub fn take(self: &Arc<Self>, key: ApiKeyId) -> std::result::Result<Seat, Problem> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key).or_default();
        if *count >= SEATS {
            let detail =
                format!("at most {SEATS} sessions are followed at once with one API key: end one of them first");
            return Err(Problem::new(Code::RateLimited, detail).retry_after(HEARTBEAT.as_secs()));
        }
        *count += 1;
        drop(taken);
        Ok(Seat { seats: self.clone(), key })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.remove(&self.key);
            }
        }
    }
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events.
    Sse,
    /// A JSON object each line; an empty line is the heartbeat.
    Lines,
}

impl Form {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    fn heartbeat(self) -> &'static str {
        match self {
            Self::Sse => ":\n\n",
            Self::Lines => "\n",
        }
    }

    fn write(self, event: Event) -> String {
        let Event { id, kind, mut data, at } = event;
        if let Some(data) = data.as_object_mut() {
            data.insert("at".to_owned(), at.to_string().into());
        }
        match self {
            // JSON on one line, as a field of an event has to be.
            Self::Sse => format!("id: {id}\nevent: {kind}\ndata: {data}\n\n"),
            Self::Lines => format!("{}\n", json!({"id": id, "event": kind, "data": data})),
        }
    }
}

/// Somebody who follows a session.
pub struct Follower {
    pub app: Arc<App>,
    pub session: SessionId,
    /// Of the token; its account is the session's.
    pub claims: Claims,
    /// The last event that the client has.
    pub after: i64,
    pub form: Form,
    /// The session had ended before the events were asked for.
    pub over: bool,
}

struct Following {
    who: Follower,
    _seat: Seat,
    pause: Duration,
    quiet_since: Instant,
}

impl Follower {
    /// The body of the answer; the seat is given back when that has ended.
    pub fn body(self, seat: Seat) -> Body {
        let following = Following { who: self, _seat: seat, pause: SHORTEST_PAUSE, quiet_since: Instant::now() };
        Body::from_stream(stream::unfold(following, |mut following| async move {
            match following.next().await {
                Ok(next) => next.map(|bytes| (Ok::<_, Infallible>(bytes), following)),
                Err(error) => {
                    tracing::warn!(error = chain(&error), session = %following.who.session, "a session is not followed any more");
                    None
                }
            }
        }))
    }
}

impl Following {
    /// What is written next; None: that was all.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if !self.token_stands().await {
                return Ok(None);
            }
            let events = self.read().await?;
            if let Some(last) = events.last() {
                self.who.after = last.id;
                self.who.over |= events.iter().any(ends);
                (self.pause, self.quiet_since) = (SHORTEST_PAUSE, Instant::now());
                let text: String = events.into_iter().map(|event| self.who.form.write(event)).collect();
                return Ok(Some(text.into()));
            }
            if self.who.over {
                return Ok(None);
            }
            if self.quiet_since.elapsed() >= HEARTBEAT {
                self.quiet_since = Instant::now();
                return Ok(Some(Bytes::from_static(self.who.form.heartbeat().as_bytes())));
            }
            let pause = tokio::time::sleep(self.pause);
            if self.who.app.stopping.run_until_cancelled(pause).await.is_none() {
                return Ok(None);
            }
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn read(&self) -> Result<Vec<Event>> {
        let client = self.who.app.pool.get().await.map_err(StoreError::from)?;
        events::after(&client, self.who.claims.acct, self.who.session, self.who.after, BATCH).await
    }

    /// Whether the token, with which the stream was opened, would open it now.
    async fn token_stands(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        now <= self.who.claims.exp && self.who.app.key_states.check(&self.who.claims).await.is_ok()
    }
}

/// Nothing follows it: a session does not come back from its end.
fn ends(event: &Event) -> bool {
    let status = event.data.get("status").and_then(Value::as_str).and_then(|status| status.parse().ok());
    event.kind == "session" && status.is_some_and(SessionStatus::is_terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_so_many_and_a_seat_is_given_back() {
        let (seats, key) = (Arc::new(Seats::default()), ApiKeyId::new());
        let mut taken: Vec<Seat> = (0..SEATS).map(|_| seats.take(key).unwrap()).collect();
        assert_eq!(seats.take(key).unwrap_err().code, Code::RateLimited);
        assert!(seats.take(ApiKeyId::new()).is_ok());
        taken.pop();
        taken.push(seats.take(key).unwrap());
        drop(taken);
        assert!(seats.0.lock().unwrap().is_empty());
    }

    #[test]
    fn an_event_is_one_block_or_one_line() {
        let event = Event {
            id: 7,
            kind: "phase".to_owned(),
            data: json!({"dataset": "a\nb"}),
            at: "2026-11-26T01:02:03Z".parse().unwrap(),
        };
        let data = r#"{"dataset":"a\nb","at":"2026-11-26T01:02:03Z"}"#;
        assert_eq!(Form::Sse.write(event.clone()), format!("id: 7\nevent: phase\ndata: {data}\n\n"));
        assert_eq!(Form::Lines.write(event), format!("{{\"id\":7,\"event\":\"phase\",\"data\":{data}}}\n"));
    }
}
